// kubernetes/kubernetes:pkg/controller/replicaset/replica_set.go
import {
  controllerOf,
  labelSelectorMatches,
  ms,
  Pods,
  ReplicaSets,
  timestamp,
  type Ms,
  type OwnerReference,
  type Pod,
  type ReplicaSet,
  type ReplicaSetCondition,
  type ReplicaSetStatus,
} from '@plimsoll/model'
import { KubeError } from '@plimsoll/ports'
import { onChange } from '../caches.ts'
import { keyOfObject, splitKey } from '../machinery/reference.ts'
import { isPodActive, podAvailableFrom } from '../pods.ts'
import { WorkloadController, type ControllerContext } from './controller.ts'
import { controllerReference, inDeletionOrder, podFromTemplate, removePod } from './pod-control.ts'
import { PodTally } from './pod-tally.ts'

/** At most so many pods are made or removed in one go. */
const burstReplicas = 500

export class ReplicaSetController extends WorkloadController {
  readonly #tally: PodTally
  /** Keys of pods that left the selector of the set that owns them, by its uid. */
  readonly #strays = new Map<string, Set<string>>()

  constructor(context: ControllerContext) {
    super(context, { loop: 'replicaset', account: 'replicaset-controller' })
    this.#tally = new PodTally(context.caches, 'ReplicaSet', (namespace, name) =>
      this.loop.add(`${namespace}/${name}`),
    )
    onChange(context.caches.replicaSets, (now) => {
      if (now !== undefined) this.loop.add(`${now.metadata.namespace}/${now.metadata.name}`)
    })
    onChange(context.caches.pods, (now, was) => {
      if (now !== undefined && now.metadata.labels !== was?.metadata.labels) this.#relabelled(now)
    })
  }

  /** Pods without an owner may be wanted by a set that selects them; owned ones may have left their set's selector. */
  #relabelled(pod: Pod): void {
    const owner = controllerOf(pod)
    const { replicaSets } = this.context.caches
    if (owner === undefined) {
      if (!isPodActive(pod)) return
      for (const set of replicaSets.byIndex('namespace', pod.metadata.namespace)) {
        if (selects(set, pod)) this.loop.add(keyOfObject(set))
      }
    } else if (owner.kind === 'ReplicaSet') {
      const set = replicaSets.get({ namespace: pod.metadata.namespace, name: owner.name })
      if (set === undefined || set.metadata.uid !== owner.uid || selects(set, pod)) return
      let strays = this.#strays.get(owner.uid)
      if (strays === undefined) this.#strays.set(owner.uid, (strays = new Set()))
      strays.add(keyOfObject(pod))
      this.loop.add(keyOfObject(set))
    }
  }

  protected override async sync(key: string): Promise<Ms | undefined> {
    const set = this.context.caches.replicaSets.get(splitKey(key))
    if (set === undefined) return undefined
    let failure: string | undefined
    if (set.metadata.deletionTimestamp === undefined) {
      await this.#claim(set)
      failure = await this.#manage(set)
    }
    const wait = await this.#updateStatus(set, failure)
    if (failure !== undefined) throw new Error(failure)
    return wait
  }

  /** Takes in orphans that it selects and lets go what it no longer selects. */
  async #claim(set: ReplicaSet): Promise<void> {
    const { pods } = this.context.caches
    for (const pod of pods.byIndex('orphan', set.metadata.namespace)) {
      if (!selects(set, pod) || !isPodActive(pod)) continue
      const owners = [...(pod.metadata.ownerReferences ?? []), controllerReference(ReplicaSets, set)]
      await this.#setOwners(pod, owners)
    }
    const strays = this.#strays.get(set.metadata.uid)
    if (strays === undefined) return
    this.#strays.delete(set.metadata.uid)
    for (const key of strays) {
      const pod = pods.get(splitKey(key))
      if (pod === undefined || selects(set, pod)) continue
      const owners = (pod.metadata.ownerReferences ?? []).filter((owner) => owner.uid !== set.metadata.uid)
      await this.#setOwners(pod, owners)
    }
  }

  async #setOwners(pod: Pod, owners: readonly OwnerReference[]): Promise<void> {
    const body = { metadata: { uid: pod.metadata.uid, ownerReferences: owners as never } }
    await this.kube.patch(Pods, pod.metadata, { type: 'merge', body })
  }

  async #manage(set: ReplicaSet): Promise<string | undefined> {
    const wanted = set.spec.replicas ?? 1
    const { active } = this.#tally.of(set.metadata.uid)
    if (active < wanted) return this.#create(set, Math.min(wanted - active, burstReplicas))
    if (active > wanted) await this.#remove(set, Math.min(active - wanted, burstReplicas))
    return undefined
  }

  async #create(set: ReplicaSet, count: number): Promise<string | undefined> {
    const owners = [controllerReference(ReplicaSets, set)]
    const name = { generateName: `${set.metadata.name}-` }
    const draft = podFromTemplate(set.metadata.namespace, set.spec.template!, owners, name)
    for (let i = 0; i < count; i++) {
      try {
        const pod = await this.kube.create(Pods, draft)
        this.events.event(set, 'Normal', 'SuccessfulCreate', `Created pod: ${pod.metadata.name}`)
      } catch (error) {
        if (!(error instanceof KubeError)) throw error
        // Nothing is created in a namespace that is going away.
        if (error.status.details?.causes?.some((cause) => cause.reason === 'NamespaceTerminating') === true)
          return undefined
        this.events.event(set, 'Warning', 'FailedCreate', `Error creating: ${error.message}`)
        return error.message
      }
    }
    // What is missing beyond the burst is looked for when these have been seen.
    return undefined
  }

  async #remove(set: ReplicaSet, count: number): Promise<void> {
    const { pods } = this.context.caches
    const active = pods.byIndex('controller', set.metadata.uid).filter(isPodActive)
    const crowds = this.#crowds(set)
    const order = inDeletionOrder(active, (pod) => crowds.get(pod.spec.nodeName ?? '') ?? 0, this.context.clock.now())
    for (const pod of order.slice(0, count)) {
      await removePod(this.kube, pod)
      this.events.event(set, 'Normal', 'SuccessfulDelete', `Deleted pod: ${pod.metadata.name}`)
    }
  }

  /** Per node, the active pods of all sets of the same owner. */
  #crowds(set: ReplicaSet): Map<string, number> {
    const owner = controllerOf(set)
    const related = owner === undefined ? [set] : this.context.caches.replicaSets.byIndex('controller', owner.uid)
    const crowds = new Map<string, number>()
    for (const sibling of related) {
      for (const pod of this.context.caches.pods.byIndex('controller', sibling.metadata.uid)) {
        const node = pod.spec.nodeName
        if (node !== undefined && isPodActive(pod)) crowds.set(node, (crowds.get(node) ?? 0) + 1)
      }
    }
    return crowds
  }

  /** Returns after how long the next pod becomes available, if one will by time alone. */
  async #updateStatus(seen: ReplicaSet, failure: string | undefined): Promise<Ms | undefined> {
    const set = this.context.caches.replicaSets.get(seen.metadata)
    if (set === undefined || set.metadata.uid !== seen.metadata.uid) return undefined
    const { active, ready } = this.#tally.of(set.metadata.uid)
    const { available, next } = this.#available(set, ready)
    const conditions = replicaFailure(set, failure, this.context.clock.now())
    const status: ReplicaSetStatus = {
      replicas: active,
      ...(active === 0 ? {} : { fullyLabeledReplicas: active }),
      ...(ready === 0 ? {} : { readyReplicas: ready }),
      ...(available === 0 ? {} : { availableReplicas: available }),
      observedGeneration: seen.metadata.generation,
      ...(conditions.length === 0 ? {} : { conditions }),
    }
    if (!sameStatus(set.status, status)) {
      await this.kube.replace(ReplicaSets, { ...set, status }, { subresource: 'status' })
    }
    return next
  }

  #available(set: ReplicaSet, ready: number): { readonly available: number; readonly next: Ms | undefined } {
    const minReady = set.spec.minReadySeconds ?? 0
    if (minReady === 0 || ready === 0) return { available: ready, next: undefined }
    const now = this.context.clock.now()
    let available = 0
    let next: number | undefined
    for (const pod of this.context.caches.pods.byIndex('controller', set.metadata.uid)) {
      if (!isPodActive(pod)) continue
      const from = podAvailableFrom(pod, minReady)
      if (from === undefined) continue
      if (from <= now) available++
      else next = Math.min(next ?? Infinity, from - now)
    }
    return { available, next: next === undefined ? undefined : ms(next) }
  }
}

function selects(set: ReplicaSet, pod: Pod): boolean {
  return (
    set.metadata.namespace === pod.metadata.namespace &&
    set.metadata.deletionTimestamp === undefined &&
    labelSelectorMatches(set.spec.selector, pod.metadata.labels)
  )
}

function replicaFailure(set: ReplicaSet, failure: string | undefined, now: Ms): readonly ReplicaSetCondition[] {
  const others = (set.status?.conditions ?? []).filter((condition) => condition.type !== 'ReplicaFailure')
  if (failure === undefined) return others
  const known = set.status?.conditions?.find((condition) => condition.type === 'ReplicaFailure')
  return [
    ...others,
    {
      type: 'ReplicaFailure',
      status: 'True',
      lastTransitionTime: known?.lastTransitionTime ?? timestamp(now),
      reason: 'FailedCreate',
      message: failure,
    },
  ]
}

function sameStatus(a: ReplicaSetStatus | undefined, b: ReplicaSetStatus): boolean {
  return (
    a !== undefined &&
    a.replicas === b.replicas &&
    (a.readyReplicas ?? 0) === (b.readyReplicas ?? 0) &&
    (a.availableReplicas ?? 0) === (b.availableReplicas ?? 0) &&
    (a.fullyLabeledReplicas ?? 0) === (b.fullyLabeledReplicas ?? 0) &&
    a.observedGeneration === b.observedGeneration &&
    (a.conditions?.length ?? 0) === (b.conditions?.length ?? 0)
  )
}
