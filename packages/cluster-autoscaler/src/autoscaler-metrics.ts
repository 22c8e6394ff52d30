import type { Counter, Gauge, Histogram, Metrics } from '@plimsoll/ports'

const prefix = 'cluster_autoscaler_'

/** Upstream's metrics under their exact names (kubernetes-sigs/cluster-autoscaler:pkg/metrics/metrics.go; rule CA-150). */
export class AutoscalerMetrics {
  readonly clusterSafeToAutoscale: Gauge
  readonly nodesCount: Gauge
  readonly nodeGroupsCount: Gauge
  readonly unschedulablePodsCount: Gauge
  readonly maxNodesCount: Gauge
  readonly clusterCpuCurrentCores: Gauge
  readonly clusterMemoryCurrentBytes: Gauge
  readonly cpuLimitsCores: Gauge
  readonly memoryLimitsBytes: Gauge
  readonly lastActivity: Gauge
  readonly functionDuration: Histogram
  readonly pendingNodeDeletions: Gauge
  readonly errorsTotal: Counter
  readonly scaledUpNodes: Counter
  readonly failedScaleUps: Counter
  readonly scaledDownNodes: Counter
  readonly evictedPods: Counter
  readonly unneededNodesCount: Gauge
  readonly unremovableNodesCount: Gauge
  readonly scaleDownInCooldown: Gauge
  readonly oldUnregisteredNodesRemoved: Counter
  readonly skippedScaleEvents: Counter
  readonly nodeTaintsCount: Gauge
  readonly nodeGroupMin: Gauge
  readonly nodeGroupMax: Gauge
  readonly nodeGroupTarget: Gauge
  readonly nodeGroupHealthiness: Gauge
  readonly nodeGroupBackoff: Gauge
  readonly binpackingHeterogeneity: Histogram

  constructor(metrics: Metrics) {
    const gauge = (name: string, help: string, labelNames: readonly string[] = []): Gauge =>
      metrics.gauge({ name: prefix + name, help: `[ALPHA] ${help}`, labelNames })
    const counter = (name: string, help: string, labelNames: readonly string[] = []): Counter =>
      metrics.counter({ name: prefix + name, help: `[ALPHA] ${help}`, labelNames })
    const gpu = ['gpu_resource_name', 'gpu_name', 'dra_drivers']
    this.clusterSafeToAutoscale = gauge(
      'cluster_safe_to_autoscale',
      'Whether or not the cluster is healthy enough for autoscaling. 1 if it is, 0 otherwise.',
    )
    this.nodesCount = gauge('nodes_count', 'Number of nodes in the cluster, by state.', ['state'])
    this.nodeGroupsCount = gauge('node_groups_count', 'Number of node groups managed by the autoscaler.', [
      'node_group_type',
    ])
    this.unschedulablePodsCount = gauge('unschedulable_pods_count', 'Number of pods that cannot be placed.', ['type'])
    this.maxNodesCount = gauge('max_nodes_count', 'Most nodes that all node groups together may have.')
    this.clusterCpuCurrentCores = gauge(
      'cluster_cpu_current_cores',
      'Cores in the cluster, without nodes being deleted.',
    )
    this.clusterMemoryCurrentBytes = gauge(
      'cluster_memory_current_bytes',
      'Bytes of memory in the cluster, without nodes being deleted.',
    )
    this.cpuLimitsCores = gauge('cpu_limits_cores', 'Least and most cores in the cluster.', ['direction'])
    this.memoryLimitsBytes = gauge('memory_limits_bytes', 'Least and most bytes of memory in the cluster.', [
      'direction',
    ])
    this.lastActivity = gauge('last_activity', 'When an activity last took place, in seconds since the epoch.', [
      'activity',
    ])
    this.functionDuration = metrics.histogram({
      name: `${prefix}function_duration_seconds`,
      help: '[ALPHA] Time taken by the parts of the loop, in seconds.',
      labelNames: ['function'],
      buckets: exponentialRange(0.1, 1800, 150),
    })
    this.pendingNodeDeletions = gauge('pending_node_deletions', 'Nodes that wait to be deleted.')
    this.errorsTotal = counter('errors_total', 'Loops that failed, by type of error.', ['type'])
    this.scaledUpNodes = counter('scaled_up_nodes_total', 'Nodes added.', gpu)
    this.failedScaleUps = counter('failed_scale_ups_total', 'Scale-ups that failed.', ['reason', ...gpu])
    this.scaledDownNodes = counter('scaled_down_nodes_total', 'Nodes removed.', ['reason', ...gpu])
    this.evictedPods = counter('evicted_pods_total', 'Pods evicted.', ['eviction_result'])
    this.unneededNodesCount = gauge('unneeded_nodes_count', 'Nodes that are unneeded.')
    this.unremovableNodesCount = gauge('unremovable_nodes_count', 'Nodes that cannot be removed, by reason.', [
      'reason',
    ])
    this.scaleDownInCooldown = gauge('scale_down_in_cooldown', 'Whether removals pause.')
    this.oldUnregisteredNodesRemoved = counter(
      'old_unregistered_nodes_removed_count',
      'Instances removed because they never registered.',
    )
    this.skippedScaleEvents = counter('skipped_scale_events_count', 'Scalings skipped because of a limit.', [
      'direction',
      'reason',
    ])
    this.nodeTaintsCount = gauge('node_taints_count', 'Taints on nodes, by type.', ['type'])
    this.nodeGroupMin = gauge('node_group_min_count', 'Least nodes in the node group.', ['node_group'])
    this.nodeGroupMax = gauge('node_group_max_count', 'Most nodes in the node group.', ['node_group'])
    this.nodeGroupTarget = gauge('node_group_target_count', 'Nodes asked for in the node group.', ['node_group'])
    this.nodeGroupHealthiness = gauge('node_group_healthiness', 'Whether the node group is healthy.', ['node_group'])
    this.nodeGroupBackoff = gauge('node_group_backoff_status', 'Whether the node group pauses after a failure.', [
      'node_group',
      'reason',
    ])
    this.binpackingHeterogeneity = metrics.histogram({
      name: `${prefix}binpacking_heterogeneity`,
      help: '[ALPHA] Kinds of pods in one estimation.',
      labelNames: ['instance_type', 'cpu_count', 'namespace_count'],
      buckets: [1, 2, 4, 8, 16, 32],
    })
  }
}

function exponentialRange(min: number, max: number, count: number): number[] {
  const factor = (max / min) ** (1 / (count - 1))
  return Array.from({ length: count }, (_, i) => min * factor ** i)
}
