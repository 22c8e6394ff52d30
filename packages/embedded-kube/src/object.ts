import type { KubeObject, ObjectMeta } from '@plimsoll/model'

/** Anything JSON, read field by field. Absent and undefined are the same. */
export type Fields = { readonly [field: string]: unknown }

/** An object as the store holds it: never written to. */
export interface StoredObject extends KubeObject {
  readonly spec?: Fields | undefined
  readonly status?: Fields | undefined
  readonly [field: string]: unknown
}

/** An object as a client sends it. */
export interface ObjectInput {
  readonly apiVersion?: string | undefined
  readonly kind?: string | undefined
  readonly metadata?: ObjectMeta | undefined
  readonly [field: string]: unknown
}

export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The value as an object; empty when it is anything else. */
export function fieldsOf(value: unknown): Fields {
  return isFields(value) ? value : {}
}

/** A scalar as text; empty for anything else. */
export function textOf(value: unknown): string {
  if (typeof value === 'string') return value
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : ''
}

export function listOf(value: unknown): readonly Fields[] {
  return Array.isArray(value) ? (value as readonly Fields[]) : []
}

/** Equal as JSON: an undefined field counts as absent. */
export function equal(a: unknown, b: unknown): boolean {
  if (a === b) return true
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false
  if (Array.isArray(a)) {
    if (!Array.isArray(b) || a.length !== b.length) return false
    for (let i = 0; i < a.length; i++) if (!equal(a[i], b[i])) return false
    return true
  }
  if (Array.isArray(b)) return false
  const left = a as Record<string, unknown>
  const right = b as Record<string, unknown>
  // Of what Object.prototype lends, only `__proto__` can equal a JSON value; the rest are functions.
  let count = 0
  for (const name in left) {
    if (left[name] === undefined) continue
    if (!equal(left[name], right[name]) || (name === '__proto__' && !Object.hasOwn(right, name))) return false
    count++
  }
  for (const name in right) if (right[name] !== undefined) count--
  return count === 0
}

/** The object with `values` under those of its fields that are absent; the same object when none is. */
export function withDefaults<T extends Fields>(object: T, values: Fields): T {
  for (const name in values) {
    if (object[name] === undefined && values[name] !== undefined) {
      const filled: Record<string, unknown> = { ...object }
      for (const field in values) filled[field] ??= values[field]
      return filled as T
    }
  }
  return object
}

/** The object with one field replaced; the same object when the value is the same. */
export function withField<T extends Fields>(object: T, name: string, value: unknown): T {
  return object[name] === value ? object : { ...object, [name]: value }
}

/** The list with each element mapped; the same list when no element changes. */
export function mapSame<T>(list: readonly T[], map: (element: T) => T): readonly T[] {
  let copy: T[] | undefined
  for (let i = 0; i < list.length; i++) {
    const before = list[i]!
    const after = map(before)
    if (after === before) continue
    copy ??= [...list]
    copy[i] = after
  }
  return copy ?? list
}

/** The value without null and undefined fields, as Go drops them on decoding; the same value when there are none. */
export function withoutNulls<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return mapSame(value, withoutNulls) as T
  const fields = value as Record<string, unknown>
  let copy: Record<string, unknown> | undefined
  for (const name in fields) {
    const before = fields[name]
    const after = withoutNulls(before)
    if (after === before && after !== null && after !== undefined) continue
    copy ??= { ...fields }
    if (after === null || after === undefined) delete copy[name]
    else copy[name] = after
  }
  return (copy ?? value) as T
}

/** The object with some of its metadata replaced. */
export function withMeta(object: StoredObject, changes: Partial<StoredObject['metadata']>): StoredObject {
  return { ...object, metadata: { ...object.metadata, ...changes } }
}
