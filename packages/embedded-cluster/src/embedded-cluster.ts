import { wholeValue, type Pod } from '@plimsoll/model'
import type {
  Clock,
  ContainerRequest,
  ContainerResponse,
  ExecInput,
  ExecOptions,
  ExecStreams,
  KubeApi,
  Log,
  Machines,
  ProgramTable,
  Random,
} from '@plimsoll/ports'
import { Caches } from './caches.ts'
import { CloudNodeController } from './controllers/cloud-node.ts'
import type { Controller, ControllerContext } from './controllers/controller.ts'
import { DaemonSetController } from './controllers/daemonset.ts'
import { DeploymentController } from './controllers/deployment.ts'
import { NodeLifecycleController, nodeMonitorGrace } from './controllers/node-lifecycle.ts'
import { HorizontalAutoscalerController } from './controllers/horizontal-autoscaler/horizontal-autoscaler.ts'
import { replicaSetController, replicationController } from './controllers/replicaset.ts'
import { OwnerGarbageCollector } from './controllers/garbage-collector.ts'
import { PodGarbageCollector } from './controllers/pod-gc.ts'
import { ResourceClaimController } from './controllers/resource-claims.ts'
import { ResourceQuotaController } from './controllers/resource-quota.ts'
import { DisruptionController } from './controllers/disruption.ts'
import { SpotDrainController } from './controllers/spot-drain.ts'
import { TaintEvictionController } from './controllers/taint-eviction.ts'
import { CronJobController } from './controllers/cronjob.ts'
import { EndpointMirrorController } from './controllers/endpoint-mirror.ts'
import { EndpointSliceController } from './controllers/endpoint-slice.ts'
import { JobController } from './controllers/job.ts'
import { NamespaceFurnitureController } from './controllers/namespace-furniture.ts'
import { ServiceLoadBalancerController } from './controllers/service-load-balancer.ts'
import { StatefulSetController } from './controllers/statefulset.ts'
import { TtlAfterFinishedController } from './controllers/ttl-after-finished.ts'
import { AttachDetachController } from './controllers/storage/attach-detach.ts'
import { EbsDriver } from './controllers/storage/ebs-driver.ts'
import { EphemeralVolumeController } from './controllers/storage/ephemeral-volumes.ts'
import { StorageProtection } from './controllers/storage/protection.ts'
import { VolumeBinder } from './controllers/storage/volume-binder.ts'
import { FaultDesk } from './faults/fault-desk.ts'
import type { Fault } from './faults/fault.ts'
import { Kubelets } from './kubelet/kubelets.ts'
import type { PodLogs } from './pod-logs.ts'
import { Scheduler } from './scheduler/scheduler.ts'
import { Timing, type TimingMode } from './timing.ts'
import { UsageModel, type ResourceUsage } from './usage/usage-model.ts'

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
  /** `realistic` when absent. */
  readonly timing?: TimingMode
  /** `1.34.1`, `v1.34.1-eks-…`: minor versions differ in grace periods. The newest known when absent. */
  readonly kubernetesVersion?: string
  /**
   * `lazy` (when absent): leases are renewed in thought only, so that an idle node costs no timer. `written`: every
   * 10 s, as people who look at leases in real time expect.
   */
  readonly heartbeats?: 'lazy' | 'written'
  /** Told what the cloud is to suffer from now on: faults that are ordered through the API server. */
  readonly onCloudFaults?: (faults: readonly Fault[]) => void
}

/** What nodes and containers use, as `kubectl top` shows it. */
export interface Usage {
  node(name: string): ResourceUsage | undefined
  /** By container name; undefined for pods that do not run. */
  pod(key: { readonly namespace: string; readonly name: string }): ReadonlyMap<string, ResourceUsage> | undefined
}

/** Requests to kubelets and to the ports of programs in containers; undefined when nobody listens there. */
export interface Proxies {
  kubelet(nodeName: string, request: ContainerRequest): ContainerResponse | undefined
  pod(key: PodKey, port: number, request: ContainerRequest): ContainerResponse | undefined
  service(key: PodKey, port: string, request: ContainerRequest): ContainerResponse | undefined
  /** Runs a command in a running container; without a command, attaches to it. */
  exec(key: PodKey, options: ExecOptions, streams: ExecStreams): ExecInput
}

interface PodKey {
  readonly namespace: string
  readonly name: string
}

/**
 * What runs beside the API server in the embedded cluster: the scheduler, the workload and node controllers, the cloud
 * controller, and a kubelet on every machine. All of them know the API server through KubeApi alone.
 */
export class EmbeddedCluster {
  readonly podLogs: PodLogs
  readonly usage: Usage
  /** What listens on nodes, in pods and behind Services. */
  readonly proxies: Proxies
  readonly #caches: Caches
  readonly #kubelets: Kubelets
  readonly #faults: FaultDesk
  readonly #controllers: readonly Controller[]
  readonly #scheduler: Scheduler
  readonly #log: Log
  readonly #stop = new AbortController()
  #running: Promise<unknown> = Promise.resolve()

  constructor(o: EmbeddedClusterOptions) {
    const { clock, log, machines, programs } = o
    const timing = new Timing(o.timing ?? 'realistic')
    this.#log = log
    const controllerKube = (name: string): KubeApi =>
      o.kube(serviceAccount('kube-system', name), 'kube-controller-manager')
    const manager = o.kube({ name: 'system:kube-controller-manager', groups: authenticated }, 'kube-controller-manager')
    this.#caches = new Caches({
      kube: manager,
      clock,
      random: o.random.split('caches'),
      log: log.named('informers'),
    })
    // Nobody's part in the cluster: the hand of whoever plays fate.
    this.#faults = new FaultDesk({
      kube: o.kube({ name: 'plimsoll:faults', groups: ['system:masters', ...authenticated] }, 'plimsoll-faults'),
      caches: this.#caches,
      clock,
      random: o.random.split('faults'),
      log: log.named('faults'),
    })
    this.#kubelets = new Kubelets({
      kubeOfNode: (name) =>
        o.kube({ name: `system:node:${name}`, groups: ['system:nodes', ...authenticated] }, 'kubelet'),
      kubeOfServiceAccount: (namespace, name) => o.kube(serviceAccount(namespace, name), name),
      caches: this.#caches,
      clock,
      random: o.random.split('kubelets'),
      log: log.named('kubelet'),
      timing,
      machines,
      programs,
      heartbeats: o.heartbeats ?? 'lazy',
      faults: this.#faults,
      memoryUse: (pod) =>
        new Map([...(this.usage.pod(pod.metadata) ?? [])].map(([name, { memory }]) => [name, wholeValue(memory)])),
      usage: () => this.usage,
      onCloudFaults: o.onCloudFaults,
    })
    const context: ControllerContext = {
      caches: this.#caches,
      clock,
      random: o.random.split('controllers'),
      log: log.named('controller-manager'),
      kube: controllerKube,
      reader: manager,
    }
    const cloud = o.kube(serviceAccount('kube-system', 'cloud-controller-manager'), 'aws-cloud-controller-manager')
    this.#controllers = [
      new DeploymentController(context),
      replicaSetController(context),
      replicationController(context),
      new DaemonSetController(context),
      new StatefulSetController(context),
      new CronJobController(context),
      new JobController(context),
      new TtlAfterFinishedController(context),
      new EndpointSliceController(context),
      new EndpointMirrorController(context),
      new NamespaceFurnitureController(context),
      new VolumeBinder(context),
      new StorageProtection(context),
      new EphemeralVolumeController(context),
      new AttachDetachController(context),
      new EbsDriver(
        context,
        o.kube(serviceAccount('kube-system', 'ebs-csi-controller-sa'), 'ebs-csi-controller'),
        timing,
      ),
      new DisruptionController(context),
      new HorizontalAutoscalerController(context),
      new ResourceQuotaController(context),
      new ResourceClaimController(context),
      new TaintEvictionController(context),
      new PodGarbageCollector(context),
      new OwnerGarbageCollector(context),
      new NodeLifecycleController(context, this.#kubelets, nodeMonitorGrace(o.kubernetesVersion)),
      new SpotDrainController(context, {
        kube: o.kube({ name: 'eks:node-manager', groups: ['system:masters', ...authenticated] }, 'eks-node-manager'),
        machines,
      }),
      new CloudNodeController(context, { kube: cloud, kubelets: this.#kubelets, machines, timing }),
      new ServiceLoadBalancerController(context, { kube: cloud, timing }),
    ]
    this.#scheduler = new Scheduler({
      kube: o.kube({ name: 'system:kube-scheduler', groups: authenticated }, 'kube-scheduler'),
      clock,
      random: o.random.split('scheduler'),
      log: log.named('scheduler'),
    })
    this.podLogs = this.#kubelets
    this.proxies = {
      kubelet: (nodeName, request) => this.#kubelets.kubelet(nodeName, request),
      pod: (key, port, request) => {
        const pod = this.#caches.pods.get(key)
        return pod === undefined ? undefined : this.#kubelets.http(pod, port, request)
      },
      service: (key, port, request) => this.#kubelets.service(key, port, request),
      exec: (key, options, streams) => this.#kubelets.exec(key, options, streams),
    }
    this.usage = new UsageModel({
      caches: this.#caches,
      clock,
      random: o.random.split('usage'),
      log: log.named('usage'),
      running: this.#kubelets,
    })
  }

  /** Resolves when all parts have seen the cluster and work. */
  async start(): Promise<void> {
    const { signal } = this.#stop
    await this.#caches.start(signal)
    await this.#faults.start(signal)
    this.#running = Promise.all(
      this.#controllers.map((controller) =>
        controller.run(signal).catch((error: unknown) => {
          if (!signal.aborted) this.#log.error('A controller failed', { err: error })
        }),
      ),
    )
    await this.#scheduler.start(signal)
    this.#kubelets.start()
  }

  /** Everything stops where it is, as when the power goes. */
  async stop(): Promise<void> {
    this.#faults.stop()
    this.#kubelets.stop()
    this.#stop.abort(new Error('the embedded cluster stops'))
    await this.#running
  }

  /** Asks a port that a container's program serves, by pod IP or pod; undefined when nothing listens there. */
  http(pod: string | Pod, port: number, request: ContainerRequest): ContainerResponse | undefined {
    return this.#kubelets.http(pod, port, request)
  }
}

const authenticated = ['system:authenticated']

function serviceAccount(namespace: string, name: string): ComponentUser {
  return {
    name: `system:serviceaccount:${namespace}:${name}`,
    groups: ['system:serviceaccounts', `system:serviceaccounts:${namespace}`, ...authenticated],
  }
}
