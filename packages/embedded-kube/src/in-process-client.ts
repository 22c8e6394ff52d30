import type { Draft, Json, KubeObject, ObjectKey, ResourceType, Scale } from '@plimsoll/model'
import {
  isKubeFailure,
  type KubeApi,
  type KubeList,
  type ListOptions,
  type Patch,
  type RemoveOptions,
  type Selection,
  type Subscription,
  type WatchOptions,
  type WatchSink,
  type WriteOptions,
} from '@plimsoll/ports'
import { ConversionNeeded } from './crd/conversion.ts'
import type { ObjectInput, StoredObject } from './object.ts'
import type { ResourceInfo } from './registry.ts'
import type {
  DeletionOptions,
  PatchKind,
  PatchOptions,
  RequestContext,
  WriteOptions as ServerWriteOptions,
  UpdateOptions,
  UserInfo,
} from './request.ts'

/** What the door opens onto: see ApiServer. */
export interface RequestHandler {
  resource(type: Pick<ResourceInfo, 'group' | 'version' | 'plural'>): ResourceInfo
  get(context: RequestContext, info: ResourceInfo, key: ObjectKey): StoredObject
  list(context: RequestContext, info: ResourceInfo, options: ListOptions): KubeList<StoredObject>
  watch(context: RequestContext, info: ResourceInfo, options: WatchOptions, sink: WatchSink<StoredObject>): Subscription
  create(
    context: RequestContext,
    info: ResourceInfo,
    namespace: string | undefined,
    input: ObjectInput,
    options: ServerWriteOptions,
  ): StoredObject
  update(
    context: RequestContext,
    info: ResourceInfo,
    key: ObjectKey,
    input: ObjectInput,
    options: UpdateOptions,
  ): StoredObject
  patch(
    context: RequestContext,
    info: ResourceInfo,
    key: ObjectKey,
    kind: PatchKind,
    body: unknown,
    options: PatchOptions,
  ): { readonly object: StoredObject }
  delete(context: RequestContext, info: ResourceInfo, key: ObjectKey, options: DeletionOptions): unknown
  deleteCollection(
    context: RequestContext,
    info: ResourceInfo,
    selection: ListOptions,
    options: DeletionOptions,
  ): unknown
  evict(context: RequestContext, key: ObjectKey, eviction: ObjectInput): unknown
  bind(context: RequestContext, key: ObjectKey, binding: ObjectInput): unknown
  getScale(context: RequestContext, info: ResourceInfo, key: ObjectKey): Scale
  updateScale(context: RequestContext, info: ResourceInfo, key: ObjectKey, scale: Scale): Scale
  converted(needed: ConversionNeeded): Promise<void>
}

/** The in-process door: the same server, no wire. Results are the stored objects themselves. */
export class InProcessClient implements KubeApi {
  readonly #server: RequestHandler
  readonly #context: RequestContext

  constructor(server: RequestHandler, user: UserInfo, userAgent: string) {
    this.#server = server
    this.#context = { user, userAgent, warnings: [], inProcess: true }
  }

  async get<T extends KubeObject>(type: ResourceType<T>, key: ObjectKey): Promise<T> {
    return this.#answered(() => as<T>(this.#server.get(this.#context, this.#info(type), key)))
  }

  async list<T extends KubeObject>(type: ResourceType<T>, options: ListOptions = {}): Promise<KubeList<T>> {
    return this.#answered(() => this.#server.list(this.#context, this.#info(type), options) as unknown as KubeList<T>)
  }

  async watch<T extends KubeObject>(
    type: ResourceType<T>,
    options: WatchOptions,
    sink: WatchSink<T>,
  ): Promise<Subscription> {
    try {
      return this.#server.watch(this.#context, this.#info(type), options, sink as unknown as WatchSink<StoredObject>)
    } catch (error) {
      // On the wire this comes as an event of an established watch.
      if (!isKubeFailure(error, 'gone')) throw error
      sink.end(error)
      return { stop: () => {} }
    }
  }

  async create<T extends KubeObject>(type: ResourceType<T>, object: Draft<T>, options: WriteOptions = {}): Promise<T> {
    const input = object as unknown as ObjectInput
    return this.#write(options, () =>
      as<T>(this.#server.create(this.#context, this.#info(type), input.metadata?.namespace, input, options)),
    )
  }

  async replace<T extends KubeObject>(type: ResourceType<T>, object: T, options: WriteOptions = {}): Promise<T> {
    const input = object as unknown as ObjectInput
    return this.#write(options, () =>
      as<T>(this.#server.update(this.#context, this.#info(type), object.metadata, input, options)),
    )
  }

  async patch<T extends KubeObject>(
    type: ResourceType<T>,
    key: ObjectKey,
    patch: Patch,
    options: WriteOptions = {},
  ): Promise<T> {
    return this.#write(options, () =>
      as<T>(this.#server.patch(this.#context, this.#info(type), key, patch.type, patch.body, options).object),
    )
  }

  async apply<T extends KubeObject>(
    type: ResourceType<T>,
    object: Json,
    options: WriteOptions & { readonly fieldManager: string; readonly force?: boolean },
  ): Promise<T> {
    const { namespace, name = '' } = (object as ObjectInput).metadata ?? {}
    return this.#write(options, () =>
      as<T>(this.#server.patch(this.#context, this.#info(type), { namespace, name }, 'apply', object, options).object),
    )
  }

  async remove<T extends KubeObject>(
    type: ResourceType<T>,
    key: ObjectKey,
    options: RemoveOptions = {},
  ): Promise<void> {
    return this.#answered(
      () => void this.#server.delete(this.#context, this.#info(type), key, deletionOptions(options)),
    )
  }

  async removeCollection<T extends KubeObject>(
    type: ResourceType<T>,
    selection: Selection,
    options: RemoveOptions = {},
  ): Promise<void> {
    return this.#answered(
      () => void this.#server.deleteCollection(this.#context, this.#info(type), selection, deletionOptions(options)),
    )
  }

  async evict(pod: ObjectKey, options: RemoveOptions = {}): Promise<void> {
    this.#server.evict(this.#context, pod, {
      metadata: { name: pod.name, namespace: pod.namespace },
      deleteOptions: deletionOptions(options),
    })
  }

  async bind(pod: ObjectKey & { readonly uid?: string }, nodeName: string): Promise<void> {
    this.#server.bind(this.#context, pod, {
      metadata: { name: pod.name, namespace: pod.namespace, uid: pod.uid },
      target: { kind: 'Node', name: nodeName },
    })
  }

  async readScale<T extends KubeObject>(type: ResourceType<T>, key: ObjectKey): Promise<Scale> {
    return this.#answered(() => this.#server.getScale(this.#context, this.#info(type), key))
  }

  async writeScale<T extends KubeObject>(type: ResourceType<T>, key: ObjectKey, scale: Scale): Promise<Scale> {
    return this.#answered(() => this.#server.updateScale(this.#context, this.#info(type), key, scale))
  }

  #info<T extends KubeObject>(type: ResourceType<T>): ResourceInfo {
    return this.#server.resource(type)
  }

  #write<T>(options: WriteOptions, write: () => T): T | Promise<T> {
    options.signal?.throwIfAborted()
    return this.#answered(write)
  }

  /** At once, or again after a webhook has converted what is needed. */
  #answered<T>(attempt: () => T): T | Promise<T> {
    try {
      return attempt()
    } catch (error) {
      if (!(error instanceof ConversionNeeded)) throw error
      return this.#server.converted(error).then(() => this.#answered(attempt))
    }
  }
}

function as<T extends KubeObject>(object: StoredObject): T {
  return object as unknown as T
}

function deletionOptions(options: RemoveOptions): DeletionOptions {
  const { dryRun, ...others } = options
  return dryRun === true ? { ...others, dryRun: ['All'] } : others
}
