import { assert, ms, seconds } from '@plimsoll/model'
import { VirtualClock, type LogRecord } from '@plimsoll/ports'
import { describe, expect, it } from 'vitest'
import { createLog } from './log/log.ts'
import { Reconciler, type Reconcile } from './reconciler.ts'

interface Running {
  readonly clock: VirtualClock
  readonly reconciler: Reconciler<string>
  readonly records: LogRecord[]
  readonly stop: AbortController
  readonly ended: Promise<void>
}

function run(reconcile: Reconcile<string>, workers = 1): Running {
  const clock = new VirtualClock({ start: ms(0) })
  const records: LogRecord[] = []
  const log = createLog({ clock, write: () => {}, sink: { write: (record) => records.push(record) } })
  const reconciler = new Reconciler<string>({ name: 'test', clock, log, workers, reconcile })
  const stop = new AbortController()
  const ended = reconciler.run(stop.signal)
  ended.catch(() => {})
  return { clock, reconciler, records, stop, ended }
}

describe('Reconciler', () => {
  it('retries failures with growing waits, and forgets them after a success', async () => {
    const at: number[] = []
    const { clock, reconciler, records } = run(async () => {
      at.push(clock.now())
      if (at.length <= 4) throw new Error('not yet')
    })
    reconciler.add('a')
    await clock.runFor(seconds(10))
    expect(at).toEqual([0, 5, 15, 35, 75])
    expect(records[0]).toMatchObject({
      severity: 'error',
      message: 'Reconciler error',
      facts: { controller: 'test', key: 'a' },
    })
    expect(records).toHaveLength(4)
    expect(reconciler.queue.failures('a')).toBe(0)
    expect(reconciler.queue.idle).toBe(true)
  })

  it('comes back when asked to', async () => {
    const at: number[] = []
    const { clock, reconciler } = run(async () => {
      at.push(clock.now())
      return at.length < 3 ? { requeueAfter: seconds(30) } : undefined
    })
    reconciler.add('a')
    await clock.runFor(seconds(300))
    expect(at).toEqual([0, 30_000, 60_000])
  })

  it('works on as many keys at a time as it has workers', async () => {
    let running = 0
    let most = 0
    const { clock, reconciler } = run(async () => {
      most = Math.max(most, ++running)
      await clock.sleep(seconds(1))
      running--
    }, 3)
    for (const key of 'abcdefg') reconciler.add(key)
    await clock.runFor(seconds(10))
    expect(most).toBe(3)
    expect(reconciler.queue.idle).toBe(true)
  })

  it('ends once the work under way has ended, and starts none any more', async () => {
    const done: string[] = []
    const { clock, reconciler, stop, ended } = run(async (key) => {
      await clock.sleep(seconds(1))
      done.push(key)
    })
    reconciler.add('a')
    reconciler.add('b')
    await clock.runFor(ms(500))
    stop.abort()
    let over = false
    void ended.then(() => (over = true))
    await clock.runFor(ms(100))
    expect(over).toBe(false)
    await clock.runFor(seconds(5))
    expect([over, done]).toEqual([true, ['a']])
  })

  it('leaves no timer behind for keys that were to come back later', async () => {
    const { clock, reconciler, stop, ended } = run(async () => ({ requeueAfter: seconds(600) }))
    reconciler.add('a')
    await clock.runFor(ms(100))
    expect(reconciler.queue.idle).toBe(false)
    stop.abort()
    await clock.runFor(ms(100))
    await ended
    expect(reconciler.queue.idle).toBe(true)
  })

  it('stops at a mistake of ours, and passes it on', async () => {
    const { clock, reconciler, ended } = run(async (key) => {
      assert(key !== 'a', 'a key is never a')
    }, 2)
    reconciler.add('a')
    await clock.runFor(ms(0))
    await expect(ended).rejects.toThrow('a key is never a')
  })
})
