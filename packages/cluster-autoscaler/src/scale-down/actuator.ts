// Carries a deletion plan out: taint, wait, look again, drain, terminate; on failure everything is taken back.
// Mirrors kubernetes-sigs/cluster-autoscaler:pkg/core/scaledown/actuation (1.36; rules CA-140 to CA-149).
import { formatGoDuration, seconds, type Node, type Pod } from '@plimsoll/model'
import type { Clock, Log, NodeGroups } from '@plimsoll/ports'
import { AutoscalerError, messageOf } from '../autoscaler-error.ts'
import type { AutoscalerMetrics } from '../autoscaler-metrics.ts'
import type { NodeTaintWriter } from '../nodes/node-taint-writer.ts'
import { readinessOf } from '../nodes/readiness.ts'
import { toBeDeletedTaint } from '../nodes/taints.ts'
import type { ClusterAutoscalerOptions } from '../options/options.ts'
import { isExpendable, podName } from '../pods/pod-kinds.ts'
import type { ClusterRecorder } from '../state/cluster-recorder.ts'
import type { ClusterState } from '../state/cluster-state.ts'
import type { WorldView } from '../state/world-view.ts'
import type { DeletionTracker } from './deletion-tracker.ts'
import { DisruptionBudgets } from './disruption-budgets.ts'
import { podsOfNode } from './drainability.ts'
import type { Evictor } from './evictor.ts'
import type { DeletionPlan, UnneededNode } from './planner.ts'
import { utilizationText } from './utilization.ts'

const parallelTaints = 5
const delayPollEvery = seconds(5)
const delayDeletion = 'delay-deletion.cluster-autoscaler.kubernetes.io/'

export interface ActuatorParts {
  readonly groups: NodeGroups
  readonly options: ClusterAutoscalerOptions
  readonly clock: Clock
  readonly log: Log
  readonly metrics: AutoscalerMetrics
  readonly recorder: ClusterRecorder
  readonly state: ClusterState
  readonly tracker: DeletionTracker
  readonly view: WorldView
  readonly writer: NodeTaintWriter
  readonly evictor: Evictor
}

interface Batch {
  readonly nodes: Node[]
  readonly done: Promise<void>
}

export class ScaleDownActuator {
  readonly #o: ActuatorParts
  readonly #log: Log
  readonly #running = new Set<Promise<void>>()
  readonly #batches = new Map<string, Batch>()

  constructor(parts: ActuatorParts) {
    this.#o = parts
    this.#log = parts.log.named('actuator.go')
  }

  /**
   * Marks the nodes and starts their removal, which goes on in the background until `signal` is aborted.
   * Returns whether any was started. @throws AutoscalerError when nodes could not be marked
   */
  async start(plan: DeletionPlan, signal: AbortSignal): Promise<boolean> {
    if (plan.empty.length === 0 && plan.drain.length === 0) return false
    await this.#startSet(plan.empty, false, signal)
    await this.#startSet(plan.drain, true, signal)
    return true
  }

  /** Resolves when no removal is under way. */
  async settled(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running)
  }

  async #startSet(nodes: readonly UnneededNode[], drain: boolean, signal: AbortSignal): Promise<void> {
    if (nodes.length === 0) return
    await this.#taint(nodes)
    const { recorder, tracker } = this.#o
    const byGroup = new Map<string, UnneededNode[]>()
    for (const each of nodes) {
      const { name } = each.node.metadata
      if (drain) {
        const pods = each.removal.podsToMove.map(podName).join(',')
        const text = `Scale-down: removing node ${name}, utilization: ${utilizationText(each.utilization)}, pods to reschedule: ${pods}`
        this.#log.info(0, text)
        recorder.cluster('Normal', 'ScaleDown', text)
      } else {
        const text = `Scale-down: removing empty node ${JSON.stringify(name)}`
        this.#log.info(0, text)
        recorder.cluster('Normal', 'ScaleDownEmpty', text)
      }
      tracker.start(name, each.group, drain)
      const list = byGroup.get(each.group)
      if (list === undefined) byGroup.set(each.group, [each])
      else list.push(each)
    }
    for (const list of byGroup.values()) this.#background(this.#removeGroup(list, drain, signal))
  }

  #background(work: Promise<void>): void {
    const tracked: Promise<void> = work.finally(() => this.#running.delete(tracked))
    this.#running.add(tracked)
  }

  async #taint(nodes: readonly UnneededNode[]): Promise<void> {
    const { writer, options, recorder } = this.#o
    const tainted: Node[] = []
    let failed = 0
    let failure: unknown
    for (let i = 0; i < nodes.length; i += parallelTaints) {
      await Promise.all(
        nodes.slice(i, i + parallelTaints).map(async ({ node }) => {
          try {
            const written = await writer.add(node, toBeDeletedTaint, { cordon: options.cordonNodeBeforeTerminating })
            recorder.on(node, 'Node', 'Normal', 'ScaleDown', 'marked the node as toBeDeleted/unschedulable')
            tainted.push(written)
          } catch (error) {
            failed++
            failure ??= error
            const text = `failed to mark the node as toBeDeleted/unschedulable: ${messageOf(error)}`
            recorder.on(node, 'Node', 'Warning', 'ScaleDownFailed', text)
          }
        }),
      )
    }
    if (failed === 0) return
    for (const node of tainted) await this.#release(node)
    throw new AutoscalerError(
      'apiCallError',
      `couldn't taint ${failed} nodes with ToBeDeleted: ${messageOf(failure)}`,
      failure,
    )
  }

  async #removeGroup(nodes: readonly UnneededNode[], drain: boolean, signal: AbortSignal): Promise<void> {
    const { options, clock } = this.#o
    try {
      if (options.nodeDeleteDelayAfterTaint > 0) {
        const wait = formatGoDuration(options.nodeDeleteDelayAfterTaint)
        this.#log.info(0, `Scale-down: waiting ${wait} before trying to delete nodes`)
        await clock.sleep(options.nodeDeleteDelayAfterTaint, signal)
      }
    } catch {
      for (const { node } of nodes) this.#o.tracker.end(node.metadata.name)
      return
    }
    const budgets = new DisruptionBudgets(this.#o.view.budgets.items())
    await Promise.all(nodes.map((each) => this.#remove(each, drain, budgets, signal)))
  }

  async #remove(each: UnneededNode, drain: boolean, budgets: DisruptionBudgets, signal: AbortSignal): Promise<void> {
    const { recorder, tracker, state, metrics, clock } = this.#o
    const { node, group } = each
    const { name } = node.metadata
    try {
      await this.#prepare(each, drain, budgets, signal)
      await this.#awaitDelays(name, signal)
      signal.throwIfAborted()
      await this.#delete(group, node, signal)
      recorder.on(node, 'Node', 'Normal', 'ScaleDown', 'nodes removed by cluster autoscaler')
      const text = drain ? `Scale-down: node ${name} removed with drain` : `Scale-down: empty node ${name} removed`
      recorder.cluster('Normal', drain ? 'ScaleDown' : 'ScaleDownEmpty', text)
      const reason = !readinessOf(node).ready ? 'unready' : drain ? 'underutilized' : 'empty'
      metrics.scaledDownNodes.add(1, { reason, gpu_resource_name: '', gpu_name: '', dra_drivers: '' })
      state.registerScaleDown(group, clock.now())
      tracker.end(name)
    } catch (error) {
      if (!signal.aborted) await this.#takeBack(each, drain, error)
      tracker.end(name)
    }
  }

  /** Looks at the node as it is now, and empties it. */
  async #prepare(each: UnneededNode, drain: boolean, budgets: DisruptionBudgets, signal: AbortSignal): Promise<void> {
    const { view, options, clock, evictor } = this.#o
    const { name } = each.node.metadata
    const pods = view
      .podsOn(name)
      .filter((pod) => !isFinished(pod) && !isExpendable(pod, options.expendablePodsPriorityCutoff))
    const kinds = podsOfNode(pods, { options, controllers: view, budgets, now: clock.now() })
    if (kinds.blocking !== undefined) {
      throw new AutoscalerError('transientError', `can't remove node ${name}: ${kinds.blocking.message}`)
    }
    if (!drain && kinds.toMove.length > 0) throw new AutoscalerError('transientError', 'node is not empty')
    if (kinds.awaited.length > 0) {
      const names = kinds.awaited.map(podName).join(', ')
      throw new AutoscalerError('transientError', `can't remove node ${name}: waiting for ${names} to finish`)
    }
    if (drain) await evictor.drain(each.node, kinds.toMove, kinds.daemonSetPods, signal)
    else await evictor.evictDaemonSetPods(kinds.daemonSetPods, signal)
  }

  async #awaitDelays(name: string, signal: AbortSignal): Promise<void> {
    const { view, clock, options } = this.#o
    const deadline = clock.now() + options.nodeDeletionDelayTimeout
    const delayed = (): boolean =>
      Object.keys(view.nodes.get({ name })?.metadata.annotations ?? {}).some((key) => key.startsWith(delayDeletion))
    while (delayed()) {
      if (clock.now() >= deadline) {
        this.#log.warning(
          `Delay node deletion timed out for node ${name}, delay deletion annotation wasn't removed within ${formatGoDuration(options.nodeDeletionDelayTimeout)}, this might slow down scale down.`,
        )
        return
      }
      await clock.sleep(delayPollEvery, signal)
    }
  }

  /** At once, or together with others of the group that come within the batch's time. */
  async #delete(group: string, node: Node, signal: AbortSignal): Promise<void> {
    const { groups, options, clock } = this.#o
    if (options.nodeDeletionBatcherInterval <= 0) return groups.deleteNodes(group, [node])
    const open = this.#batches.get(group)
    if (open !== undefined) {
      open.nodes.push(node)
      return open.done
    }
    const nodes = [node]
    const done = clock.sleep(options.nodeDeletionBatcherInterval, signal).then(() => {
      this.#batches.delete(group)
      return groups.deleteNodes(group, nodes)
    })
    this.#batches.set(group, { nodes, done })
    return done
  }

  async #takeBack(each: UnneededNode, drain: boolean, error: unknown): Promise<void> {
    const { recorder, tracker, clock } = this.#o
    const what = drain ? 'failed to drain and delete node' : 'failed to delete empty node'
    const text = `${what}: ${messageOf(error)}`
    this.#log.error(`Scale-down: couldn't delete ${drain ? '' : 'empty '}node ${each.node.metadata.name}, ${text}`)
    recorder.on(each.node, 'Node', 'Warning', 'ScaleDownFailed', text)
    tracker.failed(each.group, clock.now())
    await this.#release(each.node)
  }

  async #release(node: Node): Promise<void> {
    const { writer, options } = this.#o
    try {
      await writer.release(node.metadata.name, toBeDeletedTaint, { uncordon: options.cordonNodeBeforeTerminating })
    } catch (error) {
      this.#log.error(`Failed to remove the ToBeDeleted taint from node ${node.metadata.name}: ${messageOf(error)}`)
    }
  }
}

function isFinished(pod: Pod): boolean {
  return pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed'
}
