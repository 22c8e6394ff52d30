import { failure } from './failure.ts'

/** The pair that all services share, in the spelling of EC2, Auto Scaling and IAM. */
export interface Tag {
  readonly Key?: string | undefined
  readonly Value?: string | undefined
}

const tagsMax = 50

/** The old tags with the new ones laid over them, sorted by key. @throws when a user's tag is not allowed */
export function withTags(old: readonly Tag[], added: readonly Tag[]): { Key: string; Value: string }[] {
  for (const tag of added) {
    if (tag.Key === undefined || tag.Key === '')
      throw failure('InvalidParameterValue', 'Tag keys must be between 1 and 128 characters.')
    if (tag.Key.startsWith('aws:'))
      throw failure('InvalidParameterValue', 'Tag keys starting with aws: are reserved for internal use')
  }
  return mergeTags(old, added)
}

/** As `withTags`, for tags that AWS itself gives. */
export function mergeTags(...lists: readonly (readonly Tag[])[]): { Key: string; Value: string }[] {
  const byKey = new Map<string, string>()
  for (const list of lists) for (const tag of list) byKey.set(tag.Key!, tag.Value ?? '')
  const own = [...byKey.keys()].filter((key) => !key.startsWith('aws:')).length
  if (own > tagsMax) throw failure('TagLimitExceeded', `More than ${tagsMax} tags specified.`)
  return [...byKey].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([Key, Value]) => ({ Key, Value }))
}

/** Without the tags named; a given value must match as well. */
export function withoutTags(old: readonly Tag[], removed: readonly Tag[]): { Key: string; Value: string }[] {
  return old
    .filter(
      (tag) =>
        !removed.some((r) => r.Key === tag.Key && (r.Value === undefined || r.Value === '' || r.Value === tag.Value)),
    )
    .map((tag) => ({ Key: tag.Key!, Value: tag.Value ?? '' }))
}

export function tagsOfMap(map: { readonly [key: string]: string }): { Key: string; Value: string }[] {
  return Object.entries(map).map(([Key, Value]) => ({ Key, Value }))
}
