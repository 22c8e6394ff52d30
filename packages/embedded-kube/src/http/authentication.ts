import type { IncomingMessage } from 'node:http'
import type { Http2ServerRequest } from 'node:http2'
import type { TLSSocket } from 'node:tls'
import { own } from '@plimsoll/model'
import { failure } from '../errors.ts'
import type { UserInfo } from '../request.ts'
import type { HeaderValues } from '../authorization/impersonation.ts'
import { administrator, anonymous, authenticated, presignedUrlOf } from '../wire/user.ts'

export interface TokenOptions {
  /** Users of bearer tokens that never change. */
  readonly tokens?: { readonly [token: string]: UserInfo } | undefined
  /** Whose presigned GetCallerIdentity URL it is; every well-formed one is the administrator's when absent. */
  readonly eks?: ((presigned: URL) => UserInfo | undefined) | undefined
}

/** The user of a token that the server did not issue itself. */
export function userOfToken(token: string, { tokens = {}, eks }: TokenOptions): UserInfo | undefined {
  const fixed = own(tokens, token)
  if (fixed !== undefined) return authenticated(fixed)
  const presigned = presignedUrlOf(token)
  const user = presigned === undefined ? undefined : (eks ?? (() => administrator))(presigned)
  return user === undefined ? undefined : authenticated(user)
}

/**
 * Who sends the request: by client certificate, then by bearer token (`ownerOf` says whose, or why nobody's).
 * @throws {KubeError} unauthorized
 */
export function userOf(
  request: IncomingMessage | Http2ServerRequest,
  ownerOf: (token: string) => { readonly user: UserInfo } | string,
): UserInfo {
  const user = certificateUser(request.socket as TLSSocket)
  if (user !== undefined) return user
  const { authorization } = request.headers
  if (authorization === undefined) return anonymous
  const token = /^Bearer\s+(\S+)\s*$/i.exec(authorization)?.[1]
  const owner = token === undefined ? '' : ownerOf(token)
  if (typeof owner === 'string') throw failure('unauthorized', 'Unauthorized')
  return owner.user
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

/** The impersonation headers of a request; undefined when it has none. */
export function impersonationOf({ rawHeaders }: IncomingMessage): HeaderValues | undefined {
  let found: Map<string, string[]> | undefined
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]!.toLowerCase()
    if (!name.startsWith('impersonate-')) continue
    found ??= new Map()
    found.set(name, [...(found.get(name) ?? []), rawHeaders[i + 1]!])
  }
  return found
}
