// Cluster Autoscaler as a program that a simulated kubelet can run: what main.go is to upstream's image.
import {
  AwsNodeGroups,
  parseNodeGroupAutoDiscovery,
  parseNodeGroupSpecs,
  type DiscoveryProblem,
} from '@plimsoll/aws-provider'
import {
  ClusterAutoscaler,
  parseClusterAutoscalerFlags,
  type ClusterAutoscalerOptions,
} from '@plimsoll/cluster-autoscaler'
import type { AwsApi, Clock, ContainerContext, ContainerProgram, KubeApi, Log, Metrics, Random } from '@plimsoll/ports'
import { createLog, MetricsRegistry } from '@plimsoll/runtime'

/** What pflag exits with on flags that it does not understand, and what klog.Fatal exits with. */
const exitUsage = 2
const exitFatal = 255

export interface ClusterAutoscalerParts {
  readonly options: ClusterAutoscalerOptions
  readonly kube: KubeApi
  readonly aws: AwsApi
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly metrics: Metrics
  /** The host's name: holder of the lease. */
  readonly identity: string
}

/** The autoscaler over the groups that its flags name, or what is wrong with those flags. */
export function assembleClusterAutoscaler(
  parts: ClusterAutoscalerParts,
): { readonly autoscaler: ClusterAutoscaler } | { readonly problems: readonly DiscoveryProblem[] } {
  const { options, clock, random, log, metrics } = parts
  const discovered = parseNodeGroupAutoDiscovery(options.nodeGroupAutoDiscovery)
  if ('problems' in discovered) return discovered
  const named = parseNodeGroupSpecs(options.nodes)
  if ('problems' in named) return named
  const groups = new AwsNodeGroups({
    aws: parts.aws,
    clock,
    random,
    log,
    metrics,
    discovery: { ...discovered, ...named },
    staticInstanceList: options.awsUseStaticInstanceList,
  })
  return {
    autoscaler: new ClusterAutoscaler({
      kube: parts.kube,
      groups,
      clock,
      random,
      log,
      metrics,
      options,
      identity: parts.identity,
    }),
  }
}

/** The program behind every `…/cluster-autoscaler` image. */
export function clusterAutoscalerProgram(aws: AwsApi): ContainerProgram {
  return { run: (context) => run(context, untilKilled(aws, context.kill)) }
}

async function run(context: ContainerContext, aws: AwsApi): Promise<number> {
  const { clock, random, kube } = context
  // The image's command is ./cluster-autoscaler; what follows it, and args, are flags.
  const parsed = parseClusterAutoscalerFlags([...context.command.slice(1), ...context.args])
  if ('problems' in parsed) {
    for (const { message } of parsed.problems) context.log(message)
    return exitUsage
  }
  const { options } = parsed
  const log = createLog({
    clock,
    write: (line) => context.log(line),
    verbosity: options.verbosity,
    vmodule: options.vmodule,
    format: options.loggingFormat,
  })
  const metrics = new MetricsRegistry()
  const identity = context.pod.metadata.name
  const assembled = assembleClusterAutoscaler({ options, kube, aws, clock, random, log, metrics, identity })
  if ('problems' in assembled) {
    for (const { message } of assembled.problems) log.named('aws_cloud_provider.go').error(message)
    return exitFatal
  }
  const { autoscaler } = assembled
  const port = Number(options.address.slice(options.address.lastIndexOf(':') + 1))
  const close = context.serve(port, ({ path }) => {
    switch (path.replace(/\?.*/, '')) {
      case '/metrics':
        return { status: 200, contentType: 'text/plain; version=0.0.4', body: metrics.expose() }
      case '/health-check':
        return { ...autoscaler.health(), contentType: 'text/plain; charset=utf-8' }
      default:
        return { status: 404, contentType: 'text/plain; charset=utf-8', body: '404 page not found\n' }
    }
  })
  try {
    await autoscaler.run(context.terminate)
    return 0
  } catch (error) {
    log.named('main.go').error(error instanceof Error ? error.message : String(error))
    return exitFatal
  } finally {
    close()
  }
}

/** A process that was cut off sends nothing more and hears nothing more. */
function untilKilled(aws: AwsApi, kill: AbortSignal): AwsApi {
  const never = new Promise<never>(() => {})
  return {
    region: aws.region,
    call: async (service, operation, input, signal) => {
      if (kill.aborted) return never
      const output = await aws.call(service, operation, input, signal)
      return kill.aborted ? never : output
    },
  }
}
