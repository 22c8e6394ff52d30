import { labelSelectorMatches, type Pod, type PodDisruptionBudget } from '@plimsoll/model'

interface Budget {
  readonly budget: PodDisruptionBudget
  left: number
}

/**
 * What the disruption budgets still allow while a plan is made.
 * kubernetes-sigs/cluster-autoscaler:pkg/core/scaledown/pdb/basic.go (rule CA-121).
 */
export class DisruptionBudgets {
  readonly #byNamespace = new Map<string, Budget[]>()

  constructor(budgets: readonly PodDisruptionBudget[]) {
    for (const budget of budgets) {
      const { namespace } = budget.metadata
      let list = this.#byNamespace.get(namespace)
      if (list === undefined) this.#byNamespace.set(namespace, (list = []))
      list.push({ budget, left: budget.status?.disruptionsAllowed ?? 0 })
    }
  }

  selects(pod: Pod): boolean {
    return this.#of(pod).length > 0
  }

  /** The first budget that does not let the pod go. */
  refusing(pod: Pod): PodDisruptionBudget | undefined {
    return this.#of(pod).find((each) => each.left < 1)?.budget
  }

  /** Whether all these pods may go at once. */
  allowAll(pods: readonly Pod[]): boolean {
    const needed = new Map<Budget, number>()
    for (const pod of pods) for (const each of this.#of(pod)) needed.set(each, (needed.get(each) ?? 0) + 1)
    return [...needed].every(([each, count]) => each.left >= count)
  }

  /** Takes the pods' disruptions off what is left, never below zero. */
  spend(pods: readonly Pod[]): void {
    for (const pod of pods) for (const each of this.#of(pod)) each.left = Math.max(0, each.left - 1)
  }

  #of(pod: Pod): Budget[] {
    const budgets = this.#byNamespace.get(pod.metadata.namespace) ?? []
    return budgets.filter(({ budget }) => labelSelectorMatches(budget.spec?.selector, pod.metadata.labels ?? {}))
  }
}
