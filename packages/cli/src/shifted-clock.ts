import { ms, type Ms } from '@plimsoll/model'
import { sleepWith, type Clock, type Timer } from '@plimsoll/ports'

/** Another clock, always as much ahead of it: a cluster that is started again does not go back in its own time. */
export class ShiftedClock implements Clock {
  readonly #base: Clock
  readonly #ahead: Ms

  constructor(base: Clock, ahead: Ms) {
    this.#base = base
    this.#ahead = ahead
  }

  now(): Ms {
    return ms(this.#base.now() + this.#ahead)
  }

  sleep(delay: Ms, signal?: AbortSignal): Promise<void> {
    return sleepWith(this, delay, signal)
  }

  after(delay: Ms, callback: () => void): Timer {
    return this.#base.after(delay, callback)
  }
}
