import { ms } from '@plimsoll/model'
import type { Clock } from '@plimsoll/ports'

/**
 * So many requests at once and so many a second, in the order in which they came
 * (kubernetes/client-go:util/flowcontrol/throttle.go, NewTokenBucketRateLimiter).
 */
export class RateLimit {
  readonly #clock: Clock
  readonly #qps: number
  readonly #burst: number
  #tokens: number
  #at: number

  /** No limit when `qps` is not above zero. */
  constructor(clock: Clock, o: { readonly qps: number; readonly burst: number }) {
    this.#clock = clock
    this.#qps = o.qps
    this.#burst = Math.max(1, o.burst)
    this.#tokens = this.#burst
    this.#at = clock.now()
  }

  /** Waits for a turn; resolves to how many milliseconds that took. */
  async take(signal?: AbortSignal): Promise<number> {
    if (!(this.#qps > 0)) return 0
    const now = this.#clock.now()
    this.#tokens = Math.min(this.#burst, this.#tokens + ((now - this.#at) / 1000) * this.#qps)
    this.#at = now
    this.#tokens -= 1
    if (this.#tokens >= 0) return 0
    // A turn is reserved: the next one comes after it.
    const wait = (-this.#tokens / this.#qps) * 1000
    await this.#clock.sleep(ms(wait), signal)
    return wait
  }
}
