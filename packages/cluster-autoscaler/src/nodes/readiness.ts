import { instant, own, type Ms, type Node } from '@plimsoll/model'
import type { TaintKinds } from './taints.ts'

const badConditions: Readonly<Record<string, string>> = { DiskPressure: 'True', NetworkUnavailable: 'True' }
const notReadyTaints = [
  'node.kubernetes.io/not-ready',
  'node.kubernetes.io/disk-pressure',
  'node.kubernetes.io/network-unavailable',
]
/** Reasons that we ourselves give to the unready copy of a node that says it is ready. */
const resourceNotReady = 'cluster-autoscaler.kubernetes.io/resource-not-ready'
const startupTaintReason = 'cluster-autoscaler.kubernetes.io/startup-taint'

export interface Readiness {
  readonly ready: boolean
  /** When it last became so; undefined when the node does not tell. */
  readonly since: Ms | undefined
  /** Ready but for a resource that has yet to appear. */
  readonly resourceUnready: boolean
}

/** kubernetes-sigs/cluster-autoscaler:pkg/utils/kubernetes/ready.go, GetNodeReadiness (rule CA-31). */
export function readinessOf(node: Node): Readiness {
  let ready: boolean | undefined
  let since: Ms | undefined
  let resourceUnready = false
  let good = true
  for (const condition of node.status?.conditions ?? []) {
    const bad = own(badConditions, condition.type)
    if (condition.type === 'Ready') {
      ready = condition.status !== 'False' && condition.status !== 'Unknown'
      resourceUnready = condition.reason === resourceNotReady
    } else if (bad === undefined) continue
    else if (condition.status === bad) good = false
    const at = instant(condition.lastTransitionTime)
    if (at !== undefined && (since === undefined || at > since)) since = at
  }
  for (const taint of node.spec.taints ?? []) {
    if (!notReadyTaints.includes(taint.key)) continue
    good = false
    const at = instant(taint.timeAdded)
    if (at !== undefined && (since === undefined || at > since)) since = at
  }
  return { ready: ready === true && good, since, resourceUnready }
}

/**
 * Nodes as the loop sees them: those that still carry a startup taint, or whose GPUs have yet to appear, count as
 * unready (rules CA-32, CA-45).
 */
export function withHiddenUnreadiness(nodes: readonly Node[], taints: TaintKinds, gpuLabel: string): readonly Node[] {
  return nodes.map((node) => {
    if (node.spec.taints?.some((taint) => taints.isStartup(taint.key)) === true)
      return unready(node, startupTaintReason)
    return lacksGpus(node, gpuLabel) ? unready(node, resourceNotReady) : node
  })
}

function lacksGpus(node: Node, gpuLabel: string): boolean {
  if (node.metadata.labels?.[gpuLabel] === undefined) return false
  const count = node.status?.allocatable?.['nvidia.com/gpu']
  return count === undefined || Number(count) === 0
}

function unready(node: Node, reason: string): Node {
  const conditions = (node.status?.conditions ?? []).map((condition) =>
    condition.type === 'Ready' ? { ...condition, status: 'False', reason } : condition,
  )
  return { ...node, status: { ...node.status, conditions } }
}
