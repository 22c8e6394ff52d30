import { describe, expect, it } from 'vitest'
import { own, setOwn } from './own.ts'

const inherited = ['__proto__', 'constructor', 'hasOwnProperty', 'toString', 'valueOf']

describe('own', () => {
  it.each(inherited)('has nothing under %s unless it was put there', (key) => {
    expect(own({ a: 1 }, key)).toBeUndefined()
    expect(own(JSON.parse(`{"${key}": 1}`) as { [key: string]: number }, key)).toBe(1)
  })

  it('has what the table has, and nothing where there is none', () => {
    expect(own({ a: 1 }, 'a')).toBe(1)
    expect(own(undefined, 'a')).toBeUndefined()
  })
})

describe('setOwn', () => {
  it.each([...inherited, 'a'])('keeps %s as a key like others', (key) => {
    const table: { [key: string]: unknown } = {}
    setOwn(table, key, { b: 1 })
    expect(Object.entries(table)).toEqual([[key, { b: 1 }]])
    expect(Object.getPrototypeOf(table)).toBe(Object.prototype)
    setOwn(table, key, 'c')
    expect(JSON.stringify(table)).toBe(`{"${key}":"c"}`)
  })
})
