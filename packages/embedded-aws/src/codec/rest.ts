import { CodecError, formatTimestamp, parseBoolean, parseNumber, parseTimestamp } from './scalar.ts'
import { decodeJson, encodeJson } from './json.ts'
import type { Member, Shape } from './shape.ts'

/** A request's parts, as REST binds them. */
export interface RestRequest {
  /** Values of the path's labels, decoded. */
  readonly labels: { readonly [label: string]: string }
  readonly query: URLSearchParams
  /** Lower-case names. */
  readonly headers: { readonly [name: string]: string | string[] | undefined }
  readonly body: unknown
}

export interface RestResponse {
  readonly headers: { readonly [name: string]: string }
  readonly body: unknown
}

/** `/clusters/{name}/node-groups` against a path; undefined when they do not match. `{name+}` takes the rest of it. */
export function matchPath(pattern: string, path: string): { readonly [label: string]: string } | undefined {
  const wanted = pattern.split('?')[0]!.split('/').filter(Boolean)
  const given = path.split('/').filter(Boolean)
  const labels: { [label: string]: string } = {}
  for (const [index, part] of wanted.entries()) {
    const label = /^\{(.+?)(\+?)\}$/.exec(part)
    const rest = given.slice(index)
    if (rest.length === 0) return undefined
    if (label === null) {
      if (rest[0] !== part) return undefined
    } else if (label[2] === '+') {
      labels[label[1]!] = rest.map(decodeURIComponent).join('/')
      return labels
    } else {
      labels[label[1]!] = decodeURIComponent(rest[0]!)
    }
  }
  return wanted.length === given.length ? labels : undefined
}

/** @throws {CodecError} */
export function decodeRest(shape: Shape, request: RestRequest): object {
  if (shape.kind !== 'struct') return {}
  const members = shape.members()
  const payload = members.find((member) => member.http.in === 'payload')
  const body = payload === undefined ? (request.body ?? {}) : {}
  const inBody = members.some((member) => member.http.in === 'body')
  const output = { ...((inBody ? decodeJson(shape, body, '', 'rest') : {}) as { [member: string]: unknown }) }
  for (const member of members) {
    if (member.http.in === 'body') continue
    const value = decodeBound(member, request)
    if (value !== undefined) output[member.name] = value
    else if (member.isRequired) throw new CodecError('missing', member.name)
  }
  return output
}

function decodeBound(member: Member, request: RestRequest): unknown {
  const { http, shape, name } = member
  switch (http.in) {
    case 'label':
      return fromText(shape, request.labels[name], name)
    case 'query': {
      const values = request.query.getAll(http.name)
      if (values.length === 0) return undefined
      return shape.kind === 'list'
        ? values.map((value) => fromText(shape.item(), value, name))
        : fromText(shape, values[0], name)
    }
    case 'queryMap':
      return Object.fromEntries(request.query)
    case 'header': {
      const value = request.headers[http.name]
      return fromText(shape, Array.isArray(value) ? value.join(', ') : value, name)
    }
    case 'payload':
      return decodeJson(shape, request.body, name, 'rest')
    case 'status':
    case 'body':
      return undefined
  }
}

function fromText(shape: Shape, text: string | undefined, name: string): unknown {
  if (text === undefined) return undefined
  if (shape.kind === 'number') return parseNumber(text, name)
  if (shape.kind === 'boolean') return parseBoolean(text, name)
  if (shape.kind === 'timestamp') return parseTimestamp(text, name)
  return text
}

export function encodeRest(shape: Shape, value: object): RestResponse {
  if (shape.kind !== 'struct') return { headers: {}, body: {} }
  const record = value as { readonly [member: string]: unknown }
  const headers: { [name: string]: string } = {}
  let payload: { readonly value: unknown } | undefined
  for (const member of shape.members()) {
    const inner = record[member.name]
    if (inner === undefined || inner === null) continue
    if (member.http.in === 'header')
      headers[member.http.name] =
        inner instanceof Date ? formatTimestamp(inner, 'http-date') : String(inner as string | number | boolean)
    if (member.http.in === 'payload') payload = { value: encodeJson(member.shape, inner, 'rest') }
  }
  return { headers, body: payload === undefined ? encodeJson(shape, value, 'rest') : payload.value }
}
