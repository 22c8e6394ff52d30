// Texts (google/cel-go:ext/strings.go at version 2, ext/formatting.go; kubernetes/apiserver:pkg/cel/library/regex.go).
// Places in a text count Unicode code points.
import { joiningAll, matching, pass, replacing, splitting, walk } from './cost.ts'
import { overload, type Handler, type Overload } from './overload.ts'
import { RegexError, regexOf, type Regex } from './regex.ts'
import { doubleText, stringOf } from './standard-library.ts'
import {
  CelError,
  CelList,
  CelMap,
  Duration,
  failed,
  isObject,
  Timestamp,
  typeNameOf,
  Uint,
  type Value,
} from './values.ts'

function characters(text: string): readonly string[] {
  return Array.from(text)
}

function outOfRange(at: bigint): never {
  return failed(`index out of range: ${at}`)
}

function charAt(text: string, at: bigint): string {
  const all = characters(text)
  return at < 0n || at > BigInt(all.length) ? outOfRange(at) : (all[Number(at)] ?? '')
}

function indexOf(text: string, part: string, from: bigint = 0n): bigint {
  if (from < 0n) outOfRange(from)
  const all = characters(text)
  const start = from > BigInt(all.length) ? all.length : Number(from)
  if (part === '') return BigInt(start)
  if (start >= all.length) return -1n
  const head = all.slice(0, start).join('').length
  const at = text.indexOf(part, head)
  return at < 0 ? -1n : BigInt(characters(text.slice(0, at)).length)
}

function lastIndexOf(text: string, part: string, from?: bigint): bigint {
  const all = characters(text)
  if (from !== undefined && from < 0n) outOfRange(from)
  const start = from === undefined || from > BigInt(all.length) ? all.length : Number(from)
  if (part === '') return BigInt(start)
  if (from !== undefined && start >= all.length) return -1n
  const at = text.lastIndexOf(part, all.slice(0, start).join('').length)
  return at < 0 ? -1n : BigInt(characters(text.slice(0, at)).length)
}

function substring(text: string, from: bigint, to?: bigint): string {
  const all = characters(text)
  const size = BigInt(all.length)
  if (to !== undefined && from > to) failed(`invalid substring range. start: ${from}, end: ${to}`)
  if (from < 0n || from > size) outOfRange(from)
  if (to !== undefined && (to < 0n || to > size)) outOfRange(to)
  return all.slice(Number(from), to === undefined ? undefined : Number(to)).join('')
}

/** Between every two characters when the separator is empty, as Go splits. */
function parts(text: string, separator: string): readonly string[] {
  return separator === '' ? characters(text) : text.split(separator)
}

function split(text: string, separator: string, limit: bigint = -1n): CelList {
  const all = parts(text, separator)
  if (limit === 0n) return new CelList([])
  if (limit < 0n || BigInt(all.length) <= limit) return new CelList(all)
  const kept = Number(limit) - 1
  return new CelList([...all.slice(0, kept), all.slice(kept).join(separator)])
}

function replace(text: string, from: string, to: string, limit: bigint = -1n): string {
  if (limit === 0n) return text
  const count = limit < 0n ? Infinity : Number(limit)
  if (from === '') {
    const all = characters(text)
    let made = 0
    let result = ''
    for (const character of all) result += (made++ < count ? to : '') + character
    return made < count ? result + to : result
  }
  const pieces = text.split(from)
  let result = pieces[0]!
  for (let i = 1; i < pieces.length; i++) result += (i <= count ? to : from) + pieces[i]!
  return result
}

function join(list: CelList, separator = ''): string {
  return list.items
    .map((item) => (typeof item === 'string' ? item : failed(`join: invalid input: ${stringOf(item)}`)))
    .join(separator)
}

const quotes: Readonly<Record<string, string>> = {
  '\x07': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
  '\\': '\\\\',
  '"': '\\"',
}

/** In double quotes, with Go's escapes. */
function quoted(text: string): string {
  // oxlint-disable-next-line no-control-regex
  return `"${text.replace(/[\x07\b\f\n\r\t\v\\"]/g, (character) => quotes[character]!)}"`
}

function regexFor(pattern: string): Regex {
  try {
    return regexOf(pattern)
  } catch (error) {
    if (error instanceof RegexError) return failed(`Illegal regex: ${error.message}`)
    throw error
  }
}

function findAll(text: string, pattern: string, limit: bigint = -1n): CelList {
  return new CelList(regexFor(pattern).all(text, limit < 0n ? Infinity : Number(limit)))
}

function format(text: string, args: CelList): string {
  let next = 0
  let result = ''
  for (let i = 0; i < text.length; i++) {
    if (text[i] !== '%') {
      result += text[i]!
      continue
    }
    i++
    if (i >= text.length) failed('unexpected end of string')
    if (text[i] === '%') {
      result += '%'
      continue
    }
    const precision = /^\.(\d*)/.exec(text.slice(i))
    if (precision !== null) i += precision[0].length
    const clause = text[i]
    const digits = precision === null ? 6 : Number(precision[1])
    if (digits > 1000) failed(`precision ${digits} exceeds maximum allowed precision 1000`)
    if (next >= args.items.length) failed(`index ${next} out of range`)
    result += formatted(clause ?? '', args.items[next++]!, digits)
  }
  return result
}

function formatted(clause: string, value: Value, digits: number): string {
  const whole = typeof value === 'bigint' ? value : value instanceof Uint ? value.value : undefined
  const wrong = (why: string): never => {
    return failed(`error during formatting: ${why}, was given ${typeNameOf(value)}`)
  }
  switch (clause) {
    case 's':
      return shown(value, false)
    case 'd':
      if (whole !== undefined) return String(whole)
      return wrong('decimal clause can only be used on integers')
    case 'f':
    case 'e': {
      const real = typeof value === 'number' ? value : textualNumber(value)
      if (real === undefined) {
        return wrong(`${clause === 'f' ? 'fixed-point' : 'scientific'} clause can only be used on doubles`)
      }
      if (!Number.isFinite(real)) return Number.isNaN(real) ? 'NaN' : real > 0 ? '∞' : '-∞'
      if (clause === 'f') return grouped(real.toFixed(digits))
      const [mantissa, exponent] = real.toExponential(digits).split('e')
      return `${mantissa}\u202f×\u202f10${superscript(exponent!.replace('+', '').padStart(2, '0'))}`
    }
    case 'b':
      if (whole !== undefined) return whole.toString(2)
      if (typeof value === 'boolean') return value ? '1' : '0'
      return wrong('only integers and bools can be formatted as binary')
    case 'o':
      if (whole !== undefined) return whole.toString(8)
      return wrong('octal clause can only be used on integers')
    case 'x':
    case 'X': {
      const hex = hexOf(value, whole)
      if (hex === undefined) return wrong('only integers, byte buffers, and strings can be formatted as hex')
      return clause === 'x' ? hex : hex.toUpperCase()
    }
    default:
      return failed(`could not parse formatting clause: unrecognized formatting clause "${clause}"`)
  }
}

function textualNumber(value: Value): number | undefined {
  return value === 'NaN' || value === 'Infinity' || value === '-Infinity' ? Number(value) : undefined
}

/** As English readers group thousands. */
function grouped(text: string): string {
  const [whole, fraction] = text.split('.')
  const head = whole!.replace(/\B(?=(\d{3})+(?!\d))/g, ',')
  return fraction === undefined ? head : `${head}.${fraction}`
}

function superscript(digits: string): string {
  return digits.replace(/[\d-]/g, (digit) => (digit === '-' ? '⁻' : '⁰¹²³⁴⁵⁶⁷⁸⁹'[Number(digit)]!))
}

function hexOf(value: Value, whole: bigint | undefined): string | undefined {
  if (whole !== undefined) return whole.toString(16)
  const bytes = typeof value === 'string' ? new TextEncoder().encode(value) : value
  if (!(bytes instanceof Uint8Array)) return undefined
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
}

/** As %s shows a value; texts within lists and maps are quoted. */
function shown(value: Value, inside: boolean): string {
  if (value === null) return 'null'
  if (typeof value === 'string') return inside ? quoted(value) : value
  if (typeof value === 'number') return doubleText(value)
  if (value instanceof CelList) return `[${value.items.map((item) => shown(item, true)).join(', ')}]`
  if (value instanceof CelMap) {
    const entries = [...value.entries.values()].map(([key, item]) => `${shown(key, true)}:${shown(item, true)}`)
    return `{${entries.toSorted().join(', ')}}`
  }
  if (isObject(value)) {
    const fields = value.fieldNames().map((name) => `${quoted(name)}:${shown(value.field(name) ?? null, true)}`)
    return `{${fields.toSorted().join(', ')}}`
  }
  if (inside && (value instanceof Timestamp || value instanceof Duration)) {
    return `${value instanceof Timestamp ? 'timestamp' : 'duration'}(${quoted(stringOf(value))})`
  }
  try {
    return stringOf(value)
  } catch (error) {
    if (!(error instanceof CelError)) throw error
    return failed(
      `error during formatting: string clause can only be used on strings, bools, bytes, ints, doubles, maps, lists, types, durations, and timestamps, was given ${typeNameOf(value)}`,
    )
  }
}

const asciiLower = (text: string): string => text.replace(/[A-Z]+/g, (part) => part.toLowerCase())
const asciiUpper = (text: string): string => text.replace(/[a-z]+/g, (part) => part.toUpperCase())

/** A regular expression that is written out is read before anything runs. */
function regexMethod(signature: string, call: Handler): Overload {
  return { ...overload(signature, call, matching('size of the text')), literalCheck: 'regex' }
}

export const stringsLibrary: readonly Overload[] = [
  overload('string::charAt(int): string', charAt),
  overload('string::indexOf(string): int', indexOf, walk),
  overload('string::indexOf(string, int): int', indexOf, walk),
  overload('string::lastIndexOf(string): int', (text: string, part: string) => lastIndexOf(text, part), walk),
  overload('string::lastIndexOf(string, int): int', lastIndexOf, walk),
  overload('string::lowerAscii(): string', asciiLower, pass(0, 1, 'same size')),
  overload('string::upperAscii(): string', asciiUpper, pass(0, 1, 'same size')),
  overload('string::replace(string, string): string', replace, replacing),
  overload('string::replace(string, string, int): string', replace, replacing),
  overload('string::split(string): list(string)', split, splitting),
  overload('string::split(string, int): list(string)', split, splitting),
  overload('string::substring(int): string', substring, pass(0, 1, 'same size')),
  overload('string::substring(int, int): string', substring, pass(0, 1, 'same size')),
  overload('string::trim(): string', (text: string) => text.trim(), pass(0, 1, 'same size')),
  overload('string::format(list(dyn)): string', format, pass(0)),
  overload('strings.quote(string): string', quoted, pass(0)),
  overload('list(string)::join(): string', join, joiningAll),
  overload('list(string)::join(string): string', join, joiningAll),
  regexMethod('string::find(string): string', (text: string, pattern: string) => regexFor(pattern).first(text) ?? ''),
  regexMethod('string::findAll(string): list(string)', findAll),
  regexMethod('string::findAll(string, int): list(string)', findAll),
]
