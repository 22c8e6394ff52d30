// kubernetes/kubernetes:pkg/controller/cronjob/cronjob_controllerv2.go, utils.go
import {
  apiVersionOf,
  CronJobs,
  instant,
  Jobs,
  ms,
  timestamp,
  type CronJob,
  type CronJobStatus,
  type Job,
  type Ms,
  type ObjectReference,
} from '@plimsoll/model'
import { ignoreNotFound, isKubeFailure, KubeError } from '@plimsoll/ports'
import { splitKey } from '../machinery/reference.ts'
import { followOwned, WorkloadController, type ControllerContext } from './controller.ts'
import { nextRun, parseCron, zoneOffset, type CronSchedule } from './cron-schedule.ts'
import { finishOf } from './job.ts'
import { controllerReference, isNamespaceTerminating } from './pod-control.ts'

/** More missed runs than this are worth a warning. */
const missedMax = 100
/** A look comes a little after the minute it is for. */
const lateMs = 100
const scheduledAnnotation = 'batch.kubernetes.io/cronjob-scheduled-timestamp'

interface StatusDraft {
  active: readonly ObjectReference[]
  lastScheduleTime: string | undefined
  lastSuccessfulTime: string | undefined
}

export class CronJobController extends WorkloadController {
  constructor(context: ControllerContext) {
    super(context, { loop: 'cronjob', account: 'cronjob-controller' })
    followOwned(this.loop, 'CronJob', { owners: context.caches.cronJobs, owned: context.caches.jobs })
  }

  protected override async sync(key: string): Promise<Ms | undefined> {
    const cron = this.context.caches.cronJobs.get(splitKey(key))
    if (cron === undefined) return undefined
    const jobs = this.context.caches.jobs.byIndex('controller', cron.metadata.uid)
    const status: StatusDraft = {
      active: cron.status?.active ?? [],
      lastScheduleTime: cron.status?.lastScheduleTime,
      lastSuccessfulTime: cron.status?.lastSuccessfulTime,
    }
    await this.#prune(cron, jobs, status)
    this.#settle(cron, jobs, status)
    try {
      return cron.metadata.deletionTimestamp === undefined ? await this.#schedule(cron, status) : undefined
    } finally {
      await this.#post(cron, status)
    }
  }

  /** Brings the list of running jobs to where the jobs are. */
  #settle(cron: CronJob, jobs: readonly Job[], status: StatusDraft): void {
    for (const job of jobs) {
      const listed = status.active.some((reference) => reference.uid === job.metadata.uid)
      const end = finishOf(job)
      if (end === undefined) {
        if (listed) continue
        const told = `Saw a job that the controller did not create or forgot: ${job.metadata.name}`
        this.events.event(cron, 'Warning', 'UnexpectedJob', told)
        continue
      }
      if (listed) {
        status.active = withoutJob(status.active, job.metadata.uid)
        const told = `Saw completed job: ${job.metadata.name}, condition: ${end.type}`
        this.events.event(cron, 'Normal', 'SawCompletedJob', told)
      }
      const completed = end.type === 'Complete' ? job.status?.completionTime : undefined
      if (completed !== undefined && completed > (status.lastSuccessfulTime ?? ''))
        status.lastSuccessfulTime = completed
    }
    for (const { uid, name, namespace } of status.active) {
      if (jobs.some((job) => job.metadata.uid === uid)) continue
      if (this.context.caches.jobs.get({ namespace, name: name! }) !== undefined) continue
      this.events.event(cron, 'Normal', 'MissingJob', `Active job went missing: ${name}`)
      status.active = withoutJob(status.active, uid)
    }
  }

  /** Starts a job if one is due; returns when to look again. */
  async #schedule(cron: CronJob, status: StatusDraft): Promise<Ms | undefined> {
    const { timeZone, suspend, schedule: text, startingDeadlineSeconds } = cron.spec
    const now = this.context.clock.now()
    if (timeZone !== undefined && zoneOffset(timeZone, now) === undefined) {
      const told = `invalid timeZone: "${timeZone}": unknown time zone ${timeZone}`
      this.events.event(cron, 'Warning', 'UnknownTimeZone', told)
      return undefined
    }
    if (suspend === true) return undefined
    const schedule = parseCron(text, timeZone)
    if (schedule === undefined) {
      const told = `unparseable schedule: "${text}" : expected five fields or a descriptor that means times`
      this.events.event(cron, 'Warning', 'UnparseableSchedule', told)
      return undefined
    }
    const due = lastDue(cron, status, schedule, now)
    if (due.missed > missedMax) {
      const told = 'too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check clock skew'
      this.events.event(cron, 'Warning', 'TooManyMissedTimes', told)
    }
    const next = nextRun(schedule, now)
    const wait = next === undefined ? undefined : ms(next + lateMs - now)
    if (due.at === undefined) return wait
    if (startingDeadlineSeconds !== undefined && due.at + startingDeadlineSeconds * 1000 < now) {
      const told = `Missed scheduled time to start a job: ${rfc1123(due.at)}`
      this.events.event(cron, 'Warning', 'MissSchedule', told)
    } else {
      await this.#start(cron, status, due.at)
    }
    return wait
  }

  async #start(cron: CronJob, status: StatusDraft, at: Ms): Promise<void> {
    const name = `${cron.metadata.name}-${Math.floor(at / 60_000)}`
    if (status.lastScheduleTime === timestamp(at) || status.active.some((reference) => reference.name === name)) return
    if (cron.spec.concurrencyPolicy === 'Forbid' && status.active.length > 0) {
      const told = 'Not starting job because prior execution is running and concurrency policy is Forbid'
      this.events.event(cron, 'Normal', 'JobAlreadyActive', told)
      return
    }
    if (cron.spec.concurrencyPolicy === 'Replace') {
      for (const { namespace, name: running } of status.active) {
        const job = await this.kube.get(Jobs, { namespace, name: running! })
        await this.#removeJob(cron, job, status)
      }
    }
    const job = await this.#createJob(cron, name, at)
    if (job === undefined) return
    status.active = [...status.active, jobReference(job)]
    status.lastScheduleTime = timestamp(at)
  }

  /** The job of that time; undefined when it is in the list already, or somebody else's. */
  async #createJob(cron: CronJob, name: string, at: Ms): Promise<Job | undefined> {
    const { namespace } = cron.metadata
    const template = cron.spec.jobTemplate
    try {
      const job = await this.kube.create(Jobs, {
        metadata: {
          name,
          namespace,
          ...(template.metadata?.labels === undefined ? {} : { labels: template.metadata.labels }),
          annotations: { ...template.metadata?.annotations, [scheduledAnnotation]: zoned(at, cron.spec.timeZone) },
          ownerReferences: [controllerReference(CronJobs, cron)],
        },
        spec: template.spec!,
      })
      this.events.event(cron, 'Normal', 'SuccessfulCreate', `Created job ${name}`)
      return job
    } catch (error) {
      if (isKubeFailure(error, 'alreadyExists')) {
        const there = await this.kube.get(Jobs, { namespace, name })
        const ours = there.metadata.ownerReferences?.some((o) => o.controller === true && o.uid === cron.metadata.uid)
        return ours === true ? there : undefined
      }
      if (error instanceof KubeError && !isNamespaceTerminating(error))
        this.events.event(cron, 'Warning', 'FailedCreate', `Error creating job: ${error.message}`)
      throw error
    }
  }

  async #removeJob(cron: CronJob, job: Job, status: StatusDraft): Promise<void> {
    try {
      await this.kube.remove(Jobs, job.metadata, { propagationPolicy: 'Background' }).catch(ignoreNotFound)
    } catch (error) {
      if (error instanceof KubeError)
        this.events.event(cron, 'Warning', 'FailedDelete', `Deleted job: ${error.message}`)
      throw error
    }
    status.active = withoutJob(status.active, job.metadata.uid)
    this.events.event(cron, 'Normal', 'SuccessfulDelete', `Deleted job ${job.metadata.name}`)
  }

  /** Old finished jobs go, beyond the number to keep. */
  async #prune(cron: CronJob, jobs: readonly Job[], status: StatusDraft): Promise<void> {
    for (const [type, limit] of [
      ['Complete', cron.spec.successfulJobsHistoryLimit ?? 3],
      ['Failed', cron.spec.failedJobsHistoryLimit ?? 1],
    ] as const) {
      const ended = jobs
        .filter((job) => finishOf(job)?.type === type && job.metadata.deletionTimestamp === undefined)
        .toSorted((a, b) => (startOf(a) < startOf(b) ? -1 : 1))
      for (const job of ended.slice(0, Math.max(0, ended.length - limit))) await this.#removeJob(cron, job, status)
    }
  }

  async #post(seen: CronJob, draft: StatusDraft): Promise<void> {
    const cron = this.context.caches.cronJobs.get(seen.metadata)
    if (cron === undefined || cron.metadata.uid !== seen.metadata.uid) return
    const { active, lastScheduleTime, lastSuccessfulTime } = draft
    const status: CronJobStatus = {
      ...(active.length === 0 ? {} : { active }),
      ...(lastScheduleTime === undefined ? {} : { lastScheduleTime }),
      ...(lastSuccessfulTime === undefined ? {} : { lastSuccessfulTime }),
    }
    const key = (s: CronJobStatus | undefined): string =>
      JSON.stringify([s?.active?.map((job) => job.uid) ?? [], s?.lastScheduleTime, s?.lastSuccessfulTime])
    if (key(status) === key(cron.status)) return
    await this.kube.replace(CronJobs, { ...cron, status }, { subresource: 'status' })
  }
}

/** The last time that has come and has not been run, and about how many times there were. */
function lastDue(
  cron: CronJob,
  status: StatusDraft,
  schedule: CronSchedule,
  now: Ms,
): { readonly at: Ms | undefined; readonly missed: number } {
  const since = instant(status.lastScheduleTime) ?? instant(cron.metadata.creationTimestamp) ?? now
  const deadline = cron.spec.startingDeadlineSeconds
  const earliest = deadline === undefined ? since : Math.max(since, now - deadline * 1000)
  const first = nextRun(schedule, ms(earliest))
  if (first === undefined || first > now) return { at: undefined, missed: 0 }
  const second = nextRun(schedule, first)
  if (second === undefined || second > now) return { at: first, missed: 1 }
  // After a long absence the times are not counted one by one.
  const between = Math.max(1000, second - first)
  const missed = Math.floor((now - first) / between) + 1
  let at: Ms | undefined
  let next = nextRun(schedule, ms(first + (missed - 2) * between))
  while (next !== undefined && next <= now) {
    at = next
    next = nextRun(schedule, next)
  }
  return { at, missed }
}

function withoutJob(active: readonly ObjectReference[], uid: string | undefined): readonly ObjectReference[] {
  return active.filter((reference) => reference.uid !== uid)
}

function startOf(job: Job): string {
  return `${job.status?.startTime ?? '~'}/${job.metadata.name}`
}

function jobReference(job: Job): ObjectReference {
  const { name, namespace, uid, resourceVersion } = job.metadata
  return { apiVersion: apiVersionOf(Jobs), kind: 'Job', name, namespace, uid, resourceVersion }
}

/** RFC 3339 as the zone's clocks have it: `2024-03-10T18:00:00+09:00`. */
function zoned(at: Ms, timeZone: string | undefined): string {
  const offset = timeZone === undefined ? 0 : (zoneOffset(timeZone, at) ?? 0)
  if (offset === 0) return timestamp(at)
  const two = (n: number): string => String(n).padStart(2, '0')
  const size = Math.abs(offset)
  const local = timestamp(ms(at + offset * 60_000)).slice(0, -1)
  return `${local}${offset < 0 ? '-' : '+'}${two(Math.floor(size / 60))}:${two(size % 60)}`
}

/** `Sun, 10 Mar 2024 09:00:00 +0000` */
function rfc1123(at: Ms): string {
  return new Date(at).toUTCString().replace('GMT', '+0000')
}
