// What a method on a resource path asks of the API server.
import { setTimeout as sleep } from 'node:timers/promises'
import { parseGoDuration, type ObjectKey, type Scale } from '@plimsoll/model'
import { KubeError } from '@plimsoll/ports'
import type { ApiServer } from '../api-server.ts'
import {
  badRequest,
  failure,
  forbiddenField,
  invalid,
  invalidValue,
  noSuchMethod,
  required,
  resourceNotFound,
  unsupported,
} from '../errors.ts'
import { fieldsOf, type Fields, type ObjectInput, type StoredObject } from '../object.ts'
import { jsonPatch } from '../patch/json-patch.ts'
import { mergePatch } from '../patch/merge-patch.ts'
import { checkListOptions, listOptionErrors, watchOptionErrors } from '../list-pages.ts'
import type { ResourceInfo } from '../registry.ts'
import type {
  DeletionOptions,
  FieldValidation,
  PatchKind,
  RequestContext,
  ServerListOptions,
  ServerWatchOptions,
  WriteSubresource,
} from '../request.ts'
import { goText } from '../wire/go-text.ts'
import {
  decodeBody,
  decodeObject,
  mediaTypeOf,
  parseJson,
  duplicatesIn,
  parseApply,
  unsupportedBody,
  type BodyType,
} from '../wire/request-body.ts'
import type { Query } from '../wire/query.ts'
import type { ResourcePath } from '../wire/resource-path.ts'
import { partialMetadata, printerOf, rowOf, type IncludeObject } from '../wire/table/index.ts'
import type { Negotiated } from '../wire/media-type.ts'
import type { Exchange } from './exchange.ts'
import { sendList } from './list-response.ts'
import { sendLog } from './log-response.ts'
import { objectText } from './object-text.ts'
import { streamContainer } from './container-stream.ts'
import { handleProxy } from './proxy.ts'
import { sendWatch } from './watch-response.ts'

interface Call {
  readonly server: ApiServer
  readonly exchange: Exchange
  readonly context: RequestContext
  readonly query: Query
  readonly info: ResourceInfo
  readonly namespace: string | undefined
  /** By the old form of path. */
  readonly watched: boolean
}

/** Patches that a request brings its text of, for the refusal's words. */
export interface PatchContext extends RequestContext {
  readonly patch?: { readonly kind: PatchKind; readonly body: unknown; readonly duplicates: readonly string[] }
}

/** Answers a request for a resource. @throws {KubeError} */
export async function handleResource(exchange: Exchange, path: ResourcePath, server: ApiServer): Promise<void> {
  const info = server.registry.find(path.group, path.version, path.plural)
  if (info === undefined) throw resourceNotFound()
  if (!info.namespaced && path.namespace !== undefined && path.namespace !== '') throw resourceNotFound()
  checkTimeout(exchange.query)
  const call: Call = {
    server,
    exchange,
    context: exchange.context,
    query: exchange.query,
    info,
    namespace: path.namespace === '' ? undefined : path.namespace,
    watched: path.watch,
  }
  if (path.name === undefined) return handleCollection(call)
  if (info.namespaced && path.namespace === undefined) throw resourceNotFound()
  const key = { ...(path.namespace === undefined ? {} : { namespace: path.namespace }), name: path.name }
  if (path.subresource === 'proxy' && info.subresources.has('proxy'))
    return handleProxy(exchange, server, info, key, path.rest)
  if (path.subresource !== undefined) {
    if (path.rest !== undefined) throw resourceNotFound()
    return handleSubresource(call, key, path.subresource)
  }
  return handleObject(call, key)
}

async function handleCollection(call: Call): Promise<void> {
  const { exchange, info, query, watched } = call
  switch (exchange.method) {
    case 'GET':
      if (info.namespaced && call.namespace === undefined && !info.verbs.includes('list')) throw resourceNotFound()
      if (watched || query.flag('watch')) return watch(served(call, 'watch'))
      return list(served(call, 'list'))
    case 'POST':
      return create(served(call, 'create'))
    case 'DELETE':
      return removeCollection(served(call, 'deletecollection'))
    default:
      throw noSuchMethod()
  }
}

async function handleObject(call: Call, key: ObjectKey): Promise<void> {
  switch (call.exchange.method) {
    case 'GET':
      // Watching one object by its path is the old form of a field selector.
      if (call.watched) return watch(served(call, 'watch'), key.name)
      return sendStored(served(call, 'get'), 200, await read(call, key))
    case 'PUT':
      return update(served(call, 'update'), key)
    case 'PATCH':
      return patch(served(call, 'patch'), key)
    case 'DELETE':
      return remove(served(call, 'delete'), key)
    default:
      throw noSuchMethod()
  }
}

function served(call: Call, verb: string): Call {
  if (!call.info.verbs.includes(verb)) throw noSuchMethod()
  return call
}

/** @throws {KubeError} badRequest when how long the client waits is no duration */
function checkTimeout(query: Query): void {
  const text = query.text('timeout')
  if (text === undefined || parseGoDuration(text) !== undefined) return
  throw badRequest(`invalid timeout specified in the request URL - time: invalid duration ${JSON.stringify(text)}`)
}

// --- reading ---

async function read(call: Call, key: ObjectKey): Promise<StoredObject> {
  const { server, context, info, query } = call
  return whenReached(call, () => server.get(context, info, key, { resourceVersion: query.text('resourceVersion') }))
}

async function list(call: Call): Promise<void> {
  const { server, context, info, exchange } = call
  const accepted = shapeOfList(call)
  const options = listOptions(call)
  const include = includeOf(call.query)
  const found = await whenReached(call, () => server.list(context, info, options))
  await sendList(exchange, { info, list: found, accepted, include, now: server.clock.now() })
}

function shapeOfList({ exchange, info }: Call): Negotiated {
  const accepted = exchange.accepted('Table', 'PartialObjectMetadataList', 'PartialObjectMetadata')
  if (accepted.as === 'PartialObjectMetadata') throw otherShape(accepted.as, 'a list', info, info.listKind)
  return accepted
}

function shapeOfObject({ exchange, info }: Call): Negotiated {
  const accepted = exchange.accepted('Table', 'PartialObjectMetadata', 'PartialObjectMetadataList')
  if (accepted.as === 'PartialObjectMetadataList') throw otherShape(accepted.as, 'not a list', info, info.kind)
  return accepted
}

/** Upstream names the Go type. */
function otherShape(asked: string, what: string, info: ResourceInfo, kind: string): KubeError {
  const group = info.group === '' ? 'core' : info.group.split('.')[0]!
  const type =
    info.custom === undefined
      ? `${group}.${kind}`
      : `unstructured.${kind === info.kind ? 'Unstructured' : 'UnstructuredList'}`
  return failure('notAcceptable', `you requested ${asked}, but the requested object is ${what} (*${type})`)
}

function selection(call: Call, name?: string): ServerListOptions {
  const { query, namespace } = call
  const labelSelector = query.text('labelSelector')
  const asked = query.text('fieldSelector')
  const byName = name === undefined ? undefined : `metadata.name=${name}`
  const fieldSelector = [byName, asked].filter((text) => text !== undefined).join(',')
  return {
    ...(namespace === undefined ? {} : { namespace }),
    ...(labelSelector === undefined ? {} : { labelSelector }),
    ...(fieldSelector === '' ? {} : { fieldSelector }),
  }
}

function listOptions(call: Call): ServerListOptions {
  const { query } = call
  const limit = query.whole('limit')
  query.whole('timeoutSeconds')
  const token = query.text('continue')
  const resourceVersion = query.text('resourceVersion')
  const resourceVersionMatch = query.text('resourceVersionMatch')
  const asked = { continue: token, resourceVersion, resourceVersionMatch, sendInitialEvents: initialEvents(query) }
  checkListOptions(listOptionErrors(asked))
  return {
    ...selection(call),
    ...(limit === undefined ? {} : { limit }),
    ...(token === undefined ? {} : { continue: token }),
    ...(resourceVersion === undefined ? {} : { resourceVersion }),
    ...(resourceVersionMatch === undefined
      ? {}
      : { resourceVersionMatch: resourceVersionMatch as 'Exact' | 'NotOlderThan' }),
  }
}

function initialEvents(query: Query): boolean | undefined {
  return query.has('sendInitialEvents') ? query.flag('sendInitialEvents') : undefined
}

const reachMs = 3000

/** Retries a read of a version that is not reached yet, as upstream's watch cache waits for it. */
async function whenReached<T>(call: Call, attempt: () => T): Promise<T> {
  const until = Date.now() + reachMs
  for (;;) {
    try {
      return attempt()
    } catch (error) {
      const early = error instanceof KubeError && error.failure === 'timeout'
      if (!early || Date.now() >= until || call.exchange.response.destroyed) throw error
    }
    await sleep(50)
  }
}

async function watch(call: Call, name?: string): Promise<void> {
  const { server, info, exchange, query } = call
  const accepted = exchange.accepted('Table', 'PartialObjectMetadata')
  if (accepted.format !== 'json') {
    throw failure('notAcceptable', 'only the following media types are accepted: application/json;stream=watch')
  }
  const include = includeOf(query)
  const options = watchOptions(call, name)
  const timeoutMs = watchTimeout(query)
  const asked = Number(options.resourceVersion ?? '0')
  const until = Date.now() + reachMs
  while (asked > Number(server.resourceVersion) && Date.now() < until) await sleep(50)
  sendWatch(exchange, { server, info, options, accepted, include, timeoutMs })
}

function watchOptions(call: Call, name: string | undefined): ServerWatchOptions {
  const { query } = call
  const resourceVersion = query.text('resourceVersion')
  const sendInitialEvents = initialEvents(query)
  const resourceVersionMatch = query.text('resourceVersionMatch')
  checkListOptions(watchOptionErrors({ resourceVersionMatch, sendInitialEvents, continue: query.text('continue') }))
  return {
    ...selection(call, name),
    ...(resourceVersion === undefined ? {} : { resourceVersion }),
    ...(sendInitialEvents === undefined ? {} : { sendInitialEvents }),
    allowBookmarks: query.flag('allowWatchBookmarks'),
  }
}

const watchMs = 1_800_000

/** As asked, else between half an hour and an hour, so that clients do not come back all at once. */
function watchTimeout(query: Query): number {
  const seconds = query.whole('timeoutSeconds')
  const limit = parseGoDuration(query.text('timeout') ?? '')
  const own = seconds === undefined || seconds <= 0 ? watchMs + Math.random() * watchMs : seconds * 1000
  return Math.min(own, limit === undefined || limit <= 0 ? own : limit)
}

function includeOf(query: Query): IncludeObject {
  const include = query.text('includeObject') ?? 'Metadata'
  if (include === 'Metadata' || include === 'Object' || include === 'None') return include
  throw badRequest(
    `Unable to convert to Table as requested: includeObject: Invalid value: ${JSON.stringify(include)}: must be 'Metadata', 'Object', 'None', or empty`,
  )
}

function sendStored(call: Call, status: number, object: StoredObject): void {
  const { exchange, info, server, query } = call
  const accepted = shapeOfObject(call)
  switch (accepted.as) {
    case undefined:
      exchange.sendObject(status, object, accepted.format, objectText(object))
      return
    case 'Table': {
      const printer = printerOf(info)
      const row = rowOf(printer, object, server.clock.now(), includeOf(query), accepted.metaVersion)
      const metadata = { resourceVersion: object.metadata.resourceVersion }
      const apiVersion = `meta.k8s.io/${accepted.metaVersion}`
      exchange.sendObject(
        status,
        { kind: 'Table', apiVersion, metadata, columnDefinitions: printer.columns, rows: [row] },
        accepted.format,
      )
      return
    }
    case 'PartialObjectMetadata':
    case 'PartialObjectMetadataList':
      exchange.sendObject(status, partialMetadata(object, accepted.metaVersion), accepted.format)
  }
}

// --- writing ---

function bodyTypeOf(info: ResourceInfo): BodyType {
  const { group, version, kind, schemaName, custom } = info
  return { group, version, kind, schemaName, custom: custom !== undefined, customSchema: custom?.schema }
}

function validationOf(query: Query, kind: string): FieldValidation {
  const given = query.text('fieldValidation') ?? 'Warn'
  if (given === 'Strict' || given === 'Warn' || given === 'Ignore') return given
  throw invalid({ group: 'meta.k8s.io', kind }, '', [
    unsupported('fieldValidation', given, ['', 'Ignore', 'Strict', 'Warn']),
  ])
}

function writeOptions(query: Query, kind: string): { readonly fieldManager?: string; readonly dryRun: boolean } {
  const dryRun = query.all('dryRun')
  const other = dryRun.find((value) => value !== 'All')
  if (other !== undefined) {
    throw invalid({ group: 'meta.k8s.io', kind }, '', [unsupported('dryRun', dryRun, ['All'])])
  }
  const fieldManager = query.text('fieldManager')
  if (fieldManager !== undefined && fieldManager.length > 128) {
    throw invalid({ group: 'meta.k8s.io', kind }, '', [
      { reason: 'FieldValueTooLong', field: 'fieldManager', message: 'Too long: may not be more than 128 bytes' },
    ])
  }
  const letters = Array.from(fieldManager ?? '')
  const at = letters.findIndex((letter) => !/^[\p{L}\p{M}\p{N}\p{P}\p{S} ]$/u.test(letter))
  if (fieldManager !== undefined && at >= 0) {
    const code = letters[at]!.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')
    throw invalid({ group: 'meta.k8s.io', kind }, '', [
      invalidValue('fieldManager', fieldManager, `invalid character U+${code} (at position ${at})`),
    ])
  }
  return { ...(fieldManager === undefined ? {} : { fieldManager }), dryRun: dryRun.length > 0 }
}

async function create(call: Call): Promise<void> {
  const { server, context, info, exchange, query, namespace } = call
  const type = bodyTypeOf(info)
  const body = await exchange.body()
  const options = writeOptions(query, 'CreateOptions')
  const input = decodeBody(context, type, body, exchange.header('content-type'), validationOf(query, 'CreateOptions'))
  if (info.group === '' && info.plural === 'bindings') {
    const name = input.metadata?.name ?? ''
    if (name === '') throw invalid(info, '', [required('metadata.name')])
    return exchange.sendObject(201, server.bind(context, keyIn(namespace, name), input, options))
  }
  if (info.namespaced && namespace === undefined) throw noSuchMethod()
  sendStored(call, 201, server.create(context, info, namespace, input, options))
}

function keyIn(namespace: string | undefined, name: string): ObjectKey {
  return namespace === undefined ? { name } : { namespace, name }
}

async function update(call: Call, key: ObjectKey, subresource?: WriteSubresource): Promise<void> {
  const { server, context, info, exchange, query } = call
  const body = await exchange.body()
  const options = writeOptions(query, 'UpdateOptions')
  const input = decodeBody(
    context,
    bodyTypeOf(info),
    body,
    exchange.header('content-type'),
    validationOf(query, 'UpdateOptions'),
  )
  sendStored(call, 200, server.update(context, info, key, input, { ...options, subresource }))
}

const patchKinds: { readonly [mediaType: string]: PatchKind } = {
  'application/json-patch+json': 'json',
  'application/merge-patch+json': 'merge',
  'application/strategic-merge-patch+json': 'strategic',
  'application/apply-patch+yaml': 'apply',
}

interface ReadPatch {
  readonly kind: PatchKind
  readonly body: unknown
  /** `duplicate field "spec.a"`, each */
  readonly duplicates: readonly string[]
}

async function readPatch(call: Call): Promise<ReadPatch> {
  const { exchange, info } = call
  const bytes = await exchange.body()
  const accepted = Object.keys(patchKinds).filter(
    (type) => info.custom === undefined || patchKinds[type] !== 'strategic',
  )
  const type = mediaTypeOf(exchange.header('content-type'))
  const kind = accepted.includes(type) ? patchKinds[type] : undefined
  if (kind === undefined) throw unsupportedBody(accepted.join(', '))
  if (kind === 'apply') {
    const validation = validationOf(call.query, 'PatchOptions')
    return { kind, body: parseApply(call.context, bytes, validation), duplicates: [] }
  }
  const prefix = kind === 'strategic' ? '' : 'error decoding patch: '
  return { kind, body: parseJson(bytes, prefix), duplicates: duplicatesIn(bytes) }
}

async function patch(call: Call, key: ObjectKey, subresource?: WriteSubresource): Promise<void> {
  const { server, info, query } = call
  const { kind, body, duplicates } = await readPatch(call)
  const context: PatchContext = { ...call.context, patch: { kind, body, duplicates } }
  if (kind !== 'apply' && query.flag('force')) {
    throw invalid({ group: 'meta.k8s.io', kind: 'PatchOptions' }, '', [
      forbiddenField('force', 'may not be specified for non-apply patch'),
    ])
  }
  const { object, created } = server.patch(context, info, key, kind, body, {
    ...writeOptions(query, 'PatchOptions'),
    subresource,
    force: query.flag('force'),
    fieldValidation: validationOf(query, 'PatchOptions'),
  })
  sendStored(call, created ? 201 : 200, object)
}

/** Checks what patches make of objects, as bodies are checked; to be set as the server's decoder. */
export function decodePatched(
  context: RequestContext,
  info: ResourceInfo,
  object: ObjectInput,
  validation: FieldValidation,
): ObjectInput {
  const { patch: sent } = context as PatchContext
  const shown = sent?.kind === 'strategic' ? goText(sent.body) : JSON.stringify(object)
  return decodeObject(context, bodyTypeOf(info), object, validation, sent?.duplicates ?? [], (why) =>
    invalid({ group: '', kind: '' }, '', [
      { reason: 'FieldValueInvalid', field: 'patch', message: `Invalid value: ${JSON.stringify(shown)}: ${why}` },
    ]),
  )
}

async function deletionOptions(call: Call): Promise<DeletionOptions> {
  const { exchange, query, context } = call
  const body = await exchange.body()
  const type: BodyType = {
    group: '',
    version: 'v1',
    kind: 'DeleteOptions',
    schemaName: 'io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions',
    custom: false,
  }
  const sent = body.length === 0 ? {} : decodeBody(context, type, body, exchange.header('content-type'), 'Ignore')
  const { apiVersion = 'v1', kind = '', ...fromBody } = sent as DeletionOptions & ObjectInput
  if (kind !== '' && kind !== 'DeleteOptions') {
    const version = JSON.stringify(apiVersion)
    throw badRequest(`no kind "${kind}" is registered for version ${version} in scheme "pkg/runtime/scheme.go:111"`)
  }
  const grace = query.whole('gracePeriodSeconds')
  const propagation = query.text('propagationPolicy')
  const dryRun = query.all('dryRun')
  const options: DeletionOptions = {
    ...(grace === undefined ? {} : { gracePeriodSeconds: grace }),
    ...(propagation === undefined ? {} : { propagationPolicy: propagation }),
    ...(query.has('orphanDependents') ? { orphanDependents: query.flag('orphanDependents') } : {}),
    ...(dryRun.length === 0 ? {} : { dryRun }),
    ...(fromBody as DeletionOptions),
  }
  checkDeletion(options)
  return options
}

const policies = ['Foreground', 'Background', 'Orphan']

function checkDeletion(options: DeletionOptions): void {
  const type = { group: 'meta.k8s.io', kind: 'DeleteOptions' }
  const { propagationPolicy: policy, orphanDependents, dryRun } = options
  if (policy !== undefined && !policies.includes(policy)) {
    throw invalid(type, '', [unsupported('propagationPolicy', policy, [...policies, 'nil'])])
  }
  if (policy !== undefined && orphanDependents !== undefined) {
    throw invalid(type, '', [
      invalidValue('propagationPolicy', policy, 'orphanDependents and deletionPropagation cannot be both set'),
    ])
  }
  const other = dryRun?.find((value) => value !== 'All')
  if (other !== undefined) throw invalid(type, '', [unsupported('dryRun', dryRun, ['All'])])
}

async function remove(call: Call, key: ObjectKey): Promise<void> {
  const { server, context, info, exchange } = call
  const options = await deletionOptions(call)
  const deletion = server.delete(context, info, key, options)
  if ('object' in deletion) sendStored(call, 200, deletion.object)
  else exchange.sendObject(200, deletion.status)
}

async function removeCollection(call: Call): Promise<void> {
  const { server, context, info, exchange } = call
  const options = await deletionOptions(call)
  const deleted = server.deleteCollection(context, info, listOptions(call), options)
  await sendList(exchange, {
    info,
    list: deleted,
    accepted: exchange.accepted(),
    include: 'None',
    now: server.clock.now(),
  })
}

// --- subresources ---

const writable = new Set<string>(['status', 'finalize', 'approval', 'resize', 'ephemeralcontainers'])
const connections = new Set(['exec', 'attach', 'portforward'])

async function handleSubresource(call: Call, key: ObjectKey, name: string): Promise<void> {
  const { server, context, info, exchange } = call
  const sub = info.subresources.get(name)
  if (sub === undefined) throw resourceNotFound()
  if (connections.has(name)) {
    // Whoever may connect may do so by either method.
    const pod = server.proxied(context, info, key, 'POST', name)
    if (name === 'exec' || name === 'attach') return streamContainer(exchange, server, pod, name)
    throw failure(
      'internal',
      `${name} is not supported: the containers of this cluster are simulated`,
      { name: key.name, kind: info.plural },
      { reason: 'NotImplemented', code: 501 },
    )
  }
  const { method } = exchange
  if (name === 'log') {
    if (method !== 'GET') throw noSuchMethod()
    return sendLog(exchange, server, key)
  }
  if (name === 'scale') return handleScale(call, key)
  if (writable.has(name)) {
    const subresource = name as WriteSubresource
    if (method === 'GET') return sendStored(call, 200, await read(call, key))
    if (method === 'PUT') return update(call, key, subresource)
    if (method === 'PATCH') return patch(call, key, subresource)
    throw noSuchMethod()
  }
  if (method !== 'POST') throw noSuchMethod()
  const body = await exchange.body()
  const type: BodyType = { ...sub, schemaName: schemaOfBody(sub.group, sub.version, sub.kind), custom: false }
  const { query } = call
  const validation = validationOf(query, 'CreateOptions')
  const sent = decodeBody(context, evictionVersion(type, body), body, exchange.header('content-type'), validation)
  const options = writeOptions(query, 'CreateOptions')
  switch (name) {
    case 'binding':
      return exchange.sendObject(201, server.bind(context, key, sent, options))
    case 'eviction':
      return exchange.sendObject(201, server.evict(context, key, sent, options))
    case 'token':
      return exchange.sendObject(201, server.token(context, key, sent))
    default:
      throw resourceNotFound()
  }
}

function schemaOfBody(group: string, version: string, kind: string): string {
  return `io.k8s.api.${group === '' ? 'core' : group.split('.')[0]}.${version}.${kind}`
}

/** Old clients still evict in the words of policy/v1beta1, which are the same. */
function evictionVersion(type: BodyType, body: Uint8Array): BodyType {
  if (type.kind !== 'Eviction') return type
  return new TextDecoder().decode(body.subarray(0, 4096)).includes('policy/v1beta1')
    ? { ...type, version: 'v1beta1' }
    : type
}

async function handleScale(call: Call, key: ObjectKey): Promise<void> {
  const { server, context, info, exchange, query } = call
  const type: BodyType = {
    group: 'autoscaling',
    version: 'v1',
    kind: 'Scale',
    schemaName: 'io.k8s.api.autoscaling.v1.Scale',
    custom: false,
  }
  switch (exchange.method) {
    case 'GET':
      return sendScale(call, server.getScale(context, info, key))
    case 'PUT': {
      const body = await exchange.body()
      const options = writeOptions(query, 'UpdateOptions')
      const validation = validationOf(query, 'UpdateOptions')
      const scale = decodeBody(context, type, body, exchange.header('content-type'), validation)
      return sendScale(call, server.updateScale(context, info, key, scale as Scale, options))
    }
    case 'PATCH': {
      const { kind, body } = await readPatch(call)
      const options = writeOptions(query, 'PatchOptions')
      if (kind === 'apply') {
        const applied = server.patch(context, info, key, kind, body, {
          ...options,
          subresource: 'scale',
          force: query.flag('force'),
        })
        return sendScale(call, applied.object as unknown as Scale)
      }
      const current = server.getScale(context, info, key)
      const patched = fieldsOf(
        kind === 'json' ? jsonPatch(current as Fields, body) : mergePatch(current as Fields, body),
      )
      const scale = decodeObject(context, type, patched, validationOf(query, 'PatchOptions'))
      return sendScale(call, server.updateScale(context, info, key, scale as Scale, options))
    }
    default:
      throw noSuchMethod()
  }
}

function sendScale(call: Call, scale: Scale): void {
  const { exchange, server, query, info } = call
  const accepted = exchange.accepted('Table')
  const object = { ...scale, kind: 'Scale', apiVersion: 'autoscaling/v1' } as unknown as StoredObject
  if (accepted.as !== 'Table') return exchange.sendObject(200, object, accepted.format)
  const printer = printerOf(info, 'scale')
  const row = rowOf(printer, object, server.clock.now(), includeOf(query), accepted.metaVersion)
  const metadata = { resourceVersion: object.metadata.resourceVersion }
  const apiVersion = `meta.k8s.io/${accepted.metaVersion}`
  exchange.sendObject(
    200,
    { kind: 'Table', apiVersion, metadata, columnDefinitions: printer.columns, rows: [row] },
    accepted.format,
  )
}
