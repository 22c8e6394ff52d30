import type { PodClass } from '../pod-class.ts'
import { disksConflict } from '../volumes/disks.ts'
import type { Check, Reason, World } from './predicate.ts'

const taken: readonly Reason[] = [{ reason: 'node(s) had no available disk', resolvable: true }]
const single: readonly Reason[] = [
  {
    reason:
      'node(s) unavailable due to PersistentVolumeClaim with ReadWriteOncePod access mode already in-use by another pod',
    resolvable: true,
  },
]

/** plugins/volumerestrictions/volume_restrictions.go */
export function volumeRestrictions(pod: PodClass, { columns, population, volumes }: World): Check | undefined {
  if (pod.volumes.length === 0) return undefined
  const disks = pod.volumes.flatMap((volume) => (volume.kind === 'disk' ? [volume.source] : []))
  const hasDisks = (slot: number): boolean => {
    if (disks.length === 0) return true
    for (const other of columns.entries[slot]!.classes) {
      for (const volume of other.volumes) {
        if (volume.kind === 'disk' && disks.some((disk) => disksConflict(disk, volume.source))) return false
      }
    }
    return true
  }
  let ofOnePod: readonly string[] = []
  const claimInUse = (): string | undefined => ofOnePod.find((name) => population.claimUses(pod.namespace, name) > 0)
  return {
    plugin: 'VolumeRestrictions',
    scope: 'cluster',
    prepare: () => {
      ofOnePod = pod.claims.filter(
        (name) => volumes?.claim(pod.namespace, name)?.spec.accessModes?.includes('ReadWriteOncePod') === true,
      )
    },
    fits: (slot) => hasDisks(slot) && claimInUse() === undefined,
    reasons: (slot) => (hasDisks(slot) ? single : taken),
    detail: (slot) =>
      hasDisks(slot) ? `the claim ${claimInUse()} is another pod's alone` : 'a pod there has the same disk',
  }
}
