// What is remembered while pods are only put on nodes, never taken off, and no node changes.

import type { Pod } from '@plimsoll/model'
import { classOf, type PodClass } from '../pod-class.ts'

/**
 * Whether a node that refused a pod of the class goes on refusing while more pods come: room, ports and attachable volumes
 * only shrink, and pods to keep away from only grow in number. A spread constraint may relax when another domain fills
 * up, a required affinity is met once its pod has come, and a device claim that is shared finds its devices elsewhere.
 */
export function refusalsLast(podClass: PodClass): boolean {
  const { spread, affinity, sample } = podClass
  return spread.length === 0 && affinity.length === 0 && sample.spec.resourceClaims === undefined
}

/** The class to remember refusals of this pod by, or undefined when they do not last. */
export function rememberedClass(pod: Pod): PodClass | undefined {
  // A pod that names its node is like no other of its class.
  if (pod.spec.nodeName !== undefined) return undefined
  const podClass = classOf(pod)
  return refusalsLast(podClass) ? podClass : undefined
}

/**
 * Numbers from 0 that are struck off one by one and never come back; finds the next one left, around, in next to no time
 * (a union-find whose roots are the numbers that are left).
 */
export class Remaining {
  /** For a struck number, one further on; numbers beyond the end are all left. */
  #next = new Int32Array(16)
  #known = 0

  /** The first number left from `from` on; it may lie beyond all that count. */
  from(from: number): number {
    const next = this.#next
    let at = from
    while (at < this.#known && next[at] !== at) {
      const further = next[at]!
      // Shortens the way for whoever comes next.
      if (further < this.#known) next[at] = next[further]!
      at = further
    }
    return at
  }

  /** The first number left below `count`, beginning at `start` and around; -1 when there is none. */
  around(start: number, count: number): number {
    const ahead = this.from(start)
    if (ahead < count) return ahead
    const behind = this.from(0)
    return behind < start && behind < count ? behind : -1
  }

  strike(number: number): void {
    if (number >= this.#known) this.#extend(number + 1)
    this.#next[number] = number + 1
  }

  #extend(known: number): void {
    if (known > this.#next.length) {
      const longer = new Int32Array(Math.max(known, 2 * this.#next.length))
      longer.set(this.#next)
      this.#next = longer
    }
    for (let i = this.#known; i < known; i++) this.#next[i] = i
    this.#known = known
  }
}
