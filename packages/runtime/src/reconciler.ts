import { AssertionError, type Ms } from '@plimsoll/model'
import { silentLog, type Clock, type Log } from '@plimsoll/ports'
import { WorkQueue } from './work-queue.ts'

export interface ReconcileResult {
  /** Look at this key again after so long. */
  readonly requeueAfter?: Ms | undefined
}

/** Brings the world to where the key's object wants it. May be called at any time, again and again. */
export type Reconcile<K> = (key: K, signal: AbortSignal) => Promise<ReconcileResult | void>

/**
 * Workers over a queue of keys: failures are logged and retried after 5 ms doubling up to 1000 s
 * (kubernetes-sigs/controller-runtime:pkg/internal/controller/controller.go, reconcileHandler).
 */
export class Reconciler<K extends string | number> {
  readonly queue: WorkQueue<K>
  readonly #name: string
  readonly #log: Log
  readonly #workers: number
  readonly #reconcile: Reconcile<K>

  constructor(o: {
    readonly name: string
    readonly clock: Clock
    readonly log?: Log
    /** How many keys are worked on at a time; 1 when absent. */
    readonly workers?: number
    readonly queue?: WorkQueue<K>
    readonly reconcile: Reconcile<K>
  }) {
    this.#name = o.name
    this.#log = o.log ?? silentLog
    this.#workers = o.workers ?? 1
    this.#reconcile = o.reconcile
    this.queue = o.queue ?? new WorkQueue<K>({ clock: o.clock })
  }

  add(key: K): void {
    this.queue.add(key)
  }

  /** Works until the signal is aborted; then resolves once all work under way has ended. @throws AssertionError of a reconcile */
  async run(signal: AbortSignal): Promise<void> {
    const broken = new AbortController()
    const stop = AbortSignal.any([signal, broken.signal])
    const workers = Array.from({ length: this.#workers }, () =>
      this.#work(stop).catch((error: unknown) => {
        broken.abort(error)
        throw error
      }),
    )
    const outcomes = await Promise.allSettled(workers)
    this.queue.dropDelayed()
    for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason
  }

  async #work(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const key = await this.queue.next(signal).catch(() => undefined)
      if (key === undefined) return
      try {
        await this.#handle(key, signal)
      } finally {
        this.queue.done(key)
      }
    }
  }

  async #handle(key: K, signal: AbortSignal): Promise<void> {
    try {
      const result = await this.#reconcile(key, signal)
      this.queue.forget(key)
      if (result?.requeueAfter !== undefined) this.queue.addAfter(key, result.requeueAfter)
    } catch (error) {
      // A broken promise of our own code is not to be retried into the dark.
      if (error instanceof AssertionError) throw error
      if (signal.aborted) return
      this.#log.error('Reconciler error', { err: error, controller: this.#name, key })
      this.queue.addRateLimited(key)
    }
  }
}
