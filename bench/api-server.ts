// The embedded API server over HTTP/2 with TLS, from another process, and in process: creates, lists, watches, memory.
import { once } from 'node:events'
import type { ClientHttp2Session } from 'node:http2'
import { pod } from './api-server-process.ts'
import { withServer } from './served.ts'
import type { BenchCase, BenchResult, BenchSize } from './case.ts'

const podsPath = '/api/v1/namespaces/default/pods'

interface Fetched {
  readonly status: number
  readonly bytes: number
  readonly firstByteMs: number
  readonly ms: number
  /** The first 4 KiB, where a list's metadata stands. */
  readonly head: string
}

async function fetch(
  session: ClientHttp2Session,
  path: string,
  o: { readonly accept?: string; readonly body?: object } = {},
): Promise<Fetched> {
  const begun = performance.now()
  const stream = session.request({
    ':path': path,
    ':method': o.body === undefined ? 'GET' : 'POST',
    accept: o.accept ?? 'application/json',
    ...(o.body === undefined ? {} : { 'content-type': 'application/json' }),
  })
  stream.end(o.body === undefined ? undefined : JSON.stringify(o.body))
  let status = 0
  let bytes = 0
  let firstByteMs = 0
  let head = ''
  stream.on('response', (headers) => (status = Number(headers[':status'])))
  stream.on('data', (chunk: Buffer) => {
    if (bytes === 0) firstByteMs = performance.now() - begun
    if (head.length < 4096) head += chunk.toString('latin1').slice(0, 4096)
    bytes += chunk.length
  })
  await once(stream, 'close')
  return { status, bytes, firstByteMs, ms: performance.now() - begun, head }
}

const inFlight = 64

function creates(size: BenchSize): Promise<BenchResult> {
  const count = size === 'full' ? 20_000 : 500
  return withServer(async (served) => {
    await served.tell({ do: 'create', count: 1000 })
    const session = served.connect()
    let next = 0
    let created = 0
    const worker = async (): Promise<void> => {
      while (next < count) {
        const { status } = await fetch(session, podsPath, { body: pod(`sent-${next++}`) })
        if (status === 201) created++
      }
    }
    const begun = performance.now()
    await Promise.all(Array.from({ length: inFlight }, worker))
    const http = performance.now() - begun
    return withServer(async (fresh) => {
      const inProcess = await fresh.tell({ do: 'create', count: count * 2 })
      return {
        figures: {
          'pods created/s over HTTP/2': count / (http / 1000),
          'pods created/s in process': (count * 2) / (inProcess.ms / 1000),
        },
        answer: `${created} of ${count}`,
      }
    })
  })
}

function lists(size: BenchSize): Promise<BenchResult> {
  const nodes = size === 'full' ? 5000 : 50
  const pods = nodes * 30
  return withServer(async (served) => {
    const filled = await served.tell({ do: 'fill', nodes, pods })
    const session = served.connect()
    const cold = await fetch(session, podsPath)
    const warm = await fetch(session, podsPath)
    const table = await fetch(session, podsPath, { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' })
    const onNode = await fetch(session, `/api/v1/pods?fieldSelector=spec.nodeName%3Dnode-7`)
    const begun = performance.now()
    let pages = 0
    for (let token: string | undefined = ''; token !== undefined; pages++) {
      const path: string = `${podsPath}?limit=500${token === '' ? '' : `&continue=${encodeURIComponent(token)}`}`
      token = /"continue":"([^"]+)"/.exec((await fetch(session, path)).head)?.[1]
    }
    const paged = performance.now() - begun
    const { rssMiB } = await served.tell({ do: 'create', count: 0 })
    return {
      figures: {
        'list, first time': cold.ms,
        'list, again': warm.ms,
        'first byte': warm.firstByteMs,
        'MB in the list': warm.bytes / 1e6,
        'as a Table': table.ms,
        'in pages of 500': paged,
        'pods of one node': onNode.ms,
        'RSS of the server when filled, MiB': filled.rssMiB,
        'RSS of the server after the lists, MiB': rssMiB,
      },
      answer: `${pods} pods, ${pages} pages, ${[cold, warm, table, onNode].map(({ status }) => status).join(' ')}`,
    }
  })
}

const watchers = 50

function fanOut(size: BenchSize): Promise<BenchResult> {
  const events = size === 'full' ? 10_000 : 100
  return withServer(async (served) => {
    await served.tell({ do: 'fill', nodes: 10, pods: 1000 })
    const inProcess = await served.tell({ do: 'touch', count: events, watchers })
    const version = /"resourceVersion":"(\d+)"/.exec((await fetch(served.connect(), `${podsPath}?limit=1`)).head)![1]!
    let seen = 0
    let bytes = 0
    let finish = (): void => {}
    const finished = new Promise<void>((resolve) => (finish = resolve))
    for (let i = 0; i < watchers; i++) {
      const stream = served.connect().request({ ':path': `${podsPath}?watch=1&resourceVersion=${version}` })
      stream.on('data', (chunk: Buffer) => {
        bytes += chunk.length
        for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, at + 1)) seen++
        if (seen >= events * watchers) finish()
      })
      await once(stream, 'response')
    }
    const begun = performance.now()
    const done = await served.tell({ do: 'touch', count: events, watchers: 0 })
    await finished
    const ms = performance.now() - begun
    return {
      figures: {
        'deliveries/s over HTTP/2, 50 connections': seen / (ms / 1000),
        'events/s over HTTP/2 to 50 watchers': events / (ms / 1000),
        'events/s in process to 50 watchers': events / (inProcess.ms / 1000),
        'bytes per event': bytes / seen,
        'RSS of the server, MiB': done.rssMiB,
      },
      answer: `${seen} of ${events * watchers}, in process ${inProcess.delivered}`,
    }
  })
}

export const apiServer: readonly BenchCase[] = [
  { name: 'API server: pods created', run: creates },
  { name: 'API server: list of pods on 5,000 nodes × 30', run: lists },
  { name: 'API server: watch fan-out to 50 watchers', run: fanOut },
]
