// kubernetes/kubernetes:pkg/controller/cronjob/cronjob_controllerv2.go. Schedules are read in UTC; a time zone is refused.
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
import { ignoreNotFound, isKubeFailure } from '@plimsoll/ports'
import { splitKey } from '../machinery/reference.ts'
import { followOwned, WorkloadController, type ControllerContext } from './controller.ts'
import { nextRun, parseCron, type CronSchedule } from './cron-schedule.ts'
import { controllerReference } from './pod-control.ts'

/** More missed runs than this and none is made up for. */
const missedMax = 100

export class CronJobController extends WorkloadController {

  constructor(context: ControllerContext) {
    super(context, { loop: 'cronjob', account: 'cronjob-controller' })
    followOwned(this.loop, 'CronJob', { owners: context.caches.cronJobs, owned: context.caches.jobs })
  }

  protected override async sync(key: string): Promise<Ms | undefined> {
    const cron = this.context.caches.cronJobs.get(splitKey(key))
    if (cron === undefined || cron.metadata.deletionTimestamp !== undefined) return undefined
    const jobs = this.context.caches.jobs.byIndex('controller', cron.metadata.uid)
    await this.#prune(cron, jobs)
    const running = jobs.filter((job) => endOf(job) === undefined)
    const schedule = parseCron(cron.spec.schedule)
    const { timeZone } = cron.spec
    if (schedule === undefined || (timeZone !== undefined && !['Etc/UTC', 'UTC'].includes(timeZone))) {
      const what =
        schedule === undefined
          ? `unparseable schedule: "${cron.spec.schedule}"`
          : `unknown time zone ${timeZone}: the embedded cluster knows UTC only`
      this.events.event(cron, 'Warning', schedule === undefined ? 'UnparseableSchedule' : 'UnknownTimeZone', what)
      return undefined
    }
    await this.#post(cron, running, jobs, cron.status?.lastScheduleTime)
    if (cron.spec.suspend === true) return undefined
    const now = this.context.clock.now()
    const due = dueRun(cron, schedule, now)
    if (due !== undefined) await this.#run(cron, running, due)
    const next = nextRun(schedule, now)
    return next === undefined ? undefined : ms(next - now)
  }

  async #run(cron: CronJob, running: readonly Job[], at: Ms): Promise<void> {
    const deadline = cron.spec.startingDeadlineSeconds
    if (deadline !== undefined && at + deadline * 1000 < this.context.clock.now()) {
      this.events.event(cron, 'Warning', 'MissSchedule', `Missed scheduled time to start a job: ${timestamp(at)}`)
      return
    }
    let active = running
    if (running.length > 0 && cron.spec.concurrencyPolicy === 'Forbid') {
      this.events.event(
        cron,
        'Normal',
        'JobAlreadyActive',
        'Not starting job because prior execution is running and concurrency policy is Forbid',
      )
      return
    }
    if (cron.spec.concurrencyPolicy === 'Replace') {
      for (const job of running) await this.#removeJob(cron, job)
      active = []
    }
    const name = `${cron.metadata.name}-${Math.floor(at / 60_000)}`
    const template = cron.spec.jobTemplate
    try {
      const job = await this.kube.create(Jobs, {
        metadata: {
          name,
          namespace: cron.metadata.namespace,
          ...(template.metadata?.labels === undefined ? {} : { labels: template.metadata.labels }),
          annotations: {
            ...template.metadata?.annotations,
            'batch.kubernetes.io/cronjob-scheduled-timestamp': timestamp(at),
          },
          ownerReferences: [controllerReference(CronJobs, cron)],
        },
        spec: template.spec!,
      })
      this.events.event(cron, 'Normal', 'SuccessfulCreate', `Created job ${name}`)
      active = [...active, job]
    } catch (error) {
      if (!isKubeFailure(error, 'alreadyExists')) throw error
    }
    const current = this.context.caches.cronJobs.get(cron.metadata) ?? cron
    await this.#post(current, active, [], timestamp(at))
  }

  async #removeJob(cron: CronJob, job: Job): Promise<void> {
    await this.kube.remove(Jobs, job.metadata, { propagationPolicy: 'Background' }).catch(ignoreNotFound)
    this.events.event(cron, 'Normal', 'SuccessfulDelete', `Deleted job ${job.metadata.name}`)
  }

  /** Old finished jobs go, beyond the number to keep. */
  async #prune(cron: CronJob, jobs: readonly Job[]): Promise<void> {
    for (const [type, limit] of [
      ['Complete', cron.spec.successfulJobsHistoryLimit ?? 3],
      ['Failed', cron.spec.failedJobsHistoryLimit ?? 1],
    ] as const) {
      const ended = jobs
        .filter((job) => endOf(job) === type && job.metadata.deletionTimestamp === undefined)
        .toSorted((a, b) => ((a.status?.startTime ?? '') < (b.status?.startTime ?? '') ? -1 : 1))
      for (const job of ended.slice(0, Math.max(0, ended.length - limit))) await this.#removeJob(cron, job)
    }
  }

  async #post(
    cron: CronJob,
    running: readonly Job[],
    jobs: readonly Job[],
    lastScheduleTime: string | undefined,
  ): Promise<void> {
    let lastSuccessfulTime = cron.status?.lastSuccessfulTime
    for (const job of jobs) {
      const completed = job.status?.completionTime
      if (completed !== undefined && completed > (lastSuccessfulTime ?? '')) lastSuccessfulTime = completed
    }
    const status: CronJobStatus = {
      ...(running.length === 0 ? {} : { active: running.map(jobReference) }),
      ...(lastScheduleTime === undefined ? {} : { lastScheduleTime }),
      ...(lastSuccessfulTime === undefined ? {} : { lastSuccessfulTime }),
    }
    const same = (s: CronJobStatus | undefined): string =>
      JSON.stringify([s?.active?.map((job) => job.uid) ?? [], s?.lastScheduleTime, s?.lastSuccessfulTime])
    if (same(status) === same(cron.status)) return
    await this.kube.replace(CronJobs, { ...cron, status }, { subresource: 'status' })
  }
}

/** The last time that has come and has not been run yet. */
function dueRun(cron: CronJob, schedule: CronSchedule, now: Ms): Ms | undefined {
  const since = instant(cron.status?.lastScheduleTime) ?? instant(cron.metadata.creationTimestamp) ?? now
  const deadline = cron.spec.startingDeadlineSeconds
  const earliest = deadline === undefined ? since : Math.max(since, now - deadline * 1000)
  let due: Ms | undefined
  let at = nextRun(schedule, ms(earliest))
  for (let missed = 0; at !== undefined && at <= now; missed++) {
    if (missed > missedMax) return nextRunBefore(schedule, now)
    due = at
    at = nextRun(schedule, at)
  }
  return due
}

/** The last time within the past day, for schedules that missed too many to count them. */
function nextRunBefore(schedule: CronSchedule, now: Ms): Ms | undefined {
  let due: Ms | undefined
  let at = nextRun(schedule, ms(now - 86_400_000))
  while (at !== undefined && at <= now) {
    due = at
    at = nextRun(schedule, at)
  }
  return due
}

function endOf(job: Job): 'Complete' | 'Failed' | undefined {
  const end = job.status?.conditions?.find(
    (condition) => (condition.type === 'Complete' || condition.type === 'Failed') && condition.status === 'True',
  )
  return end?.type as 'Complete' | 'Failed' | undefined
}

function jobReference(job: Job): ObjectReference {
  const { name, namespace, uid, resourceVersion } = job.metadata
  return { apiVersion: apiVersionOf(Jobs), kind: 'Job', name, namespace, uid, resourceVersion }
}
