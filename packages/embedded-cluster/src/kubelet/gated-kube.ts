import type { KubeObject } from '@plimsoll/model'
import { KubeError, type KubeApi, type Subscription } from '@plimsoll/ports'

/**
 * The API server to a program that may be cut off: after the signal every call fails as if the network were gone, and
 * its watches are silent, so that a killed program can do no harm however it is written.
 */
export function gatedKube(kube: KubeApi, cut: AbortSignal): KubeApi {
  const check = (): void => {
    if (cut.aborted) throw lost()
  }
  const open = async <R>(call: () => Promise<R>): Promise<R> => {
    check()
    const result = await call()
    check()
    return result
  }
  return {
    get: (type, key) => open(() => kube.get(type, key)),
    list: (type, options) => open(() => kube.list(type, options)),
    watch: async <T extends KubeObject>(...[type, options, sink]: Parameters<typeof kube.watch<T>>) => {
      check()
      const inner = await kube.watch<T>(type, options, {
        event: (event) => {
          if (!cut.aborted) sink.event(event)
        },
        end: (error) => {
          cut.removeEventListener('abort', stop)
          if (!cut.aborted) sink.end(error)
        },
      })
      function stop(): void {
        cut.removeEventListener('abort', stop)
        inner.stop()
      }
      cut.addEventListener('abort', stop, { once: true })
      if (cut.aborted) stop()
      const subscription: Subscription = { stop }
      return subscription
    },
    create: (type, object, options) => open(() => kube.create(type, object, options)),
    replace: (type, object, options) => open(() => kube.replace(type, object, options)),
    patch: (type, key, patch, options) => open(() => kube.patch(type, key, patch, options)),
    apply: (type, object, options) => open(() => kube.apply(type, object, options)),
    remove: (type, key, options) => open(() => kube.remove(type, key, options)),
    removeCollection: (type, selection, options) => open(() => kube.removeCollection(type, selection, options)),
    evict: (pod, options) => open(() => kube.evict(pod, options)),
    bind: (pod, nodeName) => open(() => kube.bind(pod, nodeName)),
    readScale: (type, key) => open(() => kube.readScale(type, key)),
    writeScale: (type, key, scale) => open(() => kube.writeScale(type, key, scale)),
  }
}

function lost(): KubeError {
  const message = 'the container was killed'
  return new KubeError('unavailable', {
    apiVersion: 'v1',
    kind: 'Status',
    metadata: {},
    status: 'Failure',
    message,
    reason: 'ServiceUnavailable',
    code: 503,
  })
}
