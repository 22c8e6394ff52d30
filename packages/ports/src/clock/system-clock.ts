import { ms, type Ms } from '@plimsoll/model'
import { sleepWith, type Clock, type Timer } from './clock.ts'

/** setTimeout takes at most 2^31-1 ms and fires at once beyond; longer waits are taken in steps. */
const longestTimeoutMs = 2_000_000_000

/** The machine's clock. Timers do not keep the process alive by themselves when `unref` is asked for. */
export class SystemClock implements Clock {
  now(): Ms {
    return ms(Date.now())
  }

  sleep(delay: Ms, signal?: AbortSignal): Promise<void> {
    return sleepWith(this, delay, signal)
  }

  after(delay: Ms, callback: () => void): Timer {
    let handle: ReturnType<typeof setTimeout>
    const arm = (left: number): void => {
      handle =
        left > longestTimeoutMs
          ? setTimeout(() => arm(left - longestTimeoutMs), longestTimeoutMs)
          : setTimeout(callback, Math.max(0, left))
    }
    arm(delay)
    return { cancel: () => clearTimeout(handle) }
  }
}
