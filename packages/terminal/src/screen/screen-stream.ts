// The stream that Ink draws into. Ink's own way of drawing over its last output leaves traces when a terminal changes
// its size, and clears the whole terminal when the output is as high as it. We have the alternate screen for ourselves, so
// whole frames come in and only changed lines go out, each at its place. A slow terminal gets the newest frame when it
// has taken the one before: frames never queue up.
import type { TerminalPort } from './terminal-port.ts'

const enter = '\u001b[?1049h\u001b[?25l\u001b[?7l\u001b[H\u001b[2J'
/** What ends all that; also for when the process is torn down without a word to us. */
export const leaveScreen: string = '\u001b[?7h\u001b[?25h\u001b[?1049l'
const beginUpdate = '\u001b[?2026h'
const endUpdate = '\u001b[?2026l'

export class ScreenStream {
  /** Ink would send commands of its own to a terminal. */
  readonly isTTY = false
  readonly #terminal: TerminalPort
  #shown: readonly string[] = []
  #latest: string | undefined
  /** Still to be drawn. */
  #next: string | undefined
  #busy = false
  #entered = false

  constructor(terminal: TerminalPort) {
    this.#terminal = terminal
  }

  get columns(): number {
    return this.#terminal.size().columns
  }

  get rows(): number {
    return this.#terminal.size().rows
  }

  on(): this {
    return this
  }

  off(): this {
    return this
  }

  enter(): void {
    this.#entered = true
    this.#terminal.write(enter, () => {})
  }

  leave(): void {
    if (!this.#entered) return
    this.#entered = false
    this.#terminal.write(leaveScreen, () => {})
  }

  /** After a change of size nothing can be said of what is on the screen: all is drawn again. */
  repaint(): void {
    if (!this.#entered) return
    this.#terminal.write('\u001b[H\u001b[2J', () => {})
    this.#shown = []
    this.#next = this.#latest
    this.#draw()
  }

  /** A whole frame; Ink also writes empty texts to learn when all is out. */
  write(frame: string, callback?: () => void): boolean {
    if (frame !== '' && this.#entered) {
      this.#latest = frame
      this.#next = frame
      this.#draw()
    }
    callback?.()
    return true
  }

  #draw(): void {
    if (this.#busy || this.#next === undefined) return
    // What is below the last row would be written over it.
    const lines = this.#next.split('\n').slice(0, this.rows)
    this.#next = undefined
    let changes = ''
    for (const [row, line] of lines.entries())
      // Cleared before it is written: behind a full line the cursor stands on its last cell, and would clear that.
      if (line !== this.#shown[row]) changes += `\u001b[${row + 1};1H\u001b[2K${line}`
    if (lines.length < this.#shown.length) changes += `\u001b[${lines.length + 1};1H\u001b[J`
    this.#shown = lines
    if (changes === '') return
    this.#busy = true
    this.#terminal.write(`${beginUpdate}${changes}${endUpdate}`, () => {
      this.#busy = false
      if (this.#entered) this.#draw()
    })
  }
}
