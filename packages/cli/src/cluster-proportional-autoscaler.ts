// `plimsoll cluster-proportional-autoscaler …`: the autoscaler as a process of its own, with upstream's flags, against
// any cluster. Wiring only.
import { hostname } from 'node:os'
import { createKubeClient, type KubeAccess, type KubeClient } from '@plimsoll/kube-client'
import { SeededRandom, SystemClock } from '@plimsoll/ports'
import {
  proportionalAutoscalerVersion,
  runProportionalAutoscaler,
  type ProportionalAutoscalerOptions,
} from '@plimsoll/proportional-autoscaler'
import { close, listen } from './listen.ts'
import { logFiles } from './log-files.ts'

/** Runs until it is told to stop. Resolves to the exit code. */
export async function runClusterProportionalAutoscaler(args: readonly string[]): Promise<number> {
  const clock = new SystemClock()
  // For ids and ties, not for secrets: no two processes draw alike.
  const random = new SeededRandom(`${hostname()}/${process.pid}/${clock.now()}`)
  const stop = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGQUIT'] as const) process.on(signal, () => stop.abort())
  let kube: KubeClient | undefined
  try {
    return await runProportionalAutoscaler({
      args,
      environment: process.env,
      clock,
      random,
      identity: hostname(),
      signal: stop.signal,
      out: (line) => process.stdout.write(`${line}\n`),
      error: (line) => process.stderr.write(`${line}\n`),
      logFile: ({ folder }) => logFiles({ program: 'cluster-proportional-autoscaler', folder, now: new Date() }),
      connect: async (options, log) => {
        kube = await createKubeClient({
          access: accessOf(options),
          userAgent: `cluster-proportional-autoscaler/${proportionalAutoscalerVersion}`,
          clock,
          log,
          random: random.split('kube'),
        })
        return kube
      },
      serve: async (address, handler) => {
        const server = await listen(address, handler)
        return () => close(server)
      },
    })
  } finally {
    await kube?.close()
  }
}

/** In a pod its service account, as upstream; elsewhere, where upstream gives up, what kubectl would use. */
function accessOf({ kubeconfig, context }: ProportionalAutoscalerOptions): KubeAccess {
  const isPod = process.env['KUBERNETES_SERVICE_HOST'] !== undefined
  if (kubeconfig === '' && context === '' && isPod) return { kind: 'inCluster' }
  return {
    kind: 'file',
    ...(kubeconfig === '' ? {} : { path: kubeconfig }),
    ...(context === '' ? {} : { context }),
  }
}
