import { assert, ms, type Ms } from '@plimsoll/model'
import { sleepWith, type Clock, type Timer } from './clock.ts'

interface Entry {
  readonly at: number
  /** Order of arming breaks ties, so that equal runs are equal byte for byte. */
  readonly sequence: number
  callback: (() => void) | undefined
}

/**
 * Time as a discrete-event loop: everything that can run now runs, then the clock jumps to the next timer.
 * `settle` lets all pending promise reactions run; timers due at one instant fire one by one, in the order in which
 * they were armed, each followed by a settle.
 */
export class VirtualClock implements Clock {
  #now: number
  #sequence = 0
  readonly #heap: Entry[] = []
  readonly #settle: () => Promise<void>
  #fired = 0

  constructor(options: { readonly start: Ms; readonly settle?: () => Promise<void> }) {
    this.#now = options.start
    this.#settle = options.settle ?? settleImmediate
  }

  now(): Ms {
    return ms(this.#now)
  }

  sleep(delay: Ms, signal?: AbortSignal): Promise<void> {
    return sleepWith(this, delay, signal)
  }

  after(delay: Ms, callback: () => void): Timer {
    const entry: Entry = { at: this.#now + Math.max(0, Math.ceil(delay)), sequence: this.#sequence++, callback }
    push(this.#heap, entry)
    return { cancel: () => (entry.callback = undefined) }
  }

  /** How many timers have fired: a measure of what a run cost. */
  get fired(): number {
    return this.#fired
  }

  /** Runs until `duration` has passed on this clock. */
  async runFor(duration: Ms): Promise<void> {
    const end = this.#now + duration
    await this.#settle()
    while (this.#nextAt() <= end) await this.#fireNext()
    this.#now = end
  }

  /**
   * Runs until `condition` holds, checked whenever everything waits; false when `limit` passed first or nothing is
   * left to wait for.
   */
  async runUntil(condition: () => boolean, limit: Ms): Promise<boolean> {
    const end = this.#now + limit
    await this.#settle()
    while (!condition()) {
      const next = this.#nextAt()
      if (next > end) {
        this.#now = Math.max(this.#now, next === Infinity ? this.#now : end)
        return false
      }
      await this.#fireNext()
    }
    return true
  }

  #nextAt(): number {
    while (this.#heap.length > 0 && this.#heap[0]!.callback === undefined) pop(this.#heap)
    return this.#heap[0]?.at ?? Infinity
  }

  async #fireNext(): Promise<void> {
    const entry = pop(this.#heap)
    assert(entry !== undefined && entry.at >= this.#now, 'timers fire in order')
    this.#now = entry.at
    const callback = entry.callback
    entry.callback = undefined
    this.#fired++
    callback?.()
    await this.#settle()
  }
}

/** Promise reactions all run before an immediate does. */
function settleImmediate(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

function before(a: Entry, b: Entry): boolean {
  return a.at < b.at || (a.at === b.at && a.sequence < b.sequence)
}

function push(heap: Entry[], entry: Entry): void {
  let i = heap.push(entry) - 1
  while (i > 0) {
    const parent = (i - 1) >> 1
    if (!before(entry, heap[parent]!)) break
    heap[i] = heap[parent]!
    i = parent
  }
  heap[i] = entry
}

function pop(heap: Entry[]): Entry | undefined {
  const top = heap[0]
  const last = heap.pop()
  if (top === undefined || last === undefined || heap.length === 0) return top
  let i = 0
  for (;;) {
    let child = 2 * i + 1
    if (child >= heap.length) break
    if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child++
    if (!before(heap[child]!, last)) break
    heap[i] = heap[child]!
    i = child
  }
  heap[i] = last
  return top
}
