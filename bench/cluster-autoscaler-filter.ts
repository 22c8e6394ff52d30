// Which pending pods fit on the present nodes: kubernetes-sigs/cluster-autoscaler:pkg/core/podlistprocessor,
// BenchmarkFilterOutSchedulable (nothing fits), and pkg/simulator/clustersnapshot/predicate,
// BenchmarkRunFiltersUntilPassingNode (the last of 5,001 nodes fits).
import { ClusterSnapshot, PodPlacer } from '@plimsoll/engine'
import type { BenchCase, BenchResult, BenchSize } from './case.ts'
import { benchNode, benchPod, medianOf, timed } from './cluster-autoscaler-objects.ts'

const sizes: readonly { nodes: number; scheduled: number; pending: number; different?: true }[] = [
  { nodes: 1, scheduled: 30, pending: 1000 },
  { nodes: 10, scheduled: 300, pending: 1000 },
  { nodes: 100, scheduled: 3000, pending: 1000 },
  { nodes: 200, scheduled: 200, pending: 60_000 },
  { nodes: 1000, scheduled: 1000, pending: 12_000 },
  // Not upstream's: no two of the pods are the same.
  { nodes: 1000, scheduled: 1000, pending: 12_000, different: true },
]
const iterations = 5

async function runFilter(size: BenchSize): Promise<BenchResult> {
  const part = size === 'full' ? 1 : 20
  const figures: Record<string, number> = {}
  const answers: string[] = []
  for (const { nodes, scheduled, pending, different } of sizes) {
    const snapshot = new ClusterSnapshot()
    for (let n = 0; n < nodes; n++) snapshot.addNode(benchNode(`n${n}`, { milliCpu: 2000, memory: 200_000 }))
    for (let p = 0; p < scheduled; p++) {
      snapshot.addPod(benchPod(`s${p}`, { milliCpu: 1000, memory: 200_000 }), `n${p % nodes}`)
    }
    const times: number[] = []
    let still = 0
    for (let i = 0; i < iterations; i++) {
      const pods = Array.from({ length: pending / part }, (_, p) =>
        benchPod(
          `p${p}`,
          different === true
            ? { milliCpu: 1000, memory: 2_000_000 + p, labels: { app: `a${p}` } }
            : { milliCpu: 1000, memory: 2_000_000 },
        ),
      )
      const { elapsed, result } = timed(() => new PodPlacer().place(snapshot, pods))
      times.push(elapsed)
      still = result.rest.length
    }
    figures[
      `${nodes} nodes, ${scheduled} scheduled, ${pending} pending${different === true ? ', all different' : ''}`
    ] = medianOf(times)
    answers.push(`${still} of ${pending / part}`)
  }
  return { figures, answer: answers.join(', ') }
}

export const filterOutSchedulable: BenchCase = {
  name: 'filter out schedulable: pending pods that fit nowhere',
  run: runFilter,
}

async function runScan(size: BenchSize): Promise<BenchResult> {
  const nodes = size === 'full' ? 5000 : 50
  const times: number[] = []
  const again: number[] = []
  let found: string | undefined
  for (let i = 0; i < iterations; i++) {
    const snapshot = new ClusterSnapshot()
    for (let n = 0; n < nodes; n++) {
      const pods = Array.from({ length: 10 }, (_, p) =>
        benchPod(`n${n}-${p}`, { milliCpu: 1, memory: 1, labels: { app: 'p' } }),
      )
      snapshot.addNode(benchNode(`n${n}`, { milliCpu: 10, memory: 1000 }), pods)
    }
    snapshot.addNode(benchNode('large', { milliCpu: 1000, memory: 1000 }))
    const pod = benchPod('p', {
      milliCpu: 100,
      memory: 1000,
      labels: { app: 'p' },
      spec: {
        affinity: {
          podAntiAffinity: {
            requiredDuringSchedulingIgnoredDuringExecution: [
              { topologyKey: 'kubernetes.io/hostname', labelSelector: { matchLabels: { app: 'p' } } },
            ],
          },
        },
      },
    })
    const scan = (): string | undefined => snapshot.firstFit(pod)
    const { elapsed, result } = timed(scan)
    times.push(elapsed)
    again.push(timed(scan).elapsed)
    found = result
  }
  return { figures: { first: medianOf(times), again: medianOf(again) }, answer: String(found) }
}

export const untilPassingNode: BenchCase = { name: 'filters until a node passes: the last of 5,001', run: runScan }
