import type { PodClass } from '../pod-class.ts'
import { overloadedDriver, type Overload } from '../volumes/attachments.ts'
import type { Check, Reason, World } from './predicate.ts'

const tooMany: readonly Reason[] = [{ reason: 'node(s) exceed max volume count', resolvable: true }]

/** plugins/nodevolumelimits/csi.go */
export function nodeVolumeLimits(pod: PodClass, { columns, volumes }: World): Check | undefined {
  if (pod.volumes.length === 0 || volumes?.csiNode === undefined) return undefined
  const overload = (slot: number): Overload | undefined => {
    const { name, classes } = columns.entries[slot]!
    return overloadedDriver(pod, name, classes, volumes)
  }
  return {
    plugin: 'NodeVolumeLimits',
    scope: 'cluster',
    fits: (slot) => overload(slot) === undefined,
    reasons: () => tooMany,
    detail: (slot) => {
      const { driver, attached, more, most } = overload(slot)!
      return `${attached} volumes of ${driver} are there, ${more} more would come, ${most} is the most`
    },
  }
}
