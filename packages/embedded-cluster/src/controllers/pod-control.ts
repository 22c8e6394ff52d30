// Making pods from templates, and choosing which go first
// (kubernetes/kubernetes:pkg/controller/controller_utils.go: GetPodFromTemplate, ActivePodsWithRanks).
import {
  apiVersionOf,
  instant,
  own,
  Pods,
  type Draft,
  type KubeObject,
  type OwnerReference,
  type Pod,
  type PodTemplateSpec,
  type ResourceType,
} from '@plimsoll/model'
import { ignoreNotFound, KubeError, type KubeApi } from '@plimsoll/ports'
import { isPodReady, podCondition, restartCount } from '../pods.ts'

export function controllerReference<T extends KubeObject>(type: ResourceType<T>, owner: T): OwnerReference {
  return {
    apiVersion: apiVersionOf(type),
    kind: type.kind,
    name: owner.metadata.name,
    uid: owner.metadata.uid,
    controller: true,
    blockOwnerDeletion: true,
  }
}

/** Shares the template's parts: a thousand pods of one owner hold one spec. */
export function podFromTemplate(
  namespace: string,
  template: PodTemplateSpec,
  owners: readonly OwnerReference[],
  name: { readonly name?: string; readonly generateName: string },
  changes: {
    readonly labels?: { readonly [key: string]: string }
    readonly annotations?: { readonly [key: string]: string }
    readonly finalizers?: readonly string[]
    readonly spec?: Partial<Pod['spec']>
  } = {},
): Draft<Pod> {
  const labels = template.metadata?.labels
  const annotations = template.metadata?.annotations
  const finalizers = changes.finalizers ?? template.metadata?.finalizers
  return {
    metadata: {
      ...name,
      namespace,
      ...(labels === undefined && changes.labels === undefined
        ? {}
        : { labels: changes.labels === undefined ? labels : { ...labels, ...changes.labels } }),
      ...(annotations === undefined && changes.annotations === undefined
        ? {}
        : {
            annotations: changes.annotations === undefined ? annotations : { ...annotations, ...changes.annotations },
          }),
      ...(finalizers === undefined ? {} : { finalizers }),
      ownerReferences: owners,
    },
    spec: changes.spec === undefined ? template.spec! : { ...template.spec!, ...changes.spec },
  }
}

/** Whether something could not be made because its namespace is going away: not worth telling or trying again. */
export function isNamespaceTerminating(error: unknown): boolean {
  const causes = error instanceof KubeError ? error.status.details?.causes : undefined
  return causes?.some((cause) => cause.reason === 'NamespaceTerminating') === true
}

/**
 * Works on 0, 1, …, count - 1 in batches of 1, 2, 4, …, so that what fails for one is not tried for hundreds
 * (kubernetes/kubernetes:pkg/controller/replicaset/replica_set.go, slowStartBatch). @throws the first error of a batch
 */
export async function slowStart(count: number, work: (i: number) => Promise<void>): Promise<void> {
  const failures: unknown[] = []
  for (let done = 0, batch = 1; done < count; batch *= 2) {
    const end = Math.min(count, done + batch)
    for (; done < end; done++) {
      await work(done).catch((error: unknown) => {
        failures.push(error)
      })
    }
    if (failures.length > 0) throw failures[0]
  }
}

export async function removePod(kube: KubeApi, pod: Pod): Promise<void> {
  await kube
    .remove(
      Pods,
      { namespace: pod.metadata.namespace, name: pod.metadata.name },
      { preconditions: { uid: pod.metadata.uid } },
    )
    .catch(ignoreNotFound)
}

const phaseOrder: Record<string, number> = { Pending: 0, Unknown: 1, Running: 2 }
const deletionCost = 'controller.kubernetes.io/pod-deletion-cost'

/** The pods in the order in which they are given up; `crowd` says how many related pods share the pod's node. */
export function inDeletionOrder(pods: readonly Pod[], crowd: (pod: Pod) => number, now: number): Pod[] {
  const keyed = pods.map((pod) => {
    const ready = isPodReady(pod)
    return {
      pod,
      keys: [
        // Unassigned before assigned, less running before running, unready before ready.
        pod.spec.nodeName === undefined ? 0 : 1,
        own(phaseOrder, pod.status?.phase ?? 'Pending') ?? 2,
        ready ? 1 : 0,
        Number(pod.metadata.annotations?.[deletionCost] ?? 0) || 0,
        // Crowded nodes first.
        -crowd(pod),
        // Ready for a short time before ready for long, on a logarithmic scale.
        ready ? ageBucket(podCondition(pod, 'Ready')?.lastTransitionTime, now) : 0,
        -restartCount(pod),
        ageBucket(pod.metadata.creationTimestamp, now),
      ],
    }
  })
  keyed.sort((a, b) => {
    for (let i = 0; i < a.keys.length; i++) {
      const difference = a.keys[i]! - b.keys[i]!
      if (difference !== 0) return difference
    }
    return a.pod.metadata.uid < b.pod.metadata.uid ? -1 : 1
  })
  return keyed.map(({ pod }) => pod)
}

function ageBucket(since: string | undefined, now: number): number {
  const at = instant(since)
  if (at === undefined) return 0
  const seconds = Math.max(0, (now - at) / 1000)
  return seconds < 1 ? -1 : Math.floor(Math.log2(seconds))
}
