// Makes the claims of pods' ephemeral volumes (kubernetes/kubernetes:pkg/controller/volume/ephemeral/controller.go). They go
// with their pod, by its ownership.
import { controllerOf, PersistentVolumeClaims, type Pod } from '@plimsoll/model'
import { isKubeFailure, type KubeApi } from '@plimsoll/ports'
import type { EventRecorder, Reconciler } from '@plimsoll/runtime'
import { onChange } from '../../caches.ts'
import { keyOfObject, podReference, splitKey } from '../../machinery/reference.ts'
import { isPodActive } from '../../pods.ts'
import { recorderFor, syncing, type Controller, type ControllerContext } from '../controller.ts'

type EphemeralVolume = NonNullable<NonNullable<Pod['spec']['volumes']>[number]['ephemeral']>

export class EphemeralVolumeController implements Controller {
  readonly #context: ControllerContext
  readonly #kube: KubeApi
  readonly #events: EventRecorder
  readonly #loop: Reconciler<string>

  constructor(context: ControllerContext) {
    this.#context = context
    this.#kube = context.kube('ephemeral-volume-controller')
    this.#events = recorderFor(context, this.#kube, 'ephemeral_volume')
    this.#loop = syncing(context, 'ephemeral-volume', (key) => this.#sync(key))
    onChange(context.caches.pods, (now, was) => {
      if (now === undefined || was !== undefined) return
      if (now.spec.volumes?.some(({ ephemeral }) => ephemeral !== undefined) === true) this.#loop.add(keyOfObject(now))
    })
  }

  run(signal: AbortSignal): Promise<void> {
    return this.#loop.run(signal)
  }

  async #sync(key: string): Promise<void> {
    const pod = this.#context.caches.pods.get(splitKey(key))
    if (pod === undefined || !isPodActive(pod)) return
    for (const { name, ephemeral } of pod.spec.volumes ?? []) {
      if (ephemeral !== undefined) await this.#make(pod, `${pod.metadata.name}-${name}`, ephemeral)
    }
  }

  async #make(pod: Pod, name: string, { volumeClaimTemplate }: EphemeralVolume): Promise<void> {
    const { namespace, uid, name: podName } = pod.metadata
    const known = this.#context.caches.claims.get({ namespace, name })
    if (known !== undefined) {
      if (controllerOf(known)?.uid === uid) return
      const why = `PVC ${namespace}/${name} was not created for pod ${namespace}/${podName} (pod is not owner)`
      throw new Error(why)
    }
    const { labels, annotations } = volumeClaimTemplate?.metadata ?? {}
    try {
      await this.#kube.create(PersistentVolumeClaims, {
        metadata: {
          name,
          namespace,
          ...(labels === undefined ? {} : { labels }),
          ...(annotations === undefined ? {} : { annotations }),
          ownerReferences: [
            { apiVersion: 'v1', kind: 'Pod', name: podName, uid, controller: true, blockOwnerDeletion: true },
          ],
        },
        spec: volumeClaimTemplate?.spec ?? {},
      })
    } catch (error) {
      if (isKubeFailure(error, 'alreadyExists', 'notFound')) return
      const message = `ephemeral volume controller: create PVC ${namespace}/${name}: ${(error as Error).message}`
      this.#events.event(podReference(pod), 'Warning', 'FailedCreate', message)
      throw error
    }
  }
}
