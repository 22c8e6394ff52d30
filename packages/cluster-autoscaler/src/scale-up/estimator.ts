// How many new nodes of a group a set of pods needs, and which of the pods they take.
// Mirrors kubernetes-sigs/cluster-autoscaler:pkg/estimator/binpacking_estimator.go (1.36; rules CA-85 to CA-89).
import { podRequests, type ClusterSnapshot } from '@plimsoll/engine'
import { formatGoDuration, milliValue, ms, wholeValue, type Ms, type Pod } from '@plimsoll/model'
import type { Clock, Log } from '@plimsoll/ports'
import { instantiate, type NodeTemplate } from '../nodes/node-template.ts'
import type { PodGroup } from '../pods/pod-groups.ts'

export interface EstimationLimits {
  /** The smallest positive one counts; zero is no limit; a negative one admits no node at all. */
  readonly nodes: readonly number[]
  readonly duration: Ms
}

export interface Estimate {
  readonly nodeCount: number
  readonly pods: readonly Pod[]
}

export function estimate(
  groups: readonly PodGroup[],
  template: NodeTemplate,
  o: {
    readonly snapshot: ClusterSnapshot
    readonly limits: EstimationLimits
    readonly clock: Clock
    readonly log: Log
  },
): Estimate {
  o.snapshot.fork()
  try {
    return new Estimation(template, o).run(groups)
  } finally {
    o.snapshot.revert()
  }
}

/** Biggest first: the shares of CPU and memory of the template that one pod takes, added. */
function byDescendingSize(groups: readonly PodGroup[], template: NodeTemplate): PodGroup[] {
  const allocatable = template.node.status?.allocatable ?? {}
  const milliCpu = milliValue(allocatable['cpu'])
  const memory = wholeValue(allocatable['memory'])
  const score = (group: PodGroup): number => {
    const requests = podRequests(group.pods[0]!)
    return (milliCpu > 0 ? requests.milliCpu / milliCpu : 0) + (memory > 0 ? requests.memory / memory : 0)
  }
  const scores = new Map(groups.map((group) => [group, score(group)]))
  return groups.toSorted((a, b) => scores.get(b)! - scores.get(a)!)
}

class Estimation {
  readonly #template: NodeTemplate
  readonly #snapshot: ClusterSnapshot
  readonly #limits: EstimationLimits
  readonly #clock: Clock
  readonly #log: Log
  readonly #started: Ms
  readonly #nodes: string[] = []
  readonly #created = new Set<string>()
  readonly #used = new Set<string>()
  readonly #placed: Pod[] = []
  /** Where the last pod was placed among the created nodes. */
  #at = 0
  #full = false

  constructor(
    template: NodeTemplate,
    o: {
      readonly snapshot: ClusterSnapshot
      readonly limits: EstimationLimits
      readonly clock: Clock
      readonly log: Log
    },
  ) {
    this.#template = template
    this.#snapshot = o.snapshot
    this.#limits = o.limits
    this.#clock = o.clock
    this.#log = o.log.named('threshold_based_limiter.go')
    this.#started = o.clock.now()
  }

  run(groups: readonly PodGroup[]): Estimate {
    for (const group of byDescendingSize(groups, this.#template)) {
      const rest = this.#fillCreated(group.pods)
      if (rest.length > 0 && !this.#full) this.#openNodes(rest)
    }
    return { nodeCount: this.#used.size, pods: this.#placed }
  }

  /** Pods in order onto the nodes created so far, until one fits nowhere; returns that one and all after it. */
  #fillCreated(pods: readonly Pod[]): readonly Pod[] {
    for (const [i, pod] of pods.entries()) {
      const node = this.#findCreated(pod)
      if (node === undefined) return pods.slice(i)
      this.#put(pod, node)
    }
    return []
  }

  #findCreated(pod: Pod): string | undefined {
    const count = this.#nodes.length
    for (let i = 0; i < count; i++) {
      const at = (this.#at + 1 + i) % count
      const node = this.#nodes[at]!
      if (!this.#snapshot.fits(pod, node)) continue
      this.#at = at
      return node
    }
    return undefined
  }

  #openNodes(pods: readonly Pod[]): void {
    for (const pod of pods) {
      const last = this.#nodes.at(-1)
      if (last !== undefined) {
        const unfit = this.#snapshot.check(pod, last)
        if (unfit === undefined) {
          this.#put(pod, last)
          continue
        }
        if (unfit.plugin === 'PodTopologySpread' && spreadsOverHosts(pod)) {
          const other = this.#snapshot.firstFit(pod, {
            accept: (state) => state.name !== last && state.node.spec.unschedulable !== true,
          })
          if (other !== undefined) {
            this.#put(pod, other)
            continue
          }
        }
        // A node that this very group leaves empty shows that another one would not help.
        if (!this.#used.has(last)) return
      }
      if (!this.#mayAdd()) {
        this.#full = true
        return
      }
      const node = this.#add()
      if (!this.#snapshot.fits(pod, node)) return
      this.#put(pod, node)
    }
  }

  #mayAdd(): boolean {
    const nodesMax = strictest(this.#limits.nodes)
    if (nodesMax < 0 || (nodesMax > 0 && this.#nodes.length >= nodesMax)) {
      this.#log.info(4, `Capping binpacking after exceeding threshold of ${Math.max(0, nodesMax)} nodes`)
      return false
    }
    const { duration } = this.#limits
    if (duration > 0 && ms(this.#clock.now() - this.#started) > duration) {
      this.#log.info(4, `Capping binpacking after exceeding max duration of ${formatGoDuration(duration)}`)
      return false
    }
    return true
  }

  #add(): string {
    const name = `${this.#template.node.metadata.name}-e-${this.#nodes.length}`
    const { node, pods } = instantiate(this.#template, name)
    this.#snapshot.addNode(node, pods)
    this.#nodes.push(name)
    this.#created.add(name)
    return name
  }

  #put(pod: Pod, node: string): void {
    this.#snapshot.addPod(pod, node)
    this.#placed.push(pod)
    if (this.#created.has(node)) this.#used.add(node)
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
