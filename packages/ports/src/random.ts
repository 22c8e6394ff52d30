/** The only source of chance: the same seed gives the same draws. */
export interface Random {
  /** Uniform in [0, 1). */
  next(): number
  /** Uniform whole number in [0, below). */
  below(below: number): number
  /** A generator of its own for a part, decided by the seed and the name alone, whatever was drawn before. */
  split(name: string): Random
}

/** xoshiro128** seeded through splitmix32; not for secrets. */
export class SeededRandom implements Random {
  readonly #seed: string
  readonly #state: Uint32Array

  constructor(seed: string | number) {
    this.#seed = String(seed)
    let h = hash(this.#seed)
    this.#state = Uint32Array.from({ length: 4 }, () => {
      h = (h + 0x9e3779b9) | 0
      let z = h
      z = Math.imul(z ^ (z >>> 16), 0x85ebca6b)
      z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35)
      return z ^ (z >>> 16)
    })
  }

  next(): number {
    return (this.#draw() >>> 5) / 0x8000000
  }

  below(below: number): number {
    return Math.floor(this.next() * below)
  }

  split(name: string): Random {
    return new SeededRandom(`${this.#seed}/${name}`)
  }

  #draw(): number {
    const s = this.#state
    const scrambled = Math.imul(rotate(Math.imul(s[1]!, 5), 7), 9)
    const t = s[1]! << 9
    s[2]! ^= s[0]!
    s[3]! ^= s[1]!
    s[1]! ^= s[2]!
    s[0]! ^= s[3]!
    s[2]! ^= t
    s[3] = rotate(s[3]!, 11)
    return scrambled >>> 0
  }
}

function rotate(x: number, k: number): number {
  return (x << k) | (x >>> (32 - k))
}

/** FNV-1a. */
function hash(text: string): number {
  let h = 0x811c9dc5
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193)
  return h
}

/** A log-normal draw with the given median and 95th percentile. */
export function logNormal(random: Random, o: { readonly median: number; readonly p95: number }): number {
  if (o.median <= 0) return 0
  const sigma = Math.log(o.p95 / o.median) / 1.6448536269514722
  const u = 1 - random.next()
  const normal = Math.sqrt(-2 * Math.log(u)) * Math.cos(2 * Math.PI * random.next())
  return o.median * Math.exp(sigma * normal)
}

const hexDigits = '0123456789abcdef'
/** `length` hexadecimal digits, for ids. */
export function hex(random: Random, length: number): string {
  return Array.from({ length }, () => hexDigits[random.below(16)]).join('')
}

/** A version 4 UUID: joined at once, for V8 keeps what is concatenated in pieces, and objects keep their ids for long. */
export function uuid(random: Random): string {
  const h = hex(random, 32)
  const variant = hexDigits[8 + random.below(4)]!
  return [h.slice(0, 8), h.slice(8, 12), `4${h.slice(13, 16)}`, variant + h.slice(17, 20), h.slice(20)].join('-')
}
