// kubernetes/kubernetes:pkg/controller/replicaset/replica_set.go, replica_set_utils.go; and pkg/controller/replication, which
// is the same controller for the older kind.
import {
  controllerOf,
  ms,
  Pods,
  ReplicaSets,
  ReplicationControllers,
  timestamp,
  type LabelSelector,
  type Ms,
  type PodTemplateSpec,
  type ReplicaSet,
  type ReplicaSetCondition,
  type ReplicaSetStatus,
  type ReplicationController,
  type ResourceType,
} from '@plimsoll/model'
import { KubeError } from '@plimsoll/ports'
import type { Informer } from '@plimsoll/runtime'
import { onChange } from '../caches.ts'
import { keyOfObject, splitKey } from '../machinery/reference.ts'
import { isPodActive, podAvailableFrom } from '../pods.ts'
import { WorkloadController, type Controller, type ControllerContext } from './controller.ts'
import { replicasOf } from './deployment-plan.ts'
import { PodClaims } from './pod-claims.ts'
import {
  controllerReference,
  inDeletionOrder,
  isNamespaceTerminating,
  podFromTemplate,
  removePod,
  slowStart,
} from './pod-control.ts'
import { PodTally } from './pod-tally.ts'

/** At most so many pods are made or removed in one go. */
const burstReplicas = 500

/** Both kinds say the same in slightly different words. */
type Replicator = ReplicaSet | ReplicationController

interface Flavour<T extends Replicator> {
  readonly type: ResourceType<T>
  readonly owners: Informer<T>
  readonly account: string
  readonly selectorOf: (owner: T) => LabelSelector | undefined
  /** Those whose pods count as related when the crowded ones go first. */
  readonly siblings: (owner: T) => readonly T[]
  /** Whether the status counts the pods that are going. */
  readonly countsTerminating: boolean
}

/** Keeps as many pods of one template as a ReplicaSet asks for. */
export function replicaSetController(context: ControllerContext): Controller {
  const { replicaSets } = context.caches
  return new ReplicaController<ReplicaSet>(context, {
    type: ReplicaSets,
    owners: replicaSets,
    account: 'replicaset-controller',
    selectorOf: (set) => set.spec.selector,
    siblings: (set) => {
      const owner = controllerOf(set)
      return owner === undefined ? [set] : replicaSets.byIndex('controller', owner.uid)
    },
    countsTerminating: true,
  })
}

/** The same for the kind that came before ReplicaSets. */
export function replicationController(context: ControllerContext): Controller {
  return new ReplicaController<ReplicationController>(context, {
    type: ReplicationControllers,
    owners: context.caches.replicationControllers,
    account: 'replication-controller',
    selectorOf: (controller) => ({ matchLabels: controller.spec?.selector ?? {} }),
    siblings: (controller) => [controller],
    countsTerminating: false,
  })
}

class ReplicaController<T extends Replicator> extends WorkloadController {
  readonly #flavour: Flavour<T>
  readonly #tally: PodTally
  readonly #claims: PodClaims<T>

  constructor(context: ControllerContext, flavour: Flavour<T>) {
    super(context, { loop: flavour.type.kind.toLowerCase(), account: flavour.account })
    this.#flavour = flavour
    const { caches } = context
    this.#tally = new PodTally(caches, flavour.type.kind, (namespace, name) => this.loop.add(`${namespace}/${name}`))
    onChange(flavour.owners, (now) => {
      if (now !== undefined) this.loop.add(keyOfObject(now))
    })
    const { type, owners, selectorOf } = flavour
    this.#claims = new PodClaims({
      caches,
      kube: this.kube,
      type,
      owners,
      selectorOf,
      enqueue: (key) => this.loop.add(key),
    })
  }

  protected override async sync(key: string): Promise<Ms | undefined> {
    const owner = this.#flavour.owners.get(splitKey(key))
    if (owner === undefined) return undefined
    await this.#claims.claim(owner)
    let failure: Failure | undefined
    if (owner.metadata.deletionTimestamp === undefined) failure = await this.#manage(owner)
    const wait = await this.#updateStatus(owner, failure)
    if (failure !== undefined) throw failure.error
    return wait
  }

  async #manage(owner: T): Promise<Failure | undefined> {
    const wanted = replicasOf(owner as ReplicaSet)
    const { active } = this.#tally.of(owner.metadata.uid)
    if (active < wanted) return this.#create(owner, Math.min(wanted - active, burstReplicas))
    if (active > wanted) return this.#remove(owner, Math.min(active - wanted, burstReplicas))
    return undefined
  }

  /** What is missing beyond the burst is looked for when these have been seen. */
  async #create(owner: T, count: number): Promise<Failure | undefined> {
    const owners = [controllerReference(this.#flavour.type, owner)]
    const name = { generateName: `${owner.metadata.name}-` }
    const template = owner.spec!.template as PodTemplateSpec
    const draft = podFromTemplate(owner.metadata.namespace, template, owners, name)
    try {
      await slowStart(count, async () => {
        try {
          const pod = await this.kube.create(Pods, draft)
          this.events.event(owner, 'Normal', 'SuccessfulCreate', `Created pod: ${pod.metadata.name}`)
        } catch (error) {
          if (isNamespaceTerminating(error)) return
          if (error instanceof KubeError)
            this.events.event(owner, 'Warning', 'FailedCreate', `Error creating: ${error.message}`)
          throw error
        }
      })
    } catch (error) {
      if (!(error instanceof KubeError)) throw error
      return { reason: 'FailedCreate', error }
    }
    return undefined
  }

  async #remove(owner: T, count: number): Promise<Failure | undefined> {
    const { pods } = this.context.caches
    const active = pods.byIndex('controller', owner.metadata.uid).filter(isPodActive)
    const crowds = count < active.length ? this.#crowds(owner) : new Map<string, number>()
    const order = inDeletionOrder(active, (pod) => crowds.get(pod.spec.nodeName ?? '') ?? 0, this.context.clock.now())
    let failure: Failure | undefined
    for (const pod of order.slice(0, count)) {
      try {
        await removePod(this.kube, pod)
        this.events.event(owner, 'Normal', 'SuccessfulDelete', `Deleted pod: ${pod.metadata.name}`)
      } catch (error) {
        if (!(error instanceof KubeError)) throw error
        if (error.failure === 'conflict') continue
        this.events.event(owner, 'Warning', 'FailedDelete', `Error deleting: ${error.message}`)
        failure ??= { reason: 'FailedDelete', error }
      }
    }
    return failure
  }

  /** Per node, the active pods of all sets of the same owner. */
  #crowds(owner: T): Map<string, number> {
    const crowds = new Map<string, number>()
    for (const sibling of this.#flavour.siblings(owner)) {
      for (const pod of this.context.caches.pods.byIndex('controller', sibling.metadata.uid)) {
        const node = pod.spec.nodeName
        if (node !== undefined && isPodActive(pod)) crowds.set(node, (crowds.get(node) ?? 0) + 1)
      }
    }
    return crowds
  }

  /** Returns after how long the next pod becomes available, if one will by time alone. */
  async #updateStatus(seen: T, failure: Failure | undefined): Promise<Ms | undefined> {
    const owner = this.#flavour.owners.get(seen.metadata)
    if (owner === undefined || owner.metadata.uid !== seen.metadata.uid) return undefined
    const { active, ready, terminating } = this.#tally.of(owner.metadata.uid)
    const { available, next } = this.#available(owner, ready)
    const conditions = replicaFailure(owner as ReplicaSet, failure, this.context.clock.now())
    const status: ReplicaSetStatus = {
      replicas: active,
      ...(active === 0 ? {} : { fullyLabeledReplicas: active }),
      ...(ready === 0 ? {} : { readyReplicas: ready }),
      ...(available === 0 ? {} : { availableReplicas: available }),
      ...(this.#flavour.countsTerminating ? { terminatingReplicas: terminating } : {}),
      observedGeneration: seen.metadata.generation,
      ...(conditions.length === 0 ? {} : { conditions }),
    }
    if (!sameStatus(owner.status, status)) {
      await this.kube.replace(this.#flavour.type, { ...owner, status }, { subresource: 'status' })
    }
    return next
  }

  #available(owner: T, ready: number): { readonly available: number; readonly next: Ms | undefined } {
    const minReady = owner.spec?.minReadySeconds ?? 0
    if (minReady === 0 || ready === 0) return { available: ready, next: undefined }
    const now = this.context.clock.now()
    let available = 0
    let next: number | undefined
    for (const pod of this.context.caches.pods.byIndex('controller', owner.metadata.uid)) {
      if (!isPodActive(pod)) continue
      const from = podAvailableFrom(pod, minReady)
      if (from === undefined) continue
      if (from <= now) available++
      else next = Math.min(next ?? Infinity, from - now)
    }
    return { available, next: next === undefined ? undefined : ms(next) }
  }
}

interface Failure {
  readonly reason: 'FailedCreate' | 'FailedDelete'
  readonly error: KubeError
}

/** The first failure is told until nothing fails. */
function replicaFailure(set: ReplicaSet, failure: Failure | undefined, now: Ms): readonly ReplicaSetCondition[] {
  const conditions = set.status?.conditions ?? []
  const known = conditions.some((condition) => condition.type === 'ReplicaFailure')
  if (failure === undefined) {
    return known ? conditions.filter((condition) => condition.type !== 'ReplicaFailure') : conditions
  }
  if (known) return conditions
  const facts = { reason: failure.reason, message: failure.error.message, lastTransitionTime: timestamp(now) }
  return [...conditions, { type: 'ReplicaFailure', status: 'True', ...facts }]
}

function sameStatus(a: ReplicaSetStatus | undefined, b: ReplicaSetStatus): boolean {
  return (
    a !== undefined &&
    a.replicas === b.replicas &&
    (a.readyReplicas ?? 0) === (b.readyReplicas ?? 0) &&
    (a.availableReplicas ?? 0) === (b.availableReplicas ?? 0) &&
    (a.fullyLabeledReplicas ?? 0) === (b.fullyLabeledReplicas ?? 0) &&
    a.terminatingReplicas === b.terminatingReplicas &&
    a.observedGeneration === b.observedGeneration &&
    (a.conditions?.length ?? 0) === (b.conditions?.length ?? 0)
  )
}
