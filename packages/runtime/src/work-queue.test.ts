import { ms } from '@plimsoll/model'
import { SeededRandom, VirtualClock } from '@plimsoll/ports'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { WorkQueue } from './work-queue.ts'

function makeQueue(): {
  clock: VirtualClock
  queue: WorkQueue<string>
  next: () => Promise<string>
  stop: AbortController
} {
  const clock = new VirtualClock({ start: ms(0) })
  const queue = new WorkQueue<string>({ clock })
  const stop = new AbortController()
  return { clock, queue, stop, next: () => queue.next(stop.signal) }
}

describe('WorkQueue', () => {
  it('hands out keys once each, in the order in which they came', async () => {
    const { queue, next } = makeQueue()
    for (const key of ['b', 'a', 'b', 'c', 'a']) queue.add(key)
    expect(queue.length).toBe(3)
    expect([await next(), await next(), await next()]).toEqual(['b', 'a', 'c'])
    expect(queue.length).toBe(0)
  })

  it('hands a key that is in work out again only when that work is done', async () => {
    const { queue, next } = makeQueue()
    queue.add('a')
    await next()
    queue.add('a')
    queue.add('b')
    expect(await next()).toBe('b')
    expect(queue.length).toBe(0)
    queue.done('a')
    expect(await next()).toBe('a')
    queue.done('a')
    queue.done('b')
    expect(queue.idle).toBe(true)
  })

  it('lets takers wait, first come first served, and leave', async () => {
    const { queue, clock } = makeQueue()
    const stops = [new AbortController(), new AbortController(), new AbortController()]
    const got: string[] = []
    stops.forEach(
      ({ signal }, i) =>
        void queue.next(signal).then(
          (key) => got.push(`${i}:${key}`),
          (reason: Error) => got.push(`${i}:${reason.message}`),
        ),
    )
    stops[1]!.abort(new Error('left'))
    queue.add('a')
    queue.add('b')
    await clock.runFor(ms(0))
    expect(got.sort()).toEqual(['0:a', '1:left', '2:b'])
    await expect(queue.next(stops[1]!.signal)).rejects.toThrow('left')
  })

  it('adds after a delay; of several the earliest counts', async () => {
    const { queue, clock } = makeQueue()
    queue.addAfter('a', ms(100))
    queue.addAfter('a', ms(50))
    queue.addAfter('a', ms(200))
    queue.addAfter('b', ms(0))
    expect(queue.length).toBe(1)
    await clock.runFor(ms(49))
    expect(queue.length).toBe(1)
    await clock.runFor(ms(1))
    expect(queue.length).toBe(2)
    await clock.runFor(ms(500))
    expect(queue.length).toBe(2)
    expect(clock.fired).toBe(1)
  })

  it('waits twice as long after each failure, up to the last retry, until the key is forgotten', async () => {
    const { queue, clock, next } = makeQueue()
    const waits: number[] = []
    for (let i = 0; i < 20; i++) {
      const before = clock.now()
      queue.addRateLimited('a')
      await clock.runUntil(() => queue.length === 1, ms(2_000_000))
      waits.push(clock.now() - before)
      await next()
      queue.done('a')
    }
    expect(waits.slice(0, 6)).toEqual([5, 10, 20, 40, 80, 160])
    expect(waits.slice(-3)).toEqual([655_360, 1_000_000, 1_000_000])
    expect(queue.failures('a')).toBe(20)
    queue.forget('a')
    queue.addRateLimited('a')
    await clock.runFor(ms(5))
    expect(queue.length).toBe(1)
  })

  it('stays fast over many keys', async () => {
    const { queue, next } = makeQueue()
    const keys = Array.from({ length: 20_000 }, (_, i) => String(i))
    for (const key of keys) queue.add(key)
    for (const key of keys) {
      expect(await next()).toBe(key)
      queue.done(key)
    }
    expect(queue.idle).toBe(true)
  })

  it('never runs one key twice at a time, and loses none', async () => {
    const action = fc.record({
      key: fc.constantFrom('a', 'b', 'c'),
      how: fc.constantFrom<'add' | 'after' | 'limited'>('add', 'after', 'limited'),
      wait: fc.nat(12),
    })
    await fc.assert(
      fc.asyncProperty(
        fc.array(action, { maxLength: 50 }),
        fc.integer({ min: 1, max: 4 }),
        fc.integer(),
        async (actions, workers, seed) => {
          const { queue, clock, next } = makeQueue()
          const random = new SeededRandom(seed)
          const running = new Set<string>()
          /** What was asked for each key, and how much of that the last work on it had seen. */
          const asked = new Map<string, number>()
          const seen = new Map<string, number>()
          const work = async (): Promise<never> => {
            for (;;) {
              const key = await next()
              expect(running.has(key)).toBe(false)
              running.add(key)
              seen.set(key, asked.get(key) ?? 0)
              if (random.below(4) > 0) await clock.sleep(ms(random.below(15)))
              running.delete(key)
              queue.done(key)
            }
          }
          const broken: unknown[] = []
          for (let i = 0; i < workers; i++) work().catch((error: unknown) => broken.push(error))
          for (const { key, how, wait } of actions) {
            asked.set(key, (asked.get(key) ?? 0) + 1)
            if (how === 'add') queue.add(key)
            else if (how === 'after') queue.addAfter(key, ms(wait))
            else queue.addRateLimited(key)
            if (random.below(2) === 0) await clock.runFor(ms(wait))
          }
          await clock.runFor(ms(10_000_000_000))
          expect(broken).toEqual([])
          expect(queue.idle).toBe(true)
          expect(seen).toEqual(asked)
        },
      ),
    )
  })
})
