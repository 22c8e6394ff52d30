/* oxlint-disable vitest/no-standalone-expect -- the clients of the test check what they see as they see it */
// The same promise as store/model.test.ts, over HTTP/2: clients write at once, watchers lose their streams and go on from
// where they were, and what each has heard in the end is what happened.
import { SeededRandom, type Random } from '@plimsoll/ports'
import { afterEach, describe, expect, it } from 'vitest'
import type { StoredObject } from '../src/object.ts'
import { serve, type TestServer } from './serve.ts'
import { WireClient } from './wire-client.ts'

const path = '/api/v1/namespaces/default/configmaps'
const context = { user: { name: 'admin', groups: ['system:masters'] }, userAgent: 'test', warnings: [] }

interface Selection {
  readonly query: string
  readonly selects: (object: StoredObject) => boolean
}

const selections: readonly Selection[] = [
  { query: '', selects: () => true },
  { query: '&labelSelector=l%3Dx', selects: (o) => o.metadata.labels?.['l'] === 'x' },
  { query: '&labelSelector=l!%3Dx', selects: (o) => o.metadata.labels?.['l'] !== 'x' },
  { query: '&fieldSelector=metadata.name%3Dm1', selects: (o) => o.metadata.name === 'm1' },
]

let world: TestServer | undefined
const clients: WireClient[] = []
afterEach(async () => {
  for (const client of clients.splice(0)) client.close()
  await world?.close()
})

function client(): WireClient {
  const made = new WireClient(world!)
  clients.push(made)
  return made
}

async function writes(random: Random, count: number): Promise<void> {
  const wire = client()
  for (let i = 0; i < count; i++) {
    const name = `m${random.below(6)}`
    const labels = random.below(3) === 0 ? {} : { l: random.below(2) === 0 ? 'x' : 'y' }
    const body = { metadata: { name, labels }, data: { i: `${random.below(1e9)}` } }
    const how = random.below(4)
    // Others write the same objects: some of these are refused.
    if (how === 0) await wire.send(`${path}/${name}`, { method: 'DELETE' })
    else if (how === 1) await wire.send(path, { body })
    else if (how === 2) await wire.send(`${path}/${name}`, { method: 'PUT', body })
    else {
      const headers = { 'content-type': 'application/merge-patch+json' }
      await wire.send(`${path}/${name}`, { method: 'PATCH', headers, body: { metadata: { labels: { l: 'x' } } } })
    }
  }
}

class Follower {
  readonly heard: string[] = []
  /** Every time it had to list again: what it did not hear of lies before. */
  readonly listedAt: number[] = []
  readonly mirror = new Map<string, string>()
  readonly #selection: Selection
  readonly #random: Random
  #version = 0

  constructor(selection: Selection, random: Random) {
    this.#selection = selection
    this.#random = random
  }

  async list(wire: WireClient): Promise<void> {
    const { json } = await wire.send(`${path}?${this.#selection.query.slice(1)}`)
    this.mirror.clear()
    for (const object of json.items as StoredObject[])
      this.mirror.set(object.metadata.name, object.metadata.resourceVersion)
    this.#version = Number(json.metadata.resourceVersion)
    this.listedAt.push(this.#version)
  }

  /** Follows until it has seen that version, losing its stream now and then. */
  async follow(until: () => number | undefined): Promise<void> {
    const wire = client()
    await this.list(wire)
    for (let isOver = false; !isOver;) {
      const limit = 1 + this.#random.below(12)
      let seen = 0
      const wasOver = until() !== undefined
      const options = `watch=1&resourceVersion=${this.#version}&timeoutSeconds=1${this.#selection.query}`
      for await (const { type, object } of wire.watch(`${path}?${options}`)) {
        if (type === 'ERROR') {
          expect(object.code).toBe(410)
          await this.list(wire)
          break
        }
        this.#version = Number(object.metadata.resourceVersion)
        this.heard.push(`${type} ${object.metadata.name} ${this.#version}`)
        if (type === 'DELETED') this.mirror.delete(object.metadata.name)
        else this.mirror.set(object.metadata.name, object.metadata.resourceVersion)
        if (++seen === limit) break
      }
      // The stream is lost; the client comes back a little later.
      await new Promise((resolve) => setTimeout(resolve, this.#random.below(30)))
      isOver = wasOver && seen === 0
    }
  }
}

describe('watchers over HTTP/2', () => {
  it.each([
    { seed: 1, ringCapacity: 1000 },
    { seed: 2, ringCapacity: 6 },
  ])(
    'hear everything once and in order, with a ring of $ringCapacity',
    async ({ seed, ringCapacity }) => {
      world = await serve({ ringCapacity })
      const random = new SeededRandom(seed)
      const info = world.api.resource({ group: '', version: 'v1', plural: 'configmaps' })
      const log: { readonly type: string; readonly object: StoredObject }[] = []
      world.api.watch(
        context,
        info,
        { namespace: 'default', resourceVersion: world.api.resourceVersion },
        {
          event: (event) => event.type !== 'BOOKMARK' && log.push(event),
          end: () => {},
        },
      )
      let last: number | undefined
      const followers = Array.from(
        { length: 12 },
        (_, i) => new Follower(selections[i % selections.length]!, random.split(`follower ${i}`)),
      )
      const following = followers.map((follower) => follower.follow(() => last))
      await Promise.all(Array.from({ length: 3 }, (_, i) => writes(random.split(`writer ${i}`), 80)))
      last = Number(world.api.resourceVersion)
      await Promise.all(following)

      followers.forEach((follower, i) => {
        const { selects } = selections[i % selections.length]!
        const items = world!.api.list(context, info, { namespace: 'default' }).items.filter(selects)
        expect(Object.fromEntries(follower.mirror)).toEqual(
          Object.fromEntries(items.map(({ metadata }) => [metadata.name, metadata.resourceVersion])),
        )
        const versions = follower.heard.map((line) => Number(line.split(' ')[2]))
        expect(versions.every((version, j) => j === 0 || version > versions[j - 1]!)).toBe(true)
        expect(follower.heard).toEqual(expectedOf(log, selects, follower, versions))
      })
      // Who comes back too late lists again, and nobody else does.
      expect(followers.some((follower) => follower.listedAt.length > 1)).toBe(ringCapacity < 10)
    },
    30_000,
  )
})

/** What the follower is to have heard: all that concerns it, but for what its later lists told it instead. */
function expectedOf(
  log: readonly { readonly type: string; readonly object: StoredObject }[],
  selects: Selection['selects'],
  follower: Follower,
  versions: readonly number[],
): string[] {
  const present = new Map<string, StoredObject>()
  const all: { readonly version: number; readonly line: string }[] = []
  for (const { type, object } of log) {
    const { name, resourceVersion } = object.metadata
    const before = present.get(name)
    const was = before !== undefined && selects(before)
    const is = type !== 'DELETED' && selects(object)
    if (type === 'DELETED') present.delete(name)
    else present.set(name, object)
    if (!was && !is) continue
    const version = Number(resourceVersion)
    all.push({ version, line: `${is ? (was ? 'MODIFIED' : 'ADDED') : 'DELETED'} ${name} ${version}` })
  }
  const [first = 0, ...relisted] = follower.listedAt
  return all
    .filter(({ version }) => version > first)
    .filter(({ version }) => {
      // Between the last event that was heard before a list and the list itself lies what the list told.
      const list = relisted.find((at) => at >= version)
      if (list === undefined) return true
      const heardUpTo = Math.max(first, ...relisted.filter((at) => at < list), ...versions.filter((v) => v <= list))
      return version <= heardUpTo
    })
    .map(({ line }) => line)
}
