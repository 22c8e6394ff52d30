import type { NodeColumns } from '../node-columns.ts'
import type { PodClass } from '../pod-class.ts'
import type { Unfit } from '../unfit.ts'
import type { Check, Reason, World } from './predicate.ts'

/** Of nodes that the pod's affinity does not name, where it names some. */
export const unnamed: Unfit = {
  plugin: 'NodeAffinity',
  reason: "node(s) didn't satisfy plugin(s) [NodeAffinity]",
  resolvable: false,
}
const unnamedReasons: readonly Reason[] = [{ reason: unnamed.reason, resolvable: unnamed.resolvable }]

/** Runs as a PreFilter upstream: nodes that the pod's affinity does not name are never looked at. */
export function namedNodes(pod: PodClass, { columns }: World): Check | undefined {
  const names = pod.namedNodes
  if (names === undefined) return undefined
  return {
    plugin: unnamed.plugin,
    scope: 'node',
    fits: (slot) => names.has(columns.entries[slot]!.name),
    reasons: () => unnamedReasons,
    detail: () => `the pod's affinity names ${[...names].sort().join(', ')}`,
  }
}

const otherNode: readonly Reason[] = [{ reason: "node(s) didn't match the requested node name", resolvable: false }]

/** For a pod that names its node (plugins/nodename/node_name.go); not part of the class, for every bound pod does. */
export function requestedNode(nodeName: string, columns: NodeColumns): Check {
  return {
    plugin: 'NodeName',
    scope: 'node',
    fits: (slot) => columns.entries[slot]!.name === nodeName,
    reasons: () => otherNode,
    detail: () => `the pod asks for ${nodeName}`,
  }
}
