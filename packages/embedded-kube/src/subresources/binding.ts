import { timestamp, type Ms } from '@plimsoll/model'
import { conflict, failure } from '../errors.ts'
import { fieldsOf, listOf, textOf, type ObjectInput, type StoredObject } from '../object.ts'

const podType = { group: '', plural: 'pods', kind: 'Pod' }
const podBinding = { group: '', plural: 'pods/binding', kind: 'Binding' }

/** Upstream has no better code for a binding that is wrong. */
function refused(message: string): Error {
  return failure('internal', message, undefined, { reason: '' })
}

/**
 * The pod as bound (kubernetes/kubernetes:pkg/registry/core/pod/storage/storage.go, assignPod and setPodNodeAndMetadata).
 * @throws {KubeError} conflict when it is bound, being deleted, gated, or not the pod that was meant
 */
export function bound(pod: StoredObject, binding: ObjectInput, now: Ms): StoredObject {
  const target = fieldsOf(binding['target'])
  const node = target['name']
  if (typeof node !== 'string' || node === '') {
    throw refused('target.name: Required value')
  }
  const kind = textOf(target['kind'])
  if (kind !== '' && kind !== 'Node') {
    throw refused(`target.kind: Unsupported value: ${JSON.stringify(kind)}: supported values: "Node", "<empty>"`)
  }
  const uid = binding.metadata?.uid
  if (uid !== undefined && uid !== '' && uid !== pod.metadata.uid) {
    throw conflict(
      podType,
      pod.metadata.name,
      `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${pod.metadata.uid}`,
    )
  }
  const refuse = (why: string): Error => conflict(podBinding, pod.metadata.name, why)
  if (pod.metadata.deletionTimestamp !== undefined) {
    throw refuse(`pod ${pod.metadata.name} is being deleted, cannot be assigned to a host`)
  }
  const present = pod.spec?.['nodeName'] as string | undefined
  if (present !== undefined && present !== '') {
    throw refuse(`pod ${pod.metadata.name} is already assigned to node "${present}"`)
  }
  if (listOf(pod.spec?.['schedulingGates']).length > 0) {
    throw refuse(`pod ${pod.metadata.name} has non-empty .spec.schedulingGates`)
  }
  const { labels, annotations } = binding.metadata ?? {}
  const metadata =
    labels === undefined && annotations === undefined
      ? pod.metadata
      : {
          ...pod.metadata,
          ...(labels === undefined ? {} : { labels: { ...pod.metadata.labels, ...labels } }),
          ...(annotations === undefined ? {} : { annotations: { ...pod.metadata.annotations, ...annotations } }),
        }
  // Where it was to go is of no interest once it is there.
  const { nominatedNodeName: _, ...status } = fieldsOf(pod.status)
  return {
    ...pod,
    metadata,
    spec: { ...pod.spec, nodeName: node },
    status: withCondition(status, { type: 'PodScheduled', status: 'True' }, now),
  }
}

interface Condition {
  readonly type: string
  readonly status: string
  readonly reason?: string
  readonly message?: string
}

/** The status with the condition set; its transition time changes only with its status. */
export function withCondition(
  status: NonNullable<StoredObject['status']>,
  condition: Condition,
  now: Ms,
): NonNullable<StoredObject['status']> {
  const conditions = listOf(status['conditions'])
  const at = conditions.findIndex((c) => c['type'] === condition.type)
  const old = conditions[at]
  const lastTransitionTime = old?.['status'] === condition.status ? old['lastTransitionTime'] : timestamp(now)
  const next = {
    type: condition.type,
    status: condition.status,
    lastProbeTime: null,
    lastTransitionTime,
    ...reasonOf(condition),
  }
  return {
    ...status,
    conditions: old === undefined ? [...conditions, next] : conditions.with(at, next),
  }
}

function reasonOf(condition: Condition): object {
  return {
    ...(condition.reason === undefined ? {} : { reason: condition.reason }),
    ...(condition.message === undefined ? {} : { message: condition.message }),
  }
}
