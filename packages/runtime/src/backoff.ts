import { assert, ms, type Ms } from '@plimsoll/model'
import { isKubeFailure, type Clock, type Random } from '@plimsoll/ports'

export interface BackoffOptions {
  readonly initial: Ms
  readonly max: Ms
  /** How much longer each wait is than the one before; 2 when absent. */
  readonly factor?: number
  /** Up to this share is added to each wait by chance; needs `random`. */
  readonly jitter?: number
  readonly random?: Random | undefined
}

/** Waits that grow up to a maximum (kubernetes/apimachinery:pkg/util/wait/backoff.go, Backoff.Step). */
export class Backoff {
  readonly #options: BackoffOptions
  #wait: number

  constructor(options: BackoffOptions) {
    assert(options.initial > 0 && options.max >= options.initial, 'a backoff starts above zero and below its maximum')
    this.#options = options
    this.#wait = options.initial
  }

  /** The wait before the next try. */
  next(): Ms {
    const { max, factor = 2, jitter = 0, random } = this.#options
    const wait = this.#wait
    this.#wait = Math.min(wait * factor, max)
    return ms(jitter > 0 && random !== undefined ? wait + wait * jitter * random.next() : wait)
  }

  reset(): void {
    this.#wait = this.#options.initial
  }
}

export interface RetryOptions {
  readonly clock: Clock
  readonly backoff: Backoff
  /** How often the operation is tried at most, the first time included. */
  readonly attempts: number
  /** Whether the error may pass; others are thrown at once. */
  readonly retryable: (error: unknown) => boolean
  readonly signal?: AbortSignal
}

/** Tries until it works. @throws the last error, or the signal's reason */
export async function retry<R>(operation: () => Promise<R>, options: RetryOptions): Promise<R> {
  for (let attempt = 1; ; attempt++) {
    options.signal?.throwIfAborted()
    try {
      return await operation()
    } catch (error) {
      if (attempt >= options.attempts || !options.retryable(error)) throw error
    }
    await options.clock.sleep(options.backoff.next(), options.signal)
  }
}

/**
 * Tries a read-change-write again while somebody else was faster: five times, 10 ms apart
 * (kubernetes/client-go:util/retry/util.go, RetryOnConflict with DefaultRetry).
 */
export function retryOnConflict<R>(operation: () => Promise<R>, clock: Clock, signal?: AbortSignal): Promise<R> {
  return retry(operation, {
    clock,
    backoff: new Backoff({ initial: ms(10), max: ms(10), factor: 1 }),
    attempts: 5,
    retryable: (error) => isKubeFailure(error, 'conflict'),
    ...(signal === undefined ? {} : { signal }),
  })
}
