import { CodecError, decodeBase64, encodeBase64, formatTimestamp, parseTimestamp } from './scalar.ts'
import type { Member, Shape } from './shape.ts'

/** REST names members by their JSON names; the RPC protocol by their own. */
export type JsonDialect = 'rest' | 'rpc'

function jsonNameOf(member: Member, dialect: JsonDialect): string {
  return dialect === 'rest' ? member.jsonName : member.name
}

/** A value of the SDK's kind out of parsed JSON. @throws {CodecError} */
export function decodeJson(shape: Shape, json: unknown, path: string, dialect: JsonDialect): unknown {
  if (json === null || json === undefined) return undefined
  const refuse = (): never => {
    throw new CodecError('malformed', path, JSON.stringify(json))
  }
  switch (shape.kind) {
    case 'struct': {
      if (typeof json !== 'object' || Array.isArray(json)) return refuse()
      const output: { [member: string]: unknown } = {}
      for (const member of shape.members()) {
        if (dialect === 'rest' && member.http.in !== 'body') continue
        const name = jsonNameOf(member, dialect)
        const at = path === '' ? name : `${path}.${name}`
        const value = decodeJson(member.shape, (json as { [name: string]: unknown })[name], at, dialect)
        if (value !== undefined) output[member.name] = value
        else if (member.isRequired) throw new CodecError('missing', at)
      }
      return output
    }
    case 'list':
      if (!Array.isArray(json)) return refuse()
      return json.map((item, index) => decodeJson(shape.item(), item, `${path}.${index + 1}`, dialect))
    case 'map':
      if (typeof json !== 'object' || Array.isArray(json)) return refuse()
      return Object.fromEntries(
        Object.entries(json).map(([key, value]) => [key, decodeJson(shape.value(), value, `${path}.${key}`, dialect)]),
      )
    case 'string':
      return typeof json === 'string' ? json : refuse()
    case 'boolean':
      return typeof json === 'boolean' ? json : refuse()
    case 'number':
      if (typeof json === 'number') return json
      return json === 'NaN' || json === 'Infinity' || json === '-Infinity' ? Number(json) : refuse()
    case 'timestamp':
      return typeof json === 'number' || typeof json === 'string' ? parseTimestamp(json, path) : refuse()
    case 'blob':
      return typeof json === 'string' ? decodeBase64(json, path) : refuse()
    case 'bigNumber':
    case 'document':
      return json
    case 'unit':
      return {}
  }
}

/** The value as JSON.stringify is to print it. */
export function encodeJson(shape: Shape, value: unknown, dialect: JsonDialect): unknown {
  switch (shape.kind) {
    case 'struct': {
      const record = value as { readonly [member: string]: unknown }
      const json: { [name: string]: unknown } = {}
      for (const member of shape.members()) {
        const inner = record[member.name]
        if (inner === undefined || inner === null) continue
        if (dialect === 'rest' && member.http.in !== 'body') continue
        json[jsonNameOf(member, dialect)] = encodeJson(member.shape, inner, dialect)
      }
      return json
    }
    case 'list':
      return (value as readonly unknown[]).map((item) => encodeJson(shape.item(), item, dialect))
    case 'map':
      return Object.fromEntries(
        Object.entries(value as object)
          .filter(([, inner]) => inner !== undefined && inner !== null)
          .map(([key, inner]) => [key, encodeJson(shape.value(), inner, dialect)]),
      )
    case 'timestamp':
      if (shape.format !== undefined && shape.format !== 'epoch') return formatTimestamp(value as Date, shape.format)
      return (value as Date).getTime() / 1000
    case 'blob':
      return encodeBase64(value)
    case 'number':
      return Number.isFinite(value) ? value : String(value)
    case 'string':
    case 'bigNumber':
    case 'boolean':
    case 'document':
      return value
    case 'unit':
      return {}
  }
}
