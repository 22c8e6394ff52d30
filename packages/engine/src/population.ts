// How many pods of each kind are in each topology domain, kept up to date by every pod that comes and goes, so that
// spreading and inter-pod affinity never look at all pods again. Pods with equal namespace and labels form one group; a
// selector that someone asks for is matched against groups, not pods, and counted per domain from then on.

import { labelRequirementMatches, type Labels } from '@plimsoll/model'
import type { LabelColumn, NodeColumns } from './node-columns.ts'
import type { NodeEntry } from './node-entry.ts'
import type { AffinityTerm, PodClass, PodSelector } from './pod-class.ts'

/** Pods that no selector can tell apart. */
interface Group {
  readonly namespace: string
  readonly labels: Labels | undefined
  readonly terminating: boolean
  readonly perNode: Map<NodeEntry, number>
  /** Those asked for that choose the group. */
  readonly queries: Query[]
  /** Terms of pods in the population that choose the group. */
  readonly terms: CarriedTerm[]
  readonly wishes: CarriedTerm[]
}

interface Query {
  readonly selectors: readonly PodSelector[]
  /** Spreading does not count pods that are being deleted; affinity does. */
  readonly countsTerminating: boolean
  readonly groups: Group[]
  readonly counters: Counter[]
}

/** How many chosen pods are in each domain of one topology key. */
export interface DomainCounts {
  readonly topologyKey: string
  /** The domain of each node. */
  readonly column: LabelColumn
  count(domain: number): number
  readonly total: number
}

class Counter implements DomainCounts {
  readonly column: LabelColumn
  total = 0
  /** By domain; domains beyond its end have no pod. */
  #counts = new Int32Array(8)

  constructor(column: LabelColumn) {
    this.column = column
  }

  get topologyKey(): string {
    return this.column.key
  }

  count(domain: number): number {
    return domain < this.#counts.length ? this.#counts[domain]! : 0
  }

  change(slot: number, delta: number): void {
    const domain = this.column.ids[slot]!
    if (domain < 0) return
    this.total += delta
    this.changeDomain(domain, delta)
  }

  protected changeDomain(domain: number, delta: number): void {
    if (domain >= this.#counts.length) {
      const longer = new Int32Array(Math.max(2 * this.#counts.length, domain + 1))
      longer.set(this.#counts)
      this.#counts = longer
    }
    this.#counts[domain]! += delta
  }
}

/** The nodes that spread constraints of one kind look at, by domain: shared by the counters of all selectors. */
class SpreadField {
  readonly column: LabelColumn
  readonly #eligible: (entry: NodeEntry) => boolean
  readonly #members = new Set<number>()
  readonly #nodesPerDomain = new Map<number, number>()
  readonly #counters: SpreadCounter[] = []

  constructor(column: LabelColumn, eligible: (entry: NodeEntry) => boolean) {
    this.column = column
    this.#eligible = eligible
  }

  get domainCount(): number {
    return this.#nodesPerDomain.size
  }

  has(slot: number): boolean {
    return this.#members.has(slot)
  }

  /** The counter hears of domains that appear and go from now on. */
  join(counter: SpreadCounter): void {
    this.#counters.push(counter)
  }

  nodeAdded(entry: NodeEntry): void {
    const domain = this.column.ids[entry.slot]!
    if (domain < 0 || !this.#eligible(entry)) return
    this.#members.add(entry.slot)
    const nodes = this.#nodesPerDomain.get(domain) ?? 0
    this.#nodesPerDomain.set(domain, nodes + 1)
    if (nodes === 0) for (const counter of this.#counters) counter.domainAdded(domain)
  }

  /** Its pods must have been taken out before. */
  nodeRemoved({ slot }: NodeEntry): void {
    if (!this.#members.delete(slot)) return
    const domain = this.column.ids[slot]!
    const nodes = this.#nodesPerDomain.get(domain)! - 1
    if (nodes > 0) {
      this.#nodesPerDomain.set(domain, nodes)
      return
    }
    this.#nodesPerDomain.delete(domain)
    for (const counter of this.#counters) counter.domainRemoved(domain)
  }
}

/** Counts over the nodes that a spread constraint looks at, with the smallest count of all their domains at hand. */
export class SpreadCounter extends Counter {
  readonly #field: SpreadField
  /** How many domains have so many pods; the smallest such number is `#least`. */
  readonly #domainsPerCount = new Map<number, number>()
  #least = Infinity

  constructor(field: SpreadField) {
    super(field.column)
    this.#field = field
    if (field.domainCount === 0) return
    this.#domainsPerCount.set(0, field.domainCount)
    this.#least = 0
  }

  /** The fewest chosen pods in any domain; Infinity when there is none. */
  get least(): number {
    return this.#least
  }

  get domainCount(): number {
    return this.#field.domainCount
  }

  override change(slot: number, delta: number): void {
    if (this.#field.has(slot)) super.change(slot, delta)
  }

  domainAdded(domain: number): void {
    this.#bucket(this.count(domain), 1)
  }

  domainRemoved(domain: number): void {
    this.#bucket(this.count(domain), -1)
  }

  protected override changeDomain(domain: number, delta: number): void {
    const before = this.count(domain)
    super.changeDomain(domain, delta)
    this.#bucket(before + delta, 1)
    this.#bucket(before, -1)
  }

  #bucket(count: number, delta: number): void {
    const domains = (this.#domainsPerCount.get(count) ?? 0) + delta
    if (domains > 0) {
      this.#domainsPerCount.set(count, domains)
      if (count < this.#least) this.#least = count
      return
    }
    this.#domainsPerCount.delete(count)
    if (this.#domainsPerCount.size === 0) this.#least = Infinity
    else if (count === this.#least) while (!this.#domainsPerCount.has(this.#least)) this.#least++
  }
}

/** A term that pods of the population carry, counted by the domains they are in. */
export interface CarriedTerm {
  readonly term: AffinityTerm
  /** What one such pod adds to the score of its domain, for terms that only wish; negative for anti-affinity. */
  readonly weight: number
  readonly counter: DomainCounts
}

interface CountedTerm extends CarriedTerm {
  readonly counter: Counter
}

/**
 * Things found by a label that pods must have to matter to them: most selectors ask for one value of some label, so that
 * neither a new group nor a new selector is held against all there are.
 */
class ByLabel<T> {
  readonly #byPair = new Map<string, T[]>()
  readonly #loose: T[] = []

  /** Files the item under the rarest of the pairs, or under none. */
  file(item: T, pairs: readonly string[]): void {
    let shortest: T[] | undefined
    for (const pair of pairs) {
      let list = this.#byPair.get(pair)
      if (list === undefined) this.#byPair.set(pair, (list = []))
      if (shortest === undefined || list.length < shortest.length) shortest = list
    }
    ;(shortest ?? this.#loose).push(item)
  }

  /** Everything that may matter to pods with these labels. */
  *near(labels: Labels | undefined): Iterable<T> {
    yield* this.#loose
    for (const key in labels) yield* this.#byPair.get(pairOf(key, labels[key]!)) ?? []
  }

  clear(): void {
    this.#byPair.clear()
    this.#loose.length = 0
  }
}

function pairOf(key: string, value: string): string {
  return `${key}\n${value}`
}

/** The label values that a pod must have for the selectors to choose it. */
function requiredPairs(selectors: readonly PodSelector[]): readonly string[] {
  return selectors.flatMap(({ labels }) =>
    labels.flatMap(({ key, operator, values }) =>
      operator === 'In' && values.length === 1 ? [pairOf(key, values[0]!)] : [],
    ),
  )
}

/** Groups and counters that nobody may need any more are kept up to so many. */
const remembered = 4096

export class Population {
  readonly #groups = new Map<string, Group>()
  readonly #groupsByPair = new Map<string, Group[]>()
  readonly #queries = new Map<string, Query>()
  readonly #counters = new Map<string, Counter>()
  readonly #fields = new Map<string, SpreadField>()
  readonly #carried = new Map<string, CountedTerm>()
  readonly #wished = new Map<string, CountedTerm>()
  readonly #queryIndex = new ByLabel<Query>()
  readonly #carriedIndex = new ByLabel<CountedTerm>()
  readonly #wishedIndex = new ByLabel<CountedTerm>()
  readonly #claimUses = new Map<string, number>()
  readonly #namespaces = new Map<string, Labels>()
  readonly #columns: NodeColumns
  /** Counters handed out before it changed are stale. */
  epoch = 0
  #trimAt = 2 * remembered

  constructor(columns: NodeColumns) {
    this.#columns = columns
  }

  setNamespace(name: string, labels: Labels | undefined): boolean {
    const before = this.#namespaces.get(name)
    if (JSON.stringify(before) === JSON.stringify(labels)) return false
    if (labels === undefined) this.#namespaces.delete(name)
    else this.#namespaces.set(name, labels)
    return true
  }

  nodeAdded(entry: NodeEntry): void {
    for (const field of this.#fields.values()) field.nodeAdded(entry)
    for (const pod of entry.classes) this.podAdded(entry, pod)
  }

  nodeRemoved(entry: NodeEntry): void {
    for (const pod of entry.classes) this.podRemoved(entry, pod)
    for (const field of this.#fields.values()) field.nodeRemoved(entry)
  }

  podAdded(entry: NodeEntry, pod: PodClass): void {
    this.#change(entry, pod, 1)
  }

  podRemoved(entry: NodeEntry, pod: PodClass): void {
    this.#change(entry, pod, -1)
  }

  #change(entry: NodeEntry, pod: PodClass, delta: number): void {
    const group = this.#group(pod)
    const count = (group.perNode.get(entry) ?? 0) + delta
    if (count === 0) group.perNode.delete(entry)
    else group.perNode.set(entry, count)
    for (const query of group.queries) for (const counter of query.counters) counter.change(entry.slot, delta)
    for (const term of pod.antiAffinity) this.#carry(term).counter.change(entry.slot, delta)
    for (const { term, weight } of pod.wishes) this.#wish(term, weight).counter.change(entry.slot, delta)
    for (const volume of pod.volumes) {
      if (volume.kind === 'claim' && !volume.isEphemeral) this.#useClaim(`${pod.namespace}/${volume.name}`, delta)
    }
  }

  #useClaim(key: string, delta: number): void {
    const uses = (this.#claimUses.get(key) ?? 0) + delta
    if (uses === 0) this.#claimUses.delete(key)
    else this.#claimUses.set(key, uses)
  }

  /** How many pods of the population have the claim among their volumes. */
  claimUses(namespace: string, name: string): number {
    return this.#claimUses.get(`${namespace}/${name}`) ?? 0
  }

  /** Forgets all that was derived, and counts the pods again when asked. */
  rebuild(): void {
    for (const derived of [
      this.#groups,
      this.#groupsByPair,
      this.#queries,
      this.#counters,
      this.#fields,
      this.#carried,
      this.#wished,
      this.#queryIndex,
      this.#carriedIndex,
      this.#wishedIndex,
      this.#claimUses,
    ]) {
      derived.clear()
    }
    // With the columns go the values of labels of nodes that are gone; checks make the columns anew when asked.
    this.#columns.labels.clear()
    this.epoch++
    for (const entry of this.#nodes()) for (const pod of entry.classes) this.podAdded(entry, pod)
  }

  /** Keeps what is remembered in proportion to what is there; only between uses of counters. */
  trim(): void {
    if (this.#groups.size + this.#counters.size < this.#trimAt) return
    let live = 0
    for (const group of this.#groups.values()) if (group.perNode.size > 0) live++
    if (this.#groups.size > 2 * live + remembered || this.#counters.size > 8 * live + remembered) this.rebuild()
    this.#trimAt = 2 * (this.#groups.size + this.#counters.size + remembered)
  }

  *#nodes(): Iterable<NodeEntry> {
    for (const entry of this.#columns.entries) if (entry !== undefined) yield entry
  }

  #group(pod: PodClass): Group {
    let group = this.#groups.get(pod.populationKey)
    if (group === undefined) {
      group = {
        namespace: pod.namespace,
        labels: pod.labels,
        terminating: pod.terminating,
        perNode: new Map(),
        queries: [],
        terms: [],
        wishes: [],
      }
      this.#groups.set(pod.populationKey, group)
      for (const key in group.labels) {
        const pair = pairOf(key, group.labels[key]!)
        const list = this.#groupsByPair.get(pair)
        if (list === undefined) this.#groupsByPair.set(pair, [group])
        else list.push(group)
      }
      for (const query of this.#queryIndex.near(group.labels)) {
        if (!this.#asks(query, group)) continue
        query.groups.push(group)
        group.queries.push(query)
      }
      for (const carried of this.#carriedIndex.near(group.labels)) {
        if (this.#chooses(carried.term.selector, group)) group.terms.push(carried)
      }
      for (const wished of this.#wishedIndex.near(group.labels)) {
        if (this.#chooses(wished.term.selector, group)) group.wishes.push(wished)
      }
    }
    return group
  }

  /** The groups that have one of the pairs, the rarest; all when there is none to ask for. */
  #groupsNear(pairs: readonly string[]): Iterable<Group> {
    let nearest: readonly Group[] | undefined
    for (const pair of pairs) {
      const list = this.#groupsByPair.get(pair) ?? []
      if (nearest === undefined || list.length < nearest.length) nearest = list
    }
    return nearest ?? this.#groups.values()
  }

  #carry(term: AffinityTerm): CountedTerm {
    const key = `${term.topologyKey}\n${term.selector.key}`
    let carried = this.#carried.get(key)
    if (carried === undefined) {
      carried = { term, weight: 0, counter: new Counter(this.#columns.label(term.topologyKey)) }
      this.#carried.set(key, carried)
      const pairs = requiredPairs([term.selector])
      this.#carriedIndex.file(carried, pairs)
      for (const group of this.#groupsNear(pairs)) {
        if (this.#chooses(term.selector, group)) group.terms.push(carried)
      }
    }
    return carried
  }

  #wish(term: AffinityTerm, weight: number): CountedTerm {
    const key = `${weight}\n${term.topologyKey}\n${term.selector.key}`
    let wished = this.#wished.get(key)
    if (wished === undefined) {
      wished = { term, weight, counter: new Counter(this.#columns.label(term.topologyKey)) }
      this.#wished.set(key, wished)
      const pairs = requiredPairs([term.selector])
      this.#wishedIndex.file(wished, pairs)
      for (const group of this.#groupsNear(pairs)) {
        if (this.#chooses(term.selector, group)) group.wishes.push(wished)
      }
    }
    return wished
  }

  #chooses(selector: PodSelector, group: Group): boolean {
    if (selector.namespaces !== undefined && !selector.namespaces.has(group.namespace)) {
      const byLabels = selector.namespaceSelector
      const labels = this.#namespaces.get(group.namespace)
      if (byLabels === undefined || !byLabels.every((r) => labelRequirementMatches(r, labels))) return false
    }
    return selector.labels.every((requirement) => labelRequirementMatches(requirement, group.labels))
  }

  #asks(query: Query, group: Group): boolean {
    if (group.terminating && !query.countsTerminating) return false
    return query.selectors.every((selector) => this.#chooses(selector, group))
  }

  #query(key: string, selectors: readonly PodSelector[], countsTerminating: boolean): Query {
    let query = this.#queries.get(key)
    if (query === undefined) {
      query = { selectors, countsTerminating, groups: [], counters: [] }
      this.#queries.set(key, query)
      const pairs = requiredPairs(selectors)
      this.#queryIndex.file(query, pairs)
      for (const group of this.#groupsNear(pairs)) {
        if (!this.#asks(query, group)) continue
        query.groups.push(group)
        group.queries.push(query)
      }
    }
    return query
  }

  #count<C extends Counter>(key: string, query: Query, make: () => C): C {
    let counter = this.#counters.get(key) as C | undefined
    if (counter === undefined) {
      counter = make()
      this.#counters.set(key, counter)
      for (const group of query.groups) for (const [entry, count] of group.perNode) counter.change(entry.slot, count)
      query.counters.push(counter)
    }
    return counter
  }

  /** Counts pods that all selectors choose, by the domains of the topology key. */
  affinityCounts(selectors: readonly PodSelector[], topologyKey: string): DomainCounts {
    const queryKey = `affinity\n${selectors.map((selector) => selector.key).join('\n')}`
    const query = this.#query(queryKey, selectors, true)
    return this.#count(`${topologyKey}\n${queryKey}`, query, () => new Counter(this.#columns.label(topologyKey)))
  }

  /** Counts the selector's pods over eligible nodes; equal `eligibleKey`, equal `eligible`. */
  spreadCounts(
    selector: PodSelector,
    topologyKey: string,
    eligibleKey: string,
    eligible: (entry: NodeEntry) => boolean,
  ): SpreadCounter {
    const queryKey = `spread\n${selector.key}`
    const query = this.#query(queryKey, [selector], false)
    const key = `${topologyKey}\n${queryKey}\n${eligibleKey}`
    return this.#count(key, query, () => {
      const field = this.#field(`${topologyKey}\n${eligibleKey}`, topologyKey, eligible)
      const counter = new SpreadCounter(field)
      field.join(counter)
      return counter
    })
  }

  #field(key: string, topologyKey: string, eligible: (entry: NodeEntry) => boolean): SpreadField {
    let field = this.#fields.get(key)
    if (field === undefined) {
      field = new SpreadField(this.#columns.label(topologyKey), eligible)
      this.#fields.set(key, field)
      for (const entry of this.#nodes()) field.nodeAdded(entry)
    }
    return field
  }

  /** The domains that pods already there keep closed to this pod. */
  carriedAgainst(pod: PodClass): readonly CarriedTerm[] {
    return this.#group(pod).terms
  }

  /** What pods already there wish of this pod. */
  wishesOf(pod: PodClass): readonly CarriedTerm[] {
    return this.#group(pod).wishes
  }

  /** Whether the pod is itself chosen by all the selectors. */
  choosesAll(selectors: readonly PodSelector[], pod: PodClass): boolean {
    const group = this.#group(pod)
    return selectors.every((selector) => this.#chooses(selector, group))
  }
}
