import { describe, expect, it } from 'vitest'
import { matchesTaint, parseTaintPatterns } from './taint-pattern.ts'

const master = { key: 'node-role.kubernetes.io/control-plane', effect: 'NoSchedule' }
const gpu = { key: 'gpu', value: 'a', effect: 'NoExecute' }

describe('taint patterns', () => {
  it.each([
    ['node-role.kubernetes.io/control-plane', true, false],
    ['node-role.kubernetes.io/control-plane:NoSchedule', true, false],
    ['node-role.kubernetes.io/control-plane:NoExecute', false, false],
    [':NoSchedule', true, false],
    [':NoSchedule,:NoExecute', true, true],
    ['gpu', false, true],
    ['gpu=a', false, true],
    ['gpu=a:NoExecute', false, true],
    ['gpu=:NoExecute', false, false],
    ['gpu=b', false, false],
    ['', false, false],
    [' , gpu ', false, true],
  ])('%s', (text, matchesMaster, matchesGpu) => {
    const read = parseTaintPatterns(text.split(','))
    const matches = (taint: typeof gpu | typeof master): boolean =>
      'patterns' in read && read.patterns.some((pattern) => matchesTaint(pattern, taint))
    expect([matches(master), matches(gpu)]).toEqual([matchesMaster, matchesGpu])
  })

  it.each([['a:Never'], ['=x'], ['a=b=c'], ['a b'], [':']])('refuses %s, and says what it accepts', (text) => {
    expect(parseTaintPatterns([text])).toEqual({
      problem: `found "${text}"; accepted: key, key:Effect, key=value:Effect or :Effect, where Effect is NoSchedule, PreferNoSchedule, NoExecute`,
    })
  })
})
