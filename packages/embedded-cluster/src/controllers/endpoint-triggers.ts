// Since when a service's endpoints have been waiting to be written (kubernetes/endpointslice:trigger_time_tracker.go).
import type { Pod, Service } from '@plimsoll/model'
import { podCondition } from '../pods.ts'

export const triggerAnnotation = 'endpoints.kubernetes.io/last-change-trigger-time'

interface Seen {
  readonly service: string
  readonly pods: ReadonlyMap<string, string>
}

/** What was seen of each service and its pods, so that only what is new since then counts. */
export class EndpointTriggers {
  readonly #seen = new Map<string, Seen>()

  forget(key: string): void {
    this.#seen.delete(key)
  }

  /** The first of the changes since the last call; undefined when nothing came or became ready since. */
  since(key: string, service: Service, pods: readonly Pod[]): string | undefined {
    const before = this.#seen.get(key)
    const times = new Map<string, string>()
    let first: string | undefined
    for (const pod of pods) {
      const time = podCondition(pod, 'Ready')?.lastTransitionTime
      if (time === undefined) continue
      times.set(pod.metadata.name, time)
      const isNew = time > (before?.pods.get(pod.metadata.name) ?? '')
      if (isNew && (first === undefined || time < first)) first = time
    }
    const { creationTimestamp } = service.metadata
    this.#seen.set(key, { service: creationTimestamp, pods: times })
    if (before === undefined || creationTimestamp > before.service) return creationTimestamp
    return first
  }
}
