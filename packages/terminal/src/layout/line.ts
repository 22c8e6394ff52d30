import { cellsOf, cutToCells } from './cells.ts'
import { colourSequence, type ColourDepth, type Rgb } from './colour.ts'

export interface Span {
  readonly text: string
  readonly colour?: Rgb | undefined
}

/** One line of the screen. */
export type Line = readonly Span[]

export const grey: Rgb = [0x62, 0x62, 0x62]

export function plainLine(text: string, colour?: Rgb): Line {
  return [{ text, colour }]
}

export function lineCells(line: Line): number {
  let cells = 0
  for (const { text } of line) cells += cellsOf(text)
  return cells
}

/** At most `cells` wide; a terminal that wrapped one line would push all others out of place. */
export function cutLine(line: Line, cells: number): Line {
  if (lineCells(line) <= cells) return line
  const cut: Span[] = []
  let left = cells
  for (const span of line) {
    const width = cellsOf(span.text)
    // The last cell is kept for the sign that something is missing.
    if (width < left) cut.push(span)
    else {
      cut.push({ ...span, text: cutToCells(width === left ? `${span.text} ` : span.text, left) })
      break
    }
    left -= width
  }
  return cut
}

export function padLine(line: Line, cells: number): Line {
  const missing = cells - lineCells(line)
  return missing > 0 ? [...line, { text: ' '.repeat(missing) }] : line
}

const plainAgain = '\u001b[39m'

/** The line as a terminal of that depth takes it, without spaces at its end. */
export function lineText(line: Line, depth: ColourDepth): string {
  let text = ''
  let current = ''
  for (const span of line) {
    if (span.text === '') continue
    const wanted = span.colour === undefined ? '' : colourSequence(span.colour, depth)
    if (wanted !== current) text += wanted === '' ? plainAgain : wanted
    text += span.text
    current = wanted
  }
  return current === '' ? text.trimEnd() : text + plainAgain
}
