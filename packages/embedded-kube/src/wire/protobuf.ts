// Request bodies in protobuf, as Go clients send them (kubernetes/apimachinery:pkg/runtime/generated.proto and
// pkg/runtime/serializer/protobuf). One table drives the decoder; answers are never protobuf.
import { formatGoDuration, ms, setOwn } from '@plimsoll/model'
import table from '../schema/kubernetes.generated.json' with { type: 'json' }
import { parseJsonText } from './nesting.ts'

/** field number → name in JSON (empty when inlined), kind, flags (1 repeated, 2 pointer, 4 omitempty), kind of map values */
type Message = {
  readonly [number: string]: readonly [name: string, kind: string, flags: number, values: MapValue | null]
}
type MapValue = string | { readonly rep: string }

const messages = table.protobuf as unknown as { readonly [name: string]: Message }

export class ProtobufError extends Error {
  override readonly name = 'ProtobufError'
}

const magic = [0x6b, 0x38, 0x73, 0x00]

export function isProtobuf(body: Uint8Array): boolean {
  return body.length >= 4 && magic.every((byte, i) => body[i] === byte)
}

export interface Envelope {
  readonly apiVersion: string
  readonly kind: string
  readonly raw: Uint8Array
}

/** The envelope (runtime.Unknown) that every body comes in. @throws {ProtobufError} */
export function openEnvelope(body: Uint8Array): Envelope {
  if (!isProtobuf(body)) throw new ProtobufError('the body does not begin with the protobuf magic k8s\\0')
  let apiVersion = ''
  let kind = ''
  let raw: Uint8Array = new Uint8Array()
  for (const [number, field] of fieldsOf(body.subarray(4))) {
    if (number === 1) {
      for (const [part, value] of fieldsOf(bytesOf(field))) {
        if (part === 1) apiVersion = textOf(value)
        if (part === 2) kind = textOf(value)
      }
    }
    if (number === 2) raw = bytesOf(field)
    if (number === 3 && textOf(field) !== '') {
      throw new ProtobufError(`content encoding ${JSON.stringify(textOf(field))} is not supported`)
    }
  }
  return { apiVersion, kind, raw }
}

/**
 * A message as the JSON that the Go type would give, by the message's OpenAPI name.
 * @throws {ProtobufError} when the bytes are not such a message
 */
export function decodeMessage(name: string, bytes: Uint8Array): unknown {
  const special = specials[name]
  if (special !== undefined) return special(bytes)
  const message = messages[name]
  if (message === undefined) throw new ProtobufError(`no protobuf description of ${name}`)
  const object: Record<string, unknown> = {}
  for (const [number, value] of fieldsOf(bytes)) {
    const field = message[number]
    if (field === undefined) continue
    const [json, kind, flags, values] = field
    if (json === '') {
      Object.assign(object, decodeMessage(kind.slice(1), bytesOf(value)))
    } else if (kind === 'map') {
      const [key, entry] = decodeEntry(values!, bytesOf(value))
      setOwn((object[json] ??= {}) as Record<string, unknown>, key, entry)
    } else if ((flags & 1) !== 0) {
      const list = (object[json] ??= []) as unknown[]
      if (isPacked(kind, value)) list.push(...unpack(kind, value))
      else list.push(decodeValue(kind, value))
    } else {
      const decoded = decodeValue(kind, value)
      const droppedZero = (flags & 2) === 0 && (flags & 4) !== 0 && isZero(decoded)
      if (!droppedZero) object[json] = decoded
    }
  }
  return object
}

function isZero(value: unknown): boolean {
  return value === '' || value === 0 || value === false
}

function decodeEntry(values: MapValue, bytes: Uint8Array): readonly [string, unknown] {
  let key = ''
  let value: unknown
  const repeated = typeof values !== 'string'
  for (const [number, field] of fieldsOf(bytes)) {
    if (number === 1) key = textOf(field)
    if (number === 2) value = repeated ? decodeRepeated(values.rep, bytesOf(field)) : decodeValue(values, field)
  }
  return [key, value ?? (repeated ? [] : emptyValue(values))]
}

/** A list as a map's value is a message with the elements under field 1. */
function decodeRepeated(kind: string, bytes: Uint8Array): unknown[] {
  return [...fieldsOf(bytes)].filter(([number]) => number === 1).map(([, field]) => decodeValue(kind, field))
}

function emptyValue(kind: string): unknown {
  if (kind.startsWith('@')) return decodeMessage(kind.slice(1), new Uint8Array())
  return kind === 'bool' ? false : kind === 'string' || kind === 'bytes' ? '' : 0
}

function decodeValue(kind: string, field: Field): unknown {
  if (kind.startsWith('@')) return decodeMessage(kind.slice(1), bytesOf(field))
  switch (kind) {
    case 'string':
      return textOf(field)
    case 'bytes':
      return base64(bytesOf(field))
    case 'bool':
      return numberOf(field) !== 0
    case 'int32':
      return numberOf(field) | 0
    case 'float64':
    case 'float':
      return floatOf(field)
    default:
      return numberOf(field)
  }
}

function isPacked(kind: string, field: Field): boolean {
  return field instanceof Uint8Array && kind !== 'string' && kind !== 'bytes' && !kind.startsWith('@')
}

function unpack(kind: string, field: Field): unknown[] {
  const reader = new Reader(bytesOf(field))
  const values: unknown[] = []
  while (!reader.done) values.push(decodeValue(kind, reader.varint()))
  return values
}

const machinery = 'io.k8s.apimachinery.pkg'
const extensions = 'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1'

/** Messages whose JSON is not an object with their fields. */
const specials: { readonly [name: string]: (bytes: Uint8Array) => unknown } = {
  [`${machinery}.apis.meta.v1.Time`]: (bytes) => timeText(bytes, (at) => `${at.toISOString().slice(0, 19)}Z`),
  [`${machinery}.apis.meta.v1.MicroTime`]: (bytes) =>
    timeText(bytes, (at, nanos) => {
      const micros = String(Math.floor(nanos / 1000)).padStart(6, '0')
      return `${at.toISOString().slice(0, 19)}.${micros}Z`
    }),
  [`${machinery}.apis.meta.v1.Duration`]: (bytes) => formatGoDuration(ms((one(bytes, 1, numberOf) ?? 0) / 1e6)),
  [`${machinery}.api.resource.Quantity`]: (bytes) => {
    const text = one(bytes, 1, textOf) ?? ''
    return text === '' ? '0' : text
  },
  [`${machinery}.util.intstr.IntOrString`]: (bytes) =>
    one(bytes, 1, numberOf) === 1 ? (one(bytes, 3, textOf) ?? '') : (one(bytes, 2, numberOf) ?? 0) | 0,
  [`${machinery}.runtime.RawExtension`]: rawJson,
  [`${machinery}.apis.meta.v1.FieldsV1`]: rawJson,
  [`${extensions}.JSON`]: rawJson,
  [`${extensions}.JSONSchemaPropsOrBool`]: (bytes) =>
    one(bytes, 2, schemaProps) ?? (one(bytes, 1, numberOf) ?? 0) !== 0,
  [`${extensions}.JSONSchemaPropsOrArray`]: (bytes) => one(bytes, 1, schemaProps) ?? all(bytes, 2, schemaProps),
  [`${extensions}.JSONSchemaPropsOrStringArray`]: (bytes) => one(bytes, 1, schemaProps) ?? all(bytes, 2, textOf),
}

function schemaProps(field: Field): unknown {
  return decodeMessage(`${extensions}.JSONSchemaProps`, bytesOf(field))
}

/** An empty message is Go's zero time: null in JSON. */
function timeText(bytes: Uint8Array, format: (at: Date, nanos: number) => string): string | null {
  const seconds = one(bytes, 1, numberOf)
  if (seconds === undefined) return null
  const at = new Date(seconds * 1000)
  if (Number.isNaN(at.getTime())) throw new ProtobufError(`time out of range: ${seconds} s`)
  return format(at, one(bytes, 2, numberOf) ?? 0)
}

function rawJson(bytes: Uint8Array): unknown {
  const text = one(bytes, 1, textOf)
  if (text === undefined || text === '') return null
  try {
    return parseJsonText(text)
  } catch {
    throw new ProtobufError(`raw JSON inside of the message is malformed: ${text.slice(0, 80)}`)
  }
}

/** The last occurrence of a field, as protobuf has it. */
function one<T>(bytes: Uint8Array, number: number, read: (field: Field) => T): T | undefined {
  return all(bytes, number, read).at(-1)
}

function all<T>(bytes: Uint8Array, number: number, read: (field: Field) => T): T[] {
  return [...fieldsOf(bytes)].filter(([found]) => found === number).map(([, field]) => read(field))
}

// --- the wire format itself ---

/** A varint as a signed number, or the bytes of everything that has a length or a fixed width. */
type Field = number | Uint8Array

function* fieldsOf(bytes: Uint8Array): Generator<readonly [number: number, field: Field]> {
  const reader = new Reader(bytes)
  while (!reader.done) {
    const tag = reader.varint()
    const number = tag >>> 3
    switch (tag & 7) {
      case 0:
        yield [number, reader.varint()]
        break
      case 1:
        yield [number, reader.take(8)]
        break
      case 2:
        yield [number, reader.take(reader.varint())]
        break
      case 5:
        yield [number, reader.take(4)]
        break
      default:
        throw new ProtobufError(`wire type ${tag & 7} is not supported`)
    }
  }
}

class Reader {
  readonly #bytes: Uint8Array
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  get done(): boolean {
    return this.#at >= this.#bytes.length
  }

  /** As a signed 64-bit number: exact up to 2^53. */
  varint(): number {
    let low = 0
    let value = 0n
    for (let i = 0; i < 10; i++) {
      const byte = this.#bytes[this.#at++]
      if (byte === undefined) throw new ProtobufError('unexpected end of the message')
      if (i < 4) low += (byte & 0x7f) * 2 ** (7 * i)
      else value |= BigInt(byte & 0x7f) << BigInt(7 * i)
      if (byte < 0x80) return i < 4 ? low : Number(BigInt.asIntN(64, value | BigInt(low)))
    }
    throw new ProtobufError('a number is longer than ten bytes')
  }

  take(length: number): Uint8Array {
    const end = this.#at + length
    if (length < 0 || end > this.#bytes.length) throw new ProtobufError('unexpected end of the message')
    const taken = this.#bytes.subarray(this.#at, end)
    this.#at = end
    return taken
  }
}

function numberOf(field: Field): number {
  if (typeof field !== 'number') throw new ProtobufError('a number was expected')
  return field
}

function bytesOf(field: Field): Uint8Array {
  if (typeof field === 'number') throw new ProtobufError('bytes were expected')
  return field
}

const utf8 = new TextDecoder()

function textOf(field: Field): string {
  return utf8.decode(bytesOf(field))
}

function floatOf(field: Field): number {
  const bytes = bytesOf(field)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return bytes.length === 4 ? view.getFloat32(0, true) : view.getFloat64(0, true)
}

function base64(bytes: Uint8Array): string {
  let text = ''
  for (let i = 0; i < bytes.length; i += 0x8000) text += String.fromCharCode(...bytes.subarray(i, i + 0x8000))
  return btoa(text)
}
