import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { EmbeddedAws } from '../embedded-aws.ts'
import { answer } from './endpoint.ts'
import { attachForwardProxy, type ProxyCertificate } from './forward-proxy.ts'
import type { HttpResponse } from './envelope.ts'
import type { HttpRequest } from './route.ts'

/** AWS's own limit on request bodies is of this order. */
const bodyBytesMax = 2 * 1024 * 1024

export interface AwsServerOptions {
  /** 0 or absent: any free port. */
  readonly port?: number
  /** Loopback when absent. */
  readonly host?: string
  /**
   * Lets the server be an HTTPS_PROXY for *.amazonaws.com: a certificate for those names and its key, from an authority
   * that the clients trust (AWS_CA_BUNDLE).
   */
  readonly proxy?: ProxyCertificate
}

export interface AwsServer {
  /** `http://127.0.0.1:4566`, for AWS_ENDPOINT_URL (and HTTPS_PROXY). */
  readonly url: string
  close(): Promise<void>
}

/** All services on one plain HTTP port. */
export async function startAwsServer(aws: EmbeddedAws, o: AwsServerOptions = {}): Promise<AwsServer> {
  const host = o.host ?? '127.0.0.1'
  const listener: RequestListener = (request, response) => void serve(aws, request, response)
  const server = createServer(listener)
  // Pooled connections of Go and Python clients would race with Node's default of five seconds.
  server.keepAliveTimeout = 120_000
  server.requestTimeout = 0
  const closeProxy = o.proxy === undefined ? undefined : attachForwardProxy(server, listener, o.proxy)
  await listen(server, o.port ?? 0, host)
  const { port } = server.address() as AddressInfo
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${port}`,
    close: () =>
      new Promise((resolve, reject) => {
        closeProxy?.()
        server.close((error) => (error === undefined ? resolve() : reject(error)))
        server.closeAllConnections()
      }),
  }
}

function listen(server: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => {
      server.off('error', reject)
      resolve()
    })
  })
}

async function serve(aws: EmbeddedAws, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const body = await readBody(request)
  if (body === undefined) {
    send(response, tooLarge)
    return
  }
  const url = new URL(request.url ?? '/', 'http://localhost')
  const asked: HttpRequest = {
    method: request.method ?? 'GET',
    path: url.pathname,
    query: url.searchParams,
    headers: request.headers,
    body,
    isEncrypted: 'encrypted' in request.socket,
  }
  const answered = await whenDurable(aws, await answer(aws, asked))
  if (answered === undefined) request.socket.destroy()
  else send(response, answered)
}

/** The answer, once a crash cannot take back what it says. */
async function whenDurable(aws: EmbeddedAws, answered: HttpResponse | undefined): Promise<HttpResponse | undefined> {
  try {
    await aws.durable()
    return answered
  } catch (error) {
    aws.cloud.log.error('The state of the cloud cannot be kept', { error })
    return notKept
  }
}

/** Undefined when it is larger than we take. The rest is read and dropped: clients read no answer while they send. */
async function readBody(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = []
  let bytes = 0
  try {
    for await (const chunk of request as AsyncIterable<Buffer>) {
      bytes += chunk.length
      if (bytes <= bodyBytesMax) chunks.push(chunk)
    }
  } catch {
    // The client went away while it sent: nobody reads the answer.
    return ''
  }
  return bytes > bodyBytesMax ? undefined : Buffer.concat(chunks).toString('utf8')
}

const tooLarge = plainRefusal(
  400,
  'InvalidInput',
  'The request failed because the payload for the body of the request is too large.',
)
const notKept = plainRefusal(500, 'InternalError', 'The state of the embedded AWS cannot be kept on disk.')

/** In the words of the query protocols, for what is refused before or after the request is looked at. */
function plainRefusal(status: number, code: string, message: string): HttpResponse {
  return {
    status,
    headers: { 'content-type': 'text/xml;charset=UTF-8' },
    body: `<?xml version="1.0" encoding="UTF-8"?>\n<Response><Errors><Error><Code>${code}</Code><Message>${message}</Message></Error></Errors></Response>`,
  }
}

function send(response: ServerResponse, answered: HttpResponse): void {
  response.writeHead(answered.status, { ...answered.headers, 'content-length': Buffer.byteLength(answered.body) })
  response.end(answered.body)
}
