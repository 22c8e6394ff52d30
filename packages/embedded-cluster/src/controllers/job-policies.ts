// What a pod's failure means to its Job, and when the Job has succeeded early. Pure
// (kubernetes/kubernetes:pkg/controller/job/pod_failure_policy.go, success_policy.go, backoff_utils.go).
import { instant, type ContainerStatus, type Job, type Pod, type PodFailurePolicyRule } from '@plimsoll/model'
import { podCondition } from '../pods.ts'
import { parseIndexes } from './job-indexes.ts'

const failureCountAnnotation = 'batch.kubernetes.io/job-index-failure-count'
const ignoredCountAnnotation = 'batch.kubernetes.io/job-index-ignored-failure-count'

export interface FailureMatch {
  readonly action: 'Ignore' | 'FailIndex' | 'Count' | 'FailJob' | undefined
  /** Whether the failure counts towards the limits. */
  readonly counts: boolean
  /** Why the whole Job fails, if it does. */
  readonly message?: string
}

/** Whether a successor may come only when the pod has ended, not already when it is being deleted. */
export function replacesFailedOnly(job: Job): boolean {
  return job.spec.podReplacementPolicy === 'Failed' || job.spec.podFailurePolicy !== undefined
}

export function isPodFailed(job: Job, pod: Pod): boolean {
  if (pod.status?.phase === 'Failed') return true
  if (replacesFailedOnly(job)) return false
  return pod.metadata.deletionTimestamp !== undefined && pod.status?.phase !== 'Succeeded'
}

/** The first rule that speaks of the pod's failure. */
export function matchFailurePolicy(job: Job, pod: Pod): FailureMatch {
  const { namespace, name } = pod.metadata
  for (const [index, rule] of (job.spec.podFailurePolicy?.rules ?? []).entries()) {
    const action = rule.action as FailureMatch['action']
    const what = reasonOf(rule, pod)
    if (what === undefined) continue
    const message = `${what(`${namespace}/${name}`)} matching ${action} rule at index ${index}`
    return { action, counts: action !== 'Ignore', ...(action === 'FailJob' ? { message } : {}) }
  }
  return { action: undefined, counts: true }
}

function reasonOf(rule: PodFailurePolicyRule, pod: Pod): ((podKey: string) => string) | undefined {
  const { onExitCodes, onPodConditions } = rule
  if (onExitCodes !== undefined) {
    const matches = (status: ContainerStatus): boolean => {
      const code = status.state?.terminated?.exitCode ?? 0
      if (code === 0 || (onExitCodes.containerName ?? status.name) !== status.name) return false
      return onExitCodes.values.includes(code) === (onExitCodes.operator === 'In')
    }
    const statuses = [...(pod.status?.containerStatuses ?? []), ...(pod.status?.initContainerStatuses ?? [])]
    const found = statuses.find(matches)
    if (found === undefined) return undefined
    const code = found.state!.terminated!.exitCode
    return (key) => `Container ${found.name} for pod ${key} failed with exit code ${code}`
  }
  const found = pod.status?.conditions?.find((condition) =>
    onPodConditions?.some((wanted) => wanted.type === condition.type && (wanted.status ?? 'True') === condition.status),
  )
  return found === undefined ? undefined : (key) => `Pod ${key} has condition ${found.type}`
}

function countOf(pod: Pod, annotation: string): number {
  const count = Number(pod.metadata.annotations?.[annotation] ?? 0)
  return Number.isInteger(count) && count >= 0 ? count : 0
}

/** How often pods of this index failed before this one, whether that counted or not. */
export function failuresBefore(pod: Pod): number {
  return countOf(pod, failureCountAnnotation) + countOf(pod, ignoredCountAnnotation)
}

/** Whether with this pod its whole index has failed. */
export function failsIndex(job: Job, pod: Pod): boolean {
  if (!isPodFailed(job, pod)) return false
  const match = matchFailurePolicy(job, pod)
  if (match.action === 'FailIndex') return true
  return match.counts && countOf(pod, failureCountAnnotation) >= (job.spec.backoffLimitPerIndex ?? 0)
}

/** What the successor of a failed pod carries on: how often its index failed. */
export function failureAnnotations(job: Job, replaced: Pod | undefined): { readonly [key: string]: string } {
  if (job.spec.backoffLimitPerIndex === undefined) return {}
  let counted = 0
  let ignored = 0
  if (replaced !== undefined) {
    counted = countOf(replaced, failureCountAnnotation)
    ignored = countOf(replaced, ignoredCountAnnotation)
    if (matchFailurePolicy(job, replaced).counts) counted++
    else ignored++
  }
  return {
    [failureCountAnnotation]: String(counted),
    ...(ignored === 0 ? {} : { [ignoredCountAnnotation]: String(ignored) }),
  }
}

/** Which rule of the success policy holds, in words; undefined while none does. */
export function matchSuccessPolicy(job: Job, succeeded: ReadonlySet<number>): string | undefined {
  if (succeeded.size === 0) return undefined
  for (const [index, rule] of (job.spec.successPolicy?.rules ?? []).entries()) {
    if (rule.succeededIndexes === undefined) {
      if (rule.succeededCount === undefined || succeeded.size < rule.succeededCount) continue
    } else {
      const wanted = parseIndexes(rule.succeededIndexes, job.spec.completions ?? 0)
      if (wanted.size === 0) continue
      const have = [...wanted].filter((i) => succeeded.has(i)).length
      if (have < Math.min(wanted.size, rule.succeededCount ?? Infinity)) continue
    }
    return `Matched rules at index ${index}`
  }
  return undefined
}

/** When the pod ended, as well as its status tells. */
export function endOf(pod: Pod): number {
  const statuses = pod.status?.containerStatuses ?? []
  const ends = statuses.map((status) => instant(status.state?.terminated?.finishedAt))
  if (ends.length > 0 && ends.every((end) => end !== undefined)) return Math.max(...ends)
  const ready = podCondition(pod, 'Ready')
  const unready = ready?.status === 'False' ? instant(ready.lastTransitionTime) : undefined
  if (unready !== undefined) return unready
  const deleted = instant(pod.metadata.deletionTimestamp)
  if (deleted !== undefined) return deleted - (pod.metadata.deletionGracePeriodSeconds ?? 0) * 1000
  return instant(pod.metadata.creationTimestamp) ?? 0
}

const firstBackoffMs = 10_000
const longestBackoffMs = 600_000

/** How long after the nth failure in a row a successor still has to wait: 10 s, 20 s, … up to ten minutes. */
export function backoffLeft(failures: number, last: number, now: number): number {
  if (failures === 0) return 0
  return Math.max(0, Math.min(firstBackoffMs * 2 ** (failures - 1), longestBackoffMs) - (now - last))
}
