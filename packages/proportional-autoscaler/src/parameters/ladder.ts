// kubernetes-sigs/cluster-proportional-autoscaler:pkg/autoscaler/controller/laddercontroller/ladder_controller.go
import type { ClusterSize } from '../cluster/cluster-size.ts'

/** From this many cores or nodes on, so many replicas. */
export type LadderStep = readonly [threshold: number, replicas: number]

export interface LadderParameters {
  readonly mode: 'ladder'
  /** By threshold, ascending; of equal thresholds the last one counts. */
  readonly coresToReplicas: readonly LadderStep[]
  readonly nodesToReplicas: readonly LadderStep[]
  /** Whether nodes that are cordoned or not Ready count as well. */
  readonly includeUnschedulableNodes: boolean
}

/** What is wrong with the parameters, in upstream's words; undefined when nothing is. */
export function ladderProblem(p: LadderParameters): string | undefined {
  const negative = (steps: readonly LadderStep[]): LadderStep | undefined =>
    steps.find(([threshold, replicas]) => threshold < 0 || replicas < 0)
  const cores = negative(p.coresToReplicas)
  if (cores !== undefined) return `invalid negative values in entry [${cores.join(' ')}] in cores_to_replicas_map`
  const nodes = negative(p.nodesToReplicas)
  if (nodes !== undefined) return `invalid negative values in entry [${nodes.join(' ')}] in nodes_to_replicas_map`
  return undefined
}

/** Steps in the order in which they are climbed. Stable, where upstream's sort is so for up to twelve steps only. */
export function climbed(steps: readonly LadderStep[]): readonly LadderStep[] {
  return steps.toSorted(([a], [b]) => a - b)
}

/** The higher of both ladders; may be 0, and is 0 when there is no step at all (CPA-65). */
export function ladderReplicas(p: LadderParameters, size: ClusterSize): number {
  const nodes = p.includeUnschedulableNodes ? size.totalNodes : size.schedulableNodes
  const cores = p.includeUnschedulableNodes ? size.totalCores : size.schedulableCores
  return Math.max(stepFor(cores, p.coresToReplicas), stepFor(nodes, p.nodesToReplicas))
}

/** The replicas of the last step at or below `amount`; below all steps those of the first (CPA-62). */
function stepFor(amount: number, steps: readonly LadderStep[]): number {
  const step = steps.findLast(([threshold]) => threshold <= amount) ?? steps[0]
  return step?.[1] ?? 0
}
