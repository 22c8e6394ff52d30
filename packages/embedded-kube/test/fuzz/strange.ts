// Things that clients should not send, drawn from a seeded stream.
import type { Random } from '@plimsoll/ports'

export function pick<T>(random: Random, list: readonly T[]): T {
  return list[random.below(list.length)]!
}

/** What every object has without having been given it: as a client's words they are like any others. */
export const inheritedNames = [
  'constructor',
  'toString',
  'hasOwnProperty',
  '__proto__',
  'valueOf',
  'isPrototypeOf',
  '__defineGetter__',
] as const

const strangeTexts = [
  '',
  ' ',
  '\0',
  '\ud800',
  'a\udfffb',
  '\u202e',
  '../../etc/passwd',
  '%00',
  '%2e%2e%2f',
  '$patch',
  '$setElementOrder/containers',
  '$retainKeys',
  'NaN',
  'Infinity',
  '-0',
  '1e999',
  '9223372036854775808',
  '-9223372036854775809',
  '1Ei',
  '99999999999999999999Ei',
  '1e-400',
  '0x10',
  '1.5m',
  'm',
  '2026-13-45T99:99:99Z',
  '0001-01-01T00:00:00Z',
  '5h3x',
  'a=b,c in (d',
  '!',
  'in (,)',
  'null',
  'true',
  'ß',
  '\u{1f600}',
  'a'.repeat(300),
  'a.'.repeat(200),
  '(a+)+$',
  'x'.repeat(20_000),
] as const

const strangeValues: readonly unknown[] = [
  null,
  true,
  false,
  0,
  -0,
  -1,
  1.5,
  1e308,
  -1e308,
  2 ** 31,
  2 ** 53 + 2,
  2 ** 63,
  2 ** 64,
  [],
  {},
  [[]],
  [null],
  [{}],
  { '': '' },
  { a: null },
  { $patch: 'delete' },
  { $patch: 'replace' },
  { $patch: 'merge' },
  { $patch: 7 },
  [{ $patch: 'replace' }],
]

export function strangeText(random: Random): string {
  if (random.below(5) === 0) return pick(random, inheritedNames)
  if (random.below(3) > 0) return pick(random, strangeTexts)
  let text = ''
  for (let n = random.below(12); n > 0; n--)
    text += String.fromCharCode(random.below(random.below(4) === 0 ? 0x10000 : 0x80))
  return text
}

export function strangeValue(random: Random, depth = 0): unknown {
  switch (random.below(8)) {
    case 0:
    case 1:
    case 2:
      return strangeText(random)
    case 3:
      return deep(random.below(2) === 0, random.below(40) === 0 ? 600 : 10 + random.below(60))
    case 4:
      return depth > 2 ? null : Array.from({ length: random.below(4) }, () => strangeValue(random, depth + 1))
    case 5: {
      if (depth > 2) return {}
      const fields: [string, unknown][] = []
      for (let n = random.below(4); n > 0; n--) fields.push([strangeText(random), strangeValue(random, depth + 1)])
      return Object.fromEntries(fields)
    }
    default:
      // A copy: what is drawn is written to.
      return structuredClone(pick(random, strangeValues))
  }
}

function deep(isList: boolean, levels: number): unknown {
  let value: unknown = 'deep'
  for (let i = 0; i < levels; i++) value = isList ? [value] : { a: value }
  return value
}

/** The document with a few things in it replaced, removed, doubled or added. */
export function mutated(document: unknown, random: Random): unknown {
  let copy = structuredClone(document)
  for (let n = 1 + random.below(3); n > 0; n--) copy = once(copy, random)
  return copy
}

function once(document: unknown, random: Random): unknown {
  if (typeof document === 'string' && random.below(4) === 0) return pick(random, inheritedNames)
  if (typeof document !== 'object' || document === null || random.below(5) === 0) return strangeValue(random)
  if (Array.isArray(document)) {
    const list = document as unknown[]
    const index = random.below(list.length + 1)
    const how = random.below(5)
    if (index === list.length || how === 0) list.splice(index, 0, strangeValue(random))
    else if (how === 1) list.splice(index, 1)
    else if (how === 2) list.push(structuredClone(list[index]))
    else list[index] = once(list[index], random)
    return list
  }
  const fields = document as Record<string, unknown>
  const names = Object.keys(fields)
  const name = random.below(6) === 0 || names.length === 0 ? strangeName(random) : pick(random, names)
  const how = random.below(6)
  if (how === 0) delete fields[name]
  else if (how === 1)
    define(fields, strangeName(random), Object.hasOwn(fields, name) ? structuredClone(fields[name]) : null)
  else define(fields, name, Object.hasOwn(fields, name) ? once(fields[name], random) : strangeValue(random))
  return fields
}

function strangeName(random: Random): string {
  return random.below(3) === 0 ? pick(random, inheritedNames) : strangeText(random)
}

/** As JSON.parse does: `__proto__` is a name like others. */
export function define(fields: object, name: string, value: unknown): void {
  Object.defineProperty(fields, name, { value, enumerable: true, configurable: true, writable: true })
}

/** Bytes flipped, dropped, repeated or cut off. */
export function scrambled(bytes: Uint8Array, random: Random): Uint8Array {
  let copy = Uint8Array.from(bytes)
  for (let n = 1 + random.below(4); n > 0; n--) {
    const at = random.below(copy.length + 1)
    switch (random.below(5)) {
      case 0:
        copy = copy.slice(0, at)
        break
      case 1:
        copy = Uint8Array.from([...copy.slice(0, at), ...copy.slice(at + 1 + random.below(4))])
        break
      case 2:
        copy = Uint8Array.from([
          ...copy.slice(0, at),
          ...Array.from({ length: 1 + random.below(8) }, () => random.below(256)),
          ...copy.slice(at),
        ])
        break
      case 3:
        copy = Uint8Array.from([...copy.slice(0, at), ...copy.slice(Math.max(0, at - 40))])
        break
      default:
        if (at < copy.length) copy[at] = random.below(256)
    }
  }
  return copy
}
