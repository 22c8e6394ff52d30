import { ms } from '@plimsoll/model'
import { describe, expect, it } from 'vitest'
import type { Clock } from '../clock/clock.ts'

export interface ClockUnderTest {
  readonly clock: Clock
  /** Lets this much of the clock's own time pass, and everything that is due. */
  readonly advance: (milliseconds: number) => Promise<void>
}

/** `make` gives a fresh clock; delays of the suite are tens of milliseconds, so that real clocks are quick too. */
export function clockSuite(make: () => ClockUnderTest): void {
  describe('keeps the promises of a Clock', () => {
    it('tells the time passed, and never goes back', async () => {
      const { clock, advance } = make()
      const before = clock.now()
      await advance(30)
      const after = clock.now()
      expect(after - before).toBeGreaterThanOrEqual(29)
      await advance(0)
      expect(clock.now()).toBeGreaterThanOrEqual(after)
    })

    it('sleeps for at least the delay', async () => {
      const { clock, advance } = make()
      const before = clock.now()
      let woke: number | undefined
      const sleeping = clock.sleep(ms(20)).then(() => (woke = clock.now()))
      expect(woke).toBeUndefined()
      await advance(60)
      await sleeping
      // A machine's timers may fire within the millisecond before.
      expect(woke! - before).toBeGreaterThanOrEqual(19)
    })

    it('rejects with the reason when the sleep is aborted, and at once when it already is', async () => {
      const { clock, advance } = make()
      const stop = new AbortController()
      const outcome = clock.sleep(ms(1_000_000), stop.signal).catch((error: unknown) => error)
      stop.abort(new Error('enough'))
      expect(await outcome).toEqual(new Error('enough'))
      await expect(clock.sleep(ms(1_000_000), stop.signal)).rejects.toThrow('enough')
      await advance(0)
    })

    it('does not call back synchronously, even without a delay', async () => {
      const { clock, advance } = make()
      let called = 0
      clock.after(ms(0), () => called++)
      clock.after(ms(-5), () => called++)
      expect(called).toBe(0)
      await advance(20)
      expect(called).toBe(2)
    })

    it('calls back by delay, and in the order of arming where delays are equal', async () => {
      const { clock, advance } = make()
      const order: string[] = []
      clock.after(ms(40), () => order.push('late'))
      clock.after(ms(10), () => order.push('early, first'))
      clock.after(ms(10), () => order.push('early, second'))
      clock.after(ms(10), () => order.push('early, third'))
      await advance(90)
      expect(order).toEqual(['early, first', 'early, second', 'early, third', 'late'])
    })

    it('forgets a cancelled timer, however often it is cancelled', async () => {
      const { clock, advance } = make()
      const called: string[] = []
      const cancelled = clock.after(ms(10), () => called.push('cancelled'))
      const kept = clock.after(ms(10), () => called.push('kept'))
      cancelled.cancel()
      cancelled.cancel()
      await advance(40)
      kept.cancel()
      await advance(20)
      expect(called).toEqual(['kept'])
    })

    it('lets a callback arm the next timer', async () => {
      const { clock, advance } = make()
      const order: number[] = []
      clock.after(ms(5), () => {
        order.push(1)
        clock.after(ms(5), () => order.push(2))
      })
      await advance(60)
      expect(order).toEqual([1, 2])
    })
  })
}
