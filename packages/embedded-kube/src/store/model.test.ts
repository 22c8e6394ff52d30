/* oxlint-disable vitest/no-standalone-expect -- the clients of the test check what they see as they see it */
// The server's lists and watches held to a naive model: a log of everything that was ever committed.
import { ms } from '@plimsoll/model'
import { isKubeFailure, SeededRandom, VirtualClock, type KubeError } from '@plimsoll/ports'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ApiServer } from '../api-server.ts'
import { bootstrap } from '../bootstrap.ts'
import type { StoredObject } from '../object.ts'
import type { ResourceInfo } from '../registry.ts'
import type { RequestContext } from '../request.ts'

const context: RequestContext = { user: { name: 'admin', groups: [] }, userAgent: 'test', warnings: [] }
const ringCapacity = 8

interface Commit {
  readonly revision: number
  readonly plural: string
  readonly key: string
  readonly before: StoredObject | undefined
  /** Undefined for a deletion. */
  readonly after: StoredObject | undefined
}

/** Everything that happened, and nothing clever. */
class Model {
  readonly log: Commit[] = []

  state(plural: string, revision = Infinity): Map<string, StoredObject> {
    const state = new Map<string, StoredObject>()
    for (const commit of this.log) {
      if (commit.plural !== plural || commit.revision > revision) continue
      if (commit.after === undefined) state.delete(commit.key)
      else state.set(commit.key, commit.after)
    }
    return state
  }

  list(plural: string, selects: Selects, revision?: number): string[] {
    const found = [...this.state(plural, revision).values()].filter(selects)
    return found.map(line).toSorted((a, b) => (placeOf(a) < placeOf(b) ? -1 : 1))
  }

  /** What a watcher is to be told of the commits in between. */
  events(plural: string, selects: Selects, after: number, until = Infinity): string[] {
    return this.log.flatMap((commit) => {
      if (commit.plural !== plural || commit.revision <= after || commit.revision > until) return []
      const was = commit.before !== undefined && selects(commit.before)
      const is = commit.after !== undefined && selects(commit.after)
      if (!was && !is) return []
      return [`${is ? (was ? 'MODIFIED' : 'ADDED') : 'DELETED'} ${commit.key} ${commit.revision}`]
    })
  }

  /** The newest revision that a ring of the last commits does not hold. */
  compacted(plural: string): number {
    const commits = this.log.filter((commit) => commit.plural === plural)
    return commits.at(-ringCapacity - 1)?.revision ?? 0
  }
}

type Selects = (object: StoredObject) => boolean

interface Selection {
  readonly namespace?: string
  readonly labelSelector?: string
  readonly fieldSelector?: string
  readonly selects: Selects
}

const label = (object: StoredObject): string | undefined => object.metadata.labels?.['l']
const selections: readonly Selection[] = [
  { selects: () => true },
  { namespace: 'n1', selects: (o) => o.metadata.namespace === 'n1' },
  { labelSelector: 'l=x', selects: (o) => label(o) === 'x' },
  { labelSelector: 'l notin (x)', namespace: 'n2', selects: (o) => o.metadata.namespace === 'n2' && label(o) !== 'x' },
  { fieldSelector: 'metadata.name=a', selects: (o) => o.metadata.name === 'a' },
  {
    fieldSelector: 'metadata.name=b,metadata.namespace=n1',
    labelSelector: 'l',
    selects: (o) => o.metadata.name === 'b' && o.metadata.namespace === 'n1' && label(o) !== undefined,
  },
]

function keyOf(object: StoredObject): string {
  return `${object.metadata.namespace}/${object.metadata.name}`
}

function line(object: StoredObject): string {
  return `${keyOf(object)} ${object.metadata.resourceVersion}`
}

function placeOf(text: string): string {
  return text.split(' ')[0]!
}

const anyObject = {
  plural: fc.constantFrom('configmaps', 'secrets'),
  namespace: fc.constantFrom('n1', 'n2'),
  name: fc.constantFrom('a', 'b', 'c'),
}
const anyStep = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('write' as const),
      ...anyObject,
      label: fc.constantFrom('x', 'y', undefined),
      how: fc.constantFrom('update', 'merge', 'json', 'strategic', 'stale'),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('delete' as const), ...anyObject }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('finalizer' as const), ...anyObject }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('clear' as const),
      plural: anyObject.plural,
      namespace: anyObject.namespace,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('watch' as const),
      plural: anyObject.plural,
      selection: fc.nat(selections.length - 1),
      from: fc.option(fc.nat(30), { nil: undefined }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('cut' as const), which: fc.nat(9) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('page' as const),
      plural: anyObject.plural,
      selection: fc.nat(selections.length - 1),
      limit: fc.integer({ min: 1, max: 3 }),
      which: fc.nat(9),
    }),
  },
)
type Step = typeof anyStep extends fc.Arbitrary<infer T> ? T : never

/** A client that follows a watch, and when it is cut off goes on from where it was, or lists again after 410. */
class Follower {
  readonly #world: World
  readonly plural: string
  readonly selection: Selection
  readonly heard: string[] = []
  readonly expected: string[] = []
  /** Everything up to here is accounted for in `expected`. */
  #settled: number
  #stop: (() => void) | undefined

  constructor(world: World, plural: string, selection: Selection, from: number) {
    this.#world = world
    this.plural = plural
    this.selection = selection
    this.#settled = from
    this.connect()
  }

  connect(): void {
    const { server, model } = this.#world
    const gone = this.#settled < model.compacted(this.plural)
    try {
      const subscription = server.watch(
        context,
        this.#world.info(this.plural),
        { ...this.selection, resourceVersion: String(this.#settled) },
        {
          event: (event) => {
            if (event.type === 'BOOKMARK') return
            const { resourceVersion } = event.object.metadata
            this.heard.push(`${event.type} ${keyOf(event.object)} ${resourceVersion}`)
          },
          end: () => this.heard.push('ended'),
        },
      )
      expect(gone).toBe(false)
      this.#stop = () => subscription.stop()
    } catch (error) {
      if (!isKubeFailure(error, 'gone')) throw error
      // 410 exactly when something was forgotten that the watcher would have to hear.
      expect(gone).toBe(true)
      expect((error as KubeError).message).toContain(
        `too old resource version: ${this.#settled} (${model.compacted(this.plural)})`,
      )
      const list = server.list(context, this.#world.info(this.plural), this.selection)
      expect(list.items.map(line)).toEqual(model.list(this.plural, this.selection.selects))
      this.#settled = Number(list.resourceVersion)
      this.connect()
    }
  }

  /** Loses the connection after what was heard so far. */
  cut(): void {
    this.settle()
    this.#stop?.()
    this.#stop = undefined
  }

  settle(): void {
    const { model, server } = this.#world
    if (this.#stop !== undefined) {
      const now = Number(server.resourceVersion)
      this.expected.push(...model.events(this.plural, this.selection.selects, this.#settled, now))
      this.#settled = now
    }
    expect(this.heard).toEqual(this.expected)
  }

  get isConnected(): boolean {
    return this.#stop !== undefined
  }
}

/** A client that reads a list page by page, while others write. */
class Reader {
  readonly plural: string
  readonly #world: World
  readonly #selection: Selection
  readonly #limit: number
  readonly #expected: readonly string[]
  readonly #version: string
  readonly #read: string[] = []
  #next = ''

  constructor(world: World, plural: string, selection: Selection, limit: number) {
    this.plural = plural
    this.#world = world
    this.#selection = selection
    this.#limit = limit
    this.#version = world.server.resourceVersion
    this.#expected = world.model.list(plural, selection.selects)
    this.read()
  }

  get hasMore(): boolean {
    return this.#next !== ''
  }

  /** Whether more is to come. */
  read(): boolean {
    const { server } = this.#world
    const options = { ...this.#selection, limit: this.#limit, continue: this.#next }
    const list = server.list(context, this.#world.info(this.plural), options)
    expect(list.resourceVersion).toBe(this.#version)
    this.#read.push(...list.items.map(line))
    this.#next = list.continue ?? ''
    const left = this.#expected.length - this.#read.length
    expect(this.#next !== '').toBe(left > 0)
    const isWhole = this.#selection.labelSelector === undefined && this.#selection.fieldSelector === undefined
    expect(list.remainingItemCount).toBe(isWhole && left > 0 ? left : undefined)
    if (left === 0) expect(this.#read).toEqual(this.#expected)
    return left > 0
  }
}

class World {
  readonly server: ApiServer
  readonly model: Model = new Model()
  readonly followers: Follower[] = []
  #readers: Reader[] = []
  readonly #start: number

  constructor() {
    const clock = new VirtualClock({ start: ms(Date.parse('2026-01-02T03:04:05Z')) })
    this.server = new ApiServer({ clock, random: new SeededRandom('model'), ringCapacity })
    bootstrap(this.server)
    for (const name of ['n1', 'n2'])
      this.server.create(context, this.info('namespaces'), undefined, { metadata: { name } })
    // What the namespaces brought is the model's beginning.
    for (const plural of ['configmaps', 'secrets']) {
      this.server.deleteCollection(context, this.info(plural), { namespace: 'n1' })
      this.server.deleteCollection(context, this.info(plural), { namespace: 'n2' })
      for (const object of this.server.list(context, this.info(plural)).items) this.note(plural, undefined, object)
    }
    this.model.log.sort((a, b) => a.revision - b.revision)
    // Rings hold some of that as well: fill them with what the model knows.
    for (const plural of ['configmaps', 'secrets']) {
      for (let i = 0; i <= ringCapacity; i++)
        this.step({
          kind: 'write',
          plural,
          namespace: 'n1',
          name: 'c',
          label: i % 2 === 0 ? 'x' : 'y',
          how: 'update',
        } as Step)
    }
    this.#start = Number(this.server.resourceVersion)
  }

  info(plural: string): ResourceInfo {
    return this.server.resource({ group: '', version: 'v1', plural })
  }

  note(plural: string, before: StoredObject | undefined, after: StoredObject | undefined): void {
    const revision = Number(after?.metadata.resourceVersion ?? this.server.resourceVersion)
    this.model.log.push({ revision, plural, key: keyOf((after ?? before)!), before, after })
  }

  step(step: Step): void {
    switch (step.kind) {
      case 'write':
        return this.#write(step)
      case 'delete':
        return this.#delete(step.plural, step.namespace, step.name)
      case 'finalizer':
        return this.#finalizer(step)
      case 'clear': {
        for (const [key] of [...this.model.state(step.plural)].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
          const [namespace, name] = key.split('/') as [string, string]
          if (namespace === step.namespace) this.#delete(step.plural, namespace, name)
        }
        return
      }
      case 'watch': {
        const from = step.from === undefined ? Number(this.server.resourceVersion) : this.#start + step.from
        this.followers.push(
          new Follower(
            this,
            step.plural,
            selections[step.selection]!,
            Math.min(from, Number(this.server.resourceVersion)),
          ),
        )
        return
      }
      case 'cut': {
        const follower = this.followers[step.which]
        if (follower?.isConnected === true) follower.cut()
        else follower?.connect()
        return
      }
      case 'page': {
        this.#readers = this.#readers.filter((reader) => reader.read())
        const reader = new Reader(this, step.plural, selections[step.selection]!, step.limit)
        if (reader.hasMore) this.#readers.push(reader)
        return
      }
    }
  }

  settle(): void {
    for (const follower of this.followers) {
      if (!follower.isConnected) follower.connect()
      follower.settle()
    }
    for (let more = this.#readers; more.length > 0;) more = more.filter((reader) => reader.read())
    for (const plural of ['configmaps', 'secrets'])
      for (const selection of selections)
        expect(this.server.list(context, this.info(plural), selection).items.map(line)).toEqual(
          this.model.list(plural, selection.selects),
        )
  }

  #write(step: Extract<Step, { kind: 'write' }>): void {
    const { plural, namespace, name, how } = step
    const info = this.info(plural)
    const key = { namespace, name }
    const before = this.model.state(plural).get(`${namespace}/${name}`)
    const labels = step.label === undefined ? undefined : { l: step.label }
    if (before === undefined) {
      const created = this.server.create(context, info, namespace, { metadata: { name, labels } })
      this.note(plural, undefined, created)
      return
    }
    const version = this.server.resourceVersion
    let after: StoredObject
    switch (how) {
      case 'update':
        after = this.server.update(context, info, key, {
          ...before,
          metadata: { ...before.metadata, resourceVersion: undefined, labels },
        } as never)
        break
      case 'json':
        after = this.server.patch(context, info, key, 'json', [
          { op: 'add', path: '/metadata/labels', value: labels ?? {} },
        ]).object
        break
      case 'merge':
      case 'strategic':
        after = this.server.patch(context, info, key, how, { metadata: { labels: { l: step.label ?? null } } }).object
        break
      case 'stale':
        // Another client was faster.
        expect(() =>
          this.server.update(context, info, key, { metadata: { name, namespace, resourceVersion: '1', labels } }),
        ).toThrow(/the object has been modified/)
        expect(this.server.resourceVersion).toBe(version)
        return
    }
    if (this.server.resourceVersion === version) expect(label(after)).toBe(label(before))
    else this.note(plural, before, after)
  }

  #delete(plural: string, namespace: string, name: string): void {
    const before = this.model.state(plural).get(`${namespace}/${name}`)
    const remove = (): unknown => this.server.delete(context, this.info(plural), { namespace, name })
    if (before === undefined) {
      expect(remove).toThrow(/not found/)
      return
    }
    const version = this.server.resourceVersion
    remove()
    if (this.server.resourceVersion === version) {
      expect(before.metadata.deletionTimestamp).toBeDefined()
      return
    }
    const finalized = (before.metadata.finalizers ?? []).length > 0
    this.note(plural, before, finalized ? this.server.get(context, this.info(plural), { namespace, name }) : undefined)
  }

  /** Holds the object, or lets go of it: one that was deleted meanwhile goes with that. */
  #finalizer({ plural, namespace, name }: Extract<Step, { kind: 'finalizer' }>): void {
    const before = this.model.state(plural).get(`${namespace}/${name}`)
    if (before === undefined) return
    const held = (before.metadata.finalizers ?? []).length > 0
    const patch = { metadata: { finalizers: held ? [] : ['test.dev/hold'] } }
    const deleted = before.metadata.deletionTimestamp !== undefined
    const { object } = this.server.patch(context, this.info(plural), { namespace, name }, 'merge', patch)
    this.note(plural, before, held && deleted ? undefined : object)
  }
}

describe('lists and watches', () => {
  it('are those of a log that forgets nothing, whatever is written, compacted, cut off and resumed', () => {
    let relisted = 0
    fc.assert(
      fc.property(fc.array(anyStep, { minLength: 10, maxLength: 80 }), (steps) => {
        const world = new World()
        for (const step of steps) world.step(step)
        world.settle()
        relisted += world.followers.length
        const { log } = world.model
        expect(log.every((commit, i) => i === 0 || commit.revision > log[i - 1]!.revision)).toBe(true)
      }),
      { numRuns: 120 },
    )
    expect(relisted).toBeGreaterThan(100)
  })
})
