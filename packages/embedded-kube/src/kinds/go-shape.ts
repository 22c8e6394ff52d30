// What is left of an object once it has been a Go struct: upstream decodes every object into one and answers with what
// that encodes to (encoding/json; the tags of kubernetes/api and kubernetes/apimachinery).
import table from '../schema/kubernetes.generated.json' with { type: 'json' }
import { isFields, type Fields } from '../object.ts'

type Row = readonly [name: string, kind: string, flags: number, values: unknown]
const structs = table.protobuf as unknown as { readonly [name: string]: { readonly [number: string]: Row } }

const repeated = 1
const pointer = 2
const omitEmpty = 4
const meta = 'io.k8s.apimachinery.pkg.apis.meta.v1'
const schemaProps = 'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1'

/** Types with an encoding of their own, and what their zero value encodes to. */
const opaque: ReadonlyMap<string, unknown> = new Map<string, unknown>([
  [`${meta}.Time`, null],
  [`${meta}.MicroTime`, null],
  [`${meta}.Duration`, '0s'],
  [`${meta}.FieldsV1`, {}],
  ['io.k8s.apimachinery.pkg.api.resource.Quantity', '0'],
  ['io.k8s.apimachinery.pkg.util.intstr.IntOrString', 0],
  ['io.k8s.apimachinery.pkg.runtime.RawExtension', null],
])

interface Field {
  readonly name: string
  /** Of a struct's fields; undefined when the value is taken as it is. */
  readonly shape: Shape | undefined
  readonly list: boolean
  /** Values of a map are structs. */
  readonly map: boolean
  /** What stands there when nothing is given; undefined: nothing. */
  readonly zero: unknown
  /** Whether a value counts as nothing given. */
  readonly isEmpty: (value: unknown) => boolean
}

/** The fields of one struct; filled after it is made, for types that contain themselves. */
interface Shape {
  readonly fields: Field[]
}

const shapes = new Map<string, Shape>()
const zeros = new Map<string, Fields>()

/**
 * The object as its Go type would encode it: empty fields that are left out when empty are gone, the others are there
 * with their zero values. The same object when that changes nothing; any object of a type that the table lacks.
 */
export function goShape<T extends Fields>(object: T, typeName: string): T {
  const shape = shapeOf(typeName)
  return shape === undefined ? object : (shaped(object, shape) as T)
}

/** What the zero value of a type encodes to: always the same object. */
export function goZero(typeName: string): Fields {
  let zero = zeros.get(typeName)
  if (zero === undefined) {
    zero = goShape({}, typeName)
    zeros.set(typeName, zero)
  }
  return zero
}

function shapeOf(typeName: string): Shape | undefined {
  const known = shapes.get(typeName)
  if (known !== undefined) return known
  const struct = structs[typeName]
  if (struct === undefined || opaque.has(typeName) || typeName.startsWith(schemaProps)) return undefined
  const shape: Shape = { fields: [] }
  shapes.set(typeName, shape)
  for (const row of Object.values(struct)) {
    if (row[0] === '') shape.fields.push(...(shapeOf(row[1].slice(1))?.fields ?? []))
    else shape.fields.push(fieldOf(row, typeName))
  }
  return shape
}

function fieldOf([name, kind, flags, values]: Row, owner: string): Field {
  const isList = (flags & repeated) !== 0
  const isPointer = (flags & pointer) !== 0
  const omits = (flags & omitEmpty) !== 0
  if (kind === 'map') {
    const inner = typeof values === 'string' && values.startsWith('@') ? shapeOf(values.slice(1)) : undefined
    return { name, shape: inner, list: false, map: true, zero: omits ? undefined : null, isEmpty: isEmptyTree }
  }
  const type = kind.startsWith('@') ? kind.slice(1) : undefined
  const shape = type === undefined ? undefined : shapeOf(type)
  const common = { name, shape, map: false, list: isList }
  if (isList) return { ...common, zero: omits ? undefined : null, isEmpty: isEmptyTree }
  if (isPointer) return { ...common, zero: omits ? undefined : null, isEmpty: isAbsent }
  if (type !== undefined) {
    // `omitzero`, of which there is one.
    const left = owner === `${meta}.ObjectMeta` && name === 'creationTimestamp'
    const zero = left ? undefined : shape === undefined ? opaque.get(type) : shaped({}, shape)
    return { ...common, zero, isEmpty: isAbsent }
  }
  if (kind === 'bytes') return { ...common, zero: omits ? undefined : null, isEmpty: isAbsent }
  const zero = kind === 'string' ? '' : kind === 'bool' ? false : 0
  return {
    ...common,
    zero: omits ? undefined : zero,
    isEmpty: omits ? (value) => isAbsent(value) || value === zero : isAbsent,
  }
}

function isAbsent(value: unknown): boolean {
  return value === undefined || value === null
}

function isEmptyTree(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return value === undefined || value === null
  if (Array.isArray(value)) return value.length === 0
  for (const _ in value) return false
  return true
}

function shaped(object: Fields, shape: Shape): Fields {
  let copy: Record<string, unknown> | undefined
  for (const field of shape.fields) {
    const before = object[field.name]
    const after = field.isEmpty(before) ? field.zero : field.shape === undefined ? before : within(before, field)
    if (after === before) continue
    copy ??= { ...object }
    if (after === undefined) delete copy[field.name]
    else copy[field.name] = after
  }
  return copy ?? object
}

function within(value: unknown, field: Field): unknown {
  const shape = field.shape!
  if (field.list) {
    if (!Array.isArray(value)) return value
    const list = value as readonly unknown[]
    const next = list.map((item) => (isFields(item) ? shaped(item, shape) : item))
    return next.every((item, i) => item === list[i]) ? list : next
  }
  if (!isFields(value)) return value
  if (!field.map) return shaped(value, shape)
  const entries = Object.entries(value).map(
    ([key, item]) => [key, isFields(item) ? shaped(item, shape) : item] as const,
  )
  return entries.every(([key, item]) => item === value[key]) ? value : Object.fromEntries(entries)
}
