// Values that may not be there (google/cel-go:cel/library.go, OptionalTypes).
import { overload, type Overload } from './overload.ts'
import { CelList, Duration, failed, noOverload, Optional, sizeOf, Uint, type Value } from './values.ts'

const none = new Optional(undefined)

function isZero(value: Value): boolean {
  if (value === null || value === false || value === 0 || value === 0n || value === '') return true
  if (value instanceof Uint) return value.value === 0n
  if (value instanceof Duration) return value.nanos === 0n
  return typeof value === 'object' && 'size' in value
    ? value.size === 0
    : value instanceof CelList && sizeOf(value) === 0
}

function present(optional: Optional): Value {
  return optional.value === undefined ? failed('optional.none() dereference') : optional.value
}

function unwrapped(list: CelList): CelList {
  return new CelList(
    list.items.flatMap((item) => (item instanceof Optional && item.value !== undefined ? [item.value] : [])),
  )
}

export const optionalLibrary: readonly Overload[] = [
  overload('optional.of(V): optional(V)', (value: Value) => new Optional(value)),
  overload('optional.ofNonZeroValue(V): optional(V)', (value: Value) => (isZero(value) ? none : new Optional(value))),
  overload('optional.none(): optional(V)', () => none),
  overload('optional(V)::value(): V', present),
  overload('optional(V)::hasValue(): bool', (optional: Optional) => optional.value !== undefined),
  // The interpreter does these: what they do not need is not evaluated.
  overload('optional(V)::or(optional(V)): optional(V)', noOverload),
  overload('optional(V)::orValue(V): V', noOverload),
  overload('_[?_](list(V), int): optional(V)', noOverload),
  overload('_[?_](optional(list(V)), int): optional(V)', noOverload),
  overload('_[?_](map(K, V), K): optional(V)', noOverload),
  overload('_[?_](optional(map(K, V)), K): optional(V)', noOverload),
  overload('_[_](optional(list(V)), int): optional(V)', noOverload),
  overload('_[_](optional(map(K, V)), K): optional(V)', noOverload),
  overload('list(V)::first(): optional(V)', ({ items }: CelList) => new Optional(items[0])),
  overload('list(V)::last(): optional(V)', ({ items }: CelList) => new Optional(items.at(-1))),
  overload('optional.unwrap(list(optional(V))): list(V)', unwrapped),
  overload('list(optional(V))::unwrapOpt(): list(V)', unwrapped),
]
