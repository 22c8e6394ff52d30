/**
 * Reads a JSON document as Go's json.Unmarshal (encoding/json, v1) reads it into a struct, with Go's text where it fails.
 * The surprises are Go's: keys match whatever their case, null changes nothing, what a key set stays until a later one
 * overwrites it, down to the elements of a list, and unknown keys pass in silence (here they are reported).
 */
import { Document, nameOfValue } from './document.ts'
import type { Token } from './syntax.ts'

/** Types by Go's names for kinds. `name` is what Go's messages print for a declared type, its package in front. */
export type GoType =
  | { readonly kind: 'int' }
  | { readonly kind: 'float64' }
  | { readonly kind: 'bool' }
  | { readonly kind: 'slice'; readonly name: string; readonly of: GoType }
  | { readonly kind: 'array'; readonly name: string; readonly length: number; readonly of: GoType }

type GoList = Extract<GoType, { kind: 'slice' | 'array' }>

export interface GoField {
  /** Only for the reader: Go's messages say the JSON name. */
  readonly go: string
  readonly json: string
  readonly type: GoType
}

/** A struct as a Go package declares it. */
export interface GoStruct {
  readonly package: string
  readonly name: string
  readonly fields: readonly GoField[]
}

type Tuple<V, Length extends number, Built extends readonly V[] = []> = Built['length'] extends Length
  ? Built
  : Tuple<V, Length, readonly [...Built, V]>

/** What a value of the type is in TypeScript; unknown where the type itself is not known. */
export type GoValue<T extends GoType> = GoType extends T
  ? unknown
  : T extends { kind: 'bool' }
    ? boolean
    : T extends { kind: 'slice'; of: infer E extends GoType }
      ? readonly GoValue<E>[]
      : T extends { kind: 'array'; of: infer E extends GoType; length: infer L extends number }
        ? Tuple<GoValue<E>, L>
        : number

/** By JSON name. An int is 64 bits wide in Go; here one beyond 2^53 is the nearest number. */
export type GoValues<S extends GoStruct> = {
  readonly [F in S['fields'][number] as F['json']]: GoValue<F['type']>
}

export type DecodedStruct<S extends GoStruct> =
  | {
      readonly values: GoValues<S>
      /** Keys that belong to no field, in the document's order, each once. */
      readonly unknownKeys: readonly string[]
      readonly error?: never
    }
  | { readonly error: string }

/** `text` is a string, or bytes where they may be no UTF-8. Never throws. */
export function decodeGoStruct<const S extends GoStruct>(text: string | Uint8Array, struct: S): DecodedStruct<S> {
  const document = Document.of(text)
  if ('error' in document) return document
  const reading = new Reading(document, struct)
  reading.struct()
  if (reading.error !== undefined) return { error: reading.error }
  const values = struct.fields.map(({ json }) => [json, valueOf(reading.held.get(json)!)])
  return { values: Object.fromEntries(values) as GoValues<S>, unknownKeys: [...reading.unknownKeys] }
}

/** What a Go variable holds. */
type Held = number | boolean | Elements

/**
 * A list and its memory: Go shortens a list by its length alone, so that elements behind it come back when it grows.
 * They are seen where an element of a later list is null or has a null in it.
 */
interface Elements {
  readonly memory: readonly Held[]
  readonly length: number
}

const nothing: Elements = { memory: [], length: 0 }

function zero(type: GoType): Held {
  switch (type.kind) {
    case 'int':
    case 'float64':
      return 0
    case 'bool':
      return false
    case 'slice':
      return nothing
    case 'array':
      return { memory: Array.from({ length: type.length }, () => zero(type.of)), length: type.length }
  }
}

function valueOf(held: Held): unknown {
  return typeof held === 'object' ? held.memory.slice(0, held.length).map(valueOf) : held
}

class Reading {
  readonly held: Map<string, Held>
  readonly unknownKeys = new Set<string>()
  /** The first value of a wrong type. Go reads on, and so must we: for the order of errors, not for the values. */
  error: string | undefined
  private readonly document: Document
  private readonly declared: GoStruct

  constructor(document: Document, declared: GoStruct) {
    this.document = document
    this.declared = declared
    this.held = new Map(declared.fields.map(({ json, type }) => [json, zero(type)]))
  }

  struct(): void {
    const token = this.document.next()
    if (token.kind === 'null') return
    if (token.kind !== '{') {
      const { package: home, name } = this.declared
      this.mismatch(nameOfValue(token), `Go value of type ${home}.${name}`)
      return
    }
    while (!this.document.ends('}')) {
      const key = this.document.string(this.document.next())
      const field = fieldFor(key, this.declared.fields)
      if (field === undefined) {
        this.unknownKeys.add(key)
        this.document.skip()
      } else {
        this.held.set(field.json, this.value(field, field.type, this.held.get(field.json)!))
      }
    }
  }

  /** What a variable of this type holds after the next value of the document, when it held `before`. */
  private value(field: GoField, type: GoType, before: Held): Held {
    const token = this.document.next()
    if (token.kind === 'null') return type.kind === 'slice' ? nothing : before
    if (token.kind === '[' && (type.kind === 'slice' || type.kind === 'array')) {
      return this.elements(field, type, before as Elements)
    }
    const read = this.scalar(token, type)
    if (read !== undefined) return read
    const isNumeric = type.kind === 'int' || type.kind === 'float64'
    const literal = token.kind === 'number' && isNumeric ? ` ${this.document.literal(token)}` : ''
    const typeName = 'name' in type ? type.name : type.kind
    const what = `${nameOfValue(token)}${literal}`
    this.mismatch(what, `Go struct field ${this.declared.name}.${field.json} of type ${typeName}`)
    this.document.leave(token)
    return before
  }

  private elements(field: GoField, type: GoList, before: Elements): Elements {
    const memory = [...before.memory]
    let length = 0
    while (!this.document.ends(']')) {
      if (type.kind === 'array' && length === type.length) {
        this.document.skip()
        continue
      }
      memory[length] = this.value(field, type.of, memory[length] ?? zero(type.of))
      length++
    }
    if (type.kind === 'slice') return length === 0 ? nothing : { memory, length }
    return { memory: memory.map((held, i) => (i < length ? held : zero(type.of))), length: type.length }
  }

  private scalar(token: Token, type: GoType): number | boolean | undefined {
    if (token.kind === 'bool' && type.kind === 'bool') return this.document.literal(token) === 'true'
    if (token.kind !== 'number') return undefined
    if (type.kind === 'int') return parseInt64(this.document.literal(token))
    if (type.kind === 'float64') return parseFloat64(this.document.literal(token))
    return undefined
  }

  private mismatch(what: string, where: string): void {
    this.error ??= `json: cannot unmarshal ${what} into ${where}`
  }
}

/** The field of exactly this name, else the first whose name differs in case only. */
function fieldFor(key: string, fields: readonly GoField[]): GoField | undefined {
  return fields.find(({ json }) => json === key) ?? fields.find(({ json }) => fold(json) === fold(key))
}

/**
 * Equal for names that differ in case only. A field's name is ASCII, so of all that Unicode folds only its letters matter,
 * among which are the long s and the Kelvin sign.
 */
function fold(name: string): string {
  return name.replace(/[a-zſ\u212a]/g, (c) => (c === 'ſ' ? 'S' : c === '\u212a' ? 'K' : c.toUpperCase()))
}

const int64Min = -(2n ** 63n)
const int64Max = 2n ** 63n - 1n

/** Undefined for what has a fraction or exponent, whatever its value, and for what does not fit. */
function parseInt64(literal: string): number | undefined {
  // More digits would only cost time: JSON has no leading zeros.
  if (!/^-?\d{1,19}$/.test(literal)) return undefined
  const exact = BigInt(literal)
  return exact < int64Min || exact > int64Max ? undefined : Number(exact)
}

/** Undefined for what is too large; what is too small is 0. */
export function parseFloat64(literal: string): number | undefined {
  const number = Number(literal)
  return Number.isFinite(number) ? number : undefined
}
