// One loop of the autoscaler, step by step in upstream's order.
// Mirrors kubernetes-sigs/cluster-autoscaler:pkg/core/static_autoscaler.go, RunOnce (1.36; rules CA-20 to CA-41).
import { ClusterSnapshot, instantiate, podPriority, unbound, type NodeState, type PodPlacer } from '@plimsoll/engine'
import {
  formatGoDuration,
  hours,
  milliValue,
  minutes,
  ms,
  seconds,
  wholeValue,
  type Ms,
  type Node,
  type Pod,
} from '@plimsoll/model'
import type { Clock, KubeApi, Log, NodeGroups } from '@plimsoll/ports'
import { autoscalerError, messageOf } from '../autoscaler-error.ts'
import type { AutoscalerMetrics } from '../autoscaler-metrics.ts'
import type { NodeTemplates } from '../nodes/node-templates.ts'
import type { NodeTaintWriter } from '../nodes/node-taint-writer.ts'
import { readinessOf, withHiddenUnreadiness } from '../nodes/readiness.ts'
import { deletionCandidateTaint, taintOf, toBeDeletedTaint, type TaintKinds } from '../nodes/taints.ts'
import type { ClusterAutoscalerOptions } from '../options/options.ts'
import { classifyPods, type ClassifiedPods } from '../pods/pod-classes.ts'
import { isDaemonSetPod, isExpendable, isMirrorPod, isStaticPod } from '../pods/pod-kinds.ts'
import type { ScaleDownActuator } from '../scale-down/actuator.ts'
import type { DeletionTracker } from '../scale-down/deletion-tracker.ts'
import { DisruptionBudgets } from '../scale-down/disruption-budgets.ts'
import type { ScaleDownPlanner } from '../scale-down/planner.ts'
import { updateSoftTaints } from '../scale-down/soft-taints.ts'
import { maxNodesReached, scaleUpNotTried, type ScaleUp, type ScaleUpStatus } from '../scale-up/scale-up.ts'
import type { EventClusterRecorder } from '../state/cluster-recorder.ts'
import { groupById, type ClusterState } from '../state/cluster-state.ts'
import { groupSettings } from '../state/group-settings.ts'
import type { WorldView } from '../state/world-view.ts'
import type { StatusConfigMap } from '../status/status-config-map.ts'
import type { StatusReport } from '../status/status-report.ts'
import type { LoopActivity } from './loop-trigger.ts'
import { areAllNew, oldEnough } from './pod-age.ts'

const upcomingAnnotation = 'cluster-autoscaler.k8s.io/upcoming-node'
/** Before this no event says that there are no ready nodes: they may be starting. */
const noReadyNodesGrace = minutes(10)

export interface LoopParts {
  readonly kube: KubeApi
  readonly groups: NodeGroups
  readonly options: ClusterAutoscalerOptions
  readonly clock: Clock
  readonly log: Log
  readonly metrics: AutoscalerMetrics
  readonly recorder: EventClusterRecorder
  readonly taints: TaintKinds
  readonly view: WorldView
  readonly state: ClusterState
  readonly templates: NodeTemplates
  readonly placer: PodPlacer
  readonly writer: NodeTaintWriter
  readonly scaleUp: ScaleUp
  readonly planner: ScaleDownPlanner
  readonly actuator: ScaleDownActuator
  readonly tracker: DeletionTracker
  readonly report: StatusReport
  readonly statusMap: StatusConfigMap
}

export class AutoscalerLoop implements LoopActivity {
  readonly #o: LoopParts
  readonly #log: Log
  readonly #startedAt: Ms
  #count = 0
  #lastScaleUp: Ms
  #lastDeletion: Ms
  #lastFailure: Ms
  lastScaleUpLoop: number = -Infinity
  lastDeletionLoop: number = -Infinity
  #cleaned = false
  /** By group, for --scale-down-delay-type-local. */
  readonly #groupScaleUps = new Map<string, Ms>()
  readonly #groupDeletions = new Map<string, Ms>()
  readonly #groupFailures = new Map<string, Ms>()

  constructor(parts: LoopParts) {
    this.#o = parts
    this.#log = parts.log.named('static_autoscaler.go')
    this.#startedAt = parts.clock.now()
    // A fresh process is in no cool-down.
    this.#lastScaleUp = this.#lastDeletion = this.#lastFailure = ms(this.#startedAt - hours(1))
  }

  /** Which loop comes next, counted from 0. */
  get next(): number {
    return this.#count
  }

  /** Writes that the autoscaler is about to begin. */
  async announce(): Promise<void> {
    if (this.#o.options.writeStatusConfigMap)
      await this.#writeStatus(this.#o.report.initializing('', this.#o.clock.now()))
  }

  /** @throws AutoscalerError when a step failed without which the loop cannot go on */
  async run(signal: AbortSignal): Promise<void> {
    const { options, clock, groups, state, view } = this.#o
    const number = this.#count++
    const now = clock.now()
    await this.#cleanUpOnce(signal)
    this.#log.info(4, 'Starting main loop')
    const updating = clock.now()

    const nodes = withHiddenUnreadiness(view.nodes.items(), this.#o.taints, groups.gpuLabel())
    const ready = nodes.filter((node) => readinessOf(node).ready && node.spec.unschedulable !== true)
    this.#countTaints(nodes)
    if (!options.scaleUpFromZero && (nodes.length === 0 || ready.length === 0)) {
      await this.#notActionable(nodes, now)
      return
    }
    const pods = classifyPods(view.pods.items(), options)
    const daemonSets = view.daemonSets.items()
    const deletionsBefore = new Set(this.#o.tracker.nodes())
    await this.#refresh()
    signal.throwIfAborted()
    this.#groupMetrics()
    const snapshot = this.#snapshot(nodes, pods)
    await this.#o.templates.update(
      nodes.map((node) => ({ node, pods: view.podsOn(node.metadata.name) })),
      daemonSets,
    )
    await state.update(nodes, now)
    signal.throwIfAborted()
    this.#sizeMetrics(nodes, now)
    this.#took('updateClusterState', updating)

    let scaleUpStatus = scaleUpNotTried
    try {
      scaleUpStatus = await this.#act({ number, now, nodes, ready, pods, snapshot, deletionsBefore, signal })
    } finally {
      if (!signal.aborted) {
        this.#afterScaleUp(scaleUpStatus)
        await this.#writeRunning(clock.now())
      }
    }
  }

  async #act(o: {
    readonly number: number
    readonly now: Ms
    readonly nodes: readonly Node[]
    readonly ready: readonly Node[]
    readonly pods: ClassifiedPods
    readonly snapshot: ClusterSnapshot
    readonly deletionsBefore: ReadonlySet<string>
    readonly signal: AbortSignal
  }): Promise<ScaleUpStatus> {
    const { options, clock, state, metrics, planner, recorder } = this.#o
    const { now, snapshot, signal } = o
    const unregistered = state.unregistered()
    if (unregistered.length > 0) {
      this.#log.info(1, `${unregistered.length} unregistered nodes present`)
      if (await this.#removeLongUnregistered(now)) state.recount()
    }
    if (!state.isClusterHealthy()) {
      this.#log.warning('Cluster is not ready for autoscaling')
      planner.clear()
      recorder.cluster('Warning', 'ClusterUnhealthy', 'Cluster is unhealthy')
      return scaleUpNotTried
    }
    if (await this.#removeFailedInstances()) state.recount()
    if (await this.#repairSizes(now)) {
      this.#log.info(0, 'Some node group target size was fixed, skipping the iteration')
      return scaleUpNotTried
    }
    metrics.lastActivity.set(Math.floor(clock.now() / 1000), { activity: 'autoscaling' })
    metrics.unschedulablePodsCount.set(o.pods.unschedulable.length, { type: 'unschedulable' })
    metrics.unschedulablePodsCount.set(o.pods.unprocessed.length, { type: 'scheduler_unprocessed' })

    const upcoming = this.#addUpcoming(snapshot)
    const nodes = o.nodes.filter((node) => !upcoming.represented.has(node.metadata.name))
    const pending = oldEnough(this.#pendingPods(o.pods, snapshot), options.newPodScaleUpDelay, now, this.#log)

    let status: ScaleUpStatus
    let deletionForbidden = false
    if (pending.length === 0) {
      this.#log.info(1, 'No unschedulable pods')
      status = { ...scaleUpNotTried, result: 'NotNeeded' }
    } else if (options.maxNodesTotal > 0 && o.ready.length >= options.maxNodesTotal) {
      this.#log.info(
        1,
        `Max total nodes in cluster reached: ${options.maxNodesTotal}. Current number of ready nodes: ${o.ready.length}`,
      )
      recorder.cluster(
        'Warning',
        'MaxNodesTotalReached',
        `Max total nodes in cluster reached: ${options.maxNodesTotal}`,
      )
      const helpless = pending.map((pod) => ({ pod, reasons: [] }))
      status = { ...scaleUpNotTried, result: 'LimitedByMaxNodesTotal', helpless }
    } else if (options.bypassedSchedulerNames.length === 0 && areAllNew(pending, now)) {
      // Several pods tend to come at once: in one iteration more all of them will be there.
      deletionForbidden = true
      this.#log.info(1, 'Unschedulable pods are very new, waiting one iteration for more')
      status = { ...scaleUpNotTried, result: 'InCooldown' }
    } else {
      const started = clock.now()
      metrics.lastActivity.set(Math.floor(started / 1000), { activity: 'scaleUp' })
      this.#o.log.named('orchestrator.go').info(4, `Upcoming ${upcoming.count} nodes`)
      status = await this.#o.scaleUp.run(pending, snapshot, now)
      this.#took('scaleUp', started)
      if (status.error !== undefined) this.#log.error(`Failed to scale up: ${status.error.message}`)
      if (status.result === 'Successful') {
        this.#lastScaleUp = now
        this.lastScaleUpLoop = o.number
        for (const increase of status.increases) this.#groupScaleUps.set(increase.slice(0, increase.indexOf(' ')), now)
      }
    }
    signal.throwIfAborted()
    if (options.scaleDownEnabled) await this.#scaleDown({ ...o, nodes, deletionForbidden })
    if (options.enforceNodeGroupMinSize) {
      const raised = await this.#o.scaleUp.enforceMinSizes(snapshot, now)
      if (raised.error !== undefined) this.#log.error(`Failed to scale up: ${raised.error.message}`)
    }
    return status
  }

  /** Leftovers of an earlier process: nodes that it was about to remove. */
  async #cleanUpOnce(signal: AbortSignal): Promise<void> {
    if (this.#cleaned) return
    const { view, groups, writer, recorder, options, planner, clock } = this.#o
    // Which nodes are managed is only known once the cloud has been read.
    await this.#refresh()
    planner.restore(view.nodes.items(), clock.now())
    for (const node of view.nodes.items()) {
      const keys = [
        ...(groups.groupOf(node) !== undefined ? [toBeDeletedTaint] : []),
        ...(options.maxBulkSoftTaintCount === 0 ? [deletionCandidateTaint] : []),
      ]
      for (const key of keys) {
        if (taintOf(node, key) === undefined) continue
        signal.throwIfAborted()
        const { name } = node.metadata
        try {
          const uncordon = key === toBeDeletedTaint && options.cordonNodeBeforeTerminating
          await writer.release(name, key, { uncordon })
          recorder.on(node, 'Node', 'Normal', 'ClusterAutoscalerCleanup', `removed ${key} taint from node ${name}`)
        } catch (error) {
          const text = `failed to clean ${key} on node ${name}: ${messageOf(error)}`
          recorder.on(node, 'Node', 'Warning', 'ClusterAutoscalerCleanup', text)
        }
      }
    }
    this.#cleaned = true
  }

  async #refresh(): Promise<void> {
    const started = this.#o.clock.now()
    try {
      await this.#o.groups.refresh()
    } catch (error) {
      this.#log.error(`Failed to refresh cloud provider config: ${messageOf(error)}`)
      throw autoscalerError(error, 'cloudProviderError')
    } finally {
      this.#took('cloudProviderRefresh', started)
    }
  }

  async #notActionable(nodes: readonly Node[], now: Ms): Promise<void> {
    const { planner, recorder, metrics, report } = this.#o
    planner.clear()
    metrics.clusterSafeToAutoscale.set(0)
    metrics.nodesCount.remove()
    const message = nodes.length === 0 ? 'Cluster has no nodes.' : 'Cluster has no ready nodes.'
    this.#log.warning(message)
    if (nodes.length === 0 || now >= this.#startedAt + noReadyNodesGrace) {
      recorder.cluster('Warning', 'ClusterUnhealthy', message)
    }
    if (this.#o.options.writeStatusConfigMap) await this.#writeStatus(report.initializing(message, now))
  }

  #snapshot(nodes: readonly Node[], pods: ClassifiedPods): ClusterSnapshot {
    const { view, options } = this.#o
    const snapshot = new ClusterSnapshot({ volumes: view })
    for (const namespace of view.namespaces.items()) {
      snapshot.setNamespace(namespace.metadata.name, namespace.metadata.labels ?? {})
    }
    const byNode = new Map<string, Pod[]>(nodes.map((node) => [node.metadata.name, []]))
    const put = (pod: Pod, node: string): void => {
      if (!isExpendable(pod, options.expendablePodsPriorityCutoff)) byNode.get(node)?.push(pod)
    }
    for (const pod of pods.scheduled) put(pod, pod.spec.nodeName!)
    for (const pod of pods.nominated) put(pod, pod.status!.nominatedNodeName!)
    for (const node of nodes) snapshot.addNode(node, byNode.get(node.metadata.name)!)
    return snapshot
  }

  /** Adds copies for nodes that are on their way; returns the registered nodes that these stand for. */
  #addUpcoming(snapshot: ClusterSnapshot): { readonly represented: ReadonlySet<string>; readonly count: number } {
    const represented = new Set<string>()
    let total = 0
    for (const [group, { count, registered }] of this.#o.state.upcoming()) {
      const template = this.#o.templates.of(group)
      if (template === undefined) {
        this.#log.warning(`Couldn't find NodeInfo for node group ${group}`)
        continue
      }
      for (const name of registered) {
        represented.add(name)
        if (snapshot.node(name) !== undefined) snapshot.removeNode(name)
      }
      for (let i = 0; i < count; i++) {
        const name = `${template.node.metadata.name}-upcoming-${i}`
        const { node, pods } = instantiate(template, name, { [upcomingAnnotation]: 'true' })
        snapshot.addNode(node, pods)
      }
      total += count
    }
    return { represented, count: total }
  }

  /** The pods that need a new node: those that the present and upcoming nodes cannot take. */
  #pendingPods(pods: ClassifiedPods, snapshot: ClusterSnapshot): readonly Pod[] {
    const { options, tracker, view, placer, clock } = this.#o
    const isRecreatable = (pod: Pod): boolean =>
      !isMirrorPod(pod) && !isStaticPod(pod) && !isDaemonSetPod(pod) && pod.metadata.deletionTimestamp === undefined
    const drained = tracker
      .drained()
      .flatMap((node) => view.podsOn(node))
      .filter((pod) => isRecreatable(pod) && pod.status?.phase !== 'Succeeded' && pod.status?.phase !== 'Failed')
      .map(unbound)
    const all = [...pods.unschedulable, ...pods.unprocessed].filter(
      (pod) => !isExpendable(pod, options.expendablePodsPriorityCutoff),
    )
    const started = clock.now()
    const candidates = [...all, ...drained.filter((pod) => !isExpendable(pod, options.expendablePodsPriorityCutoff))]
    const log = this.#o.log.named('filter_out_schedulable.go')
    placer.forgetOldHints()
    const byPriority = new Map<number, Pod[]>()
    for (const pod of candidates) {
      const list = byPriority.get(podPriority(pod))
      if (list === undefined) byPriority.set(podPriority(pod), [pod])
      else list.push(pod)
    }
    const rest: Pod[] = []
    for (const priority of [...byPriority.keys()].toSorted((a, b) => b - a)) {
      for (const pod of placer.place(snapshot, byPriority.get(priority)!, { accept: isSchedulable }).rest)
        rest.push(pod)
    }
    const schedulable = candidates.length - rest.length
    log.info(4, `${schedulable} pods marked as unschedulable can be scheduled.`)
    log.info(4, schedulable > 0 ? 'Schedulable pods present' : 'No schedulable pods')
    this.#took('filterOutSchedulable', started)
    return rest.filter((pod) => !isDaemonSetPod(pod))
  }

  async #removeLongUnregistered(now: Ms): Promise<boolean> {
    const { groups, options, state, recorder, metrics } = this.#o
    const late = new Map<string, Node[]>()
    for (const { node, group, since } of state.unregistered()) {
      if (since + groupSettings(groups, options, group).maxNodeProvisionTime >= now) continue
      const list = late.get(group)
      if (list === undefined) late.set(group, [node])
      else list.push(node)
    }
    let removed = false
    for (const [id, nodes] of late) {
      const group = groupById(groups, id)
      if (group === undefined) continue
      this.#log.info(0, `Removing ${nodes.length} unregistered nodes for node group ${id}`)
      const allowed = group.targetSize - group.minSize
      if (allowed <= 0) {
        this.#log.warning(`Node group ${id} min size reached, skipping removal of ${nodes.length} unregistered nodes`)
        continue
      }
      const chosen = nodes.slice(0, allowed)
      try {
        await groups.deleteNodes(id, chosen)
        removed = true
        metrics.oldUnregisteredNodesRemoved.add(chosen.length)
        for (const node of chosen) {
          recorder.cluster('Normal', 'DeleteUnregistered', `Removed unregistered node ${node.metadata.name}`)
        }
      } catch (error) {
        this.#log.warning(
          `Failed to remove ${chosen.length} unregistered nodes from node group ${id}: ${messageOf(error)}`,
        )
        for (const node of chosen) {
          recorder.cluster(
            'Warning',
            'DeleteUnregisteredFailed',
            `Failed to remove node ${node.metadata.name}: ${messageOf(error)}`,
          )
        }
      }
    }
    return removed
  }

  async #removeFailedInstances(): Promise<boolean> {
    let removed = false
    for (const [group, nodes] of this.#o.state.failedInstances()) {
      this.#log.info(1, `Deleting ${nodes.length} from ${group} node group because of create errors`)
      try {
        await this.#o.groups.deleteNodes(group, nodes)
        removed = true
      } catch (error) {
        this.#log.warning(`Error while trying to delete nodes from ${group}: ${messageOf(error)}`)
      }
    }
    return removed
  }

  async #repairSizes(now: Ms): Promise<boolean> {
    const { groups, options, state } = this.#o
    let fixed = false
    for (const [group, size] of state.incorrectSizes()) {
      if (size.since + groupSettings(groups, options, group).maxNodeProvisionTime >= now) continue
      const delta = size.current - size.expected
      if (delta >= 0) continue
      this.#log.info(0, `Decreasing size of ${group}, expected=${size.expected} current=${size.current} delta=${delta}`)
      try {
        await groups.decreaseTargetSize(group, delta)
        fixed = true
      } catch (error) {
        this.#log.error(`Failed to decrease size of ${group}: ${messageOf(error)}`)
      }
    }
    return fixed
  }

  async #scaleDown(o: {
    readonly number: number
    readonly now: Ms
    readonly nodes: readonly Node[]
    readonly snapshot: ClusterSnapshot
    readonly deletionForbidden: boolean
    readonly signal: AbortSignal
  }): Promise<void> {
    const { options, clock, planner, actuator, view, metrics, writer } = this.#o
    const { now, snapshot } = o
    const started = clock.now()
    this.#log.info(4, 'Calculating unneeded nodes')
    const candidates = this.#candidates(o.nodes, now)
    const budgets = new DisruptionBudgets(view.budgets.items())
    planner.update(snapshot, candidates, o.nodes, { options, controllers: view, budgets, now }, now)
    this.#took('findUnneeded', started)

    for (const { group, at } of this.#o.tracker.takeFailures()) this.#groupFailures.set(group, at)
    const coolingDown = this.#isCoolingDown(now, o.deletionForbidden)
    const time = (at: Ms): string => new Date(at).toISOString()
    this.#log.info(
      4,
      `Scale down status: lastScaleUpTime=${time(this.#lastScaleUp)} lastScaleDownDeleteTime=${time(this.#lastDeletion)} lastScaleDownFailTime=${time(this.#lastFailure)} scaleDownForbidden=${o.deletionForbidden} scaleDownInCooldown=${coolingDown}`,
    )
    metrics.scaleDownInCooldown.set(coolingDown ? 1 : 0)
    let begun = false
    if (!coolingDown) {
      this.#log.info(4, 'Starting scale down')
      metrics.lastActivity.set(Math.floor(clock.now() / 1000), { activity: 'scaleDown' })
      const deleting = clock.now()
      try {
        const plan = planner.plan(snapshot, now)
        begun = await actuator.start(plan, o.signal)
        if (begun) {
          this.#lastDeletion = now
          this.lastDeletionLoop = o.number
          for (const { group } of [...plan.empty, ...plan.drain]) this.#groupDeletions.set(group, now)
        }
      } catch (error) {
        this.#lastFailure = now
        const failure = autoscalerError(error)
        this.#log.error(`Failed to scale down: ${failure.message}`)
        throw failure
      } finally {
        this.#took('scaleDown', deleting)
        this.#countUnneeded()
      }
    } else this.#countUnneeded()
    if (!begun && options.maxBulkSoftTaintCount > 0) {
      const softening = clock.now()
      const unneeded = new Set(planner.unneeded().map(({ node }) => node.metadata.name))
      const { groups } = this.#o
      const managed = view.nodes
        .items()
        .filter((node) => groups.groupOf(node) !== undefined && taintOf(node, toBeDeletedTaint) === undefined)
      const isUnneeded = (node: Node): boolean => unneeded.has(node.metadata.name)
      await updateSoftTaints(
        managed.filter(isUnneeded),
        managed.filter((node) => !isUnneeded(node)),
        {
          writer,
          options,
          clock,
          log: this.#o.log,
        },
      )
      this.#took('scaleDown:softTaintUnneeded', softening)
    }
  }

  /** Nodes of groups above their minimum that no local pause protects (rules CA-110, CA-41). */
  #candidates(nodes: readonly Node[], now: Ms): Node[] {
    const { groups, options } = this.#o
    const log = this.#o.log.named('pre_filtering_processor.go')
    return nodes.filter((node) => {
      const group = groups.groupOf(node)
      const { name } = node.metadata
      if (group === undefined) {
        log.info(5, `Node ${name} should not be processed by cluster autoscaler (no node group config)`)
        return false
      }
      if (group.targetSize <= group.minSize) {
        log.info(
          1,
          `Skipping ${name} - node group min size reached (current: ${group.targetSize}, min: ${group.minSize})`,
        )
        return false
      }
      if (!options.scaleDownDelayTypeLocal) return true
      const pausedBy = (at: Ms | undefined, delay: Ms): boolean => at !== undefined && at + delay > now
      return !(
        pausedBy(this.#groupScaleUps.get(group.id), options.scaleDownDelayAfterAdd) ||
        pausedBy(this.#groupFailures.get(group.id), options.scaleDownDelayAfterFailure) ||
        pausedBy(this.#groupDeletions.get(group.id), options.scaleDownDelayAfterDelete)
      )
    })
  }

  #isCoolingDown(now: Ms, forbidden: boolean): boolean {
    const { options } = this.#o
    if (forbidden) return true
    if (options.scaleDownDelayTypeLocal) return false
    return (
      this.#lastScaleUp + options.scaleDownDelayAfterAdd > now ||
      this.#lastFailure + options.scaleDownDelayAfterFailure > now ||
      this.#lastDeletion + options.scaleDownDelayAfterDelete > now
    )
  }

  /** Tells pods whether they caused a scale-up, or why not (rule CA-106). */
  #afterScaleUp(status: ScaleUpStatus): void {
    const { recorder } = this.#o
    if (status.result === 'Successful') {
      const text = `pod triggered scale-up: [${status.increases.map((increase) => `{${increase}}`).join(' ')}]`
      for (const pod of status.triggered) recorder.on(pod, 'Pod', 'Normal', 'TriggeredScaleUp', text)
    }
    if (status.result === 'Successful' || status.result === 'Error') return
    for (const { pod, reasons } of status.helpless) {
      const list = status.result === 'LimitedByMaxNodesTotal' ? maxNodesReached : counted(reasons)
      recorder.on(pod, 'Pod', 'Normal', 'NotTriggerScaleUp', `pod didn't trigger scale-up: ${list}`)
    }
  }

  async #writeRunning(now: Ms): Promise<void> {
    const { options, state, groups, planner, report } = this.#o
    if (!options.writeStatusConfigMap) return
    const candidates = new Map<string, number>()
    for (const { group } of planner.unneeded()) candidates.set(group, (candidates.get(group) ?? 0) + 1)
    await this.#writeStatus(report.running({ state, groups, candidates, scaleDownProbe: planner.lastUpdate, now }))
  }

  async #writeStatus(text: string): Promise<void> {
    try {
      this.#o.recorder.attachTo(await this.#o.statusMap.write(text, this.#o.clock.now()))
    } catch (error) {
      this.#o.log.named('status.go').error(`Failed to write status configmap: ${messageOf(error)}`)
    }
  }

  #took(part: string, since: Ms): void {
    const duration = ms(this.#o.clock.now() - since)
    this.#o.metrics.functionDuration.observe(duration / 1000, { function: part })
    if (duration > seconds(5)) {
      this.#o.log.named('metrics.go').info(4, `Function ${part} took ${formatGoDuration(duration)} to complete`)
    }
  }

  #countTaints(nodes: readonly Node[]): void {
    const counts = new Map<string, number>()
    for (const taint of nodes.flatMap((node) => node.spec.taints ?? [])) {
      const kind = this.#o.taints.kindOf(taint.key)
      counts.set(kind, (counts.get(kind) ?? 0) + 1)
    }
    this.#o.metrics.nodeTaintsCount.remove()
    for (const [type, count] of counts) this.#o.metrics.nodeTaintsCount.set(count, { type })
  }

  #groupMetrics(): void {
    const { groups, metrics, options } = this.#o
    const all = groups.groups()
    metrics.nodeGroupsCount.set(all.length, { node_group_type: 'autoscaled' })
    const sum = all.reduce((total, group) => total + group.maxSize, 0)
    metrics.maxNodesCount.set(options.maxNodesTotal > 0 ? Math.min(options.maxNodesTotal, sum) : sum)
    if (!options.emitPerNodeGroupMetrics) return
    for (const group of all) {
      const labels = { node_group: group.id }
      metrics.nodeGroupMin.set(group.minSize, labels)
      metrics.nodeGroupMax.set(group.maxSize, labels)
      metrics.nodeGroupTarget.set(group.targetSize, labels)
    }
  }

  #sizeMetrics(nodes: readonly Node[], now: Ms): void {
    const { metrics, state, tracker, options, groups } = this.#o
    let cores = 0
    let memory = 0
    for (const node of nodes) {
      if (tracker.has(node.metadata.name)) continue
      cores += Math.ceil(milliValue(node.status?.capacity?.['cpu']) / 1000)
      memory += wholeValue(node.status?.capacity?.['memory'])
    }
    metrics.clusterCpuCurrentCores.set(cores)
    metrics.clusterMemoryCurrentBytes.set(memory)
    metrics.cpuLimitsCores.set(options.coresTotal.min, { direction: 'minimum' })
    metrics.cpuLimitsCores.set(options.coresTotal.max, { direction: 'maximum' })
    metrics.memoryLimitsBytes.set(options.memoryTotal.min, { direction: 'minimum' })
    metrics.memoryLimitsBytes.set(options.memoryTotal.max, { direction: 'maximum' })
    metrics.clusterSafeToAutoscale.set(state.isClusterHealthy() ? 1 : 0)
    const counts = state.counts()
    for (const kind of ['ready', 'unready', 'notStarted', 'suspended', 'longUnregistered', 'unregistered'] as const) {
      metrics.nodesCount.set(counts[kind].length, { state: kind })
    }
    if (!options.emitPerNodeGroupMetrics) return
    for (const { id } of groups.groups()) {
      metrics.nodeGroupHealthiness.set(state.isGroupHealthy(id) ? 1 : 0, { node_group: id })
      metrics.nodeGroupBackoff.remove({ node_group: id })
      const failure = state.backoffOf(id, now)
      if (failure !== undefined) metrics.nodeGroupBackoff.set(1, { node_group: id, reason: failure.errorCode })
    }
  }

  #countUnneeded(): void {
    const { metrics, planner } = this.#o
    metrics.unneededNodesCount.set(planner.unneeded().length)
    const counts = new Map<string, number>()
    for (const reason of planner.unremovable.reasons().values()) counts.set(reason, (counts.get(reason) ?? 0) + 1)
    metrics.unremovableNodesCount.remove()
    for (const [reason, count] of counts) metrics.unremovableNodesCount.set(count, { reason })
  }
}

/** Nodes that are unschedulable are passed over, even for pods that tolerate it (upstream's quirk 9). */
function isSchedulable({ node }: NodeState): boolean {
  return node.spec.unschedulable !== true
}

/** `2 Insufficient cpu, 1 max node group size reached`, by text (upstream's order is random). */
function counted(reasons: readonly string[]): string {
  const counts = new Map<string, number>()
  for (const reason of reasons) counts.set(reason, (counts.get(reason) ?? 0) + 1)
  return [...counts]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([reason, count]) => `${count} ${reason}`)
    .join(', ')
}
