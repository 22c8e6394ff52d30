import type { PodClass } from '../pod-class.ts'
import { volumesUnfit } from '../volumes.ts'
import type { Check, World } from './predicate.ts'

/** plugins/volumebinding/volume_binding.go and plugins/volumezone/volume_zone.go, Filter */
export function volumeBinding(pod: PodClass, { columns, volumes }: World): Check | undefined {
  if (pod.claims.length === 0 || volumes === undefined) return undefined
  return {
    plugin: 'VolumeBinding',
    scope: 'cluster',
    fits: (slot) => volumesUnfit(pod, columns.entries[slot]!.node, volumes) === undefined,
    reasons: (slot) => [volumesUnfit(pod, columns.entries[slot]!.node, volumes)!],
  }
}
