import type { Draft, Json, KubeObject, ObjectKey, ResourceType, Scale, Status } from '@plimsoll/model'

export type KubeFailureKind =
  | 'notFound'
  | 'alreadyExists'
  /** The object changed since it was read, or a precondition does not hold. */
  | 'conflict'
  /** The resourceVersion asked for is too old to serve: list again. */
  | 'gone'
  | 'invalid'
  | 'badRequest'
  | 'forbidden'
  | 'unauthorized'
  | 'methodNotAllowed'
  | 'notAcceptable'
  | 'unsupportedMediaType'
  | 'tooLarge'
  /** Also an eviction that a disruption budget refuses. */
  | 'tooManyRequests'
  | 'timeout'
  | 'internal'
  /** No answer: connection refused or lost, or the server says 503. */
  | 'unavailable'

/** Every way in which a KubeApi fails. `status` is what the server said, or would have said. */
export class KubeError extends Error {
  override readonly name = 'KubeError'
  readonly failure: KubeFailureKind
  readonly status: Status

  constructor(failure: KubeFailureKind, status: Status, cause?: unknown) {
    super(status.message ?? failure, cause === undefined ? undefined : { cause })
    this.failure = failure
    this.status = status
  }
}

export function isKubeFailure(error: unknown, ...kinds: readonly KubeFailureKind[]): error is KubeError {
  return error instanceof KubeError && kinds.includes(error.failure)
}

/** For `.catch`: what is already gone need not be removed. */
export function ignoreNotFound(error: unknown): void {
  if (!isKubeFailure(error, 'notFound')) throw error
}

export interface Selection {
  /** One namespace; absent means all. */
  readonly namespace?: string
  /** Text form, as clients send it. */
  readonly labelSelector?: string
  readonly fieldSelector?: string
}

export interface ListOptions extends Selection {
  readonly limit?: number
  readonly continue?: string
  readonly resourceVersion?: string
  readonly resourceVersionMatch?: 'NotOlderThan' | 'Exact'
}

export interface KubeList<T> {
  readonly items: readonly T[]
  /** Where a watch continues from. */
  readonly resourceVersion: string
  readonly continue?: string
  readonly remainingItemCount?: number
}

export type WatchEvent<T> =
  | { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'; readonly object: T }
  /** All events up to here were delivered; `initialEventsEnd` closes the initial state of a streaming list. */
  | { readonly type: 'BOOKMARK'; readonly resourceVersion: string; readonly initialEventsEnd: boolean }

export interface WatchOptions extends Selection {
  /** Events after this version; absent: the current state as ADDED events first. */
  readonly resourceVersion?: string
  readonly sendInitialEvents?: boolean
  readonly allowBookmarks?: boolean
}

export interface WatchSink<T> {
  /** In commit order, each once. Must not throw and must not block. */
  event(event: WatchEvent<T>): void
  /** Called once, when the server ends the watch: `gone` means list again, no error means watch on. Never after stop(). */
  end(error?: KubeError): void
}

export interface Subscription {
  /** Idempotent; no event is delivered afterwards. */
  stop(): void
}

export interface WriteOptions {
  readonly fieldManager?: string
  readonly dryRun?: boolean
  readonly subresource?: 'status' | 'scale'
  readonly signal?: AbortSignal
}

export type Patch =
  | { readonly type: 'merge'; readonly body: Json }
  | { readonly type: 'strategic'; readonly body: Json }
  | { readonly type: 'json'; readonly body: readonly Json[] }

export interface RemoveOptions {
  readonly gracePeriodSeconds?: number
  readonly propagationPolicy?: 'Background' | 'Foreground' | 'Orphan'
  readonly preconditions?: { readonly uid?: string; readonly resourceVersion?: string }
  readonly dryRun?: boolean
}

/** Reads. Objects handed out are shared and never change: nobody may write to them. @throws {KubeError} */
export interface KubeReader {
  get<T extends KubeObject>(type: ResourceType<T>, key: ObjectKey): Promise<T>
  list<T extends KubeObject>(type: ResourceType<T>, options?: ListOptions): Promise<KubeList<T>>
  /** Resolves when the watch is established. */
  watch<T extends KubeObject>(type: ResourceType<T>, options: WatchOptions, sink: WatchSink<T>): Promise<Subscription>
}

/** One API server, as one user sees it. @throws {KubeError} from every method. */
export interface KubeApi extends KubeReader {
  /** `alreadyExists` when the name is taken. */
  create<T extends KubeObject>(type: ResourceType<T>, object: Draft<T>, options?: WriteOptions): Promise<T>
  /** PUT: `conflict` when object.metadata.resourceVersion is not the stored one. */
  replace<T extends KubeObject>(type: ResourceType<T>, object: T, options?: WriteOptions): Promise<T>
  patch<T extends KubeObject>(type: ResourceType<T>, key: ObjectKey, patch: Patch, options?: WriteOptions): Promise<T>
  /** Server-side apply. */
  apply<T extends KubeObject>(
    type: ResourceType<T>,
    object: Json,
    options: WriteOptions & { readonly fieldManager: string; readonly force?: boolean },
  ): Promise<T>
  /** Resolves when the server accepted: the object may linger for its grace period and finalizers. */
  remove<T extends KubeObject>(type: ResourceType<T>, key: ObjectKey, options?: RemoveOptions): Promise<void>
  removeCollection<T extends KubeObject>(
    type: ResourceType<T>,
    selection: Selection,
    options?: RemoveOptions,
  ): Promise<void>
  /** `tooManyRequests` while a disruption budget refuses. */
  evict(pod: ObjectKey, options?: RemoveOptions): Promise<void>
  /** `conflict` when the pod is already bound or being deleted. */
  bind(pod: ObjectKey & { readonly uid?: string }, nodeName: string): Promise<void>
  readScale<T extends KubeObject>(type: ResourceType<T>, key: ObjectKey): Promise<Scale>
  writeScale<T extends KubeObject>(type: ResourceType<T>, key: ObjectKey, scale: Scale): Promise<Scale>
}
