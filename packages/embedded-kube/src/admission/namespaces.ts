import { timestamp, type Ms } from '@plimsoll/model'
import { conflict, forbidden } from '../errors.ts'
import type { StoredObject } from '../object.ts'

const namespaceType = { group: '', plural: 'namespaces', kind: 'Namespace' }
const protectedNamespaces = ['default', 'kube-system', 'kube-public']
const purging =
  'The system is ensuring all content is removed from this namespace.  Upon completion, this namespace will automatically be purged by the system.'

/** @throws {KubeError} forbidden for the namespaces that every cluster keeps */
export function checkNamespaceDeletion(name: string): void {
  if (protectedNamespaces.includes(name)) throw forbidden(namespaceType, name, 'this namespace may not be deleted')
}

/** The namespace as it is while its contents are removed. @throws {KubeError} conflict when that already goes on */
export function terminatingNamespace(namespace: StoredObject, now: Ms): StoredObject {
  if (namespace.metadata.deletionTimestamp !== undefined) {
    throw conflict(namespaceType, namespace.metadata.name, purging)
  }
  return {
    ...namespace,
    metadata: { ...namespace.metadata, deletionTimestamp: timestamp(now) },
    status: { ...namespace.status, phase: 'Terminating' },
  }
}

/** Whether nothing holds a terminating namespace any more but its contents. */
export function namespaceFinalizers(namespace: StoredObject): readonly string[] {
  return (namespace.spec?.['finalizers'] ?? []) as readonly string[]
}
