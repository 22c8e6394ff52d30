// Server-side apply (kubernetes-sigs/structured-merge-diff:merge/update.go, Updater.Apply and prune;
// kubernetes/apimachinery:pkg/util/managedfields/internal/lastappliedmanager.go).
import { timestamp, type Ms } from '@plimsoll/model'
import type { KubeError } from '@plimsoll/ports'
import { failure } from '../errors.ts'
import { equal, isFields, type Fields, type ObjectInput, type StoredObject } from '../object.ts'
import type { Schema } from '../schema-table.ts'
import { difference, emptySet, intersection, isEmpty, pathTexts, sameSet, union, type FieldSet } from './field-set.ts'
import { afterUpdate, isSame, managed, type Manager, type ManagerId } from './managed-fields.ts'
import { differences, fieldsIn, mergeTyped, removeFields, withNamedFields } from './typed-value.ts'

export interface ApplyRequest {
  /** Zero values of the type where the object does not exist. */
  readonly live: Fields
  /** The live object's entries; undefined when it does not exist. */
  readonly entries: readonly Manager[] | undefined
  /** The zero value of the type. */
  readonly zero: Fields
  readonly applied: ObjectInput
  readonly id: ManagerId
  readonly force: boolean
  readonly schema: Schema
  readonly now: Ms
}

export interface Applied {
  /** The live object with what was applied, less what the manager no longer applies; without managedFields. */
  readonly object: ObjectInput
  readonly managers: readonly Manager[]
}

/** @throws {KubeError} conflict when others manage fields that the apply would change, unless it is forced */
export function applyOver(request: ApplyRequest): Applied {
  const { applied, id, schema, now, live } = request
  const before = knownManagers(request)
  const own = before.find((manager) => isSame(manager, id))
  const fields = managed(fieldsIn(applied, schema), id.subresource)
  const merged = mergeTyped(live, applied, schema) as Fields
  const appliers: readonly Manager[] = [...before.filter((m) => m !== own), { ...id, time: own?.time, fields }]
  const pruned = own === undefined ? merged : prune(merged, own.fields, appliers, schema)
  const found = differences(live, pruned, schema)
  const changed = managed(found.changed, id.subresource)
  const gone = managed(found.removed, id.subresource)
  const others = before.filter((manager) => manager !== own)
  const conflicts = others
    .map((manager) => ({ manager, fields: intersection(manager.fields, changed) }))
    .filter((conflict) => !isEmpty(conflict.fields))
  if (conflicts.length > 0 && !request.force) {
    const refused = id.manager === 'kubectl' ? beyondLastApplied(conflicts, live, schema) : conflicts
    if (refused.length > 0) throw conflictError(refused)
  }
  const same = request.entries !== undefined && equal(pruned, live)
  const unchanged = same && own !== undefined && sameSet(own.fields, fields)
  const left = others.map((manager) => ({ ...manager, fields: difference(difference(manager.fields, changed), gone) }))
  const time = same ? own?.time : timestamp(now)
  return {
    object: (same ? live : pruned) as ObjectInput,
    managers: unchanged ? before : [...left, { ...id, time, fields }],
  }
}

/** An object that nobody was recorded for was made before the first apply. */
function knownManagers({ entries, live, zero, id, schema, now }: ApplyRequest): readonly Manager[] {
  if (entries === undefined || entries.length > 0) return entries ?? []
  const unknown: ManagerId = { ...id, manager: 'before-first-apply', operation: 'Update', subresource: '' }
  return afterUpdate([], zero, live, unknown, schema, now)
}

/** Takes away what the manager applied before and does not apply now, unless another claims it. */
function prune(merged: Fields, last: FieldSet, managers: readonly Manager[], schema: Schema): Fields {
  const named = (set: FieldSet, value: unknown): FieldSet => withNamedFields(set, schema, value)
  const remove = (set: FieldSet): Fields => (removeFields(merged, set, schema) ?? {}) as Fields
  const lastNamed = named(last, merged)
  const all = named(fieldsIn(merged, schema), merged)
  const claimed = managers.reduce((fields, manager) => union(fields, manager.fields), emptySet)
  const without = remove(lastNamed)
  const kept = union(named(fieldsIn(without, schema), without), named(claimed, merged))
  const owned = remove(difference(all, kept))
  const rest = named(fieldsIn(owned, schema), owned)
  return remove(intersection(difference(all, rest), lastNamed))
}

/** Conflicts but those with what kubectl itself applied, as its annotation tells, before it applied on the server. */
function beyondLastApplied(conflicts: readonly Conflict[], live: Fields, schema: Schema): readonly Conflict[] {
  const text = (live['metadata'] as StoredObject['metadata'] | undefined)?.annotations?.[
    'kubectl.kubernetes.io/last-applied-configuration'
  ]
  if (text === undefined || text === '') return conflicts
  let last: unknown
  try {
    last = JSON.parse(text)
  } catch {
    return conflicts
  }
  if (!isFields(last) || last['apiVersion'] !== live['apiVersion']) return conflicts
  const { changed, removed } = differences(last, live, schema)
  const allowed = difference(difference(fieldsIn(last, schema), changed), removed)
  return conflicts
    .map(({ manager, fields }) => ({ manager, fields: difference(fields, allowed) }))
    .filter(({ fields }) => !isEmpty(fields))
}

interface Conflict {
  readonly manager: Manager
  readonly fields: FieldSet
}

/** kubernetes/apimachinery:pkg/util/managedfields/internal/conflict.go */
function conflictError(conflicts: readonly Conflict[]): KubeError {
  const named = conflicts
    .map(({ manager, fields }) => ({ id: identifier(manager), who: managerText(manager), paths: pathTexts(fields) }))
    .toSorted((a, b) => (a.id < b.id ? -1 : 1))
  const count = named.reduce((sum, { paths }) => sum + paths.length, 0)
  const [first] = named
  const message =
    count === 1
      ? `Apply failed with 1 conflict: conflict with ${first!.who}: ${first!.paths[0]}`
      : `Apply failed with ${count} conflicts: ${named
          .map(({ who, paths }) => [`conflicts with ${who}:`, ...paths.map((path) => `- ${path}`)].join('\n'))
          .join('\n')}`
  return failure('conflict', message, {
    causes: named.flatMap(({ who, paths }) =>
      paths.map((field) => ({ reason: 'FieldManagerConflict', message: `conflict with ${who}`, field })),
    ),
  })
}

/** What upstream tells managers apart, and sorts them, by. */
function identifier({ manager, operation, apiVersion, subresource }: Manager): string {
  return JSON.stringify({
    manager,
    operation,
    ...(operation === 'Apply' ? {} : { apiVersion }),
    ...(subresource === '' ? {} : { subresource }),
  })
}

function managerText(manager: Manager): string {
  const subresource = manager.subresource === '' ? '' : ` with subresource ${JSON.stringify(manager.subresource)}`
  if (manager.operation === 'Apply') return JSON.stringify(manager.manager) + subresource
  return `${JSON.stringify(manager.manager)}${subresource} using ${manager.apiVersion}`
}
