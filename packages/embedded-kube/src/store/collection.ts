import type { StoredObject } from '../object.ts'
import { EventRing } from './event-ring.ts'
import type { Filter } from './selection.ts'
import { Watchers } from './watchers.ts'

/** The objects of one resource, whatever the versions that serve it. */
export class Collection {
  /** `<group>/<plural>` of the storage. */
  readonly id: string
  readonly ring: EventRing
  readonly watchers: Watchers = new Watchers()
  readonly #namespaces = new Map<string, Bucket>()
  #namespaceOrder: string[] | undefined
  /** spec.nodeName → uid → pod. */
  readonly #byNode: Map<string, Map<string, StoredObject>> | undefined
  #size = 0
  /** Revision of the last commit; 0 before the first. */
  changedAt = 0

  /** `since`: the revision before which nothing is known of what happened. */
  constructor(
    id: string,
    options: { readonly ringCapacity: number; readonly indexNodes: boolean; readonly since: number },
  ) {
    this.id = id
    this.ring = new EventRing(options.ringCapacity, options.since)
    this.#byNode = options.indexNodes ? new Map() : undefined
  }

  get size(): number {
    return this.#size
  }

  sizeOf(namespace: string): number {
    return this.#namespaces.get(namespace)?.objects.size ?? 0
  }

  get(namespace: string, name: string): StoredObject | undefined {
    return this.#namespaces.get(namespace)?.objects.get(name)
  }

  /** Sets or, with `next` undefined, removes. */
  set(namespace: string, name: string, previous: StoredObject | undefined, next: StoredObject | undefined): void {
    let bucket = this.#namespaces.get(namespace)
    if (bucket === undefined) {
      bucket = new Bucket()
      this.#namespaces.set(namespace, bucket)
      this.#namespaceOrder = undefined
    }
    if (next === undefined) {
      bucket.objects.delete(name)
      if (bucket.objects.size === 0) {
        this.#namespaces.delete(namespace)
        this.#namespaceOrder = undefined
      }
    } else {
      if (previous === undefined) bucket.added.push(name)
      bucket.objects.set(name, next)
    }
    if (previous === undefined) this.#size++
    else if (next === undefined) this.#size--
    if (this.#byNode !== undefined) this.#indexNode(previous, next)
  }

  /** Matching objects in key order: by namespace, then name. */
  list(filter: Filter): StoredObject[] {
    const found: StoredObject[] = []
    if (filter.name !== undefined) {
      for (const namespace of filter.namespace === undefined ? this.#sortedNamespaces() : [filter.namespace]) {
        const object = this.get(namespace, filter.name)
        if (object !== undefined && filter.matches?.(object) !== false) found.push(object)
      }
      return found
    }
    if (filter.nodeName !== undefined && filter.nodeName !== '' && this.#byNode !== undefined) {
      for (const object of this.#byNode.get(filter.nodeName)?.values() ?? []) {
        if (filter.namespace !== undefined && object.metadata.namespace !== filter.namespace) continue
        if (filter.matches?.(object) !== false) found.push(object)
      }
      return found.sort((a, b) => (keyOrder(a) < keyOrder(b) ? -1 : 1))
    }
    for (const namespace of filter.namespace === undefined ? this.#sortedNamespaces() : [filter.namespace]) {
      this.#namespaces.get(namespace)?.collect(filter.matches, found)
    }
    return found
  }

  #sortedNamespaces(): readonly string[] {
    // Keys are compared whole, with the slash after the namespace, as etcd compares them.
    this.#namespaceOrder ??= [...this.#namespaces.keys()].sort((a, b) => (`${a}/` < `${b}/` ? -1 : 1))
    return this.#namespaceOrder
  }

  #indexNode(previous: StoredObject | undefined, next: StoredObject | undefined): void {
    const before = previous?.spec?.['nodeName'] as string | undefined
    const after = next?.spec?.['nodeName'] as string | undefined
    const uid = (next ?? previous)!.metadata.uid
    if (before !== undefined && before !== after) {
      const pods = this.#byNode!.get(before)
      pods?.delete(uid)
      if (pods?.size === 0) this.#byNode!.delete(before)
    }
    if (next === undefined || after === undefined) return
    const pods = this.#byNode!.get(after)
    if (pods === undefined) this.#byNode!.set(after, new Map([[uid, next]]))
    else pods.set(uid, next)
  }
}

function keyOrder(object: StoredObject): string {
  return `${object.metadata.namespace ?? ''}/${object.metadata.name}`
}

/** One namespace of a collection. Its order is kept lazily: names added since the last listing are merged in then. */
class Bucket {
  readonly objects = new Map<string, StoredObject>()
  readonly added: string[] = []
  #order: string[] = []

  collect(matches: Filter['matches'], into: StoredObject[]): void {
    for (const name of this.#sorted()) {
      const object = this.objects.get(name)!
      if (matches === undefined || matches(object)) into.push(object)
    }
  }

  #sorted(): readonly string[] {
    if (this.added.length === 0 && this.#order.length === this.objects.size) return this.#order
    this.added.sort()
    const merged: string[] = []
    let a = 0
    let b = 0
    while (a < this.#order.length || b < this.added.length) {
      const left = this.#order[a]
      const right = this.added[b]
      const name = right === undefined || (left !== undefined && left <= right) ? left! : right
      if (left === name) a++
      while (this.added[b] === name) b++
      if (this.objects.has(name)) merged.push(name)
    }
    this.added.length = 0
    this.#order = merged
    return merged
  }
}
