import type { Node, ResourceSlice } from '@plimsoll/model'
import type { NodeDevices } from './allocator.ts'
import { poolOn, waitsForBinding, type DevicePool, type PublishedPool } from './pool.ts'

interface Indexed extends PublishedPool {
  readonly driver: string
  readonly pool: string
  slices: readonly ResourceSlice[]
}

/**
 * All slices, so kept that what a node can reach is found without looking at those of other nodes. A slice with counters
 * that names a node counts for that node only: upstream lets an unfinished pool of one node hold up requests for all
 * devices on every other.
 */
export class PublishedPools {
  readonly #slices = new Map<string, ResourceSlice>()
  readonly #pools = new Map<string, Indexed>()
  /** Pools with slices of a node, by the node's name. */
  readonly #local = new Map<string, Set<string>>()
  /** Pools with slices that may reach any node. */
  readonly #wide = new Set<string>()
  /** Grow with every change to what is local to a node, or wide. */
  readonly #localEpochs = new Map<string, number>()
  #wideEpoch = 0
  readonly #known = new WeakMap<
    Node,
    { readonly wide: number; readonly local: number; readonly devices: NodeDevices }
  >()

  /** By name. */
  slice(name: string): ResourceSlice | undefined {
    return this.#slices.get(name)
  }

  slices(): readonly ResourceSlice[] {
    return [...this.#slices.values()].sort(byName)
  }

  /** Adds the slice, in place of the one with its name. */
  set(slice: ResourceSlice): void {
    this.remove(slice.metadata.name)
    const { driver, pool } = slice.spec
    const id = `${driver}/${pool.name}`
    let indexed = this.#pools.get(id)
    if (indexed === undefined) this.#pools.set(id, (indexed = { id, driver, pool: pool.name, slices: [] }))
    this.#slices.set(slice.metadata.name, slice)
    this.#change(indexed, [...indexed.slices, slice].sort(byName))
  }

  remove(name: string): void {
    const slice = this.#slices.get(name)
    if (slice === undefined) return
    const indexed = this.#pools.get(`${slice.spec.driver}/${slice.spec.pool.name}`)!
    this.#slices.delete(name)
    this.#change(
      indexed,
      indexed.slices.filter((other) => other !== slice),
    )
    if (indexed.slices.length === 0) this.#pools.delete(indexed.id)
  }

  /** Those that name the node. */
  slicesOf(nodeName: string): readonly ResourceSlice[] {
    const slices: ResourceSlice[] = []
    for (const id of this.#local.get(nodeName) ?? []) {
      slices.push(...this.#pools.get(id)!.slices.filter(({ spec }) => spec.nodeName === nodeName))
    }
    return slices.sort(byName)
  }

  /** What the node can reach. */
  on(node: Node): NodeDevices {
    const { name } = node.metadata
    const local = this.#localEpochs.get(name) ?? 0
    const known = this.#known.get(node)
    if (known !== undefined && known.local === local && known.wide === this.#wideEpoch) return known.devices
    const devices = this.#gather(node)
    this.#known.set(node, { wide: this.#wideEpoch, local, devices })
    return devices
  }

  #gather(node: Node): NodeDevices {
    const ids = new Set([...(this.#local.get(node.metadata.name) ?? []), ...this.#wide])
    const published = [...ids].map((id) => this.#pools.get(id)!).sort(byDriverAndName)
    const pools = published.map((pool) => poolOn(node, pool)).filter((pool) => pool !== undefined)
    const ordered: DevicePool[] = [...pools.filter((pool) => !waitsForBinding(pool)), ...pools.filter(waitsForBinding)]
    return { pools: ordered, devices: ordered.flatMap((pool) => (pool.kind === 'usable' ? pool.devices : [])) }
  }

  #change(indexed: Indexed, slices: readonly ResourceSlice[]): void {
    const before = reach(indexed.slices)
    indexed.slices = slices
    const after = reach(slices)
    for (const name of before.nodes) {
      this.#localEpochs.set(name, (this.#localEpochs.get(name) ?? 0) + 1)
      if (after.nodes.has(name)) continue
      const local = this.#local.get(name)!
      local.delete(indexed.id)
      if (local.size === 0) this.#local.delete(name)
    }
    for (const name of after.nodes) {
      this.#localEpochs.set(name, (this.#localEpochs.get(name) ?? 0) + 1)
      let local = this.#local.get(name)
      if (local === undefined) this.#local.set(name, (local = new Set()))
      local.add(indexed.id)
    }
    if (before.wide || after.wide) this.#wideEpoch++
    if (after.wide) this.#wide.add(indexed.id)
    else this.#wide.delete(indexed.id)
  }
}

function reach(slices: readonly ResourceSlice[]): { readonly nodes: ReadonlySet<string>; readonly wide: boolean } {
  const nodes = new Set<string>()
  let wide = false
  for (const { spec } of slices) {
    if (spec.nodeName === undefined || spec.nodeName === '') wide = true
    else nodes.add(spec.nodeName)
  }
  return { nodes, wide }
}

function byName(a: ResourceSlice, b: ResourceSlice): number {
  return a.metadata.name < b.metadata.name ? -1 : 1
}

function byDriverAndName(a: Indexed, b: Indexed): number {
  if (a.driver !== b.driver) return a.driver < b.driver ? -1 : 1
  return a.pool < b.pool ? -1 : 1
}
