// Sets of requirements by number. A pass meets few different sets and asks the same of them again and again, so that
// merging two is a look-up. The hostname is kept out: it differs from host to host and is looked at apart.
import {
  compatible,
  labelKeys,
  Requirements,
  type Incompatibility,
  type LabelRegistry,
  type Requirement,
} from '@plimsoll/model'

/** No node that meets the one can meet the other, however it is narrowed further. */
export const refusedForGood = -1
/** They do not meet; narrowing the existing set may yet change that, for it may come to name the key. */
const refusedForNow = -2

export class RequirementSets {
  readonly registry: LabelRegistry
  readonly #numbers = new Map<string, number>()
  readonly #sets: Requirements[] = []
  readonly #merged: Map<number, number>[] = []
  readonly #admitted: Map<number, boolean>[] = []
  readonly #pins = new Map<string, Map<string, number>>()
  readonly none: number

  constructor(registry: LabelRegistry) {
    this.registry = registry
    this.none = this.number(Requirements.none)
  }

  /** The number of the set without its hostname. */
  number(set: Requirements): number {
    const bare = set.without(labelKeys.hostname)
    let text = ''
    for (const one of bare) text += requirementKey(one)
    let found = this.#numbers.get(text)
    if (found === undefined) {
      found = this.#sets.length
      this.#numbers.set(text, found)
      this.#sets.push(bare)
      this.#merged.push(new Map())
      this.#admitted.push(new Map())
    }
    return found
  }

  get(number: number): Requirements {
    return this.#sets[number]!
  }

  get size(): number {
    return this.#sets.length
  }

  /** All keys that any set names. */
  keys(): Set<string> {
    const keys = new Set<string>()
    for (const set of this.#sets) for (const { key } of set) keys.add(key)
    return keys
  }

  /** A new node that meets `existing` made to meet `incoming` too: the set's number, or one of the refusals. */
  merge(existing: number, incoming: number): number {
    if (incoming === this.none) return existing
    const row = this.#merged[existing]!
    let result = row.get(incoming)
    if (result === undefined) {
      const problems = this.problems(existing, incoming)
      result = problems === undefined ? this.number(this.get(existing).and(this.get(incoming))) : refusal(problems)
      row.set(incoming, result)
    }
    return result
  }

  problems(existing: number, incoming: number): readonly Incompatibility[] | undefined {
    return compatible(this.get(existing), this.get(incoming), this.registry.wellKnown)
  }

  /** Whether a node with these labels meets `incoming`; labels that it lacks are not made up. */
  admits(labels: number, incoming: number): boolean {
    if (incoming === this.none) return true
    const row = this.#admitted[labels]!
    let result = row.get(incoming)
    if (result === undefined) {
      result = compatible(this.get(labels), this.get(incoming)) === undefined
      row.set(incoming, result)
    }
    return result
  }

  /** The set that says only: the key has one of these values, which are sorted. */
  oneOf(key: string, values: readonly string[]): number {
    let ofKey = this.#pins.get(key)
    if (ofKey === undefined) this.#pins.set(key, (ofKey = new Map()))
    const text = values.length === 1 ? values[0]! : values.join('\n')
    let found = ofKey.get(text)
    if (found === undefined) {
      const only = { key, complement: false, values, gte: undefined, lte: undefined, minValues: undefined }
      found = this.number(Requirements.of(only))
      ofKey.set(text, found)
    }
    return found
  }
}

/** Equal texts, equal requirements. */
export function requirementKey(one: Requirement): string {
  return `${one.key}\u0001${one.complement ? '!' : '='}${one.values.join('\u0002')}\u0001${one.gte ?? ''}\u0001${one.lte ?? ''}\u0001${one.minValues ?? ''}\u0003`
}

function refusal(problems: readonly Incompatibility[]): number {
  // A list of values only gets shorter: what it does not meet now it never will.
  const forGood = problems.some(
    (problem) => problem.kind === 'disjoint' && !problem.existing.complement && problem.existing.values.length > 0,
  )
  return forGood ? refusedForGood : refusedForNow
}
