import { ConfigMaps, type ConfigMap, type KubeObject, type ObjectReference } from '@plimsoll/model'
import { isKubeFailure, type KubeApi } from '@plimsoll/ports'
import type { EventRecorder } from '@plimsoll/runtime'

export type EventType = 'Normal' | 'Warning'

/** Tells users what happens, by Events: on single objects, and for the whole cluster on the status ConfigMap. */
export interface ClusterRecorder {
  on(
    object: KubeObject & { readonly kind?: string | undefined },
    kind: string,
    type: EventType,
    reason: string,
    message: string,
  ): void
  cluster(type: EventType, reason: string, message: string): void
}

/** Cluster-wide events hang on the status ConfigMap, and are dropped where it is not written. */
export class EventClusterRecorder implements ClusterRecorder {
  readonly #events: EventRecorder
  #statusMap: ObjectReference | undefined

  constructor(events: EventRecorder) {
    this.#events = events
  }

  async attach(kube: KubeApi, namespace: string, name: string): Promise<void> {
    try {
      this.attachTo(await kube.get(ConfigMaps, { namespace, name }))
    } catch (error) {
      if (!isKubeFailure(error, 'notFound')) throw error
    }
  }

  attachTo(map: ConfigMap): void {
    const { namespace, name, uid } = map.metadata
    this.#statusMap = { apiVersion: 'v1', kind: 'ConfigMap', namespace: namespace!, name, uid }
  }

  on(object: KubeObject, kind: string, type: EventType, reason: string, message: string): void {
    const { namespace, name, uid, resourceVersion } = object.metadata
    const reference = {
      apiVersion: 'v1',
      kind,
      ...(namespace === undefined ? {} : { namespace }),
      name,
      uid,
      resourceVersion,
    }
    this.#events.event(reference, type, reason, message)
  }

  cluster(type: EventType, reason: string, message: string): void {
    if (this.#statusMap !== undefined) this.#events.event(this.#statusMap, type, reason, message)
  }

  flush(): Promise<void> {
    return this.#events.flush()
  }
}
