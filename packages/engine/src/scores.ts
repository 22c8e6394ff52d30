// How good each of several nodes is for a pod, as kube-scheduler's default profile scores them
// (kubernetes/kubernetes:pkg/scheduler/framework/plugins; weights in apis/config/v1/default_plugins.go). Each plugin gives
// every node 0 to 100; the weighted sum decides.

import type { Node } from '@plimsoll/model'
import { nodeTermMatcher } from './node-affinity.ts'
import { cpuColumn, memoryColumn, type LabelColumn, type NodeColumns } from './node-columns.ts'
import type { NodeEntry } from './node-entry.ts'
import type { AffinityTerm, PodClass, SpreadConstraint } from './pod-class.ts'
import type { CarriedTerm, DomainCounts, SpreadCounter } from './population.ts'
import { spreadEligibility } from './predicates/pod-topology-spread.ts'
import type { World } from './predicates/predicate.ts'
import { defaultSpread } from './spread-defaults.ts'
import { toleratesTaint } from './toleration.ts'

const scoreMax = 100

interface SpreadPart {
  readonly constraint: SpreadConstraint
  readonly counter: SpreadCounter
}

interface Wish {
  readonly counts: DomainCounts
  readonly weight: number
}

/** The scoring plugins made ready for the pods of one class. */
export class ReadiedScores {
  readonly podClass: PodClass
  /** Of the population, when it was made. */
  readonly epoch: number
  readonly #columns: NodeColumns
  readonly #preferred: readonly { readonly weight: number; readonly matches: (node: Node) => boolean }[]
  readonly #spread: readonly SpreadPart[]
  /** Whether nodes that lack one of the spread keys are left out: not for kube-scheduler's own defaults. */
  readonly #allKeys: boolean
  readonly #wishes: readonly Wish[]
  /** Live: what pods already there wish of such pods. */
  readonly #wished: readonly CarriedTerm[]

  constructor(pod: PodClass, world: World) {
    const { population } = world
    this.podClass = pod
    this.epoch = population.epoch
    this.#columns = world.columns
    const preferred = pod.sample.spec.affinity?.nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []
    this.#preferred = preferred.map((term) => ({ weight: term.weight, matches: nodeTermMatcher(term.preference) }))
    // The pod's own soft constraints, else the cluster's.
    const constraints = pod.hasSpread ? pod.softSpread : defaultSpread(pod, world.spreadDefaults, 'ScheduleAnyway')
    this.#allKeys = pod.hasSpread || world.spreadDefaults !== undefined
    const keys = this.#allKeys ? constraints.map((constraint) => constraint.topologyKey) : []
    this.#spread = constraints.map((constraint) => {
      const { key, eligible } = spreadEligibility(pod, constraint, keys)
      const counter = population.spreadCounts(constraint.selector, constraint.topologyKey, key, eligible)
      return { constraint, counter }
    })
    const counted = (term: AffinityTerm, weight: number): Wish => ({
      counts: population.affinityCounts([term.selector], term.topologyKey),
      weight,
    })
    this.#wishes = [
      ...pod.softAffinity.map((term) => counted(term, term.weight)),
      ...pod.softAntiAffinity.map((term) => counted(term, -term.weight)),
    ]
    this.#wished = population.wishesOf(pod)
  }

  /** The weighted sum for each node, in their order. */
  score(entries: readonly NodeEntry[]): Float64Array {
    const total = this.#resources(entries)
    const part = new Float64Array(entries.length)
    this.#unwantedTaints(entries, part)
    addScaled(total, part, { weight: 3, reverse: true })
    if (this.#preferred.length > 0) {
      this.#preferences(entries, part)
      addScaled(total, part, { weight: 2, reverse: false })
    }
    if (this.#spread.length > 0) this.#addSpread(entries, total)
    if (this.#wishes.length > 0 || this.#wished.length > 0) this.#addAffinity(entries, total)
    return total
  }

  /**
   * Mean share of CPU and memory that stays free (noderesources/least_allocated.go), and how evenly they would be used
   * (noderesources/balanced_allocation.go; not of pods that ask for nothing).
   */
  #resources(entries: readonly NodeEntry[]): Float64Array {
    const { offered, taken, nonZeroMilliCpu, nonZeroMemory } = this.#columns
    const { requests, nonZero, requestsNothing } = this.podClass
    const total = new Float64Array(entries.length)
    for (let i = 0; i < entries.length; i++) {
      const { slot } = entries[i]!
      const cpu = offered[cpuColumn]![slot]!
      const memory = offered[memoryColumn]![slot]!
      let sum = 0
      let weights = 0
      if (cpu !== 0) {
        weights++
        sum += freeShare(cpu, nonZeroMilliCpu[slot]! + nonZero.milliCpu)
      }
      if (memory !== 0) {
        weights++
        sum += freeShare(memory, nonZeroMemory[slot]! + nonZero.memory)
      }
      let score = weights === 0 ? 0 : Math.floor(sum / weights)
      if (!requestsNothing) {
        if (weights < 2) {
          score += scoreMax
        } else {
          const cpuShare = Math.min((taken[cpuColumn]![slot]! + requests.milliCpu) / cpu, 1)
          const memoryShare = Math.min((taken[memoryColumn]![slot]! + requests.memory) / memory, 1)
          score += Math.floor((1 - Math.abs(cpuShare - memoryShare) / 2) * scoreMax)
        }
      }
      total[i] = score
    }
    return total
  }

  #unwantedTaints(entries: readonly NodeEntry[], into: Float64Array): void {
    for (let i = 0; i < entries.length; i++) {
      let count = 0
      const taints = entries[i]!.node.spec.taints
      if (taints !== undefined) {
        for (const taint of taints) {
          if (taint.effect === 'PreferNoSchedule' && !toleratesTaint(this.podClass.tolerations, taint)) count++
        }
      }
      into[i] = count
    }
  }

  #preferences(entries: readonly NodeEntry[], into: Float64Array): void {
    into.fill(0)
    for (const { weight, matches } of this.#preferred) {
      for (let i = 0; i < entries.length; i++) if (matches(entries[i]!.node)) into[i]! += weight
    }
  }

  /** Fewer like pods in its domains make a node better (podtopologyspread/scoring.go). */
  #addSpread(entries: readonly NodeEntry[], total: Float64Array): void {
    const parts = this.#spread
    /** -1 for nodes that are left out. */
    const raw = new Float64Array(entries.length)
    let counted = 0
    for (let i = 0; i < entries.length; i++) {
      if (this.#allKeys && parts.some(({ counter }) => counter.column.ids[entries[i]!.slot]! < 0)) raw[i] = -1
      else counted++
    }
    for (const { constraint, counter } of parts) {
      // As upstream, every node counts as a host of its own.
      const domains = constraint.topologyKey === hostname ? counted : domainsOf(counter.column, entries, raw)
      const weight = Math.log(domains + 2)
      for (let i = 0; i < entries.length; i++) {
        if (raw[i]! < 0) continue
        const domain = counter.column.ids[entries[i]!.slot]!
        if (domain >= 0) raw[i]! += counter.count(domain) * weight + (constraint.maxSkew - 1)
      }
    }
    let max = 0
    let min = Infinity
    for (let i = 0; i < raw.length; i++) {
      if (raw[i]! < 0) continue
      const score = (raw[i] = Math.round(raw[i]!))
      if (score > max) max = score
      if (score < min) min = score
    }
    for (let i = 0; i < raw.length; i++) {
      if (raw[i]! < 0) continue
      total[i]! += 2 * (max === 0 ? scoreMax : Math.floor((scoreMax * (max + min - raw[i]!)) / max))
    }
  }

  /** What the pod wishes of pods that are there, and they of it (interpodaffinity/scoring.go). */
  #addAffinity(entries: readonly NodeEntry[], total: Float64Array): void {
    const raw = new Float64Array(entries.length)
    for (const { counts, weight } of this.#wishes) addCounts(raw, entries, counts, weight)
    for (const { counter, weight } of this.#wished) if (counter.total > 0) addCounts(raw, entries, counter, weight)
    let max = -Infinity
    let min = Infinity
    for (let i = 0; i < raw.length; i++) {
      if (raw[i]! > max) max = raw[i]!
      if (raw[i]! < min) min = raw[i]!
    }
    if (max === min) return
    for (let i = 0; i < raw.length; i++) total[i]! += 2 * Math.floor((scoreMax * (raw[i]! - min)) / (max - min))
  }
}

const hostname = 'kubernetes.io/hostname'

function freeShare(offered: number, taken: number): number {
  return taken <= offered ? Math.floor(((offered - taken) * scoreMax) / offered) : 0
}

function addCounts(raw: Float64Array, entries: readonly NodeEntry[], counts: DomainCounts, weight: number): void {
  const { column } = counts
  for (let i = 0; i < entries.length; i++) {
    const domain = column.ids[entries[i]!.slot]!
    if (domain >= 0) raw[i]! += weight * counts.count(domain)
  }
}

/** Scaled so that the largest becomes 100; reversed, the smallest becomes the best (helper/normalize_score.go). */
function addScaled(
  total: Float64Array,
  scores: Float64Array,
  o: { readonly weight: number; readonly reverse: boolean },
): void {
  let max = 0
  for (let i = 0; i < scores.length; i++) if (scores[i]! > max) max = scores[i]!
  for (let i = 0; i < total.length; i++) {
    const scaled = max === 0 ? 0 : Math.floor((scoreMax * scores[i]!) / max)
    total[i]! += o.weight * (o.reverse ? scoreMax - scaled : scaled)
  }
}

/** How many domains the nodes that are not left out are in. */
function domainsOf(column: LabelColumn, entries: readonly NodeEntry[], raw: Float64Array): number {
  const domains = new Set<number>()
  for (let i = 0; i < entries.length; i++) {
    const domain = column.ids[entries[i]!.slot]!
    if (domain >= 0 && raw[i]! >= 0) domains.add(domain)
  }
  return domains.size
}
