// Amounts of a resource as plain numbers: cpu in thousandths of a core, everything else in whole units (bytes, pieces).
// Whole numbers add up exactly in any order, so sums kept by adding and taking away never wander.
import { parseQuantity, type ExactQuantity } from '@plimsoll/model'

const nanoPerMilli = 1_000_000n
const nanoPerUnit = 1_000_000_000n

/** Rounded up, as Kubernetes rounds. */
export function amountOf(resource: string, quantity: ExactQuantity): number {
  const step = resource === 'cpu' ? nanoPerMilli : nanoPerUnit
  return Number((quantity.nano + (quantity.nano > 0n ? step - 1n : 0n)) / step)
}

/** 0 for malformed text. */
export function parseAmount(resource: string, text: string | number): number {
  const quantity = parseQuantity(text)
  return quantity === undefined ? 0 : amountOf(resource, quantity)
}

export type AmountUnit = 'millicores' | 'bytes' | 'count'

export function unitOf(resource: string): AmountUnit {
  if (resource === 'cpu') return 'millicores'
  return /^(memory|storage|ephemeral-storage|hugepages-.*)$/.test(resource) ? 'bytes' : 'count'
}

const binarySuffixes = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei']

/** `4250m`, `1.5Gi`, `12`: cpu as Kubernetes writes it, bytes with at most one decimal. */
export function amountText(resource: string, amount: number): string {
  switch (unitOf(resource)) {
    case 'millicores':
      return amount % 1000 === 0 ? String(amount / 1000) : `${amount}m`
    case 'bytes': {
      let scaled = amount
      let step = 0
      // 1023.96Mi would be written 1024.0Mi: that is 1Gi.
      while (Math.abs(scaled) >= 1023.95 && step < binarySuffixes.length - 1) {
        scaled /= 1024
        step++
      }
      return `${scaled.toFixed(1).replace(/\.0$/, '')}${binarySuffixes[step]}`
    }
    case 'count':
      return String(amount)
  }
}
