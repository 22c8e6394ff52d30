// kubernetes-sigs/cluster-proportional-autoscaler:pkg/autoscaler/controller/linearcontroller/linear_controller.go
import type { ClusterSize } from '../cluster/cluster-size.ts'

export interface LinearParameters {
  readonly mode: 'linear'
  /** Cores that one replica is for; 0 when cores do not matter. */
  readonly coresPerReplica: number
  /** Nodes that one replica is for; 0 when nodes do not matter. */
  readonly nodesPerReplica: number
  /** At least 1. */
  readonly min: number
  /** 0 for no limit. */
  readonly max: number
  readonly preventSinglePointFailure: boolean
  /** Whether nodes that are cordoned or not Ready count as well. */
  readonly includeUnschedulableNodes: boolean
}

/** What is wrong with the parameters, in upstream's words and order; undefined when nothing is. `min` may still be 0. */
export function linearProblem(p: LinearParameters): string | undefined {
  if (p.min < 0) return `invalid negative value for min: ${p.min}`
  const min = Math.max(1, p.min)
  if (p.max !== 0 && p.max < min)
    return `max replicas count ${p.max} should be greater than / equal to min replicas count ${min}`
  if (p.coresPerReplica === 0 && p.nodesPerReplica === 0)
    return 'should at least provide either CoresPerReplica or NodesPerReplica (Greater than 0)'
  if (p.coresPerReplica < 0) return `invalid negative value for coresPerReplica: ${goNumber(p.coresPerReplica)}`
  if (p.nodesPerReplica < 0) return `invalid negative value for nodesPerReplica: ${goNumber(p.nodesPerReplica)}`
  return undefined
}

/**
 * Each part is held within min and max; what prevents a single point of failure comes after that and may exceed max
 * (CPA-54), and looks at nodes even where only cores are counted (CPA-55).
 */
export function linearReplicas(p: LinearParameters, size: ClusterSize): number {
  const nodes = p.includeUnschedulableNodes ? size.totalNodes : size.schedulableNodes
  const cores = p.includeUnschedulableNodes ? size.totalCores : size.schedulableCores
  const forCores = part(cores, p.coresPerReplica, p)
  const forNodes = part(nodes, p.nodesPerReplica, p)
  const spread = p.preventSinglePointFailure && nodes > 1 ? 2 : 0
  return Math.max(forCores, forNodes, spread)
}

function part(amount: number, perReplica: number, { min, max }: LinearParameters): number {
  // Not `min`: that is honoured by the part that counts.
  if (perReplica === 0) return 1
  const wanted = Math.ceil(amount / perReplica)
  return Math.max(min, max === 0 ? wanted : Math.min(max, wanted))
}

/** As fmt prints a float64 with %v. */
function goNumber(value: number): string {
  const exponent = Math.floor(Math.log10(Math.abs(value)))
  if (exponent >= -4 && exponent < 21) return String(value)
  return value.toExponential().replace(/e([+-])(\d)$/, 'e$10$2')
}
