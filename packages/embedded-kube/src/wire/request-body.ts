import { isMap, isSeq, isScalar, LineCounter, type Node } from 'yaml'
import { badRequest, failure } from '../errors.ts'
import { isFields, type Fields, type ObjectInput } from '../object.ts'
import type { FieldValidation, RequestContext } from '../request.ts'
import { jsonKind } from '../patch/json-patch.ts'
import { duplicateFields } from './duplicate-fields.ts'
import { parseMediaRanges } from './media-type.ts'
import { NestingError, parseJsonText } from './nesting.ts'
import { decodeMessage, isProtobuf, openEnvelope, ProtobufError } from './protobuf.ts'
import { parseYamlText, YamlError } from './yaml-text.ts'
import { decodeFields, TypeMismatch, unknownCustomFields } from './strict-fields.ts'

/** The type that a body is to be decoded into. */
export interface BodyType {
  readonly group: string
  readonly version: string
  readonly kind: string
  /** Undefined when the table does not describe the kind: its fields are then not checked. */
  readonly schemaName: string | undefined
  /** openAPIV3Schema of a custom resource; `custom` says whether it is one. */
  readonly custom: boolean
  readonly customSchema?: Fields | undefined
}

/** Kinds that come in every group's clothes (`v1` or `policy/v1` alike) and are meta/v1's. */
const optionKinds = new Set(['DeleteOptions', 'CreateOptions', 'UpdateOptions', 'PatchOptions', 'ListOptions'])
const metaPackage = 'io.k8s.apimachinery.pkg.apis.meta.v1'

/**
 * The object in the body of a write.
 * @throws {KubeError} unsupportedMediaType, or badRequest in the words of upstream's decoders
 */
export function decodeBody(
  context: RequestContext,
  type: BodyType,
  body: Uint8Array,
  contentType: string | undefined,
  validation: FieldValidation,
): ObjectInput {
  if (isProtobuf(body) && !type.custom) return decodeProtobuf(type, body)
  const { value, problems } = parseText(type, body, contentType)
  if (!isFields(value)) throw unrecognised(type, `couldn't get version/kind; json parse error: not an object`, body)
  checkKind(type, value)
  return decodeObject(context, type, value, validation, problems)
}

/**
 * An already parsed object as its type holds it: what it does not know falls away, and is told of or refused.
 * `refuse` words the refusal.
 */
export function decodeObject(
  context: RequestContext,
  type: BodyType,
  value: Fields,
  validation: FieldValidation,
  problemsBefore: readonly string[] = [],
  refuse: (why: string) => Error = (why) => cannotBeHandled(type, why),
): ObjectInput {
  const { object, unknown } = known(type, value, refuse)
  const problems = [...problemsBefore, ...unknown]
  if (problems.length > 0) {
    if (validation === 'Strict') throw refuse(`strict decoding error: ${problems.join(', ')}`)
    if (validation === 'Warn') context.warnings.push(...problems)
  }
  return object as ObjectInput
}

function known(
  type: BodyType,
  value: Fields,
  refuse: (why: string) => Error,
): { readonly object: Fields; readonly unknown: readonly string[] } {
  try {
    if (type.custom) return { object: value, unknown: unknownCustomFields(type.customSchema, value) }
    if (type.schemaName === undefined) return { object: value, unknown: [] }
    const decoded = decodeFields(type.schemaName, value)
    return { object: decoded.value, unknown: decoded.problems }
  } catch (error) {
    if (error instanceof TypeMismatch) throw refuse(error.message)
    throw error
  }
}

function decodeProtobuf(type: BodyType, body: Uint8Array): ObjectInput {
  try {
    const envelope = openEnvelope(body)
    if (envelope.kind !== type.kind && !optionKinds.has(type.kind)) {
      throw badRequest(wrongKind({ apiVersion: envelope.apiVersion, kind: envelope.kind }, type))
    }
    const name = optionKinds.has(type.kind) ? `${metaPackage}.${type.kind}` : type.schemaName
    if (name === undefined) throw unsupportedBody()
    const object = decodeMessage(name, envelope.raw) as Fields
    return { ...object, apiVersion: envelope.apiVersion, kind: envelope.kind }
  } catch (error) {
    if (error instanceof ProtobufError) throw unrecognised(type, error.message, body)
    throw error
  }
}

interface ParsedText {
  readonly value: unknown
  readonly problems: readonly string[]
}

function parseText(type: BodyType, body: Uint8Array, contentType: string | undefined): ParsedText {
  const text = new TextDecoder().decode(body)
  switch (mediaTypeOf(contentType)) {
    case 'application/json':
      try {
        return { value: parseJsonText(text), problems: duplicates(text) }
      } catch (error) {
        throw unrecognised(
          type,
          `couldn't get version/kind; json parse error: ${jsonProblem(text, error as Error)}`,
          body,
        )
      }
    case 'application/yaml':
      return parseYaml(type, text, body)
    default:
      throw unsupportedBody()
  }
}

function duplicates(json: string): string[] {
  return duplicateFields(json).map((path) => `duplicate field ${JSON.stringify(path)}`)
}

/** The media type alone; JSON when there is none. */
export function mediaTypeOf(contentType: string | undefined): string {
  return parseMediaRanges(contentType ?? '')[0]?.type ?? 'application/json'
}

function parseYaml(type: BodyType, text: string, body: Uint8Array): ParsedText {
  const lines = new LineCounter()
  try {
    const { value, contents } = parseYamlText(text, lines)
    const problems: string[] = []
    collectDuplicateKeys(contents, lines, problems)
    return { value, problems }
  } catch (error) {
    if (!(error instanceof YamlError)) throw error
    throw unrecognised(type, `error converting YAML to JSON: yaml: ${error.message}`, body)
  }
}

function collectDuplicateKeys(node: Node | null | undefined, lines: LineCounter, problems: string[]): void {
  if (isSeq(node)) for (const item of node.items) collectDuplicateKeys(item as Node | null, lines, problems)
  if (!isMap(node)) return
  const seen = new Set<string>()
  for (const { key, value } of node.items) {
    const name = isScalar(key) ? String(key.value) : String(key)
    if (seen.has(name)) {
      const { line } = lines.linePos((key as Node).range?.[0] ?? 0)
      problems.push(`yaml: unmarshal errors:\n  line ${line}: key ${JSON.stringify(name)} already set in map`)
    }
    seen.add(name)
    collectDuplicateKeys(value as Node | null, lines, problems)
  }
}

/** An apply configuration, as YAML or JSON. @throws {KubeError} badRequest */
export function parseApply(context: RequestContext, body: Uint8Array, validation: FieldValidation): unknown {
  const { value, problems } = parseLoosely(new TextDecoder().decode(body))
  if (value !== null && !isFields(value)) {
    const into = 'into Go value of type map[string]interface {}'
    throw badRequest(
      `error decoding YAML: error unmarshaling JSON: while decoding JSON: json: cannot unmarshal ${jsonKind(value)} ${into}`,
    )
  }
  const [problem] = problems
  if (problem !== undefined && validation === 'Strict') {
    throw badRequest(`error strict decoding YAML: error converting YAML to JSON: ${problem}`)
  }
  if (problem !== undefined && validation === 'Warn') {
    context.warnings.push(`error strict decoding YAML: error converting YAML to JSON: ${problem}`)
  }
  return value
}

function parseLoosely(text: string): ParsedText {
  try {
    // Clients that apply send JSON under YAML's name, and the one is read many times faster than the other.
    const value = parseJsonText(text)
    if (duplicateFields(text).length === 0) return { value, problems: [] }
  } catch (error) {
    // Else it is YAML, or wrong as either.
    if (error instanceof NestingError) {
      throw badRequest(`error decoding YAML: error converting YAML to JSON: yaml: ${error.message}`)
    }
  }
  const lines = new LineCounter()
  try {
    const { value, contents } = parseYamlText(text, lines)
    const problems: string[] = []
    collectDuplicateKeys(contents, lines, problems)
    return { value, problems }
  } catch (error) {
    if (!(error instanceof YamlError)) throw error
    throw badRequest(`error decoding YAML: error converting YAML to JSON: yaml: ${error.message}`)
  }
}

/** What JSON says twice, told as upstream tells it. */
export function duplicatesIn(body: Uint8Array): readonly string[] {
  return duplicates(new TextDecoder().decode(body))
}

/** The value of a JSON text. @throws {KubeError} badRequest */
export function parseJson(body: Uint8Array, prefix: string): unknown {
  const text = new TextDecoder().decode(body)
  try {
    return parseJsonText(text)
  } catch (error) {
    throw badRequest(`${prefix}${jsonProblem(text, error as Error)}`)
  }
}

/** What is wrong with a JSON text, in the words of Go's decoder. */
function jsonProblem(text: string, error: Error): string {
  const { message } = error
  if (error instanceof NestingError) return message
  const at = Number(/at position (\d+)/.exec(message)?.[1] ?? text.length)
  const found = text[at]
  if (found === undefined) return 'unexpected end of JSON input'
  return `invalid character ${found === "'" ? `'\\''` : `'${found}'`} looking for beginning of value`
}

function checkKind(type: BodyType, value: Fields): void {
  const { apiVersion, kind } = value
  if (optionKinds.has(type.kind)) return
  const expected = apiVersionOf(type)
  if (typeof kind === 'string' && kind !== '' && kind !== type.kind) {
    throw badRequest(wrongKind({ apiVersion: typeof apiVersion === 'string' ? apiVersion : expected, kind }, type))
  }
  if (typeof apiVersion === 'string' && apiVersion !== '' && apiVersion !== expected) {
    throw badRequest(
      `the API version in the data (${apiVersion}) does not match the expected API version (${expected})`,
    )
  }
}

function wrongKind(found: { readonly apiVersion: string; readonly kind: string }, type: BodyType): string {
  const version = found.apiVersion.split('/').at(-1)!
  return `${found.kind} in version ${JSON.stringify(version)} cannot be handled as a ${type.kind}: the kind in the data does not match the kind expected`
}

function apiVersionOf(type: BodyType): string {
  return type.group === '' ? type.version : `${type.group}/${type.version}`
}

function cannotBeHandled(type: BodyType, why: string): Error {
  return badRequest(
    `${type.kind} in version ${JSON.stringify(type.version)} cannot be handled as a ${type.kind}: ${why}`,
  )
}

function unrecognised(type: BodyType, why: string, body: Uint8Array): Error {
  const start = Array.from(body.subarray(0, 15), (byte) => byte.toString(16).padStart(2, '0')).join('')
  const summary = body.length === 0 ? 'empty' : `${start}${body.length > 15 ? ' ...' : ''}`
  return badRequest(`the object provided is unrecognized (must be of type ${type.kind}): ${why} (${summary})`)
}

export function unsupportedBody(
  accepted = 'application/json, application/yaml, application/vnd.kubernetes.protobuf',
): Error {
  return failure(
    'unsupportedMediaType',
    `the body of the request was in an unknown format - accepted media types include: ${accepted}`,
  )
}
