// Removes pods that nobody else will (kubernetes/kubernetes:pkg/controller/podgc/gc_controller.go): those of nodes that do
// not exist, terminating ones that were never placed, and old finished ones beyond a number.
import { Pods, timestamp, type Pod } from '@plimsoll/model'
import { isKubeFailure, type KubeApi } from '@plimsoll/ports'
import type { Reconciler } from '@plimsoll/runtime'
import { onChange } from '../caches.ts'
import { DueTimer } from '../machinery/due-timer.ts'
import { keyOfObject, splitKey } from '../machinery/reference.ts'
import { isPodFinished } from '../pods.ts'
import { syncing, type Controller, type ControllerContext } from './controller.ts'
import { withDisruption } from './taint-eviction.ts'

const periodMs = 20_000
/** A node must be missing for so long, as seen by two looks. */
const quarantineMs = 40_000
const finishedMax = 12_500

export class PodGarbageCollector implements Controller {
  readonly #context: ControllerContext
  readonly #kube: KubeApi
  readonly #loop: Reconciler<string>
  readonly #timer: DueTimer
  /** Nodes that pods name and that are missing: since when. */
  readonly #missing = new Map<string, number>()
  /** Terminating pods that were never placed. */
  readonly #unplaced = new Set<string>()
  #finished = 0

  constructor(context: ControllerContext) {
    this.#context = context
    this.#kube = context.kube('pod-garbage-collector')
    this.#loop = syncing(context, 'pod-garbage-collector', () => this.#look())
    this.#timer = new DueTimer(context.clock, periodMs, () => this.#loop.add('pods'))
    const { caches, clock } = context
    onChange(caches.nodes, (now, was) => {
      if (now !== undefined) this.#missing.delete(now.metadata.name)
      else if (caches.pods.byIndex('node', was!.metadata.name).length > 0) this.#miss(was!.metadata.name)
    })
    onChange(caches.pods, (now, was) => {
      const key = keyOfObject(now ?? was!)
      if (was !== undefined && isPodFinished(was)) this.#finished--
      if (now === undefined) {
        this.#unplaced.delete(key)
        return
      }
      if (isPodFinished(now)) {
        this.#finished++
        if (this.#finished > finishedMax) this.#timer.due(clock.now())
      }
      const { nodeName } = now.spec
      if (nodeName !== undefined && nodeName !== '') {
        if (caches.nodes.get({ name: nodeName }) === undefined) this.#miss(nodeName)
      } else if (now.metadata.deletionTimestamp !== undefined && !this.#unplaced.has(key)) {
        this.#unplaced.add(key)
        this.#timer.due(clock.now())
      }
    })
  }

  async run(signal: AbortSignal): Promise<void> {
    signal.addEventListener('abort', () => this.#timer.stop(), { once: true })
    await this.#loop.run(signal)
  }

  #miss(nodeName: string): void {
    if (this.#missing.has(nodeName)) return
    // The first look that misses the node begins the quarantine.
    this.#missing.set(nodeName, Infinity)
    this.#timer.due(this.#context.clock.now())
  }

  async #look(): Promise<void> {
    const now = this.#context.clock.now()
    const { caches } = this.#context
    for (const [name, since] of this.#missing) {
      if (since === Infinity) {
        this.#missing.set(name, now)
        this.#timer.due(now + quarantineMs)
        continue
      }
      if (now - since < quarantineMs) {
        this.#timer.due(since + quarantineMs)
        continue
      }
      this.#missing.delete(name)
      if (caches.nodes.get({ name }) !== undefined) continue
      for (const pod of caches.pods.byIndex('node', name)) {
        await this.#remove(withDisruption(pod, 'DeletionByPodGC', 'PodGC: node no longer exists', timestamp(now)))
      }
    }
    for (const key of this.#unplaced) {
      this.#unplaced.delete(key)
      const pod = caches.pods.get(splitKey(key))
      if (pod !== undefined && pod.metadata.deletionTimestamp !== undefined) await this.#remove(pod)
    }
    if (this.#finished > finishedMax) await this.#removeOldest()
  }

  async #removeOldest(): Promise<void> {
    const finished = this.#context.caches.pods
      .items()
      .filter(isPodFinished)
      .toSorted((a, b) => (a.metadata.creationTimestamp < b.metadata.creationTimestamp ? -1 : 1))
    for (const pod of finished.slice(0, finished.length - finishedMax)) await this.#remove(pod)
  }

  /** Marked failed first, so that its owner learns what became of it. */
  async #remove(pod: Pod): Promise<void> {
    try {
      if (!isPodFinished(pod)) {
        const { resourceVersion } = pod.metadata
        // A patch: the controller's role has no right to replace.
        const { conditions = [] } = pod.status ?? {}
        const body = { metadata: { resourceVersion }, status: { phase: 'Failed', conditions } }
        const patch = { type: 'merge', body: body as never } as const
        await this.#kube.patch(Pods, pod.metadata, patch, { subresource: 'status' })
      }
      await this.#kube.remove(Pods, pod.metadata, { gracePeriodSeconds: 0, preconditions: { uid: pod.metadata.uid } })
    } catch (error) {
      if (!isKubeFailure(error, 'notFound', 'conflict')) throw error
    }
  }
}
