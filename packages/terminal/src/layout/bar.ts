import { gradient, type Rgb } from './colour.ts'
import type { Span } from './line.ts'

/** Colours of what is full, half full and empty: the viewer is about packing, so full is good. */
export interface Style {
  readonly good: Rgb
  readonly ok: Rgb
  readonly bad: Rgb
}

const emptyColour: Rgb = [0x60, 0x60, 0x60]

const gradients = new WeakMap<Style, Map<number, readonly Rgb[]>>()

/** The gradient lies over the whole bar, so that the colour where it ends tells how full it is. */
function barColours(style: Style, cells: number): readonly Rgb[] {
  let byWidth = gradients.get(style)
  if (byWidth === undefined) gradients.set(style, (byWidth = new Map<number, readonly Rgb[]>()))
  let colours = byWidth.get(cells)
  if (colours === undefined) byWidth.set(cells, (colours = gradient(style.bad, style.good, cells)))
  return colours
}

/** @param filled between 0 and 1 */
export function bar(filled: number, cells: number, style: Style): Span[] {
  const full = Math.min(cells, Math.max(0, Math.round(filled * cells)))
  const colours = barColours(style, cells)
  const spans: Span[] = []
  for (let cell = 0; cell < full; cell++) spans.push({ text: '█', colour: colours[cell]! })
  if (full < cells) spans.push({ text: '░'.repeat(cells - full), colour: emptyColour })
  return spans
}

/** Of a percentage of the whole cluster. */
export function levelColour(percent: number, style: Style): Rgb {
  return percent > 90 ? style.good : percent > 60 ? style.ok : style.bad
}
