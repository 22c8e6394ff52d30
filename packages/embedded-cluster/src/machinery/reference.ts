import type { KubeObject, ObjectReference, Pod } from '@plimsoll/model'

/** A reference to a pod, or to one of its containers (`spec.containers{name}`), as events carry it. */
export function podReference(pod: Pod, fieldPath?: string): ObjectReference {
  return {
    kind: 'Pod',
    namespace: pod.metadata.namespace,
    name: pod.metadata.name,
    uid: pod.metadata.uid,
    apiVersion: 'v1',
    resourceVersion: pod.metadata.resourceVersion,
    ...(fieldPath === undefined ? {} : { fieldPath }),
  }
}

/** Kubelets and node controllers name nodes in events by name alone; their uid is the name for kubelets. */
export function nodeReference(name: string, uid: string): ObjectReference {
  return { kind: 'Node', name, uid, apiVersion: 'v1' }
}

/** `namespace/name` of an object, or its name. */
export function keyOfObject(object: KubeObject): string {
  const { namespace, name } = object.metadata as { readonly namespace?: string; readonly name: string }
  return namespace === undefined ? name : `${namespace}/${name}`
}

/** The two parts of a key of a namespaced object. */
export function splitKey(key: string): { readonly namespace: string; readonly name: string } {
  const slash = key.indexOf('/')
  return { namespace: key.slice(0, slash), name: key.slice(slash + 1) }
}
