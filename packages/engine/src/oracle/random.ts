/** Equal seeds, equal draws (splitmix32). For tests: much faster than arbitraries, and small clusters need many draws. */
export class Draws {
  #state: number

  constructor(seed: number) {
    this.#state = seed | 0
  }

  /** 0 to `below` - 1. */
  below(below: number): number {
    this.#state = (this.#state + 0x9e3779b9) | 0
    let mixed = this.#state ^ (this.#state >>> 16)
    mixed = Math.imul(mixed, 0x21f0aaad)
    mixed ^= mixed >>> 15
    mixed = Math.imul(mixed, 0x735a2d97)
    return ((mixed ^ (mixed >>> 15)) >>> 0) % below
  }

  oneIn(n: number): boolean {
    return this.below(n) === 0
  }

  of<T>(...items: readonly T[]): T {
    return items[this.below(items.length)]!
  }

  some<T>(...items: readonly T[]): T[] {
    const chosen = items.filter(() => this.oneIn(2))
    return chosen.length > 0 ? chosen : [this.of(...items)]
  }

  list<T>(min: number, max: number, make: () => T): T[] {
    const items: T[] = []
    for (let n = min + this.below(max - min + 1); n > 0; n--) items.push(make())
    return items
  }
}
