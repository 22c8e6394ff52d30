import { describe, expect, it } from 'vitest'
import { isTargetFormatValid, parseTargets } from './target.ts'

describe('the flag check', () => {
  it.each([
    'deployment/anything',
    'replicationcontroller/anything',
    'replicaset/anything',
    // CPA-10
    'deployment/a,replicaset/b',
    'deployment/a, replicaset/b ,  replicationcontroller/c',
    // CPA-13, CPA-8: prefixes only.
    'deployment/',
    'deployment/a/b',
    'deployment/a deployment/b',
    // CPA-14
    'statefulset/db',
    'rollouts.v1alpha1.argoproj.io/web',
  ])('takes %s', (text) => expect(isTargetFormatValid(text)).toBe(true))

  it.each([
    'deployments/anything',
    'noexist/anything',
    'deployment',
    'daemonset/x',
    'deployment/a,',
    ',deployment/a',
    'deployment/a,,replicaset/b',
    'deployment/a,pod/b',
    'rollouts.argoproj.io/web',
    'constructor/x',
    '/x',
  ])('refuses %s', (text) => expect(isTargetFormatValid(text)).toBe(false))
})

describe('targets', () => {
  it.each([
    ['deployment/a', [['deployments', 'apps', 'v1', 'a']]],
    ['replicationcontroller/a', [['replicationcontrollers', '', 'v1', 'a']]],
    [
      'replicaset/a , statefulset/b',
      [
        ['replicasets', 'apps', 'v1', 'a'],
        ['statefulsets', 'apps', 'v1', 'b'],
      ],
    ],
    ['rollouts.v1alpha1.argoproj.io/web', [['rollouts', 'argoproj.io', 'v1alpha1', 'web']]],
    ['deployment/', [['deployments', 'apps', 'v1', '']]],
  ])('%s', (text, wanted) => {
    const read = parseTargets(text)
    const found =
      'targets' in read
        ? read.targets.map(({ name, resource: { plural, group, version } }) => [plural, group, version, name])
        : read
    expect(found).toEqual(wanted)
  })

  it.each(['deployment/a/b', 'deployment/a, deployment/b/c', 'deployment/a deployment/b/c'])(
    '%s is refused as a whole',
    (text) => {
      expect(parseTargets(text)).toEqual({ problem: `target format error: ${text}` })
    },
  )
})
