// kubernetes/kubernetes:pkg/controller/job/job_controller.go. A pod's end is first written down in the status as one not yet
// counted, then the pod's finalizer is taken off, then it is counted: no end is counted twice or never.
import {
  controllerOf,
  instant,
  Jobs,
  ms,
  Pods,
  timestamp,
  type Job,
  type JobCondition,
  type JobStatus,
  type Ms,
  type Pod,
} from '@plimsoll/model'
import { isKubeFailure, KubeError } from '@plimsoll/ports'
import type { Reconciler } from '@plimsoll/runtime'
import { onChange } from '../caches.ts'
import { keyOfObject, splitKey } from '../machinery/reference.ts'
import { isPodActive, isPodFinished, isPodReady } from '../pods.ts'
import { syncing, WorkloadController, type ControllerContext } from './controller.ts'
import { indexAnnotation, indexOf, indexText, isIndexed, namePrefix, parseIndexes, withIndex } from './job-indexes.ts'
import {
  backoffLeft,
  endOf,
  failsIndex,
  failureAnnotations,
  failuresBefore,
  isPodFailed,
  matchFailurePolicy,
  matchSuccessPolicy,
  replacesFailedOnly,
} from './job-policies.ts'
import { PodClaims } from './pod-claims.ts'
import {
  controllerReference,
  inDeletionOrder,
  isNamespaceTerminating,
  podFromTemplate,
  removePod,
  slowStart,
} from './pod-control.ts'

/** Holds a pod until its end is counted in the status. */
const trackingFinalizer = 'batch.kubernetes.io/job-tracking'
const ownName = 'kubernetes.io/job-controller'
const burstPods = 500
const uncountedMax = 500
/** Changes of pods are looked at together. */
const batchMs = ms(1000)

/** Failures since the last success: a successor waits the longer the more there are. */
interface Backoff {
  failures: number
  last: number
}

/** What one look at a Job is about; the counts change as pods are made and removed. */
interface Look {
  readonly job: Job
  readonly pods: readonly Pod[]
  readonly activePods: readonly Pod[]
  readonly now: Ms
  active: number
  ready: number
  terminating: number
  succeeded: number
  readonly failed: number
  readonly backoff: Backoff
  /** Of an indexed Job: the indexes that were done before this look, and those that are now. */
  readonly doneBefore: ReadonlySet<number>
  readonly done: ReadonlySet<number>
  /** Undefined without a limit per index. */
  readonly failedIndexes: ReadonlySet<number> | undefined
  /** By index, the failed pod whose finalizer stays until its successor is there, for that counts the failures on. */
  readonly awaiting: ReadonlyMap<number, Pod>
  wait: number | undefined
}

export class JobController extends WorkloadController {
  readonly #claims: PodClaims<Job>
  readonly #backoffs = new Map<string, Backoff>()
  /** Lets go of pods whose Job is gone or does not want to know of them. */
  readonly #orphans: Reconciler<string>

  constructor(context: ControllerContext) {
    super(context, { loop: 'job', account: 'job-controller' })
    const { caches } = context
    this.#orphans = syncing(context, 'job-orphan-pods', (key) => this.#releaseOrphan(key))
    onChange(caches.jobs, (now, was) => {
      if (now !== undefined) {
        this.loop.add(keyOfObject(now))
        return
      }
      this.#backoffs.delete(was!.metadata.uid)
      for (const pod of caches.pods.byIndex('controller', was!.metadata.uid)) this.#orphans.add(keyOfObject(pod))
    })
    onChange(caches.pods, (now, was) => {
      const pod = now ?? was!
      const owner = controllerOf(pod)
      if (owner?.kind === 'Job') this.loop.queue.addAfter(`${pod.metadata.namespace}/${owner.name}`, batchMs)
      if (now !== undefined && this.#isOrphan(now)) this.#orphans.add(keyOfObject(now))
    })
    this.#claims = new PodClaims({
      caches,
      kube: this.kube,
      type: Jobs,
      owners: caches.jobs,
      selectorOf: (job) => job.spec.selector,
      enqueue: (key) => this.loop.add(key),
    })
  }

  override async run(signal: AbortSignal): Promise<void> {
    await Promise.all([super.run(signal), this.#orphans.run(signal)])
  }

  /** Tracked, but by no Job that still counts. */
  #isOrphan(pod: Pod): boolean {
    if (!isTracked(pod)) return false
    const owner = controllerOf(pod)
    if (owner?.kind !== 'Job') return owner === undefined
    const job = this.context.caches.jobs.get({ namespace: pod.metadata.namespace, name: owner.name })
    return job?.metadata.uid !== owner.uid || isOthers(job) || finishOf(job) !== undefined
  }

  async #releaseOrphan(key: string): Promise<void> {
    const pod = this.context.caches.pods.get(splitKey(key))
    if (pod !== undefined && this.#isOrphan(pod)) await this.#release(pod)
  }

  protected override async sync(key: string): Promise<Ms | undefined> {
    const { caches, clock } = this.context
    const job = caches.jobs.get(splitKey(key))
    if (job === undefined || isOthers(job)) return undefined
    if (finishOf(job) !== undefined) {
      this.#backoffs.delete(job.metadata.uid)
      for (const pod of caches.pods.byIndex('controller', job.metadata.uid)) await this.#release(pod)
      return undefined
    }
    await this.#claims.claim(job)
    const look = this.#look(job, caches.pods.byIndex('controller', job.metadata.uid), clock.now())
    const status = draftOf(job, look.now)
    let end = endingOf(look, status)
    let failure: KubeError | undefined
    const noteFailure = (error: unknown): void => {
      if (!(error instanceof KubeError)) throw error
      failure = error
    }
    if (end !== undefined) {
      const removed = await this.#removeAll(look, look.activePods).catch(noteFailure)
      if (removed === undefined) end = undefined
    } else {
      if (job.metadata.deletionTimestamp === undefined) await this.#manage(look).catch(noteFailure)
      if (isComplete(look)) end = completed(look.now)
      else if (job.metadata.deletionTimestamp === undefined) this.#noteSuspension(job, status, look.now)
    }
    await this.#track(look, status, end)
    if (failure !== undefined) throw failure
    return this.#nextLook(job, look, status)
  }

  /** Everything that a look at the pods tells. */
  #look(job: Job, pods: readonly Pod[], now: Ms): Look {
    const activePods = pods.filter(isPodActive)
    const { status } = job
    const uncounted = status?.uncountedTerminatedPods
    const isNew = (pod: Pod, counted: readonly string[] | undefined): boolean =>
      isTracked(pod) && counted?.includes(pod.metadata.uid) !== true && (!isIndexed(job) || indexOf(job, pod) >= 0)
    const succeeded = pods.filter((p) => p.status?.phase === 'Succeeded' && isNew(p, uncounted?.succeeded))
    const failed = pods.filter((pod) => isPodFailed(job, pod) && isNew(pod, uncounted?.failed))
    const counting = failed.filter((pod) => matchFailurePolicy(job, pod).counts)

    const end = job.spec.completions ?? 0
    const doneBefore = parseIndexes(isIndexed(job) ? status?.completedIndexes : undefined, end)
    const done = new Set(doneBefore)
    let failedIndexes: Set<number> | undefined
    if (isIndexed(job)) {
      for (const pod of pods) {
        if (pod.status?.phase === 'Succeeded' && isTracked(pod) && indexOf(job, pod) >= 0) done.add(indexOf(job, pod))
      }
      if (job.spec.backoffLimitPerIndex !== undefined) {
        failedIndexes = parseIndexes(status?.failedIndexes, end)
        for (const pod of pods) {
          const index = indexOf(job, pod)
          if (index >= 0 && isTracked(pod) && failsIndex(job, pod)) failedIndexes.add(index)
        }
      }
    }
    return {
      job,
      pods,
      activePods,
      now,
      active: activePods.length,
      ready: activePods.filter(isPodReady).length,
      terminating: pods.filter((pod) => pod.metadata.deletionTimestamp !== undefined && !isPodFinished(pod)).length,
      succeeded: isIndexed(job)
        ? done.size
        : (status?.succeeded ?? 0) + succeeded.length + (uncounted?.succeeded?.length ?? 0),
      failed: (status?.failed ?? 0) + counting.length + (uncounted?.failed?.length ?? 0),
      backoff: this.#backoffOf(job, pods, succeeded, failed),
      doneBefore,
      done,
      failedIndexes,
      awaiting: failedIndexes === undefined ? new Map() : awaitingOf(job, pods, activePods, done, failedIndexes),
      wait: undefined,
    }
  }

  /** Kept while we live; after that read off the pods that are still there. */
  #backoffOf(job: Job, pods: readonly Pod[], succeeded: readonly Pod[], failed: readonly Pod[]): Backoff {
    const known = this.#backoffs.get(job.metadata.uid)
    const [goods, bads] =
      known === undefined
        ? [pods.filter((pod) => pod.status?.phase === 'Succeeded'), pods.filter((pod) => isPodFailed(job, pod))]
        : [succeeded, failed]
    const backoff: Backoff = goods.length > 0 || known === undefined ? { failures: 0, last: 0 } : { ...known }
    const lastGood = Math.max(-Infinity, ...goods.map(endOf))
    for (const end of bads.map(endOf)) {
      if (end <= lastGood) continue
      backoff.failures++
      backoff.last = Math.max(backoff.last, end)
    }
    return backoff
  }

  /** Makes and removes pods as the Job wants them. */
  async #manage(look: Look): Promise<void> {
    const { job, activePods } = look
    if (job.spec.suspend === true) {
      await this.#removeAll(look, activePods, 'released')
      return
    }
    const parallelism = job.spec.parallelism ?? 1
    const { completions } = job.spec
    const wanted =
      completions === undefined
        ? look.succeeded > 0
          ? look.active
          : parallelism
        : Math.max(0, Math.min(parallelism, completions - look.succeeded))
    const surplus = surplusOf(look, Math.max(0, look.active - wanted)).slice(0, burstPods)
    if (surplus.length > 0) {
      await this.#removeAll(look, surplus, 'released')
      return
    }
    const going = replacesFailedOnly(job) ? look.terminating : 0
    const missing = Math.min(burstPods, wanted - going - look.active)
    if (missing > 0) await this.#create(look, missing)
  }

  async #create(look: Look, missing: number): Promise<void> {
    const { job, now, backoff } = look
    const perIndex = job.spec.backoffLimitPerIndex !== undefined
    const wait = perIndex ? 0 : backoffLeft(backoff.failures, backoff.last, now)
    if (wait > 0) {
      // Upstream tells of no active pods while it waits, whatever there are.
      look.active = 0
      look.wait = wait
      return
    }
    let indexes = isIndexed(job) ? pendingIndexes(look, missing) : undefined
    if (indexes !== undefined && perIndex) {
      const waits = new Map(indexes.map((index) => [index, waitOfIndex(look, index)]))
      const due = indexes.filter((index) => waits.get(index) === 0)
      if (due.length === 0 && indexes.length > 0) {
        look.active = 0
        look.wait = Math.min(...waits.values())
        return
      }
      indexes = due
    }
    const count = indexes?.length ?? missing
    await slowStart(count, async (i) => {
      if (await this.#createPod(look, indexes?.[i])) look.active++
    })
  }

  async #createPod({ job, awaiting }: Look, index: number | undefined): Promise<boolean> {
    const { name, namespace } = job.metadata
    const finalizers = job.spec.template.metadata?.finalizers ?? []
    const draft = podFromTemplate(
      namespace,
      job.spec.template,
      [controllerReference(Jobs, job)],
      { generateName: index === undefined ? `${name}-` : namePrefix(job, index) },
      {
        finalizers: finalizers.includes(trackingFinalizer) ? finalizers : [...finalizers, trackingFinalizer],
        ...(index === undefined
          ? {}
          : {
              labels: { [indexAnnotation]: String(index) },
              annotations: { [indexAnnotation]: String(index), ...failureAnnotations(job, awaiting.get(index)) },
              spec: withIndex(job, index),
            }),
      },
    )
    try {
      const pod = await this.kube.create(Pods, draft)
      this.events.event(job, 'Normal', 'SuccessfulCreate', `Created pod: ${pod.metadata.name}`)
      return true
    } catch (error) {
      if (isNamespaceTerminating(error)) return false
      if (error instanceof KubeError)
        this.events.event(job, 'Warning', 'FailedCreate', `Error creating: ${error.message}`)
      throw error
    }
  }

  /** `released`: without their finalizer, so that their end counts nowhere. */
  async #removeAll(look: Look, pods: readonly Pod[], how?: 'released'): Promise<true> {
    for (const pod of pods) {
      if (how === 'released') await this.#release(pod)
      await removePod(this.kube, pod)
      this.events.event(look.job, 'Normal', 'SuccessfulDelete', `Deleted pod: ${pod.metadata.name}`)
      look.active--
      look.terminating++
      if (isPodReady(pod)) look.ready--
    }
    return true
  }

  async #release(pod: Pod): Promise<void> {
    if (!isTracked(pod)) return
    const finalizers = pod.metadata.finalizers!.filter((finalizer) => finalizer !== trackingFinalizer)
    const body = { metadata: { uid: pod.metadata.uid, finalizers: finalizers.length === 0 ? null : finalizers } }
    await this.kube.patch(Pods, pod.metadata, { type: 'merge', body }).catch((error: unknown) => {
      if (!isKubeFailure(error, 'notFound', 'conflict')) throw error
    })
  }

  #noteSuspension(job: Job, status: StatusDraft, now: Ms): void {
    const suspended = job.spec.suspend === true
    const known = status.conditions.find((condition) => condition.type === 'Suspended')
    if ((known?.status === 'True') === suspended) return
    const [event, reason, message] = suspended
      ? (['Suspended', 'JobSuspended', 'Job suspended'] as const)
      : (['Resumed', 'JobResumed', 'Job resumed'] as const)
    const next = condition('Suspended', suspended ? 'True' : 'False', reason, message, now)
    status.conditions =
      known === undefined ? [...status.conditions, next] : status.conditions.map((c) => (c === known ? next : c))
    if (!suspended) status.startTime = timestamp(now)
    this.events.event(job, 'Normal', event, message)
  }

  /** Writes down the ends that came, lets their pods go, counts them, and ends the Job when it is over. */
  async #track(look: Look, status: StatusDraft, ending: JobCondition | undefined): Promise<void> {
    const { job, now } = look
    const tracked = new Set(look.pods.filter(isTracked).map((pod) => pod.metadata.uid))
    status.active = look.active
    status.ready = look.ready
    status.terminating = look.terminating
    countReleased(status, tracked)
    const releasable = noteEnds(look, status, ending)
    let final: JobCondition | undefined
    if (ending !== undefined) {
      const { type, reason = '', message = '' } = ending
      if (type !== 'Failed' && !status.conditions.some((c) => c.type === type)) status.conditions.push(ending)
      final = condition(type === 'SuccessCriteriaMet' ? 'Complete' : 'Failed', 'True', reason, message, now)
    }
    await this.#post(job, status)
    this.#backoffs.set(job.metadata.uid, look.backoff)
    for (const pod of releasable.pods) {
      await this.#release(pod)
      tracked.delete(pod.metadata.uid)
    }
    countReleased(status, tracked)
    const over =
      final !== undefined &&
      !releasable.more &&
      status.terminating === 0 &&
      status.uncounted.succeeded.length + status.uncounted.failed.length === 0
    if (over) {
      status.conditions.push(final!)
      if (final!.type === 'Complete') status.completionTime = timestamp(now)
    }
    if (!(await this.#post(job, status)) || !over) return
    this.#tellEnd(job, status, final!)
  }

  #tellEnd(job: Job, status: StatusDraft, { type, reason, message }: JobCondition): void {
    if (type === 'Failed') {
      this.events.event(job, 'Warning', reason!, message!)
      return
    }
    if (job.spec.completions !== undefined && status.succeeded > job.spec.completions) {
      const told = 'Too many succeeded pods running after completion count reached'
      this.events.event(job, 'Warning', 'TooManySucceededPods', told)
    }
    this.events.event(job, 'Normal', 'Completed', 'Job completed')
  }

  /** False when there was nothing to write, or nobody to write it for. */
  async #post(seen: Job, draft: StatusDraft): Promise<boolean> {
    const job = this.context.caches.jobs.get(seen.metadata)
    if (job === undefined || job.metadata.uid !== seen.metadata.uid) return false
    const status = statusOf(draft)
    if (sameStatus(status, job.status)) return false
    await this.kube.replace(Jobs, { ...job, status }, { subresource: 'status' })
    return true
  }

  #nextLook(job: Job, look: Look, status: StatusDraft): Ms | undefined {
    const deadline = job.spec.activeDeadlineSeconds
    const started = instant(status.startTime)
    if (deadline === undefined || started === undefined || job.spec.suspend === true) return optionalMs(look.wait)
    const left = started + deadline * 1000 - look.now
    return left <= 0 ? optionalMs(look.wait) : ms(Math.min(left, look.wait ?? Infinity))
  }
}

interface StatusDraft {
  startTime: string | undefined
  completionTime: string | undefined
  active: number
  ready: number
  terminating: number
  succeeded: number
  failed: number
  completedIndexes: string | undefined
  failedIndexes: string | undefined
  conditions: JobCondition[]
  uncounted: { succeeded: readonly string[]; failed: readonly string[] }
}

function draftOf(job: Job, now: Ms): StatusDraft {
  const { status } = job
  return {
    startTime: status?.startTime ?? (job.spec.suspend === true ? undefined : timestamp(now)),
    completionTime: status?.completionTime,
    active: 0,
    ready: 0,
    terminating: 0,
    succeeded: status?.succeeded ?? 0,
    failed: status?.failed ?? 0,
    completedIndexes: status?.completedIndexes,
    failedIndexes: status?.failedIndexes,
    conditions: [...(status?.conditions ?? [])],
    uncounted: {
      succeeded: status?.uncountedTerminatedPods?.succeeded ?? [],
      failed: status?.uncountedTerminatedPods?.failed ?? [],
    },
  }
}

function statusOf(draft: StatusDraft): JobStatus {
  const { uncounted, conditions, ready, terminating } = draft
  const nonZero = (n: number): number | undefined => (n === 0 ? undefined : n)
  const some = <T>(list: readonly T[]): readonly T[] | undefined => (list.length === 0 ? undefined : [...list])
  return {
    startTime: draft.startTime,
    completionTime: draft.completionTime,
    active: nonZero(draft.active),
    succeeded: nonZero(draft.succeeded),
    failed: nonZero(draft.failed),
    ready,
    terminating,
    completedIndexes: draft.completedIndexes === '' ? undefined : draft.completedIndexes,
    failedIndexes: draft.failedIndexes,
    conditions: some(conditions),
    uncountedTerminatedPods: { succeeded: some(uncounted.succeeded), failed: some(uncounted.failed) },
  }
}

function sameStatus(a: JobStatus, b: JobStatus | undefined): boolean {
  const keys = Object.keys(a) as (keyof JobStatus)[]
  return b !== undefined && keys.every((key) => JSON.stringify(a[key]) === JSON.stringify(b[key]))
}

function condition(type: string, status: string, reason: string, message: string, now: Ms): JobCondition {
  const at = timestamp(now)
  return { type, status, lastProbeTime: at, lastTransitionTime: at, reason, message }
}

function completed(now: Ms): JobCondition {
  const message = 'Reached expected number of succeeded pods'
  return condition('SuccessCriteriaMet', 'True', 'CompletionsReached', message, now)
}

/** Whether the Job is to end, and how: as `SuccessCriteriaMet`, `FailureTarget`, or `Failed` once its target was told. */
function endingOf(look: Look, status: StatusDraft): JobCondition | undefined {
  const { job, now, pods, failedIndexes, done } = look
  const told = (type: string): JobCondition | undefined =>
    status.conditions.find((c) => c.type === type && c.status === 'True')
  const failure = (reason: string, message: string): JobCondition =>
    condition('FailureTarget', 'True', reason, message, now)
  const met = told('SuccessCriteriaMet')
  if (met !== undefined) return met
  const target = told('FailureTarget')
  if (target !== undefined) return condition('Failed', 'True', target.reason ?? '', target.message ?? '', now)
  for (const pod of job.spec.podFailurePolicy === undefined ? [] : pods) {
    const message = isPodFailed(job, pod) ? matchFailurePolicy(job, pod).message : undefined
    if (message !== undefined) return failure('PodFailurePolicy', message)
  }
  if (look.failed > (job.spec.backoffLimit ?? 6) || restartedTooOften(job, pods)) {
    return failure('BackoffLimitExceeded', 'Job has reached the specified backoff limit')
  }
  const started = instant(status.startTime)
  const deadline = job.spec.activeDeadlineSeconds
  if (
    deadline !== undefined &&
    started !== undefined &&
    job.spec.suspend !== true &&
    now >= started + deadline * 1000
  ) {
    return failure('DeadlineExceeded', 'Job was active longer than specified deadline')
  }
  if (failedIndexes !== undefined && failedIndexes.size > 0) {
    if (failedIndexes.size > (job.spec.maxFailedIndexes ?? Infinity)) {
      const message = 'Job has exceeded the specified maximal number of failed indexes'
      return failure('MaxFailedIndexesExceeded', message)
    }
    if (failedIndexes.size + done.size >= (job.spec.completions ?? 0)) {
      return failure('FailedIndexes', 'Job has failed indexes')
    }
  }
  const matched = matchSuccessPolicy(job, done)
  return matched === undefined ? undefined : condition('SuccessCriteriaMet', 'True', 'SuccessPolicy', matched, now)
}

function isComplete({ job, succeeded, active }: Look): boolean {
  const { completions } = job.spec
  return active === 0 && (completions === undefined ? succeeded > 0 : succeeded >= completions)
}

/** Containers that restart in place count towards the limit as well. */
function restartedTooOften(job: Job, pods: readonly Pod[]): boolean {
  if (job.spec.template.spec?.restartPolicy !== 'OnFailure') return false
  let restarts = 0
  for (const pod of pods) {
    if (pod.status?.phase !== 'Running' && pod.status?.phase !== 'Pending') continue
    for (const status of pod.status.initContainerStatuses ?? []) restarts += status.restartCount
    for (const status of pod.status.containerStatuses ?? []) restarts += status.restartCount
  }
  const limit = job.spec.backoffLimit ?? 6
  return limit === 0 ? restarts > 0 : restarts >= limit
}

/** Those whose finalizer went are counted now. */
function countReleased(status: StatusDraft, tracked: ReadonlySet<string>): void {
  const { succeeded, failed } = status.uncounted
  const left = { succeeded: succeeded.filter((u) => tracked.has(u)), failed: failed.filter((u) => tracked.has(u)) }
  status.succeeded += succeeded.length - left.succeeded.length
  status.failed += failed.length - left.failed.length
  status.uncounted = left
}

/** Writes the ends of pods into the status; returns the pods that may go, and whether there are more. */
function noteEnds(
  look: Look,
  status: StatusDraft,
  ending: JobCondition | undefined,
): { readonly pods: readonly Pod[]; readonly more: boolean } {
  const { job, doneBefore } = look
  const succeeded = [...status.uncounted.succeeded]
  const failed = [...status.uncounted.failed]
  const known = new Set([...succeeded, ...failed])
  const newDone = new Set<number>()
  const pods: Pod[] = []
  let more = false
  const inOrder = isIndexed(job) ? look.pods.toSorted((a, b) => indexOf(job, a) - indexOf(job, b)) : look.pods
  for (const pod of inOrder) {
    if (!isTracked(pod) || !mayGo(look, pod, ending)) continue
    if (newDone.size + succeeded.length + failed.length >= uncountedMax) {
      more = true
      break
    }
    pods.push(pod)
    const index = indexOf(job, pod)
    const { uid } = pod.metadata
    if (known.has(uid) || (isIndexed(job) && index < 0)) continue
    if (pod.status?.phase === 'Succeeded') {
      if (!isIndexed(job)) succeeded.push(uid)
      else if (!doneBefore.has(index)) newDone.add(index)
    } else if (isPodFailed(job, pod) || (ending !== undefined && ending.type !== 'SuccessCriteriaMet')) {
      if (matchFailurePolicy(job, pod).counts) failed.push(uid)
    }
  }
  status.uncounted = { succeeded, failed }
  if (isIndexed(job)) {
    const done = new Set([...doneBefore, ...newDone])
    status.succeeded = done.size
    status.completedIndexes = indexText(done)
    status.failedIndexes = look.failedIndexes === undefined ? undefined : indexText(look.failedIndexes)
  }
  return { pods, more }
}

function mayGo({ job, awaiting }: Look, pod: Pod, ending: JobCondition | undefined): boolean {
  const over = job.metadata.deletionTimestamp !== undefined || ending !== undefined
  if (over || pod.status?.phase === 'Succeeded') return true
  if (!isPodFailed(job, pod)) return false
  return awaiting.get(indexOf(job, pod))?.metadata.uid !== pod.metadata.uid
}

/** Of each index that is to be tried again, the pod that failed last. */
function awaitingOf(
  job: Job,
  pods: readonly Pod[],
  activePods: readonly Pod[],
  done: ReadonlySet<number>,
  failed: ReadonlySet<number>,
): ReadonlyMap<number, Pod> {
  const busy = new Set(activePods.map((pod) => indexOf(job, pod)))
  const awaiting = new Map<number, Pod>()
  for (const pod of pods) {
    const index = indexOf(job, pod)
    if (index < 0 || !isTracked(pod) || !isPodFailed(job, pod)) continue
    if (done.has(index) || failed.has(index) || busy.has(index)) continue
    const known = awaiting.get(index)
    const later = known === undefined || (failuresBefore(known) <= failuresBefore(pod) && endOf(pod) >= endOf(known))
    if (later) awaiting.set(index, pod)
  }
  return awaiting
}

function waitOfIndex({ awaiting, now }: Look, index: number): number {
  const last = awaiting.get(index)
  return last === undefined ? 0 : backoffLeft(failuresBefore(last) + 1, endOf(last), now)
}

/** The first indexes that nobody works on. */
function pendingIndexes(look: Look, count: number): number[] {
  const { job, activePods, pods, done, failedIndexes } = look
  const busy = new Set(activePods.map((pod) => indexOf(job, pod)))
  if (replacesFailedOnly(job)) {
    for (const pod of pods) {
      if (pod.metadata.deletionTimestamp !== undefined && !isPodFinished(pod)) busy.add(indexOf(job, pod))
    }
  }
  const pending: number[] = []
  for (let i = 0; i < (job.spec.completions ?? 0) && pending.length < count; i++) {
    if (!busy.has(i) && !done.has(i) && failedIndexes?.has(i) !== true) pending.push(i)
  }
  return pending
}

/** At least `least` pods to give up: first those that do what others do, then in the order of every controller. */
function surplusOf({ job, activePods, now }: Look, least: number): Pod[] {
  const order = (pods: readonly Pod[]): Pod[] => inDeletionOrder(pods, () => 0, now)
  const surplus: Pod[] = []
  let left: Pod[] = []
  if (isIndexed(job)) {
    const byIndex = Map.groupBy(activePods, (pod) => indexOf(job, pod))
    for (const [index, pods] of [...byIndex].sort(([a], [b]) => a - b)) {
      const sorted = order(pods)
      if (index >= 0) left.push(sorted.pop()!)
      surplus.push(...sorted)
    }
  } else {
    left = [...activePods]
  }
  if (surplus.length < least) surplus.push(...order(left).slice(0, least - surplus.length))
  return surplus
}

function isTracked(pod: Pod): boolean {
  return pod.metadata.finalizers?.includes(trackingFinalizer) === true
}

/** Somebody else's controller looks after the Job. */
function isOthers(job: Job): boolean {
  return (job.spec.managedBy ?? ownName) !== ownName
}

/** How the Job ended; undefined while it runs. */
export function finishOf(job: Job): JobCondition | undefined {
  return job.status?.conditions?.find((c) => (c.type === 'Complete' || c.type === 'Failed') && c.status === 'True')
}

function optionalMs(n: number | undefined): Ms | undefined {
  return n === undefined ? undefined : ms(n)
}
