import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compareQuantities, formatQuantity, milliValue, parseQuantity, sumQuantities, wholeValue } from './quantity.ts'

const canonical = (text: string): string | undefined => {
  const quantity = parseQuantity(text)
  return quantity && formatQuantity(quantity)
}

describe('quantities', () => {
  it.each([
    ['0', '0'],
    ['-0', '0'],
    ['0Ki', '0'],
    ['1', '1'],
    ['+1', '1'],
    ['-5', '-5'],
    ['1.5', '1500m'],
    ['.5', '500m'],
    ['1.', '1'],
    ['0.50', '500m'],
    ['100m', '100m'],
    ['1000m', '1'],
    ['1930m', '1930m'],
    ['1000', '1k'],
    ['1500', '1500'],
    ['2000k', '2M'],
    ['1e3', '1e3'],
    ['1E3', '1e3'],
    ['12e6', '12e6'],
    ['1500e-3', '1500e-3'],
    ['1e-3', '1e-3'],
    ['1Ki', '1Ki'],
    ['1024Ki', '1Mi'],
    ['1024', '1024'],
    ['1.5Gi', '1536Mi'],
    ['0.5Ki', '512'],
    ['3388360Ki', '3388360Ki'],
    ['512Mi', '512Mi'],
    ['1u', '1u'],
    ['1n', '1n'],
    // Finer than a nano rounds up, away from zero.
    ['0.1n', '1n'],
    ['-0.1n', '-1n'],
    ['1E', '1E'],
    ['1Ei', '1Ei'],
    // Capped at 2^63 - 1.
    ['10E', '9223372036854775807'],
  ])('%s is %s', (text, expected) => {
    expect(canonical(text)).toBe(expected)
  })

  it.each([
    '',
    ' ',
    'x',
    '1x',
    '1 ',
    '1.2.3',
    '--1',
    '1KI',
    '1ki',
    '1mi',
    '.',
    'e3',
    '1e',
    '1e1.5',
    '0x10',
    'Infinity',
    '1Ki5',
  ])('refuses %j', (text) => {
    expect(parseQuantity(text)).toBeUndefined()
    expect(wholeValue(text)).toBe(0)
  })

  it.each([
    ['250m', 250, 1],
    ['1.5', 1500, 2],
    ['1', 1000, 1],
    ['-1.5', -1500, -2],
    ['1u', 1, 1],
    ['128Mi', 128 * 2 ** 20 * 1000, 128 * 2 ** 20],
    ['0', 0, 0],
  ])('%s is %d thousandths and %d whole, rounded away from zero', (text, milli, whole) => {
    expect([milliValue(text), wholeValue(text)]).toEqual([milli, whole])
  })

  it('takes numbers, as YAML may give them', () => {
    expect([milliValue(2), wholeValue(0.5), milliValue(undefined)]).toEqual([2000, 1, 0])
  })

  const anyQuantity = fc
    .tuple(
      fc.bigInt({ min: -(10n ** 12n), max: 10n ** 12n }),
      fc.constantFrom('', 'n', 'u', 'm', 'k', 'M', 'Ki', 'Mi', 'Gi', 'e3', 'e-3', 'E2'),
    )
    .map(([amount, suffix]) => `${amount}${suffix}`)

  it('means the same after it was written in its canonical form', () => {
    fc.assert(
      fc.property(anyQuantity, (text) => {
        const quantity = parseQuantity(text)!
        const again = parseQuantity(formatQuantity(quantity))!
        expect(again.nano).toBe(quantity.nano)
        expect(formatQuantity(again)).toBe(formatQuantity(quantity))
      }),
    )
  })

  it('orders and adds as numbers do', () => {
    fc.assert(
      fc.property(anyQuantity, anyQuantity, (a, b) => {
        const x = parseQuantity(a)!.nano
        const y = parseQuantity(b)!.nano
        expect(compareQuantities(a, b)).toBe(x < y ? -1 : x > y ? 1 : 0)
        expect(sumQuantities([a, b]).nano).toBe(x + y)
      }),
    )
  })

  it('adds in the form of the first', () => {
    expect(formatQuantity(sumQuantities(['1Gi', '500M']))).toBe('1573741824')
    expect(formatQuantity(sumQuantities(['1Gi', '1048576']))).toBe('1025Mi')
    expect(formatQuantity(sumQuantities(['250m', 'nonsense', '750m']))).toBe('1')
    expect(formatQuantity(sumQuantities([]))).toBe('0')
  })
})
