// Durations and timestamps (google/cel-go:common/types/{duration,timestamp}.go).
import { Duration, failed, Timestamp } from './values.ts'

const second = 1_000_000_000n
const units: Readonly<Record<string, bigint>> = {
  ns: 1n,
  us: 1_000n,
  µs: 1_000n,
  μs: 1_000n,
  ms: 1_000_000n,
  s: second,
  m: 60n * second,
  h: 3600n * second,
}
const int64Max = (1n << 63n) - 1n

/** As Go's time.ParseDuration; undefined when it is none. */
export function parseDuration(text: string): Duration | undefined {
  const match = /^([+-]?)((?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+|0)$/.exec(text)
  if (match === null) return undefined
  let nanos = 0n
  for (const [, whole, fraction, unit] of match[2]!.matchAll(/(\d*)(?:\.(\d*))?(ns|us|µs|μs|ms|s|m|h)/g)) {
    const scale = units[unit!]!
    nanos += BigInt(whole === '' ? 0 : whole!) * scale
    if (fraction !== undefined && fraction !== '') nanos += (BigInt(fraction) * scale) / 10n ** BigInt(fraction.length)
  }
  return nanos > int64Max ? undefined : new Duration(match[1] === '-' ? -nanos : nanos)
}

/** `90.5s`. */
export function durationText({ nanos }: Duration): string {
  return `${decimal(nanos, 9)}s`
}

function decimal(value: bigint, places: number): string {
  const sign = value < 0n ? '-' : ''
  const digits = String(value < 0n ? -value : value).padStart(places + 1, '0')
  const fraction = digits.slice(-places).replace(/0+$/, '')
  return `${sign}${digits.slice(0, -places)}${fraction === '' ? '' : `.${fraction}`}`
}

const first = -62_135_596_800n * second
const last = 253_402_300_799n * second + second - 1n

export function timestampOf(nanos: bigint): Timestamp {
  if (nanos < first || nanos > last) failed('timestamp overflow')
  return new Timestamp(nanos)
}

export function durationOf(nanos: bigint): Duration {
  if (nanos > int64Max || nanos < -int64Max - 1n) failed('integer overflow')
  return new Duration(nanos)
}

/** RFC 3339; undefined when it is none. */
export function parseTimestamp(text: string): Timestamp | undefined {
  const match = /^(\d{4}-\d\d-\d\d)[Tt](\d\d:\d\d:\d\d)(?:[.,](\d{1,9})\d*)?([Zz]|[+-]\d\d:\d\d)$/.exec(text)
  if (match === null) return undefined
  const [, date, time, fraction = '', zone] = match
  const at = Date.parse(`${date}T${time}${zone!.toUpperCase()}`)
  if (Number.isNaN(at) || !isDate(date!)) return undefined
  return new Timestamp(BigInt(at) * 1_000_000n + BigInt(fraction.padEnd(9, '0')))
}

/** Whether a day `2024-02-29` exists. */
export function isDate(text: string): boolean {
  const at = Date.parse(`${text}T00:00:00Z`)
  return !Number.isNaN(at) && new Date(at).toISOString().startsWith(text)
}

export function timestampText({ nanos }: Timestamp): string {
  const seconds = floorDiv(nanos, second)
  const text = new Date(Number(seconds) * 1000).toISOString().slice(0, 19)
  const fraction = String(nanos - seconds * second)
    .padStart(9, '0')
    .replace(/0+$/, '')
  return `${text}${fraction === '' ? '' : `.${fraction}`}Z`
}

function floorDiv(a: bigint, b: bigint): bigint {
  const quotient = a / b
  return a % b < 0n ? quotient - 1n : quotient
}

/** The clock on the wall at a timestamp in a zone: `02:00`, `-08:00`, `UTC` or a name of the time zone database. */
export function wallClock({ nanos }: Timestamp, zone: string | undefined): Date {
  const at = Number(floorDiv(nanos, 1_000_000n))
  if (zone === undefined || zone === '' || zone === 'UTC') return new Date(at)
  const offset = /^([+-]?)(\d\d?):(\d\d)$/.exec(zone)
  if (offset !== null) {
    const minutes = Number(offset[2]) * 60 + Number(offset[3])
    return new Date(at + (offset[1] === '-' ? -minutes : minutes) * 60_000)
  }
  let shown: string
  try {
    shown = new Intl.DateTimeFormat('sv-SE', { timeZone: zone, dateStyle: 'short', timeStyle: 'medium' }).format(at)
  } catch {
    return failed(`unknown time zone ${zone}`)
  }
  return new Date(Date.parse(`${shown.replace(' ', 'T')}Z`) + (((at % 1000) + 1000) % 1000))
}
