import type { Ms } from '@plimsoll/model'
import { KubeError, type Clock, type KubeApi, type WatchSink } from '@plimsoll/ports'

/** An API server that some cannot reach for a while: their calls fail as `unavailable`, and their watches end. */
export class KubeOutage {
  readonly #clock: Clock
  readonly #watches = new Map<WatchSink<never>, () => void>()
  #isAway = false

  constructor(clock: Clock) {
    this.#clock = clock
  }

  begin(duration: Ms): void {
    this.#isAway = true
    for (const [sink, stop] of this.#watches) {
      stop()
      sink.end(refused())
    }
    this.#watches.clear()
    this.#clock.after(duration, () => (this.#isAway = false))
  }

  around(api: KubeApi): KubeApi {
    const check = async <T>(call: () => Promise<T>): Promise<T> => {
      if (this.#isAway) throw refused()
      return call()
    }
    return {
      get: (type, key) => check(() => api.get(type, key)),
      list: (type, options) => check(() => api.list(type, options)),
      watch: (type, options, sink) =>
        check(async () => {
          const subscription = await api.watch(type, options, {
            event: (event) => sink.event(event),
            end: (error) => {
              this.#watches.delete(sink as WatchSink<never>)
              sink.end(error)
            },
          })
          const stop = (): void => {
            this.#watches.delete(sink as WatchSink<never>)
            subscription.stop()
          }
          this.#watches.set(sink as WatchSink<never>, stop)
          return { stop }
        }),
      create: (type, object, options) => check(() => api.create(type, object, options)),
      replace: (type, object, options) => check(() => api.replace(type, object, options)),
      patch: (type, key, patch, options) => check(() => api.patch(type, key, patch, options)),
      apply: (type, object, options) => check(() => api.apply(type, object, options)),
      remove: (type, key, options) => check(() => api.remove(type, key, options)),
      removeCollection: (type, selection, options) => check(() => api.removeCollection(type, selection, options)),
      evict: (pod, options) => check(() => api.evict(pod, options)),
      bind: (pod, node) => check(() => api.bind(pod, node)),
      readScale: (type, key) => check(() => api.readScale(type, key)),
      writeScale: (type, key, scale) => check(() => api.writeScale(type, key, scale)),
    }
  }
}

function refused(): KubeError {
  const message = 'dial tcp 10.100.0.1:443: connect: connection refused'
  return new KubeError('unavailable', { kind: 'Status', status: 'Failure', message, code: 503 })
}
