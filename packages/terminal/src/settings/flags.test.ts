import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { parseConfigFile } from './config-file.ts'
import { flagTable, parseFlags, settle, usage } from './flags.ts'

describe('parseFlags', () => {
  it.each([
    ['--resources cpu,memory', { resources: 'cpu,memory' }],
    ['-resources=cpu', { resources: 'cpu' }],
    ['--node-selector a=b,c!=d', { 'node-selector': 'a=b,c!=d' }],
    ['--node-selector=a=b', { 'node-selector': 'a=b' }],
    ['--disable-pricing', { 'disable-pricing': true }],
    ['-disable-pricing=false', { 'disable-pricing': false }],
    ['--disable-pricing=1 --once', { 'disable-pricing': true, once: true }],
    ['-v', { version: true }],
    ['--v', { version: true }],
    ['-o json', { output: 'json' }],
    ['--output=csv', { output: 'csv' }],
    ['--style --odd', { style: '--odd' }],
    ['--context=', { context: '' }],
    ['--resources cpu --resources memory', { resources: 'memory' }],
    ['', {}],
  ])('%s', (line, given) => {
    expect(parseFlags(line.split(' ').filter((word) => word !== ''))).toEqual({ kind: 'values', given })
  })

  it.each([
    ['-foo', 'flag provided but not defined: -foo'],
    ['--foo=bar', 'flag provided but not defined: -foo'],
    ['--resources', 'flag needs an argument: -resources'],
    ['--once=maybe', 'invalid boolean value "maybe" for -once: parse error'],
    ['---once', 'bad flag syntax: ---once'],
    ['-=x', 'bad flag syntax: -=x'],
    ['cpu --once', 'unexpected argument: cpu'],
  ])('%s: %s', (line, message) => {
    expect(parseFlags(line.split(' '))).toEqual({ kind: 'problem', message })
  })

  it.each(['-h', '--help', '-help'])('%s asks for help', (word) => {
    expect(parseFlags([word])).toEqual({ kind: 'help' })
  })
})

describe('settle', () => {
  it('a flag comes before the environment, that before the file, that before the default', () => {
    const all = settle(
      { resources: 'pods' },
      { kubeconfig: 'env' },
      { kubeconfig: 'file', resources: 'memory', style: 's' },
    )
    expect(all).toMatchObject({
      resources: 'pods',
      kubeconfig: 'env',
      style: 's',
      'node-sort': 'creation=dsc',
      once: false,
    })
  })
})

describe('parseConfigFile', () => {
  it('reads what upstream reads, and passes over the rest', () => {
    const text = [
      '# the team uses these',
      'node-selector=karpenter.sh/nodepool=default',
      ' extra-labels = a,b ',
      'disable-pricing=perhaps',
      'just words',
      'once=true',
      'unknown=1',
      'style=#FFFFFF,#000000,#FF0000',
      '',
    ].join('\r\n')
    expect(parseConfigFile(text)).toEqual({
      'node-selector': 'karpenter.sh/nodepool=default',
      'extra-labels': 'a,b',
      style: '#FFFFFF,#000000,#FF0000',
    })
    expect(parseConfigFile('disable-pricing=true')).toEqual({ 'disable-pricing': true })
  })
})

it('the usage has every flag, as Go prints it', () => {
  const text = usage('plimsoll view')
  expect(text).toMatch(/^Usage of plimsoll view:\n  -resources string\n    \tResources .* \(default "cpu"\)\n/)
  expect(text).toContain('\n  -output, -o string\n')
  expect(text).toContain('\n  -disable-pricing\n    \tShow no prices\n')
})

it('docs/view.md has the table of flags', () => {
  const page = readFileSync(new URL('../../../../docs/view.md', import.meta.url), 'utf8')
  expect(page).toContain(flagTable())
})
