import { forbidden } from '../errors.ts'

const protectedNamespaces = ['default', 'kube-system', 'kube-public']

/** @throws {KubeError} forbidden for the namespaces that every cluster keeps */
export function checkNamespaceDeletion(name: string): void {
  if (protectedNamespaces.includes(name)) {
    throw forbidden({ group: '', plural: 'namespaces', kind: 'Namespace' }, name, 'this namespace may not be deleted')
  }
}
