// Empties a node: evicts its pods and waits until they are gone.
// Mirrors kubernetes-sigs/cluster-autoscaler:pkg/core/scaledown/actuation/drain.go (1.36; rules CA-145 to CA-147).
import { keyOf, ms, seconds, type Ms, type Node, type Pod } from '@plimsoll/model'
import { isKubeFailure, type Clock, type KubeApi, type Log } from '@plimsoll/ports'
import { AutoscalerError, messageOf } from '../autoscaler-error.ts'
import type { AutoscalerMetrics } from '../autoscaler-metrics.ts'
import type { ClusterAutoscalerOptions } from '../options/options.ts'
import { podName } from '../pods/pod-kinds.ts'
import type { ClusterRecorder } from '../state/cluster-recorder.ts'
import type { WorldView } from '../state/world-view.ts'

const retryEvery = seconds(10)
const pollEvery = seconds(5)
const headroom = seconds(30)
const enableEviction = 'cluster-autoscaler.kubernetes.io/enable-ds-eviction'

export class Evictor {
  readonly #kube: KubeApi
  readonly #clock: Clock
  readonly #log: Log
  readonly #options: ClusterAutoscalerOptions
  readonly #view: WorldView
  readonly #recorder: ClusterRecorder
  readonly #metrics: AutoscalerMetrics

  constructor(o: {
    readonly kube: KubeApi
    readonly clock: Clock
    readonly log: Log
    readonly options: ClusterAutoscalerOptions
    readonly view: WorldView
    readonly recorder: ClusterRecorder
    readonly metrics: AutoscalerMetrics
  }) {
    this.#kube = o.kube
    this.#clock = o.clock
    this.#log = o.log.named('drain.go')
    this.#options = o.options
    this.#view = o.view
    this.#recorder = o.recorder
    this.#metrics = o.metrics
  }

  /** @throws AutoscalerError when a pod could not be evicted or did not go in time; the others stay as they are */
  async drain(node: Node, pods: readonly Pod[], daemonSetPods: readonly Pod[], signal: AbortSignal): Promise<void> {
    const deadline = ms(this.#clock.now() + this.#options.maxPodEvictionTime)
    const bestEffort = daemonSetPods.filter((pod) => evictable(pod, this.#options.daemonSetEvictionForOccupiedNodes))
    const attempts = pods.map((pod) => this.#evict(pod, deadline, signal))
    const background = Promise.all(bestEffort.map((pod) => this.#evict(pod, deadline, signal)))
    const outcomes = await Promise.all(attempts)
    await background
    const errors = outcomes.filter((error) => error !== undefined)
    for (const error of outcomes) {
      this.#metrics.evictedPods.add(1, { eviction_result: error === undefined ? 'succeeded' : 'failed' })
    }
    const { name } = node.metadata
    if (errors.length > 0) {
      throw new AutoscalerError(
        'apiCallError',
        `Failed to drain node /${name}, due to following errors: [${errors.join(' ')}]`,
      )
    }
    const grace = Math.max(0, ...pods.map((pod) => this.#graceOf(pod)))
    const gone = await this.#awaitGone(name, pods, ms(seconds(grace) + headroom), signal)
    if (!gone)
      throw new AutoscalerError('transientError', `Failed to drain node /${name}: pods remaining after timeout`)
    this.#log.info(1, `All pods removed from ${name}`)
  }

  /** DaemonSet pods of a node that is empty otherwise; failures do not matter. */
  async evictDaemonSetPods(pods: readonly Pod[], signal: AbortSignal): Promise<void> {
    const deadline = ms(this.#clock.now() + this.#options.maxPodEvictionTime)
    const chosen = pods.filter((pod) => evictable(pod, this.#options.daemonSetEvictionForEmptyNodes))
    await Promise.all(chosen.map((pod) => this.#evict(pod, deadline, signal)))
  }

  /** The error that stayed, or undefined once the pod's eviction was accepted or the pod is gone. */
  async #evict(pod: Pod, deadline: Ms, signal: AbortSignal): Promise<string | undefined> {
    this.#recorder.on(pod, 'Pod', 'Normal', 'ScaleDown', 'deleting pod for node scale down')
    const gracePeriodSeconds = this.#graceOf(pod)
    let last = ''
    for (let first = true; first || this.#clock.now() < deadline; first = false) {
      if (!first) await this.#clock.sleep(retryEvery, signal)
      signal.throwIfAborted()
      if (!first && !this.#isStillThere(pod)) return undefined
      try {
        // The uid keeps a pod of the same name that came since from being evicted in its place.
        await this.#kube.evict(keyOf(pod), { gracePeriodSeconds, preconditions: { uid: pod.metadata.uid } })
        return undefined
      } catch (error) {
        if (isKubeFailure(error, 'notFound')) return undefined
        last = messageOf(error)
      }
    }
    this.#log.error(`Failed to evict pod ${pod.metadata.name}, error: ${last}`)
    this.#recorder.on(pod, 'Pod', 'Warning', 'ScaleDownFailed', 'failed to delete pod for ScaleDown')
    return `failed to evict pod ${podName(pod)} within allowed timeout (last error: ${last})`
  }

  async #awaitGone(node: string, pods: readonly Pod[], limit: Ms, signal: AbortSignal): Promise<boolean> {
    const deadline = this.#clock.now() + limit
    for (;;) {
      const left = pods.filter((pod) => this.#isStillThere(pod))
      if (left.length === 0) return true
      if (this.#clock.now() >= deadline) {
        for (const pod of left) this.#log.error(`Failed to delete ${podName(pod)} from ${node} in time`)
        return false
      }
      await this.#clock.sleep(pollEvery, signal)
    }
  }

  #isStillThere(pod: Pod): boolean {
    const now = this.#view.pods.get(keyOf(pod))
    return now !== undefined && now.metadata.uid === pod.metadata.uid && now.spec.nodeName === pod.spec.nodeName
  }

  /** In seconds. */
  #graceOf(pod: Pod): number {
    return Math.min(pod.spec.terminationGracePeriodSeconds ?? 30, this.#options.maxGracefulTerminationSeconds)
  }
}

function evictable(pod: Pod, otherwise: boolean): boolean {
  const wish = pod.metadata.annotations?.[enableEviction]
  return wish === undefined ? otherwise : wish === 'true'
}
