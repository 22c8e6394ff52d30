import { describe, expect, it } from 'vitest'
import type { Journal } from '../journal.ts'

/** What every journal keeps. `reopen` gives the journal of a process that starts after the first has ended. */
export function journalSuite(
  open: () => { readonly journal: Journal; readonly settle: () => void; readonly reopen: () => Journal },
): void {
  const rows = (journal: Journal, prefix = ''): unknown[] =>
    [...journal.entries(prefix)].map(({ key, value }) => [key, value])

  describe('as every journal', () => {
    it('has the last value of every key again, in the order of keys, and nothing of what was removed', async () => {
      const { journal, settle, reopen } = open()
      const wait = async (): Promise<void> => {
        const waiting = journal.durable()
        settle()
        await waiting
      }
      journal.put('b/2', { n: 1 })
      journal.put('a/1', { text: 'ä\u2028\ud83d\ude00' })
      journal.put('b/1', { n: 2 })
      await wait()
      journal.put('b/2', { n: 3 })
      journal.put('b/1', undefined)
      await wait()
      const again = reopen()
      expect(rows(again)).toEqual([
        ['a/1', { text: 'ä\u2028\ud83d\ude00' }],
        ['b/2', { n: 3 }],
      ])
      expect(rows(again, 'b/')).toEqual([['b/2', { n: 3 }]])
      expect(rows(again, 'c')).toEqual([])
    })

    it('has nothing to wait for when nothing was put', async () => {
      const { journal, settle } = open()
      expect(journal.durable()).toBeUndefined()
      journal.put('a', {})
      const waiting = journal.durable()
      expect(waiting).toBeInstanceOf(Promise)
      settle()
      await waiting
      expect(journal.durable()).toBeUndefined()
    })

    it('takes into a batch what its collectors put at the last moment', async () => {
      const { journal, settle, reopen } = open()
      let count = 0
      journal.beforeClose(() => journal.put('count', { count: ++count }))
      journal.put('a', {})
      const waiting = journal.durable()
      settle()
      await waiting
      expect(rows(reopen(), 'count')).toEqual([['count', { count: 1 }]])
    })
  })
}
