// How much of each resource the rows of a universe have to give to pods, once their daemons are on them.
import { hasBit, setBit } from './bits.ts'

/** Rows by their room in one dimension, the most first. */
interface Order {
  readonly rows: Uint32Array
  readonly amounts: Float64Array
  /** At k: the first k rows as a set. */
  readonly firsts: (Uint32Array | undefined)[]
}

const nothing = new Uint32Array(0)

export class RowRoom {
  readonly #room: readonly Float64Array[]
  readonly #words: number
  /** Rows that have nothing too little: the others fit nobody. */
  readonly #sound: readonly number[]
  readonly #orders: (Order | undefined)[] = []

  constructor(room: readonly Float64Array[], words: number) {
    this.#room = room
    this.#words = words
    this.#sound = room.flatMap((amounts, r) => (amounts.every((amount) => amount >= 0) ? [r] : []))
  }

  of(row: number): Float64Array {
    return this.#room[row]!
  }

  /** Rows with at least `amount`; an empty array for none. */
  withRoom(dimension: number, amount: number): Uint32Array {
    const { rows, amounts, firsts } = this.#order(dimension)
    let low = 0
    let high = amounts.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (amounts[middle]! >= amount) low = middle + 1
      else high = middle
    }
    if (low === 0) return nothing
    let found = firsts[low]
    if (found === undefined) {
      found = new Uint32Array(this.#words)
      for (let i = 0; i < low; i++) setBit(found, rows[i]!)
      firsts[low] = found
    }
    return found
  }

  /** The most that any of the rows has; 0 for none. */
  most(dimension: number, among: Uint32Array): number {
    const { rows, amounts } = this.#order(dimension)
    for (let i = 0; i < rows.length; i++) if (hasBit(among, rows[i]!)) return amounts[i]!
    return 0
  }

  #order(dimension: number): Order {
    let found = this.#orders[dimension]
    if (found === undefined) {
      const amountOf = (row: number): number => this.#room[row]![dimension] ?? 0
      const rows = Uint32Array.from(this.#sound).sort((a, b) => amountOf(b) - amountOf(a))
      const amounts = Float64Array.from(rows, amountOf)
      found = { rows, amounts, firsts: Array.from({ length: rows.length + 1 }, () => undefined) }
      this.#orders[dimension] = found
    }
    return found
  }
}
