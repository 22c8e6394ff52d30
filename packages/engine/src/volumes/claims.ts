import type { PersistentVolume, PersistentVolumeClaim } from '@plimsoll/model'
import type { PodClass } from '../pod-class.ts'
import type { Unfit } from '../unfit.ts'
import type { VolumeLister } from './volume-lister.ts'

/** As they are now. */
export interface PodClaims {
  readonly bound: readonly PersistentVolumeClaim[]
  readonly waiting: readonly PersistentVolumeClaim[]
}

const bindCompleted = 'pv.kubernetes.io/bind-completed'
/** How the class was named before it had a field. */
const classAnnotation = 'volume.beta.kubernetes.io/storage-class'

/** The name of the class that it asks for or belongs to; empty for none. */
export function storageClassOf(object: PersistentVolumeClaim | PersistentVolume): string {
  return object.metadata.annotations?.[classAnnotation] ?? object.spec?.storageClassName ?? ''
}

/** Whether the claim has its volume: one that only names it waits for the volume controller. */
function isFullyBound(claim: PersistentVolumeClaim): boolean {
  return namesVolume(claim) && claim.metadata.annotations?.[bindCompleted] !== undefined
}

function namesVolume({ spec }: PersistentVolumeClaim): boolean {
  return spec.volumeName !== undefined && spec.volumeName !== ''
}

/** Whether the claim is left unbound until a pod that uses it has a node. */
export function waitsForConsumer(claim: PersistentVolumeClaim, lister: Pick<VolumeLister, 'storageClass'>): boolean {
  const name = storageClassOf(claim)
  return name !== '' && lister.storageClass(name)?.volumeBindingMode === 'WaitForFirstConsumer'
}

/** The pod's claims that there are: those with a volume, and those that get theirs once the pod has a node. */
export function claimsOf(pod: PodClass, lister: VolumeLister): PodClaims {
  const bound: PersistentVolumeClaim[] = []
  const waiting: PersistentVolumeClaim[] = []
  for (const name of pod.claims) {
    const claim = lister.claim(pod.namespace, name)
    if (claim === undefined) continue
    if (isFullyBound(claim)) bound.push(claim)
    else if (!namesVolume(claim) && waitsForConsumer(claim, lister)) waiting.push(claim)
  }
  return { bound, waiting }
}

function unfit(plugin: string, reason: string): Unfit {
  return { plugin, reason, resolvable: false }
}

/**
 * Why the pod's claims keep it off every node, whatever the node: what the PreFilters of VolumeRestrictions, VolumeBinding
 * and VolumeZone say, in their order (kubernetes/kubernetes:pkg/scheduler/framework/plugins).
 */
export function claimsUnfit(pod: PodClass, lister: VolumeLister): Unfit | undefined {
  const { namespace } = pod
  const { name: podName, uid } = pod.sample.metadata
  const volumes = pod.volumes.filter((volume) => volume.kind === 'claim')
  for (const { name, isEphemeral } of volumes) {
    if (!isEphemeral && lister.claim(namespace, name) === undefined) {
      return unfit('VolumeRestrictions', `persistentvolumeclaim "${name}" not found`)
    }
  }
  for (const { name, isEphemeral } of volumes) {
    const claim = lister.claim(namespace, name)
    if (claim === undefined) {
      const reason = `waiting for ephemeral volume controller to create the persistentvolumeclaim "${name}"`
      return unfit('VolumeBinding', reason)
    }
    if (claim.status?.phase === 'Lost') {
      const { volumeName = '' } = claim.spec
      return unfit(
        'VolumeBinding',
        `persistentvolumeclaim "${name}" bound to non-existent persistentvolume "${volumeName}"`,
      )
    }
    if (claim.metadata.deletionTimestamp !== undefined) {
      return unfit('VolumeBinding', `persistentvolumeclaim "${name}" is being deleted`)
    }
    if (isEphemeral && !isControlledBy(claim, uid)) {
      const reason = `PVC ${namespace}/${name} was not created for pod ${namespace}/${podName} (pod is not owner)`
      return unfit('VolumeBinding', reason)
    }
  }
  for (const { name } of volumes) {
    const claim = lister.claim(namespace, name)!
    if (!isFullyBound(claim) && (namesVolume(claim) || !waitsForConsumer(claim, lister))) {
      return unfit('VolumeBinding', 'pod has unbound immediate PersistentVolumeClaims')
    }
  }
  for (const { name, isEphemeral } of volumes) {
    const { volumeName = '' } = lister.claim(namespace, name)!.spec
    if (!isEphemeral && volumeName !== '' && lister.volume(volumeName) === undefined) {
      return unfit('VolumeZone', `persistentvolume "${volumeName}" not found`)
    }
  }
  return undefined
}

function isControlledBy(claim: PersistentVolumeClaim, uid: string | undefined): boolean {
  const owner = claim.metadata.ownerReferences?.find(({ controller }) => controller === true)
  return owner !== undefined && owner.uid === uid
}
