// kubernetes/kubernetes:pkg/controller/deployment (deployment_controller.go, sync.go, progress.go, recreate.go)
import {
  controllerOf,
  Deployments,
  instant,
  labelSelectorMatches,
  ms,
  ReplicaSets,
  timestamp,
  type Deployment,
  type DeploymentCondition,
  type DeploymentStatus,
  type Draft,
  type Ms,
  type OwnerReference,
  type ReplicaSet,
  type ReplicaSetCondition,
} from '@plimsoll/model'
import { ignoreNotFound, isKubeFailure, KubeError } from '@plimsoll/ports'
import { onChange } from '../caches.ts'
import { keyOfObject, splitKey } from '../machinery/reference.ts'
import { isPodFinished } from '../pods.ts'
import { WorkloadController, type ControllerContext } from './controller.ts'
import {
  byAge,
  desiredAnnotation,
  fenceposts,
  findNewSet,
  hashLabel,
  isScaling,
  maxAnnotation,
  newSetReplicas,
  proportionalResize,
  replicasOf,
  revisionAnnotation,
  revisionOf,
  rollingStep,
  templateHash,
  templateText,
  type Resize,
} from './deployment-plan.ts'
import { controllerReference, isNamespaceTerminating } from './pod-control.ts'

const historyAnnotation = 'deployment.kubernetes.io/revision-history'
/** Annotations of a deployment that its sets do not inherit. */
const ownAnnotations = new Set([
  'kubectl.kubernetes.io/last-applied-configuration',
  revisionAnnotation,
  historyAnnotation,
  desiredAnnotation,
  maxAnnotation,
  'deprecated.deployment.rollback.to',
])
/** The earlier revisions of a set are told in no more letters. */
const historyLettersMax = 2000
/** Stands for "never" where a limit or deadline is asked for. */
const unlimited = 2_147_483_647

interface Sets {
  readonly newSet: ReplicaSet | undefined
  /** All but the new one, oldest first. */
  readonly olds: readonly ReplicaSet[]
  readonly all: readonly ReplicaSet[]
}

export class DeploymentController extends WorkloadController {
  constructor(context: ControllerContext) {
    super(context, { loop: 'deployment', account: 'deployment-controller' })
    const { caches } = context
    onChange(caches.deployments, (now) => {
      if (now !== undefined) this.loop.add(keyOfObject(now))
    })
    onChange(caches.replicaSets, (now, was) => {
      for (const set of [now, was]) {
        const owner = set === undefined ? undefined : controllerOf(set)
        if (owner?.kind === 'Deployment') this.loop.add(`${set!.metadata.namespace}/${owner.name}`)
      }
      if (now !== undefined && controllerOf(now) === undefined) this.#offer(now)
    })
    // A Recreate deployment waits for the last of its old pods to be gone.
    onChange(caches.pods, (now, was) => {
      if (now !== undefined || was === undefined) return
      const owner = controllerOf(was)
      if (owner?.kind !== 'ReplicaSet') return
      const set = caches.replicaSets.get({ namespace: was.metadata.namespace, name: owner.name })
      const deployment = set === undefined ? undefined : controllerOf(set)
      if (deployment === undefined) return
      const key = { namespace: was.metadata.namespace, name: deployment.name }
      if (caches.deployments.get(key)?.spec.strategy?.type === 'Recreate') {
        this.loop.add(`${key.namespace}/${key.name}`)
      }
    })
  }

  /** A set that nobody controls may be wanted. */
  #offer(set: ReplicaSet): void {
    for (const deployment of this.context.caches.deployments.items()) {
      if (selects(deployment, set)) this.loop.add(keyOfObject(deployment))
    }
  }

  protected override async sync(key: string): Promise<Ms | undefined> {
    const deployment = this.context.caches.deployments.get(splitKey(key))
    if (deployment === undefined) return undefined
    await this.#claim(deployment)
    if (deployment.metadata.deletionTimestamp !== undefined) {
      return this.#updateStatus(deployment, { progress: false })
    }
    await this.#notePause(deployment)
    if (deployment.spec.paused === true) return this.#scale(deployment)
    await this.#withRevisions(deployment, false)
    if (isScaling(deployment, this.#setsOf(deployment))) return this.#scale(deployment)
    return deployment.spec.strategy?.type === 'Recreate' ? this.#recreate(deployment) : this.#roll(deployment)
  }

  /** Resizes without rolling anything out. */
  async #scale(deployment: Deployment): Promise<Ms | undefined> {
    const sets = await this.#withRevisions(deployment, false)
    for (const resize of proportional(deployment, sets)) await this.#resize(deployment, resize)
    if (deployment.spec.paused === true) await this.#cleanUp(deployment)
    return this.#updateStatus(deployment, { progress: false })
  }

  async #roll(deployment: Deployment): Promise<Ms | undefined> {
    const { newSet, olds, all } = await this.#withRevisions(deployment, true)
    const steps = newSet === undefined ? [] : rollingStep(deployment, all, newSet, olds)
    for (const step of steps) await this.#resize(deployment, step)
    if (steps.length === 0 && this.#isDone(deployment)) await this.#cleanUp(deployment)
    return this.#updateStatus(deployment, { progress: true })
  }

  async #recreate(deployment: Deployment): Promise<Ms | undefined> {
    const { olds } = await this.#withRevisions(deployment, false)
    const running = olds.filter((set) => replicasOf(set) > 0)
    for (const set of running) await this.#resize(deployment, { set, replicas: 0 })
    const lingering = olds.some(
      (set) =>
        (set.status?.replicas ?? 0) > 0 ||
        this.context.caches.pods.byIndex('controller', set.metadata.uid).some((pod) => !isPodFinished(pod)),
    )
    if (running.length === 0 && !lingering) {
      const { newSet } = await this.#withRevisions(deployment, true)
      if (newSet !== undefined) await this.#resize(deployment, { set: newSet, replicas: replicasOf(deployment) })
      if (this.#isDone(deployment)) await this.#cleanUp(deployment)
    }
    return this.#updateStatus(deployment, { progress: true })
  }

  #setsOf(deployment: Deployment): readonly ReplicaSet[] {
    return this.context.caches.replicaSets.byIndex('controller', deployment.metadata.uid)
  }

  #partition(deployment: Deployment): Sets {
    const all = byAge(this.#setsOf(deployment))
    const newSet = findNewSet(deployment, all)
    return { newSet, olds: all.filter((set) => set !== newSet), all }
  }

  /** Takes in the sets that it selects and nobody controls, and lets go those that it no longer selects. */
  async #claim(deployment: Deployment): Promise<void> {
    const { uid, namespace, deletionTimestamp } = deployment.metadata
    const { replicaSets } = this.context.caches
    if (deletionTimestamp === undefined) {
      for (const set of replicaSets.byIndex('orphan', namespace)) {
        if (set.metadata.deletionTimestamp !== undefined || !selects(deployment, set)) continue
        const reference = controllerReference(Deployments, deployment)
        await this.#setOwners(set, [...(set.metadata.ownerReferences ?? []), reference])
      }
    }
    for (const set of replicaSets.byIndex('controller', uid)) {
      if (selects(deployment, set)) continue
      await this.#setOwners(
        set,
        (set.metadata.ownerReferences ?? []).filter((owner) => owner.uid !== uid),
      )
    }
  }

  async #setOwners(set: ReplicaSet, owners: readonly OwnerReference[]): Promise<void> {
    const body = { metadata: { uid: set.metadata.uid, ownerReferences: owners as never } }
    await this.kube.patch(ReplicaSets, set.metadata, { type: 'merge', body }).catch(ignoreNotFound)
  }

  /** The sets, the new one carrying the highest revision; it is made when it is missing and wanted. */
  async #withRevisions(deployment: Deployment, create: boolean): Promise<Sets> {
    const { newSet, olds } = this.#partition(deployment)
    const revision = String(Math.max(0, ...olds.map(revisionOf)) + 1)
    if (newSet !== undefined) {
      const annotations = this.#inherited(deployment, newSet, revision)
      const minReadySeconds = deployment.spec.minReadySeconds
      if (
        !sameMap(annotations, newSet.metadata.annotations) ||
        (newSet.spec.minReadySeconds ?? 0) !== (minReadySeconds ?? 0)
      ) {
        await this.kube.replace(ReplicaSets, {
          ...newSet,
          metadata: { ...newSet.metadata, annotations },
          spec: { ...newSet.spec, minReadySeconds },
        })
      }
      await this.#markRevision(deployment, annotations[revisionAnnotation]!)
      if (hasDeadline(deployment) && progressing(deployment) === undefined) {
        await this.#setProgressing(
          deployment,
          'True',
          'FoundNewReplicaSet',
          `Found new replica set "${newSet.metadata.name}"`,
        )
      }
    } else if (create) {
      await this.#createSet(deployment, revision, olds)
    }
    return this.#partition(deployment)
  }

  /** A set that is the newest again takes a new revision; one that has the newest keeps it. */
  #inherited(deployment: Deployment, set: ReplicaSet | undefined, revision: string): { [key: string]: string } {
    const inherited: { [key: string]: string } = { ...set?.metadata.annotations }
    for (const [key, value] of Object.entries(deployment.metadata.annotations ?? {})) {
      if (!ownAnnotations.has(key)) inherited[key] = value
    }
    const known = set === undefined ? 0 : revisionOf(set)
    if (known < Number(revision)) {
      if (known > 0) {
        const earlier = [...(inherited[historyAnnotation]?.split(',') ?? []), String(known)]
        while (earlier.join(',').length > historyLettersMax) earlier.shift()
        inherited[historyAnnotation] = earlier.join(',')
      }
      inherited[revisionAnnotation] = revision
    }
    return inherited
  }

  async #createSet(deployment: Deployment, revision: string, olds: readonly ReplicaSet[]): Promise<void> {
    const { template } = deployment.spec
    const hash = templateHash(template, deployment.status?.collisionCount)
    const labels = { ...template.metadata?.labels, [hashLabel]: hash }
    const name = `${deployment.metadata.name.slice(0, 252 - hash.length)}-${hash}`
    const replicas = newSetReplicas(deployment, olds, undefined)
    const { surge } = fenceposts(deployment)
    const draft: Draft<ReplicaSet> = {
      metadata: {
        name,
        namespace: deployment.metadata.namespace,
        labels,
        annotations: {
          ...this.#inherited(deployment, undefined, revision),
          [desiredAnnotation]: String(replicasOf(deployment)),
          [maxAnnotation]: String(replicasOf(deployment) + surge),
        },
        ownerReferences: [controllerReference(Deployments, deployment)],
      },
      spec: {
        replicas,
        minReadySeconds: deployment.spec.minReadySeconds,
        selector: {
          ...deployment.spec.selector,
          matchLabels: { ...deployment.spec.selector.matchLabels, [hashLabel]: hash },
        },
        template: { ...template, metadata: { ...template.metadata, labels } },
      },
    }
    try {
      await this.kube.create(ReplicaSets, draft)
    } catch (error) {
      if (isKubeFailure(error, 'alreadyExists')) {
        await this.#collided(deployment, name)
        return
      }
      if (error instanceof KubeError && !isNamespaceTerminating(error)) {
        const message = `Failed to create new replica set "${name}": ${error.message}`
        await this.#setProgressing(deployment, 'False', 'ReplicaSetCreateError', message)
        this.events.event(deployment, 'Warning', 'ReplicaSetCreateError', message)
      }
      throw error
    }
    if (replicas > 0) {
      this.events.event(
        deployment,
        'Normal',
        'ScalingReplicaSet',
        `Scaled up replica set ${name} from 0 to ${replicas}`,
      )
    }
    await this.#markRevision(deployment, revision)
    await this.#setProgressing(deployment, 'True', 'NewReplicaSetCreated', `Created new replica set "${name}"`)
  }

  /** Another template has the same hash, or a set of the name is in the way: the next try hashes differently. */
  async #collided(deployment: Deployment, name: string): Promise<void> {
    const key = { namespace: deployment.metadata.namespace, name }
    const there = this.context.caches.replicaSets.get(key)
    const same =
      there !== undefined &&
      controllerOf(there)?.uid === deployment.metadata.uid &&
      there.spec.template !== undefined &&
      templateText(there.spec.template) === templateText(deployment.spec.template)
    if (same) return
    const current = this.#current(deployment)
    if (current === undefined) return
    const status = { ...current.status, collisionCount: (current.status?.collisionCount ?? 0) + 1 }
    await this.kube.replace(Deployments, { ...current, status }, { subresource: 'status' })
  }

  async #resize(deployment: Deployment, { set, replicas }: Resize): Promise<void> {
    const current = this.context.caches.replicaSets.get(set.metadata)
    if (current === undefined) return
    const annotations = {
      ...current.metadata.annotations,
      [desiredAnnotation]: String(replicasOf(deployment)),
      [maxAnnotation]: String(replicasOf(deployment) + fenceposts(deployment).surge),
    }
    const before = replicasOf(current)
    if (before === replicas && sameMap(annotations, current.metadata.annotations)) return
    await this.kube.replace(ReplicaSets, {
      ...current,
      metadata: { ...current.metadata, annotations },
      spec: { ...current.spec, replicas },
    })
    if (before === replicas) return
    const direction = replicas > before ? 'up' : 'down'
    this.events.event(
      deployment,
      'Normal',
      'ScalingReplicaSet',
      `Scaled ${direction} replica set ${set.metadata.name} from ${before} to ${replicas}`,
    )
  }

  /** By the status as it was last posted. */
  #isDone(deployment: Deployment): boolean {
    const status = deployment.status ?? {}
    return isComplete(deployment, status) && (status.observedGeneration ?? 0) >= (deployment.metadata.generation ?? 0)
  }

  /** The oldest sets beyond the history limit go; one that still holds something is left for another time. */
  async #cleanUp(deployment: Deployment): Promise<void> {
    const limit = deployment.spec.revisionHistoryLimit ?? 10
    if (limit === unlimited) return
    const olds = this.#partition(deployment).olds.filter((set) => set.metadata.deletionTimestamp === undefined)
    const surplus = olds.toSorted((a, b) => revisionOf(a) - revisionOf(b)).slice(0, Math.max(0, olds.length - limit))
    for (const set of surplus) {
      const observed = (set.status?.observedGeneration ?? 0) >= (set.metadata.generation ?? 0)
      if ((set.status?.replicas ?? 0) !== 0 || replicasOf(set) !== 0 || !observed) continue
      await this.kube.remove(ReplicaSets, set.metadata).catch(ignoreNotFound)
    }
  }

  #current(deployment: Deployment): Deployment | undefined {
    const current = this.context.caches.deployments.get(deployment.metadata)
    return current?.metadata.uid === deployment.metadata.uid ? current : undefined
  }

  async #markRevision(deployment: Deployment, revision: string): Promise<void> {
    const current = this.#current(deployment)
    if (current === undefined || current.metadata.annotations?.[revisionAnnotation] === revision) return
    const annotations = { ...current.metadata.annotations, [revisionAnnotation]: revision }
    await this.kube.replace(Deployments, { ...current, metadata: { ...current.metadata, annotations } })
  }

  async #setProgressing(
    deployment: Deployment,
    standing: 'True' | 'False' | 'Unknown',
    reason: string,
    message: string,
  ): Promise<void> {
    const current = this.#current(deployment)
    if (current === undefined || !hasDeadline(current)) return
    const conditions = this.#with(current.status?.conditions, 'Progressing', standing, reason, message)
    if (conditions === current.status?.conditions) return
    await this.kube.replace(
      Deployments,
      { ...current, status: { ...current.status, conditions } },
      { subresource: 'status' },
    )
  }

  /** A paused rollout is neither progressing nor stuck. */
  async #notePause(deployment: Deployment): Promise<void> {
    const known = progressing(deployment)
    const paused = deployment.spec.paused === true
    if (known?.reason === 'ProgressDeadlineExceeded' || paused === (known?.reason === 'DeploymentPaused')) return
    const [reason, message] = paused
      ? (['DeploymentPaused', 'Deployment is paused'] as const)
      : (['DeploymentResumed', 'Deployment is resumed'] as const)
    await this.#setProgressing(deployment, 'Unknown', reason, message)
  }

  /**
   * The conditions with this one last, unless it says what it said before (util/deployment_util.go,
   * SetDeploymentCondition).
   */
  #with(
    conditions: readonly DeploymentCondition[] | undefined,
    type: string,
    status: string,
    reason: string,
    message: string,
  ): readonly DeploymentCondition[] {
    const known = conditions?.find((condition) => condition.type === type)
    if (conditions !== undefined && known?.status === status && known.reason === reason) return conditions
    return this.#renewed(conditions, type, status, reason, message)
  }

  #renewed(
    conditions: readonly DeploymentCondition[] | undefined,
    type: string,
    status: string,
    reason: string,
    message: string,
  ): readonly DeploymentCondition[] {
    const at = timestamp(this.context.clock.now())
    const known = conditions?.find((condition) => condition.type === type)
    const lastTransitionTime = known?.status === status ? known.lastTransitionTime : at
    return [...without(conditions, type), { type, status, lastUpdateTime: at, lastTransitionTime, reason, message }]
  }

  /** Posts the counts and, where a rollout may go on, how it goes; returns when to look whether it is stuck. */
  async #updateStatus(seen: Deployment, o: { readonly progress: boolean }): Promise<Ms | undefined> {
    const deployment = this.#current(seen)
    if (deployment === undefined) return undefined
    const { newSet, all } = this.#partition(seen)
    const counts = countsOf(newSet, all)
    const wanted = replicasOf(seen) - fenceposts(seen).unavailable
    let conditions =
      (counts.availableReplicas ?? 0) >= wanted
        ? this.#with(deployment.status?.conditions, 'Available', 'True', ...enough)
        : this.#with(deployment.status?.conditions, 'Available', 'False', ...tooFew)
    if (o.progress) {
      conditions = this.#progress(seen, deployment.status, counts, newSet, conditions)
      conditions = withReplicaFailure(conditions, newSet, all)
    }
    const status: DeploymentStatus = {
      observedGeneration: seen.metadata.generation,
      ...counts,
      ...(deployment.status?.collisionCount === undefined ? {} : { collisionCount: deployment.status.collisionCount }),
      conditions,
    }
    if (!sameStatus(deployment.status, status)) {
      await this.kube.replace(Deployments, { ...deployment, status }, { subresource: 'status' })
    }
    return this.#untilStuck(seen, conditions, counts)
  }

  #progress(
    deployment: Deployment,
    before: DeploymentStatus | undefined,
    counts: Counts,
    newSet: ReplicaSet | undefined,
    conditions: readonly DeploymentCondition[],
  ): readonly DeploymentCondition[] {
    if (!hasDeadline(deployment)) return without(conditions, 'Progressing')
    const known = conditions.find((condition) => condition.type === 'Progressing')
    if (counts.replicas === counts.updatedReplicas && known?.reason === 'NewReplicaSetAvailable') return conditions
    const subject =
      newSet === undefined ? `Deployment "${deployment.metadata.name}"` : `ReplicaSet "${newSet.metadata.name}"`
    if (isComplete(deployment, counts)) {
      const message = `${subject} has successfully progressed.`
      return this.#with(conditions, 'Progressing', 'True', 'NewReplicaSetAvailable', message)
    }
    if (hasProgressed(before, counts)) {
      return this.#renewed(conditions, 'Progressing', 'True', 'ReplicaSetUpdated', `${subject} is progressing.`)
    }
    if (known === undefined || known.reason === 'NewReplicaSetAvailable') return conditions
    if (known.reason !== 'ProgressDeadlineExceeded' && this.#deadlineLeft(deployment, known) >= 0) return conditions
    const message = `${subject} has timed out progressing.`
    return this.#with(conditions, 'Progressing', 'False', 'ProgressDeadlineExceeded', message)
  }

  #deadlineLeft(deployment: Deployment, condition: DeploymentCondition): number {
    const since = instant(condition.lastUpdateTime) ?? this.context.clock.now()
    return since + (deployment.spec.progressDeadlineSeconds ?? 600) * 1000 - this.context.clock.now()
  }

  #untilStuck(
    deployment: Deployment,
    conditions: readonly DeploymentCondition[],
    counts: DeploymentStatus,
  ): Ms | undefined {
    const condition = conditions.find((c) => c.type === 'Progressing')
    if (!hasDeadline(deployment) || condition === undefined || isComplete(deployment, counts)) return undefined
    if (condition.reason === 'ProgressDeadlineExceeded' || deployment.spec.paused === true) return undefined
    if (condition.reason === 'NewReplicaSetAvailable') return undefined
    return ms(Math.max(1000, this.#deadlineLeft(deployment, condition) + 1000))
  }
}

function proportional(deployment: Deployment, sets: Sets): readonly Resize[] {
  return sets.all.length === 0 ? [] : proportionalResize(deployment, sets.newSet, sets.olds)
}

function progressing(deployment: Deployment): DeploymentCondition | undefined {
  return deployment.status?.conditions?.find((condition) => condition.type === 'Progressing')
}

type Counts = Pick<
  DeploymentStatus,
  'replicas' | 'updatedReplicas' | 'readyReplicas' | 'availableReplicas' | 'unavailableReplicas' | 'terminatingReplicas'
>

function countsOf(newSet: ReplicaSet | undefined, all: readonly ReplicaSet[]): Counts {
  let replicas = 0
  let ready = 0
  let available = 0
  let terminating: number | undefined = 0
  let total = 0
  for (const set of all) {
    const { status } = set
    total += replicasOf(set)
    replicas += status?.replicas ?? 0
    ready += status?.readyReplicas ?? 0
    available += status?.availableReplicas ?? 0
    // A set that nobody has looked at has none; one that does not say makes the sum unknown.
    if ((status?.observedGeneration ?? 0) === 0 && status?.terminatingReplicas === undefined) continue
    terminating =
      terminating === undefined || status?.terminatingReplicas === undefined
        ? undefined
        : terminating + status.terminatingReplicas
  }
  const nonZero = (value: number): number | undefined => (value <= 0 ? undefined : value)
  return {
    replicas: nonZero(replicas),
    updatedReplicas: nonZero(newSet?.status?.replicas ?? 0),
    readyReplicas: nonZero(ready),
    availableReplicas: nonZero(available),
    unavailableReplicas: nonZero(total - available),
    terminatingReplicas: terminating,
  }
}

function isComplete(deployment: Deployment, counts: Counts): boolean {
  const wanted = replicasOf(deployment)
  return (
    (counts.updatedReplicas ?? 0) === wanted &&
    (counts.replicas ?? 0) === wanted &&
    (counts.availableReplicas ?? 0) === wanted
  )
}

function hasProgressed(before: DeploymentStatus | undefined, counts: Counts): boolean {
  const oldOnes = (status: Counts | undefined): number => (status?.replicas ?? 0) - (status?.updatedReplicas ?? 0)
  return (
    (counts.updatedReplicas ?? 0) > (before?.updatedReplicas ?? 0) ||
    oldOnes(counts) < oldOnes(before) ||
    (counts.readyReplicas ?? 0) > (before?.readyReplicas ?? 0) ||
    (counts.availableReplicas ?? 0) > (before?.availableReplicas ?? 0)
  )
}

/** What keeps the new set from its pods, or else any other. */
function withReplicaFailure(
  conditions: readonly DeploymentCondition[],
  newSet: ReplicaSet | undefined,
  all: readonly ReplicaSet[],
): readonly DeploymentCondition[] {
  const failureOf = (set: ReplicaSet): ReplicaSetCondition | undefined =>
    set.status?.conditions?.find((condition) => condition.type === 'ReplicaFailure')
  const failure = [...(newSet === undefined ? [] : [newSet]), ...all].map(failureOf).find((f) => f !== undefined)
  if (failure === undefined) return without(conditions, 'ReplicaFailure')
  const known = conditions.find((condition) => condition.type === 'ReplicaFailure')
  if (known?.status === failure.status && known.reason === failure.reason) return conditions
  return [...without(conditions, 'ReplicaFailure'), { ...failure, lastUpdateTime: failure.lastTransitionTime }]
}

function without(conditions: readonly DeploymentCondition[] | undefined, type: string): readonly DeploymentCondition[] {
  if (conditions === undefined || !conditions.some((condition) => condition.type === type)) return conditions ?? []
  return conditions.filter((condition) => condition.type !== type)
}

function selects(deployment: Deployment, set: ReplicaSet): boolean {
  return (
    deployment.metadata.namespace === set.metadata.namespace &&
    labelSelectorMatches(deployment.spec.selector, set.metadata.labels)
  )
}

/** Whether a rollout can be too slow at all. */
function hasDeadline(deployment: Deployment): boolean {
  return (deployment.spec.progressDeadlineSeconds ?? unlimited) !== unlimited
}

const enough = ['MinimumReplicasAvailable', 'Deployment has minimum availability.'] as const
const tooFew = ['MinimumReplicasUnavailable', 'Deployment does not have minimum availability.'] as const

function sameStatus(a: DeploymentStatus | undefined, b: DeploymentStatus): boolean {
  if (a === undefined) return false
  const keys = ['observedGeneration', 'replicas', 'updatedReplicas', 'readyReplicas', 'availableReplicas'] as const
  if (keys.some((key) => a[key] !== b[key]) || a.unavailableReplicas !== b.unavailableReplicas) return false
  if (a.terminatingReplicas !== b.terminatingReplicas) return false
  const [left, right] = [a.conditions ?? [], b.conditions ?? []]
  return left.length === right.length && left.every((condition, i) => condition === right[i])
}

function sameMap(a: { readonly [key: string]: string }, b: { readonly [key: string]: string } | undefined): boolean {
  const keys = Object.keys(a)
  return b !== undefined && keys.length === Object.keys(b).length && keys.every((key) => a[key] === b[key])
}
