import { describe, expect, it } from 'vitest'
import { cellsOf, cutToCells, printable } from './cells.ts'

describe('cellsOf', () => {
  it.each([
    ['node-1', 6],
    ['██░', 3],
    ['노드', 4],
    ['é', 1],
    ['e\u0301', 1],
    ['👩‍👧', 2],
    ['', 0],
  ])('%s takes %d', (text, cells) => {
    expect(cellsOf(text)).toBe(cells)
  })
})

describe('cutToCells', () => {
  it.each([
    ['node-1', 6, 'node-1'],
    ['node-1', 5, 'node…'],
    ['노드', 3, '노…'],
    ['노드', 2, '…'],
    ['abc', 0, ''],
  ])('%s to %d', (text, cells, cut) => {
    expect(cutToCells(text, cells)).toBe(cut)
    expect(cellsOf(cut)).toBeLessThanOrEqual(cells)
  })
})

it('a name cannot send commands to the terminal', () => {
  expect(printable('a\u001b[2Jb\u009bc\nd')).toBe('a[2Jbcd')
})
