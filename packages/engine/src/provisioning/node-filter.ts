// Which nodes a spread constraint counts: those that its pods may go to by node affinity and, where it says so, by
// taints (kubernetes-sigs/karpenter:pkg/controllers/provisioning/scheduling/topologynodefilter.go).
import {
  compatible,
  labelKeys,
  requirement,
  Requirements,
  type Pod,
  type Taint,
  type Toleration,
} from '@plimsoll/model'
import { toleratesAll } from './taints.ts'
import type { RequirementSets } from './requirement-sets.ts'

export class NodeFilter {
  readonly #sets: RequirementSets
  /** Any of these; undefined: node affinity does not matter. */
  readonly #alternatives: readonly Requirements[] | undefined
  /** Whether nodes that differ in their hostname alone may differ here. */
  readonly namesHosts: boolean
  readonly #tolerations: readonly Toleration[] | undefined
  readonly #honorsTaints: boolean
  readonly #bySet: (boolean | undefined)[] = []
  readonly #byTaints = new Map<readonly Taint[], boolean>()

  constructor(pod: Pod, honors: { readonly affinity: boolean; readonly taints: boolean }, sets: RequirementSets) {
    this.#sets = sets
    this.#honorsTaints = honors.taints
    this.#tolerations = pod.spec.tolerations
    this.#alternatives = honors.affinity ? alternativesOf(pod, sets) : undefined
    this.namesHosts = this.#alternatives?.some((one) => one.has(labelKeys.hostname)) ?? false
  }

  /** A node with these requirements; labels that nothing is known of do not count as there. */
  matches(taints: readonly Taint[], set: number, hostname: string): boolean {
    return (!this.#honorsTaints || this.#tolerates(taints)) && this.#suits(set, hostname)
  }

  #suits(set: number, hostname: string): boolean {
    const alternatives = this.#alternatives
    if (alternatives === undefined || alternatives.length === 0) return true
    if (this.namesHosts) {
      const named = this.#sets.get(set).and([requirement(labelKeys.hostname, 'In', [hostname])])
      return alternatives.some((one) => compatible(named, one) === undefined)
    }
    return (this.#bySet[set] ??= alternatives.some((one) => compatible(this.#sets.get(set), one) === undefined))
  }

  #tolerates(taints: readonly Taint[]): boolean {
    let result = this.#byTaints.get(taints)
    if (result === undefined) this.#byTaints.set(taints, (result = toleratesAll(this.#tolerations, taints)))
    return result
  }
}

function alternativesOf(pod: Pod, sets: RequirementSets): Requirements[] {
  const selector = Requirements.fromLabels(pod.spec.nodeSelector, sets.registry)
  const required = pod.spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution
  if (required === undefined) return [selector]
  return required.nodeSelectorTerms.map((term) =>
    selector.and(Requirements.fromNodeSelectorRequirements(term.matchExpressions, sets.registry)),
  )
}
