import { ms, Nodes, type Node } from '@plimsoll/model'
import type { KubeError, LogRecord } from '@plimsoll/ports'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createLog, Informer, type InformerOptions } from '../src/index.ts'
import { failure, FaultyReader, makeLaboratory, nodeNames, type Laboratory } from './laboratory.ts'

interface Watched extends Laboratory {
  readonly reader: FaultyReader
  readonly informer: Informer<Node>
  readonly events: string[]
  readonly records: LogRecord[]
  readonly stop: AbortController
}

const pool = (node: Node): string[] => [node.metadata.labels?.['pool'] ?? 'none']

/** An informer on nodes, not started, with one handler that writes down what it hears. */
function watched(options: Partial<InformerOptions<Node>> = {}, ringCapacity?: number): Watched {
  const laboratory = makeLaboratory(ringCapacity)
  const { clock, kube } = laboratory
  const reader = new FaultyReader(kube)
  const records: LogRecord[] = []
  const log = createLog({ clock, write: () => {}, sink: { write: (record) => records.push(record) } })
  const informer = new Informer(reader, Nodes, { clock, log, indexes: { pool }, ...options })
  const events: string[] = []
  informer.subscribe({
    added: (node) => events.push(`+${node.metadata.name}`),
    updated: (node, old) => events.push(`${node.metadata.name}:${pool(old)[0]}>${pool(node)[0]}`),
    deleted: (node) => events.push(`-${node.metadata.name}`),
  })
  return { ...laboratory, reader, informer, events, records, stop: new AbortController() }
}

async function put({ kube }: Laboratory, name: string, poolName: string): Promise<void> {
  const labels = { pool: poolName }
  await kube.patch(Nodes, { name }, { type: 'merge', body: { metadata: { labels } } }).catch(async () => {
    await kube.create(Nodes, { metadata: { name, labels } })
  })
}

describe('Informer', () => {
  it('lists, then follows', async () => {
    const w = watched()
    await put(w, 'b', 'x')
    await put(w, 'a', 'y')
    expect(w.informer.synced).toBe(false)
    await w.informer.start(w.stop.signal)
    expect(w.informer.synced).toBe(true)
    expect(w.events).toEqual(['+a', '+b'])
    await put(w, 'c', 'x')
    await put(w, 'a', 'x')
    await w.kube.remove(Nodes, { name: 'b' })
    expect(w.events).toEqual(['+a', '+b', '+c', 'a:y>x', '-b'])
    expect(nodeNames(w.informer.items())).toEqual(['a', 'c'])
    expect(w.informer.get({ name: 'a' })).toBe(await w.kube.get(Nodes, { name: 'a' }))
    expect(w.informer.get({ name: 'b' })).toBeUndefined()
  })

  it('lists in pages', async () => {
    const w = watched()
    for (let i = 0; i < 1203; i++) await w.kube.create(Nodes, { metadata: { name: `n${i}` } })
    await w.informer.start(w.stop.signal)
    expect(w.reader.lists).toBe(3)
    expect(w.events).toHaveLength(1203)
    expect(w.informer.items()).toHaveLength(1203)
  })

  it('takes all at once when the pages go stale under way', async () => {
    const w = watched()
    for (let i = 0; i < 700; i++) await w.kube.create(Nodes, { metadata: { name: `n${i}` } })
    const list = w.reader.list.bind(w.reader)
    w.reader.list = async (type, options) => {
      if (options?.continue !== undefined) throw failure('gone')
      return list(type, options)
    }
    await w.informer.start(w.stop.signal)
    expect(w.informer.items()).toHaveLength(700)
  })

  it('finds by index, in key order', async () => {
    const w = watched()
    for (const [name, poolName] of [
      ['c', 'x'],
      ['a', 'x'],
      ['b', 'y'],
    ] as const)
      await put(w, name, poolName)
    await w.informer.start(w.stop.signal)
    const before = w.informer.byIndex('pool', 'x')
    expect(nodeNames(before)).toEqual(['a', 'c'])
    expect(nodeNames(w.informer.byIndex('pool', 'y'))).toEqual(['b'])
    await put(w, 'b', 'x')
    await put(w, 'c', 'y')
    expect(nodeNames(w.informer.byIndex('pool', 'x'))).toEqual(['a', 'b'])
    await w.kube.remove(Nodes, { name: 'a' })
    expect(nodeNames(w.informer.byIndex('pool', 'x'))).toEqual(['b'])
    expect(nodeNames(w.informer.byIndex('pool', 'y'))).toEqual(['c'])
    expect(w.informer.byIndex('pool', 'z')).toEqual([])
    expect(nodeNames(before)).toEqual(['a', 'c'])
    expect(() => w.informer.byIndex('zone', 'a')).toThrow('no index zone: there are pool')
  })

  it('tells a late subscriber what is there, and one that left nothing', async () => {
    const w = watched()
    await put(w, 'b', 'x')
    await put(w, 'a', 'x')
    await w.informer.start(w.stop.signal)
    const heard: string[] = []
    const leave = w.informer.subscribe({ added: (node) => heard.push(node.metadata.name) })
    await put(w, 'c', 'x')
    leave()
    await put(w, 'd', 'x')
    expect(heard).toEqual(['a', 'b', 'c'])
  })

  it('keeps what a transform leaves of an object, and tells no more', async () => {
    const told: unknown[] = []
    const w = watched({
      transform: ({ metadata: { name, uid, resourceVersion, creationTimestamp } }) => ({
        metadata: { name, uid, resourceVersion, creationTimestamp },
        spec: {},
      }),
    })
    const tell = ({ metadata: { labels } }: Node): unknown => told.push(labels)
    w.informer.subscribe({ added: tell, updated: tell, deleted: tell })
    await put(w, 'a', 'x')
    await w.informer.start(w.stop.signal)
    await put(w, 'a', 'y')
    await w.kube.remove(Nodes, { name: 'a' })
    expect(told).toEqual([undefined, undefined, undefined])
    expect(w.events).toEqual(['+a', 'a:none>none', '-a'])
  })

  it('only sees what is selected', async () => {
    const w = watched({ selection: { labelSelector: 'pool=x' } })
    await put(w, 'a', 'x')
    await put(w, 'b', 'y')
    await w.informer.start(w.stop.signal)
    await put(w, 'b', 'x')
    await put(w, 'a', 'y')
    expect(w.events).toEqual(['+a', '+b', '-a'])
  })

  it('watches on where it was when the server ends the watch', async () => {
    const w = watched()
    await put(w, 'a', 'x')
    await w.informer.start(w.stop.signal)
    await w.clock.runFor(ms(2000))
    w.reader.cut()
    await put(w, 'b', 'x')
    await w.clock.runFor(ms(0))
    expect(w.events).toEqual(['+a', '+b'])
    expect([w.reader.lists, w.reader.watches]).toEqual([1, 2])
  })

  it('does not spin when watches end at once', async () => {
    const w = watched()
    await w.informer.start(w.stop.signal)
    await w.clock.runFor(ms(0))
    for (let i = 0; i < 3; i++) {
      w.reader.cut()
      await w.clock.runFor(ms(0))
    }
    expect(w.reader.watches).toBe(1)
    await w.clock.runFor(ms(800))
    expect(w.reader.watches).toBe(2)
  })

  it('lists again when the server forgot the version, and tells the difference', async () => {
    const w = watched({}, 3)
    for (const name of ['a', 'b', 'c']) await put(w, name, 'x')
    await w.informer.start(w.stop.signal)
    await w.clock.runFor(ms(0))
    w.reader.cut(failure('unavailable'))
    await put(w, 'a', 'y')
    await w.kube.remove(Nodes, { name: 'b' })
    await w.kube.remove(Nodes, { name: 'c' })
    await put(w, 'c', 'z')
    await put(w, 'd', 'z')
    w.events.length = 0
    await w.clock.runFor(ms(1000))
    // b went; c went and came back as another object.
    expect(w.events).toEqual(['-b', 'a:x>y', '-c', '+c', '+d'])
    expect(w.reader.lists).toBe(2)
  })

  it('keeps trying while the server is away, waiting longer each time', async () => {
    const w = watched()
    w.reader.failures.push(...Array.from({ length: 7 }, () => failure('unavailable')))
    const synced = w.informer.start(w.stop.signal)
    const tries: number[] = []
    for (let second = 0; second < 120; second++) {
      await w.clock.runFor(ms(1000))
      tries.push(w.reader.lists)
    }
    await synced
    // 0, .8, 2.4, 5.6, 12, 24.8, 50.4, 80.4
    expect([0, 2, 5, 10, 12, 24, 50, 79, 80].map((second) => tries[second])).toEqual([2, 3, 4, 4, 5, 6, 7, 7, 8])
    expect(w.records.filter((r) => r.message === 'Failed to watch')).toHaveLength(7)
  })

  it('surfaces what a handler throws: from the start, or later as a defect', async () => {
    const early = watched()
    await put(early, 'a', 'x')
    early.informer.subscribe({
      added: () => {
        throw new Error('mistake')
      },
    })
    await expect(early.informer.start(early.stop.signal)).rejects.toThrow('mistake')

    const defects: unknown[] = []
    const late = watched({ onDefect: (error) => defects.push(error) })
    await late.informer.start(late.stop.signal)
    await late.clock.runFor(ms(0))
    late.informer.subscribe({
      added: () => {
        throw new Error('mistake')
      },
    })
    await put(late, 'a', 'x')
    await late.clock.runFor(ms(0))
    expect(defects).toEqual([new Error('mistake')])
  })

  it('stops when told: before it is synced by rejecting, afterwards in silence', async () => {
    const w = watched()
    w.reader.failures.push(failure('unavailable'))
    const starting = w.informer.start(w.stop.signal).catch((error: unknown) => error)
    await w.clock.runFor(ms(100))
    w.stop.abort(new Error('enough'))
    expect(await starting).toEqual(new Error('enough'))
    const v = watched()
    await v.informer.start(v.stop.signal)
    v.stop.abort(new Error('enough'))
    await put(v, 'a', 'x')
    await v.clock.runFor(ms(60_000))
    expect(v.events).toEqual([])
  })

  it('leaves no watch open that was established too late', async () => {
    const w = watched()
    const watch = w.reader.watch.bind(w.reader)
    w.reader.watch = async (type, options, sink) => {
      await w.clock.sleep(ms(5000))
      return watch(type, options, sink)
    }
    await w.informer.start(w.stop.signal)
    await w.clock.runFor(ms(1000))
    w.stop.abort(new Error('enough'))
    await w.clock.runFor(ms(10_000))
    expect([w.reader.watches, w.reader.open]).toEqual([1, 0])
  })

  const names = fc.constantFrom('a', 'b', 'c')
  const step = fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({ do: fc.constant('put' as const), name: names, pool: fc.constantFrom('x', 'y', 'z') }),
    },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('remove' as const), name: names }) },
    {
      weight: 2,
      arbitrary: fc.record({
        do: fc.constant('cut' as const),
        error: fc.constantFrom<KubeError | undefined>(undefined, failure('unavailable'), failure('gone')),
        /** Calls that fail afterwards. */
        failing: fc.nat(3),
      }),
    },
    {
      weight: 3,
      arbitrary: fc.record({ do: fc.constant('wait' as const), milliseconds: fc.constantFrom(0, 500, 5000) }),
    },
  )

  it.each([
    { when: 'the server remembers all', ringCapacity: 1000 },
    { when: 'the server forgets fast', ringCapacity: 2 },
  ])('ends equal to the store, each change told once and in order, when $when', async ({ ringCapacity }) => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        const defects: unknown[] = []
        const w = watched({ onDefect: (error) => defects.push(error) }, ringCapacity)
        // The truth: every state that each name was ever in.
        const states: string[] = []
        await w.kube.watch(
          Nodes,
          {},
          {
            event: (event) => {
              if (event.type !== 'BOOKMARK') states.push(stateOf(event.type, event.object))
            },
            end: () => {},
          },
        )
        const mirror = new Map<string, Node>()
        const heard: string[] = []
        w.informer.subscribe({
          added: (node) => {
            expect(mirror.has(node.metadata.name)).toBe(false)
            mirror.set(node.metadata.name, node)
            heard.push(stateOf('ADDED', node))
          },
          updated: (node, old) => {
            expect(mirror.get(node.metadata.name)).toBe(old)
            expect(Number(node.metadata.resourceVersion)).toBeGreaterThan(Number(old.metadata.resourceVersion))
            mirror.set(node.metadata.name, node)
            heard.push(stateOf('MODIFIED', node))
          },
          deleted: (node) => {
            expect(mirror.delete(node.metadata.name)).toBe(true)
            heard.push(stateOf('DELETED', node))
          },
        })
        await w.informer.start(w.stop.signal)
        for (const action of steps) {
          if (action.do === 'put') await put(w, action.name, action.pool)
          else if (action.do === 'remove') await w.kube.remove(Nodes, { name: action.name }).catch(() => {})
          else if (action.do === 'wait') await w.clock.runFor(ms(action.milliseconds))
          else {
            w.reader.failures.push(...Array.from({ length: action.failing }, () => failure('unavailable')))
            w.reader.cut(action.error)
          }
        }
        await w.clock.runFor(ms(600_000))
        expect(defects).toEqual([])
        const stored = (await w.kube.list(Nodes)).items
        expect(w.informer.items()).toEqual(stored)
        expect([...mirror.values()].map(({ metadata }) => metadata.name).sort()).toEqual(nodeNames(stored))
        for (const value of ['x', 'y', 'z', 'none'])
          expect(w.informer.byIndex('pool', value)).toEqual(stored.filter((node) => pool(node)[0] === value))
        // A second list tells only the difference; without one nothing may be missing.
        expect(w.reader.lists === 1 ? heard : states).toEqual(states)
        w.stop.abort()
      }),
      { numRuns: 60 },
    )
  })
})

function stateOf(type: string, node: Node): string {
  return `${type} ${node.metadata.name} ${node.metadata.resourceVersion}`
}
