// The store seen through the registry: where the objects of a resource are, and in which version they are served.
import type { ObjectKey } from '@plimsoll/model'
import { notFound } from './errors.ts'
import { toServed } from './kinds/conversions.ts'
import type { StoredObject } from './object.ts'
import type { Registry } from './registry.ts'
import type { ResourceInfo } from './resource-info.ts'
import type { Collection } from './store/collection.ts'
import type { Store, StoreKey } from './store/store.ts'

export class StoredObjects {
  readonly store: Store
  readonly registry: Registry

  constructor(store: Store, registry: Registry) {
    this.store = store
    this.registry = registry
  }

  collection(info: ResourceInfo): Collection {
    return this.store.collection(info.storage.group, info.plural)
  }

  place(info: ResourceInfo, key: ObjectKey): StoreKey {
    return {
      collection: this.collection(info),
      namespace: info.namespaced ? (key.namespace ?? '') : '',
      name: key.name,
    }
  }

  get(info: ResourceInfo, key: ObjectKey): StoredObject | undefined {
    return this.collection(info).get(info.namespaced ? (key.namespace ?? '') : '', key.name)
  }

  /** As it is stored. @throws {KubeError} notFound */
  find(info: ResourceInfo, key: ObjectKey): StoredObject {
    const found = this.get(info, key)
    if (found === undefined) throw notFound(info, key.name)
    return found
  }

  /** A stored object in the version asked for. */
  serve(info: ResourceInfo, object: StoredObject): StoredObject {
    return isStorage(info) ? object : toServed(info, object)
  }

  /** Where objects are that name `uid` as an owner. */
  dependents(uid: string): readonly { readonly info: ResourceInfo; readonly key: ObjectKey }[] {
    return this.store.dependents(uid).flatMap(({ collection, namespace, name }) => {
      const info = this.#infoOf(collection.id)
      return info === undefined ? [] : [{ info, key: namespace === '' ? { name } : { namespace, name } }]
    })
  }

  #infoOf(collectionId: string): ResourceInfo | undefined {
    return this.registry
      .resources()
      .find((info) => `${info.storage.group}/${info.plural}` === collectionId && info.storage.group === info.group)
  }
}

/** Whether objects are served as they are stored. */
export function isStorage(info: ResourceInfo): boolean {
  return info.storage.version === info.version && info.storage.group === info.group
}
