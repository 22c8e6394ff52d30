// Watchers that do not read: the server keeps a bounded number of bytes for each, and the others notice nothing.
import { once } from 'node:events'
import { request as requestHttp1, type IncomingMessage } from 'node:http'
import { connect, type ClientHttp2Stream } from 'node:http2'
import type { Readable } from 'node:stream'
import { ConfigMaps } from '@plimsoll/model'
import type { KubeApi } from '@plimsoll/ports'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { serve, type TestServer } from './serve.ts'

let world: TestServer
let inside: KubeApi
const closing: (() => void)[] = []
beforeAll(async () => {
  world = await serve({ insecurePort: 0, ringCapacity: 4 })
  inside = world.api.client({ name: 'test', groups: ['system:masters'] }, 'test')
})
afterAll(async () => {
  for (const close of closing) close()
  await world.close()
})

const path = (): string => `/api/v1/namespaces/default/configmaps?watch=1&resourceVersion=${world.api.resourceVersion}`

async function overHttp2(): Promise<Readable> {
  const { server, pki } = world
  const identity = { ca: pki.ca.certificate, cert: pki.admin.certificate, key: pki.admin.key }
  // Windows as Go's clients have them.
  const session = connect(server.url, { ...identity, settings: { initialWindowSize: 4 * 1024 * 1024 } })
  session.once('connect', () => session.setLocalWindowSize(16 * 1024 * 1024))
  closing.push(() => session.destroy())
  const stream: ClientHttp2Stream = session.request({ ':path': path() })
  await once(stream, 'response')
  return stream
}

async function overHttp1(): Promise<Readable> {
  const sent = requestHttp1(`${world.server.insecureUrl}${path()}`).end()
  closing.push(() => sent.destroy())
  const [answer] = (await once(sent, 'response')) as [IncomingMessage]
  return answer
}

interface Event {
  readonly type: string
  readonly object: {
    readonly code?: number
    readonly reason?: string
    readonly metadata: { readonly resourceVersion?: string }
  }
}

/** Everything until the stream ends or breaks; `limit` events at most. */
async function read(
  stream: Readable,
  limit = Infinity,
  events: Event[] = [],
): Promise<{ readonly events: Event[]; readonly bytes: number }> {
  let rest: Buffer[] = []
  let bytes = 0
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      bytes += chunk.length
      rest.push(chunk)
      if (!chunk.includes(10)) continue
      const lines = Buffer.concat(rest).toString().split('\n')
      rest = [Buffer.from(lines.pop()!)]
      for (const line of lines) events.push(JSON.parse(line) as Event)
      if (events.length >= limit) break
    }
  } catch {
    // Broken off.
  }
  expect(Buffer.concat(rest).toString()).toBe('')
  return { events, bytes }
}

const objectBytes = 1024 * 1024
const count = 90

describe.each([
  { wire: 'HTTP/2', open: overHttp2 },
  { wire: 'HTTP/1.1', open: overHttp1 },
])('a watcher over $wire that does not read', ({ wire, open }) => {
  it('is cut off with 410 when too much waits for it, and sees no half of an event', async () => {
    const slow = await open()
    const fast = await open()
    const sofar: Event[] = []
    const all = read(fast, count, sofar)
    const name = wire === 'HTTP/2' ? 'two' : 'one'
    for (let i = 0; i < count; i++) {
      const object = { metadata: { name, namespace: 'default' }, data: { text: `${i}`.padEnd(objectBytes, '.') } }
      if (i === 0) await inside.create(ConfigMaps, object)
      else await inside.replace(ConfigMaps, object as never)
      // As fast as the one who reads can read.
      while (i - sofar.length > 10) await new Promise((resolve) => setTimeout(resolve, 1))
    }
    // Who reads gets every event, once and in order.
    const seen = (await all).events.map(({ object }) => Number(object.metadata.resourceVersion))
    expect(seen).toHaveLength(count)
    expect(seen).toEqual(seen.toSorted((a, b) => a - b))
    expect(new Set(seen).size).toBe(count)

    const { events, bytes } = await read(slow)
    expect(events.at(-1)).toMatchObject({ type: 'ERROR', object: { code: 410, reason: 'Expired' } })
    const before = events.slice(0, -1).map(({ object }) => Number(object.metadata.resourceVersion))
    expect(before).toEqual(seen.slice(0, before.length))
    // What waited was dropped: only what was on its way arrives.
    expect(bytes).toBeLessThan(20 * objectBytes)
  }, 30_000)
})
