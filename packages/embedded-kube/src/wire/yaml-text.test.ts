import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { parseYamlText, YamlError, yamlText } from './yaml-text.ts'

describe('parseYamlText', () => {
  it.each([
    ['mode: 0644', { mode: 420 }],
    ['on: yes', { true: true }],
    ['port: 22:22', { port: '22:22' }],
    ['at: 2026-01-01T00:00:00Z', { at: '2026-01-01T00:00:00Z' }],
    ['day: 2026-01-01', { day: '2026-01-01' }],
    ['a: "yes"', { a: 'yes' }],
    ['a: ~', { a: null }],
    ['cpu: 1.5', { cpu: 1.5 }],
    ['v: 1.35.0', { v: '1.35.0' }],
  ])('%s', (text, value) => {
    expect(parseYamlText(text).value).toEqual(value)
  })
  it.each(['a: [', '<<: false', 'a: *nowhere'])('%s is refused', (text) => {
    expect(() => parseYamlText(text)).toThrow(YamlError)
  })
})

/** Two keys have a meaning of their own to YAML or to JavaScript. */
const key = fc.string().filter((text) => text !== '<<' && text !== '__proto__')

describe('yamlText', () => {
  it.each(['y', 'no', 'on', 'true', 'null', '1', '0644', '1:20', '2026-01-01', '', '~', ' a', '0x1'])(
    'keeps %j a text for readers of YAML 1.1 and 1.2',
    (text) => {
      expect(parse(yamlText({ text }), { version: '1.1' })).toEqual({ text })
      expect(parse(yamlText({ text }), { version: '1.2' })).toEqual({ text })
    },
  )
  it('is read back as it was', () => {
    fc.assert(
      fc.property(fc.dictionary(key, fc.oneof(fc.string(), fc.integer(), fc.boolean())), (value) => {
        expect(parseYamlText(yamlText(value)).value).toEqual({ ...value })
      }),
    )
  })
})
