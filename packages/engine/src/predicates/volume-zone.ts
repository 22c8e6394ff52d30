import type { PodClass } from '../pod-class.ts'
import { zoneConflict } from '../volumes/zones.ts'
import type { Check, Reason, World } from './predicate.ts'

const elsewhere: readonly Reason[] = [{ reason: 'node(s) had no available volume zone', resolvable: false }]

/** plugins/volumezone/volume_zone.go */
export function volumeZone(pod: PodClass, { columns, volumes }: World): Check | undefined {
  if (volumes === undefined) return undefined
  // As upstream, claims that are made for the pod alone are not looked at.
  const names = pod.volumes.flatMap((volume) => (volume.kind === 'claim' && !volume.isEphemeral ? [volume.name] : []))
  if (names.length === 0) return undefined
  const conflict = (slot: number): string | undefined => {
    const { node } = columns.entries[slot]!
    for (const name of names) {
      const { volumeName = '' } = volumes.claim(pod.namespace, name)?.spec ?? {}
      const volume = volumeName === '' ? undefined : volumes.volume(volumeName)
      const label = volume === undefined ? undefined : zoneConflict(volume, node)
      if (label !== undefined) return `${volumeName} has ${label}=${volume!.metadata.labels![label]}`
    }
    return undefined
  }
  return {
    plugin: 'VolumeZone',
    scope: 'cluster',
    fits: (slot) => conflict(slot) === undefined,
    reasons: () => elsewhere,
    detail: (slot) => conflict(slot)!,
  }
}
