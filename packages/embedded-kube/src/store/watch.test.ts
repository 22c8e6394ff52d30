import { ms } from '@plimsoll/model'
import { SeededRandom, VirtualClock } from '@plimsoll/ports'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ApiServer } from '../api-server.ts'
import { bootstrap } from '../bootstrap.ts'
import type { StoredObject } from '../object.ts'
import type { ResourceInfo } from '../registry.ts'
import type { RequestContext, ServerWatchOptions } from '../request.ts'

const context: RequestContext = { user: { name: 'admin', groups: [] }, userAgent: 'test', warnings: [] }

function world(ringCapacity = 10_000): { server: ApiServer; maps: ResourceInfo } {
  const clock = new VirtualClock({ start: ms(Date.parse('2026-01-02T03:04:05Z')) })
  const server = new ApiServer({ clock, random: new SeededRandom('watch'), ringCapacity })
  bootstrap(server)
  for (const name of ['n1', 'n2']) {
    const namespaces = server.resource({ group: '', version: 'v1', plural: 'namespaces' })
    server.create(context, namespaces, undefined, { metadata: { name } })
  }
  return { server, maps: server.resource({ group: '', version: 'v1', plural: 'configmaps' }) }
}

type Write =
  | {
      readonly kind: 'write'
      readonly name: string
      readonly namespace: string
      readonly label: string
      readonly data: string
    }
  | { readonly kind: 'remove'; readonly name: string; readonly namespace: string }

const anyName = fc.constantFrom('a', 'b', 'c', 'd')
const anyNamespace = fc.constantFrom('n1', 'n2')
const anyWrite: fc.Arbitrary<Write> = fc.oneof(
  fc.record({
    kind: fc.constant('write' as const),
    name: anyName,
    namespace: anyNamespace,
    label: fc.constantFrom('x', 'y'),
    data: fc.constantFrom('1', '2'),
  }),
  fc.record({ kind: fc.constant('remove' as const), name: anyName, namespace: anyNamespace }),
)

/** Creates, changes or removes, whatever is there. */
function carryOut(server: ApiServer, maps: ResourceInfo, write: Write): void {
  const key = { namespace: write.namespace, name: write.name }
  const present = server.list(context, maps, {
    namespace: write.namespace,
    fieldSelector: `metadata.name=${write.name}`,
  })
  if (write.kind === 'remove') {
    if (present.items.length > 0) server.delete(context, maps, key)
    return
  }
  const object = { metadata: { name: write.name, labels: { l: write.label } }, data: { d: write.data } }
  if (present.items.length > 0) server.update(context, maps, key, object)
  else server.create(context, maps, write.namespace, object)
}

/** What a client knows that believes a watch. */
class Mirror {
  readonly objects = new Map<string, StoredObject>()
  readonly versions: number[] = []
  bookmarks = 0
  /** Additions of what was there, changes of what was not. */
  surprises = 0

  constructor(server: ApiServer, maps: ResourceInfo, options: ServerWatchOptions, start: readonly StoredObject[] = []) {
    for (const object of start) this.objects.set(keyOf(object), object)
    server.watch(context, maps, options, {
      event: (event) => {
        if (event.type === 'BOOKMARK') {
          this.bookmarks++
          return
        }
        const key = keyOf(event.object)
        if ((event.type === 'ADDED') === this.objects.has(key)) this.surprises++
        this.versions.push(Number(event.object.metadata.resourceVersion))
        if (event.type === 'DELETED') this.objects.delete(key)
        else this.objects.set(key, event.object)
      },
      end: () => this.surprises++,
    })
  }

  get state(): readonly StoredObject[] {
    return [...this.objects.values()].toSorted((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1))
  }
}

function keyOf(object: StoredObject): string {
  return `${object.metadata.namespace}/${object.metadata.name}`
}

const selections = [
  {},
  { namespace: 'n1' },
  { labelSelector: 'l=x' },
  { namespace: 'n2', labelSelector: 'l!=x' },
] as const

describe('watches', () => {
  it('tell, at every moment, what a list tells, whatever they select and whenever they began', () => {
    fc.assert(
      fc.property(fc.array(anyWrite, { maxLength: 40 }), fc.nat(40), (writes, begin) => {
        const { server, maps } = world()
        for (const write of writes.slice(0, begin)) carryOut(server, maps, write)
        const lists = selections.map((selection) => server.list(context, maps, selection))
        const middle = Math.floor((begin + writes.length) / 2)
        for (const write of writes.slice(begin, middle)) carryOut(server, maps, write)
        const mirrors = selections.flatMap((selection, i) => [
          new Mirror(server, maps, { ...selection, resourceVersion: lists[i]!.resourceVersion }, lists[i]!.items),
          new Mirror(server, maps, selection),
          new Mirror(server, maps, { ...selection, sendInitialEvents: true, allowBookmarks: true }),
        ])
        for (const write of writes.slice(middle)) carryOut(server, maps, write)
        mirrors.forEach((mirror, i) => {
          const selection = selections[Math.floor(i / 3)]!
          expect(mirror.surprises).toBe(0)
          expect(mirror.state).toEqual(server.list(context, maps, selection).items)
        })
        // Versions rise strictly where a watch brings only what happened.
        for (let i = 0; i < mirrors.length; i += 3) {
          const { versions } = mirrors[i]!
          expect(versions.every((version, j) => j === 0 || version > versions[j - 1]!)).toBe(true)
        }
      }),
      { numRuns: 150 },
    )
  })

  it('raise the version by one for every change and not at all for none', () => {
    fc.assert(
      fc.property(fc.array(anyWrite, { maxLength: 30 }), (writes) => {
        const { server, maps } = world()
        const events: number[] = []
        server.watch(
          context,
          maps,
          { resourceVersion: server.resourceVersion },
          {
            event: (event) => {
              if (event.type !== 'BOOKMARK') events.push(Number(event.object.metadata.resourceVersion))
            },
            end: () => {},
          },
        )
        const start = Number(server.resourceVersion)
        for (const write of writes) carryOut(server, maps, write)
        expect(events).toEqual(Array.from({ length: events.length }, (_, i) => start + 1 + i))
        expect(Number(server.resourceVersion)).toBe(start + events.length)
      }),
      { numRuns: 50 },
    )
  })

  it('deliver what a sink writes after what it is being told, to everyone in one order', () => {
    const { server, maps } = world()
    const orders: string[][] = [[], []]
    const order = (index: number): void => {
      server.watch(
        context,
        maps,
        { resourceVersion: server.resourceVersion, namespace: 'n1' },
        {
          event: (event) => {
            if (event.type === 'BOOKMARK') return
            const { name } = event.object.metadata
            orders[index]!.push(name)
            if (index === 0 && name.length < 4) server.create(context, maps, 'n1', { metadata: { name: `${name}a` } })
          },
          end: () => {},
        },
      )
    }
    order(0)
    order(1)
    server.create(context, maps, 'n1', { metadata: { name: 'a' } })
    expect(orders).toEqual([
      ['a', 'aa', 'aaa', 'aaaa'],
      ['a', 'aa', 'aaa', 'aaaa'],
    ])
  })

  it('tell one that begins within a delivery of each event once', () => {
    const { server, maps } = world()
    const late: string[] = []
    const names = (
      into: string[],
    ): { event: (e: { type: string; object?: StoredObject }) => void; end: () => void } => ({
      event: (event) => {
        if (event.object !== undefined) into.push(`${event.type} ${event.object.metadata.name}`)
      },
      end: () => {},
    })
    let begun = false
    const from = { resourceVersion: server.resourceVersion }
    server.watch(context, maps, from, {
      event: () => {
        if (begun) return
        begun = true
        // Two commits are queued behind this delivery; the newcomer finds them in its initial state.
        server.create(context, maps, 'n1', { metadata: { name: 'b' } })
        server.create(context, maps, 'n1', { metadata: { name: 'c' } })
        server.watch(context, maps, { namespace: 'n1' }, names(late))
      },
      end: () => {},
    })
    server.create(context, maps, 'n1', { metadata: { name: 'a' } })
    server.delete(context, maps, { namespace: 'n1', name: 'c' })
    expect(late).toEqual(['ADDED a', 'ADDED b', 'ADDED c', 'ADDED kube-root-ca.crt', 'DELETED c'])
  })

  it('cannot begin at a version that is forgotten, or not reached', () => {
    const { server, maps } = world(3)
    const before = server.resourceVersion
    for (const name of ['a', 'b', 'c', 'd']) server.create(context, maps, 'n1', { metadata: { name } })
    const sink = { event: () => {}, end: () => {} }
    expect(() => server.watch(context, maps, { resourceVersion: before }, sink)).toThrow(
      expect.objectContaining({
        failure: 'gone',
        message: expect.stringMatching(/^too old resource version: \d+ \(\d+\)$/),
      }),
    )
    expect(() => server.watch(context, maps, { resourceVersion: '999999' }, sink)).toThrow(
      expect.objectContaining({
        failure: 'timeout',
        message: expect.stringMatching(/^Timeout: Too large resource version: 999999, current: \d+$/),
      }),
    )
  })
})
