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
    // With a binary suffix, capped at 2^63 - 1.
    ['10Ei', '9223372036854775807'],
    ['-8Ei', '-9223372036854775807'],
    ['10E', '10E'],
    ['1e30', '1e30'],
    ['7999999999999999999', '7999999999999999999'],
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

  // An oracle that knows nothing of the parser: quantities are made from their parts, as fractions.
  interface Fraction {
    readonly over: bigint
    readonly under: bigint
  }
  const powers: readonly (readonly [suffix: string, over: bigint, under: bigint])[] = [
    ...(['n', 'u', 'm'] as const).map((suffix, i) => [suffix, 1n, 1000n ** BigInt(3 - i)] as const),
    ...['', 'k', 'M', 'G', 'T', 'P', 'E'].map((suffix, i) => [suffix, 1000n ** BigInt(i), 1n] as const),
    ...['Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'].map((suffix, i) => [suffix, 1024n ** BigInt(i + 1), 1n] as const),
    ...[0, 1, 3, 6, 17].flatMap((power) => [
      [`e${power}`, 10n ** BigInt(power), 1n] as const,
      [`E+${power}`, 10n ** BigInt(power), 1n] as const,
      [`e-${power}`, 1n, 10n ** BigInt(power)] as const,
    ]),
  ]
  const anyPart = fc.record({
    sign: fc.constantFrom('', '-'),
    whole: fc.oneof(fc.bigInt({ min: 0n, max: 99n }), fc.bigInt({ min: 0n, max: 10n ** 15n })),
    fraction: fc.oneof(fc.constant(''), fc.stringMatching(/^\d{1,12}$/)),
    power: fc.constantFrom(...powers),
  })
  const made = anyPart.map(({ sign, whole, fraction, power: [suffix, over, under] }) => {
    const digits = BigInt(whole + fraction) * (sign === '' ? 1n : -1n)
    const value: Fraction = { over: digits * over, under: under * 10n ** BigInt(fraction.length) }
    return {
      text: `${sign}${whole}${fraction === '' ? '' : `.${fraction}`}${suffix}`,
      binary: suffix.endsWith('i'),
      value,
    }
  })
  const size = (value: bigint): bigint => (value < 0n ? -value : value)
  /** How many steps of 1/`per` the fraction takes, the last one perhaps not in full; away from zero. */
  const stepsOf = ({ over, under }: Fraction, per: bigint): bigint => {
    const count = (size(over) * per + under - 1n) / under
    return over < 0n ? -count : count
  }
  const capOf = (binary: boolean, nano: bigint): bigint => {
    const cap = (2n ** 63n - 1n) * 10n ** 9n
    return binary && size(nano) > cap ? (nano < 0n ? -cap : cap) : nano
  }
  const nanoOf = ({ binary, value }: { binary: boolean; value: Fraction }): bigint =>
    capOf(binary, stepsOf(value, 10n ** 9n))

  it('are what their parts say', () => {
    fc.assert(
      fc.property(made, (one) => {
        const nano = nanoOf(one)
        expect(parseQuantity(one.text)?.nano).toBe(nano)
        expect(BigInt(milliValue(one.text))).toBe(BigInt(Number(stepsOf({ over: nano, under: 10n ** 9n }, 1000n))))
        expect(BigInt(wholeValue(one.text))).toBe(BigInt(Number(stepsOf({ over: nano, under: 10n ** 9n }, 1n))))
      }),
      { numRuns: 2000 },
    )
  })

  it('are written in one way, which loses nothing', () => {
    fc.assert(
      fc.property(made, (one) => {
        const text = canonical(one.text)!
        expect(parseQuantity(text)?.nano).toBe(nanoOf(one))
        expect(canonical(text)).toBe(text)
        expect(text).toMatch(/^(0|-?[1-9]\d*([numkMGTPE]|[KMGTPE]i|e-?\d+)?)$/)
        // Nothing is left to move into the suffix, unless there is none greater or it is a power of two.
        const movable = parseQuantity(text)?.format !== 'BinarySI' && /000\D*$/.test(text) && !/[E0]$|e/.test(text)
        expect(movable).toBe(false)
      }),
      { numRuns: 2000 },
    )
  })

  it('add and compare as fractions do', () => {
    fc.assert(
      fc.property(fc.array(made, { minLength: 2, maxLength: 6 }), (several) => {
        const nanos = several.map(nanoOf)
        expect(sumQuantities(several.map((one) => one.text)).nano).toBe(nanos.reduce((a, b) => a + b))
        const [a, b] = nanos as [bigint, bigint]
        expect(compareQuantities(several[0]!.text, several[1]!.text)).toBe(a < b ? -1 : a > b ? 1 : 0)
      }),
    )
  })

  const anyQuantity = made.map((one) => one.text)

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
    // Zero has no form of its own.
    expect(formatQuantity(sumQuantities(['0', '1Gi']))).toBe('1Gi')
  })
})
