/** What a world keeps across the death of its process: the last value under each key. */
export interface Journal {
  /** What an earlier process kept whose keys begin so, in the order of keys. @throws {JournalError} damaged */
  entries(prefix: string): Iterable<JournalEntry>
  /**
   * Notes the present value of a key, or with undefined that it is gone. The value is plain JSON and is turned into
   * text no later than the batch is closed; it must not change between. Batches are closed in order and whole: what is
   * found again is the state after some batch, never a part of one.
   */
  put(key: string, value: object | undefined): void
  /** Called just before a batch is closed: the last moment to `put` into it. */
  beforeClose(collect: () => void): void
  /**
   * Undefined when everything that was put would be found again after a crash now; else resolves when that holds of
   * all that was put before the call. Rejects with JournalError `unwritable` while the disk refuses: nothing is lost
   * then, and the next call tries again.
   */
  durable(): Promise<void> | undefined
}

export interface JournalEntry {
  readonly key: string
  readonly value: object
}

/** inUse: another process has it open. foreign: it is no journal, or a newer program's. damaged: it cannot be read. */
export type JournalFailure = 'inUse' | 'foreign' | 'damaged' | 'unwritable'

export class JournalError extends Error {
  override readonly name = 'JournalError'
  readonly failure: JournalFailure

  constructor(failure: JournalFailure, message: string, cause?: unknown) {
    super(message, { cause })
    this.failure = failure
  }
}
