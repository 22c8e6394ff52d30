// The API server over a journal: what it begins with, and what waits for the disk.
import { ConfigMaps, Namespaces, Pods, ServiceAccounts } from '@plimsoll/model'
import { JournalError, SeededRandom, SystemClock, type KubeApi } from '@plimsoll/ports'
import { MemoryJournal } from '@plimsoll/ports/suites'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { ApiServer } from '../src/api-server.ts'
import { bootstrap } from '../src/bootstrap.ts'
import { serve, type TestServer } from './serve.ts'
import { WireClient } from './wire-client.ts'

let lives = 0

function life(journal: MemoryJournal): { readonly server: ApiServer; readonly kube: KubeApi } {
  const server = new ApiServer({ clock: new SystemClock(), random: new SeededRandom(`life ${++lives}`), journal })
  bootstrap(server)
  return { server, kube: server.client({ name: 'admin', groups: ['system:masters'] }, 'test') }
}

const context = { user: { name: 'admin', groups: ['system:masters'] }, userAgent: 'test', warnings: [] }
const container = { name: 'c', image: 'nginx' }
const map = (name: string, data?: { readonly [key: string]: string }): object => ({
  metadata: { name, namespace: 'default' },
  ...(data === undefined ? {} : { data }),
})

describe('a server that starts again', () => {
  it('has every object of the last batch as it was, and goes on counting', async () => {
    const journal = new MemoryJournal()
    const { server, kube } = life(journal)
    await kube.create(ConfigMaps, map('kept', { a: 'b' }) as never)
    await kube.create(ConfigMaps, map('gone') as never)
    await kube.create(Pods, {
      metadata: { name: 'p', namespace: 'default' },
      spec: { containers: [container] },
    } as never)
    await kube.remove(ConfigMaps, { namespace: 'default', name: 'gone' })
    journal.write()
    const before = {
      version: server.resourceVersion,
      maps: (await kube.list(ConfigMaps)).items,
      pods: (await kube.list(Pods)).items,
      accounts: (await kube.list(ServiceAccounts)).items,
    }
    await kube.create(ConfigMaps, map('never on disk') as never).catch(() => {})
    await kube.create(ConfigMaps, map('lost') as never)
    server.close()

    const again = life(journal.afterCrash())
    expect({
      version: again.server.resourceVersion,
      maps: (await again.kube.list(ConfigMaps)).items,
      pods: (await again.kube.list(Pods)).items,
      accounts: (await again.kube.list(ServiceAccounts)).items,
    }).toEqual(before)
    const next = await again.kube.create(ConfigMaps, map('next') as never)
    expect(Number(next.metadata.resourceVersion)).toBe(Number(before.version) + 1)
    again.server.close()
  })

  it('lets equal pods share their parts again', async () => {
    const journal = new MemoryJournal()
    const first = life(journal)
    const volume = { name: 'v', emptyDir: {} }
    const spec = { automountServiceAccountToken: false, containers: [container], volumes: [volume] }
    for (const name of ['p', 'q', 'r']) {
      const labels = { app: name === 'r' ? 'other' : 'web' }
      await first.kube.create(Pods, { metadata: { name, namespace: 'default', labels }, spec } as never)
    }
    const before = (await first.kube.list(Pods)).items
    journal.write()
    first.server.close()
    const { server, kube } = life(journal.afterCrash())
    const pods = (await kube.list(Pods)).items
    expect(pods).toEqual(before)
    const [p, q, r] = pods
    expect(p!.spec.containers).toBe(q!.spec.containers)
    expect(p!.spec.volumes).toBe(r!.spec.volumes)
    expect(p!.metadata.labels).toBe(q!.metadata.labels)
    expect(p!.metadata.labels).not.toBe(r!.metadata.labels)
    server.close()
  })

  it('serves its custom resources, and goes on taking namespaces apart', async () => {
    const journal = new MemoryJournal()
    const first = life(journal)
    const definitions = { group: 'apiextensions.k8s.io', version: 'v1', plural: 'customresourcedefinitions' }
    first.server.create(context, first.server.resource(definitions), undefined, {
      metadata: { name: 'boats.sea.dev' },
      spec: {
        group: 'sea.dev',
        scope: 'Namespaced',
        names: { plural: 'boats', kind: 'Boat' },
        versions: [
          {
            name: 'v1',
            served: true,
            storage: true,
            schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
          },
        ],
      },
    })
    await first.kube.create(Namespaces, { metadata: { name: 'leaving' } })
    await first.kube.create(ConfigMaps, { metadata: { name: 'held', namespace: 'leaving', finalizers: ['a.b/c'] } })
    await first.kube.remove(Namespaces, { name: 'leaving' })
    await vi.waitFor(() => first.server.resource({ group: 'sea.dev', version: 'v1', plural: 'boats' }))
    journal.write()
    first.server.close()

    const { server, kube } = life(journal.afterCrash())
    const boats = server.resource({ group: 'sea.dev', version: 'v1', plural: 'boats' })
    expect(boats.kind).toBe('Boat')
    expect((await kube.get(Namespaces, { name: 'leaving' })).status?.phase).toBe('Terminating')
    const held = { namespace: 'leaving', name: 'held' }
    await kube.patch(ConfigMaps, held, { type: 'merge', body: { metadata: { finalizers: null } } as never })
    await expect(kube.get(Namespaces, { name: 'leaving' })).rejects.toMatchObject({ failure: 'notFound' })
    server.close()
  })

  it('knows nothing of what happened before: watches and pages from then get 410', async () => {
    const journal = new MemoryJournal()
    const first = life(journal)
    const old = first.server.resourceVersion
    await first.kube.create(ConfigMaps, map('a') as never)
    const page = await first.kube.list(ConfigMaps, { limit: 1 })
    const last = first.server.resourceVersion
    journal.write()
    first.server.close()

    const { server, kube } = life(journal.afterCrash())
    const info = server.resource({ group: '', version: 'v1', plural: 'configmaps' })
    const heard: string[] = []
    const sink = {
      event: (event: { readonly type: string; readonly object?: { readonly metadata: { readonly name: string } } }) =>
        heard.push(`${event.type} ${event.object?.metadata.name}`),
      end: () => {},
    }
    expect(() => server.watch(context, info, { resourceVersion: old }, sink)).toThrow(/too old resource version/)
    await expect(kube.list(ConfigMaps, { limit: 1, continue: page.continue } as never)).rejects.toMatchObject({
      failure: 'gone',
    })
    server.watch(context, info, { resourceVersion: last }, sink)
    await kube.create(ConfigMaps, map('b') as never)
    expect(heard).toEqual(['ADDED b'])
    server.close()
  })
})

describe('what leaves over the wire', () => {
  let world: TestServer | undefined
  let client: WireClient | undefined
  afterEach(async () => {
    client?.close()
    await world?.close()
  })

  const path = '/api/v1/namespaces/default/configmaps'
  const turns = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 60))

  async function begin(): Promise<{ readonly journal: MemoryJournal; readonly client: WireClient }> {
    const journal = new MemoryJournal()
    world = await serve({ journal })
    client = new WireClient(world)
    journal.write()
    return { journal, client }
  }

  it('waits for the disk: answers to writes, reads, refusals, lists and watch events alike', async () => {
    const { journal, client: wire } = await begin()
    const watched: string[] = []
    const watch = wire.watch(`${path}?watch=1&resourceVersion=${world!.api.resourceVersion}`)
    void (async () => {
      for await (const event of watch) watched.push(event.object.metadata.name)
    })().catch(() => {})
    await turns()
    const answered: string[] = []
    const send = (what: string, ...args: Parameters<WireClient['send']>): Promise<void> =>
      wire.send(...args).then(({ status }) => void answered.push(`${what} ${status}`))
    const all = [send('create', path, { body: { metadata: { name: 'a' } } })]
    await turns()
    all.push(send('get', `${path}/a`), send('list', path), send('again', path, { body: { metadata: { name: 'a' } } }))
    await turns()
    expect([answered, watched]).toEqual([[], []])
    journal.write()
    await Promise.all(all)
    await turns()
    expect(answered.toSorted()).toEqual(['again 409', 'create 201', 'get 200', 'list 200'])
    expect(watched).toEqual(['a'])
    // Nothing is open now: nothing waits.
    expect((await wire.send(`${path}/a`)).status).toBe(200)
  })

  it('is a 500 that says why while the disk refuses, and the write when it takes it again', async () => {
    const { journal, client: wire } = await begin()
    const refused = wire.send(path, { body: { metadata: { name: 'a' } } })
    await turns()
    journal.refuse(new JournalError('unwritable', 'cluster.db cannot be written (database or disk is full)'))
    const { status, json } = await refused
    expect(status).toBe(500)
    expect(json).toMatchObject({
      kind: 'Status',
      reason: 'InternalError',
      message: 'Internal error occurred: cluster.db cannot be written (database or disk is full)',
    })
    const later = wire.send(`${path}/a`)
    await turns()
    journal.write()
    expect((await later).status).toBe(200)
  })
})
