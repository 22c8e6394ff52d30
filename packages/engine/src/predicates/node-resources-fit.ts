import { cpuColumn, memoryColumn, podsColumn, storageColumn, type NodeColumns } from '../node-columns.ts'
import type { PodClass } from '../pod-class.ts'
import type { Check, Reason, World } from './predicate.ts'

/** plugins/noderesources/fit.go */
export function nodeResourcesFit(pod: PodClass, { columns }: World): Check {
  return new ResourcesFit(pod, columns)
}

class ResourcesFit implements Check {
  readonly plugin = 'NodeResourcesFit'
  readonly scope = 'room'
  readonly #columns: NodeColumns
  /** What is wanted of more than zero: the column and the amount. */
  readonly #wanted: Int32Array
  readonly #amounts: Float64Array
  readonly #names: readonly string[]

  constructor(pod: PodClass, columns: NodeColumns) {
    const { milliCpu, memory, ephemeralStorage } = pod.requests
    const wanted: (readonly [name: string, column: number, amount: number])[] = [
      ['cpu', cpuColumn, milliCpu],
      ['memory', memoryColumn, memory],
      ['ephemeral-storage', storageColumn, ephemeralStorage],
    ]
    for (const [name, amount] of pod.scalars) wanted.push([name, columns.resource(name), amount])
    const positive = wanted.filter(([, , amount]) => amount > 0)
    this.#columns = columns
    this.#wanted = Int32Array.from(positive, ([, column]) => column)
    this.#amounts = Float64Array.from(positive, ([, , amount]) => amount)
    this.#names = positive.map(([name]) => name)
  }

  fits(slot: number): boolean {
    const { offered, taken } = this.#columns
    if (taken[podsColumn]![slot]! + 1 > offered[podsColumn]![slot]!) return false
    const wanted = this.#wanted
    const amounts = this.#amounts
    for (let i = 0; i < wanted.length; i++) {
      const column = wanted[i]!
      if (amounts[i]! > offered[column]![slot]! - taken[column]![slot]!) return false
    }
    return true
  }

  reasons(slot: number): readonly Reason[] {
    const { offered, taken } = this.#columns
    const reasons: Reason[] = []
    if (taken[podsColumn]![slot]! + 1 > offered[podsColumn]![slot]!) reasons.push(tooManyPods)
    for (let i = 0; i < this.#wanted.length; i++) {
      const column = this.#wanted[i]!
      const amount = this.#amounts[i]!
      if (amount <= offered[column]![slot]! - taken[column]![slot]!) continue
      // Preemption cannot help a pod that asks for more than the whole node offers.
      reasons.push(insufficient(this.#names[i]!, amount <= offered[column]![slot]!))
    }
    return reasons
  }

  detail(slot: number, { reason }: Reason): string {
    const { offered, taken } = this.#columns
    if (reason === tooManyPods.reason) {
      return `${taken[podsColumn]![slot]!} of ${offered[podsColumn]![slot]!} pods are there`
    }
    const i = this.#names.findIndex((name) => reason === `Insufficient ${name}`)
    const column = this.#wanted[i]!
    const unit = column === cpuColumn ? 'm' : ''
    const all = offered[column]![slot]!
    return `wants ${this.#amounts[i]!}${unit}, ${all - taken[column]![slot]!}${unit} of ${all}${unit} are free`
  }
}

const tooManyPods: Reason = { reason: 'Too many pods', resolvable: true }
const known = new Map<string, Reason>()

function insufficient(name: string, resolvable: boolean): Reason {
  const key = `${name}\n${resolvable}`
  let reason = known.get(key)
  if (reason === undefined) {
    reason = { reason: `Insufficient ${name}`, resolvable }
    if (known.size < 1000) known.set(key, reason)
  }
  return reason
}
