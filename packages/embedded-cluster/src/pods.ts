// What controllers and kubelets read off pods (kubernetes/kubernetes:pkg/api/v1/pod/util.go, pkg/controller/controller_utils.go).
import { instant, type Container, type Ms, type Pod, type PodCondition } from '@plimsoll/model'

export function podCondition(pod: Pod, type: string): PodCondition | undefined {
  return pod.status?.conditions?.find((condition) => condition.type === type)
}

export function isPodReady(pod: Pod): boolean {
  return podCondition(pod, 'Ready')?.status === 'True'
}

/** Ready for at least `minReadySeconds`; the instant from which it is, or undefined while it is not ready. */
export function podAvailableFrom(pod: Pod, minReadySeconds: number): Ms | undefined {
  const ready = podCondition(pod, 'Ready')
  if (ready?.status !== 'True') return undefined
  return ((instant(ready.lastTransitionTime) ?? 0) + minReadySeconds * 1000) as Ms
}

export function isPodFinished(pod: Pod): boolean {
  return pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed'
}

/** Neither finished nor being deleted. */
export function isPodActive(pod: Pod): boolean {
  return !isPodFinished(pod) && pod.metadata.deletionTimestamp === undefined
}

/** An init container that stays. */
export function isSidecar(container: Container): boolean {
  return container.restartPolicy === 'Always'
}

export function restartCount(pod: Pod): number {
  let most = 0
  for (const status of pod.status?.containerStatuses ?? []) most = Math.max(most, status.restartCount)
  return most
}

/** The node that a daemon's pod is on, or is meant for. */
export function nodeOf(pod: Pod): string {
  return pod.spec.nodeName ?? aimedAt(pod) ?? ''
}

/** The one node that the pod's affinity names, while it is not bound. */
export function aimedAt(pod: Pod): string | undefined {
  if (pod.spec.nodeName !== undefined) return undefined
  const terms = pod.spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms
  const field = terms?.length === 1 ? terms[0]?.matchFields?.[0] : undefined
  return field?.key === 'metadata.name' ? field.values?.[0] : undefined
}

const noClaims: readonly string[] = []

/** The claims that the pod uses, those made for its ephemeral volumes included. */
export function claimNames(pod: Pod): readonly string[] {
  let names: string[] | undefined
  for (const volume of pod.spec.volumes ?? []) {
    if (volume.persistentVolumeClaim !== undefined) (names ??= []).push(volume.persistentVolumeClaim.claimName)
    else if (volume.ephemeral !== undefined) (names ??= []).push(`${pod.metadata.name}-${volume.name}`)
  }
  return names ?? noClaims
}
