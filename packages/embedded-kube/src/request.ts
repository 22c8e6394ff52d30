import type { DeleteOptions, ObjectKey } from '@plimsoll/model'
import type {
  ExecInput,
  ExecOptions,
  ExecStreams,
  KubeError,
  KubeList,
  ListOptions,
  Subscription,
  WatchOptions,
} from '@plimsoll/ports'
import type { Fields, StoredObject } from './object.ts'

export interface UserInfo {
  readonly name: string
  readonly groups: readonly string[]
  readonly uid?: string | undefined
  readonly extra?: { readonly [key: string]: readonly string[] } | undefined
}

/** Who asks, and what should be told besides the answer. */
export interface RequestContext {
  readonly user: UserInfo
  /** The default field manager is its part before the first slash. */
  readonly userAgent: string
  /** What the server wants to warn of is appended here. */
  readonly warnings: string[]
  /** The part of this process that writes typed objects: no nulls to drop, field ownership recorded coarsely. */
  readonly inProcess?: boolean
}

export type WriteSubresource = 'status' | 'scale' | 'finalize' | 'approval' | 'resize' | 'ephemeralcontainers'

export interface WriteOptions {
  readonly fieldManager?: string | undefined
  readonly dryRun?: boolean | undefined
}

export interface UpdateOptions extends WriteOptions {
  readonly subresource?: WriteSubresource | undefined
}

export type PatchKind = 'merge' | 'strategic' | 'json' | 'apply'
export type FieldValidation = 'Strict' | 'Warn' | 'Ignore'

export interface PatchOptions extends UpdateOptions {
  /** Apply only: take over fields that others manage. */
  readonly force?: boolean | undefined
  /** Handed to the server's `decoder` with the patched object. */
  readonly fieldValidation?: FieldValidation | undefined
}

/** DeleteOptions as on the wire; dryRun is `['All']` or absent. */
export type DeletionOptions = DeleteOptions

/** What a deletion answers: the object while it lingers (grace period, finalizers), a Status once it is gone. */
export type Deletion = { readonly object: StoredObject } | { readonly status: Fields }

export type ServerListOptions = ListOptions
export type ServerList = KubeList<StoredObject>

export interface ServerWatchOptions extends WatchOptions {
  readonly resourceVersionMatch?: 'NotOlderThan' | 'Exact'
}

export interface LogOptions {
  readonly container?: string | undefined
  readonly follow?: boolean | undefined
  readonly previous?: boolean | undefined
  readonly tailLines?: number | undefined
  readonly sinceSeconds?: number | undefined
  /** RFC 3339. */
  readonly sinceTime?: string | undefined
  readonly timestamps?: boolean | undefined
  readonly limitBytes?: number | undefined
}

export interface LogSink {
  chunk(text: string): void
  /** Called once, after the last chunk; never after stop(). */
  end(): void
}

/** Where container logs come from: set by whoever runs the containers. The container is always named. */
export interface PodLogs {
  read(
    pod: ObjectKey & { readonly namespace: string },
    options: LogOptions & { readonly container: string },
    sink: LogSink,
  ): Subscription | KubeError
}

export interface ProxyRequest {
  readonly method: string
  /** With its query. */
  readonly path: string
}

export interface ProxyResponse {
  readonly status: number
  readonly contentType: string
  readonly body: string
}

/** What listens behind the API server's proxies: set by whoever runs kubelets and containers. Undefined: nobody. */
export interface ProxySource {
  /** The kubelet's port of a node. */
  kubelet(nodeName: string, request: ProxyRequest): ProxyResponse | undefined
  pod(key: ObjectKey & { readonly namespace: string }, port: number, request: ProxyRequest): ProxyResponse | undefined
  /** Runs a command in a running container, or attaches to it. */
  exec(key: ObjectKey & { readonly namespace: string }, options: ExecOptions, streams: ExecStreams): ExecInput
  /** A pod behind a Service's port, which is a number or a name; empty: its only one. */
  service(
    key: ObjectKey & { readonly namespace: string },
    port: string,
    request: ProxyRequest,
  ): ProxyResponse | undefined
}

export interface ResourceUsage {
  /** Quantities. */
  readonly cpu: string
  readonly memory: string
}

/** What nodes and containers use, for metrics.k8s.io: set by whoever runs the containers. */
export interface UsageSource {
  node(name: string): ResourceUsage | undefined
  /** By container name. */
  pod(key: ObjectKey & { readonly namespace: string }): ReadonlyMap<string, ResourceUsage> | undefined
}
