import type { PodClass } from '../pod-class.ts'
import { untoleratedTaint } from '../toleration.ts'
import type { Check, Reason, World } from './predicate.ts'

const untolerated: readonly Reason[] = [{ reason: 'node(s) had untolerated taint(s)', resolvable: false }]

/** plugins/tainttoleration/taint_toleration.go */
export function taintToleration(pod: PodClass, { columns }: World): Check {
  const { tolerations } = pod
  return {
    plugin: 'TaintToleration',
    scope: 'node',
    fits: (slot) => untoleratedTaint(columns.entries[slot]!.node, tolerations) === undefined,
    reasons: () => untolerated,
    detail: (slot) => {
      const { key, value = '', effect } = untoleratedTaint(columns.entries[slot]!.node, tolerations)!
      return `nothing tolerates ${key}${value === '' ? '' : `=${value}`}:${effect}`
    },
  }
}
