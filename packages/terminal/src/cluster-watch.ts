// Keeps a ClusterModel current from an API server, and knows whether that answers.
import { ms, Nodes, Pods, type KubeObject, type Ms, type ObjectKey, type Pod, type ResourceType } from '@plimsoll/model'
import {
  isKubeFailure,
  type Clock,
  type KubeError,
  type KubeList,
  type KubeReader,
  type ListOptions,
  type Subscription,
  type WatchOptions,
  type WatchSink,
} from '@plimsoll/ports'
import { Informer } from '@plimsoll/runtime'
import { ClusterModel } from './cluster/cluster-model.ts'
import { NodeClaims } from './cluster/node-claims.ts'

export interface ClusterWatchOptions {
  readonly kube: KubeReader
  readonly clock: Clock
  /** All whose sums are wanted. */
  readonly resources: readonly string[]
  /** For nodes and NodeClaims; '' for all. */
  readonly nodeSelector: string
  readonly onChange: () => void
}

export interface Outage {
  readonly since: Ms
  readonly reason: string
}

/** Somebody looks at the screen: a server that is back should be seen within seconds, not after the usual half minute. */
const longestWait = ms(2000)

export class ClusterWatch {
  readonly model: ClusterModel
  /** Resolves when all is read for the first time. */
  readonly synced: Promise<void>
  /** Resolves when the nodes are read for the first time; pods may take longer. */
  readonly nodesSynced: Promise<void>
  /** Rejects when the server first fails to answer. */
  readonly failed: Promise<never>
  podsSynced = false
  readonly #clock: Clock
  readonly #failing = new Map<string, string>()
  #failingSince: Ms | undefined
  /** How far the cluster's clock is ahead of ours, at least. */
  #ahead = 0

  constructor(o: ClusterWatchOptions, signal: AbortSignal) {
    this.model = new ClusterModel(o.resources)
    this.#clock = o.clock
    const { model } = this
    let fail: (error: KubeError) => void
    this.failed = new Promise((_, reject) => (fail = reject))
    this.failed.catch(() => {})
    const reader = new ReportingReader(o.kube, (type, error) => {
      // A cluster without Karpenter, or one whose NodeClaims are not for us to see, is not out of order.
      if (type.plural === NodeClaims.plural) return
      if (error === undefined) this.#failing.delete(type.plural)
      else this.#failing.set(type.plural, reasonOf(error))
      if (this.#failing.size === 0) this.#failingSince = undefined
      else this.#failingSince ??= o.clock.now()
      if (error !== undefined) fail(error)
      o.onChange()
    })
    const clock: Clock = {
      now: () => o.clock.now(),
      after: (delay, callback) => o.clock.after(delay, callback),
      sleep: (delay, abort) => o.clock.sleep(ms(Math.min(delay, longestWait)), abort),
    }
    const selection = o.nodeSelector === '' ? {} : { labelSelector: o.nodeSelector }
    const follow = <T extends KubeObject>(
      type: ResourceType<T>,
      put: (object: T) => void,
      remove: (object: T) => void,
      options: { readonly selection?: typeof selection; readonly clock: Clock },
    ): Promise<void> => {
      const changed = (change: (object: T) => void) => (object: T) => {
        change(object)
        o.onChange()
      }
      const informer = new Informer(reader, type, options)
      informer.subscribe({ added: changed(put), updated: changed(put), deleted: changed(remove) })
      const started = informer.start(signal)
      // The only way in which it fails is that somebody quits before the first answer.
      started.catch(() => {})
      return started
    }
    this.nodesSynced = follow(
      Nodes,
      (node) => model.putNode(node),
      (node) => model.removeNode(node),
      { selection, clock },
    )
    const pods = follow(
      Pods,
      (pod) => model.putPod(pod),
      (pod) => model.removePod(pod),
      { clock },
    ).then(() => {
      this.podsSynced = true
      o.onChange()
    })
    const claims = follow(
      NodeClaims,
      (claim) => model.putClaim(claim),
      (claim) => model.removeClaim(claim),
      { selection, clock: o.clock },
    )
    this.synced = Promise.all([this.nodesSynced, pods, Promise.race([claims, reader.firstAnswer(NodeClaims)])]).then(
      () => {},
    )
    this.synced.catch(() => {})
  }

  /** While the server does not answer. */
  get outage(): Outage | undefined {
    if (this.#failingSince === undefined) return undefined
    return { since: this.#failingSince, reason: this.#failing.values().next().value! }
  }

  /**
   * The cluster's time. An embedded cluster may live faster than we do: its clock shows at least the latest time that
   * any of its objects carries.
   */
  now(): Ms {
    const own = this.#clock.now()
    this.#ahead = Math.max(this.#ahead, (this.model.latestSeen ?? own) - own)
    return ms(own + this.#ahead)
  }
}

/** Who does not answer at all is named beside; what remains is how: `connection refused`. */
function reasonOf(error: KubeError): string {
  return error.failure === 'unavailable'
    ? error.message.slice(error.message.lastIndexOf(': ') + 1).trim()
    : error.message
}

type Report = (type: { readonly plural: string }, error: KubeError | undefined) => void

/** Tells after every list and watch whether it worked, and keeps of pods only what the model reads. */
class ReportingReader implements KubeReader {
  readonly #kube: KubeReader
  readonly #report: Report
  readonly #waiting = new Map<string, () => void>()

  constructor(kube: KubeReader, report: Report) {
    this.#kube = kube
    this.#report = report
  }

  /** Resolves after the next list of these, whatever comes of it. */
  firstAnswer(type: { readonly plural: string }): Promise<void> {
    return new Promise((resolve) => this.#waiting.set(type.plural, resolve))
  }

  get<T extends KubeObject>(type: ResourceType<T>, key: ObjectKey): Promise<T> {
    return this.#kube.get(type, key)
  }

  async list<T extends KubeObject>(type: ResourceType<T>, options?: ListOptions): Promise<KubeList<T>> {
    try {
      const list = await this.#kube.list(type, options)
      this.#report(type, undefined)
      return { ...list, items: list.items.map((object) => slim(type, object)) }
    } catch (error) {
      if (!isGone(error)) this.#report(type, error as KubeError)
      // Not at once: who reads a good answer should have it in the model when we are done waiting.
      this.#waiting.get(type.plural)?.()
      throw error
    }
  }

  async watch<T extends KubeObject>(
    type: ResourceType<T>,
    options: WatchOptions,
    sink: WatchSink<T>,
  ): Promise<Subscription> {
    try {
      const subscription = await this.#kube.watch(type, options, {
        event: (event) =>
          sink.event(event.type === 'BOOKMARK' ? event : { ...event, object: slim(type, event.object) }),
        end: (error) => {
          if (error !== undefined && !isGone(error)) this.#report(type, error)
          sink.end(error)
        },
      })
      this.#report(type, undefined)
      return subscription
    } catch (error) {
      if (!isGone(error)) this.#report(type, error as KubeError)
      throw error
    }
  }
}

/** Part of ordinary life: the informer lists again. */
function isGone(error: unknown): boolean {
  return isKubeFailure(error, 'gone')
}

function slim<T extends KubeObject>(type: ResourceType<T>, object: T): T {
  return type.plural === Pods.plural ? (slimPod(object as unknown as Pod) as unknown as T) : object
}

/** A pod takes some kilobytes, and there may be 150,000 of them. */
function slimPod({ metadata, spec, status }: Pod): Pod {
  const { name, namespace, uid, resourceVersion, creationTimestamp, deletionTimestamp, annotations } = metadata
  const provisioned = annotations?.['CapacityProvisioned']
  const lean = (containers: Pod['spec']['containers'] | undefined): Pod['spec']['containers'] =>
    (containers ?? []).map((each) => ({
      name: each.name,
      resources: each.resources,
      restartPolicy: each.restartPolicy,
    }))
  return {
    metadata: {
      name,
      namespace,
      uid,
      resourceVersion,
      creationTimestamp,
      ...(deletionTimestamp === undefined ? {} : { deletionTimestamp }),
      ...(provisioned === undefined ? {} : { annotations: { CapacityProvisioned: provisioned } }),
    },
    spec: {
      nodeName: spec.nodeName,
      containers: lean(spec.containers),
      initContainers: lean(spec.initContainers),
      resources: spec.resources,
      overhead: spec.overhead,
    },
    status: { phase: status?.phase, startTime: status?.startTime },
  }
}
