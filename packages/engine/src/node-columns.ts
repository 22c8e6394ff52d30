// What is asked of nodes for every pod and every node, in columns: one array for each thing, one place in it for each node.
// A node's place is its slot; slots are in order of insertion, and a removed node leaves a hole. Labels that somebody asks
// for are interned, so that a topology domain is a small number.

import { own } from '@plimsoll/model'
import type { Allocatable } from './resources.ts'
import { none, type Resources } from './resources.ts'
import type { NodeEntry } from './node-entry.ts'
import type { PodClass } from './pod-class.ts'

export const cpuColumn = 0
export const memoryColumn = 1
export const storageColumn = 2
export const podsColumn = 3
const slotsMin = 64
const fixedColumns = ['cpu', 'memory', 'ephemeral-storage', 'pods']

/** The values of one label, by slot, as small numbers. */
export class LabelColumn {
  readonly key: string
  /** -1 where the node lacks the label. */
  ids: Int32Array
  readonly values: string[] = []
  readonly #byValue = new Map<string, number>()

  constructor(key: string, capacity: number) {
    this.key = key
    this.ids = new Int32Array(capacity).fill(-1)
  }

  set(slot: number, value: string | undefined): void {
    if (value === undefined) {
      this.ids[slot] = -1
      return
    }
    let id = this.#byValue.get(value)
    if (id === undefined) {
      id = this.values.length
      this.values.push(value)
      this.#byValue.set(value, id)
    }
    this.ids[slot] = id
  }
}

export class NodeColumns {
  /** By slot. */
  readonly entries: (NodeEntry | undefined)[] = []
  /** By resource, then by slot: CPU in thousandths, pods in pods, everything else in whole units. */
  readonly offered: Float64Array[] = []
  readonly taken: Float64Array[] = []
  /** As `taken`, with kube-scheduler's assumption for containers that ask for nothing; for scores. */
  nonZeroMilliCpu: Float64Array = new Float64Array(slotsMin)
  nonZeroMemory: Float64Array = new Float64Array(slotsMin)
  readonly labels: Map<string, LabelColumn> = new Map()
  readonly #byResource = new Map<string, number>()
  readonly #resources: string[] = []
  capacity: number = slotsMin
  /**
   * Slots where a pod may fit now that did not before, in the order in which that happened; the first of them has the
   * number `loosenedFrom`. Whoever remembers refusals reads on from where they were.
   */
  readonly #loosened: number[] = []
  #loosenedFrom = 0

  constructor() {
    for (const name of fixedColumns) this.resource(name)
  }

  /** The column of the resource; one that no node offers is all zero. */
  resource(name: string): number {
    let column = this.#byResource.get(name)
    if (column === undefined) {
      column = this.offered.length
      this.#byResource.set(name, column)
      this.#resources.push(name)
      this.offered.push(new Float64Array(this.capacity))
      this.taken.push(new Float64Array(this.capacity))
    }
    return column
  }

  label(key: string): LabelColumn {
    let column = this.labels.get(key)
    if (column === undefined) {
      this.labels.set(key, (column = new LabelColumn(key, this.capacity)))
      for (const entry of this.entries) if (entry !== undefined) column.set(entry.slot, own(entry.labels, key))
    }
    return column
  }

  /** Gives the entry the next slot. */
  push(entry: NodeEntry): void {
    entry.slot = this.entries.length
    if (entry.slot === this.capacity) this.#grow()
    this.entries.push(entry)
    this.#write(entry)
    for (let i = 0; i < entry.classes.length; i++) this.account(entry.slot, entry.classes[i]!, 1)
  }

  /** Takes back the last `push`. */
  pop(): void {
    const { slot } = this.entries.pop()!
    this.#erase(slot)
  }

  /** Leaves a hole. What stands in the columns stays there, for the node may come back. */
  hide(slot: number): void {
    this.entries[slot] = undefined
    this.loosen(slot)
  }

  show(entry: NodeEntry): void {
    this.entries[entry.slot] = entry
    // Columns of labels that were first asked for in the meantime know nothing of it.
    for (const column of this.labels.values()) column.set(entry.slot, own(entry.labels, column.key))
    this.loosen(entry.slot)
  }

  /** After the entry's node changed. */
  rewrite(entry: NodeEntry): void {
    for (let c = 0; c < this.offered.length; c++) this.offered[c]![entry.slot] = 0
    this.#write(entry)
    this.loosen(entry.slot)
  }

  /** Counts a pod of the class on the node, or no longer. */
  account(slot: number, pod: PodClass, sign: 1 | -1): void {
    const { taken } = this
    const { requests, scalars, nonZero } = pod
    taken[cpuColumn]![slot]! += sign * requests.milliCpu
    taken[memoryColumn]![slot]! += sign * requests.memory
    taken[storageColumn]![slot]! += sign * requests.ephemeralStorage
    taken[podsColumn]![slot]! += sign
    this.nonZeroMilliCpu[slot]! += sign * nonZero.milliCpu
    this.nonZeroMemory[slot]! += sign * nonZero.memory
    for (let i = 0; i < scalars.length; i++) {
      const column = this.resource(scalars[i]![0])
      taken[column]![slot]! += sign * scalars[i]![1]
    }
    if (sign < 0) this.loosen(slot)
  }

  /** What the pods on the node take together. */
  takenOn(slot: number): Resources {
    let scalar: Map<string, number> | undefined
    for (let c = fixedColumns.length; c < this.taken.length; c++) {
      const amount = this.taken[c]![slot]!
      if (amount !== 0) (scalar ??= new Map()).set(this.#resources[c]!, amount)
    }
    return {
      milliCpu: this.taken[cpuColumn]![slot]! as Resources['milliCpu'],
      memory: this.taken[memoryColumn]![slot]! as Resources['memory'],
      ephemeralStorage: this.taken[storageColumn]![slot]! as Resources['ephemeralStorage'],
      scalar: scalar === undefined ? none : new Map([...scalar].sort(([a], [b]) => (a < b ? -1 : 1))),
    }
  }

  loosen(slot: number): void {
    if (this.#loosened.length > 2 * this.entries.length + 1024) {
      this.#loosenedFrom += this.#loosened.length
      this.#loosened.length = 0
    }
    this.#loosened.push(slot)
  }

  get loosenedEnd(): number {
    return this.#loosenedFrom + this.#loosened.length
  }

  /** The slots loosened from number `from` on, or undefined when they are no longer known. */
  loosenedSince(from: number): readonly number[] | undefined {
    return from < this.#loosenedFrom ? undefined : this.#loosened.slice(from - this.#loosenedFrom)
  }

  /** Closes the holes; every slot changes. */
  compact(): void {
    const entries = this.entries.filter((entry) => entry !== undefined)
    for (let slot = 0; slot < this.entries.length; slot++) this.#erase(slot)
    this.entries.length = 0
    for (const entry of entries) this.push(entry)
    this.#loosenedFrom += this.#loosened.length + 1
    this.#loosened.length = 0
  }

  #write(entry: NodeEntry): void {
    const { slot, allocatable } = entry
    this.#offer(slot, allocatable)
    for (const column of this.labels.values()) column.set(slot, own(entry.labels, column.key))
  }

  #offer(slot: number, { milliCpu, memory, ephemeralStorage, pods, scalar }: Allocatable): void {
    const { offered } = this
    offered[cpuColumn]![slot] = milliCpu
    offered[memoryColumn]![slot] = memory
    offered[storageColumn]![slot] = ephemeralStorage
    offered[podsColumn]![slot] = pods
    if (scalar.size > 0) for (const [name, amount] of scalar) this.offered[this.resource(name)]![slot] = amount
  }

  #erase(slot: number): void {
    for (let c = 0; c < this.offered.length; c++) {
      this.offered[c]![slot] = 0
      this.taken[c]![slot] = 0
    }
    this.nonZeroMilliCpu[slot] = 0
    this.nonZeroMemory[slot] = 0
    for (const column of this.labels.values()) column.ids[slot] = -1
    this.loosen(slot)
  }

  #grow(): void {
    this.capacity *= 2
    const longer = (column: Float64Array): Float64Array => {
      const copy = new Float64Array(this.capacity)
      copy.set(column)
      return copy
    }
    for (let c = 0; c < this.offered.length; c++) {
      this.offered[c] = longer(this.offered[c]!)
      this.taken[c] = longer(this.taken[c]!)
    }
    this.nonZeroMilliCpu = longer(this.nonZeroMilliCpu)
    this.nonZeroMemory = longer(this.nonZeroMemory)
    for (const column of this.labels.values()) {
      const ids = new Int32Array(this.capacity).fill(-1)
      ids.set(column.ids)
      column.ids = ids
    }
  }
}
