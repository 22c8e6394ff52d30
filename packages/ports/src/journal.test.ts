import { describe } from 'vitest'
import { journalSuite, MemoryJournal } from './suites/index.ts'

describe('MemoryJournal', () => {
  journalSuite(() => {
    const journal = new MemoryJournal()
    return { journal, settle: () => journal.write(), reopen: () => journal.afterCrash() }
  })
})
