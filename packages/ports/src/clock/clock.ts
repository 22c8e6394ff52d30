import type { Ms } from '@plimsoll/model'

/** The only source of time. Real in production, virtual in the simulator. */
export interface Clock {
  /** Milliseconds since the Unix epoch. Never goes back. */
  now(): Ms
  /** Resolves after `delay` on this clock; rejects with `signal.reason` when aborted, at once if it already is. */
  sleep(delay: Ms, signal?: AbortSignal): Promise<void>
  /** Calls back once after `delay`, unless cancelled. Cheaper than `sleep` where nothing awaits. */
  after(delay: Ms, callback: () => void): Timer
}

export interface Timer {
  /** Idempotent; a callback that already ran is not undone. */
  cancel(): void
}

/** `sleep` for clocks whose timers are callbacks. */
export function sleepWith(clock: Pick<Clock, 'after'>, delay: Ms, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) {
      reject(signal.reason as Error)
      return
    }
    const onAbort = (): void => {
      timer.cancel()
      reject(signal!.reason as Error)
    }
    const timer = clock.after(delay, () => {
      signal?.removeEventListener('abort', onAbort)
      resolve()
    })
    signal?.addEventListener('abort', onAbort, { once: true })
  })
}
