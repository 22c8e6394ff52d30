import type { Ms } from '@plimsoll/model'
import type { NodeGroups } from '@plimsoll/ports'
import type { ClusterAutoscalerOptions } from '../options/options.ts'

/** What holds for one node group: its own options over the autoscaler's. */
export interface GroupSettings {
  readonly utilizationThreshold: number
  readonly gpuUtilizationThreshold: number
  readonly unneededTime: Ms
  readonly unreadyTime: Ms
  readonly maxNodeProvisionTime: Ms
  readonly maxNodeStartupTime: Ms
  readonly ignoreDaemonSetsUtilization: boolean
}

/** kubernetes-sigs/cluster-autoscaler:pkg/processors/nodegroupconfig (rule CA-44). */
export function groupSettings(
  groups: Pick<NodeGroups, 'options'>,
  options: ClusterAutoscalerOptions,
  group: string | undefined,
): GroupSettings {
  const own = group === undefined ? {} : groups.options(group)
  return {
    utilizationThreshold: own.scaleDownUtilizationThreshold ?? options.scaleDownUtilizationThreshold,
    gpuUtilizationThreshold: own.scaleDownGpuUtilizationThreshold ?? options.scaleDownGpuUtilizationThreshold,
    unneededTime: own.scaleDownUnneededTime ?? options.scaleDownUnneededTime,
    unreadyTime: own.scaleDownUnreadyTime ?? options.scaleDownUnreadyTime,
    maxNodeProvisionTime: own.maxNodeProvisionTime ?? options.maxNodeProvisionTime,
    maxNodeStartupTime: own.maxNodeStartupTime ?? options.maxNodeStartupTime,
    ignoreDaemonSetsUtilization: own.ignoreDaemonSetsUtilization ?? options.ignoreDaemonSetsUtilization,
  }
}
