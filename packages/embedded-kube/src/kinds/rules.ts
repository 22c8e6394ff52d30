import type { Ms } from '@plimsoll/model'
import type { FieldError } from '../errors.ts'
import type { StoredObject } from '../object.ts'

/** What one kind asks of writes beyond what all kinds have in common. Every function returns its input when nothing changes. */
export interface KindRules {
  /** PUT without a resourceVersion overwrites whatever is there. */
  readonly unconditionalUpdate: boolean
  /** metadata.generation counts changes of anything but metadata and status. */
  readonly generation: boolean
  /** A created object keeps the status it came with. */
  readonly statusOnCreate: boolean
  /** Writes of the status may change labels and annotations as well, or annotations alone. */
  readonly metadataWithStatus: boolean | 'annotations'
  /** What is deleted lingers for a grace period. */
  readonly graceful: boolean
  /** PUT makes what is not there. */
  readonly createdByUpdate: boolean
  /** A deletion answers with the object rather than a Status. */
  readonly returnsDeleted: boolean
  /** Whether dependents are orphaned when a deletion does not say. */
  readonly orphanByDefault: boolean
  /** The form of metadata.name. */
  readonly names: 'subdomain' | 'label' | 'label1035' | 'path'
  defaults?(object: StoredObject, at: Ms): StoredObject
  validate?(object: StoredObject): readonly FieldError[]
  /** Immutable fields. */
  validateUpdate?(object: StoredObject, old: StoredObject): readonly FieldError[]
}

const common: KindRules = {
  unconditionalUpdate: true,
  generation: false,
  statusOnCreate: false,
  metadataWithStatus: false,
  graceful: false,
  createdByUpdate: false,
  returnsDeleted: false,
  orphanByDefault: false,
  names: 'subdomain',
}

export function kindRules(rules: Partial<KindRules>): KindRules {
  return { ...common, ...rules }
}
