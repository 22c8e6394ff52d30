// The folder of `plimsoll up --data-dir`: the journal, the keys, and whose they are.
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { ms, type Ms } from '@plimsoll/model'
import { JournalError, type Clock } from '@plimsoll/ports'
import { CliError } from '../failure.ts'
import { SqliteJournal } from './sqlite-journal.ts'

/** Written when the cluster was there for the first time: without it a start was broken off, and nothing was shown. */
const recordKey = 'cluster/record'
const clockKey = 'cluster/clock'

interface ClusterRecord {
  readonly name: string
  /** How often it was started: no life repeats the random numbers of another. */
  readonly starts: number
}

export class DataFolder {
  readonly journal: SqliteJournal
  readonly pki: string
  /** How often the cluster was started before; 0: it is new. */
  readonly starts: number
  /** The cluster's time when it was last written to. */
  readonly lastSeen: Ms
  readonly #name: string

  private constructor(folder: string, name: string, journal: SqliteJournal) {
    this.journal = journal
    this.pki = join(folder, 'pki')
    this.#name = name
    const record = read<ClusterRecord>(journal, recordKey)
    if (record !== undefined && record.name !== name) {
      throw new CliError(
        `${folder} holds the cluster ${record.name}; start it with --name ${record.name}, or choose another folder`,
      )
    }
    if (record === undefined) journal.clear()
    this.starts = record?.starts ?? 0
    this.lastSeen = ms(read<{ readonly now: number }>(journal, clockKey)?.now ?? 0)
  }

  /** @throws {CliError} when it cannot be used, is in use, is damaged, or holds something else */
  static open(folder: string, name: string): DataFolder {
    try {
      mkdirSync(join(folder, 'pki'), { recursive: true, mode: 0o700 })
    } catch (error) {
      throw new CliError(`cannot keep the cluster in ${folder} (${(error as NodeJS.ErrnoException).code})`)
    }
    let journal: SqliteJournal | undefined
    try {
      journal = SqliteJournal.open(join(folder, 'cluster.db'))
      return new DataFolder(folder, name, journal)
    } catch (error) {
      journal?.close()
      if (!(error instanceof JournalError)) throw error
      throw new CliError(error.message + advice[error.failure])
    }
  }

  /** From now on the cluster's time is kept as well. */
  follow(clock: Clock): void {
    this.journal.beforeClose(() => this.journal.put(clockKey, { now: clock.now() }))
  }

  /** The cluster is there: what it is from here on is what the next start finds. Resolves when that is on disk. */
  async started(): Promise<void> {
    this.journal.put(recordKey, { name: this.#name, starts: this.starts + 1 } satisfies ClusterRecord)
    await this.journal.durable()
  }
}

const advice = {
  inUse: ': stop the cluster that runs on it, or choose another --data-dir',
  foreign: ': choose another --data-dir',
  damaged: ': restore it from a copy, or choose another --data-dir',
  unwritable: '',
}

function read<T>(journal: SqliteJournal, key: string): T | undefined {
  for (const { value } of journal.entries(key)) return value as T
  return undefined
}
