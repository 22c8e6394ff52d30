import { ms } from '@plimsoll/model'
import type { Clock, Timer } from '@plimsoll/ports'

/**
 * Stands for a loop that looks every `period`: it looks at the same instants, but only at those at which something is due,
 * so that a quiet cluster costs no timers.
 */
export class DueTimer {
  readonly #clock: Clock
  readonly #period: number
  readonly #origin: number
  readonly #look: () => void
  #armed: { readonly at: number; readonly timer: Timer } | undefined
  #stopped = false

  constructor(clock: Clock, periodMs: number, look: () => void) {
    this.#clock = clock
    this.#period = periodMs
    this.#origin = clock.now()
    this.#look = look
  }

  /** Looks at the first of the loop's instants that is not before `at`, and later than now. */
  due(at: number): void {
    if (this.#stopped) return
    const now = this.#clock.now()
    const wanted = Math.max(at, now + 1)
    const tick = this.#origin + Math.ceil((wanted - this.#origin) / this.#period) * this.#period
    if (this.#armed !== undefined) {
      if (this.#armed.at <= tick) return
      this.#armed.timer.cancel()
    }
    const timer = this.#clock.after(ms(tick - now), () => {
      this.#armed = undefined
      this.#look()
    })
    this.#armed = { at: tick, timer }
  }

  stop(): void {
    this.#stopped = true
    this.#armed?.timer.cancel()
  }
}
