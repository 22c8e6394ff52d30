// What if nodes were gone: 2,000 nodes with 60,000 pods of several numbers of kinds, at several degrees of use.
import { ClusterSnapshot, wouldFitElsewhere, type RemovalOptions } from '@plimsoll/engine'
import type { Node } from '@plimsoll/model'
import { SeededRandom } from '@plimsoll/ports'
import type { BenchCase, BenchResult, BenchSize } from './case.ts'
import { benchNode, benchPod, medianOf, timed } from './cluster-autoscaler-objects.ts'

const podsPerNode = 30
const shapes = [
  { use: 0.5, kinds: 100 },
  { use: 0.8, kinds: 2000 },
  { use: 0.95, kinds: 100 },
  { use: 0.95, kinds: 60_000 },
]

/** As Cluster Autoscaler does: spread constraints go on counting the node while its pods look for another. */
const asClusterAutoscaler: RemovalOptions = {
  ghost: (node: Node) => ({ ...node, spec: { ...node.spec, taints: [{ key: 'gone', effect: 'NoSchedule' }] } }),
  breakOnFailure: true,
}

function filled(nodes: number, use: number, kinds: number): ClusterSnapshot {
  const random = new SeededRandom('removal')
  const snapshot = new ClusterSnapshot()
  const size = { milliCpu: 16_000, memory: 64 * 2 ** 30 }
  const mean = (use * size.milliCpu) / podsPerNode
  // Half of the kinds spread over zones.
  const requests = Array.from({ length: kinds }, () => Math.round(mean * (0.5 + random.next())))
  for (let n = 0; n < nodes; n++) {
    const labels = { 'topology.kubernetes.io/zone': `zone-${n % 3}` }
    const pods = Array.from({ length: podsPerNode }, (_, p) => {
      const kind = (n * podsPerNode + p) % kinds
      const labelSelector = { matchLabels: { app: `app-${kind}` } }
      const spread = {
        topologyKey: 'topology.kubernetes.io/zone',
        maxSkew: 2,
        whenUnsatisfiable: 'DoNotSchedule',
        labelSelector,
      }
      return benchPod(`n${n}-p${p}`, {
        milliCpu: requests[kind]!,
        memory: 2 ** 30,
        labels: { app: `app-${kind}` },
        spec: { nodeName: `n${n}`, ...(kind % 2 === 0 ? { topologySpreadConstraints: [spread] } : {}) },
      })
    })
    snapshot.addNode(benchNode(`n${n}`, { ...size, labels }), pods)
  }
  return snapshot
}

async function run(size: BenchSize): Promise<BenchResult> {
  const nodes = size === 'full' ? 2000 : 60
  const several = size === 'full' ? 100 : 3
  const figures: Record<string, number> = {}
  const answers: string[] = []
  for (const { use, kinds } of shapes) {
    const snapshot = filled(nodes, use, kinds)
    const percent = `${use * 100} % used by ${kinds} kinds`
    const one: number[] = []
    let possible = 0
    for (let i = 0; i < several; i++) {
      const name = `n${(i * 37) % nodes}`
      const { elapsed, result } = timed(() => wouldFitElsewhere(snapshot, [name], asClusterAutoscaler))
      one.push(elapsed)
      if (result.possible) possible++
    }
    figures[`one node, ${percent}`] = medianOf(one)
    const names = Array.from({ length: several }, (_, i) => `n${(i * 37) % nodes}`)
    const many: number[] = []
    let placed = 0
    for (let i = 0; i < 5; i++) {
      const { elapsed, result } = timed(() => wouldFitElsewhere(snapshot, names))
      many.push(elapsed)
      placed = result.placed.length
    }
    figures[`${several} nodes, ${percent}`] = medianOf(many)
    answers.push(`${possible} of ${several} one by one, ${placed} pods of ${several} nodes at once`)
  }
  return { figures, answer: answers.join('; ') }
}

export const removalWhatIf: BenchCase = { name: 'removal what-ifs: 2,000 nodes, 60,000 pods', run }
