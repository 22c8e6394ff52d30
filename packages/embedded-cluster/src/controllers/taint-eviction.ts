// Removes pods from nodes with NoExecute taints that they do not, or no longer, tolerate
// (kubernetes/kubernetes:pkg/controller/tainteviction/taint_eviction.go).
import { ms, Pods, timestamp, type Node, type Pod, type Taint, type Toleration } from '@plimsoll/model'
import { toleratesTaint } from '@plimsoll/engine'
import { ignoreNotFound, isKubeFailure, type KubeApi, type Timer } from '@plimsoll/ports'
import type { EventRecorder, Reconciler } from '@plimsoll/runtime'
import { onChange } from '../caches.ts'
import { keyOfObject, splitKey } from '../machinery/reference.ts'
import { recorderFor, syncing, type Controller, type ControllerContext } from './controller.ts'

interface Scheduled {
  readonly since: number
  readonly at: number
  readonly timer: Timer
}

export class TaintEvictionController implements Controller {
  readonly #context: ControllerContext
  readonly #kube: KubeApi
  readonly #events: EventRecorder
  readonly #evictions: Reconciler<string>
  /** By pod key. */
  readonly #scheduled = new Map<string, Scheduled>()

  constructor(context: ControllerContext) {
    this.#context = context
    // Upstream's has no role of its own.
    this.#kube = context.kube('node-controller')
    this.#events = recorderFor(context, this.#kube, 'taint-eviction-controller')
    this.#evictions = syncing(context, 'taint-eviction', (key) => this.#evict(key))
    const { caches } = context
    onChange(caches.nodes, (now, was) => {
      if (now?.spec.taints === was?.spec.taints) return
      const taints = executing(now)
      if (taints.length === 0 && executing(was).length === 0) return
      const { name } = (now ?? was!).metadata
      for (const pod of caches.pods.byIndex('node', name)) this.#consider(pod, taints)
    })
    onChange(caches.pods, (now, was) => {
      if (now === undefined) {
        this.#cancel(keyOfObject(was!), undefined)
        return
      }
      const { nodeName } = now.spec
      if (nodeName === undefined || (was?.spec.nodeName === nodeName && was.spec.tolerations === now.spec.tolerations))
        return
      const taints = executing(caches.nodes.get({ name: nodeName }))
      if (taints.length > 0) this.#consider(now, taints)
    })
  }

  async run(signal: AbortSignal): Promise<void> {
    signal.addEventListener(
      'abort',
      () => {
        for (const { timer } of this.#scheduled.values()) timer.cancel()
      },
      { once: true },
    )
    await this.#evictions.run(signal)
  }

  #consider(pod: Pod, taints: readonly Taint[]): void {
    const key = keyOfObject(pod)
    if (taints.length === 0) {
      this.#cancel(key, pod)
      return
    }
    const seconds = toleratedSeconds(pod.spec.tolerations ?? [], taints)
    const known = this.#scheduled.get(key)
    if (seconds === Infinity) {
      this.#cancel(key, pod)
      return
    }
    const now = this.#context.clock.now()
    const since = known?.since ?? now
    const at = since + seconds * 1000
    if (known !== undefined) {
      if (known.at <= at) return
      known.timer.cancel()
    }
    const timer = this.#context.clock.after(ms(Math.max(0, at - now)), () => {
      this.#scheduled.delete(key)
      this.#evictions.add(key)
    })
    this.#scheduled.set(key, { since, at, timer })
  }

  #cancel(key: string, pod: Pod | undefined): void {
    const scheduled = this.#scheduled.get(key)
    if (scheduled === undefined) return
    scheduled.timer.cancel()
    this.#scheduled.delete(key)
    if (pod !== undefined)
      this.#events.event(pod, 'Normal', 'TaintManagerEviction', `Cancelling deletion of Pod ${key}`)
  }

  async #evict(key: string): Promise<void> {
    const pod = this.#context.caches.pods.get(splitKey(key))
    if (pod === undefined || pod.metadata.deletionTimestamp !== undefined) return
    this.#events.event(pod, 'Normal', 'TaintManagerEviction', `Marking for deletion Pod ${key}`)
    const marked = withDisruption(
      pod,
      'DeletionByTaintManager',
      'Taint manager: deleting due to NoExecute taint',
      timestamp(this.#context.clock.now()),
    )
    try {
      await this.#kube.replace(Pods, marked, { subresource: 'status' })
    } catch (error) {
      if (!isKubeFailure(error, 'notFound')) throw error
    }
    await this.#kube.remove(Pods, pod.metadata, { preconditions: { uid: pod.metadata.uid } }).catch(ignoreNotFound)
  }
}

/** The pod saying why it is taken away. */
export function withDisruption(pod: Pod, reason: string, message: string, at: string): Pod {
  const others = (pod.status?.conditions ?? []).filter((condition) => condition.type !== 'DisruptionTarget')
  const condition = { type: 'DisruptionTarget', status: 'True', lastTransitionTime: at, reason, message }
  return { ...pod, status: { ...pod.status, conditions: [...others, condition] } }
}

function executing(node: Node | undefined): readonly Taint[] {
  return (node?.spec.taints ?? []).filter((taint) => taint.effect === 'NoExecute')
}

/** For how long the pod may stay: 0 when a taint is not tolerated, Infinity when all are for good. */
function toleratedSeconds(tolerations: readonly Toleration[], taints: readonly Taint[]): number {
  let least = Infinity
  for (const taint of taints) {
    const fitting = tolerations.filter((toleration) => toleratesTaint([toleration], taint))
    if (fitting.length === 0) return 0
    for (const { tolerationSeconds } of fitting) {
      if (tolerationSeconds !== undefined) least = Math.min(least, Math.max(0, tolerationSeconds))
    }
  }
  return least
}
