// Follows owner references: what has lost all its owners goes, and owners that are deleted in the foreground wait for what
// they own (kubernetes/kubernetes:pkg/controller/garbagecollector/garbagecollector.go, graph_builder.go).
import {
  apiVersionOf,
  ClusterRoleBindings,
  ClusterRoles,
  ConfigMaps,
  ControllerRevisions,
  CronJobs,
  CSIDrivers,
  CSINodes,
  CSIStorageCapacities,
  DaemonSets,
  Deployments,
  DeviceClasses,
  EndpointSlices,
  EndpointsResource,
  HorizontalPodAutoscalers,
  IngressClasses,
  Ingresses,
  Jobs,
  keyOf,
  Leases,
  LimitRanges,
  Namespaces,
  NetworkPolicies,
  Nodes,
  PersistentVolumeClaims,
  PersistentVolumes,
  PodDisruptionBudgets,
  Pods,
  PodTemplates,
  PriorityClasses,
  ReplicaSets,
  ReplicationControllers,
  ResourceClaims,
  ResourceClaimTemplates,
  ResourceQuotas,
  ResourceSlices,
  RoleBindings,
  Roles,
  RuntimeClasses,
  Secrets,
  ServiceAccounts,
  Services,
  StatefulSets,
  StorageClasses,
  VolumeAttachments,
  type KubeObject,
  type ObjectKey,
  type ObjectMeta,
  type OwnerReference,
  type ResourceType,
} from '@plimsoll/model'
import { ignoreNotFound, isKubeFailure, type KubeApi } from '@plimsoll/ports'
import { Informer, type EventRecorder, type Reconciler } from '@plimsoll/runtime'
import { onChange } from '../caches.ts'
import { recorderFor, syncing, type Controller, type ControllerContext } from './controller.ts'

/** What owns or is owned, but for Events; custom resources join when their definition comes. */
const builtIn: readonly ResourceType<KubeObject>[] = [
  Namespaces,
  Nodes,
  PriorityClasses,
  RuntimeClasses,
  StorageClasses,
  CSIDrivers,
  IngressClasses,
  DeviceClasses,
  ClusterRoles,
  ClusterRoleBindings,
  Deployments,
  ReplicaSets,
  ReplicationControllers,
  StatefulSets,
  DaemonSets,
  CronJobs,
  Jobs,
  ControllerRevisions,
  PodTemplates,
  HorizontalPodAutoscalers,
  Services,
  EndpointsResource,
  EndpointSlices,
  Ingresses,
  NetworkPolicies,
  ConfigMaps,
  Secrets,
  ServiceAccounts,
  Roles,
  RoleBindings,
  ResourceQuotas,
  LimitRanges,
  PersistentVolumes,
  PersistentVolumeClaims,
  VolumeAttachments,
  CSIStorageCapacities,
  PodDisruptionBudgets,
  Leases,
  CSINodes,
  ResourceClaims,
  ResourceClaimTemplates,
  ResourceSlices,
  Pods,
] as readonly ResourceType<KubeObject>[]

interface CustomResourceDefinition extends KubeObject {
  readonly spec?: {
    readonly group: string
    readonly scope: string
    readonly names: { readonly plural: string; readonly kind: string }
    readonly versions: readonly { readonly name: string; readonly served: boolean }[]
  }
}

const CustomResourceDefinitions: ResourceType<CustomResourceDefinition> = {
  group: 'apiextensions.k8s.io',
  version: 'v1',
  plural: 'customresourcedefinitions',
  kind: 'CustomResourceDefinition',
  namespaced: false,
}

interface GraphNode {
  /** As it is served now. */
  type: ResourceType<KubeObject>
  readonly key: ObjectKey
  owners: readonly OwnerReference[]
  deleting: boolean
  finalizers: readonly string[]
}

const foreground = 'foregroundDeletion'
const orphan = 'orphan'

export class OwnerGarbageCollector implements Controller {
  readonly #context: ControllerContext
  readonly #kube: KubeApi
  readonly #loop: Reconciler<string>
  readonly #graph = new Map<string, GraphNode>()
  readonly #dependents = new Map<string, Set<string>>()
  readonly #kinds = new Map<string, ResourceType<KubeObject>>()
  readonly #events: EventRecorder
  /** What was told of an owner in another namespace, so that it is told once. */
  readonly #told = new Set<string>()

  constructor(context: ControllerContext) {
    this.#context = context
    this.#kube = context.kube('generic-garbage-collector')
    this.#events = recorderFor(context, this.#kube, 'garbage-collector-controller')
    this.#loop = syncing(context, 'garbage-collector', (uid) => this.#sync(uid))
  }

  async run(signal: AbortSignal): Promise<void> {
    for (const type of builtIn) await this.#follow(type, signal)
    const definitions = this.#informer(CustomResourceDefinitions)
    const following = new Map<string, { readonly version: string; readonly stop: AbortController }>()
    onChange(definitions, (definition, was) => {
      const { name } = (definition ?? was!).metadata
      const versions = definition?.spec?.versions.filter((version) => version.served).map((v) => v.name) ?? []
      const known = following.get(name)
      if (known !== undefined) {
        if (versions.includes(known.version)) return
        known.stop.abort(new Error('the version is no longer served'))
        following.delete(name)
        this.#forget(was ?? definition!)
      }
      if (definition?.spec === undefined || versions.length === 0) return
      const { group, names, scope } = definition.spec
      const { plural, kind } = names
      const stop = new AbortController()
      const version = versions[0]!
      following.set(name, { version, stop })
      const type = { group, version, plural, kind, namespaced: scope === 'Namespaced' }
      void this.#follow(type, AbortSignal.any([signal, stop.signal]))
    })
    await definitions.start(signal)
    await this.#loop.run(signal)
  }

  #informer<T extends KubeObject>(type: ResourceType<T>): Informer<T> {
    const { clock, log, random } = this.#context
    return new Informer(this.#kube, type, { clock, log, random: random.split(`gc/${type.group}/${type.plural}`) })
  }

  async #follow(type: ResourceType<KubeObject>, signal: AbortSignal): Promise<void> {
    const id = kindId(type.group, type.kind)
    if (this.#kinds.has(id)) return
    this.#kinds.set(id, type)
    const informer = this.#informer(type)
    onChange(informer, (now, was) => this.#changed(type, now, was))
    try {
      await informer.start(signal)
    } catch (error) {
      if (!signal.aborted) throw error
    }
  }

  #forget(definition: CustomResourceDefinition): void {
    if (definition.spec !== undefined) this.#kinds.delete(kindId(definition.spec.group, definition.spec.names.kind))
  }

  #changed(type: ResourceType<KubeObject>, now: KubeObject | undefined, was: KubeObject | undefined): void {
    const { uid } = (now ?? was!).metadata
    if (now === undefined) {
      const owned = this.#dependents.get(uid)
      for (const owner of this.#graph.get(uid)?.owners ?? []) this.#unlink(owner.uid, uid)
      this.#graph.delete(uid)
      this.#told.delete(uid)
      for (const dependent of owned ?? []) this.#loop.add(dependent)
      // A foreground owner may have waited for this one.
      for (const owner of was!.metadata.ownerReferences ?? []) this.#considerOwner(owner.uid)
      return
    }
    const meta: ObjectMeta = now.metadata
    const owners = meta.ownerReferences ?? []
    const deleting = meta.deletionTimestamp !== undefined
    const finalizers = meta.finalizers ?? []
    const known = this.#graph.get(uid)
    if (known === undefined) {
      this.#graph.set(uid, { type, key: keyOf(now), owners, deleting, finalizers })
      for (const owner of owners) this.#link(owner.uid, uid)
      // An owner that does not exist is found out soon; one that comes a moment later is not held against it.
      if (owners.some((owner) => this.#isDoubtful(now, owner))) this.#loop.add(uid)
      this.#doubtDependents(uid)
    } else {
      if (known.owners !== owners) {
        for (const owner of known.owners) this.#unlink(owner.uid, uid)
        for (const owner of owners) this.#link(owner.uid, uid)
        for (const owner of known.owners) this.#considerOwner(owner.uid)
        if (owners.some((owner) => this.#isDoubtful(now, owner))) this.#loop.add(uid)
      }
      known.type = type
      known.owners = owners
      known.deleting = deleting
      known.finalizers = finalizers
    }
    if (deleting && (finalizers.includes(foreground) || finalizers.includes(orphan))) this.#loop.add(uid)
  }

  /** Whether the owner is not known, or known in a place where it cannot own the object. */
  #isDoubtful(object: KubeObject, owner: OwnerReference): boolean {
    const found = this.#graph.get(owner.uid)
    return found === undefined || isElsewhere(found, object.metadata.namespace)
  }

  /** An owner that came after what it claims to own may be in the wrong place. */
  #doubtDependents(uid: string): void {
    const owner = this.#graph.get(uid)!
    for (const dependent of this.#dependents.get(uid) ?? []) {
      const node = this.#graph.get(dependent)
      if (node !== undefined && isElsewhere(owner, node.key.namespace)) this.#loop.add(dependent)
    }
  }

  #link(owner: string, dependent: string): void {
    let set = this.#dependents.get(owner)
    if (set === undefined) this.#dependents.set(owner, (set = new Set()))
    set.add(dependent)
  }

  #unlink(owner: string, dependent: string): void {
    const set = this.#dependents.get(owner)
    set?.delete(dependent)
    if (set?.size === 0) this.#dependents.delete(owner)
  }

  #considerOwner(uid: string): void {
    const owner = this.#graph.get(uid)
    if (owner?.deleting === true && owner.finalizers.includes(foreground)) this.#loop.add(uid)
  }

  async #sync(uid: string): Promise<void> {
    const node = this.#graph.get(uid)
    if (node === undefined) return
    if (node.deleting) {
      if (node.finalizers.includes(orphan)) await this.#orphanDependents(uid, node)
      else if (node.finalizers.includes(foreground)) await this.#deleteDependents(uid, node)
      return
    }
    if (node.owners.length > 0) await this.#considerDeletion(uid, node)
  }

  async #considerDeletion(uid: string, node: GraphNode): Promise<void> {
    const gone: OwnerReference[] = []
    const leaving: OwnerReference[] = []
    for (const owner of node.owners) {
      const found = this.#graph.get(owner.uid)
      if (found !== undefined && isElsewhere(found, node.key.namespace)) {
        this.#tellOfElsewhere(uid, node, owner)
        // What belongs to no namespace is not removed for an owner that does.
        if (node.key.namespace !== undefined) gone.push(owner)
      } else if (found === undefined) {
        if (!(await this.#exists(node, owner))) gone.push(owner)
      } else if (found.deleting && found.finalizers.includes(foreground)) {
        leaving.push(owner)
      }
    }
    if (gone.length + leaving.length < node.owners.length) {
      if (gone.length + leaving.length === 0) return
      // Others still want it: only the dead references go.
      const dead = new Set([...gone, ...leaving].map((owner) => owner.uid))
      await this.#setOwners(
        node,
        node.owners.filter((owner) => !dead.has(owner.uid)),
      )
      return
    }
    if (leaving.length > 0) await this.#breakCycle(uid, node)
    const propagationPolicy = node.finalizers.includes(orphan)
      ? 'Orphan'
      : node.finalizers.includes(foreground) || (leaving.length > 0 && this.#dependents.has(uid))
        ? 'Foreground'
        : 'Background'
    await this.#kube
      .remove(node.type, node.key, { propagationPolicy, preconditions: { uid } })
      .catch((error: unknown) => {
        if (!isKubeFailure(error, 'conflict')) ignoreNotFound(error)
      })
  }

  /** Owners that wait for each other would wait for ever: then what this one owns does not hold it up. */
  async #breakCycle(uid: string, node: GraphNode): Promise<void> {
    const waits = [...(this.#dependents.get(uid) ?? [])].some((dependent) => {
      const found = this.#graph.get(dependent)
      return found?.deleting === true && found.finalizers.includes(foreground)
    })
    if (!waits || node.owners.every((owner) => owner.blockOwnerDeletion !== true)) return
    await this.#setOwners(
      node,
      node.owners.map((owner) => (owner.blockOwnerDeletion === true ? { ...owner, blockOwnerDeletion: false } : owner)),
    )
  }

  #tellOfElsewhere(uid: string, node: GraphNode, owner: OwnerReference): void {
    if (this.#told.has(uid)) return
    this.#told.add(uid)
    const { namespace = '', name } = node.key
    const reference = `[${owner.apiVersion}/${owner.kind}, namespace: ${namespace}, name: ${owner.name}, uid: ${owner.uid}]`
    this.#events.event(
      {
        apiVersion: apiVersionOf(node.type),
        kind: node.type.kind,
        ...(namespace === '' ? {} : { namespace }),
        name,
        uid,
      },
      'Warning',
      'OwnerRefInvalidNamespace',
      `ownerRef ${reference} does not exist in namespace "${namespace}"`,
    )
  }

  /** Asks the server about an owner that the graph does not know; kinds that we cannot ask for are taken to exist. */
  async #exists(node: GraphNode, owner: OwnerReference): Promise<boolean> {
    const group = owner.apiVersion.includes('/') ? owner.apiVersion.slice(0, owner.apiVersion.indexOf('/')) : ''
    const type = this.#kinds.get(kindId(group, owner.kind))
    if (type === undefined) return true
    if (type.namespaced && node.key.namespace === undefined) return true
    const key = type.namespaced ? { namespace: node.key.namespace, name: owner.name } : { name: owner.name }
    try {
      return (await this.#kube.get(type, key)).metadata.uid === owner.uid
    } catch (error) {
      ignoreNotFound(error)
      return false
    }
  }

  async #deleteDependents(uid: string, owner: GraphNode): Promise<void> {
    let blocked = false
    for (const dependent of this.#dependents.get(uid) ?? []) {
      const node = this.#graph.get(dependent)
      if (node === undefined) continue
      if (node.owners.some((reference) => reference.uid === uid && reference.blockOwnerDeletion === true))
        blocked = true
      if (!node.deleting) this.#loop.add(dependent)
    }
    if (!blocked) await this.#dropFinalizer(owner, foreground)
  }

  async #orphanDependents(uid: string, owner: GraphNode): Promise<void> {
    for (const dependent of this.#dependents.get(uid) ?? []) {
      const node = this.#graph.get(dependent)
      if (node !== undefined)
        await this.#setOwners(
          node,
          node.owners.filter((reference) => reference.uid !== uid),
        )
    }
    await this.#dropFinalizer(owner, orphan)
  }

  async #setOwners(node: GraphNode, owners: readonly OwnerReference[]): Promise<void> {
    const body = { metadata: { ownerReferences: owners.length === 0 ? null : (owners as never) } }
    await this.#kube.patch(node.type, node.key, { type: 'merge', body }).catch(ignoreNotFound)
  }

  async #dropFinalizer(node: GraphNode, finalizer: string): Promise<void> {
    const finalizers = node.finalizers.filter((f) => f !== finalizer)
    const body = { metadata: { finalizers: finalizers.length === 0 ? null : finalizers } }
    await this.#kube.patch(node.type, node.key, { type: 'merge', body }).catch(ignoreNotFound)
  }
}

/** Owners in a namespace own only what is in it too. */
function isElsewhere(owner: GraphNode, namespace: string | undefined): boolean {
  return owner.key.namespace !== undefined && owner.key.namespace !== namespace
}

function kindId(group: string, kind: string): string {
  return `${group}/${kind}`
}
