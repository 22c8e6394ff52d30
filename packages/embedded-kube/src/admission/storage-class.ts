// What admission does to claims for the sake of their storage classes
// (kubernetes/kubernetes:plugin/pkg/admission/storage/storageclass/setdefault/admission.go, DefaultStorageClass).
import { compareQuantities } from '@plimsoll/model'
import { fieldsOf, textOf, type StoredObject } from '../object.ts'
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

/**
 * Why a claim may not grow, were it to ask for more; undefined when it may
 * (kubernetes/kubernetes:plugin/pkg/admission/storage/persistentvolume/resize/admission.go).
 */
export function claimGrowthProblem(claim: StoredObject, old: StoredObject, classes: Collection): string | undefined {
  const sizeOf = (one: StoredObject): string =>
    textOf(fieldsOf(fieldsOf(one.spec?.['resources'])['requests'])['storage'] ?? '0')
  if (compareQuantities(sizeOf(claim), sizeOf(old)) <= 0) return undefined
  if (old.status?.['phase'] !== 'Bound') return 'Only bound persistent volume claims can be expanded'
  const name = classOf(claim)
  const grows = name !== '' && name === classOf(old) && classes.get('', name)?.['allowVolumeExpansion'] === true
  return grows
    ? undefined
    : 'only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize'
}

function classOf(claim: StoredObject): string {
  return claim.metadata.annotations?.[classAnnotation] ?? textOf(claim.spec?.['storageClassName'])
}
