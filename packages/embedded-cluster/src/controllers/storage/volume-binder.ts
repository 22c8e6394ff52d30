// Brings claims and volumes together and lets go of volumes whose claims went
// (kubernetes/kubernetes:pkg/controller/volume/persistentvolume/pv_controller.go). Makes no volumes: drivers do.
import { storageClassOf, waitsForConsumer } from '@plimsoll/engine'
import {
  compareQuantities,
  keyText,
  ms,
  PersistentVolumeClaims,
  PersistentVolumes,
  timestamp,
  type Ms,
  type PersistentVolume,
  type PersistentVolumeClaim,
  type StorageClass,
} from '@plimsoll/model'
import type { KubeApi } from '@plimsoll/ports'
import type { EventRecorder, Reconciler } from '@plimsoll/runtime'
import { onChange } from '../../caches.ts'
import { splitKey } from '../../machinery/reference.ts'
import { isPodFinished } from '../../pods.ts'
import { recorderFor, syncing, type Controller, type ControllerContext } from '../controller.ts'
import { bestVolume, isMadeFor, mismatch, sameMode } from './volume-match.ts'
import {
  betaStorageProvisioner,
  bindCompleted,
  boundByController,
  defaultClass,
  ebsDriver,
  ebsInTree,
  provisionedBy,
  selectedNode,
  storageProvisioner,
} from './volume-names.ts'

type Claim = PersistentVolumeClaim
type Volume = PersistentVolume

/** --pvclaimbinder-sync-period: claims without a volume are looked at again so often. */
const syncPeriod = ms(15_000)

export class VolumeBinder implements Controller {
  readonly #context: ControllerContext
  readonly #kube: KubeApi
  readonly #events: EventRecorder
  readonly #claims: Reconciler<string>
  readonly #volumes: Reconciler<string>

  constructor(context: ControllerContext) {
    this.#context = context
    this.#kube = context.kube('persistent-volume-binder')
    this.#events = recorderFor(context, this.#kube, 'persistentvolume-controller')
    this.#claims = syncing(context, 'persistentvolumeclaim', (key) => this.#syncClaim(key))
    this.#volumes = syncing(context, 'persistentvolume', (name) => this.#syncVolume(name))
    const { caches } = context
    onChange(caches.claims, (now, was) => {
      if (now !== undefined) this.#claims.add(keyText(now.metadata))
      const volumeName = now?.spec.volumeName ?? was?.spec.volumeName ?? ''
      if (volumeName !== '') this.#volumes.add(volumeName)
    })
    onChange(caches.volumes, (now, was) => {
      if (now !== undefined) this.#volumes.add(now.metadata.name)
      const reference = now?.spec?.claimRef ?? was?.spec?.claimRef
      if (reference?.name !== undefined) this.#claims.add(`${reference.namespace ?? ''}/${reference.name}`)
    })
  }

  async run(signal: AbortSignal): Promise<void> {
    await Promise.all([this.#claims.run(signal), this.#volumes.run(signal)])
  }

  async #syncClaim(key: string): Promise<Ms | undefined> {
    const claim = this.#context.caches.claims.get(splitKey(key))
    if (claim === undefined) return undefined
    if (claim.metadata.annotations?.[bindCompleted] !== undefined) await this.#syncBound(claim)
    else if ((claim.spec.volumeName ?? '') !== '') await this.#syncNamed(claim)
    else await this.#syncUnbound(claim)
    return claim.status?.phase === 'Bound' ? undefined : syncPeriod
  }

  async #syncUnbound(claim: Claim): Promise<void> {
    const { caches } = this.#context
    const waits = waitsForConsumer(claim, { storageClass: (name) => caches.storageClasses.get({ name }) })
    const volume = bestVolume(claim, caches.volumes.items(), waits)
    if (volume !== undefined) {
      await this.#bind(volume, claim)
      return
    }
    if (await this.#giveDefaultClass(claim)) return
    const className = storageClassOf(claim)
    if (waits && claim.metadata.annotations?.[selectedNode] === undefined) this.#sayWaiting(claim)
    else if (className !== '') {
      await this.#provision(claim, className)
      return
    } else {
      const message = 'no persistent volumes available for this claim and no storage class is set'
      this.#events.event(claim, 'Normal', 'FailedBinding', message)
    }
    await this.#writeClaim(claim, 'Pending')
  }

  /** The claim says which volume it wants. */
  async #syncNamed(claim: Claim): Promise<void> {
    const volume = this.#context.caches.volumes.get({ name: claim.spec.volumeName! })
    if (volume === undefined) {
      await this.#writeClaim(claim, 'Pending')
      return
    }
    const { name } = volume.metadata
    if (volume.spec?.claimRef === undefined) {
      const problem = mismatch(volume, claim)
      if (problem === undefined) await this.#bind(volume, claim)
      else {
        const message = `Cannot bind to requested volume ${JSON.stringify(name)}: ${problem}`
        this.#events.event(claim, 'Warning', 'VolumeMismatch', message)
        await this.#writeClaim(claim, 'Pending')
      }
    } else if (isMadeFor(volume, claim)) await this.#bind(volume, claim)
    else {
      const message = `volume ${JSON.stringify(name)} already bound to a different claim.`
      this.#events.event(claim, 'Warning', 'FailedBinding', message)
      await this.#writeClaim(claim, 'Pending')
    }
  }

  /** The claim had its volume; whether it still has. */
  async #syncBound(claim: Claim): Promise<void> {
    const volumeName = claim.spec.volumeName ?? ''
    if (volumeName === '') {
      await this.#lose(
        claim,
        'ClaimLost',
        'Bound claim has lost reference to PersistentVolume. Data on the volume is lost!',
      )
      return
    }
    const volume = this.#context.caches.volumes.get({ name: volumeName })
    if (volume === undefined) {
      await this.#lose(claim, 'ClaimLost', 'Bound claim has lost its PersistentVolume. Data on the volume is lost!')
    } else if (volume.spec?.claimRef === undefined || volume.spec.claimRef.uid === claim.metadata.uid) {
      await this.#bind(volume, claim)
    } else {
      const message = 'Two claims are bound to the same volume, this one is bound incorrectly'
      await this.#lose(claim, 'ClaimMisbound', message)
    }
  }

  async #lose(claim: Claim, reason: string, message: string): Promise<void> {
    if (claim.status?.phase === 'Lost') return
    await this.#writeClaim(claim, 'Lost')
    this.#events.event(claim, 'Warning', reason, message)
  }

  #sayWaiting(claim: Claim): void {
    const waiting = this.#context.caches.pods
      .byIndex('claim', keyText(claim.metadata))
      .filter((pod) => (pod.spec.nodeName ?? '') === '' && !isPodFinished(pod))
      .map((pod) => pod.metadata.name)
    if (waiting.length === 0) {
      const message = 'waiting for first consumer to be created before binding'
      this.#events.event(claim, 'Normal', 'WaitForFirstConsumer', message)
      return
    }
    const whom = waiting.length === 1 ? `pod ${waiting[0]}` : `pods ${waiting.join(',')}`
    this.#events.event(claim, 'Normal', 'WaitForPodScheduled', `waiting for ${whom} to be scheduled`)
  }

  /** Claims that name no class get the default one, also after the fact; the change brings us back. */
  async #giveDefaultClass(claim: Claim): Promise<boolean> {
    if (claim.spec.storageClassName !== undefined || storageClassOf(claim) !== '') return false
    const found = defaultStorageClass(this.#context.caches.storageClasses.items())
    if (found === undefined) return false
    const spec = { ...claim.spec, storageClassName: found.metadata.name }
    await this.#kube.replace(PersistentVolumeClaims, { ...claim, spec })
    return true
  }

  /** Says who is to make the volume. */
  async #provision(claim: Claim, className: string): Promise<void> {
    const storage = this.#context.caches.storageClasses.get({ name: className })
    if (storage === undefined) {
      const message = `storageclass.storage.k8s.io ${JSON.stringify(className)} not found`
      this.#events.event(claim, 'Warning', 'ProvisioningFailed', message)
      return
    }
    const provisioner = storage.provisioner === ebsInTree ? ebsDriver : storage.provisioner
    if (provisioner.startsWith('kubernetes.io/')) {
      const message = `no volume plugin matched name: ${provisioner}`
      this.#events.event(claim, 'Warning', 'ProvisioningFailed', message)
      return
    }
    if (claim.metadata.annotations?.[storageProvisioner] !== provisioner) {
      const annotations = { [betaStorageProvisioner]: provisioner, [storageProvisioner]: provisioner }
      await this.#kube.replace(PersistentVolumeClaims, annotated(claim, annotations))
    }
    const message = `Waiting for a volume to be created either by the external provisioner '${provisioner}' or manually by the system administrator. If volume creation is delayed, please verify that the provisioner is running and correctly registered.`
    this.#events.event(claim, 'Normal', 'ExternalProvisioning', message)
  }

  /** First the volume, then the claim; what is written already is not written again. */
  async #bind(given: Volume, claim: Claim): Promise<void> {
    let volume = given
    const made = isMadeFor(volume, claim)
    if (!made || volume.spec?.claimRef?.uid !== claim.metadata.uid) {
      const { namespace, name, uid, resourceVersion } = claim.metadata
      const claimRef = { kind: 'PersistentVolumeClaim', apiVersion: 'v1', namespace, name, uid, resourceVersion }
      const spoken = made ? volume : annotated(volume, { [boundByController]: 'yes' })
      volume = await this.#kube.replace(PersistentVolumes, { ...spoken, spec: { ...volume.spec, claimRef } })
    }
    volume = await this.#writePhase(volume, 'Bound')
    let bound = claim
    const volumeName = volume.metadata.name
    const marks = {
      ...(claim.metadata.annotations?.[bindCompleted] === undefined ? { [bindCompleted]: 'yes' } : {}),
      ...(claim.spec.volumeName === volumeName ? {} : { [boundByController]: 'yes' }),
    }
    if (Object.keys(marks).length > 0) {
      bound = await this.#kube.replace(PersistentVolumeClaims, {
        ...annotated(claim, marks),
        spec: { ...claim.spec, volumeName },
      })
    }
    await this.#writeClaim(bound, 'Bound', volume)
  }

  async #writeClaim(claim: Claim, phase: string, volume?: Volume): Promise<void> {
    const before = claim.status ?? {}
    const accessModes = volume?.spec?.accessModes
    let capacity = volume === undefined ? undefined : before.capacity
    const whole = volume?.spec?.capacity
    // Later the two may differ while the file system grows.
    if (volume !== undefined && before.phase !== phase) {
      if (compareQuantities(whole?.['storage'] ?? 0, before.capacity?.['storage'] ?? -1) !== 0) capacity = whole
    }
    if (
      before.phase === phase &&
      JSON.stringify(before.accessModes ?? []) === JSON.stringify(accessModes ?? []) &&
      JSON.stringify(before.capacity) === JSON.stringify(capacity)
    )
      return
    const status = { ...before, phase, accessModes, capacity }
    await this.#kube.replace(PersistentVolumeClaims, { ...claim, status }, { subresource: 'status' })
  }

  async #syncVolume(name: string): Promise<undefined> {
    const volume = this.#context.caches.volumes.get({ name })
    if (volume === undefined) return
    const reference = volume.spec?.claimRef
    if (reference === undefined || (reference.uid ?? '') === '') {
      await this.#writePhase(volume, 'Available')
      return
    }
    const claimKey = `${reference.namespace ?? ''}/${reference.name ?? ''}`
    const found = this.#context.caches.claims.get(splitKey(claimKey))
    const claim = found?.metadata.uid === reference.uid ? found : undefined
    if (claim === undefined) {
      await this.#release(volume)
    } else if ((claim.spec.volumeName ?? '') === '') {
      if (sameMode(volume, claim)) this.#claims.add(claimKey)
      else this.#sayModesDiffer(volume, claim)
    } else if (claim.spec.volumeName === name) {
      await this.#writePhase(volume, 'Bound')
    } else if (volume.metadata.annotations?.[provisionedBy] !== undefined && policyOf(volume) === 'Delete') {
      // Made for a claim that found another one meanwhile.
      await this.#release(volume)
    } else {
      await this.#unbind(volume)
    }
  }

  #sayModesDiffer(volume: Volume, claim: Claim): void {
    const [v, c] = [JSON.stringify(volume.metadata.name), JSON.stringify(claim.metadata.name)]
    const ofVolume = `Cannot bind PersistentVolume to requested PersistentVolumeClaim ${c} due to incompatible volumeMode.`
    const ofClaim = `Cannot bind PersistentVolume ${v} to requested PersistentVolumeClaim due to incompatible volumeMode.`
    this.#events.event(volume, 'Warning', 'VolumeMismatch', ofVolume)
    this.#events.event(claim, 'Warning', 'VolumeMismatch', ofClaim)
  }

  async #unbind(volume: Volume): Promise<void> {
    const { [boundByController]: ours, ...others } = volume.metadata.annotations ?? {}
    const claimRef = ours === undefined ? { ...volume.spec!.claimRef!, uid: undefined } : undefined
    const annotations = Object.keys(others).length === 0 ? undefined : others
    const metadata = { ...volume.metadata, ...(ours === undefined ? {} : { annotations }) }
    const freed = await this.#kube.replace(PersistentVolumes, {
      ...volume,
      metadata,
      spec: { ...volume.spec, claimRef },
    })
    await this.#writePhase(freed, 'Available')
  }

  /** The claim went: the volume stays for somebody to look after, or goes as well. */
  async #release(given: Volume): Promise<void> {
    const { phase } = given.status ?? {}
    const volume = phase === 'Released' || phase === 'Failed' ? given : await this.#writePhase(given, 'Released')
    const fail = async (reason: string, message: string): Promise<void> => {
      if (volume.status?.phase === 'Failed') return
      const failed = await this.#writePhase(volume, 'Failed', message)
      this.#events.event(failed, 'Warning', reason, message)
    }
    switch (policyOf(volume)) {
      case 'Retain':
        return
      case 'Recycle':
        await fail('VolumeFailedRecycle', 'No recycler plugin found for the volume!')
        return
      case 'Delete': {
        // Drivers delete what is theirs.
        if (volume.spec?.csi !== undefined || volume.metadata.annotations?.[provisionedBy] !== undefined) return
        if (volume.spec?.awsElasticBlockStore !== undefined) return
        const { name } = volume.metadata
        const message = `error getting deleter volume plugin for volume ${JSON.stringify(name)}: no deletable volume plugin matched`
        await fail('VolumeFailedDelete', message)
        return
      }
      default:
        await fail('VolumeUnknownReclaimPolicy', 'Volume has unrecognized PersistentVolumeReclaimPolicy')
    }
  }

  async #writePhase(volume: Volume, phase: string, message?: string): Promise<Volume> {
    if (volume.status?.phase === phase) return volume
    const lastPhaseTransitionTime = timestamp(this.#context.clock.now())
    const status = { ...volume.status, phase, message, lastPhaseTransitionTime }
    return await this.#kube.replace(PersistentVolumes, { ...volume, status }, { subresource: 'status' })
  }
}

function policyOf(volume: Volume): string {
  return volume.spec?.persistentVolumeReclaimPolicy ?? 'Retain'
}

function annotated<T extends Claim | Volume>(object: T, annotations: { readonly [key: string]: string }): T {
  const { metadata } = object
  return { ...object, metadata: { ...metadata, annotations: { ...metadata.annotations, ...annotations } } }
}

/** The newest of those that are marked as the default, the first by name among equals. */
function defaultStorageClass(classes: readonly StorageClass[]): StorageClass | undefined {
  return classes
    .filter(({ metadata }) => metadata.annotations?.[defaultClass] === 'true')
    .toSorted(
      (a, b) =>
        Date.parse(b.metadata.creationTimestamp) - Date.parse(a.metadata.creationTimestamp) ||
        (a.metadata.name < b.metadata.name ? -1 : 1),
    )[0]
}
