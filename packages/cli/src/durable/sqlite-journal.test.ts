import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { JournalError, type Journal } from '@plimsoll/ports'
import { journalSuite } from '@plimsoll/ports/suites'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { SqliteJournal } from './sqlite-journal.ts'

let folder = ''
let file = ''
const opened: SqliteJournal[] = []
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'plimsoll-journal-'))
  file = join(folder, 'cluster.db')
})
afterEach(() => {
  for (const journal of opened.splice(0)) journal.close()
  rmSync(folder, { recursive: true, force: true })
})

function open(): SqliteJournal {
  const journal = SqliteJournal.open(file)
  opened.push(journal)
  return journal
}

function reopened(): SqliteJournal {
  opened.pop()!.close()
  return open()
}

const rows = (journal: Journal, prefix = ''): unknown[] =>
  [...journal.entries(prefix)].map(({ key, value }) => [key, value])

function refusal(): JournalError {
  try {
    open()
  } catch (error) {
    if (error instanceof JournalError) return error
    throw error
  }
  throw new Error('it opened')
}

describe('a journal', () => {
  journalSuite(() => ({ journal: open(), settle: () => {}, reopen: reopened }))

  it('has one wait for all that was put in one turn', async () => {
    const journal = open()
    journal.put('a', {})
    const first = journal.durable()
    journal.put('b', {})
    expect(journal.durable()).toBe(first)
    await first
    expect(journal.durable()).toBeUndefined()
    expect(rows(journal)).toEqual([
      ['a', {}],
      ['b', {}],
    ])
  })

  it('writes by itself what nobody waits for', async () => {
    open().put('a', {})
    await new Promise((resolve) => setTimeout(resolve, 300))
    // As another process finds it after a crash: a copy of the files as they are.
    const copy = join(folder, 'copy.db')
    for (const suffix of ['', '-wal']) writeFileSync(copy + suffix, readFileSync(file + suffix))
    const found = SqliteJournal.open(copy)
    expect(rows(found)).toEqual([['a', {}]])
    found.close()
  })

  it('is its owner’s alone, and one process’s', () => {
    open()
    expect(statSync(file).mode & 0o777).toBe(0o600)
    expect(refusal()).toMatchObject({ failure: 'inUse', message: `${file} is in use by another process` })
  })

  it('gives back the room of what was deleted', () => {
    const journal = open()
    for (let i = 0; i < 4000; i++) journal.put(`k${i}`, { text: 'x'.repeat(8000) })
    journal.flush()
    for (let i = 0; i < 4000; i++) journal.put(`k${i}`, undefined)
    reopened()
    reopened()
    expect(statSync(file).size).toBeLessThan(1_000_000)
  })
})

describe('a file that is no good', () => {
  const other = (sql: string): void => {
    const database = new DatabaseSync(file)
    database.exec(sql)
    database.close()
  }
  const filled = (): void => {
    const journal = open()
    for (let i = 0; i < 500; i++) journal.put(`k${i}`, { text: 'x'.repeat(1000) })
    opened.pop()!.close()
  }

  it.each([
    {
      what: 'not ours at all',
      make: () => writeFileSync(file, 'my notes, not to be overwritten'),
      failure: 'foreign',
      says: /is not a file that Plimsoll wrote$/,
    },
    {
      what: 'another program’s database',
      make: () => other('CREATE TABLE notes (text)'),
      failure: 'foreign',
      says: /belongs to another program$/,
    },
    {
      what: 'of a newer Plimsoll',
      make: () => {
        filled()
        other('PRAGMA user_version = 2')
      },
      failure: 'foreign',
      says: /was written by a newer Plimsoll \(format 2; this one reads up to 1\)$/,
    },
  ])('$what is refused and left as it is', ({ make, failure, says }) => {
    make()
    const before = readFileSync(file)
    expect(refusal()).toMatchObject({ failure, message: expect.stringMatching(says) as string })
    expect(readFileSync(file).equals(before)).toBe(true)
  })

  it('cut off is damaged', () => {
    filled()
    truncateSync(file, 200_000)
    let said: unknown
    try {
      rows(open())
    } catch (error) {
      said = error
    }
    expect(said).toMatchObject({ failure: 'damaged', message: expect.stringContaining('is damaged') as string })
  })

  it('with an entry that is no JSON is damaged, and names it', () => {
    filled()
    other(`UPDATE entry SET value = '{"te' WHERE key = 'k7'`)
    expect(() => rows(open())).toThrow(`${file} is damaged: the entry k7 cannot be read`)
  })
})

describe('a disk that is full', () => {
  const program = `
    import { SqliteJournal } from ${JSON.stringify(fileURLToPath(new URL('sqlite-journal.ts', import.meta.url)))}
    const journal = SqliteJournal.open(process.argv[1])
    let acknowledged = 0
    try {
      for (;; acknowledged++) {
        journal.put('k' + String(acknowledged).padStart(6, '0'), { text: 'x'.repeat(10000) })
        await journal.durable()
      }
    } catch (error) {
      let again = ''
      try { await journal.durable() } catch (second) { again = second.failure }
      console.log(JSON.stringify({ acknowledged, failure: error.failure, message: error.message, again }))
      process.kill(process.pid, 'SIGKILL')
    }`

  it.runIf(process.platform === 'linux')('acknowledges nothing more, says so, and harms nothing', () => {
    // No file may grow beyond 2,048 blocks of 512 bytes.
    const script = `trap '' XFSZ; ulimit -f 2048; exec "$0" --input-type=module -e "$1" "$2"`
    const run = spawnSync('sh', ['-c', script, process.execPath, program, file], { encoding: 'utf8' })
    const told = JSON.parse(run.stdout) as { acknowledged: number; failure: string; message: string; again: string }
    expect(told).toMatchObject({ failure: 'unwritable', again: 'unwritable' })
    expect(told.message).toMatch(/cannot be written \((disk I\/O error|database or disk is full)\)/)
    expect(told.acknowledged).toBeGreaterThan(10)
    expect(rows(open())).toHaveLength(told.acknowledged)
  })
})
