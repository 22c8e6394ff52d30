// kube-scheduler's filters written down from their documentation, one after the other, over plain objects: every question
// is answered by looking at every pod on every node, nothing is remembered, and no line is shared with the engine. For tests.
// (kubernetes.io: assign-pod-node, taint-and-toleration, topology-spread-constraints, manage-resources-containers,
// sidecar-containers, pod-overhead, pod-level-resources, resize-container-resources.)

import type {
  Container,
  Labels,
  LabelSelector,
  Node,
  NodeSelectorRequirement,
  Pod,
  PodAffinityTerm,
  Taint,
  Toleration,
  TopologySpreadConstraint,
} from '@plimsoll/model'
import { deviceComplaint, deviceRefusal, type NaiveDevices } from './naive-devices.ts'
import { milliOf, nanoOf, wholeOf } from './naive-quantity.ts'
import { selects, selectsNode } from './naive-selector.ts'
import {
  bindingComplaints,
  exceedsLimits,
  isInOtherZone,
  isTaken,
  podComplaint,
  sharesDisk,
  type NaiveStorage,
} from './naive-volumes.ts'

export interface NaiveNode {
  readonly node: Node
  readonly pods: readonly Pod[]
}

export interface NaiveCluster {
  readonly nodes: readonly NaiveNode[]
  readonly namespaces: { readonly [name: string]: Labels }
  /** For pods of a controller that have no spread constraints of their own; each selects the pods with its labels. */
  readonly spreadDefaults: readonly TopologySpreadConstraint[]
  readonly storage: NaiveStorage
  readonly devices: NaiveDevices
}

/** One filter's refusal of a pod on a node. */
export interface Refusal {
  readonly plugin: string
  readonly reason: string
  /** Whether other pods' going could help. */
  readonly resolvable: boolean
}

/** What keeps the pod off every node, whatever the node. */
export function podRefusal({ storage, devices }: NaiveCluster, pod: Pod): Refusal | undefined {
  const ofVolumes = podComplaint(storage, pod)
  if (ofVolumes !== undefined) return { plugin: ofVolumes[0], reason: ofVolumes[1], resolvable: false }
  const reason = deviceComplaint(devices, pod)
  return reason === undefined ? undefined : { plugin: 'DynamicResources', reason, resolvable: false }
}

type Filter = (pod: Pod, at: NaiveNode, cluster: NaiveCluster) => readonly Omit<Refusal, 'plugin'>[]

const fine: readonly never[] = []

function lasting(reason: string): readonly Omit<Refusal, 'plugin'>[] {
  return [{ reason, resolvable: false }]
}

function passing(reason: string): readonly Omit<Refusal, 'plugin'>[] {
  return [{ reason, resolvable: true }]
}

/** What every filter says against the pod on the node, in the order in which kube-scheduler runs them. */
export function refusals(cluster: NaiveCluster, pod: Pod, at: NaiveNode): readonly (readonly Refusal[])[] {
  const all: Refusal[][] = []
  for (const [plugin, filter] of filters) {
    const reasons = filter(pod, at, cluster)
    if (reasons.length > 0) all.push(reasons.map((reason) => ({ plugin, ...reason })))
  }
  return all
}

/** The pod's node selector and the node affinity that it requires. */
function admitsNode(pod: Pod, node: Node): boolean {
  for (const [key, value] of Object.entries(pod.spec.nodeSelector ?? {})) {
    if (node.metadata.labels?.[key] !== value) return false
  }
  const required = pod.spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution
  return required === undefined || selectsNode(required, node)
}

// Taints.

function tolerates({ key, operator, value, effect }: Toleration, taint: Taint): boolean {
  if (effect && effect !== taint.effect) return false
  if (key && key !== taint.key) return false
  if (operator === 'Exists') return true
  // Behind a feature gate that is off by default: they tolerate nothing.
  if (operator === 'Gt' || operator === 'Lt') return false
  return (value ?? '') === (taint.value ?? '')
}

function isTolerated(pod: Pod, taint: Taint): boolean {
  return (pod.spec.tolerations ?? []).some((toleration) => tolerates(toleration, taint))
}

function keepsOff(node: Node, pod: Pod): boolean {
  return (node.spec.taints ?? []).some((taint) => taint.effect !== 'PreferNoSchedule' && !isTolerated(pod, taint))
}

// What pods take.

function containersOf(pod: Pod): { readonly running: readonly Container[]; readonly starting: readonly Container[] } {
  const starting = pod.spec.initContainers ?? []
  return { starting, running: [...pod.spec.containers, ...starting.filter(isSidecar)] }
}

function isSidecar(container: Container): boolean {
  return container.restartPolicy === 'Always'
}

/** Billionths of the resource that the container asks for; after a resize in place, also what it was given counts. */
function containerRequest(pod: Pod, container: Container, resource: string, isInit: boolean): bigint {
  const asked = nanoOf(container.resources?.requests?.[resource])
  const statuses = isInit ? pod.status?.initContainerStatuses : pod.status?.containerStatuses
  const status = (statuses ?? []).find(({ name }) => name === container.name)
  if (status?.resources === undefined || (isInit && !isSidecar(container))) return asked
  const held = [nanoOf(status.resources.requests?.[resource]), nanoOf(status.allocatedResources?.[resource])]
  const pending = (pod.status?.conditions ?? []).find(({ type }) => type === 'PodResizePending')
  return largest(pending?.reason === 'Infeasible' ? held : [...held, asked])
}

function largest(values: readonly bigint[]): bigint {
  return values.reduce((max, value) => (value > max ? value : max), 0n)
}

function sum(values: readonly bigint[]): bigint {
  return values.reduce((total, value) => total + value, 0n)
}

/** Billionths of the resource that the node must have for the pod: the most that it needs at any time. */
function podRequest(pod: Pod, resource: string): bigint {
  const init = pod.spec.initContainers ?? []
  const ofInit = init.map((container) => containerRequest(pod, container, resource, true))
  const sidecarsUntil = (end: number): bigint => sum(ofInit.filter((_, i) => i < end && isSidecar(init[i]!)))
  // Each init container runs beside the sidecars that were started before it.
  const starting = init.map((_, i) => ofInit[i]! + sidecarsUntil(i))
  const running =
    sum(pod.spec.containers.map((container) => containerRequest(pod, container, resource, false))) +
    sidecarsUntil(init.length)
  const ofPod = pod.spec.resources?.requests?.[resource]
  const isPodLevel = resource === 'cpu' || resource === 'memory' || resource.startsWith('hugepages-')
  const request = ofPod !== undefined && isPodLevel ? nanoOf(ofPod) : largest([running, ...starting])
  return request + nanoOf(pod.spec.overhead?.[resource])
}

function isScalar(resource: string): boolean {
  return resource.includes('/') || resource.startsWith('hugepages-') || resource.startsWith('attachable-volumes-')
}

/** CPU, memory, ephemeral storage, and the other resources that the pod asks for, by name. */
function resourcesOf(pod: Pod): readonly string[] {
  const lists = [
    ...[...pod.spec.containers, ...(pod.spec.initContainers ?? [])].map((container) => container.resources?.requests),
    ...[...(pod.status?.containerStatuses ?? []), ...(pod.status?.initContainerStatuses ?? [])].flatMap((status) => [
      status.resources?.requests,
      status.allocatedResources,
    ]),
    pod.spec.resources?.requests,
    pod.spec.overhead,
  ]
  const scalars = new Set(lists.flatMap((list) => Object.keys(list ?? {}).filter(isScalar)))
  return ['cpu', 'memory', 'ephemeral-storage', ...[...scalars].sort()]
}

/** CPU in thousandths, the rest in whole units; rounded up for each pod. */
export function amountOf(pod: Pod, resource: string): number {
  return counted(resource, podRequest(pod, resource))
}

function counted(resource: string, nano: bigint): number {
  return resource === 'cpu' ? milliOf(nano) : wholeOf(nano)
}

// The filters.

const onlyNamedNodes: Filter = (pod, { node }) => {
  const terms = pod.spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? []
  const namesOf = terms.map(({ matchFields = [] }) => matchFields.filter(({ operator }) => operator === 'In'))
  if (terms.length === 0 || namesOf.some((fields) => fields.length === 0)) return fine
  const isNamed = namesOf.some((fields) => fields.every(({ values = [] }) => values.includes(node.metadata.name)))
  return isNamed ? fine : lasting("node(s) didn't satisfy plugin(s) [NodeAffinity]")
}

const unschedulable: Filter = (pod, { node }) => {
  if (node.spec.unschedulable !== true) return fine
  const cordon = { key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' }
  return isTolerated(pod, cordon) ? fine : lasting('node(s) were unschedulable')
}

const nodeName: Filter = ({ spec }, { node }) =>
  !spec.nodeName || spec.nodeName === node.metadata.name
    ? fine
    : lasting("node(s) didn't match the requested node name")

const taints: Filter = (pod, { node }) => (keepsOff(node, pod) ? lasting('node(s) had untolerated taint(s)') : fine)

const nodeAffinity: Filter = (pod, { node }) =>
  admitsNode(pod, node) ? fine : lasting("node(s) didn't match Pod's node affinity/selector")

interface Port {
  readonly protocol: string
  readonly port: number
  readonly ip: string
}

function portsOf(pod: Pod): readonly Port[] {
  return containersOf(pod).running.flatMap(({ ports = [] }) =>
    ports.flatMap(({ hostPort, hostIP, protocol }) =>
      hostPort ? [{ port: hostPort, ip: hostIP || '0.0.0.0', protocol: protocol ?? 'TCP' }] : [],
    ),
  )
}

const ports: Filter = (pod, { pods }) => {
  const taken = pods.flatMap(portsOf)
  const clash = portsOf(pod).some((want) =>
    taken.some(
      ({ protocol, port, ip }) =>
        protocol === want.protocol &&
        port === want.port &&
        (ip === want.ip || ip === '0.0.0.0' || want.ip === '0.0.0.0'),
    ),
  )
  return clash ? passing("node(s) didn't have free ports for the requested pod ports") : fine
}

const resources: Filter = (pod, { node, pods }) => {
  const offered = (resource: string): bigint => nanoOf(node.status?.allocatable?.[resource])
  const reasons: Omit<Refusal, 'plugin'>[] = []
  if (pods.length + 1 > wholeOf(offered('pods'))) reasons.push({ reason: 'Too many pods', resolvable: true })
  for (const resource of resourcesOf(pod)) {
    const wanted = amountOf(pod, resource)
    if (wanted === 0) continue
    const all = counted(resource, offered(resource))
    let used = 0
    for (const other of pods) used += amountOf(other, resource)
    if (wanted > all - used) reasons.push({ reason: `Insufficient ${resource}`, resolvable: wanted <= all })
  }
  return reasons
}

/** The selector, and for each of the keys that the pod has, its own value. */
function withKeys(
  pod: Pod,
  selector: LabelSelector | undefined,
  match: readonly string[] = [],
  mismatch: readonly string[] = [],
): LabelSelector | undefined {
  if (selector === undefined) return undefined
  const own = (keys: readonly string[], operator: string): NodeSelectorRequirement[] =>
    keys.flatMap((key) => {
      const value = pod.metadata.labels?.[key]
      return value === undefined ? [] : [{ key, operator, values: [value] }]
    })
  const expressions = [...(selector.matchExpressions ?? []), ...own(match, 'In'), ...own(mismatch, 'NotIn')]
  return { ...selector, matchExpressions: expressions }
}

const topologySpread: Filter = (pod, { node }, cluster) => {
  const hard = spreadOf(pod, cluster).filter((constraint) => constraint.whenUnsatisfiable === 'DoNotSchedule')
  for (const constraint of hard) {
    const domain = node.metadata.labels?.[constraint.topologyKey]
    if (domain === undefined) {
      return lasting("node(s) didn't match pod topology spread constraints (missing required label)")
    }
    const selector = withKeys(pod, constraint.labelSelector, constraint.matchLabelKeys)
    const counts = new Map<string, number>()
    for (const other of cluster.nodes) {
      if (!takesPart(pod, other.node, constraint, hard)) continue
      const its = other.node.metadata.labels![constraint.topologyKey]!
      let matching = 0
      for (const { metadata } of other.pods) {
        if (metadata.namespace !== pod.metadata.namespace || metadata.deletionTimestamp !== undefined) continue
        if (!isEmpty(selector) && selects(selector, metadata.labels)) matching++
      }
      counts.set(its, (counts.get(its) ?? 0) + matching)
    }
    const least = counts.size < (constraint.minDomains ?? 1) ? 0 : Math.min(...counts.values())
    const itself = selects(selector, pod.metadata.labels) ? 1 : 0
    if ((counts.get(domain) ?? 0) + itself - least > constraint.maxSkew) {
      return passing("node(s) didn't match pod topology spread constraints")
    }
  }
  return fine
}

/** A selector without a requirement counts no pod here, though it chooses all. */
function isEmpty(selector: LabelSelector | undefined): boolean {
  if (selector === undefined) return false
  return Object.keys(selector.matchLabels ?? {}).length + (selector.matchExpressions ?? []).length === 0
}

function spreadOf(pod: Pod, cluster: NaiveCluster): readonly TopologySpreadConstraint[] {
  const own = pod.spec.topologySpreadConstraints ?? []
  if (own.length > 0) return own
  const isReplica = (pod.metadata.ownerReferences ?? []).some(({ controller }) => controller === true)
  const labelSelector: LabelSelector = { matchLabels: pod.metadata.labels }
  return isReplica && !isEmpty(labelSelector)
    ? cluster.spreadDefaults.map((constraint) => ({ ...constraint, labelSelector }))
    : []
}

/** Nodes count that have all the keys and that, by the constraint's policies, the pod could go to. */
function takesPart(
  pod: Pod,
  node: Node,
  constraint: TopologySpreadConstraint,
  hard: readonly TopologySpreadConstraint[],
): boolean {
  if (!hard.every(({ topologyKey }) => node.metadata.labels?.[topologyKey] !== undefined)) return false
  if (constraint.nodeAffinityPolicy !== 'Ignore' && !admitsNode(pod, node)) return false
  return constraint.nodeTaintsPolicy !== 'Honor' || !keepsOff(node, pod)
}

const interPodAffinity: Filter = (pod, at, cluster) => {
  const together = (key: string, node: Node): boolean =>
    at.node.metadata.labels?.[key] !== undefined && at.node.metadata.labels[key] === node.metadata.labels?.[key]
  const everywhere = cluster.nodes.flatMap(({ node, pods }) => pods.map((other) => ({ node, other })))

  const wanted = pod.spec.affinity?.podAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []
  if (wanted.length > 0) {
    const unmet = lasting("node(s) didn't match pod affinity rules")
    if (wanted.some(({ topologyKey }) => at.node.metadata.labels?.[topologyKey] === undefined)) return unmet
    // A pod that one term chooses and another does not helps neither.
    const liked = everywhere.filter(({ other }) => wanted.every((term) => chooses(cluster, pod, term, other)))
    const here = wanted.every((term) => liked.some(({ node }) => together(term.topologyKey, node)))
    const somewhere = liked.some(({ node }) =>
      wanted.some(({ topologyKey }) => node.metadata.labels?.[topologyKey] !== undefined),
    )
    // The first of a series that wants to be with its like may go anywhere.
    const isFirst = !somewhere && wanted.every((term) => chooses(cluster, pod, term, pod))
    if (!here && !isFirst) return unmet
  }

  const unwanted = pod.spec.affinity?.podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []
  for (const term of unwanted) {
    for (const { node, other } of everywhere) {
      if (together(term.topologyKey, node) && chooses(cluster, pod, term, other)) {
        return passing("node(s) didn't match pod anti-affinity rules")
      }
    }
  }
  for (const { node, other } of everywhere) {
    for (const term of other.spec.affinity?.podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []) {
      if (together(term.topologyKey, node) && chooses(cluster, other, term, pod)) {
        return passing("node(s) didn't satisfy existing pods anti-affinity rules")
      }
    }
  }
  return fine
}

/** Whether the owner's term means the other pod: its namespace and its labels. */
function chooses(cluster: NaiveCluster, owner: Pod, term: PodAffinityTerm, other: Pod): boolean {
  const { namespace, labels } = other.metadata
  const { namespaces = [], namespaceSelector } = term
  const isOwn = namespaces.length === 0 && namespaceSelector === undefined && namespace === owner.metadata.namespace
  if (!isOwn && !namespaces.includes(namespace) && !selects(namespaceSelector, cluster.namespaces[namespace])) {
    return false
  }
  return selects(withKeys(owner, term.labelSelector, term.matchLabelKeys, term.mismatchLabelKeys), labels)
}

const volumeRestrictions: Filter = (pod, { pods }, { nodes, storage }) => {
  if (sharesDisk(pod, pods)) return passing('node(s) had no available disk')
  const everywhere = nodes.flatMap((node) => node.pods)
  return isTaken(storage, pod, everywhere)
    ? passing(
        'node(s) unavailable due to PersistentVolumeClaim with ReadWriteOncePod access mode already in-use by another pod',
      )
    : fine
}

const volumeLimits: Filter = (pod, { node, pods }, { storage }) =>
  exceedsLimits(storage, pod, node, pods) ? passing('node(s) exceed max volume count') : fine

const volumeBinding: Filter = (pod, { node }, { storage }) => bindingComplaints(storage, pod, node).flatMap(lasting)

const volumeZone: Filter = (pod, { node }, { storage }) =>
  isInOtherZone(storage, pod, node) ? lasting('node(s) had no available volume zone') : fine

const dynamicResources: Filter = (pod, { node }, { devices }) => {
  const reason = deviceRefusal(devices, pod, node)
  return reason === undefined ? fine : lasting(reason)
}

const filters: readonly (readonly [plugin: string, filter: Filter])[] = [
  ['NodeAffinity', onlyNamedNodes],
  ['NodeUnschedulable', unschedulable],
  ['NodeName', nodeName],
  ['TaintToleration', taints],
  ['NodeAffinity', nodeAffinity],
  ['NodePorts', ports],
  ['NodeResourcesFit', resources],
  ['VolumeRestrictions', volumeRestrictions],
  ['NodeVolumeLimits', volumeLimits],
  ['VolumeBinding', volumeBinding],
  ['VolumeZone', volumeZone],
  ['PodTopologySpread', topologySpread],
  ['InterPodAffinity', interPodAffinity],
  ['DynamicResources', dynamicResources],
]
