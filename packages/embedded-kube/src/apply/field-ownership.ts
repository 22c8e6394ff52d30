// Who owns which field of an object: asked by server-side apply, recorded by every other write.
import { apiVersionOf, type ObjectKey, type ObjectMeta } from '@plimsoll/model'
import type { Clock } from '@plimsoll/ports'
import { badRequest } from '../errors.ts'
import { toStored } from '../kinds/conversions.ts'
import { canonicalQuantities } from '../kinds/quantities.ts'
import { isFields, withoutNulls, type ObjectInput, type StoredObject } from '../object.ts'
import type { Registry } from '../registry.ts'
import type { PatchOptions, RequestContext, UpdateOptions } from '../request.ts'
import type { ResourceInfo } from '../resource-info.ts'
import { schemaNamed, type Schema } from '../schema-table.ts'
import { afterUpdate, entriesOf, type Manager, type ManagerId } from './managed-fields.ts'
import { applyOver, type Applied } from './server-side-apply.ts'

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
    return applyOver({
      live,
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
    const after = afterUpdate(managers, old, next, id, this.#schemaOf(info), this.#clock.now())
    return after === managers && old !== undefined ? next.metadata.managedFields : entriesOf(after)
  }

  /** The schema by which objects are taken apart: of the storage version, or of the custom resource. */
  #schemaOf(info: ResourceInfo): Schema {
    const stored = this.#registry.find(info.storage.group, info.storage.version, info.plural) ?? info
    if (stored.schemaName !== undefined) return schemaNamed(stored.schemaName) ?? {}
    let schema = this.#customSchemas.get(info)
    if (schema === undefined) {
      const own = (info.custom?.schema ?? {}) as Schema
      schema = { ...own, properties: { ...own.properties, metadata: { $ref: objectMetaName } } }
      this.#customSchemas.set(info, schema)
    }
    return schema
  }
}

/** What an apply sends, as far as its endpoint is concerned. */
export function appliedInput(
  info: ResourceInfo,
  key: ObjectKey,
  body: unknown,
  options: PatchOptions,
  check: (sent: ObjectInput) => ObjectInput,
): ObjectInput {
  if (!isFields(body)) throw badRequest('an apply configuration is an object')
  const sent = body as ObjectInput
  const apiVersion = apiVersionOf(info)
  if (sent.apiVersion !== apiVersion || sent.kind !== info.kind) {
    throw badRequest(
      `the object provided is ${String(sent.apiVersion)} ${String(sent.kind)}, expected ${apiVersion} ${info.kind}`,
    )
  }
  const { name } = sent.metadata ?? {}
  if (name !== undefined && name !== '' && name !== key.name) {
    throw badRequest(`the name of the object (${name}) does not match the name on the URL (${key.name})`)
  }
  if ((sent.metadata?.managedFields ?? []).length > 0) throw badRequest('metadata.managedFields must be nil')
  const plain = toStored(info, withoutNulls(check(sent)) as StoredObject)
  const canonical = info.schemaName === undefined ? plain : canonicalQuantities(plain, info.schemaName)
  const metadata = { ...canonical.metadata, name: key.name, ...(info.namespaced ? { namespace: key.namespace } : {}) }
  if (options.subresource === 'status') {
    return { apiVersion: canonical.apiVersion, kind: canonical.kind, metadata, status: canonical.status }
  }
  return { ...canonical, metadata, ...(info.subresources.has('status') ? { status: undefined } : {}) }
}
