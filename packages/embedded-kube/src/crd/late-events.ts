import { KubeError, type WatchEvent, type WatchSink } from '@plimsoll/ports'
import type { StoredObject } from '../object.ts'
import { ConversionNeeded } from './conversion.ts'

/** Events of a watch in their order, some of which wait until their object has been converted. */
export class LateEvents {
  readonly #sink: WatchSink<StoredObject>
  readonly #ask: (needed: ConversionNeeded) => Promise<void>
  #waiting: (() => WatchEvent<StoredObject>)[] = []
  #stopped = false

  constructor(sink: WatchSink<StoredObject>, ask: (needed: ConversionNeeded) => Promise<void>) {
    this.#sink = sink
    this.#ask = ask
  }

  /** `make` throws ConversionNeeded while its event cannot be told. */
  send(make: () => WatchEvent<StoredObject>): void {
    if (this.#stopped) return
    this.#waiting.push(make)
    if (this.#waiting.length === 1) this.#tell()
  }

  stop(): void {
    this.#stopped = true
    this.#waiting = []
  }

  #tell(): void {
    while (this.#waiting.length > 0 && !this.#stopped) {
      let event: WatchEvent<StoredObject>
      try {
        event = this.#waiting[0]!()
      } catch (error) {
        if (!(error instanceof ConversionNeeded)) throw error
        this.#ask(error).then(
          () => this.#tell(),
          (failure: unknown) => this.#fail(failure),
        )
        return
      }
      this.#waiting.shift()
      this.#sink.event(event)
    }
  }

  #fail(failure: unknown): void {
    this.stop()
    this.#sink.end(failure instanceof KubeError ? failure : undefined)
  }
}
