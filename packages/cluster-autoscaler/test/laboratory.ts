// A small EKS in virtual time with the autoscaler running on it: the real API server, scheduler, kubelets and Auto Scaling.
import { AwsNodeGroups, parseNodeGroupAutoDiscovery } from '@plimsoll/aws-provider'
import { EmbeddedAws, seedEksWorld } from '@plimsoll/embedded-aws'
import { EmbeddedCluster } from '@plimsoll/embedded-cluster'
import { ApiServer, bootstrap } from '@plimsoll/embedded-kube'
import {
  ConfigMaps,
  Deployments,
  Events,
  ms,
  Nodes,
  PodDisruptionBudgets,
  Pods,
  type Deployment,
  type Draft,
  type Event,
  type Ms,
  type Node,
  type Pod,
} from '@plimsoll/model'
import { SeededRandom, silentLog, VirtualClock, type AwsApi, type KubeApi, type NodeGroups } from '@plimsoll/ports'
import { createLog, MetricsRegistry } from '@plimsoll/runtime'
import { ClusterAutoscaler, parseClusterAutoscalerFlags } from '../src/index.ts'

const labStart: Ms = ms(Date.parse('2024-03-10T09:00:00Z'))
const discoveryFlag =
  '--node-group-auto-discovery=asg:tag=k8s.io/cluster-autoscaler/enabled,k8s.io/cluster-autoscaler/myeks'
const admin = { name: 'kubernetes-admin', groups: ['system:masters'] }

export interface NodegroupSpec {
  readonly name: string
  readonly instanceType?: string
  readonly minSize: number
  readonly maxSize: number
  readonly desiredSize: number
}

export interface Autoscaler {
  readonly autoscaler: ClusterAutoscaler
  readonly metrics: MetricsRegistry
  readonly lines: string[]
  readonly stop: AbortController
  /** Resolves when run() has ended, with what it threw. */
  readonly ended: Promise<unknown>
}

export class Laboratory {
  readonly clock: VirtualClock = new VirtualClock({ start: labStart })
  readonly server: ApiServer
  readonly aws: EmbeddedAws
  readonly kube: KubeApi
  readonly cluster: EmbeddedCluster
  readonly groupNames: { readonly [nodegroup: string]: string }
  readonly #random: SeededRandom
  #starts = 0

  constructor(o: { readonly seed?: string; readonly nodegroups: readonly NodegroupSpec[] }) {
    const random = new SeededRandom(o.seed ?? 'laboratory')
    this.#random = random
    this.server = new ApiServer({ clock: this.clock, random: random.split('kube') })
    bootstrap(this.server)
    this.kube = this.server.client(admin, 'test')
    this.aws = new EmbeddedAws({ clock: this.clock, random: random.split('aws'), region: 'ap-northeast-2' })
    this.groupNames = seedEksWorld(this.aws, { clusterName: 'myeks', nodegroups: o.nodegroups }).groupNames
    this.cluster = new EmbeddedCluster({
      kube: (user, agent) => this.server.client(user, agent),
      clock: this.clock,
      random: random.split('cluster'),
      log: silentLog,
      machines: this.aws.machines(),
      programs: () => undefined,
    })
  }

  async start(): Promise<void> {
    await this.cluster.start()
  }

  /** An autoscaler that runs until it is stopped; what stands between it and the worlds may be wrapped. */
  autoscale(
    flags: readonly string[] = [],
    around: {
      readonly kube?: (api: KubeApi) => KubeApi
      readonly aws?: (api: AwsApi) => AwsApi
      readonly groups?: (groups: NodeGroups) => NodeGroups
      readonly run?: boolean
    } = {},
  ): Autoscaler {
    const parsed = parseClusterAutoscalerFlags(['--v=4', discoveryFlag, ...flags])
    if ('problems' in parsed) throw new Error(JSON.stringify(parsed.problems))
    const { options } = parsed
    const discovery = parseNodeGroupAutoDiscovery(options.nodeGroupAutoDiscovery)
    if ('problems' in discovery) throw new Error(JSON.stringify(discovery.problems))
    const lines: string[] = []
    const { clock } = this
    const log = createLog({ clock, write: (line) => lines.push(line), verbosity: options.verbosity })
    const metrics = new MetricsRegistry()
    const identity = `autoscaler-${this.#starts++}`
    const random = this.#random.split(identity)
    const awsApi = around.aws?.(this.aws.api()) ?? this.aws.api()
    const kube =
      around.kube?.(this.server.client(admin, 'cluster-autoscaler')) ?? this.server.client(admin, 'cluster-autoscaler')
    const groups = new AwsNodeGroups({
      aws: awsApi,
      clock,
      random,
      log,
      metrics,
      discovery: { explicit: [], tags: discovery.tags },
    })
    const autoscaler = new ClusterAutoscaler({
      kube,
      groups: around.groups?.(groups) ?? groups,
      clock,
      random,
      log,
      metrics,
      options,
      identity,
    })
    const stop = new AbortController()
    const ended =
      around.run === false
        ? Promise.resolve()
        : autoscaler.run(stop.signal).then(
            () => undefined,
            (error: unknown) => error,
          )
    return { autoscaler, metrics, lines, stop, ended }
  }

  async deployment(
    name: string,
    replicas: number,
    o: { readonly cpu?: string; readonly memory?: string; readonly pod?: object } = {},
  ): Promise<Deployment> {
    const draft: Draft<Deployment> = {
      metadata: { name, namespace: 'default' },
      spec: {
        replicas,
        selector: { matchLabels: { app: name } },
        template: {
          metadata: { labels: { app: name } },
          spec: {
            containers: [
              {
                name: 'main',
                image: 'nginx',
                resources: { requests: { cpu: o.cpu ?? '500m', memory: o.memory ?? '512Mi' } },
              },
            ],
            ...o.pod,
          },
        },
      },
    }
    return this.kube.create(Deployments, draft)
  }

  async scale(name: string, replicas: number): Promise<void> {
    await this.kube.patch(Deployments, { namespace: 'default', name }, { type: 'merge', body: { spec: { replicas } } })
  }

  async nodes(): Promise<readonly Node[]> {
    return (await this.kube.list(Nodes)).items
  }

  async pods(namespace = 'default'): Promise<readonly Pod[]> {
    return (await this.kube.list(Pods, { namespace })).items
  }

  async events(reason: string): Promise<readonly Event[]> {
    return (await this.kube.list(Events)).items.filter((event) => event.reason === reason)
  }

  async status(): Promise<string> {
    const map = await this.kube.get(ConfigMaps, { namespace: 'kube-system', name: 'cluster-autoscaler-status' })
    return map.data?.['status'] ?? ''
  }

  async budget(name: string, app: string, minAvailable: number): Promise<void> {
    await this.kube.create(PodDisruptionBudgets, {
      metadata: { name, namespace: 'default' },
      spec: { minAvailable, selector: { matchLabels: { app } } },
    })
  }

  async desired(group: string): Promise<number> {
    const answer = await this.aws.api().call('autoscaling', 'DescribeAutoScalingGroups', {
      AutoScalingGroupNames: [this.groupNames[group]!],
    })
    return answer.AutoScalingGroups?.[0]?.DesiredCapacity ?? -1
  }

  /** How often an instance was launched for the group, ever. */
  async launches(group: string): Promise<number> {
    const answer = await this.aws.api().call('autoscaling', 'DescribeScalingActivities', {
      AutoScalingGroupName: this.groupNames[group]!,
    })
    return (answer.Activities ?? []).filter((each) => each.Description?.startsWith('Launching')).length
  }

  run(duration: Ms): Promise<void> {
    return this.clock.runFor(duration)
  }
}

export function isReady(node: Node): boolean {
  return node.status?.conditions?.some((each) => each.type === 'Ready' && each.status === 'True') === true
}
