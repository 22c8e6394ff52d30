import { ms, type Ms } from './units.ts'

const unitMs: Record<string, number> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  μs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
}

/** Parses a Go duration (`10m`, `1h30m`, `-1.5s`, `0`); undefined when it is malformed (time.ParseDuration). */
export function parseGoDuration(text: string): Ms | undefined {
  if (/^[+-]?0$/.test(text)) return ms(0)
  const whole = /^([+-]?)((?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+)$/.exec(text)
  if (whole === null) return undefined
  let total = 0
  for (const [, amount, unit] of whole[2]!.matchAll(/(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)/g)) {
    total += Number(amount) * unitMs[unit!]!
  }
  return ms(whole[1] === '-' ? -total : total)
}

/** Formats as Go prints a time.Duration: `10m0s`, `1h0m0s`, `1.5s`, `500ms`, `0s`. */
export function formatGoDuration(duration: Ms): string {
  // A Go duration counts nanoseconds; what is finer is rounded before it can carry.
  const total = Math.round(Math.abs(duration) * 1e6) / 1e6
  if (total === 0) return '0s'
  const sign = duration < 0 ? '-' : ''
  if (total < 0.001) return `${sign}${trim(total * 1e6)}ns`
  if (total < 1) return `${sign}${trim(total * 1000)}µs`
  if (total < 1000) return `${sign}${trim(total)}ms`
  const h = Math.floor(total / 3_600_000)
  const m = Math.floor(total / 60_000) % 60
  const s = trim((total % 60_000) / 1000)
  if (h > 0) return `${sign}${h}h${m}m${s}s`
  return m > 0 ? `${sign}${m}m${s}s` : `${sign}${s}s`
}

function trim(value: number): string {
  return value.toFixed(9).replace(/\.?0+$/, '')
}
