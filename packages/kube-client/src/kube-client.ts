import {
  apiVersionOf,
  ms,
  Pods,
  type Draft,
  type Json,
  type KubeObject,
  type ListMeta,
  type Ms,
  type ObjectKey,
  type ResourceType,
  type Scale,
} from '@plimsoll/model'
import {
  KubeError,
  type Clock,
  type KubeApi,
  type KubeList,
  type ListOptions,
  type Log,
  type Patch,
  type Random,
  type RemoveOptions,
  type Selection,
  type Subscription,
  type WatchOptions,
  type WatchSink,
  type WriteOptions,
} from '@plimsoll/ports'
import { readAccess, type KubeAccess } from './access.ts'
import { collectionPath, deleteOptions, objectPath, selectionQuery, writeQuery } from './paths.ts'
import { Transport } from './transport.ts'
import { LineReader, parseWatchLine } from './watch-stream.ts'

export interface KubeClientOptions {
  readonly access: KubeAccess
  /** As servers log it: `cluster-autoscaler/1.36.1`. */
  readonly userAgent: string
  /** Requests a second, 5 when absent; no limit when not above zero. Watches are not counted. */
  readonly qps?: number
  /** Requests at once, 10 when absent. */
  readonly burst?: number
  /** 60 s when absent. */
  readonly requestTimeout?: Ms
  readonly clock: Clock
  readonly log?: Log
  /** Spreads the ends of watches over 5 to 10 minutes; without it they end after 5. */
  readonly random?: Random
}

export interface KubeClient extends KubeApi {
  /** The server's URL. */
  readonly server: string
  /** Namespace of the context or the service account; `default` when neither says. */
  readonly namespace: string
  /** Breaks all connections; watches end as `unavailable`. */
  close(): Promise<void>
}

/**
 * KubeApi over HTTPS. No connection is made yet.
 * @throws Error in one line when the access is incomplete: missing file, unknown context
 */
export async function createKubeClient(options: KubeClientOptions): Promise<KubeClient> {
  const endpoint = await readAccess(options.access)
  const transport = new Transport(endpoint, {
    clock: options.clock,
    ...(options.log === undefined ? {} : { log: options.log }),
    userAgent: options.userAgent,
    qps: options.qps ?? 5,
    burst: options.burst ?? 10,
    requestTimeout: options.requestTimeout ?? ms(60_000),
  })
  return new HttpKubeApi(transport, endpoint.server, endpoint.namespace ?? 'default', options.random)
}

interface WireList<T> {
  readonly metadata?: ListMeta
  readonly items: readonly T[] | null
}

const patchTypes: Record<Patch['type'], string> = {
  merge: 'application/merge-patch+json',
  strategic: 'application/strategic-merge-patch+json',
  json: 'application/json-patch+json',
}

class HttpKubeApi implements KubeClient {
  readonly server: string
  readonly namespace: string
  readonly #transport: Transport
  readonly #random: Random | undefined

  constructor(transport: Transport, server: string, namespace: string, random: Random | undefined) {
    this.#transport = transport
    this.server = server
    this.namespace = namespace
    this.#random = random
  }

  close(): Promise<void> {
    return this.#transport.close()
  }

  get<T extends KubeObject>(type: ResourceType<T>, key: ObjectKey): Promise<T> {
    return this.#transport.send({ method: 'GET', path: objectPath(type, key) })
  }

  async list<T extends KubeObject>(type: ResourceType<T>, options: ListOptions = {}): Promise<KubeList<T>> {
    const { namespace, limit, resourceVersion, resourceVersionMatch } = options
    const list = await this.#transport.send<WireList<T>>({
      method: 'GET',
      path: collectionPath(type, namespace),
      query: { ...selectionQuery(options), limit, continue: options.continue, resourceVersion, resourceVersionMatch },
    })
    const { continue: next, remainingItemCount } = list.metadata ?? {}
    // Items of a list do not say what they are; an object that stands alone does.
    const named = { apiVersion: apiVersionOf(type), kind: type.kind }
    return {
      items: (list.items ?? []).map((item) => ({ ...named, ...item })),
      resourceVersion: list.metadata?.resourceVersion ?? '',
      ...(next === undefined || next === '' ? {} : { continue: next }),
      ...(remainingItemCount === undefined ? {} : { remainingItemCount }),
    }
  }

  async watch<T extends KubeObject>(
    type: ResourceType<T>,
    options: WatchOptions,
    sink: WatchSink<T>,
  ): Promise<Subscription> {
    const { namespace, resourceVersion, sendInitialEvents, allowBookmarks } = options
    const stop = new AbortController()
    const body = await this.#transport.open({
      method: 'GET',
      path: collectionPath(type, namespace),
      query: {
        watch: 1,
        ...selectionQuery(options),
        resourceVersion,
        sendInitialEvents,
        resourceVersionMatch: sendInitialEvents === true ? 'NotOlderThan' : undefined,
        allowWatchBookmarks: allowBookmarks === true || sendInitialEvents === true ? true : undefined,
        timeoutSeconds: Math.floor(300 * (1 + (this.#random?.next() ?? 0))),
      },
      signal: stop.signal,
    })
    void this.#deliver(body, sink, stop)
    return { stop: () => stop.abort() }
  }

  create<T extends KubeObject>(type: ResourceType<T>, object: Draft<T>, options?: WriteOptions): Promise<T> {
    const { namespace, name } = object.metadata
    const path =
      options?.subresource === undefined || name === undefined
        ? collectionPath(type, namespace)
        : objectPath(type, { namespace, name }, options.subresource)
    return this.#write('POST', path, object, options)
  }

  replace<T extends KubeObject>(type: ResourceType<T>, object: T, options?: WriteOptions): Promise<T> {
    return this.#write('PUT', objectPath(type, object.metadata, options?.subresource), object, options)
  }

  patch<T extends KubeObject>(type: ResourceType<T>, key: ObjectKey, patch: Patch, options?: WriteOptions): Promise<T> {
    return this.#transport.send({
      method: 'PATCH',
      path: objectPath(type, key, options?.subresource),
      query: writeQuery(options),
      body: patch.body,
      contentType: patchTypes[patch.type],
      signal: options?.signal,
    })
  }

  apply<T extends KubeObject>(
    type: ResourceType<T>,
    object: Json,
    options: WriteOptions & { readonly fieldManager: string; readonly force?: boolean },
  ): Promise<T> {
    const { metadata } = object as unknown as { readonly metadata: ObjectKey }
    return this.#transport.send({
      method: 'PATCH',
      path: objectPath(type, metadata, options.subresource),
      query: { ...writeQuery(options), force: options.force },
      body: { apiVersion: apiVersionOf(type), kind: type.kind, ...(object as object) },
      contentType: 'application/apply-patch+yaml',
      signal: options.signal,
    })
  }

  async remove<T extends KubeObject>(type: ResourceType<T>, key: ObjectKey, options?: RemoveOptions): Promise<void> {
    await this.#transport.send({ method: 'DELETE', path: objectPath(type, key), body: deleteOptions(options) })
  }

  async removeCollection<T extends KubeObject>(
    type: ResourceType<T>,
    selection: Selection,
    options?: RemoveOptions,
  ): Promise<void> {
    await this.#transport.send({
      method: 'DELETE',
      path: collectionPath(type, selection.namespace),
      query: selectionQuery(selection),
      body: deleteOptions(options),
    })
  }

  async evict(pod: ObjectKey, options?: RemoveOptions): Promise<void> {
    const { namespace, name } = pod
    await this.#transport.send({
      method: 'POST',
      path: objectPath(Pods, pod, 'eviction'),
      body: {
        apiVersion: 'policy/v1',
        kind: 'Eviction',
        metadata: { namespace, name },
        ...(options === undefined ? {} : { deleteOptions: deleteOptions(options) }),
      },
    })
  }

  async bind(pod: ObjectKey & { readonly uid?: string }, nodeName: string): Promise<void> {
    const { namespace, name, uid } = pod
    await this.#transport.send({
      method: 'POST',
      path: objectPath(Pods, pod, 'binding'),
      body: {
        apiVersion: 'v1',
        kind: 'Binding',
        metadata: { namespace, name, uid },
        target: { apiVersion: 'v1', kind: 'Node', name: nodeName },
      },
    })
  }

  readScale<T extends KubeObject>(type: ResourceType<T>, key: ObjectKey): Promise<Scale> {
    return this.#transport.send({ method: 'GET', path: objectPath(type, key, 'scale') })
  }

  writeScale<T extends KubeObject>(type: ResourceType<T>, key: ObjectKey, scale: Scale): Promise<Scale> {
    return this.#transport.send({ method: 'PUT', path: objectPath(type, key, 'scale'), body: scale })
  }

  #write<T>(method: 'POST' | 'PUT', path: string, object: unknown, options: WriteOptions | undefined): Promise<T> {
    return this.#transport.send({ method, path, query: writeQuery(options), body: object, signal: options?.signal })
  }

  async #deliver<T extends KubeObject>(
    body: AsyncIterable<Uint8Array>,
    sink: WatchSink<T>,
    stop: AbortController,
  ): Promise<void> {
    const reader = new LineReader()
    const chunks = body[Symbol.asyncIterator]()
    // Only reading may fail here: what a sink throws is a mistake of ours, and is not caught.
    const nextLines = async (): Promise<readonly string[] | undefined> => {
      const chunk = await chunks.next()
      return chunk.done === true ? undefined : reader.take(chunk.value as Uint8Array)
    }
    let failure: KubeError | undefined
    while (failure === undefined) {
      const lines = await nextLines().catch((error: unknown) => this.#transport.broken(error))
      if (lines === undefined) break
      if (lines instanceof KubeError) failure = lines
      else failure = this.#deliverLines(lines, sink, stop.signal)
    }
    if (stop.signal.aborted) return
    stop.abort()
    sink.end(failure)
  }

  /** Answers the error that the server put into the stream. */
  #deliverLines<T extends KubeObject>(
    lines: readonly string[],
    sink: WatchSink<T>,
    stopped: AbortSignal,
  ): KubeError | undefined {
    for (const line of lines) {
      const event = parseWatchLine<T>(line)
      if (stopped.aborted) return undefined
      if (event instanceof KubeError) return event
      sink.event(event)
    }
    return undefined
  }
}
