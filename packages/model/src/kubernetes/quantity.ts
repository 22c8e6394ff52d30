// Kubernetes quantities (kubernetes/apimachinery:pkg/api/resource/quantity.go), exact: a value is a whole number of
// nanos, the smallest step upstream keeps. Text is parsed once and remembered, for the same few texts come back for
// every pod.

export type QuantityFormat = 'DecimalSI' | 'BinarySI' | 'DecimalExponent'

export interface ExactQuantity {
  /** The value times 10^9, rounded up (away from zero) where the text is finer. */
  readonly nano: bigint
  readonly format: QuantityFormat
}

const binary: Record<string, bigint> = {
  Ki: 1n << 10n,
  Mi: 1n << 20n,
  Gi: 1n << 30n,
  Ti: 1n << 40n,
  Pi: 1n << 50n,
  Ei: 1n << 60n,
}
const decimal: Record<string, number> = { n: -9, u: -6, m: -3, '': 0, k: 3, M: 6, G: 9, T: 12, P: 15, E: 18 }
const shape = /^([+-]?)(?:(\d+)(?:\.(\d*))?|\.(\d+))(?:([eE][+-]?\d+)|([KMGTPE]i|[numkMGTPE]?))$/
const nano = 1_000_000_000n
const largest = ((1n << 63n) - 1n) * nano

const parsed = new Map<string, ExactQuantity | undefined>()
const remembered = 20_000

/** Parses a quantity; undefined when it is malformed. Those with a binary suffix are capped at 2^63-1; others grow without end, as upstream has it. */
export function parseQuantity(text: string | number): ExactQuantity | undefined {
  const key = typeof text === 'number' ? String(text) : text
  const known = parsed.get(key)
  if (known !== undefined || parsed.has(key)) return known
  const result = parse(key)
  if (parsed.size >= remembered) parsed.clear()
  parsed.set(key, result)
  return result
}

function parse(text: string): ExactQuantity | undefined {
  const match = shape.exec(text)
  if (match === null) return undefined
  const [, sign, whole = '', fraction = match[4] ?? '', , exponent, suffix = ''] = match
  const digits = BigInt(whole + fraction || '0')
  let numerator = digits * nano
  let denominator = 10n ** BigInt(fraction.length)
  let format: QuantityFormat = 'DecimalSI'
  const factor = binary[suffix]
  if (factor !== undefined) {
    format = 'BinarySI'
    numerator *= factor
  } else {
    const power = exponent === undefined ? decimal[suffix] : Number(exponent.slice(1))
    if (power === undefined) return undefined
    if (exponent !== undefined) format = 'DecimalExponent'
    if (power > 1000 || power < -1000) return undefined
    if (power >= 0) numerator *= 10n ** BigInt(power)
    else denominator *= 10n ** BigInt(-power)
  }
  let value = (numerator + denominator - 1n) / denominator
  if (format === 'BinarySI') {
    if (value > largest) value = largest
    if (value > 0n && value < nano) format = 'DecimalSI'
  }
  return { nano: sign === '-' ? -value : value, format }
}

/** The value in thousandths, rounded up; 0 for malformed text. Mirrors Quantity.MilliValue. */
export function milliValue(text: string | number | undefined): number {
  return scaled(text, 1_000_000n)
}

/** The value in whole units, rounded up; 0 for malformed text. Mirrors Quantity.Value. */
export function wholeValue(text: string | number | undefined): number {
  return scaled(text, nano)
}

function scaled(text: string | number | undefined, step: bigint): number {
  if (text === undefined) return 0
  const quantity = parseQuantity(text)
  if (quantity === undefined) return 0
  return Number(ceilDivide(quantity.nano, step))
}

function ceilDivide(value: bigint, step: bigint): bigint {
  const quotient = value / step
  const rest = value % step
  if (rest === 0n) return quotient
  return value > 0n ? quotient + 1n : quotient - 1n
}

/** -1, 0 or 1; malformed text counts as zero. */
export function compareQuantities(a: string | number, b: string | number): -1 | 0 | 1 {
  const left = parseQuantity(a)?.nano ?? 0n
  const right = parseQuantity(b)?.nano ?? 0n
  return left < right ? -1 : left > right ? 1 : 0
}

/** The canonical text (kubernetes/apimachinery: Quantity.CanonicalizeBytes). */
export function formatQuantity(quantity: ExactQuantity): string {
  const negative = quantity.nano < 0n
  const value = negative ? -quantity.nano : quantity.nano
  const text =
    quantity.format === 'BinarySI' && value % nano === 0n && value / nano >= 1024n
      ? formatBinary(value / nano)
      : formatDecimal(value, quantity.format)
  return negative ? `-${text}` : text
}

function formatBinary(value: bigint): string {
  let suffix = ''
  for (const [name, factor] of Object.entries(binary)) if (value % factor === 0n) suffix = name
  return suffix === '' ? String(value) : `${value / binary[suffix]!}${suffix}`
}

function formatDecimal(value: bigint, format: QuantityFormat): string {
  if (value === 0n) return '0'
  const steps = ['n', 'u', 'm', '', 'k', 'M', 'G', 'T', 'P', 'E']
  let step = 0
  let rest = value
  while ((step < steps.length - 1 || format === 'DecimalExponent') && rest % 1000n === 0n) {
    rest /= 1000n
    step++
  }
  if (format !== 'DecimalExponent') return `${rest}${steps[step]}`
  const power = step * 3 - 9
  return power === 0 ? String(rest) : `${rest}e${power}`
}

/** The exact sum, in the form of the first that is not zero (Quantity.Add). Malformed texts are passed over. */
export function sumQuantities(texts: Iterable<string | number>): ExactQuantity {
  let total = 0n
  let format: QuantityFormat = 'DecimalSI'
  for (const text of texts) {
    const quantity = parseQuantity(text)
    if (quantity === undefined) continue
    if (total === 0n) format = quantity.format
    total += quantity.nano
  }
  return { nano: total, format }
}
