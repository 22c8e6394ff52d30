// What if these nodes were gone?
// Mirrors kubernetes-sigs/cluster-autoscaler:pkg/simulator/cluster.go (1.36; rules CA-116, CA-117).

import type { Node, Pod } from '@plimsoll/model'
import type { NodeState } from '../node-entry.ts'
import type { ClusterSnapshot } from '../snapshot.ts'
import { PodPlacer, type Placement } from './place.ts'
import { unbound } from './unbound.ts'

export interface RemovalOptions {
  /** Which of the other nodes may take pods; all when absent. */
  readonly accept?: ((state: NodeState) => boolean) | undefined
  /** The pods that need another place; all of the node's when absent. The others go with the node. */
  readonly podsToMove?: ((state: NodeState) => readonly Pod[]) | undefined
  /** Gives hints and goes on where it stopped; a fresh one when absent. */
  readonly placer?: PodPlacer | undefined
  /**
   * What stands in for a node while its pods look for another, so that spread constraints go on counting its domain; it
   * takes no pods. When absent the node is gone at once.
   */
  readonly ghost?: ((node: Node) => Node) | undefined
  /** The first pod without a place ends it. */
  readonly breakOnFailure?: boolean | undefined
  /** Whether the snapshot keeps what happened when every pod found a place; else it comes out as it went in. */
  readonly keep?: boolean | undefined
  /** Whether to say why a pod has no place; costs a look at every node. */
  readonly reasons?: boolean | undefined
}

export interface Removal {
  readonly possible: boolean
  /** Where the pods would go. */
  readonly placed: readonly Placement[]
  /** Those that would have no place, and with `breakOnFailure` those that were not tried. */
  readonly homeless: readonly Pod[]
  /** For the first of the homeless: how many of the nodes gave each reason. */
  readonly reasons: ReadonlyMap<string, number> | undefined
}

/** Whether the pods of all these nodes would fit elsewhere. Nodes that are to go take none of them. */
export function wouldFitElsewhere(
  snapshot: ClusterSnapshot,
  nodes: readonly string[],
  o: RemovalOptions = {},
): Removal {
  const { accept, ghost, breakOnFailure } = o
  const placer = o.placer ?? new PodPlacer()
  const leaving = new Set(nodes)
  const pods: Pod[] = []
  snapshot.fork()
  for (const name of nodes) {
    const state = snapshot.node(name)!
    const toMove = o.podsToMove === undefined ? state.pods : o.podsToMove(state)
    for (const pod of toMove) pods.push(unbound(pod))
    if (ghost === undefined) snapshot.removeNode(name)
    else {
      for (const pod of state.pods.slice()) snapshot.removePod(pod.metadata.namespace, pod.metadata.name, name)
      snapshot.replaceNode(ghost(state.node))
    }
  }
  const { placed, rest } = placer.place(snapshot, pods, {
    accept: ghost === undefined ? accept : (state) => !leaving.has(state.name) && accept?.(state) !== false,
    breakOnFailure,
  })
  const possible = rest.length === 0
  const reasons = possible || o.reasons !== true ? undefined : snapshot.survey(rest[0]!).reasons
  if (possible && o.keep === true) {
    if (ghost !== undefined) for (const name of nodes) snapshot.removeNode(name)
    snapshot.commit()
  } else {
    snapshot.revert()
  }
  return { possible, placed, homeless: rest, reasons }
}
