// How much of a resource is used over time, as annotations say it. The forms are described in docs/simulated-usage.md.
import { hours, milliValue, ms, parseGoDuration, parseQuantity, type Ms } from '@plimsoll/model'

/** Thousandths of a CPU, or thousandths of a byte; or a part of what was requested. */
type Amount = { readonly milli: number } | { readonly ofRequest: number }

type Curve =
  | { readonly kind: 'constant'; readonly amount: Amount }
  /** From one to the other in a straight line, then it stays. */
  | { readonly kind: 'ramp'; readonly from: Amount; readonly to: Amount; readonly durationMs: number }
  /** Once a day up and down, highest at `peakMs` after midnight UTC. */
  | { readonly kind: 'daily'; readonly low: Amount; readonly high: Amount; readonly peakMs: number }
  /** Low for half of the period, then high for the other. */
  | { readonly kind: 'square'; readonly low: Amount; readonly high: Amount; readonly periodMs: number }

export interface LoadProfile {
  readonly curve: Curve
  /** At most this part more or less, changing every fifteen seconds. */
  readonly noise: number
}

export interface Moment {
  readonly now: Ms
  /** When the profile began. */
  readonly since: Ms
  /** Thousandths. */
  readonly requestMilli: number
  /** From -1 to 1. */
  readonly noise: number
}

const dayMs = hours(24)
const defaultPeakMs = hours(14)

/** Thousandths of the resource, never negative. */
export function amountAt({ curve, noise }: LoadProfile, moment: Moment): number {
  const { now, since, requestMilli } = moment
  const of = (amount: Amount): number => ('milli' in amount ? amount.milli : amount.ofRequest * requestMilli)
  const between = (a: Amount, b: Amount, share: number): number => of(a) + (of(b) - of(a)) * share
  const plain = ((): number => {
    switch (curve.kind) {
      case 'constant':
        return of(curve.amount)
      case 'ramp': {
        const share = curve.durationMs === 0 ? 1 : (now - since) / curve.durationMs
        return between(curve.from, curve.to, Math.min(1, Math.max(0, share)))
      }
      case 'daily': {
        const phase = ((((now - curve.peakMs) % dayMs) + dayMs) % dayMs) / dayMs
        return between(curve.low, curve.high, (1 + Math.cos(2 * Math.PI * phase)) / 2)
      }
      case 'square':
        return of(Math.floor(((now - since) / curve.periodMs) * 2) % 2 === 0 ? curve.low : curve.high)
    }
  })()
  return Math.max(0, plain * (1 + noise * moment.noise))
}

const profileForms =
  '"500m", "60%", "ramp 200m 2 10m", "daily 200m 4 14h" or "square 200m 4 30m", each with "noise 10%" behind it if wanted'

/** What an annotation says, or why it cannot be read. */
export function parseProfile(text: string): LoadProfile | { readonly problem: string } {
  const bad = (why: string): { readonly problem: string } => ({
    problem: `${JSON.stringify(text)}: ${why}; accepted are ${profileForms}`,
  })
  let words = text.trim().split(/\s+/)
  let noise = 0
  const noiseAt = words.indexOf('noise')
  if (noiseAt >= 0) {
    const share = percent(words[noiseAt + 1])
    if (share === undefined || words.length !== noiseAt + 2)
      return bad('"noise" is followed by a percentage and ends the text')
    noise = share
    words = words.slice(0, noiseAt)
  }
  const [first = '', ...rest] = words
  if (first === 'ramp' || first === 'daily' || first === 'square') {
    const [a, b] = [amountOf(rest[0]), amountOf(rest[1])]
    if (a === undefined || b === undefined) return bad(`"${first}" is followed by two amounts`)
    const durationMs = rest[2] === undefined ? undefined : parseGoDuration(rest[2])
    if (rest.length > 3 || (rest[2] !== undefined && (durationMs === undefined || durationMs < 0))) {
      return bad(`${JSON.stringify(rest.slice(2).join(' '))} is not a duration`)
    }
    if (first === 'daily') {
      return { curve: { kind: 'daily', low: a, high: b, peakMs: durationMs ?? defaultPeakMs }, noise }
    }
    if (durationMs === undefined || (first === 'square' && durationMs === 0)) return bad(`"${first}" wants a duration`)
    if (first === 'ramp') return { curve: { kind: 'ramp', from: a, to: b, durationMs }, noise }
    return { curve: { kind: 'square', low: a, high: b, periodMs: ms(durationMs) }, noise }
  }
  const amount = rest.length === 0 ? amountOf(first) : undefined
  return amount === undefined ? bad('not an amount') : { curve: { kind: 'constant', amount }, noise }
}

function amountOf(text: string | undefined): Amount | undefined {
  if (text === undefined) return undefined
  const share = percent(text)
  if (share !== undefined) return { ofRequest: share }
  const quantity = parseQuantity(text)
  return quantity === undefined || quantity.nano < 0n ? undefined : { milli: milliValue(text) }
}

function percent(text: string | undefined): number | undefined {
  const match = /^(\d+(?:\.\d+)?)%$/.exec(text ?? '')
  return match === null ? undefined : Number(match[1]) / 100
}
