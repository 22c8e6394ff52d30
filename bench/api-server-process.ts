// The API server in a process of its own, so that what it costs is not mixed with its clients: told by messages what to do.
import { ConfigMaps, Deployments, Nodes, Pods, type Draft, type Node, type Pod } from '@plimsoll/model'
import { ApiServer, bootstrap, createPki, startKubeServer } from '@plimsoll/embedded-kube'
import { SeededRandom, SystemClock, type KubeApi } from '@plimsoll/ports'

export type Order =
  | { readonly do: 'create'; readonly count: number }
  | { readonly do: 'fill'; readonly nodes: number; readonly pods: number }
  | { readonly do: 'touch'; readonly count: number; readonly watchers: number }
  /** Nodes as EKS has them, with a Deployment `web` and a ConfigMap `cpa` of so many nodes per replica. */
  | { readonly do: 'fleet'; readonly nodes: number; readonly nodesPerReplica: number }
  /** Every second so many nodes are written; of these, so many turn ready or not ready. */
  | { readonly do: 'stir'; readonly seconds: number; readonly written: number; readonly turned: number }

export interface Greeting {
  readonly url: string
  readonly ca: string
  readonly certificate: string
  readonly key: string
}

export interface Done {
  readonly ms: number
  readonly rssMiB: number
  /** Events that watchers in process were handed. */
  readonly delivered: number
}

const requests = { cpu: '100m', memory: '100Mi' }
const template: Pod['spec'] = {
  containers: [{ name: 'web', image: 'nginx:1.27', ports: [{ containerPort: 80 }], resources: { requests } }],
}

export function pod(name: string): Draft<Pod> {
  return { metadata: { name, namespace: 'default', labels: { app: 'web', shard: name.slice(-1) } }, spec: template }
}

function node(name: string): Draft<Node> {
  const room = { cpu: '8', memory: '32Gi', pods: '58' }
  return {
    metadata: { name, labels: { 'kubernetes.io/hostname': name, 'topology.kubernetes.io/zone': 'us-east-1a' } },
    status: { capacity: room, allocatable: room },
  }
}

/** As a kubelet on EKS describes itself: 5 KB, most of them images and labels. */
function eksNode(name: string): Draft<Node> {
  const room = { cpu: '1930m', memory: '3388360Ki', pods: '17', 'ephemeral-storage': '18242267924' }
  const images = Array.from({ length: 20 }, (_, i) => ({
    names: [`602401143452.dkr.ecr.us-east-1.amazonaws.com/eks/image-${i}:v1.${i}.0-eksbuild.1`],
    sizeBytes: 40_000_000 + i,
  }))
  return {
    metadata: {
      name,
      labels: {
        'beta.kubernetes.io/arch': 'amd64',
        'eks.amazonaws.com/nodegroup': 'ng1',
        'eks.amazonaws.com/capacityType': 'ON_DEMAND',
        'kubernetes.io/hostname': name,
        'node.kubernetes.io/instance-type': 't3.medium',
        'topology.kubernetes.io/region': 'us-east-1',
        'topology.kubernetes.io/zone': 'us-east-1a',
      },
    },
    spec: { taints: [], providerID: `aws:///us-east-1a/${name}` },
    status: { capacity: room, allocatable: room, images, conditions: conditions(true) },
  }
}

export function conditions(ready: boolean): NonNullable<Node['status']>['conditions'] {
  const at = '2026-01-01T00:00:00Z'
  const said = { lastHeartbeatTime: at, lastTransitionTime: at, reason: 'Kubelet', message: 'kubelet has said so' }
  return [
    { type: 'MemoryPressure', status: 'False', ...said },
    { type: 'DiskPressure', status: 'False', ...said },
    { type: 'PIDPressure', status: 'False', ...said },
    { type: 'Ready', status: ready ? 'True' : 'False', ...said },
  ]
}

export async function fleet(kube: KubeApi, nodes: number, nodesPerReplica: number): Promise<void> {
  for (let i = 0; i < nodes; i++) await kube.create(Nodes, eksNode(`node-${i}`))
  const web = { app: 'web' }
  await kube.create(Deployments, {
    metadata: { name: 'web', namespace: 'default' },
    spec: { replicas: 1, selector: { matchLabels: web }, template: { metadata: { labels: web }, spec: template } },
  })
  const data = { linear: JSON.stringify({ nodesPerReplica }) }
  await kube.create(ConfigMaps, { metadata: { name: 'cpa', namespace: 'default' }, data })
}

/** Answers how often the Deployment was written meanwhile. */
async function stir(kube: KubeApi, o: { seconds: number; written: number; turned: number }): Promise<number> {
  const before = (await kube.get(Deployments, { namespace: 'default', name: 'web' })).metadata.generation ?? 0
  const { items } = await kube.list(Nodes)
  let turned = 0
  for (let second = 0; second < o.seconds; second++) {
    const until = performance.now() + 1000
    for (let i = 0; i < o.written; i++) {
      const { name } = items[(second * o.written + i) % items.length]!.metadata
      const stored = await kube.get(Nodes, { name })
      // In one second these, in the next back.
      const turns = i < o.turned
      const ready = turns ? second % 2 === 1 : true
      const beat = { ...stored.status, conditions: conditions(ready), nodeInfo: undefined }
      const annotations = { ...stored.metadata.annotations, beat: String(turned++) }
      await kube.replace(Nodes, { ...stored, metadata: { ...stored.metadata, annotations } })
      if (turns)
        await kube.replace(Nodes, { ...(await kube.get(Nodes, { name })), status: beat }, { subresource: 'status' })
      if (i % 50 === 49) await new Promise((resolve) => setImmediate(resolve))
    }
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, until - performance.now())))
  }
  const after = (await kube.get(Deployments, { namespace: 'default', name: 'web' })).metadata.generation ?? 0
  return after - before
}

/** Spread over the nodes and running, as kubelets would have left them. */
async function run(kube: KubeApi, name: string, nodeName: string): Promise<void> {
  await kube.bind({ namespace: 'default', name }, nodeName)
  const bound = (await kube.get(Pods, { namespace: 'default', name }))!
  const startedAt = '2026-01-01T00:00:00Z'
  const status: Pod['status'] = {
    ...bound.status,
    phase: 'Running',
    hostIP: '10.0.0.1',
    podIP: '10.1.0.1',
    startTime: startedAt,
    containerStatuses: [
      {
        name: 'web',
        ready: true,
        started: true,
        restartCount: 0,
        image: 'nginx:1.27',
        imageID: 'docker.io/library/nginx@sha256:0',
        containerID: `containerd://${name}`,
        state: { running: { startedAt } },
        lastState: {},
      },
    ],
  }
  await kube.replace(Pods, { ...bound, status }, { subresource: 'status' })
}

async function obey(api: ApiServer, kube: KubeApi, order: Order): Promise<number> {
  switch (order.do) {
    case 'create':
      for (let i = 0; i < order.count; i++) await kube.create(Pods, pod(`made-${i}`))
      return 0
    case 'fill':
      for (let i = 0; i < order.nodes; i++) await kube.create(Nodes, node(`node-${i}`))
      for (let i = 0; i < order.pods; i++) {
        await kube.create(Pods, pod(`pod-${i}`))
        await run(kube, `pod-${i}`, `node-${i % order.nodes}`)
      }
      return 0
    case 'fleet':
      await fleet(kube, order.nodes, order.nodesPerReplica)
      return 0
    case 'stir':
      return stir(kube, order)
    case 'touch': {
      let delivered = 0
      const watches = []
      for (let i = 0; i < order.watchers; i++) {
        const sink = { event: () => void delivered++, end: () => {} }
        watches.push(await kube.watch(Pods, { resourceVersion: api.resourceVersion }, sink))
      }
      for (let i = 0; i < order.count; i++) {
        const key = { namespace: 'default', name: `pod-${i % 1000}` }
        await kube.patch(Pods, key, {
          type: 'merge',
          body: { metadata: { annotations: { version: api.resourceVersion } } },
        })
        // Writes come from many hands in turn: the sockets get their share between them.
        if (i % 50 === 49) await new Promise((resolve) => setImmediate(resolve))
      }
      for (const watch of watches) watch.stop()
      return delivered
    }
  }
}

async function serve(send: (message: Greeting | Done) => void): Promise<void> {
  const api = new ApiServer({ clock: new SystemClock(), random: new SeededRandom('bench') })
  bootstrap(api)
  const pki = await createPki()
  const server = await startKubeServer(api, { pki })
  const kube = api.client({ name: 'bench', groups: ['system:masters'] }, 'bench')
  process.on('message', (order: Order) => {
    const begun = performance.now()
    void obey(api, kube, order).then((delivered) =>
      send({ ms: performance.now() - begun, rssMiB: process.memoryUsage.rss() / 2 ** 20, delivered }),
    )
  })
  process.on('disconnect', () => process.exit())
  const { certificate, key } = pki.admin
  send({ url: server.url, ca: pki.ca.certificate, certificate, key })
}

// Imported by its client for the types and the pod, run by it as a child.
if (process.send !== undefined && process.argv[1]?.endsWith('api-server-process.ts') === true) {
  await serve((message) => process.send!(message))
}
