// Who manages which fields (kubernetes/apimachinery:pkg/util/managedfields/internal/{fieldmanager,managedfields}.go).
import { timestamp, type ManagedFieldsEntry, type Ms } from '@plimsoll/model'
import type { StoredObject } from '../object.ts'
import type { Schema } from '../schema-table.ts'
import {
  difference,
  emptySet,
  fieldSet,
  fromFieldsV1,
  isEmpty,
  leaf,
  toFieldsV1,
  union,
  withoutBelow,
  type FieldSet,
} from './field-set.ts'
import { differences } from './typed-value.ts'

/** One entry of managedFields, its fields as a set. */
export interface Manager {
  readonly manager: string
  readonly operation: 'Apply' | 'Update'
  readonly apiVersion: string
  readonly subresource: string
  readonly time: string | undefined
  readonly fields: FieldSet
}

export type ManagerId = Pick<Manager, 'manager' | 'operation' | 'apiVersion' | 'subresource'>

const updateEntriesMax = 10
const parsedEntries = new WeakMap<object, readonly Manager[]>()

export function managersOf(entries: readonly ManagedFieldsEntry[] | undefined): readonly Manager[] {
  if (entries === undefined) return []
  let managers = parsedEntries.get(entries)
  if (managers === undefined) {
    managers = entries
      .filter((entry) => entry.operation === 'Apply' || entry.operation === 'Update')
      .map((entry) => ({
        manager: entry.manager ?? '',
        operation: entry.operation as 'Apply' | 'Update',
        apiVersion: entry.apiVersion ?? '',
        subresource: entry.subresource ?? '',
        time: entry.time ?? undefined,
        fields: fromFieldsV1(entry.fieldsV1),
      }))
    parsedEntries.set(entries, managers)
  }
  return managers
}

/** The entries as they are stored: applies first, then by time and name; undefined when nobody manages anything. */
export function entriesOf(managers: readonly Manager[]): readonly ManagedFieldsEntry[] | undefined {
  const kept = capped(managers.filter((manager) => !isEmpty(manager.fields))).toSorted(
    (a, b) => compare(a.operation, b.operation) || compare(a.time ?? '', b.time ?? '') || compare(a.manager, b.manager),
  )
  if (kept.length === 0) return undefined
  const entries = kept.map((manager): ManagedFieldsEntry => ({
    manager: manager.manager,
    operation: manager.operation,
    apiVersion: manager.apiVersion,
    ...(manager.time === undefined ? {} : { time: manager.time }),
    fieldsType: 'FieldsV1',
    fieldsV1: toFieldsV1(manager.fields) as ManagedFieldsEntry['fieldsV1'],
    ...(manager.subresource === '' ? {} : { subresource: manager.subresource }),
  }))
  parsedEntries.set(entries, kept)
  return entries
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

/** Too many updaters: the oldest become one, `ancient-changes`. */
function capped(managers: readonly Manager[]): readonly Manager[] {
  const updates = managers
    .filter((m) => m.operation === 'Update')
    .toSorted((a, b) => compare(a.time ?? '', b.time ?? ''))
  if (updates.length <= updateEntriesMax) return managers
  const old = updates.slice(0, updates.length - updateEntriesMax + 1)
  const [first] = old
  const ancient: Manager = {
    ...first!,
    manager: 'ancient-changes',
    subresource: '',
    time: old.at(-1)!.time,
    fields: old.reduce((fields, manager) => union(fields, manager.fields), emptySet),
  }
  return [...managers.filter((manager) => !old.includes(manager)), ancient]
}

export function isSame(manager: Manager, id: ManagerId): boolean {
  return (
    manager.manager === id.manager &&
    manager.operation === id.operation &&
    manager.apiVersion === id.apiVersion &&
    manager.subresource === id.subresource
  )
}

const metadataFields = [
  'name',
  'namespace',
  'uid',
  'resourceVersion',
  'creationTimestamp',
  'generation',
  'managedFields',
  'selfLink',
]

/** Fields that nobody manages: they are the server's. */
const unmanaged: FieldSet = fieldSet(
  false,
  new Map([
    ['f:apiVersion', leaf],
    ['f:kind', leaf],
    ['f:metadata', fieldSet(true, new Map(metadataFields.map((name) => [`f:${name}`, leaf])))],
  ]),
)

/** The set without what is the server's own. */
export function managed(fields: FieldSet): FieldSet {
  const metadata = fields.children.get('f:metadata')
  const rest = difference(fields, unmanaged)
  const children = new Map(rest.children)
  children.delete('f:apiVersion')
  children.delete('f:kind')
  if (metadata !== undefined) {
    const own = new Map(metadata.children)
    for (const name of metadataFields) own.delete(`f:${name}`)
    if (own.size === 0) children.delete('f:metadata')
    else children.set('f:metadata', fieldSet(false, own))
  }
  return fieldSet(false, children)
}

/** The managers after `id` wrote `after` over `before` (undefined: created it) without applying. */
export function afterUpdate(
  managers: readonly Manager[],
  before: StoredObject | undefined,
  after: StoredObject,
  id: ManagerId,
  schema: Schema,
  now: Ms,
): readonly Manager[] {
  const found = differences(before === undefined ? {} : before, after, schema)
  const changed = managed(found.changed)
  const removed = managed(found.removed)
  if (isEmpty(changed) && isEmpty(removed)) return managers
  const own = managers.find((manager) => isSame(manager, id))
  const others = managers
    .filter((manager) => manager !== own)
    .map((manager) => withFields(manager, difference(withoutBelow(manager.fields, removed), changed)))
  const fields = union(withoutBelow(own?.fields ?? emptySet, removed), changed)
  return [...others, { ...id, time: timestamp(now), fields }]
}

function withFields(manager: Manager, fields: FieldSet): Manager {
  return fields === manager.fields ? manager : { ...manager, fields }
}
