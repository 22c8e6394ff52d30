import { instant, microTimestamp, type Ms } from '@plimsoll/model'
import type { Clock } from '@plimsoll/ports'
import type { PodLogOptions, PodLogSink } from '../pod-logs.ts'

interface Line {
  readonly at: Ms
  readonly text: string
}

/** Older lines give way, as kubelets rotate logs. */
const linesMax = 20_000

/** The output of one run of one container. */
export class ContainerLog {
  #lines: Line[] = []
  readonly #followers = new Set<{ line(line: Line): void; end(): void }>()
  #closed = false

  write(at: Ms, text: string): void {
    const line = { at, text }
    this.#lines.push(line)
    if (this.#lines.length > linesMax * 1.25) this.#lines = this.#lines.slice(-linesMax)
    for (const follower of this.#followers) follower.line(line)
  }

  /** No more lines will come: those who follow are sent home. */
  close(): void {
    this.#closed = true
    for (const follower of this.#followers) follower.end()
    this.#followers.clear()
  }

  read(clock: Clock, options: PodLogOptions, sink: PodLogSink): { stop(): void } {
    const since = sinceOf(clock, options)
    let lines = since === undefined ? this.#lines : this.#lines.filter((line) => line.at >= since)
    if (options.tailLines !== undefined) lines = options.tailLines === 0 ? [] : lines.slice(-options.tailLines)
    const budget = { left: options.limitBytes ?? Infinity }
    let text = ''
    for (const line of lines) text += printed(line, options)
    send(sink, text, budget)
    if (options.follow !== true || this.#closed || budget.left <= 0) {
      sink.end()
      return { stop: () => {} }
    }
    const follower = {
      line: (line: Line) => {
        send(sink, printed(line, options), budget)
        if (budget.left > 0) return
        this.#followers.delete(follower)
        sink.end()
      },
      end: () => sink.end(),
    }
    this.#followers.add(follower)
    return { stop: () => this.#followers.delete(follower) }
  }
}

function sinceOf(clock: Clock, options: PodLogOptions): number | undefined {
  if (options.sinceSeconds !== undefined) return clock.now() - options.sinceSeconds * 1000
  return instant(options.sinceTime)
}

function printed(line: Line, options: PodLogOptions): string {
  return options.timestamps === true ? `${microTimestamp(line.at)} ${line.text}\n` : `${line.text}\n`
}

const encoder = new TextEncoder()
function send(sink: PodLogSink, text: string, budget: { left: number }): void {
  if (text === '') return
  let sent = text
  if (budget.left !== Infinity) {
    const bytes = encoder.encode(text)
    if (bytes.length > budget.left) sent = new TextDecoder().decode(bytes.subarray(0, budget.left))
    budget.left -= Math.min(bytes.length, budget.left)
  }
  if (sent !== '') sink.chunk(sent)
}
