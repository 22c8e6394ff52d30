// kubernetes/kubernetes:pkg/controller/daemon/daemon_controller.go, update.go
import {
  controllerOf,
  DaemonSets,
  ms,
  Pods,
  type DaemonSet,
  type DaemonSetStatus,
  type Ms,
  type Node,
  type Pod,
  type PodSpec,
  type Toleration,
} from '@plimsoll/model'
import { compileRequiredNodeAffinity, untoleratedTaint } from '@plimsoll/engine'
import { KubeError } from '@plimsoll/ports'
import { onChange } from '../caches.ts'
import { Lifetime } from '../machinery/lifetime.ts'
import { keyOfObject, splitKey } from '../machinery/reference.ts'
import { isPodFinished, isPodReady, nodeOf, podAvailableFrom } from '../pods.ts'
import { WorkloadController, type ControllerContext } from './controller.ts'
import { scaled, templateHash } from './deployment-plan.ts'
import { controllerReference, podFromTemplate, removePod } from './pod-control.ts'

const firstFailureBackoffMs = 1000
const longestFailureBackoffMs = 900_000
const revisionLabel = 'controller-revision-hash'

/** Daemons run on nodes that are not ready for anything else (util/daemonset_util.go, AddOrUpdateDaemonPodTolerations). */
const daemonTolerations: readonly Toleration[] = [
  { key: 'node.kubernetes.io/not-ready', operator: 'Exists', effect: 'NoExecute' },
  { key: 'node.kubernetes.io/unreachable', operator: 'Exists', effect: 'NoExecute' },
  { key: 'node.kubernetes.io/disk-pressure', operator: 'Exists', effect: 'NoSchedule' },
  { key: 'node.kubernetes.io/memory-pressure', operator: 'Exists', effect: 'NoSchedule' },
  { key: 'node.kubernetes.io/pid-pressure', operator: 'Exists', effect: 'NoSchedule' },
  { key: 'node.kubernetes.io/unschedulable', operator: 'Exists', effect: 'NoSchedule' },
]
const networkUnavailable: Toleration = {
  key: 'node.kubernetes.io/network-unavailable',
  operator: 'Exists',
  effect: 'NoSchedule',
}

/** What one node means to one set, as it was counted. */
interface Standing {
  readonly desired: boolean
  readonly scheduled: boolean
  readonly misscheduled: boolean
  readonly ready: boolean
  readonly available: boolean
  readonly updated: boolean
}

interface Watched {
  readonly uid: string
  /** Nodes to look at again; all of them after a change of the set. */
  dirty: Set<string> | 'all'
  generation: number | undefined
  readonly standings: Map<string, Standing>
}

export class DaemonSetController extends WorkloadController {
  readonly #watched = new Map<string, Watched>()
  /** Per set and node: what failed there last, and until when its successor waits. */
  readonly #failures = new Map<string, { readonly uid: string; readonly delay: number; readonly until: number }>()
  readonly #life: Lifetime

  constructor(context: ControllerContext) {
    super(context, { loop: 'daemonset', account: 'daemon-set-controller', component: 'daemonset-controller' })
    this.#life = new Lifetime(context.clock)
    const { caches } = context
    onChange(caches.daemonSets, (now, was) => {
      const set = now ?? was!
      const key = keyOfObject(set)
      if (now === undefined) {
        this.#watched.delete(key)
        return
      }
      const known = this.#watched.get(key)
      if (known === undefined || known.uid !== now.metadata.uid) {
        const generation = now.metadata.generation
        this.#watched.set(key, { uid: now.metadata.uid, dirty: 'all', generation, standings: new Map() })
      } else if (known.generation !== now.metadata.generation) {
        known.generation = now.metadata.generation
        known.dirty = 'all'
      }
      this.loop.add(key)
    })
    onChange(caches.nodes, (now, was) => {
      if (now !== undefined && was !== undefined && !mattersToDaemons(now, was)) return
      const name = (now ?? was!).metadata.name
      for (const key of this.#watched.keys()) this.#touch(key, name)
    })
    onChange(caches.pods, (now, was) => {
      const pod = now ?? was!
      const owner = controllerOf(pod)
      if (owner?.kind !== 'DaemonSet') return
      this.#touch(`${pod.metadata.namespace}/${owner.name}`, nodeOf(pod))
    })
  }

  override run(signal: AbortSignal): Promise<void> {
    signal.addEventListener('abort', () => this.#life.end(), { once: true })
    return this.loop.run(signal)
  }

  #touch(key: string, node: string): void {
    const watched = this.#watched.get(key)
    if (watched === undefined) return
    if (watched.dirty !== 'all') watched.dirty.add(node)
    this.loop.add(key)
  }

  protected override async sync(key: string): Promise<Ms | undefined> {
    const set = this.context.caches.daemonSets.get(splitKey(key))
    const watched = this.#watched.get(key)
    if (set === undefined || watched === undefined || set.metadata.deletionTimestamp !== undefined) return undefined
    const { nodes } = this.context.caches
    const dirty =
      watched.dirty === 'all'
        ? new Set([...nodes.items().map((node) => node.metadata.name), ...watched.standings.keys()])
        : watched.dirty
    watched.dirty = new Set()
    const byNode = this.#podsByNode(set, dirty)
    const wanted = compileRequiredNodeAffinity({ spec: set.spec.template.spec! } as Pod)
    const hash = templateHash(set.spec.template, set.status?.collisionCount)
    const tolerations = tolerationsOf(set)
    let failure: Error | undefined
    for (const name of dirty) {
      const node = nodes.get({ name })
      const pods = byNode.get(name) ?? []
      if (node === undefined) {
        watched.standings.delete(name)
        // Those that were never bound are nobody's: the others are for the pod garbage collector.
        for (const pod of pods) if (pod.spec.nodeName === undefined) await this.#remove(set, pod)
        continue
      }
      const run = shouldRun(node, wanted, tolerations)
      try {
        await this.#manage(set, node, pods, run, hash)
      } catch (error) {
        // The others are not to wait for this one.
        failure ??= error as Error
        watched.dirty.add(name)
      }
      watched.standings.set(name, this.#standing(set, pods, run.start, hash))
    }
    await this.#rollOut(set, watched, hash)
    const next = await this.#updateStatus(set, watched)
    if (failure !== undefined) throw failure
    return next
  }

  #podsByNode(set: DaemonSet, dirty: ReadonlySet<string>): Map<string, Pod[]> {
    const { pods } = this.context.caches
    const byNode = new Map<string, Pod[]>()
    const put = (pod: Pod): void => {
      const node = nodeOf(pod)
      const there = byNode.get(node)
      if (there === undefined) byNode.set(node, [pod])
      else there.push(pod)
    }
    const mine = (pod: Pod): boolean => controllerOf(pod)?.uid === set.metadata.uid
    if (dirty.size <= 8) {
      // A few nodes: their pods are fewer than the set's.
      for (const name of dirty) for (const pod of pods.byIndex('node', name)) if (mine(pod)) put(pod)
      for (const name of dirty) for (const pod of pods.byIndex('aimed', name)) if (mine(pod)) put(pod)
    } else {
      for (const pod of pods.byIndex('controller', set.metadata.uid)) put(pod)
    }
    return byNode
  }

  async #manage(
    set: DaemonSet,
    node: Node,
    pods: readonly Pod[],
    run: { readonly start: boolean; readonly stay: boolean },
    hash: string,
  ): Promise<void> {
    const living = pods.filter((pod) => pod.metadata.deletionTimestamp === undefined)
    const failed = living.find(isPodFinished)
    if (failed !== undefined) {
      await this.#replaceFailed(set, node, failed)
      return
    }
    if (run.start && pods.length === 0) await this.#create(set, node.metadata.name, hash)
    else if (!run.stay) for (const pod of living) await this.#remove(set, pod)
    else if (living.length > 1) for (const pod of oldestFirst(living).slice(1)) await this.#remove(set, pod)
  }

  /** Each time later than the one before: 1 s doubling to 15 min, for what fails once fails again. */
  async #replaceFailed(set: DaemonSet, node: Node, pod: Pod): Promise<void> {
    const place = `${set.metadata.uid}/${node.metadata.name}`
    const now = this.context.clock.now()
    const known = this.#failures.get(place)
    if (known !== undefined && now < known.until && known.uid !== pod.metadata.uid) {
      this.#again(keyOfObject(set), node.metadata.name, ms(known.until - now))
      return
    }
    const fresh = known === undefined || now > known.until + longestFailureBackoffMs * 2
    const delay = fresh ? firstFailureBackoffMs : Math.min(known.delay * 2, longestFailureBackoffMs)
    this.#failures.set(place, { uid: pod.metadata.uid, delay, until: now + delay })
    this.events.event(
      set,
      'Warning',
      'FailedDaemonPod',
      `Found failed daemon pod ${keyOfObject(pod)} on node ${node.metadata.name}, will try to kill it`,
    )
    await this.#remove(set, pod)
  }

  #again(key: string, node: string, delay: Ms): void {
    this.#life.after(delay, () => this.#touch(key, node))
  }

  async #create(set: DaemonSet, nodeName: string, hash: string): Promise<void> {
    const template = set.spec.template
    const spec: Partial<PodSpec> = {
      affinity: pinned(template.spec?.affinity, nodeName),
      tolerations: tolerationsOf(set),
    }
    const draft = podFromTemplate(
      set.metadata.namespace,
      template,
      [controllerReference(DaemonSets, set)],
      { generateName: `${set.metadata.name}-` },
      { labels: { [revisionLabel]: hash, 'pod-template-generation': String(set.metadata.generation ?? 1) }, spec },
    )
    try {
      const pod = await this.kube.create(Pods, draft)
      this.events.event(set, 'Normal', 'SuccessfulCreate', `Created pod: ${pod.metadata.name}`)
    } catch (error) {
      if (error instanceof KubeError)
        this.events.event(set, 'Warning', 'FailedCreate', `Error creating: ${error.message}`)
      throw error
    }
  }

  async #remove(set: DaemonSet, pod: Pod): Promise<void> {
    await removePod(this.kube, pod)
    this.events.event(set, 'Normal', 'SuccessfulDelete', `Deleted pod: ${pod.metadata.name}`)
  }

  /** RollingUpdate: outdated pods go as long as no more than maxUnavailable are missing. */
  async #rollOut(set: DaemonSet, watched: Watched, hash: string): Promise<void> {
    if (set.spec.updateStrategy?.type === 'OnDelete') return
    const standings = [...watched.standings.values()]
    if (standings.every((standing) => !standing.scheduled || standing.updated)) return
    const desired = standings.filter((standing) => standing.desired).length
    const rolling = set.spec.updateStrategy?.rollingUpdate
    const most = Math.max(1, scaled(rolling?.maxUnavailable ?? 1, desired, Math.ceil))
    let unavailable = standings.filter((standing) => standing.desired && !standing.available).length
    const pods = oldestFirst(this.context.caches.pods.byIndex('controller', set.metadata.uid))
    const outdated = pods.filter(
      (pod) => pod.metadata.deletionTimestamp === undefined && pod.metadata.labels?.[revisionLabel] !== hash,
    )
    // What does not work anyway costs nothing to replace.
    for (const pod of outdated.filter((p) => !isPodReady(p))) await this.#remove(set, pod)
    for (const pod of outdated.filter(isPodReady)) {
      if (unavailable >= most) return
      unavailable++
      await this.#remove(set, pod)
    }
  }

  #standing(set: DaemonSet, pods: readonly Pod[], desired: boolean, hash: string): Standing {
    const pod = oldestFirst(pods.filter((p) => p.metadata.deletionTimestamp === undefined))[0]
    const from = pod === undefined ? undefined : podAvailableFrom(pod, set.spec.minReadySeconds ?? 0)
    return {
      desired,
      scheduled: desired && pod !== undefined,
      misscheduled: !desired && pod !== undefined,
      ready: desired && pod !== undefined && isPodReady(pod),
      available: desired && from !== undefined && from <= this.context.clock.now(),
      updated: desired && pod?.metadata.labels?.[revisionLabel] === hash,
    }
  }

  async #updateStatus(seen: DaemonSet, watched: Watched): Promise<Ms | undefined> {
    const set = this.context.caches.daemonSets.get(seen.metadata)
    if (set === undefined || set.metadata.uid !== seen.metadata.uid) return undefined
    let desired = 0
    let current = 0
    let mis = 0
    let ready = 0
    let available = 0
    let updated = 0
    for (const standing of watched.standings.values()) {
      if (standing.desired) desired++
      if (standing.scheduled) current++
      if (standing.misscheduled) mis++
      if (standing.ready) ready++
      if (standing.available) available++
      if (standing.updated) updated++
    }
    const status: DaemonSetStatus = {
      currentNumberScheduled: current,
      numberMisscheduled: mis,
      desiredNumberScheduled: desired,
      numberReady: ready,
      observedGeneration: seen.metadata.generation,
      ...(updated === 0 ? {} : { updatedNumberScheduled: updated }),
      ...(available === 0 ? {} : { numberAvailable: available }),
      ...(desired - available <= 0 ? {} : { numberUnavailable: desired - available }),
    }
    if (!sameStatus(set.status, status)) {
      await this.kube.replace(DaemonSets, { ...set, status }, { subresource: 'status' })
    }
    const wait = (set.spec.minReadySeconds ?? 0) * 1000
    if (ready === available || wait === 0) return undefined
    watched.dirty = 'all'
    return ms(wait)
  }
}

function tolerationsOf(set: DaemonSet): readonly Toleration[] {
  const spec = set.spec.template.spec
  const own = spec?.tolerations ?? []
  const added = spec?.hostNetwork === true ? [...daemonTolerations, networkUnavailable] : daemonTolerations
  return [
    ...own,
    ...added.filter(
      (toleration) =>
        !own.some((o) => o.key === toleration.key && o.effect === toleration.effect && o.operator === 'Exists'),
    ),
  ]
}

/** Whether a pod of the set belongs on the node, and whether one that is there may stay. */
function shouldRun(
  node: Node,
  wanted: ((node: Node) => boolean) | undefined,
  tolerations: readonly Toleration[],
): { readonly start: boolean; readonly stay: boolean } {
  if (wanted?.(node) === false) return { start: false, stay: false }
  if (untoleratedTaint(node, tolerations) === undefined) return { start: true, stay: true }
  const evicting = (node.spec.taints ?? []).filter((taint) => taint.effect === 'NoExecute')
  return {
    start: false,
    stay: untoleratedTaint({ ...node, spec: { ...node.spec, taints: evicting } }, tolerations) === undefined,
  }
}

type Affinity = NonNullable<PodSpec['affinity']>

/** The scheduler places daemons, on the one node that their affinity names. */
function pinned(affinity: Affinity | undefined, nodeName: string): Affinity {
  return {
    ...affinity,
    nodeAffinity: {
      ...affinity?.nodeAffinity,
      requiredDuringSchedulingIgnoredDuringExecution: {
        nodeSelectorTerms: [{ matchFields: [{ key: 'metadata.name', operator: 'In', values: [nodeName] }] }],
      },
    },
  }
}

function oldestFirst(pods: readonly Pod[]): Pod[] {
  return pods.toSorted((a, b) => {
    const [left, right] = [a.metadata.creationTimestamp, b.metadata.creationTimestamp]
    return left < right ? -1 : left > right ? 1 : a.metadata.name < b.metadata.name ? -1 : 1
  })
}

function mattersToDaemons(now: Node, was: Node): boolean {
  return (
    now.spec.taints !== was.spec.taints ||
    now.spec.unschedulable !== was.spec.unschedulable ||
    now.metadata.labels !== was.metadata.labels
  )
}

function sameStatus(a: DaemonSetStatus | undefined, b: DaemonSetStatus): boolean {
  if (a === undefined) return false
  const keys = Object.keys({ ...a, ...b }) as (keyof DaemonSetStatus)[]
  return keys.every((key) => key === 'conditions' || key === 'collisionCount' || a[key] === b[key])
}
