// What the cluster's node groups are up to: how many nodes are ready, coming, late or lost, what was asked for and what
// failed. Mirrors kubernetes-sigs/cluster-autoscaler:pkg/clusterstate/clusterstate.go (1.36).
import { formatGoDuration, ms, minutes, type Ms, type Node } from '@plimsoll/model'
import type { GroupInstance, Log, NodeGroup, NodeGroups } from '@plimsoll/ports'
import { messageOf } from '../autoscaler-error.ts'
import type { AutoscalerMetrics } from '../autoscaler-metrics.ts'
import { readinessOf } from '../nodes/readiness.ts'
import { taintOf, toBeDeletedTaint } from '../nodes/taints.ts'
import type { ClusterAutoscalerOptions } from '../options/options.ts'
import { createdAt } from '../pods/pod-kinds.ts'
import type { ClusterRecorder } from './cluster-recorder.ts'
import { groupSettings } from './group-settings.ts'
import { NodeGroupBackoff, type GroupFailure } from './node-group-backoff.ts'

/** Names of nodes, and provider ids of instances that are no nodes yet, by what they are up to. */
export interface NodeCounts {
  readonly registered: string[]
  readonly ready: string[]
  readonly unready: string[]
  readonly resourceUnready: string[]
  readonly notStarted: string[]
  readonly suspended: string[]
  readonly deleted: string[]
  readonly unregistered: string[]
  readonly longUnregistered: string[]
}

export interface ScaleUpRequest {
  readonly increase: number
  readonly since: Ms
  readonly expectedAt: Ms
}

export interface UnregisteredInstance {
  readonly node: Node
  readonly group: string
  readonly since: Ms
}

export interface IncorrectSize {
  readonly current: number
  readonly expected: number
  readonly since: Ms
}

interface Range {
  readonly min: number
  readonly max: number
  readonly target: number
}

const deletionExpectedWithin = minutes(5)
const fakeNodeReason = 'k8s.io/cluster-autoscaler/fake-node-reason'

export class ClusterState {
  readonly #groups: NodeGroups
  readonly #options: ClusterAutoscalerOptions
  readonly #log: Log
  readonly #recorder: ClusterRecorder
  readonly #metrics: AutoscalerMetrics
  readonly #backoff: NodeGroupBackoff
  #nodes: readonly Node[] = []
  #now: Ms = ms(0)
  #total: NodeCounts = noCounts()
  #byGroup = new Map<string, NodeCounts>()
  #ranges = new Map<string, Range>()
  #unregistered = new Map<string, UnregisteredInstance>()
  #scaleUps = new Map<string, ScaleUpRequest>()
  #scaleDowns: { readonly group: string; readonly expectedBy: Ms }[] = []
  #creationErrors = new Map<string, ReadonlyMap<string, string>>()
  #incorrectSizes = new Map<string, IncorrectSize>()

  constructor(o: {
    readonly groups: NodeGroups
    readonly options: ClusterAutoscalerOptions
    readonly log: Log
    readonly recorder: ClusterRecorder
    readonly metrics: AutoscalerMetrics
  }) {
    this.#groups = o.groups
    this.#options = o.options
    this.#log = o.log.named('clusterstate.go')
    this.#recorder = o.recorder
    this.#metrics = o.metrics
    this.#backoff = new NodeGroupBackoff({
      initial: o.options.initialNodeGroupBackoffDuration,
      max: o.options.maxNodeGroupBackoffDuration,
      resetAfter: o.options.nodeGroupBackoffResetTimeout,
    })
  }

  /** Takes in the nodes of this loop. Requests that took too long are given up, which may call the cloud. */
  async update(nodes: readonly Node[], now: Ms): Promise<void> {
    this.#nodes = nodes
    this.#now = now
    this.#updateUnregistered()
    this.#updateReadiness()
    this.#updateRanges()
    await this.#updateRequests()
    this.#updateCreationErrors()
    this.#updateRanges()
    this.#updateIncorrectSizes()
  }

  /** After instances were removed: counts anew without looking at the cloud's requests again. */
  recount(): void {
    this.#updateUnregistered()
    this.#updateReadiness()
    this.#updateRanges()
  }

  get lastUpdate(): Ms {
    return this.#now
  }

  counts(): NodeCounts {
    return this.#total
  }

  countsOf(group: string): NodeCounts {
    return this.#byGroup.get(group) ?? noCounts()
  }

  unregistered(): readonly UnregisteredInstance[] {
    return [...this.#unregistered.values()]
  }

  registerScaleUp(group: string, delta: number, now: Ms): void {
    const provisionTime = groupSettings(this.#groups, this.#options, group).maxNodeProvisionTime
    const known = this.#scaleUps.get(group)
    if (known === undefined) {
      if (delta > 0) this.#scaleUps.set(group, { increase: delta, since: now, expectedAt: ms(now + provisionTime) })
      return
    }
    const increase = known.increase + delta
    if (increase <= 0) this.#scaleUps.delete(group)
    else if (delta > 0) this.#scaleUps.set(group, { increase, since: now, expectedAt: ms(now + provisionTime) })
    else this.#scaleUps.set(group, { ...known, increase })
  }

  registerScaleDown(group: string, now: Ms): void {
    this.#scaleDowns.push({ group, expectedBy: ms(now + deletionExpectedWithin) })
  }

  /** The group is paused; `reason` is the metric's. */
  registerFailedScaleUp(group: string, reason: string, failure: GroupFailure, now: Ms): void {
    this.#metrics.failedScaleUps.add(1, { reason, gpu_resource_name: '', gpu_name: '', dra_drivers: '' })
    const until = this.#backoff.failed(group, failure, now)
    this.#log.warning(
      `Disabling scale-up for node group ${group} until ${goTime(until)}; errorClass=${failure.errorClass}; errorCode=${failure.errorCode}`,
    )
  }

  backoffOf(group: string, now: Ms): GroupFailure | undefined {
    return this.#backoff.statusOf(group, now)
  }

  isClusterHealthy(): boolean {
    const { okTotalUnreadyCount, maxTotalUnreadyPercentage } = this.#options
    const unready = this.#total.unready.length
    const registered = this.#total.registered.length
    return !(unready > okTotalUnreadyCount && unready > (maxTotalUnreadyPercentage / 100) * registered)
  }

  isGroupHealthy(group: string): boolean {
    const range = this.#ranges.get(group)
    if (range === undefined) return false
    const counts = this.#byGroup.get(group)
    if (counts === undefined) return range.target === 0 || (range.min === 0 && range.target > 0)
    const missing = Math.max(0, range.min - counts.ready.length - counts.suspended.length)
    const known = counts.ready.length + counts.unready.length + counts.notStarted.length + counts.suspended.length
    const { okTotalUnreadyCount, maxTotalUnreadyPercentage } = this.#options
    return !(missing > okTotalUnreadyCount && missing > (maxTotalUnreadyPercentage / 100) * known)
  }

  isScalingUp(group: string): boolean {
    return this.#scaleUps.has(group) && this.#missing(group) > 0
  }

  scaleUpRequest(group: string): ScaleUpRequest | undefined {
    return this.#scaleUps.get(group)
  }

  /**
   * How many nodes of each group were asked for and are not ready, with the names of those that registered already.
   * Upstream counts them only while a request of this very process stands; here they count after a restart as well,
   * or the same pods would be given nodes twice (rule CA-64).
   */
  upcoming(): ReadonlyMap<string, { readonly count: number; readonly registered: readonly string[] }> {
    const upcoming = new Map<string, { count: number; registered: readonly string[] }>()
    for (const group of this.#groups.groups()) {
      const count = this.#missing(group.id)
      if (count <= 0 || this.#backoff.statusOf(group.id, this.#now) !== undefined) continue
      upcoming.set(group.id, { count, registered: this.countsOf(group.id).notStarted })
    }
    return upcoming
  }

  incorrectSizes(): ReadonlyMap<string, IncorrectSize> {
    return this.#incorrectSizes
  }

  /** Instances that the cloud could not create, by group. */
  failedInstances(): ReadonlyMap<string, readonly Node[]> {
    const failed = new Map<string, Node[]>()
    for (const group of this.#groups.groups()) {
      const nodes = this.#groups
        .instances(group.id)
        .filter(isFailed)
        .map((instance) => fakeNode(instance.providerId, 'create-error'))
      if (nodes.length > 0) failed.set(group.id, nodes)
    }
    return failed
  }

  #missing(group: string): number {
    const counts = this.countsOf(group)
    const here = counts.ready.length + counts.unready.length + counts.suspended.length + counts.longUnregistered.length
    return (this.#ranges.get(group)?.target ?? 0) - here
  }

  #updateUnregistered(): void {
    const registered = new Set(this.#nodes.map((node) => node.spec.providerID))
    const unregistered = new Map<string, UnregisteredInstance>()
    for (const group of this.#groups.groups()) {
      for (const instance of this.#groups.instances(group.id)) {
        if (registered.has(instance.providerId) || instance.state === 'deleting' || instance.error !== undefined)
          continue
        const known = this.#unregistered.get(instance.providerId)
        const node = fakeNode(instance.providerId, 'unregistered')
        unregistered.set(instance.providerId, known ?? { node, group: group.id, since: this.#now })
      }
    }
    this.#unregistered = unregistered
  }

  #updateReadiness(): void {
    this.#total = noCounts()
    this.#byGroup = new Map()
    const countsOf = (group: string): NodeCounts => {
      let counts = this.#byGroup.get(group)
      if (counts === undefined) this.#byGroup.set(group, (counts = noCounts()))
      return counts
    }
    for (const node of this.#nodes) {
      const group = this.#groups.groupOf(node)
      const settings = groupSettings(this.#groups, this.#options, group?.id)
      const readiness = readinessOf(node)
      for (const counts of group === undefined ? [this.#total] : [this.#total, countsOf(group.id)]) {
        const { name } = node.metadata
        counts.registered.push(name)
        if (this.#isDeleted(node)) counts.deleted.push(name)
        else if (isSuspended(node)) counts.suspended.push(name)
        else if (readiness.ready) counts.ready.push(name)
        else if (createdAt(node) + settings.maxNodeStartupTime > this.#now) counts.notStarted.push(name)
        else {
          counts.unready.push(name)
          if (readiness.resourceUnready) counts.resourceUnready.push(name)
        }
      }
    }
    for (const { node, group, since } of this.#unregistered.values()) {
      const provisionTime = groupSettings(this.#groups, this.#options, group).maxNodeProvisionTime
      const late = since + provisionTime < this.#now
      for (const counts of [this.#total, countsOf(group)]) {
        if (late) counts.longUnregistered.push(node.metadata.name)
        else counts.unregistered.push(node.metadata.name)
      }
    }
  }

  #isDeleted(node: Node): boolean {
    const exists = this.#groups.hasInstance(node)
    return exists === undefined ? taintOf(node, toBeDeletedTaint) !== undefined : !exists
  }

  #updateRanges(): void {
    this.#ranges = new Map()
    for (const group of this.#groups.groups()) {
      const increase = this.#scaleUps.get(group.id)?.increase ?? 0
      const deletions = this.#scaleDowns.filter((request) => request.group === group.id).length
      this.#ranges.set(group.id, {
        min: group.targetSize - this.countsOf(group.id).longUnregistered.length - increase,
        max: group.targetSize + deletions,
        target: group.targetSize,
      })
    }
  }

  async #updateRequests(): Promise<void> {
    this.#backoff.forgetOld(this.#now)
    for (const [group, request] of this.#scaleUps) {
      if (this.#missing(group) <= 0) {
        const took = formatGoDuration(ms(this.#now - request.since))
        this.#log.info(4, `Scale up in group ${group} finished successfully in ${took}`)
        this.#scaleUps.delete(group)
      } else if (request.expectedAt < this.#now) await this.#giveUp(group, request)
    }
    this.#scaleDowns = this.#scaleDowns.filter((request) => request.expectedBy > this.#now)
  }

  async #giveUp(group: string, request: ScaleUpRequest): Promise<void> {
    const took = formatGoDuration(ms(this.#now - request.since))
    const message = `Scale-up timed out for node group ${group} after ${took}`
    this.#log.warning(message)
    this.#recorder.cluster(
      'Warning',
      'ScaleUpTimedOut',
      `Nodes added to group ${group} failed to register within ${took}`,
    )
    const failure = { errorClass: 'Other', errorCode: 'timeout', errorMessage: message }
    this.registerFailedScaleUp(group, 'timeout', failure, this.#now)
    this.#scaleUps.delete(group)
    try {
      await this.#groups.decreaseTargetSize(group, -request.increase)
    } catch (error) {
      const text = `Failed to decrease target size for group ${group} after scale-up timeout: ${messageOf(error)}`
      this.#log.warning(text)
      this.#recorder.cluster('Warning', 'FailedToRevertScaleUp', text)
    }
  }

  #updateCreationErrors(): void {
    for (const group of this.#groups.groups()) {
      const failed = this.#groups.instances(group.id).filter(isFailed)
      const before = this.#creationErrors.get(group.id)
      const kindOf = (instance: GroupInstance): string => `${errorClassOf(instance)}.${instance.error!.code}`
      for (const kind of new Set(failed.map(kindOf))) {
        const alike = failed.filter((instance) => kindOf(instance) === kind)
        const unseen = alike.filter((instance) => before?.get(instance.providerId) !== kind)
        const messages = [...new Set(alike.map((instance) => instance.error!.message))]
        const shown = messages.slice(0, 3).join(', ') + (messages.length > 3 ? ', ...' : '')
        const groupText = `${alike.length} nodes (${unseen.length} unseen previously) to group ${group.id}`
        this.#log.info(1, `Failed adding ${groupText} due to ${kind}; errorMessages=${goStrings(messages)}`)
        if (unseen.length === 0 || !this.isScalingUp(group.id)) continue
        this.#recorder.cluster(
          'Warning',
          'ScaleUpFailed',
          `Failed adding ${unseen.length} nodes to group ${group.id} due to ${kind}; source errors: ${shown}`,
        )
        this.registerScaleUp(group.id, -unseen.length, this.#now)
        const first = alike[0]!
        const failure = { errorClass: errorClassOf(first), errorCode: first.error!.code, errorMessage: shown }
        this.registerFailedScaleUp(group.id, first.error!.code, failure, this.#now)
      }
      this.#creationErrors.set(group.id, new Map(failed.map((instance) => [instance.providerId, kindOf(instance)])))
    }
  }

  #updateIncorrectSizes(): void {
    const sizes = new Map<string, IncorrectSize>()
    for (const group of this.#groups.groups()) {
      const range = this.#ranges.get(group.id)
      const counts = this.#byGroup.get(group.id)
      if (range === undefined || counts === undefined) continue
      const current = counts.registered.length
      const onTheWay = counts.unregistered.length + counts.longUnregistered.length
      if (current <= range.target && current >= range.target - onTheWay) continue
      const known = this.#incorrectSizes.get(group.id)
      const same = known !== undefined && known.current === current && known.expected === range.target
      sizes.set(group.id, same ? known : { current, expected: range.target, since: this.#now })
    }
    this.#incorrectSizes = sizes
  }
}

export function groupById(groups: NodeGroups, id: string): NodeGroup | undefined {
  return groups.groups().find((group) => group.id === id)
}

function noCounts(): NodeCounts {
  return {
    registered: [],
    ready: [],
    unready: [],
    resourceUnready: [],
    notStarted: [],
    suspended: [],
    deleted: [],
    unregistered: [],
    longUnregistered: [],
  }
}

function isSuspended(node: Node): boolean {
  return node.status?.conditions?.some((each) => each.type === 'Suspended' && each.status === 'True') === true
}

function isFailed(instance: GroupInstance): boolean {
  return instance.state === 'creating' && instance.error !== undefined
}

const errorClasses = { outOfResources: 'OutOfResource', quota: 'OutOfResource', other: 'Other' } as const

function errorClassOf(instance: GroupInstance): string {
  return errorClasses[instance.error!.kind]
}

/** Stands for an instance that has no Node. */
function fakeNode(providerId: string, reason: 'unregistered' | 'create-error'): Node {
  return {
    metadata: {
      name: providerId,
      uid: '',
      resourceVersion: '',
      creationTimestamp: '',
      annotations: { [fakeNodeReason]: reason },
    },
    spec: { providerID: providerId },
  }
}

/** As Go prints a time.Time in UTC. */
export function goTime(at: Ms): string {
  const iso = new Date(at).toISOString()
  const fraction = iso.slice(19, 23).replace(/\.?0+$/, '')
  return `${iso.slice(0, 10)} ${iso.slice(11, 19)}${fraction} +0000 UTC`
}

function goStrings(texts: readonly string[]): string {
  return `[]string{${texts.map((text) => JSON.stringify(text)).join(', ')}}`
}
