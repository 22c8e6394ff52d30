// What the pods ask of each node, kept current pod by pod: a redraw never looks at the pods themselves, of which there
// may be 150,000. Pods are filed under the name of their node whether that node is known yet or not.
import { keyOf, keyText, podAmounts, type Pod } from '@plimsoll/model'
import { amountOf } from './amount.ts'

export interface FargateSize {
  readonly vcpu: number
  readonly gigabytes: number
}

export interface PodSums {
  readonly pods: number
  readonly pending: number
  readonly running: number
  /** By the position of the resource among those asked for. */
  readonly requested: readonly number[]
  /** What Fargate provisioned, where the node has exactly one pod and that says so. */
  readonly fargate: FargateSize | undefined
}

interface PodFacts {
  readonly node: string
  readonly phase: 'Pending' | 'Running' | 'other'
  readonly requested: readonly number[]
  readonly fargate: FargateSize | undefined
}

class NodePods implements PodSums {
  pending = 0
  running = 0
  readonly requested: number[]
  readonly members = new Map<string, PodFacts>()

  constructor(resources: number) {
    this.requested = Array.from({ length: resources }, () => 0)
  }

  get pods(): number {
    return this.members.size
  }

  get fargate(): FargateSize | undefined {
    return this.members.size === 1 ? this.members.values().next().value!.fargate : undefined
  }

  put(key: string, facts: PodFacts): void {
    this.members.set(key, facts)
    this.#count(facts, 1)
  }

  remove(key: string, facts: PodFacts): void {
    this.members.delete(key)
    this.#count(facts, -1)
  }

  #count(facts: PodFacts, sign: 1 | -1): void {
    if (facts.phase === 'Pending') this.pending += sign
    if (facts.phase === 'Running') this.running += sign
    for (let i = 0; i < this.requested.length; i++) this.requested[i]! += sign * facts.requested[i]!
  }
}

export class PodUsage {
  readonly #resources: readonly string[]
  readonly #facts = new Map<string, PodFacts>()
  /** Under '' are the pods that have no node yet. */
  readonly #nodes = new Map<string, NodePods>()
  readonly #nothing: PodSums
  #pending = 0
  #running = 0

  constructor(resources: readonly string[]) {
    this.#resources = resources
    this.#nothing = new NodePods(resources.length)
  }

  /** Pods of the whole cluster, by phase; `bound` are those that have a node. */
  get totals(): { readonly pods: number; readonly pending: number; readonly running: number; readonly bound: number } {
    const pods = this.#facts.size
    return { pods, pending: this.#pending, running: this.#running, bound: pods - this.of('').pods }
  }

  of(node: string): PodSums {
    return this.#nodes.get(node) ?? this.#nothing
  }

  /** A new pod, or a new state of one: bound, resized, ended. */
  put(pod: Pod): void {
    const key = keyText(keyOf(pod))
    this.#remove(key)
    const { phase } = pod.status ?? {}
    // What is on its way out, or has ended, asks for nothing any more.
    if (pod.metadata.deletionTimestamp !== undefined || phase === 'Succeeded' || phase === 'Failed') return
    const amounts = podAmounts(pod.spec, 'requests', { overhead: true })
    const facts: PodFacts = {
      node: pod.spec.nodeName ?? '',
      phase: phase === 'Running' || phase === 'Pending' ? phase : 'other',
      requested: this.#resources.map((resource) => {
        if (resource === 'pods') return 1
        const amount = amounts.get(resource)
        return amount === undefined ? 0 : amountOf(resource, amount)
      }),
      fargate: parseFargateSize(pod.metadata.annotations?.['CapacityProvisioned']),
    }
    this.#facts.set(key, facts)
    let node = this.#nodes.get(facts.node)
    if (node === undefined) this.#nodes.set(facts.node, (node = new NodePods(this.#resources.length)))
    node.put(key, facts)
    this.#countPhase(facts, 1)
  }

  remove(pod: Pod): void {
    this.#remove(keyText(keyOf(pod)))
  }

  #remove(key: string): void {
    const facts = this.#facts.get(key)
    if (facts === undefined) return
    this.#facts.delete(key)
    const node = this.#nodes.get(facts.node)!
    node.remove(key, facts)
    if (node.pods === 0) this.#nodes.delete(facts.node)
    this.#countPhase(facts, -1)
  }

  #countPhase(facts: PodFacts, sign: 1 | -1): void {
    if (facts.phase === 'Pending') this.#pending += sign
    if (facts.phase === 'Running') this.#running += sign
  }
}

/** `0.25vCPU 0.5GB`, as Fargate annotates its pods. */
export function parseFargateSize(text: string | undefined): FargateSize | undefined {
  const match = /^\s*(\d+(?:\.\d+)?)vCPU\s+(\d+(?:\.\d+)?)GB\s*$/.exec(text ?? '')
  return match === null ? undefined : { vcpu: Number(match[1]), gigabytes: Number(match[2]) }
}
