import { ms, type Ms } from '@plimsoll/model'
import type { Clock, Timer } from '@plimsoll/ports'

/** However often something changes, listeners hear of it at most every so often: at once, then when the time is over. */
export class Redraws {
  readonly #clock: Pick<Clock, 'now' | 'after'>
  readonly #interval: Ms
  readonly #listeners = new Set<() => void>()
  #last = -Infinity
  #timer: Timer | undefined

  constructor(clock: Pick<Clock, 'now' | 'after'>, interval: Ms) {
    this.#clock = clock
    this.#interval = interval
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  /** Something changed. */
  readonly ask = (): void => {
    if (this.#timer !== undefined) return
    const wait = this.#last + this.#interval - this.#clock.now()
    // Also when the answer is at once: what changes in the same breath is drawn together.
    this.#timer = this.#clock.after(ms(Math.max(0, wait)), () => {
      this.#timer = undefined
      this.#last = this.#clock.now()
      for (const listener of this.#listeners) listener()
    })
  }

  stop(): void {
    this.#timer?.cancel()
    this.#listeners.clear()
  }
}
