import type { IncomingMessage } from 'node:http'
import type { Http2ServerRequest } from 'node:http2'
import type { TLSSocket } from 'node:tls'
import { failure } from '../errors.ts'
import type { UserInfo } from '../request.ts'
import { administrator, anonymous, authenticated, impersonated, presignedUrlOf } from '../wire/user.ts'

export interface AuthenticationOptions {
  /** Users of bearer tokens that never change. */
  readonly tokens?: { readonly [token: string]: UserInfo }
  /** Tokens issued by the server itself. */
  readonly issued: (token: string) => UserInfo | undefined
  /** Whose presigned GetCallerIdentity URL it is; every well-formed one is the administrator's when absent. */
  readonly eks?: ((presigned: URL) => UserInfo | undefined) | undefined
}

function userOfToken(token: string, options: AuthenticationOptions): UserInfo | undefined {
  const { tokens = {} } = options
  const fixed = Object.hasOwn(tokens, token) ? tokens[token] : undefined
  if (fixed !== undefined) return authenticated(fixed)
  const presigned = presignedUrlOf(token)
  const user = presigned === undefined ? options.issued(token) : (options.eks ?? (() => administrator))(presigned)
  return user === undefined ? undefined : authenticated(user)
}

/** Who sends the request: by client certificate, then by bearer token. @throws {KubeError} unauthorized */
export function userOf(request: IncomingMessage | Http2ServerRequest, options: AuthenticationOptions): UserInfo {
  return impersonated(credentialUser(request, options), request.headers)
}

function credentialUser(request: IncomingMessage | Http2ServerRequest, options: AuthenticationOptions): UserInfo {
  const user = certificateUser(request.socket as TLSSocket)
  if (user !== undefined) return user
  const { authorization } = request.headers
  if (authorization === undefined) return anonymous
  const token = /^Bearer\s+(\S+)\s*$/i.exec(authorization)?.[1]
  const found = token === undefined ? undefined : userOfToken(token, options)
  if (found === undefined) throw failure('unauthorized', 'Unauthorized')
  return found
}

/** The subject of a client certificate that our CA signed: its name, and a group for every organization. */
function certificateUser(socket: TLSSocket): UserInfo | undefined {
  if (socket.encrypted !== true || !socket.authorized) return undefined
  const { CN: name, O: organizations } = socket.getPeerCertificate().subject as {
    readonly CN?: string
    readonly O?: string | readonly string[]
  }
  if (name === undefined) return undefined
  const groups = organizations === undefined ? [] : typeof organizations === 'string' ? [organizations] : organizations
  return authenticated({ name, groups })
}
