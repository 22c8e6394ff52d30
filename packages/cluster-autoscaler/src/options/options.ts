import { formatGoDuration, type Ms } from '@plimsoll/model'
import {
  defaultValue,
  parseVmodule,
  readFlags,
  type Flag,
  type FlagValue,
  type FlagValues,
  type LogFormat,
  type Problem,
} from '@plimsoll/runtime'
import { clusterAutoscalerFlags } from './flag-table.ts'

const expanderNames = ['least-nodes', 'least-waste', 'most-pods', 'priority', 'random'] as const
export type ExpanderName = (typeof expanderNames)[number]

export interface Bounds {
  readonly min: number
  readonly max: number
}

/** What the flags say, parsed: the effective ones only. Durations in milliseconds; see `clusterAutoscalerFlags`. */
export interface ClusterAutoscalerOptions {
  readonly address: string
  readonly kubeconfig: string
  readonly kubernetes: string
  readonly kubeClientBurst: number
  readonly kubeClientQps: number
  readonly userAgent: string
  readonly verbosity: number
  /** klog's `pattern=N,…`; empty for none. */
  readonly vmodule: string
  readonly loggingFormat: LogFormat

  readonly cloudProvider: string
  readonly nodes: readonly string[]
  readonly nodeGroupAutoDiscovery: readonly string[]
  readonly awsUseStaticInstanceList: boolean

  readonly namespace: string
  readonly writeStatusConfigMap: boolean
  readonly statusConfigMapName: string
  readonly recordDuplicatedEvents: boolean
  readonly emitPerNodeGroupMetrics: boolean

  readonly maxInactivity: Ms
  readonly maxFailingTime: Ms
  readonly maxStartupTime: Ms
  readonly scanInterval: Ms
  readonly frequentLoopsEnabled: boolean

  readonly expander: readonly ExpanderName[]
  readonly maxNodesTotal: number
  readonly coresTotal: Bounds
  /** In bytes. */
  readonly memoryTotal: Bounds
  /** By GPU type, in the order given. */
  readonly gpuTotal: readonly ({ readonly type: string } & Bounds)[]
  readonly maxNodesPerScaleUp: number
  readonly maxNodeGroupBinpackingDuration: Ms
  readonly maxBinpackingTime: Ms
  readonly balanceSimilarNodeGroups: boolean
  readonly balancingIgnoreLabels: readonly string[]
  readonly balancingLabels: readonly string[]
  readonly memoryDifferenceRatio: number
  readonly maxFreeDifferenceRatio: number
  readonly maxAllocatableDifferenceRatio: number
  readonly newPodScaleUpDelay: Ms
  readonly expendablePodsPriorityCutoff: number
  readonly scaleUpFromZero: boolean
  readonly parallelScaleUp: boolean
  readonly enforceNodeGroupMinSize: boolean
  readonly maxNodeProvisionTime: Ms
  readonly maxNodeStartupTime: Ms
  readonly initialNodeGroupBackoffDuration: Ms
  readonly maxNodeGroupBackoffDuration: Ms
  readonly nodeGroupBackoffResetTimeout: Ms
  readonly nodeInfoCacheExpireTime: Ms
  readonly forceDaemonSets: boolean
  readonly scaleFromUnschedulable: boolean
  /** Exact keys. */
  readonly startupTaints: readonly string[]
  readonly startupTaintPrefixes: readonly string[]
  readonly statusTaints: readonly string[]
  readonly bypassedSchedulerNames: readonly string[]
  readonly allowedSchedulerNames: readonly string[]

  readonly scaleDownEnabled: boolean
  readonly scaleDownUnreadyEnabled: boolean
  readonly scaleDownDelayAfterAdd: Ms
  readonly scaleDownDelayAfterDelete: Ms
  readonly scaleDownDelayAfterFailure: Ms
  readonly scaleDownDelayTypeLocal: boolean
  readonly scaleDownUnneededTime: Ms
  readonly scaleDownUnreadyTime: Ms
  readonly scaleDownUtilizationThreshold: number
  readonly scaleDownGpuUtilizationThreshold: number
  readonly scaleDownSimulationTimeout: Ms
  readonly ignoreDaemonSetsUtilization: boolean
  readonly ignoreMirrorPodsUtilization: boolean
  readonly unremovableNodeRecheckTimeout: Ms
  readonly skipNodesWithSystemPods: boolean
  readonly blockingSystemPodDisruptionTimeout: Ms
  readonly skipNodesWithLocalStorage: boolean
  readonly skipNodesWithCustomControllerPods: boolean
  readonly minReplicaCount: number
  readonly maxScaleDownParallelism: number
  readonly maxDrainParallelism: number
  readonly maxPodEvictionTime: Ms
  readonly maxGracefulTerminationSeconds: number
  readonly daemonSetEvictionForEmptyNodes: boolean
  readonly daemonSetEvictionForOccupiedNodes: boolean
  readonly cordonNodeBeforeTerminating: boolean
  readonly nodeDeleteDelayAfterTaint: Ms
  readonly nodeDeletionDelayTimeout: Ms
  readonly nodeDeletionBatcherInterval: Ms
  readonly maxBulkSoftTaintCount: number
  readonly maxBulkSoftTaintTime: Ms
  readonly nodeDeletionCandidateTtl: Ms
  readonly okTotalUnreadyCount: number
  readonly maxTotalUnreadyPercentage: number

  readonly leaderElect: boolean
  readonly leaderElectLeaseDuration: Ms
  readonly leaderElectRenewDeadline: Ms
  readonly leaderElectRetryPeriod: Ms
  readonly leaderElectResourceName: string

  /** `--name="value"` of every flag, as upstream prints them at start. */
  readonly flagLines: readonly string[]
}

/**
 * Parses upstream's command line. Returns the options, or every problem found: unknown and malformed flags in pflag's
 * words, values that upstream refuses at start, and flags that Plimsoll does not serve yet, set to anything but their
 * default.
 */
export function parseClusterAutoscalerFlags(
  args: readonly string[],
): { readonly options: ClusterAutoscalerOptions } | { readonly problems: readonly Problem[] } {
  const read = readFlags(args, clusterAutoscalerFlags)
  const problems = [...read.problems, ...refusals(read)]
  const options = optionsOf(read, problems)
  return problems.length > 0 ? { problems } : { options }
}

function refusals({ values, set }: FlagValues): Problem[] {
  const problems: Problem[] = []
  for (const flag of clusterAutoscalerFlags) {
    if (!set.has(flag.name)) continue
    const value = textOf(flag, values.get(flag.name)!)
    const path = `--${flag.name}`
    if (flag.accepted !== undefined && !flag.accepted.includes(value)) {
      problems.push({ path, message: `${path}: ${quote(value)} is not served; accepted: ${flag.accepted.join(', ')}` })
    }
    if (flag.effect === 'not-yet' && value !== textOf(flag, defaultValue(flag))) {
      const accepted = `only its default ${quote(flag.default)} is accepted`
      problems.push({ path, message: `${path}: ${quote(value)} is not served yet; ${accepted}` })
    }
  }
  return problems
}

function optionsOf({ values, set }: FlagValues, problems: Problem[]): ClusterAutoscalerOptions {
  const text = (name: string): string => values.get(name) as string
  const number = (name: string): number => values.get(name) as number
  const truth = (name: string): boolean => values.get(name) as boolean
  const duration = (name: string): Ms => values.get(name) as Ms
  const list = (name: string): readonly string[] => values.get(name) as readonly string[]
  const gib = 1024 ** 3
  const memory = bounds('memory-total', text('memory-total'), problems)

  if (number('predicate-parallelism') < 1) {
    const found = number('predicate-parallelism')
    problems.push({
      path: '--predicate-parallelism',
      message: `Invalid value for --predicate-parallelism flag: ${found}`,
    })
  }
  const bypassed = list('bypassed-scheduler-names')
  const allowed = list('allowed-scheduler-names')
  const strangers = allowed.length === 0 ? [] : bypassed.filter((name) => !allowed.includes(name))
  if (strangers.length > 0) {
    const path = '--bypassed-scheduler-names'
    problems.push({ path, message: `${path}: ${strangers.join(', ')} missing from --allowed-scheduler-names` })
  }

  return {
    address: text('address'),
    kubeconfig: text('kubeconfig'),
    kubernetes: text('kubernetes'),
    kubeClientBurst: number('kube-client-burst'),
    kubeClientQps: number('kube-client-qps'),
    userAgent: text('user-agent'),
    verbosity: number('v'),
    vmodule: vmodule(list('vmodule').join(','), problems),
    loggingFormat: text('logging-format') as LogFormat,
    cloudProvider: text('cloud-provider'),
    nodes: list('nodes'),
    nodeGroupAutoDiscovery: list('node-group-auto-discovery'),
    awsUseStaticInstanceList: truth('aws-use-static-instance-list'),
    namespace: text('namespace'),
    writeStatusConfigMap: truth('write-status-configmap'),
    statusConfigMapName: text('status-config-map-name'),
    recordDuplicatedEvents: truth('record-duplicated-events'),
    emitPerNodeGroupMetrics: truth('emit-per-nodegroup-metrics'),
    maxInactivity: duration('max-inactivity'),
    maxFailingTime: duration('max-failing-time'),
    maxStartupTime: duration('max-startup-time'),
    scanInterval: duration('scan-interval'),
    frequentLoopsEnabled: truth('frequent-loops-enabled'),
    expander: expanders(list('expander'), problems),
    maxNodesTotal: number('max-nodes-total'),
    coresTotal: bounds('cores-total', text('cores-total'), problems),
    memoryTotal: { min: memory.min * gib, max: memory.max * gib },
    gpuTotal: list('gpu-total').map((spec) => gpuBounds(spec, problems)),
    maxNodesPerScaleUp: number('max-nodes-per-scaleup'),
    maxNodeGroupBinpackingDuration: duration('max-nodegroup-binpacking-duration'),
    maxBinpackingTime: duration('max-binpacking-time'),
    balanceSimilarNodeGroups: truth('balance-similar-node-groups'),
    balancingIgnoreLabels: list('balancing-ignore-label'),
    balancingLabels: list('balancing-label'),
    memoryDifferenceRatio: number('memory-difference-ratio'),
    maxFreeDifferenceRatio: number('max-free-difference-ratio'),
    maxAllocatableDifferenceRatio: number('max-allocatable-difference-ratio'),
    newPodScaleUpDelay: duration('new-pod-scale-up-delay'),
    expendablePodsPriorityCutoff: number('expendable-pods-priority-cutoff'),
    scaleUpFromZero: truth('scale-up-from-zero'),
    parallelScaleUp: truth('parallel-scale-up'),
    enforceNodeGroupMinSize: truth('enforce-node-group-min-size'),
    maxNodeProvisionTime: duration('max-node-provision-time'),
    maxNodeStartupTime: duration('max-node-startup-time'),
    initialNodeGroupBackoffDuration: duration('initial-node-group-backoff-duration'),
    maxNodeGroupBackoffDuration: duration('max-node-group-backoff-duration'),
    nodeGroupBackoffResetTimeout: duration('node-group-backoff-reset-timeout'),
    nodeInfoCacheExpireTime: duration('node-info-cache-expire-time'),
    forceDaemonSets: truth('force-ds'),
    scaleFromUnschedulable: truth('scale-from-unschedulable'),
    startupTaints: [...list('startup-taint'), ...list('ignore-taint')],
    startupTaintPrefixes: list('startup-taint-prefix'),
    statusTaints: list('status-taint'),
    bypassedSchedulerNames: bypassed,
    allowedSchedulerNames: allowed,
    scaleDownEnabled: truth('scale-down-enabled'),
    scaleDownUnreadyEnabled: truth('scale-down-unready-enabled'),
    scaleDownDelayAfterAdd: duration('scale-down-delay-after-add'),
    scaleDownDelayAfterDelete: duration('scale-down-delay-after-delete'),
    scaleDownDelayAfterFailure: duration('scale-down-delay-after-failure'),
    scaleDownDelayTypeLocal: truth('scale-down-delay-type-local'),
    scaleDownUnneededTime: duration('scale-down-unneeded-time'),
    scaleDownUnreadyTime: duration('scale-down-unready-time'),
    scaleDownUtilizationThreshold: number('scale-down-utilization-threshold'),
    scaleDownGpuUtilizationThreshold: number('scale-down-gpu-utilization-threshold'),
    scaleDownSimulationTimeout: duration('scale-down-simulation-timeout'),
    ignoreDaemonSetsUtilization: truth('ignore-daemonsets-utilization'),
    ignoreMirrorPodsUtilization: truth('ignore-mirror-pods-utilization'),
    unremovableNodeRecheckTimeout: duration('unremovable-node-recheck-timeout'),
    skipNodesWithSystemPods: truth('skip-nodes-with-system-pods'),
    blockingSystemPodDisruptionTimeout: duration('blocking-system-pod-distruption-timeout'),
    skipNodesWithLocalStorage: truth('skip-nodes-with-local-storage'),
    skipNodesWithCustomControllerPods: truth('skip-nodes-with-custom-controller-pods'),
    minReplicaCount: number('min-replica-count'),
    maxScaleDownParallelism: number('max-scale-down-parallelism'),
    maxDrainParallelism: number('max-drain-parallelism'),
    maxPodEvictionTime: duration('max-pod-eviction-time'),
    maxGracefulTerminationSeconds: number('max-graceful-termination-sec'),
    daemonSetEvictionForEmptyNodes: truth('daemonset-eviction-for-empty-nodes'),
    daemonSetEvictionForOccupiedNodes: truth('daemonset-eviction-for-occupied-nodes'),
    cordonNodeBeforeTerminating: truth('cordon-node-before-terminating'),
    nodeDeleteDelayAfterTaint: duration('node-delete-delay-after-taint'),
    nodeDeletionDelayTimeout: duration('node-deletion-delay-timeout'),
    nodeDeletionBatcherInterval: duration('node-deletion-batcher-interval'),
    maxBulkSoftTaintCount: number('max-bulk-soft-taint-count'),
    maxBulkSoftTaintTime: duration('max-bulk-soft-taint-time'),
    nodeDeletionCandidateTtl: duration('node-deletion-candidate-ttl'),
    okTotalUnreadyCount: number('ok-total-unready-count'),
    maxTotalUnreadyPercentage: number('max-total-unready-percentage'),
    leaderElect: truth('leader-elect'),
    leaderElectLeaseDuration: duration('leader-elect-lease-duration'),
    leaderElectRenewDeadline: duration('leader-elect-renew-deadline'),
    leaderElectRetryPeriod: duration('leader-elect-retry-period'),
    leaderElectResourceName: text('leader-elect-resource-name'),
    flagLines: flagLines({ values, set }),
  }
}

/** kubernetes-sigs/cluster-autoscaler:pkg/expander/factory/expander_factory.go, Build. */
/** As it stands, with a problem when klog would not read it. */
function vmodule(text: string, problems: Problem[]): string {
  try {
    parseVmodule(text, 0)
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    const why = 'syntax error: expect comma-separated list of filename=N'
    problems.push({ path: '--vmodule', message: `invalid argument ${quote(text)} for "--vmodule" flag: ${why}` })
  }
  return text
}

function expanders(names: readonly string[], problems: Problem[]): ExpanderName[] {
  const path = '--expander'
  const chosen: ExpanderName[] = []
  for (const name of names) {
    const known = expanderNames.find((candidate) => candidate === name)
    if (known === undefined) {
      const why = name === 'price' ? ': AWS gives no price model' : name === 'grpc' ? ': not served yet' : ''
      problems.push({ path, message: `Expander ${name} not supported${why}; accepted: ${expanderNames.join(', ')}` })
      continue
    }
    if (chosen.includes(known))
      problems.push({
        path,
        message: `Expander ${name} was specified multiple times, each expander must not be specified more than once`,
      })
    if (chosen.at(-1) === 'random')
      problems.push({ path, message: `Expander ${name} came after random, which leaves no options to choose from` })
    chosen.push(known)
  }
  return chosen
}

/** Upstream: parseMinMaxFlag and validateMinMaxFlag. */
function bounds(name: string, spec: string, problems: Problem[]): Bounds {
  const parts = spec.split(':')
  const [min, max] = parts.map(Number)
  const fail = (why: string): Bounds => {
    problems.push({
      path: `--${name}`,
      message: `--${name}: ${quote(spec)}: ${why}; accepted: <min>:<max>, 0 <= min <= max`,
    })
    return { min: 0, max: 0 }
  }
  if (parts.length !== 2 || !parts.every((part) => /^[+-]?\d+$/.test(part))) return fail('wrong nodes configuration')
  if (min! < 0) return fail('min size must be greater or equal to  0')
  if (max! < min!) return fail('max size must be greater or equal to min size')
  return { min: min!, max: max! }
}

function gpuBounds(spec: string, problems: Problem[]): { readonly type: string } & Bounds {
  const cut = spec.indexOf(':')
  const type = spec.slice(0, Math.max(0, cut))
  if (cut > 0) return { type, ...bounds('gpu-total', spec.slice(cut + 1), problems) }
  problems.push({ path: '--gpu-total', message: `incorrect gpu limit specification: ${spec}` })
  return { type: spec, min: 0, max: 0 }
}

function flagLines({ values }: FlagValues): string[] {
  return clusterAutoscalerFlags
    .filter((flag) => flag.aliasOf === undefined)
    .map((flag) => {
      const value = values.get(flag.name)!
      const text = textOf(flag, value)
      return `FLAG: --${flag.name}=${quote(Array.isArray(value) ? `[${text}]` : text)}`
    })
}

/** The value as it would be typed. */
function textOf(flag: Flag, value: FlagValue): string {
  return flag.type === 'duration' ? formatGoDuration(value as Ms) : String(value)
}

function quote(text: string): string {
  return JSON.stringify(text)
}
