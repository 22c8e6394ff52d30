// Puts pods on nodes that are there, on claims planned before, or on new claims, one pod at a time, as Karpenter does:
// first node that takes it; else, of the claims, those with the fewest pods first; else a new claim of the heaviest pool
// that can make one.
//
// Hosts, that is nodes and then claims in the order of planning, are numbered in one row. What is known to be ruled out
// is kept as sets of hosts: for lack of room per request vector (many classes share one), for everything else that only
// gets worse per form of a class, and per topology group on hosts. A try is then a scan over words for the hosts that
// are left, and few of those refuse. Claims stand in buckets by their number of pods, each a set of hosts too.
//
// Mirrors kubernetes-sigs/karpenter:pkg/controllers/provisioning/scheduling/scheduler.go, nodeclaim.go, existingnode.go.
// Where upstream's order is chance (claims with equally many pods, equally good domains), the earlier claim and the
// first name are taken.
import {
  has,
  labelKeys,
  withMinValues,
  type Pod,
  type Requirement,
  type Requirements,
  type Taint,
} from '@plimsoll/model'
import { portsCollide, type HostPort } from '../host-ports.ts'
import { hasClaims } from '../dynamic-resources/device-state.ts'
import { hasBit, HostSet, lowestBit, wordsFor } from './bits.ts'
import { Buckets } from './buckets.ts'
import type { Dimensions } from './dimensions.ts'
import { HostDevices, type Allotted } from './host-devices.ts'
import type { ProvisioningInput, ProvisioningNode } from './input.ts'
import type { PodForm } from './pod-form.ts'
import { rowsWithoutCollision, type CompiledPool } from './pool.ts'
import { Reservations, reservationOf } from './reservations.ts'
import { refusedForGood, type RequirementSets } from './requirement-sets.ts'
import type { Rule, Topology } from './topology.ts'
import { toleratesAll } from './taints.ts'

/** A node that is there, as a host. */
export interface OpenNode {
  readonly entry: ProvisioningNode
  readonly hostname: string
  readonly taints: readonly Taint[]
  /** Number of its labels as requirements. */
  readonly set: number
  readonly room: Float64Array
  readonly ports: readonly HostPort[]
}

export interface Claim {
  readonly host: number
  readonly pool: CompiledPool
  readonly hostname: string
  readonly pods: Pod[]
  readonly ports: HostPort[]
  readonly requests: Float64Array
  set: number
  rows: Uint32Array
  minValuesRelaxed: boolean
}

export type Attempt = 'placed' | 'unschedulable' | 'reserved'

/** What a claim becomes if the pod is added. */
interface Fitting {
  set: number
  rows: Uint32Array
  /** For pods with resource claims. */
  allotted: Allotted | undefined
}

export class Packer {
  readonly sets: RequirementSets
  readonly pools: readonly CompiledPool[]
  readonly claims: Claim[] = []
  readonly nodes: readonly OpenNode[]
  /** By node: pods of this pass. */
  readonly nodePods: readonly Pod[][]
  /** Grows with every pod placed. */
  version = 0
  readonly reservations: Reservations | undefined
  readonly devices: HostDevices | undefined
  readonly topology: Topology
  readonly #input: ProvisioningInput
  readonly #nodePorts: HostPort[][]
  readonly #dimensions: number
  readonly #present = new HostSet()
  readonly #settling = new HostSet()
  readonly #hasSettling: boolean
  readonly #buckets = new Buckets()
  /** By dimension, by host: what is left at most. Of claims an upper bound: what their largest rows have. */
  readonly #room: Float64Array[]
  /** By pool: see `#nextClaim`. */
  readonly #drafts: (Claim | undefined)[] = []
  #blocked = new Uint32Array(64)
  readonly #scratch: Fitting = { set: 0, rows: new Uint32Array(0), allotted: undefined }

  constructor(o: {
    readonly input: ProvisioningInput
    readonly sets: RequirementSets
    readonly pools: readonly CompiledPool[]
    readonly nodes: readonly OpenNode[]
    readonly topology: Topology
    readonly dimensions: Dimensions
  }) {
    this.#input = o.input
    this.sets = o.sets
    this.pools = o.pools
    this.nodes = o.nodes
    this.topology = o.topology
    this.nodePods = o.nodes.map(() => [])
    this.#nodePorts = o.nodes.map((node) => [...node.ports])
    this.#dimensions = o.dimensions.count
    const capacity = Math.max(64, o.nodes.length * 2)
    this.#room = Array.from({ length: this.#dimensions }, () => new Float64Array(capacity))
    o.nodes.forEach((node, host) => {
      for (let d = 0; d < this.#dimensions; d++) this.#room[d]![host] = node.room[d] ?? 0
      // A node that has too little of anything takes nobody.
      if (node.room.every((amount) => amount >= 0)) this.#present.add(host)
      if (node.entry.settling === true) this.#settling.add(host)
    })
    this.#hasSettling = o.nodes.some((node) => node.entry.settling === true)
    const { reserved, pools, devices } = o.input
    this.devices = devices === undefined ? undefined : new HostDevices(devices, o.sets, pools)
    if (reserved !== undefined && o.pools.some((pool) => pool.universe.hasReserved)) {
      this.reservations = new Reservations(
        pools.map((pool) => pool.instanceTypes),
        (offering) => reservationOf(offering, reserved.label),
      )
    }
  }

  hostnameOf(host: number): string {
    return host < this.nodes.length ? this.nodes[host]!.hostname : this.claims[host - this.nodes.length]!.hostname
  }

  /** Of all hosts, in order. */
  hostnames(): readonly string[] {
    return [...this.nodes.map((node) => node.hostname), ...this.claims.map((claim) => claim.hostname)]
  }

  /** Keys of which the rows offer too few different values, sorted. */
  lackingValues(pool: CompiledPool, requirements: Requirements, rows: Uint32Array): readonly string[] {
    const lacking: string[] = []
    for (const { key, minValues } of requirements) {
      if (minValues !== undefined && pool.universe.valueCount(key, rows, minValues) < minValues) lacking.push(key)
    }
    return lacking
  }

  /** Tries the pod in one form. `anywhere`: settling nodes are open to it. */
  place(pod: Pod, form: PodForm, anywhere: boolean): Attempt {
    const host = this.#findHost(pod, form, anywhere)
    if (host < 0) return this.#makeClaim(pod, form)
    if (host < this.nodes.length) this.#addToNode(host, pod, form)
    else this.#addToClaim(this.claims[host - this.nodes.length]!, pod, form, this.#scratch)
    return 'placed'
  }

  /** The first host that takes the pod; for a claim, `#scratch` tells what becomes of it. */
  #findHost(pod: Pod, form: PodForm, anywhere: boolean): number {
    const hostCount = this.nodes.length + this.claims.length
    const words = wordsFor(hostCount)
    if (words > this.#blocked.length) this.#blocked = new Uint32Array(words * 2)
    const blocked = this.#blocked
    if (words === 0) return -1
    this.#rule(form, anywhere, words)
    const nodeWords = wordsFor(this.nodes.length)
    for (let w = 0; w < nodeWords; w++) {
      let left = (this.#present.words[w] ?? 0) & ~blocked[w]!
      while (left !== 0) {
        const host = (w << 5) + lowestBit(left)
        left &= left - 1
        if (this.#nodeTakes(host, pod, form)) return host
      }
    }
    const buckets = this.#buckets
    for (let bucket = buckets.first; bucket !== 0; bucket = buckets.next(bucket)) {
      const hosts = buckets.hosts(bucket)
      const last = Math.min(buckets.highWord(bucket), hosts.length - 1)
      for (let w = buckets.lowWord(bucket); w <= last; w++) {
        let left = hosts[w]! & ~blocked[w]!
        while (left !== 0) {
          const host = (w << 5) + lowestBit(left)
          left &= left - 1
          if (this.#claimTakes(this.claims[host - this.nodes.length]!, form)) return host
        }
      }
    }
    return -1
  }

  /** Marks the hosts that are ruled out without asking them. */
  #rule(form: PodForm, anywhere: boolean, words: number): void {
    const blocked = this.#blocked
    const full = form.vector.full.words
    const rejected = form.rejected.words
    for (let w = 0; w < words; w++) {
      blocked[w] = (w < full.length ? full[w]! : 0) | (w < rejected.length ? rejected[w]! : 0)
    }
    const { ruledOut, seeking } = form.topology!
    for (const hosts of ruledOut) {
      const end = Math.min(words, hosts.words.length)
      for (let w = 0; w < end; w++) blocked[w]! |= hosts.words[w]!
    }
    if (this.#hasSettling && !anywhere) {
      const end = Math.min(words, this.#settling.words.length)
      for (let w = 0; w < end; w++) blocked[w]! |= this.#settling.words[w]!
    }
    for (const { group, choosesItself } of seeking) {
      const allowed = form.strict.find(labelKeys.hostname)
      if (choosesItself && group.mayFound(allowed, (host) => this.hostnameOf(host))) continue
      const { words: occupied } = group.occupied
      for (let w = 0; w < words; w++) blocked[w]! |= ~(w < occupied.length ? occupied[w]! : 0)
    }
  }

  #nodeTakes(host: number, pod: Pod, form: PodForm): boolean {
    const { amounts, asked, full } = form.vector
    for (let i = 0; i < asked.length; i++) {
      const d = asked[i]!
      if (this.#room[d]![host]! < amounts[d]!) {
        full.add(host)
        return false
      }
    }
    const node = this.nodes[host]!
    if (!this.#nodeSuits(host, node, form)) {
      form.rejected.add(host)
      return false
    }
    if (form.podClass.claims.length > 0 && this.#input.attaches !== undefined) {
      if (!this.#input.attaches(pod, node.entry, this.nodePods[host]!)) return false
    }
    if (form.alternatives.length > 0 && !form.alternatives.some((one) => this.#admits(node, one))) {
      form.rejected.add(host)
      return false
    }
    if (this.devices !== undefined && hasClaims(form.pod)) {
      const allocation = this.devices.onNode(node, form.podClass)
      if (allocation.kind === 'refused') return false
      this.#scratch.allotted = allocation
    }
    return this.#nodeIsInOpenDomain(node, form)
  }

  /** What never changes, or only for the worse. */
  #nodeSuits(host: number, node: OpenNode, form: PodForm): boolean {
    return (
      toleratesAll(form.pod.spec.tolerations, node.taints) &&
      this.sets.admits(node.set, form.set) &&
      form.suitsHost(node.hostname) &&
      (form.podClass.ports.length === 0 || !portsCollide(this.#nodePorts[host]!, form.podClass.ports))
    )
  }

  #admits(node: OpenNode, one: { readonly set: number; readonly hostname: Requirement | undefined }): boolean {
    return this.sets.admits(node.set, one.set) && (one.hostname === undefined || has(one.hostname, node.hostname))
  }

  #nodeIsInOpenDomain(node: OpenNode, form: PodForm): boolean {
    const { byKey } = form.topology!
    if (byKey.length === 0) return true
    const narrowed = this.#narrowedSets(form)
    // Labels of nodes do not get narrower: any answer but a refusal is a yes.
    let result = narrowed.get(~node.set)
    if (result === undefined) {
      result = 0
      for (const { key, rules } of byKey) {
        const label = this.sets.get(node.set).find(key)
        const allowed = label === undefined ? [] : this.#openDomains(form, key, rules, label)
        if (allowed.length === 0) result = refusedForGood
      }
      narrowed.set(~node.set, result)
    }
    return result === 0
  }

  #claimTakes(claim: Claim, form: PodForm): boolean {
    const { amounts, asked, full } = form.vector
    const { host, pool } = claim
    for (let i = 0; i < asked.length; i++) {
      const d = asked[i]!
      if (this.#room[d]![host]! < amounts[d]!) {
        full.add(host)
        return false
      }
    }
    if (!this.#tolerates(form, pool) || !form.suitsHost(claim.hostname)) {
      form.rejected.add(host)
      return false
    }
    const merged = this.sets.merge(claim.set, form.set)
    if (merged < 0) {
      if (merged === refusedForGood) form.rejected.add(host)
      return false
    }
    const { ports } = form.podClass
    if (ports.length > 0 && portsCollide(claim.ports, ports)) {
      form.rejected.add(host)
      return false
    }
    if (form.alternatives.length > 0) {
      for (const one of form.alternatives) {
        if (one.hostname !== undefined && !has(one.hostname, claim.hostname)) continue
        const set = this.sets.merge(merged, one.set)
        if (set >= 0 && this.#settle(claim, form, set, false)) return true
      }
      return false
    }
    if (this.#settle(claim, form, merged, false)) return true
    // When no row would do even without the topologies, none ever will.
    if (form.topology!.byKey.length === 0 || !this.#narrow(claim, form, merged)) {
      const lasting = this.reservations === undefined && !hasClaims(form.pod)
      if (lasting && !this.sets.get(merged).hasMinValues) form.rejected.add(host)
    }
    return false
  }

  /** Devices, then topologies, then rows, then reservations. Leaves the answer in `#scratch`. */
  #settle(claim: Claim, form: PodForm, merged: number, fresh: boolean): boolean {
    return (
      this.#settleRows(claim, form, merged, fresh) &&
      (this.reservations === undefined || this.#reservable(claim, this.#scratch) !== undefined)
    )
  }

  #settleRows(claim: Claim, form: PodForm, merged: number, fresh: boolean): boolean {
    const scratch = this.#scratch
    scratch.allotted = undefined
    if (this.devices !== undefined && hasClaims(form.pod)) {
      const allocation = this.devices.onClaim(claim, form.podClass)
      if (allocation.kind === 'refused') return false
      scratch.allotted = allocation
    }
    const { allotted } = scratch
    const reached = allotted === undefined ? merged : this.sets.merge(merged, this.sets.number(allotted.requirements))
    if (reached < 0) return false
    const set = this.#heedTopologies(form, reached)
    if (set < 0) return false
    if (!this.#narrow(claim, form, set)) return false
    if (claim.pool.hasMinValues) {
      const enough = this.#offersEnough(claim.pool, set, scratch.rows, fresh)
      if (enough < 0) return false
      scratch.set = enough
    }
    return allotted === undefined || this.devices!.keep(allotted, claim, scratch.rows)
  }

  #heedTopologies(form: PodForm, set: number): number {
    const { byKey } = form.topology!
    if (byKey.length === 0) return set
    const narrowed = this.#narrowedSets(form)
    let result = narrowed.get(set)
    if (result === undefined) {
      result = set
      for (const { key, rules } of byKey) {
        const open = this.#openDomains(form, key, rules, this.sets.get(set).find(key))
        if (open.length === 0) {
          result = refusedForGood
          break
        }
        const spreading = rules.find(({ group }) => group.kind === 'spread')
        const chosen = spreading === undefined ? open : [spreading.group.emptiest(open)]
        result = this.sets.merge(result, this.sets.oneOf(key, chosen))
        if (result < 0) break
      }
      narrowed.set(set, result)
    }
    return result
  }

  /** What was found out about the form's topologies while nothing was counted since. */
  #narrowedSets(form: PodForm): Map<number, number> {
    const topology = form.topology!
    let now = 0
    for (const { rules } of topology.byKey) for (const { group } of rules) now += group.version
    if (topology.narrowedAt !== now) {
      topology.narrowed.clear()
      topology.narrowedAt = now
    }
    return topology.narrowed
  }

  /** Domains of the key that every rule leaves open. */
  #openDomains(form: PodForm, key: string, rules: readonly Rule[], node: Requirement | undefined): readonly string[] {
    const pod = form.strict.find(key)
    let open: readonly string[] | undefined
    for (const { group, choosesItself } of rules) {
      const own = group.openDomains(pod, node, choosesItself)
      open = open === undefined ? own : open.filter((domain) => own.includes(domain))
      if (open.length === 0) break
    }
    return open!
  }

  /** The claim's rows that would still do with the pod on it and the set asked for; false when none. */
  #narrow(claim: Claim, form: PodForm, set: number): boolean {
    const { universe, room } = claim.pool
    const scratch = this.#scratch
    if (scratch.rows.length !== universe.words) scratch.rows = new Uint32Array(universe.words)
    const { rows } = scratch
    const { amounts } = form.vector
    const suiting = universe.suiting(set)
    for (let w = 0; w < rows.length; w++) rows[w] = claim.rows[w]! & suiting[w]!
    for (let d = 0; d < amounts.length; d++) {
      const amount = claim.requests[d]! + amounts[d]!
      if (amount === 0) continue
      const able = room.withRoom(d, amount)
      if (able.length === 0) return false
      for (let w = 0; w < rows.length; w++) rows[w]! &= able[w]!
    }
    if (form.podClass.ports.length > 0) {
      const able = rowsWithoutCollision(claim.pool, form.podClass.ports)
      for (let w = 0; w < rows.length; w++) rows[w]! &= able[w]!
    }
    scratch.set = set
    for (let w = 0; w < rows.length; w++) if (rows[w] !== 0) return true
    return false
  }

  /** The set, with minValues lowered where that is allowed; negative when the rows offer too few different values. */
  #offersEnough(pool: CompiledPool, set: number, rows: Uint32Array, fresh: boolean): number {
    let result = this.sets.get(set)
    for (const one of result) {
      if (one.minValues === undefined) continue
      const count = pool.universe.valueCount(one.key, rows, one.minValues)
      if (count >= one.minValues) continue
      if (!fresh || this.#input.minValues !== 'BestEffort') return refusedForGood
      result = result.with(withMinValues(one, count))
    }
    return this.sets.number(result)
  }

  /** The reservations to hold; undefined: strictly, the claim must not be made so. */
  #reservable(claim: Claim, { set, rows }: Fitting): ReadonlySet<string> | undefined {
    const { label, mode } = this.#input.reserved!
    const { universe } = claim.pool
    const reservations = this.reservations!
    const ids = new Set<string>()
    let compatibleOnes = false
    const reserved = universe.reservedFor(set, label)
    for (const { row, id } of reserved) {
      if (!hasBit(rows, row)) continue
      compatibleOnes = true
      if (reservations.canHold(claim.host, id)) ids.add(id)
    }
    if (mode === 'Strict' && ids.size === 0 && (compatibleOnes || reservations.holdsAny(claim.host))) return undefined
    return ids
  }

  #tolerates(form: PodForm, pool: CompiledPool): boolean {
    return (form.tolerates[pool.index] ??= toleratesAll(form.pod.spec.tolerations, pool.taints))
  }

  #makeClaim(pod: Pod, form: PodForm): Attempt {
    for (const pool of this.pools) {
      const { limits } = pool
      if (limits?.nodesExhausted === true) continue
      const claim = this.#nextClaim(pool)
      const outcome = this.#openClaim(claim, form)
      if (outcome === 'reserved') return 'reserved'
      if (outcome === 'unschedulable') continue
      const { host } = claim
      this.claims.push(claim)
      this.#growRoom(host + 1)
      this.#addToClaim(claim, pod, form, this.#scratch)
      limits?.takeClaim(claim.rows)
      return 'placed'
    }
    return 'unschedulable'
  }

  /** The claim that the pool would make next; the same until one is made. */
  #nextClaim(pool: CompiledPool): Claim {
    const host = this.nodes.length + this.claims.length
    let claim = this.#drafts[pool.index]
    if (claim === undefined || claim.host !== host) {
      claim = this.draft(pool)
      if (pool.limits !== undefined) {
        const within = pool.limits.rowsWithin()
        for (let w = 0; w < claim.rows.length; w++) claim.rows[w]! &= within[w]!
      }
      this.#drafts[pool.index] = claim
    }
    return claim
  }

  /** A claim of the pool with nothing on it, as the next host. */
  draft(pool: CompiledPool): Claim {
    const number = this.claims.length + 1
    return {
      host: this.nodes.length + this.claims.length,
      pool,
      hostname: `hostname-placeholder-${String(number).padStart(4, '0')}`,
      pods: [],
      ports: [],
      requests: new Float64Array(this.#dimensions),
      set: pool.set,
      rows: pool.rows.slice(),
      minValuesRelaxed: false,
    }
  }

  #openClaim(claim: Claim, form: PodForm): Attempt {
    if (!this.#tolerates(form, claim.pool) || !form.suitsHost(claim.hostname)) return 'unschedulable'
    const merged = this.sets.merge(claim.set, form.set)
    if (merged < 0 || !this.#foundsHost(claim, form)) return 'unschedulable'
    let outcome: Attempt = 'unschedulable'
    for (const one of form.alternatives.length === 0 ? noAlternative : form.alternatives) {
      // Only the last alternative's refusal counts.
      outcome = 'unschedulable'
      if (one.hostname !== undefined && !has(one.hostname, claim.hostname)) continue
      const set = this.sets.merge(merged, one.set < 0 ? this.sets.none : one.set)
      if (set < 0) continue
      if (this.#settle(claim, form, set, true)) return 'placed'
      outcome = this.#wasReserved(claim, form, set) ? 'reserved' : 'unschedulable'
    }
    return outcome
  }

  /** Whether a settlement failed on reservations alone. */
  #wasReserved(claim: Claim, form: PodForm, set: number): boolean {
    if (this.reservations === undefined) return false
    return this.#settleRows(claim, form, set, true)
  }

  /** Whether those who seek company on their host may begin a new one. */
  #foundsHost(claim: Claim, form: PodForm): boolean {
    const allowed = form.strict.find(labelKeys.hostname)
    return form.topology!.seeking.every(
      ({ group, choosesItself }) =>
        choosesItself &&
        (allowed === undefined || has(allowed, claim.hostname)) &&
        group.mayFound(allowed, (host) => this.hostnameOf(host)),
    )
  }

  #addToNode(host: number, pod: Pod, form: PodForm): void {
    const node = this.nodes[host]!
    const { amounts, asked } = form.vector
    for (let i = 0; i < asked.length; i++) this.#room[asked[i]!]![host]! -= amounts[asked[i]!]!
    this.nodePods[host]!.push(pod)
    if (this.devices !== undefined && hasClaims(form.pod)) this.devices.commit(this.#scratch.allotted!, undefined)
    for (const port of form.podClass.ports) this.#nodePorts[host]!.push(port)
    this.topology.land(form.topology!, { host, hostname: node.hostname, taints: node.taints, set: node.set })
    this.version++
  }

  #addToClaim(claim: Claim, pod: Pod, form: PodForm, { set, rows, allotted }: Fitting): void {
    const { host, pool } = claim
    if (this.reservations !== undefined) {
      this.reservations.hold(host, this.#reservable(claim, { set, rows, allotted }) ?? new Set())
    }
    const narrower = claim.pods.length === 0 || claim.set !== set
    if (claim.pods.length === 0) claim.minValuesRelaxed = this.#isRelaxed(claim.set, set)
    claim.set = set
    // For a few words a loop beats `set`.
    for (let w = 0; w < rows.length; w++) claim.rows[w] = rows[w]!
    if (allotted !== undefined) this.devices!.commit(allotted, claim)
    const { amounts, asked } = form.vector
    for (let i = 0; i < asked.length; i++) {
      const d = asked[i]!
      claim.requests[d]! += amounts[d]!
      this.#room[d]![host]! -= amounts[d]!
    }
    if (narrower) this.#measure(claim)
    claim.pods.push(pod)
    for (const port of form.podClass.ports) claim.ports.push(port)
    this.#buckets.move(host, claim.pods.length - 1)
    this.topology.land(form.topology!, { host, hostname: claim.hostname, taints: pool.taints, set })
    this.version++
  }

  #isRelaxed(before: number, after: number): boolean {
    if (!this.sets.get(after).hasMinValues) return false
    for (const one of this.sets.get(after)) {
      const wanted = this.sets.get(before).find(one.key)?.minValues
      if (one.minValues !== undefined && wanted !== undefined && one.minValues < wanted) return true
    }
    return false
  }

  /** How much room the largest of the claim's rows leave: more than that nobody need ask for. */
  #measure(claim: Claim): void {
    const { room } = claim.pool
    for (let d = 0; d < this.#dimensions; d++) {
      this.#room[d]![claim.host] = room.most(d, claim.rows) - claim.requests[d]!
    }
  }

  #growRoom(hosts: number): void {
    if (hosts <= this.#room[0]!.length) return
    this.#room.forEach((column, d) => {
      const grown = new Float64Array(hosts * 2)
      grown.set(column)
      this.#room[d] = grown
    })
  }
}

const noAlternative: readonly { readonly set: number; readonly hostname: Requirement | undefined }[] = [
  { set: -1, hostname: undefined },
]
