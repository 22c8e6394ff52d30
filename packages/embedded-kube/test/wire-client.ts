// A bare HTTP/2 client, to see answers as they are.
import { connect, type ClientHttp2Session, type ClientHttp2Stream, type IncomingHttpHeaders } from 'node:http2'
import type { TestServer } from './serve.ts'

export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly text: string
  /** The body as JSON. */
  // Tests reach into answers of every kind.
  // oxlint-disable-next-line typescript/no-explicit-any
  readonly json: any
}

export interface Sent {
  readonly method?: string
  readonly headers?: { readonly [name: string]: string }
  readonly body?: string | Uint8Array | object
}

export class WireClient {
  readonly #session: ClientHttp2Session

  /** As the administrator, unless `anonymous`. */
  constructor({ server, pki }: TestServer, o: { readonly anonymous?: boolean } = {}) {
    const identity = o.anonymous === true ? {} : { cert: pki.admin.certificate, key: pki.admin.key }
    this.#session = connect(server.url, { ca: pki.ca.certificate, ...identity })
    this.#session.on('error', () => {})
  }

  async send(path: string, sent: Sent = {}): Promise<Answer> {
    const { stream, headers } = await this.open(path, sent)
    const chunks: Buffer[] = []
    for await (const chunk of stream as AsyncIterable<Buffer>) chunks.push(chunk)
    const text = Buffer.concat(chunks).toString()
    return {
      status: Number(headers[':status']),
      headers,
      text,
      get json() {
        return JSON.parse(text) as unknown
      },
    }
  }

  /** Resolves with the headers of the answer. */
  open(
    path: string,
    { method, headers, body }: Sent = {},
  ): Promise<{ readonly stream: ClientHttp2Stream; readonly headers: IncomingHttpHeaders }> {
    const bytes =
      body === undefined || typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body)
    const stream = this.#session.request(
      {
        ':path': path,
        ':method': method ?? (bytes === undefined ? 'GET' : 'POST'),
        ...(bytes === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      // Deletions have bodies too, which the library does not expect.
      { endStream: bytes === undefined },
    )
    if (bytes !== undefined) stream.end(bytes)
    return new Promise((resolve, reject) => {
      stream.once('error', reject)
      stream.once('response', (answered) => resolve({ stream, headers: answered }))
    })
  }

  /** The events of a watch, until it ends or `stop` is called. */
  async *watch(path: string, sent: Sent = {}): AsyncGenerator<{ type: string; object: Answer['json'] }> {
    const { stream } = await this.open(path, sent)
    let chunks: Buffer[] = []
    try {
      for await (const chunk of stream as AsyncIterable<Buffer>) {
        chunks.push(chunk)
        if (!chunk.includes(10)) continue
        const lines = Buffer.concat(chunks).toString().split('\n')
        chunks = [Buffer.from(lines.pop()!)]
        for (const line of lines) yield JSON.parse(line) as { type: string; object: Answer['json'] }
      }
    } finally {
      stream.destroy()
    }
  }

  close(): void {
    this.#session.destroy()
  }
}
