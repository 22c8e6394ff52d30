import {
  labelRequirementMatches,
  type LabelOperator,
  type LabelRequirement,
  type Node,
  type NodeSelector,
  type NodeSelectorTerm,
  type Pod,
} from '@plimsoll/model'

interface CompiledTerm {
  readonly labels: readonly LabelRequirement[]
  /** On metadata.name, the only field there is. */
  readonly names: readonly LabelRequirement[]
}

/** A node selector term made ready for matching; undefined when it is empty, for an empty term matches nothing. */
function compileTerm(term: NodeSelectorTerm): CompiledTerm | undefined {
  const labels = (term.matchExpressions ?? []).map(compileRequirement)
  const names = (term.matchFields ?? []).map(compileRequirement)
  return labels.length + names.length === 0 ? undefined : { labels, names }
}

function compileRequirement(requirement: {
  readonly key: string
  readonly operator: string
  readonly values?: readonly string[] | undefined
}): LabelRequirement {
  return { key: requirement.key, operator: requirement.operator as LabelOperator, values: requirement.values ?? [] }
}

function termMatches(term: CompiledTerm, node: Node): boolean {
  for (const requirement of term.labels) if (!labelRequirementMatches(requirement, node.metadata.labels)) return false
  for (const requirement of term.names) {
    if (!labelRequirementMatches(requirement, { [requirement.key]: node.metadata.name })) return false
    if (requirement.key !== 'metadata.name') return false
  }
  return true
}

/** Any of the terms (kubernetes/component-helpers:scheduling/corev1/nodeaffinity/nodeaffinity.go). */
export function compileNodeSelector(selector: NodeSelector): (node: Node) => boolean {
  const terms = selector.nodeSelectorTerms.map(compileTerm).filter((term) => term !== undefined)
  return (node) => terms.some((term) => termMatches(term, node))
}

export function nodeTermMatcher(term: NodeSelectorTerm): (node: Node) => boolean {
  return compileNodeSelector({ nodeSelectorTerms: [term] })
}

/** What a pod requires of a node's labels and name; undefined when it requires nothing. */
export function compileRequiredNodeAffinity(pod: Pod): ((node: Node) => boolean) | undefined {
  const labels = Object.entries(pod.spec.nodeSelector ?? {})
  const required = pod.spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution
  if (labels.length === 0 && required === undefined) return undefined
  const affinity = required === undefined ? undefined : compileNodeSelector(required)
  return (node) => {
    for (const [key, value] of labels) if (node.metadata.labels?.[key] !== value) return false
    return affinity === undefined || affinity(node)
  }
}

/**
 * The only nodes that the pod's affinity names, when every term names some, as DaemonSet pods do; undefined when it does
 * not narrow so (kubernetes/kubernetes:pkg/scheduler/framework/plugins/nodeaffinity/node_affinity.go, PreFilter).
 */
export function namedNodes(pod: Pod): ReadonlySet<string> | undefined {
  const required = pod.spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution
  if (required === undefined || required.nodeSelectorTerms.length === 0) return undefined
  const all = new Set<string>()
  for (const term of required.nodeSelectorTerms) {
    let names: readonly string[] | undefined
    for (const field of term.matchFields ?? []) {
      if (field.key !== 'metadata.name' || field.operator !== 'In') continue
      const values = field.values ?? []
      names = names === undefined ? values : names.filter((name) => values.includes(name))
    }
    if (names === undefined) return undefined
    for (const name of names) all.add(name)
  }
  return all
}
