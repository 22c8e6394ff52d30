// Pods that an owner selects but that nobody controls are adopted; those that left its selector are let go
// (kubernetes/kubernetes:pkg/controller/controller_ref_manager.go, PodControllerRefManager).
import {
  controllerOf,
  labelSelectorMatches,
  Pods,
  type KubeObject,
  type LabelSelector,
  type NamespacedMeta,
  type OwnerReference,
  type Pod,
  type ResourceType,
} from '@plimsoll/model'
import { isKubeFailure, type KubeApi } from '@plimsoll/ports'
import type { Informer } from '@plimsoll/runtime'
import { onChange, type Caches } from '../caches.ts'
import { keyOfObject, splitKey } from '../machinery/reference.ts'
import { isPodActive } from '../pods.ts'
import { controllerReference } from './pod-control.ts'

export interface PodOwner extends KubeObject {
  readonly metadata: NamespacedMeta
}

export interface PodClaimsOptions<T extends PodOwner> {
  readonly caches: Caches
  readonly kube: KubeApi
  readonly type: ResourceType<T>
  /** Must have the index `namespace`. */
  readonly owners: Informer<T>
  readonly selectorOf: (owner: T) => LabelSelector | undefined
  /** What the owner asks of a pod beside its labels. */
  readonly fits?: (owner: T, pod: Pod) => boolean
  /** Called with the owner's key when there is something to claim. */
  readonly enqueue: (key: string) => void
}

/** Which pods an owner has to take in or let go, kept change by change so that a claim costs what it changes. */
export class PodClaims<T extends PodOwner> {
  readonly #o: PodClaimsOptions<T>
  /** Keys of pods that may have to be taken in or let go, by the uid of the owner. */
  readonly #candidates = new Map<string, Set<string>>()

  constructor(o: PodClaimsOptions<T>) {
    this.#o = o
    onChange(o.owners, (now, was) => {
      if (now === undefined) this.#candidates.delete(was!.metadata.uid)
      else if (was === undefined) this.#lookForOrphans(now)
    })
    onChange(o.caches.pods, (now, was) => {
      if (now === undefined) return
      if (
        now.metadata.labels !== was?.metadata.labels ||
        now.metadata.ownerReferences !== was?.metadata.ownerReferences
      )
        this.#changed(now)
    })
  }

  #lookForOrphans(owner: T): void {
    for (const pod of this.#o.caches.pods.byIndex('orphan', owner.metadata.namespace)) {
      if (this.#selects(owner, pod)) this.#note(owner, pod)
    }
  }

  #changed(pod: Pod): void {
    const { owners, type } = this.#o
    const controller = controllerOf(pod)
    if (controller === undefined) {
      for (const owner of owners.byIndex('namespace', pod.metadata.namespace)) {
        if (this.#selects(owner, pod)) this.#note(owner, pod)
      }
    } else if (controller.kind === type.kind) {
      const owner = owners.get({ namespace: pod.metadata.namespace, name: controller.name })
      if (owner?.metadata.uid === controller.uid && !this.#selects(owner, pod)) this.#note(owner, pod)
    }
  }

  #note(owner: T, pod: Pod): void {
    const { uid } = owner.metadata
    let candidates = this.#candidates.get(uid)
    if (candidates === undefined) this.#candidates.set(uid, (candidates = new Set()))
    candidates.add(keyOfObject(pod))
    this.#o.enqueue(keyOfObject(owner))
  }

  #selects(owner: T, pod: Pod): boolean {
    return labelSelectorMatches(this.#o.selectorOf(owner), pod.metadata.labels) && this.#o.fits?.(owner, pod) !== false
  }

  /** Brings the owner references of the pods in question to where they belong. */
  async claim(owner: T): Promise<void> {
    const { uid, deletionTimestamp } = owner.metadata
    const candidates = this.#candidates.get(uid)
    if (candidates === undefined) return
    for (const key of candidates) {
      const pod = this.#o.caches.pods.get(splitKey(key))
      if (pod !== undefined) {
        const controller = controllerOf(pod)
        const owners = pod.metadata.ownerReferences ?? []
        if (controller === undefined && deletionTimestamp === undefined) {
          if (this.#selects(owner, pod) && isPodActive(pod))
            await this.#setOwners(pod, [...owners, controllerReference(this.#o.type, owner)])
        } else if (controller?.uid === uid && !this.#selects(owner, pod)) {
          await this.#setOwners(
            pod,
            owners.filter((reference) => reference.uid !== uid),
          )
        }
      }
      candidates.delete(key)
    }
    if (candidates.size === 0) this.#candidates.delete(uid)
  }

  async #setOwners(pod: Pod, owners: readonly OwnerReference[]): Promise<void> {
    const body = { metadata: { uid: pod.metadata.uid, ownerReferences: owners as never } }
    await this.#o.kube.patch(Pods, pod.metadata, { type: 'merge', body }).catch((error: unknown) => {
      // Gone, or another pod by now: no longer ours to claim.
      if (!isKubeFailure(error, 'notFound', 'conflict')) throw error
    })
  }
}
