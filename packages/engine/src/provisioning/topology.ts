// All topology groups of a pass, which pods they bind and which they count.
//
// Groups are made before the first pod is placed, for everything a pod may come to ask while it gives up its wishes, so
// that each of them counts every pod of the pass (upstream makes them as they come up, and misses those placed before).
//
// Mirrors kubernetes-sigs/karpenter:pkg/controllers/provisioning/scheduling/topology.go and topologydomaingroup.go.
import {
  labelKeys,
  labelRequirementMatches,
  type Labels,
  own,
  type Pod,
  type Requirement,
  Requirements,
  type Taint,
} from '@plimsoll/model'
import { classOf, type AffinityTerm, type PodClass, type PodSelector, type SpreadConstraint } from '../pod-class.ts'
import type { HostSet } from './bits.ts'
import type { ProvisioningNode, ProvisioningPool } from './input.ts'
import { NodeFilter } from './node-filter.ts'
import type { RequirementSets } from './requirement-sets.ts'
import { noTaints, toleratesAll } from './taints.ts'
import { GroupTable } from './group-table.ts'
import { TopologyGroup } from './topology-group.ts'

/** Pods that no selector can tell apart. */
interface Population {
  /** Groups that count such a pod wherever it lands. */
  readonly counting: readonly TopologyGroup[]
  /** Groups of pods that shun such a pod. */
  readonly shunning: readonly TopologyGroup[]
  /** By what its pods ask. */
  readonly bound: Map<string, PodTopology>
}

/** What the topologies ask of a pod in one of its forms. */
export interface PodTopology {
  /** Groups by key, but for the hostname; the pod's own first. */
  readonly byKey: readonly { readonly key: string; readonly rules: readonly Rule[] }[]
  /** Hosts that are ruled out; the sets grow. */
  readonly ruledOut: readonly HostSet[]
  /** Seeks company on its host. */
  readonly seeking: readonly Rule[]
  /** Where it lands, pods that it shuns must not come. */
  readonly shuns: readonly TopologyGroup[]
  readonly counting: readonly TopologyGroup[]
  /** Set of a host → set once the topologies are heeded; for one state of the counts. */
  readonly narrowed: Map<number, number>
  narrowedAt: number
}

export interface Rule {
  readonly group: TopologyGroup
  readonly choosesItself: boolean
}

/** A pod placed: who it is and where. */
export interface Landing {
  readonly host: number
  readonly hostname: string
  readonly taints: readonly Taint[]
  /** What the node asks for now. */
  readonly set: number
}

/** Domains that nodes of the pools could be in, each with the taints to be tolerated on the way. */
type Universe = ReadonlyMap<string, readonly (readonly Taint[])[]>

export class Topology {
  readonly #sets: RequirementSets
  readonly #pools: readonly ProvisioningPool[]
  readonly #namespaces: ReadonlyMap<string, Labels>
  readonly #respects: boolean
  readonly #tainted: boolean
  readonly #groups = new GroupTable()
  /** Of pods that shun others: where they are, for those others. */
  readonly #shunning = new GroupTable()
  readonly #filters = new Map<string, NodeFilter>()
  readonly #universes = new Map<string, Universe>()
  readonly #populations = new Map<string, Population>()
  readonly #nodes: readonly ProvisioningNode[]

  constructor(
    sets: RequirementSets,
    o: {
      readonly pools: readonly ProvisioningPool[]
      readonly nodes: readonly ProvisioningNode[]
      readonly namespaces: ReadonlyMap<string, Labels>
      readonly respects: boolean
    },
  ) {
    this.#sets = sets
    this.#pools = o.pools
    this.#nodes = o.nodes
    this.#namespaces = o.namespaces
    this.#respects = o.respects
    this.#tainted = o.pools.some((pool) => (pool.taints?.length ?? 0) > 0)
  }

  /** The groups that bind the pod; made where they are not there yet. */
  register(pod: PodClass): readonly TopologyGroup[] {
    const { spread, softSpread, affinity, softAffinity, antiAffinity, softAntiAffinity } = pod
    if (
      spread.length + softSpread.length + affinity.length + softAffinity.length === 0 &&
      antiAffinity.length + softAntiAffinity.length === 0
    ) {
      return noGroups
    }
    const found: TopologyGroup[] = []
    const add = (group: TopologyGroup): void => {
      if (!found.includes(group)) found.push(group)
    }
    for (const one of spread) add(this.#spreadGroup(pod, one))
    if (this.#respects) for (const one of softSpread) add(this.#spreadGroup(pod, one))
    for (const one of affinity) add(this.#termGroup(pod, 'affinity', one))
    if (this.#respects) for (const one of softAffinity) add(this.#termGroup(pod, 'affinity', one))
    for (const one of antiAffinity) add(this.#termGroup(pod, 'antiAffinity', one))
    if (this.#respects) for (const one of softAntiAffinity) add(this.#termGroup(pod, 'antiAffinity', one))
    this.registerShunned(pod)
    return found
  }

  #spreadGroup(pod: PodClass, one: SpreadConstraint): TopologyGroup {
    const { topologyKey: key, selector, maxSkew, minDomains, honorsAffinity, honorsTaints } = one
    const nodes = `${honorsAffinity ? pod.nodeAffinityKey : '-'}\n${honorsTaints ? pod.tolerationKey : '-'}`
    return this.#group(this.#groups, `spread\n${key}\n${maxSkew} ${minDomains}\n${nodes}\n${selector.key}`, () => {
      const filter = this.#filter(pod, { affinity: honorsAffinity, taints: honorsTaints })
      const domains = this.#domains(key, honorsTaints ? pod : undefined)
      return new TopologyGroup({ kind: 'spread', key, selector, maxSkew, minDomains, filter }, domains)
    })
  }

  #termGroup(
    pod: PodClass,
    kind: 'affinity' | 'antiAffinity',
    { topologyKey: key, selector }: AffinityTerm,
  ): TopologyGroup {
    return this.#group(
      this.#groups,
      `${kind}\n${key}\n${this.#reach(pod)}\n${selector.key}`,
      () => new TopologyGroup({ ...whole, kind, key, selector }, this.#domains(key, pod)),
    )
  }

  /**
   * Everything the groups ask of a pod of the class, shared by all of whom the same is asked. To be called when all groups
   * are registered.
   */
  bind(pod: PodClass, own: readonly TopologyGroup[], strict: number): PodTopology {
    let key = `${strict}`
    for (const group of own) key += ` ${group.number}`
    const population = this.population(pod)
    let found = population.bound.get(key)
    if (found === undefined) {
      found = this.#bind(pod, own, population)
      population.bound.set(key, found)
    }
    return found
  }

  #bind(pod: PodClass, own: readonly TopologyGroup[], { counting, shunning }: Population): PodTopology {
    const rules: readonly Rule[] = [
      ...own.map((group) => ({ group, choosesItself: this.#chooses(group.selector, pod) })),
      ...shunning.map((group) => ({ group, choosesItself: false })),
    ]
    const byKey = new Map<string, Rule[]>()
    const ruledOut: HostSet[] = []
    const seeking: Rule[] = []
    for (const rule of rules) {
      const { group, choosesItself } = rule
      if (!group.onHosts) {
        const list = byKey.get(group.key)
        if (list === undefined) byKey.set(group.key, [rule])
        else list.push(rule)
      } else if (group.kind === 'affinity') {
        seeking.push(rule)
      } else {
        ruledOut.push(group.kind === 'spread' ? group.full[choosesItself ? 1 : 0] : group.occupied)
      }
    }
    return {
      byKey: [...byKey].map(([key, list]) => ({ key, rules: list })),
      ruledOut,
      seeking,
      shuns: [...new Set(pod.antiAffinity.map((one) => this.#shunningGroup(one)))],
      counting,
      narrowed: new Map(),
      narrowedAt: -1,
    }
  }

  population(pod: PodClass): Population {
    let found = this.#populations.get(pod.populationKey)
    if (found === undefined) {
      found = {
        counting: this.#choosing(this.#groups, pod),
        shunning: this.#choosing(this.#shunning, pod),
        bound: new Map(),
      }
      this.#populations.set(pod.populationKey, found)
    }
    return found
  }

  /** The groups whose selector chooses the pod, in the order in which they were made. */
  #choosing(groups: GroupTable, pod: PodClass): readonly TopologyGroup[] {
    return groups.near(pod.labels).filter((group) => this.#chooses(group.selector, pod))
  }

  /**
   * Registers what the pod shuns, for those it shuns: they keep off the domains it is in, and until it is somewhere they
   * say where they may be.
   */
  registerShunned(pod: PodClass): void {
    for (const one of pod.antiAffinity) this.#shunningGroup(one)
  }

  #shunningGroup({ topologyKey: key, selector }: AffinityTerm): TopologyGroup {
    return this.#group(
      this.#shunning,
      `${key}\n${selector.key}`,
      () => new TopologyGroup({ ...whole, kind: 'antiAffinity', key, selector }, this.#domains(key, undefined)),
    )
  }

  /** The keys whose domains are counted. */
  keys(): readonly string[] {
    return [...this.#groups.values(), ...this.#shunning.values()].map((group) => group.key)
  }

  get isEmpty(): boolean {
    return this.#groups.size + this.#shunning.size === 0
  }

  /** Once the pod is placed: counts it in every group that is concerned. */
  land(pod: PodTopology, at: Landing): void {
    for (const group of pod.counting) this.#count(group, at)
    for (const group of pod.shuns) {
      if (group.onHosts) group.countHost(at.host)
      else for (const domain of valuesOf(this.#sets, at.set, group.key)) group.count(domain)
    }
  }

  #count(group: TopologyGroup, at: Landing): void {
    if (group.filter !== undefined && !group.filter.matches(at.taints, at.set, at.hostname)) return
    if (group.onHosts) {
      group.countHost(at.host)
      return
    }
    const domains = valuesOf(this.#sets, at.set, group.key)
    // Who shuns must keep off wherever the pod may end up; others count what is certain.
    if (group.kind === 'antiAffinity' || domains.length === 1) for (const domain of domains) group.count(domain)
  }

  /** Counts the pods that are there. `hostOf` is -1 for nodes that take no pods of this pass. */
  countPresent(o: {
    readonly placing: ReadonlySet<string>
    readonly setOf: (node: ProvisioningNode) => number
    readonly hostOf: (node: ProvisioningNode) => number
  }): void {
    if (this.isEmpty) return
    this.#openDomains(o.setOf)
    for (const entry of this.#nodes) {
      const { node } = entry
      const { labels = {} } = node.metadata
      const set = o.setOf(entry)
      const host = o.hostOf(entry)
      const hostname = hostnameOf(entry)
      for (const pod of entry.pods) {
        if (isDone(pod) || o.placing.has(pod.metadata.uid ?? '')) continue
        const pods = classOf(pod)
        for (const one of pods.antiAffinity) {
          const group = this.#shunningGroup(one)
          const domain = own(labels, group.key)
          if (group.onHosts && host >= 0) group.countHost(host)
          else if (group.onHosts) group.countElsewhere(hostname)
          else if (domain !== undefined) group.count(domain)
        }
        if (pods.terminating) continue
        for (const group of this.population(pods).counting) {
          if (group.filter !== undefined && !group.filter.matches(node.spec.taints ?? noTaints, set, hostname)) continue
          const domain = own(labels, group.key)
          if (group.onHosts && host >= 0) group.countHost(host)
          else if (group.onHosts) group.countElsewhere(hostname)
          else if (domain !== undefined) group.count(domain)
        }
      }
    }
  }

  /** Nodes open the domains they are in, with or without pods. Nodes alike are asked once. */
  #openDomains(setOf: (node: ProvisioningNode) => number): void {
    const opening = this.#nodes.filter((entry) => entry.open !== false && entry.registered !== false)
    const kinds = new Map<string, ProvisioningNode>()
    for (const entry of opening) {
      const kind = `${setOf(entry)} ${JSON.stringify(entry.node.spec.taints ?? noTaints)}`
      if (!kinds.has(kind)) kinds.set(kind, entry)
    }
    for (const group of [...this.#groups.values(), ...this.#shunning.values()]) {
      if (group.onHosts) continue
      for (const entry of group.filter?.namesHosts === true ? opening : kinds.values()) {
        const { node } = entry
        const domain = own(node.metadata.labels, group.key)
        if (domain === undefined) continue
        const taints = node.spec.taints ?? noTaints
        if (group.filter?.matches(taints, setOf(entry), hostnameOf(entry)) ?? true) group.open(domain)
      }
    }
  }

  #group(groups: GroupTable, identity: string, make: () => TopologyGroup): TopologyGroup {
    let found = groups.get(identity)
    if (found === undefined) {
      found = make()
      found.number = this.#groups.size + this.#shunning.size
      groups.set(identity, found)
    }
    return found
  }

  #filter(pod: PodClass, honors: { readonly affinity: boolean; readonly taints: boolean }): NodeFilter | undefined {
    if (!honors.taints && (!honors.affinity || pod.nodeAffinityKey === '')) return undefined
    const key = `${honors.affinity ? pod.nodeAffinityKey : '-'}\n${honors.taints ? pod.tolerationKey : '-'}`
    let found = this.#filters.get(key)
    if (found === undefined) this.#filters.set(key, (found = new NodeFilter(pod.sample, honors, this.#sets)))
    return found
  }

  /** Which pools' taints the pod tolerates: pods that may go elsewhere have other domains before them. */
  #reach(pod: PodClass): string {
    if (!this.#tainted) return ''
    return this.#pools.map((pool) => (toleratesAll(pod.tolerations, pool.taints ?? noTaints) ? '1' : '0')).join('')
  }

  /** Domains that a new node could be in; only those behind taints that `pod` tolerates, if it is given. */
  #domains(key: string, pod: PodClass | undefined): readonly string[] {
    const domains: string[] = []
    for (const [domain, ways] of this.#universe(key)) {
      if (pod === undefined || ways.some((taints) => toleratesAll(pod.tolerations, taints))) domains.push(domain)
    }
    return domains
  }

  #universe(key: string): Universe {
    let found = this.#universes.get(key)
    if (found !== undefined) return found
    const domains = new Map<string, (readonly Taint[])[]>()
    for (const pool of this.#pools) {
      const taints = pool.taints ?? noTaints
      const own = pool.requirements.and(Requirements.fromLabels(pool.labels, this.#sets.registry)).find(key)
      const seen = new Set<string>()
      const open = (one: Requirement | undefined): void => {
        if (one === undefined || one.complement) return
        for (const value of one.values) {
          if (seen.has(value)) continue
          seen.add(value)
          const ways = domains.get(value)
          if (ways === undefined) domains.set(value, [taints])
          else ways.push(taints)
        }
      }
      open(own)
      for (const type of pool.instanceTypes) {
        const one = type.requirements.find(key)
        if (one === undefined) continue
        open(own === undefined ? one : Requirements.of(own, one).find(key))
      }
    }
    found = domains
    this.#universes.set(key, found)
    return found
  }

  #chooses(selector: PodSelector, pod: PodClass): boolean {
    if (selector.namespaces !== undefined && !selector.namespaces.has(pod.namespace)) {
      const byLabels = selector.namespaceSelector
      const labels = this.#namespaces.get(pod.namespace)
      if (byLabels === undefined || labels === undefined) return false
      if (!byLabels.every((one) => labelRequirementMatches(one, labels))) return false
    }
    return selector.labels.every((one) => labelRequirementMatches(one, pod.labels))
  }
}

const whole = { maxSkew: Infinity, minDomains: 1, filter: undefined } as const
const noGroups: readonly TopologyGroup[] = []
const noValues: readonly string[] = []

/** The domains of the key that the set leaves, as far as they are listed. */
function valuesOf(sets: RequirementSets, set: number, key: string): readonly string[] {
  const one = sets.get(set).find(key)
  return one === undefined || one.complement ? noValues : one.values
}

export function hostnameOf({ node }: ProvisioningNode): string {
  return node.metadata.labels?.[labelKeys.hostname] ?? node.metadata.name
}

export function isDone(pod: Pod): boolean {
  return pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed'
}
