// What a deletion makes of an object (kubernetes/apiserver:pkg/registry/rest/delete.go, BeforeDelete;
// pkg/registry/generic/registry/store.go, deletionFinalizersForGarbageCollection).
import { ms, timestamp, type Ms } from '@plimsoll/model'
import { conflict } from './errors.ts'
import type { KindRules } from './kinds/rules.ts'
import { withMeta, type Fields, type StoredObject } from './object.ts'
import type { ResourceInfo } from './resource-info.ts'
import type { DeletionOptions } from './request.ts'

/** The object while it lingers, for its grace period or its finalizers; undefined when it goes at once. */
export function afterDeletion(
  found: StoredObject,
  rules: KindRules,
  options: DeletionOptions,
  now: Ms,
): StoredObject | undefined {
  const grace = rules.graceful ? podGracePeriod(found, options.gracePeriodSeconds) : 0
  const finalizers = finalizersFor(found, options, rules.orphanByDefault)
  if (grace <= 0 && finalizers.length === 0) return undefined
  const meta = found.metadata
  let next = found
  if (grace > 0) {
    const before = meta.deletionGracePeriodSeconds
    if (meta.deletionTimestamp === undefined || before === undefined || grace < before) {
      next = withMeta(found, deletionMarks(meta, ms(now + grace * 1000), grace))
    }
  } else if (meta.deletionTimestamp === undefined) next = withMeta(found, deletionMarks(meta, now, 0))
  else next = withMeta(found, { deletionGracePeriodSeconds: 0 })
  return withMeta(next, { finalizers: finalizers.length === 0 ? undefined : finalizers })
}

/** A pod as it goes: its grace is over. */
export function lastForm(gone: StoredObject, now: Ms): StoredObject {
  if (gone.kind !== 'Pod') return gone
  const { deletionTimestamp = timestamp(now) } = gone.metadata
  return withMeta(gone, { deletionTimestamp, deletionGracePeriodSeconds: 0 })
}

/** Whether an update took the last finalizer of an object that only waited for it. */
export function finalizersGone(next: StoredObject, old: StoredObject): boolean {
  return (
    old.metadata.deletionTimestamp !== undefined &&
    (old.metadata.deletionGracePeriodSeconds ?? 0) === 0 &&
    (old.metadata.finalizers?.length ?? 0) > 0 &&
    (next.metadata.finalizers?.length ?? 0) === 0
  )
}

function deletionMarks(meta: StoredObject['metadata'], at: Ms, grace: number): Partial<StoredObject['metadata']> {
  return {
    deletionTimestamp: timestamp(at),
    deletionGracePeriodSeconds: grace,
    ...(meta.generation === undefined || meta.deletionTimestamp !== undefined
      ? {}
      : { generation: meta.generation + 1 }),
  }
}

/** kubernetes/kubernetes:pkg/registry/core/pod/strategy.go, CheckGracefulDelete */
function podGracePeriod(pod: StoredObject, asked: number | null | undefined): number {
  let period = asked ?? (pod.spec?.['terminationGracePeriodSeconds'] as number | undefined) ?? 30
  if ((pod.spec?.['nodeName'] ?? '') === '') period = 0
  const phase = pod.status?.['phase']
  if (phase === 'Succeeded' || phase === 'Failed') period = 0
  return period < 0 ? 1 : period
}

function finalizersFor(object: StoredObject, options: DeletionOptions, orphanByDefault: boolean): readonly string[] {
  const present = object.metadata.finalizers ?? []
  const policy =
    options.propagationPolicy ??
    (options.orphanDependents === undefined ? undefined : options.orphanDependents ? 'Orphan' : 'Background')
  const others = present.filter((finalizer) => finalizer !== 'foregroundDeletion' && finalizer !== 'orphan')
  if (policy === 'Foreground') return [...others, 'foregroundDeletion']
  if (policy === 'Orphan') return [...others, 'orphan']
  if (policy === 'Background') return others
  if (others.length !== present.length) return present
  return orphanByDefault ? [...others, 'orphan'] : others
}

/** What a deletion answers once the object is gone. */
export function deletedStatus(info: ResourceInfo, object: StoredObject): Fields {
  return {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Success',
    details: {
      name: object.metadata.name,
      ...(info.group === '' ? {} : { group: info.group }),
      kind: info.plural,
      uid: object.metadata.uid,
    },
  }
}

/** Where upstream's store keeps kinds that are not kept under their own name. */
const storageKeys: Readonly<Record<string, string>> = {
  '/services': 'services/specs',
  '/endpoints': 'services/endpoints',
  '/nodes': 'minions',
  '/replicationcontrollers': 'controllers',
  'networking.k8s.io/ingresses': 'ingress',
}

/** How upstream's store says that a precondition does not hold. */
export function storageError({ group, plural, custom }: ResourceInfo, found: StoredObject, why: string): string {
  const { namespace, name } = found.metadata
  const kept = storageKeys[`${group}/${plural}`] ?? (custom === undefined ? plural : `${group}/${plural}`)
  const key = ['', kept, ...(namespace === undefined ? [] : [namespace]), name].join('/')
  return `StorageError: invalid object, Code: 4, Key: ${key}, ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: ${why}`
}

/** @throws {KubeError} conflict when the object is not the one that was meant */
export function checkPreconditions(
  info: ResourceInfo,
  found: StoredObject,
  asked: DeletionOptions['preconditions'],
): void {
  const { name, uid, resourceVersion } = found.metadata
  // Upstream names the kind here, where it otherwise names the resource.
  const refuse = (why: string): Error => conflict({ ...info, plural: info.kind }, name, why)
  if (asked?.uid !== undefined && asked.uid !== uid) {
    throw refuse(
      `the UID in the precondition (${asked.uid}) does not match the UID in record (${uid}). The object might have been deleted and then recreated`,
    )
  }
  if (asked?.resourceVersion !== undefined && asked.resourceVersion !== resourceVersion) {
    throw refuse(
      `the ResourceVersion in the precondition (${asked.resourceVersion}) does not match the ResourceVersion in record (${resourceVersion}). The object might have been modified`,
    )
  }
}
