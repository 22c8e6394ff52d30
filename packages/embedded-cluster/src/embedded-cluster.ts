import type { Pod } from '@plimsoll/model'
import type {
  Clock,
  ContainerRequest,
  ContainerResponse,
  KubeApi,
  Log,
  Machines,
  ProgramTable,
  Random,
} from '@plimsoll/ports'
import type { PodLogs } from './pod-logs.ts'
import { Timing, type TimingMode } from './timing.ts'

export interface ComponentUser {
  readonly name: string
  readonly groups: readonly string[]
}

export interface EmbeddedClusterOptions {
  /** The API server as one user sees it; `agent` names the program that speaks (its user agent and field manager). */
  readonly kube: (user: ComponentUser, agent: string) => KubeApi
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly machines: Machines
  readonly programs: ProgramTable
  readonly timing?: TimingMode
  /** Minor versions differ in grace periods: `1.34.1`, `v1.34.1-eks-…`. */
  readonly kubernetesVersion?: string
  /**
   * `lazy`: leases are renewed in thought only, so that an idle node costs no timer; for virtual time.
   * `written`: every 10 s, as people who look at leases in real time expect.
   */
  readonly heartbeats?: 'lazy' | 'written'
}

/** What runs beside the API server in the embedded cluster: scheduler, controllers, cloud controller and kubelets. */
export class EmbeddedCluster {
  readonly podLogs: PodLogs
  readonly usage: Usage

  constructor(options: EmbeddedClusterOptions) {
    void options
    void Timing
    throw new Error('under construction')
  }

  async start(): Promise<void> {}

  async stop(): Promise<void> {}

  /** Asks a port that a container's program serves; undefined when nothing listens there. `pod` is a pod IP or the pod. */
  http(pod: string | Pod, port: number, request: ContainerRequest): ContainerResponse | undefined {
    void pod
    void port
    void request
    return undefined
  }
}

/** What `kubectl top` shows: a steady fraction of what is requested. */
export interface Usage {
  node(name: string): { readonly cpu: string; readonly memory: string } | undefined
  /** Per container, in the pod's order; empty for pods that do not run. */
  pod(
    namespace: string,
    name: string,
  ): readonly { readonly name: string; readonly cpu: string; readonly memory: string }[]
}
