// Server-side apply (kubernetes-sigs/structured-merge-diff:merge/update.go, Updater.Apply).
import { timestamp, type Ms } from '@plimsoll/model'
import type { KubeError } from '@plimsoll/ports'
import { failure } from '../errors.ts'
import type { ObjectInput, StoredObject } from '../object.ts'
import type { Schema } from '../schema-table.ts'
import {
  difference,
  emptySet,
  fieldSet,
  intersection,
  isEmpty,
  pathTexts,
  sameSet,
  union,
  withoutBelow,
  type FieldSet,
} from './field-set.ts'
import { isSame, managed, managersOf, type Manager, type ManagerId } from './managed-fields.ts'
import { differences, fieldsIn, mergeTyped, removeFields } from './typed-value.ts'

export interface ApplyRequest {
  /** undefined: the object does not exist yet. */
  readonly live: StoredObject | undefined
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
  const { applied, id, schema, now } = request
  const live = request.live ?? ({ metadata: {} } as unknown as StoredObject)
  const fields = within(id.subresource, managed(fieldsIn(applied, schema)))
  const before = knownManagers(request)
  const merged = mergeTyped(live, applied, schema) as StoredObject
  const changed = managed(differences(live, merged, schema).changed)
  const own = before.find((manager) => isSame(manager, id))
  const others = before.filter((manager) => manager !== own)
  const conflicts = others
    .map((manager) => ({ manager, fields: intersection(manager.fields, changed) }))
    .filter((conflict) => !isEmpty(conflict.fields))
  if (conflicts.length > 0 && !request.force) throw conflictError(conflicts)
  const yielded = others.map((manager) => ({ ...manager, fields: difference(manager.fields, changed) }))
  const kept = yielded.reduce((all, manager) => union(all, manager.fields), fields)
  const dropped = difference(own?.fields ?? emptySet, kept)
  const object = isEmpty(dropped) ? merged : (removeFields(merged, dropped, kept, schema) as StoredObject)
  const removed = managed(differences(live, object, schema).removed)
  const unchanged = own !== undefined && sameSet(own.fields, fields)
  return {
    object,
    managers: [
      ...yielded.map((manager) => ({ ...manager, fields: withoutBelow(manager.fields, removed) })),
      { ...id, time: unchanged && object === live ? own.time : timestamp(now), fields },
    ],
  }
}

/** An object that nobody was recorded for was made before the first apply. */
function knownManagers({ live, id, schema }: ApplyRequest): readonly Manager[] {
  if (live === undefined) return []
  const recorded = managersOf(live.metadata.managedFields)
  if (recorded.length > 0) return recorded
  return [
    {
      manager: 'before-first-apply',
      operation: 'Update',
      apiVersion: id.apiVersion,
      subresource: '',
      time: live.metadata.creationTimestamp,
      fields: managed(fieldsIn(live, schema)),
    },
  ]
}

/** The main endpoint never owns the status; the status endpoint owns nothing else. */
function within(subresource: string, fields: FieldSet): FieldSet {
  const status = fields.children.get('f:status')
  if (subresource === 'status') return fieldSet(false, new Map(status === undefined ? [] : [['f:status', status]]))
  if (status === undefined) return fields
  return fieldSet(false, new Map([...fields.children].filter(([element]) => element !== 'f:status')))
}

interface Conflict {
  readonly manager: Manager
  readonly fields: FieldSet
}

/** kubernetes/apimachinery:pkg/util/managedfields/internal/conflict.go */
function conflictError(conflicts: readonly Conflict[]): KubeError {
  const named = conflicts
    .map(({ manager, fields }) => ({ who: managerText(manager), paths: pathTexts(fields) }))
    .toSorted((a, b) => (a.who < b.who ? -1 : 1))
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

function managerText(manager: Manager): string {
  const subresource = manager.subresource === '' ? '' : ` with subresource ${JSON.stringify(manager.subresource)}`
  if (manager.operation === 'Apply') return JSON.stringify(manager.manager) + subresource
  const time = manager.time === undefined ? '' : ` at ${manager.time}`
  return `${JSON.stringify(manager.manager)}${subresource} using ${manager.apiVersion}${time}`
}
