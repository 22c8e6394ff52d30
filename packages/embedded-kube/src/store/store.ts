import type { OwnerReference } from '@plimsoll/model'
import type { Journal, Subscription } from '@plimsoll/ports'
import { expired, resourceVersionTooLarge } from '../errors.ts'
import type { StoredObject } from '../object.ts'
import { Collection } from './collection.ts'
import type { StoreEvent, StoreListener } from './event-ring.ts'
import { keyOf, placeOf, revisionKey, storePrefix } from './journal-key.ts'
import type { Filter } from './selection.ts'
import { SharedParts } from './shared-parts.ts'
import type { StoreWatcher } from './watchers.ts'

/** Where an object is kept. */
export interface StoreKey {
  readonly collection: Collection
  /** Empty for cluster-scoped objects. */
  readonly namespace: string
  readonly name: string
}

export interface StoreOptions {
  /** Events kept per resource, so that a watch can continue from an older version. */
  readonly ringCapacity: number
  readonly podRingCapacity: number
  /** Where every commit is noted, and what the store begins with. */
  readonly journal?: Journal | undefined
}

/**
 * All objects, under one revision that every write raises by one and stamps on the object. Objects are never changed
 * in place. Listeners hear of a commit after it, in commit order; what they write in turn is queued behind.
 */
export class Store {
  #revision = 1
  /** What happened up to here is not known: it was in the life of another process. */
  #since = 0
  readonly #options: StoreOptions
  readonly #collections = new Map<string, Collection>()
  readonly #dependents = new Map<string, Map<string, StoreKey>>()
  readonly #queue: { readonly collection: Collection; readonly event: StoreEvent }[] = []
  #draining = false
  /** Hears every event of every collection, before the collection's own watchers. */
  onCommit: ((collection: Collection, event: StoreEvent) => void) | undefined

  constructor(options: StoreOptions) {
    this.#options = options
    if (options.journal !== undefined) this.#open(options.journal)
  }

  get revision(): number {
    return this.#revision
  }

  collection(group: string, plural: string): Collection {
    const id = `${group}/${plural}`
    let collection = this.#collections.get(id)
    if (collection === undefined) {
      const pods = id === '/pods'
      collection = new Collection(id, {
        ringCapacity: pods ? this.#options.podRingCapacity : this.#options.ringCapacity,
        indexNodes: pods,
        since: this.#since,
      })
      this.#collections.set(id, collection)
    }
    return collection
  }

  collections(): Iterable<Collection> {
    return this.#collections.values()
  }

  /** Commits `next` over `previous` and returns it as stored, with its new resourceVersion. */
  put(key: StoreKey, previous: StoredObject, next: StoredObject): StoredObject {
    const revision = ++this.#revision
    const stored: StoredObject = { ...next, metadata: { ...next.metadata, resourceVersion: String(revision) } }
    key.collection.set(key.namespace, key.name, previous, stored)
    this.#indexOwners(key, previous, stored)
    this.#publish(key.collection, {
      revision,
      type: 'MODIFIED',
      object: stored,
      previous,
    })
    return stored
  }

  /**
   * Commits an object that was made for this and is known to nobody yet: its version is stamped in place, which spares
   * two copies for every object created.
   */
  add(key: StoreKey, made: StoredObject): StoredObject {
    const revision = ++this.#revision
    ;(made.metadata as { resourceVersion: string }).resourceVersion = String(revision)
    key.collection.set(key.namespace, key.name, undefined, made)
    this.#indexOwners(key, undefined, made)
    this.#publish(key.collection, { revision, type: 'ADDED', object: made, previous: undefined })
    return made
  }

  /** Removes; returns the last state, `last` if the removing write changed it, stamped with the version of the removal. */
  remove(key: StoreKey, previous: StoredObject, last: StoredObject = previous): StoredObject {
    const revision = ++this.#revision
    const stored: StoredObject = { ...last, metadata: { ...last.metadata, resourceVersion: String(revision) } }
    key.collection.set(key.namespace, key.name, previous, undefined)
    this.#indexOwners(key, previous, undefined)
    this.#publish(key.collection, { revision, type: 'DELETED', object: stored, previous })
    return stored
  }

  /** Listens from now on. What the filter fixes spares calls; the listener looks at the event all the same. */
  listen(collection: Collection, filter: Filter, listener: StoreListener): Subscription {
    return this.#add(collection, filter, { since: this.#revision, listener })
  }

  /**
   * Listens to everything after `revision`, what already happened first.
   * @throws {KubeError} gone when events after it were forgotten, timeout when it is not reached yet
   */
  listenSince(collection: Collection, filter: Filter, revision: number, listener: StoreListener): Subscription {
    if (revision > this.#revision) throw resourceVersionTooLarge(revision, this.#revision)
    const oldest = collection.ring.dropped
    if (revision < oldest) throw expired(`too old resource version: ${revision} (${oldest})`)
    const watcher: StoreWatcher = { since: this.#revision, listener }
    const missed = collection.ring.since(revision)
    const subscription = this.#add(collection, filter, watcher)
    for (const event of missed) watcher.listener?.(event)
    return subscription
  }

  /** Where objects are that name `uid` as an owner, in the order in which they first did. */
  dependents(uid: string): StoreKey[] {
    return [...(this.#dependents.get(uid)?.values() ?? [])]
  }

  /** Takes over what was kept, and keeps what comes. */
  #open(journal: Journal): void {
    let noted = 0
    for (const { value } of journal.entries(revisionKey)) noted = (value as { readonly revision: number }).revision
    if (noted > 0) this.#revision = this.#since = noted
    const pods = new SharedParts()
    for (const { key, value } of journal.entries(storePrefix)) {
      const { group, plural } = placeOf(key)
      const isPod = group === '' && plural === 'pods'
      const object = isPod ? pods.of(value as StoredObject) : (value as StoredObject)
      const { namespace = '', name } = object.metadata
      const collection = this.collection(group, plural)
      collection.set(namespace, name, undefined, object)
      collection.changedAt = Math.max(collection.changedAt, Number(object.metadata.resourceVersion))
      this.#indexOwners({ collection, namespace, name }, undefined, object)
    }
    journal.beforeClose(() => {
      if (noted === this.#revision) return
      noted = this.#revision
      journal.put(revisionKey, { revision: noted })
    })
  }

  #add(collection: Collection, filter: Filter, watcher: StoreWatcher): Subscription {
    const remove = collection.watchers.add(watcher, filter)
    return {
      stop: () => {
        watcher.listener = undefined
        remove()
      },
    }
  }

  #publish(collection: Collection, event: StoreEvent): void {
    collection.changedAt = event.revision
    collection.ring.push(event)
    this.#options.journal?.put(
      keyOf(collection.id, event.object.metadata),
      event.type === 'DELETED' ? undefined : event.object,
    )
    this.#queue.push({ collection, event })
    if (this.#draining) return
    this.#draining = true
    try {
      for (let i = 0; i < this.#queue.length; i++) {
        const { collection: changed, event: due } = this.#queue[i]!
        this.onCommit?.(changed, due)
        for (const watcher of changed.watchers.of(due)) if (watcher.since < due.revision) watcher.listener?.(due)
      }
    } finally {
      this.#queue.length = 0
      this.#draining = false
    }
  }

  #indexOwners(key: StoreKey, previous: StoredObject | undefined, next: StoredObject | undefined): void {
    const before = previous?.metadata.ownerReferences
    const after = next?.metadata.ownerReferences
    if (before === after) return
    const id = `${key.collection.id}/${key.namespace}/${key.name}`
    for (const owner of before ?? []) if (!owns(after, owner.uid)) this.#forget(owner.uid, id)
    for (const owner of after ?? []) {
      let keys = this.#dependents.get(owner.uid)
      if (keys === undefined) this.#dependents.set(owner.uid, (keys = new Map()))
      keys.set(id, key)
    }
  }

  #forget(uid: string, id: string): void {
    const keys = this.#dependents.get(uid)
    keys?.delete(id)
    if (keys?.size === 0) this.#dependents.delete(uid)
  }
}

function owns(owners: readonly OwnerReference[] | undefined, uid: string): boolean {
  return owners?.some((owner) => owner.uid === uid) ?? false
}
