// One loop of Cluster Autoscaler over in-process ports: kubernetes-sigs/cluster-autoscaler:pkg/core/bench,
// BenchmarkRunOnceScaleUp (50,000 pods without controllers: the group grows to 1,000) and BenchmarkRunOnceScaleDown
// (2,000 nodes used to 40 %: 1,200 of them are marked).
import { ClusterAutoscaler, parseClusterAutoscalerFlags } from '@plimsoll/cluster-autoscaler'
import { ApiServer, bootstrap } from '@plimsoll/embedded-kube'
import { Events, ms, Nodes, Pods, seconds, type Node, type Pod } from '@plimsoll/model'
import {
  SeededRandom,
  silentLog,
  VirtualClock,
  type GroupInstance,
  type KubeApi,
  type NodeGroup,
  type NodeGroups,
} from '@plimsoll/ports'
import { MetricsRegistry } from '@plimsoll/runtime'
import type { BenchCase, BenchResult, BenchSize } from './case.ts'
import { benchNode, benchPod } from './cluster-autoscaler-objects.ts'

/** One group, `ng1`, whose size is a number; the nodes that bear its label belong to it. */
class OneGroup implements NodeGroups {
  readonly name = 'bench'
  readonly #template: Node
  readonly #max: number
  readonly #instances: readonly GroupInstance[]
  target: number

  constructor(o: { readonly template: Node; readonly max: number; readonly nodes: readonly Node[] }) {
    this.#template = o.template
    this.#max = o.max
    this.#instances = o.nodes.map((node) => ({ providerId: node.spec.providerID!, state: 'running' }))
    this.target = o.nodes.length
  }

  async refresh(): Promise<void> {}

  groups(): readonly NodeGroup[] {
    return [{ id: 'ng1', minSize: 0, maxSize: this.#max, targetSize: this.target }]
  }

  groupOf(_node: Node): NodeGroup | undefined {
    return this.groups()[0]
  }

  hasInstance(_node: Node): boolean | undefined {
    return true
  }

  instances(_group: string): readonly GroupInstance[] {
    return this.#instances
  }

  async template(_group: string): Promise<Node> {
    return this.#template
  }

  options(_group: string): object {
    return {}
  }

  async increaseSize(_group: string, delta: number): Promise<void> {
    this.target += delta
  }

  async deleteNodes(_group: string, nodes: readonly Node[]): Promise<void> {
    this.target -= nodes.length
  }

  async decreaseTargetSize(_group: string, delta: number): Promise<void> {
    this.target += delta
  }

  gpuLabel(): string {
    return 'gpu'
  }
}

/** Events are dropped, as upstream's benchmark does. */
function withoutEvents(kube: KubeApi): KubeApi {
  return new Proxy(kube, {
    get: (target, method) => {
      const found = Reflect.get(target, method) as (...args: unknown[]) => unknown
      return (...args: unknown[]) => (args[0] === Events ? Promise.resolve(args[1]) : found.apply(target, args))
    },
  })
}

interface Laboratory {
  readonly clock: VirtualClock
  readonly kube: KubeApi
  readonly autoscaler: ClusterAutoscaler
}

function laboratory(groups: NodeGroups, flags: readonly string[]): Laboratory {
  const clock = new VirtualClock({ start: ms(Date.UTC(2026, 0, 1)) })
  const random = new SeededRandom('bench')
  const server = new ApiServer({ clock, random: random.split('kube') })
  bootstrap(server)
  const kube = withoutEvents(server.client({ name: 'kubernetes-admin', groups: ['system:masters'] }, 'bench'))
  const parsed = parseClusterAutoscalerFlags(['--leader-elect=false', ...flags])
  if ('problems' in parsed) throw new Error(JSON.stringify(parsed.problems))
  const { options } = parsed
  const metrics = new MetricsRegistry()
  const autoscaler = new ClusterAutoscaler({
    kube,
    groups,
    clock,
    random: random.split('autoscaler'),
    log: silentLog,
    metrics,
    options,
    identity: 'bench',
  })
  return { clock, kube, autoscaler }
}

async function fill(kube: KubeApi, nodes: readonly Node[], pods: readonly Pod[]): Promise<void> {
  for (const { metadata, spec, status } of nodes) {
    const { name, labels } = metadata
    const made = await kube.create(Nodes, { metadata: { name, labels }, spec })
    // Without the taint that a node begins with.
    const untainted = await kube.replace(Nodes, { ...made, spec })
    await kube.replace(Nodes, { ...untainted, status }, { subresource: 'status' })
  }
  for (const { metadata, spec, status } of pods) {
    const { name, namespace, annotations } = metadata
    const made = await kube.create(Pods, { metadata: { name, namespace, annotations }, spec })
    await kube.replace(Pods, { ...made, status: { ...made.status, ...status } }, { subresource: 'status' })
  }
}

/** Milliseconds that one loop takes. */
async function loop({ clock, autoscaler }: Laboratory): Promise<number> {
  await clock.runFor(seconds(10))
  const begun = performance.now()
  await autoscaler.runOnce()
  return performance.now() - begun
}

const unschedulable: Pod['status'] = {
  phase: 'Pending',
  conditions: [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable' }],
}

async function scaleUp(size: BenchSize): Promise<BenchResult> {
  const count = size === 'full' ? 50_000 : 500
  const groups = new OneGroup({
    template: benchNode('ng1', { milliCpu: 10_000, memory: 10_000 }),
    max: 10_000,
    nodes: [],
  })
  const lab = laboratory(groups, [
    '--expander=least-waste',
    '--max-nodes-per-scaleup=10000',
    '--max-nodes-total=10000',
    '--max-nodegroup-binpacking-duration=60s',
    '--max-binpacking-time=60s',
  ])
  // Everything has been read before the loop that counts.
  await loop(lab)
  await fill(
    lab.kube,
    [],
    Array.from({ length: count }, (_, i) => benchPod(`p${i}`, { milliCpu: 200, memory: 200, status: unschedulable })),
  )
  const elapsed = await loop(lab)
  return { figures: { loop: elapsed }, answer: `target ${groups.target}` }
}

async function scaleDown(size: BenchSize): Promise<BenchResult> {
  const count = size === 'full' ? 2000 : 20
  const nodes = Array.from({ length: count }, (_, n) => benchNode(`n${n}`, { milliCpu: 10_000, memory: 10_000 }))
  const groups = new OneGroup({
    template: benchNode('ng1', { milliCpu: 10_000, memory: 10_000 }),
    max: 10_000,
    nodes,
  })
  const lab = laboratory(groups, [
    '--scale-down-unneeded-time=0s',
    '--scale-down-delay-after-add=0s',
    '--scale-down-utilization-threshold=0.5',
    '--scale-down-simulation-timeout=60s',
    `--max-scale-down-parallelism=${count}`,
    `--max-drain-parallelism=${count}`,
    '--max-bulk-soft-taint-count=0',
  ])
  const annotations = { 'cluster-autoscaler.kubernetes.io/safe-to-evict': 'true' }
  const pods = Array.from({ length: 40 * count }, (_, i) =>
    benchPod(`p${i}`, {
      milliCpu: 100,
      memory: 100,
      annotations,
      spec: { nodeName: `n${i % count}` },
      status: { phase: 'Running' },
    }),
  )
  await fill(lab.kube, nodes, pods)
  // A node is unneeded from the first loop on and may go in the next.
  const first = await loop(lab)
  const second = await loop(lab)
  const { items } = await lab.kube.list(Nodes)
  const tainted = items.filter((node) =>
    node.spec.taints?.some((taint) => taint.key === 'ToBeDeletedByClusterAutoscaler'),
  )
  return {
    figures: { 'first loop, with all lists read': first, 'simulating and marking': second },
    answer: `${tainted.length} of ${count} marked`,
  }
}

export const runOnceScaleUp: BenchCase = {
  name: 'run once: scale up for 50,000 pods without controllers',
  run: scaleUp,
}
export const runOnceScaleDown: BenchCase = { name: 'run once: scale down 2,000 nodes with 80,000 pods', run: scaleDown }
