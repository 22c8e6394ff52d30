// Claims, volumes and what drivers say, drawn from seeds for the pods of random-cluster.ts. For tests.

import type {
  CSINode,
  CSIStorageCapacity,
  NodeSelector,
  PersistentVolume,
  PersistentVolumeClaim,
  StorageClass,
  VolumeAttachment,
} from '@plimsoll/model'
import type { VolumeLister } from '../volumes/volume-lister.ts'
import type { NaiveStorage } from './naive-volumes.ts'
import { storageFeatures, stored, zone, type Has } from './random-cluster.ts'
import type { Draws } from './random.ts'

const drivers = ['ebs.csi.aws.com', 'efs.csi.aws.com'] as const
const claimNames = ['c0', 'c1', 'c2', 'c3']
/** Where pods with claims of their own may be; these are drawn for pods of few names only. */
const ephemeralNames = Array.from({ length: 24 }, (_, i) => `p${i}-v0`)

const noStorage: NaiveStorage = {
  claims: [],
  volumes: [],
  classes: [],
  csiNodes: [],
  attachments: [],
  drivers: [],
  capacities: [],
}

export function drawStorage(draws: Draws, has: Has, nodeNames: readonly string[]): NaiveStorage {
  if (!storageFeatures.some((feature) => has[feature])) return noStorage
  const ephemeral = has.ephemeralClaims ? ephemeralNames : []
  return {
    claims: [
      ...claimNames.flatMap((name) => (has.brokenClaims && draws.oneIn(8) ? [] : [claim(draws, has, name)])),
      ...ephemeral.flatMap((name) => (draws.oneIn(8) ? [] : [ephemeralClaim(draws, has, name)])),
    ],
    volumes: ['v0', 'v1', 'v2', 'v3', 'v4', 'v5'].flatMap((name) =>
      has.brokenClaims && draws.oneIn(8) ? [] : [volume(draws, has, name)],
    ),
    classes: classes(draws),
    csiNodes: has.volumeLimits ? nodeNames.flatMap((name) => (draws.oneIn(6) ? [] : [csiNode(draws, name)])) : [],
    attachments: has.volumeLimits ? draws.list(0, 2, () => attachment(draws, nodeNames)) : [],
    drivers: drivers.map((name) => ({
      metadata: stored(name),
      spec: { storageCapacity: has.storageCapacity ? !draws.oneIn(4) : undefined },
    })),
    capacities: has.storageCapacity ? draws.list(1, 4, () => capacity(draws)) : [],
  }
}

function claim(draws: Draws, has: Has, name: string): PersistentVolumeClaim {
  const kinds = [has.boundClaims && 'bound', has.waitingClaims && 'waiting', has.brokenClaims && 'broken']
  const kind = draws.of(...kinds.filter((each) => typeof each === 'string'), 'waiting')
  const annotations: Record<string, string> = {}
  const isBound = kind === 'bound' || (kind === 'broken' && draws.oneIn(2))
  if (kind === 'bound' || (kind === 'broken' && draws.oneIn(2))) annotations['pv.kubernetes.io/bind-completed'] = 'yes'
  if (!isBound && draws.oneIn(6)) annotations['volume.kubernetes.io/selected-node'] = draws.of('n0', 'n1')
  const byAnnotation = draws.oneIn(8)
  const storageClassName = kind === 'broken' ? draws.of('soon', 'absent', '') : draws.of('later', 'manual', 'old')
  if (byAnnotation) annotations['volume.beta.kubernetes.io/storage-class'] = storageClassName
  return {
    metadata: {
      ...stored(name),
      namespace: 'default',
      annotations,
      deletionTimestamp: kind === 'broken' && draws.oneIn(4) ? '2026-01-01T00:00:01Z' : undefined,
    },
    spec: {
      accessModes: has.claimsOfOnePod && draws.oneIn(2) ? ['ReadWriteOncePod'] : [draws.of('ReadWriteOnce')],
      storageClassName: byAnnotation ? undefined : storageClassName,
      volumeName: isBound ? `v${draws.below(4)}` : undefined,
      resources: draws.oneIn(8) ? {} : { requests: { storage: draws.of('1Gi', '5Gi', '10Gi') } },
      selector: has.presentVolumes && draws.oneIn(5) ? { matchLabels: { tier: 'fast' } } : undefined,
      volumeMode: draws.oneIn(8) ? 'Block' : undefined,
      volumeAttributesClassName: draws.oneIn(12) ? 'gold' : undefined,
    },
    status: { phase: kind === 'broken' && draws.oneIn(4) ? 'Lost' : undefined },
  }
}

function ephemeralClaim(draws: Draws, has: Has, name: string): PersistentVolumeClaim {
  const made = claim(draws, has, name)
  const uid = draws.oneIn(8) ? 'another' : name.slice(0, name.indexOf('-'))
  const owner = { apiVersion: 'v1', kind: 'Pod', name: uid, uid, controller: !draws.oneIn(12) }
  return { ...made, metadata: { ...made.metadata, ownerReferences: [owner] } }
}

function inZones(draws: Draws): NodeSelector {
  const values = draws.some('a', 'b', 'c')
  return { nodeSelectorTerms: [{ matchExpressions: [{ key: zone, operator: 'In', values }] }] }
}

function volume(draws: Draws, has: Has, name: string): PersistentVolume {
  const labels: Record<string, string> = {}
  if (has.boundClaims && draws.oneIn(3)) {
    const key = draws.of(zone, zone, 'failure-domain.beta.kubernetes.io/zone', 'topology.kubernetes.io/region')
    labels[key] = draws.of('a', 'b', 'a__b', 'a__', 'c__b__a')
  }
  if (draws.oneIn(2)) labels['tier'] = draws.of('fast', 'slow')
  const source = draws.of<PersistentVolume['spec']>(
    { csi: { driver: draws.of(...drivers), volumeHandle: name } },
    { csi: { driver: 'ebs.csi.aws.com', volumeHandle: draws.of('shared', name) } },
    { awsElasticBlockStore: { volumeID: draws.of('vol-1', 'aws://us-east-1a/vol-1') } },
    { nfs: { server: 'nfs', path: '/' } },
  )
  const isFor = has.presentVolumes && draws.oneIn(4) ? draws.of(...claimNames) : undefined
  return {
    metadata: {
      ...stored(name),
      labels,
      deletionTimestamp: draws.oneIn(12) ? '2026-01-01T00:00:01Z' : undefined,
    },
    spec: {
      ...source,
      capacity: { storage: draws.of('1Gi', '5Gi', '10Gi', '10.5G') },
      accessModes: draws.of(['ReadWriteOnce'], ['ReadWriteOnce', 'ReadWriteOncePod'], ['ReadOnlyMany']),
      storageClassName: has.presentVolumes ? draws.of('later', 'manual', 'manual', 'old') : undefined,
      nodeAffinity: draws.oneIn(2) ? { required: inZones(draws) } : undefined,
      claimRef:
        isFor === undefined ? undefined : { name: isFor, namespace: 'default', uid: draws.of(undefined, isFor, 'x') },
      volumeMode: draws.oneIn(8) ? 'Block' : undefined,
    },
    status: { phase: draws.of('Available', 'Available', 'Available', 'Bound') },
  }
}

function classes(draws: Draws): readonly StorageClass[] {
  const later = { volumeBindingMode: 'WaitForFirstConsumer' }
  const expression = (): { key: string; values: string[] } => ({ key: zone, values: draws.some('a', 'b', 'c') })
  return [
    {
      ...later,
      metadata: stored('later'),
      provisioner: draws.of(...drivers),
      allowedTopologies: draws.of(
        undefined,
        [],
        [{}],
        [{ matchLabelExpressions: [expression()] }],
        [{ matchLabelExpressions: [expression(), expression()] }, { matchLabelExpressions: [expression()] }],
      ),
    },
    { ...later, metadata: stored('manual'), provisioner: 'kubernetes.io/no-provisioner' },
    { ...later, metadata: stored('old'), provisioner: 'kubernetes.io/aws-ebs' },
    { metadata: stored('soon'), provisioner: 'ebs.csi.aws.com', volumeBindingMode: 'Immediate' },
  ]
}

function csiNode(draws: Draws, name: string): CSINode {
  const plugins = draws.of('kubernetes.io/gce-pd,kubernetes.io/aws-ebs', 'kubernetes.io/aws-ebs', '')
  return {
    metadata: { ...stored(name), annotations: { 'storage.alpha.kubernetes.io/migrated-plugins': plugins } },
    spec: {
      drivers: drivers.map((driver) => ({
        name: driver,
        nodeID: name,
        allocatable: draws.of({ count: 0 }, { count: 1 }, { count: 1 }, { count: 2 }, {}, undefined),
      })),
    },
  }
}

function attachment(draws: Draws, nodeNames: readonly string[]): VolumeAttachment {
  const source = { persistentVolumeName: draws.of('v0', 'v4', 'v5', 'v6', undefined) }
  return {
    metadata: stored('attachment'),
    spec: { attacher: draws.of(...drivers), nodeName: draws.of(...nodeNames), source },
  }
}

function capacity(draws: Draws): CSIStorageCapacity {
  return {
    metadata: { ...stored('capacity'), namespace: 'kube-system' },
    storageClassName: draws.of('later', 'later', 'old'),
    capacity: draws.of(undefined, '2Gi', '5Gi', '20Gi'),
    maximumVolumeSize: draws.of(undefined, undefined, '5Gi'),
    nodeTopology: draws.of(undefined, {}, { matchLabels: { [zone]: draws.of('a', 'b') } }),
  }
}

/** The storage as the engine sees it: always the last one set. */
export class DrawnLister implements Required<VolumeLister> {
  storage: NaiveStorage

  constructor(storage: NaiveStorage) {
    this.storage = storage
  }

  claim(namespace: string, name: string): PersistentVolumeClaim | undefined {
    return this.storage.claims.find(({ metadata }) => metadata.namespace === namespace && metadata.name === name)
  }
  volume(name: string): PersistentVolume | undefined {
    return this.storage.volumes.find(({ metadata }) => metadata.name === name)
  }
  storageClass(name: string): StorageClass | undefined {
    return this.storage.classes.find(({ metadata }) => metadata.name === name)
  }
  volumesOfClass(name: string): readonly PersistentVolume[] {
    return this.storage.volumes.filter(({ spec }) => (spec?.storageClassName ?? '') === name)
  }
  csiNode(nodeName: string): CSINode | undefined {
    return this.storage.csiNodes.find(({ metadata }) => metadata.name === nodeName)
  }
  attachmentsOn(nodeName: string): readonly VolumeAttachment[] {
    return this.storage.attachments.filter(({ spec }) => spec.nodeName === nodeName)
  }
  csiDriver(name: string): NaiveStorage['drivers'][number] | undefined {
    return this.storage.drivers.find(({ metadata }) => metadata.name === name)
  }
  capacitiesOfClass(name: string): readonly CSIStorageCapacity[] {
    return this.storage.capacities.filter(({ storageClassName }) => storageClassName === name)
  }
}
