// CronJobs to the letter (pkg/controller/cronjob).
import { CronJobs, Jobs, seconds, type Json } from '@plimsoll/model'
import { describe, expect, it } from 'vitest'
import { laboratory, machine, type Laboratory } from './laboratory.ts'

async function readyCluster(): Promise<Laboratory> {
  const lab = await laboratory()
  lab.machines.on(machine(0))
  await lab.clock.runFor(seconds(90))
  return lab
}

const key = (name: string): { namespace: string; name: string } => ({ namespace: 'default', name })

function cron(name: string, spec: object, annotations: object = {}): Json {
  const template = {
    metadata: { annotations },
    spec: { restartPolicy: 'Never', containers: [{ name: 'main', image: 'work:1' }] },
  }
  return {
    apiVersion: 'batch/v1',
    kind: 'CronJob',
    metadata: { name },
    spec: { jobTemplate: { spec: { template } }, ...spec },
  } as unknown as Json
}

const long = { 'plimsoll.dev/run-duration': '90s' }
const jobNames = async (lab: Laboratory): Promise<string[]> =>
  (await lab.kube.list(Jobs)).items.map((job) => job.metadata.name)
const told = async (lab: Laboratory): Promise<string[]> =>
  (await lab.events('CronJob/')).map((e) => `${e.reason}: ${e.message}${(e.count ?? 1) > 1 ? ` (x${e.count})` : ''}`)

describe('a cron job', () => {
  it('starts a job each time, named for the minute, and tells when it ends', async () => {
    const lab = await readyCluster()
    await lab.apply(cron('tick', { schedule: '* * * * *' }))
    await lab.clock.runFor(seconds(60))
    const minute = Date.parse('2024-03-10T09:02:00Z') / 60_000
    expect(await jobNames(lab)).toEqual([`tick-${minute}`])
    expect(await told(lab)).toEqual([
      `SuccessfulCreate: Created job tick-${minute}`,
      `SawCompletedJob: Saw completed job: tick-${minute}, condition: Complete`,
    ])
    const { status } = await lab.kube.get(CronJobs, key('tick'))
    expect(status!.lastScheduleTime).toBe('2024-03-10T09:02:00Z')
    expect(status!.lastSuccessfulTime! > status!.lastScheduleTime!).toBe(true)
    expect(status!.active).toBeUndefined()
    await lab.cluster.stop()
  })

  it.each([
    { policy: 'Allow', jobs: 3, active: 2, reason: 'SuccessfulCreate' },
    { policy: 'Forbid', jobs: 2, active: 1, reason: 'JobAlreadyActive' },
    { policy: 'Replace', jobs: 1, active: 1, reason: 'SuccessfulDelete' },
  ])('under $policy has $active running at a time', async ({ policy, jobs, active, reason }) => {
    const lab = await readyCluster()
    await lab.apply(cron('slow', { schedule: '* * * * *', concurrencyPolicy: policy }, long))
    await lab.clock.runFor(seconds(170))
    expect((await lab.kube.get(CronJobs, key('slow'))).status!.active).toHaveLength(active)
    expect(await jobNames(lab)).toHaveLength(jobs)
    expect((await told(lab)).some((text) => text.startsWith(reason))).toBe(true)
    await lab.cluster.stop()
  })

  it('keeps the clock of its zone', async () => {
    const lab = await readyCluster()
    await lab.apply(cron('seoul', { schedule: '30 18 * * *', timeZone: 'Asia/Seoul' }))
    await lab.clock.runFor(seconds(3600))
    const [job] = (await lab.kube.list(Jobs)).items
    expect(job!.metadata.annotations).toEqual({
      'batch.kubernetes.io/cronjob-scheduled-timestamp': '2024-03-10T18:30:00+09:00',
    })
    expect((await lab.kube.get(CronJobs, key('seoul'))).status!.lastScheduleTime).toBe('2024-03-10T09:30:00Z')
    await lab.cluster.stop()
  })

  it('that slept too long makes up for the last time only, unless its deadline is over', async () => {
    const lab = await readyCluster()
    await lab.apply(
      cron('patient', { schedule: '*/10 * * * *', suspend: true }),
      cron('strict', { schedule: '*/10 * * * *', suspend: true, startingDeadlineSeconds: 60 }),
    )
    await lab.clock.runFor(seconds(3600))
    for (const name of ['patient', 'strict']) {
      await lab.kube.patch(CronJobs, key(name), { type: 'merge', body: { spec: { suspend: false } } })
    }
    await lab.clock.runFor(seconds(10))
    const minute = Date.parse('2024-03-10T10:00:00Z') / 60_000
    expect(await jobNames(lab)).toEqual([`patient-${minute}`])
    await lab.cluster.stop()
  })

  it('does not count a job that somebody made from it', async () => {
    const lab = await readyCluster()
    await lab.apply(cron('tick', { schedule: '0 0 1 1 *' }, long))
    const owner = await lab.kube.get(CronJobs, key('tick'))
    const { uid, name } = owner.metadata
    await lab.kube.create(Jobs, {
      metadata: {
        name: 'by-hand',
        namespace: 'default',
        ownerReferences: [{ apiVersion: 'batch/v1', kind: 'CronJob', name, uid, controller: true }],
      },
      spec: owner.spec.jobTemplate.spec!,
    })
    await lab.clock.runFor(seconds(20))
    expect((await told(lab))[0]).toMatch(
      /^UnexpectedJob: Saw a job that the controller did not create or forgot: by-hand/,
    )
    expect((await lab.kube.get(CronJobs, key('tick'))).status?.active).toBeUndefined()
    await lab.clock.runFor(seconds(120))
    expect((await lab.kube.get(CronJobs, key('tick'))).status?.lastSuccessfulTime).toBeDefined()
    await lab.cluster.stop()
  })
})
