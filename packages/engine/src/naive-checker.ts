// The same questions answered the obvious way, by looking at every pod on every node each time. For tests.

import {
  labelSelectorMatches,
  milliValue,
  wholeValue,
  type LabelSelector,
  type Labels,
  type Node,
  type Pod,
  type PodAffinityTerm,
  type Taint,
} from '@plimsoll/model'

export interface NaiveNode {
  readonly node: Node
  readonly pods: readonly Pod[]
}

export interface NaiveCluster {
  readonly nodes: readonly NaiveNode[]
  readonly namespaces: { readonly [name: string]: Labels }
}

/** The reasons of the first filter that refuses; empty when the pod fits. */
export function naiveReasons(cluster: NaiveCluster, pod: Pod, at: NaiveNode): readonly string[] {
  const filters = [
    onlyNamedNodes,
    unschedulable,
    nodeName,
    taints,
    nodeAffinity,
    ports,
    resources,
    topologySpread,
    interPodAffinity,
  ]
  for (const filter of filters) {
    const reasons = filter(pod, at, cluster)
    if (reasons.length > 0) return reasons
  }
  return []
}

type Filter = (pod: Pod, at: NaiveNode, cluster: NaiveCluster) => readonly string[]

const onlyNamedNodes: Filter = (pod, { node }) => {
  const terms = pod.spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? []
  const fields = terms.map((term) => (term.matchFields ?? []).filter((field) => field.operator === 'In'))
  if (terms.length === 0 || fields.some((list) => list.length === 0)) return []
  const named = fields.some((list) => list.every((field) => field.values!.includes(node.metadata.name)))
  return named ? [] : ["node(s) didn't satisfy plugin(s) [NodeAffinity]"]
}

const unschedulable: Filter = (pod, { node }) => {
  if (node.spec.unschedulable !== true) return []
  const taint = { key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' }
  return tolerated(pod, taint) ? [] : ['node(s) were unschedulable']
}

const nodeName: Filter = (pod, { node }) =>
  (pod.spec.nodeName ?? node.metadata.name) === node.metadata.name
    ? []
    : ["node(s) didn't match the requested node name"]

const taints: Filter = (pod, { node }) => (keepsOff(node, pod) ? ['node(s) had untolerated taint(s)'] : [])

function keepsOff(node: Node, pod: Pod): boolean {
  return (node.spec.taints ?? []).some((taint) => taint.effect !== 'PreferNoSchedule' && !tolerated(pod, taint))
}

function tolerated(pod: Pod, taint: Taint): boolean {
  return (pod.spec.tolerations ?? []).some(
    (toleration) =>
      (!toleration.effect || toleration.effect === taint.effect) &&
      (!toleration.key || toleration.key === taint.key) &&
      (toleration.operator === 'Exists' || (toleration.value ?? '') === (taint.value ?? '')),
  )
}

const nodeAffinity: Filter = (pod, { node }) =>
  admitsNode(pod, node) ? [] : ["node(s) didn't match Pod's node affinity/selector"]

function admitsNode(pod: Pod, node: Node): boolean {
  const labels = node.metadata.labels ?? {}
  if (!Object.entries(pod.spec.nodeSelector ?? {}).every(([key, value]) => labels[key] === value)) return false
  const required = pod.spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution
  if (required === undefined) return true
  return required.nodeSelectorTerms.some((term) => {
    const expressions = term.matchExpressions ?? []
    const fields = term.matchFields ?? []
    if (expressions.length + fields.length === 0) return false
    return (
      labelSelectorMatches({ matchExpressions: expressions }, labels) &&
      labelSelectorMatches({ matchExpressions: fields }, { 'metadata.name': node.metadata.name })
    )
  })
}

const ports: Filter = (pod, { pods }) => {
  const portsOf = (p: Pod): { ip: string; port: string }[] =>
    p.spec.containers.flatMap((c) =>
      (c.ports ?? [])
        .filter((port) => (port.hostPort ?? 0) > 0)
        .map((port) => ({ ip: port.hostIP || '0.0.0.0', port: `${port.hostPort}/${port.protocol ?? 'TCP'}` })),
    )
  const taken = pods.flatMap(portsOf)
  const clash = portsOf(pod).some((want) =>
    taken.some((t) => t.port === want.port && (t.ip === want.ip || t.ip === '0.0.0.0' || want.ip === '0.0.0.0')),
  )
  return clash ? ["node(s) didn't have free ports for the requested pod ports"] : []
}

const resources: Filter = (pod, { node, pods }) => {
  const offered = node.status!.allocatable!
  const reasons: string[] = []
  if (pods.length + 1 > wholeValue(offered['pods'])) reasons.push('Too many pods')
  const valueOf = (name: string, text: string | number | undefined): number =>
    name === 'cpu' ? milliValue(text) : wholeValue(text)
  const requestOf = (p: Pod, name: string): number =>
    p.spec.containers.reduce((sum, c) => sum + valueOf(name, c.resources?.requests?.[name]), 0)
  for (const name of ['cpu', 'memory', 'ephemeral-storage', 'example.com/gpu']) {
    const wanted = requestOf(pod, name)
    const used = pods.reduce((sum, p) => sum + requestOf(p, name), 0)
    if (wanted > 0 && used + wanted > valueOf(name, offered[name])) reasons.push(`Insufficient ${name}`)
  }
  return reasons
}

const topologySpread: Filter = (pod, { node }, cluster) => {
  const constraints = (pod.spec.topologySpreadConstraints ?? []).filter((c) => c.whenUnsatisfiable === 'DoNotSchedule')
  for (const constraint of constraints) {
    const own = node.metadata.labels?.[constraint.topologyKey]
    if (own === undefined) return ["node(s) didn't match pod topology spread constraints (missing required label)"]
    const selector = withKeys(constraint.labelSelector, constraint.matchLabelKeys, pod)
    const counts = new Map<string, number>()
    for (const other of cluster.nodes) {
      const labels = other.node.metadata.labels ?? {}
      if (!constraints.every((c) => labels[c.topologyKey] !== undefined)) continue
      if (constraint.nodeAffinityPolicy !== 'Ignore' && !admitsNode(pod, other.node)) continue
      if (constraint.nodeTaintsPolicy === 'Honor' && keepsOff(other.node, pod)) continue
      const domain = labels[constraint.topologyKey]!
      const matching = other.pods.filter(
        (p) =>
          p.metadata.namespace === pod.metadata.namespace &&
          p.metadata.deletionTimestamp === undefined &&
          labelSelectorMatches(selector, p.metadata.labels),
      )
      counts.set(domain, (counts.get(domain) ?? 0) + matching.length)
    }
    const least = counts.size < (constraint.minDomains ?? 1) ? 0 : Math.min(...counts.values())
    const self = labelSelectorMatches(selector, pod.metadata.labels) ? 1 : 0
    if ((counts.get(own) ?? 0) + self - least > constraint.maxSkew) {
      return ["node(s) didn't match pod topology spread constraints"]
    }
  }
  return []
}

function withKeys(
  selector: LabelSelector | undefined,
  keys: readonly string[] | undefined,
  pod: Pod,
): LabelSelector | undefined {
  if (selector === undefined) return undefined
  const own = (keys ?? []).flatMap((key) => {
    const value = pod.metadata.labels?.[key]
    return value === undefined ? [] : [{ key, operator: 'In', values: [value] }]
  })
  return { ...selector, matchExpressions: [...(selector.matchExpressions ?? []), ...own] }
}

const interPodAffinity: Filter = (pod, at, cluster) => {
  const chooses = (owner: Pod, term: PodAffinityTerm, other: Pod): boolean => {
    const { namespace } = other.metadata
    const named = term.namespaces ?? []
    const inNamespace =
      named.includes(namespace) ||
      labelSelectorMatches(term.namespaceSelector, cluster.namespaces[namespace]) ||
      (named.length === 0 && term.namespaceSelector === undefined && namespace === owner.metadata.namespace)
    return (
      inNamespace &&
      labelSelectorMatches(withKeys(term.labelSelector, term.matchLabelKeys, owner), other.metadata.labels)
    )
  }
  const sameDomain = (key: string, a: Node, b: Node): boolean =>
    a.metadata.labels?.[key] !== undefined && a.metadata.labels[key] === b.metadata.labels?.[key]
  const everywhere = cluster.nodes.flatMap(({ node, pods }) => pods.map((other) => ({ node, other })))

  const wanted = pod.spec.affinity?.podAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []
  if (wanted.length > 0) {
    const unmet = ["node(s) didn't match pod affinity rules"]
    const all = (other: Pod): boolean => wanted.every((term) => chooses(pod, term, other))
    if (wanted.some((term) => at.node.metadata.labels?.[term.topologyKey] === undefined)) return unmet
    const here = wanted.every((term) =>
      everywhere.some(({ node, other }) => all(other) && sameDomain(term.topologyKey, node, at.node)),
    )
    const anywhere = everywhere.some(
      ({ node, other }) => all(other) && wanted.some((term) => node.metadata.labels?.[term.topologyKey] !== undefined),
    )
    if (!here && (anywhere || !all(pod))) return unmet
  }
  for (const term of pod.spec.affinity?.podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []) {
    if (
      everywhere.some(({ node, other }) => chooses(pod, term, other) && sameDomain(term.topologyKey, node, at.node))
    ) {
      return ["node(s) didn't match pod anti-affinity rules"]
    }
  }
  for (const { node, other } of everywhere) {
    for (const term of other.spec.affinity?.podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []) {
      if (chooses(other, term, pod) && sameDomain(term.topologyKey, node, at.node)) {
        return ["node(s) didn't satisfy existing pods anti-affinity rules"]
      }
    }
  }
  return []
}
