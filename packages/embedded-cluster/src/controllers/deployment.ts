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
  type ReplicaSet,
} from '@plimsoll/model'
import { ignoreNotFound, isKubeFailure } from '@plimsoll/ports'
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
  isSaturated,
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
import { controllerReference } from './pod-control.ts'

/** Annotations of a deployment that its sets do not inherit. */
const ownAnnotations = new Set([
  'kubectl.kubernetes.io/last-applied-configuration',
  revisionAnnotation,
  'deployment.kubernetes.io/revision-history',
  desiredAnnotation,
  maxAnnotation,
])

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

  protected override async sync(key: string): Promise<Ms | undefined> {
    const deployment = this.context.caches.deployments.get(splitKey(key))
    if (deployment === undefined) return undefined
    await this.#adopt(deployment)
    await this.#notePause(deployment)
    const owned = this.#setsOf(deployment)
    if (deployment.metadata.deletionTimestamp !== undefined)
      return this.#updateStatus(deployment, this.#partition(deployment))
    if (deployment.spec.paused === true || isScaling(deployment, owned)) {
      const sets = await this.#withRevisions(deployment, false)
      for (const resize of proportional(deployment, sets)) await this.#resize(deployment, resize)
      return this.#updateStatus(deployment, this.#partition(deployment))
    }
    return deployment.spec.strategy?.type === 'Recreate' ? this.#recreate(deployment) : this.#roll(deployment)
  }

  async #roll(deployment: Deployment): Promise<Ms | undefined> {
    const { newSet, olds, all } = await this.#withRevisions(deployment, true)
    const steps = newSet === undefined ? [] : rollingStep(deployment, all, newSet, olds)
    for (const step of steps) await this.#resize(deployment, step)
    if (steps.length === 0) await this.#cleanUp(deployment)
    return this.#updateStatus(deployment, this.#partition(deployment))
  }

  async #recreate(deployment: Deployment): Promise<Ms | undefined> {
    const { olds } = await this.#withRevisions(deployment, false)
    const running = olds.filter((set) => replicasOf(set) > 0)
    for (const set of running) await this.#resize(deployment, { set, replicas: 0 })
    const lingering = olds.some((set) =>
      this.context.caches.pods.byIndex('controller', set.metadata.uid).some((pod) => !isPodFinished(pod)),
    )
    if (running.length === 0 && !lingering) {
      const { newSet } = await this.#withRevisions(deployment, true)
      if (newSet !== undefined) await this.#resize(deployment, { set: newSet, replicas: replicasOf(deployment) })
      await this.#cleanUp(deployment)
    }
    return this.#updateStatus(deployment, this.#partition(deployment))
  }

  #setsOf(deployment: Deployment): readonly ReplicaSet[] {
    return this.context.caches.replicaSets.byIndex('controller', deployment.metadata.uid)
  }

  #partition(deployment: Deployment): Sets {
    const all = byAge(this.#setsOf(deployment))
    const newSet = findNewSet(deployment, all)
    return { newSet, olds: all.filter((set) => set !== newSet), all }
  }

  async #adopt(deployment: Deployment): Promise<void> {
    if (deployment.metadata.deletionTimestamp !== undefined) return
    for (const set of this.context.caches.replicaSets.byIndex('orphan', deployment.metadata.namespace)) {
      if (set.metadata.deletionTimestamp !== undefined) continue
      if (!labelSelectorMatches(deployment.spec.selector, set.metadata.labels)) continue
      const owners = [...(set.metadata.ownerReferences ?? []), controllerReference(Deployments, deployment)]
      const body = { metadata: { uid: set.metadata.uid, ownerReferences: owners as never } }
      await this.kube.patch(ReplicaSets, set.metadata, { type: 'merge', body })
    }
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
      if (progressing(deployment) === undefined) {
        await this.#setProgressing(deployment, 'FoundNewReplicaSet', `Found new replica set "${newSet.metadata.name}"`)
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
        const history = inherited['deployment.kubernetes.io/revision-history']
        inherited['deployment.kubernetes.io/revision-history'] =
          history === undefined ? String(known) : `${history},${known}`
      }
      inherited[revisionAnnotation] = revision
    }
    return inherited
  }

  async #createSet(deployment: Deployment, revision: string, olds: readonly ReplicaSet[]): Promise<void> {
    const { template } = deployment.spec
    const hash = templateHash(template, deployment.status?.collisionCount)
    const labels = { ...template.metadata?.labels, [hashLabel]: hash }
    const name = `${deployment.metadata.name}-${hash}`
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
      if (!isKubeFailure(error, 'alreadyExists')) throw error
      await this.#collided(deployment, name)
      return
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
    await this.#setProgressing(deployment, 'NewReplicaSetCreated', `Created new replica set "${name}"`)
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

  /** Once the rollout is complete: old empty sets beyond the history limit go. */
  async #cleanUp(deployment: Deployment): Promise<void> {
    const { newSet, olds } = this.#partition(deployment)
    if (newSet === undefined || !isSaturated(deployment, newSet) || olds.some((set) => replicasOf(set) > 0)) return
    const spare = olds
      .filter((set) => (set.status?.replicas ?? 0) === 0 && set.metadata.deletionTimestamp === undefined)
      .toSorted((a, b) => revisionOf(a) - revisionOf(b))
    for (const set of spare.slice(0, Math.max(0, spare.length - (deployment.spec.revisionHistoryLimit ?? 10)))) {
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
    reason: string,
    message: string,
    standing: 'True' | 'Unknown' = 'True',
  ): Promise<void> {
    const current = this.#current(deployment)
    if (current === undefined) return
    const condition = this.#condition(current, 'Progressing', standing, reason, message)
    const status = { ...current.status, conditions: withCondition(current.status?.conditions, condition) }
    await this.kube.replace(Deployments, { ...current, status }, { subresource: 'status' })
  }

  /** A paused rollout is neither progressing nor stuck. */
  async #notePause(deployment: Deployment): Promise<void> {
    const known = progressing(deployment)
    const paused = deployment.spec.paused === true
    if (known?.reason === 'ProgressDeadlineExceeded' || paused === (known?.reason === 'DeploymentPaused')) return
    const [reason, message] = paused
      ? (['DeploymentPaused', 'Deployment is paused'] as const)
      : (['DeploymentResumed', 'Deployment is resumed'] as const)
    await this.#setProgressing(deployment, reason, message, 'Unknown')
  }

  #condition(
    deployment: Deployment,
    type: string,
    status: string,
    reason: string,
    message: string,
  ): DeploymentCondition {
    const at = timestamp(this.context.clock.now())
    const known = deployment.status?.conditions?.find((condition) => condition.type === type)
    if (known?.status === status && known.reason === reason && type === 'Available') return known
    const since = known?.status === status ? known.lastTransitionTime : at
    return { type, status, lastUpdateTime: at, lastTransitionTime: since, reason, message }
  }

  /** Posts the counts and conditions; returns when to look whether the rollout is stuck. */
  async #updateStatus(seen: Deployment, { newSet, all }: Sets): Promise<Ms | undefined> {
    const deployment = this.#current(seen)
    if (deployment === undefined) return undefined
    const counts = countsOf(deployment, newSet, all)
    const { unavailable } = fenceposts(deployment)
    const enough = (counts.availableReplicas ?? 0) >= replicasOf(deployment) - unavailable
    let conditions = withCondition(
      deployment.status?.conditions,
      enough
        ? this.#condition(
            deployment,
            'Available',
            'True',
            'MinimumReplicasAvailable',
            'Deployment has minimum availability.',
          )
        : this.#condition(
            deployment,
            'Available',
            'False',
            'MinimumReplicasUnavailable',
            'Deployment does not have minimum availability.',
          ),
    )
    const progress = this.#progress(deployment, counts, newSet)
    if (progress !== undefined) conditions = withCondition(conditions, progress)
    conditions = withReplicaFailure(conditions, all)
    const status: DeploymentStatus = {
      observedGeneration: seen.metadata.generation,
      ...counts,
      ...(deployment.status?.collisionCount === undefined ? {} : { collisionCount: deployment.status.collisionCount }),
      conditions,
    }
    if (!sameStatus(deployment.status, status)) {
      await this.kube.replace(Deployments, { ...deployment, status }, { subresource: 'status' })
    }
    return this.#untilStuck(deployment, conditions, counts)
  }

  #progress(
    deployment: Deployment,
    counts: DeploymentStatus,
    newSet: ReplicaSet | undefined,
  ): DeploymentCondition | undefined {
    if (deployment.spec.paused === true) return undefined
    const known = progressing(deployment)
    const subject =
      newSet === undefined ? `Deployment "${deployment.metadata.name}"` : `ReplicaSet "${newSet.metadata.name}"`
    if (counts.replicas === counts.updatedReplicas && known?.reason === 'NewReplicaSetAvailable') return undefined
    if (isComplete(deployment, counts)) {
      return this.#condition(
        deployment,
        'Progressing',
        'True',
        'NewReplicaSetAvailable',
        `${subject} has successfully progressed.`,
      )
    }
    if (hasProgressed(deployment.status, counts)) {
      return this.#condition(deployment, 'Progressing', 'True', 'ReplicaSetUpdated', `${subject} is progressing.`)
    }
    if (
      known !== undefined &&
      known.reason !== 'ProgressDeadlineExceeded' &&
      this.#deadlineLeft(deployment, known) <= 0
    ) {
      return this.#condition(
        deployment,
        'Progressing',
        'False',
        'ProgressDeadlineExceeded',
        `${subject} has timed out progressing.`,
      )
    }
    return undefined
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
    if (condition === undefined || deployment.spec.paused === true || isComplete(deployment, counts)) return undefined
    if (condition.reason === 'NewReplicaSetAvailable' || condition.reason === 'ProgressDeadlineExceeded')
      return undefined
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
  'replicas' | 'updatedReplicas' | 'readyReplicas' | 'availableReplicas' | 'unavailableReplicas'
>

function countsOf(deployment: Deployment, newSet: ReplicaSet | undefined, all: readonly ReplicaSet[]): Counts {
  let replicas = 0
  let ready = 0
  let available = 0
  for (const set of all) {
    replicas += set.status?.replicas ?? 0
    ready += set.status?.readyReplicas ?? 0
    available += set.status?.availableReplicas ?? 0
  }
  const total = all.reduce((sum, set) => sum + replicasOf(set), 0)
  void deployment
  const nonZero = (value: number): number | undefined => (value <= 0 ? undefined : value)
  return {
    replicas: nonZero(replicas),
    updatedReplicas: nonZero(newSet?.status?.replicas ?? 0),
    readyReplicas: nonZero(ready),
    availableReplicas: nonZero(available),
    unavailableReplicas: nonZero(total - available),
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

function withReplicaFailure(
  conditions: readonly DeploymentCondition[],
  all: readonly ReplicaSet[],
): readonly DeploymentCondition[] {
  const failure = all.flatMap((set) => set.status?.conditions ?? []).find((c) => c.type === 'ReplicaFailure')
  const others = conditions.filter((condition) => condition.type !== 'ReplicaFailure')
  if (failure === undefined) return others.length === conditions.length ? conditions : others
  return [...others, { ...failure, lastUpdateTime: failure.lastTransitionTime }]
}

function withCondition(
  conditions: readonly DeploymentCondition[] | undefined,
  condition: DeploymentCondition,
): readonly DeploymentCondition[] {
  const known = conditions ?? []
  if (known.includes(condition)) return known
  return known.some((c) => c.type === condition.type)
    ? known.map((c) => (c.type === condition.type ? condition : c))
    : [...known, condition]
}

function sameStatus(a: DeploymentStatus | undefined, b: DeploymentStatus): boolean {
  if (a === undefined) return false
  const keys = ['observedGeneration', 'replicas', 'updatedReplicas', 'readyReplicas', 'availableReplicas'] as const
  if (keys.some((key) => a[key] !== b[key]) || a.unavailableReplicas !== b.unavailableReplicas) return false
  const [left, right] = [a.conditions ?? [], b.conditions ?? []]
  return left.length === right.length && left.every((condition, i) => condition === right[i])
}

function sameMap(a: { readonly [key: string]: string }, b: { readonly [key: string]: string } | undefined): boolean {
  const keys = Object.keys(a)
  return b !== undefined && keys.length === Object.keys(b).length && keys.every((key) => a[key] === b[key])
}
