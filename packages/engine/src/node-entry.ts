import type { Labels, Node, Pod } from '@plimsoll/model'
import type { CompiledPod } from './compiled-pod.ts'
import type { HostPort } from './host-ports.ts'
import { nodeAllocatable, type Allocatable, type Resources } from './resources.ts'

/** A node in a snapshot and what is on it: a live view, valid until the snapshot is next written to. */
export interface NodeState {
  readonly name: string
  readonly node: Node
  /** In the order in which they came. */
  readonly pods: readonly Pod[]
  readonly allocatable: Allocatable
  /** What the pods take together. */
  readonly requested: Resources
  /** As `requested`, with kube-scheduler's assumption for containers that ask for nothing; for scores. */
  readonly nonZeroRequested: { readonly milliCpu: number; readonly memory: number }
}

interface Mutable {
  milliCpu: number
  memory: number
  ephemeralStorage: number
  scalar: Map<string, number>
}

export class NodeEntry implements NodeState {
  readonly name: string
  /** Its place among the nodes, in order of insertion. */
  slot: number
  node: Node
  labels: Labels | undefined
  allocatable: Allocatable
  readonly pods: Pod[] = []
  readonly compiled: CompiledPod[] = []
  readonly taken: Mutable = { milliCpu: 0, memory: 0, ephemeralStorage: 0, scalar: new Map() }
  readonly nonZeroRequested: { milliCpu: number; memory: number } = { milliCpu: 0, memory: 0 }
  readonly ports: HostPort[] = []

  constructor(node: Node, slot: number) {
    this.name = node.metadata.name
    this.slot = slot
    this.node = node
    this.labels = node.metadata.labels
    this.allocatable = nodeAllocatable(node)
  }

  get requested(): Resources {
    return this.taken as unknown as Resources
  }

  setNode(node: Node): void {
    this.node = node
    this.labels = node.metadata.labels
    this.allocatable = nodeAllocatable(node)
  }

  /** Puts the pod at `index`, or last. */
  add(pod: CompiledPod, index: number = this.pods.length): void {
    this.pods.splice(index, 0, pod.pod)
    this.compiled.splice(index, 0, pod)
    this.#account(pod, 1)
    for (const port of pod.ports) this.ports.push(port)
  }

  /** Another state of the pod that is there, which takes the same. */
  put(index: number, pod: CompiledPod): void {
    this.pods[index] = pod.pod
    this.compiled[index] = pod
  }

  removeAt(index: number): CompiledPod {
    const [pod] = this.compiled.splice(index, 1)
    this.pods.splice(index, 1)
    this.#account(pod!, -1)
    for (const port of pod!.ports) this.ports.splice(this.ports.indexOf(port), 1)
    return pod!
  }

  indexOf(namespace: string, name: string): number {
    return this.pods.findIndex((pod) => pod.metadata.name === name && pod.metadata.namespace === namespace)
  }

  #account(pod: CompiledPod, sign: 1 | -1): void {
    this.taken.milliCpu += sign * pod.requests.milliCpu
    this.taken.memory += sign * pod.requests.memory
    this.taken.ephemeralStorage += sign * pod.requests.ephemeralStorage
    for (const [name, amount] of pod.scalars) {
      const sum = (this.taken.scalar.get(name) ?? 0) + sign * amount
      if (sum === 0) this.taken.scalar.delete(name)
      else this.taken.scalar.set(name, sum)
    }
    this.nonZeroRequested.milliCpu += sign * pod.nonZero.milliCpu
    this.nonZeroRequested.memory += sign * pod.nonZero.memory
  }
}
