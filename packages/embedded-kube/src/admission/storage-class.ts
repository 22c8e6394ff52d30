// kubernetes/kubernetes:plugin/pkg/admission/storage/storageclass/setdefault/admission.go, DefaultStorageClass.
import type { StoredObject } from '../object.ts'
import type { Collection } from '../store/collection.ts'

const isDefault = 'storageclass.kubernetes.io/is-default-class'
/** How the class was named before it had a field. */
const classAnnotation = 'volume.beta.kubernetes.io/storage-class'

/** A claim that names no class gets the default one: of several the newest, the first by name among equals. */
export function withDefaultClass(claim: StoredObject, classes: Collection): StoredObject {
  if (claim.spec?.['storageClassName'] !== undefined) return claim
  if (claim.metadata.annotations?.[classAnnotation] !== undefined) return claim
  const [chosen] = classes
    .list({
      namespace: undefined,
      matches: ({ metadata }) => metadata.annotations?.[isDefault] === 'true',
      name: undefined,
      nodeName: undefined,
    })
    .toSorted(
      (a, b) => Date.parse(b.metadata.creationTimestamp) - Date.parse(a.metadata.creationTimestamp) || byName(a, b),
    )
  return chosen === undefined ? claim : { ...claim, spec: { ...claim.spec, storageClassName: chosen.metadata.name } }
}

function byName(a: StoredObject, b: StoredObject): number {
  return a.metadata.name < b.metadata.name ? -1 : 1
}
