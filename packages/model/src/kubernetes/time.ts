import type { Ms } from '../units.ts'

let lastSecond = NaN
let lastText = ''

/** RFC 3339 with whole seconds, as metav1.Time is written. Remembers the last one, for much happens at one instant. */
export function timestamp(at: Ms): string {
  const second = Math.floor(at / 1000)
  if (second !== lastSecond) {
    lastText = `${new Date(at).toISOString().slice(0, 19)}Z`
    lastSecond = second
  }
  return lastText
}

/** RFC 3339 with six decimals, as metav1.MicroTime is written (Leases, events.k8s.io). */
export function microTimestamp(at: Ms): string {
  return `${new Date(at).toISOString().slice(0, 23)}000Z`
}

/** Milliseconds since the epoch, or undefined for an absent or malformed time. */
export function instant(text: string | null | undefined): Ms | undefined {
  if (text === undefined || text === null) return undefined
  const at = Date.parse(text)
  return Number.isNaN(at) ? undefined : (at as Ms)
}
