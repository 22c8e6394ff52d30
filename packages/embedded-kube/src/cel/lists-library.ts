// Lists and sets (kubernetes/apiserver:pkg/cel/library/lists.go; google/cel-go:ext/lists.go at version 3, ext/sets.go).
import { baseCosts, crossing, fixed, most, plus, scaled, times, unknownSize, walk, type CostRule } from './cost.ts'
import { overload, type Overload } from './overload.ts'
import { durationOf } from './time.ts'
import {
  CelList,
  compareValues,
  Duration,
  equalValues,
  failed,
  noOverload,
  sizeOf,
  Uint,
  type Value,
} from './values.ts'

const comparable = ['int', 'uint', 'double', 'bool', 'duration', 'timestamp', 'string', 'bytes']
const summable = ['int', 'uint', 'double', 'duration']

function isSorted({ items }: CelList): boolean {
  return items.every((item, i) => i === 0 || (compareValues(items[i - 1]!, item) ?? 1) <= 0)
}

const int64Max = (1n << 63n) - 1n

function sum(list: CelList, type: string): Value {
  if (type === 'double') return (list.items as readonly number[]).reduce((a, b) => a + b, 0)
  let total = 0n
  for (const item of list.items) {
    total +=
      typeof item === 'bigint'
        ? item
        : item instanceof Uint
          ? item.value
          : item instanceof Duration
            ? item.nanos
            : noOverload()
  }
  if (type === 'duration') return durationOf(total)
  const unsigned = type === 'uint'
  if (total > (unsigned ? int64Max * 2n + 1n : int64Max) || total < -int64Max - 1n) {
    failed(unsigned ? 'unsigned integer overflow' : 'integer overflow')
  }
  return unsigned ? new Uint(total) : total
}

function extreme(name: 'min' | 'max'): (list: CelList) => Value {
  const sign = name === 'min' ? -1 : 1
  return ({ items }) => {
    if (items.length === 0) failed(`${name} called on empty list`)
    let best = items[0] as Value
    for (const item of items) if (compareValues(item, best) === sign) best = item
    return best
  }
}

function slice({ items }: CelList, from: bigint, to: bigint): CelList {
  const call = `cannot slice(${from}, ${to}),`
  if (from < 0n || to < 0n) failed(`${call} negative indexes not supported`)
  if (from > to) failed(`${call} start index must be less than or equal to end index`)
  if (to > BigInt(items.length)) failed(`${call} list is length ${items.length}`)
  return new CelList(items.slice(Number(from), Number(to)))
}

function flatten({ items }: CelList, depth: bigint = 1n): CelList {
  if (depth < 0n) failed('level must be non-negative')
  return new CelList(
    items.flatMap((item) => (item instanceof CelList && depth > 0n ? flatten(item, depth - 1n).items : [item])),
  )
}

function sortedBy({ items }: CelList, keys: CelList): CelList {
  const places = items.map((_, i) => i)
  places.sort((a, b) => compareValues(keys.items[a]!, keys.items[b]!) ?? 0)
  return new CelList(places.map((place) => items[place]!))
}

function range(count: bigint): CelList {
  if (count < 0n) failed(`lists.range: size must be non-negative, got ${count}`)
  // What would cost more than any evaluation may spend is not made first and paid for afterwards.
  if (count > 10_000_000n) failed(`lists.range: size ${count} exceeds maximum allowed (10000000)`)
  return new CelList(Array.from({ length: Number(count) }, (_, i) => BigInt(i)))
}

function distinct({ items }: CelList): CelList {
  const found: Value[] = []
  for (const item of items) if (!found.some((other) => equalValues(other, item))) found.push(item)
  return new CelList(found)
}

function contains(list: CelList, part: CelList): boolean {
  return part.items.every((item) => list.items.some((other) => equalValues(other, item)))
}

/** A new list, for `factor` a element of what `counted` says. */
function making(counted: 'result' | 'first', factor: (args: readonly Value[]) => number, estimated = 1): CostRule {
  return {
    actual: (args, result) => {
      const size = sizeOf(counted === 'result' ? result : args[0]!)
      return 1 + baseCosts.list + Math.ceil(size * factor(args))
    },
    estimate: (args) => {
      const size = args[0]?.size ?? unknownSize
      const literal = args[0]?.type.kind === 'int' ? fixed(Number(args[0].literal ?? most)) : size
      return { cost: plus(scaled(literal, estimated), fixed(1 + baseCosts.list)), size: literal }
    },
  }
}

/** Every element against every other one of the `i`th list. */
function comparing(i: number): CostRule {
  const factor = (type: string): number => (type === 'string' || type === 'bytes' ? 2.1 : 2)
  return {
    actual: (args) => {
      const list = args[i] as CelList
      const [first] = list.items
      const text = typeof first === 'string' || first instanceof Uint8Array
      return 1 + baseCosts.list + Math.ceil(list.items.length ** 2 * factor(text ? 'string' : ''))
    },
    estimate: (args) => {
      const size = args[i]?.size ?? unknownSize
      const square = times(size, size)
      const kind = args[i]?.type.parameters[0]?.kind ?? ''
      return { cost: plus(scaled(square, factor(kind)), fixed(1 + baseCosts.list)), size: square }
    },
  }
}

export const listsLibrary: readonly Overload[] = [
  ...comparable.flatMap((type) => [
    overload(`list(${type})::isSorted(): bool`, isSorted, walk),
    overload(`list(${type})::max(): ${type}`, extreme('max'), walk),
    overload(`list(${type})::min(): ${type}`, extreme('min'), walk),
    overload(`list(${type})::sort(): list(${type})`, (list: CelList) => sortedBy(list, list), comparing(0)),
    overload(`list(T)::@sortByAssociatedKeys(list(${type})): list(T)`, sortedBy, comparing(1)),
  ]),
  ...summable.map((type) => overload(`list(${type})::sum(): ${type}`, (list: CelList) => sum(list, type), walk)),
  overload(
    'list(A)::indexOf(A): int',
    ({ items }: CelList, value: Value) => BigInt(items.findIndex((item) => equalValues(item, value))),
    walk,
  ),
  overload(
    'list(A)::lastIndexOf(A): int',
    ({ items }: CelList, value: Value) => BigInt(items.findLastIndex((item) => equalValues(item, value))),
    walk,
  ),
  overload(
    'list(T)::slice(int, int): list(T)',
    slice,
    making('result', () => 1),
  ),
  overload(
    'list(list(T))::flatten(): list(T)',
    flatten,
    making('first', () => 1),
  ),
  overload(
    'list(dyn)::flatten(int): list(dyn)',
    flatten,
    making('first', (args) => Math.max(0, Number(args[1])), most),
  ),
  overload(
    'list(T)::reverse(): list(T)',
    ({ items }: CelList) => new CelList(items.toReversed()),
    making('result', () => 1),
  ),
  overload('list(T)::distinct(): list(T)', distinct, comparing(0)),
  overload(
    'lists.range(int): list(int)',
    range,
    making('result', () => 1),
  ),
  overload('sets.contains(list(T), list(T)): bool', contains, crossing(1)),
  overload(
    'sets.equivalent(list(T), list(T)): bool',
    (a: CelList, b: CelList) => contains(a, b) && contains(b, a),
    crossing(2),
  ),
  overload(
    'sets.intersects(list(T), list(T)): bool',
    (a: CelList, b: CelList) => a.items.some((item) => b.items.some((other) => equalValues(other, item))),
    crossing(1),
  ),
]
