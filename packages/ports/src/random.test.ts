import { describe, expect, it } from 'vitest'
import { hex, logNormal, SeededRandom, uuid } from './random.ts'
import { randomSuite } from './suites/index.ts'

describe('SeededRandom', () => {
  randomSuite((seed) => new SeededRandom(seed))

  it('draws what it always drew: recorded runs depend on it', () => {
    const random = new SeededRandom('plimsoll')
    expect([random.below(1000), random.below(1000), random.below(1000)]).toMatchInlineSnapshot(`
      [
        547,
        599,
        196,
      ]
    `)
  })
})

describe('logNormal', () => {
  it('has the median and the 95th percentile asked for', () => {
    const random = new SeededRandom(7)
    const draws = Array.from({ length: 20_000 }, () => logNormal(random, { median: 40, p95: 90 })).sort((a, b) => a - b)
    expect(draws[10_000]).toBeGreaterThan(39)
    expect(draws[10_000]).toBeLessThan(41)
    expect(draws[19_000]).toBeGreaterThan(86)
    expect(draws[19_000]).toBeLessThan(94)
  })

  it('is exact without spread, and zero without a median', () => {
    const random = new SeededRandom(7)
    expect(logNormal(random, { median: 12, p95: 12 })).toBe(12)
    expect(logNormal(random, { median: 0, p95: 5 })).toBe(0)
  })
})

describe('ids', () => {
  it('are hexadecimal digits, and UUIDs of version 4', () => {
    const random = new SeededRandom(1)
    expect(hex(random, 17)).toMatch(/^[0-9a-f]{17}$/)
    for (let i = 0; i < 20; i++)
      expect(uuid(random)).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  })
})
