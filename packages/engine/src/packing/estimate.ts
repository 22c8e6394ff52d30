// How many new nodes of one kind a set of pods needs, and which of the pods they take.
// Mirrors kubernetes-sigs/cluster-autoscaler:pkg/estimator/binpacking_estimator.go (1.36; rules CA-85 to CA-89).

import { milliValue, wholeValue, type Pod } from '@plimsoll/model'
import { classOf } from '../pod-class.ts'
import type { ClusterSnapshot } from '../snapshot.ts'
import { instantiate, type NodeTemplate } from './node-template.ts'

export interface EstimateLimits {
  /** How many nodes may be added: the smallest positive number counts; 0 is no limit, a negative one admits no node at all. */
  readonly nodes: readonly number[]
  /** Whether the time is up; asked before each new node. */
  readonly expired?: (() => boolean) | undefined
}

export interface Estimate {
  /** New nodes with at least one of the pods. */
  readonly nodeCount: number
  /** In the order in which they were placed; some may stand on nodes that were there before. */
  readonly pods: readonly Pod[]
  /** Which limit refused a further node, if one did; with the number of nodes that it admits. */
  readonly stoppedBy: { readonly limit: 'nodes'; readonly nodesMax: number } | { readonly limit: 'time' } | undefined
}

/**
 * Packs groups of pods onto new nodes made from the template, biggest pods first, beside the nodes of the snapshot, which
 * comes out as it went in. What holds for the first pod of a group holds for all.
 */
export function estimate(
  snapshot: ClusterSnapshot,
  groups: readonly { readonly pods: readonly Pod[] }[],
  template: NodeTemplate,
  limits: EstimateLimits,
): Estimate {
  snapshot.fork()
  try {
    return new Estimation(snapshot, template, limits).run(groups.map((group) => group.pods))
  } finally {
    snapshot.revert()
  }
}

/** Biggest first: the shares of CPU and memory of the template that one pod takes, added. */
function byDescendingSize(groups: readonly (readonly Pod[])[], template: NodeTemplate): (readonly Pod[])[] {
  const allocatable = template.node.status?.allocatable ?? {}
  const milliCpu = milliValue(allocatable['cpu'])
  const memory = wholeValue(allocatable['memory'])
  const scored = groups.map((pods) => {
    const requests = classOf(pods[0]!).requests
    const score = (milliCpu > 0 ? requests.milliCpu / milliCpu : 0) + (memory > 0 ? requests.memory / memory : 0)
    return { pods, score }
  })
  return scored.sort((a, b) => b.score - a.score).map(({ pods }) => pods)
}

class Estimation {
  readonly #snapshot: ClusterSnapshot
  readonly #template: NodeTemplate
  /** 0 is no limit, -1 admits none. */
  readonly #nodesMax: number
  readonly #expired: (() => boolean) | undefined
  /** The nodes created so far, by number. */
  readonly #nodes: string[] = []
  readonly #numbers = new Map<string, number>()
  readonly #used: boolean[] = []
  #usedCount = 0
  readonly #placed: Pod[] = []
  /** The number of the node where a pod was last found a place among those created before. */
  #at = 0
  #stoppedBy: Estimate['stoppedBy']

  constructor(snapshot: ClusterSnapshot, template: NodeTemplate, limits: EstimateLimits) {
    this.#snapshot = snapshot
    this.#template = template
    this.#nodesMax = strictest(limits.nodes)
    this.#expired = limits.expired
  }

  run(groups: readonly (readonly Pod[])[]): Estimate {
    for (const pods of byDescendingSize(groups, this.#template)) {
      const rest = this.#fillCreated(pods)
      if (rest < pods.length && this.#stoppedBy === undefined) this.#openNodes(pods, rest)
    }
    return { nodeCount: this.#usedCount, pods: this.#placed, stoppedBy: this.#stoppedBy }
  }

  /** Pods in order onto the nodes created so far, until one fits nowhere; returns that one's index. */
  #fillCreated(pods: readonly Pod[]): number {
    for (let i = 0; i < pods.length; i++) {
      const node = this.#findCreated(pods[i]!)
      if (node < 0) return i
      this.#put(pods[i]!, node)
    }
    return pods.length
  }

  /** Round robin. */
  #findCreated(pod: Pod): number {
    if (this.#nodes.length === 0) return -1
    const found = this.#snapshot.firstFit(pod, { startAfter: this.#nodes[this.#at]!, from: this.#nodes[0]! })
    if (found === undefined) return -1
    return (this.#at = this.#numbers.get(found)!)
  }

  #openNodes(pods: readonly Pod[], from: number): void {
    for (let i = from; i < pods.length; i++) {
      const pod = pods[i]!
      const last = this.#nodes.length - 1
      if (last >= 0) {
        if (this.#snapshot.fits(pod, this.#nodes[last]!)) {
          this.#put(pod, last)
          continue
        }
        if (spreadsOverHosts(pod) && this.#putWhereSpreadAllows(pod, this.#nodes[last]!)) continue
        // A node that this very group leaves empty shows that another one would not help.
        if (!this.#used[last]) return
      }
      if (!this.#mayAdd()) return
      const node = this.#add()
      if (!this.#snapshot.fits(pod, this.#nodes[node]!)) return
      this.#put(pod, node)
    }
  }

  /** A host less full than the last one may be any other, also one that was there before. */
  #putWhereSpreadAllows(pod: Pod, last: string): boolean {
    const snapshot = this.#snapshot
    if (snapshot.check(pod, last)?.plugin !== 'PodTopologySpread') return false
    const other = snapshot.firstFit(pod, {
      accept: (state) => state.name !== last && state.node.spec.unschedulable !== true,
    })
    if (other === undefined) return false
    const created = this.#numbers.get(other)
    if (created !== undefined) {
      this.#put(pod, created)
    } else {
      snapshot.addPod(pod, other)
      this.#placed.push(pod)
    }
    return true
  }

  #mayAdd(): boolean {
    const nodesMax = Math.max(0, this.#nodesMax)
    if (this.#nodesMax !== 0 && this.#nodes.length >= nodesMax) this.#stoppedBy = { limit: 'nodes', nodesMax }
    else if (this.#expired?.() === true) this.#stoppedBy = { limit: 'time' }
    return this.#stoppedBy === undefined
  }

  #add(): number {
    const number = this.#nodes.length
    const name = `${this.#template.node.metadata.name}-e-${number}`
    const { node, pods, devices } = instantiate(this.#template, name)
    this.#snapshot.addNode(node, pods, devices)
    this.#nodes.push(name)
    this.#numbers.set(name, number)
    this.#used.push(false)
    return number
  }

  #put(pod: Pod, node: number): void {
    this.#snapshot.addPod(pod, this.#nodes[node]!)
    this.#placed.push(pod)
    if (this.#used[node]) return
    this.#used[node] = true
    this.#usedCount++
  }
}

/** The limit that counts: negative before all, then the smallest positive; 0 when there is none. */
export function strictest(limits: readonly number[]): number {
  if (limits.some((limit) => limit < 0)) return -1
  const positive = limits.filter((limit) => limit > 0)
  return positive.length === 0 ? 0 : Math.min(...positive)
}

function spreadsOverHosts(pod: Pod): boolean {
  return pod.spec.topologySpreadConstraints?.some((each) => each.topologyKey === 'kubernetes.io/hostname') === true
}
