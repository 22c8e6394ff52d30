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
    this.#hold(pod.metadata.uid, { amounts, ports })
    return undefined
  }

  /** Gives the pod other amounts than it has; what it has stays when there is no room. */
  resize(pod: Pod, node: () => Node): (Refusal & { readonly reason: 'Deferred' | 'Infeasible' }) | undefined {
    // What it was given so far, which the status tells, is not to count.
    const { status: _, ...wanted } = pod
    const { milliCpu, memory } = podRequests(wanted)
    const offered = this.#offered
    if (memory > offered.memory) return infeasible('memory', memory, offered.memory)
    if (milliCpu > offered.milliCpu) return infeasible('cpu', milliCpu, offered.milliCpu)
    const held = this.#held.get(pod.metadata.uid)
    if (held === undefined) return undefined
    this.release(pod)
    const refusal = this.take(wanted, node)
    if (refusal === undefined) return undefined
    this.#hold(pod.metadata.uid, held)
    return { reason: 'Deferred', message: refusal.message }
  }

  #hold(uid: string, held: Held): void {
    for (const [name, amount] of held.amounts) this.#used.set(name, (this.#used.get(name) ?? 0) + amount)
    this.#held.set(uid, held)
  }

  /** Idempotent. */
  release(pod: Pod): void {
    const held = this.#held.get(pod.metadata.uid)
    if (held === undefined) return
    this.#held.delete(pod.metadata.uid)
    for (const [name, amount] of held.amounts) this.#used.set(name, (this.#used.get(name) ?? 0) - amount)
  }
}

function infeasible(
  resource: string,
  requested: number,
  capacity: number,
): Refusal & { readonly reason: 'Infeasible' } {
  const numbers = `requested: ${requested}, capacity: ${capacity}`
  return { reason: 'Infeasible', message: `Node didn't have enough capacity: ${resource}, ${numbers}` }
}

const predicates = {
  NodeAffinity: "node(s) didn't match Pod's node affinity/selector",
  NodePorts: "node(s) didn't have free ports for the requested pod ports",
  TaintToleration: "node(s) had taints that the pod didn't tolerate",
}

export function failed(predicate: keyof typeof predicates): Refusal {
  return { reason: predicate, message: `Predicate ${predicate} failed: ${predicates[predicate]}` }
}
