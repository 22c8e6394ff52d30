import type { ObjectMeta } from '@plimsoll/model'

/** `kube/<group>/<plural>/<namespace>/<name>`; neither namespaces nor names have a slash. */
export const storePrefix = 'kube/'
export const revisionKey = 'kube-revision'

export function keyOf(collectionId: string, metadata: ObjectMeta): string {
  return `${storePrefix}${collectionId}/${metadata.namespace ?? ''}/${metadata.name}`
}

/** The collection that a key names. */
export function placeOf(key: string): { readonly group: string; readonly plural: string } {
  const [, group = '', plural = ''] = key.split('/')
  return { group, plural }
}
