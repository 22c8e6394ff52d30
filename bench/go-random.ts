// Go's seeded generator (golang/go:src/math/rand), so that workloads drawn from it are upstream's own, number for number.
//
// It is an additive lagged Fibonacci generator over 64 bits: x(n) = x(n-607) + x(n-273). Its table of 607 numbers is the
// state that the same recurrence reaches from seed 1 after 7.8 × 10^12 steps (gen_cooked.go). Nobody walks those: the
// recurrence is linear, so x(n) is a fixed combination of the first 607, whose weights are the coefficients of z^n modulo
// z^607 - z^334 - 1, and z^n takes 43 squarings.

const length = 607
const tap = 273
const cookingSteps = 7_800_000_000_000n
const modulus = 2 ** 31 - 1
const mask = (1n << 64n) - 1n

/** The multiplicative generator that stretches a seed; exact in doubles, for 48271 × 2^31 is below 2^53. */
function* seeds(seed: number): Generator<bigint, never> {
  let x = seed % modulus
  if (x < 0) x += modulus
  if (x === 0) x = 89_482_311
  for (let i = 0; ; i++) {
    x = (x * 48_271) % modulus
    if (i >= 20) yield BigInt(x)
  }
}

/** 607 numbers of three seeds each; the seed before the first is skipped over 20 times. */
function stretch(seed: number, shift: bigint): bigint[] {
  const next = seeds(seed)
  const draw = (): bigint => next.next().value
  return Array.from({ length }, () => (draw() << (2n * shift)) ^ (draw() << shift) ^ draw())
}

// Polynomials are multiplied as one long number each: 36 hexadecimal digits hold a sum of 607 products of 64 bits.
const digits = 36

function pack(coefficients: readonly bigint[]): bigint {
  return BigInt(`0x${coefficients.map((c) => c.toString(16).padStart(digits, '0')).join('')}`)
}

/** All coefficients of the product, in the order that the factors have theirs in. */
function multiply(a: readonly bigint[], b: readonly bigint[]): bigint[] {
  const count = a.length + b.length - 1
  const text = (pack(a) * pack(b)).toString(16).padStart(count * digits, '0')
  return Array.from({ length: count }, (_, i) => BigInt(`0x${text.slice(i * digits, (i + 1) * digits)}`) & mask)
}

/** Lowest power first. */
function reduce(polynomial: bigint[]): bigint[] {
  for (let power = polynomial.length - 1; power >= length; power--) {
    const c = polynomial[power]!
    polynomial[power - length] = (polynomial[power - length]! + c) & mask
    polynomial[power - tap] = (polynomial[power - tap]! + c) & mask
  }
  return polynomial.slice(0, length)
}

function powerOfZ(exponent: bigint): bigint[] {
  let result = [1n, ...Array.from({ length: length - 1 }, () => 0n)]
  for (const bit of exponent.toString(2)) {
    result = reduce(multiply(result, result))
    if (bit === '1') result = reduce([0n, ...result])
  }
  return result
}

function cook(): readonly bigint[] {
  // The slot that step n writes, counted down from 333; before the first step, slots hold what steps -607 to -1 wrote.
  const slotOf = (n: bigint): number => Number((((333n - n) % 607n) + 607n) % 607n)
  const start = stretch(1, 10n)
  const x = Array.from({ length }, (_, i) => start[slotOf(BigInt(i - length))]!)
  for (let i = length; i < 2 * length - 1; i++) x.push((x[i - length]! + x[i - tap]!) & mask)
  const weights = powerOfZ(cookingSteps).toReversed()
  // Sums of weights(c) × x(c + i) are the product's middle coefficients.
  const product = multiply(weights, x)
  const table: bigint[] = []
  for (let i = 0; i < length; i++) {
    table[slotOf(cookingSteps - BigInt(length) + BigInt(i))] = product[i + length - 1]!
  }
  return table
}

let cooked: readonly bigint[] | undefined

/** `rand.New(rand.NewSource(seed))`. */
export class GoRandom {
  readonly #high: Uint32Array = new Uint32Array(length)
  readonly #low: Uint32Array = new Uint32Array(length)
  #tap = 0
  #feed: number = length - tap

  constructor(seed: number) {
    cooked ??= cook()
    stretch(seed, 20n).forEach((value, i) => {
      const mixed = value ^ cooked![i]!
      this.#high[i] = Number((mixed >> 32n) & 0xffff_ffffn)
      this.#low[i] = Number(mixed & 0xffff_ffffn)
    })
  }

  /** Uniform in [0, 2^31). */
  int31(): number {
    this.#tap = this.#tap === 0 ? length - 1 : this.#tap - 1
    this.#feed = this.#feed === 0 ? length - 1 : this.#feed - 1
    const low = this.#low[this.#feed]! + this.#low[this.#tap]!
    const high = this.#high[this.#feed]! + this.#high[this.#tap]! + (low > 0xffff_ffff ? 1 : 0)
    this.#low[this.#feed] = low
    this.#high[this.#feed] = high
    return this.#high[this.#feed]! & 0x7fff_ffff
  }

  /** Uniform in [0, below), for `below` under 2^31. */
  intn(below: number): number {
    if ((below & (below - 1)) === 0) return this.int31() & (below - 1)
    const greatest = 2 ** 31 - 1 - (2 ** 31 % below)
    let drawn = this.int31()
    while (drawn > greatest) drawn = this.int31()
    return drawn % below
  }
}
