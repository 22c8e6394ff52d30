// Namespaces and CRDs outlive what is in them: first the contents go, then they do
// (kubernetes/kubernetes:pkg/controller/namespace/deletion, kubernetes/apiextensions-apiserver:pkg/controller/finalizer).
import type { ObjectKey } from '@plimsoll/model'
import { namespaceFinalizers } from './admission/namespaces.ts'
import { cleanupFinalizer } from './crd/definition.ts'
import type { Registry, ResourceInfo } from './registry.ts'
import type { Collection } from './store/collection.ts'
import type { StoreEvent } from './store/event-ring.ts'
import type { Store } from './store/store.ts'

export interface Removals {
  /** Begins the deletion of one object; what is gone already is no error. */
  remove(info: ResourceInfo, key: ObjectKey): void
}

export class Termination {
  readonly #store: Store
  readonly #registry: Registry
  readonly #removals: Removals
  readonly #namespaces = new Set<string>()
  /** Collection → name of the CRD that waits for it to be empty. */
  readonly #definitions = new Map<string, string>()

  constructor(store: Store, registry: Registry, removals: Removals) {
    this.#store = store
    this.#registry = registry
    this.#removals = removals
  }

  onCommit(collection: Collection, event: StoreEvent): void {
    const { metadata } = event.object
    if (event.type !== 'DELETED') {
      if (metadata.deletionTimestamp === undefined) return
      if (collection.id === '/namespaces') this.#beginNamespace(metadata.name)
      if (collection.id === 'apiextensions.k8s.io/customresourcedefinitions') this.#beginDefinition(event)
      return
    }
    if (metadata.namespace !== undefined && this.#namespaces.has(metadata.namespace)) {
      this.#endNamespace(metadata.namespace)
    }
    if (this.#definitions.has(collection.id)) this.#endDefinition(collection)
  }

  #beginNamespace(name: string): void {
    if (!this.#namespaces.has(name)) {
      this.#namespaces.add(name)
      for (const info of this.#contents()) {
        const collection = this.#store.collection(info.storage.group, info.plural)
        if (collection.sizeOf(name) > 0) this.#removeAll(collection, info, name)
      }
    }
    this.#endNamespace(name)
  }

  #endNamespace(name: string): void {
    for (const collection of this.#store.collections()) if (collection.sizeOf(name) > 0) return
    const collection = this.#store.collection('', 'namespaces')
    const namespace = collection.get('', name)
    if (namespace === undefined) {
      this.#namespaces.delete(name)
      return
    }
    const finalizers = namespaceFinalizers(namespace).filter((finalizer) => finalizer !== 'kubernetes')
    if (finalizers.length > 0 || (namespace.metadata.finalizers?.length ?? 0) > 0) return
    this.#namespaces.delete(name)
    this.#store.remove({ collection, namespace: '', name }, namespace)
  }

  /** Each namespaced resource once, whatever the versions that serve it. */
  #contents(): ResourceInfo[] {
    const seen = new Set<string>()
    return this.#registry.resources().filter((info) => {
      const id = `${info.storage.group}/${info.plural}`
      if (!info.namespaced || !info.verbs.includes('delete') || seen.has(id)) return false
      seen.add(id)
      return true
    })
  }

  #removeAll(collection: Collection, info: ResourceInfo, namespace: string | undefined): void {
    for (const object of collection.list({ namespace, matches: undefined, name: undefined, nodeName: undefined })) {
      this.#removals.remove(info, { namespace: object.metadata.namespace, name: object.metadata.name })
    }
  }

  #beginDefinition(event: StoreEvent): void {
    const { group, names } = event.object.spec as {
      readonly group: string
      readonly names: { readonly plural: string }
    }
    const collection = this.#store.collection(group, names.plural)
    if (!this.#definitions.has(collection.id)) {
      this.#definitions.set(collection.id, event.object.metadata.name)
      const info = this.#registry.resources().find((i) => i.group === group && i.plural === names.plural)
      if (info !== undefined) this.#removeAll(collection, info, undefined)
    }
    this.#endDefinition(collection)
  }

  #endDefinition(collection: Collection): void {
    if (collection.size > 0) return
    const name = this.#definitions.get(collection.id)!
    this.#definitions.delete(collection.id)
    const definitions = this.#store.collection('apiextensions.k8s.io', 'customresourcedefinitions')
    const definition = definitions.get('', name)
    if (definition === undefined) return
    const place = { collection: definitions, namespace: '', name }
    const others = definition.metadata.finalizers?.filter((finalizer) => finalizer !== cleanupFinalizer) ?? []
    if (others.length === 0) this.#store.remove(place, definition)
    else {
      this.#store.put(place, definition, { ...definition, metadata: { ...definition.metadata, finalizers: others } })
    }
  }
}
