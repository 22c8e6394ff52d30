// A terminal that keeps its screen as text: it understands just the commands that ScreenStream gives.
import { EventEmitter } from 'node:events'
import type { ColourDepth } from '../src/layout/colour.ts'
import type { TerminalPort, TerminalSize } from '../src/screen/terminal-port.ts'

export class FakeTerminal implements TerminalPort {
  readonly stdin: NodeJS.ReadStream
  readonly colours: ColourDepth
  /** Everything written, as it came. */
  written = ''
  /** On the alternate screen. */
  inside = false
  rawMode = false
  #size: TerminalSize
  #lines: string[] = []
  #typed: string[] = []
  readonly #keys = new EventEmitter()
  readonly #resizes = new EventEmitter()

  constructor(size: TerminalSize, colours: ColourDepth = 'none') {
    this.#size = size
    this.colours = colours
    this.stdin = Object.assign(this.#keys, {
      isTTY: true,
      setEncoding: () => {},
      setRawMode: (on: boolean) => (this.rawMode = on),
      ref: () => {},
      unref: () => {},
      read: () => this.#typed.shift() ?? null,
    }) as unknown as NodeJS.ReadStream
  }

  /** What can be read on it. */
  text(): string {
    return `${this.#lines.join('\n').trimEnd()}\n`
  }

  type(text: string): void {
    this.#typed.push(text)
    this.#keys.emit('readable')
  }

  resize(size: TerminalSize): void {
    this.#size = size
    this.#resizes.emit('resize')
  }

  size(): TerminalSize {
    return this.#size
  }

  onResize(listener: () => void): () => void {
    this.#resizes.on('resize', listener)
    return () => void this.#resizes.off('resize', listener)
  }

  get resizeListeners(): number {
    return this.#resizes.listenerCount('resize')
  }

  write(text: string, taken: () => void): void {
    this.written += text
    let row = 0
    const readable = text.replaceAll('\u001b', '␛')
    for (const [, command, words] of readable.matchAll(/␛\[([0-9;?]*[A-Za-z])|([^␛]+)/g)) {
      if (words !== undefined) this.#lines[row] = (this.#lines[row] ?? '') + words
      else if (command === '?1049h') this.inside = true
      else if (command === '?1049l') this.inside = false
      else if (command === 'H') row = 0
      else if (command === '2J') this.#lines = []
      else if (command === 'J') this.#lines.length = row
      else if (command === '2K') this.#lines[row] = ''
      else if (/^\d+;1H$/.test(command!)) row = parseInt(command!, 10) - 1
      else if (!/^(\?2026[hl]|\?25[hl]|\?7[hl]|[0-9;]*m)$/.test(command!)) throw new Error(`command ${command}`)
      for (let above = this.#lines.length; above < row; above++) this.#lines[above] = ''
    }
    queueMicrotask(taken)
  }
}
