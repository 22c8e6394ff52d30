// What would happen if a node were gone (kubernetes-sigs/cluster-autoscaler:pkg/simulator/cluster.go; CA-116, CA-117).
import { wouldFitElsewhere, type ClusterSnapshot, type PodPlacer } from '@plimsoll/engine'
import type { Node, Pod } from '@plimsoll/model'
import type { Log } from '@plimsoll/ports'
import { toBeDeletedTaint } from '../nodes/taints.ts'
import { podName } from '../pods/pod-kinds.ts'
import { podsOfNode, type DrainabilityView } from './drainability.ts'
import type { UnremovableReason } from './unremovable.ts'

export interface RemovableNode {
  readonly name: string
  readonly podsToMove: readonly Pod[]
  readonly daemonSetPods: readonly Pod[]
  /** The node waits until these have finished. */
  readonly awaited: readonly Pod[]
  /** Disruption budgets would not let all pods go at once. */
  readonly risky: boolean
}

/**
 * On success the node is out of the snapshot, its pods are on others, and the budgets are charged: nodes found after it
 * rely on what it took. On failure everything is as before.
 */
export function simulateRemoval(
  name: string,
  o: {
    readonly snapshot: ClusterSnapshot
    readonly placer: PodPlacer
    readonly view: DrainabilityView
    readonly destinations: ReadonlySet<string>
    readonly log: Log
  },
): RemovableNode | { readonly unremovable: UnremovableReason } {
  const log = o.log.named('cluster.go')
  log.info(2, `Simulating node ${name} removal`)
  const state = o.snapshot.node(name)
  if (state === undefined) {
    log.error(`Can't retrieve node ${name} from snapshot`)
    return { unremovable: 'NoNodeInfo' }
  }
  const pods = podsOfNode(state.pods, o.view)
  if (pods.blocking !== undefined) {
    log.info(2, `Node ${name} cannot be removed: ${pods.blocking.message}`)
    return { unremovable: 'BlockedByPod' }
  }
  const risky = !o.view.budgets.allowAll(pods.toMove)
  if (pods.toMove.length > 0) {
    const { possible, homeless } = wouldFitElsewhere(o.snapshot, [name], {
      podsToMove: () => pods.toMove,
      accept: ({ node }) => node.spec.unschedulable !== true && o.destinations.has(node.metadata.name),
      placer: o.placer,
      ghost,
      breakOnFailure: true,
      keep: true,
    })
    if (!possible) {
      const [pod] = homeless
      log.info(
        2,
        `Node ${name} is not suitable for removal: can reschedule only ${pods.toMove.length - homeless.length} out of ${pods.toMove.length} pods; no place for ${podName(pod!)}`,
      )
      return { unremovable: 'NoPlaceToMovePods' }
    }
  } else {
    o.snapshot.removeNode(name)
  }
  o.view.budgets.spend(pods.toMove)
  log.info(2, `Node ${name} may be removed`)
  const { toMove: podsToMove, daemonSetPods, awaited } = pods
  return { name, podsToMove, daemonSetPods, awaited, risky }
}

function ghost(node: Node): Node {
  const taint = { key: toBeDeletedTaint, value: '0', effect: 'NoSchedule' }
  return { ...node, spec: { ...node.spec, taints: [...(node.spec.taints ?? []), taint] } }
}
