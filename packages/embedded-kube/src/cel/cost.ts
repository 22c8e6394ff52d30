// What functions cost: of what they were given, and of what they may be given (kubernetes/apiserver:pkg/cel/library/cost.go,
// google/cel-go:checker/cost.go, interpreter/runtimecost.go). The unit is about 50 ns of cel-go's time.
import { typeText, type CelType } from './type.ts'
import { CelList, CelMap, sizeOf, type Value } from './values.ts'

/** Between how much and how much; `most` means without bound. */
export interface Range {
  readonly min: number
  readonly max: number
}

/** The largest uint64, which is as far as cel-go counts. */
export const most: number = 2 ** 64

export const unknownSize: Range = { min: 0, max: most }
const traversal = 0.1
const regexLength = 0.25

export const baseCosts = { list: 10, map: 30, struct: 40 } as const

function capped(value: number): number {
  return value < most ? value : most
}
export function fixed(value: number): Range {
  return { min: value, max: value }
}
export function plus(a: Range, b: Range): Range {
  return { min: capped(a.min + b.min), max: capped(a.max + b.max) }
}
export function times(a: Range, b: Range): Range {
  return {
    min: a.min === 0 || b.min === 0 ? 0 : capped(a.min * b.min),
    max: a.max === 0 || b.max === 0 ? 0 : capped(a.max * b.max),
  }
}
export function scaled(a: Range, factor: number): Range {
  return { min: capped(Math.ceil(a.min * factor)), max: capped(Math.ceil(a.max * factor)) }
}
export function either(a: Range, b: Range): Range {
  return { min: Math.min(a.min, b.min), max: Math.max(a.max, b.max) }
}

/** What an estimate knows of an argument. */
export interface Sized {
  readonly type: CelType
  /** How big it can be; undefined when nothing bounds it. */
  readonly size: Range | undefined
  /** Of a list: what is known of its elements. */
  element(): Sized | undefined
  /** When it is written out as a number. */
  readonly literal: bigint | undefined
}

export interface Estimate {
  readonly cost: Range
  /** How big the result can be, where the function says. */
  readonly size?: Range | undefined
}

/** The receiver, if there is one, is the first of the arguments. */
export interface CostRule {
  actual(args: readonly Value[], result: Value): number
  estimate(args: readonly Sized[]): Estimate
}

function sizeIn(args: readonly Sized[], i: number): Range {
  return args[i]?.size ?? unknownSize
}

export const one: CostRule = { actual: () => 1, estimate: () => ({ cost: fixed(1) }) }

/** One pass over an argument. */
export function pass(i: number, factor = 1, result: 'same size' | 'unknown' = 'unknown'): CostRule {
  return {
    actual: (args) => Math.ceil(sizeOf(args[i]!) * factor * traversal),
    estimate: (args) => ({
      cost: scaled(sizeIn(args, i), factor * traversal),
      size: result === 'same size' ? sizeIn(args, i) : undefined,
    }),
  }
}

/** As many steps as an argument has elements. */
export const lookThrough: CostRule = {
  actual: (args) => sizeOf(args[1]!),
  estimate: (args) => ({ cost: scaled(sizeIn(args, 1), 1) }),
}

/** Two things compared: the shorter one decides. */
export const comparison: CostRule = {
  actual: (args) => Math.ceil(Math.min(sizeOf(args[0]!), sizeOf(args[1]!)) * traversal),
  estimate: (args) => {
    const max = Math.min(sizeIn(args, 0).max, sizeIn(args, 1).max)
    return { cost: scaled({ min: max > 0 ? 1 : 0, max }, traversal) }
  },
}

export const joining: CostRule = {
  actual: (args) => Math.ceil((sizeOf(args[0]!) + sizeOf(args[1]!)) * traversal),
  estimate: (args) => {
    const size = plus(sizeIn(args, 0), sizeIn(args, 1))
    return { cost: scaled(size, traversal), size }
  },
}

export const listJoining: CostRule = {
  actual: () => 1,
  estimate: (args) => ({ cost: fixed(1), size: plus(sizeIn(args, 0), sizeIn(args, 1)) }),
}

export const searching: CostRule = {
  actual: (args) => Math.ceil(sizeOf(args[0]!) * traversal) * Math.ceil(sizeOf(args[1]!) * traversal),
  estimate: (args) => ({ cost: times(scaled(sizeIn(args, 0), traversal), scaled(sizeIn(args, 1), traversal)) }),
}

export function matching(result: 'size of the text' | 'unknown'): CostRule {
  return {
    actual: (args) => Math.ceil((1 + sizeOf(args[0]!)) * traversal) * Math.ceil(sizeOf(args[1]!) * regexLength),
    estimate: (args) => {
      const text = sizeIn(args, 0)
      return {
        cost: times(scaled(plus(text, fixed(1)), traversal), scaled(sizeIn(args, 1), regexLength)),
        size: result === 'unknown' ? undefined : { min: 0, max: text.max },
      }
    },
  }
}

/** Every element looked at. */
export const walk: CostRule = {
  actual: (args) => walkCost(args[0]!),
  estimate: (args) => {
    const element = args[0]!.element()
    if (element === undefined) return { cost: scaled(sizeIn(args, 0), traversal) }
    const long = element.type.kind === 'string' || element.type.kind === 'bytes'
    const each = long ? plus(fixed(1), scaled(element.size ?? unknownSize, traversal)) : fixed(1)
    return { cost: times(sizeIn(args, 0), each) }
  },
}

function walkCost(value: Value): number {
  if (typeof value === 'string' || value instanceof Uint8Array) return Math.floor(sizeOf(value) * traversal)
  let cost = 0
  if (value instanceof CelList) for (const item of value.items) cost += walkCost(item)
  else if (value instanceof CelMap)
    for (const [key, item] of value.entries.values()) cost += walkCost(key) + walkCost(item)
  else cost = 1
  return cost
}

export const splitting: CostRule = {
  actual: (args) => Math.ceil(sizeOf(args[0]!) * 2 * traversal),
  estimate: (args) => {
    const text = sizeIn(args, 0)
    const limit = args[2]?.literal
    const max = limit === undefined ? text.max : limit < 0n ? most : Number(limit)
    return { cost: scaled(text, 2 * traversal), size: { min: 0, max } }
  },
}

export const joiningAll: CostRule = {
  actual: (_, result) => Math.ceil(sizeOf(result) * 2 * traversal),
  estimate: (args) => {
    const list = sizeIn(args, 0)
    const element = args[0]!.element()
    let size = element === undefined ? fixed(0) : times(list, element.size ?? unknownSize)
    if (args.length > 1) {
      const separators = { min: Math.max(0, list.min - 1), max: Math.max(0, list.max - 1) }
      size = plus(size, times(sizeIn(args, 1), separators))
    }
    return { cost: scaled(size, traversal), size }
  },
}

export const replacing: CostRule = {
  actual: (args) => Math.ceil(sizeOf(args[0]!) * 2 * traversal),
  estimate: (args) => {
    const [text, from, to] = [sizeIn(args, 0), sizeIn(args, 1), sizeIn(args, 2)]
    const long =
      from.min === 0
        ? { count: capped(text.max + 1), kept: text.max }
        : to.max <= from.min
          ? { count: 0, kept: text.max }
          : { count: Math.ceil(text.max / from.min), kept: 0 }
    const short =
      from.max === 0
        ? { count: text.min + 1, kept: text.min }
        : from.max <= to.min
          ? { count: 0, kept: text.min }
          : { count: Math.ceil(text.min / from.max), kept: 0 }
    const size = plus(times({ min: short.count, max: long.count }, to), { min: short.kept, max: long.kept })
    return { cost: scaled(text, 2 * traversal), size }
  },
}

/** Every element of one list against every element of the other. */
export function crossing(factor: number): CostRule {
  return {
    actual: (args) => 1 + sizeOf(args[0]!) * sizeOf(args[1]!) * factor,
    estimate: (args) => ({ cost: plus(scaled(times(sizeIn(args, 0), sizeIn(args, 1)), factor), fixed(1)) }),
  }
}

/** Addresses within networks: 4 or 16 bytes, and the text when it is one. */
export function containing(what: 'address' | 'network', text: boolean): CostRule {
  const network = what === 'network'
  return {
    actual: (args) => {
      const bytes = sizeOf(args[0]!)
      let cost = Math.ceil(2 * bytes * traversal)
      if (network) cost += Math.ceil(bytes * traversal) + 1
      return text ? cost + Math.ceil(sizeOf(args[1]!) * traversal) : cost
    },
    estimate: (args) => {
      const bytes = { min: 4, max: 16 }
      let cost = scaled(plus(bytes, bytes), traversal)
      if (network) cost = plus(plus(cost, scaled(bytes, traversal)), fixed(1))
      if (text) cost = plus(cost, scaled(sizeIn(args, 1), traversal))
      return { cost }
    },
  }
}

/** A text against a named format, which is a regular expression of at most `length` characters. */
export function validating(lengthOf: (format: Value) => number, length: number): CostRule {
  return {
    actual: (args) => Math.ceil((1 + sizeOf(args[1]!)) * traversal) * Math.ceil(lengthOf(args[0]!) * regexLength),
    estimate: (args) => ({ cost: scaled(scaled(sizeIn(args, 1), traversal), length * regexLength) }),
  }
}

/** Equality costs 1 for values of fixed size that hide what is in them. */
export const equality: CostRule = {
  actual: (args, result) => {
    const [left] = args
    if (typeof left === 'object' && left !== null && 'typeName' in left) return 1
    return comparison.actual(args, result)
  },
  estimate: (args) => {
    const [a, b] = args
    if (a!.type.kind === 'opaque' && typeText(a!.type) === typeText(b!.type)) return { cost: fixed(1) }
    return comparison.estimate(args)
  },
}
