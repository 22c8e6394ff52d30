// Speaking for somebody else, as `kubectl --as` does
// (kubernetes/apiserver:pkg/endpoints/filters/impersonation/impersonation.go).
import { badRequest, notAuthorized } from '../errors.ts'
import type { UserInfo } from '../request.ts'
import { accountOf, groupsOfAccount } from '../wire/user.ts'
import type { Authorizer, ResourceRequest } from './authorizer.ts'

const extraPrefix = 'impersonate-extra-'
const authentication = { group: 'authentication.k8s.io', version: 'v1' }

/** Headers by lower-case name, each with its values in the order in which they came. */
export type HeaderValues = ReadonlyMap<string, readonly string[]>

/**
 * The user that the request speaks for; the user itself when it speaks for nobody else.
 * @throws {KubeError} badRequest when groups come without a user, forbidden when the user may not be, or have, what it asks
 */
export function impersonated(user: UserInfo, headers: HeaderValues, authorizer: Authorizer | undefined): UserInfo {
  const name = headers.get('impersonate-user')?.[0] ?? ''
  const groups = headers.get('impersonate-group') ?? []
  const uid = headers.get('impersonate-uid')?.[0] ?? ''
  const extra = extraOf(headers)
  const account = accountOf(name)
  const asked: Asked[] = []
  if (account !== undefined) asked.push({ kind: 'ServiceAccount', resource: 'serviceaccounts', ...account })
  else if (name !== '') asked.push({ kind: 'User', resource: 'users', name })
  for (const group of groups) asked.push({ kind: 'Group', resource: 'groups', name: group })
  for (const [key, values] of extra) {
    for (const value of values) asked.push({ kind: 'UserExtra', resource: 'userextras', subresource: key, name: value })
  }
  if (uid !== '') asked.push({ kind: 'UID', resource: 'uids', name: uid })
  if (asked.length === 0) return user
  if (name === '') throw badRequest(`requested [${asked.map(askedText).join(' ')}] without impersonating a user`)
  if (authorizer !== undefined) for (const one of asked) check(user, one, authorizer)
  const own = groups.length === 0 && account !== undefined ? groupsOfAccount(account.namespace) : groups
  return {
    name,
    groups: withStanding(name, own),
    ...(uid === '' ? {} : { uid }),
    ...(extra.size === 0 ? {} : { extra: Object.fromEntries(extra) }),
  }
}

interface Asked {
  readonly kind: string
  readonly resource: string
  readonly subresource?: string
  readonly namespace?: string
  readonly name: string
}

function check(user: UserInfo, { kind, ...what }: Asked, authorizer: Authorizer): void {
  const type = kind === 'UserExtra' || kind === 'UID' ? authentication : { group: '', version: '' }
  const request: ResourceRequest = { verb: 'impersonate', ...type, ...what }
  const { allowed, reason } = authorizer.resource(user, request)
  if (!allowed) throw notAuthorized(user, request, reason)
}

/** As Go prints the reference to it. */
function askedText({ kind, namespace = '', name, subresource = '' }: Asked): string {
  const apiVersion = kind === 'UserExtra' || kind === 'UID' ? 'authentication.k8s.io/v1' : ''
  return `{${[kind, namespace, name, '', apiVersion, '', subresource].join(' ')}}`
}

/** The group of all who are known, or of those who are not. */
function withStanding(name: string, groups: readonly string[]): readonly string[] {
  if (groups.includes('system:unauthenticated')) return groups
  if (name === 'system:anonymous') return [...groups, 'system:unauthenticated']
  return groups.includes('system:authenticated') ? groups : [...groups, 'system:authenticated']
}

function extraOf(headers: HeaderValues): Map<string, readonly string[]> {
  const extra = new Map<string, readonly string[]>()
  for (const [header, values] of [...headers].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    if (header.startsWith(extraPrefix)) extra.set(unescaped(header.slice(extraPrefix.length)), values)
  }
  return extra
}

function unescaped(key: string): string {
  try {
    return decodeURIComponent(key)
  } catch {
    return key
  }
}
