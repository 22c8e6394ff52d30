import type { KubeApi } from '@plimsoll/ports'

/** The API server to somebody who may hang: while `pause` gives a promise, calls wait for it before they are made. */
export function pausableKube(kube: KubeApi, pause: () => Promise<void> | undefined): KubeApi {
  const then = <R>(call: () => Promise<R>): Promise<R> => pause()?.then(call) ?? call()
  return {
    get: (type, key) => then(() => kube.get(type, key)),
    list: (type, options) => then(() => kube.list(type, options)),
    watch: (type, options, sink) => then(() => kube.watch(type, options, sink)),
    create: (type, object, options) => then(() => kube.create(type, object, options)),
    replace: (type, object, options) => then(() => kube.replace(type, object, options)),
    patch: (type, key, patch, options) => then(() => kube.patch(type, key, patch, options)),
    apply: (type, object, options) => then(() => kube.apply(type, object, options)),
    remove: (type, key, options) => then(() => kube.remove(type, key, options)),
    removeCollection: (type, selection, options) => then(() => kube.removeCollection(type, selection, options)),
    evict: (pod, options) => then(() => kube.evict(pod, options)),
    bind: (pod, nodeName) => then(() => kube.bind(pod, nodeName)),
    readScale: (type, key) => then(() => kube.readScale(type, key)),
    writeScale: (type, key, scale) => then(() => kube.writeScale(type, key, scale)),
  }
}
