// Quantities read from their documented grammar, as exact integers of a billionth. For tests: shares no code with the model.

const multipliers: { readonly [suffix: string]: readonly [numerator: bigint, denominator: bigint] } = {
  n: [1n, 10n ** 9n],
  u: [1n, 10n ** 6n],
  m: [1n, 1000n],
  '': [1n, 1n],
  k: [1000n, 1n],
  M: [10n ** 6n, 1n],
  G: [10n ** 9n, 1n],
  T: [10n ** 12n, 1n],
  P: [10n ** 15n, 1n],
  E: [10n ** 18n, 1n],
  Ki: [1024n, 1n],
  Mi: [1024n ** 2n, 1n],
  Gi: [1024n ** 3n, 1n],
  Ti: [1024n ** 4n, 1n],
  Pi: [1024n ** 5n, 1n],
  Ei: [1024n ** 6n, 1n],
}

const billion = 1_000_000_000n
const grammar = /^(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d+)|([numkMGTPE]|[KMGTPE]i))?$/

/** Billionths; what is finer counts as one more. */
export function nanoOf(text: string | number | undefined): bigint {
  if (text === undefined) return 0n
  const match = grammar.exec(String(text))
  if (match === null) throw new Error(`a test uses a quantity that this reader does not know: ${text}`)
  const [, whole = '', fraction = '', exponent, suffix = ''] = match
  const [times, over] =
    exponent === undefined
      ? multipliers[suffix]!
      : exponent.startsWith('-')
        ? ([1n, 10n ** BigInt(exponent.slice(1))] as const)
        : ([10n ** BigInt(exponent), 1n] as const)
  const numerator = BigInt(whole + fraction) * times * billion
  const denominator = fraction === '' ? over : 10n ** BigInt(fraction.length) * over
  return denominator === 1n ? numerator : (numerator + denominator - 1n) / denominator
}

/** Thousandths, rounded up. */
export function milliOf(nano: bigint): number {
  return Number((nano + 999_999n) / 1_000_000n)
}

/** Whole units, rounded up. */
export function wholeOf(nano: bigint): number {
  return Number((nano + 999_999_999n) / 1_000_000_000n)
}
