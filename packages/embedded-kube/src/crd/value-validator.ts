// What is wrong with a value by its schema, in upstream's words and order
// (kubernetes/kube-openapi:pkg/validation/validate, kubernetes/apiextensions-apiserver:pkg/apiserver/validation).
import { own } from '@plimsoll/model'
import { regexOf, RegexError } from '../cel/regex.ts'
import { hasFormat } from '../cel/text-format.ts'
import { tooLong, tooMany, type FieldError } from '../errors.ts'
import { equal, fieldsOf, isFields, listOf, type Fields } from '../object.ts'
import { fieldError } from './field-path.ts'

/** How an update goes through what was wrong before and did not change. */
interface Before {
  readonly value: unknown
}

/** Errors, and how much of the schema did hold: of several alternatives the one that nearly fits is reported. */
interface Result {
  readonly errors: FieldError[]
  held: number
}

/**
 * The errors of a value; `path` may be empty for a whole object. With `old` parts that are what they were, and can be
 * found again (fields, keys of maps, elements of lists of type map), are not errors.
 */
export function valueErrors(value: unknown, schema: Fields, path: string, old?: Before): FieldError[] {
  return validate(value, schema, path, old, path === '').errors
}

function merge(into: Result, from: Result): void {
  for (const error of from.errors) {
    const known = into.errors.some((other) => other.field === error.field && other.message === error.message)
    if (!known) into.errors.push(error)
  }
  into.held += from.held
}

function typeOf(value: unknown): string {
  if (value === null || value === undefined) return 'null'
  if (Array.isArray(value)) return 'array'
  if (typeof value === 'number') return isInt64(value) ? 'integer' : 'number'
  return typeof value
}

function validate(value: unknown, schema: Fields, path: string, old: Before | undefined, root: boolean): Result {
  const result = validateOnce(value, schema, path, old, root)
  if (result.errors.length === 0 || old === undefined || !equal(value, old.value)) return result
  return { errors: [], held: result.held }
}

function validateOnce(value: unknown, schema: Fields, path: string, old: Before | undefined, root: boolean): Result {
  const result: Result = { errors: [], held: 0 }
  const found = typeOf(value)
  const types = typesOf(schema)
  const format = typeof schema['format'] === 'string' ? schema['format'] : ''
  if (types.length > 0) checkType(value, found, types, format, schema, path, result)
  if (found === 'null') {
    checkChoices(value, schema, path, result)
    return result
  }
  checkAlternatives(value, schema, path, result)
  result.held++
  if (typeof value === 'string') {
    checkText(value, schema, path, result)
    if (format !== '' && (types.length === 0 || types.includes('string')) && types.length < 2) {
      if (!hasFormat(value, format)) {
        const why = `${path} in body must be of type ${format}: ${JSON.stringify(value)}`
        result.errors.push(fieldError('FieldValueTypeInvalid', path, value, why))
      }
    }
    result.held += 2
  } else if (typeof value === 'number') checkNumber(value, schema, path, result)
  else if (Array.isArray(value)) checkList(value, schema, path, old, result)
  checkChoices(value, schema, path, result)
  result.held++
  if (isFields(value)) checkFields(value, schema, path, old, result, root)
  result.held++
  return result
}

const int64Limit = 2 ** 63

/** Go reads greater numbers as fractions. */
function isInt64(value: number): boolean {
  return Number.isInteger(value) && value < int64Limit && value >= -int64Limit
}

function typesOf(schema: Fields): readonly string[] {
  if (schema['x-kubernetes-int-or-string'] === true) return ['integer', 'string']
  return typeof schema['type'] === 'string' ? [schema['type']] : []
}

function say(result: Result, path: string, value: unknown, why: string): void {
  result.errors.push(fieldError('FieldValueInvalid', path, value, `${path} in body ${why}`))
}

function checkType(
  value: unknown,
  found: string,
  types: readonly string[],
  format: string,
  schema: Fields,
  path: string,
  result: Result,
): void {
  const wrong = (expected: string, is: string): void => {
    const why = `${path} in body must be of type ${expected}: ${JSON.stringify(is)}`
    result.errors.push(fieldError('FieldValueTypeInvalid', path, is, why))
  }
  result.held++
  if (found === 'null') {
    if (schema['nullable'] !== true) wrong(types.join(','), 'null')
    return
  }
  const fits = types.includes(found) || (found === 'integer' && types.includes('number'))
  const numeric = types.includes('number') || types.includes('integer')
  const known = numeric ? ['int32', 'int64', 'float', 'double'].includes(format) : format !== ''
  // Where a format is asked for it is what texts and lists are held against, not the type.
  if (known && !numeric && (found === 'string' || found === 'array')) return
  if (fits) return
  wrong(
    known && found !== 'string' && found !== 'array' ? format : types.join(','),
    known && found !== 'string' && found !== 'array' ? goFormat(value) : found,
  )
}

/** The format that Go sees in a value. */
function goFormat(value: unknown): string {
  if (typeof value !== 'number') return ''
  return isInt64(value) ? 'int64' : 'float64'
}

function checkText(value: string, schema: Fields, path: string, result: Result): void {
  const { maxLength, minLength, pattern } = schema
  const length = typeof maxLength === 'number' || typeof minLength === 'number' ? Array.from(value).length : 0
  if (typeof maxLength === 'number' && length > maxLength) {
    result.errors.push(tooLong(path === '' ? '<nil>' : path, maxLength))
  } else if (typeof minLength === 'number' && length < minLength) {
    say(result, path, value, `should be at least ${minLength} chars long`)
  } else if (typeof pattern === 'string' && pattern !== '') {
    try {
      if (!regexOf(pattern).test(value)) say(result, path, value, `should match '${pattern}'`)
    } catch (error) {
      if (!(error instanceof RegexError)) throw error
      say(result, path, value, `should match '${pattern}, but pattern is invalid: ${error.message}'`)
    }
  }
}

function checkNumber(value: number, schema: Fields, path: string, result: Result): void {
  const { minimum, maximum, multipleOf, format } = schema
  if (schema['type'] === 'integer') {
    const bound = format === 'int32' ? 2 ** 31 : int64Limit
    if (!Number.isInteger(value) || value >= bound || value < -bound) {
      const known = format === 'int32' || format === 'int64'
      const why = `Checked value must be of type integer ${known ? `with format ${format}` : '(default format)'} in ${path}`
      result.errors.push(fieldError('FieldValueInvalid', '', '', why))
    }
  }
  if (typeof multipleOf === 'number') checkMultiple(value, multipleOf, path, result)
  if (typeof minimum === 'number') {
    if (schema['exclusiveMinimum'] === true) {
      if (value <= minimum) say(result, path, value, `should be greater than ${minimum}`)
    } else if (value < minimum) say(result, path, value, `should be greater than or equal to ${minimum}`)
  }
  if (typeof maximum === 'number') {
    if (schema['exclusiveMaximum'] === true) {
      if (value >= maximum) say(result, path, value, `should be less than ${maximum}`)
    } else if (value > maximum) say(result, path, value, `should be less than or equal to ${maximum}`)
  }
  result.held += 2
}

/** Of a whole number the factor is taken as a whole one too. */
function checkMultiple(value: number, given: number, path: string, result: Result): void {
  const factor = isInt64(value) ? Math.trunc(given) : given
  if (factor <= 0) {
    const why = `factor MultipleOf declared for ${path} must be positive: ${factor}`
    result.errors.push(fieldError('FieldValueInvalid', path, factor, why))
  } else if (!Number.isInteger(Number((value / factor).toPrecision(15)))) {
    say(result, path, value, `should be a multiple of ${factor}`)
  }
}

function checkList(
  value: readonly unknown[],
  schema: Fields,
  path: string,
  old: Before | undefined,
  result: Result,
): void {
  const { minItems, maxItems, items } = schema
  if (isFields(items)) {
    const before = oldElements(schema, old)
    value.forEach((item, i) => merge(result, validate(item, items, `${path}[${i}]`, before(item), false)))
  }
  if (typeof minItems === 'number' && value.length < minItems) {
    say(result, path, value.length, `should have at least ${minItems} items`)
  }
  if (typeof maxItems === 'number' && value.length > maxItems) {
    result.errors.push(tooMany(path === '' ? '<nil>' : path, value.length, maxItems))
  }
  result.held += 2
}

function oldElements(schema: Fields, old: Before | undefined): (item: unknown) => Before | undefined {
  const keys = schema['x-kubernetes-list-map-keys']
  const present = old?.value
  if (schema['x-kubernetes-list-type'] !== 'map' || !Array.isArray(keys) || !Array.isArray(present))
    return () => undefined
  return (item) => {
    const same = (present as readonly unknown[]).find(
      (other) =>
        isFields(item) && isFields(other) && keys.every((key: string) => equal(own(item, key), own(other, key))),
    )
    return same === undefined ? undefined : { value: same }
  }
}

/** Go makes the value a number of the choice's own kind before it compares. */
function isChoice(choice: unknown, value: unknown): boolean {
  if (choice === null) return false
  if (typeof choice !== 'number' || typeof value !== 'number') return equal(choice, value)
  return choice === (Number.isInteger(choice) ? Math.trunc(value) : value)
}

function checkChoices(value: unknown, schema: Fields, path: string, result: Result): void {
  const choices = schema['enum']
  if (!Array.isArray(choices) || choices.length === 0 || choices.some((choice) => isChoice(choice, value))) return
  const list = choices.map((choice: unknown) => (typeof choice === 'string' ? choice : JSON.stringify(choice)))
  result.errors.push(
    fieldError(
      'FieldValueNotSupported',
      path,
      value ?? null,
      `supported values: ${list.map((text) => JSON.stringify(text)).join(', ')}`,
    ),
  )
}

function checkFields(
  value: Fields,
  schema: Fields,
  path: string,
  old: Before | undefined,
  result: Result,
  root: boolean,
): void {
  const properties = fieldsOf(schema['properties'])
  const others = schema['additionalProperties']
  const { maxProperties, minProperties } = schema
  const names = Object.keys(value).filter((name) => value[name] !== undefined)
  if (typeof minProperties === 'number' && names.length < minProperties) {
    say(result, path, names.length, `should have at least ${minProperties} properties`)
  }
  if (typeof maxProperties === 'number' && names.length > maxProperties) {
    result.errors.push(tooMany(path === '' ? '<nil>' : path, names.length, maxProperties))
  }
  const before = (name: string): Before | undefined => {
    const was = isFields(old?.value) ? own(old.value, name) : undefined
    return was === undefined || (root && (name === 'apiVersion' || name === 'kind')) ? undefined : { value: was }
  }
  for (const name of names.toSorted()) {
    const declared = own(properties, name)
    if (declared === undefined && others === false) {
      say(result, path, name, '')
      continue
    }
    if (declared === undefined && isFields(others)) {
      merge(result, validate(value[name], others, `${path}.${name}`.replace(/^\./, ''), before(name), false))
    }
  }
  for (const name of Object.keys(properties).toSorted()) {
    const declared = properties[name]
    const field = own(value, name)
    if (field === undefined || !isFields(declared)) continue
    merge(result, validate(field, declared, path === '' ? name : `${path}.${name}`, before(name), false))
  }
  const required = schema['required']
  if (Array.isArray(required)) {
    for (const name of required as readonly string[]) {
      if (own(value, name) !== undefined) continue
      const field = path === '' ? name : `${path}.${name}`
      merge(result, { errors: [{ reason: 'FieldValueRequired', field, message: 'Required value' }], held: 0 })
    }
  }
  result.held++
}

function checkAlternatives(value: unknown, schema: Fields, path: string, result: Result): void {
  const name = JSON.stringify(path)
  const refuse = (why: string): void => {
    result.errors.push(fieldError('FieldValueInvalid', '', '', `${name} ${why}`))
  }
  const attempts = (field: string): readonly Result[] =>
    listOf(schema[field]).map((part) => validate(value, part, path, undefined, false))
  const fits = ({ errors }: Result): boolean => errors.length === 0
  const any = attempts('anyOf')
  if (any.length > 0) {
    const first = any.find(fits)
    if (first === undefined) refuse('must validate at least one schema (anyOf)')
    merge(result, first ?? nearest(any))
  }
  const one = attempts('oneOf')
  if (one.length > 0) {
    const fitting = one.filter(fits)
    if (fitting.length !== 1) {
      const found = fitting.length === 0 ? 'Found none valid' : `Found ${fitting.length} valid alternatives`
      refuse(`must validate one and only one schema (oneOf). ${found}`)
      if (fitting.length === 0) merge(result, nearest(one))
    } else merge(result, fitting[0]!)
  }
  const all = attempts('allOf')
  for (const part of all) merge(result, part)
  if (!all.every(fits)) {
    refuse(`must validate all the schemas (allOf)${all.some(fits) ? '' : '. None validated'}`)
  }
  const { not } = schema
  if (isFields(not) && fits(validate(value, not, path, undefined, false))) {
    refuse('must not validate the schema (not)')
  }
  result.held++
}

/** Of alternatives that all fail the first of those that hold most. */
function nearest(results: readonly Result[]): Result {
  let best = results[0]!
  for (const result of results) if (result.held > best.held) best = result
  return best
}
