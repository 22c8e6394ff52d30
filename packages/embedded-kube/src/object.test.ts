import { describe, expect, it } from 'vitest'
import { equal, withoutNulls } from './object.ts'

const parsed = (text: string): unknown => JSON.parse(text) as unknown

describe('equal', () => {
  it.each([
    { a: '{}', b: '{}', same: true },
    { a: '{"a":1,"b":[{"c":null}]}', b: '{"b":[{"c":null}],"a":1}', same: true },
    { a: '{"a":1}', b: '{"b":1}', same: false },
    { a: '{"a":1}', b: '{"a":1,"b":1}', same: false },
    { a: '[]', b: '{}', same: false },
    { a: '{}', b: '{"constructor":"x"}', same: false },
    { a: '{"toString":"x"}', b: '{"valueOf":"x"}', same: false },
    { a: '{"constructor":"x"}', b: '{"constructor":"x"}', same: true },
    { a: '{}', b: '{"__proto__":{}}', same: false },
    { a: '{"a":1}', b: '{"__proto__":{}}', same: false },
    { a: '{"constructor":{}}', b: '{"__proto__":{}}', same: false },
    { a: '{"__proto__":{"a":1}}', b: '{"__proto__":{"a":1}}', same: true },
  ])('$a and $b: $same', ({ a, b, same }) => {
    expect(equal(parsed(a), parsed(b))).toBe(same)
    expect(equal(parsed(b), parsed(a))).toBe(same)
  })

  it('takes an undefined field for an absent one', () => {
    expect(equal({ a: undefined, b: 1 }, { b: 1, c: undefined })).toBe(true)
    expect(equal({ a: undefined }, { a: 1 })).toBe(false)
    expect(equal({ constructor: undefined }, {})).toBe(true)
  })
})

it('nulls go from under every name', () => {
  expect(JSON.stringify(withoutNulls(parsed('{"__proto__":{"a":null,"b":1},"constructor":null}')))).toBe(
    '{"__proto__":{"b":1}}',
  )
})
