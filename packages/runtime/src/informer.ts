import { assert, keyOf, keyText, ms, type KubeObject, type ObjectKey, type ResourceType } from '@plimsoll/model'
import {
  isKubeFailure,
  KubeError,
  silentLog,
  type Clock,
  type KubeReader,
  type Log,
  type Random,
  type Selection,
  type Subscription,
  type WatchEvent,
} from '@plimsoll/ports'
import { Backoff } from './backoff.ts'
import { ObjectIndex, type IndexFunction } from './object-index.ts'

export interface InformerHandler<T> {
  added?(object: T): void
  updated?(object: T, old: T): void
  /** With the last state known. */
  deleted?(object: T): void
}

export interface InformerOptions<T> {
  readonly clock: Clock
  readonly log?: Log
  readonly selection?: Selection
  /** Each says under which values an object is found; called again with the same object when it goes. */
  readonly indexes?: { readonly [name: string]: IndexFunction<T> }
  /** Spreads the waits after failures; without it they are not spread. */
  readonly random?: Random
  /**
   * What is kept of an object: less, where memory counts. The name, namespace, uid and resourceVersion must stay
   * (kubernetes/client-go:tools/cache, TransformFunc).
   */
  readonly transform?: (object: T) => T
  /** Told of an exception in a handler after the start; by default it ends the process as an unhandled rejection. */
  readonly onDefect?: (error: unknown) => void
}

const pageSize = 500

/**
 * A copy of the objects that a selection admits, kept current: lists in pages, watches from there, watches on after an
 * end, lists again when the server no longer knows the version, and turns the difference into events
 * (kubernetes/client-go:tools/cache, reflector.go and shared_informer.go). Every change that the server reports
 * reaches every handler once and in order.
 */
export class Informer<T extends KubeObject> {
  readonly #kube: KubeReader
  readonly #type: ResourceType<T>
  readonly #clock: Clock
  readonly #log: Log
  readonly #selection: Selection
  readonly #onDefect: (error: unknown) => void
  readonly #transform: ((object: T) => T) | undefined
  readonly #backoff: Backoff
  readonly #objects: ObjectIndex<T>
  readonly #handlers = new Set<InformerHandler<T>>()
  #synced = false
  #started = false
  /** All events up to here were taken in. */
  #version = ''

  constructor(kube: KubeReader, type: ResourceType<T>, options: InformerOptions<T>) {
    this.#kube = kube
    this.#type = type
    this.#clock = options.clock
    this.#log = options.log ?? silentLog
    this.#selection = options.selection ?? {}
    this.#onDefect = options.onDefect ?? unhandled
    this.#transform = options.transform
    this.#backoff = new Backoff({ initial: ms(800), max: ms(30_000), jitter: 1, random: options.random })
    this.#objects = new ObjectIndex(options.indexes ?? {})
  }

  /** Whether the first list was taken in. */
  get synced(): boolean {
    return this.#synced
  }

  /** The resourceVersion up to which everything was taken in. */
  get resourceVersion(): string {
    return this.#version
  }

  get(key: ObjectKey): T | undefined {
    return this.#objects.get(keyText(key))
  }

  /** All objects, in key order. */
  items(): readonly T[] {
    return this.#objects.items()
  }

  /** In key order. @throws RangeError for an index that was not asked for */
  byIndex(name: string, value: string): readonly T[] {
    return this.#objects.byIndex(name, value)
  }

  /**
   * Called synchronously from now on, in the order of subscription; `added` is called at once for what is there
   * already. Returns the function that ends it.
   */
  subscribe(handler: InformerHandler<T>): () => void {
    for (const object of this.items()) handler.added?.(object)
    this.#handlers.add(handler)
    return () => void this.#handlers.delete(handler)
  }

  /**
   * Runs until the signal is aborted; resolves once synced, however long that takes.
   * @throws the signal's reason when aborted before, or what a handler threw
   */
  start(signal: AbortSignal): Promise<void> {
    assert(!this.#started, 'an informer is started once')
    this.#started = true
    return new Promise((resolve, reject) => {
      this.#run(signal, resolve).catch((error: unknown) => {
        if (!this.#synced) reject(error as Error)
        else if (!signal.aborted) this.#onDefect(error)
      })
    })
  }

  async #run(signal: AbortSignal, onSynced: () => void): Promise<void> {
    for (;;) {
      signal.throwIfAborted()
      if (await this.#list(signal)) {
        this.#synced = true
        onSynced()
        await this.#watchUntilGone(signal)
      } else {
        await this.#clock.sleep(this.#backoff.next(), signal)
      }
    }
  }

  /** Lists and takes in the difference; false when the server failed. */
  async #list(signal: AbortSignal): Promise<boolean> {
    let items: T[] = []
    let version = ''
    try {
      let page = await this.#kube.list(this.#type, { ...this.#selection, limit: pageSize })
      items = [...page.items]
      version = page.resourceVersion
      while (page.continue !== undefined && page.continue !== '') {
        signal.throwIfAborted()
        try {
          page = await this.#kube.list(this.#type, { ...this.#selection, limit: pageSize, continue: page.continue })
          items.push(...page.items)
        } catch (error) {
          if (!isKubeFailure(error, 'gone')) throw error
          // The pages went stale under way: take all at once.
          page = await this.#kube.list(this.#type, this.#selection)
          items = [...page.items]
        }
        version = page.resourceVersion
      }
    } catch (error) {
      signal.throwIfAborted()
      if (!(error instanceof KubeError)) throw error
      this.#complain(error)
      return false
    }
    signal.throwIfAborted()
    this.#replace(items)
    this.#version = version
    return true
  }

  async #watchUntilGone(signal: AbortSignal): Promise<void> {
    for (;;) {
      const since = this.#clock.now()
      const before = this.#version
      const error = await this.#watch(signal)
      signal.throwIfAborted()
      if (isKubeFailure(error, 'gone')) {
        this.#log.info(4, 'watch ended: list again', { type: this.#type.plural, err: error })
        return
      }
      if (error === undefined && (this.#version !== before || this.#clock.now() - since >= 1000)) {
        this.#backoff.reset()
        continue
      }
      // A watch that ends at once with nothing is a failure too, or two sides would spin.
      this.#complain(error ?? new Error('very short watch: it ended within a second and without events'))
      await this.#clock.sleep(this.#backoff.next(), signal)
    }
  }

  /** Watches from the version known; resolves to how the watch ended. @throws what a handler threw */
  #watch(signal: AbortSignal): Promise<KubeError | undefined> {
    return new Promise((resolve, reject) => {
      let subscription: Subscription | undefined
      let over = false
      const finish = (settle: () => void): void => {
        if (over) return
        over = true
        signal.removeEventListener('abort', onAbort)
        subscription?.stop()
        settle()
      }
      const onAbort = (): void => finish(() => resolve(undefined))
      signal.addEventListener('abort', onAbort, { once: true })
      const sink = {
        event: (event: WatchEvent<T>): void => {
          if (over) return
          try {
            this.#take(event)
          } catch (error) {
            finish(() => reject(error as Error))
          }
        },
        end: (error?: KubeError): void => finish(() => resolve(error)),
      }
      const options = { ...this.#selection, resourceVersion: this.#version, allowBookmarks: true }
      this.#kube.watch(this.#type, options, sink).then(
        (established) => {
          subscription = established
          if (over) established.stop()
        },
        (error: unknown) => finish(() => (error instanceof KubeError ? resolve(error) : reject(error as Error))),
      )
    })
  }

  #take(event: WatchEvent<T>): void {
    switch (event.type) {
      case 'BOOKMARK':
        this.#version = event.resourceVersion
        break
      case 'ADDED':
      case 'MODIFIED':
        this.#version = event.object.metadata.resourceVersion
        this.#put(event.object)
        break
      case 'DELETED':
        this.#version = event.object.metadata.resourceVersion
        this.#remove(keyText(keyOf(event.object)), event.object)
        break
    }
  }

  #replace(items: readonly T[]): void {
    const present = new Set(items.map((object) => keyText(keyOf(object))))
    const gone = [...this.#objects.keys()].filter((key) => !present.has(key)).sort()
    for (const key of gone) this.#remove(key)
    for (const object of items) this.#put(object)
  }

  #put(whole: T): void {
    const known = this.#objects.get(keyText(keyOf(whole)))
    const object = this.#transform === undefined ? whole : this.#transform(whole)
    if (known !== undefined && known.metadata.resourceVersion === object.metadata.resourceVersion) return
    // Same name, another object: the old one went while nobody looked.
    if (known !== undefined && known.metadata.uid !== object.metadata.uid) this.#remove(keyText(keyOf(known)))
    const old = this.#objects.put(object)
    for (const handler of this.#handlers) {
      if (old === undefined) handler.added?.(object)
      else handler.updated?.(object, old)
    }
  }

  #remove(key: string, last?: T): void {
    const old = this.#objects.remove(key)
    if (old === undefined) return
    const final = last === undefined ? old : (this.#transform?.(last) ?? last)
    for (const handler of this.#handlers) handler.deleted?.(final)
  }

  #complain(error: unknown): void {
    this.#log.error('Failed to watch', { err: error, type: this.#type.plural })
  }
}

function unhandled(error: unknown): void {
  void Promise.reject(error as Error)
}
