import type { Fields } from '../object.ts'
import type { Conversion } from './conversion.ts'

/** What a CRD says about one of its versions. */
export interface CustomVersion {
  /** Name of the CustomResourceDefinition. */
  readonly definition: string
  /** spec.versions[].schema.openAPIV3Schema. */
  readonly schema: Fields | undefined
  /** spec.versions[].additionalPrinterColumns, as written. */
  readonly columns: readonly Fields[]
  /** jsonPaths of spec.versions[].selectableFields, without the leading dot. */
  readonly selectableFields: readonly string[]
  readonly statusSubresource: boolean
  /** Paths without the leading dot. */
  readonly scale:
    | { readonly specReplicas: string; readonly statusReplicas: string; readonly labelSelector: string | undefined }
    | undefined
  /** Whether objects keep fields that the schema does not know (spec.preserveUnknownFields). */
  readonly preserveUnknownFields: boolean
  /** How objects of other versions become objects of this one; undefined when only their apiVersion differs. */
  readonly conversion: Conversion | undefined
}
