import {
  compileRequiredNodeAffinity,
  hostPorts,
  nodeAllocatable,
  podRequests,
  portsCollide,
  type Allocatable,
  type HostPort,
} from '@plimsoll/engine'
import type { Node, Pod } from '@plimsoll/model'

export interface Refusal {
  /** `OutOfcpu`, `OutOfmemory`, `OutOfpods`, `NodeAffinity`, `NodePorts`, `TaintToleration`, `Evicted`. */
  readonly reason: string
  readonly message: string
}

interface Held {
  readonly amounts: readonly (readonly [resource: string, amount: number])[]
  readonly ports: readonly HostPort[]
}

/**
 * What is left of a node for pods, as its kubelet counts: by what it runs, not by what the API server shows. CPU in millis,
 * the rest in whole units (kubernetes/kubernetes:pkg/scheduler/eventhandlers.go, AdmissionCheck).
 */
export class Room {
  readonly #offered: Allocatable
  readonly #used = new Map<string, number>()
  readonly #held = new Map<string, Held>()

  constructor(allocatable: { readonly [resource: string]: string }) {
    this.#offered = nodeAllocatable({ status: { allocatable } } as Node)
  }

  take(pod: Pod, node: () => Node): Refusal | undefined {
    const { milliCpu, memory, ephemeralStorage, scalar } = podRequests(pod)
    const offered = this.#offered
    const wanted: (readonly [name: string, amount: number, capacity: number])[] = [
      ['pods', 1, offered.pods],
      ['cpu', milliCpu, offered.milliCpu],
      ['memory', memory, offered.memory],
      ['ephemeral-storage', ephemeralStorage, offered.ephemeralStorage],
    ]
    // Extended resources that the node does not have at all are somebody else's business (lifecycle/predicate.go).
    for (const [name, amount] of scalar) {
      const capacity = offered.scalar.get(name)
      if (capacity !== undefined) wanted.push([name, amount, capacity])
    }
    for (const [name, amount, capacity] of wanted) {
      const used = this.#used.get(name) ?? 0
      if (amount === 0 || used + amount <= capacity) continue
      const numbers = `requested: ${amount}, used: ${used}, capacity: ${capacity}`
      return { reason: `OutOf${name}`, message: `Node didn't have enough resource: ${name}, ${numbers}` }
    }
    const admits = compileRequiredNodeAffinity(pod)
    if (admits !== undefined && !admits(node())) return failed('NodeAffinity')
    const ports = hostPorts(pod)
    if (ports.length > 0) {
      for (const held of this.#held.values()) if (portsCollide(held.ports, ports)) return failed('NodePorts')
    }
    const amounts = wanted.map(([name, amount]) => [name, amount] as const)
    for (const [name, amount] of amounts) this.#used.set(name, (this.#used.get(name) ?? 0) + amount)
    this.#held.set(pod.metadata.uid, { amounts, ports })
    return undefined
  }

  /** Idempotent. */
  release(pod: Pod): void {
    const held = this.#held.get(pod.metadata.uid)
    if (held === undefined) return
    this.#held.delete(pod.metadata.uid)
    for (const [name, amount] of held.amounts) this.#used.set(name, (this.#used.get(name) ?? 0) - amount)
  }
}

const predicates = {
  NodeAffinity: "node(s) didn't match Pod's node affinity/selector",
  NodePorts: "node(s) didn't have free ports for the requested pod ports",
  TaintToleration: "node(s) had taints that the pod didn't tolerate",
}

export function failed(predicate: keyof typeof predicates): Refusal {
  return { reason: predicate, message: `Predicate ${predicate} failed: ${predicates[predicate]}` }
}
