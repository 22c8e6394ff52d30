import {
  Nodes,
  PersistentVolumeClaims,
  PersistentVolumes,
  Pods,
  seconds,
  minutes,
  StorageClasses,
  VolumeAttachments,
  type Json,
  type PersistentVolumeClaim,
} from '@plimsoll/model'
import { describe, expect, it } from 'vitest'
import { laboratory, machine, type Laboratory } from './laboratory.ts'

const key = (name: string): { namespace: string; name: string } => ({ namespace: 'default', name })

async function readyCluster(nodes = 3): Promise<Laboratory> {
  const lab = await laboratory()
  for (let n = 0; n < nodes; n++) lab.machines.on(machine(n))
  await lab.clock.runFor(seconds(90))
  return lab
}

function claim(name: string, spec: object = {}): Json {
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name },
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '5Gi' } }, ...spec },
  } as unknown as Json
}

function volume(name: string, size: string, spec: object = {}): Json {
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: { name },
    spec: {
      capacity: { storage: size },
      accessModes: ['ReadWriteOnce'],
      storageClassName: 'manual',
      nfs: { server: 'nfs', path: '/' },
      ...spec,
    },
  } as unknown as Json
}

function podWith(name: string, claimName: string, spec: object = {}): Json {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name },
    spec: {
      containers: [{ name: 'c', image: 'x' }],
      volumes: [{ name: 'data', persistentVolumeClaim: { claimName } }],
      ...spec,
    },
  } as unknown as Json
}

async function claimOf(lab: Laboratory, name: string): Promise<PersistentVolumeClaim> {
  return lab.kube.get(PersistentVolumeClaims, key(name))
}

async function said(lab: Laboratory, about: string): Promise<string[]> {
  return (await lab.events(about)).map((event) => `${event.reason}: ${event.message}`)
}

describe('a claim', () => {
  it('takes the smallest volume of its class that does, at once', async () => {
    const lab = await readyCluster(0)
    await lab.apply(
      volume('big', '100Gi'),
      volume('small', '1Gi'),
      volume('fitting', '10Gi'),
      volume('other', '6Gi', { storageClassName: 'other' }),
      volume('shared', '6Gi', { accessModes: ['ReadWriteOnce', 'ReadOnlyMany'] }),
    )
    await lab.clock.runFor(seconds(1))
    await lab.apply(claim('data', { storageClassName: 'manual' }))
    await lab.clock.runFor(seconds(1))
    const bound = await claimOf(lab, 'data')
    expect(bound.spec.volumeName).toBe('fitting')
    expect(bound.status).toEqual({ phase: 'Bound', accessModes: ['ReadWriteOnce'], capacity: { storage: '10Gi' } })
    expect(bound.metadata.annotations).toEqual({
      'pv.kubernetes.io/bind-completed': 'yes',
      'pv.kubernetes.io/bound-by-controller': 'yes',
    })
    const phases = (await lab.kube.list(PersistentVolumes)).items.map((v) => `${v.metadata.name} ${v.status?.phase}`)
    expect(phases).toEqual(['big Available', 'fitting Bound', 'other Available', 'shared Available', 'small Available'])
    // A volume of hand-made class is released and kept.
    await lab.kube.remove(PersistentVolumeClaims, key('data'))
    await lab.clock.runFor(seconds(1))
    expect((await lab.kube.get(PersistentVolumes, { name: 'fitting' })).status?.phase).toBe('Released')
    await lab.cluster.stop()
  })

  it('that names a volume gets it, or is told why not', async () => {
    const lab = await readyCluster(0)
    await lab.apply(
      volume('mine', '10Gi', { claimRef: { namespace: 'default', name: 'data' } }),
      volume('small', '1Gi'),
      claim('data', { storageClassName: 'manual' }),
      claim('too-big', { storageClassName: 'manual', volumeName: 'small' }),
    )
    await lab.clock.runFor(seconds(1))
    expect((await claimOf(lab, 'data')).spec.volumeName).toBe('mine')
    expect(await said(lab, 'PersistentVolumeClaim/too-big')).toEqual([
      'VolumeMismatch: Cannot bind to requested volume "small": requested PV is too small',
    ])
    await lab.cluster.stop()
  })

  it('without anything to take says so, and is lost when its volume is', async () => {
    const lab = await readyCluster(0)
    await lab.apply(claim('a', { storageClassName: '' }), claim('b', { storageClassName: 'none' }))
    await lab.clock.runFor(seconds(1))
    expect(await said(lab, 'PersistentVolumeClaim/a')).toEqual([
      'FailedBinding: no persistent volumes available for this claim and no storage class is set',
    ])
    expect(await said(lab, 'PersistentVolumeClaim/b')).toEqual([
      'ProvisioningFailed: storageclass.storage.k8s.io "none" not found',
    ])
    await lab.apply(volume('v', '10Gi', { storageClassName: '' }))
    await lab.clock.runFor(seconds(20))
    expect((await claimOf(lab, 'a')).status?.phase).toBe('Bound')
    await lab.kube.patch(PersistentVolumes, { name: 'v' }, { type: 'merge', body: { metadata: { finalizers: [] } } })
    await lab.kube.remove(PersistentVolumes, { name: 'v' })
    await lab.clock.runFor(seconds(1))
    expect((await claimOf(lab, 'a')).status?.phase).toBe('Lost')
    await lab.cluster.stop()
  })

  it('waits for its first consumer, gets a volume in its zone, attached before the pod starts', async () => {
    const lab = await readyCluster()
    await lab.apply(claim('data'))
    await lab.clock.runFor(seconds(1))
    expect(await said(lab, 'PersistentVolumeClaim/data')).toEqual([
      'WaitForFirstConsumer: waiting for first consumer to be created before binding',
    ])
    await lab.apply(podWith('web', 'data'))
    await lab.clock.runFor(seconds(60))
    const pod = await lab.kube.get(Pods, key('web'))
    expect(pod.status?.phase).toBe('Running')
    const bound = await claimOf(lab, 'data')
    const made = await lab.kube.get(PersistentVolumes, { name: bound.spec.volumeName! })
    const node = await lab.kube.get(Nodes, { name: pod.spec.nodeName! })
    expect(made.spec?.nodeAffinity?.required?.nodeSelectorTerms[0]?.matchExpressions?.[0]?.values).toEqual([
      node.metadata.labels!['topology.kubernetes.io/zone'],
    ])
    expect((await lab.kube.list(VolumeAttachments)).items).toMatchObject([
      { spec: { attacher: 'ebs.csi.aws.com', nodeName: pod.spec.nodeName }, status: { attached: true } },
    ])
    expect((await said(lab, 'PersistentVolumeClaim/data')).toSorted()).toEqual([
      "ExternalProvisioning: Waiting for a volume to be created either by the external provisioner 'ebs.csi.aws.com' or manually by the system administrator. If volume creation is delayed, please verify that the provisioner is running and correctly registered.",
      'Provisioning: External provisioner is provisioning volume for claim "default/data"',
      `ProvisioningSucceeded: Successfully provisioned volume ${made.metadata.name}`,
      'WaitForFirstConsumer: waiting for first consumer to be created before binding',
    ])
    const podSaid = await said(lab, 'Pod/web')
    expect(
      podSaid.indexOf(`SuccessfulAttachVolume: AttachVolume.Attach succeeded for volume "${made.metadata.name}" `),
    ).toBe(1)
    // In use: the claim stays until the pod is gone, then all of it goes.
    await lab.kube.remove(PersistentVolumeClaims, key('data'))
    await lab.clock.runFor(seconds(20))
    expect((await claimOf(lab, 'data')).metadata.deletionTimestamp).toBeDefined()
    await lab.kube.remove(Pods, key('web'))
    await lab.clock.runFor(seconds(90))
    expect((await lab.kube.list(PersistentVolumeClaims)).items).toEqual([])
    expect((await lab.kube.list(VolumeAttachments)).items).toEqual([])
    expect((await lab.kube.list(PersistentVolumes)).items).toEqual([])
    await lab.cluster.stop()
  })

  it('grows where its class lets it', async () => {
    const lab = await readyCluster(1)
    await lab.apply(claim('data'), podWith('web', 'data'))
    await lab.clock.runFor(seconds(60))
    const body = { spec: { resources: { requests: { storage: '8Gi' } } } }
    await lab.kube.patch(PersistentVolumeClaims, key('data'), { type: 'merge', body })
    await lab.clock.runFor(seconds(30))
    const grown = await claimOf(lab, 'data')
    expect(grown.status).toEqual({ phase: 'Bound', accessModes: ['ReadWriteOnce'], capacity: { storage: '8Gi' } })
    expect((await said(lab, 'PersistentVolumeClaim/data')).slice(-2)).toEqual([
      `Resizing: External resizer is resizing volume ${grown.spec.volumeName}`,
      `FileSystemResizeSuccessful: MountVolume.NodeExpandVolume succeeded for volume "${grown.spec.volumeName}" `,
    ])
    await lab.cluster.stop()
  })

  it.each(['Immediate', 'WaitForFirstConsumer'])('of class %s is provisioned where the class allows', async (mode) => {
    const lab = await readyCluster()
    await lab.kube.create(StorageClasses, {
      metadata: { name: 'now' },
      provisioner: 'ebs.csi.aws.com',
      volumeBindingMode: mode,
      reclaimPolicy: 'Retain',
      allowedTopologies: [
        { matchLabelExpressions: [{ key: 'topology.ebs.csi.aws.com/zone', values: ['ap-northeast-2b'] }] },
      ],
    })
    await lab.apply(claim('data', { storageClassName: 'now' }))
    await lab.clock.runFor(seconds(20))
    const { items } = await lab.kube.list(PersistentVolumes)
    expect(items.map((one) => one.status?.phase)).toEqual(mode === 'Immediate' ? ['Bound'] : [])
    await lab.apply(podWith('web', 'data'))
    await lab.clock.runFor(seconds(20))
    const node = await lab.kube.get(Nodes, { name: (await lab.kube.get(Pods, key('web'))).spec.nodeName! })
    expect(node.metadata.labels!['topology.kubernetes.io/zone']).toBe('ap-northeast-2b')
    await lab.cluster.stop()
  })
})

describe('a volume', () => {
  it('that hangs on one node is not attached to a second until the first lets go', async () => {
    const lab = await readyCluster(4)
    const nodes = (await lab.nodes()).filter((n) => n.metadata.labels!['topology.kubernetes.io/zone']!.endsWith('a'))
    expect(nodes).toHaveLength(2)
    const on = (n: number): object => ({ nodeSelector: { 'kubernetes.io/hostname': nodes[n]!.metadata.name } })
    await lab.apply(claim('data'), podWith('one', 'data', on(0)))
    await lab.clock.runFor(seconds(40))
    await lab.apply(podWith('two', 'data', on(1)))
    await lab.clock.runFor(minutes(3))
    const { volumeName } = (await claimOf(lab, 'data')).spec
    const waiting = await said(lab, 'Pod/two')
    expect(waiting).toContain(
      `FailedAttachVolume: Multi-Attach error for volume "${volumeName}" Volume is already used by pod(s) one`,
    )
    expect(waiting.at(-1)).toMatch(/^FailedMount: Unable to attach or mount volumes: unmounted volumes=\[data\]/)
    await lab.kube.remove(Pods, key('one'))
    await lab.clock.runFor(seconds(60))
    expect((await lab.kube.get(Pods, key('two'))).status?.phase).toBe('Running')
    await lab.cluster.stop()
  })

  it('is taken from a node that fell silent after six minutes', async () => {
    const lab = await readyCluster(4)
    const zoneA = (await lab.nodes()).filter((n) => n.metadata.labels!['topology.kubernetes.io/zone']!.endsWith('a'))
    await lab.apply(claim('data'), podWith('one', 'data'))
    await lab.clock.runFor(seconds(40))
    const nodeName = (await lab.kube.get(Pods, key('one'))).spec.nodeName!
    const n = [0, 1, 2, 3].find((i) => machine(i).nodeName === nodeName)!
    lab.machines.off(machine(n), 'stopped')
    await lab.clock.runFor(minutes(2))
    await lab.kube.remove(Pods, key('one'), { gracePeriodSeconds: 0 })
    await lab.clock.runFor(minutes(5))
    expect((await lab.kube.list(VolumeAttachments)).items).toHaveLength(1)
    await lab.clock.runFor(minutes(2))
    expect((await lab.kube.list(VolumeAttachments)).items).toHaveLength(0)
    expect(zoneA).toHaveLength(2)
    await lab.cluster.stop()
  })

  it('of a pod alone is made with it and goes with it', async () => {
    const lab = await readyCluster(1)
    const spec = { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } }
    await lab.apply({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'web' },
      spec: {
        containers: [{ name: 'c', image: 'x' }],
        volumes: [{ name: 'scratch', ephemeral: { volumeClaimTemplate: { spec } } }],
      },
    } as unknown as Json)
    await lab.clock.runFor(seconds(60))
    expect((await lab.kube.get(Pods, key('web'))).status?.phase).toBe('Running')
    expect((await claimOf(lab, 'web-scratch')).status?.phase).toBe('Bound')
    await lab.kube.remove(Pods, key('web'))
    await lab.clock.runFor(seconds(90))
    expect((await lab.kube.list(PersistentVolumeClaims)).items).toEqual([])
    expect((await lab.kube.list(PersistentVolumes)).items).toEqual([])
    await lab.cluster.stop()
  })
})

describe('the scheduler', () => {
  it('gives pods the local volumes of the nodes that it chooses, each only once', async () => {
    const lab = await readyCluster(2)
    await lab.kube.create(StorageClasses, {
      metadata: { name: 'local' },
      provisioner: 'kubernetes.io/no-provisioner',
      volumeBindingMode: 'WaitForFirstConsumer',
    })
    const names = (await lab.nodes()).map((node) => node.metadata.name)
    const on = (name: string): object => ({
      storageClassName: 'local',
      nfs: undefined,
      local: { path: '/mnt' },
      nodeAffinity: {
        required: {
          nodeSelectorTerms: [
            { matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'In', values: [name] }] },
          ],
        },
      },
    })
    await lab.apply(
      volume('a', '10Gi', on(names[0]!)),
      volume('b', '10Gi', on(names[1]!)),
      ...[0, 1, 2].map((i) => claim(`data-${i}`, { storageClassName: 'local' })),
    )
    await lab.clock.runFor(seconds(1))
    // All at once: nothing is written yet when the second is placed.
    await lab.apply(...[0, 1, 2].map((i) => podWith(`p-${i}`, `data-${i}`)))
    await lab.clock.runFor(seconds(30))
    const pods = await lab.pods()
    const placed = pods.filter((pod) => pod.spec.nodeName !== undefined)
    expect(new Set(placed.map((pod) => pod.spec.nodeName))).toEqual(new Set(names))
    for (const pod of placed) {
      const { volumeName } = (await claimOf(lab, pod.metadata.name.replace('p-', 'data-'))).spec
      expect(volumeName).toBe(pod.spec.nodeName === names[0] ? 'a' : 'b')
    }
    const left = pods.find((pod) => pod.spec.nodeName === undefined)!
    expect(left.status?.conditions?.[0]?.message).toMatch(
      /^0\/2 nodes are available: 2 node\(s\) didn't find available persistent volumes to bind\./,
    )
    await lab.cluster.stop()
  })

  it('keeps to the volumes that a node takes', async () => {
    const lab = await laboratory()
    const roomy = { cpu: '8', memory: '16Gi', pods: '110', 'ephemeral-storage': '80Gi' }
    lab.machines.on(machine(0, { capacity: roomy, allocatable: roomy }))
    await lab.clock.runFor(seconds(90))
    const volumes = Array.from({ length: 27 }, (_, i) => i)
    await lab.apply(...volumes.map((i) => claim(`data-${i}`)), ...volumes.map((i) => podWith(`p-${i}`, `data-${i}`)))
    await lab.clock.runFor(minutes(3))
    const waiting = (await lab.pods()).filter((pod) => pod.spec.nodeName === undefined)
    expect(waiting).toHaveLength(1)
    expect(waiting[0]!.status?.conditions?.[0]?.message).toMatch(
      /^0\/1 nodes are available: 1 node\(s\) exceed max volume count\./,
    )
    await lab.cluster.stop()
  })
})
