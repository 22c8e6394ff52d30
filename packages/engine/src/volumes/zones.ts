import type { Node, PersistentVolume } from '@plimsoll/model'

/** Labels of volumes that say where they are, and what nodes may call the same. */
const placeLabels: readonly (readonly [key: string, modern: string])[] = [
  ['failure-domain.beta.kubernetes.io/zone', 'topology.kubernetes.io/zone'],
  ['failure-domain.beta.kubernetes.io/region', 'topology.kubernetes.io/region'],
  ['topology.kubernetes.io/zone', 'topology.kubernetes.io/zone'],
  ['topology.kubernetes.io/region', 'topology.kubernetes.io/region'],
]

/**
 * The volume's label that keeps it from the node, or undefined. Nodes that do not say where they are can have all
 * (kubernetes/kubernetes:pkg/scheduler/framework/plugins/volumezone/volume_zone.go).
 */
export function zoneConflict(volume: PersistentVolume, node: Node): string | undefined {
  const ofNode = node.metadata.labels ?? {}
  if (placeLabels.every(([key]) => ofNode[key] === undefined)) return undefined
  for (const [key, modern] of placeLabels) {
    const places = placesOf(volume.metadata.labels?.[key])
    const own = ofNode[key] ?? ofNode[modern]
    if (places !== undefined && (own === undefined || !places.includes(own))) return key
  }
  return undefined
}

/** A label may name several places, joined by `__`; one that names an empty place says nothing. */
function placesOf(label: string | undefined): readonly string[] | undefined {
  const places = label?.split('__').map((place) => place.trim())
  return places?.includes('') === true ? undefined : places
}
