import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { naturalOrder } from './natural-order.ts'

describe('naturalOrder', () => {
  it('compares numbers inside texts as numbers', () => {
    const sorted = ['node-1', 'node-2', 'node-10', 'node-10b', 'node-a', 'other']
    expect(sorted.toReversed().toSorted(naturalOrder)).toEqual(sorted)
    expect(['100%', '9%', '42%'].toSorted(naturalOrder)).toEqual(['9%', '42%', '100%'])
  })

  it('numbers may be longer than any number type holds', () => {
    expect(naturalOrder('a99999999999999999998', 'a99999999999999999999')).toBeLessThan(0)
  })

  it('is an order: antisymmetric, transitive, and zero only for equals', () => {
    const text = fc.stringMatching(/^[ab01-]{0,6}$/)
    fc.assert(
      fc.property(text, text, text, (a, b, c) => {
        expect(Math.sign(naturalOrder(a, b))).toBe(-Math.sign(naturalOrder(b, a)) + 0)
        expect(naturalOrder(a, b) === 0).toBe(a === b)
        const [first, , last] = [a, b, c].toSorted(naturalOrder)
        expect(naturalOrder(first!, last!)).toBeLessThanOrEqual(0)
      }),
    )
  })
})
