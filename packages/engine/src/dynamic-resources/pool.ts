// Resource pools as a node sees them (kubernetes/dynamic-resource-allocation:structured/internal/experimental,
// pools_experimental.go). Pools come by driver and name, slices by name, as upstream sorts them since 1.36; before, its
// order was Go's order of maps.

import type { Node, NodeSelector, ResourceSlice } from '@plimsoll/model'
import { compileNodeSelector } from '../node-affinity.ts'
import { devicesOf, nanos, type PoolDevice } from './pool-device.ts'

/** Amounts in nanos, by counter set and counter. */
export type Counters = ReadonlyMap<string, ReadonlyMap<string, bigint>>

export type DevicePool =
  | {
      readonly kind: 'usable'
      /** `driver/name`. */
      readonly id: string
      /** Those that the node can reach, in the order in which they are tried. */
      readonly devices: readonly PoolDevice[]
      /** Those that draw on counters, wherever they are. */
      readonly counted: readonly PoolDevice[]
      readonly counters: Counters
    }
  /** Slices are missing: the driver is publishing them. */
  | { readonly kind: 'incomplete'; readonly id: string }
  | { readonly kind: 'invalid'; readonly id: string; readonly reason: string }

/** The slices of one driver and pool, of every generation, by name. */
export interface PublishedPool {
  readonly id: string
  readonly slices: readonly ResourceSlice[]
}

/** What the node sees of the pool; undefined when nothing. */
export function poolOn(node: Node, published: PublishedPool): DevicePool | undefined {
  const { id, slices } = published
  const visible = newest(slices.filter((slice) => isVisible(slice, node)))
  const first = visible[0]
  if (first === undefined) return undefined
  const { generation, resourceSliceCount } = first.spec.pool
  let all = visible
  if (visible.length !== resourceSliceCount) {
    // A newer generation that does not reach this node makes the one that does obsolete.
    if (slices.some((slice) => slice.spec.pool.generation > generation)) return undefined
    all = slices.filter((slice) => slice.spec.pool.generation === generation)
    if (all.length !== resourceSliceCount) return { kind: 'incomplete', id }
  }
  const reason = invalidity(visible, all)
  if (reason !== undefined) return { kind: 'invalid', id, reason }
  const ordered = [...visible.filter((slice) => !binds(slice)), ...visible.filter(binds)]
  const devices = ordered
    .filter((slice) => !hasCounters(slice))
    .flatMap((slice) => devicesOf(slice).filter((device) => reaches(device, node)))
  const counted = all.flatMap((slice) => devicesOf(slice).filter((device) => device.consumes.length > 0))
  return { kind: 'usable', id, devices, counted, counters: countersOf(visible) }
}

/** Whether some device waits for conditions before its pod is bound: simpler ones are preferred. */
export function waitsForBinding(pool: DevicePool): boolean {
  return pool.kind === 'usable' && pool.devices.some(({ device }) => device.bindingConditions !== undefined)
}

function binds(slice: ResourceSlice): boolean {
  return slice.spec.devices?.some((device) => device.bindingConditions !== undefined) ?? false
}

function hasCounters(slice: ResourceSlice): boolean {
  return (slice.spec.sharedCounters ?? []).length > 0
}

function newest(slices: readonly ResourceSlice[]): readonly ResourceSlice[] {
  const generation = Math.max(...slices.map((slice) => slice.spec.pool.generation))
  return slices.filter((slice) => slice.spec.pool.generation === generation)
}

/** Slices with counters always count: the pool cannot be used without them. */
function isVisible(slice: ResourceSlice, node: Node): boolean {
  const { nodeName, allNodes, nodeSelector, perDeviceNodeSelection } = slice.spec
  if (hasCounters(slice)) return true
  if (isSet(nodeName) || allNodes === true || nodeSelector !== undefined) {
    return targets(node, nodeName, allNodes, nodeSelector)
  }
  return perDeviceNodeSelection === true && devicesOf(slice).some((device) => reaches(device, node))
}

function reaches({ slice, device }: PoolDevice, node: Node): boolean {
  if (slice.spec.perDeviceNodeSelection !== true) return true
  return targets(node, device.nodeName, device.allNodes, device.nodeSelector)
}

function targets(
  node: Node,
  nodeName: string | undefined,
  allNodes: boolean | undefined,
  nodeSelector: NodeSelector | undefined,
): boolean {
  if (isSet(nodeName)) return nodeName === node.metadata.name
  if (allNodes === true) return true
  return nodeSelector !== undefined && selects(nodeSelector, node)
}

const compiled = new WeakMap<NodeSelector, (node: Node) => boolean>()

export function selects(selector: NodeSelector, node: Node): boolean {
  let matcher = compiled.get(selector)
  if (matcher === undefined) compiled.set(selector, (matcher = compileNodeSelector(selector)))
  return matcher(node)
}

function isSet(text: string | undefined): boolean {
  return text !== undefined && text !== ''
}

function countersOf(slices: readonly ResourceSlice[]): Counters {
  const sets = new Map<string, ReadonlyMap<string, bigint>>()
  for (const slice of slices) {
    for (const { name, counters } of slice.spec.sharedCounters ?? []) {
      sets.set(name, new Map(Object.entries(counters).map(([counter, { value }]) => [counter, nanos(value)])))
    }
  }
  return sets
}

/** Why the pool must not be used: upstream looks for doubled devices only among those that the node can reach. */
function invalidity(visible: readonly ResourceSlice[], all: readonly ResourceSlice[]): string | undefined {
  const names = new Set<string>()
  const sets = new Map<string, { readonly [name: string]: unknown }>()
  for (const slice of visible) {
    if (hasCounters(slice)) continue
    for (const { name } of slice.spec.devices ?? []) {
      if (names.has(name)) return `duplicate device name ${name}`
      names.add(name)
    }
  }
  for (const slice of visible) {
    for (const { name, counters } of slice.spec.sharedCounters ?? []) {
      if (sets.has(name)) return `duplicate counter set name ${name}`
      sets.set(name, counters)
    }
  }
  for (const slice of all) {
    for (const device of slice.spec.devices ?? []) {
      for (const { counterSet, counters } of device.consumesCounters ?? []) {
        const set = sets.get(counterSet)
        if (set === undefined) return `counter set ${counterSet} not found`
        for (const counter of Object.keys(counters)) {
          if (!Object.hasOwn(set, counter)) return `counter ${counter} not found in counter set ${counterSet}`
        }
      }
    }
  }
  return undefined
}
