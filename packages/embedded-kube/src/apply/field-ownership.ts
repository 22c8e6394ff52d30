// Who owns which field of an object: asked by server-side apply, recorded by every other write.
import { apiVersionOf, type ObjectKey, type ObjectMeta, type Scale } from '@plimsoll/model'
import type { Clock } from '@plimsoll/ports'
import { badRequest, failure } from '../errors.ts'
import { toStored } from '../kinds/conversions.ts'
import { canonicalQuantities } from '../kinds/quantities.ts'
import { goZero } from '../kinds/go-shape.ts'
import { withScale } from '../subresources/scale.ts'
import { fieldsOf, isFields, type Fields, type ObjectInput, type StoredObject } from '../object.ts'
import type { Registry } from '../registry.ts'
import type { PatchOptions, RequestContext, UpdateOptions } from '../request.ts'
import type { ResourceInfo } from '../resource-info.ts'
import { schemaNamed, type Schema } from '../schema-table.ts'
import { afterUpdate, entriesOf, managersOf, type Manager, type ManagerId } from './managed-fields.ts'
import { applyOver, type Applied } from './server-side-apply.ts'
import { typeProblem } from './typed-errors.ts'

const objectMetaName = 'io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta'

export class FieldOwnership {
  readonly #registry: Registry
  readonly #clock: Clock
  readonly #customSchemas = new WeakMap<ResourceInfo, Schema>()

  constructor(registry: Registry, clock: Clock) {
    this.#registry = registry
    this.#clock = clock
  }

  /** @throws {KubeError} conflict when others own what the apply would change */
  applied(
    info: ResourceInfo,
    live: StoredObject | undefined,
    applied: ObjectInput,
    manager: string,
    options: PatchOptions,
  ): Applied {
    const zero = this.#zeroOf(info)
    return applyOver({
      live: live ?? zero,
      entries: live === undefined ? undefined : managersOf(live.metadata.managedFields),
      zero,
      applied,
      id: {
        manager,
        operation: 'Apply',
        apiVersion: apiVersionOf(info),
        subresource: options.subresource ?? '',
      },
      force: options.force === true,
      schema: this.#schemaOf(info),
      now: this.#clock.now(),
    })
  }

  /** The record of who manages what, after a write that was no apply. */
  entriesAfter(
    context: RequestContext,
    info: ResourceInfo,
    managers: readonly Manager[],
    old: StoredObject | undefined,
    next: StoredObject,
    options: UpdateOptions & { readonly writtenAs?: string },
  ): ObjectMeta['managedFields'] {
    const id: ManagerId = {
      manager: options.fieldManager ?? context.userAgent.split('/')[0]!,
      operation: 'Update',
      apiVersion: apiVersionOf(info.storage),
      subresource: options.writtenAs ?? options.subresource ?? '',
    }
    const after = afterUpdate(managers, old ?? this.#zeroOf(info), next, id, this.#schemaOf(info), this.#clock.now())
    // A scale is only told of where somebody minds the replicas.
    if (options.writtenAs === 'scale' && managers.every((manager) => after.includes(manager))) {
      return next.metadata.managedFields
    }
    return after === managers && old !== undefined ? next.metadata.managedFields : entriesOf(after)
  }

  /** What an object of this type is before anything is said of it. */
  #zeroOf(info: ResourceInfo): Fields {
    const { schemaName } = this.#storedAs(info)
    return schemaName === undefined ? { metadata: {} } : goZero(schemaName)
  }

  #storedAs(info: ResourceInfo): ResourceInfo {
    return this.#registry.find(info.storage.group, info.storage.version, info.plural) ?? info
  }

  /** The schema by which objects are taken apart: of the storage version, or of the custom resource. */
  #schemaOf(info: ResourceInfo): Schema {
    const stored = this.#storedAs(info)
    if (stored.schemaName !== undefined) return schemaNamed(stored.schemaName) ?? {}
    let schema = this.#customSchemas.get(info)
    if (schema === undefined) {
      const own = (info.custom?.schema ?? {}) as Schema
      schema = withObjectFields(own)
      this.#customSchemas.set(info, schema)
    }
    return schema
  }
}

/** A custom resource's schema with what every object has. */
function withObjectFields(own: Schema): Schema {
  const text = { type: 'string' }
  return {
    ...own,
    properties: { ...own.properties, apiVersion: text, kind: text, metadata: { $ref: objectMetaName } },
  }
}

/** What an apply of a Scale says of the object itself. */
export function appliedScale(info: ResourceInfo, key: ObjectKey, body: unknown): ObjectInput {
  const sent = fieldsOf(body) as ObjectInput
  const { apiVersion, kind } = typeOf(sent)
  if (apiVersion !== 'autoscaling/v1' || kind !== 'Scale') {
    throw badRequest(`invalid object type: ${apiVersion.includes('/') ? '' : '/'}${apiVersion}, Kind=${kind}`)
  }
  const live = { metadata: { name: key.name, namespace: key.namespace } } as StoredObject
  const scaled = withScale(info, live, sent as unknown as Scale)
  return { ...scaled, apiVersion: apiVersionOf(info), kind: info.kind }
}

/** What an apply sends, as far as its endpoint is concerned. */
export function appliedInput(info: ResourceInfo, key: ObjectKey, body: unknown, options: PatchOptions): ObjectInput {
  if (!isFields(body)) throw badRequest('an apply configuration is an object')
  const sent = body as ObjectInput
  const { apiVersion, kind } = typeOf(sent)
  if (apiVersion !== apiVersionOf(info) || kind !== info.kind) {
    throw badRequest(`invalid object type: ${apiVersion.includes('/') ? '' : '/'}${apiVersion}, Kind=${kind}`)
  }
  const { managedFields } = sent.metadata ?? {}
  // What is no text is no name yet; the schema refuses it below.
  const [name, namespace] = [onlyText(sent.metadata?.name), onlyText(sent.metadata?.namespace)]
  if (name !== '' && name !== key.name) {
    throw badRequest(`the name of the object (${name}) does not match the name on the URL (${key.name})`)
  }
  if (namespace !== '' && info.namespaced && namespace !== key.namespace) {
    throw badRequest('the namespace of the provided object does not match the namespace sent on the request')
  }
  if (managedFields !== undefined && managedFields !== null) throw badRequest('metadata.managedFields must be nil')
  const schema =
    info.schemaName === undefined
      ? withObjectFields((info.custom?.schema ?? {}) as Schema)
      : schemaNamed(info.schemaName)
  const problem = typeProblem(sent, schema ?? {})
  if (problem !== undefined) {
    const type = `${apiVersion.includes('/') ? '' : '/'}${apiVersion}, Kind=${kind}`
    const where = `${namespace}/${name}`
    throw failure('internal', `failed to create typed patch object (${where}; ${type}): ${problem}`, undefined, {
      reason: '',
    })
  }
  const stored = toStored(info, sent as StoredObject)
  const canonical = info.schemaName === undefined ? stored : canonicalQuantities(stored, info.schemaName)
  const metadata = { ...canonical.metadata, name: key.name, ...(info.namespaced ? { namespace: key.namespace } : {}) }
  if (options.subresource === 'status') {
    return { apiVersion: canonical.apiVersion, kind: canonical.kind, metadata, status: canonical.status }
  }
  return { ...canonical, metadata, ...(info.subresources.has('status') ? { status: undefined } : {}) }
}

/** What an object says that it is; empty where it says no text. */
function typeOf(sent: ObjectInput): { readonly apiVersion: string; readonly kind: string } {
  return { apiVersion: onlyText(sent.apiVersion), kind: onlyText(sent.kind) }
}

function onlyText(value: unknown): string {
  return typeof value === 'string' ? value : ''
}
