import { apiVersionOf } from '@plimsoll/model'
import { KubeError, type Subscription, type WatchEvent, type WatchSink } from '@plimsoll/ports'
import type { ApiServer } from '../api-server.ts'
import { expired } from '../errors.ts'
import type { Fields, StoredObject } from '../object.ts'
import type { ResourceInfo } from '../registry.ts'
import type { ServerWatchOptions } from '../request.ts'
import type { Negotiated } from '../wire/media-type.ts'
import { partialMetadata, printerOf, rowOf, type IncludeObject } from '../wire/table/index.ts'
import type { Exchange } from './exchange.ts'
import { objectText } from './object-text.ts'
import { writeChunk } from './stream-writer.ts'

export interface WatchAnswer {
  readonly server: ApiServer
  readonly info: ResourceInfo
  readonly options: ServerWatchOptions
  readonly accepted: Negotiated
  readonly include: IncludeObject
  readonly timeoutMs: number
}

const bookmarkMs = 60_000
/** What a client may leave unread of live events before it is cut off and has to list again. */
const unreadBytesMax = 64 * 1024 * 1024
/** How long one that was cut off may take to read what is on its way. */
const readingMs = 10_000
const chunkBytes = 1024 * 1024
const newline = 10
/** What Node's timers can wait: 24 days. */
const timerMsMax = 2 ** 31 - 1

/**
 * Streams a watch until it times out, the server ends it, or the client goes away. Once the parameters are good every
 * failure is an event of the stream. @throws {KubeError} for bad parameters, before anything is sent
 */
export function sendWatch(exchange: Exchange, answer: WatchAnswer): void {
  const stream = new WatchStream(exchange, answer)
  try {
    stream.follow(answer.server.watch(exchange.context, answer.info, answer.options, stream))
  } catch (error) {
    if (!(error instanceof KubeError && (error.failure === 'gone' || error.failure === 'timeout'))) throw error
    stream.end(error)
  }
  stream.open()
}

class WatchStream implements WatchSink<StoredObject> {
  readonly #exchange: Exchange
  readonly #answer: WatchAnswer
  readonly #encode: Encode
  #subscription: Subscription | undefined
  #pending: Buffer[] = []
  #unreadBytes = 0
  /** The initial state does not count: it is shared with every other reader, and no slowness piled it up. */
  #unreadBytesMax = Infinity
  #opened = false
  #scheduled = false
  #writing = false
  #ended = false
  #isCutOff = false
  #timers: NodeJS.Timeout[] = []

  constructor(exchange: Exchange, answer: WatchAnswer) {
    this.#exchange = exchange
    this.#answer = answer
    this.#encode = encoderOf(answer)
  }

  event(event: WatchEvent<StoredObject>): void {
    if (this.#ended) return
    const bytes = this.#encode(event)
    this.#pending.push(...bytes)
    for (const part of bytes) this.#unreadBytes += part.length
    if (this.#unreadBytes > this.#unreadBytesMax) this.#cutOff()
    this.#schedule()
  }

  end(error?: KubeError): void {
    if (this.#ended) return
    if (error !== undefined) {
      this.#pending.push(Buffer.from(`${JSON.stringify({ type: 'ERROR', object: error.status })}\n`))
    }
    this.#stop()
    this.#schedule()
  }

  /**
   * The client reads slower than things happen: what waits for it is dropped, and once it has read what is on its way
   * it is told to list again. One that reads nothing at all loses its stream.
   */
  #cutOff(): void {
    this.#isCutOff = true
    this.#pending = []
    this.end(expired('The watch was too slow: its unread events were dropped. List again and watch from there.'))
    this.#timers.push(setTimeout(() => this.#exchange.cut(), readingMs).unref())
  }

  follow(subscription: Subscription): void {
    this.#subscription = subscription
    this.#unreadBytesMax = this.#unreadBytes + unreadBytesMax
    if (this.#ended) subscription.stop()
  }

  /** Sends the headers, so that the client knows that it is being served even before the first event. */
  open(): void {
    const { response } = this.#exchange
    this.#exchange.start(200, 'application/json')
    response.flushHeaders()
    response.on('close', () => {
      this.#stop()
      this.#pending = []
    })
    response.on('error', () => this.#stop())
    this.#opened = true
    if (!this.#ended) {
      const { timeoutMs, options } = this.#answer
      this.#timers.push(setTimeout(() => this.end(), Math.min(timeoutMs, timerMsMax)))
      if (options.allowBookmarks === true) this.#timers.push(setInterval(() => this.#bookmark(), bookmarkMs))
    }
    this.#schedule()
  }

  #bookmark(): void {
    // Every event up to the server's version is queued already, so the bookmark keeps its place behind them.
    const { resourceVersion } = this.#answer.server
    this.event({ type: 'BOOKMARK', resourceVersion, initialEventsEnd: false })
  }

  #stop(): void {
    this.#ended = true
    this.#subscription?.stop()
    for (const timer of this.#timers) clearTimeout(timer)
    this.#timers = []
  }

  /** Events of one tick go out in one write. */
  #schedule(): void {
    if (this.#scheduled || this.#writing || !this.#opened) return
    this.#scheduled = true
    setImmediate(() => {
      this.#scheduled = false
      this.#flush().catch(() => {
        // What it would have shown cannot be kept on disk.
        this.#stop()
        this.#exchange.cut()
      })
    })
  }

  async #flush(): Promise<void> {
    this.#writing = true
    while (this.#pending.length > 0) {
      const queue = this.#pending
      this.#pending = []
      for (const chunk of chunksOf(queue)) {
        if (!(await writeChunk(this.#exchange, chunk))) {
          this.#stop()
          return
        }
        this.#unreadBytes -= chunk.length
        if (this.#isCutOff) break
      }
    }
    this.#writing = false
    if (this.#ended) this.#exchange.response.end()
  }
}

/** Whole events each: after any of them the stream may say that it ends. */
function* chunksOf(parts: readonly Buffer[]): Generator<Buffer> {
  let from = 0
  let bytes = 0
  for (let i = 0; i < parts.length; i++) {
    bytes += parts[i]!.length
    const isLineEnd = parts[i]!.at(-1) === newline
    if ((bytes < chunkBytes || !isLineEnd) && i < parts.length - 1) continue
    yield Buffer.concat(parts.slice(from, i + 1), bytes)
    from = i + 1
    bytes = 0
  }
}

type Encode = (event: WatchEvent<StoredObject>) => readonly Buffer[]

const prefixes = {
  ADDED: Buffer.from('{"type":"ADDED","object":'),
  MODIFIED: Buffer.from('{"type":"MODIFIED","object":'),
  DELETED: Buffer.from('{"type":"DELETED","object":'),
}
const suffix = Buffer.from('}\n')

function encoderOf(answer: WatchAnswer): Encode {
  const shape = shapeOf(answer)
  return (event) => {
    if (event.type === 'BOOKMARK')
      return [Buffer.from(`${JSON.stringify({ type: 'BOOKMARK', object: shape.bookmark(event) })}\n`)]
    return [prefixes[event.type], shape.text(event.object), suffix]
  }
}

type Bookmark = Extract<WatchEvent<StoredObject>, { type: 'BOOKMARK' }>

interface Shape {
  text(object: StoredObject): Buffer
  bookmark(event: Bookmark): Fields
}

function shapeOf({ server, info, accepted, include }: WatchAnswer): Shape {
  const { as, metaVersion } = accepted
  if (as === undefined) {
    return {
      text: objectText,
      bookmark: (event) => ({ kind: info.kind, apiVersion: apiVersionOf(info), metadata: bookmarkMeta(event) }),
    }
  }
  const partial = { kind: 'PartialObjectMetadata', apiVersion: `meta.k8s.io/${metaVersion}` }
  if (as !== 'Table') {
    return {
      text: (object) => Buffer.from(JSON.stringify(partialMetadata(object, metaVersion))),
      bookmark: (event) => ({ ...partial, metadata: bookmarkMeta(event) }),
    }
  }
  const printer = printerOf(info)
  let told = false
  const table = (resourceVersion: string, row: Fields): Fields => {
    const columnDefinitions = told ? null : printer.columns
    told = true
    return {
      kind: 'Table',
      apiVersion: `meta.k8s.io/${metaVersion}`,
      metadata: { resourceVersion },
      columnDefinitions,
      rows: [row],
    }
  }
  return {
    text: (object) => {
      const row = rowOf(printer, object, server.clock.now(), include, metaVersion)
      return Buffer.from(JSON.stringify(table(object.metadata.resourceVersion, row)))
    },
    bookmark: (event) =>
      table(event.resourceVersion, { cells: [], object: { ...partial, metadata: bookmarkMeta(event) } }),
  }
}

function bookmarkMeta(event: Bookmark): Fields {
  return {
    resourceVersion: event.resourceVersion,
    ...(event.initialEventsEnd ? { annotations: { 'k8s.io/initial-events-end': 'true' } } : {}),
  }
}
