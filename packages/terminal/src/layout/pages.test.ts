import fc from 'fast-check'
import { expect, it } from 'vitest'
import { paginate, type PageItem } from './pages.ts'

function linesOf(page: readonly PageItem[]): number {
  let lines = 0
  for (const [position, item] of page.entries()) lines += position === 0 ? item.heightOnTop : item.height
  return lines
}

it('loses nothing, keeps the order, and overfills a page only with a single item', () => {
  const items = fc.array(
    fc.record({ height: fc.integer({ min: 1, max: 4 }), heightOnTop: fc.integer({ min: 1, max: 4 }) }),
  )
  fc.assert(
    fc.property(items, fc.integer({ min: 1, max: 9 }), (all, height) => {
      const pages = paginate(all, height)
      expect(pages.flat()).toEqual(all)
      for (const page of pages) expect(page.length === 1 || linesOf(page) <= height).toBe(true)
    }),
  )
})
