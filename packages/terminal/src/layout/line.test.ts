import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { cutLine, lineCells, lineText, padLine, type Line } from './line.ts'

const red = [255, 0, 0] as const
const plain = (line: Line): string => line.map(({ text }) => text).join('')

describe('cutLine', () => {
  it.each([
    [[{ text: 'abc' }, { text: 'def' }], 6, 'abcdef'],
    [[{ text: 'abc' }, { text: 'def' }], 5, 'abcd…'],
    [[{ text: 'abc' }, { text: 'def' }], 4, 'abc…'],
    [[{ text: 'abc' }, { text: 'def' }], 3, 'ab…'],
    [[{ text: 'abc' }], 0, ''],
  ])('%o to %d', (line, cells, text) => {
    expect(plain(cutLine(line, cells))).toBe(text)
  })

  it('cuts to what there is room for, keeps what fits, and says when something is missing', () => {
    const anyLine = fc.array(fc.record({ text: fc.stringMatching(/^[ab노]{0,5}$/) }))
    fc.assert(
      fc.property(anyLine, fc.integer({ min: 0, max: 30 }), (line, cells) => {
        const cut = cutLine(line, cells)
        expect(lineCells(cut)).toBeLessThanOrEqual(cells)
        const fits = lineCells(line) <= cells
        expect(plain(cut) === plain(line)).toBe(fits)
        expect(plain(cut).endsWith('…')).toBe(!fits && cells > 0)
      }),
    )
  })
})

describe('lineText', () => {
  it('changes colour only where it changes, and ends plain', () => {
    const line = [{ text: 'a' }, { text: 'b', colour: red }, { text: 'c', colour: red }, { text: 'd' }]
    expect(lineText(line, 'sixteen')).toBe('a\u001b[31mbc\u001b[39md')
    expect(lineText(line.slice(0, 3), 'sixteen')).toBe('a\u001b[31mbc\u001b[39m')
    expect(lineText(line, 'none')).toBe('abcd')
  })

  it('has no spaces at its end', () => {
    expect(lineText(padLine([{ text: 'a' }], 9), 'true')).toBe('a')
  })
})
