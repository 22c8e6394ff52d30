// The house: all worlds wired together in one process, on whatever clock it is given. Read it from top to bottom.
import type { ObjectMeta } from '@plimsoll/model'
import {
  type AwsApi,
  type Clock,
  type ContainerProgram,
  type Journal,
  type KubeApi,
  type Log,
  type ProgramTable,
  type Random,
} from '@plimsoll/ports'
import { EmbeddedAws, seedEksWorld, type EksWorld } from '@plimsoll/embedded-aws'
import { EmbeddedCluster, type TimingMode } from '@plimsoll/embedded-cluster'
import {
  ApiServer,
  bootstrap,
  type AuthorizationMode,
  type ObjectInput,
  type RequestContext,
  type UserInfo,
} from '@plimsoll/embedded-kube'
import { applyCloudFaults } from './cloud-faults.ts'
import { clusterAutoscalerProgram } from './cluster-autoscaler-program.ts'
import { proportionalAutoscalerProgram } from './proportional-autoscaler-program.ts'

/** A parsed manifest: any object that can be created. */
export interface KubeManifest {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: ObjectMeta
  readonly [field: string]: unknown
}

export interface HouseOptions {
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  /** How long machines and containers take; realistic when absent. */
  readonly timing?: TimingMode
  readonly cluster: {
    readonly name: string
    readonly region: string
    /** `1.35`. */
    readonly version: string
  }
  readonly nodeGroup: {
    readonly name: string
    readonly instanceType: string
    readonly min: number
    readonly max: number
    readonly desired: number
    /** Whether the group evens out its zones by itself; off when absent. */
    readonly rebalancesZones?: boolean
  }
  /** The workshop's three subnets of 251 addresses each when absent. */
  readonly network?: { readonly vpcCidr: string; readonly subnetCidrs: readonly string[] }
  /** Created in this order when the house starts. */
  readonly manifests?: readonly KubeManifest[]
  /** Programs of further images. */
  readonly programs?: ProgramTable
  /** Puts something between the programs and the cloud: faults, records. */
  readonly aroundAws?: (api: AwsApi) => AwsApi
  /** Puts something between a component or program and the API server. */
  readonly aroundKube?: (api: KubeApi, user: UserInfo, agent: string) => KubeApi
  /** Whether roles and bindings decide who may do what, components and programs included; AlwaysAllow when absent. */
  readonly authorizationMode?: AuthorizationMode | undefined
  /** PEM, by which pods know the API server: every namespace has it in kube-root-ca.crt. */
  readonly certificateAuthority?: string | undefined
  /** See EmbeddedClusterOptions. */
  readonly heartbeats?: 'lazy' | 'written'
  /**
   * Where the house is kept. One that was kept before goes on: nothing is seeded or installed, and the machines boot,
   * as after a power failure. Its random numbers must not be those of its earlier life.
   */
  readonly journal?: Journal | undefined
}

/** The row of the house itself. */
const houseKey = 'house/world'

const admin: UserInfo = { name: 'kubernetes-admin', groups: ['system:masters', 'system:authenticated'] }

export class House {
  readonly clock: Clock
  readonly kube: ApiServer
  readonly aws: EmbeddedAws
  readonly cluster: EmbeddedCluster
  /** What was seeded into the cloud. */
  readonly world: EksWorld
  /** The Auto Scaling Group behind the node group. */
  readonly groupName: string
  /** Whether it goes on from an earlier life, out of its journal. */
  readonly isResumed: boolean
  readonly #manifests: readonly KubeManifest[]

  constructor(o: HouseOptions) {
    const { clock, random, log, aroundAws = (api) => api, aroundKube = (api) => api } = o
    this.clock = clock
    this.#manifests = o.manifests ?? []

    this.kube = new ApiServer({
      clock,
      random: random.split('kube'),
      journal: o.journal,
      authorizationMode: o.authorizationMode,
    })
    this.kube.certificateAuthority = o.certificateAuthority ?? ''
    bootstrap(this.kube)

    this.aws = new EmbeddedAws({
      clock,
      random: random.split('aws'),
      region: o.cluster.region,
      log,
      journal: o.journal,
      ...(o.timing === undefined ? {} : { timing: o.timing }),
    })
    this.isResumed = this.aws.isResumed
    const { name, instanceType, min, max, desired } = o.nodeGroup
    this.world =
      keptWorld(o.journal) ??
      seedEksWorld(this.aws, {
        clusterName: o.cluster.name,
        kubernetesVersion: o.cluster.version,
        ...o.network,
        // As Cluster Autoscaler's guide for AWS advises: else the group itself terminates nodes, undrained, to even out
        // the zones after a scale-down.
        nodegroups: [
          {
            name,
            instanceType,
            minSize: min,
            maxSize: max,
            desiredSize: desired,
            suspendedProcesses: o.nodeGroup.rebalancesZones === true ? [] : ['AZRebalance'],
          },
        ],
      })
    o.journal?.put(houseKey, this.world)
    this.groupName = this.world.groupNames[name]!

    this.cluster = new EmbeddedCluster({
      kube: (user, agent) => aroundKube(this.kube.client(user, agent), user, agent),
      clock,
      random: random.split('cluster'),
      log,
      machines: this.aws.machines(),
      programs: programTable(o.programs, [
        [/(^|\/)cluster-autoscaler([:@]|$)/, clusterAutoscalerProgram(aroundAws(this.aws.api()))],
        // Builds for one architecture have its name at the end.
        [/(^|\/)cluster-proportional-autoscaler(-\w+)?([:@]|$)/, proportionalAutoscalerProgram],
      ]),
      kubernetesVersion: o.cluster.version,
      onCloudFaults: applyCloudFaults(this.aws.faults),
      ...(o.timing === undefined ? {} : { timing: o.timing }),
      ...(o.heartbeats === undefined ? {} : { heartbeats: o.heartbeats }),
    })
    this.kube.podLogs = this.cluster.podLogs
    this.kube.usage = this.cluster.usage
    this.kube.proxies = this.cluster.proxies
  }

  /** The API server as an administrator sees it, or as another user. */
  client(user: UserInfo = admin, agent = 'plimsoll'): KubeApi {
    return this.kube.client(user, agent)
  }

  /** Components first, then what is installed: its pods are bound when the first nodes are there. */
  async start(): Promise<void> {
    await this.cluster.start()
    if (this.isResumed) return
    for (const manifest of this.#manifests) this.install(manifest)
  }

  async stop(): Promise<void> {
    await this.cluster.stop()
    this.kube.close()
  }

  /** Creates one object as an administrator would. @throws {KubeError} */
  install(manifest: KubeManifest): void {
    const slash = manifest.apiVersion.indexOf('/')
    const group = slash < 0 ? '' : manifest.apiVersion.slice(0, slash)
    const info = this.kube.registry.findKind(group, manifest.apiVersion.slice(slash + 1), manifest.kind)
    if (info === undefined)
      throw new Error(`${manifest.metadata.name ?? 'object'}: no kind ${manifest.kind} in ${manifest.apiVersion}`)
    const context: RequestContext = { user: admin, userAgent: 'plimsoll', warnings: [] }
    const namespace = info.namespaced ? (manifest.metadata.namespace ?? 'default') : undefined
    this.kube.create(context, info, namespace, manifest as unknown as ObjectInput)
  }
}

function keptWorld(journal: Journal | undefined): EksWorld | undefined {
  for (const { value } of journal?.entries(houseKey) ?? []) return value as EksWorld
  return undefined
}

function programTable(
  extra: ProgramTable | undefined,
  own: readonly (readonly [RegExp, ContainerProgram])[],
): ProgramTable {
  return (image) => extra?.(image) ?? own.find(([pattern]) => pattern.test(image))?.[1]
}
