import { ms, type Ms } from '@plimsoll/model'
import type { Clock, Timer } from '@plimsoll/ports'

/** Timers that all end with what they belong to: a machine that lost power, a pod that is gone, a cluster that stops. */
export class Lifetime {
  readonly clock: Clock
  /** Undefined while none runs: there are three lifetimes to a pod. */
  #timers: Set<Timer> | undefined
  #over = false

  constructor(clock: Clock) {
    this.clock = clock
  }

  get over(): boolean {
    return this.#over
  }

  /** Nothing happens once the lifetime is over. */
  after(delay: Ms, callback: () => void): Timer {
    if (this.#over) return { cancel: () => {} }
    const inner = this.clock.after(delay, () => {
      this.#forget(timer)
      callback()
    })
    const timer: Timer = {
      cancel: () => {
        this.#forget(timer)
        inner.cancel()
      },
    }
    this.#timers ??= new Set()
    this.#timers.add(timer)
    return timer
  }

  /** Never resolves once the lifetime is over: whoever waits stops where it stands. */
  sleep(delay: Ms): Promise<void> {
    if (delay <= 0 && !this.#over) return Promise.resolve()
    return new Promise((resolve) => this.after(ms(delay), resolve))
  }

  end(): void {
    this.#over = true
    for (const timer of this.#timers ?? []) timer.cancel()
  }

  #forget(timer: Timer): void {
    this.#timers?.delete(timer)
    if (this.#timers?.size === 0) this.#timers = undefined
  }
}
