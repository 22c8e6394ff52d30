// A NodePool made ready: the requirements of its template, the rows of its instance types, what its daemons take, and
// how much of its limits is left.
//
// Mirrors kubernetes-sigs/karpenter:pkg/controllers/provisioning/scheduling/nodeclaimtemplate.go and scheduler.go
// (NewScheduler, buildDaemonOverheadGroups, filterByRemainingResources, subtractMax).
import {
  compatible,
  labelKeys,
  podRequirements,
  requirement,
  Requirements,
  type Pod,
  type Taint,
} from '@plimsoll/model'
import { portsCollide, type HostPort } from '../host-ports.ts'
import { classOf } from '../pod-class.ts'
import { hasBit, setBit } from './bits.ts'
import type { Dimensions, ResourceNames } from './dimensions.ts'
import type { ProvisioningPool } from './input.ts'
import { universeOf, type CapacityOrder, type InstanceUniverse } from './instance-universe.ts'
import { toleratingPreferNoSchedule, withoutRequiredTerm } from './relaxation.ts'
import type { RequirementSets } from './requirement-sets.ts'
import type { RowRoom } from './row-room.ts'
import { noTaints, toleratesAll } from './taints.ts'
import type { Vocabulary } from './vocabulary.ts'

/** Labels that nodes get once they are up: there for daemons that select them, and never written. */
export const simulatedKeys: readonly string[] = ['karpenter.sh/registered', 'karpenter.sh/initialized']

/** Rows whose nodes run the same daemons. */
export interface DaemonGroup {
  readonly daemons: readonly Pod[]
  readonly rows: Uint32Array
  readonly overhead: Float64Array
  readonly ports: readonly HostPort[]
}

export interface CompiledPool {
  readonly index: number
  readonly pool: ProvisioningPool
  readonly taints: readonly Taint[]
  readonly universe: InstanceUniverse
  /** Number of the template's requirements. */
  readonly set: number
  /** Rows that suit the template. */
  readonly rows: Uint32Array
  daemons: readonly DaemonGroup[]
  /** What daemons leave of the rows. */
  room: RowRoom
  readonly limits: PoolLimits | undefined
  /** Whether any requirement asks for a number of different values. */
  readonly hasMinValues: boolean
}

/** Heavier first; of equal weight the later in the alphabet. */
export function byWeight(a: ProvisioningPool, b: ProvisioningPool): number {
  const difference = (b.weight ?? 0) - (a.weight ?? 0)
  return difference !== 0 ? difference : a.name < b.name ? 1 : -1
}

function templateRequirements(pool: ProvisioningPool, sets: RequirementSets): Requirements {
  const { registry } = sets
  const labels = { ...pool.labels, [labelKeys.nodePool]: pool.name }
  let result = pool.requirements.and(Requirements.fromLabels(labels, registry))
  if (pool.nodeClass !== undefined) {
    result = result.and([requirement(pool.nodeClass.label, 'In', [pool.nodeClass.name], undefined, registry)])
  }
  return result.and(simulatedKeys.map((key) => requirement(key, 'In', ['true'])))
}

export function compilePool(pool: ProvisioningPool, index: number, vocabulary: Vocabulary): CompiledPool {
  const { sets } = vocabulary
  const universe = universeOf(pool.instanceTypes, vocabulary)
  const set = sets.number(templateRequirements(pool, sets))
  const rows = universe.suiting(set).slice()
  universe.rows.forEach((row, r) => {
    if (row.allocatable.some((amount) => amount < 0)) rows[r >>> 5]! &= ~(1 << (r & 31))
  })
  return {
    index,
    pool,
    taints: pool.taints ?? noTaints,
    universe,
    set,
    rows,
    daemons: [],
    limits: pool.limits === undefined ? undefined : new PoolLimits(pool, universe, vocabulary.names),
    room: universe.roomBeside('', () => universe.rows.map((row) => row.allocatable)),
    hasMinValues: sets.get(set).hasMinValues,
  }
}

/** Finds which daemons come with which rows, and leaves their share out of the rows' room. */
export function addDaemons(
  pool: CompiledPool,
  daemons: readonly Pod[],
  sets: RequirementSets,
  dimensions: Dimensions,
): void {
  const { universe } = pool
  const template = sets.get(pool.set)
  const patterns: string[] = universe.rows.map(() => '')
  daemons.forEach((daemon, d) => {
    // What a daemon merely prefers does not keep it off a node.
    let pod: Pod | undefined = toleratingPreferNoSchedule(daemon) ?? daemon
    if (!toleratesAll(pod.spec.tolerations, pool.taints)) return
    const rows = new Uint32Array(universe.words)
    for (; pod !== undefined; pod = withoutRequiredTerm(pod)) {
      const asked = podRequirements(pod, 'strict', sets.registry)
      if (compatible(template, asked, sets.registry.wellKnown) !== undefined) continue
      const meeting = universe.meeting(asked)
      for (let w = 0; w < rows.length; w++) rows[w]! |= meeting[w]!
    }
    universe.rows.forEach((_, r) => {
      if (hasBit(rows, r)) patterns[r] += `${d} `
    })
  })
  const groups = new Map<string, DaemonGroup>()
  const overheads: Float64Array[] = []
  universe.rows.forEach((_, r) => {
    const pattern = patterns[r]!
    let group = groups.get(pattern)
    if (group === undefined) {
      const own =
        pattern === ''
          ? []
          : pattern
              .trim()
              .split(' ')
              .map((d) => daemons[Number(d)]!)
      const overhead = new Float64Array(dimensions.count)
      for (const daemon of own) {
        const amounts = dimensions.amountsOf(classOf(daemon).requests)
        for (let d = 0; d < overhead.length; d++) overhead[d]! += amounts[d]!
      }
      const ports = own.flatMap((daemon) => classOf(daemon).ports)
      group = { daemons: own, rows: new Uint32Array(universe.words), overhead, ports }
      groups.set(pattern, group)
    }
    if (hasBit(pool.rows, r)) setBit(group.rows, r)
    overheads.push(group.overhead)
  })
  pool.daemons = [...groups.values()].filter((group) => group.rows.some((word) => word !== 0))
  if (daemons.length === 0) return
  const key = `${patterns.join('|')}\n${[...groups.values()].map((group) => group.overhead.join()).join('|')}`
  pool.room = universe.roomBeside(key, () =>
    universe.rows.map((row, r) => overheads[r]!.map((amount, d) => (row.allocatable[d] ?? 0) - amount)),
  )
}

/** Rows whose daemons do not hold any of the ports. */
export function rowsWithoutCollision(pool: CompiledPool, ports: readonly HostPort[]): Uint32Array {
  const result = new Uint32Array(pool.universe.words)
  for (const group of pool.daemons) {
    if (portsCollide(group.ports, ports)) continue
    for (let w = 0; w < result.length; w++) result[w]! |= group.rows[w]!
  }
  return result
}

const nodes = 'nodes'

/** What is left of a pool's limits, as more of it is planned. */
class PoolLimits {
  readonly #universe: InstanceUniverse
  /** Dimensions that are limited, `nodes` aside. */
  readonly #limited: readonly number[]
  readonly #remaining: number[]
  #nodesRemaining: number | undefined
  readonly #capacities: readonly CapacityOrder[]
  #within: Uint32Array | undefined

  constructor({ limits = {} }: ProvisioningPool, universe: InstanceUniverse, names: ResourceNames) {
    this.#universe = universe
    const amounts = names.listOf(limits)
    const limited = Object.keys(limits).filter((name) => name !== nodes)
    this.#limited = limited.map((name) => names.number(name))
    this.#remaining = this.#limited.map((d) => amounts[d]!)
    this.#nodesRemaining = limits[nodes] === undefined ? undefined : amounts[names.number(nodes)]!
    this.#capacities = limited.map((name) => universe.capacityOrder(name))
  }

  get nodesExhausted(): boolean {
    return this.#nodesRemaining === 0
  }

  /** A node that is there. */
  takeNode(capacity: Float64Array): void {
    this.#limited.forEach((d, i) => (this.#remaining[i]! -= capacity[d] ?? 0))
    if (this.#nodesRemaining !== undefined) this.#nodesRemaining--
    this.#within = undefined
  }

  /** A claim is planned: any of its types may come, so the largest of each resource is charged. */
  takeClaim(rows: Uint32Array): void {
    this.#capacities.forEach(({ byRow, order }, i) => {
      const largest = order.find((r) => hasBit(rows, r))
      if (largest !== undefined) this.#remaining[i]! -= byRow[largest]!
    })
    if (this.#nodesRemaining !== undefined) this.#nodesRemaining--
    this.#within = undefined
  }

  /** Rows of types that would not exceed what is left. */
  rowsWithin(): Uint32Array {
    if (this.#within !== undefined) return this.#within
    // More nodes than the limit allows: nothing goes any more.
    if ((this.#nodesRemaining ?? 0) < 0) return (this.#within = new Uint32Array(this.#universe.words))
    const within = this.#universe.all.slice()
    this.#capacities.forEach(({ byRow, order }, i) => {
      const left = this.#remaining[i]!
      for (const r of order) {
        if (byRow[r]! <= left) break
        within[r >>> 5]! &= ~(1 << (r & 31))
      }
    })
    return (this.#within = within)
  }
}
