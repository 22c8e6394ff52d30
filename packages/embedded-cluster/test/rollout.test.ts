// Rollouts of all workload kinds, step by step (pkg/controller/{deployment,replicaset,replication,statefulset,daemon}).
import {
  ControllerRevisions,
  DaemonSets,
  Deployments,
  ms,
  PersistentVolumeClaims,
  Pods,
  ReplicaSets,
  ReplicationControllers,
  seconds,
  StatefulSets,
  type DeploymentCondition,
  type Json,
  type Pod,
} from '@plimsoll/model'
import { describe, expect, it } from 'vitest'
import { deployment, laboratory, machine, type Laboratory } from './laboratory.ts'

async function readyCluster(nodes = 3): Promise<Laboratory> {
  const lab = await laboratory()
  for (let n = 0; n < nodes; n++) lab.machines.on(machine(n))
  await lab.clock.runFor(seconds(90))
  return lab
}

const key = (name: string): { namespace: string; name: string } => ({ namespace: 'default', name })
const image = (value: string): readonly Json[] => [
  { op: 'replace', path: '/spec/template/spec/containers/0/image', value },
]

function workload(kind: string, name: string, spec: object, template: object = {}, container: object = {}): Json {
  return {
    apiVersion: kind === 'ReplicationController' ? 'v1' : 'apps/v1',
    kind,
    metadata: { name },
    spec: {
      selector: kind === 'ReplicationController' ? { app: name } : { matchLabels: { app: name } },
      template: {
        metadata: { labels: { app: name }, ...template },
        spec: { containers: [{ name: 'main', image: 'app:1', ...container }] },
      },
      ...spec,
    },
  } as unknown as Json
}

const texts = (conditions: readonly DeploymentCondition[] | undefined): string[] =>
  (conditions ?? []).map((c) => `${c.type} ${c.status} ${c.reason}: ${c.message}`)

async function reasons(lab: Laboratory, about: string): Promise<string[]> {
  return (await lab.events(about)).map((event) => `${event.reason}: ${event.message}`)
}

describe('a deployment', () => {
  it('tells its conditions in the order in which they changed', async () => {
    const lab = await readyCluster()
    await lab.apply(deployment('web', 1))
    await lab.clock.runFor(seconds(1))
    const conditions = async (): Promise<string[]> =>
      texts((await lab.kube.get(Deployments, key('web'))).status?.conditions)
    const [set] = (await lab.kube.list(ReplicaSets)).items
    expect(await conditions()).toEqual([
      'Available False MinimumReplicasUnavailable: Deployment does not have minimum availability.',
      `Progressing True ReplicaSetUpdated: ReplicaSet "${set!.metadata.name}" is progressing.`,
    ])
    await lab.clock.runFor(seconds(30))
    expect(await conditions()).toEqual([
      'Available True MinimumReplicasAvailable: Deployment has minimum availability.',
      `Progressing True NewReplicaSetAvailable: ReplicaSet "${set!.metadata.name}" has successfully progressed.`,
    ])
    await lab.cluster.stop()
  })

  it('of type Recreate is not available while its pods are exchanged', async () => {
    const lab = await readyCluster()
    await lab.apply(deployment('web', 2, { spec: { strategy: { type: 'Recreate' } } }))
    await lab.clock.runFor(seconds(30))
    const seen = new Set<string>()
    await lab.kube.watch(
      Deployments,
      {},
      {
        event: (event) => {
          if (event.type === 'BOOKMARK') return
          for (const c of event.object.status?.conditions ?? []) if (c.type === 'Available') seen.add(c.status)
        },
        end: () => {},
      },
    )
    await lab.kube.patch(Deployments, key('web'), { type: 'json', body: image('app:2') })
    await lab.clock.runFor(seconds(60))
    expect([...seen].sort()).toEqual(['False', 'True'])
    await lab.cluster.stop()
  })

  it('keeps as many old sets as its history limit, and tells what revisions a set had', async () => {
    const lab = await readyCluster()
    await lab.apply(deployment('web', 1, { spec: { revisionHistoryLimit: 1 } }))
    for (const value of ['app:2', 'app:3', 'app:2']) {
      await lab.clock.runFor(seconds(60))
      await lab.kube.patch(Deployments, key('web'), { type: 'json', body: image(value) })
    }
    await lab.clock.runFor(seconds(60))
    const sets = (await lab.kube.list(ReplicaSets)).items
      .map(({ spec, metadata }) => {
        const told = metadata.annotations!
        const [now, before] = ['revision', 'revision-history'].map((key) => told[`deployment.kubernetes.io/${key}`])
        return `${spec.template!.spec!.containers[0]!.image} ${now} after ${before}`
      })
      .sort()
    expect(sets).toEqual(['app:2 4 after 2', 'app:3 3 after undefined'])
    await lab.cluster.stop()
  })

  it('says why a pod could not be made, and stops trying hundreds', async () => {
    const lab = await readyCluster()
    await lab.apply(deployment('web', 50, { pod: { serviceAccountName: 'nobody' } }))
    await lab.clock.runFor(seconds(1))
    const { conditions } = (await lab.kube.get(Deployments, key('web'))).status!
    const failure = conditions!.find((condition) => condition.type === 'ReplicaFailure')
    expect(failure).toMatchObject({ status: 'True', reason: 'FailedCreate' })
    expect(failure!.message).toContain('serviceaccount "nobody" not found')
    const failed = (await lab.events('ReplicaSet/')).filter((event) => event.reason === 'FailedCreate')
    // One at a time, then later and later: not fifty each time.
    expect(failed.reduce((sum, event) => sum + (event.count ?? 1), 0)).toBeLessThan(12)
    await lab.cluster.stop()
  })

  it('lets a set go that left its selector, and makes another', async () => {
    const lab = await readyCluster()
    await lab.apply(deployment('web', 1))
    await lab.clock.runFor(seconds(30))
    const [set] = (await lab.kube.list(ReplicaSets)).items
    const body = { metadata: { labels: { app: 'other' } } }
    await lab.kube.patch(ReplicaSets, set!.metadata, { type: 'merge', body })
    await lab.clock.runFor(seconds(30))
    expect((await lab.kube.get(ReplicaSets, set!.metadata)).metadata.ownerReferences ?? []).toEqual([])
    await lab.cluster.stop()
  })

  it('counts the pods that are going', async () => {
    const lab = await readyCluster()
    await lab.apply(deployment('web', 3, { template: { annotations: { 'plimsoll.dev/exit-duration': '20s' } } }))
    await lab.clock.runFor(seconds(30))
    await lab.kube.patch(Deployments, key('web'), { type: 'merge', body: { spec: { replicas: 1 } } })
    await lab.clock.runFor(seconds(5))
    expect((await lab.kube.get(Deployments, key('web'))).status).toMatchObject({ replicas: 1, terminatingReplicas: 2 })
    await lab.clock.runFor(seconds(30))
    expect((await lab.kube.get(Deployments, key('web'))).status).toMatchObject({ replicas: 1, terminatingReplicas: 0 })
    await lab.cluster.stop()
  })
})

describe('a replication controller', () => {
  it('keeps its pods, takes in what it selects and lets go what it does not', async () => {
    const lab = await readyCluster()
    await lab.apply({ ...podNamed('stray', { app: 'old' }) }, workload('ReplicationController', 'old', { replicas: 3 }))
    await lab.clock.runFor(seconds(30))
    const owned = (pod: Pod): boolean => pod.metadata.ownerReferences?.[0]?.kind === 'ReplicationController'
    expect((await lab.pods('app=old')).filter(owned)).toHaveLength(3)
    expect(owned(await lab.kube.get(Pods, key('stray')))).toBe(true)
    expect((await lab.kube.get(ReplicationControllers, key('old'))).status).toEqual({
      replicas: 3,
      fullyLabeledReplicas: 3,
      readyReplicas: 3,
      availableReplicas: 3,
      observedGeneration: 1,
    })
    await lab.kube.patch(Pods, key('stray'), { type: 'merge', body: { metadata: { labels: { app: 'free' } } } })
    await lab.clock.runFor(seconds(30))
    expect((await lab.kube.get(Pods, key('stray'))).metadata.ownerReferences ?? []).toEqual([])
    expect(await lab.pods('app=old')).toHaveLength(3)
    await lab.cluster.stop()
  })
})

function podNamed(name: string, labels: object): { readonly [field: string]: Json } {
  const spec = { containers: [{ name: 'main', image: 'app:1' }] }
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name, labels }, spec } as never
}

const claimTemplates = [
  {
    metadata: { name: 'data' },
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
  },
]

describe('a stateful set', () => {
  const update = async (lab: Laboratory, value: string): Promise<void> => {
    await lab.kube.patch(StatefulSets, key('db'), { type: 'json', body: image(value) })
    await lab.clock.runFor(seconds(120))
  }
  const images = async (lab: Laboratory): Promise<string[]> =>
    (await lab.pods('app=db')).map((pod) => `${pod.metadata.name} ${pod.spec.containers[0]!.image}`)

  it('keeps a revision of each template and numbers anew the one that comes back', async () => {
    const lab = await readyCluster()
    await lab.apply(workload('StatefulSet', 'db', { replicas: 2, serviceName: 'db' }))
    await lab.clock.runFor(seconds(60))
    const [first] = (await lab.kube.list(ControllerRevisions)).items
    expect(first).toMatchObject({ revision: 1, data: { spec: { template: { $patch: 'replace' } } } })
    expect(first!.metadata.name).toBe(`db-${first!.metadata.labels!['controller.kubernetes.io/hash']}`)
    const pods = await lab.pods('app=db')
    expect(pods.map((pod) => pod.metadata.labels!['controller-revision-hash'])).toEqual(
      Array(2).fill(first!.metadata.name),
    )
    expect(pods[0]!.metadata.generateName).toBe('db-')
    await update(lab, 'app:2')
    await update(lab, 'app:1')
    const revisions = (await lab.kube.list(ControllerRevisions)).items
    expect(revisions.map((r) => `${r.metadata.name === first!.metadata.name} ${r.revision}`).sort()).toEqual([
      'false 2',
      'true 3',
    ])
    const { status } = await lab.kube.get(StatefulSets, key('db'))
    expect(status).toMatchObject({ currentRevision: first!.metadata.name, updateRevision: first!.metadata.name })
    expect(await reasons(lab, 'StatefulSet/db')).toContain(
      'SuccessfulDelete: Delete Pod db-1 in StatefulSet db successful',
    )
    await lab.cluster.stop()
  })

  it('updates from the highest ordinal down to the partition, below which pods keep their template', async () => {
    const lab = await readyCluster()
    const updateStrategy = { type: 'RollingUpdate', rollingUpdate: { partition: 2 } }
    await lab.apply(workload('StatefulSet', 'db', { replicas: 3, serviceName: 'db', updateStrategy }))
    await lab.clock.runFor(seconds(60))
    await update(lab, 'app:2')
    expect(await images(lab)).toEqual(['db-0 app:1', 'db-1 app:1', 'db-2 app:2'])
    await lab.kube.remove(Pods, key('db-0'))
    await lab.clock.runFor(seconds(60))
    expect(await images(lab)).toEqual(['db-0 app:1', 'db-1 app:1', 'db-2 app:2'])
    const { status } = await lab.kube.get(StatefulSets, key('db'))
    expect(status).toMatchObject({ currentReplicas: 2, updatedReplicas: 1 })
    expect(status!.currentRevision).not.toBe(status!.updateRevision)
    await lab.cluster.stop()
  })

  it('with OnDelete changes nothing by itself', async () => {
    const lab = await readyCluster()
    const updateStrategy = { type: 'OnDelete' }
    await lab.apply(workload('StatefulSet', 'db', { replicas: 2, serviceName: 'db', updateStrategy }))
    await lab.clock.runFor(seconds(60))
    await update(lab, 'app:2')
    expect(await images(lab)).toEqual(['db-0 app:1', 'db-1 app:1'])
    await lab.kube.remove(Pods, key('db-0'))
    await lab.clock.runFor(seconds(60))
    expect(await images(lab)).toEqual(['db-0 app:2', 'db-1 app:1'])
    await lab.cluster.stop()
  })

  it('lets maxUnavailable of its pods go at a time', async () => {
    const lab = await readyCluster()
    const updateStrategy = { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 2 } }
    await lab.apply(
      workload('StatefulSet', 'db', {
        replicas: 4,
        serviceName: 'db',
        updateStrategy,
        podManagementPolicy: 'Parallel',
      }),
    )
    await lab.clock.runFor(seconds(60))
    await lab.kube.patch(StatefulSets, key('db'), { type: 'json', body: image('app:2') })
    await lab.clock.runFor(ms(100))
    const going = (await lab.pods('app=db')).filter((pod) => pod.metadata.deletionTimestamp !== undefined)
    expect(going.map((pod) => pod.metadata.name)).toEqual(['db-2', 'db-3'])
    await lab.clock.runFor(seconds(60))
    expect(await images(lab)).toEqual(['db-0 app:2', 'db-1 app:2', 'db-2 app:2', 'db-3 app:2'])
    await lab.cluster.stop()
  })

  it('numbers its pods from ordinals.start', async () => {
    const lab = await readyCluster()
    await lab.apply(workload('StatefulSet', 'db', { replicas: 2, serviceName: 'db', ordinals: { start: 5 } }))
    await lab.clock.runFor(seconds(60))
    expect((await lab.pods('app=db')).map((pod) => pod.metadata.name)).toEqual(['db-5', 'db-6'])
    await lab.cluster.stop()
  })

  it.each([
    { policy: { whenScaled: 'Retain', whenDeleted: 'Retain' }, afterScale: 2, afterDelete: 2 },
    { policy: { whenScaled: 'Delete', whenDeleted: 'Retain' }, afterScale: 1, afterDelete: 1 },
    { policy: { whenScaled: 'Retain', whenDeleted: 'Delete' }, afterScale: 2, afterDelete: 0 },
    { policy: { whenScaled: 'Delete', whenDeleted: 'Delete' }, afterScale: 1, afterDelete: 0 },
  ])(
    '$policy: $afterScale claims after scaling down, $afterDelete at the end',
    async ({ policy, afterScale, afterDelete }) => {
      const lab = await readyCluster()
      await lab.apply(
        workload('StatefulSet', 'db', {
          replicas: 2,
          serviceName: 'db',
          persistentVolumeClaimRetentionPolicy: policy,
          volumeClaimTemplates: claimTemplates,
        }),
      )
      await lab.clock.runFor(seconds(60))
      await lab.kube.patch(StatefulSets, key('db'), { type: 'merge', body: { spec: { replicas: 1 } } })
      await lab.clock.runFor(seconds(60))
      const claims = async (): Promise<number> => (await lab.kube.list(PersistentVolumeClaims)).items.length
      expect(await claims()).toBe(afterScale)
      await lab.kube.remove(StatefulSets, key('db'))
      await lab.clock.runFor(seconds(60))
      expect(await claims()).toBe(afterDelete)
      await lab.cluster.stop()
    },
  )
})

describe('a daemon set', () => {
  const hashOf = (pod: Pod): string => pod.metadata.labels!['controller-revision-hash']!

  it('keeps revisions whose hash its pods carry', async () => {
    const lab = await readyCluster()
    await lab.apply(workload('DaemonSet', 'agent', {}))
    await lab.clock.runFor(seconds(30))
    await lab.kube.patch(DaemonSets, key('agent'), { type: 'json', body: image('app:2') })
    await lab.clock.runFor(seconds(120))
    const revisions = (await lab.kube.list(ControllerRevisions)).items.toSorted((a, b) => a.revision - b.revision)
    expect(revisions.map((revision) => revision.revision)).toEqual([1, 2])
    const hash = revisions[1]!.metadata.labels!['controller-revision-hash']!
    expect(revisions[1]!.metadata.name).toBe(`agent-${hash}`)
    expect((await lab.pods('app=agent')).map(hashOf)).toEqual([hash, hash, hash])
    expect((await lab.kube.get(DaemonSets, key('agent'))).status).toMatchObject({
      updatedNumberScheduled: 3,
      numberAvailable: 3,
    })
    await lab.cluster.stop()
  })

  it.each([
    { rollingUpdate: { maxSurge: 1, maxUnavailable: 0 }, most: 4, fewest: 3 },
    { rollingUpdate: { maxSurge: 0, maxUnavailable: 2 }, most: 3, fewest: 1 },
  ])(
    'with $rollingUpdate has at most $most pods and at least $fewest that work',
    async ({ rollingUpdate, most, fewest }) => {
      const lab = await readyCluster()
      await lab.apply(workload('DaemonSet', 'agent', { updateStrategy: { type: 'RollingUpdate', rollingUpdate } }))
      await lab.clock.runFor(seconds(30))
      let pods = 0
      let ready = 3
      const living = new Map<string, boolean>()
      await lab.kube.watch(
        Pods,
        { labelSelector: 'app=agent' },
        {
          event: (event) => {
            if (event.type === 'BOOKMARK') return
            const { metadata, status } = event.object
            const works = status?.conditions?.some((c) => c.type === 'Ready' && c.status === 'True') === true
            if (event.type === 'DELETED' || metadata.deletionTimestamp !== undefined) living.delete(metadata.name)
            else living.set(metadata.name, works)
            if (living.size < 3 && pods === 0) return
            pods = Math.max(pods, living.size)
            ready = Math.min(ready, [...living.values()].filter(Boolean).length)
          },
          end: () => {},
        },
      )
      await lab.kube.patch(DaemonSets, key('agent'), { type: 'json', body: image('app:2') })
      await lab.clock.runFor(seconds(120))
      expect((await lab.pods('app=agent')).map((pod) => pod.spec.containers[0]!.image)).toEqual(Array(3).fill('app:2'))
      expect(pods).toBe(most)
      expect(ready).toBe(fewest)
      await lab.cluster.stop()
    },
  )

  it('takes over what another left behind', async () => {
    const lab = await readyCluster()
    await lab.apply(workload('DaemonSet', 'agent', {}))
    await lab.clock.runFor(seconds(30))
    await lab.kube.remove(DaemonSets, key('agent'), { propagationPolicy: 'Orphan' })
    await lab.clock.runFor(seconds(5))
    const before = (await lab.pods('app=agent')).map((pod) => pod.metadata.uid)
    await lab.apply(workload('DaemonSet', 'agent', {}))
    await lab.clock.runFor(seconds(30))
    const after = await lab.pods('app=agent')
    expect(after.map((pod) => pod.metadata.uid)).toEqual(before)
    expect(after.every((pod) => pod.metadata.ownerReferences?.length === 1)).toBe(true)
    await lab.cluster.stop()
  })
})
