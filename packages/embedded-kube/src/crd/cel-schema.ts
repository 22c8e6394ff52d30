// A structural schema as CEL sees it: types for the checker, sizes for the estimate, values for the run
// (kubernetes/apiserver:pkg/cel/common/{schemas,valuesunstructured}.go, pkg/cel/escaping.go).
import { own } from '@plimsoll/model'
import type { Range } from '../cel/cost.ts'
import { isDate, parseDuration, parseTimestamp } from '../cel/time.ts'
import {
  boolType,
  bytesType,
  doubleType,
  durationType,
  dynType,
  intType,
  listType,
  mapType,
  stringType,
  structType,
  timestampType,
  type CelType,
} from '../cel/type.ts'
import { CelList, CelMap, failed, keyName, type CelObject, type ListIdentity, type Value } from '../cel/values.ts'
import { fieldsOf, isFields, listOf, type Fields } from '../object.ts'

/** A schema that expressions can reach. Sizes are those of upstream: characters, elements, bytes of JSON. */
export interface CelSchema {
  readonly type: CelType
  readonly elementsMax: number
  readonly bytesMin: number
  /** Of lists and maps. */
  readonly element: CelSchema | undefined
  /** Of objects, by the names that expressions use. */
  readonly fields: ReadonlyMap<string, CelField>
  readonly identity: ListIdentity
}

interface CelField {
  /** As the object has it. */
  readonly name: string
  readonly schema: CelSchema
}

const requestBytesMax = 3 * 1024 * 1024
const noFields: ReadonlyMap<string, CelField> = new Map()

const reserved = new Set(
  'true false null in as break const continue else for function if import let loop package namespace return var void while'.split(
    ' ',
  ),
)
const escapes: Readonly<Record<string, string>> = {
  __: '__underscores__',
  '.': '__dot__',
  '-': '__dash__',
  '/': '__slash__',
}

/** The name of a field within expressions; undefined when it has none. */
export function escapedName(name: string): string | undefined {
  if (!/^[A-Za-z_.\-/][A-Za-z0-9_.\-/]*$/.test(name)) return undefined
  if (reserved.has(name)) return `__${name}__`
  return name.replace(/__|[-./]/g, (part) => escapes[part]!)
}

/** What expressions see of a schema; undefined when that is nothing. `root`: of a whole object, with its type and names. */
export function celSchema(schema: Fields, root: boolean, name = 'selfType'): CelSchema | undefined {
  if (schema['x-kubernetes-int-or-string'] === true) {
    const max = schema['maxLength']
    return scalar(dynType, 1, typeof max === 'number' ? Math.max(0, max) * 4 : requestBytesMax - 2)
  }
  switch (schema['type']) {
    case 'array':
      return ofArray(schema, name)
    case 'object':
      return ofObject(root ? withMetadata(schema) : schema, name)
    case 'string':
      return ofString(schema)
    case 'boolean':
      return scalar(boolType, 4, 0)
    case 'number':
      return scalar(doubleType, 1, 0)
    case 'integer':
      return scalar(intType, 1, 0)
    default:
      return undefined
  }
}

function scalar(type: CelType, bytesMin: number, elementsMax: number): CelSchema {
  return { type, bytesMin, elementsMax, element: undefined, fields: noFields, identity: 'ordered' }
}

function isEmbedded(schema: Fields): boolean {
  return schema['x-kubernetes-embedded-resource'] === true
}

function ofArray(schema: Fields, name: string): CelSchema | undefined {
  const items = schema['items']
  const element = isFields(items) ? celSchema(items, isEmbedded(items), `${name}.@idx`) : undefined
  if (element === undefined) return undefined
  const max = schema['maxItems']
  const elementsMax =
    typeof max === 'number' ? Math.max(0, max) : Math.floor((requestBytesMax - 2) / (element.bytesMin + 1))
  return { ...scalar(listType(element.type), 2, elementsMax), element, identity: identityOf(schema) }
}

function identityOf(schema: Fields): ListIdentity {
  const kind = schema['x-kubernetes-list-type']
  if (kind === 'set') return 'set'
  const keys = schema['x-kubernetes-list-map-keys']
  if (kind !== 'map' || !Array.isArray(keys)) return 'ordered'
  return (element) => {
    if (typeof element !== 'object' || element === null || !('object' in element)) return ''
    return (keys as readonly string[])
      .map((key) => {
        const value = element.field(escapedName(key) ?? key)
        return value === undefined ? '' : String(keyName(value))
      })
      .join('\0')
  }
}

function ofObject(schema: Fields, name: string): CelSchema | undefined {
  const others = schema['additionalProperties']
  if (isFields(others)) {
    const element = celSchema(others, isEmbedded(others), `${name}.@elem`)
    if (element === undefined) return undefined
    const max = schema['maxProperties']
    const elementsMax =
      typeof max === 'number' ? Math.max(0, max) : Math.floor((requestBytesMax - 2) / (element.bytesMin + 6))
    return { ...scalar(mapType(stringType, element.type), 2, elementsMax), element }
  }
  const required = Array.isArray(schema['required']) ? (schema['required'] as readonly unknown[]) : []
  const fields = new Map<string, CelField>()
  let bytesMin = 2
  for (const [field, raw] of Object.entries(fieldsOf(schema['properties']))) {
    const property = fieldsOf(raw)
    const escaped = escapedName(field)
    const found = celSchema(property, isEmbedded(property), `${name}.${escaped ?? field}`)
    if (found === undefined) continue
    if (escaped !== undefined) fields.set(escaped, { name: field, schema: found })
    if (required.includes(field) && property['default'] === undefined) bytesMin += field.length + found.bytesMin + 4
  }
  const types = new Map(
    [...fields].map(
      ([
        field,
        {
          schema: { type },
        },
      ]) => [field, type] as const,
    ),
  )
  return { ...scalar(structType(name, types), bytesMin, 0), fields }
}

function ofString(schema: Fields): CelSchema {
  const max = schema['maxLength']
  switch (schema['format']) {
    case 'byte':
      return scalar(bytesType, 2, typeof max === 'number' ? Math.max(0, max) : requestBytesMax - 2)
    case 'duration':
      return scalar(durationType, 3, 32)
    case 'date':
      return scalar(timestampType, 12, 12)
    case 'date-time':
      return scalar(timestampType, 21, 32)
  }
  if (typeof max === 'number') return scalar(stringType, 2, Math.max(0, max) * 4)
  const choices = schema['enum']
  if (Array.isArray(choices) && choices.length > 0) {
    const lengths = choices.map((choice) => (typeof choice === 'string' ? new TextEncoder().encode(choice).length : 0))
    return scalar(stringType, 2, Math.max(...lengths))
  }
  return scalar(stringType, 2, requestBytesMax - 2)
}

/** With apiVersion, kind and the two names of metadata, which rules may always read; of metadata nothing else. */
function withMetadata(schema: Fields): Fields {
  const properties = fieldsOf(schema['properties'])
  const names = fieldsOf(fieldsOf(properties['metadata'])['properties'])
  const text = { type: 'string' }
  const capped = (field: string, max: number): Fields => {
    const given = fieldsOf(names[field])['maxLength']
    return { type: 'string', maxLength: typeof given === 'number' && given < max ? given : max }
  }
  const metadata = {
    type: 'object',
    properties: { name: capped('name', 253), generateName: capped('generateName', 252) },
  }
  return { ...schema, properties: { ...properties, apiVersion: text, kind: text, metadata } }
}

/** How big what stands at a path from self can be. */
export function sizeWithin(root: CelSchema, path: readonly string[]): Range | undefined {
  let schema: CelSchema | undefined = root
  for (const step of path.slice(1)) {
    if (step === '@items' || step === '@values') schema = schema.element
    else if (step === '@keys') return schema.element === undefined ? undefined : { min: 0, max: 0 }
    else schema = schema.fields.get(step)?.schema
    if (schema === undefined) return undefined
  }
  return { min: 0, max: schema.elementsMax }
}

/** How often an object of this schema can stand in one request. */
export function timesMax(schema: CelSchema): number {
  return Math.floor(requestBytesMax / (schema.bytesMin + 1))
}

/** An object, its fields made values when they are asked for. */
class SchemaObject implements CelObject {
  readonly object = true
  readonly #raw: Fields
  readonly #schema: CelSchema
  readonly #values = new Map<string, Value | undefined>()

  constructor(raw: Fields, schema: CelSchema) {
    this.#raw = raw
    this.#schema = schema
  }

  get size(): number {
    return Object.keys(this.#raw).length
  }

  field(name: string): Value | undefined {
    if (this.#values.has(name)) return this.#values.get(name)
    const field = this.#schema.fields.get(name)
    const raw = field === undefined ? undefined : own(this.#raw, field.name)
    // A null counts as absent.
    const value = raw === undefined || raw === null ? undefined : celValue(raw, field!.schema)
    this.#values.set(name, value)
    return value
  }

  fieldNames(): readonly string[] {
    return [...this.#schema.fields.keys()].filter(
      (name) => (own(this.#raw, this.#schema.fields.get(name)!.name) ?? undefined) !== undefined,
    )
  }
}

/** A value of JSON as expressions see it. @throws {CelError} when it is not of its schema */
export function celValue(raw: unknown, schema: CelSchema): Value {
  if (raw === null || raw === undefined) return null
  const wrong = (): never => failed(`invalid data, expected a value of type ${schema.type.name}`)
  const kind: string = schema.type.kind
  switch (kind) {
    case 'dyn':
      if (typeof raw === 'string') return raw
      return typeof raw === 'number' && Number.isInteger(raw) ? BigInt(raw) : wrong()
    case 'bool':
      return typeof raw === 'boolean' ? raw : wrong()
    case 'int':
      return typeof raw === 'number' && Number.isInteger(raw) ? BigInt(raw) : wrong()
    case 'double':
      return typeof raw === 'number' ? raw : wrong()
    case 'list': {
      const element = schema.element!
      return Array.isArray(raw)
        ? new CelList(
            raw.map((item: unknown) => celValue(item, element)),
            schema.identity,
          )
        : wrong()
    }
    case 'map': {
      const element = schema.element!
      if (!isFields(raw)) return wrong()
      const entries = Object.entries(raw).map(([key, item]) => [`"${key}`, [key, celValue(item, element)]] as const)
      return new CelMap(new Map<string, readonly [Value, Value]>(entries))
    }
    case 'struct':
      return isFields(raw) ? new SchemaObject(raw, schema) : wrong()
    default:
      return typeof raw === 'string' ? celText(raw, schema.type) : wrong()
  }
}

function celText(raw: string, type: CelType): Value {
  const kind: string = type.kind
  switch (kind) {
    case 'string':
      return raw
    case 'duration':
      return parseDuration(raw) ?? failed(`Invalid duration ${raw}: time: invalid duration ${JSON.stringify(raw)}`)
    case 'timestamp': {
      const whole = /^\d{4}-\d\d-\d\d$/.test(raw) && isDate(raw) ? `${raw}T00:00:00Z` : raw
      return parseTimestamp(whole) ?? failed(`Invalid date-time formatted string ${raw}`)
    }
    default:
      try {
        return Uint8Array.from(atob(raw), (character) => character.charCodeAt(0))
      } catch {
        return failed(`Invalid byte formatted string ${raw}`)
      }
  }
}

/** Rules of a schema, as written. */
export function rulesIn(schema: Fields): readonly Fields[] {
  return listOf(schema['x-kubernetes-validations'])
}
