import type { KubeObject, ObjectKey, ResourceType } from '@plimsoll/model'
import type { RemoveOptions, Selection, WriteOptions } from '@plimsoll/ports'

export type Query = { readonly [name: string]: string | number | boolean | undefined }

/** The collection's path, of one namespace or of all. */
export function collectionPath<T extends KubeObject>(type: ResourceType<T>, namespace: string | undefined): string {
  const root = type.group === '' ? `/api/${type.version}` : `/apis/${type.group}/${type.version}`
  const within = type.namespaced && namespace !== undefined ? `/namespaces/${encodeURIComponent(namespace)}` : ''
  return `${root}${within}/${type.plural}`
}

export function objectPath<T extends KubeObject>(type: ResourceType<T>, key: ObjectKey, subresource?: string): string {
  const path = `${collectionPath(type, key.namespace)}/${encodeURIComponent(key.name)}`
  return subresource === undefined ? path : `${path}/${subresource}`
}

export function queryText(query: Query): string {
  const pairs = Object.entries(query).filter(([, value]) => value !== undefined)
  return pairs.length === 0 ? '' : `?${pairs.map(([name, value]) => `${name}=${encodeURIComponent(value!)}`).join('&')}`
}

export function selectionQuery({ labelSelector, fieldSelector }: Selection): Query {
  return { labelSelector, fieldSelector }
}

export function writeQuery(options: WriteOptions | undefined): Query {
  return { fieldManager: options?.fieldManager, dryRun: options?.dryRun === true ? 'All' : undefined }
}

/** The DeleteOptions body. */
export function deleteOptions(options: RemoveOptions = {}): { readonly [field: string]: unknown } {
  const { gracePeriodSeconds, propagationPolicy, preconditions, dryRun } = options
  return {
    apiVersion: 'v1',
    kind: 'DeleteOptions',
    gracePeriodSeconds,
    propagationPolicy,
    preconditions,
    dryRun: dryRun === true ? ['All'] : undefined,
  }
}
