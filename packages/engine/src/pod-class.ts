import {
  type LabelRequirement,
  labelRequirementMatches,
  labelRequirements,
  type Labels,
  type LabelSelector,
  type Node,
  own,
  type Pod,
  type PodAffinityTerm,
  type Toleration,
} from '@plimsoll/model'
import { hostPorts, type HostPort } from './host-ports.ts'
import { compileRequiredNodeAffinity, namedNodes } from './node-affinity.ts'
import { isReplicated, PodWords } from './pod-words.ts'
import { holdsByStatus, podNonZeroRequests, podRequests, type Resources } from './resources.ts'
import { toleratesUnschedulable } from './toleration.ts'
import { podVolumes, type PodVolume } from './volumes/pod-volumes.ts'

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

/**
 * Pods that are the same to scheduling: what it needs to know of them, worked out once. Names, owners, images and
 * environment do not count, nor does the node that a pod may already have.
 */
export interface PodClass {
  /** Grows with every class made; for tables by class. */
  readonly id: number
  /** The first such pod. Only what the class tells may be read from it. */
  readonly sample: Pod
  readonly namespace: string
  readonly labels: Labels | undefined
  readonly requests: Resources
  readonly scalars: readonly (readonly [name: string, amount: number])[]
  readonly requestsNothing: boolean
  readonly nonZero: ReturnType<typeof podNonZeroRequests>
  readonly priority: number
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
  /** Whether the pod spreads at all by its own constraints; else the cluster's defaults hold. */
  readonly hasSpread: boolean
  readonly spread: readonly SpreadConstraint[]
  readonly softSpread: readonly SpreadConstraint[]
  readonly affinity: readonly AffinityTerm[]
  readonly antiAffinity: readonly AffinityTerm[]
  readonly softAffinity: readonly AffinityTerm[]
  readonly softAntiAffinity: readonly AffinityTerm[]
  /** What it wishes of pods that come later, once it is placed. */
  readonly wishes: readonly { readonly term: AffinityTerm; readonly weight: number }[]
  /** Those that scheduling looks at. */
  readonly volumes: readonly PodVolume[]
  /** The names of the claims among them. */
  readonly claims: readonly string[]
  /** Whether it is one of several by its controller: ReplicaSet, StatefulSet or ReplicationController. */
  readonly replicated: boolean
}

const byPod = new WeakMap<Pod, PodClass>()
/** Bounded, and not by meaning: pods that are the same may come to have two classes. */
const byWords = new PodWords<PodClass>(compile, 20_000)
let made = 0

/** The class of the pod; pods made from one template have one. Takes a few microseconds the first time, then none. */
export function classOf(pod: Pod): PodClass {
  let found = byPod.get(pod)
  if (found === undefined) {
    found = byWords.get(pod)
    byPod.set(pod, found)
  }
  return found
}

/** As `podRequests` of resources.ts, worked out once for each class. */
export function requestsOf(pod: Pod): Resources {
  return classOf(pod).requests
}

/** Says that the pod differs from another only in what does not count here, so that its class need not be looked up. */
export function declareAlike(pod: Pod, other: Pod): void {
  byPod.set(pod, classOf(other))
}

/** As `classOf`, for a pod of which an earlier state is known: most changes are to the status and matter to nobody here. */
export function reclassOf(pod: Pod, before: Pod, earlier: PodClass): PodClass {
  const same =
    pod.spec === before.spec &&
    pod.metadata.labels === before.metadata.labels &&
    pod.metadata.deletionTimestamp === before.metadata.deletionTimestamp &&
    pod.status?.resourceClaimStatuses === before.status?.resourceClaimStatuses &&
    !holdsByStatus(pod) &&
    !holdsByStatus(before)
  return same ? earlier : classOf(pod)
}

const nothing: readonly never[] = []

const keys = new WeakMap<PodClass, string>()

/**
 * Pods with equal keys are the same to scheduling, however their objects say it: equal namespace, labels, requests,
 * constraints, ports, volumes and priority.
 */
export function podClassKey(pod: Pod): string {
  const found = classOf(pod)
  let key = keys.get(found)
  if (key === undefined) {
    const { spec } = found.sample
    key = canonical([
      found.populationKey,
      [found.requests.milliCpu, found.requests.memory, found.requests.ephemeralStorage, ...found.scalars],
      [found.nonZero.milliCpu, found.nonZero.memory],
      spec.nodeSelector ?? {},
      spec.affinity ?? {},
      spec.tolerations ?? [],
      spec.topologySpreadConstraints ?? [],
      found.ports,
      found.volumes,
      // Device claims belong to the pod or are reserved for it.
      (spec.resourceClaims ?? nothing).length === 0
        ? []
        : [
            found.sample.metadata.name,
            found.sample.metadata.uid,
            spec.resourceClaims,
            found.sample.status?.resourceClaimStatuses,
          ],
      [found.priority, spec.preemptionPolicy ?? '', spec.schedulerName ?? '', found.replicated],
    ])
    keys.set(found, key)
  }
  return key
}

function compile(pod: Pod): PodClass {
  const { metadata, spec } = pod
  const requests = podRequests(pod)
  const scalars = [...requests.scalar].filter(([, amount]) => amount !== 0)
  const nonZero = podNonZeroRequests(pod)
  const terminating = metadata.deletionTimestamp !== undefined
  const populationKey = `${metadata.namespace}\n${labelsKey(metadata.labels)}${terminating ? '\n-' : ''}`
  const ports = hostPorts(pod)
  const volumes = podVolumes(pod)
  const replicated = isReplicated(pod)
  const priority = spec.priority ?? 0
  const constraints = spec.topologySpreadConstraints
  const { podAffinity, podAntiAffinity } = spec.affinity ?? {}
  const required = spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution
  const affinity = terms(pod, podAffinity?.requiredDuringSchedulingIgnoredDuringExecution)
  const softAffinity = weighted(pod, podAffinity?.preferredDuringSchedulingIgnoredDuringExecution)
  const softAntiAffinity = weighted(pod, podAntiAffinity?.preferredDuringSchedulingIgnoredDuringExecution)
  return {
    id: made++,
    sample: pod,
    namespace: metadata.namespace,
    labels: metadata.labels,
    requests,
    scalars,
    requestsNothing:
      requests.milliCpu === 0 && requests.memory === 0 && requests.ephemeralStorage === 0 && scalars.length === 0,
    nonZero,
    priority,
    populationKey,
    terminating,
    ports,
    tolerations: spec.tolerations,
    toleratesUnschedulable: toleratesUnschedulable(spec.tolerations),
    requiredAffinity: compileRequiredNodeAffinity(pod),
    namedNodes: namedNodes(pod),
    nodeAffinityKey:
      spec.nodeSelector === undefined && required === undefined ? '' : JSON.stringify([spec.nodeSelector, required]),
    tolerationKey: spec.tolerations === undefined ? '' : JSON.stringify(spec.tolerations),
    hasSpread: constraints !== undefined && constraints.length > 0,
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
    volumes,
    claims:
      volumes.length === 0 ? nothing : volumes.flatMap((volume) => (volume.kind === 'claim' ? [volume.name] : [])),
    replicated,
  }
}

/** Object keys in order, absent values left out: equal texts, equal meaning. */
function canonical(value: unknown): string {
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
  const its = (key: string, operator: LabelRequirement['operator']): LabelRequirement[] => {
    const value = own(labels, key)
    return value === undefined ? [] : [{ key, operator, values: [value] }]
  }
  return [
    ...requirements,
    ...(keys.match ?? nothing).flatMap((key) => its(key, 'In')),
    ...(keys.mismatch ?? nothing).flatMap((key) => its(key, 'NotIn')),
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
        // One that asks for nothing chooses the pod itself but counts none (podtopologyspread/common.go, countPodsMatchSelector).
        selector: podSelector(
          new Set([pod.metadata.namespace]),
          undefined,
          requirements.length === 0 ? [never] : requirements,
        ),
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
