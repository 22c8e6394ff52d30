import type {
  CSINode,
  CSIStorageCapacity,
  Node,
  PersistentVolume,
  PersistentVolumeClaim,
  PersistentVolumeClaimSpec,
  PersistentVolumeSpec,
  Pod,
  StorageClass,
  Volume,
  VolumeAttachment,
} from '@plimsoll/model'
import { describe, expect, it } from 'vitest'
import { classOf } from '../pod-class.ts'
import { ClusterSnapshot } from '../snapshot.ts'
import { testNode, testPod } from '../test-objects.ts'
import { claimsOf } from './claims.ts'
import type { VolumeLister } from './volume-lister.ts'
import { planVolumes } from './volume-plan.ts'

const zone = 'topology.kubernetes.io/zone'
const ebs = 'ebs.csi.aws.com'
const stored = (name: string): { name: string; uid: string; resourceVersion: string; creationTimestamp: string } => ({
  name,
  uid: name,
  resourceVersion: '1',
  creationTimestamp: '2026-01-01T00:00:00Z',
})

type Meta = { readonly [field: string]: unknown }

function claim(name: string, spec: PersistentVolumeClaimSpec, meta: Meta = {}, phase?: string): PersistentVolumeClaim {
  const annotations = spec.volumeName === undefined ? undefined : { 'pv.kubernetes.io/bind-completed': 'yes' }
  return { metadata: { ...stored(name), namespace: 'default', annotations, ...meta }, spec, status: { phase } }
}

function volume(name: string, spec: PersistentVolumeSpec, meta: Meta = {}, phase = 'Available'): PersistentVolume {
  return { metadata: { ...stored(name), ...meta }, spec, status: { phase } }
}

function storageClass(name: string, more: Partial<StorageClass> = {}): StorageClass {
  return { metadata: stored(name), provisioner: ebs, volumeBindingMode: 'WaitForFirstConsumer', ...more }
}

function inZone(...values: string[]): PersistentVolumeSpec['nodeAffinity'] {
  return { required: { nodeSelectorTerms: [{ matchExpressions: [{ key: zone, operator: 'In', values }] }] } }
}

interface Storage {
  readonly claims?: readonly PersistentVolumeClaim[]
  readonly volumes?: readonly PersistentVolume[]
  readonly classes?: readonly StorageClass[]
  readonly csiNodes?: readonly CSINode[]
  readonly attachments?: readonly VolumeAttachment[]
  readonly capacities?: readonly CSIStorageCapacity[]
  readonly tracksCapacity?: boolean
}

function listerOf(storage: Storage): VolumeLister {
  const named = <T extends { readonly metadata: { readonly name: string } }>(
    list: readonly T[] | undefined,
    name: string,
  ): T | undefined => list?.find(({ metadata }) => metadata.name === name)
  return {
    claim: (_, name) => named(storage.claims, name),
    volume: (name) => named(storage.volumes, name),
    storageClass: (name) => named(storage.classes, name),
    volumesOfClass: (name) => storage.volumes?.filter(({ spec }) => (spec?.storageClassName ?? '') === name) ?? [],
    csiNode: (name) => named(storage.csiNodes, name),
    attachmentsOn: (name) => storage.attachments?.filter(({ spec }) => spec.nodeName === name) ?? [],
    csiDriver: (name) => ({ metadata: stored(name), spec: { storageCapacity: storage.tracksCapacity } }),
    capacitiesOfClass: (name) => storage.capacities?.filter(({ storageClassName }) => storageClassName === name) ?? [],
  }
}

const using = (...volumes: Omit<Volume, 'name'>[]): Pod =>
  testPod('p', { spec: { volumes: volumes.map((source, i) => ({ name: `v${i}`, ...source })) } })
const withClaims = (...names: string[]): Pod =>
  using(...names.map((claimName) => ({ persistentVolumeClaim: { claimName } })))

/** What is said of a node in zone a and of one in zone b; nothing where the pod fits. */
function answers(storage: Storage, pod: Pod, there: readonly Pod[] = []): readonly string[] {
  const snapshot = new ClusterSnapshot({ volumes: listerOf(storage) })
  snapshot.addNode(testNode('a', { labels: { [zone]: 'a' } }), there)
  snapshot.addNode(testNode('b', { labels: { [zone]: 'b' } }))
  return ['a', 'b'].map((node) =>
    snapshot
      .checkAll(pod, node)
      .map(({ plugin, reason }) => `${plugin}: ${reason}`)
      .join(', '),
  )
}

const everywhere = (answer: string): readonly string[] => [answer, answer]
const notThere = "VolumeBinding: node(s) didn't match PersistentVolume's node affinity"
const noVolume = "VolumeBinding: node(s) didn't find available persistent volumes to bind"
const noZone = 'VolumeZone: node(s) had no available volume zone'

describe('claims', () => {
  const gib = { requests: { storage: '10Gi' } }
  const waiting = { storageClassName: 'waits', accessModes: ['ReadWriteOnce'], resources: gib }
  const open = { storageClassName: 'waits', accessModes: ['ReadWriteOnce'], capacity: { storage: '10Gi' } }
  const provisioned = storageClass('waits')
  const manual = storageClass('waits', { provisioner: 'kubernetes.io/no-provisioner' })

  it.each<{ when: string; storage: Storage; said: readonly string[] }>([
    {
      when: 'there is none',
      storage: {},
      said: everywhere('VolumeRestrictions: persistentvolumeclaim "c" not found'),
    },
    {
      when: 'it is being deleted',
      storage: { claims: [claim('c', waiting, { deletionTimestamp: '2026-01-01T00:00:01Z' })], classes: [provisioned] },
      said: everywhere('VolumeBinding: persistentvolumeclaim "c" is being deleted'),
    },
    {
      when: 'it lost its volume',
      storage: { claims: [claim('c', { volumeName: 'gone' }, {}, 'Lost')] },
      said: everywhere('VolumeBinding: persistentvolumeclaim "c" bound to non-existent persistentvolume "gone"'),
    },
    {
      when: 'its class binds at once and has not yet',
      storage: {
        claims: [claim('c', waiting)],
        classes: [storageClass('waits', { volumeBindingMode: 'Immediate' })],
      },
      said: everywhere('VolumeBinding: pod has unbound immediate PersistentVolumeClaims'),
    },
    {
      when: 'it names a volume that is not bound to it yet',
      storage: {
        claims: [claim('c', { ...waiting, volumeName: 'v' }, { annotations: undefined })],
        volumes: [volume('v', open)],
        classes: [provisioned],
      },
      said: everywhere('VolumeBinding: pod has unbound immediate PersistentVolumeClaims'),
    },
    {
      when: 'its volume is gone',
      storage: { claims: [claim('c', { volumeName: 'v' })] },
      said: everywhere('VolumeZone: persistentvolume "v" not found'),
    },
    {
      when: 'its volume can be reached from one zone',
      storage: { claims: [claim('c', { volumeName: 'v' })], volumes: [volume('v', { nodeAffinity: inZone('a') })] },
      said: ['', notThere],
    },
    {
      when: 'its volume is labelled with two zones',
      storage: {
        claims: [claim('c', { volumeName: 'v' })],
        volumes: [volume('v', {}, { labels: { [zone]: 'a__c' } })],
      },
      said: ['', noZone],
    },
    {
      when: 'its volume is labelled with the old label of a zone',
      storage: {
        claims: [claim('c', { volumeName: 'v' })],
        volumes: [volume('v', {}, { labels: { 'failure-domain.beta.kubernetes.io/zone': 'b' } })],
      },
      said: [noZone, ''],
    },
    {
      when: 'the label of its volume is malformed',
      storage: { claims: [claim('c', { volumeName: 'v' })], volumes: [volume('v', {}, { labels: { [zone]: 'c__' } })] },
      said: ['', ''],
    },
    {
      when: 'a volume can be made for it',
      storage: { claims: [claim('c', waiting)], classes: [provisioned] },
      said: ['', ''],
    },
    {
      when: 'the old annotation names its class',
      storage: {
        claims: [
          claim('c', { resources: gib }, { annotations: { 'volume.beta.kubernetes.io/storage-class': 'waits' } }),
        ],
        classes: [provisioned],
      },
      said: ['', ''],
    },
    {
      when: 'a volume can be made for it in one zone',
      storage: {
        claims: [claim('c', waiting)],
        classes: [
          storageClass('waits', { allowedTopologies: [{ matchLabelExpressions: [{ key: zone, values: ['b'] }] }] }),
        ],
      },
      said: [noVolume, ''],
    },
    {
      when: 'its class allows an empty topology',
      storage: { claims: [claim('c', waiting)], classes: [storageClass('waits', { allowedTopologies: [{}] })] },
      said: everywhere(noVolume),
    },
    {
      when: 'the scheduler chose a node for it before',
      storage: {
        claims: [claim('c', waiting, { annotations: { 'volume.kubernetes.io/selected-node': 'b' } })],
        classes: [provisioned],
      },
      said: [noVolume, ''],
    },
    {
      when: 'nobody makes volumes and there is one in zone b',
      storage: {
        claims: [claim('c', waiting)],
        classes: [manual],
        volumes: [volume('v', { ...open, nodeAffinity: inZone('b') })],
      },
      said: [noVolume, ''],
    },
    {
      when: 'the volume there is too small',
      storage: {
        claims: [claim('c', waiting)],
        classes: [manual],
        volumes: [volume('v', { ...open, capacity: { storage: '9G' } })],
      },
      said: everywhere(noVolume),
    },
    {
      when: 'the volume there has another mode',
      storage: {
        claims: [claim('c', waiting)],
        classes: [manual],
        volumes: [volume('v', { ...open, volumeMode: 'Block' })],
      },
      said: everywhere(noVolume),
    },
    {
      when: 'the volume there cannot be accessed so',
      storage: {
        claims: [claim('c', { ...waiting, accessModes: ['ReadWriteMany'] })],
        classes: [manual],
        volumes: [volume('v', open)],
      },
      said: everywhere(noVolume),
    },
    {
      when: 'the volume there is not selected',
      storage: {
        claims: [claim('c', { ...waiting, selector: { matchLabels: { tier: 'fast' } } })],
        classes: [manual],
        volumes: [volume('v', open, { labels: { tier: 'slow' } })],
      },
      said: everywhere(noVolume),
    },
    {
      when: 'the volume there was released',
      storage: { claims: [claim('c', waiting)], classes: [manual], volumes: [volume('v', open, {}, 'Released')] },
      said: everywhere(noVolume),
    },
    {
      when: 'the volume there is for another claim',
      storage: {
        claims: [claim('c', waiting)],
        classes: [manual],
        volumes: [volume('v', { ...open, claimRef: { name: 'other', namespace: 'default' } })],
      },
      said: everywhere(noVolume),
    },
    {
      when: 'a volume was made for it that one node reaches, and others are open to all',
      storage: {
        claims: [claim('c', waiting)],
        classes: [manual],
        volumes: [
          volume('w', open),
          volume('v', { ...open, nodeAffinity: inZone('a'), claimRef: { name: 'c', namespace: 'default', uid: 'c' } }),
        ],
      },
      said: ['', noVolume],
    },
    {
      when: 'its driver has room for it in one zone',
      storage: {
        claims: [claim('c', waiting)],
        classes: [provisioned],
        tracksCapacity: true,
        capacities: [
          {
            metadata: { ...stored('small'), namespace: 'kube-system' },
            storageClassName: 'waits',
            capacity: '99Gi',
            maximumVolumeSize: '5Gi',
            nodeTopology: {},
          },
          {
            metadata: { ...stored('large'), namespace: 'kube-system' },
            storageClassName: 'waits',
            capacity: '10Gi',
            nodeTopology: { matchLabels: { [zone]: 'b' } },
          },
        ],
      },
      said: ['VolumeBinding: node(s) did not have enough free storage', ''],
    },
  ])('$when', ({ storage, said }) => {
    expect(answers(storage, withClaims('c'))).toEqual(said)
  })

  it('each take a volume of their own, the smallest that does', () => {
    const sized = (storage: string): PersistentVolumeClaimSpec => ({ ...waiting, resources: { requests: { storage } } })
    const storage = {
      claims: [claim('large', sized('8Gi')), claim('small', sized('1Gi')), claim('third', sized('1Gi'))],
      classes: [manual],
      volumes: ['10Gi', '20Gi'].map((size, i) => volume(`v${i}`, { ...open, capacity: { storage: size } })),
    }
    const node: Node = testNode('a')
    const lister = listerOf(storage)
    const planned = planVolumes(claimsOf(classOf(withClaims('large', 'small')), lister), node, lister)
    expect(planned.bindings.map((each) => [each.claim.metadata.name, each.volume.metadata.name])).toEqual([
      ['small', 'v0'],
      ['large', 'v1'],
    ])
    expect(answers(storage, withClaims('large', 'small', 'third'))).toEqual(everywhere(noVolume))
  })

  it('says of bound and of unbound ones what is wrong', () => {
    const storage = {
      claims: [claim('bound', { volumeName: 'v' }), claim('open', waiting)],
      classes: [manual],
      volumes: [volume('v', { nodeAffinity: inZone('a') })],
    }
    const bindOnly = "node(s) didn't find available persistent volumes to bind"
    expect(answers(storage, withClaims('bound', 'open'))).toEqual([noVolume, `${notThere}, VolumeBinding: ${bindOnly}`])
  })

  it('of a pod alone are made for it and owned by it', () => {
    const pod = using({ ephemeral: {} })
    const owned = (uid: string): PersistentVolumeClaim =>
      claim('p-v0', waiting, { ownerReferences: [{ apiVersion: 'v1', kind: 'Pod', name: 'p', uid, controller: true }] })
    const classes = [provisioned]
    expect(answers({}, pod)).toEqual(
      everywhere('VolumeBinding: waiting for ephemeral volume controller to create the persistentvolumeclaim "p-v0"'),
    )
    expect(answers({ claims: [owned('someone')], classes }, pod)).toEqual(
      everywhere('VolumeBinding: PVC default/p-v0 was not created for pod default/p (pod is not owner)'),
    )
    expect(answers({ claims: [owned('default-p')], classes }, pod)).toEqual(['', ''])
    const again = { ...pod, metadata: { ...pod.metadata, uid: 'again' } }
    expect(answers({ claims: [owned('again')], classes }, again)).toEqual(['', ''])
  })

  it('of one pod only are refused to others, wherever the first is', () => {
    const storage = {
      claims: [claim('c', { ...waiting, accessModes: ['ReadWriteOncePod'] })],
      classes: [provisioned],
    }
    const first = { ...withClaims('c'), metadata: { ...testPod('first').metadata } }
    expect(answers(storage, withClaims('c'))).toEqual(['', ''])
    expect(answers(storage, withClaims('c'), [first])).toEqual(
      everywhere(
        'VolumeRestrictions: node(s) unavailable due to PersistentVolumeClaim with ReadWriteOncePod access mode already in-use by another pod',
      ),
    )
  })
})

describe('disks named in pods', () => {
  const gce = (pdName: string, readOnly: boolean): Omit<Volume, 'name'> => ({ gcePersistentDisk: { pdName, readOnly } })
  const aws = (volumeID: string, readOnly: boolean): Omit<Volume, 'name'> => ({
    awsElasticBlockStore: { volumeID, readOnly },
  })
  const rbd = (monitor: string, image: string, readOnly: boolean): Omit<Volume, 'name'> => ({
    rbd: { monitors: ['m0', monitor], image, readOnly },
  })
  const iscsi = (iqn: string, readOnly: boolean): Omit<Volume, 'name'> => ({
    iscsi: { iqn, readOnly, lun: 0, targetPortal: '' },
  })
  it.each<{ one: Omit<Volume, 'name'>; other: Omit<Volume, 'name'>; conflict: boolean }>([
    { one: aws('v', true), other: aws('v', true), conflict: true },
    { one: aws('v', false), other: aws('w', false), conflict: false },
    { one: gce('v', true), other: gce('v', true), conflict: false },
    { one: gce('v', true), other: gce('v', false), conflict: true },
    { one: iscsi('v', true), other: iscsi('v', true), conflict: false },
    { one: iscsi('v', false), other: iscsi('v', true), conflict: true },
    { one: rbd('m1', 'v', false), other: rbd('m2', 'v', false), conflict: true },
    { one: rbd('m1', 'v', true), other: rbd('m2', 'v', true), conflict: false },
    { one: rbd('m1', 'v', false), other: rbd('m2', 'w', false), conflict: false },
    { one: aws('v', false), other: gce('v', false), conflict: false },
  ])('$one beside $other: $conflict', ({ one, other, conflict }) => {
    const said = conflict ? 'VolumeRestrictions: node(s) had no available disk' : ''
    expect(answers({}, using(one), [testPod('there', { spec: using(other).spec })])).toEqual([said, ''])
  })
})

describe('the limits of nodes', () => {
  const csiNode = (count: number | undefined, migrated = 'kubernetes.io/aws-ebs'): CSINode => ({
    metadata: { ...stored('a'), annotations: { 'storage.alpha.kubernetes.io/migrated-plugins': migrated } },
    spec: { drivers: [{ name: ebs, nodeID: 'i-a', allocatable: count === undefined ? undefined : { count } }] },
  })
  const csi = (name: string, driver = ebs): PersistentVolume => volume(name, { csi: { driver, volumeHandle: name } })
  const inTree = volume('tree', { awsElasticBlockStore: { volumeID: 'aws://us-east-1a/vol-1' } })
  const storage: Storage = {
    claims: [
      ...['one', 'two', 'efs', 'tree'].map((name) => claim(name, { volumeName: name })),
      claim('again', { volumeName: 'one' }),
      claim('late', { storageClassName: 'waits' }),
      claim('latest', { storageClassName: 'waits' }),
      claim('oldest', { storageClassName: 'in-tree' }),
    ],
    volumes: [csi('one'), csi('two'), csi('efs', 'efs.csi.aws.com'), inTree, csi('hung')],
    classes: [storageClass('waits'), storageClass('in-tree', { provisioner: 'kubernetes.io/aws-ebs' })],
  }
  const full = 'NodeVolumeLimits: node(s) exceed max volume count'
  const hung: VolumeAttachment = {
    metadata: stored('hung'),
    spec: { attacher: ebs, nodeName: 'a', source: { persistentVolumeName: 'hung' } },
  }
  it.each<{
    when: string
    limit: number | undefined
    there: string[]
    wants: string[]
    refused: boolean
    more?: Storage
  }>([
    { when: 'there is room', limit: 2, there: ['one'], wants: ['two'], refused: false },
    { when: 'the node is full', limit: 1, there: ['one'], wants: ['two'], refused: true },
    { when: 'the node tells no limit', limit: undefined, there: ['one'], wants: ['two'], refused: false },
    { when: 'the volume is there already', limit: 1, there: ['one'], wants: ['again'], refused: false },
    { when: 'another driver has it', limit: 1, there: ['one'], wants: ['efs'], refused: false },
    { when: 'its claim is not bound yet', limit: 1, there: ['one'], wants: ['late'], refused: true },
    { when: 'two claims are not bound yet', limit: 1, there: [], wants: ['late', 'latest'], refused: true },
    { when: 'an old volume was taken over', limit: 1, there: ['tree'], wants: ['two'], refused: true },
    { when: 'an old class was taken over', limit: 1, there: ['one'], wants: ['oldest'], refused: true },
    {
      when: 'an old volume was not taken over',
      limit: 1,
      there: ['tree'],
      wants: ['two'],
      refused: false,
      more: { csiNodes: [csiNode(1, 'kubernetes.io/gce-pd')] },
    },
    {
      when: 'a volume of a pod that is gone hangs there still',
      limit: 1,
      there: [],
      wants: ['two'],
      refused: true,
      more: { attachments: [hung] },
    },
  ])('$when: $refused', ({ limit, there, wants, refused, more }) => {
    const pods = there.map((name) => testPod(`on-${name}`, { spec: withClaims(name).spec }))
    const said = answers({ ...storage, csiNodes: [csiNode(limit)], ...more }, withClaims(...wants), pods)
    expect(said).toEqual([refused ? full : '', ''])
  })

  it('count disks named in pods', () => {
    const disk = using({ awsElasticBlockStore: { volumeID: 'vol-1' } })
    const there = [testPod('there', { spec: withClaims('two').spec })]
    expect(answers({ ...storage, csiNodes: [csiNode(1)] }, disk, there)).toEqual([full, ''])
    const same = [testPod('there', { spec: withClaims('tree').spec })]
    expect(answers({ ...storage, csiNodes: [csiNode(1)] }, disk, same)).toEqual(['', ''])
  })
})
