import type { Ms } from '@plimsoll/model'

/** `12s`, `3m20s`, `5d`: short, two units where they matter (kubernetes/apimachinery:pkg/util/duration, HumanDuration). */
export function humanDuration(duration: Ms): string {
  const seconds = Math.max(0, Math.floor(duration / 1000))
  const minutes = Math.floor(seconds / 60)
  const hours = Math.floor(minutes / 60)
  const days = Math.floor(hours / 24)
  if (seconds < 120) return `${seconds}s`
  if (minutes < 10) return joined(minutes, 'm', seconds % 60, 's')
  if (hours < 3) return `${minutes}m`
  if (hours < 8) return joined(hours, 'h', minutes % 60, 'm')
  if (hours < 48) return `${hours}h`
  if (days < 8) return joined(days, 'd', hours % 24, 'h')
  if (days < 730) return `${days}d`
  if (days < 2920) return joined(Math.floor(days / 365), 'y', days % 365, 'd')
  return `${Math.floor(days / 365)}y`
}

function joined(big: number, bigUnit: string, small: number, smallUnit: string): string {
  return small === 0 ? `${big}${bigUnit}` : `${big}${bigUnit}${small}${smallUnit}`
}
