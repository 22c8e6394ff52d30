// What a snapshot costs by its size: kubernetes-sigs/cluster-autoscaler:pkg/simulator/clustersnapshot/predicate,
// BenchmarkAddNodeInfo, BenchmarkListNodeInfos, BenchmarkAddPods and BenchmarkForkAddRevert; and how much memory it takes.
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { ClusterSnapshot } from '@plimsoll/engine'
import type { Pod } from '@plimsoll/model'
import type { BenchCase, BenchResult, BenchSize } from './case.ts'
import { benchNode, benchPod, medianOf, timed } from './cluster-autoscaler-objects.ts'

const forksTimed = 200
const podsPerNode = 30
/** Beyond this many nodes the objects of their pods take more memory than the machine may have. */
const nodesWithPodsMax = 15_000

function nodesOf(count: number): ReturnType<typeof benchNode>[] {
  return Array.from({ length: count }, (_, n) => benchNode(`n${n}`, { milliCpu: 10_000, memory: 10_000 }))
}

async function run(size: BenchSize): Promise<BenchResult> {
  const counts = size === 'full' ? [1, 10, 100, 1000, 5000, 15_000, 100_000] : [1, 10, 100]
  const figures: Record<string, number> = {}
  const answers: number[] = []
  for (const count of counts) {
    const nodes = nodesOf(count)
    const snapshot = new ClusterSnapshot()
    figures[`add ${count} nodes`] = timed(() => {
      for (const node of nodes) snapshot.addNode(node)
    }).elapsed
    const listed = timed(() => snapshot.nodes().length)
    figures[`list ${count} nodes`] = listed.elapsed
    figures[`fork add revert at ${count} nodes, µs`] = forkAddRevert(snapshot)
    answers.push(listed.result)
    if (count > nodesWithPodsMax) continue
    const pods = Array.from({ length: podsPerNode * count }, (_, p) => benchPod(`p${p}`, { milliCpu: 1, memory: 1 }))
    figures[`add ${podsPerNode * count} pods`] = timed(() => {
      for (let p = 0; p < pods.length; p++) snapshot.addPod(pods[p]!, `n${p % count}`)
    }).elapsed
    figures[`fork add revert at ${count} nodes with pods, µs`] = forkAddRevert(snapshot)
    answers.push(snapshot.nodes().reduce((sum, state) => sum + state.pods.length, 0))
  }
  return { figures, answer: answers.join(' ') }
}

/** Microseconds of: fork, add a node, fork, add a node, revert, revert. */
function forkAddRevert(snapshot: ClusterSnapshot): number {
  const [first, second] = [
    benchNode('x', { milliCpu: 1000, memory: 1000 }),
    benchNode('y', { milliCpu: 1000, memory: 1000 }),
  ]
  const times: number[] = []
  for (let i = 0; i < forksTimed; i++) {
    const { elapsed } = timed(() => {
      snapshot.fork()
      snapshot.addNode(first)
      snapshot.fork()
      snapshot.addNode(second)
      snapshot.revert()
      snapshot.revert()
    })
    times.push(elapsed * 1000)
  }
  return medianOf(times)
}

export const snapshotOperations: BenchCase = { name: 'snapshot operations: add, list, fork add revert', run }

/** Pods made by one controller share what their template gives them, as the embedded cluster's do. */
function podsOf(count: number, sharing: boolean): Pod[] {
  const kinds = 200
  const sample = (i: number): Pod => {
    const app = `app-${i % kinds}`
    return benchPod(`${app}-${i}`, {
      milliCpu: 50 + (i % kinds),
      memory: 2 ** 28,
      labels: { app, team: `team-${i % 7}` },
    })
  }
  const templates = Array.from({ length: kinds }, (_, k) => sample(k))
  return Array.from({ length: count }, (_, i) => {
    if (!sharing) return sample(i)
    const { metadata, spec } = templates[i % kinds]!
    const name = `p${i}`
    return { metadata: { ...metadata, name, uid: name }, spec: { ...spec } }
  })
}

function rssMiB(): number {
  globalThis.gc?.()
  globalThis.gc?.()
  return process.memoryUsage.rss() / 2 ** 20
}

/** In a process of its own: what objects and snapshot add to it. */
function measureMemory(nodeCount: number, sharing: boolean): { objects: number; snapshot: number; pods: number } {
  const empty = rssMiB()
  const nodes = nodesOf(nodeCount)
  const pods = podsOf(podsPerNode * nodeCount, sharing)
  const objects = rssMiB() - empty
  const snapshot = new ClusterSnapshot()
  for (const node of nodes) snapshot.addNode(node)
  for (let p = 0; p < pods.length; p++) snapshot.addPod(pods[p]!, `n${p % nodeCount}`)
  const all = rssMiB() - empty
  const held = snapshot.nodes().reduce((sum, state) => sum + state.pods.length, 0)
  return { objects, snapshot: all, pods: held }
}

const here = fileURLToPath(import.meta.url)

async function runMemory(size: BenchSize): Promise<BenchResult> {
  const nodes = size === 'full' ? 5000 : 50
  const figures: Record<string, number> = {}
  const held: number[] = []
  for (const sharing of [false, true]) {
    const child = spawn(process.execPath, ['--expose-gc', here, String(nodes), String(sharing)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    let text = ''
    for await (const chunk of child.stdout) text += String(chunk)
    const found = JSON.parse(text) as ReturnType<typeof measureMemory>
    const how = sharing ? 'sharing templates' : 'sharing nothing'
    figures[`objects ${how}, MiB`] = found.objects
    figures[`objects and snapshot ${how}, MiB`] = found.snapshot
    held.push(found.pods)
  }
  return { figures, answer: held.join(' ') }
}

export const snapshotMemory: BenchCase = {
  name: 'snapshot memory: 5,000 nodes, 150,000 pods, above the empty process',
  run: runMemory,
}

if (process.argv[1] === here) {
  const [, , nodes, sharing] = process.argv
  console.log(JSON.stringify(measureMemory(Number(nodes), sharing === 'true')))
}
