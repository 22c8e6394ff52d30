// kubernetes/kubernetes:pkg/controller/job/job_controller.go, indexed_job_utils.go, and ttlafterfinished
import {
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
import { ignoreNotFound, isKubeFailure, KubeError } from '@plimsoll/ports'
import { splitKey } from '../machinery/reference.ts'
import { isPodActive, isPodFinished, isPodReady, restartCount } from '../pods.ts'
import { followOwned, WorkloadController, type ControllerContext } from './controller.ts'
import { controllerReference, podFromTemplate, removePod } from './pod-control.ts'

/** Holds a finished pod until its end is counted in the status. */
const trackingFinalizer = 'batch.kubernetes.io/job-tracking'
const indexAnnotation = 'batch.kubernetes.io/job-completion-index'
const firstBackoffMs = 10_000
const longestBackoffMs = 600_000
const burstPods = 500

interface Standing {
  readonly active: readonly Pod[]
  readonly succeeded: number
  readonly failed: number
  /** Of an indexed job: what has succeeded so far. */
  readonly completed: ReadonlySet<number>
}

type Verdict = { readonly type: 'Complete' | 'Failed'; readonly reason: string; readonly message: string }

export class JobController extends WorkloadController {

  constructor(context: ControllerContext) {
    super(context, { loop: 'job', account: 'job-controller' })
    followOwned(this.loop, 'Job', { owners: context.caches.jobs, owned: context.caches.pods })
  }

  protected override async sync(key: string): Promise<Ms | undefined> {
    const job = this.context.caches.jobs.get(splitKey(key))
    if (job === undefined) {
      return undefined
    }
    const pods = this.context.caches.pods.byIndex('controller', job.metadata.uid)
    if (job.metadata.deletionTimestamp !== undefined) {
      for (const pod of pods) await this.#release(pod)
      return undefined
    }
    const over = finishedAt(job)
    if (over !== undefined) {
      for (const pod of pods) if (isPodFinished(pod)) await this.#release(pod)
      return this.#expire(job, over)
    }
    const counted = countEnds(job, pods)
    const standing = standingOf(job, pods, counted)
    const now = this.context.clock.now()
    const verdict = judge(job, standing, pods, now)
    if (verdict !== undefined) {
      for (const pod of standing.active) await this.#remove(job, pod)
    }
    const suspended = job.spec.suspend === true
    let changed = { created: 0, wait: undefined as Ms | undefined }
    // Counted ends are stored before pods are made or let go, so that no end is counted twice or never.
    const ended = verdict !== undefined || suspended
    await this.#post(job, counted, standing, ended ? 0 : standing.active.length, verdict, now)
    for (const pod of pods) if (counted.seen.has(pod.metadata.uid)) await this.#release(pod)
    if (verdict !== undefined) return finishedWait(job)
    if (suspended) for (const pod of standing.active) await this.#remove(job, pod)
    else changed = await this.#manage(job, standing, pods, now)
    const deadline = job.spec.activeDeadlineSeconds
    const started = instant(job.status?.startTime) ?? now
    const untilDeadline = deadline === undefined ? undefined : ms(Math.max(1, started + deadline * 1000 - now))
    return least(changed.wait, untilDeadline)
  }

  /** Makes and removes pods; says how long a failed one's successor still has to wait. */
  async #manage(
    job: Job,
    standing: Standing,
    pods: readonly Pod[],
    now: Ms,
  ): Promise<{ created: number; wait: Ms | undefined }> {
    const parallelism = job.spec.parallelism ?? 1
    const { completions } = job.spec
    const wanted =
      completions === undefined
        ? standing.succeeded > 0
          ? standing.active.length
          : parallelism
        : Math.min(parallelism, completions - standing.succeeded)
    const difference = wanted - standing.active.length
    if (difference < 0) {
      const surplus = standing.active.toSorted((a, b) => Number(isPodReady(a)) - Number(isPodReady(b)))
      for (const pod of surplus.slice(0, -difference)) await this.#remove(job, pod)
    }
    if (difference <= 0) return { created: 0, wait: undefined }
    const wait = backoffLeft(standing, pods, now)
    if (wait > 0) return { created: 0, wait }
    const indexes = job.spec.completionMode === 'Indexed' ? freeIndexes(job, standing) : undefined
    const count = Math.min(difference, burstPods, indexes?.length ?? Infinity)
    for (let i = 0; i < count; i++) await this.#create(job, indexes?.[i])
    return { created: count, wait: undefined }
  }

  async #create(job: Job, index: number | undefined): Promise<void> {
    const { name, namespace } = job.metadata
    const indexed = index === undefined ? {} : { annotations: { [indexAnnotation]: String(index) } }
    const draft = podFromTemplate(
      namespace,
      job.spec.template,
      [controllerReference(Jobs, job)],
      { generateName: index === undefined ? `${name}-` : `${name}-${index}-` },
      {
        finalizers: [...(job.spec.template.metadata?.finalizers ?? []), trackingFinalizer],
        ...indexed,
        ...(index === undefined ? {} : { labels: { [indexAnnotation]: String(index) }, spec: withIndex(job, index) }),
      },
    )
    try {
      const pod = await this.kube.create(Pods, draft)
      this.events.event(job, 'Normal', 'SuccessfulCreate', `Created pod: ${pod.metadata.name}`)
    } catch (error) {
      if (error instanceof KubeError)
        this.events.event(job, 'Warning', 'FailedCreate', `Error creating: ${error.message}`)
      throw error
    }
  }

  async #remove(job: Job, pod: Pod): Promise<void> {
    await this.#release(pod)
    await removePod(this.kube, pod)
    this.events.event(job, 'Normal', 'SuccessfulDelete', `Deleted pod: ${pod.metadata.name}`)
  }

  async #release(pod: Pod): Promise<void> {
    if (pod.metadata.finalizers?.includes(trackingFinalizer) !== true) return
    const finalizers = pod.metadata.finalizers.filter((finalizer) => finalizer !== trackingFinalizer)
    const body = { metadata: { uid: pod.metadata.uid, finalizers: finalizers.length === 0 ? null : finalizers } }
    await this.kube.patch(Pods, pod.metadata, { type: 'merge', body }).catch((error: unknown) => {
      if (!isKubeFailure(error, 'notFound', 'conflict')) throw error
    })
  }

  async #post(
    job: Job,
    counted: Counted,
    standing: Standing,
    active: number,
    verdict: Verdict | undefined,
    now: Ms,
  ): Promise<void> {
    const at = timestamp(now)
    const started = job.status?.startTime ?? (job.spec.suspend === true ? undefined : at)
    const status: JobStatus = {
      ...(active === 0 ? {} : { active }),
      ...(standing.succeeded === 0 ? {} : { succeeded: standing.succeeded }),
      ...(standing.failed === 0 ? {} : { failed: standing.failed }),
      ready: verdict === undefined ? standing.active.filter(isPodReady).length : 0,
      terminating: counted.terminating,
      uncountedTerminatedPods: counted.uncounted,
      ...(started === undefined ? {} : { startTime: started }),
      ...(job.spec.completionMode === 'Indexed' && standing.completed.size > 0
        ? { completedIndexes: indexText(standing.completed) }
        : {}),
      ...(verdict?.type === 'Complete' ? { completionTime: at } : {}),
      ...conditionsOf(job, verdict, at),
    }
    if (JSON.stringify(status) === JSON.stringify(job.status)) return
    await this.kube.replace(Jobs, { ...job, status }, { subresource: 'status' })
    if (verdict === undefined) return
    if (verdict.type === 'Complete') this.events.event(job, 'Normal', 'Completed', 'Job completed')
    else this.events.event(job, 'Warning', verdict.reason, verdict.message)
  }

  /** ttlSecondsAfterFinished. */
  async #expire(job: Job, over: number): Promise<Ms | undefined> {
    const ttl = job.spec.ttlSecondsAfterFinished
    if (ttl === undefined) return undefined
    const left = over + ttl * 1000 - this.context.clock.now()
    if (left > 0) return ms(left)
    const preconditions = { uid: job.metadata.uid }
    await this.kube
      .remove(Jobs, job.metadata, { propagationPolicy: 'Foreground', preconditions })
      .catch(ignoreNotFound)
    return undefined
  }
}

interface Counted {
  readonly succeeded: number
  readonly failed: number
  /** Pods whose end is in these counts and that may be let go. */
  readonly seen: ReadonlySet<string>
  readonly uncounted: NonNullable<JobStatus['uncountedTerminatedPods']>
  readonly terminating: number
}

/** The totals of the status, with the ends that came since. */
function countEnds(job: Job, pods: readonly Pod[]): Counted {
  const before = job.status?.uncountedTerminatedPods
  let succeeded = job.status?.succeeded ?? 0
  let failed = job.status?.failed ?? 0
  const seen = new Set<string>()
  const uncounted = { succeeded: [] as string[], failed: [] as string[] }
  let terminating = 0
  const indexes = parseIndexes(job.status?.completedIndexes)
  for (const pod of pods) {
    const { uid } = pod.metadata
    if (pod.metadata.deletionTimestamp !== undefined && !isPodFinished(pod)) terminating++
    if (pod.metadata.finalizers?.includes(trackingFinalizer) !== true) continue
    const good = pod.status?.phase === 'Succeeded'
    // What is being deleted has failed, unless successors are to wait until it is gone.
    const bad =
      pod.status?.phase === 'Failed' ||
      (!good && pod.metadata.deletionTimestamp !== undefined && job.spec.podReplacementPolicy !== 'Failed')
    if (!good && !bad) continue
    seen.add(uid)
    const list = good ? 'succeeded' : 'failed'
    const index = Number(pod.metadata.annotations?.[indexAnnotation] ?? NaN)
    if (before?.[list]?.includes(uid) !== true) {
      if (good && job.spec.completionMode === 'Indexed' && indexes.has(index)) continue
      if (good) succeeded++
      else failed++
    }
    uncounted[list].push(uid)
  }
  return {
    succeeded,
    failed,
    seen,
    terminating,
    uncounted: {
      ...(uncounted.failed.length === 0 ? {} : { failed: uncounted.failed }),
      ...(uncounted.succeeded.length === 0 ? {} : { succeeded: uncounted.succeeded }),
    },
  }
}

function standingOf(job: Job, pods: readonly Pod[], counted: Counted): Standing {
  const completed = parseIndexes(job.status?.completedIndexes)
  for (const pod of pods) {
    const index = pod.metadata.annotations?.[indexAnnotation]
    if (index !== undefined && pod.status?.phase === 'Succeeded') completed.add(Number(index))
  }
  const indexed = job.spec.completionMode === 'Indexed'
  return {
    active: pods.filter(isPodActive),
    succeeded: indexed ? completed.size : counted.succeeded,
    failed: counted.failed,
    completed,
  }
}

/** Whether the job is over, and how. */
function judge(job: Job, standing: Standing, pods: readonly Pod[], now: Ms): Verdict | undefined {
  const { completions, activeDeadlineSeconds } = job.spec
  const backoffLimit = job.spec.backoffLimit ?? 6
  const restarts =
    job.spec.template.spec?.restartPolicy === 'OnFailure' ? pods.reduce((sum, pod) => sum + restartCount(pod), 0) : 0
  if (standing.failed > backoffLimit || (restarts > 0 && restarts > backoffLimit)) {
    const message = 'Job has reached the specified backoff limit'
    return { type: 'Failed', reason: 'BackoffLimitExceeded', message }
  }
  const started = instant(job.status?.startTime)
  if (
    activeDeadlineSeconds !== undefined &&
    started !== undefined &&
    job.spec.suspend !== true &&
    now >= started + activeDeadlineSeconds * 1000
  ) {
    return { type: 'Failed', reason: 'DeadlineExceeded', message: 'Job was active longer than specified deadline' }
  }
  const complete =
    completions === undefined
      ? standing.succeeded > 0 && standing.active.length === 0
      : standing.succeeded >= completions
  if (!complete) return undefined
  return { type: 'Complete', reason: 'CompletionsReached', message: 'Reached expected number of succeeded pods' }
}

function conditionsOf(
  job: Job,
  verdict: Verdict | undefined,
  at: string,
): { readonly conditions?: readonly JobCondition[] } {
  let conditions = job.status?.conditions ?? []
  const known = conditions.find((condition) => condition.type === 'Suspended')
  const suspended = job.spec.suspend === true ? 'True' : 'False'
  if ((known?.status ?? 'False') !== suspended) {
    const [reason, message] = suspended === 'True' ? ['JobSuspended', 'Job suspended'] : ['JobResumed', 'Job resumed']
    const condition = {
      type: 'Suspended',
      status: suspended,
      lastProbeTime: at,
      lastTransitionTime: at,
      reason,
      message,
    }
    conditions = [...conditions.filter((c) => c.type !== 'Suspended'), condition]
  }
  if (verdict !== undefined) {
    const { reason, message } = verdict
    const facts = { status: 'True', lastProbeTime: at, lastTransitionTime: at, reason, message }
    const first = verdict.type === 'Complete' ? 'SuccessCriteriaMet' : 'FailureTarget'
    conditions = [...conditions, { type: first, ...facts }, { type: verdict.type, ...facts }]
  }
  return conditions.length === 0 ? {} : { conditions }
}

/** When the job ended; undefined while it runs. */
function finishedAt(job: Job): number | undefined {
  const end = job.status?.conditions?.find(
    (condition) => (condition.type === 'Complete' || condition.type === 'Failed') && condition.status === 'True',
  )
  return end === undefined ? undefined : (instant(end.lastTransitionTime) ?? 0)
}

function finishedWait(job: Job): Ms | undefined {
  const ttl = job.spec.ttlSecondsAfterFinished
  return ttl === undefined ? undefined : ms(ttl * 1000)
}

/** After the nth failure in a row the next pod waits 10 s, 20 s, … up to ten minutes. */
function backoffLeft(standing: Standing, pods: readonly Pod[], now: number): Ms {
  let failures = 0
  let last = 0
  for (const pod of pods) {
    if (pod.status?.phase !== 'Failed') continue
    failures++
    const ends = (pod.status.containerStatuses ?? []).map((s) => instant(s.state?.terminated?.finishedAt) ?? 0)
    last = Math.max(last, ...ends)
  }
  failures = Math.max(failures, failures > 0 ? standing.failed : 0)
  if (failures === 0) return ms(0)
  const wait = Math.min(firstBackoffMs * 2 ** (failures - 1), longestBackoffMs)
  return ms(Math.max(0, last + wait - now))
}

function freeIndexes(job: Job, standing: Standing): number[] {
  const taken = new Set(standing.active.map((pod) => Number(pod.metadata.annotations?.[indexAnnotation])))
  const free: number[] = []
  for (let i = 0; i < (job.spec.completions ?? 0); i++) {
    if (!taken.has(i) && !standing.completed.has(i)) free.push(i)
  }
  return free
}

/** Indexed pods know their place by environment and host name. */
function withIndex(job: Job, index: number): Partial<Pod['spec']> {
  const variable = {
    name: 'JOB_COMPLETION_INDEX',
    valueFrom: { fieldRef: { apiVersion: 'v1', fieldPath: `metadata.annotations['${indexAnnotation}']` } },
  }
  const containers = (job.spec.template.spec?.containers ?? []).map((container) => ({
    ...container,
    env: [...(container.env ?? []), variable],
  }))
  return { containers, hostname: `${job.metadata.name}-${index}` }
}

/** `1,3-5,7` and back. */
function indexText(indexes: ReadonlySet<number>): string {
  const sorted = [...indexes].sort((a, b) => a - b)
  const parts: string[] = []
  for (let i = 0; i < sorted.length; i++) {
    const first = sorted[i]!
    while (sorted[i + 1] === sorted[i]! + 1) i++
    const last = sorted[i]!
    parts.push(first === last ? String(first) : last === first + 1 ? `${first},${last}` : `${first}-${last}`)
  }
  return parts.join(',')
}

function parseIndexes(text: string | undefined): Set<number> {
  const indexes = new Set<number>()
  for (const part of (text ?? '').split(',')) {
    if (part === '') continue
    const [first, last = first] = part.split('-').map(Number)
    for (let i = first!; i <= last!; i++) indexes.add(i)
  }
  return indexes
}

function least(...waits: readonly (Ms | undefined)[]): Ms | undefined {
  const given = waits.filter((wait) => wait !== undefined)
  return given.length === 0 ? undefined : ms(Math.min(...given))
}
