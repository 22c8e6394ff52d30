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

/** The service account whose user it is: `system:serviceaccount:NAMESPACE:NAME`. */
export function accountOf(userName: string): { readonly namespace: string; readonly name: string } | undefined {
  const match = /^system:serviceaccount:([a-z0-9]([-a-z0-9]*[a-z0-9])?):([a-z0-9]([-a-z0-9.]*[a-z0-9])?)$/.exec(
    userName,
  )
  return match === null ? undefined : { namespace: match[1]!, name: match[3]! }
}

export function groupsOfAccount(namespace: string): readonly string[] {
  return ['system:serviceaccounts', `system:serviceaccounts:${namespace}`]
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
