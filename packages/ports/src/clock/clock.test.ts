import { ms } from '@plimsoll/model'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { clockSuite } from '../suites/index.ts'
import { ScaledClock } from './scaled-clock.ts'
import { SystemClock } from './system-clock.ts'
import { VirtualClock } from './virtual-clock.ts'

describe('SystemClock', () => {
  clockSuite(() => {
    const clock = new SystemClock()
    return { clock, advance: (milliseconds) => clock.sleep(ms(milliseconds)) }
  })
})

describe('ScaledClock', () => {
  clockSuite(() => {
    const base = new VirtualClock({ start: ms(5_000) })
    return { clock: new ScaledClock(base, 10), advance: (milliseconds) => base.runFor(ms(milliseconds / 10)) }
  })

  it('runs its factor times as fast from the present on', async () => {
    const base = new VirtualClock({ start: ms(1_000_000) })
    const fast = new ScaledClock(base, 60)
    expect(fast.now()).toBe(1_000_000)
    await base.runFor(ms(1000))
    expect(fast.now()).toBe(1_060_000)
    let rang = 0
    fast.after(ms(600_000), () => (rang = fast.now()))
    await base.runFor(ms(9_999))
    expect(rang).toBe(0)
    await base.runFor(ms(1))
    expect(rang).toBe(1_660_000)
  })

  it.each([0, -1, NaN, Infinity])('refuses the speed %s', (factor) => {
    expect(() => new ScaledClock(new VirtualClock({ start: ms(0) }), factor)).toThrow(
      'a clock speed is a positive number',
    )
  })
})

describe('VirtualClock', () => {
  clockSuite(() => {
    const clock = new VirtualClock({ start: ms(0) })
    return { clock, advance: (milliseconds) => clock.runFor(ms(milliseconds)) }
  })

  it('stands still between timers, and at each timer shows its time', async () => {
    const clock = new VirtualClock({ start: ms(100) })
    const seen: number[] = []
    for (const delay of [500, 20, 3_600_000]) clock.after(ms(delay), () => seen.push(clock.now()))
    await clock.runFor(ms(7_200_000))
    expect(seen).toEqual([120, 600, 3_600_100])
    expect(clock.now()).toBe(7_200_100)
    expect(clock.fired).toBe(3)
  })

  it('rounds a delay up to whole milliseconds', async () => {
    const clock = new VirtualClock({ start: ms(0) })
    let at = -1
    clock.after(ms(1.2), () => (at = clock.now()))
    await clock.runFor(ms(10))
    expect(at).toBe(2)
  })

  it('settles all promise reactions before the next timer, however deep', async () => {
    const clock = new VirtualClock({ start: ms(0) })
    const order: string[] = []
    clock.after(ms(10), () => {
      void (async () => {
        for (let depth = 0; depth < 100; depth++) await Promise.resolve()
        order.push(`deep at ${clock.now()}`)
      })()
    })
    clock.after(ms(10), () => order.push('tie'))
    clock.after(ms(11), () => order.push('next'))
    await clock.runFor(ms(20))
    expect(order).toEqual(['deep at 10', 'tie', 'next'])
  })

  it('takes the settling that it is given', async () => {
    let settled = 0
    const clock = new VirtualClock({ start: ms(0), settle: () => Promise.resolve(void settled++) })
    clock.after(ms(1), () => {})
    clock.after(ms(1), () => {})
    await clock.runFor(ms(5))
    expect(settled).toBe(3)
  })

  it('runs until a condition holds, without a step more', async () => {
    const clock = new VirtualClock({ start: ms(0) })
    let count = 0
    const tick = (): void => {
      count++
      clock.after(ms(1000), tick)
    }
    clock.after(ms(1000), tick)
    expect(await clock.runUntil(() => count === 5, ms(60_000))).toBe(true)
    expect([count, clock.now()]).toEqual([5, 5000])
  })

  it('says false at the limit, or when nothing is left to wait for', async () => {
    const clock = new VirtualClock({ start: ms(0) })
    clock.after(ms(100), () => {})
    clock.after(ms(9_000), () => {})
    expect(await clock.runUntil(() => false, ms(500))).toBe(false)
    expect(clock.now()).toBe(500)
    expect(await clock.runUntil(() => false, ms(50_000))).toBe(false)
    expect(clock.now()).toBe(9_000)
  })

  it('does not wait for cancelled timers', async () => {
    const clock = new VirtualClock({ start: ms(0) })
    clock.after(ms(10), () => {}).cancel()
    expect(await clock.runUntil(() => false, ms(1000))).toBe(false)
    expect([clock.now(), clock.fired]).toEqual([0, 0])
  })

  it('fires any set of timers by time, then by order of arming, but for the cancelled ones', async () => {
    const timers = fc.array(fc.record({ delay: fc.nat(20), cancel: fc.boolean() }), { maxLength: 60 })
    await fc.assert(
      fc.asyncProperty(timers, async (arms) => {
        const clock = new VirtualClock({ start: ms(0), settle: () => Promise.resolve() })
        const fired: string[] = []
        const armed = arms.map(({ delay }, i) => clock.after(ms(delay), () => fired.push(`${clock.now()} ${i}`)))
        arms.forEach(({ cancel }, i) => void (cancel && armed[i]!.cancel()))
        await clock.runFor(ms(20))
        const expected = arms
          .map(({ delay, cancel }, i) => ({ delay, cancel, i }))
          .filter(({ cancel }) => !cancel)
          .toSorted((a, b) => a.delay - b.delay || a.i - b.i)
          .map(({ delay, i }) => `${delay} ${i}`)
        expect(fired).toEqual(expected)
      }),
    )
  })
})
