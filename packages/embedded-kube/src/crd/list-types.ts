// Sets with an element twice, maps with a key twice (kubernetes/apiextensions-apiserver:pkg/apiserver/schema/listtype).
import { own } from '@plimsoll/model'
import type { FieldError } from '../errors.ts'
import { fieldsOf, isFields, type Fields } from '../object.ts'
import { childPath, fieldError, goJson, keyPath } from './field-path.ts'

export function listTypeErrors(value: unknown, schema: Fields, path = ''): FieldError[] {
  const errors: FieldError[] = []
  collect(value, schema, path, errors)
  return errors
}

function collect(value: unknown, schema: Fields, path: string, errors: FieldError[]): void {
  if (Array.isArray(value)) {
    ownErrors(value, schema, path, errors)
    const { items } = schema
    if (isFields(items)) value.forEach((item, i) => collect(item, items, `${path}[${i}]`, errors))
    return
  }
  if (!isFields(value)) return
  const { additionalProperties } = schema
  const properties = fieldsOf(schema['properties'])
  for (const name of Object.keys(value).toSorted()) {
    const property = own(properties, name)
    if (isFields(property)) collect(value[name], property, childPath(path, name), errors)
    else if (isFields(additionalProperties)) collect(value[name], additionalProperties, keyPath(path, name), errors)
  }
}

function ownErrors(value: readonly unknown[], schema: Fields, path: string, errors: FieldError[]): void {
  const kind = schema['x-kubernetes-list-type']
  if (kind === 'set') return twice(value, path, errors)
  const keys = schema['x-kubernetes-list-map-keys']
  if (kind !== 'map' || !Array.isArray(keys)) return
  const stranger = value.findIndex((item) => item !== null && !isFields(item))
  if (stranger >= 0) {
    const why = 'must be an object for an array of list-type map'
    errors.push(fieldError('FieldValueInvalid', `${path}[${stranger}]`, value[stranger], why))
    return
  }
  const named = value.map((item) => {
    const given = fieldsOf(item)
    return Object.fromEntries(
      (keys as readonly string[]).map((key) => [key, own(given, key)]).filter(([, field]) => field !== undefined),
    )
  })
  twice(named, path, errors)
}

/** An element is told of at its second appearance, once. */
function twice(elements: readonly unknown[], path: string, errors: FieldError[]): void {
  const seen = new Map<string, number>()
  elements.forEach((element, i) => {
    const text = goJson(element)
    const times = seen.get(text) ?? 0
    seen.set(text, times + 1)
    if (times === 1) errors.push(fieldError('FieldValueDuplicate', `${path}[${i}]`, element, ''))
  })
}
