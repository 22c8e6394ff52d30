// Amounts of resources as vectors. The names that a pass meets are numbered once: CPU in thousandths, the rest in whole
// units (bytes, pieces), so that sums are exact.
import { parseQuantity, type InstanceType, type Offering, type ResourceList } from '@plimsoll/model'
import type { Resources } from '../resources.ts'
import { HostSet } from './bits.ts'

export const cpu = 0
const memory = 1
const ephemeralStorage = 2
const podCount = 3

const fixed = ['cpu', 'memory', 'ephemeral-storage', 'pods'] as const

/** What a pod asks for. Pods that ask for the same share one, and with it the hosts known to have no room for it. */
export interface RequestVector {
  readonly amounts: Float64Array
  /** The dimensions that are asked for. */
  readonly asked: Int32Array
  /** Hosts without room: that never changes, for room only shrinks. */
  readonly full: HostSet
}

/** Numbers of resource names; kept from pass to pass. */
export class ResourceNames {
  readonly names: string[] = [...fixed]
  readonly #numbers = new Map<string, number>(fixed.map((name, i) => [name, i]))

  number(name: string): number {
    let found = this.#numbers.get(name)
    if (found === undefined) {
      found = this.names.length
      this.names.push(name)
      this.#numbers.set(name, found)
    }
    return found
  }

  /** A list as a vector; what is finer than the unit is rounded down. */
  listOf(list: ResourceList | undefined): Float64Array {
    const nanos = nanosOf(list)
    for (const name of nanos.keys()) this.number(name)
    const amounts = new Float64Array(this.names.length)
    for (const [name, nano] of nanos) amounts[this.number(name)] = unitsOf(name, nano)
    return amounts
  }
}

/** The names of one pass, and the vectors over them, all of one length. */
export class Dimensions {
  readonly #names: ResourceNames
  readonly #vectors = new Map<string, RequestVector>()
  readonly names: readonly string[]
  readonly count: number

  /** All names that matter must be known: those that come later are nobody's. */
  constructor(names: ResourceNames) {
    this.#names = names
    this.names = names.names.slice()
    this.count = this.names.length
  }

  vectorOf(resources: Resources): RequestVector {
    const { scalar } = resources
    let key = `${resources.milliCpu} ${resources.memory} ${resources.ephemeralStorage}`
    for (const [name, amount] of scalar) key += ` ${name} ${amount}`
    let found = this.#vectors.get(key)
    if (found === undefined) {
      const amounts = this.amountsOf(resources)
      const asked: number[] = []
      for (let i = 0; i < amounts.length; i++) if (amounts[i]! > 0) asked.push(i)
      found = { amounts, asked: Int32Array.from(asked), full: new HostSet() }
      this.#vectors.set(key, found)
    }
    return found
  }

  /** One pod's, the pod itself counted. */
  amountsOf(resources: Resources): Float64Array {
    const amounts = new Float64Array(this.count)
    amounts[cpu] = resources.milliCpu
    amounts[memory] = resources.memory
    amounts[ephemeralStorage] = resources.ephemeralStorage
    amounts[podCount] = 1
    // What is past the end is passed over.
    for (const [name, amount] of resources.scalar) amounts[this.#names.number(name)] = amount
    return amounts
  }

  listOf(list: ResourceList | undefined): Float64Array {
    const amounts = new Float64Array(this.count)
    amounts.set(this.#names.listOf(list).subarray(0, this.count))
    return amounts
  }
}

type Nanos = Map<string, bigint>

function nanosOf(list: ResourceList | undefined): Nanos {
  const nanos: Nanos = new Map()
  for (const name in list) nanos.set(name, parseQuantity(list[name]!)?.nano ?? 0n)
  return nanos
}

function unitsOf(name: string, nano: bigint): number {
  const unit = name === 'cpu' ? 1_000_000n : 1_000_000_000n
  const whole = nano / unit
  return Number(whole * unit > nano ? whole - 1n : whole)
}

/**
 * What pods may have of an instance type launched by the offering: capacity less overhead, and memory less huge pages, by
 * resource and exact (types.go, computeAllocatable).
 */
export function allocatableOf(type: InstanceType, offering?: Offering): ResourceList {
  const capacity = nanosOf(type.capacity)
  for (const [name, nano] of nanosOf(offering?.capacityOverride)) capacity.set(name, nano)
  const overhead = totalOverhead(type.overhead)
  if (offering?.overheadOverride !== undefined) {
    for (const [name, nano] of totalOverhead(offering.overheadOverride)) overhead.set(name, nano)
  }
  const result: Nanos = new Map(capacity)
  for (const [name, nano] of overhead) result.set(name, (result.get(name) ?? 0n) - nano)
  for (const [name, nano] of capacity) {
    if (!name.startsWith('hugepages-')) continue
    const left = (result.get('memory') ?? 0n) - nano
    result.set('memory', left < 0n ? 0n : left)
  }
  return Object.fromEntries([...result].map(([name, nano]) => [name, nanoText(nano)]))
}

function totalOverhead(overhead: InstanceType['overhead']): Nanos {
  const total: Nanos = new Map()
  for (const part of [overhead?.kubeReserved, overhead?.systemReserved, overhead?.evictionThreshold]) {
    for (const [name, nano] of nanosOf(part)) total.set(name, (total.get(name) ?? 0n) + nano)
  }
  return total
}

/** As a quantity that reads back exactly. */
function nanoText(nano: bigint): string {
  if (nano % 1_000_000_000n === 0n) return String(nano / 1_000_000_000n)
  return nano % 1_000_000n === 0n ? `${nano / 1_000_000n}m` : `${nano}n`
}
