import type { Node, PersistentVolume, PersistentVolumeClaim, StorageClass } from '@plimsoll/model'
import type { PodClass } from './pod-class.ts'
import { compileNodeSelector } from './node-affinity.ts'
import type { Unfit } from './unfit.ts'

/** What is known of volumes. Pods with claims fit everywhere in a snapshot that has none. */
export interface VolumeLister {
  claim(namespace: string, name: string): PersistentVolumeClaim | undefined
  volume(name: string): PersistentVolume | undefined
  storageClass(name: string): StorageClass | undefined
}

const zoneLabels = [
  'topology.kubernetes.io/zone',
  'topology.kubernetes.io/region',
  'failure-domain.beta.kubernetes.io/zone',
  'failure-domain.beta.kubernetes.io/region',
]

function volumeBinding(reason: string): Unfit {
  return { plugin: 'VolumeBinding', reason, resolvable: false }
}

/** Why the pod's claims keep it off every node, whatever the node. */
export function claimsUnfit(pod: PodClass, lister: VolumeLister): Unfit | undefined {
  const { namespace } = pod
  for (const name of pod.claims) {
    const claim = lister.claim(namespace, name)
    if (claim === undefined) {
      return { plugin: 'VolumeRestrictions', reason: `persistentvolumeclaim "${name}" not found`, resolvable: false }
    }
    if (claim.metadata.deletionTimestamp !== undefined) {
      return volumeBinding(`persistentvolumeclaim "${name}" is being deleted`)
    }
    if (!isBound(claim) && !waitsForConsumer(claim, lister)) {
      return volumeBinding('pod has unbound immediate PersistentVolumeClaims')
    }
  }
  return undefined
}

/** Why the pod's volumes cannot be had on the node: VolumeBinding's reason, else VolumeZone's. */
export function volumesUnfit(pod: PodClass, node: Node, lister: VolumeLister): Unfit | undefined {
  const { namespace } = pod
  let zone: Unfit | undefined
  for (const name of pod.claims) {
    const claim = lister.claim(namespace, name)
    if (claim === undefined) continue
    if (!isBound(claim)) {
      if (!canBeProvisioned(claim, node, lister)) {
        return volumeBinding("node(s) didn't find available persistent volumes to bind")
      }
      continue
    }
    const volume = lister.volume(claim.spec.volumeName!)
    if (volume === undefined)
      return volumeBinding('node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)')
    const required = volume.spec.nodeAffinity?.required
    if (required !== undefined && !compileNodeSelector(required)(node)) {
      return volumeBinding("node(s) didn't match PersistentVolume's node affinity")
    }
    if (zone === undefined && !inZoneOf(volume, node)) {
      zone = { plugin: 'VolumeZone', reason: 'node(s) had no available volume zone', resolvable: false }
    }
  }
  return zone
}

function isBound(claim: PersistentVolumeClaim): boolean {
  const { volumeName } = claim.spec
  return volumeName !== undefined && volumeName !== ''
}

/** Whether the claim is left unbound until a pod that uses it has a node. */
export function waitsForConsumer(claim: PersistentVolumeClaim, lister: Pick<VolumeLister, 'storageClass'>): boolean {
  const name = claim.spec.storageClassName
  return name !== undefined && lister.storageClass(name)?.volumeBindingMode === 'WaitForFirstConsumer'
}

function canBeProvisioned(claim: PersistentVolumeClaim, node: Node, lister: VolumeLister): boolean {
  const storageClass = lister.storageClass(claim.spec.storageClassName ?? '')
  if (storageClass === undefined || storageClass.provisioner === 'kubernetes.io/no-provisioner') return false
  const allowed = storageClass.allowedTopologies
  if (allowed === undefined || allowed.length === 0) return true
  return allowed.some((term) =>
    (term.matchLabelExpressions ?? []).every((expression) =>
      expression.values.includes(node.metadata.labels?.[expression.key] ?? ''),
    ),
  )
}

/** A volume's zone label may name several zones, joined by `__`. */
function inZoneOf(volume: PersistentVolume, node: Node): boolean {
  const labels = node.metadata.labels ?? {}
  if (!zoneLabels.some((key) => labels[key] !== undefined)) return true
  return zoneLabels.every((key) => {
    const zones = volume.metadata.labels?.[key]
    if (zones === undefined) return true
    const own = labels[key] ?? labels[modernKey(key)]
    return own !== undefined && zones.split('__').includes(own)
  })
}

function modernKey(key: string): string {
  return key.replace('failure-domain.beta.kubernetes.io', 'topology.kubernetes.io')
}
