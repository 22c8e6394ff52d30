// kubernetes/kubernetes:pkg/controller/daemon/daemon_controller.go, update.go
import {
  controllerOf,
  DaemonSets,
  ms,
  Pods,
  type ControllerRevision,
  type DaemonSet,
  type DaemonSetStatus,
  type Ms,
  type Node,
  type Pod,
  type PodSpec,
  type Toleration,
} from '@plimsoll/model'
import { compileRequiredNodeAffinity, untoleratedTaint } from '@plimsoll/engine'
import { ignoreNotFound, KubeError } from '@plimsoll/ports'
import { onChange } from '../caches.ts'
import { Lifetime } from '../machinery/lifetime.ts'
import { keyOfObject, splitKey } from '../machinery/reference.ts'
import { isPodFinished, isPodReady, nodeOf, podAvailableFrom } from '../pods.ts'
import { WorkloadController, type ControllerContext } from './controller.ts'
import { ControllerHistory, podRevisionLabel as revisionLabel } from './controller-history.ts'
import { scaled, templateHash } from './deployment-plan.ts'
import { PodClaims } from './pod-claims.ts'
import { controllerReference, isNamespaceTerminating, podFromTemplate, removePod } from './pod-control.ts'

const firstFailureBackoffMs = 1000
const longestFailureBackoffMs = 900_000
const generationAnnotation = 'deprecated.daemonset.template.generation'
const generationLabel = 'pod-template-generation'

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
  readonly #history: ControllerHistory<DaemonSet>
  readonly #claims: PodClaims<DaemonSet>

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
    const enqueue = (key: string): void => this.loop.add(key)
    this.#history = new ControllerHistory({ kube: this.kube, caches, type: DaemonSets, enqueue })
    this.#claims = new PodClaims({
      caches,
      kube: this.kube,
      type: DaemonSets,
      owners: caches.daemonSets,
      selectorOf: (set) => set.spec.selector,
      enqueue: (key) => {
        const watched = this.#watched.get(key)
        if (watched !== undefined) watched.dirty = 'all'
        enqueue(key)
      },
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
    await this.#claims.claim(set)
    const revisions = await this.#revisions(set)
    const { hash } = revisions
    const { nodes } = this.context.caches
    const dirty =
      watched.dirty === 'all'
        ? new Set([...nodes.items().map((node) => node.metadata.name), ...watched.standings.keys()])
        : watched.dirty
    watched.dirty = new Set()
    const byNode = this.#podsByNode(set, dirty)
    const wanted = compileRequiredNodeAffinity({ spec: set.spec.template.spec! } as Pod)
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
    if (failure === undefined) {
      await this.#rollOut(set, watched, hash, wanted, tolerations)
      await this.#cleanUp(set, revisions.old)
    }
    const next = await this.#updateStatus(set, watched)
    if (failure !== undefined) throw failure
    return next
  }

  /** The hash of the template as it is, with a revision made of it when it is new, and the revisions of earlier ones. */
  async #revisions(set: DaemonSet): Promise<{ readonly hash: string; readonly old: readonly ControllerRevision[] }> {
    const all = await this.#history.revisionsOf(set)
    const same = this.#history.matching(set, all)
    const old = all.filter((revision) => !same.includes(revision))
    const number = Math.max(0, ...old.map((revision) => revision.revision)) + 1
    const known = same.at(-1)
    if (known === undefined) {
      const hash = templateHash(set.spec.template, set.status?.collisionCount)
      const made = await this.#history.create(set, { hash, hashLabel: revisionLabel, revision: number })
      if (made === undefined) await this.#collided(set)
      return { hash, old }
    }
    // Two of the same template: the pods of all go by the newest.
    const hash = known.metadata.labels?.[revisionLabel] ?? known.metadata.name
    for (const twin of same.slice(0, -1)) {
      await this.#relabel(set, twin.metadata.labels?.[revisionLabel], hash)
      await this.#history.remove(twin)
    }
    if (known.revision < number) await this.#history.renumber(known, number)
    return { hash, old }
  }

  async #relabel(set: DaemonSet, from: string | undefined, to: string): Promise<void> {
    for (const pod of this.context.caches.pods.byIndex('controller', set.metadata.uid)) {
      if (pod.metadata.labels?.[revisionLabel] !== from) continue
      const body = { metadata: { uid: pod.metadata.uid, labels: { [revisionLabel]: to } } }
      await this.kube.patch(Pods, pod.metadata, { type: 'merge', body }).catch(ignoreNotFound)
    }
  }

  /** Another template has the same hash: the next try hashes differently. */
  async #collided(set: DaemonSet): Promise<never> {
    const status = { ...set.status!, collisionCount: (set.status?.collisionCount ?? 0) + 1 }
    await this.kube.replace(DaemonSets, { ...set, status }, { subresource: 'status' })
    throw new Error(`the revision's name is taken; collisionCount is ${status.collisionCount} now`)
  }

  /** Revisions that no pod has and that are beyond the limit go, oldest first. */
  async #cleanUp(set: DaemonSet, old: readonly ControllerRevision[]): Promise<void> {
    let surplus = old.length - (set.spec.revisionHistoryLimit ?? 10)
    if (surplus <= 0) return
    const live = new Set<string | undefined>()
    for (const pod of this.context.caches.pods.byIndex('controller', set.metadata.uid)) {
      live.add(pod.metadata.labels?.[revisionLabel])
    }
    for (const revision of old) {
      if (surplus <= 0 || live.has(revision.metadata.labels?.[revisionLabel])) continue
      await this.#history.remove(revision)
      surplus--
    }
  }

  #podsByNode(set: DaemonSet, dirty: ReadonlySet<string>): Map<string, Pod[]> {
    const { pods } = this.context.caches
    const byNode = new Map<string, Pod[]>()
    const put = (pod: Pod): void => {
      if (isPodFinished(pod) && pod.metadata.deletionTimestamp !== undefined) return
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
    const name = node.metadata.name
    if (run.start && pods.length === 0) {
      await this.#create(set, name, hash)
      return
    }
    const living = pods.filter((pod) => pod.metadata.deletionTimestamp === undefined)
    if (!run.stay) {
      for (const pod of living) await this.#remove(set, pod)
      return
    }
    for (const pod of living.filter(isPodFinished)) await this.#replaceFinished(set, name, pod)
    const running = inOrder(living.filter((pod) => !isPodFinished(pod)))
    if (surgeOf(set, 1) === 0) {
      for (const pod of running.slice(1)) await this.#remove(set, pod)
    } else if (running.length === 0) {
      if (run.start) await this.#create(set, name, hash)
    } else {
      await this.#settleSurge(set, running, hash)
    }
  }

  /** One new and one old pod may share a node until the new one is available. */
  async #settleSurge(set: DaemonSet, running: readonly Pod[], hash: string): Promise<void> {
    const newest = running.find((pod) => isUpdated(set, pod, hash))
    const old = running.find((pod) => !isUpdated(set, pod, hash))
    for (const pod of running) if (pod !== newest && pod !== old) await this.#remove(set, pod)
    if (newest === undefined || old === undefined) return
    if (!isPodReady(old) || this.#isAvailable(set, newest)) await this.#remove(set, old)
  }

  #isAvailable(set: DaemonSet, pod: Pod): boolean {
    const from = podAvailableFrom(pod, set.spec.minReadySeconds ?? 0)
    return from !== undefined && from <= this.context.clock.now()
  }

  /** Each time later than the one before: 1 s doubling to 15 min, for what fails once fails again. */
  async #replaceFinished(set: DaemonSet, node: string, pod: Pod): Promise<void> {
    if (pod.status?.phase === 'Succeeded') {
      const told = `Found succeeded daemon pod ${keyOfObject(pod)} on node ${node}, will try to delete it`
      this.events.event(set, 'Normal', 'SucceededDaemonPod', told)
      await this.#remove(set, pod)
      return
    }
    const place = `${set.metadata.uid}/${node}`
    const now = this.context.clock.now()
    const known = this.#failures.get(place)
    if (known !== undefined && now < known.until && known.uid !== pod.metadata.uid) {
      this.#again(keyOfObject(set), node, ms(known.until - now))
      return
    }
    const fresh = known === undefined || now > known.until + longestFailureBackoffMs * 2
    const delay = fresh ? firstFailureBackoffMs : Math.min(known.delay * 2, longestFailureBackoffMs)
    this.#failures.set(place, { uid: pod.metadata.uid, delay, until: now + delay })
    this.events.event(
      set,
      'Warning',
      'FailedDaemonPod',
      `Found failed daemon pod ${keyOfObject(pod)} on node ${node}, will try to kill it`,
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
      { labels: { ...generationOf(set), [revisionLabel]: hash }, spec },
    )
    try {
      const pod = await this.kube.create(Pods, draft)
      this.events.event(set, 'Normal', 'SuccessfulCreate', `Created pod: ${pod.metadata.name}`)
    } catch (error) {
      if (isNamespaceTerminating(error)) return
      if (error instanceof KubeError)
        this.events.event(set, 'Warning', 'FailedCreate', `Error creating: ${error.message}`)
      throw error
    }
  }

  async #remove(set: DaemonSet, pod: Pod): Promise<void> {
    await removePod(this.kube, pod)
    this.events.event(set, 'Normal', 'SuccessfulDelete', `Deleted pod: ${pod.metadata.name}`)
  }

  /** RollingUpdate: outdated pods go as long as no more than maxUnavailable are missing, or get a newer one beside them. */
  async #rollOut(
    set: DaemonSet,
    watched: Watched,
    hash: string,
    wanted: ((node: Node) => boolean) | undefined,
    tolerations: readonly Toleration[],
  ): Promise<void> {
    if (set.spec.updateStrategy?.type === 'OnDelete') return
    const standings = [...watched.standings.values()]
    if (standings.every((standing) => standing.updated || (!standing.scheduled && !standing.misscheduled))) return
    const desired = standings.filter((standing) => standing.desired).length
    const rolling = set.spec.updateStrategy?.rollingUpdate
    const surge = surgeOf(set, desired)
    let most = scaled(rolling?.maxUnavailable ?? 1, desired, Math.ceil)
    if (desired > 0 && most === 0 && surge === 0) most = 1
    const byNode = this.#podsByNode(set, new Set(watched.standings.keys()))
    const places = [...watched.standings]
      .filter(([node, standing]) => standing.desired || byNode.has(node))
      .map(([node]) => ({ node, ...pairOf(set, byNode.get(node) ?? [], hash) }))
    if (surge > 0) await this.#surge(set, places, { surge, desired, hash, wanted, tolerations })
    else await this.#replaceOutdated(set, places, most)
  }

  async #replaceOutdated(set: DaemonSet, places: readonly Place[], most: number): Promise<void> {
    let unavailable = 0
    const worthless: Pod[] = []
    const candidates: Pod[] = []
    for (const { fresh, old, crowded } of places) {
      if (crowded || (fresh === undefined) === (old === undefined)) unavailable++
      else if (fresh !== undefined) unavailable += this.#isAvailable(set, fresh) ? 0 : 1
      else if (this.#isAvailable(set, old!)) candidates.push(old!)
      else {
        // What does not work anyway costs nothing to replace.
        worthless.push(old!)
        unavailable++
      }
    }
    for (const pod of [...worthless, ...candidates.slice(0, Math.max(0, most - unavailable))]) {
      await this.#remove(set, pod)
    }
  }

  async #surge(
    set: DaemonSet,
    places: readonly Place[],
    o: {
      readonly surge: number
      readonly desired: number
      readonly hash: string
      readonly wanted: ((node: Node) => boolean) | undefined
      readonly tolerations: readonly Toleration[]
    },
  ): Promise<void> {
    let surging = 0
    let available = 0
    const outdated: Pod[] = []
    const misplaced: Pod[] = []
    const allowed: string[] = []
    const candidates: string[] = []
    for (const { node: name, fresh, old, crowded } of places) {
      if (crowded) {
        surging++
        continue
      }
      const standing = old ?? fresh
      if (standing !== undefined && this.#isAvailable(set, standing)) available++
      if (old === undefined) continue
      if (fresh !== undefined) {
        if (this.#isAvailable(set, fresh)) outdated.push(old)
        else surging++
        continue
      }
      const node = this.context.caches.nodes.get({ name })
      const starts = node !== undefined && shouldRun(node, o.wanted, o.tolerations).start
      const works = this.#isAvailable(set, old)
      if (starts) (works ? candidates : allowed).push(name)
      else (works ? misplaced : outdated).push(old)
    }
    outdated.push(...misplaced.slice(0, Math.max(0, available - o.desired)))
    allowed.push(...candidates.slice(0, Math.max(0, o.surge - surging)))
    for (const node of allowed) await this.#create(set, node, o.hash)
    for (const pod of outdated) await this.#remove(set, pod)
  }

  #standing(set: DaemonSet, pods: readonly Pod[], desired: boolean, hash: string): Standing {
    const pod = inOrder(pods)[0]
    const ready = desired && pod !== undefined && isPodReady(pod)
    return {
      desired,
      scheduled: desired && pod !== undefined,
      misscheduled: !desired && pod !== undefined,
      ready,
      available: ready && this.#isAvailable(set, pod),
      updated: desired && pod !== undefined && isUpdated(set, pod, hash),
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
      ...(set.status?.collisionCount === undefined ? {} : { collisionCount: set.status.collisionCount }),
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

/** Bound ones first, then the oldest. */
function inOrder(pods: readonly Pod[]): Pod[] {
  return pods.toSorted((a, b) => {
    const bound = Number(b.spec.nodeName !== undefined) - Number(a.spec.nodeName !== undefined)
    if (bound !== 0) return bound
    const [left, right] = [a.metadata.creationTimestamp, b.metadata.creationTimestamp]
    return left < right ? -1 : left > right ? 1 : a.metadata.name < b.metadata.name ? -1 : 1
  })
}

/** One node's pod of the template as it is, and one of an earlier; crowded when there are more than that. */
interface Place {
  readonly node: string
  readonly fresh: Pod | undefined
  readonly old: Pod | undefined
  readonly crowded: boolean
}

function pairOf(set: DaemonSet, pods: readonly Pod[], hash: string): Omit<Place, 'node'> {
  const living = pods.filter((pod) => pod.metadata.deletionTimestamp === undefined)
  const fresh = living.filter((pod) => isUpdated(set, pod, hash))
  const old = living.filter((pod) => !isUpdated(set, pod, hash))
  return { fresh: fresh[0], old: old[0], crowded: fresh.length > 1 || old.length > 1 }
}

function surgeOf(set: DaemonSet, desired: number): number {
  const { type, rollingUpdate } = set.spec.updateStrategy ?? {}
  return type === 'OnDelete' ? 0 : scaled(rollingUpdate?.maxSurge ?? 0, desired, Math.ceil)
}

/** The label by which clusters of long ago told templates apart. */
function generationOf(set: DaemonSet): { readonly [label: string]: string } {
  const generation = set.metadata.annotations?.[generationAnnotation]
  return generation === undefined ? {} : { [generationLabel]: generation }
}

function isUpdated(set: DaemonSet, pod: Pod, hash: string): boolean {
  const generation = set.metadata.annotations?.[generationAnnotation]
  if (generation !== undefined && pod.metadata.labels?.[generationLabel] === generation) return true
  return pod.metadata.labels?.[revisionLabel] === hash
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
