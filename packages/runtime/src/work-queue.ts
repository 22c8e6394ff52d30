import { ms, type Ms } from '@plimsoll/model'
import type { Clock, Timer } from '@plimsoll/ports'

interface Waiter<K> {
  readonly resolve: (key: K) => void
  readonly settled: () => void
}

interface Delayed {
  readonly at: Ms
  readonly timer: Timer
}

/**
 * Keys that wait for work, each at most once, none worked on twice at a time: a key added while it is in work comes
 * back when that work is done (kubernetes/client-go:util/workqueue, queue.go, delaying_queue.go and the exponential
 * limiter of default_rate_limiters.go).
 */
export class WorkQueue<K extends string | number> {
  readonly #clock: Clock
  readonly #firstRetry: Ms
  readonly #lastRetry: Ms
  readonly #ready: K[] = []
  #head = 0
  readonly #dirty = new Set<K>()
  readonly #processing = new Set<K>()
  readonly #delayed = new Map<K, Delayed>()
  readonly #failures = new Map<K, number>()
  readonly #waiters: Waiter<K>[] = []

  /** Retries start at 5 ms and double up to 1000 s unless told otherwise, as controller-runtime's do. */
  constructor(o: { readonly clock: Clock; readonly firstRetry?: Ms; readonly lastRetry?: Ms }) {
    this.#clock = o.clock
    this.#firstRetry = o.firstRetry ?? ms(5)
    this.#lastRetry = o.lastRetry ?? ms(1_000_000)
  }

  /** How many keys are ready to be taken. */
  get length(): number {
    return this.#ready.length - this.#head
  }

  /** Whether no key waits, is delayed or is in work. */
  get idle(): boolean {
    return this.length === 0 && this.#processing.size === 0 && this.#delayed.size === 0
  }

  add(key: K): void {
    if (this.#dirty.has(key)) return
    this.#dirty.add(key)
    if (!this.#processing.has(key)) this.#push(key)
  }

  /** Adds the key once `delay` has passed; of several delays the earliest counts. */
  addAfter(key: K, delay: Ms): void {
    if (delay <= 0) {
      this.add(key)
      return
    }
    const at = ms(this.#clock.now() + delay)
    const waiting = this.#delayed.get(key)
    if (waiting !== undefined && waiting.at <= at) return
    waiting?.timer.cancel()
    const timer = this.#clock.after(delay, () => {
      this.#delayed.delete(key)
      this.add(key)
    })
    this.#delayed.set(key, { at, timer })
  }

  /** Forgets the keys that are delayed: nobody will work on them any more, and their timers keep no process alive. */
  dropDelayed(): void {
    for (const { timer } of this.#delayed.values()) timer.cancel()
    this.#delayed.clear()
  }

  /** Adds the key after a wait that doubles with every call until `forget`. */
  addRateLimited(key: K): void {
    const failures = this.#failures.get(key) ?? 0
    this.#failures.set(key, failures + 1)
    this.addAfter(key, ms(Math.min(this.#firstRetry * 2 ** failures, this.#lastRetry)))
  }

  /** The key is well again: its next retry waits the shortest time. */
  forget(key: K): void {
    this.#failures.delete(key)
  }

  /** How often the key was added rate limited since it was last forgotten. */
  failures(key: K): number {
    return this.#failures.get(key) ?? 0
  }

  /** The next key, in the order in which they came; the taker owes a `done`. @throws the signal's reason */
  next(signal: AbortSignal): Promise<K> {
    if (signal.aborted) return Promise.reject(signal.reason as Error)
    if (this.length > 0) return Promise.resolve(this.#take())
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        this.#waiters.splice(this.#waiters.indexOf(waiter), 1)
        reject(signal.reason as Error)
      }
      const waiter: Waiter<K> = { resolve, settled: () => signal.removeEventListener('abort', onAbort) }
      signal.addEventListener('abort', onAbort, { once: true })
      this.#waiters.push(waiter)
    })
  }

  done(key: K): void {
    this.#processing.delete(key)
    if (this.#dirty.has(key)) this.#push(key)
  }

  #push(key: K): void {
    this.#ready.push(key)
    const waiter = this.#waiters.shift()
    if (waiter === undefined) return
    waiter.settled()
    waiter.resolve(this.#take())
  }

  #take(): K {
    const key = this.#ready[this.#head++]!
    // The taken part is let go in strides, so that taking is O(1).
    if (this.#head > 1024 && this.#head * 2 > this.#ready.length) {
      this.#ready.splice(0, this.#head)
      this.#head = 0
    }
    this.#processing.add(key)
    this.#dirty.delete(key)
    return key
  }
}
