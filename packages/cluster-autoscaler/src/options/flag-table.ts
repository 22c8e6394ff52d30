// Every command-line flag of upstream's Cluster Autoscaler as data
// (kubernetes-sigs/cluster-autoscaler:pkg/config/flags/flags.go, AddFlags; klog, component-base). The parser, the help
// text, the reference page and the chart's values derive from this one table.

import type { Flag, FlagEffect, FlagTable, FlagType } from '@plimsoll/runtime'

const flagsGo = 'kubernetes-sigs/cluster-autoscaler:pkg/config/flags/flags.go'
const mainGo = 'kubernetes/autoscaler:cluster-autoscaler/main.go'
const klogGo = 'kubernetes/klog:klog.go'
const logsGo = 'kubernetes/component-base:logs/api/v1/options.go'

type Row = readonly [name: string, type: FlagType, value: string, help: string]

function rows(effect: FlagEffect, source: string, list: readonly Row[]): Flag[] {
  return list.map(([name, type, value, help]) => ({ name, type, default: value, help, source, effect }))
}

const general = [
  ...rows('effective', flagsGo, [
    ['address', 'string', ':8085', 'where metrics and the health check are served'],
    ['kubeconfig', 'string', '', 'path of a kubeconfig file; empty: the service account of the pod'],
    ['kubernetes', 'string', '', 'URL of the API server; empty: as the kubeconfig says'],
    ['kube-client-burst', 'int', '10', 'calls to the API server that may go out at once'],
    ['kube-client-qps', 'float', '5', 'calls to the API server per second in the long run'],
    ['cloud-provider', 'string', 'aws', 'the cloud; this build serves aws'],
    ['namespace', 'string', 'kube-system', 'namespace of the status ConfigMap, the lease and the priority ConfigMap'],
    ['user-agent', 'string', 'cluster-autoscaler', 'user agent of calls to the API server'],
    ['write-status-configmap', 'bool', 'true', 'write the status ConfigMap'],
    ['status-config-map-name', 'string', 'cluster-autoscaler-status', 'name of the status ConfigMap'],
    ['record-duplicated-events', 'bool', 'false', 'record equal events again within five minutes'],
    ['emit-per-nodegroup-metrics', 'bool', 'false', 'publish metrics for every node group'],
    ['max-inactivity', 'duration', '10m0s', 'unhealthy when the last loop started longer ago'],
    ['max-failing-time', 'duration', '15m0s', 'unhealthy when the last successful loop is longer ago'],
    ['max-startup-time', 'duration', '20m0s', 'both of those limits until the first success'],
    ['scan-interval', 'duration', '10s', 'pause between loops'],
    [
      'frequent-loops-enabled',
      'bool',
      'true',
      'loop at once after a productive loop or when a pod becomes unschedulable',
    ],
  ]),
  ...rows('accepted-no-effect', flagsGo, [
    ['cluster-name', 'string', '', 'name of the cluster, for information'],
    ['regional', 'bool', 'false', 'the cluster is regional (GCE)'],
    ['kube-api-content-type', 'string', 'application/vnd.kubernetes.protobuf', 'wire format; Plimsoll speaks JSON'],
    ['predicate-parallelism', 'int', '4', 'threads for predicates; Plimsoll needs none'],
    ['cluster-snapshot-parallelism', 'int', '16', 'deprecated: predicate-parallelism'],
  ]),
  ...rows('not-yet', flagsGo, [
    ['cloud-config', 'string', '', "path of the cloud provider's configuration file"],
    ['profiling', 'bool', 'false', 'serve /debug/pprof'],
    ['debugging-snapshot-enabled', 'bool', 'false', 'serve /snapshotz'],
    ['scheduler-config-file', 'string', '', 'KubeSchedulerConfiguration whose filters are used'],
    ['feature-gates', 'csv', '', 'Name=bool pairs'],
  ]),
]

const scaleUp = [
  ...rows('effective', flagsGo, [
    ['nodes', 'list', '', '<min>:<max>:<name> of a node group; repeatable'],
    ['node-group-auto-discovery', 'list', '', 'asg:tag=<key>[=<value>],...; repeatable'],
    ['expander', 'csv', 'least-waste', 'how a node group is chosen among those that fit'],
    ['estimator', 'string', 'binpacking', 'how the number of nodes is estimated'],
    ['max-nodes-total', 'int', '0', 'most nodes in the whole cluster; 0: no limit'],
    ['cores-total', 'string', '0:320000', '<min>:<max> cores in the cluster'],
    ['memory-total', 'string', '0:6400000', '<min>:<max> GiB of memory in the cluster'],
    ['gpu-total', 'list', '', '<type>:<min>:<max> GPUs in the cluster; repeatable'],
    ['max-nodes-per-scaleup', 'int', '1000', 'most nodes that one estimation adds'],
    ['max-nodegroup-binpacking-duration', 'duration', '10s', "longest estimation of one group's nodes"],
    ['max-binpacking-time', 'duration', '5m0s', 'longest estimation of all groups in one scale-up'],
    ['balance-similar-node-groups', 'bool', 'false', 'spread an increase over similar groups'],
    ['balancing-ignore-label', 'list', '', 'label that similar groups may differ in; repeatable'],
    ['balancing-label', 'list', '', 'the only labels that make groups similar; repeatable'],
    ['memory-difference-ratio', 'float', '0.015', 'by how much the memory of similar groups may differ'],
    ['max-free-difference-ratio', 'float', '0.05', 'by how much the free resources of similar groups may differ'],
    ['max-allocatable-difference-ratio', 'float', '0.05', 'by how much the allocatable of similar groups may differ'],
    ['new-pod-scale-up-delay', 'duration', '0s', 'pods must be older than this'],
    ['expendable-pods-priority-cutoff', 'int', '-10', 'pods of lower priority neither grow the cluster nor keep nodes'],
    ['scale-up-from-zero', 'bool', 'true', 'act on a cluster without ready nodes'],
    ['parallel-scale-up', 'bool', 'false', 'resize balanced groups at once'],
    ['enforce-node-group-min-size', 'bool', 'false', 'raise groups below their minimum even without pending pods'],
    ['max-node-provision-time', 'duration', '15m0s', 'how long a requested node may take to register'],
    ['max-node-startup-time', 'duration', '15m0s', 'how long a registered node may take to become ready'],
    ['initial-node-group-backoff-duration', 'duration', '5m0s', 'first pause of a group that failed to grow'],
    ['max-node-group-backoff-duration', 'duration', '30m0s', 'longest pause of a group that failed to grow'],
    ['node-group-backoff-reset-timeout', 'duration', '3h0m0s', 'a failure this long ago is forgotten'],
    ['node-info-cache-expire-time', 'duration', '87600h0m0s', 'how long a template learnt from a real node is kept'],
    ['force-ds', 'bool', 'false', 'count every suitable DaemonSet on templates made from real nodes'],
    ['scale-from-unschedulable', 'bool', 'false', 'ignore spec.unschedulable in templates'],
    ['startup-taint', 'list', '', 'taint key of nodes that are still starting; repeatable'],
    ['startup-taint-prefix', 'list', '', 'prefix of such taint keys; repeatable'],
    ['status-taint', 'list', '', 'taint key that templates leave out; repeatable'],
    ['ignore-taint', 'list', '', 'deprecated: startup-taint'],
    ['bypassed-scheduler-names', 'csv', '', 'schedulers whose pods are handled before they are marked unschedulable'],
    ['allowed-scheduler-names', 'csv', '', 'when set, the only schedulers whose pods count'],
    ['aws-use-static-instance-list', 'bool', 'false', 'take instance types from the built-in list'],
  ]),
  ...rows('accepted-no-effect', flagsGo, [
    ['async-node-groups', 'bool', 'false', 'create node groups asynchronously (needs a cloud that can)'],
    ['bulk-mig-instances-listing-enabled', 'bool', 'false', 'GCE only'],
    ['gce-concurrent-refreshes', 'int', '1', 'GCE only'],
    ['gce-mig-instances-min-refresh-wait-time', 'duration', '5s', 'GCE only'],
    ['clusterapi-cloud-config-authoritative', 'bool', 'false', 'Cluster API only'],
    [
      'cloud-provider-gce-lb-src-cidrs',
      'string',
      '130.211.0.0/22,209.85.152.0/22,209.85.204.0/22,35.191.0.0/16',
      'GCE only',
    ],
    ['cloud-provider-gce-l7lb-src-cidrs', 'string', '130.211.0.0/22,35.191.0.0/16', 'GCE only'],
  ]),
  ...rows('not-yet', flagsGo, [
    ['grpc-expander-cert', 'string', '', 'CA certificate of the gRPC expander'],
    ['grpc-expander-url', 'string', '', 'address of the gRPC expander'],
    ['fastpath-binpacking-enabled', 'bool', 'false', 'estimate the most beneficial pods by arithmetic'],
    ['salvo-scale-up', 'bool', 'false', 'several scale-ups in one loop'],
    ['salvo-scale-up-budget', 'duration', '1m0s', 'time for those'],
    ['enable-proactive-scaleup', 'bool', 'false', 'count pods that controllers have yet to create'],
    ['pod-injection-limit', 'int', '5000', 'most such pods'],
    [
      'scaleup-simulation-for-skipped-node-groups-enabled',
      'bool',
      'false',
      'simulate skipped groups for better reasons',
    ],
    ['enable-csi-node-aware-scheduling', 'bool', 'false', 'volume limits of CSINodes in the simulation'],
    ['enable-dynamic-resource-allocation', 'bool', 'true', 'deprecated: always on'],
    ['enable-provisioning-requests', 'bool', 'false', 'ProvisioningRequests'],
    ['provisioning-request-initial-backoff-time', 'duration', '1m0s', 'first pause of a failed request'],
    ['provisioning-request-max-backoff-time', 'duration', '10m0s', 'longest pause of a failed request'],
    ['provisioning-request-max-backoff-cache-size', 'int', '1000', 'remembered failed requests'],
    ['check-capacity-batch-processing', 'bool', 'false', 'check-capacity requests in batches'],
    ['check-capacity-provisioning-request-max-batch-size', 'int', '10', 'requests in one batch'],
    ['check-capacity-provisioning-request-batch-timebox', 'duration', '10s', 'time for one batch'],
    ['check-capacity-processor-instance', 'string', '', 'handle only requests that name this instance'],
    ['capacity-buffer-controller-enabled', 'bool', 'false', 'CapacityBuffer controller'],
    ['capacity-buffer-pod-injection-enabled', 'bool', 'false', 'pods of CapacityBuffers count'],
    ['capacity-buffer-pod-dry-run-enabled', 'bool', 'true', 'resolve pods of CapacityBuffers by a dry run'],
    ['capacity-quotas-enabled', 'bool', 'false', 'CapacityQuotas'],
  ]),
]

const scaleDown = [
  ...rows('effective', flagsGo, [
    ['scale-down-enabled', 'bool', 'true', 'deprecated but honoured: remove unneeded nodes'],
    ['scale-down-unready-enabled', 'bool', 'true', 'remove unready nodes as well'],
    ['scale-down-delay-after-add', 'duration', '10m0s', 'no removal this long after a scale-up'],
    ['scale-down-delay-after-delete', 'duration', '0s', 'no removal this long after a removal'],
    ['scale-down-delay-after-failure', 'duration', '3m0s', 'no removal this long after a failed removal'],
    ['scale-down-delay-type-local', 'bool', 'false', 'those three pauses for each node group by itself'],
    ['scale-down-unneeded-time', 'duration', '10m0s', 'how long a node must be unneeded before it is removed'],
    ['scale-down-unready-time', 'duration', '20m0s', 'the same for an unready node'],
    ['scale-down-utilization-threshold', 'float', '0.5', 'a node that is requested more than this is kept'],
    ['scale-down-gpu-utilization-threshold', 'float', '0.5', 'the same for nodes with GPUs'],
    ['scale-down-simulation-timeout', 'duration', '30s', 'longest simulation of removals in one loop'],
    ['ignore-daemonsets-utilization', 'bool', 'false', 'DaemonSet pods do not count as requested'],
    ['ignore-mirror-pods-utilization', 'bool', 'false', 'mirror pods do not count as requested'],
    ['unremovable-node-recheck-timeout', 'duration', '5m0s', 'how long a node found unremovable is not looked at'],
    ['skip-nodes-with-system-pods', 'bool', 'true', 'keep nodes with kube-system pods'],
    [
      'blocking-system-pod-distruption-timeout',
      'duration',
      '1h0m0s',
      'at this age a kube-system pod keeps its node no longer',
    ],
    ['skip-nodes-with-local-storage', 'bool', 'true', 'keep nodes with pods that use hostPath or emptyDir'],
    ['skip-nodes-with-custom-controller-pods', 'bool', 'true', 'keep nodes with pods of custom controllers'],
    ['min-replica-count', 'int', '0', 'keep nodes with pods of smaller replica sets'],
    ['max-scale-down-parallelism', 'int', '10', 'most nodes being removed at once'],
    ['max-drain-parallelism', 'int', '1', 'most of those that are being drained'],
    ['max-pod-eviction-time', 'duration', '2m0s', 'how long an eviction is retried'],
    ['max-graceful-termination-sec', 'int', '600', 'longest grace period of an evicted pod, in seconds'],
    ['daemonset-eviction-for-empty-nodes', 'bool', 'false', 'evict DaemonSet pods of empty nodes'],
    ['daemonset-eviction-for-occupied-nodes', 'bool', 'true', 'evict DaemonSet pods of drained nodes'],
    ['cordon-node-before-terminating', 'bool', 'true', 'set spec.unschedulable before a node is drained'],
    ['node-delete-delay-after-taint', 'duration', '5s', 'pause between the taint and the drain or deletion'],
    ['node-deletion-delay-timeout', 'duration', '2m0s', 'longest wait for delay-deletion annotations'],
    ['node-deletion-batcher-interval', 'duration', '0s', 'how long deletions of one group are collected'],
    ['max-bulk-soft-taint-count', 'int', '10', 'most soft taints written in one loop; 0: none'],
    ['max-bulk-soft-taint-time', 'duration', '3s', 'time for those'],
    [
      'node-deletion-candidate-ttl',
      'duration',
      '0s',
      'at start, unneeded times are read from soft taints younger than this',
    ],
    ['ok-total-unready-count', 'int', '3', 'this many unready nodes are no reason to stop'],
    ['max-total-unready-percentage', 'float', '45', 'a larger share of unready nodes stops everything'],
  ]),
  ...rows('accepted-no-effect', flagsGo, [
    ['scale-down-non-empty-candidates-count', 'int', '30', 'upstream reads it nowhere'],
    ['scale-down-candidates-pool-ratio', 'float', '0.1', 'upstream reads it nowhere'],
    ['scale-down-candidates-pool-min-count', 'int', '50', 'upstream reads it nowhere'],
  ]),
  ...rows('not-yet', flagsGo, [
    ['drain-priority-config', 'string', '', '<priority>:<seconds>,...: drain pods in the order of their priority'],
    ['dynamic-node-delete-delay-after-taint-enabled', 'bool', 'false', 'derive the pause after the taint from latency'],
    ['force-delete-unregistered-nodes', 'bool', 'false', 'remove unregistered nodes below the minimum as well'],
    ['force-delete-failed-nodes', 'bool', 'false', 'remove failed nodes below the minimum as well'],
    ['node-removal-latency-tracking-enabled', 'bool', 'false', 'metrics of how long removals take'],
    ['max-node-skip-eval-time-tracker-enabled', 'bool', 'false', 'metrics of nodes that were not looked at'],
  ]),
]

const election = [
  ...rows('effective', mainGo, [
    ['leader-elect', 'bool', 'true', 'run only while holding the lease'],
    ['leader-elect-lease-duration', 'duration', '15s', 'others wait this long before they take the lease'],
    ['leader-elect-renew-deadline', 'duration', '10s', 'the leader gives up when it cannot renew for this long'],
    ['leader-elect-retry-period', 'duration', '2s', 'pause between attempts'],
    ['leader-elect-resource-name', 'string', 'cluster-autoscaler', 'name of the lease'],
    ['leader-elect-resource-lock', 'string', 'leases', 'kind of the lock'],
  ]),
  ...rows('accepted-no-effect', mainGo, [
    ['leader-elect-resource-namespace', 'string', '', 'upstream uses --namespace instead'],
  ]),
]

const logging = [
  ...rows('effective', klogGo, [['v', 'int', '0', 'how chatty the log is']]),
  ...rows('accepted-no-effect', klogGo, [
    ['alsologtostderr', 'bool', 'false', 'with log files only'],
    ['log-dir', 'string', '', 'with log files only'],
    ['log-file', 'string', '', 'with logtostderr=false only'],
    ['log-file-max-size', 'int', '1800', 'with log files only'],
    ['one-output', 'bool', 'false', 'with log files only'],
    ['skip-log-headers', 'bool', 'false', 'with log files only'],
  ]),
  ...rows('effective', klogGo, [
    ['vmodule', 'csv', '', 'how chatty single files are: pattern=N'],
    ['logtostderr', 'bool', 'true', 'the log goes to standard error'],
    ['stderrthreshold', 'string', 'INFO', 'severity from which lines go to standard error'],
  ]),
  ...rows('not-yet', klogGo, [
    ['log-backtrace-at', 'string', ':0', 'stack traces of one source line'],
    ['skip-headers', 'bool', 'false', 'lines without headers'],
    ['add-dir-header', 'bool', 'false', 'directories in log headers'],
  ]),
  ...rows('effective', logsGo, [['logging-format', 'string', 'text', 'text or json']]),
  ...rows('not-yet', logsGo, [
    ['log-json-split-stream', 'bool', 'false', 'errors to standard error, the rest to standard output'],
    ['log-text-split-stream', 'bool', 'false', 'errors to standard error, the rest to standard output'],
  ]),
  ...rows('accepted-no-effect', logsGo, [
    ['log-flush-frequency', 'duration', '5s', 'lines are written at once'],
    ['log-json-info-buffer-size', 'string', '0', 'with a split stream only'],
    ['log-text-info-buffer-size', 'string', '0', 'with a split stream only'],
  ]),
]

const closedSets: Readonly<Record<string, readonly string[]>> = {
  'cloud-provider': ['aws'],
  estimator: ['binpacking'],
  'leader-elect-resource-lock': ['leases'],
  'logging-format': ['text', 'json'],
  // Log files are not served, so that the flags for them have nothing to act on.
  logtostderr: ['true'],
  stderrthreshold: ['INFO', 'info', '0'],
}

/** All flags, by name. */
export const clusterAutoscalerFlags: FlagTable = [
  ...general,
  ...scaleUp,
  ...scaleDown,
  ...election,
  ...logging,
  {
    name: 'blocking-system-pod-disruption-timeout',
    type: 'duration' as const,
    default: '1h0m0s',
    help: "blocking-system-pod-distruption-timeout without upstream's misspelling",
    source: 'Plimsoll',
    effect: 'effective' as const,
    aliasOf: 'blocking-system-pod-distruption-timeout',
  },
]
  .map((flag): Flag => (closedSets[flag.name] === undefined ? flag : { ...flag, accepted: closedSets[flag.name]! }))
  .toSorted((a, b) => (a.name < b.name ? -1 : 1))
