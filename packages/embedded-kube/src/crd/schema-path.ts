import { own } from '@plimsoll/model'
import { fieldsOf, isFields, type Fields } from '../object.ts'
import { childPath, keyPath } from './field-path.ts'

/**
 * Where `.a.b['c']` leads in a schema, and how messages name it; or why it leads nowhere
 * (kubernetes/apiextensions-apiserver:pkg/apiserver/schema/cel/validation.go, ValidFieldPath).
 */
export function validFieldPath(
  text: string,
  schema: Fields,
  brackets = true,
): { readonly path: string; readonly schema: Fields } | { readonly problem: string } {
  let rest = text
  let path = ''
  let here = schema
  while (rest !== '') {
    const step = nextStep(rest, brackets)
    if (typeof step === 'string') return { problem: step }
    rest = step.rest
    const properties = here['properties']
    if (isFields(properties)) {
      const property = own(properties, step.name)
      if (!isFields(property)) return { problem: 'does not refer to a valid field' }
      path = childPath(path, step.name)
      here = property
    } else if (isFields(here['additionalProperties'])) {
      path = keyPath(path, step.name)
      here = fieldsOf(here['additionalProperties'])
    } else return { problem: 'does not refer to a valid field' }
  }
  return { path, schema: here }
}

const escapes: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  "'": "'",
  '\\': '\\',
}

function nextStep(text: string, brackets: boolean): { readonly name: string; readonly rest: string } | string {
  const [first] = text
  if (first === '.') {
    const match = /^\.([^.[\]]+|[.[\]])/.exec(text)
    return match === null ? 'unexpected end of JSON path' : { name: match[1]!, rest: text.slice(match[0].length) }
  }
  if (first !== '[') return `expected [ or . but got: ${/^[^.[\]]+|./.exec(text)?.[0] ?? ''}`
  if (!brackets) return 'array notation is not allowed'
  const match = /^\['((?:[^'\\]|\\.)*)'/.exec(text)
  if (match === null) {
    const found = /^\[([^.[\]]+|[.[\]])/.exec(text)?.[1]
    return found === undefined ? 'unexpected end of JSON path' : `expected single quoted string but got ${found}`
  }
  const bad = /\\(?![abfnrtv'\\])./.exec(match[1]!)
  if (bad !== null) return `invalid string literal: invalid escape char ${bad[0]}`
  const rest = text.slice(match[0].length)
  if (rest === '') return 'unexpected end of JSON path'
  if (!rest.startsWith(']')) return `expected ] but got ${rest[0]}`
  const name = match[1]!.replaceAll(/\\(.)/g, (_, mark: string) => escapes[mark]!)
  return { name, rest: rest.slice(1) }
}
