// How many volumes of each driver hang on a node (kubernetes/kubernetes:pkg/scheduler/framework/plugins/nodevolumelimits/
// csi.go). Volumes of the old in-tree EBS plugin count for the driver that took it over, where the node says so.

import type { CSINode, PersistentVolumeClaim } from '@plimsoll/model'
import type { PodClass } from '../pod-class.ts'
import { storageClassOf } from './claims.ts'
import type { VolumeLister } from './volume-lister.ts'

const ebsDriver = 'ebs.csi.aws.com'
const ebsInTree = 'kubernetes.io/aws-ebs'
const migratedPlugins = 'storage.alpha.kubernetes.io/migrated-plugins'
/** In-tree plugins whose volumes this does not count: that they were taken over matters to other clouds. */
const otherInTree = new Set([
  'kubernetes.io/gce-pd',
  'kubernetes.io/azure-disk',
  'kubernetes.io/azure-file',
  'kubernetes.io/cinder',
  'kubernetes.io/vsphere-volume',
  'kubernetes.io/portworx-volume',
])

interface Handle {
  readonly driver: string
  /** Unique among the driver's volumes. */
  readonly volume: string
}

/** The driver with too many volumes, were the pod on the node too. */
export interface Overload {
  readonly driver: string
  readonly attached: number
  readonly more: number
  readonly most: number
}

/** Undefined when all drivers take the pod's volumes. */
export function overloadedDriver(
  pod: PodClass,
  nodeName: string,
  there: readonly PodClass[],
  lister: VolumeLister,
): Overload | undefined {
  const csiNode = lister.csiNode?.(nodeName)
  if (csiNode === undefined) return undefined
  // Most nodes have room even if every volume were another and of the same driver.
  let total = pod.volumes.length
  for (let p = 0; p < there.length; p++) total += there[p]!.volumes.length
  if (lister.attachmentsOn !== undefined) for (const _ of lister.attachmentsOn(nodeName)) total++
  const limits = csiNode.spec.drivers.filter(({ allocatable }) => total > (allocatable?.count ?? Infinity))
  if (limits.length === 0) return undefined
  const wanted = new Map<string, Handle>()
  collect(pod, csiNode, lister, wanted)
  if (wanted.size === 0) return undefined
  const attached = new Map<string, Handle>()
  for (const other of there) if (other.volumes.length > 0) collect(other, csiNode, lister, attached)
  for (const key of attached.keys()) wanted.delete(key)
  // What hangs there and no pod uses counts too, as upstream even if this pod is the one that wants it.
  for (const { spec } of lister.attachmentsOn?.(nodeName) ?? []) {
    const { persistentVolumeName } = spec.source
    const csi = persistentVolumeName === undefined ? undefined : lister.volume(persistentVolumeName)?.spec?.csi
    if (spec.attacher !== '' && csi !== undefined) put(attached, { driver: spec.attacher, volume: csi.volumeHandle })
  }
  for (const { name, allocatable } of limits) {
    const more = countOf(wanted, name)
    const most = allocatable!.count!
    if (more > 0 && countOf(attached, name) + more > most) {
      return { driver: name, attached: countOf(attached, name), more, most }
    }
  }
  return undefined
}

function countOf(handles: ReadonlyMap<string, Handle>, driver: string): number {
  let count = 0
  for (const handle of handles.values()) if (handle.driver === driver) count++
  return count
}

function put(handles: Map<string, Handle>, handle: Handle): void {
  handles.set(`${handle.driver}/${handle.volume}`, handle)
}

function collect(pod: PodClass, csiNode: CSINode, lister: VolumeLister, into: Map<string, Handle>): void {
  for (const volume of pod.volumes) {
    if (volume.kind === 'claim') {
      const claim = lister.claim(pod.namespace, volume.name)
      const handle = claim === undefined ? undefined : handleOfClaim(claim, csiNode, lister)
      if (handle !== undefined) put(into, handle)
      continue
    }
    const disk = volume.source.awsElasticBlockStore
    const id = disk === undefined || !isMigrated(csiNode) ? undefined : ebsVolume(disk.volumeID)
    if (id !== undefined) put(into, { driver: ebsDriver, volume: id })
  }
}

function handleOfClaim(claim: PersistentVolumeClaim, csiNode: CSINode, lister: VolumeLister): Handle | undefined {
  const { volumeName = '' } = claim.spec
  const spec = volumeName === '' ? undefined : lister.volume(volumeName)?.spec
  if (spec === undefined) return handleToCome(claim, csiNode, lister)
  if (spec.csi !== undefined) return { driver: spec.csi.driver, volume: spec.csi.volumeHandle }
  if (spec.awsElasticBlockStore === undefined || !isMigrated(csiNode)) return undefined
  const volume = ebsVolume(spec.awsElasticBlockStore.volumeID)
  return volume === undefined ? undefined : { driver: ebsDriver, volume }
}

/** The volume that will be made for a claim, by its class. */
function handleToCome(claim: PersistentVolumeClaim, csiNode: CSINode, lister: VolumeLister): Handle | undefined {
  const name = storageClassOf(claim)
  const provisioner = name === '' ? undefined : lister.storageClass(name)?.provisioner
  if (provisioner === undefined || otherInTree.has(provisioner)) return undefined
  // No handle of a driver has a space.
  const volume = `claim ${claim.metadata.namespace}/${claim.metadata.name}`
  if (provisioner !== ebsInTree) return { driver: provisioner, volume }
  return isMigrated(csiNode) ? { driver: ebsDriver, volume } : undefined
}

function isMigrated(csiNode: CSINode): boolean {
  return csiNode.metadata.annotations?.[migratedPlugins]?.split(',').includes(ebsInTree) === true
}

/** `aws://us-east-1a/vol-1` and `vol-1` name one volume. */
function ebsVolume(id: string): string | undefined {
  if (!id.startsWith('aws://')) return id
  return /^aws:\/\/[^/]*\/+(vol-[^/]*)\/*$/.exec(id)?.[1]
}
