// The functions and operators that every CEL has (google/cel-go:common/stdlib/standard.go).
import { comparison, equality, joining, listJoining, lookThrough, matching, pass, searching } from './cost.ts'
import { overload, type Overload } from './overload.ts'
import { regexOf } from './regex.ts'
import {
  durationOf,
  durationText,
  parseDuration,
  parseTimestamp,
  timestampOf,
  timestampText,
  wallClock,
} from './time.ts'
import {
  CelList,
  CelMap,
  compareValues,
  Duration,
  equalValues,
  failed,
  keyName,
  noOverload,
  sizeOf,
  Timestamp,
  typeNameOf,
  TypeValue,
  Uint,
  type Value,
} from './values.ts'

const int64Min = -(1n << 63n)
const int64Max = (1n << 63n) - 1n
const uint64Max = (1n << 64n) - 1n

function int(value: bigint): bigint {
  if (value < int64Min || value > int64Max) failed('integer overflow')
  return value
}
function uint(value: bigint): Uint {
  if (value < 0n || value > uint64Max) failed('unsigned integer overflow')
  return new Uint(value)
}

function arithmetic(): Overload[] {
  type Whole = (a: bigint, b: bigint) => bigint
  type Real = (a: number, b: number) => number
  const both = (name: string, whole: Whole, real: Real | undefined): Overload[] => [
    overload(`${name}(int, int): int`, (a: bigint, b: bigint) => int(whole(a, b))),
    overload(`${name}(uint, uint): uint`, (a: Uint, b: Uint) => uint(whole(a.value, b.value))),
    ...(real === undefined ? [] : [overload(`${name}(double, double): double`, (a: number, b: number) => real(a, b))]),
  ]
  return [
    ...both(
      '_+_',
      (a, b) => a + b,
      (a, b) => a + b,
    ),
    ...both(
      '_-_',
      (a, b) => a - b,
      (a, b) => a - b,
    ),
    ...both(
      '_*_',
      (a, b) => a * b,
      (a, b) => a * b,
    ),
    ...both(
      '_/_',
      (a, b) => (b === 0n ? failed('division by zero') : a / b),
      (a, b) => a / b,
    ),
    ...both('_%_', (a, b) => (b === 0n ? failed('modulus by zero') : a % b), undefined),
    overload('-_(int): int', (a: bigint) => int(-a)),
    overload('-_(double): double', (a: number) => -a),
    overload('_+_(string, string): string', (a: string, b: string) => a + b, joining),
    overload('_+_(bytes, bytes): bytes', (a: Uint8Array, b: Uint8Array) => Uint8Array.from([...a, ...b]), joining),
    overload('_+_(list(A), list(A)): list(A)', joinedLists, listJoining),
    overload('_+_(duration, duration): duration', (a: Duration, b: Duration) => durationOf(a.nanos + b.nanos)),
    overload('_+_(duration, timestamp): timestamp', (a: Duration, b: Timestamp) => timestampOf(a.nanos + b.nanos)),
    overload('_+_(timestamp, duration): timestamp', (a: Timestamp, b: Duration) => timestampOf(a.nanos + b.nanos)),
    overload('_-_(duration, duration): duration', (a: Duration, b: Duration) => durationOf(a.nanos - b.nanos)),
    overload('_-_(timestamp, duration): timestamp', (a: Timestamp, b: Duration) => timestampOf(a.nanos - b.nanos)),
    overload('_-_(timestamp, timestamp): duration', (a: Timestamp, b: Timestamp) => durationOf(a.nanos - b.nanos)),
  ]
}

/** Sets gain what they lack; lists that are maps replace by key, in place; others grow (apiserver:pkg/cel/common/values.go). */
function joinedLists(a: CelList, b: CelList): CelList {
  if (a.identity === 'ordered') return new CelList([...a.items, ...b.items])
  if (a.identity === 'set') {
    const missing = b.items.filter((item) => !a.items.some((other) => equalValues(item, other)))
    return new CelList([...a.items, ...missing], 'set')
  }
  const { identity } = a
  const merged = new Map(a.items.map((item) => [identity(item), item]))
  for (const item of b.items) merged.set(identity(item), item)
  return new CelList([...merged.values()], identity)
}

function relations(): Overload[] {
  const found: Overload[] = []
  const numbers = ['int', 'uint', 'double']
  const pairs = numbers.flatMap((a) => numbers.map((b) => [a, b] as const))
  const same = ['bool', 'string', 'bytes', 'timestamp', 'duration'].map((t) => [t, t] as const)
  const holds: Readonly<Record<string, (order: -1 | 0 | 1) => boolean>> = {
    '_<_': (order) => order < 0,
    '_<=_': (order) => order <= 0,
    '_>_': (order) => order > 0,
    '_>=_': (order) => order >= 0,
  }
  for (const [name, test] of Object.entries(holds)) {
    for (const [a, b] of [...same.slice(0, 1), ...pairs, ...same.slice(1)]) {
      const long = a === 'string' || a === 'bytes'
      const call = (left: Value, right: Value): boolean => {
        const order = compareValues(left, right)
        return test(order ?? failed('NaN values cannot be ordered'))
      }
      found.push(overload(`${name}(${a}, ${b}): bool`, call, long ? comparison : undefined))
    }
  }
  return [
    ...found,
    overload('_==_(A, A): bool', equalValues, equality),
    overload('_!=_(A, A): bool', (a: Value, b: Value) => !equalValues(a, b), comparison),
  ]
}

function containers(): Overload[] {
  const size = (value: Value): bigint => BigInt(sizeOf(value))
  const sizes = ['bytes', 'list(A)', 'map(A, B)', 'string'].flatMap((type) => [
    overload(`size(${type}): int`, size),
    overload(`${type}::size(): int`, size),
  ])
  return [
    ...sizes,
    overload('_[_](list(A), int): A', elementAt),
    overload('_[_](map(A, B), A): B', valueAt),
    overload('@in(A, list(A)): bool', (value: Value, list: CelList) => isIn(list, value), lookThrough),
    overload('@in(A, map(A, B)): bool', (key: Value, map: Value) => valueIn(map, key) !== undefined),
  ]
}

function isIn(list: Value, value: Value): boolean {
  if (!(list instanceof CelList)) return noOverload()
  return list.items.some((item) => equalValues(item, value))
}

/** The element at an index, which may be any number that is whole. */
export function elementAt(list: Value, index: Value): Value {
  if (!(list instanceof CelList)) return valueAt(list, index)
  const at = typeof index === 'bigint' ? Number(index) : index instanceof Uint ? Number(index.value) : index
  if (typeof at !== 'number' || !Number.isInteger(at)) {
    return failed(`unsupported index type '${typeNameOf(index)}' in list`)
  }
  return list.items[at] ?? (at in list.items ? null : failed(`index out of bounds: ${at}`))
}

export function valueAt(map: Value, key: Value): Value {
  const found = valueIn(map, key)
  return found === undefined ? failed(`no such key: ${keyText(key)}`) : found
}

/** The value under a key of a map or a field of an object; undefined when there is none. */
export function valueIn(container: Value, key: Value): Value | undefined {
  if (container instanceof CelMap) return container.get(key)
  if (typeof container === 'object' && container !== null && 'object' in container) {
    return typeof key === 'string' ? container.field(key) : undefined
  }
  return noOverload()
}

function keyText(key: Value): string {
  return typeof key === 'string' ? key : stringOf(key)
}

function texts(): Overload[] {
  return [
    overload('string::contains(string): bool', (text: string, part: string) => text.includes(part), searching),
    overload('string::startsWith(string): bool', (text: string, part: string) => text.startsWith(part), pass(1)),
    overload('string::endsWith(string): bool', (text: string, part: string) => text.endsWith(part), pass(1)),
    { ...overload('string::matches(string): bool', matches, matching('unknown')), literalCheck: 'regex' },
    { ...overload('matches(string, string): bool', matches, matching('unknown')), literalCheck: 'regex' },
  ]
}

function matches(text: string, pattern: string): boolean {
  return regexOf(pattern).test(text)
}

function conversions(): Overload[] {
  return [
    overload('type(A): type(A)', (value: Value) => new TypeValue(typeNameOf(value))),
    overload('dyn(A): dyn', (value: Value) => value),
    overload('bool(bool): bool', (value: boolean) => value),
    overload('bool(string): bool', boolOf),
    overload('bytes(bytes): bytes', (value: Uint8Array) => value),
    overload('bytes(string): bytes', (text: string) => new TextEncoder().encode(text), pass(0)),
    overload('double(double): double', (value: number) => value),
    overload('double(int): double', Number),
    overload('double(string): double', doubleOf),
    overload('double(uint): double', (value: Uint) => Number(value.value)),
    overload('duration(duration): duration', (value: Duration) => value),
    {
      ...overload(
        'duration(string): duration',
        (text: string) => parseDuration(text) ?? inconvertible('google.protobuf.Duration'),
      ),
      literalCheck: 'duration',
    },
    overload('int(int): int', (value: bigint) => value),
    overload('int(double): int', (value: number) => wholeOf(value, int64Min, int64Max, 'integer overflow')),
    overload('int(duration): int', (value: Duration) => value.nanos),
    overload('int(string): int', (text: string) => integerOf(text, 'int')),
    overload('int(timestamp): int', (value: Timestamp) => {
      const seconds = value.nanos / 1_000_000_000n
      return value.nanos % 1_000_000_000n < 0n ? seconds - 1n : seconds
    }),
    overload('int(uint): int', (value: Uint) => int(value.value)),
    overload('string(string): string', (value: string) => value),
    ...['bool', 'double', 'duration', 'int', 'timestamp', 'uint'].map((t) =>
      overload(`string(${t}): string`, stringOf),
    ),
    overload('string(bytes): string', stringOf, pass(0)),
    overload('timestamp(timestamp): timestamp', (value: Timestamp) => value),
    overload('timestamp(int): timestamp', (value: bigint) => timestampOf(value * 1_000_000_000n)),
    {
      ...overload('timestamp(string): timestamp', (text: string) => {
        return parseTimestamp(text) ?? inconvertible('google.protobuf.Timestamp')
      }),
      literalCheck: 'timestamp',
    },
    overload('uint(uint): uint', (value: Uint) => value),
    overload(
      'uint(double): uint',
      (value: number) => new Uint(wholeOf(value, 0n, uint64Max, 'unsigned integer overflow')),
    ),
    overload('uint(int): uint', (value: bigint) => uint(value)),
    overload('uint(string): uint', (text: string) => new Uint(integerOf(text, 'uint'))),
  ]
}

function boolOf(text: string): boolean {
  if (['true', 'True', 'TRUE', 't', '1'].includes(text)) return true
  if (['false', 'False', 'FALSE', 'f', '0'].includes(text)) return false
  return inconvertible('bool')
}

function doubleOf(text: string): number {
  const plain = text.replaceAll('_', '')
  if (/^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/.test(plain)) return Number(plain)
  const special = /^([+-]?)(inf|infinity|nan)$/i.exec(plain)
  if (special === null) return inconvertible('double')
  if (special[2]!.toLowerCase() === 'nan') return Number.NaN
  return special[1] === '-' ? -Infinity : Infinity
}

function integerOf(text: string, type: 'int' | 'uint'): bigint {
  if (!(type === 'int' ? /^[+-]?\d+$/ : /^\d+$/).test(text)) return inconvertible(type)
  const value = BigInt(text.replace(/^\+/, ''))
  const [low, high] = type === 'int' ? [int64Min, int64Max] : [0n, uint64Max]
  return value < low || value > high ? inconvertible(type) : value
}

function inconvertible(type: string): never {
  return failed(`type conversion error from 'string' to '${type}'`)
}

function wholeOf(value: number, low: bigint, high: bigint, overflow: string): bigint {
  if (!Number.isFinite(value)) return failed(overflow)
  const whole = BigInt(Math.trunc(value))
  // The bounds themselves are out of reach of a double.
  return whole <= low - (low === 0n ? 1n : 0n) || whole >= high ? failed(overflow) : whole
}

const decoder = new TextDecoder('utf-8', { fatal: true })

/** As string() makes it of anything that it takes. */
export function stringOf(value: Value): string {
  if (typeof value === 'string') return value
  if (typeof value === 'bigint' || typeof value === 'boolean') return String(value)
  if (typeof value === 'number') return doubleText(value)
  if (value instanceof Uint) return String(value.value)
  if (value instanceof Duration) return durationText(value)
  if (value instanceof Timestamp) return timestampText(value)
  if (value instanceof TypeValue) return value.text
  if (!(value instanceof Uint8Array)) return noOverload()
  try {
    return decoder.decode(value)
  } catch {
    return failed('invalid UTF-8 in bytes, cannot convert to string')
  }
}

/** As Go's strconv prints a float64 with %g: an exponent from 1e6 on and below 1e-4. */
export function doubleText(value: number): string {
  if (Number.isNaN(value)) return 'NaN'
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf'
  if (value === 0) return Object.is(value, -0) ? '-0' : '0'
  const text = value.toExponential()
  const exponent = Number(text.slice(text.indexOf('e') + 1))
  return exponent >= -4 && exponent < 6 ? String(value) : goExponent(text)
}

function goExponent(text: string): string {
  return text.replace(/e([+-])(\d)$/, 'e$10$2')
}

function clocks(): Overload[] {
  const reads: Readonly<Record<string, (at: Date) => number>> = {
    getFullYear: (at) => at.getUTCFullYear(),
    getMonth: (at) => at.getUTCMonth(),
    getDayOfYear: (at) => Math.floor((at.getTime() - Date.UTC(at.getUTCFullYear(), 0, 1)) / 86_400_000),
    getDayOfMonth: (at) => at.getUTCDate() - 1,
    getDate: (at) => at.getUTCDate(),
    getDayOfWeek: (at) => at.getUTCDay(),
    getHours: (at) => at.getUTCHours(),
    getMinutes: (at) => at.getUTCMinutes(),
    getSeconds: (at) => at.getUTCSeconds(),
    getMilliseconds: (at) => at.getUTCMilliseconds(),
  }
  const lengths: Readonly<Record<string, (nanos: bigint) => bigint>> = {
    getHours: (nanos) => nanos / 3_600_000_000_000n,
    getMinutes: (nanos) => nanos / 60_000_000_000n,
    getSeconds: (nanos) => nanos / 1_000_000_000n,
    getMilliseconds: (nanos) => nanos / 1_000_000n,
  }
  return [
    ...Object.entries(reads).flatMap(([name, read]) => [
      overload(`timestamp::${name}(): int`, (at: Timestamp) => BigInt(read(wallClock(at, undefined)))),
      overload(`timestamp::${name}(string): int`, (at: Timestamp, zone: string) => BigInt(read(wallClock(at, zone)))),
    ]),
    ...Object.entries(lengths).map(([name, read]) => {
      return overload(`duration::${name}(): int`, (length: Duration) => read(length.nanos))
    }),
  ]
}

/** What the loops of transformMap gather with; the map is theirs alone, so it grows in place. */
function mapInsertion(): Overload[] {
  const put = (map: CelMap, key: Value, value: Value): CelMap => {
    const name = keyName(key) ?? noOverload()
    if (map.entries.has(name)) failed(`insert failed: key ${stringOf(key)} already exists`)
    const entries = map.entries as Map<string, readonly [Value, Value]>
    entries.set(name, [key, value])
    return map
  }
  return [
    overload('cel.@mapInsert(map(K, V), K, V): map(K, V)', put),
    overload('cel.@mapInsert(map(K, V), map(K, V)): map(K, V)', (map: CelMap, more: CelMap) => {
      for (const [key, value] of more.entries.values()) put(map, key, value)
      return map
    }),
  ]
}

/** && and || and ?: and the test of loops are in the interpreter: what they do with errors is their point. */
function logic(): Overload[] {
  return [
    overload('!_(bool): bool', (value: Value) => (typeof value === 'boolean' ? !value : noOverload())),
    overload('_&&_(bool, bool): bool', noOverload),
    overload('_||_(bool, bool): bool', noOverload),
    overload('_?_:_(bool, A, A): A', noOverload),
    overload('@not_strictly_false(bool): bool', noOverload),
  ]
}

export const standardLibrary: readonly Overload[] = [
  ...logic(),
  ...arithmetic(),
  ...relations(),
  ...containers(),
  ...texts(),
  ...conversions(),
  ...clocks(),
  ...mapInsertion(),
]

/** The names of types as values. */
export const typeNames: ReadonlyMap<string, string> = new Map([
  ...['bool', 'bytes', 'double', 'int', 'list', 'map', 'null_type', 'string', 'type', 'uint', 'optional_type'].map(
    (name) => [name, name] as const,
  ),
  ['google.protobuf.Duration', 'google.protobuf.Duration'],
  ['google.protobuf.Timestamp', 'google.protobuf.Timestamp'],
])
