// A journal in one SQLite file, with the SQLite that Node brings. Everything put between two turns of the event loop is
// one transaction with one fsync.
import { chmodSync, closeSync, openSync, readSync, statSync } from 'node:fs'
import { DatabaseSync, type StatementSync } from 'node:sqlite'
import { JournalError, type Journal, type JournalEntry } from '@plimsoll/ports'

/** `PLIM`: tells our files from others' (PRAGMA application_id). */
const applicationId = 0x504c494d
const formatVersion = 1
/** Changes that nobody waits for reach the disk this much later at most. */
const lazyMs = 100

/** The log is cut back to this after a burst. */
const logBytesMax = 16 * 1024 * 1024

const resultCodes = { busy: 5, readOnly: 8, ioError: 10, corrupt: 11, full: 13, cantOpen: 14, notADatabase: 26 }

export class SqliteJournal implements Journal {
  readonly #file: string
  readonly #database: DatabaseSync
  readonly #write: StatementSync
  readonly #erase: StatementSync
  readonly #collectors: (() => void)[] = []
  #pending: Map<string, object | undefined> = new Map()
  /** Resolves when what is pending has been written. */
  #closing: Promise<void> | undefined
  #timer: NodeJS.Timeout | undefined
  #closed = false

  private constructor(file: string, database: DatabaseSync) {
    this.#file = file
    this.#database = database
    this.#write = database.prepare(
      'INSERT INTO entry VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value',
    )
    this.#erase = database.prepare('DELETE FROM entry WHERE key = ?')
  }

  /** Opens the file, or makes it, for this process alone. @throws {JournalError} inUse, foreign, damaged, unwritable */
  static open(file: string): SqliteJournal {
    let database: DatabaseSync | undefined
    try {
      refuseOthersFiles(file)
      database = new DatabaseSync(file, { timeout: 0 })
      // Exclusive: the lock is held until the process ends, however it ends, and the log needs no shared memory.
      database.exec('PRAGMA locking_mode = EXCLUSIVE')
      // Looked at before anything is set: a file of others stays as it is.
      const isNew = isEmpty(database, file)
      database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL')
      database.exec(`PRAGMA journal_size_limit = ${logBytesMax}`)
      if (isNew) database.exec(format)
      else compact(database)
      chmodSync(file, 0o600)
      return new SqliteJournal(file, database)
    } catch (error) {
      database?.close()
      throw error instanceof JournalError ? error : journalError(error, file)
    }
  }

  *entries(prefix: string): Generator<JournalEntry> {
    const rows = this.#database
      .prepare('SELECT key, value FROM entry WHERE key >= ? AND key < ? ORDER BY key')
      .iterate(prefix, `${prefix}\u{10ffff}`)
    try {
      for (const row of rows) {
        const key = String(row['key'])
        yield { key, value: parsed(this.#file, key, String(row['value'])) }
      }
    } catch (error) {
      throw error instanceof JournalError ? error : journalError(error, this.#file)
    }
  }

  put(key: string, value: object | undefined): void {
    if (this.#closed) return
    this.#pending.set(key, value)
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined
      // Who waits hears of a failure; here the changes stay and are tried again.
      this.durable()?.catch(() => {})
    }, lazyMs)
  }

  beforeClose(collect: () => void): void {
    this.#collectors.push(collect)
  }

  durable(): Promise<void> | undefined {
    if (this.#closing !== undefined) return this.#closing
    if (this.#pending.size === 0) return undefined
    // One turn of the event loop later, so that all requests that are being answered share one fsync.
    this.#closing = new Promise((resolve, reject) => {
      setImmediate(() => {
        this.#closing = undefined
        try {
          this.flush()
          resolve()
        } catch (error) {
          reject(error as JournalError)
        }
      })
    })
    return this.#closing
  }

  /** Writes what is pending, now. @throws {JournalError} unwritable; what was pending stays so */
  flush(): void {
    if (this.#pending.size === 0 || this.#closed) return
    for (const collect of this.#collectors) collect()
    clearTimeout(this.#timer)
    this.#timer = undefined
    const batch = this.#pending
    try {
      this.#database.exec('BEGIN')
      for (const [key, value] of batch) {
        if (value === undefined) this.#erase.run(key)
        else this.#write.run(key, JSON.stringify(value))
      }
      this.#database.exec('COMMIT')
      this.#pending = new Map()
    } catch (error) {
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK')
      throw journalError(error, this.#file)
    }
  }

  /** Forgets everything. @throws {JournalError} unwritable */
  clear(): void {
    this.#pending.clear()
    try {
      this.#database.exec('DELETE FROM entry')
    } catch (error) {
      throw journalError(error, this.#file)
    }
  }

  /** Writes what is pending and gives the file up. */
  close(): void {
    if (this.#closed) return
    try {
      this.flush()
    } finally {
      this.#closed = true
      clearTimeout(this.#timer)
      this.#database.close()
    }
  }
}

/** SQLite would take an empty or cut-off file for a new database and write over it. */
function refuseOthersFiles(file: string): void {
  const size = statSync(file, { throwIfNoEntry: false })?.size ?? 0
  if (size === 0) return
  const head = Buffer.alloc(16)
  const handle = openSync(file, 'r')
  try {
    readSync(handle, head)
  } finally {
    closeSync(handle)
  }
  if (head.toString('latin1') !== 'SQLite format 3\0') throw foreign(file, 'is not a file that Plimsoll wrote')
}

const format = `
  BEGIN;
  CREATE TABLE entry (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
  PRAGMA application_id = ${applicationId};
  PRAGMA user_version = ${formatVersion};
  COMMIT`

/** Whether it is still to be made a journal. @throws {JournalError} foreign when it is something else */
function isEmpty(database: DatabaseSync, file: string): boolean {
  const pragma = pragmasOf(database)
  const tables = database.prepare('SELECT count(*) AS n FROM sqlite_schema').get()?.['n']
  const id = pragma('application_id')
  if (id === 0 && tables === 0) return true
  if (id !== applicationId) throw foreign(file, 'belongs to another program')
  const version = pragma('user_version')
  if (version > formatVersion) {
    throw foreign(file, `was written by a newer Plimsoll (format ${version}; this one reads up to ${formatVersion})`)
  }
  return false
}

function pragmasOf(database: DatabaseSync): (name: string) => number {
  return (name) => Number(database.prepare(`PRAGMA ${name}`).get()?.[name])
}

/** Room of what was deleted is used again; a file that is mostly such room is written anew. */
function compact(database: DatabaseSync): void {
  const pragma = pragmasOf(database)
  const [pages, free, bytes] = [pragma('page_count'), pragma('freelist_count'), pragma('page_size')]
  if (free * 2 > pages && free * bytes > logBytesMax) database.exec('VACUUM')
}

function parsed(file: string, key: string, text: string): object {
  try {
    return JSON.parse(text) as object
  } catch (error) {
    throw new JournalError('damaged', `${file} is damaged: the entry ${key} cannot be read`, error)
  }
}

function foreign(file: string, what: string): JournalError {
  return new JournalError('foreign', `${file} ${what}`)
}

function journalError(error: unknown, file: string): JournalError {
  const { errcode, message, code } = error as Error & { readonly errcode?: number; readonly code?: string }
  // The low byte is the kind, the rest says more.
  switch ((errcode ?? 0) & 0xff) {
    case resultCodes.busy:
      return new JournalError('inUse', `${file} is in use by another process`, error)
    case resultCodes.corrupt:
      return new JournalError('damaged', `${file} is damaged (${message})`, error)
    case resultCodes.notADatabase:
      return foreign(file, 'is not a file that Plimsoll wrote')
    default:
      return new JournalError(
        'unwritable',
        `${file} cannot be written (${code === 'ERR_SQLITE_ERROR' || code === undefined ? message : code})`,
        error,
      )
  }
}
