// Defaults are of their schema, and have nothing that pruning would take away
// (kubernetes/apiextensions-apiserver:pkg/apiserver/schema/defaulting/validation.go).
import type { FieldError } from '../errors.ts'
import { equal, fieldsOf, isFields, type Fields } from '../object.ts'
import { embeddedObjectErrors } from './embedded-objects.ts'
import { childPath, fieldError, keyPath } from './field-path.ts'
import { ruleFindings, ruleValidator } from './rule-validator.ts'
import { prune } from './structural-schema.ts'
import { valueErrors } from './value-validator.ts'

export function defaultErrors(schema: Fields, path: string): FieldError[] {
  const errors: FieldError[] = []
  visit(schema, path, true, errors)
  return errors
}

/** Under additionalProperties there are no defaults that apply. */
function visit(schema: Fields, path: string, root: boolean, errors: FieldError[]): void {
  const value = schema['default']
  if (value !== undefined && value !== null) errors.push(...ownErrors(value, schema, `${path}.default`))
  const { items } = schema
  if (isFields(items)) visit(items, `${path}.items`, false, errors)
  for (const [name, property] of Object.entries(fieldsOf(schema['properties']))) {
    // Defaults at the very top are forbidden elsewhere.
    if (root && ['metadata', 'kind', 'apiVersion'].includes(name)) continue
    if (isFields(property)) visit(property, keyPath(`${path}.properties`, name), false, errors)
  }
}

function ownErrors(value: unknown, schema: Fields, path: string): FieldError[] {
  const errors: FieldError[] = []
  const wrapped = prune({ value }, { type: 'object', properties: { value: schema } })
  if (!equal(wrapped.value, value))
    errors.push(fieldError('FieldValueInvalid', path, value, 'must not have unknown fields'))
  const found = embeddedObjectErrors(value, schema, path)
  if (found.length === 0) {
    // Messages name the value as if it stood alone; the field is where it stands.
    found.push(
      ...valueErrors(value, schema, '').map((error) => ({
        ...error,
        field: error.field === '<nil>' ? path : childPath(path, error.field),
      })),
    )
  }
  if (found.length > 0) return [...errors, ...found]
  const rules = ruleValidator(schema)
  if (rules === undefined) return errors
  const asUpdate = ruleFindings(rules, value, value, path).errors
  return [...errors, ...(asUpdate.length > 0 ? asUpdate : ruleFindings(rules, value, undefined, path).errors)]
}
