import type { Node, Taint, Toleration } from '@plimsoll/model'

export interface TolerationOptions {
  /**
   * Whether the operators `Gt` and `Lt` count. kube-scheduler keeps them behind the gate TaintTolerationComparisonOperators
   * (alpha in 1.35, off unless asked for); Karpenter always has them on.
   */
  readonly comparisons: boolean
}

const plain: TolerationOptions = { comparisons: false }

/** Whether one toleration covers the taint (kubernetes/api:core/v1/toleration.go, ToleratesTaint). */
function tolerates(toleration: Toleration, taint: Taint, options: TolerationOptions): boolean {
  if (toleration.effect !== undefined && toleration.effect !== '' && toleration.effect !== taint.effect) return false
  if (toleration.key !== undefined && toleration.key !== '' && toleration.key !== taint.key) return false
  switch (toleration.operator ?? '') {
    case '':
    case 'Equal':
      return (toleration.value ?? '') === (taint.value ?? '')
    case 'Exists':
      return true
    case 'Gt':
    case 'Lt': {
      if (!options.comparisons) return false
      const bound = canonicalInt64(toleration.value)
      const found = canonicalInt64(taint.value)
      if (bound === undefined || found === undefined) return false
      return toleration.operator === 'Gt' ? found > bound : found < bound
    }
    default:
      return false
  }
}

/** An int64 as a person writes it: no plus sign, no leading zeros, no -0; undefined for anything else. */
function canonicalInt64(text: string | undefined): bigint | undefined {
  if (text === undefined || !/^(?:0|-?[1-9]\d*)$/.test(text)) return undefined
  const value = BigInt(text)
  return BigInt.asIntN(64, value) === value ? value : undefined
}

export function toleratesTaint(
  tolerations: readonly Toleration[] | undefined,
  taint: Taint,
  options: TolerationOptions = plain,
): boolean {
  if (tolerations === undefined) return false
  for (const toleration of tolerations) if (tolerates(toleration, taint, options)) return true
  return false
}

/** The first taint that keeps the pod off the node: NoSchedule or NoExecute, and not tolerated. */
export function untoleratedTaint(
  node: Node,
  tolerations: readonly Toleration[] | undefined,
  options: TolerationOptions = plain,
): Taint | undefined {
  const taints = node.spec.taints
  if (taints === undefined) return undefined
  for (const taint of taints) {
    if (taint.effect !== 'NoSchedule' && taint.effect !== 'NoExecute') continue
    if (!toleratesTaint(tolerations, taint, options)) return taint
  }
  return undefined
}

const unschedulable: Taint = { key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' }

/** Whether the pod may go to cordoned nodes. The taint has no value, so comparisons have no say. */
export function toleratesUnschedulable(tolerations: readonly Toleration[] | undefined): boolean {
  return toleratesTaint(tolerations, unschedulable)
}
