// The store seen through the registry: where the objects of a resource are, and in which version they are served.
import { apiVersionOf, type ObjectKey } from '@plimsoll/model'
import { notFound } from './errors.ts'
import { toServed } from './kinds/conversions.ts'
import { withField, type StoredObject } from './object.ts'
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
    return isStorage(info) && info.custom === undefined ? object : toServed(info, object)
  }

  /** Several in the version asked for. */
  serveAll(info: ResourceInfo, objects: readonly StoredObject[]): readonly StoredObject[] {
    if (isStorage(info) && info.custom === undefined) return objects
    // What a webhook must convert it is asked once.
    info.custom?.conversion?.convertAll(objects, apiVersionOf(info))
    return objects.map((object) => toServed(info, object))
  }

  /** An object of the version that a request brought, as it is stored. */
  forStorage(info: ResourceInfo, object: StoredObject): StoredObject {
    if (info.custom === undefined) return object
    const apiVersion = apiVersionOf(info.storage)
    return info.custom.conversion?.convert(object, apiVersion) ?? withField(object, 'apiVersion', apiVersion)
  }

  /** What a write works on: the object as it is stored, or where versions differ as the request sees it. */
  workedOn(info: ResourceInfo, object: StoredObject): StoredObject {
    return info.custom?.conversion === undefined ? object : this.serve(info, object)
  }

  /** What a write answers; `written` is what it made of the object. */
  answer(info: ResourceInfo, written: StoredObject, stored: StoredObject): StoredObject {
    return info.custom?.conversion === undefined ? this.serve(info, stored) : { ...written, metadata: stored.metadata }
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
function isStorage(info: ResourceInfo): boolean {
  return info.storage.version === info.version && info.storage.group === info.group
}
