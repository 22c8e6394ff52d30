// How good each of several nodes is for a pod, as kube-scheduler's default profile scores them
// (kubernetes/kubernetes:pkg/scheduler/framework/plugins; weights in apis/config/v1/default_plugins.go). Each plugin gives
// every node 0 to 100; the weighted sum decides.

import type { PreferredSchedulingTerm } from '@plimsoll/model'
import { nodeTermMatcher } from './node-affinity.ts'
import { cpuColumn, memoryColumn, type NodeColumns } from './node-columns.ts'
import type { NodeEntry } from './node-entry.ts'
import type { PodClass, SpreadConstraint } from './pod-class.ts'
import type { DomainCounts, Population } from './population.ts'
import { spreadEligibility } from './predicates/pod-topology-spread.ts'
import type { World } from './predicates/predicate.ts'
import { defaultSpread } from './spread-defaults.ts'
import { toleratesTaint } from './toleration.ts'

const scoreMax = 100

/** The weighted sum for each node, in their order. */
export function scoreNodes(pod: PodClass, entries: readonly NodeEntry[], world: World): number[] {
  const { columns, population } = world
  const total = entries.map(() => 0)
  const add = (weight: number, scores: readonly number[]): void => {
    for (let i = 0; i < total.length; i++) total[i]! += weight * scores[i]!
  }
  add(
    1,
    entries.map((entry) => leastAllocated(pod, entry.slot, columns)),
  )
  if (!pod.requestsNothing)
    add(
      1,
      entries.map((entry) => balancedAllocation(pod, entry.slot, columns)),
    )
  add(
    3,
    normalized(
      entries.map((entry) => unwantedTaints(pod, entry)),
      { reverse: true },
    ),
  )
  const preferred = pod.sample.spec.affinity?.nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []
  if (preferred.length > 0) add(2, normalized(preferredNodes(preferred, entries), { reverse: false }))
  const spread = scoredConstraints(pod, world)
  if (spread.length > 0) add(2, spreadScores(pod, spread, entries, population))
  const affinity = affinityScores(pod, entries, population)
  if (affinity !== undefined) add(2, affinity)
  return total
}

/** Mean share of CPU and memory that stays free (noderesources/least_allocated.go). */
function leastAllocated(pod: PodClass, slot: number, columns: NodeColumns): number {
  let sum = 0
  let weights = 0
  const free = (offered: number, taken: number): void => {
    if (offered === 0) return
    weights++
    if (taken <= offered) sum += Math.floor(((offered - taken) * scoreMax) / offered)
  }
  free(columns.offered[cpuColumn]![slot]!, columns.nonZeroMilliCpu[slot]! + pod.nonZero.milliCpu)
  free(columns.offered[memoryColumn]![slot]!, columns.nonZeroMemory[slot]! + pod.nonZero.memory)
  return weights === 0 ? 0 : Math.floor(sum / weights)
}

/** How evenly CPU and memory would be used (noderesources/balanced_allocation.go). */
function balancedAllocation(pod: PodClass, slot: number, { offered, taken }: NodeColumns): number {
  const cpuOffered = offered[cpuColumn]![slot]!
  const memoryOffered = offered[memoryColumn]![slot]!
  if (cpuOffered === 0 || memoryOffered === 0) return scoreMax
  const cpu = Math.min((taken[cpuColumn]![slot]! + pod.requests.milliCpu) / cpuOffered, 1)
  const memory = Math.min((taken[memoryColumn]![slot]! + pod.requests.memory) / memoryOffered, 1)
  return Math.floor((1 - Math.abs(cpu - memory) / 2) * scoreMax)
}

function unwantedTaints(pod: PodClass, entry: NodeEntry): number {
  let count = 0
  for (const taint of entry.node.spec.taints ?? []) {
    if (taint.effect === 'PreferNoSchedule' && !toleratesTaint(pod.tolerations, taint)) count++
  }
  return count
}

const matchers = new WeakMap<PreferredSchedulingTerm, ReturnType<typeof nodeTermMatcher>>()

function preferredNodes(terms: readonly PreferredSchedulingTerm[], entries: readonly NodeEntry[]): number[] {
  const scores = entries.map(() => 0)
  for (const term of terms) {
    let matches = matchers.get(term)
    if (matches === undefined) matchers.set(term, (matches = nodeTermMatcher(term.preference)))
    for (let i = 0; i < entries.length; i++) if (matches(entries[i]!.node)) scores[i]! += term.weight
  }
  return scores
}

/** Scaled so that the largest becomes 100; reversed, the smallest becomes the best (helper/normalize_score.go). */
function normalized(scores: readonly number[], o: { readonly reverse: boolean }): number[] {
  const max = Math.max(0, ...scores)
  if (max === 0) return scores.map(() => (o.reverse ? scoreMax : 0))
  return scores.map((score) => {
    const scaled = Math.floor((scoreMax * score) / max)
    return o.reverse ? scoreMax - scaled : scaled
  })
}

interface ScoredConstraint extends SpreadConstraint {
  /** Whether it is one of kube-scheduler's own defaults: nodes without its key take part in the others. */
  readonly bySystem: boolean
}

/** The pod's own soft constraints, else the cluster's. */
function scoredConstraints(pod: PodClass, { spreadDefaults }: World): readonly ScoredConstraint[] {
  const constraints = pod.hasSpread ? pod.softSpread : defaultSpread(pod, spreadDefaults, 'ScheduleAnyway')
  const bySystem = !pod.hasSpread && spreadDefaults === undefined
  return constraints.map((constraint) => ({ ...constraint, bySystem }))
}

/** Fewer like pods in its domains make a node better (podtopologyspread/scoring.go). */
function spreadScores(
  pod: PodClass,
  constraints: readonly ScoredConstraint[],
  entries: readonly NodeEntry[],
  population: Population,
): number[] {
  const keys = constraints.map((constraint) => constraint.topologyKey)
  const required = constraints.some((constraint) => !constraint.bySystem)
  const ignored = entries.map((entry) => required && keys.some((key) => entry.labels?.[key] === undefined))
  const parts = constraints.map((constraint) => {
    const { key, eligible } = spreadEligibility(pod, constraint, required ? keys : [])
    const counter = population.spreadCounts(constraint.selector, constraint.topologyKey, key, eligible)
    return { constraint, counter, weight: Math.log(domainsOf(constraint.topologyKey, entries, ignored) + 2) }
  })
  const raw = entries.map((entry, i) => {
    if (ignored[i]) return undefined
    let score = 0
    for (const { constraint, counter, weight } of parts) {
      const domain = counter.column.ids[entry.slot]!
      if (domain >= 0) score += counter.count(domain) * weight + (constraint.maxSkew - 1)
    }
    return Math.round(score)
  })
  const counted = raw.filter((score) => score !== undefined)
  const max = Math.max(0, ...counted)
  const min = Math.min(...counted)
  return raw.map((score) => {
    if (score === undefined) return 0
    return max === 0 ? scoreMax : Math.floor((scoreMax * (max + min - score)) / max)
  })
}

function domainsOf(topologyKey: string, entries: readonly NodeEntry[], ignored: readonly boolean[]): number {
  // As upstream, every node counts as a host of its own.
  if (topologyKey === 'kubernetes.io/hostname') return ignored.filter((is) => !is).length
  const domains = new Set<string>()
  entries.forEach((entry, i) => {
    const domain = entry.labels?.[topologyKey]
    if (domain !== undefined && !ignored[i]) domains.add(domain)
  })
  return domains.size
}

/** What the pod wishes of pods that are there, and they of it; undefined when nobody wishes (interpodaffinity/scoring.go). */
function affinityScores(pod: PodClass, entries: readonly NodeEntry[], population: Population): number[] | undefined {
  const parts: { readonly counts: DomainCounts; readonly weight: number }[] = []
  for (const term of pod.softAffinity) {
    parts.push({ counts: population.affinityCounts([term.selector], term.topologyKey), weight: term.weight })
  }
  for (const term of pod.softAntiAffinity) {
    parts.push({ counts: population.affinityCounts([term.selector], term.topologyKey), weight: -term.weight })
  }
  for (const { counter, weight } of population.wishesOf(pod)) {
    if (counter.total > 0) parts.push({ counts: counter, weight })
  }
  if (parts.length === 0) return undefined
  const raw = entries.map((entry) => {
    let score = 0
    for (const { counts, weight } of parts) {
      const domain = counts.column.ids[entry.slot]!
      if (domain >= 0) score += weight * counts.count(domain)
    }
    return score
  })
  const max = Math.max(...raw)
  const min = Math.min(...raw)
  return raw.map((score) => (max === min ? 0 : Math.floor((scoreMax * (score - min)) / (max - min))))
}
