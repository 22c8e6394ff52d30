// kube-scheduler's filters in the order in which it runs them
// (kubernetes/kubernetes:pkg/scheduler/apis/config/v1/default_plugins.go). The first that refuses decides. Whether a pod
// fits is answered by a number; reasons are worked out afterwards, for the filter that refused.

import type { CompiledPod, SpreadConstraint } from './compiled-pod.ts'
import { portsCollide } from './host-ports.ts'
import type { NodeEntry } from './node-entry.ts'
import type { CarriedTerm, DomainCounts, Population, SpreadCounter } from './population.ts'
import { untoleratedTaint } from './toleration.ts'
import type { Unfit } from './unfit.ts'
import { volumesUnfit, type VolumeLister } from './volumes.ts'

/** A pod with the counts that its constraints look at. */
export interface ResolvedPod {
  readonly compiled: CompiledPod
  readonly epoch: number
  readonly spread: readonly SpreadCounter[]
  /** One for each term of required affinity, all counting the pods that match every term. */
  readonly affinity: readonly DomainCounts[]
  readonly antiAffinity: readonly DomainCounts[]
  /** Live: terms of pods already there that choose this pod. */
  readonly against: readonly CarriedTerm[]
  readonly choosesItself: boolean
  /** The filters that could refuse it at all, by number. */
  readonly filters: readonly number[]
  /** Only where the pod has claims. */
  readonly volumes: VolumeLister | undefined
}

export function resolvePod(
  compiled: CompiledPod,
  population: Population,
  volumes: VolumeLister | undefined,
): ResolvedPod {
  const { spread, affinity, antiAffinity } = compiled
  const selectors = affinity.map((term) => term.selector)
  return {
    compiled,
    epoch: population.epoch,
    spread: spread.length === 0 ? [] : spreadCounters(compiled, population),
    affinity: affinity.map((term) => population.affinityCounts(selectors, term.topologyKey)),
    antiAffinity: antiAffinity.map((term) => population.affinityCounts([term.selector], term.topologyKey)),
    against: population.carriedAgainst(compiled),
    filters: plugins.flatMap((plugin, p) => (plugin.concerns?.(compiled) === false ? [] : [p])),
    choosesItself: affinity.length > 0 && population.choosesAll(selectors, compiled),
    volumes: compiled.claims.length === 0 ? undefined : volumes,
  }
}

function spreadCounters(pod: CompiledPod, population: Population): SpreadCounter[] {
  const keys = pod.spread.map((constraint) => constraint.topologyKey)
  return pod.spread.map((constraint) => {
    const { key, eligible } = spreadEligibility(pod, constraint, keys)
    return population.spreadCounts(constraint.selector, constraint.topologyKey, key, eligible)
  })
}

/** A spread constraint looks at nodes that have all the keys and that the pod could go to; equal keys, equal answers. */
export function spreadEligibility(
  pod: CompiledPod,
  constraint: SpreadConstraint,
  keys: readonly string[],
): { readonly key: string; readonly eligible: (entry: NodeEntry) => boolean } {
  const key = JSON.stringify([
    keys,
    constraint.honorsAffinity ? pod.nodeAffinityKey : null,
    constraint.honorsTaints ? pod.tolerationKey : null,
  ])
  const eligible = (entry: NodeEntry): boolean => {
    if (!keys.every((key) => entry.labels?.[key] !== undefined)) return false
    if (constraint.honorsAffinity && pod.requiredAffinity?.(entry.node) === false) return false
    return !constraint.honorsTaints || untoleratedTaint(entry.node, pod.tolerations) === undefined
  }
  return { key, eligible }
}

type Filter = (pod: ResolvedPod, entry: NodeEntry) => boolean

interface Plugin {
  readonly name: string
  /** Whether it could refuse the pod on some node. */
  readonly concerns?: (pod: CompiledPod) => boolean
  readonly fits: Filter
  /** Called only where `fits` said no; at least one reason. */
  readonly reasons: (pod: ResolvedPod, entry: NodeEntry) => readonly Omit<Unfit, 'plugin'>[]
}

function always(reason: string, resolvable: boolean): Plugin['reasons'] {
  const reasons = [{ reason, resolvable }]
  return () => reasons
}

/** Of nodes that the pod's affinity does not name, where it names some. */
export const unnamed: Unfit = {
  plugin: 'NodeAffinity',
  reason: "node(s) didn't satisfy plugin(s) [NodeAffinity]",
  resolvable: false,
}

const plugins: readonly Plugin[] = [
  {
    // Runs as a PreFilter: other nodes are never looked at.
    name: unnamed.plugin,
    concerns: (pod) => pod.namedNodes !== undefined,
    fits: ({ compiled }, entry) => compiled.namedNodes!.has(entry.name),
    reasons: () => [unnamed],
  },
  {
    name: 'NodeUnschedulable',
    fits: ({ compiled }, entry) => entry.node.spec.unschedulable !== true || compiled.toleratesUnschedulable,
    reasons: always('node(s) were unschedulable', false),
  },
  {
    name: 'NodeName',
    concerns: (pod) => (pod.pod.spec.nodeName ?? '') !== '',
    fits: ({ compiled }, entry) => compiled.pod.spec.nodeName === entry.name,
    reasons: always("node(s) didn't match the requested node name", false),
  },
  {
    name: 'TaintToleration',
    fits: ({ compiled }, entry) => untoleratedTaint(entry.node, compiled.tolerations) === undefined,
    reasons: always('node(s) had untolerated taint(s)', false),
  },
  {
    name: 'NodeAffinity',
    concerns: (pod) => pod.requiredAffinity !== undefined,
    fits: ({ compiled }, entry) => compiled.requiredAffinity!(entry.node),
    reasons: always("node(s) didn't match Pod's node affinity/selector", false),
  },
  {
    name: 'NodePorts',
    concerns: (pod) => pod.ports.length > 0,
    fits: ({ compiled }, entry) => !portsCollide(entry.ports, compiled.ports),
    reasons: always("node(s) didn't have free ports for the requested pod ports", true),
  },
  { name: 'NodeResourcesFit', fits: resourcesFit, reasons: insufficientResources },
  {
    name: 'VolumeBinding',
    concerns: (pod) => pod.claims.length > 0,
    fits: ({ compiled, volumes }, entry) =>
      volumes === undefined || volumesUnfit(compiled, entry.node, volumes) === undefined,
    reasons: ({ compiled, volumes }, entry) => [volumesUnfit(compiled, entry.node, volumes!)!],
  },
  {
    name: 'PodTopologySpread',
    concerns: (pod) => pod.spread.length > 0,
    fits: (pod, entry) => spreadFailure(pod, entry) === undefined,
    reasons: (pod, entry) => [spreadFailure(pod, entry)!],
  },
  {
    name: 'InterPodAffinity',
    fits: (pod, entry) => affinityFailure(pod, entry) === undefined,
    reasons: (pod, entry) => [affinityFailure(pod, entry)!],
  },
]

/** Which filter refuses the pod first, or -1 when it fits. */
export function firstRefusal(pod: ResolvedPod, entry: NodeEntry): number {
  const { filters } = pod
  for (let f = 0; f < filters.length; f++) if (!plugins[filters[f]!]!.fits(pod, entry)) return filters[f]!
  return -1
}

export function explainRefusal(plugin: number, pod: ResolvedPod, entry: NodeEntry): readonly Unfit[] {
  const { name, reasons } = plugins[plugin]!
  return reasons(pod, entry).map((reason) => ({ ...reason, plugin: name }))
}

function resourcesFit({ compiled }: ResolvedPod, entry: NodeEntry): boolean {
  const { allocatable, taken } = entry
  if (entry.pods.length + 1 > allocatable.pods) return false
  if (compiled.requestsNothing) return true
  const { milliCpu, memory, ephemeralStorage } = compiled.requests
  if (milliCpu > 0 && milliCpu > allocatable.milliCpu - taken.milliCpu) return false
  if (memory > 0 && memory > allocatable.memory - taken.memory) return false
  if (ephemeralStorage > 0 && ephemeralStorage > allocatable.ephemeralStorage - taken.ephemeralStorage) return false
  for (const [name, amount] of compiled.scalars) {
    if (amount > (allocatable.scalar.get(name) ?? 0) - (taken.scalar.get(name) ?? 0)) return false
  }
  return true
}

/** Preemption cannot help a pod that asks for more than the whole node offers. */
function insufficientResources({ compiled }: ResolvedPod, entry: NodeEntry): Omit<Unfit, 'plugin'>[] {
  const { allocatable, taken } = entry
  const reasons: Omit<Unfit, 'plugin'>[] = []
  if (entry.pods.length + 1 > allocatable.pods) reasons.push({ reason: 'Too many pods', resolvable: true })
  const compare = (name: string, wanted: number, offered: number, used: number): void => {
    if (wanted > 0 && wanted > offered - used) {
      reasons.push({ reason: `Insufficient ${name}`, resolvable: wanted <= offered })
    }
  }
  const { requests } = compiled
  compare('cpu', requests.milliCpu, allocatable.milliCpu, taken.milliCpu)
  compare('memory', requests.memory, allocatable.memory, taken.memory)
  compare('ephemeral-storage', requests.ephemeralStorage, allocatable.ephemeralStorage, taken.ephemeralStorage)
  for (const [name, amount] of compiled.scalars) {
    compare(name, amount, allocatable.scalar.get(name) ?? 0, taken.scalar.get(name) ?? 0)
  }
  return reasons
}

const skewed: Omit<Unfit, 'plugin'> = {
  reason: "node(s) didn't match pod topology spread constraints",
  resolvable: true,
}
const withoutLabel: Omit<Unfit, 'plugin'> = {
  reason: "node(s) didn't match pod topology spread constraints (missing required label)",
  resolvable: false,
}

function spreadFailure(pod: ResolvedPod, entry: NodeEntry): Omit<Unfit, 'plugin'> | undefined {
  for (let c = 0; c < pod.spread.length; c++) {
    const constraint = pod.compiled.spread[c]!
    const counter = pod.spread[c]!
    const domain = entry.labels?.[constraint.topologyKey]
    if (domain === undefined) return withoutLabel
    const least = counter.domainCount < constraint.minDomains ? 0 : counter.least
    if (counter.count(domain) + constraint.selfMatch - least > constraint.maxSkew) return skewed
  }
  return undefined
}

const affinityUnmet: Omit<Unfit, 'plugin'> = { reason: "node(s) didn't match pod affinity rules", resolvable: false }
const antiAffinityMet: Omit<Unfit, 'plugin'> = {
  reason: "node(s) didn't match pod anti-affinity rules",
  resolvable: true,
}
const othersObject: Omit<Unfit, 'plugin'> = {
  reason: "node(s) didn't satisfy existing pods anti-affinity rules",
  resolvable: true,
}

function affinityFailure(pod: ResolvedPod, entry: NodeEntry): Omit<Unfit, 'plugin'> | undefined {
  if (pod.affinity.length > 0 && !affinityHolds(pod, entry)) return affinityUnmet
  for (const counts of pod.antiAffinity) if (inDomain(counts, entry)) return antiAffinityMet
  for (const { counter } of pod.against) if (inDomain(counter, entry)) return othersObject
  return undefined
}

function inDomain(counts: DomainCounts, entry: NodeEntry): boolean {
  if (counts.total === 0) return false
  const domain = entry.labels?.[counts.topologyKey]
  return domain !== undefined && counts.count(domain) > 0
}

/** The first pod of a series that wants to be with its like may go anywhere where the topology keys exist. */
function affinityHolds(pod: ResolvedPod, entry: NodeEntry): boolean {
  let met = true
  for (const counts of pod.affinity) {
    const domain = entry.labels?.[counts.topologyKey]
    if (domain === undefined) return false
    if (counts.count(domain) <= 0) met = false
  }
  return met || (pod.choosesItself && pod.affinity.every((counts) => counts.total === 0))
}
