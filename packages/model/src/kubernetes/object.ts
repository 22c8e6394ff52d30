import type { ObjectMeta, OwnerReference, StoredMeta } from './types.generated.ts'

/** Any object that an API server stores. */
export interface KubeObject {
  readonly apiVersion?: string | undefined
  readonly kind?: string | undefined
  readonly metadata: StoredMeta
}

/** What a client may send to create a T: the server fills the rest of the metadata. */
export type Draft<T extends KubeObject> = Omit<T, 'metadata' | 'spec' | 'status'> & {
  readonly metadata: ObjectMeta
} & (T extends { readonly spec: infer S } ? { readonly spec?: S } : unknown) &
  (T extends { readonly status?: infer S } ? { readonly status?: S } : unknown)

/** Which object of a resource: the namespace is absent for cluster-scoped ones. */
export interface ObjectKey {
  readonly namespace?: string | undefined
  readonly name: string
}

/** How a resource is addressed on the wire, carrying the TypeScript type of its objects. */
export interface ResourceType<T extends KubeObject> {
  /** Empty for the core group. */
  readonly group: string
  readonly version: string
  readonly plural: string
  readonly kind: string
  readonly namespaced: boolean
  /** Never set: ties T to the value. */
  readonly object?: T
}

/** `v1` or `apps/v1`. */
export function apiVersionOf(type: { readonly group: string; readonly version: string }): string {
  return type.group === '' ? type.version : `${type.group}/${type.version}`
}

/** `namespace/name`, or the name alone. */
export function keyText(key: ObjectKey): string {
  return key.namespace === undefined ? key.name : `${key.namespace}/${key.name}`
}

export function keyOf(object: KubeObject): ObjectKey {
  return object.metadata.namespace === undefined
    ? { name: object.metadata.name }
    : { namespace: object.metadata.namespace, name: object.metadata.name }
}

/** The owner that manages the object, or undefined. */
export function controllerOf(object: { readonly metadata: ObjectMeta }): OwnerReference | undefined {
  return object.metadata.ownerReferences?.find((owner) => owner.controller === true)
}
