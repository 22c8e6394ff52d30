// How a walkthrough looks: on a terminal with a progress line that is written over, elsewhere as plain lines.
import { stripVTControlCharacters } from 'node:util'
import type { Outcome } from './step.ts'

const linesShownMax = 24
/** Where nobody watches a terminal, a wait says something only so often. */
const plainProgressMs = 15_000

export class Screen {
  readonly #write: (text: string) => void
  readonly #live: boolean
  #progress = false
  #said = 0

  constructor(write: (text: string) => void, live: boolean) {
    this.#write = write
    this.#live = live
  }

  heading(text: string): void {
    this.#line(text)
  }

  step(number: number, title: string, command: string): void {
    this.#line('')
    this.#line(this.#bold(`${number}. ${title}`))
    this.#line(this.#bold(`$ ${command}`))
    this.#said = Date.now()
  }

  /** At most so many lines, the first and the last. */
  output(text: string, shows: RegExp | undefined): void {
    const all = stripVTControlCharacters(text).trimEnd().split('\n')
    const lines = shows === undefined ? all : all.filter((line) => shows.test(line))
    const half = linesShownMax / 2
    const shown =
      lines.length <= linesShownMax
        ? lines
        : [...lines.slice(0, half), `… ${lines.length - linesShownMax} lines …`, ...lines.slice(-half)]
    for (const line of shown) if (line !== '') this.#line(line)
  }

  note(text: string): void {
    this.#line(`# ${text}`)
  }

  change(before: string, after: string): void {
    this.#line(`# changed: ${before} → ${after}`)
  }

  waiting(text: string): void {
    if (this.#live) {
      this.#write(`\r\u001B[K  … ${text}`)
      this.#progress = true
    } else if (Date.now() - this.#said > plainProgressMs) {
      this.#said = Date.now()
      this.#line(`# … ${text}`)
    }
  }

  waited(): void {
    if (this.#progress) this.#write('\r\u001B[K')
    this.#progress = false
  }

  outcome(outcome: Outcome): void {
    this.#line(outcomeLine(outcome))
  }

  /** True when everything was seen. */
  summary(outcomes: readonly Outcome[]): boolean {
    const missed = outcomes.filter((outcome) => !outcome.met)
    this.#line('')
    for (const outcome of outcomes) this.#line(`${outcomeLine(outcome)}  (${outcome.step})`)
    this.#line(`${outcomes.length - missed.length} passed, ${missed.length} failed`)
    return missed.length === 0
  }

  #line(text: string): void {
    this.waited()
    this.#write(`${text}\n`)
  }

  #bold(text: string): string {
    return this.#live ? `\u001B[1m${text}\u001B[22m` : text
  }
}

function outcomeLine(outcome: Outcome): string {
  return outcome.met ? `pass  ${outcome.says}` : `FAIL  ${outcome.says}: ${outcome.found ?? 'not seen'}`
}
