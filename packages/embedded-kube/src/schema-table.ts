// The table of facts about the built-in kinds (names, types, list keys), as generated.
import table from './schema/kubernetes.generated.json' with { type: 'json' }

/** A node of the schema: OpenAPI v3 with bare names as references. */
export interface Schema {
  readonly type?: string
  readonly format?: string
  readonly $ref?: string
  readonly properties?: { readonly [field: string]: Schema }
  readonly additionalProperties?: Schema
  readonly items?: Schema
  readonly required?: readonly string[]
  readonly enum?: readonly string[]
  readonly default?: unknown
  readonly 'x-kubernetes-list-type'?: 'atomic' | 'map' | 'set'
  readonly 'x-kubernetes-list-map-keys'?: readonly string[]
  readonly 'x-kubernetes-map-type'?: 'atomic' | 'granular'
  readonly 'x-kubernetes-patch-strategy'?: string
  readonly 'x-kubernetes-patch-merge-key'?: string
  readonly 'x-kubernetes-int-or-string'?: boolean
  readonly 'x-kubernetes-preserve-unknown-fields'?: boolean
  readonly 'x-kubernetes-embedded-resource'?: boolean
}

const schemas = table.schemas as unknown as { readonly [name: string]: Schema }

export function schemaNamed(name: string): Schema | undefined {
  return schemas[name]
}

/** The schema that a reference stands for, with what is said beside the reference kept. */
export function resolveSchema(schema: Schema): Schema {
  return schema.$ref === undefined ? schema : (schemas[schema.$ref] ?? {})
}
