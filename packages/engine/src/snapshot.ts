import { assert, type Labels, type Node, type Pod } from '@plimsoll/model'
import { compilePod, isSameToScheduling, recompilePod, type CompiledPod } from './compiled-pod.ts'
import { explainRefusal, firstRefusal, resolvePod, unnamed, type ResolvedPod } from './filters.ts'
import { NodeEntry, type NodeState } from './node-entry.ts'
import { Population } from './population.ts'
import { scoreNodes } from './scores.ts'
import type { Unfit } from './unfit.ts'
import { claimsUnfit, type VolumeLister } from './volumes.ts'

/** What a look at the nodes found. */
export interface Survey {
  readonly fits: readonly NodeState[]
  readonly examined: number
  /** How many of the examined nodes gave each reason. */
  readonly reasons: ReadonlyMap<string, number>
  /** The filters that refused somewhere. */
  readonly plugins: ReadonlySet<string>
}

function isPresent<T>(value: T | undefined): value is T {
  return value !== undefined
}

/** How to take back one write. */
type Undo = () => void

/**
 * Nodes and the pods on them, and what would happen if. Writes are taken back by an undo log: a what-if costs what it
 * touches, not the size of the cluster. Objects that come in are never written to.
 */
export class ClusterSnapshot {
  readonly #entries = new Map<string, NodeEntry>()
  /** By slot; removed nodes leave a hole. */
  readonly #slots: (NodeEntry | undefined)[] = []
  readonly #population: Population
  readonly #volumes: VolumeLister | undefined
  readonly #log: Undo[] = []
  /** Where in the log each open fork began. */
  readonly #forks: number[] = []
  #resolved = new WeakMap<Pod, ResolvedPod>()
  #listed: readonly NodeEntry[] | undefined = []

  constructor(options: { readonly volumes?: VolumeLister | undefined } = {}) {
    this.#volumes = options.volumes
    this.#population = new Population(() => this.#entries.values())
  }

  /** The node must not be there yet. */
  addNode(node: Node, pods: readonly Pod[] = []): void {
    const { name } = node.metadata
    assert(!this.#entries.has(name), `a node is added once: ${name}`)
    const entry = new NodeEntry(node, this.#slots.length)
    for (const pod of pods) entry.add(compilePod(pod))
    this.#slots.push(entry)
    this.#insert(entry)
    this.#record(() => {
      this.#drop(entry)
      this.#slots.pop()
    })
  }

  /** Takes the node and its pods out. */
  removeNode(name: string): void {
    const entry = this.#entry(name)
    this.#drop(entry)
    this.#slots[entry.slot] = undefined
    this.#record(() => {
      this.#slots[entry.slot] = entry
      this.#insert(entry)
    })
  }

  /** The same node in another state: it keeps its pods and its place. */
  replaceNode(node: Node): void {
    const entry = this.#entry(node.metadata.name)
    const before = entry.node
    this.#swap(entry, node)
    this.#record(() => this.#swap(entry, before))
  }

  /** Without asking whether it fits. */
  addPod(pod: Pod, nodeName: string): void {
    const entry = this.#entry(nodeName)
    const compiled = compilePod(pod)
    entry.add(compiled)
    this.#population.podAdded(entry, compiled)
    this.#record(() => {
      this.#population.podRemoved(entry, entry.removeAt(entry.pods.length - 1))
    })
  }

  /** The pod must be there. */
  removePod(namespace: string, name: string, nodeName: string): void {
    const entry = this.#entry(nodeName)
    const index = entry.indexOf(namespace, name)
    assert(index >= 0, `a pod to remove is on its node: ${namespace}/${name} on ${nodeName}`)
    const compiled = entry.removeAt(index)
    this.#population.podRemoved(entry, compiled)
    this.#record(() => {
      entry.add(compiled, index)
      this.#population.podAdded(entry, compiled)
    })
  }

  /** The same pod in another state, in the same place. The pod must be there. */
  replacePod(pod: Pod, nodeName: string): void {
    const { namespace, name } = pod.metadata
    const entry = this.#entry(nodeName)
    const index = entry.indexOf(namespace, name)
    assert(index >= 0, `a pod to replace is on its node: ${namespace}/${name} on ${nodeName}`)
    const before = entry.compiled[index]!
    const after = recompilePod(pod, before)
    this.#exchange(entry, index, before, after)
    this.#record(() => this.#exchange(entry, index, after, before))
  }

  node(name: string): NodeState | undefined {
    return this.#entries.get(name)
  }

  /** In order of insertion. */
  nodes(): readonly NodeState[] {
    return (this.#listed ??= this.#slots.filter((entry) => entry !== undefined))
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
  }

  /** Takes back everything since the last open fork. */
  revert(): void {
    const start = this.#forks.pop()
    assert(start !== undefined, 'a revert has a fork')
    while (this.#log.length > start) this.#log.pop()!()
    this.#listed = undefined
  }

  /** Keeps what was done since the last open fork, as part of the fork around it. */
  commit(): void {
    assert(this.#forks.pop() !== undefined, 'a commit has a fork')
    if (this.#forks.length === 0) this.#log.length = 0
  }

  /** Why the pod fits no node whatever the node, or undefined: what kube-scheduler's PreFilters say. */
  checkPod(pod: Pod): Unfit | undefined {
    const compiled = compilePod(pod)
    if (compiled.claims.length === 0 || this.#volumes === undefined) return undefined
    return claimsUnfit(compiled, this.#volumes)
  }

  /** Why the pod does not fit the node: the first reason of the first filter that refuses; undefined when it fits. */
  check(pod: Pod, nodeName: string): Unfit | undefined {
    return this.checkAll(pod, nodeName)[0]
  }

  /** Every reason that the first refusing filter gives; empty when the pod fits. */
  checkAll(pod: Pod, nodeName: string): readonly Unfit[] {
    const entry = this.#entry(nodeName)
    const whole = this.checkPod(pod)
    if (whole !== undefined) return [whole]
    const resolved = this.#resolve(pod)
    const refusal = firstRefusal(resolved, entry)
    return refusal < 0 ? [] : explainRefusal(refusal, resolved, entry)
  }

  /** Whether the pod fits the node. */
  fits(pod: Pod, nodeName: string): boolean {
    return this.checkPod(pod) === undefined && firstRefusal(this.#resolve(pod), this.#entry(nodeName)) < 0
  }

  /**
   * The first node that the pod fits and that is accepted, in order of insertion, beginning after the node `startAfter`
   * and around (kubernetes/autoscaler:cluster-autoscaler/simulator/clustersnapshot/predicate, RunFiltersUntilPassingNode).
   */
  firstFit(
    pod: Pod,
    options: {
      readonly startAfter?: string | undefined
      readonly accept?: ((state: NodeState) => boolean) | undefined
    } = {},
  ): string | undefined {
    if (this.checkPod(pod) !== undefined) return undefined
    const resolved = this.#resolve(pod)
    const start = options.startAfter === undefined ? undefined : this.#entries.get(options.startAfter)
    const first = start === undefined ? 0 : start.slot + 1
    const slots = this.#slots
    for (let i = 0; i < slots.length; i++) {
      const at = first + i
      const entry = slots[at < slots.length ? at : at - slots.length]
      if (entry === undefined) continue
      if (options.accept !== undefined && !options.accept(entry)) continue
      if (firstRefusal(resolved, entry) < 0) return entry.name
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
    const resolved = this.#resolve(pod)
    const all = this.nodes() as readonly NodeEntry[]
    const named = resolved.compiled.namedNodes
    const entries = named === undefined ? all : [...named].map((name) => this.#entries.get(name)).filter(isPresent)
    const fits: NodeState[] = []
    const reasons = new Map<string, number>()
    const plugins = new Set<string>()
    let examined = 0
    while (examined < entries.length && fits.length < fitsMax) {
      const entry = entries[(start + examined++) % entries.length]!
      const refusal = firstRefusal(resolved, entry)
      const unfits = refusal >= 0 ? explainRefusal(refusal, resolved, entry) : alsoRefuses?.(entry.name)
      if (unfits === undefined || unfits.length === 0) {
        fits.push(entry)
        continue
      }
      for (const { plugin, reason } of unfits) {
        reasons.set(reason, (reasons.get(reason) ?? 0) + 1)
        plugins.add(plugin)
      }
    }
    if (entries.length < all.length) {
      const { plugin, reason } = unnamed
      reasons.set(reason, all.length - entries.length)
      plugins.add(plugin)
    }
    return { fits, examined, reasons, plugins }
  }

  /** How good each node is for the pod, in their order: kube-scheduler's weighted sum, more is better. */
  scores(pod: Pod, nodes: readonly NodeState[]): readonly number[] {
    return scoreNodes(compilePod(pod), nodes as readonly NodeEntry[], this.#population)
  }

  #entry(name: string): NodeEntry {
    const entry = this.#entries.get(name)
    assert(entry !== undefined, `the node is in the snapshot: ${name}`)
    return entry
  }

  #resolve(pod: Pod): ResolvedPod {
    let resolved = this.#resolved.get(pod)
    if (resolved === undefined || resolved.epoch !== this.#population.epoch) {
      if (this.#forks.length === 0) this.#population.trim()
      resolved = resolvePod(compilePod(pod), this.#population, this.#volumes)
      this.#resolved.set(pod, resolved)
    }
    return resolved
  }

  #insert(entry: NodeEntry): void {
    this.#entries.set(entry.name, entry)
    this.#listed = undefined
    this.#population.nodeAdded(entry)
  }

  #drop(entry: NodeEntry): void {
    this.#population.nodeRemoved(entry)
    this.#listed = undefined
    this.#entries.delete(entry.name)
  }

  #swap(entry: NodeEntry, node: Node): void {
    // Domains and eligibility hang on labels and taints; heartbeats change neither.
    const same = entry.node.metadata.labels === node.metadata.labels && entry.node.spec === node.spec
    if (!same) this.#population.nodeRemoved(entry)
    entry.setNode(node)
    if (!same) this.#population.nodeAdded(entry)
  }

  #exchange(entry: NodeEntry, index: number, before: CompiledPod, after: CompiledPod): void {
    if (isSameToScheduling(before, after)) {
      entry.put(index, after)
      return
    }
    this.#population.podRemoved(entry, entry.removeAt(index))
    entry.add(after, index)
    this.#population.podAdded(entry, after)
  }

  #record(undo: Undo): void {
    if (this.#forks.length > 0) this.#log.push(undo)
    else if (this.#slots.length > 64 && this.#slots.length > 2 * this.#entries.size) this.#compact()
  }

  /** Closes the holes that removed nodes left; only while nothing can be reverted. */
  #compact(): void {
    const entries = this.#slots.filter((entry) => entry !== undefined)
    this.#slots.length = 0
    for (const entry of entries) {
      entry.slot = this.#slots.length
      this.#slots.push(entry)
    }
  }
}
