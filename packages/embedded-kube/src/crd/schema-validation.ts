// Which schemas a definition may have (kubernetes/apiextensions-apiserver:pkg/apiserver/schema/{validation,complete,convert}.go,
// pkg/apis/apiextensions/validation/{validation,cel_validation}.go): structural, with rules that compile and are not too dear.
import { own } from '@plimsoll/model'
import { RegexError, regexOf } from '../cel/regex.ts'
import { most } from '../cel/cost.ts'
import type { Program } from '../cel/index.ts'
import { forbiddenField, required, unsupported, type FieldError } from '../errors.ts'
import { equal, fieldsOf, isFields, listOf, textOf, type Fields } from '../object.ts'
import { celSchema, escapedName, rulesIn, sizeWithin, timesMax, type CelSchema } from './cel-schema.ts'
import { defaultErrors } from './default-validation.ts'
import { fieldError, keyPath } from './field-path.ts'
import { compiledMessage, compiledRule } from './rule-validator.ts'
import { validFieldPath } from './schema-path.ts'

const ruleCostMax = 10_000_000
const definitionCostMax = 100_000_000

function invalid(path: string, value: unknown, why: string): FieldError {
  return fieldError('FieldValueInvalid', path, value, why)
}

/** What is wrong with the openAPIV3Schema at `path`; `status`: the status is served apart, and checked by its own part. */
export function schemaErrors(schema: Fields, path: string, status: boolean): FieldError[] {
  const errors: FieldError[] = []
  if (status) errors.push(...rootErrors(schema, path))
  if (schema['nullable'] === true)
    errors.push(forbiddenField(`${path}.nullable`, 'nullable cannot be true at the root'))
  const unconvertible = unstructuredReason(schema)
  let structural = unconvertible === undefined
  if (structural) {
    const found = [...structuralErrors(schema, path), ...completenessErrors(schema, path)]
    found.sort((a, b) => (`${a.field}: ${a.message}` < `${b.field}: ${b.message}` ? -1 : 1))
    if (found.length === 0) found.push(...defaultErrors(schema, path))
    structural = found.length === 0
    errors.push(...found)
  }
  const walk = new SchemaWalk(structural)
  walk.visit(schema, path, startAt(schema))
  errors.push(...walk.errors, ...walk.ruleErrors)
  if (errors.length === 0 && unconvertible !== undefined) errors.push(invalid(path, '', unconvertible))
  if (structural && walk.total > definitionCostMax) {
    for (const rule of walk.dearest) {
      errors.push(
        forbiddenField(
          rule.path,
          'contributed to estimated rule cost total exceeding cost limit for entire OpenAPIv3 schema',
        ),
      )
    }
    const what = 'x-kubernetes-validations estimated rule cost total for entire OpenAPIv3 schema'
    errors.push(forbiddenField(path, costText(what, walk.total, definitionCostMax)))
  }
  return errors
}

const atRoot = new Set(
  'description type format title maximum exclusiveMaximum minimum exclusiveMinimum maxLength minLength pattern maxItems minItems uniqueItems multipleOf required items properties externalDocs example x-kubernetes-preserve-unknown-fields x-kubernetes-validations'.split(
    ' ',
  ),
)
const atRootText =
  '[Description Type Format Title Maximum ExclusiveMaximum Minimum ExclusiveMinimum MaxLength MinLength Pattern MaxItems MinItems UniqueItems MultipleOf Required Items Properties ExternalDocs Example XPreserveUnknownFields XValidations]'

function rootErrors(schema: Fields, path: string): FieldError[] {
  if (schema['type'] !== undefined && schema['type'] !== 'object') {
    const why = 'only "object" is allowed as the type at the root of the schema if the status subresource is enabled'
    return [invalid(`${path}.type`, schema['type'], why)]
  }
  const other = Object.keys(schema).some((name) => !atRoot.has(name) && !isEmpty(schema[name]))
  if (!other) return []
  const why = `only ${atRootText} fields are allowed at the root of the schema if the status subresource is enabled`
  return [invalid(path, schema, why)]
}

function isEmpty(value: unknown): boolean {
  return (
    value === undefined ||
    value === null ||
    value === false ||
    value === '' ||
    (Array.isArray(value) && value.length === 0)
  )
}

/** Why a schema cannot even be read as a structural one. */
function unstructuredReason(schema: unknown): string | undefined {
  if (!isFields(schema)) return undefined
  if (Array.isArray(schema['items'])) return "OpenAPIV3Schema 'items' must be a schema, but is an array"
  for (const name of ['id', '$schema', '$ref', 'patternProperties', 'dependencies', 'additionalItems', 'definitions']) {
    if (!isEmpty(schema[name])) return `OpenAPIV3Schema '${name.replace('$schema', 'schema')}' is not supported`
  }
  if (schema['x-kubernetes-preserve-unknown-fields'] === false) {
    return "internal error: 'x-kubernetes-preserve-unknown-fields' must be true or undefined"
  }
  for (const inner of children(schema)) {
    const reason = unstructuredReason(inner)
    if (reason !== undefined) return reason
  }
  return undefined
}

function children(schema: Fields): readonly unknown[] {
  return [
    schema['items'],
    schema['additionalProperties'],
    schema['not'],
    ...Object.values(fieldsOf(schema['properties'])),
    ...['allOf', 'anyOf', 'oneOf'].flatMap((name) => listOf(schema[name])),
  ]
}

// --- structural ---

type Level = 'root' | 'item' | 'field'

const intOrString = [{ type: 'integer' }, { type: 'string' }]

function structuralErrors(schema: unknown, path: string, level: Level = 'root'): FieldError[] {
  if (!isFields(schema)) return []
  const errors: FieldError[] = []
  const type = textOf(schema['type'])
  const { items, additionalProperties } = schema
  const properties = fieldsOf(schema['properties'])
  const is = (name: string): boolean => schema[`x-kubernetes-${name}`] === true
  if (type === 'array' && !isFields(items)) errors.push(required(`${path}.items`, 'must be specified'))
  errors.push(...structuralErrors(items, `${path}.items`, 'item'))
  for (const [name, property] of Object.entries(properties)) {
    errors.push(...structuralErrors(property, keyPath(`${path}.properties`, name), 'field'))
  }
  if (additionalProperties !== undefined) {
    if (level === 'root') errors.push(forbiddenField(`${path}.additionalProperties`, 'must not be used at the root'))
    errors.push(...structuralErrors(additionalProperties, `${path}.additionalProperties`, 'field'))
  }
  for (const name of ['preserve-unknown-fields', 'embedded-resource']) {
    if (is('int-or-string') && is(name)) {
      errors.push(invalid(`${path}.x-kubernetes-${name}`, true, 'must be false if x-kubernetes-int-or-string is true'))
    }
  }
  errors.push(...junctorErrors(schema, path, equal(schema['anyOf'], intOrString), firstAllOf(schema)))
  const embedded = is('embedded-resource')
  if (embedded && type !== 'object') {
    const why = 'must be object if x-kubernetes-embedded-resource is true'
    errors.push(type === '' ? required(`${path}.type`, why) : invalid(`${path}.type`, type, why))
  } else if (type === '' && !is('int-or-string') && !is('preserve-unknown-fields')) {
    const where = { root: 'at the root', item: 'for specified array items', field: 'for specified object fields' }
    errors.push(required(`${path}.type`, `must not be empty ${where[level]}`))
  }
  if (embedded && additionalProperties !== undefined) {
    const why = 'must not be used if x-kubernetes-embedded-resource is set'
    errors.push(forbiddenField(`${path}.additionalProperties`, why))
  }
  if (level === 'root' && type !== '' && type !== 'object') {
    errors.push(invalid(`${path}.type`, type, 'must be object at the root'))
  }
  errors.push(...metadataErrors(properties, path, level, level === 'root' || embedded))
  if (embedded && !is('preserve-unknown-fields') && Object.keys(properties).length === 0) {
    const why =
      'must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields'
    errors.push(required(`${path}.properties`, why))
  }
  return errors
}

function firstAllOf(schema: Fields): boolean {
  return equal(listOf(schema['allOf'])[0]?.['anyOf'], intOrString)
}

/** Of an object's own fields only the names may be restricted. */
function metadataErrors(properties: Fields, path: string, level: Level, isObject: boolean): FieldError[] {
  const errors: FieldError[] = []
  const at = (name: string): string => keyPath(`${path}.properties`, name)
  if (isObject) {
    for (const name of ['kind', 'apiVersion']) {
      const type = fieldsOf(properties[name])['type']
      if (properties[name] !== undefined && type !== 'string') {
        errors.push(invalid(`${at(name)}.type`, type ?? '', 'must be string'))
      }
    }
  }
  const { metadata } = properties
  if (!isFields(metadata)) return errors
  if (isObject && metadata['type'] !== 'object') {
    errors.push(invalid(`${at('metadata')}.type`, metadata['type'] ?? '', 'must be object'))
  }
  if (level !== 'root') return errors
  const { type: _type, default: _default, description: _text, properties: given, ...rest } = metadata
  const others = Object.keys(fieldsOf(given)).some((name) => name !== 'name' && name !== 'generateName')
  if (others || Object.values(rest).some((value) => !isEmpty(value)) || !isEmpty(metadata['description'])) {
    const why = 'must not specify anything other than name and generateName, but metadata is implicitly specified'
    errors.push(forbiddenField(at('metadata'), why))
  }
  return errors
}

function junctorErrors(schema: Fields, path: string, skipAnyOf: boolean, skipFirst: boolean): FieldError[] {
  const errors: FieldError[] = []
  if (!skipAnyOf)
    listOf(schema['anyOf']).forEach((part, i) => errors.push(...nestedErrors(part, `${path}.anyOf[${i}]`, false)))
  listOf(schema['allOf']).forEach((part, i) => {
    errors.push(...nestedErrors(part, `${path}.allOf[${i}]`, skipFirst && i === 0))
  })
  listOf(schema['oneOf']).forEach((part, i) => errors.push(...nestedErrors(part, `${path}.oneOf[${i}]`, false)))
  errors.push(...nestedErrors(schema['not'], `${path}.not`, false))
  const { pattern } = schema
  if (typeof pattern === 'string' && pattern !== '') {
    try {
      regexOf(pattern)
    } catch (error) {
      if (!(error instanceof RegexError)) throw error
      errors.push(
        invalid(`${path}.pattern`, pattern, `must be a valid regular expression, but isn't: ${error.message}`),
      )
    }
  }
  return errors
}

const nestedForbidden: readonly (readonly [name: string, how: string])[] = [
  ['type', 'must be empty'],
  ['additionalProperties', 'must be undefined'],
  ['default', 'must be undefined'],
  ['title', 'must be empty'],
  ['description', 'must be empty'],
  ['nullable', 'must be false'],
  ['x-kubernetes-preserve-unknown-fields', 'must be false'],
  ['x-kubernetes-embedded-resource', 'must be false'],
  ['x-kubernetes-int-or-string', 'must be false'],
  ['x-kubernetes-list-map-keys', 'must be empty'],
  ['x-kubernetes-list-type', 'must be undefined'],
  ['x-kubernetes-map-type', 'must be undefined'],
  ['x-kubernetes-validations', 'must be empty'],
]

function nestedErrors(part: unknown, path: string, skipAnyOf: boolean): FieldError[] {
  if (!isFields(part)) return []
  const errors = [
    ...junctorErrors(part, path, skipAnyOf, false),
    ...nestedErrors(part['items'], `${path}.items`, false),
  ]
  const properties = fieldsOf(part['properties'])
  for (const [name, property] of Object.entries(properties)) {
    errors.push(...nestedErrors(property, keyPath(`${path}.properties`, name), false))
  }
  for (const [name, how] of nestedForbidden) {
    const value = part[name]
    if (name === 'default' ? value !== undefined && value !== null : !isEmpty(value)) {
      errors.push(forbiddenField(`${path}.${name}`, `${how} to be structural`))
    }
  }
  if (properties['metadata'] !== undefined) {
    errors.push(forbiddenField(keyPath(`${path}.properties`, 'metadata'), 'must not be specified in a nested context'))
  }
  return errors
}

/** What alternatives speak of is declared outside of them. */
function completenessErrors(schema: Fields, path: string): FieldError[] {
  const errors: FieldError[] = []
  const junctors = (part: Fields, spine: Fields, at: string, from: string): void => {
    if (isFields(part['not'])) nested(part['not'], spine, at, `${from}.not`)
    for (const name of ['allOf', 'anyOf', 'oneOf']) {
      listOf(part[name]).forEach((inner, i) => nested(inner, spine, at, `${from}.${name}[${i}]`))
    }
  }
  const nested = (part: Fields, spine: Fields | undefined, at: string, from: string): void => {
    if (spine === undefined) {
      errors.push(required(at, `because it is defined in ${from}`))
      return
    }
    junctors(part, spine, at, from)
    const { items } = spine
    if (isFields(part['items']))
      nested(part['items'], isFields(items) ? items : undefined, `${at}.items`, `${from}.items`)
    const properties = fieldsOf(spine['properties'])
    for (const [name, inner] of Object.entries(fieldsOf(part['properties']))) {
      const declared = own(properties, name)
      const place = keyPath(`${at}.properties`, name)
      nested(fieldsOf(inner), isFields(declared) ? declared : undefined, place, keyPath(`${from}.properties`, name))
    }
  }
  junctors(schema, schema, path, path)
  return errors
}

// --- everything else, and rules ---

interface Place {
  /** What expressions see of the schema; undefined where no rule is around and it is not asked for. */
  readonly cel: () => CelSchema | undefined
  /** How often the schema can apply within one object; undefined without bound. */
  readonly times: number | undefined
  /** The first list around in which elements cannot be found again. */
  readonly uncorrelated: string | undefined
  readonly inMetadata: boolean
  /** Why there may be no default. */
  readonly noDefault: string | undefined
  readonly root: boolean
  /** Whether rules are checked: within alternatives there are none. */
  readonly rules: boolean
}

function startAt(schema: Fields): Place {
  let known: { readonly value: CelSchema | undefined } | undefined
  const cel = (): CelSchema | undefined => (known ??= { value: celSchema(schema, true) }).value
  return { cel, times: 1, uncorrelated: undefined, inMetadata: false, noDefault: undefined, root: true, rules: true }
}

interface RuleCost {
  readonly path: string
  readonly cost: number
}

const types = ['array', 'boolean', 'integer', 'number', 'object', 'string']
const reasons = ['FieldValueDuplicate', 'FieldValueForbidden', 'FieldValueInvalid', 'FieldValueRequired']

class SchemaWalk {
  readonly errors: FieldError[] = []
  readonly ruleErrors: FieldError[] = []
  total = 0
  dearest: readonly RuleCost[] = []
  readonly #withRules: boolean

  constructor(withRules: boolean) {
    this.#withRules = withRules
  }

  visit(schema: unknown, path: string, place: Place): void {
    if (!isFields(schema)) return
    const before = this.errors.length
    this.#standard(schema, path, place)
    if (schema['uniqueItems'] === true) {
      const why = 'uniqueItems cannot be set to true since the runtime complexity becomes quadratic'
      this.errors.push(forbiddenField(`${path}.uniqueItems`, why))
    }
    this.#below(schema, path, place)
    this.#extensions(schema, path)
    this.#rules(schema, path, place, before)
  }

  #standard(schema: Fields, path: string, place: Place): void {
    const type = textOf(schema['type'])
    if (type !== '' && !types.includes(type)) this.errors.push(unsupported(`${path}.type`, type, types))
    if (schema['default'] !== undefined && place.noDefault !== undefined) {
      this.errors.push(forbiddenField(`${path}.default`, `must not be set ${place.noDefault}`))
    }
    for (const name of ['id', 'additionalItems', 'patternProperties', 'definitions', 'dependencies', '$ref']) {
      if (!isEmpty(schema[name])) this.errors.push(forbiddenField(`${path}.${name}`, `${name} is not supported`))
    }
    if (type === 'null') {
      this.errors.push(forbiddenField(`${path}.type`, 'type cannot be set to null, use nullable as an alternative'))
    }
    if (Array.isArray(schema['items'])) {
      this.errors.push(forbiddenField(`${path}.items`, 'items must be a schema object and not an array'))
    }
    if (place.inMetadata && schema['x-kubernetes-embedded-resource'] === true) {
      const why = 'must not be used inside of resource meta'
      this.errors.push(forbiddenField(`${path}.x-kubernetes-embedded-resource`, why))
    }
  }

  #below(schema: Fields, path: string, place: Place): void {
    const { items, additionalProperties } = schema
    const properties = fieldsOf(schema['properties'])
    const plain: Place = { ...place, root: false }
    if (additionalProperties !== undefined && additionalProperties !== null) {
      if (Object.keys(properties).length > 0 && additionalProperties !== true) {
        const why = 'additionalProperties and properties are mutual exclusive'
        this.errors.push(forbiddenField(`${path}.additionalProperties`, why))
      }
      this.visit(additionalProperties, `${path}.additionalProperties`, {
        ...plain,
        cel: () => place.cel()?.element,
        times: multiplied(place.times, boundOf(schema)),
        noDefault: place.inMetadata ? 'inside additionalProperties applying to object metadata' : place.noDefault,
      })
    }
    const holdsMetadata = place.root || schema['x-kubernetes-embedded-resource'] === true
    for (const [name, property] of Object.entries(properties)) {
      const own = holdsMetadata && ['metadata', 'kind', 'apiVersion'].includes(name)
      const escaped = escapedName(name)
      this.visit(property, keyPath(`${path}.properties`, name), {
        ...plain,
        cel: () =>
          escaped === undefined ? celSchema(fieldsOf(property), false) : place.cel()?.fields.get(escaped)?.schema,
        times: multiplied(place.times, boundOf(schema)),
        inMetadata: place.inMetadata || own,
        noDefault: own && place.root ? `in top-level ${name}` : place.noDefault,
      })
    }
    const without: Place = { ...plain, rules: false }
    this.visit(schema['not'], `${path}.not`, without)
    for (const name of ['allOf', 'oneOf', 'anyOf']) {
      listOf(schema[name]).forEach((part, i) => this.visit(part, `${path}.${name}[${i}]`, without))
    }
    this.visit(items, `${path}.items`, {
      ...plain,
      cel: () => place.cel()?.element,
      times: multiplied(place.times, boundOf(schema)),
      uncorrelated: schema['x-kubernetes-list-type'] === 'map' ? place.uncorrelated : (place.uncorrelated ?? path),
    })
  }

  #extensions(schema: Fields, path: string): void {
    const type = textOf(schema['type'])
    const say = (error: FieldError): number => this.errors.push(error)
    if (schema['x-kubernetes-preserve-unknown-fields'] === false) {
      say(invalid(`${path}.x-kubernetes-preserve-unknown-fields`, false, 'must be true or undefined'))
    }
    const wrongType = (wanted: string, name: string): void => {
      const why = `must be ${wanted} if x-kubernetes-${name} is specified`
      say(type === '' ? required(`${path}.type`, why) : invalid(`${path}.type`, type, why))
    }
    const mapType = schema['x-kubernetes-map-type']
    if (mapType !== undefined && type !== 'object') wrongType('object', 'map-type')
    if (mapType !== undefined && mapType !== 'atomic' && mapType !== 'granular') {
      say(unsupported(`${path}.x-kubernetes-map-type`, mapType, ['atomic', 'granular']))
    }
    const listType = schema['x-kubernetes-list-type']
    const items = isFields(schema['items']) ? schema['items'] : undefined
    if (listType !== undefined && type !== 'array') wrongType('array', 'list-type')
    else if (listType === 'set' && items !== undefined) this.#setItems(items, path)
    if (listType !== undefined && !['atomic', 'set', 'map'].includes(textOf(listType))) {
      say(unsupported(`${path}.x-kubernetes-list-type`, listType, ['atomic', 'set', 'map']))
    }
    const given = schema['x-kubernetes-list-map-keys']
    const keys = Array.isArray(given) ? (given as readonly string[]) : []
    if (keys.length > 0 && listType !== 'map') {
      const why = 'must be map if x-kubernetes-list-map-keys is non-empty'
      const at = `${path}.x-kubernetes-list-type`
      say(listType === undefined ? required(at, why) : invalid(at, listType, why))
    }
    if (listType === 'map') this.#mapItems(items, keys, path)
    if ((listType === 'set' || listType === 'map') && items?.['nullable'] === true) {
      say(forbiddenField(`${path}.items.nullable`, `cannot be nullable when x-kubernetes-list-type is ${listType}`))
    }
    if (listType === 'map' && items !== undefined) this.#mapKeys(items, keys, path)
  }

  #setItems(items: Fields, path: string): void {
    const why = 'must be atomic as item of a list with x-kubernetes-list-type=set'
    const listType = items['x-kubernetes-list-type']
    if (items['type'] === 'array' && listType !== undefined && listType !== 'atomic') {
      this.errors.push(invalid(`${path}.items.x-kubernetes-list-type`, listType, why))
    }
    if (items['type'] === 'object' && items['x-kubernetes-map-type'] !== 'atomic') {
      this.errors.push(invalid(`${path}.items.x-kubernetes-map-type`, listType ?? null, why))
    }
  }

  #mapItems(items: Fields | undefined, keys: readonly string[], path: string): void {
    const at = `${path}.x-kubernetes-list-map-keys`
    if (keys.length === 0) this.errors.push(required(at, 'must not be empty if x-kubernetes-list-type is map'))
    if (items === undefined) {
      this.errors.push(required(`${path}.items`, 'must have a schema if x-kubernetes-list-type is map'))
      return
    }
    if (items['type'] !== 'object') {
      const why = "must be object if parent array's x-kubernetes-list-type is map"
      this.errors.push(invalid(`${path}.items.type`, textOf(items['type']), why))
      return
    }
    const properties = fieldsOf(items['properties'])
    keys.forEach((key, i) => {
      const property = own(properties, key)
      const type = fieldsOf(property)['type']
      if (property === undefined) {
        this.errors.push(invalid(at, keys, 'entries must all be names of item properties'))
      } else if (type === 'array' || type === 'object') {
        const why = "must be a scalar type if parent array's x-kubernetes-list-type is map"
        this.errors.push(invalid(`${keyPath(`${path}.items.properties`, key)}.type`, items['type'], why))
      }
      if (keys.indexOf(key) < i) this.errors.push(invalid(at, keys, 'must not contain duplicate entries'))
    })
  }

  #mapKeys(items: Fields, keys: readonly string[], path: string): void {
    const properties = fieldsOf(items['properties'])
    const needed = Array.isArray(items['required']) ? (items['required'] as readonly unknown[]) : []
    for (const key of keys) {
      const property = own(properties, key)
      if (!isFields(property)) continue
      const at = keyPath(`${path}.items.properties`, key)
      if (!needed.includes(key) && (property['default'] ?? undefined) === undefined) {
        const why =
          'this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property'
        this.errors.push(required(`${at}.default`, why))
      }
      if (property['nullable'] === true) {
        const why = 'this property is in x-kubernetes-list-map-keys, so it cannot be nullable'
        this.errors.push(forbiddenField(`${at}.nullable`, why))
      }
    }
  }

  #rules(schema: Fields, path: string, place: Place, before: number): void {
    const rules = rulesIn(schema)
    rules.forEach((rule, i) => this.#ruleText(rule, schema, `${path}.x-kubernetes-validations[${i}]`))
    // A schema in error may make no sense to expressions.
    if (rules.length === 0 || this.errors.length > before || !this.#withRules || !place.rules) return
    const cel = place.cel()
    if (cel === undefined) {
      const why =
        'internal error: failed to construct type information for x-kubernetes-validations rules: unable to convert structural schema to CEL declarations'
      this.ruleErrors.push({
        reason: 'FieldValueInvalid',
        field: `${path}.x-kubernetes-validations`,
        message: `Internal error: ${why}`,
      })
      return
    }
    rules.forEach((rule, i) => this.#rule(rule, cel, `${path}.x-kubernetes-validations[${i}]`, place))
  }

  #ruleText(rule: Fields, schema: Fields, path: string): void {
    const text = textOf(rule['rule']).trim()
    const message = textOf(rule['message'])
    const say = (error: FieldError): number => this.errors.push(error)
    const broken = /[\n\r]/
    if (text === '') say(required(`${path}.rule`, 'rule is not specified'))
    else if (message !== '' && message.trim() === '') {
      say(invalid(`${path}.message`, message, 'must be non-empty if specified'))
    } else if (broken.test(message.trim())) {
      say(invalid(`${path}.message`, message, 'must not contain line breaks'))
    } else if (broken.test(text) && message.trim() === '') {
      say(required(`${path}.message`, 'message must be specified if rule contains line breaks'))
    }
    const expression = textOf(rule['messageExpression'])
    if (expression !== '' && expression.trim() === '') {
      say(required(`${path}.messageExpression`, 'messageExpression must be non-empty if specified'))
    }
    const { reason } = rule
    if (reason !== undefined && !reasons.includes(textOf(reason))) say(unsupported(`${path}.reason`, reason, reasons))
    const fieldPath = textOf(rule['fieldPath'])
    if (fieldPath === '') return
    if (fieldPath.trim() === '') say(invalid(`${path}.fieldPath`, fieldPath, 'must be non-empty if specified'))
    if (broken.test(fieldPath)) say(invalid(`${path}.fieldPath`, fieldPath, 'must not contain line breaks'))
    if ('problem' in validFieldPath(fieldPath, schema)) {
      say(invalid(`${path}.fieldPath`, fieldPath, 'must be a valid path'))
    }
  }

  #rule(rule: Fields, cel: CelSchema, path: string, place: Place): void {
    const shown = {
      Rule: textOf(rule['rule']),
      Message: textOf(rule['message']),
      MessageExpression: textOf(rule['messageExpression']),
      Reason: rule['reason'] ?? null,
      FieldPath: textOf(rule['fieldPath']),
      OptionalOldSelf: rule['optionalOldSelf'] ?? null,
    }
    const program = compiledRule(rule, cel)
    if (typeof program === 'string') {
      this.ruleErrors.push({
        reason: 'FieldValueInvalid',
        field: `${path}.rule`,
        message: `Invalid value: ${ruleText(shown)}: ${program}`,
      })
      return
    }
    const cost = costOf(program, cel)
    this.#spend(`${path}.rule`, 'estimated rule cost', multiplied(cost, place.times ?? timesMax(cel)) ?? most)
    if (shown.MessageExpression !== '') {
      const message = compiledMessage(rule, cel)
      if (typeof message === 'string') {
        this.ruleErrors.push({
          reason: 'FieldValueInvalid',
          field: `${path}.messageExpression`,
          message: `Invalid value: ${ruleText(shown)}: ${message}`,
        })
      } else this.#spend(`${path}.messageExpression`, 'estimated messageExpression cost', costOf(message, cel))
    }
    if (program.uses.has('oldSelf')) {
      if (place.uncorrelated === undefined) return
      const why = `oldSelf cannot be used on the uncorrelatable portion of the schema within ${place.uncorrelated}`
      this.ruleErrors.push(invalid(`${path}.rule`, shown.Rule, why))
    } else if (rule['optionalOldSelf'] !== undefined) {
      const why = 'may not be set if oldSelf is not used in rule'
      this.ruleErrors.push(invalid(`${path}.optionalOldSelf`, rule['optionalOldSelf'], why))
    }
  }

  #spend(path: string, what: string, cost: number): void {
    if (cost > ruleCostMax) this.ruleErrors.push(forbiddenField(path, costText(what, cost, ruleCostMax)))
    this.total = Math.min(most, this.total + cost)
    if (cost < definitionCostMax / 100) return
    this.dearest = [...this.dearest, { path, cost }].toSorted((a, b) => b.cost - a.cost).slice(0, 4)
  }
}

/** As Go prints the rule: its fields in their order. */
function ruleText(shown: Fields): string {
  const escapes: Readonly<Record<string, string>> = { '<': '\\u003c', '>': '\\u003e', '&': '\\u0026' }
  return JSON.stringify(shown).replaceAll(/[<>&]/g, (character) => escapes[character]!)
}

function costOf(program: Program, cel: CelSchema): number {
  return program.estimate((path) => sizeWithin(cel, path)).max
}

function multiplied(cost: number | undefined, by: number | undefined): number | undefined {
  if (cost === undefined || by === undefined) return undefined
  return cost === 0 || by === 0 ? 0 : Math.min(most, cost * by)
}

function boundOf(schema: Fields): number | undefined {
  const bound = (name: string): number | undefined => {
    const max = schema[name]
    return typeof max === 'number' ? Math.max(0, max) : undefined
  }
  if (schema['type'] === 'array') return bound('maxItems')
  if (schema['type'] === 'object' && schema['additionalProperties'] !== undefined) return bound('maxProperties')
  return 1
}

function costText(what: string, cost: number, max: number): string {
  const factor = cost / max
  const shown = factor > 100 ? 'more than 100x' : factor < 1.5 ? `${factor.toFixed(6)}x` : `${factor.toFixed(1)}x`
  return `${what} exceeds budget by factor of ${shown} (try simplifying the rule, or adding maxItems, maxProperties, and maxLength where arrays, maps, and strings are declared)`
}
