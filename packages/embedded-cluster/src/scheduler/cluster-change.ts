/** What may happen in a cluster that could make room for a pod. */
export type ClusterChange =
  | 'nodeAdded'
  | 'nodeDeleted'
  | 'nodeLabels'
  /** Taints, or whether it is cordoned. */
  | 'nodeTaints'
  | 'nodeAllocatable'
  /** A pod left its node, or asks for less. */
  | 'podGone'
  | 'podPlaced'
  | 'podLabels'
  | 'volumes'
  /** Resource claims, what offers them devices, and classes of these. */
  | 'devices'
  | 'namespaces'

const volumes: readonly ClusterChange[] = ['nodeAdded', 'nodeLabels', 'volumes', 'podGone']

/** What each filter's refusal could be undone by (kubernetes/kubernetes:pkg/scheduler/framework/plugins, EventsToRegister). */
const helps: Record<string, readonly ClusterChange[]> = {
  NodeUnschedulable: ['nodeAdded', 'nodeTaints'],
  NodeName: ['nodeAdded'],
  TaintToleration: ['nodeAdded', 'nodeTaints'],
  NodeAffinity: ['nodeAdded', 'nodeLabels'],
  NodePorts: ['nodeAdded', 'podGone'],
  NodeResourcesFit: ['nodeAdded', 'nodeAllocatable', 'podGone'],
  VolumeRestrictions: volumes,
  NodeVolumeLimits: volumes,
  VolumeBinding: volumes,
  VolumeZone: volumes,
  DynamicResources: ['nodeAdded', 'nodeLabels', 'devices', 'podGone'],
  PodTopologySpread: ['nodeAdded', 'nodeDeleted', 'nodeLabels', 'nodeTaints', 'podGone', 'podPlaced', 'podLabels'],
  InterPodAffinity: ['nodeAdded', 'nodeLabels', 'podGone', 'podPlaced', 'podLabels', 'namespaces'],
}

/** A pod that no filter refused by name (there were no nodes) is helped by anything. */
export function couldHelp(change: ClusterChange, refusedBy: ReadonlySet<string>): boolean {
  if (refusedBy.size === 0) return true
  for (const plugin of refusedBy) if (helps[plugin]?.includes(change) ?? true) return true
  return false
}
