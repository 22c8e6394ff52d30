// Who manages which fields (kubernetes/apimachinery:pkg/util/managedfields/internal/{fieldmanager,managedfields}.go).
import { timestamp, type ManagedFieldsEntry, type Ms } from '@plimsoll/model'
import type { Fields } from '../object.ts'
import type { Schema } from '../schema-table.ts'
import { difference, emptySet, fieldSet, fromFieldsV1, isEmpty, toFieldsV1, union, type FieldSet } from './field-set.ts'
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

/** Too many updaters: the oldest of one version become one, `ancient-changes` (capmanagers.go). */
function capped(managers: readonly Manager[]): readonly Manager[] {
  const kept = [...managers]
  const updates = managers
    .filter((manager) => manager.operation === 'Update')
    .toSorted((a, b) => compare(a.time ?? '', b.time ?? '') || compare(a.manager, b.manager))
  let count = updates.length
  const firsts = new Map<string, Manager>()
  for (const manager of updates) {
    if (count <= updateEntriesMax) break
    const first = firsts.get(manager.apiVersion)
    if (first === undefined) {
      firsts.set(manager.apiVersion, manager)
      continue
    }
    const bucket: Manager = {
      ...first,
      manager: 'ancient-changes',
      subresource: '',
      time: manager.time,
      fields: union(first.fields, manager.fields),
    }
    kept[kept.indexOf(first)] = bucket
    kept.splice(kept.indexOf(manager), 1)
    firsts.set(manager.apiVersion, bucket)
    count--
  }
  return kept
}

export function isSame(manager: Manager, id: ManagerId): boolean {
  return (
    manager.manager === id.manager &&
    manager.operation === id.operation &&
    // One that applies stays the same from version to version.
    (manager.operation === 'Apply' || manager.apiVersion === id.apiVersion) &&
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

/** The set without what is the server's own, and without what the endpoint does not write. */
export function managed(fields: FieldSet, subresource: string): FieldSet {
  const metadata = fields.children.get('f:metadata')
  const children = new Map(fields.children)
  children.delete('f:apiVersion')
  children.delete('f:kind')
  if (subresource === 'status') children.delete('f:spec')
  else if (subresource === '') children.delete('f:status')
  if (metadata !== undefined) {
    const own = new Map(metadata.children)
    for (const name of metadataFields) own.delete(`f:${name}`)
    if (own.size === 0) children.delete('f:metadata')
    else children.set('f:metadata', fieldSet(false, own))
  }
  return fieldSet(false, children)
}

/**
 * The managers after `id` wrote `after` over `before` without applying; what was created is compared with the zero
 * value of its type (merge/update.go, Updater.Update; managedfieldsupdater.go).
 */
export function afterUpdate(
  managers: readonly Manager[],
  before: Fields,
  after: Fields,
  id: ManagerId,
  schema: Schema,
  now: Ms,
): readonly Manager[] {
  const found = differences(before, after, schema)
  const changed = managed(found.changed, id.subresource)
  const gone = managed(found.removed, id.subresource)
  if (isEmpty(changed) && isEmpty(gone)) return managers
  const own = managers.find((manager) => isSame(manager, id))
  const left = managers.map((manager) => withFields(manager, difference(difference(manager.fields, gone), changed)))
  if (isEmpty(changed)) return left
  const fields = union(own === undefined ? emptySet : difference(own.fields, gone), changed)
  return [...left.filter((_, i) => managers[i] !== own), { ...id, time: timestamp(now), fields }]
}

function withFields(manager: Manager, fields: FieldSet): Manager {
  return fields === manager.fields ? manager : { ...manager, fields }
}
