// The API server without its wire: what a request means, decided synchronously over the store.
import { apiVersionOf, assertNever, own, timestamp, type ObjectKey, type ObjectMeta, type Scale } from '@plimsoll/model'
import {
  KubeError,
  uuid,
  type Clock,
  type Journal,
  type KubeApi,
  type Random,
  type Subscription,
  type WatchEvent,
  type WatchSink,
} from '@plimsoll/ports'
import { Admission } from './admission/admission.ts'
import type { Authorizer } from './authorization/authorizer.ts'
import { checkEscalation } from './authorization/escalation.ts'
import { RbacAuthorizer } from './authorization/rbac-authorizer.ts'
import { attributesOf, type Place } from './authorization/request-attributes.ts'
import { review, type TokenOwner } from './authorization/reviews.ts'
import { RoleAggregation } from './authorization/role-aggregation.ts'
import { checkNamespaceDeletion, namespaceFinalizers, terminatingNamespace } from './admission/namespaces.ts'
import { appliedInput, appliedScale, FieldOwnership } from './apply/field-ownership.ts'
import { entriesOf, managersOf, type Manager } from './apply/managed-fields.ts'
import { computedList } from './computed-lists.ts'
import { checkedCustomObject } from './crd/custom-object.ts'
import { cleanupFinalizer } from './crd/definition.ts'
import type { ConversionNeeded, Converter, WebhookCaller } from './crd/conversion.ts'
import { Definitions } from './crd/definitions.ts'
import { LateEvents } from './crd/late-events.ts'
import { afterDeletion, lastForm, checkPreconditions, deletedStatus, finalizersGone } from './deletion.ts'
import {
  alreadyExists,
  badRequest,
  failure,
  forbidden,
  invalid,
  invalidValue,
  methodNotAllowed,
  notAuthorized,
  notFound,
  required,
  resourceNotFound,
  type FieldError,
} from './errors.ts'
import { EventExpiry } from './event-expiry.ts'
import { InProcessClient } from './in-process-client.ts'
import { toStored } from './kinds/conversions.ts'
import { goShape, goZero } from './kinds/go-shape.ts'
import { rulesOf } from './kinds/index.ts'
import { finalizerErrors, generateName, metadataErrors, nameErrors } from './kinds/names.ts'
import { podSpecErrors } from './kinds/pod-spec-validation.ts'
import { canonicalQuantities } from './kinds/quantities.ts'
import {
  checkListOptions,
  checkReached,
  listOptionErrors,
  ListPages,
  revisionOf,
  revisionOfOne,
  stateAt,
  type Page,
} from './list-pages.ts'
import {
  equal,
  fieldsOf,
  isFields,
  withField,
  type Fields,
  withMeta,
  type ObjectInput,
  type StoredObject,
} from './object.ts'
import { jsonPatch } from './patch/json-patch.ts'
import { mergePatch } from './patch/merge-patch.ts'
import { strategicMergePatch } from './patch/strategic-merge-patch.ts'
import { subresourceErrors } from './kinds/pod-subresources.ts'
import { warningsFor } from './kinds/warnings.ts'
import { Registry, type ResourceInfo } from './registry.ts'
import type {
  Deletion,
  DeletionOptions,
  FieldValidation,
  LogOptions,
  LogSink,
  PatchKind,
  PatchOptions,
  PodLogs,
  ProxySource,
  RequestContext,
  ServerList,
  ServerListOptions,
  ServerWatchOptions,
  UpdateOptions,
  UsageSource,
  UserInfo,
  WriteOptions,
} from './request.ts'
import { schemaNamed } from './schema-table.ts'
import type { Collection } from './store/collection.ts'
import type { StoreEvent } from './store/event-ring.ts'
import { filterOf, type Filter } from './store/selection.ts'
import { StoredObjects } from './stored-objects.ts'
import { Store, type StoreKey } from './store/store.ts'
import { bound, withCondition } from './subresources/binding.ts'
import { evictionVerdict } from './subresources/eviction.ts'
import { containerForLog, noLogs } from './subresources/log.ts'
import { LegacyTokens } from './subresources/legacy-tokens.ts'
import { scaleOf, withScale } from './subresources/scale.ts'
import { invalidToken, ServiceAccountTokens, type TokenSigner } from './subresources/service-account-token.ts'
import { Termination } from './termination.ts'
import {
  annotationsCount,
  checkFinalizers,
  checkNamed,
  checkPatched,
  checkUnborn,
  checkVersion,
  decoded,
  heldEntries,
  mergeUpdate,
  patchNotAnObject,
  specChanged,
} from './update-merge.ts'

export type AuthorizationMode = 'RBAC' | 'AlwaysAllow'

export interface ApiServerOptions {
  readonly clock: Clock
  readonly random: Random
  /** Events kept per resource for watches that continue from an older version: 10,000, and 100,000 for pods. */
  readonly ringCapacity?: number
  readonly podRingCapacity?: number
  /** Whether pods get the projected volume with their service account's token, as a real server gives it; true. */
  readonly tokenVolumes?: boolean
  /** First two bytes of the /16 that cluster IPs come from; `10.100`. */
  readonly serviceNetwork?: string
  /** Whether roles and bindings decide who may do what; AlwaysAllow when absent. */
  readonly authorizationMode?: AuthorizationMode | undefined
  /** Where every write is kept, and what the server begins with; in memory alone without one. */
  readonly journal?: Journal | undefined
}

/** As what a proxied request is judged. */
const proxyVerbs: { readonly [method: string]: string } = {
  POST: 'create',
  PUT: 'update',
  PATCH: 'patch',
  DELETE: 'delete',
}

/**
 * Checks a patched object against its schema, as the wire layer checks request bodies: drops unknown fields, warns of
 * them or refuses them. Set by the wire layer.
 */
export type Decoder = (
  context: RequestContext,
  info: ResourceInfo,
  object: ObjectInput,
  validation: FieldValidation,
) => ObjectInput

const strategicRefused =
  'the body of the request was in an unknown format - accepted media types include: application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml'
const podsType = { group: '', version: 'v1', plural: 'pods' }

const everything: Filter = { namespace: undefined, matches: undefined, name: undefined, nodeName: undefined }

export class ApiServer {
  readonly registry: Registry = new Registry()
  readonly clock: Clock
  readonly random: Random
  readonly #store: Store
  readonly #journal: Journal | undefined
  readonly #objects: StoredObjects
  readonly #termination: Termination
  readonly #expiry: EventExpiry
  readonly #admission: Admission
  readonly #tokens: ServiceAccountTokens
  readonly #ownership: FieldOwnership
  readonly #pages: ListPages
  readonly #definitions: Definitions
  readonly #aggregation: RoleAggregation
  readonly #rbac: RbacAuthorizer | undefined
  readonly #legacyTokens: LegacyTokens
  /** Where container logs come from. */
  podLogs: PodLogs | undefined
  /** What listens behind the proxies. */
  proxies: ProxySource | undefined
  /** What nodes and containers use. */
  usage: UsageSource | undefined
  decoder: Decoder | undefined
  /** Users of tokens that this server did not issue. */
  otherTokens: ((token: string) => UserInfo | undefined) | undefined
  /** Who may do what; everybody may do everything without one. */
  authorizer: Authorizer | undefined
  /** Converts objects of definitions that name a webhook, within this process: by group and kind. */
  readonly converters: Map<string, Converter> = new Map()
  /** Asks conversion webhooks. Set by the wire layer. */
  webhookCaller: WebhookCaller | undefined
  /** PEM, handed to every new namespace as ConfigMap kube-root-ca.crt. */
  certificateAuthority = ''

  constructor(options: ApiServerOptions) {
    this.clock = options.clock
    this.random = options.random
    this.#store = new Store({
      ringCapacity: options.ringCapacity ?? 10_000,
      podRingCapacity: options.podRingCapacity ?? 100_000,
      journal: options.journal,
    })
    this.#journal = options.journal
    this.#aggregation = new RoleAggregation(this.#store)
    this.#rbac = options.authorizationMode === 'RBAC' ? new RbacAuthorizer(this.#store) : undefined
    this.authorizer = this.#rbac
    this.#ownership = new FieldOwnership(this.registry, options.clock)
    this.#objects = new StoredObjects(this.#store, this.registry)
    this.#termination = new Termination(this.#store, this.registry, {
      remove: (info, key) => this.#removeQuietly(info, key),
      now: () => this.clock.now(),
    })
    this.#expiry = new EventExpiry(this.clock, (event) => this.#expire(event))
    this.#store.onCommit = (collection, event) => this.#onCommit(collection, event)
    this.#admission = new Admission(this.#store, options.random, {
      tokenVolumes: options.tokenVolumes ?? true,
      serviceNetwork: options.serviceNetwork ?? '10.100',
    })
    this.#definitions = this.#keptDefinitions()
    this.#pages = new ListPages(options.clock)
    this.#tokens = new ServiceAccountTokens(this.#store, options.random.split('tokens'))
    this.#legacyTokens = new LegacyTokens(this.#store, this.#tokens, () => this.certificateAuthority)
    if (options.journal !== undefined) this.#resume()
  }

  /** The version of the last commit; every watcher in process has heard of it once the current call returns. */
  get resourceVersion(): string {
    return String(this.#store.revision)
  }

  /**
   * Undefined when a crash would lose nothing of what the server now shows; else resolves when that holds. What leaves
   * the process waits for it. Rejects with JournalError while the disk refuses.
   */
  durable(): Promise<void> | undefined {
    return this.#journal?.durable()
  }

  /** The resource that serves a type. @throws {KubeError} notFound */
  resource(type: { readonly group: string; readonly version: string; readonly plural: string }): ResourceInfo {
    const info = this.registry.find(type.group, type.version, type.plural)
    if (info === undefined) throw resourceNotFound()
    return info
  }

  /** The in-process door, as one user. */
  client(user: UserInfo, userAgent: string): KubeApi {
    return new InProcessClient(this, user, userAgent)
  }

  get(
    context: RequestContext,
    info: ResourceInfo,
    key: ObjectKey,
    options: { readonly resourceVersion?: string | undefined } = {},
  ): StoredObject {
    this.#allow(context, info, 'get', key)
    checkReached(revisionOfOne(options.resourceVersion), this.#store.revision)
    const computed = this.#computed(info, { ...everything, namespace: key.namespace, name: key.name })
    if (computed === undefined) return this.#objects.serve(info, this.#objects.find(info, key))
    const found = computed.find(
      ({ metadata }) => metadata.name === key.name && (!info.namespaced || metadata.namespace === key.namespace),
    )
    if (found === undefined) throw notFound(info, key.name)
    return found
  }

  /** In key order. @throws {KubeError} gone for a continue token or an exact version that is no longer kept */
  list(context: RequestContext, info: ResourceInfo, options: ServerListOptions = {}): ServerList {
    this.#allow(context, info, 'list', options)
    return this.#list(info, options)
  }

  #list(info: ResourceInfo, options: ServerListOptions): ServerList {
    const filter = filterOf(info, options)
    const { revision } = this.#store
    checkListOptions(listOptionErrors(options))
    const current = (): { readonly items: readonly StoredObject[]; readonly revision: number } => ({
      items:
        this.#computed(info, filter)?.filter((object) => isWithin(object, filter)) ??
        this.#objects.collection(info).list(filter),
      revision,
    })
    let page: Page
    if (options.continue !== undefined && options.continue !== '') {
      page = this.#pages.next(info, options.continue, options, current)
    } else {
      const asked = revisionOf(options.resourceVersion)
      checkReached(asked, revision)
      const exact = options.resourceVersionMatch === 'Exact' ? asked! : revision
      const items =
        exact === revision
          ? current().items
          : stateAt(this.#objects.collection(info), exact, (object) => isWithin(object, filter))
      page = this.#pages.first(info, items, exact, options)
    }
    const { continue: token, remainingItemCount } = page
    return {
      items: this.#objects.serveAll(info, page.items),
      resourceVersion: String(page.revision),
      ...(token === undefined ? {} : { continue: token }),
      ...(remainingItemCount === undefined ? {} : { remainingItemCount }),
    }
  }

  /**
   * Delivers to the sink what the options ask for: first the current state or the missed events, before this returns,
   * then each commit as it happens.
   * @throws {KubeError} gone when the version is older than what is kept, timeout when it is not reached yet
   */
  watch(
    context: RequestContext,
    info: ResourceInfo,
    options: ServerWatchOptions,
    sink: WatchSink<StoredObject>,
  ): Subscription {
    this.#allow(context, info, 'watch', options)
    const filter = filterOf(info, options)
    const collection = this.#objects.collection(info)
    const asked = revisionOfOne(options.resourceVersion)
    const send = this.#sending(info, sink)
    const deliver = (event: StoreEvent): void => {
      const was = event.previous !== undefined && isWithin(event.previous, filter)
      const is = event.type !== 'DELETED' && isWithin(event.object, filter)
      if (!was && !is) return
      const type = is ? (was ? 'MODIFIED' : 'ADDED') : 'DELETED'
      send(() => ({ type, object: this.#objects.serve(info, event.object) }))
    }
    if (options.sendInitialEvents !== true && asked !== undefined && asked > 0) {
      return this.#store.listenSince(collection, filter, asked, deliver)
    }
    checkReached(asked, this.#store.revision)
    const revision = this.#store.revision
    const initial = options.sendInitialEvents === false ? [] : collection.list(filter)
    let stopped = false
    const subscription = this.#store.listen(collection, filter, deliver)
    const stop = (): void => {
      stopped = true
      subscription.stop()
    }
    for (const object of initial) {
      if (!stopped) send(() => ({ type: 'ADDED', object: this.#objects.serve(info, object) }))
    }
    if (options.sendInitialEvents === true && options.allowBookmarks !== false && !stopped) {
      send(() => ({ type: 'BOOKMARK', resourceVersion: String(revision), initialEventsEnd: true }))
    }
    return { stop }
  }

  create(
    context: RequestContext,
    info: ResourceInfo,
    namespace: string | undefined,
    input: ObjectInput,
    options: WriteOptions = {},
  ): StoredObject {
    this.#allow(context, info, 'create', { namespace })
    return this.#create(context, info, namespace, input, options, undefined)
  }

  /** `managers`: who manages what of the object, when an apply creates it. */
  #create(
    context: RequestContext,
    info: ResourceInfo,
    namespace: string | undefined,
    input: ObjectInput,
    options: WriteOptions,
    managers: readonly Manager[] | undefined,
  ): StoredObject {
    const rules = rulesOf(info)
    const virtual = this.#virtual(context, info, namespace, input)
    if (virtual !== undefined) return virtual
    const sent = decoded(context, info, input)
    const meta = sent.metadata ?? {}
    const home = this.#namespaceOf(info, namespace, meta)
    // An apply that creates may name a version; it had nothing to be compared with.
    if (managers === undefined && options.dryRun !== true && !['', '0'].includes(meta.resourceVersion ?? '')) {
      const why = 'resourceVersion should not be set on objects to be created'
      throw failure('internal', why, undefined, { reason: '' })
    }
    if (home !== '') this.#checkNamespace(info, home, meta)
    const name = this.#nameFor(info, home, meta)
    const key: StoreKey = { collection: this.#objects.collection(info), namespace: home, name }
    const { managedFields: _m, deletionTimestamp: _t, deletionGracePeriodSeconds: _g, selfLink: _s, ...given } = meta
    const metadata: StoredObject['metadata'] = {
      ...given,
      name,
      uid: uuid(this.random),
      resourceVersion: '',
      creationTimestamp: timestamp(this.clock.now()),
    }
    if (home !== '') Object.assign(metadata, { namespace: home })
    if (rules.generation) Object.assign(metadata, { generation: 1 })
    const { apiVersion: _a, kind: _k, metadata: _o, ...body } = sent
    let object: StoredObject = { apiVersion: storageApiVersion(info), kind: info.kind, metadata, ...body }
    if (info.subresources.has('status') && !rules.statusOnCreate) object = withField(object, 'status', undefined)
    object = this.#typed(context, info, toStored(info, object))
    const errors = [...nameErrors(name, rules.names, 'metadata.name'), ...metadataErrors(object.metadata, undefined)]
    if (info.custom === undefined) errors.push(...finalizerErrors(object.metadata, undefined))
    const tracked = managers === undefined && context.inProcess !== true && isTracked(info)
    // What admission adds is nobody's: ownership is that of the object as it was sent and filled.
    let owned: StoredObject | undefined
    if (isPods(info)) {
      if (tracked) owned = rules.defaults?.(object, this.clock.now())
      const prepared = this.#admission.pod(object)
      object = prepared.pod
      errors.push(...prepared.errors)
    } else {
      const filled = rules.defaults?.(object, this.clock.now()) ?? object
      // Nor is what is generated from the uid.
      owned = filled
      if (tracked) owned = rules.defaults?.(withMeta(object, { uid: '' }), this.clock.now()) ?? object
      object = this.#admission.admit(info, filled, undefined)
      errors.push(...(rules.validate?.(object) ?? []))
      object = checkCustom(context, info, object, undefined, errors)
      // A field that was pruned is owned by nobody either.
      if (info.custom !== undefined) owned = object
    }
    if (errors.length > 0) throw invalid(info, name, errors)
    if (isDefinitions(info)) object = this.#definitions.named(object)
    if (context.inProcess !== true) context.warnings.push(...warningsFor(info, object, undefined))
    if (this.#rbac !== undefined) checkEscalation(this.#rbac, context.user, info, object, undefined)
    if (managers !== undefined) object = withMeta(object, { managedFields: entriesOf(managers) })
    else if (tracked && owned !== undefined) {
      object = withMeta(object, {
        managedFields: this.#ownership.entriesAfter(context, info, [], undefined, owned, options),
      })
    }
    if (key.collection.get(home, name) !== undefined || this.#isComputed(info, name)) throw alreadyExists(info, name)
    this.#admission.settle(info, {
      object,
      old: undefined,
      subresource: undefined,
      dryRun: options.dryRun === true,
      now: this.clock.now(),
    })
    if (options.dryRun === true) return this.#objects.answer(info, object, object)
    const stored = this.#store.add(key, this.#objects.forStorage(info, object))
    this.#admission.stored(stored)
    if (isNamespaces(info)) this.#furnish(stored)
    if (isDefinitions(info)) this.#definitions.serve(stored)
    return this.#objects.answer(info, object, stored)
  }

  update(
    context: RequestContext,
    info: ResourceInfo,
    key: ObjectKey,
    input: ObjectInput,
    options: UpdateOptions = {},
  ): StoredObject {
    this.#allow(context, info, 'update', { ...key, subresource: options.subresource })
    return this.#overwrite(context, info, key, input, options)
  }

  #overwrite(
    context: RequestContext,
    info: ResourceInfo,
    key: ObjectKey,
    input: ObjectInput,
    options: UpdateOptions,
  ): StoredObject {
    const sent = decoded(context, info, input)
    const meta = sent.metadata ?? {}
    if (meta.name !== undefined && meta.name !== '' && meta.name !== key.name) {
      throw badRequest(`the name of the object (${meta.name}) does not match the name on the URL (${key.name})`)
    }
    this.#namespaceOf(info, key.namespace, meta)
    if (context.inProcess !== true && options.subresource === undefined) checkNamed(key.name, sent)
    const isNew = rulesOf(info).createdByUpdate && this.#objects.get(info, key) === undefined
    if (isNew && options.subresource === undefined) {
      this.#allow(context, info, 'create', key)
      return this.#create(context, info, key.namespace, sent, options, undefined)
    }
    return this.#write(context, info, key, sent, options)
  }

  patch(
    context: RequestContext,
    info: ResourceInfo,
    key: ObjectKey,
    kind: PatchKind,
    body: unknown,
    options: PatchOptions = {},
  ): { readonly object: StoredObject; readonly created: boolean } {
    this.#allow(context, info, 'patch', { ...key, subresource: options.subresource })
    if (options.subresource === 'scale') return this.#patchScale(context, info, key, kind, body, options)
    if (kind === 'apply') return this.#apply(context, info, key, body, options)
    const current = this.#objects.serve(info, this.#objects.find(info, key))
    const patched = this.#patched(info, current, kind, body)
    if (!isFields(patched)) throw badRequest('Invalid JSON Patch')
    const input = this.#decodePatched(context, info, patched as ObjectInput, options)
    checkPatched(info, current, input)
    return { object: this.#overwrite(context, info, key, input, options), created: false }
  }

  delete(context: RequestContext, info: ResourceInfo, key: ObjectKey, options: DeletionOptions = {}): Deletion {
    this.#allow(context, info, 'delete', key)
    return this.#delete(info, key, options)
  }

  #delete(info: ResourceInfo, key: ObjectKey, options: DeletionOptions): Deletion {
    const present = this.#objects.find(info, key)
    // What is answered afterwards is converted before anything is deleted.
    this.#objects.workedOn(info, present)
    let found = present
    if (isNamespaces(info)) checkNamespaceDeletion(key.name)
    checkPreconditions(info, found, options.preconditions)
    const place = this.#objects.place(info, key)
    const dryRun = options.dryRun?.includes('All') === true
    if (isNamespaces(info) && namespaceFinalizers(found).length > 0) {
      const next = terminatingNamespace(found, this.clock.now())
      return { object: dryRun ? next : this.#store.put(place, found, next) }
    }
    if (isDefinitions(info) && !(found.metadata.finalizers ?? []).includes(cleanupFinalizer)) {
      const { group, names } = found.spec as { readonly group: string; readonly names: { readonly plural: string } }
      if (this.#store.collection(group, names.plural).size > 0) {
        const finalizers = [...(found.metadata.finalizers ?? []), cleanupFinalizer]
        found = withMeta(found, { finalizers })
      }
    }
    const next = afterDeletion(found, rulesOf(info), options, this.clock.now())
    if (next === undefined) {
      const gone = dryRun ? present : this.#store.remove(place, present)
      if (rulesOf(info).returnsDeleted) return { object: this.#objects.serve(info, lastForm(gone, this.clock.now())) }
      return { status: deletedStatus(info, gone) }
    }
    if (equal(next, present)) return { object: this.#objects.serve(info, present) }
    return { object: this.#objects.serve(info, dryRun ? next : this.#store.put(place, present, next)) }
  }

  /** Deletes what matches, each with the same options; returns what it deleted. */
  deleteCollection(
    context: RequestContext,
    info: ResourceInfo,
    selection: ServerListOptions,
    options: DeletionOptions = {},
  ): ServerList {
    this.#allow(context, info, 'deletecollection', selection)
    const found = this.#list(info, selection)
    for (const object of found.items) {
      try {
        this.#delete(info, { namespace: object.metadata.namespace, name: object.metadata.name }, options)
      } catch (error) {
        if (!(error instanceof KubeError && error.failure === 'notFound')) throw error
      }
    }
    return found
  }

  getScale(context: RequestContext, info: ResourceInfo, key: ObjectKey): Scale {
    this.#allow(context, info, 'get', { ...key, subresource: 'scale' })
    return scaleOf(info, this.#objects.workedOn(info, this.#objects.find(info, key)))
  }

  updateScale(
    context: RequestContext,
    info: ResourceInfo,
    key: ObjectKey,
    scale: Scale,
    options: WriteOptions = {},
  ): Scale {
    this.#allow(context, info, 'update', { ...key, subresource: 'scale' })
    return this.#writeScale(context, info, key, scale, options)
  }

  #writeScale(context: RequestContext, info: ResourceInfo, key: ObjectKey, scale: Scale, options: WriteOptions): Scale {
    const { metadata, ...scaled } = withScale(info, this.#objects.workedOn(info, this.#objects.find(info, key)), scale)
    const version = scale.metadata?.resourceVersion ?? ''
    const asked = { ...metadata, resourceVersion: version === '' ? metadata.resourceVersion : version }
    const written = { fieldManager: options.fieldManager, dryRun: options.dryRun, writtenAs: 'scale' }
    return scaleOf(info, this.#write(context, info, key, { ...scaled, metadata: asked }, written))
  }

  /** POST pods/NAME/binding. Answers the Status of success. */
  bind(context: RequestContext, key: ObjectKey, binding: ObjectInput, options: WriteOptions = {}): Fields {
    const info = this.resource(podsType)
    this.#allow(context, info, 'create', { ...key, subresource: 'binding' })
    const pod = this.#objects.find(info, key)
    const next = bound(pod, binding, this.clock.now())
    if (options.dryRun !== true) this.#store.put(this.#objects.place(info, key), pod, next)
    return { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 }
  }

  /** POST pods/NAME/eviction. Answers the Status of success. @throws {KubeError} tooManyRequests while a budget refuses */
  evict(context: RequestContext, key: ObjectKey, eviction: ObjectInput, options: WriteOptions = {}): Fields {
    const info = this.resource(podsType)
    this.#allow(context, info, 'create', { ...key, subresource: 'eviction' })
    const pod = this.#objects.find(info, key)
    const asked = (eviction['deleteOptions'] ?? {}) as DeletionOptions
    const dryRun = options.dryRun === true || asked.dryRun?.includes('All') === true
    const success: Fields = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 }
    const now = this.clock.now()
    const budgets = this.#store.collection('policy', 'poddisruptionbudgets')
    const verdict = evictionVerdict(
      pod,
      budgets.list({ namespace: key.namespace, matches: undefined, name: undefined, nodeName: undefined }),
      now,
    )
    if (dryRun) return success
    if (verdict.kind === 'spend') {
      checkPreconditions(info, pod, asked.preconditions)
      const { metadata } = verdict.budget
      const place = { collection: budgets, namespace: metadata.namespace ?? '', name: metadata.name }
      this.#store.put(place, verdict.budget, { ...verdict.budget, status: verdict.status })
    }
    if (verdict.kind !== 'delete') {
      const disrupted = {
        type: 'DisruptionTarget',
        status: 'True',
        reason: 'EvictionByEvictionAPI',
        message: 'Eviction API: evicting',
      }
      this.#store.put(this.#objects.place(info, key), pod, {
        ...pod,
        status: withCondition(pod.status ?? {}, disrupted, now),
      })
    }
    const uid = asked.preconditions?.uid
    this.#delete(info, key, { ...asked, preconditions: uid === undefined ? undefined : { uid } })
    return success
  }

  /** POST serviceaccounts/NAME/token: a TokenRequest with its status. */
  token(context: RequestContext, key: ObjectKey, request: ObjectInput): Fields {
    const info = this.resource({ group: '', version: 'v1', plural: 'serviceaccounts' })
    this.#allow(context, info, 'create', { ...key, subresource: 'token' })
    return this.#tokens.issue(this.#objects.find(info, key), request, this.clock.now())
  }

  /** Whose token it is, and for which of the audiences; for this server when none are given. */
  tokenOwner(token: string, audiences: readonly string[] = []): TokenOwner {
    const user = this.otherTokens?.(token)
    if (user === undefined) return this.#tokens.owner(token, audiences, this.clock.now())
    const { issuer } = this.#tokens
    return audiences.length === 0 || audiences.includes(issuer) ? { user, audiences: [issuer] } : invalidToken
  }

  /** Set by the wire layer, which has a key. */
  set tokenSigner(signer: TokenSigner) {
    this.#tokens.signer = signer
  }

  /** GET pods/NAME/log. @throws {KubeError} badRequest when the container must be named, is unknown or waits to start */
  log(context: RequestContext, key: ObjectKey, options: LogOptions, sink: LogSink): Subscription {
    const info = this.resource(podsType)
    this.#allow(context, info, 'get', { ...key, subresource: 'log' })
    const pod = this.#objects.find(info, key)
    const container = containerForLog(pod, options.container, options.previous === true)
    if ((pod.spec?.['nodeName'] ?? '') === '') {
      sink.end()
      return { stop: () => {} }
    }
    if (this.podLogs === undefined) throw noLogs()
    const place = { namespace: pod.metadata.namespace ?? '', name: pod.metadata.name }
    const reading = this.podLogs.read(place, { ...options, container }, sink)
    if (reading instanceof KubeError) throw reading
    return reading
  }

  /** The object behind a proxy, for those who may connect to it. @throws {KubeError} notFound, forbidden */
  proxied(
    context: RequestContext,
    info: ResourceInfo,
    key: ObjectKey,
    method: string,
    subresource = 'proxy',
  ): StoredObject {
    this.#allow(context, info, own(proxyVerbs, method) ?? 'get', { ...key, subresource })
    return this.#objects.find(info, key)
  }

  /** Where objects are that name `uid` as an owner. */
  dependents(uid: string): readonly { readonly info: ResourceInfo; readonly key: ObjectKey }[] {
    return this.#objects.dependents(uid)
  }

  /** Stops the server's timers: nothing keeps the process alive afterwards. */
  close(): void {
    this.#expiry.close()
  }

  #removeQuietly(info: ResourceInfo, key: ObjectKey): void {
    try {
      this.#delete(info, key, { propagationPolicy: 'Background' })
    } catch (error) {
      if (!(error instanceof KubeError && error.failure === 'notFound')) throw error
    }
  }

  #expire(event: StoredObject): void {
    const { namespace = '', name, uid, resourceVersion } = event.metadata
    const collection = this.#store.collection('', 'events')
    const present = collection.get(namespace, name)
    // An event that was updated since has been noted again.
    if (present?.metadata.uid !== uid || present.metadata.resourceVersion !== resourceVersion) return
    this.#store.remove({ collection, namespace, name }, present)
  }

  // --- reading ---

  #isComputed(info: ResourceInfo, name: string): boolean {
    return this.#computed(info, { ...everything, name })?.some(({ metadata }) => metadata.name === name) === true
  }

  #computed(info: ResourceInfo, filter: Filter): StoredObject[] | undefined {
    return computedList(info, filter, () => ({
      now: this.clock.now(),
      usage: this.usage,
      nodes: this.#store.collection('', 'nodes'),
      pods: this.#store.collection('', 'pods'),
      apiServices: this.#store.collection('apiregistration.k8s.io', 'apiservices'),
      since: this.#store.collection('', 'namespaces').get('', 'default')?.metadata.creationTimestamp,
      resources: this.registry.resources(),
    }))
  }

  /** @throws {KubeError} forbidden, methodNotAllowed, notFound for an unknown subresource */
  #allow(context: RequestContext, info: ResourceInfo, verb: string, place: Place): void {
    const { subresource } = place
    const verbs = subresource === undefined ? info.verbs : info.subresources.get(subresource)?.verbs
    if (verbs === undefined) throw resourceNotFound()
    if (this.authorizer !== undefined) {
      const request = attributesOf(info, verb, place)
      const { allowed, reason } = this.authorizer.resource(context.user, request)
      if (!allowed) throw notAuthorized(context.user, request, reason)
    }
    if (!verbs.includes(verb)) throw methodNotAllowed(info, verb)
  }

  // --- writing ---

  #apply(
    context: RequestContext,
    info: ResourceInfo,
    key: ObjectKey,
    body: unknown,
    options: PatchOptions,
  ): { readonly object: StoredObject; readonly created: boolean } {
    const manager = options.fieldManager ?? ''
    if (manager === '') {
      throw invalid({ group: 'meta.k8s.io', kind: 'PatchOptions' }, '', [
        required('fieldManager', 'is required for apply patch'),
      ])
    }
    const applied = appliedInput(info, key, body, options)
    const found = this.#objects.get(info, key)
    const live = found === undefined ? undefined : this.#objects.workedOn(info, found)
    const { object, managers } = this.#ownership.applied(info, live, applied, manager, options)
    if (live !== undefined) checkPatched(info, live, applied)
    else {
      if (options.subresource !== undefined) throw notFound(info, key.name)
      this.#allow(context, info, 'create', key)
      checkUnborn(info, key.name, applied)
      return { object: this.#create(context, info, key.namespace, object, options, managers), created: true }
    }
    return { object: this.#write(context, info, key, object, options, managers), created: false }
  }

  #decodePatched(
    context: RequestContext,
    info: ResourceInfo,
    object: ObjectInput,
    { fieldValidation }: PatchOptions,
  ): ObjectInput {
    if (fieldValidation === undefined || this.decoder === undefined) return object
    return this.decoder(context, info, object, fieldValidation)
  }

  #patchScale(
    context: RequestContext,
    info: ResourceInfo,
    key: ObjectKey,
    kind: PatchKind,
    body: unknown,
    options: PatchOptions,
  ): { readonly object: StoredObject; readonly created: boolean } {
    const scale = scaleOf(info, this.#objects.workedOn(info, this.#objects.find(info, key))) as unknown as StoredObject
    if (kind === 'apply') {
      const applied = appliedScale(info, key, body)
      const live = this.#objects.find(info, key)
      const { object, managers } = this.#ownership.applied(info, live, applied, options.fieldManager ?? '', options)
      const written = { fieldManager: options.fieldManager, dryRun: options.dryRun }
      const scaled = scaleOf(info, this.#write(context, info, key, object, written, managers))
      return { object: scaled as unknown as StoredObject, created: false }
    }
    // The Scale type has no lists to merge: a strategic patch of it is a merge patch.
    const patched = kind === 'json' ? jsonPatch(scale, body) : mergePatch(scale, body)
    const object = this.#writeScale(context, info, key, patched as Scale, options)
    return { object: object as unknown as StoredObject, created: false }
  }

  #patched(info: ResourceInfo, current: StoredObject, kind: Exclude<PatchKind, 'apply'>, body: unknown): unknown {
    switch (kind) {
      case 'json':
        return jsonPatch(current, body)
      case 'merge':
        if (!isFields(body) && body !== null) throw patchNotAnObject(body, 'error decoding patch: ')
        return mergePatch(current, body)
      case 'strategic': {
        const schema = info.schemaName === undefined ? undefined : schemaNamed(info.schemaName)
        if (schema === undefined) throw failure('unsupportedMediaType', strategicRefused)
        if (!isFields(body)) throw patchNotAnObject(body, '')
        return strategicMergePatch(current, body, schema)
      }
      default:
        return assertNever(kind)
    }
  }

  #namespaceOf(info: ResourceInfo, fromUrl: string | undefined, meta: ObjectMeta): string {
    if (!info.namespaced) return ''
    const inBody = meta.namespace ?? ''
    const namespace = fromUrl ?? ''
    if (namespace === '') throw badRequest('an empty namespace may not be set during creation')
    if (inBody !== '' && inBody !== namespace) {
      throw badRequest('the namespace of the provided object does not match the namespace sent on the request')
    }
    return namespace
  }

  #checkNamespace(info: ResourceInfo, namespace: string, meta: ObjectMeta): void {
    const found = this.#store.collection('', 'namespaces').get('', namespace)
    if (found === undefined) throw notFound({ group: '', plural: 'namespaces', kind: 'Namespace' }, namespace)
    if (found.metadata.deletionTimestamp === undefined) return
    throw forbidden(
      info,
      meta.name ?? '',
      `unable to create new content in namespace ${namespace} because it is being terminated`,
      [
        {
          reason: 'NamespaceTerminating',
          message: `namespace ${namespace} is being terminated`,
          field: 'metadata.namespace',
        },
      ],
    )
  }

  #nameFor(info: ResourceInfo, namespace: string, meta: ObjectMeta): string {
    if (meta.name !== undefined && meta.name !== '') return meta.name
    const base = meta.generateName ?? ''
    if (base === '') {
      throw invalid(info, '', [required('metadata.name', 'name or generateName is required')])
    }
    const collection = this.#objects.collection(info)
    for (let attempt = 0; attempt < 8; attempt++) {
      const name = generateName(base, this.random)
      if (collection.get(namespace, name) === undefined) return name
    }
    throw alreadyExists(info, base)
  }

  #write(
    context: RequestContext,
    info: ResourceInfo,
    key: ObjectKey,
    sent: ObjectInput,
    options: UpdateOptions & { readonly writtenAs?: string },
    managers?: readonly Manager[],
  ): StoredObject {
    const rules = rulesOf(info)
    const present = this.#objects.find(info, key)
    const old = this.#objects.workedOn(info, present)
    checkVersion(info, old, sent.metadata ?? {})
    const merged = mergeUpdate(info, old, toStored(info, sent as StoredObject), options.subresource)
    let next = merged
    next = this.#typed(context, info, next)
    checkFinalizers(info, next, old)
    const errors = metadataErrors(next.metadata, old.metadata)
    if (info.custom === undefined) errors.push(...finalizerErrors(next.metadata, old.metadata))
    const { deletionTimestamp } = sent.metadata ?? {}
    if (deletionTimestamp !== undefined && deletionTimestamp !== old.metadata.deletionTimestamp) {
      errors.push(invalidValue('metadata.deletionTimestamp', deletionTimestamp, 'field is immutable'))
    }
    if (options.subresource !== 'status') {
      next = this.#admission.admit(info, rules.defaults?.(next, this.clock.now()) ?? next, old)
      // Resizing and debugging change what the main endpoint may not.
      const own = options.subresource === 'resize' || options.subresource === 'ephemeralcontainers'
      errors.push(
        ...(rules.validate?.(next) ?? []),
        ...(own ? podErrors(next) : (rules.validateUpdate?.(next, old) ?? [])),
        ...subresourceErrors(next, old, options.subresource),
      )
    }
    next = checkCustom(context, info, next, old, errors, options.subresource === 'status')
    if (errors.length > 0) throw invalid(info, key.name, errors)
    if (context.inProcess !== true) context.warnings.push(...warningsFor(info, next, old))
    if (this.#rbac !== undefined) checkEscalation(this.#rbac, context.user, info, next, old)
    const counts = specChanged(next, old) || annotationsCount(context, next, old)
    if (rules.generation && options.subresource !== 'status' && counts) {
      next = withMeta(next, { generation: (old.metadata.generation ?? 0) + 1 })
    }
    const entries = managers === undefined ? heldEntries(sent, old) : entriesOf(managers)
    if (next.metadata.managedFields !== entries) next = withMeta(next, { managedFields: entries })
    if (isDefinitions(info) && options.subresource !== 'status') next = this.#definitions.named(next)
    if (equal(next, old)) return this.#objects.serve(info, present)
    if (managers === undefined && next.metadata.managedFields !== undefined) {
      const held = managersOf(next.metadata.managedFields)
      next = withMeta(next, { managedFields: this.#ownership.entriesAfter(context, info, held, old, next, options) })
    }
    this.#admission.settle(info, {
      object: next,
      old,
      subresource: options.subresource ?? options.writtenAs,
      dryRun: options.dryRun === true,
      now: this.clock.now(),
    })
    const converted = this.#objects.forStorage(info, next)
    if (options.dryRun === true) return this.#objects.answer(info, next, next)
    const place = this.#objects.place(info, key)
    if (!isNamespaces(info) && finalizersGone(next, old)) {
      return this.#objects.answer(info, next, this.#store.remove(place, present, converted))
    }
    const stored = this.#store.put(place, present, converted)
    this.#admission.stored(stored)
    if (isDefinitions(info)) this.#definitions.serve(stored)
    return this.#objects.answer(info, next, stored)
  }

  /** The object as its Go type would hold it. Writers in process write it so, but for the status that they leave out. */
  #typed(context: RequestContext, info: ResourceInfo, object: StoredObject): StoredObject {
    const stored = this.registry.find(info.storage.group, info.storage.version, info.plural) ?? info
    if (stored.schemaName === undefined) return object
    if (context.inProcess !== true) return goShape(canonicalQuantities(object, stored.schemaName), stored.schemaName)
    return object.status === undefined ? withField(object, 'status', goZero(stored.schemaName)['status']) : object
  }

  #keptDefinitions(): Definitions {
    const collection = this.#store.collection('apiextensions.k8s.io', 'customresourcedefinitions')
    return new Definitions({
      collection,
      registry: this.registry,
      clock: this.clock,
      converter: (group, kind) => this.converters.get(`${group}/${kind}`),
      put: (present, next) => this.#store.put({ collection, namespace: '', name: next.metadata.name }, present, next),
    })
  }

  /** How a watch tells its events: at once, or after what a webhook must convert first. */
  #sending(info: ResourceInfo, sink: WatchSink<StoredObject>): (make: () => WatchEvent<StoredObject>) => void {
    if (info.custom?.conversion === undefined) return (make) => sink.event(make())
    const late = new LateEvents(sink, (needed) => this.converted(needed))
    return (make) => late.send(make)
  }

  /** Has a webhook convert what a request needs; it is brought again afterwards. @throws {KubeError} internal */
  converted(needed: ConversionNeeded): Promise<void> {
    return needed.conversion.ask(needed, this.webhookCaller)
  }

  /** Takes up what an earlier process kept: what is served, what expires, what was being taken apart. */
  #resume(): void {
    const definitions = this.#store.collection('apiextensions.k8s.io', 'customresourcedefinitions')
    for (const definition of definitions.list(everything)) this.#definitions.serve(definition)
    // What is told of them may make further ones.
    const collections = Array.from(this.#store.collections())
    for (const collection of collections) {
      for (const object of collection.list(everything)) {
        const revision = Number(object.metadata.resourceVersion)
        this.#admission.stored(object)
        this.#onCommit(collection, { revision, type: 'ADDED', object, previous: undefined })
      }
    }
  }

  #onCommit(collection: Collection, event: StoreEvent): void {
    this.#rbac?.onCommit(collection, event)
    this.#aggregation.onCommit(collection)
    this.#legacyTokens.onCommit(collection, event)
    this.#termination.onCommit(collection, event)
    this.#definitions.onCommit(collection, event)
    if (collection.id === '/events' && event.type !== 'DELETED') this.#expiry.note(event.object)
  }

  /** Resources that are answered, not stored; undefined for the others. */
  #virtual(
    context: RequestContext,
    info: ResourceInfo,
    namespace: string | undefined,
    input: ObjectInput,
  ): StoredObject | undefined {
    if (info.group === 'authentication.k8s.io' || info.group === 'authorization.k8s.io') {
      return review(info, context, input, {
        now: this.clock.now(),
        namespace,
        authorizer: this.authorizer,
        tokenOwner: (token, audiences) => this.tokenOwner(token, audiences),
      })
    }
    if (info.group === '' && info.plural === 'bindings') {
      const { name = '' } = input.metadata ?? {}
      return this.bind(
        context,
        { namespace: namespace ?? input.metadata?.namespace, name },
        input,
      ) as unknown as StoredObject
    }
    return undefined
  }

  /** What every new namespace is given. */
  #furnish(namespace: StoredObject): void {
    const home = namespace.metadata.name
    const user = { name: 'system:kube-controller-manager', groups: ['system:masters', 'system:authenticated'] }
    const within: RequestContext = { user, warnings: [], inProcess: true, userAgent: 'kube-controller-manager' }
    const make = (plural: string, object: ObjectInput): void => {
      const info = this.resource({ group: '', version: 'v1', plural })
      if (this.#objects.collection(info).get(home, object.metadata!.name!) === undefined) {
        this.create(within, info, home, object)
      }
    }
    make('serviceaccounts', { metadata: { name: 'default' } })
    make('configmaps', {
      metadata: {
        name: 'kube-root-ca.crt',
        annotations: { 'kubernetes.io/description': rootCertificateDescription },
      },
      data: { 'ca.crt': this.certificateAuthority },
    })
  }
}

/** Upstream's words (kubernetes/kubernetes:pkg/controller/certificates/rootcacertpublisher). */
const rootCertificateDescription =
  'Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the ' +
  'internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes clusters.'

/** Events and leases are written too often, and never applied. */
function isTracked(info: ResourceInfo): boolean {
  return info.plural !== 'events' && info.plural !== 'leases'
}

/** Prunes, fills and checks a custom resource; what is wrong is added to `errors`. */
function checkCustom(
  context: RequestContext,
  info: ResourceInfo,
  object: StoredObject,
  old: StoredObject | undefined,
  errors: FieldError[],
  status = false,
): StoredObject {
  if (info.custom === undefined) return object
  const checked = checkedCustomObject(info.custom, object, old, status)
  errors.push(...checked.errors)
  context.warnings.push(...checked.warnings)
  return checked.object
}

function isWithin(object: StoredObject, filter: Filter): boolean {
  return (
    (filter.namespace === undefined || object.metadata.namespace === filter.namespace) &&
    filter.matches?.(object) !== false
  )
}

function podErrors(pod: StoredObject): readonly FieldError[] {
  return podSpecErrors(fieldsOf(pod.spec), 'spec')
}

function isPods(info: ResourceInfo): boolean {
  return info.group === '' && info.plural === 'pods'
}

function isDefinitions(info: ResourceInfo): boolean {
  return info.group === 'apiextensions.k8s.io' && info.plural === 'customresourcedefinitions'
}

function isNamespaces(info: ResourceInfo): boolean {
  return info.group === '' && info.plural === 'namespaces'
}

function storageApiVersion(info: ResourceInfo): string {
  return apiVersionOf(info.storage)
}
