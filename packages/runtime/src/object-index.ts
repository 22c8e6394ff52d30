import { keyOf, keyText, type KubeObject } from '@plimsoll/model'

export type IndexFunction<T> = (object: T) => readonly string[]

interface Bucket<T> {
  readonly members: Map<string, T>
  /** In key order; undefined after a change. */
  sorted: readonly T[] | undefined
}

interface Entry<T> {
  readonly key: string
  object: T
  /** In the list handed out last; -1 when it is not in it, `gone` when it was removed. */
  position: number
}

const gone = -2

/** Objects by key and by what indexes say of them. What it hands out never changes afterwards. */
export class ObjectIndex<T extends KubeObject> {
  readonly #entries = new Map<string, Entry<T>>()
  readonly #indexes: ReadonlyMap<
    string,
    { readonly values: IndexFunction<T>; readonly buckets: Map<string, Bucket<T>> }
  >
  /** As handed out last, in key order, with its entries beside it. */
  #items: readonly T[] = []
  #order: Entry<T>[] = []
  /** What has changed since. */
  #added: Entry<T>[] = []
  #replaced: Entry<T>[] = []
  #removed = false

  constructor(indexes: { readonly [name: string]: IndexFunction<T> }) {
    this.#indexes = new Map(Object.entries(indexes).map(([name, values]) => [name, { values, buckets: new Map() }]))
  }

  get size(): number {
    return this.#entries.size
  }

  keys(): Iterable<string> {
    return this.#entries.keys()
  }

  get(key: string): T | undefined {
    return this.#entries.get(key)?.object
  }

  /** Puts the object in its place; answers the one that was there. */
  put(object: T): T | undefined {
    const key = keyText(keyOf(object))
    const entry = this.#entries.get(key)
    const old = entry?.object
    if (entry === undefined) {
      const added = { key, object, position: -1 }
      this.#entries.set(key, added)
      this.#added.push(added)
    } else {
      entry.object = object
      if (entry.position >= 0) this.#replaced.push(entry)
    }
    this.#reindex(key, old, object)
    return old
  }

  remove(key: string): T | undefined {
    const entry = this.#entries.get(key)
    if (entry === undefined) return undefined
    this.#entries.delete(key)
    entry.position = gone
    this.#removed = true
    this.#reindex(key, entry.object, undefined)
    return entry.object
  }

  /** All, in key order. Nothing to do until the next change, and little when objects were only replaced. */
  items(): readonly T[] {
    if (this.#removed || this.#added.length > 0) {
      const added = this.#added.filter((entry) => entry.position !== gone).sort(byKey)
      // Two sorted runs are merged in linear time by the engine's own sort.
      this.#order = [...this.#order.filter((entry) => entry.position !== gone), ...added].sort(byKey)
      for (const [position, entry] of this.#order.entries()) entry.position = position
      this.#items = this.#order.map((entry) => entry.object)
    } else if (this.#replaced.length > 0) {
      const items = this.#items.slice()
      for (const entry of this.#replaced) items[entry.position] = entry.object
      this.#items = items
    }
    this.#added = []
    this.#replaced = []
    this.#removed = false
    return this.#items
  }

  /** Those for which the index says `value`, in key order. */
  byIndex(name: string, value: string): readonly T[] {
    const index = this.#indexes.get(name)
    if (index === undefined) throw new RangeError(`no index ${name}: there are ${[...this.#indexes.keys()].join(', ')}`)
    const bucket = index.buckets.get(value)
    if (bucket === undefined) return []
    bucket.sorted ??= [...bucket.members.keys()].sort().map((key) => bucket.members.get(key)!)
    return bucket.sorted
  }

  #reindex(key: string, old: T | undefined, object: T | undefined): void {
    for (const { values, buckets } of this.#indexes.values()) {
      const now = object === undefined ? [] : values(object)
      for (const value of old === undefined ? [] : values(old)) {
        if (now.includes(value)) continue
        const bucket = buckets.get(value)!
        bucket.members.delete(key)
        bucket.sorted = undefined
        if (bucket.members.size === 0) buckets.delete(value)
      }
      for (const value of now) {
        let bucket = buckets.get(value)
        if (bucket === undefined) buckets.set(value, (bucket = { members: new Map(), sorted: undefined }))
        bucket.members.set(key, object!)
        bucket.sorted = undefined
      }
    }
  }
}

function byKey(a: { readonly key: string }, b: { readonly key: string }): number {
  return a.key < b.key ? -1 : a.key > b.key ? 1 : 0
}
