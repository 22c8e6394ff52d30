// What becomes of a custom resource that is written: pruned, filled, checked
// (kubernetes/apiextensions-apiserver:pkg/registry/customresource/{strategy,status_strategy,validator}.go).
import { own } from '@plimsoll/model'
import type { FieldError } from '../errors.ts'
import { isFields, withField, type Fields, type StoredObject } from '../object.ts'
import type { CustomVersion } from './custom-version.ts'
import { embeddedObjectErrors } from './embedded-objects.ts'
import { fieldError } from './field-path.ts'
import { listTypeErrors } from './list-types.ts'
import { ruleFindings, ruleValidator, type RuleValidator } from './rule-validator.ts'
import { fillDefaults, prune } from './structural-schema.ts'
import { valueErrors } from './value-validator.ts'

export interface CheckedObject {
  readonly object: StoredObject
  readonly errors: readonly FieldError[]
  /** For the client: rules that fail on what did not change. */
  readonly warnings: readonly string[]
}

/** Rules are compiled when the first object comes, once a version. */
const compiled = new WeakMap<CustomVersion, { readonly rules: RuleValidator | undefined }>()

function rulesOf(version: CustomVersion): RuleValidator | undefined {
  let entry = compiled.get(version)
  if (entry === undefined) {
    entry = { rules: version.schema === undefined ? undefined : ruleValidator(version.schema) }
    compiled.set(version, entry)
  }
  return entry.rules
}

/** The object without what its schema does not know, with what its schema adds. */
function shaped(version: CustomVersion, object: StoredObject): StoredObject {
  const { schema } = version
  if (schema === undefined) return object
  return fillDefaults(version.preserveUnknownFields ? object : prune(object, schema), schema)
}

const readings = new WeakMap<CustomVersion, WeakMap<StoredObject, StoredObject>>()

/** A stored object as a version shows it: converted, without what its schema does not know, with what it adds. */
export function customReading(version: CustomVersion, object: StoredObject, apiVersion: string): StoredObject {
  let read = readings.get(version)
  if (read === undefined) readings.set(version, (read = new WeakMap()))
  let found = read.get(object)
  if (found === undefined) {
    const converted = version.conversion?.convert(object, apiVersion) ?? withField(object, 'apiVersion', apiVersion)
    found = shaped(version, converted)
    read.set(object, found)
  }
  return found
}

/** `present` is undefined on create; `status`: only the status is written, and only it is checked. */
export function checkedCustomObject(
  version: CustomVersion,
  given: StoredObject,
  present: StoredObject | undefined,
  status: boolean,
): CheckedObject {
  const object = shaped(version, given)
  const old = present === undefined ? undefined : shaped(version, present)
  const { schema } = version
  if (schema === undefined) return { object, errors: scaleErrors(version, object, status), warnings: [] }
  const errors: FieldError[] = []
  const statusSchema = (schema['properties'] as Fields | undefined)?.['status']
  if (!status) errors.push(...valueErrors(object, schema, '', old === undefined ? undefined : { value: old }))
  else if (object.status !== undefined && isFields(statusSchema)) {
    const before = old === undefined ? undefined : { value: old.status }
    errors.push(...valueErrors(object.status, statusSchema, '', before).map(withinStatus))
  }
  errors.push(...scaleErrors(version, object, status))
  if (!status) errors.push(...embeddedObjectErrors(object, schema))
  if (old === undefined || listTypeErrors(old, schema).length === 0) errors.push(...listTypeErrors(object, schema))
  const rules = rulesOf(version)
  if (rules === undefined) return { object, errors, warnings: [] }
  if (errors.some(isBlocking)) {
    errors.push({
      reason: 'FieldValueInvalid',
      field: '<nil>',
      message:
        'Invalid value: null: some validation rules were not checked because the object was invalid; correct the existing errors to complete validation',
    })
    return { object, errors, warnings: [] }
  }
  // Writes of the status are held against the rules of the whole object: they see it whole.
  const findings = ruleFindings(rules, object, old)
  return { object, errors: [...errors, ...findings.errors], warnings: findings.warnings }
}

/** The schema of the status knows only what is below it; its errors name the field from above. */
function withinStatus(error: FieldError): FieldError {
  return { ...error, field: error.field === '<nil>' ? 'status' : `status.${error.field}` }
}

function isBlocking({ reason }: FieldError): boolean {
  return (
    reason === 'FieldValueNotSupported' ||
    reason === 'FieldValueRequired' ||
    reason === 'FieldValueTooLong' ||
    reason === 'FieldValueTooMany' ||
    reason === 'FieldValueTypeInvalid'
  )
}

const int32Max = 2 ** 31 - 1

/** What the scale subresource reads is what it can read. */
function scaleErrors(version: CustomVersion, object: StoredObject, statusOnly: boolean): FieldError[] {
  const { scale } = version
  if (scale === undefined) return []
  const errors: FieldError[] = []
  const count = (path: string): void => {
    const value = at(object, path)
    const name = `.${path}`
    const wrong = (shown: number, why: string): number => errors.push(fieldError('FieldValueInvalid', name, shown, why))
    if (value === undefined) return
    if (typeof value !== 'number' || !Number.isInteger(value)) {
      wrong(0, `${name} accessor error: ${goText(value)} is of the type ${goType(value)}, expected int64`)
    } else if (value < 0) wrong(value, 'should be a non-negative integer')
    else if (value > int32Max) wrong(value, `should be less than or equal to ${int32Max}`)
  }
  if (!statusOnly) count(scale.specReplicas)
  count(scale.statusReplicas)
  const selector = scale.labelSelector === undefined ? undefined : at(object, scale.labelSelector)
  if (selector !== undefined && typeof selector !== 'string') {
    const name = `.${scale.labelSelector}`
    const why = `${name} accessor error: ${goText(selector)} is of the type ${goType(selector)}, expected string`
    errors.push(fieldError('FieldValueInvalid', name, '', why))
  }
  return errors
}

function at(object: unknown, path: string): unknown {
  let value = object
  for (const name of path.split('.')) value = isFields(value) ? own(value, name) : undefined
  return value
}

function goText(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}

function goType(value: unknown): string {
  if (value === null) return '<nil>'
  if (Array.isArray(value)) return '[]interface {}'
  const names: Readonly<Record<string, string>> = { string: 'string', boolean: 'bool', number: 'float64' }
  return names[typeof value] ?? 'map[string]interface {}'
}
