// The API server on the wire: one HTTPS port for HTTP/2 and HTTP/1.1, and one without TLS where that is asked for.
import { createServer, ServerResponse, type IncomingMessage, type Server } from 'node:http'
import { createSecureServer, type Http2SecureServer } from 'node:http2'
import type { AddressInfo, Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { KubeError } from '@plimsoll/ports'
import type { ApiServer } from '../api-server.ts'
import { impersonated } from '../authorization/impersonation.ts'
import { attributesOfPath } from '../authorization/request-attributes.ts'
import { failure, notAuthorized, pathNotAuthorized, resourceNotFound } from '../errors.ts'
import { textOf, type Fields } from '../object.ts'
import type { UserInfo } from '../request.ts'
import { issuerDefault } from '../subresources/service-account-token.ts'
import { apiGroupList, apiGroupNamed, apiResourceList, coreVersions } from '../wire/discovery.ts'
import { negotiateDiscovery } from '../wire/media-type.ts'
import { parseResourcePath, type ResourcePath } from '../wire/resource-path.ts'
import { gitVersionDefault, serverVersion } from '../wire/server-version.ts'
import { administrator, anonymous } from '../wire/user.ts'
import { impersonationOf, userOf, userOfToken } from './authentication.ts'
import { ConversionNeeded } from '../crd/conversion.ts'
import { webhookCaller, type ServiceAddress } from './conversion-webhook.ts'
import { Documents, type Document } from './documents.ts'
import { Exchange, type Upgrade } from './exchange.ts'
import { negotiateOpenApiV2, openApiV2, openApiV2Binary } from './openapi-v2.ts'
import type { Pki } from './pki.ts'
import { RequestMetrics } from './request-metrics.ts'
import { decodePatched, handleResource } from './resource-handler.ts'
import { tokenSigner, type PublishedSigner } from './token-signer.ts'

/** A request under way that others keep changing what it converts is given up. */
const attemptsMax = 20

/** One finished request. */
export interface AccessRecord {
  readonly method: string
  /** Path and query. */
  readonly url: string
  readonly status: number
  readonly user: string
  readonly userAgent: string
  /** What kubectl says that it was asked to do, as `kubectl get`; empty for other clients. */
  readonly command: string
  /** Until the answer was complete; a watch lasts as long as it is open. */
  readonly durationMs: number
}

export interface KubeServerOptions {
  /** 0, the default, takes a free one. */
  readonly port?: number
  /** Default 127.0.0.1. */
  readonly host?: string
  readonly pki: Pki
  /** Users of bearer tokens that never change. */
  readonly tokens?: { readonly [token: string]: UserInfo }
  /** Whose token of `aws eks get-token` it is; every well-formed one is the administrator's when absent. */
  readonly eksTokens?: (presigned: URL) => UserInfo | undefined
  /** Whether requests without credentials may do everything too; else they only see versions and health. */
  readonly anonymousAccess?: boolean
  /** A second port without TLS where everyone is the administrator; 0 takes a free one. */
  readonly insecurePort?: number
  /** What /version tells: `v1.35.0+plimsoll`, or in EKS's form `v1.35.0-eks-3025e55`. */
  readonly gitVersion?: string
  readonly onAccess?: (record: AccessRecord) => void
  /** Where the services of webhooks are reached. */
  readonly serviceAddress?: ServiceAddress
}

export interface KubeServer {
  /** `https://127.0.0.1:6443` */
  readonly url: string
  readonly port: number
  /** Of the port without TLS. */
  readonly insecureUrl: string | undefined
  /** Ends every connection, watches too. */
  close(): Promise<void>
}

/** What answers requests, whatever brings them. */
export function requestHandler(server: ApiServer, options: KubeServerOptions): RequestHandler {
  server.decoder = decodePatched
  server.webhookCaller = webhookCaller(options.serviceAddress)
  server.otherTokens = (token) => userOfToken(token, { tokens: options.tokens, eks: options.eksTokens })
  const signer = tokenSigner(options.pki.server.key)
  server.tokenSigner = signer
  return new RequestHandler(server, new Documents(server), new RequestMetrics(), signer, options)
}

/** Serves the API server. Resolves when it listens; rejects when the port is taken. */
export async function startKubeServer(server: ApiServer, options: KubeServerOptions): Promise<KubeServer> {
  const { pki, host = '127.0.0.1' } = options
  const handler = requestHandler(server, options)
  const secure = createSecureServer({
    allowHTTP1: true,
    key: pki.server.key,
    cert: pki.server.certificate,
    ca: pki.ca.certificate,
    requestCert: true,
    rejectUnauthorized: false,
    // A Go client has all its watches on one connection.
    settings: { maxConcurrentStreams: 10_000 },
    maxSessionMemory: 1024,
  })
  secure.on('session', (session) => {
    session.setTimeout(0)
    session.on('error', () => {})
  })
  secure.on('request', (request, response) =>
    handler.handle(request as unknown as IncomingMessage, response as unknown as ServerResponse, false),
  )
  secure.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) =>
    handler.upgrade(request, socket, head, false),
  )
  const main = await listen(secure, options.port ?? 0, host)
  const shownHost = host.includes(':') ? `[${host}]` : host === '0.0.0.0' ? '127.0.0.1' : host
  if (options.insecurePort === undefined) {
    return {
      url: `https://${shownHost}:${main.port}`,
      port: main.port,
      insecureUrl: undefined,
      close: () => main.close(),
    }
  }
  const open = createServer((request, response) => handler.handle(request, response, true))
  open.requestTimeout = 0
  open.on('upgrade', (request, socket, head) => handler.upgrade(request, socket, head, true))
  try {
    const insecure = await listen(open, options.insecurePort, host)
    return {
      url: `https://${shownHost}:${main.port}`,
      port: main.port,
      insecureUrl: `http://${shownHost}:${insecure.port}`,
      close: async () => {
        await Promise.all([main.close(), insecure.close()])
      },
    }
  } catch (error) {
    await main.close()
    throw error
  }
}

async function listen(
  listener: Http2SecureServer | Server,
  port: number,
  host: string,
): Promise<{ readonly port: number; close(): Promise<void> }> {
  const sockets = new Set<Socket>()
  listener.on('connection', (socket: Socket) => {
    socket.setNoDelay(true)
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  // Clients cut connections at exit, and scanners speak something else.
  listener.on('sessionError', () => {})
  listener.on('tlsClientError', () => {})
  listener.on('clientError', (_error: Error, socket: Socket) => socket.destroy())
  await new Promise<void>((resolve, reject) => {
    listener.once('error', reject)
    listener.listen(port, host, () => {
      listener.off('error', reject)
      resolve()
    })
  })
  return {
    port: (listener.address() as AddressInfo).port,
    close: async () => {
      const closed = new Promise<void>((resolve) => listener.close(() => resolve()))
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
}

const openToAll = /^\/(version|healthz|livez|readyz)(\/|$)/

class RequestHandler {
  readonly #server: ApiServer
  readonly #documents: Documents
  readonly #metrics: RequestMetrics
  readonly #signer: PublishedSigner
  readonly #options: KubeServerOptions

  constructor(
    server: ApiServer,
    documents: Documents,
    metrics: RequestMetrics,
    signer: PublishedSigner,
    options: KubeServerOptions,
  ) {
    this.#signer = signer
    this.#server = server
    this.#documents = documents
    this.#metrics = metrics
    this.#options = options
  }

  /** Of HTTP/1.1: whatever does not go on as a WebSocket is answered like other requests. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer, trusted: boolean): void {
    const response = new ServerResponse(request)
    response.shouldKeepAlive = false
    response.assignSocket(socket as Socket)
    response.on('finish', () => socket.end())
    socket.on('error', () => {})
    this.handle(request, response, trusted, { socket, head })
  }

  handle(request: IncomingMessage, response: ServerResponse, trusted: boolean, upgrade?: Upgrade): void {
    const exchange = new Exchange(request, response, () => this.#server.durable())
    exchange.upgrade = upgrade
    const began = performance.now()
    // A peer that is gone is no news; without a listener it would end the process.
    request.on('error', () => {})
    response.on('error', () => {})
    response.on('close', () => this.#finished(exchange, performance.now() - began))
    this.#answer(exchange, trusted).catch((error: unknown) => exchange.sendError(error))
  }

  #finished(exchange: Exchange, durationMs: number): void {
    const { method, user, response } = exchange
    this.#metrics.count(method, response.statusCode, durationMs)
    this.#options.onAccess?.({
      method,
      url: exchange.request.url ?? '',
      status: response.statusCode,
      user: user.name,
      userAgent: exchange.header('user-agent') ?? '',
      command: exchange.header('kubectl-command') ?? '',
      durationMs,
    })
  }

  async #answer(exchange: Exchange, trusted: boolean): Promise<void> {
    exchange.user = trusted ? administrator : userOf(exchange.request, (token) => this.#server.tokenOwner(token))
    const headers = impersonationOf(exchange.request)
    if (headers !== undefined) exchange.user = impersonated(exchange.user, headers, this.#server.authorizer)
    const path = resourcePathOf(exchange.path)
    this.#authorize(exchange, path)
    if (this.#answerDocument(exchange)) return
    if (path === undefined || !this.#isServed(path.group)) {
      // Below a group that is known, an unknown version is a resource that is not there.
      if (/^\/api\/|^\/apis\/[^/]+\/./.test(exchange.path) && this.#isServed(groupOfPath(exchange.path))) {
        throw resourceNotFound()
      }
      pageNotFound(exchange)
      return
    }
    const warning = deprecated[`${path.group}/${path.version}/${path.plural}`]
    if (warning !== undefined) exchange.warnings.push(warning)
    if (path.group === 'metrics.k8s.io' && this.#server.usage === undefined) {
      throw failure('notFound', 'the server could not find the requested resource', {})
    }
    await this.#handleConverted(exchange, path)
  }

  /** Again after a webhook has converted what it needs: an update needs the object as it was, and as it is to be. */
  async #handleConverted(exchange: Exchange, path: ResourcePath): Promise<void> {
    const warned = exchange.warnings.length
    for (let attempts = 1; ; attempts++) {
      try {
        return await handleResource(exchange, path, this.#server)
      } catch (error) {
        if (!(error instanceof ConversionNeeded) || attempts === attemptsMax) throw error
        exchange.warnings.length = warned
        await this.#server.converted(error)
      }
    }
  }

  #isServed(group: string): boolean {
    return group === '' || this.#documents.resources().some((info) => info.group === group)
  }

  /** Before anything else is said about a request. @throws {KubeError} forbidden */
  #authorize({ user, path, method, query }: Exchange, resource: ResourcePath | undefined): void {
    const { authorizer } = this.#server
    if (authorizer === undefined) {
      if (user !== anonymous || this.#options.anonymousAccess === true || openToAll.test(path)) return
    }
    if (resource === undefined) {
      const verb = method.toLowerCase()
      const decision = authorizer?.path(user, verb, path)
      if (decision?.allowed !== true) throw pathNotAuthorized(user, verb, path, decision?.reason ?? '')
      return
    }
    const request = attributesOfPath(resource, method, query)
    const decision = authorizer?.resource(user, request)
    if (decision?.allowed !== true) throw notAuthorized(user, request, decision?.reason ?? '')
  }

  /** Everything that is no resource. Whether it was answered. */
  #answerDocument(exchange: Exchange): boolean {
    const segments = exchange.path.split('/').filter((segment) => segment !== '')
    const [first, second, third] = segments
    const resources = this.#documents.resources()
    switch (first) {
      case undefined:
        exchange.sendObject(200, { paths: rootPaths(resources) })
        return true
      case 'version':
        exchange.sendObject(200, serverVersion(this.#options.gitVersion ?? gitVersionDefault))
        return true
      case 'healthz':
      case 'livez':
      case 'readyz':
        answerHealth(exchange, first, second === undefined ? undefined : segments.slice(1).join('/'))
        return true
      case 'metrics':
        exchange.send(200, 'text/plain; version=0.0.4; charset=utf-8', this.#metrics.expose())
        return true
      case '.well-known':
        return second === 'openid-configuration' && answerFound(exchange, this.#issuer(exchange))
      case 'openid':
        return (
          exchange.path === '/openid/v1/jwks' && answerFound(exchange, this.#signer.keys, 'application/jwk-set+json')
        )
      case 'openapi':
        return this.#answerOpenApi(exchange, segments.slice(1))
      case 'api':
        if (second === undefined) {
          this.#answerDiscovery(exchange, true)
          return true
        }
        return third === undefined && answerFound(exchange, apiResourceList(resources, '', second))
      case 'apis':
        if (second === undefined) {
          this.#answerDiscovery(exchange, false)
          return true
        }
        if (third === undefined) return answerFound(exchange, apiGroupNamed(resources, second))
        return segments.length === 3 && answerFound(exchange, apiResourceList(resources, second, third))
      default:
        return false
    }
  }

  #answerDiscovery(exchange: Exchange, core: boolean): void {
    const version = negotiateDiscovery(exchange.header('accept'))
    if (version !== undefined) {
      const type = `application/json;g=apidiscovery.k8s.io;v=${version};as=APIGroupDiscoveryList`
      sendDocument(exchange, this.#documents.discovery(core, version), type)
      return
    }
    const host = exchange.header(':authority') ?? exchange.header('host') ?? ''
    exchange.sendObject(200, core ? coreVersions(host) : apiGroupList(this.#documents.resources()))
  }

  /** Where the keys of service accounts' tokens are (OpenID Connect Discovery). */
  #issuer(exchange: Exchange): Fields {
    const host = exchange.header(':authority') ?? exchange.header('host') ?? ''
    return {
      issuer: issuerDefault,
      jwks_uri: `https://${host}/openid/v1/jwks`,
      response_types_supported: ['id_token'],
      subject_types_supported: ['public'],
      id_token_signing_alg_values_supported: [this.#signer.algorithm],
    }
  }

  #answerOpenApiV2(exchange: Exchange): void {
    const { major, minor } = serverVersion(this.#options.gitVersion ?? gitVersionDefault)
    const version = `${textOf(major)}.${textOf(minor)}`
    const wanted = negotiateOpenApiV2(exchange.header('accept'))
    if (wanted === 'json') exchange.sendObject(200, openApiV2(version))
    else if (wanted === 'binary') {
      const type = 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf'
      exchange.send(200, type, openApiV2Binary(version), { Vary: 'Accept' })
    } else exchange.send(406, 'text/plain; charset=utf-8', '')
  }

  #answerOpenApi(exchange: Exchange, segments: readonly string[]): boolean {
    const [version, ...path] = segments
    if (version === 'v2' && path.length === 0) {
      this.#answerOpenApiV2(exchange)
      return true
    }
    if (version !== 'v3') return false
    if (path.length === 0) {
      sendDocument(exchange, this.#documents.openApiIndex(), 'application/json')
      return true
    }
    const document = this.#documents.openApi(path.join('/'))
    if (document === undefined) return false
    const current = exchange.query.text('hash') === document.hash
    sendDocument(exchange, document, 'application/json', current ? 'public, immutable' : undefined)
    return true
  }
}

function resourcePathOf(path: string): ReturnType<typeof parseResourcePath> {
  try {
    return parseResourcePath(path)
  } catch (error) {
    if (error instanceof URIError) throw new KubeError('badRequest', failure('badRequest', error.message).status)
    throw error
  }
}

function answerFound(exchange: Exchange, found: Fields | undefined, type?: string): boolean {
  if (found === undefined) return false
  if (type === undefined) exchange.sendObject(200, found)
  else exchange.send(200, type, JSON.stringify(found))
  return true
}

function sendDocument(exchange: Exchange, document: Document, type: string, cacheControl?: string): void {
  const etag = `"${document.hash}"`
  const headers = {
    ETag: etag,
    Vary: 'Accept',
    ...(cacheControl === undefined ? {} : { 'Cache-Control': cacheControl }),
  }
  const known = exchange.header('if-none-match')
  if (known !== undefined && known.split(',').some((tag) => tag.trim().replace(/^W\//, '') === etag)) {
    exchange.start(304, type, headers)
    exchange.response.end()
    return
  }
  exchange.send(200, type, document.bytes, headers)
}

function groupOfPath(path: string): string {
  const [, first, second = ''] = path.split('/')
  return first === 'api' ? '' : second
}

/** Said with every answer about them (kubernetes/kubernetes:pkg/apis/core/v1, the APILifecycle of the types). */
const deprecated: Readonly<Record<string, string>> = {
  '/v1/componentstatuses': 'v1 ComponentStatus is deprecated in v1.19+',
  '/v1/endpoints': 'v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice',
}

const noSniffing = { 'X-Content-Type-Options': 'nosniff' }

function pageNotFound(exchange: Exchange): void {
  exchange.send(404, 'text/plain; charset=utf-8', '404 page not found\n', noSniffing)
}

const checks = ['ping', 'log', 'etcd', 'poststarthook/start-apiextensions-controllers']
const readyChecks = [...checks.slice(0, 3), 'etcd-readiness', 'informer-sync', ...checks.slice(3), 'shutdown']

/** kubernetes/apiserver:pkg/server/healthz/healthz.go: nothing here can be ill while it answers. */
function answerHealth(exchange: Exchange, name: string, check: string | undefined): void {
  const known = name === 'readyz' ? readyChecks : checks
  if (check !== undefined) {
    if (known.includes(check)) exchange.send(200, 'text/plain; charset=utf-8', 'ok')
    else pageNotFound(exchange)
    return
  }
  const excluded = exchange.query.all('exclude')
  const lines = known.map((one) => `[+]${one} ${excluded.includes(one) ? 'excluded: ok' : 'ok'}\n`)
  const others = excluded.filter((one) => !known.includes(one))
  if (others.length > 0) {
    const names = others.map((one) => JSON.stringify(one)).join(', ')
    lines.push(`warn: some health checks cannot be excluded: no matches for ${names}\n`)
  }
  const text = exchange.query.has('verbose') ? `${lines.join('')}${name} check passed\n` : 'ok'
  exchange.send(200, 'text/plain; charset=utf-8', text, noSniffing)
}

function rootPaths(resources: Parameters<typeof apiGroupList>[0]): readonly string[] {
  const groups = apiGroupList(resources)['groups'] as readonly {
    readonly name: string
    readonly versions: readonly { readonly groupVersion: string }[]
  }[]
  return [
    '/api',
    '/api/v1',
    '/apis',
    ...groups.flatMap(({ name, versions }) => [
      `/apis/${name}`,
      ...versions.map(({ groupVersion }) => `/apis/${groupVersion}`),
    ]),
    '/healthz',
    '/livez',
    '/metrics',
    '/openapi/v2',
    '/openapi/v3',
    '/readyz',
    '/version',
  ]
}
