import { ms, type Ms } from '@plimsoll/model'
import { sleepWith, VirtualClock, type Clock, type Timer } from '@plimsoll/ports'

interface Pending {
  readonly at: number
  readonly callback: () => void
  timer: Timer
}

/**
 * A clock with a past: it starts some time before the present of another clock, runs through that time at once, as a
 * simulation, and then goes on as the other clock. So a cluster is minutes old, with its nodes up and its pods running,
 * a moment after it was made.
 */
export class HistoryClock implements Clock {
  readonly #virtual: VirtualClock
  readonly #end: Ms
  #present: Clock | undefined
  #closed = false
  /** In the order in which they were armed, which breaks ties when they move to the other clock. */
  readonly #pending: Set<Pending> = new Set()

  constructor(o: { readonly present: Ms; readonly history: Ms }) {
    this.#end = o.present
    this.#virtual = new VirtualClock({ start: ms(o.present - o.history) })
  }

  now(): Ms {
    return (this.#present ?? this.#virtual).now()
  }

  sleep(delay: Ms, signal?: AbortSignal): Promise<void> {
    return sleepWith(this, delay, signal)
  }

  after(delay: Ms, callback: () => void): Timer {
    const pending: Pending = { at: this.now() + Math.max(0, delay), callback, timer: { cancel: () => {} } }
    if (!this.#closed) this.#arm(pending, this.#present ?? this.#virtual, delay)
    return {
      cancel: () => {
        this.#pending.delete(pending)
        pending.timer.cancel()
      },
    }
  }

  /** Nothing that waits, or begins to wait, on this clock goes on: it holds no process any more. */
  close(): void {
    this.#closed = true
    for (const { timer } of this.#pending) timer.cancel()
    this.#pending.clear()
  }

  #arm(pending: Pending, clock: Pick<Clock, 'after'>, delay: Ms): void {
    this.#pending.add(pending)
    pending.timer = clock.after(delay, () => {
      this.#pending.delete(pending)
      pending.callback()
    })
  }

  /** Runs through some of the past. */
  async pass(duration: Ms): Promise<void> {
    await this.#virtual.runFor(duration)
  }

  /** Runs through what is left of the past. What still waits then, waits on the clock that is given. */
  async live(present: () => Clock): Promise<void> {
    await this.#virtual.runFor(ms(Math.max(0, this.#end - this.#virtual.now())))
    const clock = present()
    const past = this.#virtual.now()
    this.#present = new NeverBack(clock, past)
    const waiting = [...this.#pending]
    this.#pending.clear()
    for (const pending of waiting) {
      pending.timer.cancel()
      this.#arm(pending, this.#present, ms(pending.at - past))
    }
  }
}

/** The other clock, standing still until it has reached what was already told. */
class NeverBack implements Clock {
  readonly #clock: Clock
  readonly #least: Ms

  constructor(clock: Clock, least: Ms) {
    this.#clock = clock
    this.#least = least
  }

  now(): Ms {
    return ms(Math.max(this.#clock.now(), this.#least))
  }

  sleep(delay: Ms, signal?: AbortSignal): Promise<void> {
    return sleepWith(this, delay, signal)
  }

  after(delay: Ms, callback: () => void): Timer {
    return this.#clock.after(delay, callback)
  }
}
