// kubernetes/kubernetes:pkg/controller/statefulset (stateful_set.go, stateful_set_control.go, stateful_pod_control.go). Pods
// have names with ordinals and claims of their own; they come one after another and go in the reverse order.
import {
  ms,
  PersistentVolumeClaims,
  Pods,
  StatefulSets,
  type ControllerRevision,
  type Draft,
  type Ms,
  type PersistentVolumeClaim,
  type Pod,
  type StatefulSet,
  type StatefulSetStatus,
} from '@plimsoll/model'
import { isKubeFailure, KubeError } from '@plimsoll/ports'
import { splitKey } from '../machinery/reference.ts'
import { isPodFinished, isPodReady, podAvailableFrom } from '../pods.ts'
import {
  ControllerHistory,
  podRevisionLabel,
  revisionHash,
  revisionHashLabel,
  revisionText,
  templateOf,
} from './controller-history.ts'
import { followOwned, WorkloadController, type ControllerContext } from './controller.ts'
import { replicasOf, scaled } from './deployment-plan.ts'
import { PodClaims } from './pod-claims.ts'
import { controllerReference, podFromTemplate, removePod, slowStart } from './pod-control.ts'
import {
  claimOwners,
  claimsOf,
  firstOrdinal,
  hasOtherController,
  isStale,
  isWanted,
  ordinalOf,
  retentionOf,
  volumesOf,
} from './stateful-claims.ts'

const podNameLabel = 'statefulset.kubernetes.io/pod-name'
const podIndexLabel = 'apps.kubernetes.io/pod-index'

interface Revisions {
  readonly current: ControllerRevision
  readonly update: ControllerRevision
  readonly all: readonly ControllerRevision[]
  readonly collisions: number
}

/** Whether to go on with the next pod, or to wait for something to change. */
type Step = 'on' | 'wait'

export class StatefulSetController extends WorkloadController {
  readonly #claims: PodClaims<StatefulSet>
  readonly #history: ControllerHistory<StatefulSet>

  constructor(context: ControllerContext) {
    super(context, { loop: 'statefulset', account: 'statefulset-controller' })
    const { caches } = context
    followOwned(this.loop, 'StatefulSet', { owners: caches.statefulSets, owned: caches.pods })
    const enqueue = (key: string): void => this.loop.add(key)
    this.#history = new ControllerHistory({ kube: this.kube, caches, type: StatefulSets, enqueue })
    this.#claims = new PodClaims({
      caches,
      kube: this.kube,
      type: StatefulSets,
      owners: caches.statefulSets,
      selectorOf: (set) => set.spec.selector,
      fits: (set, pod) => pod.metadata.name.replace(/-\d+$/, '') === set.metadata.name,
      enqueue,
    })
  }

  protected override async sync(key: string): Promise<Ms | undefined> {
    const set = this.context.caches.statefulSets.get(splitKey(key))
    if (set === undefined) return undefined
    const known = await this.#history.revisionsOf(set)
    await this.#claims.claim(set)
    const revisions = await this.#revisions(set, known)
    let failure: KubeError | undefined
    if (set.metadata.deletionTimestamp === undefined) {
      await this.#manage(set, revisions).catch((error: unknown) => {
        if (!(error instanceof KubeError)) throw error
        failure = error
      })
    }
    const wait = await this.#updateStatus(set, revisions)
    await this.#truncate(set, revisions)
    if (failure !== undefined) throw failure
    return wait
  }

  /** The revision that pods are to have, made when the template is new, and the one that they had before. */
  async #revisions(set: StatefulSet, known: readonly ControllerRevision[]): Promise<Revisions> {
    const next = (known.at(-1)?.revision ?? 0) + 1
    const same = this.#history.matching(set, known).at(-1)
    let collisions = set.status?.collisionCount ?? 0
    let update = same
    if (same !== undefined && same !== known.at(-1)) update = await this.#history.renumber(same, next)
    while (update === undefined) {
      const hash = revisionHash(revisionText(set.spec.template), collisions)
      update = await this.#history.create(set, { hash, hashLabel: revisionHashLabel, revision: next })
      if (update === undefined) collisions++
    }
    const current = known.find((revision) => revision.metadata.name === set.status?.currentRevision) ?? update
    return { current, update, all: known, collisions }
  }

  #podsOf(set: StatefulSet): readonly Pod[] {
    return this.context.caches.pods
      .byIndex('controller', set.metadata.uid)
      .filter((pod) => ordinalOf(pod.metadata.name) >= 0)
  }

  /** As far as it goes now; each change of a pod brings us back. */
  async #manage(set: StatefulSet, revisions: Revisions): Promise<void> {
    const pods = new Map(this.#podsOf(set).map((pod) => [ordinalOf(pod.metadata.name), pod]))
    const first = firstOrdinal(set)
    const monotonic = set.spec.podManagementPolicy !== 'Parallel'
    const wanted = Array.from({ length: replicasOf(set) }, (_, i) => first + i)
    const condemned = [...pods.values()]
      .filter((pod) => !isWanted(set, ordinalOf(pod.metadata.name)))
      .sort((a, b) => ordinalOf(b.metadata.name) - ordinalOf(a.metadata.name))
    const firstUnhealthy = wanted.some((ordinal) => this.#isUnavailable(set, pods.get(ordinal)))
      ? undefined
      : condemned.findLast((pod) => this.#isUnavailable(set, pod))

    const replica = (ordinal: number): Promise<Step> =>
      this.#processReplica(set, revisions, ordinal, pods.get(ordinal), monotonic)
    if ((await eachOf(wanted, replica, monotonic)) === 'wait') return
    for (const pod of condemned) await this.#settleClaims(set, pod)
    const leave = (pod: Pod): Promise<Step> => this.#processCondemned(set, pod, pod === firstUnhealthy, monotonic)
    if ((await eachOf(condemned, leave, monotonic)) === 'wait') return
    if (set.spec.updateStrategy?.type !== 'OnDelete') await this.#rollOut(set, revisions, wanted)
  }

  async #processReplica(
    set: StatefulSet,
    revisions: Revisions,
    ordinal: number,
    pod: Pod | undefined,
    monotonic: boolean,
  ): Promise<Step> {
    if (pod === undefined) {
      return (await this.#create(set, revisions, ordinal)) && !monotonic ? 'on' : 'wait'
    }
    const deleting = pod.metadata.deletionTimestamp !== undefined
    if (isPodFinished(pod)) {
      // Its successor has the same name, so it must be gone first.
      if (!deleting) await this.#remove(set, pod)
      return 'wait'
    }
    if (pod.status?.phase === 'Pending') {
      await this.#ensureClaims(set, pod.metadata.name)
      await this.#settleClaims(set, pod)
    }
    if (monotonic && (deleting || !this.#isAvailable(set, pod))) return 'wait'
    await this.#keepIdentity(set, pod)
    await this.#settleClaims(set, pod)
    return 'on'
  }

  async #processCondemned(set: StatefulSet, pod: Pod, isFirstUnhealthy: boolean, monotonic: boolean): Promise<Step> {
    if (pod.metadata.deletionTimestamp !== undefined) return monotonic ? 'wait' : 'on'
    if (monotonic && !this.#isAvailable(set, pod) && !isFirstUnhealthy) return 'wait'
    await this.#remove(set, pod)
    return monotonic ? 'wait' : 'on'
  }

  /** From the highest ordinal down to the partition, as many at a time as may be missing. */
  async #rollOut(set: StatefulSet, { update }: Revisions, wanted: readonly number[]): Promise<void> {
    const rolling = set.spec.updateStrategy?.rollingUpdate
    const most = Math.max(1, scaled(rolling?.maxUnavailable ?? 1, replicasOf(set), Math.floor))
    const byOrdinal = new Map(this.#podsOf(set).map((pod) => [ordinalOf(pod.metadata.name), pod]))
    const pods = wanted.map((ordinal) => byOrdinal.get(ordinal))
    let spare = most - pods.filter((pod) => this.#isUnavailable(set, pod)).length
    for (const pod of pods.slice(rolling?.partition ?? 0).reverse()) {
      if (spare <= 0) return
      if (pod === undefined || pod.metadata.deletionTimestamp !== undefined) continue
      if (pod.metadata.labels?.[podRevisionLabel] === update.metadata.name) continue
      await this.#remove(set, pod)
      spare--
    }
  }

  #isAvailable(set: StatefulSet, pod: Pod): boolean {
    const from = podAvailableFrom(pod, set.spec.minReadySeconds ?? 0)
    return pod.status?.phase === 'Running' && from !== undefined && from <= this.context.clock.now()
  }

  #isUnavailable(set: StatefulSet, pod: Pod | undefined): boolean {
    return pod === undefined || pod.metadata.deletionTimestamp !== undefined || !this.#isAvailable(set, pod)
  }

  /** Below the partition pods keep the template that they had. False when the pod has to wait for an old claim to go. */
  async #create(set: StatefulSet, { current, update }: Revisions, ordinal: number): Promise<boolean> {
    const name = `${set.metadata.name}-${ordinal}`
    const partition = set.spec.updateStrategy?.rollingUpdate?.partition
    const old = partition !== undefined && ordinal < firstOrdinal(set) + partition
    const revision = old ? current : update
    const template = revision === update ? set.spec.template : templateOf(revision)
    const volumes = volumesOf(set, template.spec, ordinal)
    const draft = podFromTemplate(
      set.metadata.namespace,
      template,
      [controllerReference(StatefulSets, set)],
      { name, generateName: `${set.metadata.name}-` },
      {
        labels: { ...identity(name, ordinal), [podRevisionLabel]: revision.metadata.name },
        spec: {
          hostname: name,
          subdomain: set.spec.serviceName,
          ...(volumes === undefined ? {} : { volumes }),
        },
      },
    )
    if (this.#waitsForClaim(set, draft)) return false
    try {
      await this.#ensureClaims(set, name)
      const pod = await this.kube.create(Pods, draft)
      await this.#settleClaims(set, pod)
    } catch (error) {
      if (!isKubeFailure(error, 'alreadyExists')) this.#tell(set, 'Create', name, error)
      throw error
    }
    this.#tell(set, 'Create', name)
    return true
  }

  /** A claim that still belongs to the pod's predecessor is about to go with it. */
  #waitsForClaim(set: StatefulSet, pod: Draft<Pod>): boolean {
    if (retentionOf(set).whenScaled !== 'Delete') return false
    return claimsOf(set, ordinalOf(pod.metadata.name!)).some(({ metadata }) => {
      const claim = this.context.caches.claims.get({ namespace: set.metadata.namespace, name: metadata.name! })
      return claim !== undefined && isStale(claim, set, { ...pod, metadata: { ...pod.metadata, uid: '' } } as Pod)
    })
  }

  /** Claims stay when their pod goes: its successor finds its data again. */
  async #ensureClaims(set: StatefulSet, podName: string): Promise<void> {
    for (const draft of claimsOf(set, ordinalOf(podName))) {
      const name = draft.metadata.name!
      const known = this.context.caches.claims.get({ namespace: set.metadata.namespace, name })
      if (known?.metadata.deletionTimestamp !== undefined) throw claimFailure(`pvc ${name} is being deleted`)
      if (known !== undefined) continue
      try {
        await this.kube.create(PersistentVolumeClaims, draft)
      } catch (error) {
        if (!(error instanceof KubeError) || error.failure === 'alreadyExists') throw error
        const told = `Create Claim ${name} for Pod ${podName} in StatefulSet ${set.metadata.name} failed error: ${error.message}`
        this.events.event(set, 'Warning', 'FailedCreate', told)
        throw claimFailure(`failed to create PVC ${name}: ${error.message}`, error)
      }
      const told = `Create Claim ${name} Pod ${podName} in StatefulSet ${set.metadata.name} success`
      this.events.event(set, 'Normal', 'SuccessfulCreate', told)
    }
  }

  /** Brings the owners of the pod's claims to what the retention policy says. */
  async #settleClaims(set: StatefulSet, pod: Pod): Promise<void> {
    for (const { metadata } of claimsOf(set, ordinalOf(pod.metadata.name))) {
      const key = { namespace: set.metadata.namespace, name: metadata.name! }
      const claim = this.context.caches.claims.get(key)
      const owners = claim === undefined ? undefined : claimOwners(claim, set, pod)
      if (claim === undefined || owners === undefined) continue
      if (hasOtherController(claim, set, pod)) {
        const told = `PersistentVolumeClaim ${key.name} has a conflicting OwnerReference that acts as a manging controller, the retention policy is ignored for this claim`
        this.events.event(set, 'Warning', 'ConflictingController', told)
      }
      await this.#setOwners(claim, owners)
    }
  }

  async #setOwners(claim: PersistentVolumeClaim, owners: NonNullable<ReturnType<typeof claimOwners>>): Promise<void> {
    const ownerReferences = owners.length === 0 ? undefined : owners
    await this.kube.replace(PersistentVolumeClaims, { ...claim, metadata: { ...claim.metadata, ownerReferences } })
  }

  /** The labels by which a pod is known may not be taken off. */
  async #keepIdentity(set: StatefulSet, pod: Pod): Promise<void> {
    const { name, uid, labels } = pod.metadata
    if (labels?.[podNameLabel] === name) return
    const body = { metadata: { uid, labels: identity(name, ordinalOf(name)) } }
    await this.kube.patch(Pods, pod.metadata, { type: 'merge', body })
    this.#tell(set, 'Update', name)
  }

  async #remove(set: StatefulSet, pod: Pod): Promise<void> {
    try {
      await removePod(this.kube, pod)
    } catch (error) {
      this.#tell(set, 'Delete', pod.metadata.name, error)
      throw error
    }
    this.#tell(set, 'Delete', pod.metadata.name)
  }

  #tell(set: StatefulSet, verb: 'Create' | 'Update' | 'Delete', pod: string, error?: unknown): void {
    const what = `${verb} Pod ${pod} in StatefulSet ${set.metadata.name}`
    if (error === undefined) this.events.event(set, 'Normal', `Successful${verb}`, `${what} successful`)
    else if (error instanceof KubeError) {
      this.events.event(set, 'Warning', `Failed${verb}`, `${what} failed error: ${error.message}`)
    }
  }

  async #updateStatus(seen: StatefulSet, { current, update, collisions }: Revisions): Promise<Ms | undefined> {
    const set = this.context.caches.statefulSets.get(seen.metadata)
    if (set === undefined || set.metadata.uid !== seen.metadata.uid) return undefined
    const now = this.context.clock.now()
    let replicas = 0
    let ready = 0
    let available = 0
    let onCurrent = 0
    let onUpdate = 0
    let next: number | undefined
    for (const pod of this.#podsOf(set)) {
      replicas++
      if (pod.status?.phase === 'Running' && isPodReady(pod)) {
        ready++
        const from = podAvailableFrom(pod, set.spec.minReadySeconds ?? 0)!
        if (from <= now) available++
        else next = Math.min(next ?? Infinity, from - now)
      }
      if (pod.metadata.deletionTimestamp !== undefined) continue
      const revision = pod.metadata.labels?.[podRevisionLabel]
      if (revision === current.metadata.name) onCurrent++
      if (revision === update.metadata.name) onUpdate++
    }
    const wanted = replicasOf(seen)
    const done =
      seen.spec.updateStrategy?.type !== 'OnDelete' && onUpdate === wanted && ready === wanted && replicas === wanted
    if (done) onCurrent = onUpdate
    const status: StatefulSetStatus = {
      observedGeneration: seen.metadata.generation,
      replicas,
      ...(ready === 0 ? {} : { readyReplicas: ready }),
      ...(onCurrent === 0 ? {} : { currentReplicas: onCurrent }),
      ...(onUpdate === 0 ? {} : { updatedReplicas: onUpdate }),
      currentRevision: (done ? update : current).metadata.name,
      updateRevision: update.metadata.name,
      collisionCount: collisions,
      availableReplicas: available,
    }
    if (JSON.stringify(status) !== JSON.stringify(set.status)) {
      await this.kube.replace(StatefulSets, { ...set, status }, { subresource: 'status' })
    }
    return next === undefined ? undefined : ms(next)
  }

  /** Revisions that no pod has and that are beyond the limit go, oldest first. */
  async #truncate(set: StatefulSet, { current, update, all }: Revisions): Promise<void> {
    const limit = set.spec.revisionHistoryLimit ?? 10
    const live = new Set([current, update].map((revision) => revision.metadata.name))
    for (const pod of this.#podsOf(set)) live.add(pod.metadata.labels?.[podRevisionLabel] ?? '')
    const spare = all.filter((revision) => !live.has(revision.metadata.name))
    for (const revision of spare.slice(0, Math.max(0, spare.length - limit))) await this.#history.remove(revision)
  }
}

/** One after another while each is well; or all at once, and then on in any case. */
async function eachOf<T>(items: readonly T[], step: (item: T) => Promise<Step>, monotonic: boolean): Promise<Step> {
  if (monotonic) {
    for (const item of items) if ((await step(item)) === 'wait') return 'wait'
  } else {
    await slowStart(items.length, async (i) => void (await step(items[i]!)))
  }
  return 'on'
}

function identity(name: string, ordinal: number): { [label: string]: string } {
  return { [podNameLabel]: name, [podIndexLabel]: String(ordinal) }
}

function claimFailure(message: string, cause?: unknown): KubeError {
  return new KubeError('internal', { status: 'Failure', message, code: 500, reason: 'InternalError' }, cause)
}
