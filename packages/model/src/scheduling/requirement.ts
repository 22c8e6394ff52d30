// One requirement on one label key: a set of strings, kept either as the values in it or as the values left out of it,
// and for the latter perhaps bounded as integers. Immutable, closed under intersection.
//
// Bounds are bigint: labels such as instance-memory fit a double, but upstream's bounds are int64 and `Gt` of the
// greatest one is a documented case. Requirements are compiled before any hot loop, so the price is paid once per text.
//
// Mirrors kubernetes-sigs/karpenter:pkg/scheduling/requirement.go.
import { coreLabels, normalizeLabelKey, type LabelRegistry } from './well-known-labels.ts'

export type RequirementOperator = 'In' | 'NotIn' | 'Exists' | 'DoesNotExist' | 'Gt' | 'Lt' | 'Gte' | 'Lte'

export interface Requirement {
  readonly key: string
  /** True: everything but `values`, within the bounds. False: `values` and nothing else. */
  readonly complement: boolean
  /** Sorted, each once. */
  readonly values: readonly string[]
  /** Least integer allowed; only where `complement`. */
  readonly gte: bigint | undefined
  /** Greatest integer allowed; only where `complement`. */
  readonly lte: bigint | undefined
  /** How many different values the instance types chosen must offer between them. */
  readonly minValues: number | undefined
}

/** One entry of a NodePool's or NodeClaim's `requirements`. */
export interface RequirementEntry {
  readonly key: string
  readonly operator: RequirementOperator
  readonly values?: readonly string[] | undefined
  readonly minValues?: number | undefined
}

export const maxInt64: bigint = (1n << 63n) - 1n
const minInt64 = -(1n << 63n)
const nothing: readonly string[] = []

/**
 * A requirement with its key and values under the names in use. Operators outside the eight count as `Exists`, as
 * upstream takes them; input is validated before.
 */
export function requirement(
  key: string,
  operator: RequirementOperator,
  values: readonly string[] = nothing,
  minValues?: number,
  registry: LabelRegistry = coreLabels,
): Requirement {
  const name = normalizeLabelKey(key, registry)
  switch (operator) {
    case 'In':
      return make(name, false, valuesOf(name, values, registry), undefined, undefined, minValues)
    case 'NotIn':
      return make(name, true, valuesOf(name, values, registry), undefined, undefined, minValues)
    case 'DoesNotExist':
      return make(name, false, nothing, undefined, undefined, minValues)
    case 'Gt': {
      const bound = boundOf(values[0])
      // No integer is greater; upstream forgets minValues here.
      if (bound === maxInt64) return make(name, false, nothing, undefined, undefined, undefined)
      return make(name, true, nothing, bound + 1n, undefined, minValues)
    }
    case 'Lt': {
      const bound = boundOf(values[0])
      // No integer is less; upstream's subtraction wraps round here, and allows them all.
      if (bound === minInt64) return make(name, false, nothing, undefined, undefined, undefined)
      return make(name, true, nothing, undefined, bound - 1n, minValues)
    }
    case 'Gte':
      return make(name, true, nothing, boundOf(values[0]), undefined, minValues)
    case 'Lte':
      return make(name, true, nothing, undefined, boundOf(values[0]), minValues)
    case 'Exists':
    default:
      return make(name, true, nothing, undefined, undefined, minValues)
  }
}

/** All fields in one order, so that every requirement has one shape. */
function make(
  key: string,
  complement: boolean,
  values: readonly string[],
  gte: bigint | undefined,
  lte: bigint | undefined,
  minValues: number | undefined,
): Requirement {
  return { key, complement, values, gte, lte, minValues }
}

function valuesOf(key: string, values: readonly string[], registry: LabelRegistry): readonly string[] {
  const aliases = registry.valueAliases.get(key)
  const named = aliases === undefined ? values : values.map((value) => aliases.get(value) ?? value)
  return named.length === 1 ? [named[0]!] : [...new Set(named)].sort()
}

/** As Go's Atoi with its error dropped: text that is no number is 0, one out of range is the nearest bound. */
function boundOf(text: string | undefined): bigint {
  if (text === undefined || !/^[+-]?\d+$/.test(text)) return 0n
  const value = BigInt(text)
  return value > maxInt64 ? maxInt64 : value < minInt64 ? minInt64 : value
}

/** What the requirement amounts to: bounds alone are `Exists`. */
export function operatorOf(r: Requirement): 'In' | 'NotIn' | 'Exists' | 'DoesNotExist' {
  if (r.complement) return r.values.length > 0 ? 'NotIn' : 'Exists'
  return r.values.length > 0 ? 'In' : 'DoesNotExist'
}

/** How many values are in the set; of a complement, int64's greatest less those left out, whatever the bounds. */
export function lengthOf(r: Requirement): bigint {
  const count = BigInt(r.values.length)
  return r.complement ? maxInt64 - count : count
}

/** Whether the requirement allows the value. */
export function has(r: Requirement, value: string): boolean {
  return includesSorted(r.values, value) !== r.complement && withinBounds(value, r.gte, r.lte)
}

function includesSorted(values: readonly string[], value: string): boolean {
  let low = 0
  let high = values.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (values[middle]! < value) low = middle + 1
    else high = middle
  }
  return low < values.length && values[low] === value
}

/** Where there is a bound, what is no int64 is out. */
function withinBounds(text: string, gte: bigint | undefined, lte: bigint | undefined): boolean {
  if (gte === undefined && lte === undefined) return true
  if (!/^[+-]?\d+$/.test(text)) return false
  const value = BigInt(text)
  if (value > maxInt64 || value < minInt64) return false
  return (gte === undefined || value >= gte) && (lte === undefined || value <= lte)
}

/**
 * What both allow. Bounds that cross leave nothing; a concrete result needs no bounds and drops them; values left out
 * that the bounds leave out as well are forgotten. minValues is the greater of the two.
 */
export function intersection(a: Requirement, b: Requirement): Requirement {
  const complement = a.complement && b.complement
  const gte = greater(a.gte, b.gte)
  const lte = lesser(a.lte, b.lte)
  const minValues = greater(a.minValues, b.minValues)
  if (gte !== undefined && lte !== undefined && gte > lte) {
    return make(a.key, false, nothing, undefined, undefined, minValues)
  }
  let values: readonly string[]
  if (complement) values = union(a.values, b.values)
  else if (a.complement) values = without(b.values, a.values)
  else if (b.complement) values = without(a.values, b.values)
  else values = common(a.values, b.values)
  if (gte !== undefined || lte !== undefined) values = values.filter((value) => withinBounds(value, gte, lte))
  return complement
    ? make(a.key, true, values, gte, lte, minValues)
    : make(a.key, false, values, undefined, undefined, minValues)
}

/**
 * Whether `intersection` leaves anything, without building it. Two complements always do when their bounds do, even
 * where every integer between the bounds is left out, as upstream has it.
 */
export function hasIntersection(a: Requirement, b: Requirement): boolean {
  const gte = greater(a.gte, b.gte)
  const lte = lesser(a.lte, b.lte)
  if (gte !== undefined && lte !== undefined && gte > lte) return false
  if (a.complement && b.complement) return true
  const [concrete, other] = a.complement || (!b.complement && b.values.length < a.values.length) ? [b, a] : [a, b]
  for (const value of concrete.values) {
    if (includesSorted(other.values, value) !== other.complement && withinBounds(value, gte, lte)) return true
  }
  return false
}

function greater<T extends bigint | number>(a: T | undefined, b: T | undefined): T | undefined {
  return a === undefined || (b !== undefined && b > a) ? b : a
}

function lesser<T extends bigint | number>(a: T | undefined, b: T | undefined): T | undefined {
  return a === undefined || (b !== undefined && b < a) ? b : a
}

function union(a: readonly string[], b: readonly string[]): readonly string[] {
  if (a.length === 0) return b
  return b.length === 0 ? a : [...new Set([...a, ...b])].sort()
}

function without(a: readonly string[], b: readonly string[]): readonly string[] {
  return b.length === 0 ? a : a.filter((value) => !includesSorted(b, value))
}

function common(a: readonly string[], b: readonly string[]): readonly string[] {
  return a.length <= b.length
    ? a.filter((value) => includesSorted(b, value))
    : b.filter((value) => includesSorted(a, value))
}

/** Whether both are the same requirement, minValues included. */
export function sameRequirement(a: Requirement, b: Requirement): boolean {
  return (
    a === b ||
    (a.key === b.key &&
      a.complement === b.complement &&
      a.gte === b.gte &&
      a.lte === b.lte &&
      a.minValues === b.minValues &&
      a.values.length === b.values.length &&
      a.values.every((value, i) => value === b.values[i]))
  )
}

/** As `requirement` again without or with another minValues. */
export function withMinValues(r: Requirement, minValues: number | undefined): Requirement {
  return make(r.key, r.complement, r.values, r.gte, r.lte, minValues)
}

/** What `any` draws from; the port `Random` is one. */
export interface DrawBelow {
  /** Uniform whole number in [0, below). */
  below(below: number): number
}

/**
 * Some value that the requirement allows: the first of a concrete set, else a random integer from 0 (or the lower bound)
 * up to the upper bound; '' when there is none. Upstream may draw a value that is left out; this never does.
 */
export function any(r: Requirement, random: DrawBelow): string {
  if (!r.complement) return r.values[0] ?? ''
  const least = r.gte ?? (r.lte !== undefined && r.lte < 0n ? r.lte : 0n)
  // Upstream draws below MaxInt64 where there is no bound.
  const greatest = r.lte ?? (least === maxInt64 ? maxInt64 : maxInt64 - 1n)
  const span = greatest - least + 1n
  if (span <= 0n) return ''
  let draw = 0n
  for (let i = 0; i < 4; i++) draw = (draw << 16n) | BigInt(random.below(65_536))
  draw %= span
  // At most one step per value left out.
  for (let i = 0; i <= r.values.length && BigInt(i) < span; i++) {
    const value = String(least + ((draw + BigInt(i)) % span))
    if (!includesSorted(r.values, value)) return value
  }
  return ''
}

const shownValues = 5

/** As upstream prints it: `zone In [a b]`, `cpu Exists >=5 <=9 minValues 2`; at most five values. */
export function requirementText(r: Requirement): string {
  const operator = operatorOf(r)
  let text = `${r.key} ${operator}`
  if (operator === 'In' || operator === 'NotIn') {
    const shown = r.values.slice(0, shownValues)
    if (r.values.length > shownValues) shown.push(`and ${r.values.length - shownValues} others`)
    text += ` [${shown.join(' ')}]`
  }
  if (r.gte !== undefined) text += ` >=${r.gte}`
  if (r.lte !== undefined) text += ` <=${r.lte}`
  if (r.minValues !== undefined) text += ` minValues ${r.minValues}`
  return text
}

/**
 * As entries of a NodeClaim's `requirements`: one for each bound, or else one with the operator. Values left out beside
 * a bound are lost, as upstream loses them.
 */
export function requirementEntries(r: Requirement): RequirementEntry[] {
  const minValues = r.minValues === undefined ? {} : { minValues: r.minValues }
  const entries: RequirementEntry[] = []
  if (r.gte !== undefined) entries.push({ key: r.key, operator: 'Gte', values: [String(r.gte)], ...minValues })
  if (r.lte !== undefined) entries.push({ key: r.key, operator: 'Lte', values: [String(r.lte)], ...minValues })
  if (entries.length > 0) return entries
  const operator = operatorOf(r)
  const values = r.values.length === 0 ? {} : { values: r.values }
  return [{ key: r.key, operator, ...values, ...minValues }]
}
