import type { Clock } from '@plimsoll/ports'
import {
  badRequest,
  expired,
  failure,
  forbiddenField,
  invalid,
  resourceVersionTooLarge,
  unsupported,
  type FieldError,
} from './errors.ts'
import { fieldsOf, textOf, type Fields, type StoredObject } from './object.ts'
import type { ResourceInfo } from './registry.ts'
import type { ServerListOptions } from './request.ts'
import type { Collection } from './store/collection.ts'

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
const type = { group: 'meta.k8s.io', kind: 'ListOptions' }
const expiredToken =
  'The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.'
/** The revision of a token that goes on with whatever there is now. */
const inconsistent = -1

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

  /**
   * `current`: the state of the list now, for tokens that go on with it.
   * @throws {KubeError} badRequest for a token that is none, gone for one that is too old: with one that goes on all the same
   */
  next(
    info: ResourceInfo,
    token: string,
    options: ServerListOptions,
    current: () => { readonly items: readonly StoredObject[]; readonly revision: number },
  ): Page {
    const { revision, start } = parseContinueToken(token)
    if (revision === inconsistent) {
      const now = current()
      return this.#page(info, now.items, placeOf(now.items, start), now.revision, options)
    }
    const snapshot = this.#snapshots.get(snapshotId(info, revision, options))
    if (snapshot === undefined || snapshot.expiresAt < this.#clock.now()) {
      throw expired(expiredToken, { continue: continueToken(inconsistent, start) })
    }
    return this.#page(info, snapshot.items, placeOf(snapshot.items, start), snapshot.revision, options)
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
      continue: continueToken(revision, `${keyOf(page.at(-1)!)}\0`),
      remainingItemCount: unselected ? items.length - end : undefined,
    }
  }
}

/**
 * What a collection held after the commit of a past revision, in key order, made from what happened since.
 * @throws {KubeError} gone when that is no longer known
 */
export function stateAt(
  collection: Collection,
  revision: number,
  matches: (object: StoredObject) => boolean,
): StoredObject[] {
  if (revision < collection.ring.dropped) throw expired('The resourceVersion for the provided list is too old.')
  const state = new Map(collection.list(everything).map((object) => [keyOf(object), object]))
  for (const { object, previous } of collection.ring.since(revision).toReversed()) {
    if (previous === undefined) state.delete(keyOf(object))
    else state.set(keyOf(object), previous)
  }
  return [...state.values()].filter(matches).toSorted((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1))
}

const everything = { namespace: undefined, matches: undefined, name: undefined, nodeName: undefined }

/** What is wrong with the options of a list (kubernetes/apimachinery:pkg/apis/meta/internalversion/validation). */
export function listOptionErrors(options: {
  readonly resourceVersion?: string | undefined
  readonly resourceVersionMatch?: string | undefined
  readonly continue?: string | undefined
  readonly sendInitialEvents?: boolean | undefined
}): FieldError[] {
  const { resourceVersionMatch: match = '', resourceVersion = '', continue: token = '' } = options
  const errors: FieldError[] = []
  const forbid = (why: string, field = 'resourceVersionMatch'): void => {
    errors.push(forbiddenField(field, why))
  }
  if (match !== '') {
    if (resourceVersion === '') forbid('resourceVersionMatch is forbidden unless resourceVersion is provided')
    if (token !== '') forbid('resourceVersionMatch is forbidden when continue is provided')
    if (match !== 'Exact' && match !== 'NotOlderThan') {
      errors.push(unsupported('resourceVersionMatch', match, ['Exact', 'NotOlderThan', '']))
    }
    if (match === 'Exact' && resourceVersion === '0') {
      forbid('resourceVersionMatch "exact" is forbidden for resourceVersion "0"')
    }
  }
  if (options.sendInitialEvents !== undefined) forbid('sendInitialEvents is forbidden for list', 'sendInitialEvents')
  return errors
}

export function watchOptionErrors(options: {
  readonly resourceVersionMatch?: string | undefined
  readonly sendInitialEvents?: boolean | undefined
  readonly continue?: string | undefined
}): FieldError[] {
  const { resourceVersionMatch: match = '', sendInitialEvents: initial, continue: token = '' } = options
  const errors: FieldError[] = []
  const forbid = (why: string): void => {
    errors.push(forbiddenField('resourceVersionMatch', why))
  }
  if (initial !== undefined && match !== 'NotOlderThan') {
    forbid('sendInitialEvents requires setting resourceVersionMatch to NotOlderThan')
  }
  if (token !== '') forbid('resourceVersionMatch is forbidden when continue is provided')
  if (match === '') return errors
  if (initial === undefined) forbid('resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided')
  if (match !== 'NotOlderThan') errors.push(unsupported('resourceVersionMatch', match, ['NotOlderThan']))
  return errors
}

/** @throws {KubeError} invalid */
export function checkListOptions(errors: readonly FieldError[]): void {
  if (errors.length > 0) throw invalid(type, '', errors)
}

/** @throws {KubeError} timeout when the version is ahead of the server */
export function checkReached(asked: number | undefined, current: number): void {
  if (asked !== undefined && asked > current) throw resourceVersionTooLarge(asked, current)
}

/** undefined when unset; 0 means any. @throws {KubeError} badRequest when it is not a number */
export function revisionOf(text: string | undefined): number | undefined {
  if (text === undefined || text === '') return undefined
  if (!/^\d+$/.test(text)) throw badRequest(`invalid resource version: ${notANumber(text)}`)
  return Number(text)
}

/** A get and a watch say it in another way. @throws {KubeError} internal when it is not a number */
export function revisionOfOne(text: string | undefined): number | undefined {
  if (text !== undefined && !/^\d*$/.test(text)) throw failure('internal', notANumber(text), undefined, { reason: '' })
  return revisionOf(text)
}

function notANumber(text: string): string {
  const value = JSON.stringify(text)
  return `resourceVersion: Invalid value: ${value}: strconv.ParseUint: parsing ${value}: invalid syntax`
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

/** As storage orders them: the namespace is there even where the list is of one. */
function keyOf({ metadata }: StoredObject): string {
  return `${metadata.namespace ?? ''}/${metadata.name}`
}

/** Of the first item at or after a key. */
function placeOf(items: readonly StoredObject[], start: string): number {
  let low = 0
  let high = items.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (keyOf(items[middle]!) < start) low = middle + 1
    else high = middle
  }
  return low
}

function continueToken(revision: number, start: string): string {
  const text = JSON.stringify({ v: 'meta.k8s.io/v1', rv: revision, start })
  return btoa(String.fromCharCode(...new TextEncoder().encode(text)))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '')
}

/** @throws {KubeError} badRequest */
function parseContinueToken(token: string): { readonly revision: number; readonly start: string } {
  const refuse = (why: string): never => {
    throw badRequest(`invalid continue token: continue key is not valid: ${why}`)
  }
  const text = decodedToken(token) ?? refuse('illegal base64 data')
  let content: Fields = {}
  try {
    content = fieldsOf(JSON.parse(text))
  } catch {
    refuse(
      text === '' ? 'unexpected end of JSON input' : `invalid character '${text[0]}' looking for beginning of value`,
    )
  }
  const { v, rv, start } = content
  if (v !== 'meta.k8s.io/v1') refuse(`server does not recognize this encoded version ${textOf(v)}`)
  if (typeof rv !== 'number' || rv === 0) refuse('incorrect encoded start resourceVersion (version meta.k8s.io/v1)')
  if (typeof start !== 'string' || start === '') refuse('encoded start key empty (version meta.k8s.io/v1)')
  return { revision: rv as number, start: start as string }
}

function decodedToken(token: string): string | undefined {
  try {
    const binary = atob(token.replaceAll('-', '+').replaceAll('_', '/'))
    return new TextDecoder().decode(Uint8Array.from(binary, (char) => char.charCodeAt(0)))
  } catch {
    return undefined
  }
}
