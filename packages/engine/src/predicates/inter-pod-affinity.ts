import { own } from '@plimsoll/model'
import type { NodeColumns } from '../node-columns.ts'
import type { PodClass } from '../pod-class.ts'
import type { CarriedTerm, DomainCounts } from '../population.ts'
import type { Check, Reason, World } from './predicate.ts'

const unmet: readonly Reason[] = [{ reason: "node(s) didn't match pod affinity rules", resolvable: false }]
const met: readonly Reason[] = [{ reason: "node(s) didn't match pod anti-affinity rules", resolvable: true }]
const objected: readonly Reason[] = [
  { reason: "node(s) didn't satisfy existing pods anti-affinity rules", resolvable: true },
]

/** plugins/interpodaffinity/filtering.go */
export function interPodAffinity(pod: PodClass, { columns, population }: World): Check {
  const selectors = pod.affinity.map((term) => term.selector)
  return new InterPodAffinity(columns, {
    wanted: pod.affinity.map((term) => population.affinityCounts(selectors, term.topologyKey)),
    shunned: pod.antiAffinity.map((term) => population.affinityCounts([term.selector], term.topologyKey)),
    against: population.carriedAgainst(pod),
    choosesItself: pod.affinity.length > 0 && population.choosesAll(selectors, pod),
  })
}

interface Parts {
  /** One for each term of required affinity, all counting the pods that match every term. */
  readonly wanted: readonly DomainCounts[]
  readonly shunned: readonly DomainCounts[]
  /** Live: terms of pods already there that choose this pod. */
  readonly against: readonly CarriedTerm[]
  readonly choosesItself: boolean
}

class InterPodAffinity implements Check {
  readonly plugin = 'InterPodAffinity'
  readonly scope = 'cluster'
  /** Pods to keep away from only grow in number; a pod that is wanted may come. */
  readonly refusalLasts: boolean
  readonly #columns: NodeColumns
  readonly #parts: Parts

  constructor(columns: NodeColumns, parts: Parts) {
    this.#columns = columns
    this.#parts = parts
    this.refusalLasts = parts.wanted.length === 0
  }

  fits(slot: number): boolean {
    const { wanted, shunned, against } = this.#parts
    if (wanted.length > 0 && !this.#holds(slot)) return false
    for (let i = 0; i < shunned.length; i++) if (inDomain(shunned[i]!, slot)) return false
    for (let i = 0; i < against.length; i++) if (inDomain(against[i]!.counter, slot)) return false
    return true
  }

  reasons(slot: number): readonly Reason[] {
    const { wanted, shunned } = this.#parts
    if (wanted.length > 0 && !this.#holds(slot)) return unmet
    return shunned.some((counts) => inDomain(counts, slot)) ? met : objected
  }

  detail(slot: number, { reason }: Reason): string {
    const { wanted, shunned, against } = this.#parts
    const labels = this.#columns.entries[slot]!.labels
    const domain = (key: string): string => `${key}=${own(labels, key) ?? '(no such label)'}`
    if (reason === unmet[0]!.reason) {
      const missing = wanted.filter((counts) => !inDomain(counts, slot)).map((counts) => domain(counts.topologyKey))
      return `no pod that it wants to be with in ${missing.join(', ')}`
    }
    if (reason === met[0]!.reason) {
      const { topologyKey } = shunned.find((counts) => inDomain(counts, slot))!
      return `a pod that it keeps away from is in ${domain(topologyKey)}`
    }
    const { topologyKey } = against.find(({ counter }) => inDomain(counter, slot))!.counter
    return `a pod that keeps away from its like is in ${domain(topologyKey)}`
  }

  /** The first pod of a series that wants to be with its like may go anywhere where the topology keys exist. */
  #holds(slot: number): boolean {
    const { wanted, choosesItself } = this.#parts
    let holds = true
    let none = true
    for (let i = 0; i < wanted.length; i++) {
      const counts = wanted[i]!
      const domain = counts.column.ids[slot]!
      if (domain < 0) return false
      if (counts.count(domain) <= 0) holds = false
      if (counts.total !== 0) none = false
    }
    return holds || (choosesItself && none)
  }
}

function inDomain(counts: DomainCounts, slot: number): boolean {
  if (counts.total === 0) return false
  const domain = counts.column.ids[slot]!
  return domain >= 0 && counts.count(domain) > 0
}
