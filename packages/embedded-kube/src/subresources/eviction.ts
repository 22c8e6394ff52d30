// Eviction (kubernetes/kubernetes:pkg/registry/core/pod/storage/eviction.go, Create).
import { labelSelectorMatches, timestamp, type LabelSelector, type Ms } from '@plimsoll/model'
import type { KubeError } from '@plimsoll/ports'
import { failure, forbidden } from '../errors.ts'
import { fieldsOf, listOf, type Fields, type StoredObject } from '../object.ts'

const budgetType = { group: 'policy', plural: 'poddisruptionbudgets', kind: 'PodDisruptionBudget' }
const disruptedPodsMax = 2000

/** What an eviction comes to. */
export type EvictionVerdict =
  /** Delete a pod that has ended, or not begun. */
  | { readonly kind: 'delete' }
  /** No budget has a say: mark the pod, then delete. */
  | { readonly kind: 'disrupt' }
  /** Write the budget's status, mark the pod, then delete. */
  | { readonly kind: 'spend'; readonly budget: StoredObject; readonly status: Fields }

/**
 * Decides. `budgets` are those of the pod's namespace.
 * @throws {KubeError} tooManyRequests while a budget refuses, internal when several budgets cover the pod
 */
export function evictionVerdict(pod: StoredObject, budgets: readonly StoredObject[], now: Ms): EvictionVerdict {
  const phase = pod.status?.['phase']
  if (
    phase === 'Succeeded' ||
    phase === 'Failed' ||
    phase === 'Pending' ||
    pod.metadata.deletionTimestamp !== undefined
  ) {
    return { kind: 'delete' }
  }
  const covering = budgets.filter((budget) =>
    labelSelectorMatches(budget.spec?.['selector'] as LabelSelector | undefined, pod.metadata.labels),
  )
  if (covering.length > 1) {
    throw failure(
      'internal',
      'This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.',
      undefined,
      { reason: 'InternalError' },
    )
  }
  const [budget] = covering
  if (budget === undefined) return { kind: 'disrupt' }
  const status = fieldsOf(budget.status)
  const current = Number(status['currentHealthy'] ?? 0)
  const desired = Number(status['desiredHealthy'] ?? 0)
  if (!isReady(pod)) {
    if (budget.spec?.['unhealthyPodEvictionPolicy'] === 'AlwaysAllow') return { kind: 'disrupt' }
    if (current >= desired && desired > 0) return { kind: 'disrupt' }
  }
  return { kind: 'spend', budget, status: spend(pod, budget, now) }
}

function isReady(pod: StoredObject): boolean {
  return listOf(pod.status?.['conditions']).some((c) => c['type'] === 'Ready' && c['status'] === 'True')
}

/** The budget's status after one disruption of it went to the pod. */
function spend(pod: StoredObject, budget: StoredObject, now: Ms): Fields {
  const name = budget.metadata.name
  const status = fieldsOf(budget.status)
  const allowed = Number(status['disruptionsAllowed'] ?? 0)
  const disrupted = fieldsOf(status['disruptedPods'])
  if (Number(status['observedGeneration'] ?? 0) < (budget.metadata.generation ?? 0)) {
    throw refused(10, `The disruption budget ${name} is still being processed by the server.`)
  }
  if (allowed < 0) throw forbidden(budgetType, name, 'pdb disruptions allowed is negative')
  if (Object.keys(disrupted).length > disruptedPodsMax) {
    throw forbidden(budgetType, name, 'DisruptedPods map too big - too many evictions not confirmed by PDB controller')
  }
  if (allowed === 0) {
    const current = Number(status['currentHealthy'] ?? 0)
    const desired = Number(status['desiredHealthy'] ?? 0)
    throw refused(0, `The disruption budget ${name} needs ${desired} healthy pods and has ${current} currently`)
  }
  return {
    ...status,
    disruptionsAllowed: allowed - 1,
    disruptedPods: { ...disrupted, [pod.metadata.name]: timestamp(now) },
  }
}

/** `retryAfterSeconds` 0 sends no header, so that clients wait in their own way. */
function refused(retryAfterSeconds: number, why: string): KubeError {
  return failure('tooManyRequests', "Cannot evict pod as it would violate the pod's disruption budget.", {
    causes: [{ reason: 'DisruptionBudget', message: why }],
    ...(retryAfterSeconds === 0 ? {} : { retryAfterSeconds }),
  })
}
