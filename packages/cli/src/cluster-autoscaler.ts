// `plimsoll cluster-autoscaler …`: the autoscaler as a process of its own, with upstream's flags, against any cluster and
// account. Wiring only; mirrors kubernetes/autoscaler:cluster-autoscaler/main.go.
import type { Server } from 'node:http'
import { hostname } from 'node:os'
import { createAwsApi } from '@plimsoll/aws-client'
import {
  parseClusterAutoscalerFlags,
  type ClusterAutoscaler,
  type ClusterAutoscalerOptions,
} from '@plimsoll/cluster-autoscaler'
import { createKubeClient, type KubeAccess } from '@plimsoll/kube-client'
import { SeededRandom, SystemClock, type Metrics } from '@plimsoll/ports'
import { createLog, MetricsRegistry } from '@plimsoll/runtime'
import { assembleClusterAutoscaler } from '@plimsoll/simulator'
import { close, listen } from './listen.ts'

/** What pflag exits with on a command line that it does not understand. */
const exitUsage = 2
/** What klog.Fatal exits with. */
const exitFatal = 255

/** Runs until it is told to stop. Resolves to the exit code. */
export async function runClusterAutoscaler(flags: readonly string[]): Promise<number> {
  const parsed = parseClusterAutoscalerFlags(flags)
  if ('problems' in parsed) {
    for (const { message } of parsed.problems) process.stderr.write(`${message}\n`)
    return exitUsage
  }
  const { options } = parsed
  const clock = new SystemClock()
  // For ids and ties, not for secrets: no two processes draw alike.
  const random = new SeededRandom(`${hostname()}/${process.pid}/${clock.now()}`)
  const log = createLog({
    clock,
    write: (line) => process.stderr.write(`${line}\n`),
    verbosity: options.verbosity,
    vmodule: options.vmodule,
    format: options.loggingFormat,
  })
  const metrics = new MetricsRegistry()
  const main = log.named('main.go')

  const stop = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGQUIT'] as const) process.on(signal, () => stop.abort())

  let server: Server | undefined
  try {
    const kube = await createKubeClient({
      access: accessOf(options),
      userAgent: options.userAgent,
      qps: options.kubeClientQps,
      burst: options.kubeClientBurst,
      clock,
      log,
      random: random.split('kube'),
    })
    const aws = await createAwsApi({ userAgent: options.userAgent, log })
    const assembled = assembleClusterAutoscaler({
      options,
      kube,
      aws,
      clock,
      random,
      log,
      metrics,
      identity: hostname(),
    })
    if ('problems' in assembled) {
      for (const { message } of assembled.problems) log.named('aws_cloud_provider.go').error(message)
      return exitFatal
    }
    server = await serve(options.address, assembled.autoscaler, metrics)
    await assembled.autoscaler.run(stop.signal)
    await kube.close()
    aws.close()
    return 0
  } catch (error) {
    main.error(error instanceof Error ? error.message : String(error))
    // What it had begun stays as it is, for the next process to find; nothing here may hold this one.
    return exitFatal
  } finally {
    if (server !== undefined) close(server)
  }
}

function accessOf(options: ClusterAutoscalerOptions): KubeAccess {
  if (options.kubeconfig !== '') return { kind: 'file', path: options.kubeconfig }
  if (options.kubernetes === '') return { kind: 'inCluster' }
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'kubernetes', cluster: { server: options.kubernetes } }],
    contexts: [{ name: 'kubernetes', context: { cluster: 'kubernetes', user: 'none' } }],
    users: [{ name: 'none', user: {} }],
    'current-context': 'kubernetes',
  }
  return { kind: 'text', text: JSON.stringify(config) }
}

/** @throws when the address cannot be listened on */
async function serve(address: string, autoscaler: ClusterAutoscaler, metrics: Metrics): Promise<Server> {
  try {
    return await listen(address, ({ path }) => {
      switch (path.replace(/\?.*/, '')) {
        case '/metrics':
          return {
            status: 200,
            contentType: 'text/plain; version=0.0.4; charset=utf-8; escaping=underscores',
            body: metrics.expose(),
          }
        case '/health-check':
          return { ...autoscaler.health(), contentType: 'text/plain; charset=utf-8' }
        default:
          return { status: 404, contentType: 'text/plain; charset=utf-8', body: '404 page not found\n' }
      }
    })
  } catch (error) {
    throw new Error(`Failed to start metrics: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    })
  }
}
