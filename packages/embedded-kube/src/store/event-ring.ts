import type { StoredObject } from '../object.ts'

/** One committed write. A deletion carries the last state, stamped with the deletion's own version. */
export interface StoreEvent {
  readonly revision: number
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'
  readonly object: StoredObject
  /** The state before; undefined for ADDED. */
  readonly previous: StoredObject | undefined
}

/** Receives committed events in commit order, after the commit, never inside another delivery. */
export type StoreListener = (event: StoreEvent) => void

/** The last writes of one collection, so that a watch can continue from a version not too long ago. */
export class EventRing {
  readonly #capacity: number
  readonly #events: StoreEvent[] = []
  /** Where the next event goes once the ring is full; then also the oldest one. */
  #next = 0
  #dropped: number

  /** `dropped`: the revision up to which what happened is unknown, as after a restart. */
  constructor(capacity: number, dropped = 0) {
    this.#capacity = capacity
    this.#dropped = dropped
  }

  push(event: StoreEvent): void {
    if (this.#events.length < this.#capacity) {
      this.#events.push(event)
      return
    }
    this.#dropped = this.#events[this.#next]!.revision
    this.#events[this.#next] = event
    this.#next = (this.#next + 1) % this.#capacity
  }

  /** The newest revision that is no longer kept; 0 when nothing was dropped. */
  get dropped(): number {
    return this.#dropped
  }

  /** Events after `revision`, oldest first. */
  since(revision: number): StoreEvent[] {
    const size = this.#events.length
    const at = (i: number): StoreEvent => this.#events[(this.#next + i) % size]!
    let low = 0
    let high = size
    while (low < high) {
      const middle = (low + high) >> 1
      if (at(middle).revision > revision) high = middle
      else low = middle + 1
    }
    return Array.from({ length: size - low }, (_, i) => at(low + i))
  }
}
