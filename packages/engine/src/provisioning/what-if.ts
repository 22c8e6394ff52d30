// What would happen if some nodes were gone: their pods placed again, elsewhere or on new nodes. For consolidation and
// drift (kubernetes-sigs/karpenter:pkg/controllers/disruption/helpers.go, SimulateScheduling).
import type { Pod } from '@plimsoll/model'
import type { ProvisioningInput, ProvisioningResult } from './input.ts'
import { provision } from './provision.ts'
import { isDone } from './topology.ts'

/**
 * A pass without the nodes named, for their pods that `moves` (by default all that can run elsewhere) besides the pods of
 * the input. The nodes do not count against limits; pods that stay behind count in topologies. Reserved capacity falls
 * back, for there may be no other pass to wait for.
 */
export function provisionWithout(
  input: ProvisioningInput,
  gone: ReadonlySet<string>,
  moves: (pod: Pod) => boolean = canRunElsewhere,
): ProvisioningResult {
  const { nodes = [], reserved } = input
  const leaving = nodes.filter(({ node }) => gone.has(node.metadata.name))
  return provision({
    ...input,
    pods: [...input.pods, ...leaving.flatMap(({ pods }) => pods.filter(moves))],
    nodes: nodes.map((entry) => (leaving.includes(entry) ? { ...entry, open: false } : entry)),
    reserved: reserved === undefined ? undefined : { ...reserved, mode: 'Fallback' },
  })
}

/** Alive, and neither a DaemonSet's nor a node's own (pkg/utils/pod/scheduling.go, IsReschedulable). */
function canRunElsewhere(pod: Pod): boolean {
  const { deletionTimestamp, ownerReferences = [] } = pod.metadata
  const ownedBy = (kind: string): boolean => ownerReferences.some((owner) => owner.kind === kind)
  const alive = deletionTimestamp === undefined || ownedBy('StatefulSet')
  return alive && !isDone(pod) && !ownedBy('DaemonSet') && !ownedBy('Node')
}
