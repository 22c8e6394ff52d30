export type LogSeverity = 'info' | 'warning' | 'error' | 'fatal'

/** A fact beside a message; errors are printed by their message. */
export type LogFacts = { readonly [key: string]: unknown }

export interface LogRecord {
  readonly severity: LogSeverity
  /** As in klog: 0 is always shown; higher is chattier. */
  readonly verbosity: number
  readonly message: string
  readonly facts: LogFacts
  /** The part that speaks, printed where klog prints the source file: `scale_up.go:42` or `orchestrator`. */
  readonly source: string
}

/** Where log records go. A message is constant text; what varies stands in the facts, unless upstream's text has it inside. */
export interface Log {
  enabled(verbosity: number): boolean
  info(verbosity: number, message: string, facts?: LogFacts): void
  warning(message: string, facts?: LogFacts): void
  error(message: string, facts?: LogFacts): void
  /** The same log, speaking as `source` and adding `facts` to every record. */
  named(source: string, facts?: LogFacts): Log
}

export interface LogSink {
  write(record: LogRecord): void
}

/** Drops everything. */
export const silentLog: Log = {
  enabled: () => false,
  info: () => {},
  warning: () => {},
  error: () => {},
  named: () => silentLog,
}
