// The volumes of the pods that are being placed (kubernetes/kubernetes:pkg/scheduler/framework/plugins/volumebinding/binder.go):
// what the picture shows of them, what was promised and is not written yet, and the wait until claims have their volumes.
import { storageClassOf, type VolumeLister, type VolumePlan } from '@plimsoll/engine'
import {
  CSIDrivers,
  CSINodes,
  keyText,
  ms,
  PersistentVolumeClaims,
  PersistentVolumes,
  StorageClasses,
  VolumeAttachments,
  type CSIDriver,
  type CSINode,
  type CSIStorageCapacity,
  type KubeObject,
  type PersistentVolume,
  type PersistentVolumeClaim,
  type Pod,
  type ResourceType,
  type StorageClass,
  type VolumeAttachment,
} from '@plimsoll/model'
import { KubeError, type Clock, type KubeApi, type Log, type Random } from '@plimsoll/ports'
import { Informer, type IndexFunction } from '@plimsoll/runtime'
import { claimNames } from '../pods.ts'

/** How long a pod waits for its volumes before it is given back to the queue. */
const waitMax = ms(600_000)
const selectedNode = 'volume.kubernetes.io/selected-node'
const boundByController = 'pv.kubernetes.io/bound-by-controller'
const bindCompleted = 'pv.kubernetes.io/bind-completed'

const capacityType: ResourceType<CSIStorageCapacity> = {
  group: 'storage.k8s.io',
  version: 'v1',
  plural: 'csistoragecapacities',
  kind: 'CSIStorageCapacity',
  namespaced: true,
}

export interface VolumeBindingOptions {
  readonly kube: KubeApi
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  /** Something came that may let a pod with claims fit. */
  readonly changed: () => void
}

export class VolumeBinding {
  readonly lister: VolumeLister
  readonly #kube: KubeApi
  readonly #clock: Clock
  readonly #claims: Informer<PersistentVolumeClaim>
  readonly #volumes: Informer<PersistentVolume>
  readonly #classes: Informer<StorageClass>
  readonly #csiNodes: Informer<CSINode>
  readonly #attachments: Informer<VolumeAttachment>
  readonly #drivers: Informer<CSIDriver>
  readonly #capacities: Informer<CSIStorageCapacity>
  readonly #changed: () => void
  /** As they will be once what was promised to pods is written. */
  readonly #promisedVolumes = new Map<string, PersistentVolume>()
  readonly #promisedClaims = new Map<string, PersistentVolumeClaim>()

  constructor(o: VolumeBindingOptions) {
    this.#kube = o.kube
    this.#clock = o.clock
    this.#changed = o.changed
    const informer = <T extends KubeObject>(
      type: ResourceType<T>,
      indexes: { readonly [name: string]: IndexFunction<T> } = {},
    ): Informer<T> =>
      new Informer(o.kube, type, { clock: o.clock, random: o.random.split(type.plural), log: o.log, indexes })
    this.#claims = informer(PersistentVolumeClaims)
    this.#volumes = informer(PersistentVolumes, { class: (volume) => [storageClassOf(volume)] })
    this.#classes = informer(StorageClasses)
    this.#csiNodes = informer(CSINodes)
    this.#attachments = informer(VolumeAttachments, { node: ({ spec }) => [spec.nodeName] })
    this.#drivers = informer(CSIDrivers)
    this.#capacities = informer(capacityType, { class: ({ storageClassName }) => [storageClassName] })
    this.lister = {
      claim: (namespace, name) =>
        this.#promisedClaims.get(keyText({ namespace, name })) ?? this.#claims.get({ namespace, name }),
      volume: (name) => this.#promisedVolumes.get(name) ?? this.#volumes.get({ name }),
      storageClass: (name) => this.#classes.get({ name }),
      volumesOfClass: (name) =>
        this.#volumes.byIndex('class', name).map((volume) => this.#promisedVolumes.get(volume.metadata.name) ?? volume),
      csiNode: (name) => this.#csiNodes.get({ name }),
      attachmentsOn: (name) => this.#attachments.byIndex('node', name),
      csiDriver: (name) => this.#drivers.get({ name }),
      capacitiesOfClass: (name) => this.#capacities.byIndex('class', name),
    }
  }

  /** Resolves once all is known. */
  async start(signal: AbortSignal): Promise<void> {
    const changed = (): void => this.#changed()
    const onAny = { added: changed, updated: changed, deleted: changed }
    for (const informer of [this.#claims, this.#volumes, this.#classes]) informer.subscribe(onAny)
    this.#drivers.subscribe(onAny)
    this.#capacities.subscribe(onAny)
    // What lets go of a node makes room there; what is attached does not.
    this.#attachments.subscribe({ deleted: changed })
    // One comes with every node; without drivers it tells nothing.
    this.#csiNodes.subscribe({ added: ({ spec }) => spec.drivers.length > 0 && changed(), updated: changed })
    const informers = [
      this.#classes,
      this.#csiNodes,
      this.#drivers,
      this.#capacities,
      this.#attachments,
      this.#volumes,
      this.#claims,
    ]
    await Promise.all(informers.map((informer) => informer.start(signal)))
  }

  /** From now on nobody else is promised what the plan takes. */
  promise(plan: VolumePlan, nodeName: string): void {
    for (const { claim, volume } of plan.bindings) {
      this.#promisedVolumes.set(volume.metadata.name, claimed(volume, claim))
    }
    for (const claim of plan.provisions) {
      this.#promisedClaims.set(keyText(claim.metadata), destined(claim, nodeName))
    }
  }

  /** Forgets what was promised: it is written by now, or will not be. */
  release(plan: VolumePlan): void {
    for (const { volume } of plan.bindings) this.#promisedVolumes.delete(volume.metadata.name)
    for (const claim of plan.provisions) this.#promisedClaims.delete(keyText(claim.metadata))
  }

  /** Writes what the plan takes, and waits until all claims of the pod have their volumes. @throws {KubeError} */
  async bind(pod: Pod, plan: VolumePlan, nodeName: string, signal: AbortSignal): Promise<void> {
    if (plan.bindings.length + plan.provisions.length === 0) return
    for (const { claim, volume } of plan.bindings) {
      if (volume.spec?.claimRef?.uid !== claim.metadata.uid) {
        await this.#kube.replace(PersistentVolumes, claimed(volume, claim))
      }
    }
    for (const claim of plan.provisions) {
      if (claim.metadata.annotations?.[selectedNode] === nodeName) continue
      await this.#kube.replace(PersistentVolumeClaims, destined(claim, nodeName))
    }
    await this.#untilBound(pod, plan, nodeName, signal)
  }

  #untilBound(pod: Pod, plan: VolumePlan, nodeName: string, signal: AbortSignal): Promise<void> {
    const { namespace } = pod.metadata
    const names = claimNames(pod)
    /** Whether all have their volumes; why that cannot be any more. */
    const look = (): boolean | string => {
      let all = true
      for (const name of names) {
        const claim = this.#claims.get({ namespace, name })
        if (claim === undefined) return `error getting PVC ${JSON.stringify(name)} from the lister`
        all &&= isBound(claim)
      }
      for (const { metadata } of all ? [] : plan.provisions) {
        const claim = this.#claims.get(metadata)
        const selected = claim?.metadata.annotations?.[selectedNode]
        // A driver that cannot make it there takes the choice back.
        if (claim !== undefined && !isBound(claim) && selected !== undefined && selected !== nodeName) {
          return `provisioning failed for PVC ${JSON.stringify(metadata.name)}`
        }
      }
      return all
    }
    return new Promise((resolve, reject) => {
      const fail = (message: string): void => finish(() => reject(new KubeError('timeout', { message })))
      const check = (): void => {
        const found = look()
        if (typeof found === 'string') fail(found)
        else if (found) finish(resolve)
      }
      const finish = (settle: () => void): void => {
        stopListening()
        timeout.cancel()
        signal.removeEventListener('abort', onAbort)
        settle()
      }
      const onAbort = (): void => finish(resolve)
      const stopListening = this.#claims.subscribe({ updated: check, deleted: check })
      const timeout = this.#clock.after(waitMax, () => fail('context deadline exceeded'))
      signal.addEventListener('abort', onAbort, { once: true })
      check()
    })
  }
}

/** Whether the volume controller has said that it is done. */
function isBound({ metadata, spec }: PersistentVolumeClaim): boolean {
  return (spec.volumeName ?? '') !== '' && metadata.annotations?.[bindCompleted] !== undefined
}

function claimed(volume: PersistentVolume, claim: PersistentVolumeClaim): PersistentVolume {
  const { namespace, name, uid, resourceVersion } = claim.metadata
  const claimRef = { kind: 'PersistentVolumeClaim', apiVersion: 'v1', namespace, name, uid, resourceVersion }
  const spoken = volume.spec?.claimRef !== undefined
  const annotations = { ...volume.metadata.annotations, ...(spoken ? {} : { [boundByController]: 'yes' }) }
  return { ...volume, metadata: { ...volume.metadata, annotations }, spec: { ...volume.spec, claimRef } }
}

function destined(claim: PersistentVolumeClaim, nodeName: string): PersistentVolumeClaim {
  const annotations = { ...claim.metadata.annotations, [selectedNode]: nodeName }
  return { ...claim, metadata: { ...claim.metadata, annotations } }
}
