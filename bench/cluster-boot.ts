// 1,000 nodes register and 30 pods run on each, through the in-process door, in virtual time.
import { Deployments, minutes, ms, Pods } from '@plimsoll/model'
import { SeededRandom, silentLog, VirtualClock } from '@plimsoll/ports'
import { House } from '@plimsoll/simulator'
import type { BenchCase, BenchResult, BenchSize } from './case.ts'

const podsPerNode = 30

async function run(size: BenchSize): Promise<BenchResult> {
  const nodes = size === 'full' ? 1000 : 20
  const replicas = nodes * podsPerNode
  const clock = new VirtualClock({ start: ms(Date.UTC(2026, 0, 1)) })
  const begun = performance.now()
  const house = new House({
    clock,
    random: new SeededRandom('bench'),
    log: silentLog,
    cluster: { name: 'bench', region: 'us-east-1', version: '1.35' },
    nodeGroup: { name: 'ng1', instanceType: 'm5.2xlarge', min: 0, max: nodes, desired: nodes },
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
  const reached = await clock.runUntil(() => running === replicas, minutes(30))
  const elapsed = performance.now() - begun
  const { items } = await kube.list(Pods, { namespace: 'default' })
  const perNode = new Map<string, number>()
  for (const pod of items) perNode.set(pod.spec.nodeName ?? '', (perNode.get(pod.spec.nodeName ?? '') ?? 0) + 1)
  await house.stop()
  return {
    figures: {
      elapsed,
      podsPerSecond: replicas / (elapsed / 1000),
      virtualSeconds: (clock.now() - Date.UTC(2026, 0, 1)) / 1000,
      timers: clock.fired,
      rssMiB: process.memoryUsage.rss() / 2 ** 20,
    },
    answer: JSON.stringify([reached, running, [...perNode.values()].toSorted((a, b) => a - b)]),
  }
}

export const clusterBoot: BenchCase = { name: `cluster boot: nodes × ${podsPerNode} pods, in process`, run }
