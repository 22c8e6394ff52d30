// Values seen through their schema: which fields they have, how two of them differ, how one is merged into another
// (kubernetes-sigs/structured-merge-diff:typed/{tofieldset,compare,merge,remove}.go).
import { equal, isFields, type Fields } from '../object.ts'
import { resolveSchema, type Schema } from '../schema-table.ts'
import { placeAmong } from './list-order.ts'
import { emptySet, fieldSet, isEmpty, leaf, union, type FieldSet } from './field-set.ts'

/** How a value is taken apart. */
type Shape =
  | { readonly kind: 'atomic' }
  | { readonly kind: 'map'; readonly field: (name: string) => Schema; readonly declared: (name: string) => boolean }
  | { readonly kind: 'list'; readonly items: Schema; readonly keys: readonly string[] }
  | { readonly kind: 'set' }

const atomic: Shape = { kind: 'atomic' }
const opaque = new Set([
  'io.k8s.apimachinery.pkg.apis.meta.v1.FieldsV1',
  'io.k8s.apimachinery.pkg.runtime.RawExtension',
])

function shapeOf(value: unknown, given: Schema): Shape {
  if (given.$ref !== undefined && opaque.has(given.$ref)) return atomic
  const schema = resolveSchema(given)
  if (Array.isArray(value)) {
    const type = given['x-kubernetes-list-type'] ?? schema['x-kubernetes-list-type']
    if (type === 'set') return { kind: 'set' }
    if (type !== 'map') return atomic
    const keys = given['x-kubernetes-list-map-keys'] ?? schema['x-kubernetes-list-map-keys'] ?? []
    return { kind: 'list', items: given.items ?? schema.items ?? {}, keys }
  }
  if (!isFields(value)) return atomic
  if ((given['x-kubernetes-map-type'] ?? schema['x-kubernetes-map-type']) === 'atomic') return atomic
  const { properties, additionalProperties } = schema
  return {
    kind: 'map',
    field: (name) => properties?.[name] ?? (typeof additionalProperties === 'object' ? additionalProperties : {}),
    declared: (name) => properties?.[name] !== undefined,
  }
}

/** The path element of a list item: its keys, sorted, with the schema's defaults for those that are missing. */
function itemElement(item: unknown, shape: Extract<Shape, { kind: 'list' }>): string {
  const fields = isFields(item) ? item : {}
  const schema = resolveSchema(shape.items)
  const keys: Record<string, unknown> = {}
  for (const key of shape.keys.toSorted()) {
    const value = fields[key] ?? schema.properties?.[key]?.default ?? (key === 'protocol' ? 'TCP' : undefined)
    if (value !== undefined) keys[key] = value
  }
  return `k:${JSON.stringify(keys)}`
}

function itemsByElement(list: unknown, shape: Extract<Shape, { kind: 'list' | 'set' }>): Map<string, unknown> {
  const items = new Map<string, unknown>()
  for (const item of Array.isArray(list) ? (list as readonly unknown[]) : []) {
    items.set(shape.kind === 'set' ? `v:${JSON.stringify(item)}` : itemElement(item, shape), item)
  }
  return items
}

/** The fields that a value has: what its author owns. */
export function fieldsIn(value: unknown, schema: Schema): FieldSet {
  const shape = shapeOf(value, schema)
  switch (shape.kind) {
    case 'atomic':
      return leaf
    case 'set':
      return fieldSet(false, new Map([...itemsByElement(value, shape).keys()].map((element) => [element, leaf])))
    case 'list': {
      const children = new Map<string, FieldSet>()
      for (const [element, item] of itemsByElement(value, shape)) {
        children.set(element, fieldSet(true, fieldsIn(item, shape.items).children))
      }
      return fieldSet(false, children)
    }
    case 'map': {
      const children = new Map<string, FieldSet>()
      for (const [name, field] of Object.entries(value as Fields)) {
        if (field === undefined) continue
        const below = fieldsIn(field, shape.field(name))
        const self = !shape.declared(name) || (isFields(field) && Object.keys(field).length === 0)
        const set = fieldSet(self || below.self, below.children)
        if (!isEmpty(set)) children.set(`f:${name}`, set)
      }
      return fieldSet(false, children)
    }
  }
}

export interface Difference {
  /** Added or with another value. */
  readonly changed: FieldSet
  readonly removed: FieldSet
}

const noDifference: Difference = { changed: emptySet, removed: emptySet }

/** How `after` differs from `before`. Parts that are the same object are not looked into. */
export function differences(before: unknown, after: unknown, schema: Schema): Difference {
  if (before === after) return noDifference
  if (before === undefined) return { changed: orLeaf(fieldsIn(after, schema)), removed: emptySet }
  if (after === undefined) return { changed: emptySet, removed: orLeaf(fieldsIn(before, schema)) }
  const shape = shapeOf(after, schema)
  const same = shape.kind !== 'atomic' && Array.isArray(before) === Array.isArray(after) && typeof before === 'object'
  if (!same) return equal(before, after) ? noDifference : { changed: leaf, removed: emptySet }
  const changed = new Map<string, FieldSet>()
  const removed = new Map<string, FieldSet>()
  const note = (element: string, difference: Difference): void => {
    if (!isEmpty(difference.changed)) changed.set(element, difference.changed)
    if (!isEmpty(difference.removed)) removed.set(element, difference.removed)
  }
  if (shape.kind === 'map') {
    const old = before as Fields
    const next = after as Fields
    for (const name of new Set([...Object.keys(old), ...Object.keys(next)])) {
      note(`f:${name}`, differences(old[name], next[name], shape.field(name)))
    }
  } else {
    const old = itemsByElement(before, shape)
    const next = itemsByElement(after, shape)
    for (const element of new Set([...old.keys(), ...next.keys()])) {
      const items = shape.kind === 'list' ? shape.items : {}
      const difference = differences(old.get(element), next.get(element), items)
      const whole = old.has(element) !== next.has(element)
      note(element, {
        changed: whole && next.has(element) ? union(leaf, difference.changed) : difference.changed,
        removed: whole && old.has(element) ? union(leaf, difference.removed) : difference.removed,
      })
    }
  }
  return { changed: fieldSet(false, changed), removed: fieldSet(false, removed) }
}

/** A value without fields of its own is itself what came or went. */
function orLeaf(set: FieldSet): FieldSet {
  return isEmpty(set) ? leaf : set
}

/** `live` with `applied` laid over it. */
export function mergeTyped(live: unknown, applied: unknown, schema: Schema): unknown {
  if (live === undefined) return applied
  if (applied === undefined) return live
  const shape = shapeOf(applied, schema)
  if (shape.kind === 'atomic' || Array.isArray(live) !== Array.isArray(applied) || typeof live !== 'object') {
    return equal(live, applied) ? live : applied
  }
  if (shape.kind === 'map') {
    let merged: Record<string, unknown> | undefined
    const present = (live ?? {}) as Fields
    for (const [name, value] of Object.entries(applied as Fields)) {
      const next = mergeTyped(present[name], value, shape.field(name))
      if (next === present[name]) continue
      merged ??= { ...present }
      merged[name] = next
    }
    return merged ?? live
  }
  const old = itemsByElement(live, shape)
  const next = itemsByElement(applied, shape)
  const items = shape.kind === 'list' ? shape.items : {}
  const elements = placeAmong([...old.keys()], [...next.keys()])
  const merged = elements.map((element) => mergeTyped(old.get(element), next.get(element), items))
  const list = live as readonly unknown[]
  return merged.length === list.length && merged.every((item, i) => item === list[i]) ? live : merged
}

/** The value without the fields in `gone`, but with those in `kept`; undefined when nothing is left of it. */
export function removeFields(value: unknown, gone: FieldSet, kept: FieldSet, schema: Schema): unknown {
  if (gone.children.size === 0 && !gone.self) return value
  const shape = shapeOf(value, schema)
  if (shape.kind === 'atomic' || (gone.self && isEmpty(kept))) return gone.self && isEmpty(kept) ? undefined : value
  if (shape.kind === 'map') {
    const result: Record<string, unknown> = { ...(value as Fields) }
    for (const [element, below] of gone.children) {
      const name = element.slice(2)
      if (!element.startsWith('f:') || result[name] === undefined) continue
      const next = removeFields(result[name], below, kept.children.get(element) ?? emptySet, shape.field(name))
      if (next === undefined) delete result[name]
      else result[name] = next
    }
    const emptied = Object.keys(result).length === 0 && Object.keys(value as Fields).length > 0
    return emptied && !kept.self ? undefined : result
  }
  const items = shape.kind === 'list' ? shape.items : {}
  const left: unknown[] = []
  for (const [element, item] of itemsByElement(value, shape)) {
    const below = gone.children.get(element)
    const next = below === undefined ? item : removeFields(item, below, kept.children.get(element) ?? emptySet, items)
    if (next !== undefined) left.push(next)
  }
  return left.length === 0 ? undefined : left
}
