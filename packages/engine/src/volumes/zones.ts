import type { Node, PersistentVolume } from '@plimsoll/model'

/** Labels of volumes that say where they are, and what nodes may call the same. */
const placeLabels: readonly (readonly [key: string, modern: string])[] = [
  ['failure-domain.beta.kubernetes.io/zone', 'topology.kubernetes.io/zone'],
  ['failure-domain.beta.kubernetes.io/region', 'topology.kubernetes.io/region'],
  ['topology.kubernetes.io/zone', 'topology.kubernetes.io/zone'],
  ['topology.kubernetes.io/region', 'topology.kubernetes.io/region'],
]

/** A label of a volume, which nodes must share that say where they are. */
export interface Place {
  readonly volume: string
  readonly key: string
  readonly modern: string
  readonly values: readonly string[]
}

export function placesOf(volume: PersistentVolume): readonly Place[] {
  return placeLabels.flatMap(([key, modern]) => {
    const values = placeNames(volume.metadata.labels?.[key])
    return values === undefined ? [] : [{ volume: volume.metadata.name, key, modern, values }]
  })
}

/**
 * The first that keeps the volume from the node, or undefined. Nodes that do not say where they are can have all
 * (kubernetes/kubernetes:pkg/scheduler/framework/plugins/volumezone/volume_zone.go).
 */
export function placeConflict(places: readonly Place[], node: Node): Place | undefined {
  const ofNode = node.metadata.labels ?? {}
  if (places.length === 0 || placeLabels.every(([key]) => ofNode[key] === undefined)) return undefined
  return places.find(({ key, modern, values }) => {
    const own = ofNode[key] ?? ofNode[modern]
    return own === undefined || !values.includes(own)
  })
}

/** A label may name several places, joined by `__`; one that names an empty place says nothing. */
function placeNames(label: string | undefined): readonly string[] | undefined {
  const places = label?.split('__').map((place) => place.trim())
  return places?.includes('') === true ? undefined : places
}
