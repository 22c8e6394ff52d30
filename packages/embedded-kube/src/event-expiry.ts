import { ms, type Ms } from '@plimsoll/model'
import type { Clock, Timer } from '@plimsoll/ports'
import type { StoredObject } from './object.ts'

/** --event-ttl of kube-apiserver. */
const lifeMs = 3_600_000
/** Expired events go in batches, so that a busy cluster does not set a timer for each. */
const batchMs = 10_000

/** Lets events be forgotten an hour after they were last written. */
export class EventExpiry {
  readonly #clock: Clock
  readonly #expire: (event: StoredObject) => void
  #queue: { readonly event: StoredObject; readonly at: Ms }[] = []
  #timer: Timer | undefined
  #closed = false

  constructor(clock: Clock, expire: (event: StoredObject) => void) {
    this.#clock = clock
    this.#expire = expire
  }

  note(event: StoredObject): void {
    if (this.#closed) return
    this.#queue.push({ event, at: ms(this.#clock.now() + lifeMs) })
    if (this.#timer === undefined) this.#arm()
  }

  close(): void {
    this.#closed = true
    this.#timer?.cancel()
    this.#queue = []
  }

  #arm(): void {
    const [first] = this.#queue
    if (first === undefined) return
    this.#timer = this.#clock.after(ms(first.at - this.#clock.now() + batchMs), () => {
      this.#timer = undefined
      const now = this.#clock.now()
      const due = this.#queue.findIndex(({ at }) => at > now)
      const expired = this.#queue.splice(0, due < 0 ? this.#queue.length : due)
      for (const { event } of expired) this.#expire(event)
      if (this.#timer === undefined) this.#arm()
    })
  }
}
