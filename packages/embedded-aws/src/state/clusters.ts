import type * as Eks from '@aws-sdk/client-eks'

/** A managed node group: what EKS knows beside its Auto Scaling group. */
export interface NodegroupRecord {
  /** Without the scaling configuration, which the Auto Scaling group holds. */
  readonly described: Eks.Nodegroup
  readonly groupName: string
  readonly clusterName: string
}

/** EKS clusters and their managed node groups. Records are replaced, never written to. */
export class Clusters {
  readonly clusters: Map<string, Eks.Cluster> = new Map()
  /** By cluster and node group name. */
  readonly nodegroups: Map<string, NodegroupRecord> = new Map()

  nodegroupsOf(cluster: string): readonly NodegroupRecord[] {
    return [...this.nodegroups.values()].filter((nodegroup) => nodegroup.clusterName === cluster)
  }

  setNodegroup(record: NodegroupRecord): void {
    this.nodegroups.set(`${record.clusterName}/${record.described.nodegroupName!}`, record)
  }

  nodegroupOfGroup(groupName: string): NodegroupRecord | undefined {
    for (const nodegroup of this.nodegroups.values()) if (nodegroup.groupName === groupName) return nodegroup
    return undefined
  }
}
