import type { ColourDepth } from '../layout/colour.ts'

export interface TerminalSize {
  readonly columns: number
  readonly rows: number
}

/** A terminal, as the viewer needs it; whoever owns the process gives one. */
export interface TerminalPort {
  /** For keys; must be a terminal too. */
  readonly stdin: NodeJS.ReadStream
  readonly colours: ColourDepth
  size(): TerminalSize
  /** Answers what ends it. */
  onResize(listener: () => void): () => void
  /** Calls back when the terminal has taken it. */
  write(text: string, taken: () => void): void
}
