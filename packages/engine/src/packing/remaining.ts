/**
 * Numbers from 0 that are struck off one by one and never come back; finds the next one left, around, in next to no time
 * (a union-find whose roots are the numbers that are left).
 */
export class Remaining {
  /** For a struck number, one further on; numbers beyond the end are all left. */
  #next = new Int32Array(16)
  #known = 0

  /** The first number left from `from` on; it may lie beyond all that count. */
  from(from: number): number {
    const next = this.#next
    let at = from
    while (at < this.#known && next[at] !== at) {
      const further = next[at]!
      // Shortens the way for whoever comes next.
      if (further < this.#known) next[at] = next[further]!
      at = further
    }
    return at
  }

  /** The first number left below `count`, beginning at `start` and around; -1 when there is none. */
  around(start: number, count: number): number {
    const ahead = this.from(start)
    if (ahead < count) return ahead
    const behind = this.from(0)
    return behind < start && behind < count ? behind : -1
  }

  strike(number: number): void {
    if (number >= this.#known) this.#extend(number + 1)
    this.#next[number] = number + 1
  }

  #extend(known: number): void {
    if (known > this.#next.length) {
      const longer = new Int32Array(Math.max(known, 2 * this.#next.length))
      longer.set(this.#next)
      this.#next = longer
    }
    for (let i = this.#known; i < known; i++) this.#next[i] = i
    this.#known = known
  }
}
