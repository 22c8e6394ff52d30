// How many cells of a terminal a text takes, and cutting by cells. Bytes or code units would put every column behind a
// wide or accented letter out of line.

const plain = /^[\x20-\x7e]*$/
const segmenter = new Intl.Segmenter('en', { granularity: 'grapheme' })
const invisible = /^[\p{Mark}\p{Control}\p{Format}\p{Default_Ignorable_Code_Point}]*$/u
const emoji = /^\p{Emoji_Presentation}|\ufe0f/u

/** First and last code point of what East Asian Width calls wide or full-width, in the planes that fonts have. */
const wideRanges: readonly (readonly [number, number])[] = [
  [0x1100, 0x115f],
  [0x2e80, 0x303e],
  [0x3041, 0x33ff],
  [0x3400, 0x4dbf],
  [0x4e00, 0x9fff],
  [0xa000, 0xa4cf],
  [0xa960, 0xa97f],
  [0xac00, 0xd7a3],
  [0xf900, 0xfaff],
  [0xfe30, 0xfe6f],
  [0xff00, 0xff60],
  [0xffe0, 0xffe6],
  [0x1f300, 0x1f64f],
  [0x1f900, 0x1f9ff],
  [0x20000, 0x3fffd],
]

function graphemeCells(grapheme: string): number {
  if (invisible.test(grapheme)) return 0
  if (emoji.test(grapheme)) return 2
  const code = grapheme.codePointAt(0)!
  return wideRanges.some(([first, last]) => code >= first && code <= last) ? 2 : 1
}

export function cellsOf(text: string): number {
  if (plain.test(text)) return text.length
  let cells = 0
  for (const { segment } of segmenter.segment(text)) cells += graphemeCells(segment)
  return cells
}

/** As much as fits into `cells`, with `…` at the end where something is missing. */
export function cutToCells(text: string, cells: number): string {
  if (cells <= 0) return ''
  if (cellsOf(text) <= cells) return text
  let cut = ''
  let left = cells - 1
  for (const { segment } of segmenter.segment(text)) {
    left -= graphemeCells(segment)
    if (left < 0) break
    cut += segment
  }
  return `${cut}…`
}

/** Without what a terminal would take for commands. */
export function printable(text: string): string {
  return text.replace(/[\p{Control}\u2028\u2029]/gu, '')
}
