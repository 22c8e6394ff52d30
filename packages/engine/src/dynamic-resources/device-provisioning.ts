// Devices for pods of a provisioning pass, on nodes that are there or might come to be
// (kubernetes-sigs/karpenter:pkg/scheduling/dynamicresources/allocator.go, pkg/controllers/provisioning/dra.go,
// scheduling/dra.go). What Karpenter does not look at is not looked at here: administrators' access, device taints,
// selection of nodes by single devices.

import {
  compatible,
  coreLabels,
  Requirements,
  type DeviceClass,
  type LabelRegistry,
  type Pod,
  type ResourceSlice,
  type ResourceV1ResourceClaim,
} from '@plimsoll/model'
import { matchesSelectors } from './allocator.ts'
import type { AttributeBindings } from './attribute-bindings.ts'
import { consumedCapacity, hasRoom, type Amounts } from './capacity.ts'
import { planClaim } from './claim-plan.ts'
import { claimDevicesMax, type CompiledClaim, type CompiledConstraint, type CompiledRequest } from './compiled-claim.ts'
import { concerns, sameAttribute } from './constraint.ts'
import {
  ClusterDevices,
  selectorRequirements,
  templateCounters,
  templateDevices,
  type DeviceHost,
  type HostDevice,
  type HostInstanceType,
  type HostPool,
} from './device-host.ts'
import { deviceId, nanos, type PoolDevice } from './pool-device.ts'
import { draw, increase, ProvisionedDevices, type CounterAmounts, type Given } from './provisioned-devices.ts'
import { searchDevices, type Ground, type Pick } from './search.ts'
import { SelectorError } from './selector.ts'

type Claim = ResourceV1ResourceClaim

export interface ProvisioningDevices {
  /** Those that count: see `slicesThatCount`. */
  readonly slices: readonly ResourceSlice[]
  readonly claims: readonly Claim[]
  readonly classNamed: (name: string) => DeviceClass | undefined
  /** By UID: pods that leave nodes that go. What only they use is free. */
  readonly movingPods?: ReadonlySet<string> | undefined
  readonly registry?: LabelRegistry | undefined
}

export type HostAllocation =
  | {
      readonly kind: 'allocated'
      /** Of the host's, those that can serve the claims. */
      readonly instanceTypes: readonly string[]
      /** What the devices ask of the node. */
      readonly requirements: Requirements
      /** Gives the devices away. To be called at most once, before the next question. */
      readonly commit: () => void
    }
  | { readonly kind: 'refused'; readonly reason: string }

/** What became of a claim in this pass. */
interface Allotment {
  readonly host: string
  usesTemplates: boolean
  readonly byType: Map<string, { readonly given: readonly Given[]; readonly requirements: Requirements }>
  requirements: Requirements
}

/** Slices of nodes that are tracked and initialized, and of no node: those of other nodes are owned by them. */
export function slicesThatCount(
  slices: readonly ResourceSlice[],
  initialized: ReadonlySet<string>,
): readonly ResourceSlice[] {
  return slices.filter(({ metadata }) => {
    const owner = metadata.ownerReferences?.find(({ kind }) => kind === 'Node')
    return owner === undefined || initialized.has(owner.name)
  })
}

export class DeviceProvisioning {
  readonly #claims = new Map<string, Claim>()
  readonly #classNamed: (name: string) => DeviceClass | undefined
  readonly #movingPods: ReadonlySet<string>
  readonly #registry: LabelRegistry
  readonly #cluster: ClusterDevices
  readonly #before: DevicesBefore
  readonly #provisioned = new ProvisionedDevices()
  /** By claim. */
  readonly #allotments = new Map<string, Allotment>()

  constructor(input: ProvisioningDevices) {
    this.#classNamed = input.classNamed
    this.#movingPods = input.movingPods ?? new Set()
    this.#registry = input.registry ?? coreLabels
    this.#cluster = new ClusterDevices(input.slices, this.#registry)
    this.#before = devicesBefore(input.claims, this.#movingPods)
    for (const claim of input.claims) this.#claims.set(keyOf(claim), claim)
  }

  /** The pod's claims, or why the pod must wait for them. */
  claimsOf(pod: Pod): readonly Claim[] | { readonly problem: string } {
    const claims: Claim[] = []
    for (const { name, resourceClaimName } of pod.spec.resourceClaims ?? []) {
      const generated = pod.status?.resourceClaimStatuses?.find((status) => status.name === name)
      const claimName = resourceClaimName ?? generated?.resourceClaimName
      if (claimName === undefined) continue
      const key = `${pod.metadata.namespace}/${claimName}`
      const claim = this.#claims.get(key)
      if (claim === undefined) return { problem: `resourceclaim ${JSON.stringify(key)} not found` }
      claims.push(claim)
    }
    return claims
  }

  /** Whether the claims can be had on the host, and of which instance types it may then be. */
  allocate(host: DeviceHost, claims: readonly Claim[]): HostAllocation {
    const allTypes = host.instanceTypes.map(({ name }) => name)
    const classified = this.#classify(host, claims)
    if ('problem' in classified) return refused(classified.problem)
    const { unallocated, asked } = classified
    if (unallocated.length === 0) {
      return { kind: 'allocated', instanceTypes: allTypes, requirements: asked, commit: takeNothing }
    }
    const requirements = host.requirements.and(asked)
    const pools = this.#cluster.reachableFrom(host.nodeName, requirements)
    const plans: CompiledClaim[] = []
    const fixed: FixedDevices[] = []
    for (const claim of unallocated) {
      const invalid = (problem: string): HostAllocation =>
        refused(`validating claim ${JSON.stringify(claim.metadata.name)}: ${problem}`)
      const plan = planClaim(claim, this.#classNamed)
      if ('problem' in plan) return invalid(plan.problem)
      const devices = fixedDevices(plan, pools, host.instanceTypes)
      if ('problem' in devices) return invalid(devices.problem)
      plans.push(plan)
      fixed.push(devices)
    }
    return this.#allocateByType(host, { plans, fixed, pools, asked })
  }

  /** The host will be of none of these types: what they would have had is free. */
  releaseTypes(hostId: string, instanceTypes: readonly string[]): void {
    for (const name of instanceTypes) this.#provisioned.release(hostId, name)
    for (const allotment of this.#allotments.values()) {
      if (allotment.host !== hostId) continue
      let changed = false
      for (const name of instanceTypes) {
        const released = allotment.byType.get(name)
        allotment.byType.delete(name)
        changed ||= released !== undefined && released.requirements.size > 0
      }
      if (changed) allotment.requirements = together([...allotment.byType.values()].map((one) => one.requirements))
    }
  }

  /** The drivers whose devices the host's pods were given, sorted: the annotation karpenter.sh/requested-dra-drivers. */
  driversOf(hostId: string): readonly string[] {
    const drivers = new Set<string>()
    for (const { host, byType } of this.#allotments.values()) {
      if (host !== hostId) continue
      for (const { given } of byType.values()) for (const { device } of given) drivers.add(device.driver)
    }
    return [...drivers].sort()
  }

  /** Which claims are allocated already, and what those ask of the host. */
  #classify(
    host: DeviceHost,
    claims: readonly Claim[],
  ): { readonly unallocated: readonly Claim[]; readonly asked: Requirements } | { readonly problem: string } {
    const unallocated: Claim[] = []
    let asked = Requirements.none
    const meet = (others: Requirements): boolean => {
      if (compatible(host.requirements.and(asked), others, this.#registry.wellKnown) !== undefined) return false
      asked = asked.and(others)
      return true
    }
    for (const claim of claims) {
      const allotment = this.#allotments.get(keyOf(claim))
      const allocation = claim.status?.allocation
      if (allocation !== undefined && !isLeftByAll(claim, this.#movingPods)) {
        const selected = selectorRequirements(allocation.nodeSelector, this.#registry)
        if (selected !== undefined && !meet(selected)) {
          return { problem: 'in-cluster allocation topology is incompatible with NodeClaim requirements' }
        }
      } else if (allotment === undefined) {
        if (!unallocated.includes(claim)) unallocated.push(claim)
      } else if (allotment.usesTemplates) {
        if (allotment.host !== host.id) return { problem: 'claim is bound to a different in-flight NodeClaim' }
      } else if (!meet(allotment.requirements)) {
        return { problem: 'in-memory allocation topology is incompatible with NodeClaim requirements' }
      }
    }
    return { unallocated, asked }
  }

  #allocateByType(
    host: DeviceHost,
    wanted: {
      readonly plans: readonly CompiledClaim[]
      readonly fixed: readonly FixedDevices[]
      readonly pools: readonly HostPool[]
      readonly asked: Requirements
    },
  ): HostAllocation {
    const { plans, fixed, pools, asked } = wanted
    const allotments = plans.map((): Allotment => ({
      host: host.id,
      usesTemplates: false,
      byType: new Map(),
      requirements: Requirements.none,
    }))
    const survivors: string[] = []
    const left = new Map(pools.map((pool) => [pool.id, this.#countersLeft(pool)]))
    let requirements = host.requirements.and(asked)
    for (const instanceType of host.instanceTypes) {
      const ground = new HostGround({
        host: host.id,
        instanceType,
        plans,
        fixed,
        pools,
        left,
        before: this.#before,
        provisioned: this.#provisioned,
        requirements,
        registry: this.#registry,
      })
      const result = searchDevices(plans, ground)
      if (result.kind !== 'found') continue
      survivors.push(instanceType.name)
      // A claim carries one conjunction: what one type's devices ask for stays in force for the next types.
      requirements = ground.requirements
      for (const [index, allotment] of allotments.entries()) {
        const picks = result.picks.filter(({ claim }) => claim === index)
        const given = picks.map((pick) => ground.given(pick))
        if (given.some(({ ofTemplate }) => ofTemplate)) allotment.usesTemplates = true
        const topology = together(picks.map(({ device }) => ground.topology(device) ?? Requirements.none))
        allotment.byType.set(instanceType.name, { given, requirements: topology })
      }
    }
    if (survivors.length === 0) return refused('no instance type can satisfy the allocation')
    for (const allotment of allotments) {
      allotment.requirements = together([...allotment.byType.values()].map((one) => one.requirements))
    }
    return {
      kind: 'allocated',
      instanceTypes: survivors,
      requirements: together([asked, ...allotments.map((allotment) => allotment.requirements)]),
      commit: () => this.#commit(plans, allotments),
    }
  }

  #commit(plans: readonly CompiledClaim[], allotments: readonly Allotment[]): void {
    for (const [index, allotment] of allotments.entries()) {
      this.#allotments.set(plans[index]!.key, allotment)
      for (const [instanceType, { given }] of allotment.byType) {
        this.#provisioned.add(allotment.host, instanceType, given)
      }
    }
  }

  /** Declared, less what devices in use and devices given in this pass draw. */
  #countersLeft(pool: HostPool): CounterAmounts {
    const left: CounterAmounts = new Map([...pool.counters].map(([set, counters]) => [set, new Map(counters)]))
    for (const device of pool.counted) {
      if (this.#before.taken.has(device.id) || this.#before.consumed.has(device.id)) draw(left, device, -1n)
    }
    for (const [set, counters] of this.#provisioned.drawn(pool.counted)) {
      for (const [name, amount] of counters) increase(left.get(set)!, name, -amount)
    }
    return left
  }
}

function takeNothing(): void {}

function refused(reason: string): HostAllocation {
  return { kind: 'refused', reason }
}

function keyOf({ metadata }: Claim): string {
  return `${metadata.namespace}/${metadata.name}`
}

function together(all: readonly Requirements[]): Requirements {
  return all.reduce((sum, one) => sum.and(one), Requirements.none)
}

/** Whether only pods that move have it reserved: then it will be allocated anew. */
function isLeftByAll(claim: Claim, movingPods: ReadonlySet<string>): boolean {
  const reservedFor = claim.status?.reservedFor ?? []
  return (
    reservedFor.length > 0 &&
    reservedFor.every(
      ({ resource, apiGroup = '', uid }) => resource === 'pods' && apiGroup === '' && movingPods.has(uid),
    )
  )
}

/** What the cluster's own allocations hold (pkg/controllers/dynamicresources/deviceallocation). */
interface DevicesBefore {
  readonly taken: ReadonlySet<string>
  readonly consumed: ReadonlyMap<string, Amounts>
}

interface Users {
  /** Of all claims that have a part. */
  readonly pods: string[]
  shared: boolean
  readonly parts: { readonly pods: readonly string[]; readonly amounts: Amounts }[]
}

function devicesBefore(claims: readonly Claim[], movingPods: ReadonlySet<string>): DevicesBefore {
  const users = new Map<string, Users>()
  for (const { status } of claims) {
    const reservedFor = status?.reservedFor ?? []
    const consumers = reservedFor.filter(({ resource, apiGroup = '' }) => resource === 'pods' && apiGroup === '')
    const pods = consumers.map(({ uid }) => uid)
    for (const { driver, pool, device, consumedCapacity: part } of status?.allocation?.devices?.results ?? []) {
      const id = deviceId(driver, pool, device)
      let user = users.get(id)
      if (user === undefined) users.set(id, (user = { pods: [], shared: false, parts: [] }))
      user.pods.push(...pods)
      if (part === undefined) continue
      user.shared = true
      user.parts.push({ pods, amounts: new Map(Object.entries(part).map(([name, text]) => [name, nanos(text)])) })
    }
  }
  const taken = new Set<string>()
  const consumed = new Map<string, Amounts>()
  const areMoving = (pods: readonly string[]): boolean => pods.length > 0 && pods.every((uid) => movingPods.has(uid))
  for (const [id, { pods, shared, parts }] of users) {
    if (areMoving(pods)) continue
    if (!shared) {
      taken.add(id)
      continue
    }
    const amounts = new Map<string, bigint>()
    for (const part of parts) {
      if (areMoving(part.pods)) continue
      for (const [name, amount] of part.amounts) increase(amounts, name, amount)
    }
    if (amounts.size > 0) consumed.set(id, amounts)
  }
  return { taken, consumed }
}

/** What requests for all devices mean: the cluster's, and those of each instance type's templates. */
interface FixedDevices {
  readonly ofCluster: ReadonlyMap<CompiledRequest, readonly PoolDevice[]>
  readonly ofTemplates: ReadonlyMap<CompiledRequest, ReadonlyMap<string, readonly PoolDevice[]>>
}

/** request.go: collectAllModePoolDevices, collectAllModeFromDevices and the limits of ValidateClaimRequest. */
function fixedDevices(
  plan: CompiledClaim,
  pools: readonly HostPool[],
  instanceTypes: readonly HostInstanceType[],
): FixedDevices | { readonly problem: string } {
  const ofCluster = new Map<CompiledRequest, readonly PoolDevice[]>()
  const ofTemplates = new Map<CompiledRequest, Map<string, readonly PoolDevice[]>>()
  const { name: claimName } = plan.claim.metadata
  for (const request of plan.requests.flatMap(({ alternatives }) => alternatives)) {
    if (!request.all) continue
    const own = request.name.slice(request.name.indexOf('/') + 1)
    const invalid = (reason: string): { problem: string } => ({
      problem: `claim ${JSON.stringify(claimName)} request ${JSON.stringify(own)}: ${reason}`,
    })
    const bad = pools.find((pool) => pool.invalid || pool.incomplete)
    if (bad !== undefined) {
      return invalid(
        `pool ${bad.id} is ${bad.invalid ? 'invalid (duplicate device names)' : 'incomplete (missing slices)'}`,
      )
    }
    try {
      const cluster = pools.flatMap(({ devices }) => devices.map(({ device }) => device))
      const matching = cluster.filter((device) => matchesSelectors(request, device))
      ofCluster.set(request, matching)
      const byType = new Map<string, readonly PoolDevice[]>()
      for (const { name, templates } of instanceTypes) {
        const devices = templates.flatMap(templateDevices)
        if (devices.length === 0) continue
        const ofType = devices.filter((device) => matchesSelectors(request, device))
        if (ofType.length > 0 || matching.length > 0) byType.set(name, ofType)
      }
      ofTemplates.set(request, byType)
    } catch (error) {
      if (error instanceof SelectorError) return invalid(error.message)
      throw error
    }
  }
  return withinLimit(plan, ofCluster, ofTemplates)
}

/** A type whose templates would give a claim too many devices loses those devices; where all do, the claim is refused. */
function withinLimit(
  plan: CompiledClaim,
  ofCluster: ReadonlyMap<CompiledRequest, readonly PoolDevice[]>,
  ofTemplates: ReadonlyMap<CompiledRequest, Map<string, readonly PoolDevice[]>>,
): FixedDevices | { readonly problem: string } {
  const fewest = (count: (request: CompiledRequest) => number): number => {
    let total = 0
    for (const { alternatives } of plan.requests) total += Math.min(...alternatives.map(count))
    return total
  }
  const claim = `claim ${JSON.stringify(plan.claim.metadata.name)}`
  const base = fewest((request) => request.count + (ofCluster.get(request)?.length ?? 0))
  if (base > claimDevicesMax) {
    return { problem: `${claim} requests ${base} total devices, exceeding maximum of ${claimDevicesMax}` }
  }
  const types = new Set([...ofTemplates.values()].flatMap((byType) => [...byType.keys()]))
  let pruned = 0
  for (const type of types) {
    if (base + fewest((request) => ofTemplates.get(request)?.get(type)?.length ?? 0) <= claimDevicesMax) continue
    pruned++
    for (const byType of ofTemplates.values()) byType.delete(type)
  }
  if (types.size > 0 && pruned === types.size) {
    const reason = `no instance type can satisfy this claim without exceeding the maximum of ${claimDevicesMax} devices`
    return { problem: `${claim}: all instance types pruned, ${reason}` }
  }
  return { ofCluster, ofTemplates }
}

interface HostSearch {
  readonly host: string
  readonly instanceType: HostInstanceType
  readonly plans: readonly CompiledClaim[]
  readonly fixed: readonly FixedDevices[]
  readonly pools: readonly HostPool[]
  /** By pool of the cluster, what is left of its counters; as it was once the search is over. */
  readonly left: ReadonlyMap<string, CounterAmounts>
  readonly before: DevicesBefore
  readonly provisioned: ProvisionedDevices
  readonly requirements: Requirements
  readonly registry: LabelRegistry
}

/** The host, should it be of one of its types. */
class HostGround implements Ground {
  /** The cluster's first, then the type's own. */
  readonly devices: readonly PoolDevice[]
  requirements: Requirements
  readonly #search: HostSearch
  readonly #constraints: readonly (readonly BoundConstraint[])[]
  readonly #topologies = new Map<PoolDevice, Requirements>()
  readonly #templates: ReadonlySet<PoolDevice>
  readonly #held = new Set<PoolDevice>()
  readonly #consumed = new Map<PoolDevice, Amounts[]>()
  readonly #drawn = new Map<string, CounterAmounts>()
  readonly #templateLeft = new Map<string, CounterAmounts>()
  readonly #templateTaken = new Set<string>()
  readonly #templateConsumed = new Map<string, Amounts[]>()
  /** What was asked of the node before each device that asks for something. */
  readonly #tightened: Requirements[] = []

  constructor(search: HostSearch) {
    const { host, instanceType, plans, pools, provisioned } = search
    this.#search = search
    this.requirements = search.requirements
    const reachable: HostDevice[] = pools.filter((pool) => !pool.incomplete).flatMap((pool) => pool.devices)
    for (const { device, topology } of pools.flatMap((pool) => pool.devices)) {
      if (topology !== undefined) this.#topologies.set(device, topology)
    }
    const own = instanceType.templates.flatMap(templateDevices)
    this.devices = [...reachable.map(({ device }) => device), ...own]
    this.#templates = new Set(own)
    this.#constraints = plans.map((plan) =>
      plan.constraints.map((rule) => new BoundConstraint(rule, instanceType.bindings)),
    )
    for (const [pool, counters] of templateCounters(instanceType.templates)) {
      this.#templateLeft.set(pool, new Map([...counters].map(([set, amounts]) => [set, new Map(amounts)])))
    }
    for (const { device, consumed } of provisioned.ofTemplates(host, instanceType.name)) {
      if (!device.shared) this.#templateTaken.add(device.id)
      else listIn(this.#templateConsumed, device.id).push(consumed ?? noAmounts)
      const left = this.#templateLeft.get(poolOf(device))
      if (left !== undefined) draw(left, device, -1n)
    }
  }

  allFor(request: CompiledRequest): readonly PoolDevice[] {
    const { fixed, instanceType } = this.#search
    const owner = fixed.find(({ ofCluster }) => ofCluster.has(request))!
    return [...owner.ofCluster.get(request)!, ...(owner.ofTemplates.get(request)!.get(instanceType.name) ?? [])]
  }

  take({ claim, request, device }: Pick): boolean {
    const amounts = this.#amounts(device, request)
    if (amounts === undefined || !this.#isFree(device)) return false
    if (!this.#hasCounters(device) || !this.#selects(request, device)) return false
    const topology = this.#topologies.get(device)
    if (topology !== undefined && !this.#admits(topology)) return false
    const constraints = this.#constraints[claim]!
    for (let c = 0; c < constraints.length; c++) {
      if (constraints[c]!.add(request, device)) continue
      while (--c >= 0) constraints[c]!.remove(request)
      return false
    }
    if (topology !== undefined) {
      this.#tightened.push(this.requirements)
      this.requirements = this.requirements.and(topology)
    }
    if (device.shared) listIn(this.#consumed, device).push(amounts)
    else this.#held.add(device)
    this.#drawCounters(device, 1n)
    return true
  }

  putBack({ claim, request, device }: Pick): void {
    this.#drawCounters(device, -1n)
    if (device.shared) this.#consumed.get(device)!.pop()
    else this.#held.delete(device)
    if (this.#topologies.has(device)) this.requirements = this.#tightened.pop()!
    for (const constraint of this.#constraints[claim]!) constraint.remove(request)
  }

  given({ request, device }: Pick): Given {
    return {
      device,
      ofTemplate: this.#templates.has(device),
      consumed: device.shared ? consumedCapacity(device.device, request.capacity) : undefined,
    }
  }

  topology(device: PoolDevice): Requirements | undefined {
    return this.#topologies.get(device)
  }

  #admits(topology: Requirements): boolean {
    return compatible(this.requirements, topology, this.#search.registry.wellKnown) === undefined
  }

  /** Whole devices; shared ones are a matter of amounts. */
  #isFree(device: PoolDevice): boolean {
    if (device.shared) return true
    if (this.#held.has(device)) return false
    if (this.#templates.has(device)) return !this.#templateTaken.has(device.id)
    const { host, instanceType, before, provisioned } = this.#search
    return !before.taken.has(device.id) && !provisioned.isGiven(device.id, host, instanceType.name)
  }

  #amounts(device: PoolDevice, request: CompiledRequest): Amounts | undefined {
    if (!device.shared) return noAmounts
    const amounts = consumedCapacity(device.device, request.capacity)
    if (amounts === undefined) return undefined
    const { before, provisioned } = this.#search
    const earlier = this.#templates.has(device)
      ? (this.#templateConsumed.get(device.id) ?? [])
      : [before.consumed.get(device.id), provisioned.consumed(device.id)]
    const taken = [...earlier, ...(this.#consumed.get(device) ?? [])]
    return hasRoom(device.device, amounts, ...taken) ? amounts : undefined
  }

  #hasCounters(device: PoolDevice): boolean {
    if (device.consumes.length === 0) return true
    const pool = poolOf(device)
    const ofTemplate = this.#templates.has(device)
    const left = ofTemplate ? this.#templateLeft.get(pool) : this.#search.left.get(pool)
    if (left === undefined) return false
    const drawn = this.#drawn.get(ofTemplate ? `template ${pool}` : pool)
    for (const { set, counter, amount } of device.consumes) {
      const rest = left.get(set)?.get(counter)
      if (rest === undefined || rest - (drawn?.get(set)?.get(counter) ?? 0n) < amount) return false
    }
    return true
  }

  #drawCounters(device: PoolDevice, times: bigint): void {
    if (device.consumes.length === 0) return
    const key = this.#templates.has(device) ? `template ${poolOf(device)}` : poolOf(device)
    let drawn = this.#drawn.get(key)
    if (drawn === undefined) this.#drawn.set(key, (drawn = new Map()))
    draw(drawn, device, times)
  }

  /** A selector that cannot be evaluated selects nothing. */
  #selects(request: CompiledRequest, device: PoolDevice): boolean {
    try {
      return matchesSelectors(request, device)
    } catch (error) {
      if (error instanceof SelectorError) return false
      throw error
    }
  }
}

const noAmounts: Amounts = new Map()

function poolOf({ driver, pool }: PoolDevice): string {
  return `${driver}/${pool}`
}

function listIn<K, T>(map: Map<K, T[]>, key: K): T[] {
  let list = map.get(key)
  if (list === undefined) map.set(key, (list = []))
  return list
}

/**
 * matchAttribute, where devices that lack the attribute may stand in for each other if they are bound to have one value.
 * Values and bonds do not mix (constraint.go, MatchAttributeConstraint).
 */
class BoundConstraint {
  readonly #rule: CompiledConstraint
  readonly #bindings: AttributeBindings
  readonly #devices: PoolDevice[] = []

  constructor(rule: CompiledConstraint, bindings: AttributeBindings) {
    this.#rule = rule
    this.#bindings = bindings
  }

  /** Whether the device may join those taken; if so, it has. */
  add(request: CompiledRequest, device: PoolDevice): boolean {
    if (!concerns(this.#rule, request)) return true
    const first = this.#devices[0]
    const accepted = first === undefined ? this.#isKnown(device) : this.#match(first, device)
    if (accepted) this.#devices.push(device)
    return accepted
  }

  /** Takes back the last that was added. */
  remove(request: CompiledRequest): void {
    if (concerns(this.#rule, request)) this.#devices.pop()
  }

  #isKnown(device: PoolDevice): boolean {
    const { attribute } = this.#rule
    return device.attribute(attribute) !== undefined || this.#bindings.groupOf(attribute, device.id) !== undefined
  }

  #match(first: PoolDevice, device: PoolDevice): boolean {
    const { attribute } = this.#rule
    const [a, b] = [first.attribute(attribute), device.attribute(attribute)]
    if (a !== undefined || b !== undefined) return a !== undefined && b !== undefined && sameAttribute(a, b)
    const group = this.#bindings.groupOf(attribute, device.id)
    return group !== undefined && group === this.#bindings.groupOf(attribute, first.id)
  }
}
