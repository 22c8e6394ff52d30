// One scale-up: which groups could help, by how many nodes, which of them is taken, and asking the cloud for it.
// Mirrors kubernetes-sigs/cluster-autoscaler:pkg/core/scaleup/orchestrator (1.36; rules CA-80 to CA-99).
import { estimate, instantiate, type ClusterSnapshot, type Estimate, type NodeTemplate } from '@plimsoll/engine'
import { formatGoDuration, ms, type Ms, type Pod } from '@plimsoll/model'
import type { Clock, Log, NodeGroup, NodeGroups } from '@plimsoll/ports'
import { autoscalerError, AutoscalerError } from '../autoscaler-error.ts'
import type { AutoscalerMetrics } from '../autoscaler-metrics.ts'
import type { NodeTemplates } from '../nodes/node-templates.ts'
import type { ClusterAutoscalerOptions } from '../options/options.ts'
import { groupPods, type PodGroup } from '../pods/pod-groups.ts'
import { podName } from '../pods/pod-kinds.ts'
import type { ClusterRecorder } from '../state/cluster-recorder.ts'
import type { ClusterState } from '../state/cluster-state.ts'
import { ResourceLimits } from '../state/resource-limits.ts'
import type { Expander } from './expanders.ts'
import type { ExpansionOption } from './expansion-option.ts'
import { areSimilar, shareIncrease, type GroupIncrease } from './similar-groups.ts'

export type ScaleUpResult =
  'Successful' | 'Error' | 'NoOptionsAvailable' | 'NotNeeded' | 'NotTried' | 'InCooldown' | 'LimitedByMaxNodesTotal'

export interface ScaleUpStatus {
  readonly result: ScaleUpResult
  readonly error?: AutoscalerError
  /** `asg-a 3->5 (max: 10)`, one for each group that was resized. */
  readonly increases: readonly string[]
  readonly triggered: readonly Pod[]
  /** Pods that no group can help, each with what every group said. */
  readonly helpless: readonly { readonly pod: Pod; readonly reasons: readonly string[] }[]
}

export const scaleUpNotTried: ScaleUpStatus = { result: 'NotTried', increases: [], triggered: [], helpless: [] }
export const maxNodesReached = 'max total nodes in cluster reached'

export interface ScaleUpParts {
  readonly groups: NodeGroups
  readonly options: ClusterAutoscalerOptions
  readonly clock: Clock
  readonly log: Log
  readonly metrics: AutoscalerMetrics
  readonly recorder: ClusterRecorder
  readonly state: ClusterState
  readonly templates: NodeTemplates
  readonly expander: Expander
}

const notReady = 'not ready for scale-up'

/** A group that may grow, and which kinds of pods a node of it would take. */
interface Candidate {
  readonly group: NodeGroup
  readonly template: NodeTemplate
  readonly takes: ReadonlySet<PodGroup>
}

export class ScaleUp {
  readonly #o: ScaleUpParts
  readonly #log: Log

  constructor(parts: ScaleUpParts) {
    this.#o = parts
    this.#log = parts.log.named('orchestrator.go')
  }

  /** `pods` fit nowhere in the snapshot, which holds upcoming nodes already. */
  async run(pods: readonly Pod[], snapshot: ClusterSnapshot, now: Ms): Promise<ScaleUpStatus> {
    const podGroups = groupPods(pods)
    this.#logPods(pods)
    const limits = new ResourceLimits(this.#o.options, this.#o.groups.gpuLabel(), [...nodesOf(snapshot)])
    const reasons = new Map<PodGroup, string[]>(podGroups.map((group) => [group, []]))
    const candidates = this.#candidates(podGroups, snapshot, limits, reasons, now)
    const options = this.#options(candidates, podGroups, snapshot)
    const helpless = podGroups
      .filter((group) => !candidates.some((candidate) => candidate.takes.has(group)))
      .flatMap((group) => group.pods.map((pod) => ({ pod, reasons: reasons.get(group)! })))
    if (options.length === 0) {
      this.#log.info(1, 'No expansion options')
      return { result: 'NoOptionsAvailable', increases: [], triggered: [], helpless }
    }
    try {
      const best = await this.#o.expander.choose(options)
      if (best === undefined || best.nodeCount <= 0) {
        this.#log.info(1, `Expander filtered out all options, valid options: ${options.length}`)
        return { result: 'NoOptionsAvailable', increases: [], triggered: [], helpless }
      }
      const plan = this.#plan(best, candidates, snapshot, limits)
      const increases = plan.map((increase) => increaseText(increase))
      this.#log.info(1, `Final scale-up plan: [${increases.map((text) => `{${text}}`).join(' ')}]`)
      await this.execute(plan, now)
      return { result: 'Successful', increases, triggered: best.pods, helpless }
    } catch (error) {
      return { result: 'Error', error: autoscalerError(error), increases: [], triggered: [], helpless }
    }
  }

  /** Raises groups that are below their minimum (rule CA-105). */
  async enforceMinSizes(snapshot: ClusterSnapshot, now: Ms): Promise<ScaleUpStatus> {
    const limits = new ResourceLimits(this.#o.options, this.#o.groups.gpuLabel(), [...nodesOf(snapshot)])
    const plan: GroupIncrease[] = []
    let nodesLeft = this.#o.options.maxNodesTotal > 0 ? this.#o.options.maxNodesTotal - snapshot.nodeCount : Infinity
    for (const group of this.#o.groups.groups()) {
      if (group.targetSize >= group.minSize) continue
      const template = this.#o.templates.of(group.id)
      const healthy = this.#o.state.isGroupHealthy(group.id) && this.#o.state.backoffOf(group.id, now) === undefined
      if (template === undefined || !healthy) {
        this.#log.warning(`ScaleUpToNodeGroupMinSize: node group ${group.id} is not ready to scale up`)
        continue
      }
      const room = limits.roomFor(template.node, group.minSize - group.targetSize).nodes
      const count = Math.max(0, Math.min(room, nodesLeft))
      if (count === 0) continue
      limits.added(template.node, count)
      nodesLeft -= count
      plan.push({ group, newSize: group.targetSize + count })
    }
    if (plan.length === 0) {
      this.#log.info(1, 'ScaleUpToNodeGroupMinSize: scale up not needed')
      return { ...scaleUpNotTried, result: 'NotNeeded' }
    }
    const increases = plan.map(increaseText)
    this.#log.info(
      1,
      `ScaleUpToNodeGroupMinSize: final scale-up plan: [${increases.map((text) => `{${text}}`).join(' ')}]`,
    )
    try {
      await this.execute(plan, now)
      return { ...scaleUpNotTried, result: 'Successful', increases }
    } catch (error) {
      return { ...scaleUpNotTried, result: 'Error', error: autoscalerError(error) }
    }
  }

  /** Asks for the new sizes; one after the other the first failure ends it, at once all are tried. */
  async execute(plan: readonly GroupIncrease[], now: Ms): Promise<void> {
    if (!this.#o.options.parallelScaleUp) {
      for (const increase of plan) await this.#resize(increase, now)
      return
    }
    const outcomes = await Promise.allSettled(plan.map((increase) => this.#resize(increase, now)))
    const errors = outcomes.flatMap((outcome) =>
      outcome.status === 'rejected' ? [autoscalerError(outcome.reason)] : [],
    )
    if (errors.length === 0) return
    const [first] = errors
    if (errors.length === 1) throw first!
    throw new AutoscalerError(
      first!.type,
      `${first!.message} ...and other concurrent errors: [${errors
        .slice(1)
        .map((error) => JSON.stringify(error.message))
        .join(', ')}]`,
    )
  }

  async #resize({ group, newSize }: GroupIncrease, now: Ms): Promise<void> {
    const { recorder, groups, state, metrics } = this.#o
    const from = `instead of ${group.targetSize} (max: ${group.maxSize})`
    const delta = newSize - group.targetSize
    this.#o.log.named('executor.go').info(0, `Scale-up: setting group ${group.id} size to ${newSize}`)
    recorder.cluster('Normal', 'ScaledUpGroup', `Scale-up: setting group ${group.id} size to ${newSize} ${from}`)
    try {
      await groups.increaseSize(group.id, delta)
    } catch (error) {
      const failure = autoscalerError(error, 'cloudProviderError')
      recorder.cluster('Warning', 'FailedToScaleUpGroup', `Scale-up failed for group ${group.id}: ${failure.message}`)
      const details = { errorClass: 'Other', errorCode: failure.type, errorMessage: failure.message }
      state.registerFailedScaleUp(group.id, failure.type, details, now)
      throw new AutoscalerError(failure.type, `failed to increase node group size: ${failure.message}`, error)
    }
    state.registerScaleUp(group.id, delta, this.#o.clock.now())
    metrics.scaledUpNodes.add(delta, { gpu_resource_name: '', gpu_name: '', dra_drivers: '' })
    recorder.cluster('Normal', 'ScaledUpGroup', `Scale-up: group ${group.id} size set to ${newSize} ${from}`)
  }

  #candidates(
    podGroups: readonly PodGroup[],
    snapshot: ClusterSnapshot,
    limits: ResourceLimits,
    reasons: ReadonlyMap<PodGroup, string[]>,
    now: Ms,
  ): Candidate[] {
    const candidates: Candidate[] = []
    for (const group of this.#o.groups.groups()) {
      const template = this.#o.templates.of(group.id)
      const skip = this.#skipReason(group, template, limits, now)
      if (skip !== undefined || template === undefined) {
        for (const list of reasons.values()) list.push(skip ?? notReady)
        continue
      }
      candidates.push({ group, template, takes: this.#takes(group, template, podGroups, snapshot, reasons) })
    }
    return candidates
  }

  #skipReason(
    group: NodeGroup,
    template: NodeTemplate | undefined,
    limits: ResourceLimits,
    now: Ms,
  ): string | undefined {
    const { state, metrics } = this.#o
    if (!state.isGroupHealthy(group.id)) {
      this.#log.warning(`Node group ${group.id} is not ready for scaleup - unhealthy`)
      return notReady
    }
    const failure = state.backoffOf(group.id, now)
    if (failure !== undefined) {
      const info = `{ErrorClass:${failure.errorClass} ErrorCode:${failure.errorCode} ErrorMessage:${failure.errorMessage}}`
      this.#log.warning(
        `Node group ${group.id} is not ready for scaleup - backoff with status: {IsBackedOff:true ErrorInfo:${info}}`,
      )
      return 'in backoff after failed scale-up'
    }
    if (group.targetSize >= group.maxSize) {
      this.#log.info(4, `Skipping node group ${group.id} - max size reached`)
      return 'max node group size reached'
    }
    if (template === undefined) {
      this.#log.error(`No node info for: ${group.id}`)
      return notReady
    }
    const { nodes, exceeded } = limits.roomFor(template.node, 1)
    if (nodes >= 1) return undefined
    this.#log.info(
      4,
      `Skipping node group ${group.id} - exceeded quota: "cluster-wide", resources: ${exceeded.join(', ')}`,
    )
    if (exceeded.includes('cpu')) metrics.skippedScaleEvents.add(1, { direction: 'up', reason: 'CpuResourceLimit' })
    if (exceeded.includes('memory'))
      metrics.skippedScaleEvents.add(1, { direction: 'up', reason: 'MemoryResourceLimit' })
    return `exceeded quota: "cluster-wide", resources: ${exceeded.join(', ')}`
  }

  /** Which kinds of pods fit on one fresh node of the group; asked of one pod of each kind. */
  #takes(
    group: NodeGroup,
    template: NodeTemplate,
    podGroups: readonly PodGroup[],
    snapshot: ClusterSnapshot,
    reasons: ReadonlyMap<PodGroup, string[]>,
  ): ReadonlySet<PodGroup> {
    const takes = new Set<PodGroup>()
    snapshot.fork()
    const { node, pods } = instantiate(template, `${template.node.metadata.name}-check`)
    snapshot.addNode(node, pods)
    for (const podGroup of podGroups) {
      const sample = podGroup.pods[0]!
      const refusals = snapshot.checkAll(sample, node.metadata.name)
      if (refusals.length === 0) {
        takes.add(podGroup)
        continue
      }
      const texts = refusals.map((unfit) => unfit.reason)
      reasons.get(podGroup)!.push(...texts)
      const name = podName(sample)
      this.#log.info(
        2,
        `Pod ${name} can't be scheduled on ${group.id}, predicate checking error: ${texts.join(', ')}; predicateName=${refusals[0]!.plugin}; reasons: ${texts.join(', ')}`,
      )
      const others = podGroup.pods.length - 1
      if (others > 0) this.#log.info(2, `${others} other pods similar to ${name} can't be scheduled on ${group.id}`)
    }
    snapshot.revert()
    return takes
  }

  #options(
    candidates: readonly Candidate[],
    podGroups: readonly PodGroup[],
    snapshot: ClusterSnapshot,
  ): ExpansionOption[] {
    const { options, clock, metrics } = this.#o
    const started = clock.now()
    const found: ExpansionOption[] = []
    for (const candidate of candidates) {
      if (options.maxBinpackingTime > 0 && ms(clock.now() - started) > options.maxBinpackingTime) {
        this.#log.info(1, 'Binpacking took longer than allowed, the remaining node groups are left out')
        break
      }
      const { group, template } = candidate
      const fitting = podGroups.filter((podGroup) => candidate.takes.has(podGroup))
      const similar = this.#similar(candidate, candidates)
      const room = [group, ...similar].reduce((sum, each) => sum + each.maxSize - each.targetSize, 0)
      const total = options.maxNodesTotal > 0 ? options.maxNodesTotal - snapshot.nodeCount : 0
      const begun = clock.now()
      const duration = options.maxNodeGroupBinpackingDuration
      const estimated = estimate(snapshot, fitting, template, {
        nodes: [
          options.maxNodesPerScaleUp,
          room <= 0 ? -1 : room,
          options.maxNodesTotal > 0 && total <= 0 ? -1 : total,
        ],
        expired: () => duration > 0 && clock.now() - begun > duration,
      })
      this.#logLimit(estimated)
      if (estimated.nodeCount === 0 || estimated.pods.length === 0) {
        this.#log.info(4, `No pod can fit to ${group.id}`)
        continue
      }
      metrics.binpackingHeterogeneity.observe(fitting.length, {
        instance_type: template.node.metadata.labels?.['node.kubernetes.io/instance-type'] ?? '',
        cpu_count: String(template.node.status?.capacity?.['cpu'] ?? ''),
        namespace_count: bucket(new Set(fitting.map((podGroup) => podGroup.pods[0]!.metadata.namespace)).size),
      })
      const debug = `${group.id} (min: ${group.minSize}, max: ${group.maxSize}, current: ${group.targetSize})`
      found.push({ group, template, similar, debug, nodeCount: estimated.nodeCount, pods: estimated.pods })
    }
    return found
  }

  #logLimit({ stoppedBy }: Estimate): void {
    if (stoppedBy === undefined) return
    const threshold =
      stoppedBy.limit === 'nodes'
        ? `threshold of ${stoppedBy.nodesMax} nodes`
        : `max duration of ${formatGoDuration(this.#o.options.maxNodeGroupBinpackingDuration)}`
    this.#o.log.named('threshold_based_limiter.go').info(4, `Capping binpacking after exceeding ${threshold}`)
  }

  #similar(candidate: Candidate, candidates: readonly Candidate[]): NodeGroup[] {
    if (!this.#o.options.balanceSimilarNodeGroups) return []
    return candidates
      .filter(
        (other) =>
          other !== candidate &&
          areSimilar(candidate.template, other.template, this.#o.options) &&
          [...candidate.takes].every((podGroup) => other.takes.has(podGroup)),
      )
      .map((other) => other.group)
  }

  #plan(
    best: ExpansionOption,
    candidates: readonly Candidate[],
    snapshot: ClusterSnapshot,
    limits: ResourceLimits,
  ): GroupIncrease[] {
    const { options, recorder } = this.#o
    this.#log.info(1, `Best option to resize: ${best.group.id}`)
    this.#log.info(1, best.debug)
    this.#log.info(1, `Estimated ${best.nodeCount} nodes needed in ${best.group.id}`)
    let count = best.nodeCount
    if (options.maxNodesTotal > 0 && snapshot.nodeCount + count > options.maxNodesTotal) {
      this.#log.info(1, `Capping size to max cluster total size (${options.maxNodesTotal})`)
      count = options.maxNodesTotal - snapshot.nodeCount
      recorder.cluster(
        'Warning',
        'MaxNodesTotalReached',
        `Max total nodes in cluster reached: ${options.maxNodesTotal}`,
      )
      if (count < 1) throw new AutoscalerError('transientError', 'max node total count already reached')
    }
    const room = limits.roomFor(best.template.node, count).nodes
    if (room < count) {
      this.#log.info(1, `Only ${room} nodes can be added to ${best.group.id} due to resource quotas`)
      count = room
    }
    const targets = [best.group, ...best.similar]
    if (targets.length > 1) {
      const names = targets.map((group) => group.id).join(', ')
      this.#log.info(1, `Splitting scale-up between ${targets.length} similar node groups: {${names}}`)
    }
    const shared = shareIncrease(targets, count)
    const added = shared.reduce((sum, { group, newSize }) => sum + newSize - group.targetSize, 0)
    if (added < count) this.#log.info(1, `Can only add ${added} nodes due to node group limits, need ${count} nodes`)
    const plan: GroupIncrease[] = []
    for (const { group, newSize } of shared) {
      const { node } = candidates.find((candidate) => candidate.group === group)!.template
      const allowed = limits.roomFor(node, newSize - group.targetSize).nodes
      if (allowed <= 0) continue
      limits.added(node, allowed)
      plan.push({ group, newSize: group.targetSize + allowed })
    }
    return plan
  }

  #logPods(pods: readonly Pod[]): void {
    const quota = this.#log.enabled(5) ? 1000 : 20
    const log = this.#o.log.named('klogx.go')
    for (const pod of pods.slice(0, quota)) log.info(1, `Pod ${podName(pod)} is unschedulable`)
    if (pods.length > quota) log.info(1, `${pods.length - quota} other pods are also unschedulable`)
  }
}

function* nodesOf(snapshot: ClusterSnapshot): Generator<NodeTemplate['node']> {
  for (const state of snapshot.nodes()) yield state.node
}

function increaseText({ group, newSize }: GroupIncrease): string {
  return `${group.id} ${group.targetSize}->${newSize} (max: ${group.maxSize})`
}

function bucket(count: number): string {
  if (count <= 5) return String(count)
  return count <= 10 ? '6-10' : '11+'
}
