import { ConfigMaps, ms, Nodes, Pods, PriorityClasses, ReplicaSets, type Draft, type Pod } from '@plimsoll/model'
import { SeededRandom, VirtualClock, type WatchEvent } from '@plimsoll/ports'
import { describe, expect, it } from 'vitest'
import { ApiServer } from './api-server.ts'
import { bootstrap } from './bootstrap.ts'

function testServer(): ApiServer {
  const server = new ApiServer({
    clock: new VirtualClock({ start: ms(Date.parse('2026-01-02T03:04:05Z')) }),
    random: new SeededRandom('test'),
  })
  bootstrap(server)
  return server
}

const admin = { name: 'kubernetes-admin', groups: ['system:masters'] }

describe('ApiServer', () => {
  it('tells watchers of commits in order, before the writer goes on', async () => {
    const api = testServer().client(admin, 'test/1')
    const seen: string[] = []
    await api.watch(
      ConfigMaps,
      { namespace: 'default' },
      {
        event: (event: WatchEvent<unknown>) => seen.push(event.type),
        end: () => {},
      },
    )
    seen.length = 0
    const made = await api.create(ConfigMaps, { metadata: { name: 'a', namespace: 'default' }, data: { x: '1' } })
    await api.patch(ConfigMaps, made.metadata, { type: 'merge', body: { data: { x: '2' } } })
    await api.patch(ConfigMaps, made.metadata, { type: 'merge', body: { data: { x: '2' } } })
    await api.remove(ConfigMaps, made.metadata)
    expect(seen).toEqual(['ADDED', 'MODIFIED', 'DELETED'])
  })

  it('prepares the pods of one template once, until what admission reads changes', async () => {
    const api = testServer().client(admin, 'test/1')
    const labels = { app: 'a' }
    const set = await api.create(ReplicaSets, {
      metadata: { name: 'set', namespace: 'default' },
      spec: {
        selector: { matchLabels: labels },
        template: { metadata: { labels }, spec: { containers: [{ name: 'c', image: 'a:1' }] } },
      },
    })
    const draft: Draft<Pod> = {
      metadata: { generateName: 'set-', namespace: 'default', labels },
      spec: set.spec.template!.spec!,
    }
    const one = await api.create(Pods, draft)
    const two = await api.create(Pods, draft)
    expect(two.spec).toBe(one.spec)
    expect(one.spec.priority).toBe(0)
    await api.create(PriorityClasses, { metadata: { name: 'high' }, value: 7, globalDefault: true })
    const three = await api.create(Pods, draft)
    expect(three.spec.priority).toBe(7)
    expect(one.spec.priority).toBe(0)
  })

  it('gives out tokens and knows them again until they expire', async () => {
    const clock = new VirtualClock({ start: ms(Date.parse('2026-01-02T03:04:05Z')) })
    const server = new ApiServer({ clock, random: new SeededRandom('tokens') })
    bootstrap(server)
    const context = { user: admin, userAgent: 'test', warnings: [] }
    const { status } = server.token(
      context,
      { namespace: 'default', name: 'default' },
      { spec: { expirationSeconds: 600 } },
    )
    const { token, expirationTimestamp } = status as { token: string; expirationTimestamp: string }
    expect(expirationTimestamp).toBe('2026-01-02T03:14:05Z')
    expect(server.tokenOwner(token)).toMatchObject({
      user: {
        name: 'system:serviceaccount:default:default',
        groups: ['system:serviceaccounts', 'system:serviceaccounts:default', 'system:authenticated'],
      },
    })
    expect(server.tokenOwner(`${token}0`)).toBe('invalid bearer token')
    await clock.runFor(ms(600_000))
    expect(server.tokenOwner(token)).toBe('[invalid bearer token, service account token has expired]')
  })

  it.each([
    {
      asked: {},
      containers: ['a', 'b'],
      message: 'a container name must be specified for pod p, choose one of: [a b]',
    },
    { asked: { container: 'x' }, containers: ['a'], message: 'container x is not valid for pod p' },
    { asked: {}, containers: ['a'], message: 'container "a" in pod "p" is waiting to start: ContainerCreating' },
    {
      asked: { previous: true },
      containers: ['a'],
      message: 'previous terminated container "a" in pod "p" not found',
    },
  ])('says why there is no log: $message', ({ asked, containers, message }) => {
    const server = testServer()
    const context = { user: admin, userAgent: 'test', warnings: [] }
    const pods = server.resource(Pods)
    const key = { namespace: 'default', name: 'p' }
    const spec = { nodeName: 'n', containers: containers.map((name) => ({ name, image: 'i:1' })) }
    server.create(context, pods, 'default', { metadata: { name: 'p' }, spec })
    const containerStatuses = containers.map((name) => ({ name, state: { waiting: { reason: 'ContainerCreating' } } }))
    server.patch(context, pods, key, 'merge', { status: { containerStatuses } }, { subresource: 'status' })
    expect(() => server.log(context, key, asked, { chunk: () => {}, end: () => {} })).toThrow(message)
  })

  it('resizes containers and adds ephemeral ones, and changes nothing else by the way', () => {
    const server = testServer()
    const context = { user: admin, userAgent: 'test', warnings: [] }
    const pods = server.resource(Pods)
    const key = { namespace: 'default', name: 'p' }
    const containers = [{ name: 'c', image: 'i:1', resources: { requests: { cpu: '1' } } }]
    server.create(context, pods, 'default', { metadata: { name: 'p' }, spec: { containers } })
    const resize = { spec: { containers: [{ name: 'c', image: 'j:1', resources: { requests: { cpu: '2000m' } } }] } }
    const { object } = server.patch(context, pods, key, 'strategic', resize, { subresource: 'resize' })
    expect(object).toMatchObject({
      metadata: { generation: 2 },
      spec: { containers: [{ image: 'i:1', resources: { requests: { cpu: '2' } } }] },
    })
    const debug = { spec: { ephemeralContainers: [{ name: 'd', image: 'busybox' }] } }
    const options = { subresource: 'ephemeralcontainers' } as const
    const debugged = server.patch(context, pods, key, 'strategic', debug, options).object
    expect(debugged.spec).toMatchObject({ ephemeralContainers: [{ name: 'd', imagePullPolicy: 'Always' }] })
    const wrong = { spec: { containers: [{ name: 'c', resources: { limits: { cpu: '1' } } }] } }
    expect(() => server.patch(context, pods, key, 'strategic', wrong, { subresource: 'resize' })).toThrow(
      'must be less than or equal to cpu limit of 1',
    )
  })

  it('binds a pod once', async () => {
    const api = testServer().client(admin, 'test/1')
    await api.create(Nodes, { metadata: { name: 'n1' } })
    await api.create(Pods, {
      metadata: { name: 'p', namespace: 'default' },
      spec: { containers: [{ name: 'c', image: 'nginx' }] },
    })
    await api.bind({ namespace: 'default', name: 'p' }, 'n1')
    await expect(api.bind({ namespace: 'default', name: 'p' }, 'n2')).rejects.toMatchObject({ failure: 'conflict' })
    const found = await api.list(Pods, { fieldSelector: 'spec.nodeName=n1' })
    expect(found.items.map((pod) => pod.metadata.name)).toEqual(['p'])
  })
})
