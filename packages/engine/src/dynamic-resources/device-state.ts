// Claims, devices and what is taken of them, and what would happen if (kubernetes/kubernetes:pkg/scheduler/framework/
// plugins/dynamicresources/dynamicresources.go, 1.35: PreFilter, Filter, Reserve;
// kubernetes/autoscaler:cluster-autoscaler/simulator/dynamicresources/snapshot). All that changes is which claim stands
// where with which status, and which slices there are; what is taken follows from the claims.

import {
  assert,
  controllerOf,
  type AllocationResult,
  type DeviceClass,
  type Node,
  type NodeSelector,
  type Pod,
  type ResourceClaimConsumerReference,
  type ResourceSlice,
  type ResourceV1ResourceClaim,
} from '@plimsoll/model'
import type { Unfit } from '../unfit.ts'
import { allocationResult } from './allocation-result.ts'
import { allocateDevices, type Allocation, type DeviceUse, type NodeDevices } from './allocator.ts'
import type { Amounts } from './capacity.ts'
import { compileClaim, shapeOf, type ClaimProblem, type CompiledClaim } from './compiled-claim.ts'
import { deviceId, nanos } from './pool-device.ts'
import { selects } from './pool.ts'
import { PublishedPools } from './published-pools.ts'

type Claim = ResourceV1ResourceClaim

/** As the API admits (resource.k8s.io/v1: ResourceClaimReservedForMaxSize). */
const consumersMax = 256

interface Asked {
  readonly pod: Pod
  readonly epoch: number
  readonly needs: PodNeeds | ClaimProblem | undefined
}

/** A claim as it stands, and what it means while the classes stay as they are. */
interface HeldClaim {
  readonly claim: Claim
  epoch: number
  compiled: CompiledClaim | ClaimProblem | undefined
}

/** Shapes of claims that each node's refusals are remembered for. */
const refusalsMax = 1000

/** What a pod wants of a node. */
interface PodNeeds {
  readonly claims: readonly Claim[]
  readonly unallocated: readonly CompiledClaim[]
  /** Of the unallocated; undefined when refusals may not be remembered. */
  readonly shape: number | undefined
  /** Of the claims that are allocated. */
  readonly selectors: readonly NodeSelector[]
}

/** Shared devices: how many claims have a part, and what they have together. */
interface Sharing {
  readonly claims: number
  readonly amounts: Amounts
}

export class DeviceState implements DeviceUse {
  readonly #classes = new Map<string, DeviceClass>()
  readonly #claims = new Map<string, HeldClaim>()
  readonly #pools = new PublishedPools()
  /** How many claims hold each device whole. More than one is somebody else's mistake, to be counted right. */
  readonly #taken = new Map<string, number>()
  readonly #shared = new Map<string, Sharing>()
  readonly #newShareId: (() => string) | undefined
  #shares = 0
  readonly #log: (() => void)[] = []
  readonly #forks: number[] = []
  /** Grow with every change to claims, to classes, and whenever there may be more room than before. */
  #claimsEpoch = 0
  #classesEpoch = 0
  /** Of the two pods that were asked about last: one is asked about node after node, itself and as its class's sample. */
  #asked: Asked | undefined
  #askedBefore: Asked | undefined
  #roomEpoch = 0
  readonly #refusals = new WeakMap<
    NodeDevices,
    Map<number, { readonly epoch: number; readonly allocation: Allocation }>
  >()

  /** Shares are numbered unless a source of identifiers is given, as is needed where results are written to an API. */
  constructor(options: { readonly newShareId?: (() => string) | undefined } = {}) {
    this.#newShareId = options.newShareId
  }

  /** Adds the class, or puts it in place of the one with its name. */
  setClass(deviceClass: DeviceClass): void {
    this.#putClass(deviceClass.metadata.name, deviceClass)
  }

  removeClass(name: string): void {
    this.#putClass(name, undefined)
  }

  /** Adds the slice, or puts it in place of the one with its name. */
  setSlice(slice: ResourceSlice): void {
    this.#putSlice(slice.metadata.name, slice)
  }

  removeSlice(name: string): void {
    this.#putSlice(name, undefined)
  }

  /** Those that name the node. */
  slicesOf(nodeName: string): readonly ResourceSlice[] {
    return this.#pools.slicesOf(nodeName)
  }

  /** Removes the slices that name the node, as when the node goes. */
  removeSlicesOf(nodeName: string): void {
    for (const { metadata } of this.slicesOf(nodeName)) this.removeSlice(metadata.name)
  }

  /** By name. */
  slices(): readonly ResourceSlice[] {
    return this.#pools.slices()
  }

  /** Adds the claim, or puts it in place of the one with its name; what its status says is allocated is taken. */
  setClaim(claim: Claim): void {
    this.#putClaim(claimKey(claim.metadata.namespace, claim.metadata.name), claim)
  }

  removeClaim(namespace: string, name: string): void {
    this.#putClaim(claimKey(namespace, name), undefined)
  }

  /** As it stands: with what was allocated here. */
  claim(namespace: string, name: string): Claim | undefined {
    return this.#claims.get(claimKey(namespace, name))?.claim
  }

  /** By namespace and name. */
  claims(): readonly Claim[] {
    return [...this.#claims].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, { claim }]) => claim)
  }

  isTaken(id: string): boolean {
    return this.#taken.has(id)
  }

  consumed(id: string): Amounts | undefined {
    return this.#shared.get(id)?.amounts
  }

  /** What the node can reach. */
  devicesOn(node: Node): NodeDevices {
    return this.#pools.on(node)
  }

  /** Why the pod's claims keep it off every node, whatever the node: what kube-scheduler's PreFilter says. */
  podUnfit(pod: Pod): Unfit | undefined {
    if (!hasClaims(pod)) return undefined
    const needs = this.#needsOf(pod)
    return needs !== undefined && 'problem' in needs ? unfit(needs.problem) : undefined
  }

  /** Why the pod's claims cannot be had on the node; undefined when they can, or there are none. */
  nodeUnfit(pod: Pod, node: Node): Unfit | undefined {
    if (!hasClaims(pod)) return undefined
    const needs = this.#needsOf(pod)
    if (needs === undefined) return undefined
    if ('problem' in needs) return unfit(needs.problem)
    if (needs.unallocated.length > 0) {
      const allocation = this.#allocate(needs, node)
      if (allocation.kind !== 'allocated') return unfit(allocation.reason)
    }
    return isAvailable(needs, node) ? undefined : notAvailable
  }

  /**
   * Allocates the pod's claims on the node and reserves them for the pod. When they cannot be had it changes nothing and
   * says why.
   */
  place(pod: Pod, node: Node): Unfit | undefined {
    if (!hasClaims(pod)) return undefined
    const needs = this.#needsOf(pod)
    if (needs === undefined) return undefined
    if ('problem' in needs) return unfit(needs.problem)
    if (!isAvailable(needs, node)) return notAvailable
    const results = new Map<Claim, AllocationResult>()
    if (needs.unallocated.length > 0) {
      const allocation = this.#allocate(needs, node)
      if (allocation.kind !== 'allocated') return unfit(allocation.reason)
      for (const [index, compiled] of needs.unallocated.entries()) {
        const devices = allocation.devices[index]!
        results.set(
          compiled.claim,
          allocationResult(compiled, devices, node.metadata.name, () => this.#shareId()),
        )
      }
    }
    for (const claim of needs.claims) {
      const allocation = results.get(claim) ?? claim.status?.allocation
      const reservedFor = claim.status?.reservedFor ?? []
      const reserved = isReservedFor(claim, pod)
      if (reserved && allocation === claim.status?.allocation) continue
      this.setClaim({
        ...claim,
        status: { ...claim.status, allocation, reservedFor: reserved ? reservedFor : [...reservedFor, consumer(pod)] },
      })
    }
    return undefined
  }

  /** Takes back the pod's reservations; claims that nobody uses any more lose their devices. */
  release(pod: Pod): void {
    if (!hasClaims(pod)) return
    for (const { name } of claimNames(pod)) {
      const claim = name === undefined ? undefined : this.claim(pod.metadata.namespace, name)
      if (claim?.status === undefined) continue
      const own = isOwnedBy(claim, pod)
      if (!own && !isReservedFor(claim, pod)) continue
      const rest = (claim.status.reservedFor ?? []).filter(({ uid }) => uid !== pod.metadata.uid)
      const { allocation, devices, reservedFor: _, ...status } = claim.status
      const used = rest.length > 0
      this.setClaim({ ...claim, status: used ? { ...status, allocation, devices, reservedFor: rest } : status })
    }
  }

  /** From here on changes can be taken back. Forks nest. */
  fork(): void {
    this.#forks.push(this.#log.length)
  }

  /** Takes back everything since the last open fork. */
  revert(): void {
    const start = this.#forks.pop()
    assert(start !== undefined, 'a revert has a fork')
    while (this.#log.length > start) this.#log.pop()!()
  }

  /** Keeps what was done since the last open fork, as part of the fork around it. */
  commit(): void {
    assert(this.#forks.pop() !== undefined, 'a commit has a fork')
    if (this.#forks.length === 0) this.#log.length = 0
  }

  #needsOf(pod: Pod): PodNeeds | ClaimProblem | undefined {
    const last = this.#asked
    if (last !== undefined && last.pod === pod && last.epoch === this.#claimsEpoch) return last.needs
    let asked = this.#askedBefore
    if (asked === undefined || asked.pod !== pod || asked.epoch !== this.#claimsEpoch) {
      asked = { pod, epoch: this.#claimsEpoch, needs: this.#gatherNeeds(pod) }
    }
    this.#askedBefore = last
    this.#asked = asked
    return asked.needs
  }

  #gatherNeeds(pod: Pod): PodNeeds | ClaimProblem | undefined {
    const { namespace } = pod.metadata
    const held: HeldClaim[] = []
    for (const { name, fromTemplate, problem } of claimNames(pod)) {
      if (problem !== undefined) return { problem, failed: false }
      if (name === undefined) continue
      const one = this.#claims.get(claimKey(namespace, name))
      if (one === undefined) return { problem: `could not find ResourceClaim "${namespace}/${name}"`, failed: false }
      const refusal = claimRefusal(one.claim, pod, fromTemplate)
      if (refusal !== undefined) return { problem: refusal, failed: false }
      // Two of the pod's claims may be one.
      if (!held.includes(one)) held.push(one)
    }
    if (held.length === 0) return undefined
    const unallocated: CompiledClaim[] = []
    const selectors: NodeSelector[] = []
    for (const one of held) {
      const { allocation, reservedFor = [] } = one.claim.status ?? {}
      if (allocation !== undefined) {
        if (reservedFor.length >= consumersMax && !isReservedFor(one.claim, pod)) {
          return { problem: 'resourceclaim in use', failed: false }
        }
        if (allocation.nodeSelector !== undefined) selectors.push(allocation.nodeSelector)
        continue
      }
      const compiled = this.#compile(one)
      if ('problem' in compiled) return compiled
      unallocated.push(compiled)
    }
    const claims = held.map(({ claim }) => claim)
    // What is taken makes nothing possible, except that a request for all devices looks past shared ones without room.
    const shape = unallocated.some((claim) => claim.asksForAll) ? undefined : shapeOf(unallocated)
    return { claims, unallocated, shape, selectors }
  }

  #compile(held: HeldClaim): CompiledClaim | ClaimProblem {
    if (held.compiled === undefined || held.epoch !== this.#classesEpoch) {
      held.compiled = compileClaim(held.claim, (name) => this.#classes.get(name))
      held.epoch = this.#classesEpoch
    }
    return held.compiled
  }

  /** Refusals hold until something is given back; nodes without room are so refused at once. */
  #allocate(needs: PodNeeds, node: Node): Allocation {
    const on = this.#pools.on(node)
    const { shape } = needs
    if (shape === undefined) return allocateDevices(needs.unallocated, on, this)
    let refusals = this.#refusals.get(on)
    const known = refusals?.get(shape)
    if (known !== undefined && known.epoch === this.#roomEpoch) return known.allocation
    const allocation = allocateDevices(needs.unallocated, on, this)
    if (allocation.kind !== 'impossible') return allocation
    if (refusals === undefined || refusals.size >= refusalsMax) this.#refusals.set(on, (refusals = new Map()))
    refusals.set(shape, { epoch: this.#roomEpoch, allocation })
    return allocation
  }

  #shareId(): string {
    if (this.#newShareId !== undefined) return this.#newShareId()
    this.#record(() => this.#shares--)
    return `00000000-0000-4000-8000-${String(++this.#shares).padStart(12, '0')}`
  }

  #putClass(name: string, deviceClass: DeviceClass | undefined): void {
    const before = this.#classes.get(name)
    if (before === deviceClass) return
    this.#applyClass(name, deviceClass)
    this.#record(() => this.#applyClass(name, before))
  }

  #applyClass(name: string, deviceClass: DeviceClass | undefined): void {
    put(this.#classes, name, deviceClass)
    this.#classesEpoch++
    this.#roomEpoch++
    this.#claimsEpoch++
  }

  #putSlice(name: string, slice: ResourceSlice | undefined): void {
    const before = this.#pools.slice(name)
    if (before === slice) return
    this.#applySlice(name, slice)
    this.#record(() => this.#applySlice(name, before))
  }

  #applySlice(name: string, slice: ResourceSlice | undefined): void {
    if (slice === undefined) this.#pools.remove(name)
    else this.#pools.set(slice)
  }

  #putClaim(key: string, claim: Claim | undefined): void {
    const before = this.#claims.get(key)
    if (before?.claim === claim) return
    this.#applyClaim(key, claim === undefined ? undefined : { claim, epoch: 0, compiled: undefined })
    this.#record(() => this.#applyClaim(key, before))
  }

  #applyClaim(key: string, held: HeldClaim | undefined): void {
    const before = this.#claims.get(key)?.claim
    const after = held?.claim
    put(this.#claims, key, held)
    this.#claimsEpoch++
    if (before?.status?.allocation === after?.status?.allocation) return
    if (before?.status?.allocation !== undefined) this.#roomEpoch++
    this.#count(before, -1)
    this.#count(after, 1)
  }

  /** Devices that an administrator looks into are not taken (foreachAllocatedDevice). */
  #count(claim: Claim | undefined, by: 1 | -1): void {
    for (const result of claim?.status?.allocation?.devices?.results ?? []) {
      if (result.adminAccess === true) continue
      const id = deviceId(result.driver, result.pool, result.device)
      if (result.shareID === undefined) {
        const count = (this.#taken.get(id) ?? 0) + by
        put(this.#taken, id, count === 0 ? undefined : count)
        continue
      }
      const { claims, amounts } = this.#shared.get(id) ?? { claims: 0, amounts: new Map<string, bigint>() }
      const sum = new Map(amounts)
      for (const [name, value] of Object.entries(result.consumedCapacity ?? {})) {
        const amount = (sum.get(name) ?? 0n) + BigInt(by) * nanos(value)
        put(sum, name, amount === 0n ? undefined : amount)
      }
      put(this.#shared, id, claims + by === 0 ? undefined : { claims: claims + by, amounts: sum })
    }
  }

  #record(undo: () => void): void {
    if (this.#forks.length > 0) this.#log.push(undo)
  }
}

/** Whether the pod asks for dynamic resources at all. */
export function hasClaims(pod: Pod): boolean {
  return pod.spec.resourceClaims !== undefined && pod.spec.resourceClaims.length > 0
}

function unfit(reason: string): Unfit {
  return { plugin: 'DynamicResources', reason, resolvable: false }
}

const notAvailable = unfit('resourceclaim not available on the node')

function isAvailable(needs: PodNeeds, node: Node): boolean {
  return needs.selectors.every((selector) => selects(selector, node))
}

interface ClaimName {
  /** Undefined when no claim was made for it, and none is needed. */
  readonly name: string | undefined
  readonly fromTemplate: boolean
  /** Why there is none. */
  readonly problem: string | undefined
}

/** kubernetes/dynamic-resource-allocation:resourceclaim/resourceclaim.go, Name. */
function claimNames(pod: Pod): ClaimName[] {
  const { namespace, name: podName } = pod.metadata
  return (pod.spec.resourceClaims ?? []).map((entry) => {
    if (entry.resourceClaimName !== undefined) {
      return { name: entry.resourceClaimName, fromTemplate: false, problem: undefined }
    }
    const whose = `pod "${namespace}/${podName}"`
    if (entry.resourceClaimTemplateName === undefined) {
      const problem = `${whose}, spec.resourceClaim "${entry.name}": none of the supported fields are set`
      return { name: undefined, fromTemplate: false, problem }
    }
    const status = pod.status?.resourceClaimStatuses?.find(({ name }) => name === entry.name)
    const problem = status === undefined ? `${whose}: ResourceClaim not created yet` : undefined
    return { name: status?.resourceClaimName, fromTemplate: true, problem }
  })
}

function claimRefusal(claim: Claim, pod: Pod, fromTemplate: boolean): string | undefined {
  const { namespace, name, deletionTimestamp } = claim.metadata
  if (deletionTimestamp !== undefined) return `resourceclaim "${name}" is being deleted`
  if (!fromTemplate || isOwnedBy(claim, pod)) return undefined
  const whose = `pod ${pod.metadata.namespace}/${pod.metadata.name}`
  return `ResourceClaim ${namespace}/${name} was not created for ${whose} (pod is not owner)`
}

function isOwnedBy(claim: Claim, pod: Pod): boolean {
  return controllerOf(claim)?.uid === pod.metadata.uid
}

function isReservedFor(claim: Claim, pod: Pod): boolean {
  return claim.status?.reservedFor?.some(({ uid }) => uid === pod.metadata.uid) ?? false
}

function consumer(pod: Pod): ResourceClaimConsumerReference {
  return { resource: 'pods', name: pod.metadata.name, uid: pod.metadata.uid }
}

function claimKey(namespace: string, name: string): string {
  return `${namespace}/${name}`
}

function put<T>(map: Map<string, T>, key: string, value: T | undefined): void {
  if (value === undefined) map.delete(key)
  else map.set(key, value)
}
