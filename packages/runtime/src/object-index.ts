import { keyOf, keyText, type KubeObject } from '@plimsoll/model'

export type IndexFunction<T> = (object: T) => readonly string[]

interface Bucket<T> {
  readonly members: Map<string, T>
  /** In key order; undefined after a change. */
  sorted: readonly T[] | undefined
}

/** Objects by key and by what indexes say of them. What it hands out never changes afterwards. */
export class ObjectIndex<T extends KubeObject> {
  readonly #objects = new Map<string, T>()
  readonly #indexes: ReadonlyMap<
    string,
    { readonly values: IndexFunction<T>; readonly buckets: Map<string, Bucket<T>> }
  >
  #order: string[] = []
  readonly #added = new Set<string>()
  #removed = false
  #items: readonly T[] | undefined

  constructor(indexes: { readonly [name: string]: IndexFunction<T> }) {
    this.#indexes = new Map(Object.entries(indexes).map(([name, values]) => [name, { values, buckets: new Map() }]))
  }

  get size(): number {
    return this.#objects.size
  }

  keys(): Iterable<string> {
    return this.#objects.keys()
  }

  get(key: string): T | undefined {
    return this.#objects.get(key)
  }

  /** Puts the object in its place; answers the one that was there. */
  put(object: T): T | undefined {
    const key = keyText(keyOf(object))
    const old = this.#objects.get(key)
    if (old === undefined) this.#added.add(key)
    this.#objects.set(key, object)
    this.#items = undefined
    this.#reindex(key, old, object)
    return old
  }

  remove(key: string): T | undefined {
    const old = this.#objects.get(key)
    if (old === undefined) return undefined
    this.#objects.delete(key)
    if (!this.#added.delete(key)) this.#removed = true
    this.#items = undefined
    this.#reindex(key, old, undefined)
    return old
  }

  /** All, in key order; O(1) until the next change. */
  items(): readonly T[] {
    if (this.#items === undefined) {
      if (this.#removed || this.#added.size > 0) {
        // Two sorted runs are merged in linear time by the engine's own sort.
        const kept = this.#order.filter((key) => this.#objects.has(key) && !this.#added.has(key))
        this.#order = [...kept, ...[...this.#added].sort()].sort()
        this.#added.clear()
        this.#removed = false
      }
      this.#items = this.#order.map((key) => this.#objects.get(key)!)
    }
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
