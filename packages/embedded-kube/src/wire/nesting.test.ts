import { describe, expect, it } from 'vitest'
import { jsonPatch } from '../patch/json-patch.ts'
import { isTooDeep, nestingMax, parseJsonText } from './nesting.ts'
import { parseYamlText } from './yaml-text.ts'

const lists = (levels: number): string => '['.repeat(levels) + ']'.repeat(levels)
const objects = (levels: number): string => '{"a":'.repeat(levels) + '1' + '}'.repeat(levels)

describe('texts of strangers', () => {
  it('are read to a depth, and no deeper', () => {
    for (const text of [lists(nestingMax), objects(nestingMax)]) {
      expect(isTooDeep(parseJsonText(text))).toBe(false)
      expect(isTooDeep(parseYamlText(text).value)).toBe(false)
    }
    for (const levels of [nestingMax + 1, 1_000_000])
      for (const text of [lists(levels), objects(levels)]) {
        expect(() => parseJsonText(text)).toThrow('exceeded max depth')
        expect(() => parseYamlText(text)).toThrow('exceeded max depth')
      }
    expect(() => parseYamlText('- '.repeat(1_000_000))).toThrow('exceeded max depth')
  })

  it('may have as many brackets as they like in their strings', () => {
    const text = JSON.stringify({ a: '[{'.repeat(10_000), b: '\\"[' })
    expect(parseJsonText(text)).toEqual(JSON.parse(text))
  })
})

describe('patches that grow', () => {
  const copies = Array.from({ length: 40 }, (_, i) => ({ op: 'copy', from: '/spec', path: `/spec/a${i}` }))

  it('are refused when their copies double what is there', () => {
    expect(() => jsonPatch({ spec: { text: 'x'.repeat(100) } }, copies)).toThrow(
      /^Request entity too large: Unable to complete the copy, the accumulated size increase of copy is \d+, exceeding the limit 3145728$/,
    )
  })

  it('are refused when they make the object deeper than a body may be', () => {
    const path = (levels: number): string => '/a'.repeat(levels)
    const dig = Array.from({ length: 600 }, (_, i) => ({ op: 'add', path: path(i + 1), value: {} }))
    expect(() => jsonPatch({}, dig)).toThrow('the server rejected our request due to an error in our request')
    expect(isTooDeep(jsonPatch({}, dig.slice(0, 400)))).toBe(false)
  })

  it('are refused when they are too many', () => {
    const many = Array.from({ length: 10_001 }, () => ({ op: 'test', path: '', value: {} }))
    expect(() => jsonPatch({}, many)).toThrow(
      'Request entity too large: The allowed maximum operations in a JSON patch is 10000, got 10001',
    )
  })
})
