// The devices of the pods that are being placed (kubernetes/kubernetes:pkg/scheduler/framework/plugins/dynamicresources): what
// is known of claims and devices, what was allocated here and is not written yet, and the writing of it.
import { DeviceState } from '@plimsoll/engine'
import {
  DeviceClasses,
  keyText,
  ResourceClaims,
  ResourceSlices,
  type KubeObject,
  type Pod,
  type ResourceType,
  type ResourceV1ResourceClaim,
} from '@plimsoll/model'
import { isKubeFailure, KubeError, uuid, type Clock, type KubeApi, type Log, type Random } from '@plimsoll/ports'
import { Informer } from '@plimsoll/runtime'
import { onChange } from '../caches.ts'

type Claim = ResourceV1ResourceClaim

/** Keeps an allocated claim until its devices are given back. */
const finalizer = 'resource.kubernetes.io/delete-protection'
const triesMax = 5

export interface DeviceBindingOptions {
  readonly kube: KubeApi
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  /** Something came that may let a pod with resource claims fit. */
  readonly changed: () => void
}

export class DeviceBinding {
  readonly state: DeviceState
  readonly #kube: KubeApi
  readonly #claims: Informer<Claim>
  readonly #informers: readonly Informer<never>[]
  /** Claims with an allocation or reservation of ours that is not seen written yet, by key. */
  readonly #unwritten = new Map<string, number>()
  /** Written, and not seen so yet. */
  readonly #unseen = new Set<string>()

  constructor(o: DeviceBindingOptions) {
    this.#kube = o.kube
    const shares = o.random.split('shares')
    this.state = new DeviceState({ newShareId: () => uuid(shares) })
    const informer = <T extends KubeObject>(type: ResourceType<T>): Informer<T> =>
      new Informer(o.kube, type, { clock: o.clock, random: o.random.split(type.plural), log: o.log })
    const classes = informer(DeviceClasses)
    const slices = informer(ResourceSlices)
    this.#claims = informer(ResourceClaims)
    this.#informers = [classes, slices, this.#claims] as unknown as readonly Informer<never>[]
    onChange(classes, (now, was) => {
      if (now === undefined) this.state.removeClass(was!.metadata.name)
      else this.state.setClass(now)
      o.changed()
    })
    onChange(slices, (now, was) => {
      if (now === undefined) this.state.removeSlice(was!.metadata.name)
      else this.state.setSlice(now)
      o.changed()
    })
    onChange(this.#claims, (now, was) => {
      const { namespace, name } = (now ?? was!).metadata
      const key = keyText({ namespace, name })
      if (now === undefined || now.status?.allocation !== undefined) this.#unseen.delete(key)
      if (now === undefined) this.state.removeClaim(namespace, name)
      else if (!this.#isOurs(key)) this.state.setClaim(now)
      o.changed()
    })
  }

  /** Resolves once all is known. */
  async start(signal: AbortSignal): Promise<void> {
    await Promise.all(this.#informers.map((informer) => informer.start(signal)))
  }

  /** The pod counts on its node in the state: its claims are ours to write. */
  promise(pod: Pod): void {
    for (const key of this.#keysOf(pod)) this.#unwritten.set(key, (this.#unwritten.get(key) ?? 0) + 1)
  }

  /** It is written by now, or will not be: what the API server shows counts again, once it shows it. */
  release(pod: Pod, o: { readonly written: boolean }): void {
    for (const key of this.#keysOf(pod)) {
      const left = (this.#unwritten.get(key) ?? 1) - 1
      if (left > 0) this.#unwritten.set(key, left)
      else this.#unwritten.delete(key)
      if (o.written && this.#stored(pod, key)?.status?.allocation === undefined) this.#unseen.add(key)
    }
    this.asStored(pod)
  }

  #isOurs(key: string): boolean {
    return this.#unwritten.has(key) || this.#unseen.has(key)
  }

  #stored(pod: Pod, key: string): Claim | undefined {
    const { namespace } = pod.metadata
    return this.#claims.get({ namespace, name: key.slice(namespace.length + 1) })
  }

  /** A pod that went gives nothing back by itself: its claims are held until the API server shows them free. */
  asStored(pod: Pod): void {
    for (const key of this.#keysOf(pod)) {
      const stored = this.#stored(pod, key)
      if (stored !== undefined && !this.#isOurs(key)) this.state.setClaim(stored)
    }
  }

  /** Writes allocations and reservations of the pod's claims, as the state has them. @throws {KubeError} */
  async bind(pod: Pod): Promise<void> {
    const { namespace } = pod.metadata
    for (const key of this.#keysOf(pod)) {
      const name = key.slice(namespace.length + 1)
      const planned = this.state.claim(namespace, name)
      if (planned !== undefined) await this.#write(pod, planned)
    }
  }

  /** The pod could not be bound after all: its claims keep their devices for whoever comes, or until they are given back. */
  async unreserve(pod: Pod): Promise<void> {
    const { namespace, uid } = pod.metadata
    for (const key of this.#keysOf(pod)) {
      try {
        const claim = await this.#kube.get(ResourceClaims, { namespace, name: key.slice(namespace.length + 1) })
        const { reservedFor = [] } = claim.status ?? {}
        const others = reservedFor.filter((consumer) => consumer.uid !== uid)
        if (others.length === reservedFor.length) continue
        const status = { ...claim.status, reservedFor: others.length === 0 ? undefined : others }
        await this.#kube.replace(ResourceClaims, { ...claim, status }, { subresource: 'status' })
      } catch (error) {
        // The next try writes anew, and the claim controller drops reservations of pods that are gone.
        if (!(error instanceof KubeError)) throw error
      }
    }
  }

  async #write(pod: Pod, planned: Claim): Promise<void> {
    const { namespace, name } = planned.metadata
    for (let tries = 1; ; tries++) {
      let claim = await this.#kube.get(ResourceClaims, { namespace, name })
      try {
        const allocates = claim.status?.allocation === undefined
        if (allocates && !(claim.metadata.finalizers ?? []).includes(finalizer)) {
          const finalizers = [...(claim.metadata.finalizers ?? []), finalizer]
          claim = await this.#kube.replace(ResourceClaims, { ...claim, metadata: { ...claim.metadata, finalizers } })
        }
        const { reservedFor = [] } = claim.status ?? {}
        const { uid } = pod.metadata
        const reserved = reservedFor.some((consumer) => consumer.uid === uid)
        if (!allocates && reserved) return
        const status = {
          ...claim.status,
          allocation: claim.status?.allocation ?? planned.status?.allocation,
          reservedFor: reserved ? reservedFor : [...reservedFor, { resource: 'pods', name: pod.metadata.name, uid }],
        }
        await this.#kube.replace(ResourceClaims, { ...claim, status }, { subresource: 'status' })
        return
      } catch (error) {
        if (!isKubeFailure(error, 'conflict') || tries >= triesMax) throw error
      }
    }
  }

  #keysOf(pod: Pod): string[] {
    const { namespace } = pod.metadata
    return (pod.spec.resourceClaims ?? []).flatMap((entry) => {
      const made = pod.status?.resourceClaimStatuses?.find(({ name }) => name === entry.name)
      const name = entry.resourceClaimName ?? made?.resourceClaimName
      return name === undefined ? [] : [keyText({ namespace, name })]
    })
  }
}
