/** What preemption came to, where it did not help. */
export type PreemptionOutcome =
  | { readonly kind: 'noCandidate'; readonly reasons: ReadonlyMap<string, number> }
  /** The pod may not preempt: `not eligible due to preemptionPolicy=Never.` */
  | { readonly kind: 'notEligible'; readonly reason: string }

/** The plugin for dynamic resources speaks first, and has nothing to say of pods without claims. */
const dynamicResources = 'no new claims to deallocate'

/**
 * The message of a FailedScheduling event (kubernetes/kubernetes:pkg/scheduler/framework/types.go, FitError.Error), for
 * example `0/3 nodes are available: 3 Insufficient cpu. no new claims to deallocate, preemption: 0/3 nodes are available:
 * 3 No preemption victims found for incoming pod.` Reasons are either counted over nodes, or one that concerns the pod as a whole.
 */
export function failedSchedulingMessage(
  total: number,
  reasons: ReadonlyMap<string, number> | string,
  preemption?: PreemptionOutcome,
): string {
  const filtered = noneAvailable(total, reasons)
  if (preemption === undefined) return filtered
  const outcome = preemption.kind === 'notEligible' ? preemption.reason : noneAvailable(total, preemption.reasons)
  return `${filtered} ${dynamicResources}, preemption: ${outcome}`
}

function noneAvailable(total: number, reasons: ReadonlyMap<string, number> | string): string {
  const text = typeof reasons === 'string' ? reasons : countedReasons(reasons)
  return `0/${total} nodes are available:${text === '' ? '' : ` ${text}.`}`
}

/** `1 Insufficient cpu, 2 node(s) were unschedulable`, sorted as text, count first. */
export function countedReasons(reasons: ReadonlyMap<string, number>): string {
  return [...reasons]
    .map(([reason, count]) => `${count} ${reason}`)
    .sort()
    .join(', ')
}
