// Which present volume a claim takes (kubernetes/kubernetes:pkg/controller/volume/persistentvolume/index.go, findByClaim;
// kubernetes/component-helpers:storage/volume/pv_helpers.go, FindMatchingVolume and CheckVolumeSatisfyClaim). Pure.
import { storageClassOf } from '@plimsoll/engine'
import {
  compareQuantities,
  labelSelectorMatches,
  type PersistentVolume,
  type PersistentVolumeClaim,
} from '@plimsoll/model'

type Claim = PersistentVolumeClaim
type Volume = PersistentVolume

/** Whether the volume is spoken for by this claim, by name at least. */
export function isMadeFor(volume: Volume, { metadata }: Claim): boolean {
  const reference = volume.spec?.claimRef
  if (reference === undefined) return false
  if (reference.namespace !== metadata.namespace || reference.name !== metadata.name) return false
  return (reference.uid ?? '') === '' || reference.uid === metadata.uid
}

/** What keeps the claim from the volume that it names; undefined when nothing does. */
export function mismatch(volume: Volume, claim: Claim): string | undefined {
  if (volume.metadata.deletionTimestamp !== undefined) {
    return `the volume is marked for deletion ${JSON.stringify(volume.metadata.name)}`
  }
  if (compareQuantities(sizeOfVolume(volume), sizeOfClaim(claim)) < 0) return 'requested PV is too small'
  if (storageClassOf(volume) !== storageClassOf(claim)) return 'storageClassName does not match'
  if ((volume.spec?.volumeAttributesClassName ?? '') !== (claim.spec.volumeAttributesClassName ?? '')) {
    return 'volumeAttributesClassName does not match'
  }
  if (!sameMode(volume, claim)) return 'incompatible volumeMode'
  return hasModes(volume, claim) ? undefined : 'incompatible accessMode'
}

/**
 * The volume that was made for the claim, else the smallest of those with the fewest access modes that does. A claim that
 * waits for its pod takes only the former.
 */
export function bestVolume(claim: Claim, volumes: readonly Volume[], waits: boolean): Volume | undefined {
  const open = volumes.filter((volume) => hasModes(volume, claim) && isPossible(volume, claim))
  // A volume made for it is taken whatever its size, class and modes would say of others.
  const own = open.find((volume) => isMadeFor(volume, claim))
  if (own !== undefined || waits) return own
  const fitting = open.filter(
    (volume) =>
      volume.spec?.claimRef === undefined &&
      volume.status?.phase === 'Available' &&
      storageClassOf(volume) === storageClassOf(claim) &&
      (claim.spec.selector === undefined || labelSelectorMatches(claim.spec.selector, volume.metadata.labels)),
  )
  return fitting.toSorted(
    (a, b) =>
      modeCount(a) - modeCount(b) ||
      compareQuantities(sizeOfVolume(a), sizeOfVolume(b)) ||
      (a.metadata.name < b.metadata.name ? -1 : 1),
  )[0]
}

function isPossible(volume: Volume, claim: Claim): boolean {
  if (volume.spec?.claimRef !== undefined && !isMadeFor(volume, claim)) return false
  if (compareQuantities(sizeOfVolume(volume), sizeOfClaim(claim)) < 0) return false
  if ((volume.spec?.volumeAttributesClassName ?? '') !== (claim.spec.volumeAttributesClassName ?? '')) return false
  return sameMode(volume, claim) && volume.metadata.deletionTimestamp === undefined
}

export function sameMode(volume: Volume, claim: Claim): boolean {
  return (volume.spec?.volumeMode ?? 'Filesystem') === (claim.spec.volumeMode ?? 'Filesystem')
}

function hasModes(volume: Volume, { spec }: Claim): boolean {
  return (spec.accessModes ?? []).every((mode) => volume.spec?.accessModes?.includes(mode) === true)
}

function modeCount(volume: Volume): number {
  return volume.spec?.accessModes?.length ?? 0
}

function sizeOfVolume(volume: Volume): string | number {
  return volume.spec?.capacity?.['storage'] ?? 0
}

export function sizeOfClaim({ spec }: Claim): string | number {
  return spec.resources?.requests?.['storage'] ?? 0
}
