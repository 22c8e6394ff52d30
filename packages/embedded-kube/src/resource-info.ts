import type { CustomVersion } from './crd/custom-version.ts'

/** What is served under `<resource>/<name>/<subresource>`. */
export interface SubresourceInfo {
  readonly name: string
  /** Group, version and kind of the bodies. */
  readonly group: string
  readonly version: string
  readonly kind: string
  readonly verbs: readonly string[]
}

/** One served version of a resource. */
export interface ResourceInfo {
  /** Empty for the core group. */
  readonly group: string
  readonly version: string
  readonly plural: string
  readonly singular: string
  readonly kind: string
  readonly listKind: string
  readonly namespaced: boolean
  readonly shortNames: readonly string[]
  readonly categories: readonly string[]
  readonly verbs: readonly string[]
  readonly subresources: ReadonlyMap<string, SubresourceInfo>
  /** OpenAPI name in the schema table; undefined for custom resources and for kinds that the table lacks. */
  readonly schemaName: string | undefined
  /** Where the objects are kept: several versions, or groups, may share one storage. */
  readonly storage: { readonly group: string; readonly version: string }
  /** Schema, columns and paths of a custom resource. */
  readonly custom: CustomVersion | undefined
}
