// How much of a device a request takes (kubernetes/dynamic-resource-allocation:structured/internal/experimental,
// consumable_capacity.go). Amounts are in nanos.

import {
  type CapacityRequestPolicy,
  type CapacityRequestPolicyRange,
  type Device,
  type DeviceCapacity,
  own,
} from '@plimsoll/model'
import { nanos } from './pool-device.ts'

/** By name, as the device names them. */
export type Amounts = ReadonlyMap<string, bigint>

/** What a request asks of the capacities of a device. */
export type CapacityRequests = { readonly [name: string]: string | number }

/**
 * What the device would give for the request, for each of its capacities; undefined when it lacks one that is asked for
 * or its policy does not allow the amount.
 */
export function consumedCapacity(device: Device, requests: CapacityRequests | undefined): Amounts | undefined {
  const capacity = device.capacity ?? {}
  for (const name in requests) if (!Object.hasOwn(capacity, name)) return undefined
  const consumed = new Map<string, bigint>()
  for (const name in capacity) {
    const { value, requestPolicy } = capacity[name]!
    const asked = own(requests, name)
    const amount = asked === undefined ? unasked(value, requestPolicy) : rounded(nanos(asked), requestPolicy)
    if (violates(amount, requestPolicy)) return undefined
    consumed.set(name, amount)
  }
  return consumed
}

/** Whether the amounts are there beside what is taken already. */
export function hasRoom(device: Device, amounts: Amounts, ...taken: readonly (Amounts | undefined)[]): boolean {
  for (const [name, amount] of amounts) {
    let total = amount
    for (const other of taken) total += other?.get(name) ?? 0n
    if (total > nanos(device.capacity![name]!.value)) return false
  }
  return true
}

function unasked(value: DeviceCapacity['value'], policy: CapacityRequestPolicy | undefined): bigint {
  return nanos(policy?.default ?? value)
}

function rounded(asked: bigint, policy: CapacityRequestPolicy | undefined): bigint {
  if (policy?.validRange?.min !== undefined)
    return roundedToRange(asked, policy.validRange, nanos(policy.validRange.min))
  for (const value of policy?.validValues ?? []) if (asked <= nanos(value)) return nanos(value)
  return asked
}

function roundedToRange(asked: bigint, range: CapacityRequestPolicyRange, min: bigint): bigint {
  if (asked < min) return min
  if (range.step === undefined) return asked
  const step = whole(nanos(range.step))
  const from = whole(min)
  const steps = (whole(asked) - from + step - 1n) / step
  return (from + step * steps) * unit
}

function violates(amount: bigint, policy: CapacityRequestPolicy | undefined): boolean {
  if (policy === undefined) return false
  if (policy.default !== undefined && amount === nanos(policy.default)) return false
  const { validRange, validValues } = policy
  if (validRange !== undefined) {
    if (validRange.max !== undefined && amount > nanos(validRange.max)) return true
    if (validRange.step === undefined) return false
    return (whole(amount) - whole(nanos(validRange.min ?? 0))) % whole(nanos(validRange.step)) !== 0n
  }
  return (validValues ?? []).length > 0 && !validValues!.some((value) => nanos(value) === amount)
}

const unit = 1_000_000_000n

/** In whole units, rounded up: steps are counted in them. */
function whole(amount: bigint): bigint {
  return amount % unit === 0n ? amount / unit : amount / unit + (amount > 0n ? 1n : 0n)
}
