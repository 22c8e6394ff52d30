// Asks for volumes to be attached to the nodes of their pods, and let go when the pods went
// (kubernetes/kubernetes:pkg/controller/volume/attachdetach). Drivers carry it out.
import {
  ms,
  VolumeAttachments,
  type Ms,
  type Node,
  type PersistentVolume,
  type Pod,
  type VolumeAttachment,
} from '@plimsoll/model'
import { ignoreNotFound, isKubeFailure, type KubeApi } from '@plimsoll/ports'
import type { EventRecorder, Reconciler } from '@plimsoll/runtime'
import { onChange } from '../../caches.ts'
import { claimNames, isPodFinished } from '../../pods.ts'
import { attachmentName } from '../../machinery/attachment-name.ts'
import { podReference } from '../../machinery/reference.ts'
import { isNodeReady } from '../../nodes.ts'
import { recorderFor, syncing, type Controller, type ControllerContext } from '../controller.ts'

/** A node that is not ready is not trusted to have let go of a volume until so long after it was asked to. */
const unmountWaitMax = ms(6 * 60_000)
const outOfServiceTaint = 'node.kubernetes.io/out-of-service'

export class AttachDetachController implements Controller {
  readonly #context: ControllerContext
  readonly #kube: KubeApi
  readonly #events: EventRecorder
  /** By name of the volume. */
  readonly #loop: Reconciler<string>
  /** Since when an attachment is no longer wanted, by its name. */
  readonly #unwantedSince = new Map<string, Ms>()
  /** Pods that were told that their volume is in use elsewhere, by uid. */
  readonly #told = new Set<string>()

  constructor(context: ControllerContext) {
    this.#context = context
    this.#kube = context.kube('attachdetach-controller')
    this.#events = recorderFor(context, this.#kube, 'attachdetach-controller')
    this.#loop = syncing(context, 'attachdetach', (name) => this.#sync(name))
    const { caches } = context
    onChange(caches.pods, (now, was) => {
      const pod = now ?? was!
      if (pod.spec.volumes === undefined) return
      if (now === undefined) this.#told.delete(pod.metadata.uid)
      const placed = (one: Pod | undefined): string =>
        one === undefined || isPodFinished(one) ? '' : (one.spec.nodeName ?? '')
      if (placed(now) === placed(was)) return
      for (const name of claimNames(pod)) {
        const claim = caches.claims.get({ namespace: pod.metadata.namespace, name })
        if ((claim?.spec.volumeName ?? '') !== '') this.#loop.add(claim!.spec.volumeName!)
      }
    })
    onChange(caches.claims, (now, was) => {
      const name = now?.spec.volumeName ?? ''
      if (name !== '' && (was === undefined || was.status?.phase !== now?.status?.phase)) this.#loop.add(name)
    })
    onChange(caches.volumes, (now, was) => {
      const { name } = (now ?? was!).metadata
      if (now?.status?.phase !== was?.status?.phase) this.#loop.add(name)
    })
    onChange(caches.attachments, (now, was) => {
      const name = (now ?? was!).spec.source.persistentVolumeName
      if (name !== undefined) this.#loop.add(name)
      if (now !== undefined && now.status?.attached === true && was?.status?.attached !== true) this.#sayAttached(now)
    })
    onChange(caches.nodes, (now, was) => {
      const wasReady = was !== undefined && isNodeReady(was)
      if (now !== undefined && was !== undefined && wasReady === isNodeReady(now) && now.spec === was.spec) return
      for (const { spec } of caches.attachments.byIndex('node', (now ?? was!).metadata.name)) {
        if (spec.source.persistentVolumeName !== undefined) this.#loop.add(spec.source.persistentVolumeName)
      }
    })
  }

  run(signal: AbortSignal): Promise<void> {
    return this.#loop.run(signal)
  }

  async #sync(name: string): Promise<Ms | undefined> {
    const { caches, clock } = this.#context
    const volume = caches.volumes.get({ name })
    const attachments = caches.attachments.byIndex('volume', name)
    const users = volume === undefined ? [] : this.#usersOf(volume)
    const wanted = new Set(users.map((pod) => pod.spec.nodeName!))
    let again: Ms | undefined
    for (const attachment of attachments) {
      const { name: id, deletionTimestamp } = attachment.metadata
      if (wanted.has(attachment.spec.nodeName) || deletionTimestamp !== undefined) {
        this.#unwantedSince.delete(id)
        continue
      }
      const since = this.#unwantedSince.get(id) ?? clock.now()
      const wait = this.#mayLetGo(attachment) ? 0 : since + unmountWaitMax - clock.now()
      if (wait > 0) {
        this.#unwantedSince.set(id, since)
        again = ms(Math.min(again ?? Infinity, wait))
        continue
      }
      this.#unwantedSince.delete(id)
      await this.#kube.remove(VolumeAttachments, { name: id }).catch(ignoreNotFound)
    }
    if (volume?.spec?.csi === undefined) return again
    for (const nodeName of [...wanted].sort()) {
      if (attachments.some(({ spec }) => spec.nodeName === nodeName)) continue
      const elsewhere = attachments.filter(({ spec }) => spec.nodeName !== nodeName)
      if (elsewhere.length > 0 && isExclusive(volume)) this.#sayInUse(volume, users, nodeName)
      else await this.#attach(volume, nodeName)
    }
    return again
  }

  /** Pods on nodes that use the volume and have not finished. */
  #usersOf(volume: PersistentVolume): readonly Pod[] {
    const reference = volume.spec?.claimRef
    if (reference === undefined || volume.status?.phase !== 'Bound') return []
    return this.#context.caches.pods
      .byIndex('claim', `${reference.namespace ?? ''}/${reference.name ?? ''}`)
      .filter((pod) => (pod.spec.nodeName ?? '') !== '' && !isPodFinished(pod))
  }

  /** Whether the node can be trusted to have unmounted what no pod of it uses. */
  #mayLetGo({ spec, status }: VolumeAttachment): boolean {
    const node: Node | undefined = this.#context.caches.nodes.get({ name: spec.nodeName })
    if (status?.attached !== true) return true
    if (node === undefined) return false
    return isNodeReady(node) || (node.spec.taints ?? []).some(({ key }) => key === outOfServiceTaint)
  }

  async #attach(volume: PersistentVolume, nodeName: string): Promise<void> {
    const { driver, volumeHandle } = volume.spec!.csi!
    try {
      await this.#kube.create(VolumeAttachments, {
        apiVersion: 'storage.k8s.io/v1',
        kind: 'VolumeAttachment',
        metadata: { name: attachmentName(volumeHandle, driver, nodeName) },
        spec: { attacher: driver, nodeName, source: { persistentVolumeName: volume.metadata.name } },
      })
    } catch (error) {
      if (!isKubeFailure(error, 'alreadyExists')) throw error
    }
  }

  #sayAttached({ spec }: VolumeAttachment): void {
    const name = spec.source.persistentVolumeName
    const volume = name === undefined ? undefined : this.#context.caches.volumes.get({ name })
    if (volume === undefined) return
    for (const pod of this.#usersOf(volume)) {
      if (pod.spec.nodeName !== spec.nodeName) continue
      const message = `AttachVolume.Attach succeeded for volume "${name}" `
      this.#events.event(podReference(pod), 'Normal', 'SuccessfulAttachVolume', message)
    }
  }

  #sayInUse(volume: PersistentVolume, users: readonly Pod[], nodeName: string): void {
    const others = users.filter((pod) => pod.spec.nodeName !== nodeName)
    for (const pod of users) {
      if (pod.spec.nodeName !== nodeName || this.#told.has(pod.metadata.uid)) continue
      this.#told.add(pod.metadata.uid)
      const near = others
        .filter(({ metadata }) => metadata.namespace === pod.metadata.namespace)
        .map(({ metadata }) => metadata.name)
      const why =
        near.length === 0
          ? "Volume is already exclusively attached to one node and can't be attached to another"
          : `Volume is already used by pod(s) ${near.join(', ')}`
      const message = `Multi-Attach error for volume "${volume.metadata.name}" ${why}`
      this.#events.event(podReference(pod), 'Warning', 'FailedAttachVolume', message)
    }
  }
}

/** May hang on one node at a time. */
function isExclusive({ spec }: PersistentVolume): boolean {
  return !(spec?.accessModes ?? []).some((mode) => mode === 'ReadWriteMany' || mode === 'ReadOnlyMany')
}
