// The values of CEL as this house holds them: int is a bigint, double a number, bytes a Uint8Array; the rest as it is
// in JavaScript, or one of the classes below.

export class CelError extends Error {
  override readonly name = 'CelError'
}

/** More was spent than an evaluation may cost. */
export class CostExceeded extends Error {
  override readonly name = 'CostExceeded'
}

export function failed(message: string): never {
  throw new CelError(message)
}
export function noOverload(): never {
  throw new CelError('no such overload')
}

export class Uint {
  readonly value: bigint
  constructor(value: bigint) {
    this.value = value
  }
}

/** Nanoseconds. */
export class Duration {
  readonly nanos: bigint
  constructor(nanos: bigint) {
    this.nanos = nanos
  }
}

/** Nanoseconds since the Unix epoch. */
export class Timestamp {
  readonly nanos: bigint
  constructor(nanos: bigint) {
    this.nanos = nanos
  }
}

export class Optional {
  readonly value: Value | undefined
  constructor(value: Value | undefined) {
    this.value = value
  }
}

/** A type as a value, by its name. */
export class TypeValue {
  readonly text: string
  constructor(text: string) {
    this.text = text
  }
}

/** A value of a library's own type. */
export interface OpaqueValue {
  readonly typeName: string
  equals(other: OpaqueValue): boolean
  /** For costs; 1 where it says nothing. */
  readonly size?: number
}

/** How a list compares: in order, as a set, or as a map by some keys of its elements (x-kubernetes-list-type). */
export type ListIdentity = 'ordered' | 'set' | ((element: Value) => string)

export class CelList {
  readonly #items: readonly Value[]
  readonly identity: ListIdentity
  constructor(items: readonly Value[], identity: ListIdentity = 'ordered') {
    this.#items = items
    this.identity = identity
  }
  get items(): readonly Value[] {
    return this.#items
  }
}

/** Keys are int, uint, bool or string; `1` and `1u` are one key. */
export class CelMap {
  readonly entries: ReadonlyMap<string, readonly [key: Value, value: Value]>
  constructor(entries: ReadonlyMap<string, readonly [key: Value, value: Value]>) {
    this.entries = entries
  }
  get(key: Value): Value | undefined {
    const name = keyName(key)
    return name === undefined ? undefined : this.entries.get(name)?.[1]
  }
}

/** The text under which a map keeps a key; undefined for what can be no key. */
export function keyName(key: Value): string | undefined {
  if (typeof key === 'string') return `"${key}`
  if (typeof key === 'bigint') return String(key)
  if (key instanceof Uint) return String(key.value)
  if (typeof key === 'boolean') return `?${key}`
  if (typeof key === 'number' && Number.isInteger(key)) return String(BigInt(key))
  return undefined
}

/** An object whose fields are known by its type. */
export interface CelObject {
  readonly object: true
  /** Fields that are there. */
  readonly size: number
  field(name: string): Value | undefined
  fieldNames(): readonly string[]
}

export type Value =
  | null
  | boolean
  | bigint
  | number
  | string
  | Uint8Array
  | Uint
  | Duration
  | Timestamp
  | Optional
  | TypeValue
  | CelList
  | CelMap
  | CelObject
  | OpaqueValue

export function isObject(value: Value): value is CelObject {
  return typeof value === 'object' && value !== null && 'object' in value
}
export function isOpaque(value: Value): value is OpaqueValue {
  return typeof value === 'object' && value !== null && 'typeName' in value
}

const plainNames: Readonly<Record<string, string>> = {
  boolean: 'bool',
  bigint: 'int',
  number: 'double',
  string: 'string',
}

export function typeNameOf(value: Value): string {
  if (value === null) return 'null_type'
  if (typeof value !== 'object') return plainNames[typeof value]!
  if (value instanceof Uint8Array) return 'bytes'
  if (value instanceof Uint) return 'uint'
  if (value instanceof Duration) return 'google.protobuf.Duration'
  if (value instanceof Timestamp) return 'google.protobuf.Timestamp'
  if (value instanceof Optional) return 'optional_type'
  if (value instanceof TypeValue) return 'type'
  if (value instanceof CelList) return 'list'
  if (value instanceof CelMap) return 'map'
  return isOpaque(value) ? value.typeName : 'object'
}

/** Characters of a text, elements of a container, 1 of everything else (traits.Sizer). */
export function sizeOf(value: Value): number {
  if (typeof value === 'string') return textSize(value)
  if (value instanceof Uint8Array) return value.length
  if (value instanceof CelList) return value.items.length
  if (value instanceof CelMap) return value.entries.size
  if (value instanceof Optional) return value.value === undefined ? 1 : sizeOf(value.value)
  if (typeof value === 'object' && value !== null && 'size' in value) return value.size ?? 1
  return 1
}

/** Unicode code points. */
export function textSize(text: string): number {
  let size = text.length
  for (let i = 0; i < text.length - 1; i++) {
    const code = text.charCodeAt(i)
    if (code >= 0xd800 && code < 0xdc00) {
      size--
      i++
    }
  }
  return size
}

/** Equality over all types: numbers by value, containers by their parts, anything else of another type is different. */
export function equalValues(a: Value, b: Value): boolean {
  if (a === b) return true
  const left = numeric(a)
  if (left !== undefined) {
    const right = numeric(b)
    // An int and a double compare by value in JavaScript too.
    return right !== undefined && left == right // oxlint-disable-line eqeqeq
  }
  if (a === null || b === null || typeof a !== 'object' || typeof b !== 'object') return false
  if (a instanceof Uint8Array) {
    return b instanceof Uint8Array && a.length === b.length && a.every((byte, i) => byte === b[i])
  }
  if (a instanceof Duration) return b instanceof Duration && a.nanos === b.nanos
  if (a instanceof Timestamp) return b instanceof Timestamp && a.nanos === b.nanos
  if (a instanceof TypeValue) return b instanceof TypeValue && a.text === b.text
  if (a instanceof Optional) {
    if (!(b instanceof Optional)) return false
    return a.value === undefined || b.value === undefined ? a.value === b.value : equalValues(a.value, b.value)
  }
  if (a instanceof CelList) return b instanceof CelList && equalLists(a, b)
  if (a instanceof CelMap) return b instanceof CelMap && equalMaps(a, b)
  if (isOpaque(a)) return isOpaque(b) && a.typeName === b.typeName && a.equals(b)
  if (!isObject(a) || !isObject(b) || a.size !== b.size) return false
  return a.fieldNames().every((name) => {
    const [left, right] = [a.field(name), b.field(name)]
    return left !== undefined && right !== undefined && equalValues(left, right)
  })
}

function numeric(value: Value): bigint | number | undefined {
  if (typeof value === 'bigint' || typeof value === 'number') return value
  return value instanceof Uint ? value.value : undefined
}

function equalLists(a: CelList, b: CelList): boolean {
  if (a.items.length !== b.items.length) return false
  const identity = a.identity === 'ordered' ? b.identity : a.identity
  if (identity === 'ordered') return a.items.every((item, i) => equalValues(item, b.items[i]!))
  if (identity === 'set') {
    const keys = new Set(b.items.map(keyName))
    return a.items.every((item) => {
      const key = keyName(item)
      return key === undefined ? b.items.some((other) => equalValues(item, other)) : keys.has(key)
    })
  }
  const others = new Map(b.items.map((item) => [identity(item), item]))
  return a.items.every((item) => {
    const other = others.get(identity(item))
    return other !== undefined && equalValues(item, other)
  })
}

function equalMaps(a: CelMap, b: CelMap): boolean {
  if (a.entries.size !== b.entries.size) return false
  for (const [name, [, value]] of a.entries) {
    const other = b.entries.get(name)
    if (other === undefined || !equalValues(value, other[1])) return false
  }
  return true
}

/** -1, 0 or 1; undefined where the two have no order, as for not-a-number. */
export function compareValues(a: Value, b: Value): -1 | 0 | 1 | undefined {
  const [left, right] = [numeric(a), numeric(b)]
  if (left !== undefined && right !== undefined) {
    return left < right ? -1 : left > right ? 1 : left == right ? 0 : undefined // oxlint-disable-line eqeqeq
  }
  if (typeof a === 'string' && typeof b === 'string') return a === b ? 0 : compareTexts(a, b)
  if (typeof a === 'boolean' && typeof b === 'boolean') return a === b ? 0 : b ? -1 : 1
  if (a instanceof Duration && b instanceof Duration) return order(a.nanos, b.nanos)
  if (a instanceof Timestamp && b instanceof Timestamp) return order(a.nanos, b.nanos)
  if (a instanceof Uint8Array && b instanceof Uint8Array) {
    for (let i = 0; i < a.length && i < b.length; i++) if (a[i] !== b[i]) return a[i]! < b[i]! ? -1 : 1
    return order(BigInt(a.length), BigInt(b.length))
  }
  return noOverload()
}

function order(a: bigint, b: bigint): -1 | 0 | 1 {
  return a < b ? -1 : a > b ? 1 : 0
}

/** By code points: UTF-16 puts the supplementary planes before U+E000. */
function compareTexts(a: string, b: string): -1 | 1 {
  const [left, right] = [Array.from(a), Array.from(b)]
  for (let i = 0; i < left.length && i < right.length; i++) {
    if (left[i] !== right[i]) return left[i]!.codePointAt(0)! < right[i]!.codePointAt(0)! ? -1 : 1
  }
  return left.length < right.length ? -1 : 1
}
