// Claims and volumes that are in use outlive their deletion (kubernetes/kubernetes:pkg/controller/volume/pvcprotection and
// pvprotection). The API server marks them with the finalizers when they are made; here they are taken off.
import { keyText, PersistentVolumeClaims, PersistentVolumes, type KubeObject, type ResourceType } from '@plimsoll/model'
import { ignoreNotFound, type KubeApi } from '@plimsoll/ports'
import type { Reconciler } from '@plimsoll/runtime'
import { onChange } from '../../caches.ts'
import { splitKey } from '../../machinery/reference.ts'
import { claimNames, isPodFinished } from '../../pods.ts'
import { syncing, type Controller, type ControllerContext } from '../controller.ts'

const claimFinalizer = 'kubernetes.io/pvc-protection'
const volumeFinalizer = 'kubernetes.io/pv-protection'

export class StorageProtection implements Controller {
  readonly #context: ControllerContext
  readonly #claimKube: KubeApi
  readonly #volumeKube: KubeApi
  readonly #claims: Reconciler<string>
  readonly #volumes: Reconciler<string>

  constructor(context: ControllerContext) {
    this.#context = context
    this.#claimKube = context.kube('pvc-protection-controller')
    this.#volumeKube = context.kube('pv-protection-controller')
    this.#claims = syncing(context, 'pvc-protection', (key) => this.#syncClaim(key))
    this.#volumes = syncing(context, 'pv-protection', (name) => this.#syncVolume(name))
    const { caches } = context
    onChange(caches.claims, (now) => {
      if (now?.metadata.deletionTimestamp !== undefined) this.#claims.add(keyText(now.metadata))
    })
    onChange(caches.volumes, (now) => {
      if (now?.metadata.deletionTimestamp !== undefined) this.#volumes.add(now.metadata.name)
    })
    onChange(caches.pods, (now, was) => {
      if (was?.spec.volumes === undefined || (now !== undefined && !isPodFinished(now))) return
      for (const name of claimNames(was)) this.#claims.add(`${was.metadata.namespace}/${name}`)
    })
  }

  async run(signal: AbortSignal): Promise<void> {
    await Promise.all([this.#claims.run(signal), this.#volumes.run(signal)])
  }

  async #syncClaim(key: string): Promise<void> {
    const { caches } = this.#context
    const claim = caches.claims.get(splitKey(key))
    if (claim === undefined) return
    // Finished pods use nothing; one that waits for a node does not either.
    const used = caches.pods
      .byIndex('claim', key)
      .some((pod) => (pod.spec.nodeName ?? '') !== '' && !isPodFinished(pod))
    if (!used) await letGo(this.#claimKube, PersistentVolumeClaims, claim, claimFinalizer)
  }

  async #syncVolume(name: string): Promise<void> {
    const volume = this.#context.caches.volumes.get({ name })
    if (volume === undefined || volume.status?.phase === 'Bound') return
    await letGo(this.#volumeKube, PersistentVolumes, volume, volumeFinalizer)
  }
}

async function letGo<T extends KubeObject>(
  kube: KubeApi,
  type: ResourceType<T>,
  object: T,
  finalizer: string,
): Promise<void> {
  const { finalizers = [], deletionTimestamp } = object.metadata
  if (deletionTimestamp === undefined || !finalizers.includes(finalizer)) return
  const metadata = { ...object.metadata, finalizers: finalizers.filter((text) => text !== finalizer) }
  await kube.replace(type, { ...object, metadata }).catch(ignoreNotFound)
}
