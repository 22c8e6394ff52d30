// Sets of small integers as words of 32 bits. Hosts are numbered as they come, so these sets grow.

/** Most sets stay empty and share this. */
const noWords = new Uint32Array(0)

export class HostSet {
  words: Uint32Array = noWords

  add(host: number): void {
    const word = host >>> 5
    if (word >= this.words.length) {
      const grown = new Uint32Array(Math.max(8, word + 1, this.words.length * 2))
      grown.set(this.words)
      this.words = grown
    }
    this.words[word]! |= 1 << (host & 31)
  }

  remove(host: number): void {
    const word = host >>> 5
    if (word < this.words.length) this.words[word]! &= ~(1 << (host & 31))
  }

  has(host: number): boolean {
    const word = host >>> 5
    return word < this.words.length && (this.words[word]! & (1 << (host & 31))) !== 0
  }
}

export function wordsFor(size: number): number {
  return (size + 31) >>> 5
}

export function setBit(words: Uint32Array, bit: number): void {
  words[bit >>> 5]! |= 1 << (bit & 31)
}

export function hasBit(words: Uint32Array, bit: number): boolean {
  return (words[bit >>> 5]! & (1 << (bit & 31))) !== 0
}

export function allBits(size: number): Uint32Array {
  const words = new Uint32Array(wordsFor(size))
  for (let bit = 0; bit < size; bit++) setBit(words, bit)
  return words
}

/** Position of the lowest bit that is set. */
export function lowestBit(word: number): number {
  return 31 - Math.clz32(word & -word)
}
