// Devices for claims on one node (kubernetes/dynamic-resource-allocation:structured/internal/experimental,
// allocator_experimental.go, 1.35, with its features on: admin access, prioritized lists, partitionable devices, device
// taints, consumable capacity, binding conditions). Differs where upstream errs: devices of one request are distinct
// under distinctAttribute, counters are given back on backtracking, and a shared device in use holds its counters.

import type { DeviceTaint, DeviceToleration } from '@plimsoll/model'
import { consumedCapacity, hasRoom, type Amounts } from './capacity.ts'
import { claimDevicesMax, type CompiledClaim, type CompiledRequest } from './compiled-claim.ts'
import { AttributeConstraint } from './constraint.ts'
import type { PoolDevice } from './pool-device.ts'
import type { DevicePool } from './pool.ts'
import { searchDevices, type Ground, type Pick } from './search.ts'
import { SelectorError } from './selector.ts'

/** What is taken already. */
export interface DeviceUse {
  /** Whether one claim has it whole. */
  isTaken(id: string): boolean
  /** Of a shared device; undefined when nobody has a part of it. */
  consumed(id: string): Amounts | undefined
}

/** What a node can reach. */
export interface NodeDevices {
  readonly pools: readonly DevicePool[]
  /** Those of usable pools, in the order in which they are tried. */
  readonly devices: readonly PoolDevice[]
}

export interface AllocatedDevice {
  readonly request: CompiledRequest
  readonly device: PoolDevice
  /** What it gives, where it is shared. */
  readonly consumed: Amounts | undefined
}

export type Allocation =
  /** For each claim its devices, in order of requests. */
  | { readonly kind: 'allocated'; readonly devices: readonly (readonly AllocatedDevice[])[] }
  /** Not on this node. */
  | { readonly kind: 'impossible'; readonly reason: string }
  /** Something is in error, and no node can help. */
  | { readonly kind: 'failed'; readonly reason: string }

/** Ends a search: an error that more searching would not mend. */
class AllocationFailure extends Error {
  override readonly name = 'AllocationFailure'
}

/** Pure: takes nothing yet. */
export function allocateDevices(claims: readonly CompiledClaim[], on: NodeDevices, use: DeviceUse): Allocation {
  try {
    const ground = new NodeGround(claims, on, use)
    const result = searchDevices(claims, ground)
    switch (result.kind) {
      case 'found':
        return { kind: 'allocated', devices: devicesByClaim(claims, result.picks) }
      case 'none':
        return { kind: 'impossible', reason: impossibility(on) }
      case 'tooMany':
        return { kind: 'failed', reason: 'allocation max size exceeded' }
      case 'exhausted':
        return { kind: 'impossible', reason: 'timed out trying to allocate devices' }
    }
  } catch (error) {
    if (error instanceof AllocationFailure) return { kind: 'failed', reason: error.message }
    throw error
  }
}

function impossibility(on: NodeDevices): string {
  const invalid = on.pools.some((pool) => pool.kind === 'invalid')
  return invalid ? 'invalid resource pools were encountered' : 'cannot allocate all claims'
}

function devicesByClaim(claims: readonly CompiledClaim[], picks: readonly Pick[]): AllocatedDevice[][] {
  const devices: AllocatedDevice[][] = claims.map(() => [])
  for (const { claim, request, device } of picks) {
    const consumed = device.shared ? consumedCapacity(device.device, request.capacity) : undefined
    devices[claim]!.push({ request, device, consumed })
  }
  return devices
}

class NodeGround implements Ground {
  readonly devices: readonly PoolDevice[]
  readonly #claims: readonly CompiledClaim[]
  readonly #on: NodeDevices
  readonly #use: DeviceUse
  readonly #constraints: readonly (readonly AttributeConstraint[])[]
  readonly #all = new Map<CompiledRequest, readonly PoolDevice[]>()
  /** Which claims hold a device in this search. */
  readonly #held = new Map<string, number[]>()
  /** What was taken of shared devices in this search. */
  readonly #consumed = new Map<string, Amounts[]>()
  /** What is left of counters, by pool. */
  readonly #left = new Map<string, Map<string, Map<string, bigint>>>()

  constructor(claims: readonly CompiledClaim[], on: NodeDevices, use: DeviceUse) {
    this.#claims = claims
    this.#on = on
    this.#use = use
    this.devices = on.devices
    this.#constraints = claims.map((claim) => claim.constraints.map((rule) => new AttributeConstraint(rule)))
    for (const claim of claims) this.#measure(claim)
  }

  allFor(request: CompiledRequest): readonly PoolDevice[] {
    return this.#all.get(request)!
  }

  take({ claim, request, device }: Pick, every: boolean): boolean {
    if (!this.#isFree(device, request, claim)) return false
    if (!every && !this.#selects(request, device)) return false
    if (taintsPrevent(device.device.taints, request.tolerations)) return false
    const amounts = this.#amounts(device, request)
    if (amounts === undefined) return false
    if (!this.#drawCounters(device)) return false
    if (!this.#constrain(claim, request, device)) {
      this.#returnCounters(device)
      if (every) {
        const { key } = this.#claims[claim]!
        const reason = `cannot add device ${device.id} because a claim constraint would not be satisfied`
        throw new AllocationFailure(`claim ${key}, request ${ownName(request)}: ${reason}`)
      }
      return false
    }
    if (device.shared) listIn(this.#consumed, device.id).push(amounts)
    else listIn(this.#held, device.id).push(claim)
    return true
  }

  putBack({ claim, request, device }: Pick): void {
    for (const constraint of this.#constraints[claim]!) constraint.remove(request)
    if (device.shared) this.#consumed.get(device.id)!.pop()
    else this.#held.get(device.id)!.pop()
    this.#returnCounters(device)
  }

  /** What requests for all devices mean, and whether the claim asks for too many at least. */
  #measure(claim: CompiledClaim): void {
    let total = 0
    for (const { alternatives } of claim.requests) {
      let fewest = Infinity
      for (const request of alternatives) {
        if (request.all) this.#all.set(request, this.#matching(claim, request))
        fewest = Math.min(fewest, request.all ? this.#all.get(request)!.length : request.count)
      }
      total += fewest
    }
    if (total <= claimDevicesMax) return
    const limit = `exceeds the claim limit of ${claimDevicesMax}`
    throw new AllocationFailure(`claim ${claim.key}: number of requested devices ${total} ${limit}`)
  }

  #matching(claim: CompiledClaim, request: CompiledRequest): readonly PoolDevice[] {
    for (const pool of this.#on.pools) {
      if (pool.kind === 'usable') continue
      const state = pool.kind === 'incomplete' ? 'being updated' : 'invalid'
      const reason = `asks for all devices, but resource pool ${pool.id} is currently ${state}`
      throw new AllocationFailure(`claim ${claim.key}, request ${ownName(request)}: ${reason}`)
    }
    return this.devices.filter(
      (device) => this.#selects(request, device) && this.#amounts(device, request) !== undefined,
    )
  }

  /** An administrator's request looks past other claims. */
  #isFree(device: PoolDevice, request: CompiledRequest, claim: number): boolean {
    const holders = this.#held.get(device.id)
    if (request.adminAccess) return holders === undefined || !holders.includes(claim)
    return !this.#use.isTaken(device.id) && (holders === undefined || holders.length === 0)
  }

  #selects(request: CompiledRequest, device: PoolDevice): boolean {
    try {
      return matchesSelectors(request, device)
    } catch (error) {
      if (error instanceof SelectorError) throw new AllocationFailure(error.message)
      throw error
    }
  }

  #amounts(device: PoolDevice, request: CompiledRequest): Amounts | undefined {
    const { device: published, id, shared } = device
    if (published.capacity === undefined && request.capacity === undefined) return noAmounts
    const amounts = consumedCapacity(published, request.capacity)
    if (amounts === undefined) return undefined
    const taken = shared ? [this.#use.consumed(id), ...(this.#consumed.get(id) ?? [])] : []
    return hasRoom(published, amounts, ...taken) ? amounts : undefined
  }

  #constrain(claim: number, request: CompiledRequest, device: PoolDevice): boolean {
    const constraints = this.#constraints[claim]!
    for (let c = 0; c < constraints.length; c++) {
      if (constraints[c]!.add(request, device)) continue
      while (--c >= 0) constraints[c]!.remove(request)
      return false
    }
    return true
  }

  /** A shared device draws on its counters once, however many have a part of it. */
  #drawsCounters(device: PoolDevice): boolean {
    if (device.consumes.length === 0) return false
    if (!device.shared) return true
    return this.#use.consumed(device.id) === undefined && (this.#consumed.get(device.id) ?? []).length === 0
  }

  #drawCounters(device: PoolDevice): boolean {
    if (!this.#drawsCounters(device)) return true
    const left = this.#countersLeft(device)
    for (const { set, counter, amount } of device.consumes) {
      const counters = left.get(set)!
      counters.set(counter, counters.get(counter)! - amount)
    }
    // Overdrawn counters of which the device takes nothing close the pool as well.
    for (const counters of left.values()) {
      for (const amount of counters.values()) {
        if (amount >= 0n) continue
        this.#giveCounters(device)
        return false
      }
    }
    return true
  }

  #returnCounters(device: PoolDevice): void {
    if (this.#drawsCounters(device)) this.#giveCounters(device)
  }

  #giveCounters(device: PoolDevice): void {
    const left = this.#countersLeft(device)
    for (const { set, counter, amount } of device.consumes) {
      const counters = left.get(set)!
      counters.set(counter, counters.get(counter)! + amount)
    }
  }

  #countersLeft(device: PoolDevice): Map<string, Map<string, bigint>> {
    const id = `${device.driver}/${device.pool}`
    let left = this.#left.get(id)
    if (left === undefined) {
      const pool = this.#on.pools.find((candidate) => candidate.id === id)!
      left = countersLeft(pool, this.#use)
      this.#left.set(id, left)
    }
    return left
  }
}

const noAmounts: Amounts = new Map()

/** The counters of the pool less what its devices in use draw, wherever they are. */
function countersLeft(pool: DevicePool, use: DeviceUse): Map<string, Map<string, bigint>> {
  const left = new Map<string, Map<string, bigint>>()
  if (pool.kind !== 'usable') return left
  for (const [set, counters] of pool.counters) left.set(set, new Map(counters))
  for (const device of pool.counted) {
    if (!use.isTaken(device.id) && use.consumed(device.id) === undefined) continue
    for (const { set, counter, amount } of device.consumes) {
      const counters = left.get(set)!
      counters.set(counter, counters.get(counter)! - amount)
    }
  }
  return left
}

const matchesRemembered = 1000

/**
 * Whether the device has what class and request ask for; remembered by the device.
 * @throws {SelectorError} in upstream's words, when a selector does not compile or cannot be evaluated
 */
export function matchesSelectors(request: CompiledRequest, device: PoolDevice): boolean {
  const known = device.matches.get(request.selectorsId)
  if (known !== undefined) return known
  let matches = true
  for (const { selector, where } of request.selectors) {
    if (selector.error !== undefined) throw new SelectorError(`${where}: CEL compile error: ${selector.error}`)
    try {
      if (selector.matches(device.facts)) continue
    } catch (error) {
      if (error instanceof SelectorError) throw new SelectorError(`${where}: CEL runtime error: ${error.message}`)
      throw error
    }
    matches = false
    break
  }
  if (device.matches.size >= matchesRemembered) device.matches.clear()
  device.matches.set(request.selectorsId, matches)
  return matches
}

function taintsPrevent(taints: readonly DeviceTaint[] | undefined, tolerations: readonly DeviceToleration[]): boolean {
  if (taints === undefined) return false
  for (const taint of taints) {
    if (taint.effect !== 'NoSchedule' && taint.effect !== 'NoExecute') continue
    if (!tolerations.some((toleration) => tolerates(toleration, taint))) return true
  }
  return false
}

/** kubernetes/dynamic-resource-allocation:resourceclaim/devicetoleration.go, ToleratesTaint. */
function tolerates(
  { effect = '', key = '', operator = '', value = '' }: DeviceToleration,
  taint: DeviceTaint,
): boolean {
  if (effect !== '' && effect !== taint.effect) return false
  if (key !== '' && key !== taint.key) return false
  if (operator === 'Exists') return true
  return (operator === '' || operator === 'Equal') && value === (taint.value ?? '')
}

/** Upstream's messages name an alternative without its request. */
function ownName(request: CompiledRequest): string {
  return request.name === request.parent ? request.name : request.name.slice(request.parent.length + 1)
}

function listIn<T>(map: Map<string, T[]>, key: string): T[] {
  let list = map.get(key)
  if (list === undefined) map.set(key, (list = []))
  return list
}
