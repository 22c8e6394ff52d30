// kubernetes/kubernetes:pkg/controller/statefulset/stateful_set_control.go. Pods have names with ordinals and claims of
// their own; they come one after another and go in the reverse order.
import {
  ms,
  PersistentVolumeClaims,
  Pods,
  StatefulSets,
  type Draft,
  type Ms,
  type PersistentVolumeClaim,
  type Pod,
  type StatefulSet,
  type StatefulSetStatus,
  type Volume,
} from '@plimsoll/model'
import { KubeError } from '@plimsoll/ports'
import { splitKey } from '../machinery/reference.ts'
import { isPodFinished, isPodReady, podAvailableFrom } from '../pods.ts'
import { followOwned, WorkloadController, type ControllerContext } from './controller.ts'
import { replicasOf, templateHash } from './deployment-plan.ts'
import { controllerReference, podFromTemplate, removePod } from './pod-control.ts'

const revisionLabel = 'controller-revision-hash'

export class StatefulSetController extends WorkloadController {

  constructor(context: ControllerContext) {
    super(context, { loop: 'statefulset', account: 'statefulset-controller' })
    followOwned(this.loop, 'StatefulSet', { owners: context.caches.statefulSets, owned: context.caches.pods })
  }

  protected override async sync(key: string): Promise<Ms | undefined> {
    const set = this.context.caches.statefulSets.get(splitKey(key))
    if (set === undefined) return undefined
    const update = `${set.metadata.name}-${templateHash(set.spec.template, set.status?.collisionCount)}`
    // A set whose update is not finished still has the revision it came from.
    const current = set.status?.currentRevision ?? update
    if (set.metadata.deletionTimestamp === undefined) await this.#manage(set, update)
    return this.#updateStatus(set, current, update)
  }

  #podsOf(set: StatefulSet): Map<number, Pod> {
    const pods = new Map<number, Pod>()
    for (const pod of this.context.caches.pods.byIndex('controller', set.metadata.uid)) {
      const ordinal = Number(/-(\d+)$/.exec(pod.metadata.name)?.[1] ?? NaN)
      if (!Number.isNaN(ordinal)) pods.set(ordinal, pod)
    }
    return pods
  }

  /** One step; each change of a pod brings us back. */
  async #manage(set: StatefulSet, update: string): Promise<void> {
    const pods = this.#podsOf(set)
    const first = set.spec.ordinals?.start ?? 0
    const end = first + replicasOf(set)
    const parallel = set.spec.podManagementPolicy === 'Parallel'
    for (let ordinal = first; ordinal < end; ordinal++) {
      const pod = pods.get(ordinal)
      if (pod !== undefined && isPodFinished(pod)) {
        // Its successor has the same name, so it must be gone first.
        if (pod.metadata.deletionTimestamp === undefined) await this.#remove(set, pod)
        if (!parallel) return
        continue
      }
      if (pod === undefined) await this.#create(set, ordinal, update)
      const well = pod !== undefined && pod.metadata.deletionTimestamp === undefined && this.#isAvailable(set, pod)
      if (!well && !parallel) return
    }
    const condemned = [...pods].filter(([ordinal]) => ordinal < first || ordinal >= end).sort(([a], [b]) => b - a)
    for (const [, pod] of condemned) {
      if (pod.metadata.deletionTimestamp === undefined) await this.#remove(set, pod)
      if (!parallel) return
    }
    await this.#rollOut(set, pods, first, end, update)
  }

  /** From the highest ordinal down to the partition, one at a time. */
  async #rollOut(
    set: StatefulSet,
    pods: ReadonlyMap<number, Pod>,
    first: number,
    end: number,
    update: string,
  ): Promise<void> {
    if (set.spec.updateStrategy?.type === 'OnDelete') return
    const last = Math.max(first, set.spec.updateStrategy?.rollingUpdate?.partition ?? 0)
    for (let ordinal = end - 1; ordinal >= last; ordinal--) {
      const pod = pods.get(ordinal)
      if (pod === undefined) return
      if (pod.metadata.labels?.[revisionLabel] !== update) {
        if (pod.metadata.deletionTimestamp === undefined) await this.#remove(set, pod)
        return
      }
      if (!this.#isAvailable(set, pod)) return
    }
  }

  #isAvailable(set: StatefulSet, pod: Pod): boolean {
    const from = podAvailableFrom(pod, set.spec.minReadySeconds ?? 0)
    return from !== undefined && from <= this.context.clock.now()
  }

  async #create(set: StatefulSet, ordinal: number, revision: string): Promise<void> {
    const name = `${set.metadata.name}-${ordinal}`
    try {
      const volumes = await this.#ensureClaims(set, name)
      const draft = podFromTemplate(
        set.metadata.namespace,
        set.spec.template,
        [controllerReference(StatefulSets, set)],
        { name },
        {
          labels: {
            [revisionLabel]: revision,
            'statefulset.kubernetes.io/pod-name': name,
            'apps.kubernetes.io/pod-index': String(ordinal),
          },
          spec: {
            hostname: name,
            subdomain: set.spec.serviceName,
            ...(volumes.length === 0
              ? {}
              : { volumes: [...withoutNamed(set.spec.template.spec?.volumes ?? [], volumes), ...volumes] }),
          },
        },
      )
      await this.kube.create(Pods, draft)
    } catch (error) {
      if (!(error instanceof KubeError)) throw error
      this.events.event(
        set,
        'Warning',
        'FailedCreate',
        `create Pod ${name} in StatefulSet ${set.metadata.name} failed error: ${error.message}`,
      )
      throw error
    }
    this.events.event(
      set,
      'Normal',
      'SuccessfulCreate',
      `create Pod ${name} in StatefulSet ${set.metadata.name} successful`,
    )
  }

  /** Claims stay when their pod goes: its successor finds its data again. */
  async #ensureClaims(set: StatefulSet, podName: string): Promise<Volume[]> {
    const volumes: Volume[] = []
    for (const template of set.spec.volumeClaimTemplates ?? []) {
      const claimName = `${template.metadata.name}-${podName}`
      volumes.push({ name: template.metadata.name, persistentVolumeClaim: { claimName } })
      const key = { namespace: set.metadata.namespace, name: claimName }
      if (this.context.caches.claims.get(key) !== undefined) continue
      const draft: Draft<PersistentVolumeClaim> = {
        metadata: {
          ...key,
          labels: { ...template.metadata.labels, ...set.spec.selector.matchLabels },
          ...(template.metadata.annotations === undefined ? {} : { annotations: template.metadata.annotations }),
        },
        spec: template.spec,
      }
      await this.kube.create(PersistentVolumeClaims, draft)
      const message = `create Claim ${claimName} Pod ${podName} in StatefulSet ${set.metadata.name} success`
      this.events.event(set, 'Normal', 'SuccessfulCreate', message)
    }
    return volumes
  }

  async #remove(set: StatefulSet, pod: Pod): Promise<void> {
    await removePod(this.kube, pod)
    const message = `delete Pod ${pod.metadata.name} in StatefulSet ${set.metadata.name} successful`
    this.events.event(set, 'Normal', 'SuccessfulDelete', message)
  }

  async #updateStatus(seen: StatefulSet, current: string, update: string): Promise<Ms | undefined> {
    const set = this.context.caches.statefulSets.get(seen.metadata)
    if (set === undefined || set.metadata.uid !== seen.metadata.uid) return undefined
    const now = this.context.clock.now()
    let replicas = 0
    let ready = 0
    let available = 0
    let onCurrent = 0
    let onUpdate = 0
    let next: number | undefined
    for (const pod of this.#podsOf(set).values()) {
      if (isPodFinished(pod)) continue
      replicas++
      const from = podAvailableFrom(pod, set.spec.minReadySeconds ?? 0)
      if (isPodReady(pod)) ready++
      if (from !== undefined && from <= now) available++
      else if (from !== undefined) next = Math.min(next ?? Infinity, from - now)
      if (pod.metadata.deletionTimestamp !== undefined) continue
      const revision = pod.metadata.labels?.[revisionLabel]
      if (revision === current) onCurrent++
      if (revision === update) onUpdate++
    }
    const done = current !== update && onUpdate === replicas && ready === replicas && replicas === replicasOf(set)
    const status: StatefulSetStatus = {
      observedGeneration: seen.metadata.generation,
      replicas,
      ...(ready === 0 ? {} : { readyReplicas: ready }),
      ...(done ? { currentReplicas: onUpdate } : onCurrent === 0 ? {} : { currentReplicas: onCurrent }),
      ...(onUpdate === 0 ? {} : { updatedReplicas: onUpdate }),
      currentRevision: done ? update : current,
      updateRevision: update,
      collisionCount: set.status?.collisionCount ?? 0,
      availableReplicas: available,
    }
    if (JSON.stringify(status) !== JSON.stringify(set.status)) {
      await this.kube.replace(StatefulSets, { ...set, status }, { subresource: 'status' })
    }
    return next === undefined ? undefined : ms(next)
  }
}

function withoutNamed(volumes: readonly Volume[], named: readonly Volume[]): Volume[] {
  return volumes.filter((volume) => !named.some((other) => other.name === volume.name))
}
