// What decoding a body into a Go type does: unknown fields fall away and are told of, wrong types are refused
// (kubernetes-sigs/json, and kubernetes/apimachinery:pkg/runtime for the words).
import { own, parseQuantity } from '@plimsoll/model'
import { isFields, type Fields } from '../object.ts'
import { resolveSchema, type Schema } from '../schema-table.ts'

/** A value that the type cannot hold. The message is the decoder's. */
export class TypeMismatch extends Error {
  override readonly name = 'TypeMismatch'
}

export interface Decoded<T> {
  readonly value: T
  /** `unknown field "spec.foo"`, in the order of the document. */
  readonly problems: readonly string[]
}

const quantity = 'io.k8s.apimachinery.pkg.api.resource.Quantity'
/** Any JSON. */
const anything = new Set([
  'io.k8s.apimachinery.pkg.runtime.RawExtension',
  'io.k8s.apimachinery.pkg.apis.meta.v1.FieldsV1',
])
const times = new Set(['io.k8s.apimachinery.pkg.apis.meta.v1.Time', 'io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime'])
const schemaProps = 'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps'
const schemaUnions: { readonly [name: string]: true } = {
  [`${schemaProps}OrBool`]: true,
  [`${schemaProps}OrArray`]: true,
  [`${schemaProps}OrStringArray`]: true,
}

interface Walk {
  readonly problems: string[]
  /** Field names only, as Go's decoder names a place. */
  readonly goPath: string[]
  readonly typeNames: string[]
}

/** Decodes a built-in kind. @throws {TypeMismatch} */
export function decodeFields(schemaName: string, value: Fields): Decoded<Fields> {
  const walk: Walk = { problems: [], goPath: [], typeNames: [] }
  const decoded = visit(walk, { $ref: schemaName }, value, '')
  return { value: decoded as Fields, problems: walk.problems }
}

function visit(walk: Walk, schema: Schema, value: unknown, path: string): unknown {
  if (value === null || value === undefined) return value
  const ref = schema.$ref
  if (ref !== undefined) {
    if (anything.has(ref)) return value
    if (ref === quantity) return quantityOf(value)
    if (times.has(ref)) return timeOf(value)
    if (schemaUnions[ref] === true) return unionOf(walk, value, path)
    walk.typeNames.push(ref.slice(ref.lastIndexOf('.') + 1))
    try {
      return visit(walk, resolveSchema(schema), value, path)
    } finally {
      walk.typeNames.pop()
    }
  }
  switch (schema.type) {
    case 'object':
      if (!isFields(value)) throw mismatch(walk, value, schema.properties === undefined ? 'map' : 'struct')
      if (schema.properties !== undefined) return structOf(walk, schema.properties, value, path)
      return schema.additionalProperties === undefined ? value : mapOf(walk, schema.additionalProperties, value, path)
    case 'array':
      if (!Array.isArray(value)) throw mismatch(walk, value, 'slice')
      return value.map((item, i) => visit(walk, schema.items ?? {}, item ?? zeroOf(schema.items), `${path}[${i}]`))
    case 'string':
      if (schema.format === 'int-or-string') {
        if (typeof value !== 'string' && !Number.isInteger(value)) throw mismatch(walk, value, 'int32')
        return value
      }
      if (typeof value !== 'string') throw mismatch(walk, value, 'string')
      return value
    case 'integer':
      if (typeof value !== 'number' || !Number.isInteger(value)) throw mismatch(walk, value, schema.format ?? 'int64')
      return value
    case 'number':
      if (typeof value !== 'number') throw mismatch(walk, value, 'float64')
      return value
    case 'boolean':
      if (typeof value !== 'boolean') throw mismatch(walk, value, 'bool')
      return value
    case undefined:
    default:
      return value
  }
}

/** What a null in a list becomes: Go's zero value. */
function zeroOf(schema: Schema | undefined): unknown {
  if (schema?.$ref !== undefined && times.has(schema.$ref)) return null
  const { type } = resolveSchema(schema ?? {})
  if (type === 'object') return {}
  return type === 'string' ? '' : type === 'boolean' ? false : type === 'integer' ? 0 : null
}

function structOf(walk: Walk, properties: { readonly [field: string]: Schema }, value: Fields, path: string): Fields {
  let changed = false
  const decoded: Record<string, unknown> = {}
  for (const [field, before] of Object.entries(value)) {
    const at = path === '' ? field : `${path}.${field}`
    const schema = own(properties, field)
    if (schema === undefined) {
      changed = true
      walk.problems.push(`unknown field ${JSON.stringify(at)}`)
      continue
    }
    walk.goPath.push(field)
    const after = visit(walk, schema, before, at)
    walk.goPath.pop()
    changed ||= after !== before
    decoded[field] = after
  }
  return changed ? decoded : value
}

function mapOf(walk: Walk, schema: Schema, value: Fields, path: string): Fields {
  let changed = false
  const decoded: [string, unknown][] = []
  for (const [field, before] of Object.entries(value)) {
    walk.goPath.push(field)
    const after = before === null ? zeroOf(schema) : visit(walk, schema, before, `${path}.${field}`)
    walk.goPath.pop()
    changed ||= after !== before
    decoded.push([field, after])
  }
  return changed ? Object.fromEntries(decoded) : value
}

/** A schema, or a boolean, a list of schemas or a list of names in its place. */
function unionOf(walk: Walk, value: unknown, path: string): unknown {
  if (isFields(value)) return visit(walk, { $ref: schemaProps }, value, path)
  if (!Array.isArray(value)) return value
  return value.map((item, i) => (isFields(item) ? visit(walk, { $ref: schemaProps }, item, `${path}[${i}]`) : item))
}

function quantityOf(value: unknown): unknown {
  if ((typeof value === 'string' || typeof value === 'number') && parseQuantity(value) !== undefined) {
    return typeof value === 'number' ? String(value) : value
  }
  throw new TypeMismatch("quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'")
}

const rfc3339 = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})$/

function timeOf(value: unknown): unknown {
  if (value === '') return null
  if (typeof value === 'string' && rfc3339.test(value)) return value
  const text = JSON.stringify(value)
  throw new TypeMismatch(`parsing time ${text} as "2006-01-02T15:04:05Z07:00": cannot parse ${text} as "2006"`)
}

function mismatch(walk: Walk, value: unknown, goType: string): TypeMismatch {
  const found = Array.isArray(value)
    ? 'array'
    : typeof value === 'boolean'
      ? 'bool'
      : typeof value === 'number'
        ? goType.startsWith('int')
          ? `number ${value}`
          : 'number'
        : typeof value
  const struct = walk.typeNames.at(-1) ?? ''
  const type =
    goType === 'struct'
      ? struct
      : goType === 'map'
        ? 'map[string]string'
        : goType === 'slice'
          ? '[]interface {}'
          : goType
  return new TypeMismatch(
    `json: cannot unmarshal ${found} into Go struct field ${struct}.${walk.goPath.join('.')} of type ${type}`,
  )
}

/**
 * The fields of a custom resource that its schema does not know, sorted as upstream sorts them
 * (kubernetes/apiextensions-apiserver:pkg/apiserver/schema/pruning/algorithm.go). They are dropped when it is stored.
 */
export function unknownCustomFields(schema: Fields | undefined, object: Fields): readonly string[] {
  const paths: string[] = []
  const { apiVersion: _, kind: __, metadata, ...rest } = object
  if (isFields(metadata)) {
    const known = decodeFields('io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta', metadata)
    paths.push(...known.problems.map((problem) => `metadata.${JSON.parse(problem.slice('unknown field '.length))}`))
  }
  if (schema !== undefined) collectUnknown(schema, rest, '', paths)
  return paths.sort().map((path) => `unknown field ${JSON.stringify(path)}`)
}

const embeddedFields = new Set(['apiVersion', 'kind', 'metadata'])

function collectUnknown(schema: Fields, value: unknown, path: string, paths: string[]): void {
  if (Array.isArray(value)) {
    const { items } = schema
    if (isFields(items)) value.forEach((item, i) => collectUnknown(items, item, `${path}[${i}]`, paths))
    return
  }
  if (!isFields(value)) return
  const keeps = schema['x-kubernetes-preserve-unknown-fields'] === true
  const properties = isFields(schema['properties']) ? schema['properties'] : {}
  const additional = schema['additionalProperties']
  for (const [field, inner] of Object.entries(value)) {
    const at = path === '' ? field : `${path}.${field}`
    if (schema['x-kubernetes-embedded-resource'] === true && embeddedFields.has(field)) continue
    const known = own(properties, field)
    if (isFields(known)) collectUnknown(known, inner, at, paths)
    else if (isFields(additional)) collectUnknown(additional, inner, at, paths)
    else if (additional !== true && !keeps) paths.push(at)
  }
}
