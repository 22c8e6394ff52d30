// What all parts of the embedded cluster share a copy of, as kube-controller-manager's parts share informers.
import {
  ConfigMaps,
  controllerOf,
  ControllerRevisions,
  CronJobs,
  DaemonSets,
  Deployments,
  HorizontalPodAutoscalers,
  Jobs,
  Namespaces,
  Nodes,
  PersistentVolumeClaims,
  PersistentVolumes,
  PodDisruptionBudgets,
  Pods,
  ReplicaSets,
  ResourceClaims,
  ResourceClaimTemplates,
  ResourceQuotas,
  ReplicationControllers,
  ServiceAccounts,
  Services,
  StatefulSets,
  StorageClasses,
  VolumeAttachments,
  type ConfigMap,
  type ControllerRevision,
  type CronJob,
  type DaemonSet,
  type Deployment,
  type HorizontalPodAutoscaler,
  type Job,
  type KubeObject,
  type Namespace,
  type Node,
  type ObjectMeta,
  type PersistentVolume,
  type PersistentVolumeClaim,
  type Pod,
  type PodDisruptionBudget,
  type ReplicaSet,
  type ResourceClaimTemplate,
  type ResourceQuota,
  type ReplicationController,
  type ResourceType,
  type ResourceV1ResourceClaim,
  type Service,
  type ServiceAccount,
  type StatefulSet,
  type StorageClass,
  type VolumeAttachment,
} from '@plimsoll/model'
import type { Clock, KubeReader, Log, Random, Selection } from '@plimsoll/ports'
import { Informer, type IndexFunction } from '@plimsoll/runtime'
import { aimedAt, claimNames } from './pods.ts'

export interface CachesOptions {
  readonly kube: KubeReader
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
}

const byController: IndexFunction<{ readonly metadata: ObjectMeta }> = (object) => {
  const owner = controllerOf(object)
  return owner === undefined ? [] : [owner.uid]
}
const byNamespace: IndexFunction<{ readonly metadata: { readonly namespace: string } }> = (object) => [
  object.metadata.namespace,
]

export class Caches {
  /**
   * Indexes: `node` by spec.nodeName, `aimed` by the node that an unbound daemon is meant for, `controller` by the uid of the controlling owner, `orphan` by the namespace of those
   * that have none, `namespace`, `claim` by the key of each claim that it uses.
   */
  readonly pods: Informer<Pod>
  readonly nodes: Informer<Node>
  readonly namespaces: Informer<Namespace>
  readonly deployments: Informer<Deployment>
  /** Indexes `controller`, `orphan`, `namespace`. */
  readonly replicaSets: Informer<ReplicaSet>
  /** Index `namespace`. */
  readonly replicationControllers: Informer<ReplicationController>
  /** Index `namespace`. */
  readonly daemonSets: Informer<DaemonSet>
  /** Index `namespace`. */
  readonly statefulSets: Informer<StatefulSet>
  /** Indexes `controller`, `orphan`. */
  readonly controllerRevisions: Informer<ControllerRevision>
  /** Indexes `controller`, `namespace`. */
  readonly jobs: Informer<Job>
  readonly cronJobs: Informer<CronJob>
  /** Index `namespace`. */
  readonly budgets: Informer<PodDisruptionBudget>
  /** Index `namespace`. */
  readonly services: Informer<Service>
  /** Those named default alone. */
  readonly defaultAccounts: Informer<ServiceAccount>
  /** Those named kube-root-ca.crt alone. */
  readonly rootCertificates: Informer<ConfigMap>
  readonly claims: Informer<PersistentVolumeClaim>
  readonly volumes: Informer<PersistentVolume>
  readonly storageClasses: Informer<StorageClass>
  /** Indexes: `volume` by the name of the persistent volume, `node`. */
  readonly attachments: Informer<VolumeAttachment>
  /** Index `controller`. */
  readonly resourceClaims: Informer<ResourceV1ResourceClaim>
  readonly resourceClaimTemplates: Informer<ResourceClaimTemplate>
  readonly autoscalers: Informer<HorizontalPodAutoscaler>
  /** Index `namespace`. */
  readonly quotas: Informer<ResourceQuota>
  readonly #all: readonly Informer<never>[]

  constructor(o: CachesOptions) {
    const informer = <T extends KubeObject>(
      type: ResourceType<T>,
      indexes: { readonly [name: string]: IndexFunction<T> } = {},
      selection: Selection = {},
    ): Informer<T> =>
      new Informer(o.kube, type, {
        clock: o.clock,
        log: o.log,
        random: o.random.split(type.plural),
        indexes,
        selection,
      })
    this.pods = informer(Pods, {
      node: (pod) => (pod.spec.nodeName === undefined ? [] : [pod.spec.nodeName]),
      aimed: (pod) => {
        const node = aimedAt(pod)
        return node === undefined ? [] : [node]
      },
      controller: byController,
      orphan: (pod) => (controllerOf(pod) === undefined ? [pod.metadata.namespace] : []),
      namespace: byNamespace,
      claim: (pod) => claimNames(pod).map((name) => `${pod.metadata.namespace}/${name}`),
    })
    this.nodes = informer(Nodes)
    this.namespaces = informer(Namespaces)
    this.deployments = informer(Deployments)
    this.replicaSets = informer(ReplicaSets, {
      controller: byController,
      orphan: (set) => (controllerOf(set) === undefined ? [set.metadata.namespace] : []),
      namespace: byNamespace,
    })
    this.replicationControllers = informer(ReplicationControllers, { namespace: byNamespace })
    this.daemonSets = informer(DaemonSets, { namespace: byNamespace })
    this.statefulSets = informer(StatefulSets, { namespace: byNamespace })
    this.controllerRevisions = informer(ControllerRevisions, {
      controller: byController,
      orphan: (revision) => (controllerOf(revision) === undefined ? [revision.metadata.namespace] : []),
    })
    this.jobs = informer(Jobs, { controller: byController, namespace: byNamespace })
    this.cronJobs = informer(CronJobs)
    this.budgets = informer(PodDisruptionBudgets, { namespace: byNamespace })
    this.services = informer(Services, { namespace: byNamespace })
    this.defaultAccounts = informer(ServiceAccounts, {}, { fieldSelector: 'metadata.name=default' })
    this.rootCertificates = informer(ConfigMaps, {}, { fieldSelector: 'metadata.name=kube-root-ca.crt' })
    this.claims = informer(PersistentVolumeClaims)
    this.volumes = informer(PersistentVolumes)
    this.storageClasses = informer(StorageClasses)
    this.attachments = informer(VolumeAttachments, {
      volume: ({ spec }) => (spec.source.persistentVolumeName === undefined ? [] : [spec.source.persistentVolumeName]),
      node: ({ spec }) => [spec.nodeName],
    })
    this.resourceClaims = informer(ResourceClaims, { controller: byController })
    this.resourceClaimTemplates = informer(ResourceClaimTemplates)
    this.autoscalers = informer(HorizontalPodAutoscalers)
    this.quotas = informer(ResourceQuotas, { namespace: byNamespace })
    this.#all = [
      this.defaultAccounts,
      this.rootCertificates,
      this.namespaces,
      this.nodes,
      this.deployments,
      this.replicaSets,
      this.replicationControllers,
      this.daemonSets,
      this.statefulSets,
      this.controllerRevisions,
      this.jobs,
      this.cronJobs,
      this.budgets,
      this.services,
      this.storageClasses,
      this.volumes,
      this.attachments,
      this.claims,
      this.resourceClaimTemplates,
      this.resourceClaims,
      this.autoscalers,
      this.quotas,
      this.pods,
    ] as unknown as readonly Informer<never>[]
  }

  /** Subscribers must be there before, for they count from nothing. */
  async start(signal: AbortSignal): Promise<void> {
    for (const informer of this.#all) await informer.start(signal)
  }
}

/** One handler for all changes: `now` is undefined when the object went, `was` when it came. */
export function onChange<T extends KubeObject>(
  informer: Informer<T>,
  handler: (now: T | undefined, was: T | undefined) => void,
): void {
  informer.subscribe({
    added: (object) => handler(object, undefined),
    updated: (object, old) => handler(object, old),
    deleted: (object) => handler(undefined, object),
  })
}
