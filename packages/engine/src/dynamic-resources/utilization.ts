import type { Device, DeviceCounterConsumption, ResourceSlice } from '@plimsoll/model'
import type { DeviceState } from './device-state.ts'
import { deviceId, nanos } from './pool-device.ts'

export interface DeviceUtilization {
  /** `driver/pool`, the one that is used most. */
  readonly resource: string
  /** 0 to 1. */
  readonly share: number
}

/**
 * How much of a node's own devices is given away, by the pool of which most is; undefined when it has none. Devices of a
 * pool without counters count alike; where there are counters each set stands for one piece of hardware, used as much as
 * its scarcest counter (kubernetes/autoscaler:cluster-autoscaler/simulator/dynamicresources/utils/utilization.go).
 * `problem`: a pool is not published whole, and nothing can be said.
 */
export function deviceUtilization(
  nodeName: string,
  state: DeviceState,
): DeviceUtilization | { readonly problem: string } | undefined {
  const pools = new Map<string, ResourceSlice[]>()
  for (const slice of state.slicesOf(nodeName)) {
    const id = `${slice.spec.driver}/${slice.spec.pool.name}`
    const slices = pools.get(id)
    if (slices === undefined) pools.set(id, [slice])
    else slices.push(slice)
  }
  let highest: DeviceUtilization | undefined
  for (const [resource, published] of pools) {
    const generation = Math.max(...published.map(({ spec }) => spec.pool.generation))
    const slices = published.filter(({ spec }) => spec.pool.generation === generation)
    const wanted = slices[0]!.spec.pool.resourceSliceCount
    if (slices.length !== wanted) {
      const found = `newest generation: ${generation}, slice count: ${wanted} - found only ${slices.length} slices`
      return { problem: `pool ${JSON.stringify(slices[0]!.spec.pool.name)} error: ${found}` }
    }
    const share = shareUsed(slices, state)
    if (highest === undefined || share > highest.share) highest = { resource, share }
  }
  return highest
}

function shareUsed(slices: readonly ResourceSlice[], state: DeviceState): number {
  const devices: Device[] = []
  const used: Device[] = []
  for (const { spec } of slices) {
    for (const device of spec.devices ?? []) {
      const id = deviceId(spec.driver, spec.pool.name, device.name)
      devices.push(device)
      if (state.isTaken(id) || state.consumed(id) !== undefined) used.push(device)
    }
  }
  const sets = slices.flatMap(({ spec }) => spec.sharedCounters ?? [])
  if (sets.length === 0) return devices.length === 0 ? 0 : used.length / devices.length
  const pieces = new Set(devices.flatMap(consumptions).map(({ counterSet }) => counterSet)).size
  if (pieces === 0) return 0
  let total = 0
  for (const { name, counters } of sets) {
    const drawn = used.flatMap(consumptions).filter(({ counterSet }) => counterSet === name)
    let scarcest = 0
    for (const [counter, { value }] of Object.entries(counters)) {
      const declared = Number(nanos(value))
      const amounts = drawn.map((consumption) => Number(nanos(consumption.counters[counter]?.value ?? 0)))
      if (declared > 0) scarcest = Math.max(scarcest, amounts.reduce((sum, amount) => sum + amount, 0) / declared)
    }
    total += scarcest / pieces
  }
  return total
}

function consumptions(device: Device): readonly DeviceCounterConsumption[] {
  return device.consumesCounters ?? []
}
