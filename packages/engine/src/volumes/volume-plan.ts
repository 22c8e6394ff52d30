// Where a pod's claims would get their volumes from on a node (kubernetes/kubernetes:pkg/scheduler/framework/plugins/
// volumebinding/binder.go, FindPodVolumes; kubernetes/component-helpers:storage/volume/pv_helpers.go, FindMatchingVolume).

import {
  compareQuantities,
  labelSelectorMatches,
  wholeValue,
  type Node,
  type NodeSelector,
  type PersistentVolume,
  type PersistentVolumeClaim,
  type StorageClass,
} from '@plimsoll/model'
import { compileNodeSelector } from '../node-affinity.ts'
import { storageClassOf, type PodClaims } from './claims.ts'
import type { VolumeLister } from './volume-lister.ts'

const selectedNode = 'volume.kubernetes.io/selected-node'

export interface VolumePlan {
  /** Why it cannot be done, in kube-scheduler's words and order; empty when it can. */
  readonly reasons: readonly string[]
  /** Volumes that are there already, for claims that have none. */
  readonly bindings: readonly { readonly claim: PersistentVolumeClaim; readonly volume: PersistentVolume }[]
  /** Claims for which volumes would be made. */
  readonly provisions: readonly PersistentVolumeClaim[]
}

const nothing: readonly never[] = []
const nothingToDo: VolumePlan = { reasons: nothing, bindings: nothing, provisions: nothing }

const elsewhere = "node(s) didn't match PersistentVolume's node affinity"
const notAvailable = "node(s) didn't find available persistent volumes to bind"
const noRoom = 'node(s) did not have enough free storage'
const noSuchVolume = 'node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)'

export function planVolumes({ bound, waiting }: PodClaims, node: Node, lister: VolumeLister): VolumePlan {
  const ofBound = bound.length === 0 ? undefined : boundRefusal(bound, node, lister)
  if (ofBound === undefined && waiting.length === 0) return nothingToDo
  const { reason: ofWaiting, bindings, provisions } = planWaiting(waiting, node, lister)
  const reasons: string[] = []
  if (ofBound === elsewhere) reasons.push(ofBound)
  if (ofWaiting !== undefined) reasons.push(ofWaiting)
  if (ofBound === noSuchVolume) reasons.push(ofBound)
  return { reasons, bindings, provisions }
}

function boundRefusal(
  claims: readonly PersistentVolumeClaim[],
  node: Node,
  lister: VolumeLister,
): typeof elsewhere | typeof noSuchVolume | undefined {
  for (const claim of claims) {
    const volume = lister.volume(claim.spec.volumeName!)
    if (volume === undefined) return noSuchVolume
    if (!isReachable(volume, node)) return elsewhere
  }
  return undefined
}

const compiled = new WeakMap<NodeSelector, (node: Node) => boolean>()

function isReachable(volume: PersistentVolume, node: Node): boolean {
  const required = volume.spec?.nodeAffinity?.required
  if (required === undefined) return true
  let admits = compiled.get(required)
  if (admits === undefined) compiled.set(required, (admits = compileNodeSelector(required)))
  return admits(node)
}

function planWaiting(
  claims: readonly PersistentVolumeClaim[],
  node: Node,
  lister: VolumeLister,
): Omit<VolumePlan, 'reasons'> & { readonly reason: string | undefined } {
  const refused = (reason: string): ReturnType<typeof planWaiting> => ({
    reason,
    bindings: nothing,
    provisions: nothing,
  })
  const provisions: PersistentVolumeClaim[] = []
  const unmatched: PersistentVolumeClaim[] = []
  for (const claim of claims) {
    const selected = claim.metadata.annotations?.[selectedNode]
    if (selected === undefined) unmatched.push(claim)
    else if (selected === node.metadata.name) provisions.push(claim)
    else return refused(notAvailable)
  }
  const bindings: { claim: PersistentVolumeClaim; volume: PersistentVolume }[] = []
  const chosen = new Set<string>()
  // Small claims first, so that each takes the smallest volume that does.
  for (const claim of unmatched.sort((a, b) => compareQuantities(sizeOf(a), sizeOf(b)))) {
    const volume = findVolume(claim, node, chosen, lister)
    if (volume === undefined) {
      provisions.push(claim)
      continue
    }
    chosen.add(volume.metadata.name)
    bindings.push({ claim, volume })
  }
  for (const claim of provisions) {
    const storageClass = lister.storageClass(storageClassOf(claim))
    if (storageClass === undefined || !canProvision(storageClass, node)) return refused(notAvailable)
    if (!hasRoom(claim, storageClass, node, lister)) return refused(noRoom)
  }
  return { reason: undefined, bindings, provisions }
}

function sizeOf(claim: PersistentVolumeClaim): string | number {
  return claim.spec.resources?.requests?.['storage'] ?? 0
}

/** The volume that was made for the claim, else the smallest that does, the first by name among equals. */
function findVolume(
  claim: PersistentVolumeClaim,
  node: Node,
  chosen: ReadonlySet<string>,
  lister: VolumeLister,
): PersistentVolume | undefined {
  let smallest: PersistentVolume | undefined
  for (const volume of lister.volumesOfClass?.(storageClassOf(claim)) ?? nothing) {
    if (chosen.has(volume.metadata.name) || !isFor(claim, volume)) continue
    // One that was made for the claim must be reached from the node, or nothing will do.
    if (volume.spec?.claimRef !== undefined) return isReachable(volume, node) ? volume : undefined
    if (!isOpenTo(claim, volume) || !isReachable(volume, node)) continue
    if (smallest === undefined || isSmaller(volume, smallest)) smallest = volume
  }
  return smallest
}

function capacityOf(volume: PersistentVolume): string | number {
  return volume.spec?.capacity?.['storage'] ?? 0
}

function isSmaller(volume: PersistentVolume, than: PersistentVolume): boolean {
  const order = compareQuantities(capacityOf(volume), capacityOf(than))
  return order < 0 || (order === 0 && volume.metadata.name < than.metadata.name)
}

/** Not spoken for by another claim, large enough, of the same mode and attributes, and there to stay. */
function isFor(claim: PersistentVolumeClaim, volume: PersistentVolume): boolean {
  const { claimRef, volumeMode = 'Filesystem', volumeAttributesClassName = '' } = volume.spec ?? {}
  if (claimRef !== undefined) {
    const { name, namespace, uid } = claim.metadata
    if (claimRef.name !== name || claimRef.namespace !== namespace) return false
    if (claimRef.uid !== undefined && claimRef.uid !== '' && claimRef.uid !== uid) return false
  }
  if (compareQuantities(capacityOf(volume), sizeOf(claim)) < 0) return false
  if ((claim.spec.volumeMode ?? 'Filesystem') !== volumeMode) return false
  if ((claim.spec.volumeAttributesClassName ?? '') !== volumeAttributesClassName) return false
  return volume.metadata.deletionTimestamp === undefined
}

function isOpenTo(claim: PersistentVolumeClaim, volume: PersistentVolume): boolean {
  if (volume.status?.phase !== 'Available') return false
  const { selector, accessModes = [] } = claim.spec
  if (selector !== undefined && !labelSelectorMatches(selector, volume.metadata.labels)) return false
  return accessModes.every((mode) => volume.spec?.accessModes?.includes(mode) === true)
}

function canProvision({ provisioner, allowedTopologies = [] }: StorageClass, node: Node): boolean {
  if (provisioner === '' || provisioner === 'kubernetes.io/no-provisioner') return false
  if (allowedTopologies.length === 0) return true
  return allowedTopologies.some(({ matchLabelExpressions = [] }) => {
    // An empty term selects no node.
    if (matchLabelExpressions.length === 0) return false
    return matchLabelExpressions.every(({ key, values }) => {
      const value = node.metadata.labels?.[key]
      return value !== undefined && values.includes(value)
    })
  })
}

/** Whether a driver that tells its capacity has some left that the node can reach. */
function hasRoom(
  claim: PersistentVolumeClaim,
  { metadata, provisioner }: StorageClass,
  node: Node,
  lister: VolumeLister,
): boolean {
  const size = claim.spec.resources?.requests?.['storage']
  if (size === undefined || lister.csiDriver?.(provisioner)?.spec.storageCapacity !== true) return true
  const wanted = wholeValue(size)
  for (const { capacity, maximumVolumeSize, nodeTopology } of lister.capacitiesOfClass?.(metadata.name) ?? nothing) {
    const limit = maximumVolumeSize ?? capacity
    if (limit === undefined || wholeValue(limit) < wanted || nodeTopology === undefined) continue
    if (labelSelectorMatches(nodeTopology, node.metadata.labels)) return true
  }
  return false
}
