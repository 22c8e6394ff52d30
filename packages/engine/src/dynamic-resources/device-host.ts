// Devices that a node has or will have, as provisioning sees them (kubernetes-sigs/karpenter:pkg/scheduling/
// dynamicresources/{types,pool}.go).

import {
  compatible,
  Requirements,
  type LabelRegistry,
  type NodeSelector,
  type ResourceSlice,
  type ResourceSliceTemplate,
} from '@plimsoll/model'
import type { AttributeBindings } from './attribute-bindings.ts'
import { PoolDevice, devicesOf, nanos } from './pool-device.ts'

/** A node that is there, or a claim for one that may come to be of any of several instance types. */
export interface DeviceHost {
  /** A claim's hostname, or a node's provider ID. */
  readonly id: string
  /** Only of a node that is there: slices that name it are its own. */
  readonly nodeName?: string | undefined
  readonly requirements: Requirements
  /** Of a node, its one. Without templates where the devices are published already: once the node is initialized. */
  readonly instanceTypes: readonly HostInstanceType[]
}

export interface HostInstanceType {
  readonly name: string
  readonly templates: readonly ResourceSliceTemplate[]
  readonly bindings: AttributeBindings
}

/** In-cluster devices of one driver and pool that a host can reach. */
export interface HostPool {
  readonly id: string
  readonly incomplete: boolean
  /** Its devices are not offered. */
  readonly invalid: boolean
  readonly devices: readonly HostDevice[]
  /** All that draw on counters, also those out of reach. */
  readonly counted: readonly PoolDevice[]
  readonly counters: ReadonlyMap<string, ReadonlyMap<string, bigint>>
}

export interface HostDevice {
  readonly device: PoolDevice
  /** What it asks of the node, where its slice selects nodes. */
  readonly topology: Requirements | undefined
}

/** The slices of one driver and pool, of the newest generation only. */
interface CurrentPool {
  readonly id: string
  readonly slices: readonly ResourceSlice[]
  readonly counters: HostPool['counters']
  readonly counted: readonly PoolDevice[]
  readonly incomplete: boolean
  readonly countersInvalid: boolean
}

/** The slices of the cluster, so kept that a host finds its own without looking at those of other nodes. */
export class ClusterDevices {
  readonly #registry: LabelRegistry
  /** By node, the pools that have slices of it; and those with devices that any host may reach. */
  readonly #local = new Map<string, CurrentPool[]>()
  readonly #wide: CurrentPool[] = []

  constructor(slices: readonly ResourceSlice[], registry: LabelRegistry) {
    this.#registry = registry
    const byPool = new Map<string, ResourceSlice[]>()
    for (const slice of slices.toSorted((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1))) {
      const id = `${slice.spec.driver}/${slice.spec.pool.name}`
      const list = byPool.get(id)
      if (list === undefined) byPool.set(id, [slice])
      else list.push(slice)
    }
    for (const id of [...byPool.keys()].sort()) {
      const pool = currentPool(id, byPool.get(id)!)
      const names = new Set<string>()
      let wide = false
      for (const { spec } of pool.slices) {
        if ((spec.sharedCounters ?? []).length > 0) continue
        if (spec.nodeName === undefined || spec.nodeName === '') wide = true
        else names.add(spec.nodeName)
      }
      if (wide) this.#wide.push(pool)
      for (const name of wide ? [] : names) this.#local.set(name, [...(this.#local.get(name) ?? []), pool])
    }
  }

  /** By driver and name of the pool. */
  reachableFrom(nodeName: string | undefined, requirements: Requirements): readonly HostPool[] {
    const own = nodeName === undefined ? [] : (this.#local.get(nodeName) ?? [])
    const pools = [...this.#wide, ...own].sort((a, b) => (a.id < b.id ? -1 : 1))
    return pools.map((pool) => this.#reachable(pool, nodeName, requirements)).filter((pool) => pool !== undefined)
  }

  #reachable(pool: CurrentPool, nodeName: string | undefined, requirements: Requirements): HostPool | undefined {
    const visible = pool.slices.filter((slice) => this.#isVisible(slice, nodeName, requirements))
    const devices = visible.flatMap((slice) => {
      const topology = topologyOf(slice, this.#registry)
      return devicesOf(slice).map((device) => ({ device, topology }))
    })
    if (devices.length === 0 && pool.counted.length === 0) return undefined
    const { id, incomplete, counters, counted } = pool
    const doubled = new Set(devices.map(({ device }) => device.name)).size < devices.length
    const invalid = doubled || pool.countersInvalid
    return { id, incomplete, invalid, devices: invalid ? [] : devices, counted, counters }
  }

  #isVisible({ spec }: ResourceSlice, nodeName: string | undefined, requirements: Requirements): boolean {
    if ((spec.sharedCounters ?? []).length > 0) return false
    if (spec.allNodes === true) return true
    if (spec.nodeName !== undefined && spec.nodeName !== '') return spec.nodeName === nodeName
    const terms = spec.nodeSelector?.nodeSelectorTerms ?? []
    return terms.some(({ matchExpressions }) => {
      const term = Requirements.fromNodeSelectorRequirements(matchExpressions, this.#registry)
      return compatible(requirements, term, this.#registry.wellKnown) === undefined
    })
  }
}

function currentPool(id: string, published: readonly ResourceSlice[]): CurrentPool {
  const generation = Math.max(...published.map(({ spec }) => spec.pool.generation))
  const slices = published.filter(({ spec }) => spec.pool.generation === generation)
  const incomplete = slices.length !== slices[0]!.spec.pool.resourceSliceCount
  const counters = new Map<string, ReadonlyMap<string, bigint>>()
  let countersInvalid = false
  for (const { spec } of slices) {
    for (const { name, counters: set } of spec.sharedCounters ?? []) {
      countersInvalid ||= counters.has(name)
      counters.set(name, new Map(Object.entries(set).map(([counter, { value }]) => [counter, nanos(value)])))
    }
  }
  const counted = slices.flatMap(devicesOf).filter((device) => (device.device.consumesCounters ?? []).length > 0)
  for (const { device } of counted) {
    for (const { counterSet, counters: drawn } of device.consumesCounters!) {
      const set = counters.get(counterSet)
      countersInvalid ||= set === undefined || Object.keys(drawn).some((counter) => !set.has(counter))
    }
  }
  return { id, slices, counters, counted, incomplete, countersInvalid }
}

/** All terms together, for a claim can carry one conjunction only; undefined where the slice asks for nothing. */
function topologyOf({ spec }: ResourceSlice, registry: LabelRegistry): Requirements | undefined {
  return spec.allNodes === true ? undefined : selectorRequirements(spec.nodeSelector, registry)
}

export function selectorRequirements(
  selector: NodeSelector | undefined,
  registry: LabelRegistry,
): Requirements | undefined {
  if (selector === undefined) return undefined
  return selector.nodeSelectorTerms.reduce(
    (all, { matchExpressions }) => all.and(Requirements.fromNodeSelectorRequirements(matchExpressions, registry)),
    Requirements.none,
  )
}

const byTemplate = new WeakMap<ResourceSliceTemplate, readonly PoolDevice[]>()

/** Of a template with counters upstream looks at devices too. */
export function templateDevices(template: ResourceSliceTemplate): readonly PoolDevice[] {
  let devices = byTemplate.get(template)
  if (devices === undefined) {
    const { driver, pool } = template
    const slice: ResourceSlice = {
      metadata: { name: `${driver}-${pool}`, uid: '', resourceVersion: '', creationTimestamp: '' },
      spec: { driver, pool: { name: pool, generation: 0, resourceSliceCount: 1 } },
    }
    devices = (template.devices ?? []).map((device) => new PoolDevice(slice, device))
    byTemplate.set(template, devices)
  }
  return devices
}

/** Amounts in nanos by pool, counter set and counter. */
export function templateCounters(templates: readonly ResourceSliceTemplate[]): Map<string, HostPool['counters']> {
  const pools = new Map<string, Map<string, ReadonlyMap<string, bigint>>>()
  for (const { driver, pool, sharedCounters = [] } of templates) {
    if (sharedCounters.length === 0) continue
    const id = `${driver}/${pool}`
    let sets = pools.get(id)
    if (sets === undefined) pools.set(id, (sets = new Map()))
    for (const { name, counters } of sharedCounters) {
      sets.set(name, new Map(Object.entries(counters).map(([counter, { value }]) => [counter, nanos(value)])))
    }
  }
  return pools
}
