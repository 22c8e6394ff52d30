import { setOwn } from '@plimsoll/model'
import type { Fields, StoredObject } from '../object.ts'

/**
 * Pods of one template share its parts when they are made; read from text each has its own. This finds what is equal
 * again, so that a cluster that was started again needs no more memory than before.
 */
export class SharedParts {
  readonly #known = new Map<string, object>()

  /** The object with the parts that an earlier one had as well. */
  of(object: StoredObject): StoredObject {
    const { metadata, spec } = object
    if (spec === undefined) return object
    return {
      ...object,
      metadata: {
        ...metadata,
        ...(metadata.labels === undefined ? {} : { labels: this.#one(metadata.labels) }),
        ...(metadata.ownerReferences === undefined ? {} : { ownerReferences: this.#one(metadata.ownerReferences) }),
        ...(metadata.managedFields === undefined ? {} : { managedFields: this.#one(metadata.managedFields) }),
      },
      spec: this.#fields(spec),
    }
  }

  #fields(fields: Fields): Fields {
    const shared: Record<string, unknown> = {}
    for (const name in fields) {
      const value = fields[name]
      setOwn(shared, name, typeof value === 'object' && value !== null ? this.#one(value) : value)
    }
    return shared
  }

  #one<T extends object>(value: T): T {
    const text = JSON.stringify(value)
    const known = this.#known.get(text)
    if (known !== undefined) return known as T
    this.#known.set(text, value)
    return value
  }
}
