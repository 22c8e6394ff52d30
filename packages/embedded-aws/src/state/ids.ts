import { hex, uuid, type Random } from '@plimsoll/ports'

/** The names that AWS gives, from one seeded stream. */
export class Ids {
  readonly #random: Random

  constructor(random: Random) {
    this.#random = random
  }

  /** `i-0123456789abcdef0`: the prefix and 17 hexadecimal digits, the first of them 0 as AWS's are. */
  resource(prefix: string): string {
    return `${prefix}-0${hex(this.#random, 16)}`
  }

  hex(length: number): string {
    return hex(this.#random, length)
  }

  uuid(): string {
    return uuid(this.#random)
  }

  below(below: number): number {
    return this.#random.below(below)
  }
}
