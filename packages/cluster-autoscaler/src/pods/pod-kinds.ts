import { controllerOf, instant, ms, seconds, type Ms, type Pod } from '@plimsoll/model'

export const safeToEvict = 'cluster-autoscaler.kubernetes.io/safe-to-evict'

export function isMirrorPod(pod: Pod): boolean {
  return pod.metadata.annotations?.['kubernetes.io/config.mirror'] !== undefined
}

export function isStaticPod(pod: Pod): boolean {
  const source = pod.metadata.annotations?.['kubernetes.io/config.source']
  return source !== undefined && source !== 'api'
}

export function isDaemonSetPod(pod: Pod): boolean {
  if (controllerOf(pod)?.kind === 'DaemonSet') return true
  return pod.metadata.annotations?.['cluster-autoscaler.kubernetes.io/daemonset-pod'] === 'true'
}

/** Deleted so long ago that it should be gone: its grace period and half a minute more. */
export function isLongTerminating(pod: Pod, now: Ms): boolean {
  const deleted = instant(pod.metadata.deletionTimestamp)
  if (deleted === undefined) return false
  const grace = pod.spec.terminationGracePeriodSeconds ?? 30
  return deleted + seconds(grace) + seconds(30) < now
}

/** A pod without a priority is never expendable (rule CA-52). */
export function isExpendable(pod: Pod, cutoff: number): boolean {
  return pod.spec.priority !== undefined && pod.spec.priority !== null && pod.spec.priority < cutoff
}

export function podName(pod: Pod): string {
  return `${pod.metadata.namespace}/${pod.metadata.name}`
}

export function createdAt(object: { readonly metadata: { readonly creationTimestamp?: string | undefined } }): Ms {
  return instant(object.metadata.creationTimestamp) ?? ms(0)
}
