import { ConfigMaps, Deployments, Nodes, Pods, type ConfigMap, type Draft, type Pod } from '@plimsoll/model'
import { describe, expect, it } from 'vitest'
import type { KubeApi, KubeError, Selection, Subscription, WatchEvent, WatchOptions } from '../kube-api.ts'

export interface KubeApiUnderTest {
  /** Of a user who may do everything, on a cluster where no controller touches the suite's objects. */
  readonly api: KubeApi
  close(): Promise<void> | void
}

const namespace = 'default'
let made = 0
/** A name that nobody else in this run uses. */
const fresh = (base: string): string => `suite-${base}-${++made}`

const configMap = (
  name: string,
  data: Record<string, string> = {},
  labels?: Record<string, string>,
): Draft<ConfigMap> => ({
  metadata: { name, namespace, ...(labels === undefined ? {} : { labels }) },
  data,
})

const pod = (name: string): Draft<Pod> => ({
  metadata: { name, namespace, labels: { suite: name } },
  spec: { containers: [{ name: 'main', image: 'registry.k8s.io/pause:3.10' }], terminationGracePeriodSeconds: 0 },
})

/** What a port promises, whatever stands behind it: our own server in process, over the wire, or a real one. */
export function kubeApiSuite(make: () => Promise<KubeApiUnderTest>): void {
  const withApi = (run: (api: KubeApi) => Promise<void>) => async (): Promise<void> => {
    const under = await make()
    try {
      await run(under.api)
    } finally {
      await under.close()
    }
  }
  describe('keeps the promises of a KubeApi', () => {
    it(
      'stores what it is given and fills in what is the server’s',
      withApi(async (api) => {
        const name = fresh('create')
        const created = await api.create(ConfigMaps, configMap(name, { a: '1' }))
        expect(created.metadata).toMatchObject({ name, namespace })
        expect(created.metadata.uid).toMatch(/^[0-9a-f-]{36}$/)
        expect(created.metadata.creationTimestamp).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/)
        expect(Number(created.metadata.resourceVersion)).toBeGreaterThan(0)
        expect(await api.get(ConfigMaps, { namespace, name })).toEqual(created)
        await api.remove(ConfigMaps, { namespace, name })
        await expect(api.get(ConfigMaps, { namespace, name })).rejects.toMatchObject({ failure: 'notFound' })
      }),
    )

    it(
      'says what is wrong in its failures',
      withApi(async (api) => {
        const name = fresh('failures')
        const key = { namespace, name }
        const missing = await failureOf(api.get(ConfigMaps, key))
        expect(missing.status).toMatchObject({
          code: 404,
          reason: 'NotFound',
          message: `configmaps "${name}" not found`,
          details: { name, kind: 'configmaps' },
        })
        await api.create(ConfigMaps, configMap(name))
        const taken = await failureOf(api.create(ConfigMaps, configMap(name)))
        expect(taken).toMatchObject({ failure: 'alreadyExists', message: `configmaps "${name}" already exists` })
        const wrong = await failureOf(api.create(ConfigMaps, configMap('Not_A_Name')))
        expect(wrong).toMatchObject({ failure: 'invalid', status: { code: 422, reason: 'Invalid' } })
        expect(wrong.status.details?.causes?.[0]).toMatchObject({ field: 'metadata.name', reason: 'FieldValueInvalid' })
        const homeless = await failureOf(
          api.create(ConfigMaps, { metadata: { name, namespace: 'suite-no-such-namespace' } }),
        )
        expect(homeless).toMatchObject({
          failure: 'notFound',
          message: 'namespaces "suite-no-such-namespace" not found',
        })
        await api.remove(ConfigMaps, key)
      }),
    )

    it(
      'makes up names from a prefix',
      withApi(async (api) => {
        const one = await api.create(ConfigMaps, { metadata: { generateName: 'suite-generated-', namespace } })
        const two = await api.create(ConfigMaps, { metadata: { generateName: 'suite-generated-', namespace } })
        expect(one.metadata.name).toMatch(/^suite-generated-[a-z0-9]{5}$/)
        expect(two.metadata.name).not.toBe(one.metadata.name)
        await api.remove(ConfigMaps, one.metadata)
        await api.remove(ConfigMaps, two.metadata)
      }),
    )

    it(
      'replaces only what was not changed meanwhile',
      withApi(async (api) => {
        const name = fresh('replace')
        const first = await api.create(ConfigMaps, configMap(name, { a: '1' }))
        const second = await api.replace(ConfigMaps, { ...first, data: { a: '2' } })
        expect(Number(second.metadata.resourceVersion)).toBeGreaterThan(Number(first.metadata.resourceVersion))
        const stale = await failureOf(api.replace(ConfigMaps, { ...first, data: { a: '3' } }))
        expect(stale).toMatchObject({ failure: 'conflict', status: { code: 409, reason: 'Conflict' } })
        const same = await api.replace(ConfigMaps, second)
        expect(same.metadata.resourceVersion).toBe(second.metadata.resourceVersion)
        await api.remove(ConfigMaps, second.metadata)
      }),
    )

    it(
      'patches by three kinds of patch',
      withApi(async (api) => {
        const name = fresh('patch')
        const key = { namespace, name }
        await api.create(Deployments, {
          metadata: { name, namespace },
          spec: {
            replicas: 0,
            selector: { matchLabels: { suite: name } },
            template: {
              metadata: { labels: { suite: name } },
              spec: {
                containers: [
                  { name: 'a', image: 'a:1' },
                  { name: 'b', image: 'b:1' },
                ],
              },
            },
          },
        })
        const merged = await api.patch(Deployments, key, { type: 'merge', body: { metadata: { labels: { x: '1' } } } })
        expect(merged.metadata.labels).toEqual({ x: '1' })
        expect(merged.metadata.generation).toBe(1)
        const body = { spec: { template: { spec: { containers: [{ name: 'b', image: 'b:2' }] } } } }
        const strategic = await api.patch(Deployments, key, { type: 'strategic', body })
        expect(strategic.spec.template.spec?.containers.map((c) => c.image)).toEqual(['a:1', 'b:2'])
        expect(strategic.metadata.generation).toBe(2)
        const json = await api.patch(Deployments, key, {
          type: 'json',
          body: [
            { op: 'test', path: '/metadata/labels/x', value: '1' },
            { op: 'remove', path: '/metadata/labels/x' },
          ],
        })
        expect(json.metadata.labels ?? {}).toEqual({})
        await api.remove(Deployments, key)
      }),
    )

    it(
      'keeps status and spec apart',
      withApi(async (api) => {
        const name = fresh('status')
        const key = { namespace, name }
        await api.create(Deployments, {
          metadata: { name, namespace },
          spec: {
            replicas: 0,
            selector: { matchLabels: { suite: name } },
            template: { metadata: { labels: { suite: name } }, spec: { containers: [{ name: 'a', image: 'a:1' }] } },
          },
        })
        const both = { spec: { minReadySeconds: 7 }, status: { readyReplicas: 0, replicas: 0, observedGeneration: 4 } }
        const main = await api.patch(Deployments, key, { type: 'merge', body: both })
        expect(main.spec.minReadySeconds).toBe(7)
        expect(main.status?.observedGeneration).not.toBe(4)
        const status = await api.patch(
          Deployments,
          key,
          { type: 'merge', body: { spec: { minReadySeconds: 9 }, status: { observedGeneration: 5 } } },
          { subresource: 'status' },
        )
        expect(status.spec.minReadySeconds).toBe(7)
        expect(status.status?.observedGeneration).toBe(5)
        expect(status.metadata.generation).toBe(main.metadata.generation)
        await api.remove(Deployments, key)
      }),
    )

    it(
      'scales',
      withApi(async (api) => {
        const name = fresh('scale')
        const key = { namespace, name }
        await api.create(Deployments, {
          metadata: { name, namespace },
          spec: {
            replicas: 0,
            paused: true,
            selector: { matchLabels: { suite: name } },
            template: { metadata: { labels: { suite: name } }, spec: { containers: [{ name: 'a', image: 'a:1' }] } },
          },
        })
        const scale = await api.readScale(Deployments, key)
        expect(scale).toMatchObject({ spec: {}, status: { replicas: 0, selector: `suite=${name}` } })
        const written = await api.writeScale(Deployments, key, { ...scale, spec: { replicas: 2 } })
        expect(written.spec?.replicas).toBe(2)
        expect((await api.get(Deployments, key)).spec.replicas).toBe(2)
        await api.remove(Deployments, key)
      }),
    )

    it(
      'applies with an owner for every field',
      withApi(async (api) => {
        const name = fresh('apply')
        const applied = (data: Record<string, string>): { readonly [key: string]: never } =>
          ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace }, data }) as never
        await api.apply(ConfigMaps, applied({ a: '1', b: '1' }), { fieldManager: 'one' })
        const refused = await failureOf(api.apply(ConfigMaps, applied({ a: '2' }), { fieldManager: 'two' }))
        expect(refused).toMatchObject({
          failure: 'conflict',
          message: 'Apply failed with 1 conflict: conflict with "one": .data.a',
        })
        await api.apply(ConfigMaps, applied({ a: '2' }), { fieldManager: 'two', force: true })
        const left = await api.apply(ConfigMaps, applied({}), { fieldManager: 'one' })
        expect(left.data).toEqual({ a: '2' })
        await api.remove(ConfigMaps, { namespace, name })
      }),
    )

    it(
      'writes nothing on a dry run',
      withApi(async (api) => {
        const name = fresh('dry')
        const key = { namespace, name }
        const tried = await api.create(ConfigMaps, configMap(name, { a: '1' }), { dryRun: true })
        expect(tried.data).toEqual({ a: '1' })
        await expect(api.get(ConfigMaps, key)).rejects.toMatchObject({ failure: 'notFound' })
        const stored = await api.create(ConfigMaps, configMap(name, { a: '1' }))
        await api.patch(ConfigMaps, key, { type: 'merge', body: { data: { a: '2' } } }, { dryRun: true })
        await api.remove(ConfigMaps, key, { dryRun: true })
        expect(await api.get(ConfigMaps, key)).toEqual(stored)
        await api.remove(ConfigMaps, key)
      }),
    )

    it(
      'lists in pages, by selector, in key order',
      withApi(async (api) => {
        const suite = fresh('list')
        const selection = { namespace, labelSelector: `suite=${suite}` } satisfies Selection
        for (const name of ['c', 'a', 'e', 'b', 'd']) {
          await api.create(ConfigMaps, configMap(`${suite}-${name}`, {}, { suite }))
        }
        const names: string[] = []
        let token: string | undefined
        let version: string | undefined
        do {
          const page = await api.list(ConfigMaps, {
            ...selection,
            limit: 2,
            ...(token === undefined ? {} : { continue: token }),
          })
          version ??= page.resourceVersion
          expect(page.resourceVersion).toBe(version)
          expect(page.items.length).toBeLessThanOrEqual(2)
          names.push(...page.items.map((item) => item.metadata.name))
          token = page.continue
          // What comes between two pages is in none of them.
          if (names.length === 2) await api.create(ConfigMaps, configMap(`${suite}-aa`, {}, { suite }))
        } while (token !== undefined && token !== '')
        expect(names).toEqual(['a', 'b', 'c', 'd', 'e'].map((name) => `${suite}-${name}`))
        const one = await api.list(ConfigMaps, { namespace, fieldSelector: `metadata.name=${suite}-c` })
        expect(one.items.map((item) => item.metadata.name)).toEqual([`${suite}-c`])
        await api.removeCollection(ConfigMaps, selection)
        expect((await api.list(ConfigMaps, selection)).items).toEqual([])
      }),
    )

    it(
      'watches from a list without missing or repeating anything',
      withApi(async (api) => {
        const suite = fresh('watch')
        const selection = { namespace, labelSelector: `suite=${suite}` } satisfies Selection
        const before = await api.create(ConfigMaps, configMap(`${suite}-before`, {}, { suite }))
        const list = await api.list(ConfigMaps, selection)
        expect(list.items.map((item) => item.metadata.uid)).toEqual([before.metadata.uid])
        const between = await api.create(ConfigMaps, configMap(`${suite}-between`, {}, { suite }))
        const seen = await collect(api, { ...selection, resourceVersion: list.resourceVersion })
        const after = await api.create(ConfigMaps, configMap(`${suite}-after`, {}, { suite }))
        await api.patch(ConfigMaps, after.metadata, { type: 'merge', body: { data: { a: '1' } } })
        // Leaving and entering the selection looks like deletion and addition.
        await api.patch(ConfigMaps, between.metadata, {
          type: 'merge',
          body: { metadata: { labels: { suite: 'no' } } },
        })
        await api.patch(ConfigMaps, between.metadata, { type: 'merge', body: { metadata: { labels: { suite } } } })
        await api.remove(ConfigMaps, after.metadata)
        await seen.until((events) => events.at(-1) === `DELETED ${suite}-after`)
        expect(seen.events).toEqual([
          `ADDED ${suite}-between`,
          `ADDED ${suite}-after`,
          `MODIFIED ${suite}-after`,
          `DELETED ${suite}-between`,
          `ADDED ${suite}-between`,
          `DELETED ${suite}-after`,
        ])
        seen.stop()
        await api.removeCollection(ConfigMaps, selection)
      }),
    )

    it(
      'streams a list: the state, a bookmark, then what happens',
      withApi(async (api) => {
        const suite = fresh('stream')
        const selection = { namespace, labelSelector: `suite=${suite}` } satisfies Selection
        await api.create(ConfigMaps, configMap(`${suite}-b`, {}, { suite }))
        await api.create(ConfigMaps, configMap(`${suite}-a`, {}, { suite }))
        const seen = await collect(api, { ...selection, sendInitialEvents: true, allowBookmarks: true })
        await seen.until((events) => events.includes('BOOKMARK initial'))
        await api.create(ConfigMaps, configMap(`${suite}-c`, {}, { suite }))
        await seen.until((events) => events.at(-1) === `ADDED ${suite}-c`)
        expect(seen.events.slice(0, 2).toSorted()).toEqual([`ADDED ${suite}-a`, `ADDED ${suite}-b`])
        expect(seen.events.slice(2)).toEqual(['BOOKMARK initial', `ADDED ${suite}-c`])
        seen.stop()
        await api.removeCollection(ConfigMaps, selection)
      }),
    )

    it(
      'holds an object until its finalizers are gone',
      withApi(async (api) => {
        const name = fresh('finalizers')
        const key = { namespace, name }
        const finalizers = ['plimsoll.example/hold']
        const created = await api.create(ConfigMaps, { metadata: { name, namespace, finalizers } })
        await api.remove(ConfigMaps, key)
        const lingering = await api.get(ConfigMaps, key)
        expect(lingering.metadata.uid).toBe(created.metadata.uid)
        expect(lingering.metadata.deletionTimestamp).toBeDefined()
        await api.patch(ConfigMaps, key, { type: 'merge', body: { metadata: { finalizers: null } } })
        await expect(api.get(ConfigMaps, key)).rejects.toMatchObject({ failure: 'notFound' })
      }),
    )

    it(
      'deletes only what was meant',
      withApi(async (api) => {
        const name = fresh('preconditions')
        const key = { namespace, name }
        const created = await api.create(ConfigMaps, configMap(name))
        const uid = '00000000-0000-0000-0000-000000000000'
        expect(await failureOf(api.remove(ConfigMaps, key, { preconditions: { uid } }))).toMatchObject({
          failure: 'conflict',
        })
        await api.remove(ConfigMaps, key, { preconditions: { uid: created.metadata.uid } })
      }),
    )

    it(
      'binds a pod once, and evicts it',
      withApi(async (api) => {
        const name = fresh('bind')
        const key = { namespace, name }
        const node = fresh('node')
        await api.create(Nodes, { metadata: { name: node } })
        const created = await api.create(Pods, pod(name))
        expect(created.status?.phase).toBe('Pending')
        await api.bind({ ...key, uid: created.metadata.uid }, node)
        const boundPod = await api.get(Pods, key)
        expect(boundPod.spec.nodeName).toBe(node)
        expect(boundPod.status?.conditions).toContainEqual(
          expect.objectContaining({ type: 'PodScheduled', status: 'True' }),
        )
        expect(await failureOf(api.bind(key, node))).toMatchObject({ failure: 'conflict' })
        const onNode = await api.list(Pods, { fieldSelector: `spec.nodeName=${node}` })
        expect(onNode.items.map((item) => item.metadata.name)).toEqual([name])
        await api.evict(key)
        await expect(api.get(Pods, key)).rejects.toMatchObject({ failure: 'notFound' })
        await api.remove(Nodes, { name: node })
      }),
    )
  })
}

async function failureOf(promise: Promise<unknown>): Promise<KubeError> {
  const [outcome] = await Promise.allSettled([promise])
  if (outcome.status === 'fulfilled') throw new Error('expected a KubeError, and it succeeded')
  return outcome.reason as KubeError
}

interface Collected {
  readonly events: string[]
  /** Resolves once the events so far satisfy the condition; the test's own timeout is the limit. */
  until(condition: (events: readonly string[]) => boolean): Promise<void>
  stop(): void
}

async function collect(api: KubeApi, options: WatchOptions): Promise<Collected> {
  const events: string[] = []
  const waiting = new Set<() => void>()
  const subscription: Subscription = await api.watch(ConfigMaps, options, {
    event: (event: WatchEvent<ConfigMap>) => {
      if (event.type === 'BOOKMARK') {
        if (event.initialEventsEnd) events.push('BOOKMARK initial')
      } else events.push(`${event.type} ${event.object.metadata.name}`)
      for (const check of waiting) check()
    },
    end: () => {},
  })
  return {
    events,
    until: (condition) =>
      new Promise((resolve) => {
        const check = (): void => {
          if (!condition(events)) return
          waiting.delete(check)
          resolve()
        }
        waiting.add(check)
        check()
      }),
    stop: () => subscription.stop(),
  }
}
