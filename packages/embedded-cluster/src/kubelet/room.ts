import { milliValue, wholeValue, type Pod } from '@plimsoll/model'
import type { Resources } from '@plimsoll/engine'

export interface Refusal {
  /** `OutOfcpu`, `OutOfmemory`, `OutOfpods`, `NodeAffinity`. */
  readonly reason: string
  readonly message: string
}

export interface NodeIdentity {
  readonly name: string
  readonly labels: { readonly [key: string]: string }
  readonly machineLabels: { readonly [key: string]: string }
}

/** What is left of a node for pods, as its kubelet counts. CPU in millis, the rest in whole units. */
export class Room {
  readonly #capacity = new Map<string, number>()
  readonly #used = new Map<string, number>()
  readonly #held = new Map<string, readonly (readonly [string, number])[]>()

  constructor(allocatable: { readonly [resource: string]: string }) {
    for (const [name, quantity] of Object.entries(allocatable)) {
      this.#capacity.set(name, name === 'cpu' ? milliValue(quantity) : wholeValue(quantity))
    }
  }

  take(pod: Pod, requests: Resources, node: NodeIdentity): Refusal | undefined {
    const { nodeSelector } = pod.spec
    for (const key in nodeSelector) {
      if ((node.labels[key] ?? node.machineLabels[key]) !== nodeSelector[key]) {
        return { reason: 'NodeAffinity', message: 'Predicate NodeAffinity failed' }
      }
    }
    const wanted: (readonly [string, number])[] = [
      ['pods', 1],
      ['cpu', requests.milliCpu],
      ['memory', requests.memory],
      ['ephemeral-storage', requests.ephemeralStorage],
      ...requests.scalar,
    ]
    for (const [name, amount] of wanted) {
      if (amount === 0) continue
      const capacity = this.#capacity.get(name) ?? 0
      const used = this.#used.get(name) ?? 0
      if (used + amount > capacity) {
        const numbers = `requested: ${amount}, used: ${used}, capacity: ${capacity}`
        return { reason: `OutOf${name}`, message: `Node didn't have enough resource: ${name}, ${numbers}` }
      }
    }
    for (const [name, amount] of wanted) this.#used.set(name, (this.#used.get(name) ?? 0) + amount)
    this.#held.set(pod.metadata.uid, wanted)
    return undefined
  }

  /** Idempotent. */
  release(pod: Pod): void {
    const held = this.#held.get(pod.metadata.uid)
    if (held === undefined) return
    this.#held.delete(pod.metadata.uid)
    for (const [name, amount] of held) this.#used.set(name, (this.#used.get(name) ?? 0) - amount)
  }
}
