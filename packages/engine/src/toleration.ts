import type { Node, Taint, Toleration } from '@plimsoll/model'

/** Whether one toleration covers the taint (kubernetes/api:core/v1/toleration.go, ToleratesTaint). */
function tolerates(toleration: Toleration, taint: Taint): boolean {
  if (toleration.effect !== undefined && toleration.effect !== '' && toleration.effect !== taint.effect) return false
  if (toleration.key !== undefined && toleration.key !== '' && toleration.key !== taint.key) return false
  switch (toleration.operator ?? '') {
    case '':
    case 'Equal':
      return (toleration.value ?? '') === (taint.value ?? '')
    case 'Exists':
      return true
    default:
      return false
  }
}

export function toleratesTaint(tolerations: readonly Toleration[] | undefined, taint: Taint): boolean {
  return tolerations !== undefined && tolerations.some((toleration) => tolerates(toleration, taint))
}

/** The first taint that keeps the pod off the node: NoSchedule or NoExecute, and not tolerated. */
export function untoleratedTaint(node: Node, tolerations: readonly Toleration[] | undefined): Taint | undefined {
  const taints = node.spec.taints
  if (taints === undefined) return undefined
  for (const taint of taints) {
    if (taint.effect !== 'NoSchedule' && taint.effect !== 'NoExecute') continue
    if (!toleratesTaint(tolerations, taint)) return taint
  }
  return undefined
}

const unschedulable: Taint = { key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' }

/** Whether the pod may go to cordoned nodes. */
export function toleratesUnschedulable(tolerations: readonly Toleration[] | undefined): boolean {
  return toleratesTaint(tolerations, unschedulable)
}
