// kube-scheduler's volume filters written down from their rules, like the rest of naive-scheduler.ts. For tests.
// (kubernetes.io: persistent-volumes, storage-classes, storage-limits, storage-capacity, ephemeral-volumes.)

import type {
  CSIDriver,
  CSINode,
  CSIStorageCapacity,
  Node,
  PersistentVolume,
  PersistentVolumeClaim,
  Pod,
  StorageClass,
  Volume,
  VolumeAttachment,
} from '@plimsoll/model'
import { nanoOf } from './naive-quantity.ts'
import { selects, selectsNode } from './naive-selector.ts'

export interface NaiveStorage {
  readonly claims: readonly PersistentVolumeClaim[]
  readonly volumes: readonly PersistentVolume[]
  readonly classes: readonly StorageClass[]
  readonly csiNodes: readonly CSINode[]
  readonly attachments: readonly VolumeAttachment[]
  readonly drivers: readonly CSIDriver[]
  readonly capacities: readonly CSIStorageCapacity[]
}

interface Named {
  readonly metadata: { readonly name: string }
}

function named<T extends Named>(list: readonly T[], name: string | undefined): T | undefined {
  return list.find(({ metadata }) => metadata.name === name)
}

function isSet(text: string | undefined): text is string {
  return text !== undefined && text !== ''
}

/** The claim that the volume stands for: by its own name, or made for the pod and named after both. */
function claimName(pod: Pod, volume: Volume): string | undefined {
  if (volume.persistentVolumeClaim !== undefined) return volume.persistentVolumeClaim.claimName
  return volume.ephemeral === undefined ? undefined : `${pod.metadata.name}-${volume.name}`
}

function claimOf(storage: NaiveStorage, pod: Pod, volume: Volume): PersistentVolumeClaim | undefined {
  const name = claimName(pod, volume)
  return storage.claims.find(({ metadata }) => metadata.name === name && metadata.namespace === pod.metadata.namespace)
}

function claimsOf(storage: NaiveStorage, pod: Pod): readonly PersistentVolumeClaim[] {
  return (pod.spec.volumes ?? []).flatMap((volume) => claimOf(storage, pod, volume) ?? [])
}

function className({ metadata, spec }: PersistentVolumeClaim | PersistentVolume): string {
  return metadata.annotations?.['volume.beta.kubernetes.io/storage-class'] ?? spec?.storageClassName ?? ''
}

function isBound({ metadata, spec }: PersistentVolumeClaim): boolean {
  return isSet(spec.volumeName) && metadata.annotations?.['pv.kubernetes.io/bind-completed'] !== undefined
}

/** Its volume comes when a pod that uses it has a node. */
function isLater(storage: NaiveStorage, claim: PersistentVolumeClaim): boolean {
  if (isSet(claim.spec.volumeName)) return false
  return named(storage.classes, className(claim))?.volumeBindingMode === 'WaitForFirstConsumer'
}

/** What keeps the pod off all nodes: the first complaint, and whose. */
export function podComplaint(storage: NaiveStorage, pod: Pod): readonly [plugin: string, reason: string] | undefined {
  const volumes = (pod.spec.volumes ?? []).filter((volume) => claimName(pod, volume) !== undefined)
  const direct = volumes.filter((volume) => volume.persistentVolumeClaim !== undefined)
  const missing = direct.find((volume) => claimOf(storage, pod, volume) === undefined)
  if (missing !== undefined) {
    return ['VolumeRestrictions', `persistentvolumeclaim "${claimName(pod, missing)}" not found`]
  }
  for (const volume of volumes) {
    const complaint = claimComplaint(storage, pod, volume)
    if (complaint !== undefined) return ['VolumeBinding', complaint]
  }
  if (claimsOf(storage, pod).some((claim) => !isBound(claim) && !isLater(storage, claim))) {
    return ['VolumeBinding', 'pod has unbound immediate PersistentVolumeClaims']
  }
  for (const volume of direct) {
    const name = claimOf(storage, pod, volume)!.spec.volumeName
    if (isSet(name) && named(storage.volumes, name) === undefined) {
      return ['VolumeZone', `persistentvolume "${name}" not found`]
    }
  }
  return undefined
}

function claimComplaint(storage: NaiveStorage, pod: Pod, volume: Volume): string | undefined {
  const name = claimName(pod, volume)!
  const claim = claimOf(storage, pod, volume)
  if (claim === undefined)
    return `waiting for ephemeral volume controller to create the persistentvolumeclaim "${name}"`
  if (claim.status?.phase === 'Lost') {
    return `persistentvolumeclaim "${name}" bound to non-existent persistentvolume "${claim.spec.volumeName ?? ''}"`
  }
  if (claim.metadata.deletionTimestamp !== undefined) return `persistentvolumeclaim "${name}" is being deleted`
  const isOwn = (claim.metadata.ownerReferences ?? []).some(
    ({ controller, uid }) => controller === true && uid === pod.metadata.uid,
  )
  if (volume.ephemeral === undefined || isOwn) return undefined
  const { namespace } = pod.metadata
  return `PVC ${namespace}/${name} was not created for pod ${namespace}/${pod.metadata.name} (pod is not owner)`
}

/** Two pods on one node with the same disk, unless the disk's kind can be read by many and both only read. */
export function sharesDisk(pod: Pod, others: readonly Pod[]): boolean {
  const theirs = others.flatMap((other) => other.spec.volumes ?? [])
  return (pod.spec.volumes ?? []).some((mine) =>
    theirs.some((its) => {
      const reading = (kind: 'gcePersistentDisk' | 'iscsi' | 'rbd'): boolean =>
        mine[kind]?.readOnly === true && its[kind]?.readOnly === true
      const isSame = (a: string | undefined, b: string | undefined): boolean => a !== undefined && a === b
      if (isSame(mine.awsElasticBlockStore?.volumeID, its.awsElasticBlockStore?.volumeID)) return true
      if (isSame(mine.gcePersistentDisk?.pdName, its.gcePersistentDisk?.pdName)) return !reading('gcePersistentDisk')
      if (isSame(mine.iscsi?.iqn, its.iscsi?.iqn)) return !reading('iscsi')
      if (!isSame(mine.rbd?.image, its.rbd?.image) || reading('rbd')) return false
      return mine.rbd!.monitors.some((monitor) => its.rbd!.monitors.includes(monitor))
    }),
  )
}

/** A claim that only one pod may use, and another does. */
export function isTaken(storage: NaiveStorage, pod: Pod, others: readonly Pod[]): boolean {
  return (pod.spec.volumes ?? []).some((volume) => {
    if (claimOf(storage, pod, volume)?.spec.accessModes?.includes('ReadWriteOncePod') !== true) return false
    return others.some(
      (other) =>
        other.metadata.namespace === pod.metadata.namespace &&
        (other.spec.volumes ?? []).some(
          ({ persistentVolumeClaim }) => persistentVolumeClaim?.claimName === claimName(pod, volume),
        ),
    )
  })
}

const inTreeEbs = 'kubernetes.io/aws-ebs'

/** `driver volume` for each volume that a CSI driver attaches for the pod. */
function attachable(storage: NaiveStorage, pod: Pod, csiNode: CSINode): readonly string[] {
  const plugins = csiNode.metadata.annotations?.['storage.alpha.kubernetes.io/migrated-plugins'] ?? ''
  const takenOver = plugins.split(',').includes(inTreeEbs)
  const ebs = (id: string): string[] => (takenOver ? [`ebs.csi.aws.com ${id.slice(id.lastIndexOf('/') + 1)}`] : [])
  return (pod.spec.volumes ?? []).flatMap((volume) => {
    if (volume.awsElasticBlockStore !== undefined) return ebs(volume.awsElasticBlockStore.volumeID)
    const claim = claimOf(storage, pod, volume)
    if (claim === undefined) return []
    const bound = named(storage.volumes, claim.spec.volumeName)?.spec
    if (bound?.csi !== undefined) return [`${bound.csi.driver} ${bound.csi.volumeHandle}`]
    if (bound?.awsElasticBlockStore !== undefined) return ebs(bound.awsElasticBlockStore.volumeID)
    if (bound !== undefined) return []
    const provisioner = named(storage.classes, className(claim))?.provisioner
    if (provisioner === undefined) return []
    const toCome = `to-come-${claim.metadata.namespace}-${claim.metadata.name}`
    return provisioner === inTreeEbs ? ebs(toCome) : [`${provisioner} ${toCome}`]
  })
}

export function exceedsLimits(storage: NaiveStorage, pod: Pod, node: Node, others: readonly Pod[]): boolean {
  const csiNode = named(storage.csiNodes, node.metadata.name)
  if (csiNode === undefined) return false
  const used = new Set(others.flatMap((other) => attachable(storage, other, csiNode)))
  const fresh = new Set(attachable(storage, pod, csiNode).filter((volume) => !used.has(volume)))
  const hanging = storage.attachments.flatMap(({ spec }) => {
    const csi = named(storage.volumes, spec.source.persistentVolumeName)?.spec?.csi
    return spec.nodeName === node.metadata.name && csi !== undefined ? [`${spec.attacher} ${csi.volumeHandle}`] : []
  })
  const there = new Set([...used, ...hanging])
  return csiNode.spec.drivers.some(({ name, allocatable }) => {
    if (allocatable?.count === undefined) return false
    const ofDriver = (volumes: ReadonlySet<string>): number =>
      [...volumes].filter((volume) => volume.startsWith(`${name} `)).length
    return ofDriver(fresh) > 0 && ofDriver(there) + ofDriver(fresh) > allocatable.count
  })
}

function isReachable({ spec }: PersistentVolume, node: Node): boolean {
  const required = spec?.nodeAffinity?.required
  return required === undefined || selectsNode(required, node)
}

function sizeOf(claim: PersistentVolumeClaim): bigint {
  return nanoOf(claim.spec.resources?.requests?.['storage'])
}

function capacityOf(volume: PersistentVolume): bigint {
  return nanoOf(volume.spec?.capacity?.['storage'])
}

/** What VolumeBinding says against the node, in its order. */
export function bindingComplaints(storage: NaiveStorage, pod: Pod, node: Node): readonly string[] {
  const complaints: string[] = []
  const claims = claimsOf(storage, pod)
  const volumes = claims.filter(isBound).map((claim) => named(storage.volumes, claim.spec.volumeName))
  const wrong = volumes.findIndex((volume) => volume === undefined || !isReachable(volume, node))
  if (wrong >= 0 && volumes[wrong] !== undefined) {
    complaints.push("node(s) didn't match PersistentVolume's node affinity")
  }
  const later = laterComplaint(
    storage,
    claims.filter((claim) => isLater(storage, claim)),
    node,
  )
  if (later !== undefined) complaints.push(later)
  if (wrong >= 0 && volumes[wrong] === undefined) {
    complaints.push('node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)')
  }
  return complaints
}

function laterComplaint(
  storage: NaiveStorage,
  claims: readonly PersistentVolumeClaim[],
  node: Node,
): string | undefined {
  const noVolume = "node(s) didn't find available persistent volumes to bind"
  const selected = (claim: PersistentVolumeClaim): string | undefined =>
    claim.metadata.annotations?.['volume.kubernetes.io/selected-node']
  if (claims.some((claim) => selected(claim) !== undefined && selected(claim) !== node.metadata.name)) return noVolume
  const toMake = claims.filter((claim) => selected(claim) !== undefined)
  const toMatch = claims.filter((claim) => selected(claim) === undefined)
  let left = storage.volumes
  for (const claim of toMatch.toSorted((a, b) => Number(sizeOf(a) - sizeOf(b)))) {
    const volume = match(claim, left, node)
    if (volume === undefined) toMake.push(claim)
    else left = left.filter((other) => other !== volume)
  }
  for (const claim of toMake) {
    const storageClass = named(storage.classes, className(claim))!
    if (!canMake(storageClass, node)) return noVolume
    if (!hasRoom(storage, storageClass, claim, node)) return 'node(s) did not have enough free storage'
  }
  return undefined
}

function match(
  claim: PersistentVolumeClaim,
  volumes: readonly PersistentVolume[],
  node: Node,
): PersistentVolume | undefined {
  const { name, namespace, uid } = claim.metadata
  const usable = volumes.filter(
    (volume) =>
      className(volume) === className(claim) &&
      capacityOf(volume) >= sizeOf(claim) &&
      (volume.spec?.volumeMode ?? 'Filesystem') === (claim.spec.volumeMode ?? 'Filesystem') &&
      (volume.spec?.volumeAttributesClassName ?? '') === (claim.spec.volumeAttributesClassName ?? '') &&
      volume.metadata.deletionTimestamp === undefined,
  )
  const made = usable.find(({ spec }) => {
    const reference = spec?.claimRef
    if (reference?.name !== name || reference.namespace !== namespace) return false
    return !isSet(reference.uid) || reference.uid === uid
  })
  if (made !== undefined) return isReachable(made, node) ? made : undefined
  const open = usable.filter(
    (volume) =>
      volume.spec?.claimRef === undefined &&
      volume.status?.phase === 'Available' &&
      (claim.spec.selector === undefined || selects(claim.spec.selector, volume.metadata.labels)) &&
      (claim.spec.accessModes ?? []).every((mode) => volume.spec?.accessModes?.includes(mode)) &&
      isReachable(volume, node),
  )
  // Smallest first, then by name.
  return open.toSorted(
    (a, b) => Number(capacityOf(a) - capacityOf(b)) || (a.metadata.name < b.metadata.name ? -1 : 1),
  )[0]
}

function canMake({ provisioner, allowedTopologies = [] }: StorageClass, node: Node): boolean {
  if (provisioner === 'kubernetes.io/no-provisioner') return false
  const allows = ({ matchLabelExpressions = [] }: (typeof allowedTopologies)[number]): boolean =>
    matchLabelExpressions.length > 0 &&
    matchLabelExpressions.every(({ key, values }) => values.includes(node.metadata.labels?.[key] ?? 'none'))
  return allowedTopologies.length === 0 || allowedTopologies.some(allows)
}

function hasRoom(
  storage: NaiveStorage,
  { metadata, provisioner }: StorageClass,
  claim: PersistentVolumeClaim,
  node: Node,
): boolean {
  if (claim.spec.resources?.requests?.['storage'] === undefined) return true
  if (named(storage.drivers, provisioner)?.spec.storageCapacity !== true) return true
  return storage.capacities.some(
    ({ storageClassName, maximumVolumeSize, capacity, nodeTopology }) =>
      storageClassName === metadata.name &&
      (maximumVolumeSize ?? capacity) !== undefined &&
      nanoOf(maximumVolumeSize ?? capacity) >= sizeOf(claim) &&
      selects(nodeTopology, node.metadata.labels),
  )
}

const zone = 'topology.kubernetes.io/zone'
const region = 'topology.kubernetes.io/region'
const oldZone = 'failure-domain.beta.kubernetes.io/zone'
const oldRegion = 'failure-domain.beta.kubernetes.io/region'

/** A volume with a label of a zone or region that is not the node's. */
export function isInOtherZone(storage: NaiveStorage, pod: Pod, node: Node): boolean {
  const own = node.metadata.labels ?? {}
  if ([zone, region, oldZone, oldRegion].every((key) => own[key] === undefined)) return false
  const direct = (pod.spec.volumes ?? []).filter((volume) => volume.persistentVolumeClaim !== undefined)
  return direct.some((volume) => {
    const bound = claimOf(storage, pod, volume)?.spec.volumeName
    const labels = named(storage.volumes, bound)?.metadata.labels ?? {}
    const conflicts = (key: string, at: string | undefined): boolean => {
      const places = labels[key]?.split('__')
      return places !== undefined && !places.includes('') && (at === undefined || !places.includes(at))
    }
    return (
      conflicts(zone, own[zone]) ||
      conflicts(region, own[region]) ||
      conflicts(oldZone, own[oldZone] ?? own[zone]) ||
      conflicts(oldRegion, own[oldRegion] ?? own[region])
    )
  })
}
