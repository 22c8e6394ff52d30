// Pruning, defaulting and checking custom resources by their structural schema
// (kubernetes/apiextensions-apiserver:pkg/apiserver/schema/{pruning,defaulting}, pkg/apiserver/validation).
import { duplicate, invalidValue, required, tooMany, unsupported, type FieldError } from '../errors.ts'
import { equal, isFields, listOf, type Fields } from '../object.ts'

const ownFields = ['apiVersion', 'kind', 'metadata']

function fieldSchema(schema: Fields, name: string): Fields | undefined {
  const properties = schema['properties']
  if (isFields(properties) && isFields(properties[name])) return properties[name]
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
    else copy[name] = field
  }
  const properties = isFields(schema['properties']) ? schema['properties'] : {}
  for (const name of new Set([...Object.keys(properties), ...Object.keys(value)])) {
    const declared = fieldSchema(schema, name)
    if (declared === undefined) continue
    let field = value[name]
    if (field === null && declared['nullable'] !== true) field = undefined
    field = field === undefined ? declared['default'] : field
    field = field === undefined ? undefined : fillValue(field, declared)
    if (field !== value[name]) set(name, field)
  }
  return copy ?? value
}

/**
 * What is wrong with the value by its schema. Parts equal to `old` are not looked at: what was stored stays valid.
 * CEL rules (x-kubernetes-validations) are not evaluated.
 */
export function schemaErrors(value: unknown, schema: Fields, old?: unknown): FieldError[] {
  const errors: FieldError[] = []
  check(value, schema, '', old, errors)
  return errors
}

function typeOf(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'array'
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number'
  return typeof value
}

function check(value: unknown, schema: Fields, path: string, old: unknown, errors: FieldError[]): void {
  if (old !== undefined && equal(value, old)) return
  const found = typeOf(value)
  if (found === 'null') {
    if (schema['nullable'] !== true && schema['type'] !== undefined) typeError(schema['type'], found, path, errors)
    return
  }
  if (schema['x-kubernetes-int-or-string'] === true) {
    if (found !== 'integer' && found !== 'string') typeError('integer,string', found, path, errors)
  } else if (
    schema['type'] !== undefined &&
    schema['type'] !== found &&
    !(schema['type'] === 'number' && found === 'integer')
  ) {
    typeError(schema['type'], found, path, errors)
    return
  }
  const choices = schema['enum']
  if (Array.isArray(choices) && !choices.some((choice) => equal(choice, value))) {
    errors.push(unsupported(path, value, choices.map(String)))
  }
  if (typeof value === 'string') checkText(value, schema, path, errors)
  else if (typeof value === 'number') checkNumber(value, schema, path, errors)
  else if (Array.isArray(value)) checkList(value, schema, path, old, errors)
  else if (isFields(value)) checkFields(value, schema, path, old, errors)
  checkAlternatives(value, schema, path, errors)
}

function typeError(expected: unknown, found: string, path: string, errors: FieldError[]): void {
  errors.push({
    reason: 'FieldValueTypeInvalid',
    field: path === '' ? '<nil>' : path,
    message: `Invalid value: ${JSON.stringify(found)}: ${path} in body must be of type ${String(expected)}: ${JSON.stringify(found)}`,
  })
}

function checkText(value: string, schema: Fields, path: string, errors: FieldError[]): void {
  const { maxLength, minLength, pattern } = schema
  const length = Array.from(value).length
  if (typeof maxLength === 'number' && length > maxLength) {
    errors.push({
      reason: 'FieldValueTooLong',
      field: path,
      message: `Too long: may not be more than ${maxLength} bytes`,
    })
  }
  if (typeof minLength === 'number' && length < minLength) {
    errors.push(invalidValue(path, value, `${path} in body should be at least ${minLength} chars long`))
  }
  if (typeof pattern === 'string' && !patternOf(pattern).test(value)) {
    errors.push(invalidValue(path, value, `${path} in body should match '${pattern}'`))
  }
}

const patterns = new Map<string, RegExp>()

/** Go's regular expressions, where they differ from ours. */
function patternOf(text: string): RegExp {
  let pattern = patterns.get(text)
  if (pattern === undefined) {
    const insensitive = text.startsWith('(?i)')
    const source = (insensitive ? text.slice(4) : text).replaceAll('\\z', '$').replaceAll('\\A', '^')
    pattern = new RegExp(source, insensitive ? 'iu' : 'u')
    patterns.set(text, pattern)
  }
  return pattern
}

function checkNumber(value: number, schema: Fields, path: string, errors: FieldError[]): void {
  const { minimum, maximum, multipleOf } = schema
  const say = (why: string): number => errors.push(invalidValue(path, value, `${path} in body should be ${why}`))
  if (typeof minimum === 'number') {
    if (schema['exclusiveMinimum'] === true && value <= minimum) say(`greater than ${minimum}`)
    else if (value < minimum) say(`greater than or equal to ${minimum}`)
  }
  if (typeof maximum === 'number') {
    if (schema['exclusiveMaximum'] === true && value >= maximum) say(`less than ${maximum}`)
    else if (value > maximum) say(`less than or equal to ${maximum}`)
  }
  if (typeof multipleOf === 'number' && value % multipleOf !== 0) say(`a multiple of ${multipleOf}`)
}

function checkList(value: readonly unknown[], schema: Fields, path: string, old: unknown, errors: FieldError[]): void {
  const { minItems, maxItems, items } = schema
  if (typeof minItems === 'number' && value.length < minItems) {
    errors.push(invalidValue(path, value.length, `${path} in body should have at least ${minItems} items`))
  }
  if (typeof maxItems === 'number' && value.length > maxItems) errors.push(tooMany(path, value.length, maxItems))
  const before = Array.isArray(old) ? (old as readonly unknown[]) : []
  const keys = listKeys(schema)
  if (isFields(items)) {
    value.forEach((item, i) => {
      const same = keys === undefined ? before[i] : before.find((b) => equal(keyOf(b, keys), keyOf(item, keys)))
      check(item, items, `${path}[${i}]`, same, errors)
    })
  }
  if (keys === undefined) return
  const seen: unknown[] = []
  value.forEach((item, i) => {
    const key = keyOf(item, keys)
    if (seen.some((other) => equal(other, key))) errors.push(duplicate(`${path}[${i}]`, key))
    seen.push(key)
  })
}

/** Of a map list its keys, of a set an empty list (the items themselves), else undefined. */
function listKeys(schema: Fields): readonly string[] | undefined {
  if (schema['x-kubernetes-list-type'] === 'set') return []
  return schema['x-kubernetes-list-type'] === 'map'
    ? (schema['x-kubernetes-list-map-keys'] as readonly string[])
    : undefined
}

function keyOf(item: unknown, keys: readonly string[]): unknown {
  if (keys.length === 0 || !isFields(item)) return item
  return Object.fromEntries(keys.map((key) => [key, item[key]]))
}

function checkFields(value: Fields, schema: Fields, path: string, old: unknown, errors: FieldError[]): void {
  const before = isFields(old) ? old : {}
  for (const name of (schema['required'] ?? []) as readonly string[]) {
    if (value[name] === undefined) errors.push(required(path === '' ? name : `${path}.${name}`))
  }
  const { maxProperties, minProperties } = schema
  const size = Object.keys(value).length
  if (typeof maxProperties === 'number' && size > maxProperties) errors.push(tooMany(path, size, maxProperties))
  if (typeof minProperties === 'number' && size < minProperties) {
    errors.push(invalidValue(path, size, `${path} in body should have at least ${minProperties} properties`))
  }
  const atRoot = path === ''
  for (const name of Object.keys(value)) {
    if (value[name] === undefined || (atRoot && ownFields.includes(name))) continue
    const declared = fieldSchema(schema, name)
    if (declared !== undefined) check(value[name], declared, atRoot ? name : `${path}.${name}`, before[name], errors)
  }
}

function checkAlternatives(value: unknown, schema: Fields, path: string, errors: FieldError[]): void {
  const fits = (alternative: Fields): boolean => {
    const found: FieldError[] = []
    check(value, alternative, path, undefined, found)
    return found.length === 0
  }
  for (const part of listOf(schema['allOf'])) check(value, part, path, undefined, errors)
  const any = listOf(schema['anyOf'])
  if (any.length > 0 && !any.some(fits)) {
    errors.push(invalidValue(path, value, `"${path}" must validate at least one schema (anyOf)`))
  }
  const one = listOf(schema['oneOf'])
  if (one.length > 0 && one.filter(fits).length !== 1) {
    errors.push(invalidValue(path, value, `"${path}" must validate one and only one schema (oneOf)`))
  }
  if (isFields(schema['not']) && fits(schema['not'])) {
    errors.push(invalidValue(path, value, `"${path}" must not validate the schema (not)`))
  }
}
