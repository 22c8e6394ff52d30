// Pruning and defaulting custom resources by their structural schema
// (kubernetes/apiextensions-apiserver:pkg/apiserver/schema/{pruning,defaulting}).
import { own, setOwn } from '@plimsoll/model'
import { isFields, type Fields } from '../object.ts'

const ownFields = ['apiVersion', 'kind', 'metadata']

function fieldSchema(schema: Fields, name: string): Fields | undefined {
  const properties = schema['properties']
  const declared = isFields(properties) ? own(properties, name) : undefined
  if (isFields(declared)) return declared
  const others = schema['additionalProperties']
  if (isFields(others)) return others
  return others === true ? { 'x-kubernetes-preserve-unknown-fields': true } : undefined
}

/** The object without the fields that its schema does not know. Metadata and type are not touched. */
export function prune<T extends Fields>(object: T, schema: Fields): T {
  return pruneFields(object, schema, ownFields) as T
}

function pruneFields(value: Fields, schema: Fields, kept: readonly string[]): Fields {
  let copy: Record<string, unknown> | undefined
  const preserve = schema['x-kubernetes-preserve-unknown-fields'] === true
  for (const name of Object.keys(value)) {
    if (kept.includes(name)) continue
    const declared = fieldSchema(schema, name)
    if (declared === undefined) {
      if (preserve) continue
      copy ??= { ...value }
      delete copy[name]
      continue
    }
    const before = value[name]
    const after = pruneValue(before, declared)
    if (after === before) continue
    copy ??= { ...value }
    copy[name] = after
  }
  return copy ?? value
}

function pruneValue(value: unknown, schema: Fields): unknown {
  if (Array.isArray(value)) {
    const items = schema['items']
    if (!isFields(items)) return value
    const next = value.map((item: unknown) => pruneValue(item, items))
    return next.every((item, i) => item === value[i]) ? value : next
  }
  if (!isFields(value)) return value
  return pruneFields(value, schema, schema['x-kubernetes-embedded-resource'] === true ? ownFields : [])
}

/** The value with the schema's defaults; a null where none may be counts as absent. */
export function fillDefaults<T>(value: T, schema: Fields): T {
  return fillValue(value, schema) as T
}

function fillValue(value: unknown, schema: Fields): unknown {
  if (Array.isArray(value)) {
    const items = schema['items']
    if (!isFields(items)) return value
    const next = value.map((item: unknown) => fillValue(item, items))
    return next.every((item, i) => item === value[i]) ? value : next
  }
  if (!isFields(value)) return value
  let copy: Record<string, unknown> | undefined
  const set = (name: string, field: unknown): void => {
    copy ??= { ...value }
    if (field === undefined) delete copy[name]
    else setOwn(copy, name, field)
  }
  const properties = isFields(schema['properties']) ? schema['properties'] : {}
  for (const name of new Set([...Object.keys(properties), ...Object.keys(value)])) {
    const declared = fieldSchema(schema, name)
    if (declared === undefined) continue
    const before = own(value, name)
    let field = before
    if (field === null && declared['nullable'] !== true) field = undefined
    field = field === undefined ? declared['default'] : field
    field = field === undefined ? undefined : fillValue(field, declared)
    if (field !== before) set(name, field)
  }
  return copy ?? value
}
