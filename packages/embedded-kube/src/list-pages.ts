import type { Clock } from '@plimsoll/ports'
import { badRequest, expired, forbiddenField, invalid, invalidValue, resourceVersionTooLarge } from './errors.ts'
import type { Fields, StoredObject } from './object.ts'
import type { ResourceInfo } from './registry.ts'
import type { ServerListOptions } from './request.ts'

interface Snapshot {
  readonly items: readonly StoredObject[]
  readonly revision: number
  readonly expiresAt: number
}

export interface Page {
  readonly items: readonly StoredObject[]
  readonly revision: number
  readonly continue: string | undefined
  readonly remainingItemCount: number | undefined
}

const snapshotLifeMs = 300_000
const snapshotsMax = 100
const listOptions = { group: 'meta.k8s.io', kind: 'ListOptions' }
const tooOld =
  'The provided continue parameter is too old to display a consistent list result. You must start a new list without the continue parameter.'

/** Cuts lists into pages that all show the state of the first. What a list looked like is kept for five minutes. */
export class ListPages {
  readonly #clock: Clock
  readonly #snapshots = new Map<string, Snapshot>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  first(info: ResourceInfo, items: readonly StoredObject[], revision: number, options: ServerListOptions): Page {
    return this.#page(info, items, 0, revision, options)
  }

  /** @throws {KubeError} badRequest for a token that is none, gone for one that is too old */
  next(info: ResourceInfo, token: string, options: ServerListOptions): Page {
    const place = parseContinueToken(token)
    if (place === undefined) throw badRequest(`continue key is not valid: ${token}`)
    const snapshot = this.#snapshots.get(snapshotId(info, place.revision, options))
    if (snapshot === undefined || snapshot.expiresAt < this.#clock.now()) throw expired(tooOld)
    return this.#page(info, snapshot.items, place.next, snapshot.revision, options)
  }

  #page(
    info: ResourceInfo,
    items: readonly StoredObject[],
    from: number,
    revision: number,
    options: ServerListOptions,
  ): Page {
    const limit = options.limit ?? 0
    const end = limit > 0 ? Math.min(items.length, from + limit) : items.length
    const page = from === 0 && end === items.length ? items : items.slice(from, end)
    if (end === items.length) return { items: page, revision, continue: undefined, remainingItemCount: undefined }
    const id = snapshotId(info, revision, options)
    this.#snapshots.delete(id)
    this.#snapshots.set(id, { items, revision, expiresAt: this.#clock.now() + snapshotLifeMs })
    for (const old of this.#snapshots.keys()) {
      if (this.#snapshots.size <= snapshotsMax) break
      this.#snapshots.delete(old)
    }
    const unselected = (options.labelSelector ?? '') === '' && (options.fieldSelector ?? '') === ''
    return {
      items: page,
      revision,
      continue: continueToken(revision, end),
      remainingItemCount: unselected ? items.length - end : undefined,
    }
  }
}

/** @throws {KubeError} invalid for a match that makes no sense, timeout for a version not reached, gone for a past one */
export function checkListVersion(options: ServerListOptions, current: number): void {
  const { resourceVersionMatch: match, resourceVersion } = options
  const asked = revisionOf(resourceVersion)
  if (match !== undefined) {
    if (asked === undefined) {
      throw invalid(listOptions, '', [
        forbiddenField('resourceVersionMatch', 'resourceVersionMatch is forbidden unless resourceVersion is provided'),
      ])
    }
    if (match === 'Exact' && asked === 0) {
      throw invalid(listOptions, '', [
        forbiddenField('resourceVersionMatch', 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"'),
      ])
    }
  }
  checkReached(asked, current)
  if (match === 'Exact' && asked !== current) {
    throw expired('The provided resource version is too old to list from it.')
  }
}

/** @throws {KubeError} timeout when the version is ahead of the server */
export function checkReached(asked: number | undefined, current: number): void {
  if (asked !== undefined && asked > current) throw resourceVersionTooLarge(asked, current)
}

/** undefined when unset; 0 means any. @throws {KubeError} invalid when it is not a number */
export function revisionOf(text: string | undefined): number | undefined {
  if (text === undefined || text === '') return undefined
  if (!/^\d+$/.test(text)) {
    throw invalid(listOptions, '', [
      invalidValue('resourceVersion', text, `strconv.ParseUint: parsing ${JSON.stringify(text)}: invalid syntax`),
    ])
  }
  return Number(text)
}

function snapshotId(info: ResourceInfo, revision: number, options: ServerListOptions): string {
  return JSON.stringify([
    info.storage.group,
    info.plural,
    revision,
    options.namespace ?? '',
    options.labelSelector ?? '',
    options.fieldSelector ?? '',
  ])
}

function continueToken(revision: number, next: number): string {
  return btoa(JSON.stringify({ v: 'meta.k8s.io/v1', rv: revision, next }))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '')
}

function parseContinueToken(text: string): { readonly revision: number; readonly next: number } | undefined {
  try {
    const token = JSON.parse(atob(text.replaceAll('-', '+').replaceAll('_', '/'))) as Fields
    const { rv, next } = token
    return typeof rv === 'number' && typeof next === 'number' ? { revision: rv, next } : undefined
  } catch {
    return undefined
  }
}
