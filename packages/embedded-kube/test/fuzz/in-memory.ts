// Requests to the handler without a socket.
import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'

export interface FuzzRequest {
  readonly method: string
  readonly url: string
  readonly headers: { readonly [name: string]: string }
  readonly body: Uint8Array
}

export interface FuzzAnswer {
  readonly status: number
  readonly contentType: string
  readonly text: string
  /** Whether it was still going on, as a watch does, when the client had seen enough. */
  readonly isOpen: boolean
}

class RecordedResponse extends ServerResponse {
  readonly chunks: Buffer[] = []
  readonly ended: Promise<void>
  #end: () => void = () => {}
  #isEnded = false
  #isFlushed = false

  constructor(request: IncomingMessage) {
    super(request)
    this.ended = new Promise((resolve) => (this.#end = resolve))
    // Accessors upstream, which its types call properties.
    Object.defineProperty(this, 'headersSent', { get: () => this.#isFlushed })
    Object.defineProperty(this, 'writableEnded', { get: () => this.#isEnded })
  }

  override flushHeaders(): void {
    this.#isFlushed = true
  }

  override write(chunk: unknown): boolean {
    this.#isFlushed = true
    this.chunks.push(Buffer.from(chunk as Uint8Array))
    return true
  }

  override end(chunk?: unknown): this {
    this.#isFlushed = true
    if (chunk !== undefined) this.chunks.push(typeof chunk === 'string' ? Buffer.from(chunk) : (chunk as Buffer))
    this.finish()
    return this
  }

  override destroy(): this {
    this.finish()
    return this
  }

  finish(): void {
    if (this.#isEnded) return
    this.#isEnded = true
    this.emit('close')
    this.#end()
  }
}

/** Sends one request; a stream that stays open is left after `patienceMs`. */
export async function ask(
  handle: (request: IncomingMessage, response: ServerResponse) => void,
  { method, url, headers, body }: FuzzRequest,
  patienceMs: number,
): Promise<FuzzAnswer> {
  const request = new IncomingMessage(new Socket())
  request.method = method
  request.url = url
  Object.assign(request.headers, headers)
  if (body.length > 0) request.push(body)
  request.push(null)
  const response = new RecordedResponse(request)
  handle(request, response)
  let timer: NodeJS.Timeout | undefined
  const patience = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(true), patienceMs)
  })
  const isOpen = await Promise.race([response.ended.then(() => false), patience])
  clearTimeout(timer)
  if (isOpen) response.finish()
  return {
    status: isOpen && !response.headersSent ? 0 : response.statusCode,
    contentType: String(response.getHeader('content-type') ?? ''),
    text: Buffer.concat(response.chunks).toString(),
    isOpen,
  }
}
