import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { formatGoDuration, parseGoDuration } from './go-duration.ts'
import { ms } from './units.ts'

describe('parseGoDuration', () => {
  it.each([
    ['0', 0],
    ['-0', 0],
    ['+0', 0],
    ['0s', 0],
    ['10m', 600_000],
    ['1h30m', 5_400_000],
    ['1h0m0.5s', 3_600_500],
    ['-1.5s', -1500],
    ['+5s', 5000],
    ['.5s', 500],
    ['5.s', 5000],
    ['300ms', 300],
    ['1us', 0.001],
    ['1µs', 0.001],
    ['1μs', 0.001],
    ['1ns', 0.000001],
    ['1m1m', 120_000],
    ['2562047h', 2562047 * 3_600_000],
  ])('%s is %s ms', (text, expected) => {
    expect(parseGoDuration(text)).toBe(expected)
  })

  it.each(['', '-', '.', 's', '.s', '3', '1', '1x', '1d', '1 s', ' 1s', '1s ', '1s2', '--1s', '1h-30m', 'PT1S', 'NaN'])(
    'refuses "%s"',
    (text) => {
      expect(parseGoDuration(text)).toBeUndefined()
    },
  )
})

describe('formatGoDuration', () => {
  it.each([
    [0, '0s'],
    [0.0001, '100ns'],
    [0.000001, '1ns'],
    [0.0011, '1.1µs'],
    [0.25, '250µs'],
    [1, '1ms'],
    [1.5, '1.5ms'],
    [999, '999ms'],
    [1000, '1s'],
    [1500, '1.5s'],
    [60_000, '1m0s'],
    [59_999.99999999, '1m0s'],
    [90_000, '1m30s'],
    [600_000, '10m0s'],
    [3_600_000, '1h0m0s'],
    [3_661_001, '1h1m1.001s'],
    [-900_000, '-15m0s'],
    [86_400_000 * 30, '720h0m0s'],
  ])('%s ms is %s', (value, expected) => {
    expect(formatGoDuration(ms(value))).toBe(expected)
  })

  it('is read back as it was, to the millisecond', () => {
    fc.assert(
      fc.property(fc.integer({ min: -1e12, max: 1e12 }), (value) => {
        const back = parseGoDuration(formatGoDuration(ms(value)))
        expect(back).toBeCloseTo(value, 3)
      }),
    )
  })
})
