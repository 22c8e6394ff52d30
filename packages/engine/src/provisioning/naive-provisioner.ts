// The packer's rules said as simply as can be, for tests to hold the packer against: one pod at a time, every host asked
// anew, every count taken from the list of what landed where. No numbers for names, no caches, no classes.
import {
  compatible,
  coreLabels,
  has,
  intersects,
  labelKeys,
  labelRequirementMatches,
  podRequirements,
  requirement,
  Requirements,
  withMinValues,
  type InstanceType,
  type Labels,
  type Offering,
  type Pod,
  type Requirement,
  type Taint,
  type Toleration,
} from '@plimsoll/model'
import { portsCollide, type HostPort } from '../host-ports.ts'
import { classOf, type PodSelector } from '../pod-class.ts'
import { toleratesTaint } from '../toleration.ts'
import { allocatableOf } from './dimensions.ts'
import type { ProvisioningInput, ProvisioningNode, ProvisioningPool } from './input.ts'
import { relax, toleratingPreferNoSchedule, withoutRequiredTerm } from './relaxation.ts'

type Amounts = Map<string, number>

interface Template {
  readonly pool: ProvisioningPool
  readonly requirements: Requirements
  readonly types: readonly InstanceType[]
  readonly groups: readonly { types: InstanceType[]; overhead: Amounts; ports: readonly HostPort[] }[]
}

interface NaiveClaim {
  readonly template: Template
  readonly hostname: string
  readonly pods: Pod[]
  readonly ports: HostPort[]
  requests: Amounts
  requirements: Requirements
  types: readonly InstanceType[]
  reservations: ReadonlySet<string>
  relaxed: boolean
}

interface NaiveNode {
  readonly entry: ProvisioningNode
  readonly hostname: string
  readonly taints: readonly Taint[]
  readonly requirements: Requirements
  readonly pods: Pod[]
  readonly ports: HostPort[]
  readonly room: Amounts
}

/** A pod somewhere, and what was known of the place when it came. */
interface Landed {
  readonly pod: Pod
  /** What it demands of others: kept whole while wishes are dropped. */
  readonly requirements: Requirements
  readonly taints: readonly Taint[]
}

interface Group {
  readonly kind: 'spread' | 'affinity' | 'antiAffinity' | 'shunned'
  readonly key: string
  readonly selector: PodSelector
  readonly maxSkew: number
  readonly minDomains: number
  readonly honorsAffinity: boolean
  readonly honorsTaints: boolean
}

export interface NaiveResult {
  readonly claims: readonly {
    readonly pool: string
    readonly pods: readonly string[]
    readonly types: readonly string[]
    readonly requirements: string
    readonly relaxed: boolean
    readonly reservations: readonly string[]
  }[]
  readonly placed: { readonly [node: string]: readonly string[] }
  readonly unplaced: readonly string[]
}

export function provisionNaively(input: ProvisioningInput): NaiveResult {
  return new Naive(input).run()
}

class Naive {
  readonly #input: ProvisioningInput
  readonly #templates: readonly Template[]
  readonly #nodes: readonly NaiveNode[]
  readonly #claims: NaiveClaim[] = []
  readonly #landed: Landed[] = []
  /** Pods that were there before; they shun, but are counted by their node's labels. */
  readonly #limits = new Map<string, Amounts>()
  readonly #reserved = new Map<string, number>()
  readonly #registry
  /** Offerings that would have done when types were last filtered. */
  readonly #suiting = new Set<Offering>()

  constructor(input: ProvisioningInput) {
    this.#input = input
    this.#registry = input.registry ?? coreLabels
    const pools = input.pools.toSorted((a, b) => (b.weight ?? 0) - (a.weight ?? 0) || (a.name < b.name ? 1 : -1))
    for (const pool of pools) {
      if (pool.limits !== undefined) this.#limits.set(pool.name, amountsOf(pool.limits))
      for (const type of pool.instanceTypes) {
        for (const offering of type.offerings) {
          const id = this.#reservationOf(offering)
          if (id === undefined) continue
          const capacity = offering.reservationCapacity ?? 0
          this.#reserved.set(id, Math.min(capacity, this.#reserved.get(id) ?? capacity))
        }
      }
    }
    this.#templates = pools.map((pool) => this.#template(pool)).filter((one) => one.types.length > 0)
    const nodes = (input.nodes ?? []).filter((entry) => entry.open !== false)
    nodes.sort(
      (a, b) => Number(b.initialized) - Number(a.initialized) || (a.node.metadata.name < b.node.metadata.name ? -1 : 1),
    )
    this.#nodes = nodes.map((entry) => this.#node(entry))
    for (const entry of input.nodes ?? []) {
      for (const pod of entry.pods)
        if (this.#stays(pod))
          this.#landed.push({
            pod,
            requirements: named(this.#labelsOf(entry), hostnameOf(entry)),
            taints: entry.node.spec.taints ?? [],
          })
    }
  }

  run(): NaiveResult {
    const queue = this.#input.pods.toSorted((a, b) => {
      const x = classOf(a).requests
      const y = classOf(b).requests
      return (
        y.milliCpu - x.milliCpu ||
        y.memory - x.memory ||
        compare(a.metadata.creationTimestamp ?? '', b.metadata.creationTimestamp ?? '') ||
        compare(a.metadata.uid ?? '', b.metadata.uid ?? '')
      )
    })
    const lengths = new Map<Pod, number>()
    const kinds = new Map<Pod, string>()
    while (queue.length > 0 && lengths.get(queue[0]!) !== queue.length) {
      const pod = queue.shift()!
      const outcome = this.#try(pod)
      if (outcome === 'placed') continue
      kinds.set(pod, outcome)
      queue.push(pod)
      lengths.set(pod, queue.length)
    }
    const placed: { [node: string]: readonly string[] } = {}
    for (const node of this.#nodes) {
      if (node.pods.length > 0) placed[node.entry.node.metadata.name] = node.pods.map((pod) => pod.metadata.name)
    }
    const unplaced = queue.map((pod) => `${pod.metadata.name} ${kinds.get(pod)}`)
    const claims = []
    for (const claim of this.#claims) {
      let requirements = claim.requirements.without(labelKeys.hostname)
      if (claim.reservations.size > 0) {
        requirements = requirements
          .with(requirement(labelKeys.capacityType, 'In', ['reserved']))
          .and([requirement(this.#input.reserved!.label, 'In', [...claim.reservations])])
      }
      const price = (type: InstanceType): number =>
        Math.min(
          Number.MAX_VALUE,
          ...type.offerings.filter((one) => one.available && this.#allows(requirements, one)).map((one) => one.price),
        )
      const types = claim.types
        .toSorted((a, b) => price(a) - price(b) || compare(a.name, b.name))
        .slice(0, this.#input.instanceTypesMax ?? 600)
      if (this.#input.minValues !== 'BestEffort' && this.#lacking(requirements, types).length > 0) {
        for (const pod of claim.pods) unplaced.push(`${pod.metadata.name} minValues`)
        continue
      }
      claims.push({
        pool: claim.template.pool.name,
        pods: claim.pods.map((pod) => pod.metadata.name),
        types: types.map((type) => type.name),
        requirements: requirements.text(),
        relaxed: claim.relaxed,
        reservations: [...claim.reservations].sort(),
      })
    }
    return { claims, placed, unplaced }
  }

  #try(first: Pod): 'placed' | 'unschedulable' | 'reserved' {
    const softens = this.#input.pools.some((pool) => pool.taints?.some((taint) => taint.effect === 'PreferNoSchedule'))
    for (let form: Pod | undefined = first; form !== undefined; form = relax(form, softens)) {
      const outcome = this.#add(first, form)
      if (outcome !== 'unschedulable') return outcome
    }
    return 'unschedulable'
  }

  #add(pod: Pod, form: Pod): 'placed' | 'unschedulable' | 'reserved' {
    const anywhere = pod.status?.phase === 'Pending' || this.#input.leaving?.has(pod.spec.nodeName ?? '') === true
    for (const node of this.#nodes) {
      if (node.entry.settling === true && !anywhere) continue
      if (this.#addToNode(node, pod, form)) return 'placed'
    }
    for (const claim of this.#claims.toSorted((a, b) => a.pods.length - b.pods.length)) {
      if (this.#addToClaim(claim, pod, form, false) === 'placed') return 'placed'
    }
    for (const template of this.#templates) {
      const { name } = template.pool
      const limits = this.#limits.get(name)
      if (limits?.get('nodes') === 0) continue
      const types = template.types.filter((type) => {
        const capacity = amountsOf(type.capacity)
        return limits === undefined || [...limits].every(([key, left]) => (capacity.get(key) ?? 0) <= left)
      })
      const claim: NaiveClaim = {
        template,
        hostname: `hostname-placeholder-${String(this.#claims.length + 1).padStart(4, '0')}`,
        pods: [],
        ports: [],
        requests: new Map(),
        requirements: template.requirements,
        types,
        reservations: new Set(),
        relaxed: false,
      }
      claim.requirements = named(claim.requirements, claim.hostname)
      const outcome = this.#addToClaim(claim, pod, form, true)
      if (outcome === 'reserved') return 'reserved'
      if (outcome === 'unschedulable') continue
      this.#claims.push(claim)
      for (const key of limits?.keys() ?? []) {
        const most = Math.max(0, ...claim.types.map((type) => amountsOf(type.capacity).get(key) ?? 0))
        limits!.set(key, limits!.get(key)! - (key === 'nodes' ? 1 : most))
      }
      return 'placed'
    }
    return 'unschedulable'
  }

  #addToNode(node: NaiveNode, pod: Pod, form: Pod): boolean {
    if (!tolerates(form.spec.tolerations, node.taints)) return false
    const { ports, requests: _, claims } = classOf(form)
    if (claims.length > 0 && this.#input.attaches?.(pod, node.entry, node.pods) === false) return false
    if (portsCollide(node.ports, ports)) return false
    if ([...node.room.values()].some((left) => left < 0)) return false
    if (!fits(requestsOf(form), node.room)) return false
    if (compatible(node.requirements, this.#asked(form)) !== undefined) return false
    const alternatives = this.#alternatives(form)
    if (!alternatives.some((one) => compatible(node.requirements, one) === undefined)) return false
    const narrowed = this.#heed(pod, form, node.requirements)
    if (narrowed === undefined || compatible(node.requirements, narrowed) !== undefined) return false
    node.pods.push(pod)
    node.ports.push(...ports)
    subtract(node.room, requestsOf(form))
    this.#landed.push({ pod, requirements: node.requirements, taints: node.taints })
    return true
  }

  #addToClaim(claim: NaiveClaim, pod: Pod, form: Pod, fresh: boolean): 'placed' | 'unschedulable' | 'reserved' {
    const taints = claim.template.pool.taints ?? []
    if (!tolerates(form.spec.tolerations, taints)) return 'unschedulable'
    if (this.#incompatible(claim.requirements, this.#asked(form))) return 'unschedulable'
    const base = claim.requirements.and(this.#asked(form))
    let outcome: 'unschedulable' | 'reserved' = 'unschedulable'
    for (const one of this.#alternatives(form)) {
      outcome = 'unschedulable'
      if (this.#incompatible(base, one)) continue
      const wanted = base.and(one)
      const narrowed = this.#heed(pod, form, wanted)
      if (narrowed === undefined || this.#incompatible(wanted, narrowed)) continue
      let requirements = wanted.and(narrowed)
      const requests = new Map(claim.requests)
      subtract(requests, requestsOf(form), -1)
      const types = this.#filter(claim, form, requirements, requests)
      if (types.length === 0) continue
      const lacking = this.#lacking(requirements, types)
      if (lacking.length > 0 && !(fresh && this.#input.minValues === 'BestEffort')) continue
      for (const [key, count] of lacking) requirements = requirements.with(withMinValues(requirements.get(key), count))
      const reservations = this.#reservable(claim, types, requirements)
      if (reservations === undefined) {
        outcome = 'reserved'
        continue
      }
      for (const id of claim.reservations)
        if (!reservations.has(id)) this.#reserved.set(id, this.#reserved.get(id)! + 1)
      for (const id of reservations)
        if (!claim.reservations.has(id)) this.#reserved.set(id, this.#reserved.get(id)! - 1)
      claim.reservations = reservations
      if (fresh) claim.relaxed = lacking.length > 0
      claim.requirements = requirements
      claim.requests = requests
      claim.types = types
      claim.pods.push(pod)
      claim.ports.push(...classOf(form).ports)
      this.#landed.push({ pod, requirements, taints })
      return 'placed'
    }
    return outcome
  }

  #filter(claim: NaiveClaim, form: Pod, requirements: Requirements, requests: Amounts): InstanceType[] {
    const { ports } = classOf(form)
    if (portsCollide(claim.ports, ports)) return []
    const remaining = new Set<InstanceType>()
    this.#suiting.clear()
    for (const group of claim.template.groups) {
      if (portsCollide(group.ports, ports)) continue
      const total = new Map(requests)
      subtract(total, group.overhead, -1)
      for (const type of group.types) {
        if (!claim.types.includes(type) || intersects(type.requirements, requirements) !== undefined) continue
        const suits = type.offerings.filter((offering) => {
          if (!offering.available || !this.#allows(requirements, offering)) return false
          const room = amountsOf(allocatableOf(type, offering))
          return [...room.values()].every((left) => left >= 0) && fits(total, room)
        })
        if (suits.length === 0) continue
        remaining.add(type)
        for (const one of suits) this.#suiting.add(one)
      }
    }
    return claim.types.filter((type) => remaining.has(type))
  }

  #reservable(
    claim: NaiveClaim,
    types: readonly InstanceType[],
    requirements: Requirements,
  ): ReadonlySet<string> | undefined {
    const ids = new Set<string>()
    if (this.#input.reserved === undefined) return ids
    let some = false
    for (const type of types) {
      for (const offering of type.offerings) {
        const id = this.#reservationOf(offering)
        if (id === undefined || !this.#suiting.has(offering) || !this.#allows(requirements, offering)) continue
        some = true
        if (claim.reservations.has(id) || this.#reserved.get(id)! > 0) ids.add(id)
      }
    }
    const strict = this.#input.reserved.mode === 'Strict'
    return strict && ids.size === 0 && (some || claim.reservations.size > 0) ? undefined : ids
  }

  #reservationOf(offering: Offering): string | undefined {
    if (this.#input.reserved === undefined) return undefined
    if (offering.requirements.find(labelKeys.capacityType)?.values[0] !== 'reserved') return undefined
    return offering.requirements.find(this.#input.reserved.label)?.values[0]
  }

  #lacking(requirements: Requirements, types: readonly InstanceType[]): [string, number][] {
    const lacking: [string, number][] = []
    for (const { key, minValues } of requirements) {
      const values = new Set(types.flatMap((type) => type.requirements.find(key)?.values ?? []))
      if (minValues !== undefined && values.size < minValues) lacking.push([key, values.size])
    }
    return lacking
  }

  #incompatible(existing: Requirements, incoming: Requirements): boolean {
    return compatible(existing, incoming, this.#registry.wellKnown) !== undefined
  }

  #allows(requirements: Requirements, offering: Offering): boolean {
    return !this.#incompatible(requirements, offering.requirements)
  }

  #asked(form: Pod): Requirements {
    return podRequirements(form, this.#input.preferences === 'Ignore' ? 'strict' : 'all', this.#registry)
  }

  #alternatives(form: Pod): readonly Requirements[] {
    if (classOf(form).claims.length === 0) return [Requirements.none]
    const found = this.#input.volumeAlternatives?.(form) ?? []
    return found.length === 0 ? [Requirements.none] : found
  }

  /** What the topologies add; undefined: no domain is open. */
  #heed(pod: Pod, form: Pod, node: Requirements): Requirements | undefined {
    const strict = podRequirements(form, 'strict', this.#registry)
    const byKey = new Map<string, Group[]>()
    for (const group of this.#groupsOf(pod, form)) byKey.set(group.key, [...(byKey.get(group.key) ?? []), group])
    let result = Requirements.none
    for (const [key, groups] of byKey) {
      let open: string[] | undefined
      for (const group of groups) {
        const own = this.#open(group, form, strict.find(key), node.find(key))
        open = open === undefined ? own : open.filter((domain) => own.includes(domain))
      }
      if (open!.length === 0) return undefined
      const spread = groups.find((group) => group.kind === 'spread')
      if (spread !== undefined && key !== labelKeys.hostname) {
        const { counts } = this.#counts(spread, form)
        const fewest = Math.min(...open!.map((domain) => counts.get(domain) ?? 0))
        open = [open!.toSorted().find((domain) => (counts.get(domain) ?? 0) === fewest)!]
      }
      result = result.and([requirement(key, 'In', open)])
    }
    return result
  }

  /** The pod's own groups, then those of pods that shun it. */
  #groupsOf(pod: Pod, form: Pod): Group[] {
    const one = classOf(form)
    const respects = this.#input.preferences !== 'Ignore'
    const spread = respects ? [...one.spread, ...one.softSpread] : one.spread
    const affinity = respects ? [...one.affinity, ...one.softAffinity] : one.affinity
    const anti = respects ? [...one.antiAffinity, ...one.softAntiAffinity] : one.antiAffinity
    const whole = { maxSkew: 1, minDomains: 1, honorsAffinity: false, honorsTaints: false }
    const groups: Group[] = [
      ...spread.map((each) => ({ ...each, kind: 'spread' as const, key: each.topologyKey })),
      ...affinity.map((each) => ({ ...whole, ...each, kind: 'affinity' as const, key: each.topologyKey })),
      ...anti.map((each) => ({ ...whole, ...each, kind: 'antiAffinity' as const, key: each.topologyKey })),
    ]
    for (const other of [...this.#input.pods, ...this.#landed.map((one) => one.pod)]) {
      for (const each of classOf(other).antiAffinity) {
        if (!this.#chooses(each.selector, pod)) continue
        groups.push({ ...whole, ...each, kind: 'shunned', key: each.topologyKey })
      }
    }
    return groups
  }

  #open(group: Group, form: Pod, pod: Requirement | undefined, node: Requirement | undefined): string[] {
    const { counts, domains } = this.#counts(group, form)
    const itself = this.#chooses(group.selector, form)
    const suits = (one: Requirement | undefined, domain: string): boolean => one === undefined || has(one, domain)
    const onHost = group.key === labelKeys.hostname
    const candidates = onHost ? [...node!.values] : [...domains].sort()
    const count = (domain: string): number => counts.get(domain) ?? 0
    switch (group.kind) {
      case 'spread': {
        const eligible = [...domains].filter((domain) => suits(pod, domain))
        const least = onHost || eligible.length < group.minDomains ? 0 : Math.min(...eligible.map(count))
        return candidates.filter(
          (domain) => suits(node, domain) && count(domain) + (itself ? 1 : 0) - least <= group.maxSkew,
        )
      }
      case 'affinity': {
        const possible = candidates.filter((domain) => suits(pod, domain) && suits(node, domain))
        const peopled = possible.filter((domain) => count(domain) > 0)
        if (peopled.length > 0 || !itself) return peopled
        const elsewhere = [...counts].some(([domain, pods]) => pods > 0 && suits(pod, domain))
        return elsewhere ? [] : possible.slice(0, 1)
      }
      case 'antiAffinity':
      case 'shunned':
        // On hosts only the count matters: whether the pod suits the host was asked before.
        return candidates.filter(
          (domain) => count(domain) === 0 && suits(node, domain) && (onHost || suits(pod, domain)),
        )
    }
  }

  /** How many chosen pods are in each domain, and which domains there are. */
  #counts(group: Group, form: Pod): { counts: Map<string, number>; domains: Set<string> } {
    const counts = new Map<string, number>()
    const domains = this.#universe(group, form)
    const filter = this.#filterOf(group, form)
    for (const node of this.#nodes) {
      if (node.entry.registered === false) continue
      const domain = node.entry.node.metadata.labels?.[group.key]
      const taints = node.entry.node.spec.taints ?? []
      if (domain !== undefined && filter(taints, node.requirements)) domains.add(domain)
    }
    for (const { pod, requirements, taints } of this.#landed) {
      if (group.kind === 'shunned') {
        if (
          !classOf(pod).antiAffinity.some(
            (one) => one.topologyKey === group.key && one.selector.key === group.selector.key,
          )
        )
          continue
      } else {
        if (!this.#chooses(group.selector, pod) || !filter(taints, requirements)) continue
        if (pod.metadata.deletionTimestamp !== undefined) continue
      }
      const at = requirements.find(group.key)
      if (at === undefined || at.complement) continue
      if (at.values.length !== 1 && (group.kind === 'spread' || group.kind === 'affinity')) continue
      for (const domain of at.values) {
        counts.set(domain, (counts.get(domain) ?? 0) + 1)
        domains.add(domain)
      }
    }
    return { counts, domains }
  }

  #universe(group: Group, form: Pod): Set<string> {
    const domains = new Set<string>()
    const all = group.kind === 'shunned' || (group.kind === 'spread' && !group.honorsTaints)
    for (const pool of this.#input.pools) {
      if (!all && !tolerates(classOf(form).tolerations, pool.taints ?? [])) continue
      const own = pool.requirements.and(Requirements.fromLabels(pool.labels, this.#registry))
      for (const set of [own, ...pool.instanceTypes.map((type) => own.and(type.requirements))]) {
        const one = set.find(group.key)
        if (one !== undefined && !one.complement) for (const value of one.values) domains.add(value)
      }
    }
    return domains
  }

  #filterOf(group: Group, form: Pod): (taints: readonly Taint[], node: Requirements) => boolean {
    const selector = Requirements.fromLabels(form.spec.nodeSelector, this.#registry)
    const terms = form.spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms
    const alternatives =
      terms === undefined
        ? [selector]
        : terms.map((term) =>
            selector.and(Requirements.fromNodeSelectorRequirements(term.matchExpressions, this.#registry)),
          )
    return (taints, node) =>
      group.kind !== 'spread' ||
      ((!group.honorsTaints || tolerates(form.spec.tolerations, taints)) &&
        (!group.honorsAffinity || alternatives.some((one) => compatible(node, one) === undefined)))
  }

  #chooses(selector: PodSelector, pod: Pod): boolean {
    const { namespace, labels } = pod.metadata
    if (selector.namespaces !== undefined && !selector.namespaces.has(namespace)) {
      const of: Labels | undefined = this.#input.namespaces?.get(namespace)
      if (of === undefined || selector.namespaceSelector?.every((one) => labelRequirementMatches(one, of)) !== true) {
        return false
      }
    }
    return selector.labels.every((one) => labelRequirementMatches(one, labels))
  }

  #template(pool: ProvisioningPool): Template {
    const requirements = pool.requirements
      .and(Requirements.fromLabels({ ...pool.labels, [labelKeys.nodePool]: pool.name }, this.#registry))
      .and(['karpenter.sh/registered', 'karpenter.sh/initialized'].map((key) => requirement(key, 'In', ['true'])))
    let types = pool.instanceTypes.filter(
      (type) =>
        intersects(type.requirements, requirements) === undefined &&
        type.offerings.some(
          (one) =>
            one.available &&
            this.#allows(requirements, one) &&
            [...amountsOf(allocatableOf(type, one)).values()].every((left) => left >= 0),
        ),
    )
    if (this.#input.minValues !== 'BestEffort' && this.#lacking(requirements, types).length > 0) types = []
    const groups = types.map((type) => {
      const daemons = (this.#input.daemons ?? []).filter((pod) => this.#comesAlong(pod, pool, requirements, type))
      const overhead: Amounts = new Map()
      for (const daemon of daemons) subtract(overhead, requestsOf(daemon), -1)
      return { types: [type], overhead, ports: daemons.flatMap((daemon) => classOf(daemon).ports) }
    })
    return { pool, requirements, types, groups }
  }

  #comesAlong(daemon: Pod, pool: ProvisioningPool, template: Requirements, type: InstanceType): boolean {
    let pod: Pod | undefined = toleratingPreferNoSchedule(daemon) ?? daemon
    if (!tolerates(pod.spec.tolerations, pool.taints ?? [])) return false
    for (; pod !== undefined; pod = withoutRequiredTerm(pod)) {
      const asked = podRequirements(pod, 'strict', this.#registry)
      if (!this.#incompatible(template, asked) && intersects(type.requirements, asked) === undefined) return true
    }
    return false
  }

  #labelsOf(entry: ProvisioningNode): Requirements {
    return Requirements.fromLabels(entry.node.metadata.labels, this.#registry)
  }

  #node(entry: ProvisioningNode): NaiveNode {
    const requirements = named(this.#labelsOf(entry), hostnameOf(entry))
    const taints = entry.taints ?? entry.node.spec.taints ?? []
    const room = amountsOf(entry.allocatable ?? entry.node.status?.allocatable ?? {})
    const owed: Amounts = new Map()
    for (const daemon of this.#input.daemons ?? []) {
      if (!tolerates(daemon.spec.tolerations, taints)) continue
      if (compatible(requirements, podRequirements(daemon, 'strict', this.#registry)) !== undefined) continue
      subtract(owed, requestsOf(daemon), -1)
    }
    const pods = entry.pods.filter((pod) => this.#stays(pod))
    for (const pod of pods) {
      subtract(room, requestsOf(pod))
      const ofDaemonSet = pod.metadata.ownerReferences?.some((owner) => owner.kind === 'DaemonSet') === true
      if (ofDaemonSet) subtract(owed, requestsOf(pod))
    }
    for (const [key, amount] of owed) if (amount > 0) room.set(key, (room.get(key) ?? 0) - amount)
    const offered = entry.allocatable ?? entry.node.status?.allocatable ?? {}
    for (const key of room.keys()) if (offered[key] === undefined) room.delete(key)
    const limits = this.#limits.get(entry.pool ?? '')
    if (limits !== undefined) {
      const capacity = amountsOf(entry.capacity ?? entry.node.status?.capacity ?? {})
      for (const [key, left] of limits) limits.set(key, left - (key === 'nodes' ? 1 : (capacity.get(key) ?? 0)))
    }
    return {
      entry,
      hostname: hostnameOf(entry),
      taints,
      requirements,
      pods: [],
      ports: pods.flatMap((pod) => classOf(pod).ports),
      room,
    }
  }

  #stays(pod: Pod): boolean {
    const done = pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed'
    return !done && !this.#input.pods.some((one) => one.metadata.uid === pod.metadata.uid)
  }
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

function hostnameOf({ node }: ProvisioningNode): string {
  return node.metadata.labels?.[labelKeys.hostname] ?? node.metadata.name
}

function named(requirements: Requirements, hostname: string): Requirements {
  return requirements.with(requirement(labelKeys.hostname, 'In', [hostname]))
}

function tolerates(tolerations: readonly Toleration[] | undefined, taints: readonly Taint[]): boolean {
  return taints.every((taint) => toleratesTaint(tolerations, taint, { comparisons: true }))
}

/** Test inputs use whole numbers, thousandths of CPU and Mi, which doubles add exactly. */
function amountsOf(list: { readonly [resource: string]: string | number }): Amounts {
  return new Map(Object.entries(list).map(([name, text]) => [name, amount(name, String(text))]))
}

function amount(name: string, text: string): number {
  const factor = text.endsWith('m') ? 0.001 : text.endsWith('Mi') ? 2 ** 20 : text.endsWith('Gi') ? 2 ** 30 : 1
  const value = Number.parseFloat(text) * factor
  return name === 'cpu' ? Math.round(value * 1000) : value
}

function requestsOf(pod: Pod): Amounts {
  const result: Amounts = new Map([['pods', 1]])
  for (const container of pod.spec.containers) subtract(result, amountsOf(container.resources?.requests ?? {}), -1)
  return result
}

function subtract(from: Amounts, what: Amounts, sign: 1 | -1 = 1): void {
  for (const [name, value] of what) from.set(name, (from.get(name) ?? 0) - sign * value)
}

function fits(wanted: Amounts, room: Amounts): boolean {
  return [...wanted].every(([name, value]) => value <= (room.get(name) ?? 0))
}
