import { ms } from '@plimsoll/model'
import { VirtualClock, type LogRecord } from '@plimsoll/ports'
import { logSuite } from '@plimsoll/ports/suites'
import { describe, expect, it } from 'vitest'
import { createLog, type LogOptions } from './log.ts'

const start = ms(Date.parse('2026-11-23T21:42:18.007Z'))

function makeLog(o: Partial<LogOptions> = {}): {
  log: ReturnType<typeof createLog>
  lines: string[]
  seen: LogRecord[]
} {
  const lines: string[] = []
  const seen: LogRecord[] = []
  const log = createLog({
    clock: new VirtualClock({ start }),
    write: (line) => lines.push(line),
    sink: { write: (record) => seen.push(record) },
    ...o,
  })
  return { log, lines, seen }
}

describe('createLog', () => {
  logSuite(({ verbosity }) => {
    const { log, seen } = makeLog({ verbosity })
    return { log, records: () => seen }
  })

  it('prints klog lines', () => {
    const { log, lines } = makeLog({ verbosity: 4 })
    const loop = log.named('static_autoscaler.go:274')
    loop.info(4, 'Starting main loop')
    loop.warning('slow')
    loop.error('broken')
    expect(lines).toEqual([
      'I1123 21:42:18.007000       1 static_autoscaler.go:274] Starting main loop',
      'W1123 21:42:18.007000       1 static_autoscaler.go:274] slow',
      'E1123 21:42:18.007000       1 static_autoscaler.go:274] broken',
    ])
  })

  it.each([
    { fact: 'text', text: '"text"' },
    { fact: 'say "no"\t\u0001', text: String.raw`"say \"no\"\t\x01"` },
    { fact: 'back\\u0001', text: String.raw`"back\\u0001"` },
    { fact: 'a\nb', text: '<\n\ta\n\tb\n >' },
    { fact: 12.5, text: '12.5' },
    { fact: true, text: 'true' },
    { fact: undefined, text: '<nil>' },
    { fact: null, text: '<nil>' },
    { fact: new Error('no'), text: '"no"' },
    { fact: { namespace: 'default', name: 'web-0' }, text: '"default/web-0"' },
    { fact: { kind: 'Node', metadata: { name: 'n1', uid: 'u' } }, text: '"n1"' },
    { fact: { name: 'x', size: 3 }, text: '{"name":"x","size":3}' },
    { fact: ['a', 'b'], text: '["a","b"]' },
  ])('appends the fact $fact', ({ fact, text }) => {
    const { log, lines } = makeLog()
    log.info(0, 'Pod bound', { pod: fact })
    expect(lines).toEqual([`I1123 21:42:18.007000       1 main:1] "Pod bound" pod=${text}`])
  })

  it('puts the error of an error line first', () => {
    const { log, lines } = makeLog()
    log.error('Reconciler error', { key: 'a', err: new Error('no') })
    expect(lines).toEqual(['E1123 21:42:18.007000       1 main:1] "Reconciler error" err="no" key="a"'])
  })

  it('prints JSON lines with the keys of component-base', () => {
    const { log, lines } = makeLog({ format: 'json', verbosity: 2 })
    log.named('main.go:1').info(2, 'Pod bound', { pod: { namespace: 'a', name: 'b' }, n: 1 })
    log.error('broken', { err: new Error('no') })
    expect(lines).toEqual([
      '{"ts":1795470138007,"caller":"main.go:1","msg":"Pod bound","v":2,"pod":{"name":"b","namespace":"a"},"n":1}',
      '{"ts":1795470138007,"caller":"main:1","msg":"broken","err":"no"}',
    ])
  })

  it.each([
    { source: 'scale_up.go:10', verbosity: 4 },
    { source: 'scale_up', verbosity: 4 },
    { source: 'scale_down.go', verbosity: 2 },
    { source: 'orchestrator.go:7', verbosity: 1 },
    { source: 'loop.go:7', verbosity: 0 },
  ])('lets vmodule decide for $source: $verbosity', ({ source, verbosity }) => {
    const { log } = makeLog({ vmodule: 'scale_up=4,scale_*=2,orchestrato?=1' })
    const named = log.named(source)
    expect([named.enabled(verbosity), named.enabled(verbosity + 1)]).toEqual([true, false])
  })

  it('refuses a malformed vmodule', () => {
    expect(() => makeLog({ vmodule: 'a=1,b' })).toThrow(
      'vmodule: found "b", expected a comma-separated list of filename=N',
    )
  })
})
