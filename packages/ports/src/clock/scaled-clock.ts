import { assert, ms, type Ms } from '@plimsoll/model'
import { sleepWith, type Clock, type Timer } from './clock.ts'

/** A clock that runs `factor` times as fast as another, starting at that one's present. */
export class ScaledClock implements Clock {
  readonly #base: Clock
  readonly #factor: number
  readonly #start: Ms

  constructor(base: Clock, factor: number) {
    assert(factor > 0 && Number.isFinite(factor), 'a clock speed is a positive number')
    this.#base = base
    this.#factor = factor
    this.#start = base.now()
  }

  now(): Ms {
    return ms(Math.floor(this.#start + (this.#base.now() - this.#start) * this.#factor))
  }

  sleep(delay: Ms, signal?: AbortSignal): Promise<void> {
    return sleepWith(this, delay, signal)
  }

  after(delay: Ms, callback: () => void): Timer {
    return this.#base.after(ms(delay / this.#factor), callback)
  }
}
