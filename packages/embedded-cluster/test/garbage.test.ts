// What goes with its owner, and in which order (pkg/controller/garbagecollector).
import {
  ConfigMaps,
  Deployments,
  Namespaces,
  Nodes,
  ReplicaSets,
  Secrets,
  seconds,
  type OwnerReference,
} from '@plimsoll/model'
import { describe, expect, it } from 'vitest'
import { deployment, laboratory, machine, type Laboratory } from './laboratory.ts'

const key = (name: string, namespace = 'default'): { namespace: string; name: string } => ({ namespace, name })

async function configMap(
  lab: Laboratory,
  name: string,
  metadata: { readonly ownerReferences?: readonly OwnerReference[]; readonly finalizers?: readonly string[] } = {},
  namespace = 'default',
): Promise<OwnerReference> {
  const made = await lab.kube.create(ConfigMaps, { metadata: { name, namespace, ...metadata } })
  return { apiVersion: 'v1', kind: 'ConfigMap', name, uid: made.metadata.uid }
}

const names = async (lab: Laboratory): Promise<string[]> =>
  (await lab.kube.list(ConfigMaps, { namespace: 'default' })).items
    .map((map) => map.metadata.name)
    .filter((name) => name !== 'kube-root-ca.crt')

describe('the garbage collector', () => {
  it('keeps what still has an owner, and forgets the one that is gone', async () => {
    const lab = await laboratory()
    const [a, b] = [await configMap(lab, 'a'), await configMap(lab, 'b')]
    await configMap(lab, 'child', { ownerReferences: [a, b] })
    await lab.kube.remove(ConfigMaps, key('a'))
    await lab.clock.runFor(seconds(5))
    expect((await lab.kube.get(ConfigMaps, key('child'))).metadata.ownerReferences).toEqual([b])
    await lab.kube.remove(ConfigMaps, key('b'))
    await lab.clock.runFor(seconds(5))
    expect(await names(lab)).toEqual([])
    await lab.cluster.stop()
  })

  it('waits in the foreground for what blocks, and not for what does not', async () => {
    const lab = await laboratory()
    const owner = await configMap(lab, 'owner')
    await configMap(lab, 'free', { ownerReferences: [owner], finalizers: ['example.com/hold'] })
    await configMap(lab, 'blocking', {
      ownerReferences: [{ ...owner, blockOwnerDeletion: true }],
      finalizers: ['example.com/hold'],
    })
    await lab.kube.remove(ConfigMaps, key('owner'), { propagationPolicy: 'Foreground' })
    await lab.clock.runFor(seconds(5))
    expect(await names(lab)).toEqual(['blocking', 'free', 'owner'])
    expect((await lab.kube.get(ConfigMaps, key('owner'))).metadata.finalizers).toEqual(['foregroundDeletion'])
    await lab.kube.patch(ConfigMaps, key('blocking'), { type: 'merge', body: { metadata: { finalizers: null } } })
    await lab.clock.runFor(seconds(5))
    expect(await names(lab)).toEqual(['free'])
    await lab.cluster.stop()
  })

  it('does not let owners that own each other wait for ever', async () => {
    const lab = await laboratory()
    const a = await configMap(lab, 'a')
    const b = await configMap(lab, 'b', { ownerReferences: [{ ...a, blockOwnerDeletion: true }] })
    const ownerReferences = [{ ...b, blockOwnerDeletion: true }] as never
    await lab.kube.patch(ConfigMaps, key('a'), { type: 'merge', body: { metadata: { ownerReferences } } })
    await lab.kube.remove(ConfigMaps, key('a'), { propagationPolicy: 'Foreground' })
    await lab.clock.runFor(seconds(5))
    expect(await names(lab)).toEqual([])
    await lab.cluster.stop()
  })

  it('tells of an owner in another namespace and removes what refers to it', async () => {
    const lab = await laboratory()
    await lab.kube.create(Namespaces, { metadata: { name: 'other' } })
    const owner = await configMap(lab, 'owner', {}, 'other')
    await configMap(lab, 'child', { ownerReferences: [owner] })
    await lab.clock.runFor(seconds(5))
    expect(await names(lab)).toEqual([])
    const [event] = await lab.events('ConfigMap/child')
    expect(event).toMatchObject({
      type: 'Warning',
      reason: 'OwnerRefInvalidNamespace',
      message: `ownerRef [v1/ConfigMap, namespace: default, name: owner, uid: ${owner.uid}] does not exist in namespace "default"`,
      source: { component: 'garbage-collector-controller' },
    })
    await lab.cluster.stop()
  })

  it('removes nothing without a namespace for an owner in one', async () => {
    const lab = await laboratory()
    const owner = await configMap(lab, 'owner')
    await lab.kube.create(Nodes, { metadata: { name: 'manual', ownerReferences: [owner] } })
    await lab.clock.runFor(seconds(5))
    expect((await lab.kube.get(Nodes, { name: 'manual' })).metadata.deletionTimestamp).toBeUndefined()
    await lab.cluster.stop()
  })

  it('removes what names an owner that never was', async () => {
    const lab = await laboratory()
    const ownerReferences = [{ apiVersion: 'v1', kind: 'ConfigMap', name: 'ghost', uid: 'no-such-uid' }]
    await lab.kube.create(Secrets, { metadata: { name: 'haunted', namespace: 'default', ownerReferences } })
    await lab.clock.runFor(seconds(5))
    await expect(lab.kube.get(Secrets, key('haunted'))).rejects.toMatchObject({ failure: 'notFound' })
    await lab.cluster.stop()
  })

  it('lets a namespace go, its pods first and in their own time', async () => {
    const lab = await laboratory()
    lab.machines.on(machine(0))
    await lab.clock.runFor(seconds(90))
    await lab.kube.create(Namespaces, { metadata: { name: 'team' } })
    const slow = { template: { annotations: { 'plimsoll.dev/exit-duration': '10s' } } }
    for (const [kind, name] of [
      ['Deployment', 'web'],
      ['StatefulSet', 'db'],
      ['DaemonSet', 'agent'],
    ]) {
      const { apiVersion, spec } = deployment(name!, 2, slow) as { apiVersion: string; spec: { replicas?: number } }
      const { replicas, ...others } = spec
      const own = kind === 'DaemonSet' ? others : { ...others, replicas: replicas!, serviceName: name! }
      const { serviceName: _, ...plain } = own as { serviceName?: string }
      const fitting = kind === 'StatefulSet' ? own : plain
      await lab.apply({ apiVersion, kind, metadata: { name, namespace: 'team' }, spec: fitting } as never)
    }
    await lab.clock.runFor(seconds(60))
    expect(await lab.pods()).toHaveLength(5)
    await lab.kube.remove(Namespaces, { name: 'team' })
    await lab.clock.runFor(seconds(5))
    expect(await lab.pods()).toHaveLength(5)
    expect((await lab.kube.list(Deployments)).items).toHaveLength(1)
    await lab.clock.runFor(seconds(30))
    await expect(lab.kube.get(Namespaces, { name: 'team' })).rejects.toMatchObject({ failure: 'notFound' })
    expect(await lab.pods()).toEqual([])
    await lab.cluster.stop()
  })

  it('stops looking at custom resources whose definition is gone', async () => {
    const lab = await laboratory()
    const definition = (served: readonly string[]): never =>
      ({
        apiVersion: 'apiextensions.k8s.io/v1',
        kind: 'CustomResourceDefinition',
        metadata: { name: 'widgets.example.com' },
        spec: {
          group: 'example.com',
          scope: 'Namespaced',
          names: { plural: 'widgets', kind: 'Widget' },
          versions: ['v1', 'v2'].map((name) => ({
            name,
            served: served.includes(name),
            storage: name === 'v2',
            schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
          })),
        },
      }) as never
    await lab.apply(definition(['v1', 'v2']))
    const type = {
      group: 'apiextensions.k8s.io',
      version: 'v1',
      plural: 'customresourcedefinitions',
      namespaced: false,
    }
    const definitions = { ...type, kind: 'CustomResourceDefinition' }
    const name = 'widgets.example.com'
    const v1 = { op: 'replace', path: '/spec/versions/0/served', value: false } as const
    await lab.kube.patch(definitions, { name }, { type: 'json', body: [v1] })
    const owner = await configMap(lab, 'owner')
    const ownerReferences = [owner]
    const widget = { apiVersion: 'example.com/v2', kind: 'Widget', metadata: { name: 'w', ownerReferences } }
    await lab.apply(widget as never)
    await lab.kube.remove(ConfigMaps, key('owner'))
    await lab.clock.runFor(seconds(5))
    const widgets = { group: 'example.com', version: 'v2', plural: 'widgets', kind: 'Widget', namespaced: true }
    expect((await lab.kube.list(widgets)).items).toEqual([])
    await lab.kube.remove(definitions, { name })
    await lab.clock.runFor(seconds(60))
    await expect(lab.kube.list(widgets)).rejects.toMatchObject({ failure: 'notFound' })
    await lab.cluster.stop()
  })

  it('deletes a deployment in the foreground from the bottom up', async () => {
    const lab = await laboratory()
    lab.machines.on(machine(0))
    await lab.clock.runFor(seconds(90))
    await lab.apply(deployment('web', 2, { template: { annotations: { 'plimsoll.dev/exit-duration': '10s' } } }))
    await lab.clock.runFor(seconds(30))
    await lab.kube.remove(Deployments, key('web'), { propagationPolicy: 'Foreground' })
    await lab.clock.runFor(seconds(3))
    expect((await lab.kube.get(Deployments, key('web'))).metadata.deletionTimestamp).toBeDefined()
    expect((await lab.kube.list(ReplicaSets)).items[0]!.metadata.finalizers).toEqual(['foregroundDeletion'])
    expect((await lab.pods()).every((pod) => pod.metadata.deletionTimestamp !== undefined)).toBe(true)
    await lab.clock.runFor(seconds(20))
    await expect(lab.kube.get(Deployments, key('web'))).rejects.toMatchObject({ failure: 'notFound' })
    await lab.cluster.stop()
  })
})
