import type { Labels, Node, Pod } from '@plimsoll/model'
import type { HostPort } from './host-ports.ts'
import type { PodClass } from './pod-class.ts'
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
}

/** The columns that the entry stands in. */
interface TakenSums {
  takenOn(slot: number): Resources
}

const noPorts: readonly HostPort[] = []

export class NodeEntry implements NodeState {
  readonly name: string
  /** Its place in the columns. */
  slot = -1
  node: Node
  labels: Labels | undefined
  allocatable: Allocatable
  readonly pods: Pod[] = []
  /** Of the pods, in their order. */
  readonly classes: PodClass[] = []
  /** Of the pods, in their order: pods come in many shapes, and looking into each for its name is slow. */
  readonly #names: string[] = []
  /** Taken by the pods. */
  ports: readonly HostPort[] = noPorts
  readonly #columns: TakenSums

  constructor(node: Node, columns: TakenSums) {
    this.name = node.metadata.name
    this.node = node
    this.labels = node.metadata.labels
    this.allocatable = nodeAllocatable(node)
    this.#columns = columns
  }

  get requested(): Resources {
    return this.#columns.takenOn(this.slot)
  }

  setNode(node: Node): void {
    this.node = node
    this.labels = node.metadata.labels
    this.allocatable = nodeAllocatable(node)
  }

  /** Puts the pod at `index`. */
  insert(pod: Pod, podClass: PodClass, index: number): void {
    if (index === this.pods.length) {
      this.pods.push(pod)
      this.classes.push(podClass)
      this.#names.push(pod.metadata.name)
    } else {
      this.pods.splice(index, 0, pod)
      this.classes.splice(index, 0, podClass)
      this.#names.splice(index, 0, pod.metadata.name)
    }
    if (podClass.ports.length > 0) this.ports = [...this.ports, ...podClass.ports]
  }

  removeAt(index: number): void {
    const podClass = this.classes[index]!
    if (index === this.pods.length - 1) {
      this.pods.pop()
      this.classes.pop()
      this.#names.pop()
    } else {
      this.pods.splice(index, 1)
      this.classes.splice(index, 1)
      this.#names.splice(index, 1)
    }
    if (podClass.ports.length === 0) return
    const ports = [...this.ports]
    for (const port of podClass.ports) ports.splice(ports.indexOf(port), 1)
    this.ports = ports
  }

  indexOf(namespace: string, name: string): number {
    const names = this.#names
    for (let i = 0; i < names.length; i++) {
      if (names[i] === name && this.pods[i]!.metadata.namespace === namespace) return i
    }
    return -1
  }
}
