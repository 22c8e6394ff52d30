// Which nodes nobody needs, since when, and which of them may go now.
// Mirrors kubernetes-sigs/cluster-autoscaler:pkg/core/scaledown/{planner,eligibility,unneeded,budgets} (1.36).
import type { ClusterSnapshot, NodeState, PodPlacer } from '@plimsoll/engine'
import { formatGoDuration, ms, type Ms, type Node } from '@plimsoll/model'
import type { Clock, Log, NodeGroups } from '@plimsoll/ports'
import type { AutoscalerMetrics } from '../autoscaler-metrics.ts'
import { readinessOf } from '../nodes/readiness.ts'
import { deletionCandidateTaint, isBeingDeleted, taintTime } from '../nodes/taints.ts'
import type { ClusterAutoscalerOptions } from '../options/options.ts'
import { groupById } from '../state/cluster-state.ts'
import { groupSettings } from '../state/group-settings.ts'
import { ResourceLimits } from '../state/resource-limits.ts'
import type { DeletionTracker } from './deletion-tracker.ts'
import { podsOfNode, type DrainabilityView } from './drainability.ts'
import { simulateRemoval, type RemovableNode } from './removal-simulator.ts'
import { UnremovableNodes, type UnremovableReason } from './unremovable.ts'
import { utilizationOf, type Utilization } from './utilization.ts'

export interface UnneededNode {
  readonly node: Node
  readonly group: string
  readonly since: Ms
  readonly utilization: Utilization
  readonly removal: RemovableNode
}

/** Little used, and nothing but its pods may keep it. */
type Eligible = Omit<UnneededNode, 'since' | 'removal'>

export interface DeletionPlan {
  readonly empty: readonly UnneededNode[]
  readonly drain: readonly UnneededNode[]
}

const scaleDownDisabled = 'cluster-autoscaler.kubernetes.io/scale-down-disabled'
const utilizationLines = 20

export interface PlannerParts {
  readonly groups: NodeGroups
  readonly options: ClusterAutoscalerOptions
  readonly clock: Clock
  readonly log: Log
  readonly metrics: AutoscalerMetrics
  readonly tracker: DeletionTracker
  readonly placer: PodPlacer
}

export class ScaleDownPlanner {
  readonly #o: PlannerParts
  readonly #log: Log
  readonly unremovable: UnremovableNodes = new UnremovableNodes()
  #unneeded = new Map<string, UnneededNode>()
  /** Since when nodes have been unneeded that this loop's simulation did not get to. */
  #waiting = new Map<string, Ms>()
  #latest: Ms | undefined
  #shortestInterval: Ms
  #lastUpdate: Ms = ms(0)

  constructor(parts: PlannerParts) {
    this.#o = parts
    this.#log = parts.log.named('planner.go')
    this.#shortestInterval = parts.options.scaleDownUnneededTime
  }

  unneeded(): readonly UnneededNode[] {
    return [...this.#unneeded.values()]
  }

  get lastUpdate(): Ms {
    return this.#lastUpdate
  }

  clear(): void {
    this.#unneeded.clear()
    this.#waiting.clear()
  }

  /** Takes over the times of soft taints that an earlier process left (rule CA-120). */
  restore(nodes: readonly Node[], now: Ms): void {
    const { nodeDeletionCandidateTtl } = this.#o.options
    if (nodeDeletionCandidateTtl <= 0) return
    for (const node of nodes) {
      const since = taintTime(node, deletionCandidateTaint)
      if (since !== undefined && now - since < nodeDeletionCandidateTtl) this.#waiting.set(node.metadata.name, since)
    }
  }

  /**
   * Works out anew who is unneeded. `candidates` may go; pods may move to `destinations`. The snapshot comes out as it
   * went in.
   */
  update(
    snapshot: ClusterSnapshot,
    candidates: readonly Node[],
    destinations: readonly Node[],
    view: DrainabilityView,
    now: Ms,
  ): void {
    if (this.#latest !== undefined && now > this.#latest) {
      this.#shortestInterval = ms(Math.min(this.#shortestInterval, now - this.#latest))
    }
    this.#latest = now
    this.#lastUpdate = now
    this.unremovable.beginLoop(now)
    const { tracker, placer, options, clock, log } = this.#o
    const open = new Set(destinations.map((node) => node.metadata.name).filter((name) => !tracker.has(name)))
    const eligible = this.#eligible(snapshot, candidates, now)
    const ordered = this.#inOrder(eligible, snapshot, view)
    const before = this.#unneeded
    const beforeWaiting = this.#waiting
    const limit = this.#limit()
    const deadline = ms(clock.now() + options.scaleDownSimulationTimeout)
    const found = new Map<string, UnneededNode>()
    const waiting = new Map<string, Ms>()
    const recheckAt = ms(now + options.unremovableNodeRecheckTimeout)
    let refused = 0
    placer.forgetOldHints()
    snapshot.fork()
    for (const [i, candidate] of ordered.entries()) {
      const { name } = candidate.node.metadata
      const timedOut = clock.now() > deadline
      if (timedOut || found.size >= limit) {
        const left = ordered.slice(i)
        if (timedOut) {
          this.#log.warning(
            `${left.length} out of ${ordered.length} nodes skipped in scale down simulation due to timeout.`,
          )
        }
        // Upstream forgets since when these were unneeded; nobody is hurt by remembering.
        for (const { node } of left) {
          const since = before.get(node.metadata.name)?.since ?? beforeWaiting.get(node.metadata.name)
          if (since !== undefined) waiting.set(node.metadata.name, since)
        }
        break
      }
      const removal = simulateRemoval(name, { snapshot, placer, view, destinations: open, log })
      if ('unremovable' in removal) {
        refused++
        this.unremovable.addFor(name, removal.unremovable, recheckAt)
        continue
      }
      open.delete(name)
      const since = before.get(name)?.since ?? beforeWaiting.get(name) ?? now
      found.set(name, { ...candidate, since, removal })
    }
    snapshot.revert()
    if (refused > 0) {
      this.#log.info(
        1,
        `${refused} nodes found to be unremovable in simulation, will re-check them at ${new Date(recheckAt).toISOString()}`,
      )
    }
    this.#unneeded = found
    this.#waiting = waiting
    for (const [name, { since }] of found) {
      this.#o.log
        .named('nodes.go')
        .info(
          4,
          `${name} is unneeded since ${new Date(since).toISOString()} duration ${formatGoDuration(ms(now - since))}`,
        )
    }
  }

  /** Which unneeded nodes may go right now, within all budgets (rules CA-135 to CA-139). */
  plan(snapshot: ClusterSnapshot, now: Ms): DeletionPlan {
    const { tracker, options, groups } = this.#o
    const limits = new ResourceLimits(
      options,
      groups.gpuLabel(),
      snapshot
        .nodes()
        .map((state) => state.node)
        .filter((node) => !tracker.has(node.metadata.name) && !isBeingDeleted(node, now)),
    )
    const left = new Map<string, number>()
    const due: UnneededNode[] = []
    const isEmpty = (each: UnneededNode): boolean => each.removal.podsToMove.length === 0
    const all = [...this.#unneeded.values()]
    for (const each of [...all.filter(isEmpty), ...all.filter((other) => !isEmpty(other))]) {
      const reason = this.#notYet(each, left, limits, now)
      if (reason === undefined) due.push(each)
      else this.unremovable.add(each.node.metadata.name, reason)
    }
    const ready = due.filter((each) => {
      if (each.removal.awaited.length === 0) return true
      this.unremovable.add(each.node.metadata.name, 'BlockedByOnCompletionPod')
      return false
    })
    const safeFirst = [...ready.filter((each) => !each.removal.risky), ...ready.filter((each) => each.removal.risky)]
    const parallel = Math.max(0, options.maxScaleDownParallelism - tracker.emptyCount - tracker.drainedCount)
    const drains = Math.max(0, Math.min(parallel, options.maxDrainParallelism - tracker.drainedCount))
    const empty = safeFirst.filter(isEmpty).slice(0, parallel)
    const drain = safeFirst
      .filter((each) => !isEmpty(each))
      .slice(0, Math.min(drains, Math.max(0, parallel - empty.length)))
    return { empty, drain }
  }

  #notYet(
    each: UnneededNode,
    left: Map<string, number>,
    limits: ResourceLimits,
    now: Ms,
  ): UnremovableReason | undefined {
    const { groups, options, tracker, metrics } = this.#o
    const { node } = each
    const { name } = node.metadata
    const log = this.#o.log.named('nodes.go')
    log.info(2, `${name} was unneeded for ${formatGoDuration(ms(now - each.since))}`)
    if (node.metadata.annotations?.[scaleDownDisabled] === 'true') return 'ScaleDownDisabledAnnotation'
    const settings = groupSettings(groups, options, each.group)
    const { ready } = readinessOf(node)
    if (ready && each.since + settings.unneededTime >= now) return 'NotUnneededLongEnough'
    if (!ready && each.since + settings.unreadyTime >= now) return 'NotUnreadyLongEnough'
    const group = groupById(groups, each.group)
    if (group === undefined) return 'NotAutoscaled'
    const room = left.get(group.id) ?? group.targetSize - group.minSize - tracker.countOf(group.id)
    if (room <= 0) {
      log.info(4, `Skipping ${name} - node group min size reached`)
      return 'NodeGroupMinSizeReached'
    }
    const { nodes, exceeded } = limits.maySpare(node)
    if (nodes < 1) {
      log.info(4, `Skipping ${name} - minimal limit exceeded for [${exceeded.join(' ')}]`)
      if (exceeded.includes('cpu')) metrics.skippedScaleEvents.add(1, { direction: 'down', reason: 'CpuResourceLimit' })
      if (exceeded.includes('memory'))
        metrics.skippedScaleEvents.add(1, { direction: 'down', reason: 'MemoryResourceLimit' })
      return 'MinimalResourceLimitExceeded'
    }
    left.set(group.id, room - 1)
    limits.removed(node)
    return undefined
  }

  #eligible(snapshot: ClusterSnapshot, candidates: readonly Node[], now: Ms): Eligible[] {
    const log = this.#o.log.named('eligibility.go')
    const eligible: Eligible[] = []
    let recent = 0
    let lines = 0
    for (const node of candidates) {
      const { name } = node.metadata
      if (this.#o.tracker.has(name)) continue
      const state = snapshot.node(name)
      const outcome = state === undefined ? 'UnexpectedError' : this.#eligibility(state, node, now)
      if (typeof outcome === 'string') {
        if (outcome === 'RecentlyUnremovable') recent++
        this.unremovable.add(name, outcome)
        continue
      }
      const { utilization } = outcome
      const settings = groupSettings(this.#o.groups, this.#o.options, outcome.group)
      const threshold = utilization.gpu > 0 ? settings.gpuUtilizationThreshold : settings.utilizationThreshold
      const percent = `${goPercent(utilization.utilization * 100)}% of allocatable`
      if (utilization.utilization > threshold) {
        log.info(
          4,
          `Node ${name} unremovable: ${utilization.resource} requested (${percent}) is above the scale-down utilization threshold`,
        )
        this.unremovable.add(name, 'NotUnderutilized')
        continue
      }
      if (lines++ < utilizationLines) log.info(4, `Node ${name} - ${utilization.resource} requested is ${percent}`)
      eligible.push({ node, group: outcome.group, utilization })
    }
    if (lines > utilizationLines) log.info(4, `Skipped logging utilization for ${lines - utilizationLines} other nodes`)
    if (recent > 0) {
      const timeout = formatGoDuration(this.#o.options.unremovableNodeRecheckTimeout)
      log.info(1, `Scale-down calculation: ignoring ${recent} nodes unremovable in the last ${timeout}`)
    }
    return eligible
  }

  #eligibility(
    state: NodeState,
    node: Node,
    now: Ms,
  ): UnremovableReason | { readonly group: string; readonly utilization: Utilization } {
    const { options, groups, log } = this.#o
    const { name } = node.metadata
    if (this.unremovable.isRecent(name)) return 'RecentlyUnremovable'
    if (isBeingDeleted(node, now)) {
      log
        .named('eligibility.go')
        .info(1, `Skipping ${name} from delete consideration - the node is currently being deleted`)
      return 'CurrentlyBeingDeleted'
    }
    if (node.metadata.annotations?.[scaleDownDisabled] === 'true') {
      log
        .named('eligibility.go')
        .info(1, `Skipping ${name} from delete consideration - the node is marked as no scale down`)
      return 'ScaleDownDisabledAnnotation'
    }
    const group = groups.groupOf(node)
    if (group === undefined) return 'NotAutoscaled'
    if (!readinessOf(node).ready && !options.scaleDownUnreadyEnabled) return 'ScaleDownUnreadyDisabled'
    const settings = groupSettings(groups, options, group.id)
    const utilization = utilizationOf(state, {
      gpuLabel: groups.gpuLabel(),
      ignoreDaemonSets: settings.ignoreDaemonSetsUtilization,
      ignoreMirrorPods: options.ignoreMirrorPodsUtilization,
      now,
    })
    return { group: group.id, utilization }
  }

  /** Nodes without pods to move first, then those that were unneeded before, then by name (rule CA-111). */
  #inOrder(eligible: readonly Eligible[], snapshot: ClusterSnapshot, view: DrainabilityView): readonly Eligible[] {
    const rank = (each: Eligible): number => {
      const { name } = each.node.metadata
      const pods = podsOfNode(snapshot.node(name)!.pods, view)
      const empty = pods.blocking === undefined && pods.toMove.length === 0
      return (empty ? 0 : 2) + (this.#unneeded.has(name) ? 0 : 1)
    }
    const ranks = new Map(eligible.map((each) => [each, rank(each)]))
    return eligible.toSorted((a, b) => ranks.get(a)! - ranks.get(b)!)
  }

  /** As many as could be removed until the first of them is due, with some to spare. */
  #limit(): number {
    const parallel = this.#o.options.maxScaleDownParallelism
    const interval = Math.max(1, this.#shortestInterval)
    const wait = Math.max(this.#o.options.scaleDownUnneededTime, interval)
    return Math.min(this.#unneeded.size + 2 * parallel, parallel * Math.floor(wait / interval) + parallel)
  }
}

/** As Go prints a float with %.6g. */
function goPercent(value: number): string {
  return String(Number(value.toPrecision(6)))
}
