// Keeps the status of PodDisruptionBudgets (kubernetes/kubernetes:pkg/controller/disruption/disruption.go).
import {
  controllerOf,
  instant,
  labelSelectorMatches,
  ms,
  own,
  PodDisruptionBudgets,
  timestamp,
  type Condition,
  type Ms,
  type Pod,
  type PodDisruptionBudget,
  type PodDisruptionBudgetStatus,
} from '@plimsoll/model'
import { isKubeFailure, type KubeApi } from '@plimsoll/ports'
import type { EventRecorder, Reconciler } from '@plimsoll/runtime'
import { onChange } from '../caches.ts'
import { keyOfObject, splitKey } from '../machinery/reference.ts'
import { isPodFinished, isPodReady } from '../pods.ts'
import { recorderFor, syncing, type Controller, type ControllerContext } from './controller.ts'
import { replicasOf, scaled } from './deployment-plan.ts'

/** A pod that was to be evicted and is still there after so long counts again. */
const deletionTimeoutMs = 120_000

export class DisruptionController implements Controller {
  readonly #context: ControllerContext
  readonly #kube: KubeApi
  readonly #events: EventRecorder
  readonly #loop: Reconciler<string>
  /** Keys of the pods that a budget selects, by the budget's key: kept pod by pod. */
  readonly #members = new Map<string, Set<string>>()

  constructor(context: ControllerContext) {
    this.#context = context
    this.#kube = context.kube('disruption-controller')
    this.#events = recorderFor(context, this.#kube, 'controllermanager')
    this.#loop = syncing(context, 'disruption', (key) => this.#sync(key))
    const { caches } = context
    onChange(caches.budgets, (now, was) => {
      const key = keyOfObject(now ?? was!)
      if (now === undefined) {
        this.#members.delete(key)
        return
      }
      if (was === undefined || was.spec?.selector !== now.spec?.selector) this.#recount(now, key)
      this.#loop.add(key)
    })
    onChange(caches.pods, (now, was) => this.#podChanged(now, was))
    for (const informer of [caches.deployments, caches.replicaSets, caches.statefulSets]) {
      // How many pods are expected follows the size of their controller.
      informer.subscribe({
        updated: (
          object: {
            readonly metadata: { readonly namespace: string }
            readonly spec: { readonly replicas?: number | undefined }
          },
          old,
        ) => {
          if (object.spec.replicas === old.spec.replicas) return
          for (const budget of caches.budgets.byIndex('namespace', object.metadata.namespace)) {
            this.#loop.add(keyOfObject(budget))
          }
        },
      })
    }
  }

  run(signal: AbortSignal): Promise<void> {
    return this.#loop.run(signal)
  }

  #recount(budget: PodDisruptionBudget, key: string): void {
    const members = new Set<string>()
    for (const pod of this.#context.caches.pods.byIndex('namespace', budget.metadata.namespace)) {
      if (labelSelectorMatches(budget.spec?.selector, pod.metadata.labels)) members.add(keyOfObject(pod))
    }
    this.#members.set(key, members)
  }

  #podChanged(now: Pod | undefined, was: Pod | undefined): void {
    const pod = now ?? was!
    const budgets = this.#context.caches.budgets.byIndex('namespace', pod.metadata.namespace)
    if (budgets.length === 0) return
    if (now !== undefined && was !== undefined && sameToBudgets(now, was)) return
    const podKey = keyOfObject(pod)
    for (const budget of budgets) {
      const key = keyOfObject(budget)
      const members = this.#members.get(key)
      if (members === undefined) continue
      const belongs = now !== undefined && labelSelectorMatches(budget.spec?.selector, now.metadata.labels)
      if (!belongs && !members.has(podKey)) continue
      if (belongs) members.add(podKey)
      else members.delete(podKey)
      this.#loop.add(key)
    }
  }

  async #sync(key: string): Promise<Ms | undefined> {
    const budget = this.#context.caches.budgets.get(splitKey(key))
    if (budget === undefined || budget.metadata.deletionTimestamp !== undefined) return undefined
    const pods = [...(this.#members.get(key) ?? [])]
      .sort()
      .map((podKey) => this.#context.caches.pods.get(splitKey(podKey)))
      .filter((pod) => pod !== undefined)
    if (pods.length === 0) this.#events.event(budget, 'Normal', 'NoPods', 'No matching pods found')
    const now = this.#context.clock.now()
    const { expected, desired } = this.#expectation(budget, pods)
    const { disrupted, recheck } = stillDisrupted(budget, pods, now)
    const healthy = pods.filter(
      (pod) =>
        pod.metadata.deletionTimestamp === undefined &&
        own(disrupted, pod.metadata.name) === undefined &&
        !isPodFinished(pod) &&
        isPodReady(pod),
    ).length
    const allowed = expected <= 0 ? 0 : Math.max(0, healthy - desired)
    const status: PodDisruptionBudgetStatus = {
      observedGeneration: budget.metadata.generation,
      ...(Object.keys(disrupted).length === 0 ? {} : { disruptedPods: disrupted }),
      disruptionsAllowed: allowed,
      currentHealthy: healthy,
      desiredHealthy: desired,
      expectedPods: expected,
      conditions: [condition(budget, allowed > 0, timestamp(now))],
    }
    try {
      await this.#kube.replace(PodDisruptionBudgets, { ...budget, status }, { subresource: 'status' })
    } catch (error) {
      // An eviction was faster: its change brings us back here.
      if (!isKubeFailure(error, 'conflict', 'notFound')) throw error
    }
    return recheck
  }

  #expectation(
    budget: PodDisruptionBudget,
    pods: readonly Pod[],
  ): { readonly expected: number; readonly desired: number } {
    const { minAvailable, maxUnavailable } = budget.spec ?? {}
    if (maxUnavailable !== undefined) {
      const expected = this.#expectedScale(pods)
      return { expected, desired: Math.max(0, expected - scaled(maxUnavailable, expected, Math.ceil)) }
    }
    if (typeof minAvailable === 'number') return { expected: pods.length, desired: minAvailable }
    if (minAvailable !== undefined) {
      const expected = this.#expectedScale(pods)
      return { expected, desired: scaled(minAvailable, expected, Math.ceil) }
    }
    return { expected: 0, desired: 0 }
  }

  /** The wanted sizes of all controllers of the pods, together. */
  #expectedScale(pods: readonly Pod[]): number {
    const sizes = new Map<string, number>()
    for (const pod of pods) {
      const owner = controllerOf(pod)
      if (owner === undefined || sizes.has(owner.uid)) continue
      const size = this.#scaleOf(pod.metadata.namespace, owner.kind, owner.name)
      if (size !== undefined) sizes.set(size.uid, size.replicas)
      if (size !== undefined && size.uid !== owner.uid) sizes.set(owner.uid, 0)
    }
    return [...sizes.values()].reduce((sum, size) => sum + size, 0)
  }

  #scaleOf(
    namespace: string,
    kind: string,
    name: string,
  ): { readonly uid: string; readonly replicas: number } | undefined {
    const { deployments, replicaSets, statefulSets } = this.#context.caches
    if (kind === 'StatefulSet') {
      const set = statefulSets.get({ namespace, name })
      return set === undefined ? undefined : { uid: set.metadata.uid, replicas: replicasOf(set) }
    }
    if (kind !== 'ReplicaSet') return undefined
    const set = replicaSets.get({ namespace, name })
    if (set === undefined) return undefined
    const owner = controllerOf(set)
    const deployment = owner?.kind === 'Deployment' ? deployments.get({ namespace, name: owner.name }) : undefined
    const scale = deployment ?? set
    return { uid: scale.metadata.uid, replicas: replicasOf(scale) }
  }
}

/** Evictions that were granted and whose pods are not gone yet; and when to look whether they went. */
function stillDisrupted(
  budget: PodDisruptionBudget,
  pods: readonly Pod[],
  now: number,
): { readonly disrupted: { readonly [pod: string]: string }; readonly recheck: Ms | undefined } {
  const disrupted: { [pod: string]: string } = {}
  let recheck: number | undefined
  const promised = budget.status?.disruptedPods ?? {}
  for (const pod of pods) {
    const at = own(promised, pod.metadata.name)
    const since = instant(at)
    if (since === undefined || pod.metadata.deletionTimestamp !== undefined) continue
    const left = since + deletionTimeoutMs - now
    if (left <= 0) continue
    disrupted[pod.metadata.name] = at!
    recheck = Math.min(recheck ?? Infinity, left)
  }
  return { disrupted, recheck: recheck === undefined ? undefined : ms(recheck) }
}

function condition(budget: PodDisruptionBudget, allowed: boolean, at: string): Condition {
  const status = allowed ? 'True' : 'False'
  const known = budget.status?.conditions?.find((c) => c.type === 'DisruptionAllowed')
  return {
    type: 'DisruptionAllowed',
    status,
    observedGeneration: budget.metadata.generation,
    lastTransitionTime: known?.status === status ? known.lastTransitionTime : at,
    reason: allowed ? 'SufficientPods' : 'InsufficientPods',
    message: '',
  }
}

function sameToBudgets(now: Pod, was: Pod): boolean {
  return (
    isPodReady(now) === isPodReady(was) &&
    now.metadata.deletionTimestamp === was.metadata.deletionTimestamp &&
    now.metadata.labels === was.metadata.labels &&
    now.status?.phase === was.status?.phase
  )
}
