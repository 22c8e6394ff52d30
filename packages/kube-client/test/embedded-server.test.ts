import {
  ApiServer,
  bootstrap,
  createPki,
  kubeconfig,
  startKubeServer,
  type KubeServer,
  type Pki,
} from '@plimsoll/embedded-kube'
import {
  ConfigMaps,
  Deployments,
  ms,
  Nodes,
  PodDisruptionBudgets,
  Pods,
  seconds,
  type ConfigMap,
  type Draft,
  type Pod,
} from '@plimsoll/model'
import { SeededRandom, SystemClock, type KubeError, type WatchEvent } from '@plimsoll/ports'
import { kubeApiSuite } from '@plimsoll/ports/suites'
import { Informer, LeaderElection } from '@plimsoll/runtime'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createKubeClient, type KubeClient } from '../src/index.ts'

const clock = new SystemClock()
let pki: Pki
let server: KubeServer
let kube: KubeClient
const clients: KubeClient[] = []

beforeAll(async () => {
  const api = new ApiServer({ clock, random: new SeededRandom('wire'), ringCapacity: 20 })
  bootstrap(api)
  pki = await createPki()
  server = await startKubeServer(api, {
    pki,
    tokens: { t0ken: { name: 'robot', groups: ['system:masters'] } },
  })
  kube = await connect(configWith({ kind: 'certificate', ...pki.admin }))
})

afterAll(async () => {
  await Promise.all(clients.map((client) => client.close()))
  await server.close()
})

async function connect(text: string): Promise<KubeClient> {
  const client = await createKubeClient({ access: { kind: 'text', text }, userAgent: 'wire/1', qps: 0, clock })
  clients.push(client)
  return client
}

function configWith(
  credential: Parameters<typeof kubeconfig>[0]['credential'],
  ca: string = pki.ca.certificate,
): string {
  return kubeconfig({ name: 'embedded', server: server.url, ca, credential })
}

async function failureOf(promise: Promise<unknown>): Promise<KubeError> {
  return promise.then(
    () => {
      throw new Error('it worked')
    },
    (error: unknown) => error as KubeError,
  )
}

async function until(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 200 && !condition(); i++) await clock.sleep(ms(10))
  expect(condition()).toBe(true)
}

function pod(name: string, labels: { readonly [key: string]: string } = {}): Draft<Pod> {
  return { metadata: { namespace: 'default', name, labels }, spec: { containers: [{ name: 'c', image: 'i' }] } }
}

describe('over the wire of an API server', () => {
  kubeApiSuite(async () => ({ api: kube, close: () => {} }))

  it('is who its client certificate says', async () => {
    await expect(kube.list(Nodes)).resolves.toMatchObject({ items: [] })
  })

  it('is who its token says', async () => {
    await expect((await connect(configWith({ kind: 'token', token: 't0ken' }))).list(Nodes)).resolves.toBeDefined()
    const error = await failureOf((await connect(configWith({ kind: 'token', token: 'stolen' }))).list(Nodes))
    expect(error.failure).toBe('unauthorized')
  })

  it('does not speak to a server that it cannot trust', async () => {
    const other = await createPki({ commonName: 'other' })
    const client = await connect(configWith({ kind: 'token', token: 't0ken' }, other.ca.certificate))
    const error = await failureOf(client.list(Nodes))
    expect(error.failure).toBe('unavailable')
    expect(error.message).toMatch(
      /^GET https:\/\/127\.0\.0\.1:\d+\/api\/v1\/nodes: 127\.0\.0\.1:\d+: its certificate is not trusted/,
    )
  })

  it('writes and reads objects', async () => {
    const key = { namespace: 'default', name: 'settings' }
    const created = await kube.create(ConfigMaps, { metadata: key, data: { a: '1' } })
    expect(await kube.get(ConfigMaps, key)).toEqual(created)
    expect((await failureOf(kube.create(ConfigMaps, { metadata: key }))).failure).toBe('alreadyExists')
    const replaced = await kube.replace(ConfigMaps, { ...created, data: { a: '2' } })
    expect((await failureOf(kube.replace(ConfigMaps, { ...created, data: { a: '3' } }))).failure).toBe('conflict')
    const patched = await kube.patch(ConfigMaps, key, { type: 'merge', body: { data: { b: '4' } } })
    expect(patched.data).toEqual({ a: '2', b: '4' })
    const applied: ConfigMap = await kube.apply(
      ConfigMaps,
      { apiVersion: 'v1', kind: 'ConfigMap', metadata: key, data: { c: '5' } },
      { fieldManager: 'test' },
    )
    expect(applied.data).toEqual({ a: '2', b: '4', c: '5' })
    expect(Number(applied.metadata.resourceVersion)).toBeGreaterThan(Number(replaced.metadata.resourceVersion))
    await kube.remove(ConfigMaps, key)
    const gone = await failureOf(kube.get(ConfigMaps, key))
    expect([gone.failure, gone.message]).toEqual(['notFound', 'configmaps "settings" not found'])
  })

  it('says what is invalid', async () => {
    const error = await failureOf(kube.create(ConfigMaps, { metadata: { namespace: 'default', name: 'No Good' } }))
    expect(error.failure).toBe('invalid')
    expect(error.status.details?.causes?.[0]?.field).toBe('metadata.name')
  })

  it('scales, binds and evicts', async () => {
    await kube.create(Nodes, { metadata: { name: 'n1' } })
    await kube.create(Deployments, {
      metadata: { namespace: 'default', name: 'web' },
      spec: {
        replicas: 1,
        selector: { matchLabels: { app: 'web' } },
        template: { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'c', image: 'i' }] } },
      },
    })
    const web = { namespace: 'default', name: 'web' }
    const scale = await kube.readScale(Deployments, web)
    expect(scale.spec?.replicas).toBe(1)
    await kube.writeScale(Deployments, web, { ...scale, spec: { replicas: 4 } })
    expect((await kube.get(Deployments, web)).spec.replicas).toBe(4)

    await kube.create(Pods, pod('guarded', { app: 'guarded' }))
    const guarded = { namespace: 'default', name: 'guarded' }
    await kube.bind(guarded, 'n1')
    expect((await kube.get(Pods, guarded)).spec.nodeName).toBe('n1')
    expect((await failureOf(kube.bind(guarded, 'n2'))).failure).toBe('conflict')
    await kube.patch(
      Pods,
      guarded,
      { type: 'merge', body: { status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] } } },
      { subresource: 'status' },
    )
    await kube.create(PodDisruptionBudgets, {
      metadata: { namespace: 'default', name: 'guard' },
      spec: { maxUnavailable: 0, selector: { matchLabels: { app: 'guarded' } } },
    })
    // As the disruption controller would: before it has looked, the server asks to come back in ten seconds.
    await kube.patch(
      PodDisruptionBudgets,
      { namespace: 'default', name: 'guard' },
      { type: 'merge', body: { status: { observedGeneration: 1, disruptionsAllowed: 0, currentHealthy: 1 } } },
      { subresource: 'status' },
    )
    const refused = await failureOf(kube.evict(guarded))
    expect(refused.failure).toBe('tooManyRequests')
    await kube.remove(PodDisruptionBudgets, { namespace: 'default', name: 'guard' })
    await kube.evict(guarded, { gracePeriodSeconds: 0 })
    await kube.remove(Pods, guarded, { gracePeriodSeconds: 0 }).catch(() => {})
    expect((await failureOf(kube.get(Pods, guarded))).failure).toBe('notFound')
  })

  it('lists in pages', async () => {
    for (let i = 0; i < 5; i++)
      await kube.create(ConfigMaps, { metadata: { namespace: 'kube-system', name: `page-${i}` } })
    const selection = { namespace: 'kube-system', fieldSelector: 'metadata.name!=kube-root-ca.crt' }
    const first = await kube.list(ConfigMaps, { ...selection, limit: 2 })
    const rest = await kube.list(ConfigMaps, { ...selection, limit: 500, continue: first.continue! })
    const names = [...first.items, ...rest.items].map(({ metadata }) => metadata.name)
    expect(first.items).toHaveLength(2)
    expect(names.filter((name) => name.startsWith('page-'))).toEqual(['page-0', 'page-1', 'page-2', 'page-3', 'page-4'])
    await kube.removeCollection(ConfigMaps, selection)
    expect((await kube.list(ConfigMaps, selection)).items).toEqual([])
  })

  it('watches, until the version is too old', async () => {
    const events: WatchEvent<Pod>[] = []
    const ends: (KubeError | undefined)[] = []
    const sink = { event: (e: WatchEvent<Pod>) => void events.push(e), end: (e?: KubeError) => void ends.push(e) }
    const before = (await kube.list(Pods)).resourceVersion
    const subscription = await kube.watch(Pods, { namespace: 'default', resourceVersion: before }, sink)
    const made = await kube.create(Pods, pod('watched'))
    await kube.remove(Pods, { namespace: 'default', name: 'watched' }, { gracePeriodSeconds: 0 })
    await until(() => events.length >= 2)
    subscription.stop()
    expect(events.map(({ type }) => type)).toEqual(['ADDED', 'DELETED'])
    expect(events[0]).toEqual({ type: 'ADDED', object: made })
    expect(ends).toEqual([])

    const old = (await kube.list(ConfigMaps)).resourceVersion
    for (let i = 0; i < 25; i++)
      await kube.create(ConfigMaps, { metadata: { namespace: 'default', name: `filler-${i}` } })
    await kube.watch(ConfigMaps, { resourceVersion: old }, { event: () => {}, end: (error) => ends.push(error) })
    await until(() => ends.length > 0)
    expect(ends[0]!.failure).toBe('gone')
  })

  it('starts with the present state when asked for a streaming list', async () => {
    const events: WatchEvent<ConfigMap>[] = []
    await kube.create(ConfigMaps, { metadata: { namespace: 'default', name: 'present' } })
    const subscription = await kube.watch(
      ConfigMaps,
      { namespace: 'default', fieldSelector: 'metadata.name=present', sendInitialEvents: true },
      { event: (event) => events.push(event), end: () => {} },
    )
    await until(() => events.length === 2)
    subscription.stop()
    expect(events[0]).toMatchObject({ type: 'ADDED', object: { metadata: { name: 'present' } } })
    expect(events[1]).toMatchObject({ type: 'BOOKMARK', initialEventsEnd: true })
  })

  it('feeds an informer, also after all connections broke', async () => {
    const client = await connect(configWith({ kind: 'token', token: 't0ken' }))
    const stop = new AbortController()
    const informer = new Informer(client, Nodes, { clock })
    await informer.start(stop.signal)
    await kube.create(Nodes, { metadata: { name: 'before' } })
    await until(() => informer.get({ name: 'before' }) !== undefined)
    await client.close()
    await kube.create(Nodes, { metadata: { name: 'after' } })
    await until(() => informer.get({ name: 'after' }) !== undefined)
    expect(informer.items()).toEqual((await kube.list(Nodes)).items)
    stop.abort()
  })

  it('carries a leader election', async () => {
    const stop = new AbortController()
    const election = new LeaderElection({
      kube,
      clock,
      identity: 'one',
      namespace: 'kube-system',
      name: 'lock',
      leaseDuration: seconds(15),
      renewDeadline: seconds(10),
      retryPeriod: ms(20),
      releaseOnCancel: true,
    })
    const running = election.run(stop.signal, async (leading) => {
      await clock.sleep(ms(100), leading).catch(() => {})
      expect(election.leader).toBe('one')
    })
    expect(await running).toBe('stopped')
    expect(election.leader).toBe('')
  })
})
