import { ms } from '@plimsoll/model'
import { KubeError, SeededRandom, VirtualClock } from '@plimsoll/ports'
import { describe, expect, it } from 'vitest'
import { Backoff, retry, retryOnConflict } from './backoff.ts'

describe('Backoff', () => {
  it('doubles up to its maximum, and starts anew after a reset', () => {
    const backoff = new Backoff({ initial: ms(800), max: ms(5000) })
    expect([1, 2, 3, 4, 5].map(() => backoff.next())).toEqual([800, 1600, 3200, 5000, 5000])
    backoff.reset()
    expect(backoff.next()).toBe(800)
  })

  it('spreads by chance, never below the wait and never beyond the share', () => {
    const backoff = new Backoff({ initial: ms(100), max: ms(100), jitter: 0.5, random: new SeededRandom(1) })
    const waits = Array.from({ length: 200 }, () => backoff.next())
    expect(Math.min(...waits)).toBeGreaterThanOrEqual(100)
    expect(Math.max(...waits)).toBeLessThan(150)
    expect(new Set(waits).size).toBeGreaterThan(100)
  })
})

describe('retry', () => {
  it('tries until it works', async () => {
    const clock = new VirtualClock({ start: ms(0) })
    const at: number[] = []
    const conflict = new KubeError('conflict', { message: 'changed' })
    const working = retryOnConflict(async () => {
      at.push(clock.now())
      if (at.length < 3) throw conflict
      return 'done'
    }, clock)
    await clock.runFor(ms(1000))
    expect([await working, at]).toEqual(['done', [0, 10, 20]])
  })

  it.each([
    { when: 'after the last attempt', error: new KubeError('conflict', { message: 'changed' }), tries: 5 },
    { when: 'at once when the error stays', error: new KubeError('invalid', { message: 'bad' }), tries: 1 },
  ])('gives up $when', async ({ error, tries }) => {
    const clock = new VirtualClock({ start: ms(0) })
    let count = 0
    const failing = retryOnConflict(() => {
      count++
      return Promise.reject(error)
    }, clock).catch((thrown: unknown) => thrown)
    await clock.runFor(ms(1000))
    expect(await failing).toBe(error)
    expect(count).toBe(tries)
  })

  it('stops when told', async () => {
    const clock = new VirtualClock({ start: ms(0) })
    const stop = new AbortController()
    const failing = retry(() => Promise.reject(new Error('no')), {
      clock,
      backoff: new Backoff({ initial: ms(100), max: ms(100) }),
      attempts: 10,
      retryable: () => true,
      signal: stop.signal,
    }).catch((thrown: unknown) => thrown)
    await clock.runFor(ms(150))
    stop.abort(new Error('enough'))
    expect(await failing).toEqual(new Error('enough'))
  })
})
