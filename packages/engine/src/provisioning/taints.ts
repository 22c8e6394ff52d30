// Taints as Karpenter takes them: every one counts, PreferNoSchedule too (pkg/scheduling/taints.go).
import type { Taint, Toleration } from '@plimsoll/model'
import { toleratesTaint, type TolerationOptions } from '../toleration.ts'

const options: TolerationOptions = { comparisons: true }

export const noTaints: readonly Taint[] = []

export function toleratesAll(tolerations: readonly Toleration[] | undefined, taints: readonly Taint[]): boolean {
  return taints.every((taint) => toleratesTaint(tolerations, taint, options))
}

/** `did not tolerate taint (taint=k=v:Effect)`; every taint that is not tolerated, joined. */
export function taintProblem(tolerations: readonly Toleration[] | undefined, taints: readonly Taint[]): string {
  return taints
    .filter((taint) => !toleratesTaint(tolerations, taint, options))
    .map((taint) => `did not tolerate taint (taint=${taintText(taint)})`)
    .join('; ')
}

function taintText(taint: Taint): string {
  const value = taint.value === undefined || taint.value === '' ? '' : `=${taint.value}`
  return `${taint.key}${value}:${taint.effect}`
}
