// Values seen through their schema: which fields they have, how two of them differ, how one is merged into another
// (kubernetes-sigs/structured-merge-diff:typed/{tofieldset,compare,merge,remove}.go). undefined is no value at all; null
// is a value, and an empty one.
import { own, setOwn } from '@plimsoll/model'
import { equal, isFields, type Fields } from '../object.ts'
import { resolveSchema, type Schema } from '../schema-table.ts'
import { emptySet, fieldSet, isEmpty, leaf, type FieldSet } from './field-set.ts'

export interface ListShape {
  readonly kind: 'list'
  readonly items: Schema
  /** Empty for a set of scalars. */
  readonly keys: readonly string[]
}

/** How a value is taken apart. */
export type Shape =
  | { readonly kind: 'atomic' }
  | { readonly kind: 'map'; readonly field: (name: string) => Schema; readonly declared: (name: string) => boolean }
  | ListShape

const atomic: Shape = { kind: 'atomic' }
const opaque = new Set([
  'io.k8s.apimachinery.pkg.apis.meta.v1.FieldsV1',
  'io.k8s.apimachinery.pkg.runtime.RawExtension',
])

export function shapeOf(value: unknown, given: Schema): Shape {
  if (given.$ref !== undefined && opaque.has(given.$ref)) return atomic
  const schema = resolveSchema(given)
  const isNull = value === null || value === undefined
  if (Array.isArray(value) || (isNull && schema.type === 'array')) {
    const type = given['x-kubernetes-list-type'] ?? schema['x-kubernetes-list-type']
    if (type !== 'set' && type !== 'map') return atomic
    const keys =
      type === 'set' ? [] : (given['x-kubernetes-list-map-keys'] ?? schema['x-kubernetes-list-map-keys'] ?? [])
    return { kind: 'list', items: given.items ?? schema.items ?? {}, keys }
  }
  if (!isFields(value) && !(isNull && schema.type === 'object')) return atomic
  if ((given['x-kubernetes-map-type'] ?? schema['x-kubernetes-map-type']) === 'atomic') return atomic
  const { properties, additionalProperties } = schema
  return {
    kind: 'map',
    field: (name) => own(properties, name) ?? (typeof additionalProperties === 'object' ? additionalProperties : {}),
    declared: (name) => own(properties, name) !== undefined,
  }
}

/** The path element of a list item: its value, or its keys, sorted, with the schema's defaults for those that are missing. */
export function itemElement(item: unknown, shape: ListShape): string {
  if (shape.keys.length === 0) return `v:${JSON.stringify(item)}`
  const fields = isFields(item) ? item : {}
  const schema = resolveSchema(shape.items)
  const keys: Record<string, unknown> = {}
  for (const key of shape.keys.toSorted()) {
    const value = own(fields, key) ?? own(schema.properties, key)?.default ?? zeroKey(schema, shape.items, key)
    if (value !== undefined) setOwn(keys, key, value)
  }
  return `k:${JSON.stringify(keys)}`
}

/** A key that a Go struct always has is its zero value when nobody gave it. */
function zeroKey(schema: Schema, items: Schema, key: string): unknown {
  if (items.$ref === undefined || schema.required?.includes(key) !== true) return undefined
  return own(schema.properties, key)?.type === 'integer' ? 0 : ''
}

/** The items by their path element; more than one where elements repeat. */
function itemsOf(list: unknown, shape: ListShape): Map<string, unknown[]> {
  const items = new Map<string, unknown[]>()
  for (const item of Array.isArray(list) ? (list as readonly unknown[]) : []) {
    const element = itemElement(item, shape)
    const present = items.get(element)
    if (present === undefined) items.set(element, [item])
    else present.push(item)
  }
  return items
}

function isEmptyTree(value: unknown): boolean {
  if (Array.isArray(value)) return value.length === 0
  if (isFields(value)) {
    for (const name in value) if (value[name] !== undefined) return false
  }
  return true
}

/** The fields that a value has: what its author owns. */
export function fieldsIn(value: unknown, schema: Schema): FieldSet {
  const shape = shapeOf(value, schema)
  switch (shape.kind) {
    case 'atomic':
      return leaf
    case 'list': {
      const children = new Map<string, FieldSet>()
      for (const [element, items] of itemsOf(value, shape)) {
        children.set(element, items.length > 1 ? leaf : fieldSet(true, fieldsIn(items[0], shape.items).children))
      }
      return fieldSet(false, children)
    }
    case 'map': {
      const children = new Map<string, FieldSet>()
      for (const [name, field] of Object.entries((value ?? {}) as Fields)) {
        if (field === undefined) continue
        const below = fieldsIn(field, shape.field(name))
        const self = !shape.declared(name) || field === null || (isFields(field) && isEmptyTree(field))
        const set = fieldSet(self || below.self, below.children)
        if (!isEmpty(set)) children.set(`f:${name}`, set)
      }
      return fieldSet(false, children)
    }
  }
}

export interface Difference {
  /** Added, or there with another value. */
  readonly changed: FieldSet
  readonly removed: FieldSet
}

const noDifference: Difference = { changed: emptySet, removed: emptySet }
const leafChanged: Difference = { changed: leaf, removed: emptySet }
const leafRemoved: Difference = { changed: emptySet, removed: leaf }

function leafDifference(before: unknown, after: unknown): Difference {
  if (after === undefined) return leafRemoved
  return before !== undefined && equal(before, after) ? noDifference : leafChanged
}

/** How `after` differs from `before`. Parts that are the same object are not looked into. */
export function differences(before: unknown, after: unknown, schema: Schema): Difference {
  if (before === after) return noDifference
  const shape = shapeOf(after ?? before, schema)
  if (shape.kind === 'atomic' || (isEmptyTree(before) && isEmptyTree(after))) return leafDifference(before, after)
  const changed = new Map<string, FieldSet>()
  const removed = new Map<string, FieldSet>()
  const note = (element: string, difference: Difference): void => {
    if (!isEmpty(difference.changed)) changed.set(element, difference.changed)
    if (!isEmpty(difference.removed)) removed.set(element, difference.removed)
  }
  if (shape.kind === 'map') {
    const old = isFields(before) ? before : {}
    const next = isFields(after) ? after : {}
    for (const name in old) {
      const value = old[name]
      if (value !== undefined) note(`f:${name}`, differences(value, own(next, name), shape.field(name)))
    }
    for (const name in next) {
      const value = next[name]
      if (value !== undefined && own(old, name) === undefined) {
        note(`f:${name}`, differences(undefined, value, shape.field(name)))
      }
    }
  } else {
    const old = itemsOf(before, shape)
    const next = itemsOf(after, shape)
    for (const [element, items] of old) note(element, itemDifference(items, next.get(element) ?? [], shape))
    for (const [element, items] of next) if (!old.has(element)) note(element, itemDifference([], items, shape))
  }
  return { changed: fieldSet(before === undefined, changed), removed: fieldSet(after === undefined, removed) }
}

/** Items that repeat count as one, which changes as a whole. */
function itemDifference(before: readonly unknown[], after: readonly unknown[], shape: ListShape): Difference {
  if (before.length <= 1 && after.length <= 1) return differences(before[0], after[0], shape.items)
  if (before.length > 1 && after.length > 1) return equal(before, after) ? noDifference : leafChanged
  if (before.length > 1) {
    const added = after.length === 0 ? noDifference : differences(undefined, after[0], shape.items)
    return { changed: added.changed, removed: leaf }
  }
  const gone = before.length === 0 ? noDifference : differences(before[0], undefined, shape.items)
  return { changed: leaf, removed: gone.removed }
}

/** `live` with `applied` laid over it; the same object when that changes nothing. */
export function mergeTyped(live: unknown, applied: unknown, schema: Schema): unknown {
  if (live === undefined || applied === undefined) return applied ?? live
  const shape = shapeOf(applied ?? live, schema)
  if (shape.kind === 'atomic' || (isEmptyTree(live) && isEmptyTree(applied)))
    return equal(live, applied) ? live : applied
  if (shape.kind === 'map') {
    let merged: Record<string, unknown> | undefined
    const present = isFields(live) ? live : {}
    for (const [name, value] of Object.entries((applied ?? {}) as Fields)) {
      const before = own(present, name)
      const next = mergeTyped(before, value, shape.field(name))
      if (next === before) continue
      merged ??= { ...present }
      setOwn(merged, name, next)
    }
    return merged ?? live
  }
  return mergeLists(live, applied, shape)
}

/** Both lists as one: applied items in their order, those of the live list before the next that both have. */
function mergeLists(live: unknown, applied: unknown, shape: ListShape): unknown {
  const old = Array.isArray(live) ? (live as readonly unknown[]) : []
  const oldElements = old.map((item) => itemElement(item, shape))
  const present = itemsOf(old, shape)
  const next = itemsOf(applied, shape)
  const nextElements = [...next.keys()]
  const shared = nextElements.filter((element) => present.has(element))
  const merged: unknown[] = []
  const done = new Set<string>()
  const take = (element: string): void => {
    const before = present.get(element)
    merged.push(mergeTyped(before?.length === 1 ? before[0] : undefined, next.get(element)![0], shape.items))
    done.add(element)
    if (shared[0] === element) shared.shift()
  }
  let left = 0
  let right = 0
  while (left < old.length || right < nextElements.length) {
    const here = oldElements[left]
    if (here !== undefined && right < nextElements.length) {
      if (here === nextElements[right]) {
        take(here)
        left++
        right++
        continue
      }
      if (next.has(here) && shared.length > 0 && shared[0] !== here) {
        left++
        continue
      }
    }
    if (here !== undefined) {
      if (!next.has(here)) {
        merged.push(old[left])
        left++
        continue
      }
      if (done.has(here)) left++
    }
    if (right < nextElements.length) {
      take(nextElements[right]!)
      right++
    }
  }
  return merged.length === old.length && merged.every((item, i) => item === old[i]) ? live : merged
}

/** The value without the fields in the set; undefined when nothing is left of it. */
export function removeFields(value: unknown, gone: FieldSet, schema: Schema): unknown {
  const shape = shapeOf(value, schema)
  if (value === null || typeof value !== 'object') return value
  if (shape.kind === 'atomic' || isEmptyTree(value)) return undefined
  if (shape.kind === 'map') {
    const kept: Record<string, unknown> = {}
    let count = 0
    for (const [name, field] of Object.entries(value as Fields)) {
      const set = gone.children.get(`f:${name}`)
      if (set?.self === true) continue
      const rest = set === undefined ? field : removeFields(field, set, shape.field(name))
      if (rest === undefined) continue
      setOwn(kept, name, rest)
      count++
    }
    return count === 0 ? undefined : kept
  }
  const left: unknown[] = []
  for (const item of value as readonly unknown[]) {
    const set = gone.children.get(itemElement(item, shape))
    if (set?.self === true) continue
    const rest = set === undefined ? item : removeFields(item, set, shape.items)
    if (rest !== undefined) left.push(rest)
  }
  return left.length === 0 ? undefined : left
}

/** The set with every declared field on its paths as a member of its own (fieldpath.Set, EnsureNamedFieldsAreMembers). */
export function withNamedFields(set: FieldSet, given: Schema, value: unknown): FieldSet {
  const shape = shapeOf(value, given)
  const children = new Map<string, FieldSet>()
  for (const [element, child] of set.children) {
    if (shape.kind === 'map' && element.startsWith('f:')) {
      const name = element.slice(2)
      const below = withNamedFields(child, shape.field(name), isFields(value) ? own(value, name) : undefined)
      children.set(element, fieldSet(child.self || shape.declared(name), below.children))
    } else if (shape.kind === 'list' && element.startsWith('k:')) {
      children.set(element, fieldSet(child.self, withNamedFields(child, shape.items, undefined).children))
    } else children.set(element, child)
  }
  return fieldSet(set.self, children)
}
