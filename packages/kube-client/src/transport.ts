import { ms, type Ms } from '@plimsoll/model'
import { KubeError, silentLog, type Clock, type Log } from '@plimsoll/ports'
import { Agent, ProxyAgent, type Dispatcher } from 'undici'
import type { Credentials, Endpoint, TlsOptions } from './access.ts'
import { errorOfAnswer, isReset, transportText, unavailable } from './failures.ts'
import { queryText, type Query } from './paths.ts'
import { RateLimit } from './rate-limit.ts'

export interface ApiRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  readonly path: string
  readonly query?: Query
  readonly body?: unknown
  /** Of the body; application/json when absent. */
  readonly contentType?: string
  readonly signal?: AbortSignal | undefined
}

export interface TransportOptions {
  readonly clock: Clock
  readonly log?: Log
  readonly userAgent: string
  /** Requests a second, and at once. */
  readonly qps: number
  readonly burst: number
  /** For an answer to be complete; watches may stay open. */
  readonly requestTimeout: Ms
}

/** Each watch has a connection of its own; requests share so many and wait for their turn. */
interface Connections {
  readonly tls: TlsOptions
  readonly requests: Dispatcher
  readonly watches: Dispatcher
}

const connectionsMax = 16
const retriesMax = 10
/** How long files and plugins are trusted before they are asked again; a 401 asks at once. */
const credentialsFor = ms(60_000)

/** Requests to one API server: connections, credentials, limits and retries as client-go's rest package has them. */
export class Transport {
  readonly #endpoint: Endpoint
  readonly #o: TransportOptions
  readonly #log: Log
  readonly #limit: RateLimit
  readonly #origin: string
  readonly #prefix: string
  /** `host:port`, as errors name the server. */
  readonly #host: string
  #credentials: { readonly value: Credentials; readonly at: Ms } | undefined
  #refreshing: Promise<Credentials> | undefined
  #connections: Connections | undefined

  constructor(endpoint: Endpoint, options: TransportOptions) {
    const url = new URL(endpoint.server)
    this.#endpoint = endpoint
    this.#o = options
    this.#log = options.log ?? silentLog
    this.#limit = new RateLimit(options.clock, options)
    this.#origin = url.origin
    this.#prefix = url.pathname.replace(/\/$/, '')
    this.#host = `${url.hostname}:${url.port !== '' ? url.port : url.protocol === 'https:' ? 443 : 80}`
  }

  /** The JSON of a successful answer. @throws {KubeError} */
  async send<R>(request: ApiRequest): Promise<R> {
    const waited = await this.#limit.take(request.signal).catch((error: unknown) => this.#fail(request, error))
    if (waited > 50)
      this.#log.info(3, 'Waited before sending request', {
        delay: `${waited}ms`,
        verb: request.method,
        URL: request.path,
      })
    for (let retries = 0; ; retries++) {
      const { response, done } = await this.#exchange(request, retries, false)
      if (response === undefined) continue
      let text: string
      try {
        text = await response.body.text()
      } catch (error) {
        return this.#fail(request, error)
      } finally {
        done()
      }
      if (response.statusCode < 300) return this.#parse<R>(request, text)
      if (retries < retriesMax && (await this.#mayRetry(request, response))) continue
      throw errorOfAnswer(response.statusCode, text, this.#what(request))
    }
  }

  /** The body of a successful answer as it comes; ends with `signal`. @throws {KubeError} */
  async open(request: ApiRequest & { readonly signal: AbortSignal }): Promise<Dispatcher.ResponseData['body']> {
    for (let retries = 0; ; retries++) {
      const { response, done } = await this.#exchange(request, retries, true)
      if (response === undefined) continue
      done()
      if (response.statusCode < 300) return response.body
      const text = await response.body.text().catch(() => '')
      if (retries < retriesMax && (await this.#mayRetry(request, response))) continue
      throw errorOfAnswer(response.statusCode, text, this.#what(request))
    }
  }

  /** A broken stream, in words. */
  broken(error: unknown): KubeError {
    return unavailable(`watch of ${this.#host}: ${transportText(error)}`, error)
  }

  async close(): Promise<void> {
    const open = this.#connections
    this.#connections = undefined
    await Promise.all([open?.requests.destroy(), open?.watches.destroy()])
  }

  /** One try. No response means: try again. `done` ends the time limit. */
  async #exchange(
    request: ApiRequest,
    retries: number,
    streams: boolean,
  ): Promise<{ readonly response: Dispatcher.ResponseData | undefined; readonly done: () => void }> {
    const credentials = await this.#currentCredentials()
    const late = new AbortController()
    const timer = this.#o.clock.after(this.#o.requestTimeout, () => late.abort(new Error('no answer in time')))
    const signals = request.signal === undefined ? [late.signal] : [late.signal, request.signal]
    try {
      const { requests, watches } = this.#connectionsFor(credentials)
      const response = await (streams ? watches : requests).request({
        origin: this.#origin,
        path: `${this.#prefix}${request.path}${queryText(request.query ?? {})}`,
        method: request.method,
        headers: {
          accept: 'application/json',
          'user-agent': this.#o.userAgent,
          ...credentials.headers,
          ...(request.body === undefined ? {} : { 'content-type': request.contentType ?? 'application/json' }),
        },
        ...(request.body === undefined ? {} : { body: JSON.stringify(request.body) }),
        signal: AbortSignal.any(signals),
        headersTimeout: 0,
        bodyTimeout: 0,
      })
      if (response.statusCode === 401 && retries === 0 && (await this.#renewed(credentials))) {
        timer.cancel()
        await response.body.dump()
        return { response: undefined, done: () => {} }
      }
      return { response, done: () => timer.cancel() }
    } catch (error) {
      timer.cancel()
      if (error instanceof KubeError) throw error
      // A kept connection that the server had closed shows only when it is used.
      if (request.method === 'GET' && isReset(error) && retries < retriesMax) {
        await this.#pause(request, ms(retries === 0 ? 0 : 1000))
        return { response: undefined, done: () => {} }
      }
      return this.#fail(request, error)
    }
  }

  /** Waits as told when the server says `Retry-After` with a 429 or 5xx; a bare one is an answer. */
  async #mayRetry(request: ApiRequest, response: Dispatcher.ResponseData): Promise<boolean> {
    if (response.statusCode !== 429 && response.statusCode < 500) return false
    const after = Number(response.headers['retry-after'] ?? NaN)
    if (!Number.isInteger(after) || after < 0) return false
    this.#log.info(1, `Got a Retry-After ${after}s response for attempt to ${request.path}`)
    await this.#pause(request, ms(after * 1000))
    return true
  }

  async #pause(request: ApiRequest, delay: Ms): Promise<void> {
    await this.#o.clock.sleep(delay, request.signal).catch((error: unknown) => this.#fail(request, error))
  }

  #parse<R>(request: ApiRequest, text: string): R {
    try {
      return JSON.parse(text) as R
    } catch (error) {
      throw unavailable(`${this.#what(request)}: the answer is not JSON`, error)
    }
  }

  #what(request: ApiRequest): string {
    return `${request.method} ${this.#origin}${this.#prefix}${request.path}`
  }

  #fail(request: ApiRequest, error: unknown): never {
    if (error instanceof KubeError) throw error
    if (request.signal?.aborted === true)
      throw unavailable(`${this.#what(request)}: given up: ${transportText(request.signal.reason)}`, error)
    throw unavailable(`${this.#what(request)}: ${this.#host}: ${transportText(error)}`, error)
  }

  async #currentCredentials(renew = false): Promise<Credentials> {
    const known = this.#credentials
    if (!renew && known !== undefined && this.#o.clock.now() - known.at < credentialsFor) return known.value
    this.#refreshing ??= this.#endpoint.credentials({ renew }).finally(() => (this.#refreshing = undefined))
    const value = await this.#refreshing
    this.#credentials = { value, at: this.#o.clock.now() }
    return value
  }

  /** Asks for credentials again; whether they changed. */
  async #renewed(refused: Credentials): Promise<boolean> {
    // Another request may have found out before.
    const known = this.#credentials?.value
    const renewed = known === refused ? await this.#currentCredentials(true) : known
    return renewed !== undefined && fingerprint(renewed) !== fingerprint(refused)
  }

  /** Connections are kept as long as the certificates stay the same. */
  #connectionsFor({ tls }: Credentials): Connections {
    const known = this.#connections
    if (known !== undefined && (known.tls === tls || JSON.stringify(known.tls) === JSON.stringify(tls))) return known
    // What is under way on the old connections may finish.
    void known?.requests.close().catch(() => {})
    void known?.watches.close().catch(() => {})
    const { proxyUrl } = this.#endpoint
    const connect = { ...tls, timeout: 30_000, keepAlive: true, keepAliveInitialDelay: 30_000 }
    const make = (connections: number | null): Dispatcher => {
      const options: Agent.Options = { connections, keepAliveTimeout: 60_000, keepAliveMaxTimeout: 120_000 }
      return proxyUrl === undefined
        ? new Agent({ ...options, connect })
        : new ProxyAgent({ ...options, uri: proxyUrl, requestTls: connect })
    }
    this.#connections = { tls, requests: make(connectionsMax), watches: make(null) }
    return this.#connections
  }
}

function fingerprint(credentials: Credentials): string {
  return JSON.stringify(credentials)
}
