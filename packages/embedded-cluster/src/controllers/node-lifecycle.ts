// Watches over the health of nodes: what is not heard of becomes Unknown, and taints follow conditions
// (kubernetes/kubernetes:pkg/controller/nodelifecycle/node_lifecycle_controller.go).
//
// Upstream looks at every node and lease every five seconds. Here the kubelets are asked when they fell silent, and a look
// is taken only at those of the five-second instants at which some node is due: a thousand healthy nodes cost nothing.
import {
  instant,
  Leases,
  ms,
  Pods,
  timestamp,
  type Ms,
  type Node,
  type NodeCondition,
  type Taint,
} from '@plimsoll/model'
import { isKubeFailure, type KubeApi } from '@plimsoll/ports'
import type { EventRecorder, Reconciler } from '@plimsoll/runtime'
import { onChange } from '../caches.ts'
import { leaseNamespace } from '../kubelet/kubelet.ts'
import type { Kubelets } from '../kubelet/kubelets.ts'
import { DueTimer } from '../machinery/due-timer.ts'
import { nodeReference } from '../machinery/reference.ts'
import { changeNode, isNodeReady, nodeCondition, retainted } from '../nodes.ts'
import { isPodReady } from '../pods.ts'
import { recorderFor, syncing, type Controller, type ControllerContext } from './controller.ts'

const monitorPeriodMs = 5000
/** A node that never posted anything gets longer. */
const startupGraceMs = 60_000
const notReady = 'node.kubernetes.io/not-ready'
const unreachable = 'node.kubernetes.io/unreachable'
/** Of NoExecute taints, per zone and second; a large zone with most nodes unwell is treated with more care. */
const taintsPerSecond = 0.1
const cautiousTaintsPerSecond = 0.01
const largeZone = 50
const unhealthyShare = 0.55

/** Condition → status → taint key, for NoSchedule. */
const conditionTaints: readonly (readonly [string, string, string])[] = [
  ['Ready', 'False', notReady],
  ['Ready', 'Unknown', unreachable],
  ['MemoryPressure', 'True', 'node.kubernetes.io/memory-pressure'],
  ['DiskPressure', 'True', 'node.kubernetes.io/disk-pressure'],
  ['PIDPressure', 'True', 'node.kubernetes.io/pid-pressure'],
  ['NetworkUnavailable', 'True', 'node.kubernetes.io/network-unavailable'],
]
const managedKeys = new Set([...conditionTaints.map(([, , key]) => key), 'node.kubernetes.io/unschedulable'])
const heartbeatConditions = ['Ready', 'MemoryPressure', 'DiskPressure', 'PIDPressure']

interface Zone {
  readonly state: 'normal' | 'partial' | 'full'
  readonly size: number
}

export class NodeLifecycleController implements Controller {
  readonly #context: ControllerContext
  readonly #kube: KubeApi
  readonly #kubelets: Kubelets
  readonly #events: EventRecorder
  readonly #taints: Reconciler<string>
  readonly #monitor: Reconciler<string>
  readonly #timer: DueTimer
  readonly #graceMs: number
  /** Nodes that the monitor must look at when their time has come. */
  readonly #due = new Map<string, number>()
  /** Nodes that the monitor has not seen yet: their uids. */
  readonly #newcomers = new Map<string, string>()
  /** Nodes that get no NoExecute taint as long as so many others are unwell. */
  readonly #held = new Set<string>()
  readonly #buckets = new Map<string, { tokens: number; at: number }>()

  constructor(context: ControllerContext, kubelets: Kubelets, graceMs: number) {
    this.#context = context
    this.#kube = context.kube('node-controller')
    this.#kubelets = kubelets
    this.#graceMs = graceMs
    this.#events = recorderFor(context, this.#kube, 'node-controller')
    this.#taints = syncing(context, 'node-taints', (name) => this.#syncTaints(name))
    this.#monitor = syncing(context, 'node-monitor', () => this.#look())
    this.#timer = new DueTimer(context.clock, monitorPeriodMs, () => this.#monitor.add('nodes'))
    onChange(context.caches.nodes, (now, was) => this.#nodeChanged(now, was))
    kubelets.onSilent((name) => {
      const node = context.caches.nodes.get({ name })
      if (node !== undefined) this.#consider(node)
    })
  }

  async run(signal: AbortSignal): Promise<void> {
    signal.addEventListener('abort', () => this.#timer.stop(), { once: true })
    await Promise.all([this.#taints.run(signal), this.#monitor.run(signal)])
  }

  #nodeChanged(now: Node | undefined, was: Node | undefined): void {
    const { name, uid } = (now ?? was!).metadata
    if (now === undefined) {
      this.#due.delete(name)
      this.#newcomers.delete(name)
      this.#held.delete(name)
      this.#kubelets.forget(name)
      this.#events.event(
        nodeReference(name, uid),
        'Normal',
        'RemovingNode',
        `Node ${name} event: Removing Node ${name} from Controller`,
      )
      return
    }
    if (was === undefined) {
      this.#newcomers.set(name, uid)
      this.#timer.due(this.#context.clock.now())
    }
    this.#taints.add(name)
    if (this.#held.size > 0 && (was === undefined || isNodeReady(now) !== isNodeReady(was))) {
      // How many are well has changed: those that were held back may be treated after all.
      this.#held.clear()
      for (const node of this.#context.caches.nodes.items()) this.#consider(node)
    }
    this.#consider(now)
  }

  /** When the monitor has to look at the node next, if at all. */
  #consider(node: Node): void {
    const { name } = node.metadata
    const now = this.#context.clock.now()
    let at: number | undefined
    if (!this.#kubelets.isAlive(name) && nodeCondition(node, 'Ready')?.status !== 'Unknown') {
      at = this.#silentAt(node)
    }
    if (this.#executeTaintOf(node) !== this.#executeTaintWanted(node) && !this.#held.has(name)) at = now
    if (at === undefined) {
      this.#due.delete(name)
      return
    }
    this.#due.set(name, at)
    this.#timer.due(at)
  }

  /** The first instant at which the node has been silent for too long. */
  #silentAt(node: Node): number {
    const heartbeat = this.#kubelets.lastHeartbeat(node.metadata.name)
    if (heartbeat !== undefined) return heartbeat + this.#graceMs + 1
    const created = instant(node.metadata.creationTimestamp) ?? 0
    const posted = Math.max(
      0,
      ...(node.status?.conditions ?? []).map((condition) => instant(condition.lastHeartbeatTime) ?? 0),
    )
    return posted === 0 ? created + startupGraceMs + 1 : posted + this.#graceMs + 1
  }

  /** NoSchedule taints follow the conditions at once. */
  async #syncTaints(name: string): Promise<void> {
    const node = this.#context.caches.nodes.get({ name })
    if (node === undefined) return
    const wanted: Taint[] = []
    for (const [type, status, key] of conditionTaints) {
      if (nodeCondition(node, type)?.status === status) wanted.push({ key, effect: 'NoSchedule' })
    }
    const unschedulable: Taint = {
      key: 'node.kubernetes.io/unschedulable',
      effect: 'NoSchedule',
      timeAdded: timestamp(this.#context.clock.now()),
    }
    if (node.spec.unschedulable === true) wanted.push(unschedulable)
    const managed = (taint: Taint): boolean => taint.effect === 'NoSchedule' && managedKeys.has(taint.key)
    if (retainted(node, wanted, managed) === undefined) return
    await changeNode(this.#kube, name, (current) => retainted(current, wanted, managed))
  }

  async #look(): Promise<void> {
    const now = this.#context.clock.now()
    for (const [name, uid] of this.#newcomers) {
      this.#events.event(
        nodeReference(name, uid),
        'Normal',
        'RegisteredNode',
        `Node ${name} event: Registered Node ${name} in Controller`,
      )
    }
    this.#newcomers.clear()
    const due = [...this.#due].filter(([, at]) => at <= now).map(([name]) => name)
    for (const name of due.sort()) {
      const node = this.#context.caches.nodes.get({ name })
      if (node !== undefined) await this.#lookForLife(node, now)
    }
    await this.#taintExecute(due, now)
    for (const name of this.#due.keys()) {
      const node = this.#context.caches.nodes.get({ name })
      if (node === undefined) this.#due.delete(name)
      else this.#consider(node)
    }
  }

  async #lookForLife(node: Node, now: Ms): Promise<void> {
    const { name, uid } = node.metadata
    if (this.#kubelets.isAlive(name) || nodeCondition(node, 'Ready')?.status === 'Unknown') return
    const lease = this.#kubelets.knows(name) ? undefined : await this.#leaseRenewal(name)
    const silentAt = Math.max(this.#silentAt(node), lease === undefined ? 0 : lease + this.#graceMs + 1)
    if (silentAt > now) {
      this.#due.set(name, silentAt)
      this.#timer.due(silentAt)
      return
    }
    const wasReady = isNodeReady(node)
    const at = timestamp(now)
    await changeNode(
      this.#kube,
      name,
      (current) => ({ ...current, status: { ...current.status, conditions: unknown(current, at) } }),
      'status',
    )
    if (!wasReady) return
    this.#events.event(nodeReference(name, uid), 'Normal', 'NodeNotReady', `Node ${name} status is now: NodeNotReady`)
    await this.#markPodsNotReady(name, at)
  }

  /** Nodes that somebody else keeps alive are judged by their lease. */
  async #leaseRenewal(name: string): Promise<number | undefined> {
    try {
      return instant((await this.#kube.get(Leases, { namespace: leaseNamespace, name })).spec.renewTime)
    } catch (error) {
      if (!isKubeFailure(error, 'notFound')) throw error
      return undefined
    }
  }

  async #markPodsNotReady(nodeName: string, at: string): Promise<void> {
    for (const pod of this.#context.caches.pods.byIndex('node', nodeName)) {
      if (!isPodReady(pod)) continue
      const conditions = pod.status?.conditions?.map((condition) =>
        condition.type === 'Ready' ? { ...condition, status: 'False', lastTransitionTime: at } : condition,
      )
      try {
        await this.#kube.replace(Pods, { ...pod, status: { ...pod.status, conditions } }, { subresource: 'status' })
      } catch (error) {
        if (!isKubeFailure(error, 'conflict', 'notFound')) throw error
      }
      this.#events.event(pod, 'Warning', 'NodeNotReady', 'Node is not ready')
    }
  }

  #executeTaintOf(node: Node): string | undefined {
    const taints = (node.spec.taints ?? []).filter((taint) => taint.effect === 'NoExecute')
    return taints.find((taint) => taint.key === notReady || taint.key === unreachable)?.key
  }

  #executeTaintWanted(node: Node): string | undefined {
    const ready = nodeCondition(node, 'Ready')?.status
    return ready === 'False' ? notReady : ready === 'Unknown' ? unreachable : undefined
  }

  /** NoExecute taints empty nodes: few at a time, and none while all nodes seem to be gone, for then it is us. */
  async #taintExecute(names: readonly string[], now: Ms): Promise<void> {
    const zones = this.#zones()
    const { nodes } = this.#context.caches
    const allLost = [...zones.values()].every((zone) => zone.state === 'full')
    const considered = allLost ? nodes.items().map((node) => node.metadata.name) : names
    for (const name of considered) {
      const node = nodes.get({ name })
      if (node === undefined) continue
      const has = this.#executeTaintOf(node)
      const wanted = allLost ? undefined : this.#executeTaintWanted(node)
      if (allLost) this.#held.add(name)
      if (has === wanted) continue
      // From one reason to the other costs nothing; a new one waits for its turn.
      const zone = zoneOf(node)
      const rate = rateOf(zones.get(zone)!)
      if (wanted !== undefined && has === undefined && !this.#takeTurn(zone, rate, now)) {
        if (rate === 0) this.#held.add(name)
        continue
      }
      const add: Taint[] = wanted === undefined ? [] : [{ key: wanted, effect: 'NoExecute', timeAdded: timestamp(now) }]
      const remove = (taint: Taint): boolean =>
        taint.effect === 'NoExecute' && (taint.key === notReady || taint.key === unreachable)
      await changeNode(this.#kube, name, (current) => retainted(current, add, remove))
    }
  }

  #takeTurn(zone: string, rate: number, now: number): boolean {
    if (rate === 0) return false
    let bucket = this.#buckets.get(zone)
    if (bucket === undefined) this.#buckets.set(zone, (bucket = { tokens: 1, at: now }))
    bucket.tokens = Math.min(1, bucket.tokens + ((now - bucket.at) / 1000) * rate)
    bucket.at = now
    if (bucket.tokens < 1) return false
    bucket.tokens--
    return true
  }

  #zones(): Map<string, Zone> {
    const counts = new Map<string, { ready: number; size: number }>()
    for (const node of this.#context.caches.nodes.items()) {
      const zone = zoneOf(node)
      let count = counts.get(zone)
      if (count === undefined) counts.set(zone, (count = { ready: 0, size: 0 }))
      count.size++
      if (isNodeReady(node)) count.ready++
    }
    const zones = new Map<string, Zone>()
    for (const [zone, { ready, size }] of counts) {
      const unwell = size - ready
      const state: Zone['state'] =
        ready === 0 && unwell > 0 ? 'full' : unwell > 2 && unwell / size >= unhealthyShare ? 'partial' : 'normal'
      zones.set(zone, { state, size })
    }
    return zones
  }
}

/** NoExecute taints a second. */
function rateOf({ state, size }: Zone): number {
  if (state !== 'partial') return taintsPerSecond
  return size > largeZone ? cautiousTaintsPerSecond : 0
}

function zoneOf(node: Node): string {
  const labels = node.metadata.labels
  return `${labels?.['topology.kubernetes.io/region'] ?? ''}:${labels?.['topology.kubernetes.io/zone'] ?? ''}`
}

function unknown(node: Node, at: string): readonly NodeCondition[] {
  const known = node.status?.conditions ?? []
  const turned = known.map((condition) => {
    if (!heartbeatConditions.includes(condition.type) || condition.status === 'Unknown') return condition
    return {
      ...condition,
      status: 'Unknown',
      reason: 'NodeStatusUnknown',
      message: 'Kubelet stopped posting node status.',
      lastTransitionTime: at,
    }
  })
  const missing = heartbeatConditions
    .filter((type) => !known.some((condition) => condition.type === type))
    .map((type) => ({
      type,
      status: 'Unknown',
      reason: 'NodeStatusNeverUpdated',
      message: 'Kubelet never posted node status.',
      lastHeartbeatTime: node.metadata.creationTimestamp,
      lastTransitionTime: at,
    }))
  return [...turned, ...missing]
}

/** 40 s up to Kubernetes 1.31, 50 s from 1.32. */
export function nodeMonitorGrace(kubernetesVersion: string | undefined): Ms {
  const minor = /^v?1\.(\d+)/.exec(kubernetesVersion ?? '')?.[1]
  return ms(minor !== undefined && Number(minor) < 32 ? 40_000 : 50_000)
}
