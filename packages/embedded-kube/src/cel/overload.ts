import { one, type CostRule } from './cost.ts'
import {
  boolType,
  bytesType,
  doubleType,
  durationType,
  dynType,
  intType,
  listType,
  mapType,
  nullType,
  opaqueType,
  optionalType,
  parameterType,
  stringType,
  timestampType,
  typeType,
  uintType,
  type CelType,
} from './type.ts'
import type { Value } from './values.ts'

/** One way to call a function. The receiver, if there is one, is the first of its arguments. */
export interface Overload {
  readonly name: string
  readonly member: boolean
  readonly args: readonly CelType[]
  readonly result: CelType
  /** Names of the type parameters. */
  readonly parameters: readonly string[]
  readonly cost: CostRule
  /** Whether its regular expression, the second argument, can be checked before it runs when it is written out. */
  readonly literalCheck?: 'regex' | 'duration' | 'timestamp' | undefined
  call(...args: Value[]): Value
}

// A handler knows what types its signature lets through.
// oxlint-disable-next-line typescript/no-explicit-any
export type Handler = (...args: any[]) => Value

/** `string::startsWith(string): bool` is a method, `size(list(A)): int` is not; single capitals stand for any type. */
export function overload(signature: string, call: Handler, cost: CostRule = one): Overload {
  const match = /^(?:(.+?)::)?(\S+?)\((.*)\): (.+)$/.exec(signature)
  if (match === null) throw new Error(`not a signature: ${signature}`)
  const [, receiver, name, args, result] = match
  const texts = [...(receiver === undefined ? [] : [receiver]), ...splitTypes(args!)]
  const parameters = new Set([...texts, result!].flatMap((text) => text.match(/\b[A-Z]\b/g) ?? []))
  return {
    name: name!,
    member: receiver !== undefined,
    args: texts.map(readType),
    result: readType(result!),
    parameters: [...parameters],
    cost,
    call,
  }
}

const simple: Readonly<Record<string, CelType>> = {
  bool: boolType,
  bytes: bytesType,
  double: doubleType,
  duration: durationType,
  dyn: dynType,
  int: intType,
  null: nullType,
  string: stringType,
  timestamp: timestampType,
  uint: uintType,
}

function readType(text: string): CelType {
  const known = simple[text]
  if (known !== undefined) return known
  if (/^[A-Z]$/.test(text)) return parameterType(text)
  const match = /^(\w+)\((.*)\)$/.exec(text)
  if (match === null) return opaqueType(text)
  const inner = splitTypes(match[2]!).map(readType)
  const make = compound[match[1]!]
  if (make === undefined) throw new Error(`not a type: ${text}`)
  return make(...inner)
}

const compound: Readonly<Record<string, (...inner: readonly CelType[]) => CelType>> = {
  list: (element) => listType(element!),
  map: (key, value) => mapType(key!, value!),
  optional: (value) => optionalType(value!),
  type: (of) => typeType(of!),
}

/** At the commas that are within no brackets. */
function splitTypes(text: string): readonly string[] {
  const parts: string[] = []
  let depth = 0
  let from = 0
  for (let i = 0; i < text.length; i++) {
    if (text[i] === '(') depth++
    else if (text[i] === ')') depth--
    else if (text[i] === ',' && depth === 0) {
      parts.push(text.slice(from, i).trim())
      from = i + 1
    }
  }
  const last = text.slice(from).trim()
  return last === '' ? parts : [...parts, last]
}
