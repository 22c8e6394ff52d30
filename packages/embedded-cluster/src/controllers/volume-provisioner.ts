// Makes the volumes that claims ask for and binds them, as the EBS CSI driver and the volume controller do together
// (kubernetes/kubernetes:pkg/controller/volume/persistentvolume; kubernetes-csi/external-provisioner).
import {
  PersistentVolumeClaims,
  PersistentVolumes,
  StorageClasses,
  type PersistentVolume,
  type PersistentVolumeClaim,
  type StorageClass,
} from '@plimsoll/model'
import { hex, ignoreNotFound, isKubeFailure, type KubeApi } from '@plimsoll/ports'
import type { EventRecorder, Reconciler } from '@plimsoll/runtime'
import { onChange } from '../caches.ts'
import { Lifetime } from '../machinery/lifetime.ts'
import { keyOfObject, splitKey } from '../machinery/reference.ts'
import type { Timing } from '../timing.ts'
import { recorderFor, syncing, type Controller, type ControllerContext } from './controller.ts'

const selectedNode = 'volume.kubernetes.io/selected-node'
const zoneLabel = 'topology.kubernetes.io/zone'
const driver = 'ebs.csi.aws.com'
/** The old name of the same provisioner, which classes may still carry. */
const provisioners = new Set([driver, 'kubernetes.io/aws-ebs'])
const defaultClass = 'storageclass.kubernetes.io/is-default-class'

export class VolumeProvisioner implements Controller {
  readonly #context: ControllerContext
  readonly #kube: KubeApi
  readonly #controller: EventRecorder
  readonly #provisioner: EventRecorder
  readonly #loop: Reconciler<string>
  readonly #life: Lifetime
  readonly #timing: Timing

  constructor(context: ControllerContext, timing: Timing) {
    this.#context = context
    this.#timing = timing
    this.#kube = context.kube('persistent-volume-binder')
    this.#controller = recorderFor(context, this.#kube, 'persistentvolume-controller')
    this.#provisioner = recorderFor(context, this.#kube, driver)
    this.#life = new Lifetime(context.clock)
    this.#loop = syncing(context, 'persistentvolume', (key) => this.#sync(key))
    onChange(context.caches.claims, (now, was) => {
      if (now !== undefined) this.#loop.add(keyOfObject(now))
      else if ((was?.spec?.volumeName ?? '') !== '') this.#loop.add(`/${was!.spec!.volumeName!}`)
    })
  }

  async run(signal: AbortSignal): Promise<void> {
    signal.addEventListener('abort', () => this.#life.end(), { once: true })
    await this.#loop.run(signal)
  }

  async #sync(key: string): Promise<void> {
    const { namespace, name } = splitKey(key)
    if (namespace === '') {
      await this.#reclaim(name)
      return
    }
    const claim = this.#context.caches.claims.get({ namespace, name })
    if (claim === undefined || claim.metadata.deletionTimestamp !== undefined) return
    if (claim.status?.phase === 'Bound') return
    const wanted = claim.spec?.volumeName ?? ''
    if (wanted !== '') {
      await this.#bindTo(claim, wanted)
      return
    }
    const storage = await this.#classOf(claim)
    if (claim.spec?.storageClassName === undefined && storage !== undefined) return
    if (storage === undefined) {
      const message = 'no persistent volumes available for this claim and no storage class is set'
      this.#controller.event(claim, 'Normal', 'FailedBinding', message)
      return
    }
    const node = claim.metadata.annotations?.[selectedNode]
    if (storage.volumeBindingMode === 'WaitForFirstConsumer' && node === undefined) {
      const message = 'waiting for first consumer to be created before binding'
      this.#controller.event(claim, 'Normal', 'WaitForFirstConsumer', message)
      return
    }
    if (!provisioners.has(storage.provisioner)) {
      const message = `Waiting for a volume to be created either by the external provisioner '${storage.provisioner}' or manually by the system administrator. If volume creation is delayed, please verify that the provisioner is running and correctly registered.`
      this.#controller.event(claim, 'Normal', 'ExternalProvisioning', message)
      return
    }
    await this.#provision(claim, storage, node)
  }

  async #classOf(claim: PersistentVolumeClaim): Promise<StorageClass | undefined> {
    const name = claim.spec?.storageClassName
    // An empty name asks for a volume that somebody makes by hand.
    if (name === '') return undefined
    if (name === undefined) return this.#giveDefaultClass(claim)
    try {
      return await this.#kube.get(StorageClasses, { name })
    } catch (error) {
      if (!isKubeFailure(error, 'notFound')) throw error
      this.#controller.event(claim, 'Warning', 'ProvisioningFailed', `storageclass.storage.k8s.io "${name}" not found`)
      return undefined
    }
  }

  /** Claims that name no class get the default one, also after the fact; the change brings us back. */
  async #giveDefaultClass(claim: PersistentVolumeClaim): Promise<StorageClass | undefined> {
    const { items } = await this.#kube.list(StorageClasses)
    const storage = items.find((item) => item.metadata.annotations?.[defaultClass] === 'true')
    if (storage === undefined) return undefined
    const spec = { ...claim.spec, storageClassName: storage.metadata.name }
    await this.#kube.replace(PersistentVolumeClaims, { ...claim, spec })
    return storage
  }

  async #provision(claim: PersistentVolumeClaim, storage: StorageClass, nodeName: string | undefined): Promise<void> {
    const { namespace, name, uid } = claim.metadata
    const random = this.#context.random.split(`volume/${namespace}/${name}`)
    const volumeName = `pvc-${uid}`
    const about = `${namespace}/${name}`
    this.#provisioner.event(
      claim,
      'Normal',
      'Provisioning',
      `External provisioner is provisioning volume for claim "${about}"`,
    )
    await this.#life.sleep(this.#timing.volume(random))
    const zone = this.#zoneOf(nodeName)
    const size = claim.spec?.resources?.requests?.['storage'] ?? '1Gi'
    try {
      await this.#kube.create(PersistentVolumes, {
        metadata: {
          name: volumeName,
          annotations: { 'pv.kubernetes.io/provisioned-by': driver },
        },
        spec: {
          capacity: { storage: size },
          accessModes: claim.spec?.accessModes,
          persistentVolumeReclaimPolicy: storage.reclaimPolicy ?? 'Delete',
          storageClassName: storage.metadata.name,
          volumeMode: claim.spec?.volumeMode ?? 'Filesystem',
          claimRef: { apiVersion: 'v1', kind: 'PersistentVolumeClaim', namespace, name, uid },
          csi: { driver, volumeHandle: `vol-0${hex(random, 16)}`, fsType: 'ext4' },
          ...(zone === undefined
            ? {}
            : {
                nodeAffinity: {
                  required: {
                    nodeSelectorTerms: [{ matchExpressions: [{ key: zoneLabel, operator: 'In', values: [zone] }] }],
                  },
                },
              }),
        },
      })
    } catch (error) {
      if (!isKubeFailure(error, 'alreadyExists')) throw error
    }
    this.#provisioner.event(claim, 'Normal', 'ProvisioningSucceeded', `Successfully provisioned volume ${volumeName}`)
    const current = this.#context.caches.claims.get({ namespace, name })
    if (current !== undefined && current.metadata.uid === uid) await this.#bindTo(current, volumeName)
  }

  /** A volume of EBS stays in the zone of the node for which it was made. */
  #zoneOf(nodeName: string | undefined): string | undefined {
    const { nodes } = this.#context.caches
    const node = nodeName === undefined ? nodes.items()[0] : nodes.get({ name: nodeName })
    return node?.metadata.labels?.[zoneLabel]
  }

  async #bindTo(claim: PersistentVolumeClaim, volumeName: string): Promise<void> {
    let volume: PersistentVolume
    try {
      volume = await this.#kube.get(PersistentVolumes, { name: volumeName })
    } catch (error) {
      ignoreNotFound(error)
      return
    }
    const { namespace, name, uid } = claim.metadata
    const reference = volume.spec?.claimRef
    if (reference !== undefined && (reference.namespace !== namespace || reference.name !== name)) return
    if (reference?.uid !== uid) {
      const claimRef = { apiVersion: 'v1', kind: 'PersistentVolumeClaim', namespace, name, uid }
      volume = await this.#kube.replace(PersistentVolumes, { ...volume, spec: { ...volume.spec, claimRef } })
    }
    if (volume.status?.phase !== 'Bound') {
      const status = { ...volume.status, phase: 'Bound' }
      await this.#kube.replace(PersistentVolumes, { ...volume, status }, { subresource: 'status' })
    }
    const bound = await this.#kube.replace(PersistentVolumeClaims, {
      ...claim,
      metadata: {
        ...claim.metadata,
        annotations: {
          ...claim.metadata.annotations,
          'pv.kubernetes.io/bind-completed': 'yes',
          'pv.kubernetes.io/bound-by-controller': 'yes',
        },
      },
      spec: { ...claim.spec, volumeName },
    })
    const status = { phase: 'Bound', accessModes: volume.spec?.accessModes, capacity: volume.spec?.capacity }
    await this.#kube.replace(PersistentVolumeClaims, { ...bound, status }, { subresource: 'status' })
  }

  /** The claim is gone: its volume goes too, or stays released. */
  async #reclaim(volumeName: string): Promise<void> {
    try {
      const volume = await this.#kube.get(PersistentVolumes, { name: volumeName })
      if (volume.spec?.persistentVolumeReclaimPolicy === 'Delete') {
        await this.#kube.remove(PersistentVolumes, { name: volumeName })
        return
      }
      const status = { ...volume.status, phase: 'Released' }
      await this.#kube.replace(PersistentVolumes, { ...volume, status }, { subresource: 'status' })
    } catch (error) {
      ignoreNotFound(error)
    }
  }
}
