// What stands between cluster, keys and drawing: holds what the keys chose and the frame that is shown. A frame that says
// the same as the one before stays the same object, so that nothing is drawn again: most changes in a cluster are
// heartbeats and conditions, and drawing costs ten times what finding out does.
import type { ColourDepth } from '../layout/colour.ts'
import { lineText } from '../layout/line.ts'
import { picture, type PictureOptions, type Snapshot } from './picture.ts'
import type { Redraws } from './redraws.ts'
import type { TerminalSize } from './terminal-port.ts'
import { afterKey, type Key, type ViewState } from './view-state.ts'

export interface ScreenFramesOptions {
  readonly initial: ViewState
  readonly redraws: Redraws
  readonly snapshot: () => Snapshot
  readonly size: () => TerminalSize
  readonly colours: ColourDepth
  readonly picture: PictureOptions
}

type Frame = readonly string[]

export class ScreenFrames {
  readonly #o: ScreenFramesOptions
  readonly #listeners = new Set<() => void>()
  #state: ViewState
  #frame: { readonly lines: Frame } | { readonly error: unknown } = { lines: [] }
  #pages = 1
  #showsAge = false

  constructor(o: ScreenFramesOptions) {
    this.#o = o
    this.#state = o.initial
    this.#draw()
    o.redraws.subscribe(() => this.#draw())
  }

  /** The next frame will differ though nothing happens. */
  get showsAge(): boolean {
    return this.#showsAge
  }

  /** Lines as the terminal takes them. @throws what making them threw */
  readonly frame = (): Frame => {
    if ('error' in this.#frame) throw this.#frame.error
    return this.#frame.lines
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  press(key: Key): 'quit' | undefined {
    const next = afterKey(this.#state, key, this.#pages)
    if (next === 'quit') return next
    this.#state = next
    this.#draw()
    return undefined
  }

  #draw(): void {
    try {
      const { columns, rows } = this.#o.size()
      const drawn = picture(this.#o.snapshot(), this.#state, { ...this.#o.picture, width: columns, height: rows })
      this.#pages = drawn.pages
      this.#showsAge = drawn.showsAge
      const lines = drawn.lines.map((line) => lineText(line, this.#o.colours))
      const shown = 'lines' in this.#frame ? this.#frame.lines : []
      if (lines.length === shown.length && lines.every((line, row) => line === shown[row])) return
      this.#frame = { lines }
    } catch (error) {
      // Thrown again when it is drawn: there it ends the screen, here it would end the process.
      this.#frame = { error }
    }
    for (const listener of this.#listeners) listener()
  }
}
