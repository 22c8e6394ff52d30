// How many pods that a selector chooses are in each domain of one topology key, and which domains that leaves open to a
// pod that spreads over them, seeks them or shuns them. Pods with equal constraints share a group.
//
// Domains of the hostname are hosts by number (nodes that are there, claims that are planned), for which sets of hosts
// that are ruled out are kept as counts grow; domains of other keys are values by name, for there are few.
//
// Mirrors kubernetes-sigs/karpenter:pkg/controllers/provisioning/scheduling/topologygroup.go, with ties broken by name,
// and minDomains part of a group's identity.
import { has, labelKeys, type Requirement } from '@plimsoll/model'
import type { PodSelector } from '../pod-class.ts'
import { HostSet } from './bits.ts'
import type { NodeFilter } from './node-filter.ts'

export type GroupKind = 'spread' | 'affinity' | 'antiAffinity'

export interface GroupTerms {
  readonly kind: GroupKind
  readonly key: string
  readonly selector: PodSelector
  /** Of spreading. */
  readonly maxSkew: number
  readonly minDomains: number
  /** Which nodes count; undefined: all. */
  readonly filter: NodeFilter | undefined
}

export class TopologyGroup implements GroupTerms {
  readonly kind: GroupKind
  readonly key: string
  readonly selector: PodSelector
  readonly maxSkew: number
  readonly minDomains: number
  readonly filter: NodeFilter | undefined
  readonly onHosts: boolean
  /** Among the groups of the pass. */
  number = 0
  /** Grows with every count. */
  version = 0
  /** Sorted; counts beside them. Not used for hostnames. */
  readonly domains: string[]
  readonly counts: number[]
  /** How many domains, hosts included, have a pod. */
  occupiedCount = 0
  readonly #hostCounts: number[] = []
  /** Hosts with a pod. */
  readonly occupied: HostSet = new HostSet()
  /** Of spreading: hosts that take no more pods, by whether the pod counts itself. */
  readonly full: readonly [HostSet, HostSet] = [new HostSet(), new HostSet()]
  /** Counted on nodes that are no hosts of this pass, by hostname. */
  readonly #elsewhere = new Map<string, number>()

  constructor(terms: GroupTerms, domains: readonly string[]) {
    this.kind = terms.kind
    this.key = terms.key
    this.selector = terms.selector
    this.maxSkew = terms.maxSkew
    this.minDomains = terms.minDomains
    this.filter = terms.filter
    this.onHosts = terms.key === labelKeys.hostname
    this.domains = this.onHosts ? [] : domains.toSorted()
    this.counts = this.domains.map(() => 0)
  }

  /** A domain that is there, whether or not it has pods. */
  open(domain: string): number {
    let low = 0
    let high = this.domains.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.domains[middle]! < domain) low = middle + 1
      else high = middle
    }
    if (this.domains[low] !== domain) {
      this.domains.splice(low, 0, domain)
      this.counts.splice(low, 0, 0)
      this.version++
    }
    return low
  }

  count(domain: string): void {
    const i = this.open(domain)
    if (this.counts[i]!++ === 0) this.occupiedCount++
    this.version++
  }

  countHost(host: number): void {
    const count = (this.#hostCounts[host] ?? 0) + 1
    while (this.#hostCounts.length < host) this.#hostCounts.push(0)
    this.#hostCounts[host] = count
    if (count === 1) {
      this.occupiedCount++
      this.occupied.add(host)
    }
    if (count > this.maxSkew) this.full[0].add(host)
    if (count + 1 > this.maxSkew) this.full[1].add(host)
    this.version++
  }

  countElsewhere(hostname: string): void {
    const count = this.#elsewhere.get(hostname) ?? 0
    if (count === 0) this.occupiedCount++
    this.#elsewhere.set(hostname, count + 1)
    this.version++
  }

  hostCount(host: number): number {
    return this.#hostCounts[host] ?? 0
  }

  /** By hostname, for messages: hosts by the names given. */
  hostCounts(nameOf: (host: number) => string): Map<string, number> {
    const counts = new Map(this.#elsewhere)
    this.#hostCounts.forEach((count, host) => {
      const name = nameOf(host)
      counts.set(name, (counts.get(name) ?? 0) + count)
    })
    return counts
  }

  /**
   * Seekers who find nobody may found a domain of their own, if they choose themselves: when no domain has pods, or none
   * that the pod itself may go to.
   */
  mayFound(allowed: Requirement | undefined, nameOf: (host: number) => string): boolean {
    if (this.occupiedCount === 0) return true
    if (allowed === undefined) return false
    for (let i = 0; i < this.domains.length; i++) {
      if (this.counts[i]! > 0 && has(allowed, this.domains[i]!)) return false
    }
    if (!this.onHosts) return true
    for (const [name, count] of this.hostCounts(nameOf)) if (count > 0 && has(allowed, name)) return false
    return true
  }

  /**
   * The domains, other than hosts, where one more such pod may go. `pod` is what the pod itself asks of the key, and
   * decides whose counts are compared; `node` what the node and everything on it ask.
   */
  openDomains(pod: Requirement | undefined, node: Requirement | undefined, choosesItself: boolean): string[] {
    const { domains, counts } = this
    const open: string[] = []
    if (this.kind === 'spread') {
      const most = this.maxSkew + this.#least(pod) - (choosesItself ? 1 : 0)
      for (let i = 0; i < domains.length; i++) {
        if (counts[i]! <= most && (node === undefined || has(node, domains[i]!))) open.push(domains[i]!)
      }
      return open
    }
    const sought = this.kind === 'affinity'
    for (let i = 0; i < domains.length; i++) {
      const domain = domains[i]!
      if (counts[i]! > 0 !== sought) continue
      if ((pod === undefined || has(pod, domain)) && (node === undefined || has(node, domain))) open.push(domain)
    }
    if (open.length > 0 || !sought || !choosesItself) return open
    if (!this.mayFound(pod, noName)) return open
    for (const domain of domains) {
      if ((pod === undefined || has(pod, domain)) && (node === undefined || has(node, domain))) return [domain]
    }
    return open
  }

  /** Of spreading: the open domain with the fewest pods, the first by name of equals. */
  emptiest(open: readonly string[]): string {
    let best = open[0]!
    let fewest = Infinity
    for (const domain of open) {
      const count = this.counts[this.domains.indexOf(domain)]!
      if (count < fewest) {
        fewest = count
        best = domain
      }
    }
    return best
  }

  /** The fewest pods in any domain that the pod itself may go to. */
  #least(pod: Requirement | undefined): number {
    let least = Infinity
    let eligible = 0
    for (let i = 0; i < this.domains.length; i++) {
      if (pod !== undefined && !has(pod, this.domains[i]!)) continue
      eligible++
      if (this.counts[i]! < least) least = this.counts[i]!
    }
    return eligible < this.minDomains ? 0 : least
  }
}

function noName(): string {
  return ''
}
