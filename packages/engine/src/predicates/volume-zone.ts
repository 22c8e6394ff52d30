import type { PodClass } from '../pod-class.ts'
import type { VolumeLister } from '../volumes/volume-lister.ts'
import { placeConflict, placesOf, type Place } from '../volumes/zones.ts'
import type { Check, Reason, World } from './predicate.ts'

const elsewhere: readonly Reason[] = [{ reason: 'node(s) had no available volume zone', resolvable: false }]

/** plugins/volumezone/volume_zone.go */
export function volumeZone(pod: PodClass, { columns, volumes }: World): Check | undefined {
  if (volumes === undefined) return undefined
  // As upstream, claims that are made for the pod alone are not looked at.
  const names = pod.volumes.flatMap((volume) => (volume.kind === 'claim' && !volume.isEphemeral ? [volume.name] : []))
  if (names.length === 0) return undefined
  let places: readonly Place[] = []
  return {
    plugin: 'VolumeZone',
    scope: 'cluster',
    prepare: () => {
      places = names.flatMap((name) => placesOfClaim(pod.namespace, name, volumes))
    },
    fits: (slot) => placeConflict(places, columns.entries[slot]!.node) === undefined,
    reasons: () => elsewhere,
    detail: (slot) => {
      const { volume, key, values } = placeConflict(places, columns.entries[slot]!.node)!
      return `${volume} is in ${key}=${values.join(' or ')}`
    },
  }
}

function placesOfClaim(namespace: string, name: string, lister: VolumeLister): readonly Place[] {
  const { volumeName = '' } = lister.claim(namespace, name)?.spec ?? {}
  const volume = volumeName === '' ? undefined : lister.volume(volumeName)
  return volume === undefined ? [] : placesOf(volume)
}
