// kube-scheduler's default profile over the engine (kubernetes/kubernetes:pkg/scheduler/schedule_one.go). One pass tries all
// pods that are due, one after the other and without waiting: a pod that gets a node counts there at once, and everything
// that has to be written is written while the pass goes on.

import {
  failedSchedulingMessage,
  findVictims,
  podClassKey,
  podPriority,
  type NodeState,
  type PreemptionPlan,
  type Unfit,
  type VolumePlan,
} from '@plimsoll/engine'
import {
  keyText,
  ms,
  Namespaces,
  Nodes,
  PodDisruptionBudgets,
  Pods,
  timestamp,
  type Json,
  type ObjectReference,
  type Pod,
  type PodCondition,
} from '@plimsoll/model'
import {
  ignoreNotFound,
  isKubeFailure,
  KubeError,
  silentLog,
  type Clock,
  type KubeApi,
  type Log,
  type Random,
  type Timer,
} from '@plimsoll/ports'
import { EventRecorder, Informer } from '@plimsoll/runtime'
import { isPodFinished, podCondition } from '../pods.ts'
import type { ClusterChange } from './cluster-change.ts'
import { ClusterView } from './cluster-view.ts'
import { DeviceBinding } from './device-binding.ts'
import { SchedulingQueue, type QueuedPod } from './queue.ts'
import { VolumeBinding } from './volume-binding.ts'

export interface SchedulerOptions {
  readonly kube: KubeApi
  readonly clock: Clock
  /** Breaks ties between equally good nodes. */
  readonly random: Random
  readonly log?: Log
  /** The pods that it places; `default-scheduler` when absent. */
  readonly schedulerName?: string
}

/** How many pods one pass tries before it lets others run. */
const passMax = 64

interface Refused {
  readonly kind: 'refused'
  readonly message: string
  readonly refusedBy: ReadonlySet<string>
  /** Whom to remove for it. */
  readonly plan?: PreemptionPlan
  /** Removing others does not help either. */
  readonly hopeless?: boolean
}
type Outcome = { readonly kind: 'placed'; readonly nodeName: string } | Refused

export class Scheduler {
  readonly #kube: KubeApi
  readonly #clock: Clock
  readonly #random: Random
  readonly #log: Log
  readonly #name: string
  readonly #events: EventRecorder
  readonly #queue = new SchedulingQueue()
  readonly #view: ClusterView
  readonly #pods: Informer<Pod>
  readonly #budgets
  readonly #volumes: VolumeBinding
  readonly #devices: DeviceBinding
  readonly #nodes
  readonly #namespaces
  /** Pods for which others were removed: they have a claim to the room that becomes free. */
  readonly #nominated = new Map<string, { readonly pod: Pod; readonly nodeName: string }>()
  /** What was answered to a class of pods, while the picture stays the same. */
  readonly #refusals = new Map<string, Outcome>()
  #refusalsVersion = -1
  #start = 0
  #running = false
  #wakePending = false
  #timer: { readonly at: number; readonly timer: Timer } | undefined
  #signal: AbortSignal = AbortSignal.abort()

  constructor(options: SchedulerOptions) {
    const { kube, clock, random } = options
    this.#kube = kube
    this.#clock = clock
    this.#random = random
    this.#log = options.log ?? silentLog
    this.#name = options.schedulerName ?? 'default-scheduler'
    this.#events = new EventRecorder({ kube, clock, component: this.#name, log: this.#log })
    const common = { clock, random: random.split('informers'), log: this.#log }
    this.#pods = new Informer(kube, Pods, common)
    this.#nodes = new Informer(kube, Nodes, common)
    this.#namespaces = new Informer(kube, Namespaces, common)
    this.#budgets = new Informer(kube, PodDisruptionBudgets, common)
    const changed = (change: ClusterChange) => (): void => {
      this.#view.version++
      this.#queue.happened(change, this.#clock.now())
      this.#wake()
    }
    this.#volumes = new VolumeBinding({ kube, ...common, changed: changed('volumes') })
    this.#devices = new DeviceBinding({ kube, ...common, changed: changed('devices') })
    this.#view = new ClusterView({
      volumes: this.#volumes.lister,
      devices: this.#devices.state,
      happened: (change) => this.#queue.happened(change, this.#clock.now()),
      displaced: (pod) => this.#devices.asStored(pod),
    })
  }

  /** Runs until the signal is aborted; resolves once it has seen the cluster. @throws the signal's reason */
  async start(signal: AbortSignal): Promise<void> {
    this.#signal = signal
    this.#namespaces.subscribe({
      added: (namespace) => this.#after(() => this.#view.namespaceChanged(namespace)),
      updated: (namespace, old) => {
        if (namespace.metadata.labels !== old.metadata.labels) this.#after(() => this.#view.namespaceChanged(namespace))
      },
    })
    this.#nodes.subscribe({
      added: (node) => this.#after(() => this.#view.nodeAdded(node)),
      updated: (node, old) => this.#after(() => this.#view.nodeUpdated(node, old)),
      deleted: (node) => this.#after(() => this.#view.nodeDeleted(node)),
    })
    this.#pods.subscribe({
      added: (pod) => this.#after(() => this.#podChanged(pod, undefined)),
      updated: (pod, old) => this.#after(() => this.#podChanged(pod, old)),
      deleted: (pod) => this.#after(() => this.#podDeleted(pod)),
    })
    signal.addEventListener('abort', () => this.#timer?.timer.cancel(), { once: true })
    const informers = [this.#namespaces, this.#volumes, this.#devices, this.#budgets, this.#nodes, this.#pods]
    await Promise.all(informers.map((informer) => informer.start(signal)))
    this.#running = true
    this.#wake()
  }

  #after(change: () => void): void {
    change()
    this.#wake()
  }

  #podChanged(pod: Pod, old: Pod | undefined): void {
    const key = keyText(pod.metadata)
    const { nodeName } = pod.spec
    if (isPodFinished(pod)) {
      this.#podDeleted(pod)
    } else if (nodeName !== undefined && nodeName !== '') {
      this.#queue.remove(key)
      this.#denominate(key)
      this.#view.podSeen(pod, nodeName)
    } else if (this.#isOurs(pod)) {
      if (this.#view.isAssumed(key)) return
      if (pod.metadata.deletionTimestamp !== undefined) {
        this.#queue.remove(key)
        this.#denominate(key)
        return
      }
      this.#nominateAsStored(key, pod)
      if (isGated(pod)) {
        this.#queue.remove(key)
        void this.#reportGated(pod)
        return
      }
      const queued = this.#queue.get(key)
      if (queued === undefined || old === undefined || concernsScheduling(pod, old))
        this.#queue.add(pod, this.#clock.now())
      else queued.pod = pod
    }
  }

  #podDeleted(pod: Pod): void {
    const key = keyText(pod.metadata)
    this.#queue.remove(key)
    this.#denominate(key)
    this.#view.podGone(key)
  }

  #isOurs(pod: Pod): boolean {
    const { schedulerName } = pod.spec
    return (schedulerName === undefined || schedulerName === '' ? 'default-scheduler' : schedulerName) === this.#name
  }

  /** A pass follows, once what is now happening has happened. */
  #wake(): void {
    if (!this.#running || this.#wakePending || this.#signal.aborted) return
    if (!this.#queue.hasActive) {
      this.#wakeWhenDue()
      return
    }
    this.#wakePending = true
    void Promise.resolve().then(() => {
      this.#wakePending = false
      this.#pass()
    })
  }

  #pass(): void {
    if (this.#signal.aborted) return
    this.#queue.flush(this.#clock.now())
    for (let tried = 0; ; tried++) {
      if (tried >= passMax) {
        this.#wakeAt(this.#clock.now())
        return
      }
      const queued = this.#queue.pop()
      if (queued === undefined) break
      this.#try(queued)
    }
    this.#wakeWhenDue()
  }

  #wakeWhenDue(): void {
    const { due } = this.#queue
    if (due !== undefined) this.#wakeAt(due)
  }

  #wakeAt(at: number): void {
    if (this.#timer !== undefined && this.#timer.at <= at) return
    this.#timer?.timer.cancel()
    const timer = this.#clock.after(ms(at - this.#clock.now()), () => {
      this.#timer = undefined
      this.#pass()
    })
    this.#timer = { at, timer }
  }

  #try(queued: QueuedPod): void {
    const { pod } = queued
    const key = keyText(pod.metadata)
    const outcome = this.#decide(pod)
    if (outcome.kind === 'placed') {
      this.#queue.remove(key)
      this.#denominate(key)
      const plan = this.#view.snapshot.volumePlan(pod, outcome.nodeName)
      if (plan !== undefined) this.#volumes.promise(plan, outcome.nodeName)
      this.#view.assume(pod, outcome.nodeName)
      if (pod.spec.resourceClaims !== undefined) this.#devices.promise(pod)
      void this.#bind(pod, outcome.nodeName, queued, plan)
      return
    }
    this.#queue.park(queued, outcome.refusedBy, this.#clock.now())
    this.#log.info(2, 'Unable to schedule pod; no fit; waiting', { pod: key, err: outcome.message })
    const { plan } = outcome
    if (plan !== undefined) this.#nominate(key, pod, plan.nodeName)
    else if (outcome.hopeless === true) this.#denominate(key)
    void this.#reportRefused(pod, outcome)
  }

  /** Where the pod goes, or why nowhere. Pods of one class get one answer while nothing changes. */
  #decide(pod: Pod): Outcome {
    if (this.#refusalsVersion !== this.#view.version) {
      this.#refusals.clear()
      this.#refusalsVersion = this.#view.version
    }
    // A nomination is a pod's own affair.
    const classKey = this.#nominated.size > 0 ? undefined : podClassKey(pod)
    const known = classKey === undefined ? undefined : this.#refusals.get(classKey)
    if (known !== undefined) return known
    const outcome = this.#look(pod)
    if (classKey !== undefined && outcome.kind === 'refused' && outcome.plan === undefined) {
      this.#refusals.set(classKey, outcome)
    }
    return outcome
  }

  #look(pod: Pod): Outcome {
    const { snapshot } = this.#view
    const total = snapshot.nodeCount
    if (total === 0) {
      return { kind: 'refused', message: 'no nodes available to schedule pods', refusedBy: new Set() }
    }
    const claimsUnfit = snapshot.checkPod(pod)
    if (claimsUnfit !== undefined) {
      const reasons = new Map([['Preemption is not helpful for scheduling', total]])
      const message = failedSchedulingMessage(total, claimsUnfit.reason, { kind: 'noCandidate', reasons })
      return { kind: 'refused', message, refusedBy: new Set([claimsUnfit.plugin]) }
    }
    const alsoRefuses =
      this.#nominated.size === 0 ? undefined : (name: string): readonly Unfit[] => this.#besideNominated(pod, name)
    const nominated = this.#nominated.get(keyText(pod.metadata))?.nodeName
    if (nominated !== undefined && snapshot.node(nominated) !== undefined) {
      if (snapshot.fits(pod, nominated) && (alsoRefuses?.(nominated) ?? []).length === 0) {
        return { kind: 'placed', nodeName: nominated }
      }
    }
    const survey = snapshot.survey(pod, { start: this.#start, fitsMax: feasibleMax(total), alsoRefuses })
    this.#start = (this.#start + survey.examined) % total
    if (survey.fits.length > 0) return { kind: 'placed', nodeName: this.#best(pod, survey.fits) }
    const offset = this.#random.below(total)
    const preemption = findVictims(snapshot, pod, { budgets: this.#budgets.items(), offset })
    const refused = { kind: 'refused', refusedBy: survey.plugins } as const
    return preemption.kind === 'preempt'
      ? { ...refused, message: failedSchedulingMessage(total, survey.reasons), plan: preemption }
      : {
          ...refused,
          message: failedSchedulingMessage(total, survey.reasons, preemption),
          hopeless: preemption.kind === 'noCandidate',
        }
  }

  #best(pod: Pod, nodes: readonly NodeState[]): string {
    if (nodes.length === 1) return nodes[0]!.name
    const scores = this.#view.snapshot.scores(pod, nodes)
    let most = -Infinity
    for (const score of scores) if (score > most) most = score
    const best = nodes.filter((_, i) => scores[i] === most)
    return best[best.length === 1 ? 0 : this.#random.below(best.length)]!.name
  }

  /** Why the pod does not fit the node once those are there that it must leave room for. */
  #besideNominated(pod: Pod, nodeName: string): readonly Unfit[] {
    const { snapshot } = this.#view
    const others = [...this.#nominated.values()].filter(
      (other) =>
        other.nodeName === nodeName &&
        other.pod.metadata.uid !== pod.metadata.uid &&
        podPriority(other.pod) >= podPriority(pod),
    )
    if (others.length === 0) return []
    snapshot.fork()
    for (const other of others) snapshot.addPod(other.pod, nodeName)
    const unfits = snapshot.checkAll(pod, nodeName)
    snapshot.revert()
    return unfits
  }

  #nominateAsStored(key: string, pod: Pod): void {
    const nodeName = pod.status?.nominatedNodeName
    if (nodeName !== undefined && nodeName !== '') this.#nominate(key, pod, nodeName)
    // What is stored may lag behind; a nomination of our own stands until the pod is placed or gone.
  }

  #nominate(key: string, pod: Pod, nodeName: string): void {
    this.#nominated.set(key, { pod, nodeName })
    this.#view.version++
  }

  #denominate(key: string): void {
    if (this.#nominated.delete(key)) this.#view.version++
  }

  async #bind(pod: Pod, nodeName: string, queued: QueuedPod, plan: VolumePlan | undefined): Promise<void> {
    const key = keyText(pod.metadata)
    const { namespace, name, uid } = pod.metadata
    const claimsVolumes = plan !== undefined && plan.bindings.length + plan.provisions.length > 0
    let stage = ''
    let written = false
    try {
      if (claimsVolumes || pod.spec.resourceClaims !== undefined) await this.#announce(pod, nodeName)
      if (plan !== undefined) {
        stage = 'running PreBind plugin "VolumeBinding": binding volumes'
        await this.#volumes.bind(pod, plan, nodeName, this.#signal)
      }
      if (pod.spec.resourceClaims !== undefined) {
        stage = 'running PreBind plugin "DynamicResources"'
        await this.#devices.bind(pod)
        written = true
      }
      if (this.#signal.aborted) return
      stage = 'binding rejected'
      await this.#kube.bind({ namespace, name, uid }, nodeName)
    } catch (error) {
      if (this.#signal.aborted) return
      if (!(error instanceof KubeError)) throw error
      if (pod.spec.resourceClaims !== undefined) await this.#devices.unreserve(pod)
      this.#bindingFailed(pod, queued, error, stage)
      return
    } finally {
      if (plan !== undefined) this.#volumes.release(plan)
      if (pod.spec.resourceClaims !== undefined) this.#devices.release(pod, { written })
    }
    if (this.#signal.aborted) return
    this.#log.info(2, 'Successfully bound pod to node', { pod: key, node: nodeName })
    this.#events.event(reference(pod), 'Normal', 'Scheduled', `Successfully assigned ${key} to ${nodeName}`)
  }

  /** Binding takes a while: the pod's status says meanwhile where it will go, for autoscalers to see. */
  async #announce(pod: Pod, nominatedNodeName: string): Promise<void> {
    if (pod.status?.nominatedNodeName === nominatedNodeName) return
    const patch = { type: 'merge', body: { status: { nominatedNodeName } } } as const
    try {
      await this.#kube.patch(Pods, pod.metadata, patch, { subresource: 'status' })
    } catch (error) {
      this.#logFailure('Failed to update the nominated node name in the binding cycle', pod, error)
    }
  }

  #bindingFailed(pod: Pod, queued: QueuedPod, error: KubeError, stage: string): void {
    const key = keyText(pod.metadata)
    this.#after(() => this.#view.forget(key))
    const now = this.#pods.get(pod.metadata)
    if (error.failure === 'notFound' || now === undefined || now.metadata.uid !== pod.metadata.uid) return
    this.#log.error('Error scheduling pod; retrying', { pod: key, err: error })
    if (now.spec.nodeName !== undefined && now.spec.nodeName !== '') return
    if (now.metadata.deletionTimestamp !== undefined) return
    this.#queue.add(now, this.#clock.now())
    const again = this.#queue.get(key)!
    again.attempts = queued.attempts
    this.#queue.delay(again, this.#clock.now())
    this.#events.event(reference(pod), 'Warning', 'FailedScheduling', `${stage}: ${error.message}`)
    this.#wake()
  }

  async #reportRefused(pod: Pod, refused: Refused): Promise<void> {
    const { message, plan } = refused
    this.#events.event(reference(pod), 'Warning', 'FailedScheduling', message)
    const nominatedNodeName = plan?.nodeName ?? (refused.hopeless === true ? '' : undefined)
    try {
      if (plan !== undefined) await this.#preempt(pod, plan)
      if (this.#signal.aborted) return
      await this.#patchScheduled(pod, { reason: 'Unschedulable', message, nominatedNodeName })
    } catch (error) {
      this.#logFailure('Error updating pod', pod, error)
    }
  }

  async #reportGated(pod: Pod): Promise<void> {
    const message = 'Scheduling is blocked due to non-empty scheduling gates'
    try {
      await this.#patchScheduled(pod, { reason: 'SchedulingGated', message })
    } catch (error) {
      this.#logFailure('Error updating pod', pod, error)
    }
  }

  #logFailure(text: string, pod: Pod, error: unknown): void {
    if (this.#signal.aborted || isKubeFailure(error, 'notFound')) return
    if (!(error instanceof KubeError)) throw error
    this.#log.error(text, { pod: keyText(pod.metadata), err: error })
  }

  /** Says in the pod's status that it has no node, unless it says so already. */
  async #patchScheduled(
    pod: Pod,
    o: { readonly reason: string; readonly message: string; readonly nominatedNodeName?: string | undefined },
  ): Promise<void> {
    const old = podCondition(pod, 'PodScheduled')
    const condition: PodCondition & { readonly [key: string]: Json | undefined } = {
      type: 'PodScheduled',
      status: 'False',
      reason: o.reason,
      message: o.message,
      lastTransitionTime:
        old?.status === 'False' && old.lastTransitionTime !== undefined
          ? old.lastTransitionTime
          : timestamp(this.#clock.now()),
      ...(pod.metadata.generation === undefined ? {} : { observedGeneration: pod.metadata.generation }),
    }
    const said =
      old?.status === 'False' &&
      old.reason === o.reason &&
      old.message === o.message &&
      old.observedGeneration === condition.observedGeneration
    const nominated = o.nominatedNodeName === undefined || o.nominatedNodeName === (pod.status?.nominatedNodeName ?? '')
    if (said && nominated) return
    const status = {
      ...(said ? {} : { conditions: [condition as Json] }),
      ...(nominated ? {} : { nominatedNodeName: o.nominatedNodeName === '' ? null : o.nominatedNodeName! }),
    }
    await this.#kube.patch(Pods, pod.metadata, { type: 'strategic', body: { status } }, { subresource: 'status' })
  }

  /** Removes the victims, and the nominations that come to nothing by it. */
  async #preempt(pod: Pod, plan: PreemptionPlan): Promise<void> {
    const superseded = [...this.#nominated].filter(
      ([, other]) => other.nodeName === plan.nodeName && podPriority(other.pod) < podPriority(pod),
    )
    for (const [key, other] of superseded) {
      this.#denominate(key)
      this.#queue.add(other.pod, this.#clock.now())
      const body = { status: { nominatedNodeName: null } }
      await this.#kube
        .patch(Pods, other.pod.metadata, { type: 'merge', body }, { subresource: 'status' })
        .catch(ignoreNotFound)
    }
    for (const victim of plan.victims) {
      if (victim.metadata.deletionTimestamp !== undefined) continue
      if (this.#signal.aborted) return
      const condition = {
        type: 'DisruptionTarget',
        status: 'True',
        reason: 'PreemptionByScheduler',
        message: `${this.#name}: preempting to accommodate a higher priority pod`,
        lastTransitionTime: timestamp(this.#clock.now()),
        ...(victim.metadata.generation === undefined ? {} : { observedGeneration: victim.metadata.generation }),
      }
      const body = { status: { conditions: [condition] } }
      try {
        await this.#kube.patch(Pods, victim.metadata, { type: 'strategic', body }, { subresource: 'status' })
        await this.#kube.remove(Pods, victim.metadata, { preconditions: { uid: victim.metadata.uid } })
      } catch (error) {
        if (!isKubeFailure(error, 'notFound', 'conflict')) throw error
        continue
      }
      const { uid } = pod.metadata
      this.#events.event(reference(victim), 'Normal', 'Preempted', `Preempted by pod ${uid} on node ${plan.nodeName}`)
    }
  }
}

/** How many fitting nodes are enough to choose from (kubernetes/kubernetes:pkg/scheduler/schedule_one.go, numFeasibleNodesToFind). */
function feasibleMax(nodes: number): number {
  const enough = 100
  if (nodes < enough) return nodes
  const percentage = Math.max(5, 50 - Math.floor(nodes / 125))
  return Math.max(enough, Math.floor((nodes * percentage) / 100))
}

function isGated(pod: Pod): boolean {
  return (pod.spec.schedulingGates ?? []).length > 0
}

/** Few changes of its status make a pod fit; its labels and spec may. */
function concernsScheduling(pod: Pod, old: Pod): boolean {
  if (pod.spec !== old.spec && JSON.stringify(pod.spec) !== JSON.stringify(old.spec)) return true
  // Claims were made for it.
  if (pod.status?.resourceClaimStatuses !== undefined && old.status?.resourceClaimStatuses === undefined) return true
  return (
    pod.metadata.labels !== old.metadata.labels &&
    JSON.stringify(pod.metadata.labels) !== JSON.stringify(old.metadata.labels)
  )
}

function reference(pod: Pod): ObjectReference {
  const { namespace, name, uid, resourceVersion } = pod.metadata
  return { kind: 'Pod', apiVersion: 'v1', namespace, name, uid, resourceVersion }
}
