// Nodes register and 30 pods run on each, through the in-process door, in virtual time. In a process of its own, so that
// its memory is its own.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { Deployments, hours, ms, Pods } from '@plimsoll/model'
import { SeededRandom, silentLog, VirtualClock } from '@plimsoll/ports'
import { House } from '@plimsoll/simulator'
import type { BenchCase, BenchResult } from './case.ts'

const program = fileURLToPath(import.meta.url)
const podsPerNode = 30

export async function boot(nodes: number): Promise<BenchResult> {
  const replicas = nodes * podsPerNode
  const clock = new VirtualClock({ start: ms(Date.UTC(2026, 0, 1)) })
  const begun = performance.now()
  const house = new House({
    clock,
    random: new SeededRandom('bench'),
    log: silentLog,
    cluster: { name: 'bench', region: 'us-east-1', version: '1.35' },
    nodeGroup: { name: 'ng1', instanceType: 'm5.2xlarge', min: 0, max: nodes, desired: nodes },
    network: { vpcCidr: '10.0.0.0/16', subnetCidrs: ['10.0.0.0/19', '10.0.32.0/19', '10.0.64.0/19'] },
    heartbeats: 'lazy',
  })
  await house.start()
  const kube = house.client()
  await kube.create(Deployments, {
    metadata: { name: 'web', namespace: 'default' },
    spec: {
      replicas,
      selector: { matchLabels: { app: 'web' } },
      template: {
        metadata: { labels: { app: 'web' } },
        spec: {
          containers: [{ name: 'web', image: 'nginx', resources: { requests: { cpu: '100m', memory: '100Mi' } } }],
        },
      },
    },
  })
  let running = 0
  await kube.watch(
    Pods,
    { namespace: 'default', fieldSelector: 'status.phase=Running' },
    { event: (event) => (running += event.type === 'ADDED' ? 1 : event.type === 'DELETED' ? -1 : 0), end: () => {} },
  )
  const reached = await clock.runUntil(() => running === replicas, hours(1))
  const elapsed = performance.now() - begun
  const virtualSeconds = (clock.now() - Date.UTC(2026, 0, 1)) / 1000
  const { items } = await kube.list(Pods, { namespace: 'default' })
  const perNode = new Map<string, number>()
  for (const pod of items) perNode.set(pod.spec.nodeName ?? '', (perNode.get(pod.spec.nodeName ?? '') ?? 0) + 1)
  const { rss } = process.memoryUsage()
  await house.stop()
  return {
    figures: {
      elapsed,
      podsPerSecond: replicas / (elapsed / 1000),
      virtualSeconds,
      timers: clock.fired,
      rssMiB: rss / 2 ** 20,
      peakRssMiB: process.resourceUsage().maxRSS / 1024,
    },
    answer: JSON.stringify([reached, running, [...perNode.values()].toSorted((a, b) => a - b)]),
  }
}

async function apart(nodes: number): Promise<BenchResult> {
  const child = fork(program, [String(nodes)])
  const [result] = (await Promise.race([
    once(child, 'message'),
    once(child, 'exit').then(([code]) => {
      throw new Error(`the booting process ended with ${String(code)}`)
    }),
  ])) as [BenchResult]
  child.disconnect()
  return result
}

function bootCase(nodes: number): BenchCase {
  return {
    name: `cluster boot: ${nodes.toLocaleString('en-US')} nodes × ${podsPerNode} pods, in process`,
    run: (size) => (size === 'full' ? apart(nodes) : boot(20)),
  }
}

export const clusterBoots: readonly BenchCase[] = [bootCase(1000), bootCase(5000)]

if (process.send !== undefined && process.argv[1] === program) process.send(await boot(Number(process.argv[2])))
