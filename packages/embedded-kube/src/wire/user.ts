import { badRequest } from '../errors.ts'
import type { UserInfo } from '../request.ts'

export const anonymous: UserInfo = { name: 'system:anonymous', groups: ['system:unauthenticated'] }
export const administrator: UserInfo = {
  name: 'kubernetes-admin',
  groups: ['system:masters', 'system:authenticated'],
}

/** The user with the group that everyone known belongs to. */
export function authenticated(user: UserInfo): UserInfo {
  return user.groups.includes('system:authenticated')
    ? user
    : { ...user, groups: [...user.groups, 'system:authenticated'] }
}

type Headers = { readonly [name: string]: string | readonly string[] | undefined }

/** Whom the request speaks for (`kubectl --as`). @throws {KubeError} badRequest when groups come without a user */
export function impersonated(user: UserInfo, headers: Headers): UserInfo {
  const all = (name: string): readonly string[] => {
    const value = headers[name]
    return value === undefined ? [] : typeof value === 'string' ? value.split(',').map((text) => text.trim()) : value
  }
  const [name] = all('impersonate-user')
  const groups = all('impersonate-group')
  const [uid] = all('impersonate-uid')
  const extra = Object.keys(headers)
    .filter((header) => header.startsWith('impersonate-extra-'))
    .map((header) => [decodeURIComponent(header.slice('impersonate-extra-'.length)), all(header)] as const)
  if (name === undefined) {
    if (groups.length === 0 && uid === undefined && extra.length === 0) return user
    throw badRequest('requested groups, uid or extra without impersonating a user')
  }
  return {
    ...authenticated({ name, groups }),
    ...(uid === undefined ? {} : { uid }),
    ...(extra.length === 0 ? {} : { extra: Object.fromEntries(extra) }),
  }
}

const eksPrefix = 'k8s-aws-v1.'

/** The presigned GetCallerIdentity URL inside of a token of `aws eks get-token`; undefined when it is none. */
export function presignedUrlOf(token: string): URL | undefined {
  if (!token.startsWith(eksPrefix)) return undefined
  const base64 = token.slice(eksPrefix.length).replaceAll('-', '+').replaceAll('_', '/')
  try {
    const url = new URL(atob(base64))
    return url.searchParams.get('Action') === 'GetCallerIdentity' && url.searchParams.has('X-Amz-Signature')
      ? url
      : undefined
  } catch {
    return undefined
  }
}
