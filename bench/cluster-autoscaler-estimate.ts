// How many nodes 51,000 pods of two sizes need (kubernetes-sigs/cluster-autoscaler:pkg/estimator,
// BenchmarkBinpackingEstimate: 2,595 nodes), and pods that keep apart or spread, which upstream says are far slower.
import { ClusterSnapshot, estimate } from '@plimsoll/engine'
import type { Pod, PodSpec } from '@plimsoll/model'
import type { BenchCase, BenchResult, BenchSize } from './case.ts'
import { benchNode, benchPod, medianOf, timed } from './cluster-autoscaler-objects.ts'

const iterations = 5

function constrained(kind: 'apart' | 'spread'): Partial<PodSpec> {
  const labelSelector = { matchLabels: { app: 'a' } }
  const topologyKey = 'kubernetes.io/hostname'
  if (kind === 'apart') {
    const requiredDuringSchedulingIgnoredDuringExecution = [{ topologyKey, labelSelector }]
    return { affinity: { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution } } }
  }
  return {
    topologySpreadConstraints: [
      { topologyKey: 'topology.kubernetes.io/zone', maxSkew: 1, whenUnsatisfiable: 'DoNotSchedule', labelSelector },
    ],
  }
}

/** Each repeating one pod object, as upstream does. */
function repeated(count: number, pod: Pod): { readonly pods: readonly Pod[] } {
  return { pods: Array.from({ length: count }, () => pod) }
}

function measure(groups: () => { readonly pods: readonly Pod[] }[]): { elapsed: number; answer: string } {
  const times: number[] = []
  let answer = ''
  for (let i = 0; i < iterations; i++) {
    const snapshot = new ClusterSnapshot()
    const labels = { 'topology.kubernetes.io/zone': 'a' }
    snapshot.addNode(benchNode('n', { milliCpu: 100, memory: 1000, labels }))
    const template = { node: benchNode('template', { milliCpu: 1000, memory: 5000 * 2 ** 20, labels }), pods: [] }
    const pods = groups()
    const { elapsed, result } = timed(() => estimate(snapshot, pods, template, { nodes: [3000] }))
    times.push(elapsed)
    answer = `${result.nodeCount} nodes, ${result.pods.length} pods`
  }
  return { elapsed: medianOf(times), answer }
}

async function run(size: BenchSize): Promise<BenchResult> {
  const part = size === 'full' ? 1 : 100
  const two = measure(() => [
    repeated(50_000 / part, benchPod('a', { milliCpu: 50, memory: 100 })),
    repeated(1000 / part, benchPod('b', { milliCpu: 95, memory: 190 })),
  ])
  const separate = measure(() =>
    Array.from({ length: 50_000 / part }, (_, i) => ({ pods: [benchPod(`p${i}`, { milliCpu: 50, memory: 100 })] })),
  )
  const different = measure(() =>
    Array.from({ length: 10_000 / part }, (_, i) => ({
      pods: [benchPod(`p${i}`, { milliCpu: 50 + (i % 200), memory: 100 + i, labels: { app: `a${i}` } })],
    })),
  )
  const like = (kind: 'apart' | 'spread', count: number): ReturnType<typeof measure> => {
    const spec = constrained(kind)
    return measure(() => [
      repeated(count / part, benchPod('a', { milliCpu: 50, memory: 100, labels: { app: 'a' }, spec })),
    ])
  }
  const apart = like('apart', 2500)
  const spread = like('spread', 20_000)
  return {
    figures: {
      estimate: two.elapsed,
      '50,000 groups of one': separate.elapsed,
      '10,000 all different': different.elapsed,
      '2,500 that keep apart': apart.elapsed,
      '20,000 that spread over zones': spread.elapsed,
    },
    answer: [two, separate, different, apart, spread].map(({ answer }) => answer).join('; '),
  }
}

export const binpackingEstimate: BenchCase = { name: 'binpacking estimate: 51,000 pods onto new nodes', run }
