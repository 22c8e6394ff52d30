import { assert, type Labels, type Node, type Pod, type TopologySpreadConstraint } from '@plimsoll/model'
import type { DeviceState } from './dynamic-resources/device-state.ts'
import type { NodeDeviceObjects } from './dynamic-resources/node-copy.ts'
import { NodeColumns } from './node-columns.ts'
import { NodeEntry, type NodeState } from './node-entry.ts'
import { classOf, reclassOf, type PodClass } from './pod-class.ts'
import { Population } from './population.ts'
import { requestedNode, unnamed } from './predicates/node-name.ts'
import type { World } from './predicates/predicate.ts'
import { ReadiedPod } from './readied-pod.ts'
import { nodeAllocatable, sameAllocatable } from './resources.ts'
import { ReadiedScores } from './scores.ts'
import type { ExplainedUnfit, Unfit } from './unfit.ts'
import { claimsOf, claimsUnfit } from './volumes/claims.ts'
import type { VolumeLister } from './volumes/volume-lister.ts'
import { planVolumes, type VolumePlan } from './volumes/volume-plan.ts'

/** What a look at the nodes found. */
export interface Survey {
  readonly fits: readonly NodeState[]
  readonly examined: number
  /** When none fits: how many of the examined nodes gave each reason. */
  readonly reasons: ReadonlyMap<string, number>
  /** When none fits: the filters that refused somewhere. */
  readonly plugins: ReadonlySet<string>
}

function isPresent<T>(value: T | undefined): value is T {
  return value !== undefined
}

/** How to take back one write. */
type Undo = () => void

const noReasons: ReadonlyMap<string, number> = new Map()
const noPlugins: ReadonlySet<string> = new Set()

/**
 * Nodes and the pods on them, and what would happen if. Nodes stand in columns, pods in classes; writes are taken back by an
 * undo log: a what-if costs what it touches, not the size of the cluster. Objects that come in are never written to.
 */
export class ClusterSnapshot {
  readonly #entries = new Map<string, NodeEntry>()
  readonly #columns = new NodeColumns()
  readonly #population: Population
  readonly #world: World
  readonly #log: Undo[] = []
  /** Where in the log each open fork began. */
  readonly #forks: number[] = []
  readonly #readied = new WeakMap<PodClass, ReadiedPod>()
  readonly #scoring = new WeakMap<PodClass, ReadiedScores>()
  #last: ReadiedPod | undefined
  #listed: readonly NodeEntry[] | undefined = []

  constructor(
    options: {
      readonly volumes?: VolumeLister | undefined
      /** Pods with resource claims fit everywhere in a snapshot that has none. Forks and reverts with the snapshot. */
      readonly devices?: DeviceState | undefined
      /** Constraints for pods that have none of their own; kube-scheduler's system defaults unless given. */
      readonly spreadDefaults?: readonly TopologySpreadConstraint[] | undefined
    } = {},
  ) {
    const columns = this.#columns
    const population = new Population(columns)
    this.#population = population
    const { volumes, devices, spreadDefaults } = options
    this.#world = { columns, population, volumes, devices, spreadDefaults }
  }

  /** The node must not be there yet. `own` comes with it where the snapshot has devices. */
  addNode(node: Node, pods: readonly Pod[] = [], own: NodeDeviceObjects = {}): void {
    const { name } = node.metadata
    assert(!this.#entries.has(name), `a node is added once: ${name}`)
    const entry = new NodeEntry(node, this.#columns)
    const { devices } = this.#world
    if (devices !== undefined) {
      for (const slice of own.slices ?? []) devices.setSlice(slice)
      for (const claim of own.claims ?? []) devices.setClaim(claim)
    }
    for (const pod of pods) {
      entry.insert(pod, classOf(pod), entry.pods.length)
      devices?.place(pod, node)
    }
    this.#columns.push(entry)
    this.#enter(entry)
    if (this.#forks.length > 0) {
      this.#log.push(() => {
        this.#leave(entry)
        this.#columns.pop()
      })
    }
  }

  /** Takes the node and its pods out. */
  removeNode(name: string): void {
    const entry = this.#entry(name)
    const { devices } = this.#world
    if (devices !== undefined) for (const pod of entry.pods) devices.release(pod)
    this.#leave(entry)
    this.#columns.hide(entry.slot)
    if (this.#forks.length > 0) {
      this.#log.push(() => {
        this.#columns.show(entry)
        this.#enter(entry)
      })
    } else {
      this.#closeHoles()
    }
  }

  /** The same node in another state: it keeps its pods and its place. */
  replaceNode(node: Node): void {
    const entry = this.#entry(node.metadata.name)
    const before = entry.node
    this.#swap(entry, node)
    if (this.#forks.length > 0) this.#log.push(() => this.#swap(entry, before))
  }

  /** Without asking whether it fits. */
  addPod(pod: Pod, nodeName: string): void {
    const entry = this.#entry(nodeName)
    const podClass = classOf(pod)
    this.#insert(entry, pod, podClass, entry.pods.length)
    this.#world.devices?.place(pod, entry.node)
    if (this.#forks.length > 0) this.#log.push(() => this.#take(entry, entry.pods.length - 1))
  }

  /** The pod must be there. */
  removePod(namespace: string, name: string, nodeName: string): void {
    const entry = this.#entry(nodeName)
    const index = entry.indexOf(namespace, name)
    assert(index >= 0, `a pod to remove is on its node: ${namespace}/${name} on ${nodeName}`)
    const pod = entry.pods[index]!
    const podClass = entry.classes[index]!
    this.#take(entry, index)
    this.#world.devices?.release(pod)
    if (this.#forks.length > 0) this.#log.push(() => this.#insert(entry, pod, podClass, index))
  }

  /** The same pod in another state, in the same place. The pod must be there. */
  replacePod(pod: Pod, nodeName: string): void {
    const { namespace, name } = pod.metadata
    const entry = this.#entry(nodeName)
    const index = entry.indexOf(namespace, name)
    assert(index >= 0, `a pod to replace is on its node: ${namespace}/${name} on ${nodeName}`)
    const before = entry.pods[index]!
    const classBefore = entry.classes[index]!
    const podClass = reclassOf(pod, before, classBefore)
    this.#exchange(entry, index, pod, podClass)
    if (podClass !== classBefore) this.#world.devices?.place(pod, entry.node)
    if (this.#forks.length > 0) this.#log.push(() => this.#exchange(entry, index, before, classBefore))
  }

  node(name: string): NodeState | undefined {
    return this.#entries.get(name)
  }

  /** In order of insertion. */
  nodes(): readonly NodeState[] {
    return this.#list()
  }

  get nodeCount(): number {
    return this.#entries.size
  }

  /** Labels of a namespace, for affinity terms that choose namespaces by label; not undone by `revert`. */
  setNamespace(name: string, labels: Labels | undefined): void {
    if (this.#population.setNamespace(name, labels)) this.#population.rebuild()
  }

  /** From here on writes can be taken back. Forks nest. */
  fork(): void {
    this.#forks.push(this.#log.length)
    this.#world.devices?.fork()
  }

  /** Takes back everything since the last open fork. */
  revert(): void {
    const start = this.#forks.pop()
    assert(start !== undefined, 'a revert has a fork')
    while (this.#log.length > start) this.#log.pop()!()
    this.#world.devices?.revert()
  }

  /** Keeps what was done since the last open fork, as part of the fork around it. */
  commit(): void {
    assert(this.#forks.pop() !== undefined, 'a commit has a fork')
    this.#world.devices?.commit()
    if (this.#forks.length > 0) return
    this.#log.length = 0
    this.#closeHoles()
  }

  /** Why the pod fits no node whatever the node, or undefined: what kube-scheduler's PreFilters say. */
  checkPod(pod: Pod): Unfit | undefined {
    const { volumes, devices } = this.#world
    if (volumes !== undefined) {
      const podClass = classOf(pod)
      const unfit = podClass.claims.length === 0 ? undefined : claimsUnfit(podClass, volumes)
      if (unfit !== undefined) return unfit
    }
    return devices?.podUnfit(pod)
  }

  /** Where the pod's claims would get their volumes from on the node; nothing is reserved. Undefined without a lister. */
  volumePlan(pod: Pod, nodeName: string): VolumePlan | undefined {
    const { volumes } = this.#world
    const podClass = classOf(pod)
    if (volumes === undefined || podClass.claims.length === 0) return undefined
    return planVolumes(claimsOf(podClass, volumes), this.#entry(nodeName).node, volumes)
  }

  /** Why the pod does not fit the node: the first reason of the first filter that refuses; undefined when it fits. */
  check(pod: Pod, nodeName: string): Unfit | undefined {
    return this.checkAll(pod, nodeName)[0]
  }

  /** Every reason that the first refusing filter gives; empty when the pod fits. */
  checkAll(pod: Pod, nodeName: string): readonly Unfit[] {
    const { slot } = this.#entry(nodeName)
    const whole = this.checkPod(pod)
    return whole === undefined ? this.#ready(pod).unfits(slot) : [whole]
  }

  /** Everything that keeps the pod off the node, from every filter, with the numbers. */
  explain(pod: Pod, nodeName: string): readonly ExplainedUnfit[] {
    const { slot } = this.#entry(nodeName)
    const whole = this.checkPod(pod)
    const ofNode = this.#ready(pod).explain(slot)
    return whole === undefined ? ofNode : [{ ...whole, detail: '' }, ...ofNode]
  }

  /** Whether the pod fits the node. */
  fits(pod: Pod, nodeName: string): boolean {
    return this.checkPod(pod) === undefined && this.#ready(pod).fits(this.#entry(nodeName).slot)
  }

  /**
   * Whether a node that refuses the pod, or any other of its class, goes on refusing as long as pods only come and no node
   * changes; never of a pod that names its node.
   */
  refusalsLast(pod: Pod): boolean {
    return (pod.spec.nodeName ?? '') === '' && this.checkPod(pod) === undefined && this.#ready(pod).refusalsLast
  }

  /**
   * The first node that the pod fits and that is accepted, in order of insertion, beginning after the node `startAfter`
   * and around (kubernetes/autoscaler:cluster-autoscaler/simulator/clustersnapshot/predicate, RunFiltersUntilPassingNode).
   * With `from`, only that node and those that were added after it are looked at.
   */
  firstFit(
    pod: Pod,
    options: {
      readonly startAfter?: string | undefined
      readonly from?: string | undefined
      readonly accept?: ((state: NodeState) => boolean) | undefined
    } = {},
  ): string | undefined {
    if (this.checkPod(pod) !== undefined) return undefined
    const ready = this.#ready(pod)
    const { accept } = options
    const before = options.startAfter === undefined ? undefined : this.#entries.get(options.startAfter)
    const first = options.from === undefined ? 0 : this.#entry(options.from).slot
    const start = before === undefined || before.slot < first ? first : before.slot + 1
    return this.#scan(ready, start, this.#columns.entries.length, accept) ?? this.#scan(ready, first, start, accept)
  }

  #scan(
    ready: ReadiedPod,
    start: number,
    end: number,
    accept: ((state: NodeState) => boolean) | undefined,
  ): string | undefined {
    const { entries } = this.#columns
    for (let slot = ready.nextOpen(start, end); slot < end; slot = ready.nextOpen(slot + 1, end)) {
      const entry = entries[slot]!
      if ((accept === undefined || accept(entry)) && ready.fits(slot)) return entry.name
    }
    return undefined
  }

  /**
   * Asks node after node, from the one at `start` around, until `fitsMax` were found that fit; when none did, says of all
   * of them why. `alsoRefuses` is asked of nodes that would fit.
   */
  survey(
    pod: Pod,
    options: {
      readonly start?: number
      readonly fitsMax?: number
      readonly alsoRefuses?: ((nodeName: string) => readonly Unfit[]) | undefined
    } = {},
  ): Survey {
    const { start = 0, fitsMax = Infinity, alsoRefuses } = options
    const ready = this.#ready(pod)
    const all = this.#list()
    const named = ready.podClass.namedNodes
    const entries = named === undefined ? all : [...named].map((name) => this.#entries.get(name)).filter(isPresent)
    const fits: NodeState[] = []
    let examined = 0
    while (examined < entries.length && fits.length < fitsMax) {
      const entry = entries[(start + examined++) % entries.length]!
      if (ready.fits(entry.slot) && (alsoRefuses === undefined || alsoRefuses(entry.name).length === 0))
        fits.push(entry)
    }
    if (fits.length > 0) return { fits, examined, reasons: noReasons, plugins: noPlugins }
    const reasons = new Map<string, number>()
    const plugins = new Set<string>()
    for (const entry of entries) {
      const unfits = ready.unfits(entry.slot)
      for (const { plugin, reason } of unfits.length > 0 ? unfits : alsoRefuses!(entry.name)) {
        reasons.set(reason, (reasons.get(reason) ?? 0) + 1)
        plugins.add(plugin)
      }
    }
    if (entries.length < all.length) {
      reasons.set(unnamed.reason, all.length - entries.length)
      plugins.add(unnamed.plugin)
    }
    return { fits, examined, reasons, plugins }
  }

  /** How good each node is for the pod, in their order: kube-scheduler's weighted sum, more is better. */
  scores(pod: Pod, nodes: readonly NodeState[]): Float64Array {
    const podClass = classOf(pod)
    let ready = this.#scoring.get(podClass)
    if (ready === undefined || ready.epoch !== this.#population.epoch) {
      ready = new ReadiedScores(podClass, this.#world)
      this.#scoring.set(podClass, ready)
    }
    return ready.score(nodes as readonly NodeEntry[])
  }

  #entry(name: string): NodeEntry {
    const entry = this.#entries.get(name)
    assert(entry !== undefined, `the node is in the snapshot: ${name}`)
    return entry
  }

  #list(): readonly NodeEntry[] {
    return (this.#listed ??= this.#columns.entries.filter(isPresent))
  }

  #ready(pod: Pod): ReadiedPod {
    const { epoch } = this.#population
    const podClass = classOf(pod)
    const { nodeName } = pod.spec
    if (nodeName !== undefined && nodeName !== '') {
      const named = new ReadiedPod(podClass, this.#world, requestedNode(nodeName, this.#columns))
      named.catchUp()
      return named
    }
    let ready = this.#last
    if (ready === undefined || ready.podClass !== podClass || ready.epoch !== epoch) {
      ready = this.#readied.get(podClass)
      if (ready === undefined || ready.epoch !== epoch) {
        if (this.#forks.length === 0) this.#population.trim()
        ready = new ReadiedPod(podClass, this.#world)
        this.#readied.set(podClass, ready)
      }
      this.#last = ready
    }
    ready.catchUp()
    return ready
  }

  #enter(entry: NodeEntry): void {
    this.#entries.set(entry.name, entry)
    this.#listed = undefined
    this.#population.nodeAdded(entry)
  }

  #leave(entry: NodeEntry): void {
    this.#population.nodeRemoved(entry)
    this.#listed = undefined
    this.#entries.delete(entry.name)
  }

  #insert(entry: NodeEntry, pod: Pod, podClass: PodClass, index: number): void {
    entry.insert(pod, podClass, index)
    this.#columns.account(entry.slot, podClass, 1)
    this.#population.podAdded(entry, podClass)
  }

  #take(entry: NodeEntry, index: number): void {
    const podClass = entry.classes[index]!
    entry.removeAt(index)
    this.#columns.account(entry.slot, podClass, -1)
    this.#population.podRemoved(entry, podClass)
  }

  #exchange(entry: NodeEntry, index: number, pod: Pod, podClass: PodClass): void {
    const before = entry.classes[index]!
    if (before === podClass) {
      entry.pods[index] = pod
      entry.classes[index] = podClass
      return
    }
    this.#take(entry, index)
    this.#insert(entry, pod, podClass, index)
  }

  #swap(entry: NodeEntry, node: Node): void {
    const { metadata, spec, status } = entry.node
    // Domains and eligibility hang on labels and taints; heartbeats change neither.
    const same = isSame(metadata.labels, node.metadata.labels) && isSame(spec, node.spec)
    const roomSame =
      status?.allocatable === node.status?.allocatable || sameAllocatable(entry.allocatable, nodeAllocatable(node))
    if (same && roomSame) {
      entry.node = node
      return
    }
    if (!same) this.#population.nodeRemoved(entry)
    entry.setNode(node)
    this.#columns.rewrite(entry)
    if (!same) this.#population.nodeAdded(entry)
  }

  /** Only while nothing can be reverted. */
  #closeHoles(): void {
    const { length } = this.#columns.entries
    if (length <= 64 || length <= 2 * this.#entries.size) return
    this.#columns.compact()
    this.#population.rebuild()
  }
}

function isSame(a: unknown, b: unknown): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b)
}
