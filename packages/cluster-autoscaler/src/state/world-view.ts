import {
  CSIDrivers,
  CSINodes,
  CSIStorageCapacities,
  DaemonSets,
  Jobs,
  Namespaces,
  Nodes,
  PersistentVolumeClaims,
  PersistentVolumes,
  PodDisruptionBudgets,
  Pods,
  ReplicaSets,
  ReplicationControllers,
  StatefulSets,
  StorageClasses,
  type CSIDriver,
  type CSINode,
  type CSIStorageCapacity,
  type DaemonSet,
  type Job,
  type KubeObject,
  type Namespace,
  type Node,
  type PersistentVolume,
  type PersistentVolumeClaim,
  type Pod,
  type PodDisruptionBudget,
  type ReplicaSet,
  type ReplicationController,
  type ResourceType,
  type StatefulSet,
  type StorageClass,
} from '@plimsoll/model'
import { storageClassOf, type VolumeLister } from '@plimsoll/engine'
import type { Clock, KubeApi, Log, Random } from '@plimsoll/ports'
import { Informer } from '@plimsoll/runtime'
import type { ControllerLister } from './controllers.ts'

/** Copies of everything in the cluster that the autoscaler looks at, kept current by watches. */
export class WorldView implements ControllerLister, VolumeLister {
  readonly pods: Informer<Pod>
  readonly nodes: Informer<Node>
  readonly budgets: Informer<PodDisruptionBudget>
  readonly daemonSets: Informer<DaemonSet>
  readonly namespaces: Informer<Namespace>
  readonly #replicaSets: Informer<ReplicaSet>
  readonly #replicationControllers: Informer<ReplicationController>
  readonly #jobs: Informer<Job>
  readonly #statefulSets: Informer<StatefulSet>
  readonly #claims: Informer<PersistentVolumeClaim>
  readonly #volumes: Informer<PersistentVolume>
  readonly #storageClasses: Informer<StorageClass>
  readonly #csiNodes: Informer<CSINode>
  readonly #csiDrivers: Informer<CSIDriver>
  readonly #capacities: Informer<CSIStorageCapacity>
  readonly #all: { start(signal: AbortSignal): Promise<void> }[] = []

  constructor(o: { readonly kube: KubeApi; readonly clock: Clock; readonly log: Log; readonly random: Random }) {
    const informer = <T extends KubeObject>(
      type: ResourceType<T>,
      indexes: { readonly [name: string]: (object: T) => readonly string[] } = {},
    ): Informer<T> => {
      const made = new Informer(o.kube, type, {
        clock: o.clock,
        log: o.log.named('reflector.go'),
        random: o.random.split(`informer/${type.plural}`),
        indexes,
      })
      this.#all.push(made)
      return made
    }
    this.pods = informer(Pods, { node: (pod) => (pod.spec.nodeName ? [pod.spec.nodeName] : []) })
    this.nodes = informer(Nodes)
    this.budgets = informer(PodDisruptionBudgets)
    this.daemonSets = informer(DaemonSets)
    this.namespaces = informer(Namespaces)
    this.#replicaSets = informer(ReplicaSets)
    this.#replicationControllers = informer(ReplicationControllers)
    this.#jobs = informer(Jobs)
    this.#statefulSets = informer(StatefulSets)
    this.#claims = informer(PersistentVolumeClaims)
    this.#volumes = informer(PersistentVolumes, { class: (volume) => [storageClassOf(volume)] })
    this.#storageClasses = informer(StorageClasses)
    this.#csiNodes = informer(CSINodes)
    this.#csiDrivers = informer(CSIDrivers)
    this.#capacities = informer(CSIStorageCapacities, { class: (capacity) => [capacity.storageClassName] })
  }

  /** Resolves when all copies are complete; they stay current until the signal is aborted. */
  async start(signal: AbortSignal): Promise<void> {
    await Promise.all(this.#all.map((informer) => informer.start(signal)))
  }

  podsOn(node: string): readonly Pod[] {
    return this.pods.byIndex('node', node)
  }

  replicaSet(namespace: string, name: string): ReplicaSet | undefined {
    return this.#replicaSets.get({ namespace, name })
  }

  replicationController(namespace: string, name: string): ReplicationController | undefined {
    return this.#replicationControllers.get({ namespace, name })
  }

  job(namespace: string, name: string): Job | undefined {
    return this.#jobs.get({ namespace, name })
  }

  statefulSet(namespace: string, name: string): StatefulSet | undefined {
    return this.#statefulSets.get({ namespace, name })
  }

  daemonSet(namespace: string, name: string): DaemonSet | undefined {
    return this.daemonSets.get({ namespace, name })
  }

  claim(namespace: string, name: string): PersistentVolumeClaim | undefined {
    return this.#claims.get({ namespace, name })
  }

  volume(name: string): PersistentVolume | undefined {
    return this.#volumes.get({ name })
  }

  storageClass(name: string): StorageClass | undefined {
    return this.#storageClasses.get({ name })
  }

  volumesOfClass(name: string): readonly PersistentVolume[] {
    return this.#volumes.byIndex('class', name)
  }

  /** Of real nodes: as upstream without --enable-csi-node-aware-scheduling, nodes to come take any number of volumes. */
  csiNode(nodeName: string): CSINode | undefined {
    return this.#csiNodes.get({ name: nodeName })
  }

  csiDriver(name: string): CSIDriver | undefined {
    return this.#csiDrivers.get({ name })
  }

  capacitiesOfClass(name: string): readonly CSIStorageCapacity[] {
    return this.#capacities.byIndex('class', name)
  }
}
