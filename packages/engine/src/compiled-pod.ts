import {
  labelRequirementMatches,
  labelRequirements,
  type LabelRequirement,
  type Labels,
  type LabelSelector,
  type Node,
  type Pod,
  type PodAffinityTerm,
  type Toleration,
} from '@plimsoll/model'
import { hostPorts, type HostPort } from './host-ports.ts'
import { compileRequiredNodeAffinity, namedNodes } from './node-affinity.ts'
import { holdsByStatus, podNonZeroRequests, podRequests, type Resources } from './resources.ts'
import { toleratesUnschedulable } from './toleration.ts'

/** Chooses pods by namespace and labels. */
export interface PodSelector {
  /** Equal texts choose equally. */
  readonly key: string
  /** The namespaces by name; undefined means all. */
  readonly namespaces: ReadonlySet<string> | undefined
  /** Namespaces by their labels, besides those named. */
  readonly namespaceSelector: readonly LabelRequirement[] | undefined
  readonly labels: readonly LabelRequirement[]
}

export interface AffinityTerm {
  readonly topologyKey: string
  readonly selector: PodSelector
  /** Of preferred terms; 1 for required ones. */
  readonly weight: number
}

export interface SpreadConstraint {
  readonly topologyKey: string
  readonly maxSkew: number
  readonly minDomains: number
  readonly selector: PodSelector
  /** Whether the pod counts itself. */
  readonly selfMatch: 0 | 1
  readonly honorsAffinity: boolean
  readonly honorsTaints: boolean
}

/** What scheduling needs to know of a pod, worked out once. */
export interface CompiledPod {
  readonly pod: Pod
  readonly requests: Resources
  readonly scalars: readonly (readonly [name: string, amount: number])[]
  readonly requestsNothing: boolean
  readonly nonZero: ReturnType<typeof podNonZeroRequests>
  /** Namespace, labels and whether it is being deleted: pods with equal keys are counted together. */
  readonly populationKey: string
  readonly terminating: boolean
  readonly ports: readonly HostPort[]
  readonly tolerations: readonly Toleration[] | undefined
  readonly toleratesUnschedulable: boolean
  readonly requiredAffinity: ((node: Node) => boolean) | undefined
  readonly namedNodes: ReadonlySet<string> | undefined
  /** Equal texts admit equal nodes. */
  readonly nodeAffinityKey: string
  readonly tolerationKey: string
  readonly spread: readonly SpreadConstraint[]
  readonly softSpread: readonly SpreadConstraint[]
  readonly affinity: readonly AffinityTerm[]
  readonly antiAffinity: readonly AffinityTerm[]
  readonly softAffinity: readonly AffinityTerm[]
  readonly softAntiAffinity: readonly AffinityTerm[]
  /** What it wishes of pods that come later, once it is placed. */
  readonly wishes: readonly { readonly term: AffinityTerm; readonly weight: number }[]
  /** The names of the claims that its volumes stand for. */
  readonly claims: readonly string[]
}

const compiled = new WeakMap<Pod, CompiledPod>()

export function compilePod(pod: Pod): CompiledPod {
  let result = compiled.get(pod)
  if (result === undefined) {
    result = compile(pod)
    compiled.set(pod, result)
  }
  return result
}

/** As `compilePod`, for a pod of which an earlier state is known: most changes are to the status and matter to nobody here. */
export function recompilePod(pod: Pod, earlier: CompiledPod): CompiledPod {
  const before = earlier.pod
  const same =
    pod.spec === before.spec &&
    pod.metadata.labels === before.metadata.labels &&
    pod.metadata.deletionTimestamp === before.metadata.deletionTimestamp &&
    !holdsByStatus(pod) &&
    !holdsByStatus(before)
  if (!same) return compilePod(pod)
  const result = { ...earlier, pod }
  compiled.set(pod, result)
  return result
}

/** Whether one may stand in the other's place without anybody else noticing. */
export function isSameToScheduling(a: CompiledPod, b: CompiledPod): boolean {
  return (
    a.populationKey === b.populationKey &&
    a.requests === b.requests &&
    a.nonZero === b.nonZero &&
    a.ports === b.ports &&
    a.antiAffinity === b.antiAffinity &&
    a.wishes === b.wishes
  )
}

const nothing: readonly never[] = []

function compile(pod: Pod): CompiledPod {
  const requests = podRequests(pod)
  const scalars = [...requests.scalar].filter(([, amount]) => amount !== 0)
  const terminating = pod.metadata.deletionTimestamp !== undefined
  const spread = pod.spec.topologySpreadConstraints
  const { podAffinity, podAntiAffinity } = pod.spec.affinity ?? {}
  const required = pod.spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution
  const affinity = terms(pod, podAffinity?.requiredDuringSchedulingIgnoredDuringExecution)
  const softAffinity = weighted(pod, podAffinity?.preferredDuringSchedulingIgnoredDuringExecution)
  const softAntiAffinity = weighted(pod, podAntiAffinity?.preferredDuringSchedulingIgnoredDuringExecution)
  return {
    pod,
    requests,
    scalars,
    requestsNothing:
      requests.milliCpu === 0 && requests.memory === 0 && requests.ephemeralStorage === 0 && scalars.length === 0,
    nonZero: podNonZeroRequests(pod),
    populationKey: `${pod.metadata.namespace}\n${labelsKey(pod.metadata.labels)}${terminating ? '\n-' : ''}`,
    terminating,
    ports: hostPorts(pod),
    tolerations: pod.spec.tolerations,
    toleratesUnschedulable: toleratesUnschedulable(pod.spec.tolerations),
    requiredAffinity: compileRequiredNodeAffinity(pod),
    namedNodes: namedNodes(pod),
    nodeAffinityKey:
      pod.spec.nodeSelector === undefined && required === undefined ? '' : canonical([pod.spec.nodeSelector, required]),
    tolerationKey: spread === undefined ? '' : canonical(pod.spec.tolerations),
    spread: spreadConstraints(pod, 'DoNotSchedule'),
    softSpread: spreadConstraints(pod, 'ScheduleAnyway'),
    affinity,
    antiAffinity: terms(pod, podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution),
    softAffinity,
    softAntiAffinity,
    wishes: [
      // A required term weighs one towards those who come later (InterPodAffinityArgs.hardPodAffinityWeight).
      ...affinity.map((term) => ({ term, weight: 1 })),
      ...softAffinity.map((term) => ({ term, weight: term.weight })),
      ...softAntiAffinity.map((term) => ({ term, weight: -term.weight })),
    ],
    claims: claimNames(pod),
  }
}

/** Object keys in order, absent values left out: equal texts, equal meaning. */
export function canonical(value: unknown): string {
  return (
    JSON.stringify(value, (_, inner: unknown) =>
      typeof inner === 'object' && inner !== null && !Array.isArray(inner)
        ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
        : inner,
    ) ?? ''
  )
}

const labelKeys = new WeakMap<Labels, string>()

/** Pods of one owner often share their labels object. */
function labelsKey(labels: Labels | undefined): string {
  if (labels === undefined) return ''
  let key = labelKeys.get(labels)
  if (key === undefined) {
    const names = Object.keys(labels).sort()
    key = names.map((name) => `${name}=${labels[name]}`).join(',')
    labelKeys.set(labels, key)
  }
  return key
}

function podSelector(
  namespaces: ReadonlySet<string> | undefined,
  namespaceSelector: readonly LabelRequirement[] | undefined,
  labels: readonly LabelRequirement[],
): PodSelector {
  const key = JSON.stringify([namespaces && [...namespaces].sort(), namespaceSelector, labels])
  return { key, namespaces, namespaceSelector, labels }
}

/** Matches nothing, as an absent label selector does. */
const never: LabelRequirement = { key: '', operator: 'In', values: [] }

function selectorRequirements(
  selector: LabelSelector | undefined,
  pod: Pod,
  keys: { readonly match?: readonly string[] | undefined; readonly mismatch?: readonly string[] | undefined },
): readonly LabelRequirement[] {
  const requirements = labelRequirements(selector)
  if (requirements === undefined) return [never]
  const labels = pod.metadata.labels ?? {}
  const own = (key: string, operator: LabelRequirement['operator']): LabelRequirement[] =>
    labels[key] === undefined ? [] : [{ key, operator, values: [labels[key]] }]
  return [
    ...requirements,
    ...(keys.match ?? nothing).flatMap((key) => own(key, 'In')),
    ...(keys.mismatch ?? nothing).flatMap((key) => own(key, 'NotIn')),
  ]
}

function spreadConstraints(pod: Pod, whenUnsatisfiable: string): readonly SpreadConstraint[] {
  const constraints = pod.spec.topologySpreadConstraints
  if (constraints === undefined || constraints.length === 0) return nothing
  return constraints
    .filter((constraint) => constraint.whenUnsatisfiable === whenUnsatisfiable)
    .map((constraint) => {
      const requirements = selectorRequirements(constraint.labelSelector, pod, { match: constraint.matchLabelKeys })
      return {
        topologyKey: constraint.topologyKey,
        maxSkew: constraint.maxSkew,
        minDomains: constraint.minDomains ?? 1,
        selector: podSelector(new Set([pod.metadata.namespace]), undefined, requirements),
        selfMatch: requirements.every((r) => labelRequirementMatches(r, pod.metadata.labels)) ? 1 : 0,
        honorsAffinity: constraint.nodeAffinityPolicy !== 'Ignore',
        honorsTaints: constraint.nodeTaintsPolicy === 'Honor',
      }
    })
}

function terms(pod: Pod, list: readonly PodAffinityTerm[] | undefined): readonly AffinityTerm[] {
  return list === undefined ? nothing : list.map((term) => compileTerm(pod, term, 1))
}

function weighted(
  pod: Pod,
  list: readonly { readonly podAffinityTerm: PodAffinityTerm; readonly weight: number }[] | undefined,
): readonly AffinityTerm[] {
  return list === undefined ? nothing : list.map((item) => compileTerm(pod, item.podAffinityTerm, item.weight))
}

/** A term without namespaces and namespace selector means the pod's own namespace; an empty selector means all. */
function compileTerm(pod: Pod, term: PodAffinityTerm, weight: number): AffinityTerm {
  const byLabels = labelRequirements(term.namespaceSelector)
  const names = term.namespaces ?? nothing
  const own = names.length === 0 && byLabels === undefined
  const everywhere = byLabels !== undefined && byLabels.length === 0
  const labels = selectorRequirements(term.labelSelector, pod, {
    match: term.matchLabelKeys,
    mismatch: term.mismatchLabelKeys,
  })
  const selector = everywhere
    ? podSelector(undefined, undefined, labels)
    : podSelector(new Set(own ? [pod.metadata.namespace] : names), byLabels, labels)
  return { topologyKey: term.topologyKey, selector, weight }
}

function claimNames(pod: Pod): readonly string[] {
  let names: string[] | undefined
  for (const volume of pod.spec.volumes ?? nothing) {
    if (volume.persistentVolumeClaim !== undefined) (names ??= []).push(volume.persistentVolumeClaim.claimName)
    // A generic ephemeral volume has a claim of its own, named after the pod and the volume.
    else if (volume.ephemeral !== undefined) (names ??= []).push(`${pod.metadata.name}-${volume.name}`)
  }
  return names ?? nothing
}
