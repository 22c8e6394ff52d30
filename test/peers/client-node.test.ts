// @kubernetes/client-node, as programs in JavaScript use it: informers, patches, watches that begin again.
import {
  AppsV1Api,
  CoreV1Api,
  CustomObjectsApi,
  KubeConfig,
  KubernetesObjectApi,
  makeInformer,
  PatchStrategy,
  setHeaderOptions,
  type V1ConfigMap,
  type V1Deployment,
} from '@kubernetes/client-node'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { serve } from '../../packages/embedded-kube/test/serve.ts'
import { kubectl } from '../../tools/clients/clients.ts'
import { liveHouse, type LiveHouse } from '../clients/live-house.ts'

function configOf(home: string): KubeConfig {
  const config = new KubeConfig()
  config.loadFromFile(join(home, 'config'))
  return config
}

const configMap = (name: string, value: string): V1ConfigMap => ({
  metadata: { name, labels: { value } },
  data: { value },
})

const web: V1Deployment = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web', namespace: 'default' },
  spec: {
    replicas: 1,
    selector: { matchLabels: { app: 'web' } },
    template: {
      metadata: { labels: { app: 'web' } },
      spec: { containers: [{ name: 'c', image: 'nginx' }] },
    },
  },
}

const namespace = 'default'

describe('client-node', () => {
  let house: LiveHouse
  let config: KubeConfig
  beforeAll(async () => {
    house = await liveHouse({ programs: { kubectl: kubectl('1.35') } })
    config = configOf(house.home)
    const widgets = fileURLToPath(new URL('../kubectl/manifests/widgets.yaml', import.meta.url))
    await house.sh(
      `kubectl create -f ${widgets} && kubectl wait --for=condition=established -f ${widgets} --timeout=10s`,
    )
  }, 30_000)
  afterAll(() => house.close())

  it('patches in every way', async () => {
    const apps = config.makeApiClient(AppsV1Api)
    await apps.createNamespacedDeployment({ namespace, body: web })
    const patch = (type: PatchStrategy, body: unknown): Promise<V1Deployment> =>
      apps.patchNamespacedDeployment(
        { namespace, name: 'web', body, ...(type === PatchStrategy.ServerSideApply ? { fieldManager: 'node' } : {}) },
        setHeaderOptions('Content-Type', type),
      )
    const containers = [{ name: 'side', image: 'busybox' }]
    const merged = await patch(PatchStrategy.StrategicMergePatch, { spec: { template: { spec: { containers } } } })
    expect(merged.spec!.template.spec!.containers.map(({ name }) => name)).toEqual(['side', 'c'])
    const replaced = await patch(PatchStrategy.MergePatch, { spec: { template: { spec: { containers } } } })
    expect(replaced.spec!.template.spec!.containers.map(({ name }) => name)).toEqual(['side'])
    const scaled = await patch(PatchStrategy.JsonPatch, [{ op: 'replace', path: '/spec/replicas', value: 3 }])
    expect(scaled.spec!.replicas).toBe(3)
    const applied = await patch(PatchStrategy.ServerSideApply, {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'web', labels: { x: 'y' } },
    })
    expect(applied.metadata!.managedFields!.find(({ manager }) => manager === 'node')?.operation).toBe('Apply')
    expect(await apps.readNamespacedDeploymentScale({ namespace, name: 'web' })).toMatchObject({
      spec: { replicas: 3 },
    })
    await apps.deleteNamespacedDeployment({ namespace, name: 'web', propagationPolicy: 'Foreground' })
  })

  it('works with objects of any kind', async () => {
    const objects = KubernetesObjectApi.makeApiClient(config)
    const header = { apiVersion: 'example.com/v1', kind: 'Widget', metadata: { name: 'a', namespace } }
    const made = await objects.create({ ...header, spec: { size: 3 } } as never)
    expect(made).toMatchObject({ spec: { size: 3, colour: 'blue' } })
    expect(await objects.read(header)).toMatchObject({ spec: { size: 3 } })
    const patched = await objects.patch(
      { ...header, spec: { size: 4 } } as never,
      undefined,
      undefined,
      undefined,
      undefined,
      PatchStrategy.MergePatch,
    )
    expect(patched).toMatchObject({ spec: { size: 4 } })
    const custom = config.makeApiClient(CustomObjectsApi)
    const of = { group: 'example.com', version: 'v1', plural: 'widgets', namespace }
    expect(await custom.listNamespacedCustomObject(of)).toMatchObject({ items: [{ spec: { size: 4 } }] })
    await expect(
      custom.createNamespacedCustomObject({ ...of, body: { ...header, spec: { size: 11 } } }),
    ).rejects.toMatchObject({ code: 422 })
    await objects.delete(header)
  })

  it('evicts a pod', async () => {
    const core = config.makeApiClient(CoreV1Api)
    const pod = { metadata: { name: 'p' }, spec: { containers: [{ name: 'c', image: 'nginx' }] } }
    await core.createNamespacedPod({ namespace, body: pod })
    await core.createNamespacedPodEviction({ namespace, name: 'p', body: { metadata: { name: 'p', namespace } } })
    const gone = (): Promise<boolean> =>
      core.readNamespacedPod({ namespace, name: 'p' }).then(
        () => false,
        (error: { code: number }) => error.code === 404,
      )
    await expect.poll(gone, { timeout: 10_000 }).toBe(true)
  })

  it('was never answered with a failure of ours', () => {
    expect(house.requests.filter(({ status }) => status >= 500)).toEqual([])
  })
})

describe("client-node's informers", () => {
  it('hold what a list shows, also after the server forgot where they were', async () => {
    const world = await serve({ ringCapacity: 50 })
    try {
      const config = configOf(world.home)
      const core = config.makeApiClient(CoreV1Api)
      const path = `/api/v1/namespaces/${namespace}/configmaps`
      const informer = makeInformer(config, path, () => core.listNamespacedConfigMap({ namespace }))
      const told = { add: 0, update: 0, delete: 0 }
      for (const event of ['add', 'update', 'delete'] as const) informer.on(event, () => void told[event]++)
      // Its connection breaks: programs start it again, as its documentation shows.
      informer.on('error', () => void setTimeout(() => void informer.start(), 100))
      await core.createNamespacedConfigMap({ namespace, body: configMap('before', '1') })
      await informer.start()
      const churn = async (name: string): Promise<void> => {
        for (let i = 0; i < 20; i++) {
          const made = await core.createNamespacedConfigMap({ namespace, body: configMap(`${name}-${i}`, '1') })
          made.data = {}
          await core.replaceNamespacedConfigMap({ namespace, name: made.metadata!.name!, body: made })
          if (i % 2 === 0) await core.deleteNamespacedConfigMap({ namespace, name: made.metadata!.name! })
        }
      }
      const revisions = (maps: readonly V1ConfigMap[]): string[] =>
        maps.map(({ metadata }) => `${metadata!.name} ${metadata!.resourceVersion}`).toSorted()
      const agrees = async (): Promise<void> => {
        const listed = revisions((await core.listNamespacedConfigMap({ namespace })).items)
        await expect.poll(() => revisions(informer.list()), { timeout: 10_000 }).toEqual(listed)
      }
      await churn('one')
      await agrees()
      expect(told).toMatchObject({ update: 20, delete: 10 })
      await informer.stop()
      await churn('two')
      await informer.start()
      await churn('three')
      await agrees()
      await informer.stop()
      expect(world.requests.filter(({ status }) => status >= 500)).toEqual([])
    } finally {
      await world.close()
    }
  }, 30_000)
})
