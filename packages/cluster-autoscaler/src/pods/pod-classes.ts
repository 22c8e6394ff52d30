import type { Pod } from '@plimsoll/model'
import type { ClusterAutoscalerOptions } from '../options/options.ts'

export interface ClassifiedPods {
  readonly scheduled: readonly Pod[]
  /** The scheduler wants to preempt for them: they count as placed on the node that is held for them. */
  readonly nominated: readonly Pod[]
  readonly unschedulable: readonly Pod[]
  /** Of schedulers that are bypassed, not looked at yet. */
  readonly unprocessed: readonly Pod[]
}

/** kubernetes-sigs/cluster-autoscaler:pkg/utils/kubernetes/listers.go (rules CA-48 to CA-50). */
export function classifyPods(
  pods: readonly Pod[],
  options: Pick<ClusterAutoscalerOptions, 'allowedSchedulerNames' | 'bypassedSchedulerNames'>,
): ClassifiedPods {
  const scheduled: Pod[] = []
  const nominated: Pod[] = []
  const unschedulable: Pod[] = []
  const unprocessed: Pod[] = []
  const named = (list: readonly string[], pod: Pod): boolean =>
    list.includes(pod.spec.schedulerName || 'default-scheduler')
  for (const pod of pods) {
    const phase = pod.status?.phase
    if (phase === 'Succeeded' || phase === 'Failed') continue
    if (pod.spec.nodeName !== undefined && pod.spec.nodeName !== '') {
      scheduled.push(pod)
      continue
    }
    // Upstream hides scheduled pods of other schedulers as well, which makes their nodes look empty.
    if (options.allowedSchedulerNames.length > 0 && !named(options.allowedSchedulerNames, pod)) continue
    if (pod.metadata.deletionTimestamp !== undefined) continue
    if (pod.status?.nominatedNodeName !== undefined && pod.status.nominatedNodeName !== '') {
      nominated.push(pod)
      continue
    }
    const condition = pod.status?.conditions?.find((each) => each.type === 'PodScheduled')
    if (condition?.status === 'False' && condition.reason === 'Unschedulable') unschedulable.push(pod)
    else if (
      named(options.bypassedSchedulerNames, pod) &&
      (condition === undefined || (condition.status === 'False' && (condition.reason ?? '') === ''))
    ) {
      unprocessed.push(pod)
    }
  }
  return { scheduled, nominated, unschedulable, unprocessed }
}
