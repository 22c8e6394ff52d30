import { assertNever } from '@plimsoll/model'
import type { Clock, Log, LogFacts, LogRecord, LogSeverity, LogSink } from '@plimsoll/ports'
import { jsonText } from './json-format.ts'
import { klogText } from './klog-format.ts'
import { parseVmodule, type VerbosityOf } from './vmodule.ts'

export type LogFormat = 'text' | 'json'

export interface LogOptions {
  readonly clock: Clock
  /** Where lines go, each without its newline (text facts of several lines contain some). */
  readonly write: (line: string) => void
  /** Chattier records are dropped; 0 when absent. */
  readonly verbosity?: number
  /** Verbosity by source file, as klog's --vmodule: `scale_up=4,orchestrator*=5`. */
  readonly vmodule?: string
  readonly format?: LogFormat
  /** Who speaks until `named` says otherwise. */
  readonly source?: string
  /** Gets every record that is shown, besides the line. */
  readonly sink?: LogSink
}

/** A log that prints lines as klog does. @throws RangeError for a malformed vmodule */
export function createLog(options: LogOptions): Log {
  const { clock, write, sink, format = 'text' } = options
  const publish = (record: LogRecord): void => {
    sink?.write(record)
    write(formatRecord(format, record, clock))
  }
  const verbosityOf = parseVmodule(options.vmodule ?? '', options.verbosity ?? 0)
  return new KlogLog(publish, verbosityOf, options.source ?? 'main', {})
}

function formatRecord(format: LogFormat, record: LogRecord, clock: Clock): string {
  switch (format) {
    case 'text':
      return klogText(record, clock.now())
    case 'json':
      return jsonText(record, clock.now())
    default:
      return assertNever(format)
  }
}

class KlogLog implements Log {
  readonly #publish: (record: LogRecord) => void
  readonly #verbosityOf: VerbosityOf
  readonly #source: string
  readonly #facts: LogFacts
  readonly #verbosity: number

  constructor(publish: (record: LogRecord) => void, verbosityOf: VerbosityOf, source: string, facts: LogFacts) {
    this.#publish = publish
    this.#verbosityOf = verbosityOf
    this.#source = source
    this.#facts = facts
    this.#verbosity = verbosityOf(source)
  }

  enabled(verbosity: number): boolean {
    return verbosity <= this.#verbosity
  }

  info(verbosity: number, message: string, facts?: LogFacts): void {
    if (this.enabled(verbosity)) this.#write('info', verbosity, message, facts)
  }

  warning(message: string, facts?: LogFacts): void {
    this.#write('warning', 0, message, facts)
  }

  error(message: string, facts?: LogFacts): void {
    this.#write('error', 0, message, facts)
  }

  named(source: string, facts?: LogFacts): Log {
    return new KlogLog(this.#publish, this.#verbosityOf, source, { ...this.#facts, ...facts })
  }

  #write(severity: LogSeverity, verbosity: number, message: string, facts: LogFacts | undefined): void {
    this.#publish({ severity, verbosity, message, facts: { ...this.#facts, ...facts }, source: this.#source })
  }
}
