import { describe, expect, it } from 'vitest'
import { colourSequence, gradient, parseColour, type Rgb } from './colour.ts'

describe('parseColour', () => {
  it.each([
    ['#04B575', [4, 181, 117]],
    ['#fff', [255, 255, 255]],
    ['04b575', [4, 181, 117]],
    ['red', undefined],
    ['#12345', undefined],
  ])('%s', (text, colour) => {
    expect(parseColour(text)).toEqual(colour)
  })
})

describe('gradient', () => {
  const red: Rgb = [255, 0, 0]
  const green: Rgb = [0, 255, 0]
  it('begins and ends with its colours, and is bright in between', () => {
    const colours = gradient(red, green, 35)
    expect(colours[0]).toEqual(red)
    expect(colours[34]).toEqual(green)
    for (const colour of colours) expect(Math.max(...colour)).toBeGreaterThan(180)
  })

  it('of one cell is its first colour', () => {
    expect(gradient(red, green, 1)).toEqual([red])
  })

  it('goes through black and white', () => {
    expect(gradient([0, 0, 0], [255, 255, 255], 2)).toEqual([
      [0, 0, 0],
      [255, 255, 255],
    ])
  })
})

describe('colourSequence', () => {
  it.each([
    ['none', [255, 0, 0], ''],
    ['true', [255, 0, 0], '\u001b[38;2;255;0;0m'],
    ['palette', [255, 0, 0], '\u001b[38;5;196m'],
    ['palette', [98, 98, 98], '\u001b[38;5;241m'],
    ['sixteen', [255, 0, 0], '\u001b[31m'],
    ['sixteen', [255, 255, 0], '\u001b[33m'],
    ['sixteen', [4, 181, 117], '\u001b[32m'],
    ['sixteen', [98, 98, 98], '\u001b[90m'],
  ] as const)('%s %o', (depth, colour, sequence) => {
    expect(colourSequence(colour as Rgb, depth)).toBe(sequence)
  })
})
