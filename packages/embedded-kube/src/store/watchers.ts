import type { StoredObject } from '../object.ts'
import type { StoreEvent, StoreListener } from './event-ring.ts'
import type { Filter } from './selection.ts'

export interface StoreWatcher {
  /** Events up to here are part of what the watcher was given at its start. */
  readonly since: number
  listener: StoreListener | undefined
}

/** What a watcher's filter fixes: it need not hear of anything else. */
type Fixed = Pick<Filter, 'namespace' | 'name' | 'nodeName'>

interface Entry {
  readonly watcher: StoreWatcher
  readonly order: number
}

/**
 * Who listens to a collection, found by what they can be interested in: a kubelet for each node, or a client for each
 * name, costs an event nothing unless it is theirs. What they fix is no promise: they look at the event themselves.
 */
export class Watchers {
  readonly #everything = new Set<Entry>()
  readonly #byNamespace = new Map<string, Set<Entry>>()
  readonly #byName = new Map<string, Set<Entry>>()
  readonly #byNode = new Map<string, Set<Entry>>()
  #added = 0

  /** Returns what takes the watcher away again. */
  add(watcher: StoreWatcher, { name, nodeName, namespace }: Fixed): () => void {
    const entry: Entry = { watcher, order: this.#added++ }
    const [index, key] =
      nodeName !== undefined
        ? [this.#byNode, nodeName]
        : name !== undefined
          ? [this.#byName, name]
          : namespace !== undefined
            ? [this.#byNamespace, namespace]
            : [undefined, '']
    if (index === undefined) {
      this.#everything.add(entry)
      return () => this.#everything.delete(entry)
    }
    const entries = index.get(key) ?? new Set()
    index.set(key, entries.add(entry))
    return () => {
      entries.delete(entry)
      if (entries.size === 0 && index.get(key) === entries) index.delete(key)
    }
  }

  /** Those whom the event may concern, in the order in which they came. */
  of({ object, previous }: StoreEvent): Iterable<StoreWatcher> {
    const { name, namespace } = object.metadata
    const node = nodeOf(object)
    const left = previous === undefined ? node : nodeOf(previous)
    const groups = [
      this.#everything,
      this.#byNamespace.get(namespace ?? ''),
      this.#byName.get(name),
      this.#byNode.get(node),
      left === node ? undefined : this.#byNode.get(left),
    ].filter((group) => group !== undefined && group.size > 0) as Set<Entry>[]
    const entries = groups.flatMap((group) => [...group])
    if (groups.length > 1) entries.sort((a, b) => a.order - b.order)
    return entries.map((entry) => entry.watcher)
  }
}

function nodeOf(object: StoredObject): string {
  const name = object.spec?.['nodeName']
  return typeof name === 'string' ? name : ''
}
