// Claims by how many pods they have, fewest first, and in each bucket in the order in which they were planned.
import { HostSet } from './bits.ts'

class Bucket {
  readonly hosts = new HostSet()
  size = 0
  lowWord = 0
  highWord = -1
  previous = 0
  next = 0
}

/** A linked list of the buckets that are not empty; bucket 0 is its head and holds nobody. */
export class Buckets {
  readonly #buckets: Bucket[] = [new Bucket()]

  /** The lowest count that a claim has; 0: there is none. */
  get first(): number {
    return this.#buckets[0]!.next
  }

  next(count: number): number {
    return this.#buckets[count]!.next
  }

  hosts(count: number): Uint32Array {
    return this.#buckets[count]!.hosts.words
  }

  lowWord(count: number): number {
    return this.#buckets[count]!.lowWord
  }

  highWord(count: number): number {
    return this.#buckets[count]!.highWord
  }

  /** The host had `count` pods and has one more. */
  move(host: number, count: number): void {
    const target = (this.#buckets[count + 1] ??= new Bucket())
    if (target.size === 0) this.#link(count, count + 1)
    const word = host >>> 5
    if (target.size === 0 || word < target.lowWord) target.lowWord = word
    if (target.size === 0 || word > target.highWord) target.highWord = word
    target.size++
    target.hosts.add(host)
    if (count === 0) return
    const source = this.#buckets[count]!
    source.hosts.remove(host)
    if (--source.size > 0) return
    this.#buckets[source.previous]!.next = source.next
    if (source.next !== 0) this.#buckets[source.next]!.previous = source.previous
  }

  /** Puts `count` after `before`, which is in the list. */
  #link(before: number, count: number): void {
    const previous = this.#buckets[before]!
    const bucket = this.#buckets[count]!
    bucket.previous = before
    bucket.next = previous.next
    if (previous.next !== 0) this.#buckets[previous.next]!.previous = count
    previous.next = count
  }
}
