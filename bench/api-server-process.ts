// The API server in a process of its own, so that what it costs is not mixed with its clients: told by messages what to do.
import { Nodes, Pods, type Draft, type Node, type Pod } from '@plimsoll/model'
import { ApiServer, bootstrap, createPki, startKubeServer } from '@plimsoll/embedded-kube'
import { SeededRandom, SystemClock, type KubeApi } from '@plimsoll/ports'

export type Order =
  | { readonly do: 'create'; readonly count: number }
  | { readonly do: 'fill'; readonly nodes: number; readonly pods: number }
  | { readonly do: 'touch'; readonly count: number; readonly watchers: number }

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
