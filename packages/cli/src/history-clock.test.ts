import { ms, minutes, seconds } from '@plimsoll/model'
import { SystemClock, VirtualClock } from '@plimsoll/ports'
import { describe, expect, it } from 'vitest'
import { HistoryClock } from './history-clock.ts'

const present = ms(1_700_000_000_000)

describe('HistoryClock', () => {
  it('runs through its past at once and ends at the present', async () => {
    const clock = new HistoryClock({ present, history: minutes(10) })
    const told: number[] = []
    const tick = async (): Promise<void> => {
      for (;;) {
        await clock.sleep(minutes(4))
        told.push(clock.now() - present)
      }
    }
    void tick()
    const begun = performance.now()
    await clock.pass(minutes(5))
    expect(told).toEqual([-360_000])
    const live = new VirtualClock({ start: present })
    await clock.live(() => live)
    expect(performance.now() - begun).toBeLessThan(1000)
    expect(told).toEqual([-360_000, -120_000])
    expect(clock.now()).toBe(present)
    await live.runFor(minutes(3))
    expect(told).toEqual([-360_000, -120_000, 120_000])
  })

  it('carries timers over in their order, and lets them be cancelled on either side', async () => {
    const clock = new HistoryClock({ present, history: seconds(1) })
    const fired: string[] = []
    const after = (delay: number, name: string): (() => void) => {
      const timer = clock.after(ms(delay), () => fired.push(name))
      return () => timer.cancel()
    }
    after(5000, 'b')
    after(5000, 'c')
    after(4000, 'a')
    const cancelled = [after(500, 'never'), after(4500, 'never')]
    cancelled[0]!()
    const live = new VirtualClock({ start: present })
    await clock.live(() => live)
    cancelled[1]!()
    after(1000, 'new')
    await live.runFor(seconds(60))
    expect(fired).toEqual(['new', 'a', 'b', 'c'])
  })

  it('never goes back when the other clock is behind', async () => {
    const clock = new HistoryClock({ present, history: seconds(1) })
    const live = new VirtualClock({ start: ms(present - 5000) })
    await clock.live(() => live)
    expect(clock.now()).toBe(present)
    await live.runFor(seconds(10))
    expect(clock.now()).toBe(present + 5000)
  })

  it('is silent after it was closed', async () => {
    const clock = new HistoryClock({ present, history: seconds(1) })
    const live = new VirtualClock({ start: present })
    let fired = 0
    clock.after(seconds(2), () => fired++)
    await clock.live(() => live)
    clock.after(seconds(2), () => fired++)
    clock.close()
    clock.after(seconds(2), () => fired++)
    await live.runFor(seconds(10))
    expect(fired).toBe(0)
  })

  it('rejects a sleep that is aborted after the change', async () => {
    const clock = new HistoryClock({ present, history: seconds(1) })
    const stop = new AbortController()
    const slept = clock.sleep(minutes(5), stop.signal)
    await clock.live(() => new SystemClock())
    stop.abort(new Error('enough'))
    await expect(slept).rejects.toThrow('enough')
  })
})
