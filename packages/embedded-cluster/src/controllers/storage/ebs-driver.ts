// The EBS CSI driver's controller with its sidecars: makes volumes for claims, grows and deletes them, attaches and detaches
// them (kubernetes-csi/external-provisioner, external-resizer and external-attacher; kubernetes-sigs/aws-ebs-csi-driver).
import {
  compareQuantities,
  keyText,
  parseQuantity,
  PersistentVolumeClaims,
  PersistentVolumes,
  timestamp,
  VolumeAttachments,
  type Json,
  type Ms,
  type PersistentVolumeClaimCondition,
  type PersistentVolume,
  type PersistentVolumeClaim,
  type StorageClass,
  type VolumeAttachment,
} from '@plimsoll/model'
import { hex, ignoreNotFound, isKubeFailure, type KubeApi, type Random } from '@plimsoll/ports'
import type { EventRecorder, Reconciler } from '@plimsoll/runtime'
import { storageClassOf } from '@plimsoll/engine'
import { onChange } from '../../caches.ts'
import { splitKey } from '../../machinery/reference.ts'
import type { Timing } from '../../timing.ts'
import { recorderFor, syncing, type Controller, type ControllerContext } from '../controller.ts'
import { sizeOfClaim } from './volume-match.ts'
import { ebsDriver, ebsInTree, provisionedBy, selectedNode, storageProvisioner } from './volume-names.ts'

const zoneLabel = 'topology.kubernetes.io/zone'
/** What classes may call the zone besides: the driver's own name, and the one before. */
const zoneNames = new Set([zoneLabel, 'topology.ebs.csi.aws.com/zone', 'failure-domain.beta.kubernetes.io/zone'])
const provisionerFinalizer = 'external-provisioner.volume.kubernetes.io/finalizer'
const attacherFinalizer = 'external-attacher/ebs-csi-aws-com'
const gibibyte = 1n << 30n
const nano = 1_000_000_000n

export class EbsDriver implements Controller {
  readonly #context: ControllerContext
  readonly #kube: KubeApi
  readonly #provisioner: EventRecorder
  readonly #resizer: EventRecorder
  readonly #kubelet: EventRecorder
  readonly #claims: Reconciler<string>
  readonly #volumes: Reconciler<string>
  readonly #attachments: Reconciler<string>
  readonly #timing: Timing
  #signal: AbortSignal = AbortSignal.abort()

  constructor(context: ControllerContext, kube: KubeApi, timing: Timing) {
    this.#context = context
    this.#timing = timing
    this.#kube = kube
    this.#provisioner = recorderFor(context, kube, ebsDriver)
    this.#resizer = recorderFor(context, kube, `external-resizer ${ebsDriver}`)
    this.#kubelet = recorderFor(context, kube, 'kubelet')
    const workers = 10
    this.#claims = syncing(context, 'ebs-claims', (key) => this.#syncClaim(key), workers)
    this.#volumes = syncing(context, 'ebs-volumes', (name) => this.#syncVolume(name), workers)
    this.#attachments = syncing(context, 'ebs-attachments', (name) => this.#syncAttachment(name), workers)
    const { caches } = context
    onChange(caches.claims, (now) => {
      if (now !== undefined) this.#claims.add(keyText(now.metadata))
    })
    onChange(caches.volumes, (now) => {
      if (now !== undefined) this.#volumes.add(now.metadata.name)
    })
    onChange(caches.attachments, (now, was) => {
      if (now !== undefined) this.#attachments.add(now.metadata.name)
      // A volume that is to go waits for the machine to let it go.
      else if (was?.spec.source.persistentVolumeName !== undefined)
        this.#volumes.add(was.spec.source.persistentVolumeName)
    })
  }

  async run(signal: AbortSignal): Promise<void> {
    this.#signal = signal
    await Promise.all([this.#claims.run(signal), this.#volumes.run(signal), this.#attachments.run(signal)])
  }

  async #syncClaim(key: string): Promise<void> {
    const { caches } = this.#context
    const claim = caches.claims.get(splitKey(key))
    if (claim === undefined || claim.metadata.deletionTimestamp !== undefined) return
    const volumeName = claim.spec.volumeName ?? ''
    if (volumeName !== '') {
      await this.#resize(claim, volumeName)
      return
    }
    if (claim.metadata.annotations?.[storageProvisioner] !== ebsDriver) return
    const storage = caches.storageClasses.get({ name: storageClassOf(claim) })
    if (storage === undefined) return
    const nodeName = claim.metadata.annotations[selectedNode]
    if (storage.volumeBindingMode === 'WaitForFirstConsumer' && nodeName === undefined) return
    await this.#provision(claim, storage, nodeName)
  }

  async #provision(claim: PersistentVolumeClaim, storage: StorageClass, nodeName: string | undefined): Promise<void> {
    const { namespace, name, uid, resourceVersion } = claim.metadata
    const volumeName = `pvc-${uid}`
    if (this.#context.caches.volumes.get({ name: volumeName }) !== undefined) return
    const about = keyText({ namespace, name })
    const begun = `External provisioner is provisioning volume for claim "${about}"`
    this.#provisioner.event(claim, 'Normal', 'Provisioning', begun)
    const random = this.#context.random.split(`volume/${uid}`)
    await this.#sleep(this.#timing.volume(random))
    const zone = this.#zoneFor(storage, nodeName, random)
    if (zone === undefined) {
      const why = `failed to provision volume with StorageClass "${storage.metadata.name}": error generating accessibility requirements: no available topology found`
      this.#provisioner.event(claim, 'Warning', 'ProvisioningFailed', why)
      throw new Error(why)
    }
    const required = {
      nodeSelectorTerms: [{ matchExpressions: [{ key: zoneLabel, operator: 'In', values: [zone] }] }],
    }
    try {
      await this.#kube.create(PersistentVolumes, {
        metadata: {
          name: volumeName,
          annotations: { [provisionedBy]: ebsDriver },
          finalizers: [provisionerFinalizer],
        },
        spec: {
          capacity: { storage: inGibibytes(sizeOfClaim(claim)) },
          accessModes: claim.spec.accessModes,
          persistentVolumeReclaimPolicy: storage.reclaimPolicy ?? 'Delete',
          storageClassName: storage.metadata.name,
          volumeMode: claim.spec.volumeMode ?? 'Filesystem',
          mountOptions: storage.mountOptions,
          volumeAttributesClassName: claim.spec.volumeAttributesClassName,
          claimRef: { apiVersion: 'v1', kind: 'PersistentVolumeClaim', namespace, name, uid, resourceVersion },
          csi: {
            driver: ebsDriver,
            volumeHandle: `vol-0${hex(random, 16)}`,
            ...(claim.spec.volumeMode === 'Block' ? {} : { fsType: fileSystemOf(storage) }),
            volumeAttributes: {
              'storage.kubernetes.io/csiProvisionerIdentity': `${this.#context.clock.now()}-${random.below(9000) + 1000}-${ebsDriver}`,
            },
          },
          nodeAffinity: { required },
        },
      })
    } catch (error) {
      if (!isKubeFailure(error, 'alreadyExists')) throw error
    }
    this.#provisioner.event(claim, 'Normal', 'ProvisioningSucceeded', `Successfully provisioned volume ${volumeName}`)
  }

  /** A volume of EBS stays in one zone: that of the node that was chosen, or one that the class allows. */
  #zoneFor(storage: StorageClass, nodeName: string | undefined, random: Random): string | undefined {
    const { nodes } = this.#context.caches
    if (nodeName !== undefined) return nodes.get({ name: nodeName })?.metadata.labels?.[zoneLabel]
    const allowed = (storage.allowedTopologies ?? []).flatMap(({ matchLabelExpressions = [] }) =>
      matchLabelExpressions.filter(({ key }) => zoneNames.has(key)).flatMap(({ values }) => values),
    )
    const present = nodes.items().flatMap(({ metadata }) => metadata.labels?.[zoneLabel] ?? [])
    const zones = [...new Set(allowed.length > 0 ? allowed : present)].sort()
    return zones.length === 0 ? undefined : zones[random.below(zones.length)]
  }

  /** The claim asks for more than it has: the volume grows, then the file system on it. */
  async #resize(claim: PersistentVolumeClaim, volumeName: string): Promise<void> {
    if (claim.status?.phase !== 'Bound') return
    const wanted = sizeOfClaim(claim)
    if (compareQuantities(wanted, claim.status.capacity?.['storage'] ?? 0) <= 0) return
    const volume = this.#context.caches.volumes.get({ name: volumeName })
    if (volume?.spec?.csi?.driver !== ebsDriver) return
    const { clock, caches } = this.#context
    const size = inGibibytes(wanted)
    const condition = (type: string, message?: string): PersistentVolumeClaimCondition => ({
      type,
      status: 'True',
      lastTransitionTime: timestamp(clock.now()),
      ...(message === undefined ? {} : { message }),
    })
    let current = claim
    if (compareQuantities(volume.spec.capacity?.['storage'] ?? 0, wanted) < 0) {
      this.#resizer.event(claim, 'Normal', 'Resizing', `External resizer is resizing volume ${volumeName}`)
      current = await this.#writeConditions(claim, [condition('Resizing')])
      await this.#sleep(this.#timing.volume(this.#context.random.split(`resize/${claim.metadata.uid}/${size}`)))
      const body = { spec: { capacity: { storage: size } } }
      await this.#kube.patch(PersistentVolumes, { name: volumeName }, { type: 'merge', body })
    }
    const users = caches.pods.byIndex('claim', keyText(claim.metadata)).filter((pod) => pod.status?.phase === 'Running')
    const waiting = 'Waiting for user to (re-)start a pod to finish file system resize of volume on node.'
    if (users.length === 0) {
      if (claim.status.conditions?.some(({ type }) => type === 'FileSystemResizePending') === true) return
      const text = 'Require file system resize of volume on node'
      this.#resizer.event(claim, 'Normal', 'FileSystemResizeRequired', text)
      await this.#writeConditions(current, [condition('FileSystemResizePending', waiting)])
      return
    }
    const done = `MountVolume.NodeExpandVolume succeeded for volume "${volumeName}" `
    for (const subject of [...users, claim]) {
      this.#kubelet.event(subject, 'Normal', 'FileSystemResizeSuccessful', done)
    }
    await this.#patchStatus(current, { capacity: { storage: size }, conditions: null })
  }

  #sleep(delay: Ms): Promise<void> {
    return this.#context.clock.sleep(delay, this.#signal)
  }

  #writeConditions(
    claim: PersistentVolumeClaim,
    conditions: readonly PersistentVolumeClaimCondition[],
  ): Promise<PersistentVolumeClaim> {
    return this.#patchStatus(claim, { conditions: conditions as unknown as Json })
  }

  #patchStatus(claim: PersistentVolumeClaim, status: Json): Promise<PersistentVolumeClaim> {
    const { namespace, name } = claim.metadata
    const patch = { type: 'merge', body: { status } } as const
    return this.#kube.patch(PersistentVolumeClaims, { namespace, name }, patch, { subresource: 'status' })
  }

  /** A volume that is no longer wanted goes, once no machine has it. */
  async #syncVolume(name: string): Promise<void> {
    const { caches } = this.#context
    const volume = caches.volumes.get({ name })
    if (volume === undefined || !isOurs(volume)) return
    const unwanted =
      volume.metadata.deletionTimestamp !== undefined ||
      (volume.status?.phase === 'Released' && volume.spec?.persistentVolumeReclaimPolicy === 'Delete')
    if (!unwanted || volume.status?.phase === 'Bound') return
    const attached = caches.attachments.byIndex('volume', name)
    if (attached.length > 0) {
      const message = `persistentvolume ${name} is still attached to node ${attached[0]!.spec.nodeName}`
      this.#provisioner.event(volume, 'Warning', 'VolumeFailedDelete', message)
      return
    }
    await this.#sleep(this.#timing.volume(this.#context.random.split(`delete/${volume.metadata.uid}`)))
    await this.#kube.remove(PersistentVolumes, { name }).catch(ignoreNotFound)
    await this.#dropFinalizer(PersistentVolumes, name, provisionerFinalizer)
  }

  async #syncAttachment(name: string): Promise<void> {
    const attachment = this.#context.caches.attachments.get({ name })
    if (attachment === undefined || attachment.spec.attacher !== ebsDriver) return
    const held = attachment.metadata.finalizers?.includes(attacherFinalizer) === true
    if (attachment.metadata.deletionTimestamp !== undefined) {
      if (!held) return
      await this.#sleep(this.#attachTime(attachment, 'detach'))
      await this.#dropFinalizer(VolumeAttachments, name, attacherFinalizer)
      return
    }
    if (attachment.status?.attached === true) return
    if (!held) {
      const finalizers = [...(attachment.metadata.finalizers ?? []), attacherFinalizer]
      const body = { metadata: { finalizers, resourceVersion: attachment.metadata.resourceVersion } }
      await this.#kube.patch(VolumeAttachments, { name }, { type: 'merge', body })
    }
    await this.#sleep(this.#attachTime(attachment, 'attach'))
    const body = { status: { attached: true, attachmentMetadata: { devicePath: '/dev/xvdaa' } } }
    await this.#kube
      .patch(VolumeAttachments, { name }, { type: 'merge', body }, { subresource: 'status' })
      .catch(ignoreNotFound)
  }

  #attachTime(attachment: VolumeAttachment, what: 'attach' | 'detach'): Ms {
    return this.#timing.attachment(this.#context.random.split(`${what}/${attachment.metadata.uid}`))
  }

  async #dropFinalizer(
    type: typeof PersistentVolumes | typeof VolumeAttachments,
    name: string,
    finalizer: string,
  ): Promise<void> {
    for (;;) {
      try {
        const object = await this.#kube.get<PersistentVolume | VolumeAttachment>(type as typeof PersistentVolumes, {
          name,
        })
        const finalizers = (object.metadata.finalizers ?? []).filter((text) => text !== finalizer)
        const body = { metadata: { finalizers, resourceVersion: object.metadata.resourceVersion } }
        await this.#kube.patch(type as typeof PersistentVolumes, { name }, { type: 'merge', body })
        return
      } catch (error) {
        if (isKubeFailure(error, 'notFound')) return
        if (!isKubeFailure(error, 'conflict')) throw error
      }
    }
  }
}

function isOurs(volume: PersistentVolume): boolean {
  const by = volume.metadata.annotations?.[provisionedBy]
  return by === ebsDriver || by === ebsInTree
}

function fileSystemOf({ parameters }: StorageClass): string {
  return parameters?.['csi.storage.k8s.io/fstype'] ?? parameters?.['fsType'] ?? 'ext4'
}

/** EBS sells whole gibibytes. */
function inGibibytes(size: string | number): string {
  const asked = parseQuantity(size)?.nano ?? 0n
  const step = gibibyte * nano
  const whole = (asked + step - 1n) / step
  return `${whole === 0n ? 1n : whole}Gi`
}
