// What earlier pods of a provisioning pass were given (kubernetes-sigs/karpenter:pkg/scheduling/dynamicresources,
// allocationtracker.go, partitionable_devices.go, consumable_capacity.go). A claim for a node will be of one instance type,
// but nobody knows of which: devices of its own are kept for each type apart; of what the cluster has in common it is
// charged with the most that any of its types took.

import type { Amounts } from './capacity.ts'
import type { PoolDevice } from './pool-device.ts'

/** A device given to a claim. */
export interface Given {
  readonly device: PoolDevice
  /** Not there yet: of an instance type's template. */
  readonly ofTemplate: boolean
  /** Where it is shared. */
  readonly consumed: Amounts | undefined
}

/** By counter set and counter, in nanos. */
export type CounterAmounts = Map<string, Map<string, bigint>>

type ByType = Map<string, Given[]>

export class ProvisionedDevices {
  /** By host and instance type. */
  readonly #ofTemplates = new Map<string, ByType>()
  /** Of the cluster, by device, host and instance type. */
  readonly #ofCluster = new Map<string, Map<string, ByType>>()

  add(host: string, instanceType: string, given: readonly Given[]): void {
    for (const one of given) {
      const hosts = one.ofTemplate ? this.#ofTemplates : within(this.#ofCluster, one.device.id)
      const types = within(hosts, host)
      const list = types.get(instanceType)
      if (list === undefined) types.set(instanceType, [one])
      else list.push(one)
    }
  }

  /** The host will not be of the type. */
  release(host: string, instanceType: string): void {
    this.#ofTemplates.get(host)?.delete(instanceType)
    for (const [id, hosts] of this.#ofCluster) {
      const types = hosts.get(host)
      if (types === undefined || !types.delete(instanceType) || types.size > 0) continue
      hosts.delete(host)
      if (hosts.size === 0) this.#ofCluster.delete(id)
    }
  }

  /** Of the host, should it be of the type. */
  ofTemplates(host: string, instanceType: string): readonly Given[] {
    return this.#ofTemplates.get(host)?.get(instanceType) ?? none
  }

  /** Whether a device of the cluster is given away, seen from the host, should it be of the type. */
  isGiven(id: string, host: string, instanceType: string): boolean {
    for (const [owner, types] of this.#ofCluster.get(id) ?? []) {
      if (owner !== host || types.has(instanceType)) return true
    }
    return false
  }

  /** Of a shared device of the cluster. */
  consumed(id: string): Amounts {
    const total = new Map<string, bigint>()
    for (const types of this.#ofCluster.get(id)?.values() ?? []) {
      const most = new Map<string, bigint>()
      for (const given of types.values()) {
        const sum = new Map<string, bigint>()
        for (const { consumed } of given) for (const [name, amount] of consumed ?? []) increase(sum, name, amount)
        for (const [name, amount] of sum) if (amount > (most.get(name) ?? 0n)) most.set(name, amount)
      }
      for (const [name, amount] of most) increase(total, name, amount)
    }
    return total
  }

  /** What the devices draw on the counters of their pool. */
  drawn(devices: readonly PoolDevice[]): CounterAmounts {
    const byHost = new Map<string, Map<string, CounterAmounts>>()
    for (const { id } of devices) {
      for (const [host, types] of this.#ofCluster.get(id) ?? []) {
        for (const [instanceType, given] of types) {
          const amounts = within(within(byHost, host), instanceType)
          for (const { device } of given) draw(amounts, device, 1n)
        }
      }
    }
    const total: CounterAmounts = new Map()
    for (const types of byHost.values()) {
      const most: CounterAmounts = new Map()
      for (const sets of types.values()) {
        for (const [set, counters] of sets) {
          const known = within(most, set)
          for (const [name, amount] of counters) if (amount > (known.get(name) ?? 0n)) known.set(name, amount)
        }
      }
      for (const [set, counters] of most) {
        for (const [name, amount] of counters) increase(within(total, set), name, amount)
      }
    }
    return total
  }
}

const none: readonly Given[] = []

/** Adds what the device draws, so many times. */
export function draw(to: CounterAmounts, device: PoolDevice, times: bigint): void {
  for (const { set, counter, amount } of device.consumes) increase(within(to, set), counter, amount * times)
}

export function increase(map: Map<string, bigint>, key: string, by: bigint): void {
  map.set(key, (map.get(key) ?? 0n) + by)
}

function within<T extends Map<string, unknown>>(map: Map<string, T>, key: string): T {
  let inner = map.get(key)
  if (inner === undefined) map.set(key, (inner = new Map() as T))
  return inner
}
