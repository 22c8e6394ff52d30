import type { PodClass } from '../pod-class.ts'
import type { Check, Reason, World } from './predicate.ts'

const cordoned: readonly Reason[] = [{ reason: 'node(s) were unschedulable', resolvable: false }]

/** plugins/nodeunschedulable/node_unschedulable.go */
export function nodeUnschedulable(pod: PodClass, { columns }: World): Check | undefined {
  if (pod.toleratesUnschedulable) return undefined
  return {
    plugin: 'NodeUnschedulable',
    scope: 'node',
    fits: (slot) => columns.entries[slot]!.node.spec.unschedulable !== true,
    reasons: () => cordoned,
    detail: () => 'the node is cordoned and the pod does not tolerate node.kubernetes.io/unschedulable:NoSchedule',
  }
}
