import type { PodClass } from '../pod-class.ts'
import { claimsOf, type PodClaims } from '../volumes/claims.ts'
import { planVolumes } from '../volumes/volume-plan.ts'
import type { Check, World } from './predicate.ts'

/** plugins/volumebinding/volume_binding.go */
export function volumeBinding(pod: PodClass, { columns, volumes }: World): Check | undefined {
  if (pod.claims.length === 0 || volumes === undefined) return undefined
  let claims: PodClaims = { bound: [], waiting: [] }
  const reasonsAt = (slot: number): readonly string[] =>
    planVolumes(claims, columns.entries[slot]!.node, volumes).reasons
  return {
    plugin: 'VolumeBinding',
    scope: 'cluster',
    prepare: () => {
      claims = claimsOf(pod, volumes)
    },
    fits: (slot) => reasonsAt(slot).length === 0,
    reasons: (slot) => reasonsAt(slot).map((reason) => ({ reason, resolvable: false })),
    detail: () => `the pod's claims are ${pod.claims.join(', ')}`,
  }
}
