// Why a value is none of its type, in the words of kubernetes-sigs/structured-merge-diff:typed/validate.go.
import { own } from '@plimsoll/model'
import { isFields, type Fields } from '../object.ts'
import { resolveSchema, type Schema } from '../schema-table.ts'
import { goText } from '../wire/go-text.ts'
import { elementText } from './field-set.ts'
import { itemElement, shapeOf, type ListShape } from './typed-value.ts'

const untyped = new Set([
  'io.k8s.apimachinery.pkg.api.resource.Quantity',
  'io.k8s.apimachinery.pkg.util.intstr.IntOrString',
  'io.k8s.apimachinery.pkg.apis.meta.v1.Time',
  'io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime',
])
const anything = new Set([
  'io.k8s.apimachinery.pkg.apis.meta.v1.FieldsV1',
  'io.k8s.apimachinery.pkg.runtime.RawExtension',
])

/** What is wrong as one text, or undefined. */
export function typeProblem(value: unknown, schema: Schema): string | undefined {
  const problems: string[] = []
  visit(value, schema, '', problems)
  if (problems.length === 0) return undefined
  return problems.length === 1 ? problems[0] : ['errors:', ...problems.map((text) => `  ${text}`)].join('\n')
}

function visit(value: unknown, given: Schema, path: string, problems: string[]): void {
  if (value === null || value === undefined) return
  if (given.$ref !== undefined && (anything.has(given.$ref) || untyped.has(given.$ref))) return
  const schema = resolveSchema(given)
  const say = (text: string): number => problems.push(path === '' ? text : `${path}: ${text}`)
  switch (schema.type) {
    case 'string':
      if (schema.format !== 'int-or-string' && typeof value !== 'string') {
        say(`expected string, got &value.valueUnstructured{Value:${goSyntax(value)}}`)
      }
      return
    case 'integer':
    case 'number':
      if (typeof value !== 'number') say(`expected numeric (int or float), got ${goType(value)}`)
      return
    case 'boolean':
      if (typeof value !== 'boolean') say(`expected boolean, got &{${goText(value)}}`)
      return
    case 'array':
      if (!Array.isArray(value)) say(`expected list, got &{${goText(value)}}`)
      else visitItems(value, given, path, problems, say)
      return
    case 'object':
      if (isFields(value)) visitFields(value, schema, path, problems)
      else say(`expected map, got &{${goText(value)}}`)
      return
    case undefined:
    default:
  }
}

function visitFields(value: Fields, schema: Schema, path: string, problems: string[]): void {
  const { properties, additionalProperties } = schema
  const open =
    additionalProperties !== undefined ||
    properties === undefined ||
    schema['x-kubernetes-preserve-unknown-fields'] === true ||
    schema['x-kubernetes-embedded-resource'] === true
  for (const [name, field] of Object.entries(value)) {
    const known = own(properties, name)
    if (known === undefined && !open) {
      problems.push(`${path}.${name}: field not declared in schema`)
      return
    }
    visit(field, known ?? (isFields(additionalProperties) ? additionalProperties : {}), `${path}.${name}`, problems)
  }
}

function visitItems(
  list: readonly unknown[],
  given: Schema,
  path: string,
  problems: string[],
  say: (text: string) => void,
): void {
  const shape = shapeOf(list, given)
  const items = given.items ?? resolveSchema(given).items ?? {}
  if (shape.kind !== 'list') {
    list.forEach((item, i) => visit(item, items, `${path}[${i}]`, problems))
    return
  }
  const seen = new Set<string>()
  for (const [i, item] of list.entries()) {
    const wrong = elementProblem(item, shape)
    if (wrong !== undefined) {
      say(`element ${i}: ${wrong}`)
      return
    }
    const element = itemElement(item, shape)
    if (seen.has(element)) say(`duplicate entries for key ${elementText(element)}`)
    seen.add(element)
    visit(item, items, path + elementText(element), problems)
  }
}

function elementProblem(item: unknown, shape: ListShape): string | undefined {
  if (shape.keys.length === 0) {
    if (item === null) return "associative list without keys has an element that's an explicit null"
    if (Array.isArray(item)) return 'not supported: associative list with lists as elements'
    return isFields(item) ? "associative list without keys has an element that's a map type" : undefined
  }
  if (item === null) return 'associative list with keys may not have a null element'
  if (!isFields(item)) return 'associative list with keys may not have non-map elements'
  if (itemElement(item, shape) !== 'k:{}') return undefined
  const keys = shape.keys.map((key) => JSON.stringify(key)).join(' ')
  return `associative list with keys has an element that omits all key fields [${keys}] (and doesn't have default values for any key fields)`
}

/** As fmt's %#v prints it. */
function goSyntax(value: unknown): string {
  if (value === null || value === undefined) return 'interface {}(nil)'
  if (Array.isArray(value)) return `[]interface {}{${value.map(goSyntax).join(', ')}}`
  if (!isFields(value)) return JSON.stringify(value)
  const names = Object.keys(value).sort()
  return `map[string]interface {}{${names.map((name) => `${JSON.stringify(name)}:${goSyntax(value[name])}`).join(', ')}}`
}

function goType(value: unknown): string {
  if (Array.isArray(value)) return '[]interface {}'
  return isFields(value) ? 'map[string]interface {}' : typeof value === 'boolean' ? 'bool' : 'string'
}
