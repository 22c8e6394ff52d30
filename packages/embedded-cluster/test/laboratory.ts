// A cluster to try things in: the real API server in process, virtual time, and machines that are switched on by hand.
import { ApiServer, bootstrap } from '@plimsoll/embedded-kube'
import {
  Events,
  ms,
  Nodes,
  Pods,
  type Event,
  type Json,
  type KubeObject,
  type Ms,
  type Node,
  type Pod,
  type ResourceType,
} from '@plimsoll/model'
import {
  SeededRandom,
  silentLog,
  VirtualClock,
  type Clock,
  type KubeApi,
  type Machine,
  type MachineNotice,
  type Machines,
  type MachineSink,
  type ProgramTable,
} from '@plimsoll/ports'
import { EmbeddedCluster, type EmbeddedClusterOptions } from '../src/index.ts'

export class FakeMachines implements Machines {
  readonly #sinks = new Set<MachineSink>()
  readonly #running = new Map<string, Machine>()
  readonly #stopped = new Set<string>()

  watch(sink: MachineSink): { stop(): void } {
    this.#sinks.add(sink)
    for (const machine of this.#running.values()) sink.started(machine)
    return { stop: () => this.#sinks.delete(sink) }
  }

  state(providerId: string): 'running' | 'stopped' | 'missing' {
    if (this.#running.has(providerId)) return 'running'
    return this.#stopped.has(providerId) ? 'stopped' : 'missing'
  }

  on(machine: Machine): void {
    this.#stopped.delete(machine.providerId)
    this.#running.set(machine.providerId, machine)
    for (const sink of this.#sinks) sink.started(machine)
  }

  notice(machine: Machine, notice: MachineNotice): void {
    for (const sink of this.#sinks) sink.noticed?.(machine.providerId, notice)
  }

  off(machine: Machine, how: 'terminated' | 'stopped' = 'terminated'): void {
    this.#running.delete(machine.providerId)
    if (how === 'stopped') this.#stopped.add(machine.providerId)
    for (const sink of this.#sinks) sink.halted(machine.providerId, how)
  }
}

export function machine(n: number, changes: Partial<Machine> = {}): Machine {
  const zone = `ap-northeast-2${'abc'[n % 3]}`
  const address = `192.168.${1 + (n >> 6)}.${1 + (n % 64)}`
  const name = `ip-${address.replaceAll('.', '-')}.ap-northeast-2.compute.internal`
  return {
    providerId: `aws:///${zone}/i-${String(n).padStart(17, '0')}`,
    nodeName: name,
    addresses: [
      { type: 'InternalIP', address },
      { type: 'Hostname', address: name },
      { type: 'InternalDNS', address: name },
    ],
    labels: {
      'eks.amazonaws.com/nodegroup': 'ng1',
      'node.kubernetes.io/instance-type': 't3.medium',
      'topology.kubernetes.io/region': 'ap-northeast-2',
      'topology.kubernetes.io/zone': zone,
    },
    taints: [],
    capacity: { cpu: '2', memory: '3943300Ki', pods: '17', 'ephemeral-storage': '83873772Ki' },
    allocatable: { cpu: '1930m', memory: '3388292Ki', pods: '17', 'ephemeral-storage': '76224326324' },
    architecture: 'amd64',
    osImage: 'Amazon Linux 2023',
    kernelVersion: '6.1.0',
    containerRuntimeVersion: 'containerd://2.1.4',
    kubeletVersion: 'v1.34.1-eks-113cf36',
    imageFamily: 'al2023',
    ...changes,
  }
}

export interface Laboratory {
  readonly clock: VirtualClock
  readonly start: Ms
  readonly machines: FakeMachines
  readonly server: ApiServer
  readonly kube: KubeApi
  readonly cluster: EmbeddedCluster
  /** All that was seen of a resource, in order. */
  events(about?: string): Promise<readonly Event[]>
  pods(selector?: string): Promise<readonly Pod[]>
  nodes(): Promise<readonly Node[]>
  /** From YAML-like objects; namespace default. */
  apply(...objects: readonly Json[]): Promise<void>
  seconds(): number
}

const start = ms(Date.parse('2024-03-10T09:00:00Z'))

interface LaboratoryOptions {
  readonly seed?: string
  readonly programs?: ProgramTable
  readonly options?: Partial<EmbeddedClusterOptions>
}

export type LiveLaboratory = Pick<Laboratory, 'machines' | 'server' | 'kube' | 'cluster'>

/** The same on a clock that runs by itself, for clients on the wire. */
export async function liveLaboratory(o: LaboratoryOptions & { readonly clock: Clock }): Promise<LiveLaboratory> {
  const { clock } = o
  const random = new SeededRandom(o.seed ?? 'laboratory')
  const server = new ApiServer({ clock, random: random.split('kube') })
  bootstrap(server)
  const machines = new FakeMachines()
  const kube = server.client({ name: 'admin', groups: ['system:masters'] }, 'kubectl')
  const cluster = new EmbeddedCluster({
    kube: (user, agent) => server.client(user, agent),
    clock,
    random: random.split('cluster'),
    log: silentLog,
    machines,
    programs: o.programs ?? (() => undefined),
    ...o.options,
  })
  server.podLogs = cluster.podLogs
  server.usage = cluster.usage
  server.proxies = cluster.proxies
  await cluster.start()
  return { machines, server, kube, cluster }
}

export async function laboratory(o: LaboratoryOptions = {}): Promise<Laboratory> {
  const clock = new VirtualClock({ start })
  const { machines, server, kube, cluster } = await liveLaboratory({ ...o, clock })
  return {
    clock,
    start,
    machines,
    server,
    kube,
    cluster,
    events: async (about) => {
      const { items } = await kube.list(Events)
      return items
        .filter(
          (event) =>
            about === undefined || `${event.involvedObject.kind}/${event.involvedObject.name}`.startsWith(about),
        )
        .toSorted(
          (a, b) =>
            a.metadata.resourceVersion.length - b.metadata.resourceVersion.length ||
            (a.metadata.resourceVersion < b.metadata.resourceVersion ? -1 : 1),
        )
    },
    pods: async (labelSelector) => (await kube.list(Pods, labelSelector === undefined ? {} : { labelSelector })).items,
    nodes: async () => (await kube.list(Nodes)).items,
    apply: async (...objects) => {
      for (const object of objects) {
        const { apiVersion, kind, metadata } = object as { apiVersion: string; kind: string; metadata: object }
        const [group, version] = apiVersion.includes('/') ? apiVersion.split('/') : ['', apiVersion]
        const info = server.registry.findKind(group!, version!, kind)!
        const type = {
          group: group!,
          version: version!,
          kind,
          plural: info.plural,
          namespaced: info.namespaced,
        } as ResourceType<KubeObject>
        const placed = info.namespaced ? { namespace: 'default', ...metadata } : metadata
        await kube.create(type, { ...(object as object), metadata: placed } as never)
      }
    },
    seconds: () => (clock.now() - start) / 1000,
  }
}

export function deployment(
  name: string,
  replicas: number,
  changes: { spec?: object; pod?: object; container?: object; template?: object } = {},
): Json {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name },
    spec: {
      replicas,
      selector: { matchLabels: { app: name } },
      template: {
        metadata: { labels: { app: name }, ...changes.template },
        spec: {
          containers: [
            {
              name: 'main',
              image: 'nginx:1.27',
              resources: { requests: { cpu: '100m', memory: '64Mi' } },
              ...changes.container,
            },
          ],
          ...changes.pod,
        },
      },
      ...changes.spec,
    },
  } as unknown as Json
}
