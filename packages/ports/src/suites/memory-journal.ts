import type { Journal, JournalEntry, JournalError } from '../journal.ts'

/** A journal whose disk is a map, for tests: writes reach it when `write` is called, or never. */
export class MemoryJournal implements Journal {
  /** What a later process finds, by key, as text. */
  readonly kept: Map<string, string>
  readonly #pending = new Map<string, object | undefined>()
  readonly #collectors: (() => void)[] = []
  readonly #waiting: { readonly resolve: () => void; readonly reject: (error: JournalError) => void }[] = []

  constructor(kept: ReadonlyMap<string, string> = new Map()) {
    this.kept = new Map(kept)
  }

  *entries(prefix: string): Generator<JournalEntry> {
    for (const [key, text] of [...this.kept].toSorted(([a], [b]) => (a < b ? -1 : 1)))
      if (key.startsWith(prefix)) yield { key, value: JSON.parse(text) as object }
  }

  put(key: string, value: object | undefined): void {
    this.#pending.set(key, value)
  }

  beforeClose(collect: () => void): void {
    this.#collectors.push(collect)
  }

  durable(): Promise<void> | undefined {
    if (this.#pending.size === 0) return undefined
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }))
  }

  /** Closes the batch, and wakes all who wait. */
  write(): void {
    for (const collect of this.#collectors) collect()
    for (const [key, value] of this.#pending) {
      if (value === undefined) this.kept.delete(key)
      else this.kept.set(key, JSON.stringify(value))
    }
    this.#pending.clear()
    for (const { resolve } of this.#waiting.splice(0)) resolve()
  }

  /** The disk refuses: all who wait hear of it, and nothing is lost. */
  refuse(error: JournalError): void {
    for (const { reject } of this.#waiting.splice(0)) reject(error)
  }

  /** What a process finds that starts after this one was killed. */
  afterCrash(): MemoryJournal {
    return new MemoryJournal(this.kept)
  }
}
