// Objects within objects (x-kubernetes-embedded-resource) have a type and well-formed metadata
// (kubernetes/apiextensions-apiserver:pkg/apiserver/schema/objectmeta/validation.go).
import { own, type ObjectMeta } from '@plimsoll/model'
import { required, type FieldError } from '../errors.ts'
import { metadataErrors, nameProblems } from '../kinds/names.ts'
import { fieldsOf, isFields, type Fields } from '../object.ts'
import { childPath, fieldError, keyPath } from './field-path.ts'

export function embeddedObjectErrors(value: unknown, schema: Fields, path = ''): FieldError[] {
  const errors: FieldError[] = []
  collect(value, schema, path, errors)
  return errors
}

function collect(value: unknown, schema: Fields, path: string, errors: FieldError[]): void {
  if (Array.isArray(value)) {
    const { items } = schema
    if (isFields(items)) value.forEach((item, i) => collect(item, items, `${path}[${i}]`, errors))
    return
  }
  if (!isFields(value)) return
  if (schema['x-kubernetes-embedded-resource'] === true) ownErrors(value, path, errors)
  const properties = fieldsOf(schema['properties'])
  const { additionalProperties } = schema
  for (const name of Object.keys(value).toSorted()) {
    const property = own(properties, name)
    if (isFields(property)) collect(value[name], property, childPath(path, name), errors)
    else if (isFields(additionalProperties)) collect(value[name], additionalProperties, keyPath(path, name), errors)
  }
}

function ownErrors(object: Fields, path: string, errors: FieldError[]): void {
  const { apiVersion, kind, metadata } = object
  const at = (name: string): string => childPath(path, name)
  const wrong = (name: string, value: unknown, why: string): number =>
    errors.push(fieldError('FieldValueInvalid', at(name), value, why))
  if (apiVersion === undefined) errors.push(required(at('apiVersion')))
  if (kind === undefined) errors.push(required(at('kind')))
  if (apiVersion !== undefined) {
    if (typeof apiVersion !== 'string') wrong('apiVersion', apiVersion, 'must be a string')
    else if (apiVersion === '') wrong('apiVersion', '', 'must not be empty')
    else if (apiVersion.split('/').length > 2) {
      wrong('apiVersion', apiVersion, `unexpected GroupVersion string: ${apiVersion}`)
    }
  }
  if (kind !== undefined) {
    if (typeof kind !== 'string') wrong('kind', kind, 'must be a string')
    else if (kind === '') wrong('kind', '', 'must not be empty')
    else {
      const why = nameProblems(kind.toLowerCase(), 'label1035').join(',')
      if (why !== '') wrong('kind', kind, `may have mixed case, but should otherwise match: ${why}`)
    }
  }
  if (metadata === undefined) return
  if (!isFields(metadata)) {
    wrong(
      'metadata',
      metadata,
      `json: cannot unmarshal ${Array.isArray(metadata) ? 'array' : typeof metadata} into Go value of type v1.ObjectMeta`,
    )
    return
  }
  for (const error of metadataErrors(metadata as ObjectMeta, undefined)) {
    errors.push({ ...error, field: childPath(path, error.field) })
  }
  const { name } = metadata
  const problems = typeof name === 'string' && name !== '' ? nameProblems(name, 'path') : []
  for (const why of problems) wrong('metadata.name', name, why)
}
