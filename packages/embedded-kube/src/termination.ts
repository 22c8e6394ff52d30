// Namespaces and CRDs outlive what is in them: first the contents go, then they do
// (kubernetes/kubernetes:pkg/controller/namespace/deletion, kubernetes/apiextensions-apiserver:pkg/controller/finalizer).
import type { Ms, ObjectKey } from '@plimsoll/model'
import { namespaceFinalizers } from './admission/namespaces.ts'
import { terminationConditions, type Remains } from './admission/namespace-conditions.ts'
import { cleanupFinalizer } from './crd/definition.ts'
import type { StoredObject } from './object.ts'
import type { Registry, ResourceInfo } from './registry.ts'
import type { Collection } from './store/collection.ts'
import type { StoreEvent } from './store/event-ring.ts'
import type { Store } from './store/store.ts'

export interface Removals {
  /** Begins the deletion of one object; what is gone already is no error. */
  remove(info: ResourceInfo, key: ObjectKey): void
  now(): Ms
}

/** With more left than this, what is left is told once and not at each step. */
const toldMax = 100

export class Termination {
  readonly #store: Store
  readonly #registry: Registry
  readonly #removals: Removals
  /** What each terminating namespace waits for: first its pods go, then all else. */
  readonly #namespaces = new Map<string, 'pods' | 'rest'>()
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
      this.#namespaces.set(name, 'pods')
      for (const info of this.#contents()) if (isPods(info)) this.#removeFrom(info, name)
    }
    this.#endNamespace(name)
  }

  #removeFrom(info: ResourceInfo, namespace: string): void {
    const collection = this.#store.collection(info.storage.group, info.plural)
    if (collection.sizeOf(namespace) > 0) this.#removeAll(collection, info, namespace)
  }

  #endNamespace(name: string): void {
    if (this.#namespaces.get(name) === 'pods') {
      if (this.#store.collection('', 'pods').sizeOf(name) > 0) {
        this.#tell(name, [])
        return
      }
      this.#namespaces.set(name, 'rest')
      for (const info of this.#contents()) if (!isPods(info)) this.#removeFrom(info, name)
      const remains = this.#remains(name)
      if (remains.length > 0) this.#tell(name, remains)
    }
    let left = 0
    for (const collection of this.#store.collections()) left += collection.sizeOf(name)
    if (left > toldMax) return
    if (left > 0) this.#tell(name, this.#remains(name))
    else this.#finalize(name)
  }

  /** What is left is only what others hold by finalizers. */
  #remains(namespace: string): Remains[] {
    const remains: Remains[] = []
    for (const collection of this.#store.collections()) {
      if (collection.sizeOf(namespace) === 0) continue
      const objects = collection.list({ namespace, matches: undefined, name: undefined, nodeName: undefined })
      const [group = '', plural = ''] = collection.id.split('/')
      remains.push({ resource: `${plural}.${group}`, finalizers: objects.map((o) => o.metadata.finalizers ?? []) })
    }
    return remains
  }

  #tell(name: string, remains: readonly Remains[]): void {
    const collection = this.#store.collection('', 'namespaces')
    const namespace = collection.get('', name)
    if (namespace === undefined) return
    const told = terminationConditions(namespace.status?.['conditions'], remains, this.#removals.now())
    if (told === undefined) return
    const status = { ...namespace.status, conditions: told }
    this.#store.put({ collection, namespace: '', name }, namespace, { ...namespace, status } as StoredObject)
  }

  /** The contents are gone: the namespace's own finalizer goes, and with the last of the others the namespace. */
  #finalize(name: string): void {
    const collection = this.#store.collection('', 'namespaces')
    const namespace = collection.get('', name)
    if (namespace === undefined) {
      this.#namespaces.delete(name)
      return
    }
    const place = { collection, namespace: '', name }
    const finalizers = namespaceFinalizers(namespace).filter((finalizer) => finalizer !== 'kubernetes')
    if (finalizers.length === 0 && (namespace.metadata.finalizers?.length ?? 0) === 0) {
      this.#namespaces.delete(name)
      this.#store.remove(place, namespace)
    } else if (finalizers.length < namespaceFinalizers(namespace).length) {
      const told = terminationConditions(namespace.status?.['conditions'], [], this.#removals.now())
      const status = told === undefined ? namespace.status : { ...namespace.status, conditions: told }
      const spec = finalizers.length === 0 ? {} : { finalizers }
      this.#store.put(place, namespace, { ...namespace, spec, status } as StoredObject)
    }
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

function isPods(info: ResourceInfo): boolean {
  return info.storage.group === '' && info.plural === 'pods'
}
