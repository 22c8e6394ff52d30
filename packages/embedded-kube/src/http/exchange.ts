import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { KubeError } from '@plimsoll/ports'
import { failure, internal } from '../errors.ts'
import type { Fields } from '../object.ts'
import type { RequestContext, UserInfo } from '../request.ts'
import { negotiate, type Negotiated } from '../wire/media-type.ts'
import { Query } from '../wire/query.ts'
import { anonymous } from '../wire/user.ts'
import { yamlText } from '../wire/yaml-text.ts'

/** Settled by upstream as well (kubernetes/apiserver:pkg/server/config.go, MaxRequestBodyBytes). */
const bodyBytesMax = 3 * 1024 * 1024
const newline = Buffer.from('\n')
const flowSchema = '8d2b8b2c-6f7e-4a0f-9d5c-2f6b8a1c0e11'
const priorityLevel = '1f6f0f5e-3c1c-4a63-8f0e-7b9d3e5a4c22'

/** A request that wants to go on as another protocol: the socket, and what came after its header. */
export interface Upgrade {
  readonly socket: Duplex
  readonly head: Buffer
}

/** One request and its answer, over HTTP/1.1 or HTTP/2 alike. */
export class Exchange {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly method: string
  readonly path: string
  readonly query: Query
  readonly auditId: string = randomUUID()
  readonly warnings: string[] = []
  user: UserInfo = anonymous
  /** Set for a request that wants to go on as another protocol. */
  upgrade: Upgrade | undefined
  readonly #durable: () => Promise<void> | undefined
  #body: Promise<Buffer> | undefined

  /** `durable`: what the answer shows may leave the process once it resolves; at once when there is nothing to wait for. */
  constructor(
    request: IncomingMessage,
    response: ServerResponse,
    durable: () => Promise<void> | undefined = () => undefined,
  ) {
    this.#durable = durable
    this.request = request
    this.response = response
    this.method = request.method ?? 'GET'
    const url = request.url ?? '/'
    const mark = url.indexOf('?')
    this.path = mark < 0 ? url : url.slice(0, mark)
    this.query = new Query(mark < 0 ? '' : url.slice(mark + 1))
  }

  get context(): RequestContext {
    return { user: this.user, userAgent: this.header('user-agent') ?? '', warnings: this.warnings }
  }

  header(name: string): string | undefined {
    const value = this.request.headers[name]
    return Array.isArray(value) ? value.join(', ') : value
  }

  /** Whether a person reads the answer: said so, or with a browser, curl or wget. */
  get pretty(): boolean {
    if (this.query.has('pretty')) return this.query.flag('pretty')
    return /^(curl|Wget|Mozilla\/5\.0)/.test(this.header('user-agent') ?? '')
  }

  /** @throws {KubeError} notAcceptable */
  accepted(...shapes: readonly string[]): Negotiated {
    const found = negotiate(this.header('accept'), shapes)
    if (found === undefined) throw notAcceptable(this.header('accept'))
    return found
  }

  /** The whole body, however often it is asked for. @throws {KubeError} tooLarge */
  body(): Promise<Buffer> {
    this.#body ??= this.#readBody()
    return this.#body
  }

  async #readBody(): Promise<Buffer> {
    const chunks: Buffer[] = []
    let length = 0
    for await (const chunk of this.request as AsyncIterable<Buffer>) {
      length += chunk.length
      // What is too much is read all the same: a client that still writes would not see the answer.
      if (length <= bodyBytesMax) chunks.push(chunk)
    }
    if (length > bodyBytesMax) {
      throw failure('tooLarge', `Request entity too large: limit is ${bodyBytesMax}`)
    }
    return Buffer.concat(chunks)
  }

  /** Resolves when what has been decided so far would survive a crash. Rejects while the disk refuses. */
  durable(): Promise<void> | undefined {
    return this.#durable()
  }

  /** Begins the answer. */
  start(status: number, contentType: string, headers: { readonly [name: string]: string } = {}): void {
    const { response } = this
    response.statusCode = status
    response.setHeader('Audit-Id', this.auditId)
    response.setHeader('Cache-Control', 'no-cache, private')
    response.setHeader('Content-Type', contentType)
    response.setHeader('X-Kubernetes-Pf-Flowschema-Uid', flowSchema)
    response.setHeader('X-Kubernetes-Pf-Prioritylevel-Uid', priorityLevel)
    const warnings = [...new Set(this.warnings)].map((text) => `299 - ${quoted(text)}`)
    if (warnings.length > 0) response.setHeader('Warning', warnings)
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value)
  }

  send(
    status: number,
    contentType: string,
    body: string | Uint8Array,
    headers: { readonly [name: string]: string } = {},
  ): void {
    const waiting = this.#durable()
    if (waiting === undefined) this.#deliver(status, contentType, body, headers)
    else
      waiting.then(
        () => this.#deliver(status, contentType, body, headers),
        (error: unknown) => this.#refuse(error),
      )
  }

  /** The answer to everything while writes cannot be kept: nothing is shown that a crash would take back. */
  #refuse(error: unknown): void {
    const { status } = internal(error instanceof Error ? error.message : String(error))
    this.#deliver(status.code ?? 500, 'application/json', `${JSON.stringify(status)}\n`, {})
  }

  #deliver(
    status: number,
    contentType: string,
    body: string | Uint8Array,
    headers: { readonly [name: string]: string },
  ): void {
    if (this.response.headersSent || this.response.destroyed) return
    const bytes = typeof body === 'string' ? Buffer.from(body) : body
    this.start(status, contentType, headers)
    this.response.setHeader('Content-Length', bytes.length)
    this.response.end(this.method === 'HEAD' ? undefined : bytes)
  }

  /** An object in the format that the client takes. `text` is its JSON, where it is at hand already. */
  sendObject(
    status: number,
    object: Fields,
    format: Negotiated['format'] = this.accepted().format,
    text?: Buffer,
  ): void {
    if (format === 'yaml') this.send(status, 'application/yaml', yamlText(plainOf(object)))
    else if (this.pretty) this.send(status, 'application/json', JSON.stringify(object, null, 2))
    else
      this.send(
        status,
        'application/json',
        text === undefined ? `${JSON.stringify(object)}\n` : Buffer.concat([text, newline]),
      )
  }

  sendError(error: unknown): void {
    if (this.response.headersSent) {
      this.cut()
      return
    }
    const failed = error instanceof KubeError ? error : internal(error instanceof Error ? error.message : String(error))
    const { status } = failed
    const retryAfter = status.details?.retryAfterSeconds ?? 0
    const format = negotiate(this.header('accept'), [])?.format ?? 'json'
    const text = this.pretty ? JSON.stringify(status, null, 2) : `${JSON.stringify(status)}\n`
    const body = format === 'yaml' ? yamlText(plainOf(status as Fields)) : text
    this.send(
      status.code ?? 500,
      `application/${format}`,
      body,
      retryAfter > 0 ? { 'Retry-After': String(retryAfter) } : {},
    )
  }

  /** Breaks the answer off, so that the client does not take it for complete. */
  cut(): void {
    const { stream } = this.response as { stream?: { destroy(): void } }
    if (stream === undefined) this.response.destroy()
    else stream.destroy()
  }
}

/** In two forms: nothing that could be served, or a format that could be but not in the shape. */
function notAcceptable(accept: string | undefined): KubeError {
  const formats = 'application/json, application/yaml'
  if (negotiate(accept, undefined) !== undefined) {
    return failure('notAcceptable', `only the following media types are accepted: ${formats}`)
  }
  return failure('notAcceptable', `406: Not Acceptable\n\nAvailable representations: ${formats}`, {})
}

/** Without undefined fields, which JSON drops and YAML would print. */
function plainOf(object: Fields): unknown {
  return JSON.parse(JSON.stringify(object)) as unknown
}

/** A quoted-string of printable ASCII. */
function quoted(text: string): string {
  return `"${text.replace(/[^\x20-\x7e]/g, ' ').replace(/["\\]/g, '\\$&')}"`
}
