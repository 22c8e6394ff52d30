import { describe, expect, it } from 'vitest'
import type { Log, LogRecord } from '../log.ts'

export interface LogUnderTest {
  readonly log: Log
  /** What was written so far. */
  readonly records: () => readonly LogRecord[]
}

/** `make` gives a log that shows info up to this verbosity. */
export function logSuite(make: (o: { readonly verbosity: number }) => LogUnderTest): void {
  describe('keeps the promises of a Log', () => {
    it('shows info up to its verbosity, and says so', () => {
      const { log, records } = make({ verbosity: 2 })
      for (const verbosity of [0, 1, 2, 3, 4]) log.info(verbosity, `at ${verbosity}`)
      expect(records().map((r) => r.message)).toEqual(['at 0', 'at 1', 'at 2'])
      expect(records().map((r) => r.verbosity)).toEqual([0, 1, 2])
      expect([0, 1, 2, 3].map((verbosity) => log.enabled(verbosity))).toEqual([true, true, true, false])
    })

    it('always shows warnings and errors', () => {
      const { log, records } = make({ verbosity: 0 })
      log.warning('w', { a: 1 })
      log.error('e', { b: 2 })
      expect(records().map(({ severity, message, facts }) => ({ severity, message, facts }))).toEqual([
        { severity: 'warning', message: 'w', facts: { a: 1 } },
        { severity: 'error', message: 'e', facts: { b: 2 } },
      ])
    })

    it('speaks under other names without changing itself', () => {
      const { log, records } = make({ verbosity: 0 })
      const part = log.named('scale_up.go:42', { loop: 7 })
      part.info(0, 'x', { own: true })
      part.named('scale_down.go').info(0, 'y')
      log.info(0, 'z')
      expect(records().map(({ source, facts }) => ({ source, facts }))).toEqual([
        { source: 'scale_up.go:42', facts: { loop: 7, own: true } },
        { source: 'scale_down.go', facts: { loop: 7 } },
        { source: records()[2]!.source, facts: {} },
      ])
      expect(records()[2]!.source).not.toMatch(/^scale_/)
    })

    it('prefers the fact given last', () => {
      const { log, records } = make({ verbosity: 0 })
      log.named('a', { key: 'old', other: 1 }).info(0, 'x', { key: 'new' })
      expect(records()[0]!.facts).toEqual({ key: 'new', other: 1 })
    })
  })
}
