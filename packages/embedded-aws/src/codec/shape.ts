import type { NormalizedSchema } from '@smithy/core/schema'

/**
 * A Smithy schema of the SDK, compiled for the walks of the codec: what a value is, and what it is called on each wire.
 * Compiled lazily, because schemas refer to each other in circles and a service has thousands.
 */
export type Shape =
  | { readonly kind: 'string' | 'number' | 'bigNumber' | 'boolean' | 'blob' | 'document' | 'unit' }
  | { readonly kind: 'timestamp'; readonly format: TimestampFormat | undefined }
  | ListShape
  | MapShape
  | StructShape

/** As in the schemas' type codes: 5 date-time, 6 http-date, 7 epoch seconds; undefined: the protocol's own. */
export type TimestampFormat = 'date-time' | 'http-date' | 'epoch'

export interface ListShape {
  readonly kind: 'list'
  readonly flattened: boolean
  /** The element of one item, unless flattened: `item`, `member`. */
  readonly itemName: string
  readonly item: () => Shape
}

export interface MapShape {
  readonly kind: 'map'
  readonly flattened: boolean
  readonly keyName: string
  readonly valueName: string
  readonly value: () => Shape
}

export interface StructShape {
  readonly kind: 'struct'
  readonly name: string
  readonly members: () => readonly Member[]
}

export interface Member {
  readonly name: string
  readonly shape: Shape
  readonly isRequired: boolean
  /** In the form of an EC2 request. */
  readonly ec2Name: string
  /** In other query forms and in XML. */
  readonly xmlName: string
  readonly jsonName: string
  /** Where REST puts it. */
  readonly http:
    | { readonly in: 'body' | 'label' | 'payload' | 'status' | 'queryMap' }
    | { readonly in: 'query' | 'header'; readonly name: string }
}

type StaticStruct = readonly [number, string, string, unknown, readonly string[], readonly unknown[], number?]

const structs = new WeakMap<object, StructShape>()

export function compileShape(schema: NormalizedSchema): Shape {
  if (schema.isUnitSchema()) return { kind: 'unit' }
  if (schema.isStructSchema()) return compileStruct(schema)
  const traits = schema.getMergedTraits() as { readonly xmlFlattened?: unknown }
  const flattened = Boolean(traits.xmlFlattened)
  if (schema.isListSchema()) {
    const value = schema.getValueSchema()
    return {
      kind: 'list',
      flattened,
      itemName: nameOf(value) ?? 'member',
      item: once(() => compileShape(value)),
    }
  }
  if (schema.isMapSchema()) {
    const value = schema.getValueSchema()
    return {
      kind: 'map',
      flattened,
      keyName: nameOf(schema.getKeySchema()) ?? 'key',
      valueName: nameOf(value) ?? 'value',
      value: once(() => compileShape(value)),
    }
  }
  return compileScalar(schema)
}

function compileScalar(schema: NormalizedSchema): Shape {
  if (schema.isBlobSchema()) return { kind: 'blob' }
  if (schema.isBooleanSchema()) return { kind: 'boolean' }
  if (schema.isNumericSchema()) return { kind: 'number' }
  if (schema.isBigIntegerSchema() || schema.isBigDecimalSchema()) return { kind: 'bigNumber' }
  if (schema.isDocumentSchema()) return { kind: 'document' }
  if (schema.isTimestampSchema()) {
    const formats: { readonly [code: number]: TimestampFormat } = { 5: 'date-time', 6: 'http-date', 7: 'epoch' }
    return { kind: 'timestamp', format: formats[schema.getSchema() as number] }
  }
  return { kind: 'string' }
}

function compileStruct(schema: NormalizedSchema): StructShape {
  const source = schema.getSchema() as unknown as StaticStruct
  let struct = structs.get(source)
  if (struct === undefined) {
    const requiredCount = source[6] ?? 0
    struct = {
      kind: 'struct',
      name: source[2],
      members: once(() =>
        [...schema.structIterator()].map(([name, member], index) => compileMember(name, member, index < requiredCount)),
      ),
    }
    structs.set(source, struct)
  }
  return struct
}

function compileMember(name: string, schema: NormalizedSchema, isRequired: boolean): Member {
  const own = schema.getMemberTraits() as {
    readonly xmlName?: string
    readonly ec2QueryName?: string
    readonly jsonName?: string
    readonly httpLabel?: unknown
    readonly httpPayload?: unknown
    readonly httpResponseCode?: unknown
    readonly httpQueryParams?: unknown
    readonly httpQuery?: string
    readonly httpHeader?: string
  }
  const xmlName = own.xmlName ?? name
  return {
    name,
    shape: compileShape(schema),
    isRequired,
    ec2Name: own.ec2QueryName ?? xmlName[0]!.toUpperCase() + xmlName.slice(1),
    xmlName,
    jsonName: own.jsonName ?? name,
    http:
      own.httpQuery !== undefined
        ? { in: 'query', name: own.httpQuery }
        : own.httpHeader !== undefined
          ? { in: 'header', name: own.httpHeader.toLowerCase() }
          : {
              in: own.httpLabel
                ? 'label'
                : own.httpPayload
                  ? 'payload'
                  : own.httpResponseCode
                    ? 'status'
                    : own.httpQueryParams
                      ? 'queryMap'
                      : 'body',
            },
  }
}

function nameOf(schema: NormalizedSchema): string | undefined {
  return (schema.getMergedTraits() as { readonly xmlName?: string }).xmlName
}

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined
  return () => (made ??= { value: make() }).value
}
