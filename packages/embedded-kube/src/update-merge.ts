// What becomes of an object when a client writes over it (kubernetes/apiserver:pkg/registry/rest/update.go, BeforeUpdate).
import { own, type ManagedFieldsEntry, type ObjectMeta } from '@plimsoll/model'
import { badRequest, conflict, failure, forbiddenField, invalid, invalidValue, modifiedMeanwhile } from './errors.ts'
import { rulesOf } from './kinds/index.ts'
import { jsonKind } from './patch/json-patch.ts'
import { equal, fieldsOf, listOf, withoutNulls, type Fields, type ObjectInput, type StoredObject } from './object.ts'
import { storageError } from './deletion.ts'
import type { ResourceInfo } from './resource-info.ts'
import type { RequestContext, UpdateOptions } from './request.ts'

/** What the write leaves of the old object: the server's metadata, and the half that the endpoint does not write. */
export function mergeUpdate(
  info: ResourceInfo,
  old: StoredObject,
  sent: ObjectInput,
  subresource: UpdateOptions['subresource'],
): StoredObject {
  const meta = old.metadata
  if (subresource === 'finalize') {
    const { finalizers } = (sent['spec'] ?? {}) as Fields
    return { ...old, spec: { ...old.spec, finalizers } }
  }
  if (subresource === 'status' || subresource === 'approval') {
    const { metadataWithStatus } = rulesOf(info)
    const labels = metadataWithStatus === 'annotations' ? meta.labels : sent.metadata?.labels
    const metadata = metadataWithStatus === false ? meta : { ...meta, labels, annotations: sent.metadata?.annotations }
    return { ...old, metadata, status: sent['status'] as Fields | undefined }
  }
  if (subresource === 'resize') {
    return {
      ...old,
      spec: { ...old.spec, ...resized(old, sent, 'containers'), ...resized(old, sent, 'initContainers') },
    }
  }
  if (subresource === 'ephemeralcontainers') {
    const { ephemeralContainers } = fieldsOf(sent['spec'])
    return { ...old, spec: { ...old.spec, ephemeralContainers } }
  }
  const { apiVersion: _, kind: __, metadata: ___, ...body } = sent
  return {
    apiVersion: old.apiVersion,
    kind: old.kind,
    metadata: {
      ...sent.metadata,
      name: meta.name,
      namespace: meta.namespace,
      uid: meta.uid,
      resourceVersion: meta.resourceVersion,
      creationTimestamp: meta.creationTimestamp,
      generation: meta.generation,
      deletionTimestamp: meta.deletionTimestamp,
      deletionGracePeriodSeconds: meta.deletionGracePeriodSeconds,
      selfLink: undefined,
    },
    ...body,
    ...(info.subresources.has('status') ? { status: old.status } : {}),
  }
}

/** The containers with the resources that a resize asks for; nothing else of them changes. */
function resized(old: StoredObject, sent: ObjectInput, field: 'containers' | 'initContainers'): Fields {
  const present = old.spec?.[field]
  if (!Array.isArray(present)) return {}
  const asked = new Map(listOf(fieldsOf(sent['spec'])[field]).map((container) => [container['name'], container]))
  return {
    [field]: listOf(present).map((container) => {
      const resources = asked.get(container['name'])?.['resources']
      return resources === undefined ? container : { ...container, resources }
    }),
  }
}

/** @throws {KubeError} invalid when a finalizer is added to what is being deleted */
export function checkFinalizers(info: ResourceInfo, next: StoredObject, old: StoredObject): void {
  if (old.metadata.deletionTimestamp === undefined || next.metadata.finalizers === old.metadata.finalizers) return
  const before = old.metadata.finalizers ?? []
  const added = (next.metadata.finalizers ?? []).filter((finalizer) => !before.includes(finalizer))
  if (added.length === 0) return
  throw invalid(info, next.metadata.name, [
    forbiddenField(
      'metadata.finalizers',
      `no new finalizers can be added if the object is being deleted, found new finalizers []string{${added.map((f) => JSON.stringify(f)).join(', ')}}`,
    ),
  ])
}

/** @throws {KubeError} conflict when the object is another or was changed meanwhile, invalid when a version is missing */
export function checkVersion(info: ResourceInfo, old: StoredObject, meta: ObjectMeta): void {
  const { name, uid, resourceVersion } = old.metadata
  if (meta.uid !== undefined && meta.uid !== '' && meta.uid !== uid) {
    throw conflict(info, name, storageError(info, old, `UID in precondition: ${meta.uid}, UID in object meta: ${uid}`))
  }
  const version = meta.resourceVersion ?? ''
  if (version !== '' && !/^\d+$/.test(version)) {
    const why = `strconv.ParseUint: parsing ${JSON.stringify(version)}: invalid syntax`
    throw failure('internal', why, undefined, { reason: '' })
  }
  if (version !== '' && version !== '0') {
    if (version !== resourceVersion) throw conflict(info, name, modifiedMeanwhile)
  } else if (!rulesOf(info).unconditionalUpdate) {
    throw invalid(info, name, [invalidValue('metadata.resourceVersion', 0, 'must be specified for an update')])
  }
}

/** @throws {KubeError} badRequest when an object that is to be written over has no name */
export function checkNamed(name: string, { metadata }: ObjectInput): void {
  if ((metadata?.name ?? '') !== '') return
  throw badRequest(`the name of the object (${name} based on URL) was undeterminable: name must be provided`)
}

/** @throws {KubeError} when a patch leaves no name or another uid */
export function checkPatched(info: ResourceInfo, old: StoredObject, input: ObjectInput): void {
  const { name, uid } = old.metadata
  const asked = input.metadata
  checkNamed(name, input)
  if (asked?.uid !== undefined && asked.uid !== '' && asked.uid !== uid) {
    throw invalid(info, name, [invalidValue('metadata.uid', asked.uid, 'field is immutable')])
  }
}

/** @throws {KubeError} conflict when an apply means an object that is gone */
export function checkUnborn(info: ResourceInfo, name: string, { metadata }: ObjectInput): void {
  if (metadata?.uid === undefined || metadata.uid === '') return
  throw conflict(
    info,
    name,
    `uid mismatch: the provided object specified uid ${metadata.uid}, and no existing object was found`,
  )
}

export function patchNotAnObject(body: unknown, prefix: string): Error {
  return badRequest(`${prefix}json: cannot unmarshal ${jsonKind(body)} into Go value of type map[string]interface {}`)
}

/** A Deployment's annotations go on to its sets, so they count; those that its controller writes do not. */
export function annotationsCount(context: RequestContext, next: StoredObject, old: StoredObject): boolean {
  if (context.inProcess === true || next.kind !== 'Deployment') return false
  return !equal(next.metadata.annotations, old.metadata.annotations)
}

/** Whether anything but metadata and status differs. */
export function specChanged(next: StoredObject, old: StoredObject): boolean {
  for (const field of new Set([...Object.keys(next), ...Object.keys(old)])) {
    if (field === 'metadata' || field === 'status') continue
    if (!equal(own(next, field), own(old, field))) return true
  }
  return false
}

/** Who managed what before a write: as the client sends it, else as it is stored. */
export function heldEntries(sent: ObjectInput, old: StoredObject): ObjectMeta['managedFields'] {
  const asked = sent.metadata?.managedFields
  const present = old.metadata.managedFields
  if (asked === undefined || asked === present || equal(asked, present)) return present
  // One empty entry asks to forget everybody; what cannot be read is not believed (decodeManagedFields).
  if (asked.length === 1 && Object.keys(asked[0]!).length === 0) return undefined
  return asked.length > 0 && asked.every(isEntry) ? asked : present
}

function isEntry(entry: ManagedFieldsEntry): boolean {
  const operation = entry.operation === 'Apply' || entry.operation === 'Update'
  const elements = Object.keys(entry.fieldsV1 ?? {})
  return operation && (entry.apiVersion ?? '') !== '' && entry.fieldsType === 'FieldsV1' && elements.every(isElement)
}

function isElement(name: string): boolean {
  return name === '.' || /^[fkvi]:/.test(name)
}

/** As Go would have decoded it. Custom resources keep their nulls until their schema has been asked. */
export function decoded(context: RequestContext, info: ResourceInfo, input: ObjectInput): ObjectInput {
  if (context.inProcess === true) return input
  return info.custom === undefined ? withoutNulls(input) : { ...input, metadata: withoutNulls(input.metadata) }
}
