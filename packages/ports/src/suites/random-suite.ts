import { describe, expect, it } from 'vitest'
import type { Random } from '../random.ts'

/** `make` gives a generator in the state that the seed decides. */
export function randomSuite(make: (seed: string) => Random): void {
  const draws = (random: Random, count: number): number[] => Array.from({ length: count }, () => random.next())

  describe('keeps the promises of a Random', () => {
    it('draws the same for the same seed, and something else for another', () => {
      expect(draws(make('a'), 50)).toEqual(draws(make('a'), 50))
      expect(draws(make('a'), 50)).not.toEqual(draws(make('b'), 50))
    })

    it('stays in [0, 1) and spreads evenly', () => {
      const random = make('spread')
      const tenths = Array.from<number>({ length: 10 }).fill(0)
      for (const draw of draws(random, 20_000)) {
        expect(draw >= 0 && draw < 1).toBe(true)
        tenths[Math.floor(draw * 10)]!++
      }
      // Five standard deviations of a binomial with n = 20,000 and p = 0.1.
      for (const count of tenths) expect(Math.abs(count - 2000)).toBeLessThan(213)
    })

    it('draws whole numbers below the bound, each of them', () => {
      const random = make('below')
      const seen = new Set(Array.from({ length: 500 }, () => random.below(7)))
      expect([...seen].sort((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6])
      expect(random.below(1)).toBe(0)
    })

    it('splits by seed and name alone', () => {
      const fresh = make('seed')
      const used = make('seed')
      draws(used, 17)
      expect(draws(used.split('part'), 20)).toEqual(draws(fresh.split('part'), 20))
      expect(draws(fresh.split('part'), 20)).not.toEqual(draws(fresh.split('other'), 20))
      expect(draws(fresh.split('part').split('x'), 20)).not.toEqual(draws(fresh.split('x'), 20))
    })

    it('is not moved by what its parts draw', () => {
      const random = make('seed')
      draws(random.split('part'), 9)
      expect(draws(random, 20)).toEqual(draws(make('seed'), 20))
    })
  })
}
