// Per controller, how many of its pods are in which state: kept change by change, so that a controller with thousands of
// pods needs not look at all of them whenever one changes.
import { controllerOf, type Pod } from '@plimsoll/model'
import { onChange, type Caches } from '../caches.ts'
import { isPodFinished, isPodReady } from '../pods.ts'

export interface PodCounts {
  /** Neither finished nor being deleted. */
  active: number
  /** Active and ready. */
  ready: number
  /** Being deleted, but not finished. */
  terminating: number
}

const nothing: Readonly<PodCounts> = { active: 0, ready: 0, terminating: 0 }

export class PodTally {
  readonly #counts = new Map<string, PodCounts>()

  /** `onPod` is told of each change of a controlled pod, after it was counted, with the controller's kind and uid. */
  constructor(
    caches: Caches,
    kind: string,
    onPod: (namespace: string, ownerName: string, uid: string, now?: Pod, was?: Pod) => void,
  ) {
    onChange(caches.pods, (now, was) => {
      const before = was === undefined ? undefined : controllerOf(was)
      const after = now === undefined ? undefined : controllerOf(now)
      if (before?.kind === kind) this.#add(before.uid, was!, -1)
      if (after?.kind === kind) this.#add(after.uid, now!, 1)
      if (before?.kind === kind) onPod(was!.metadata.namespace, before.name, before.uid, now, was)
      if (after?.kind === kind && after.uid !== before?.uid)
        onPod(now!.metadata.namespace, after.name, after.uid, now, was)
    })
  }

  of(uid: string): Readonly<PodCounts> {
    return this.#counts.get(uid) ?? nothing
  }

  #add(uid: string, pod: Pod, sign: 1 | -1): void {
    if (isPodFinished(pod)) return
    let counts = this.#counts.get(uid)
    if (counts === undefined) this.#counts.set(uid, (counts = { active: 0, ready: 0, terminating: 0 }))
    if (pod.metadata.deletionTimestamp !== undefined) counts.terminating += sign
    else {
      counts.active += sign
      if (isPodReady(pod)) counts.ready += sign
    }
    if (counts.active === 0 && counts.terminating === 0) this.#counts.delete(uid)
  }
}
