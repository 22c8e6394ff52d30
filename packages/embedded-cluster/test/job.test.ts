// Jobs to the letter (pkg/controller/job, pkg/controller/ttlafterfinished).
import { Jobs, Pods, seconds, type Job, type Json, type Pod } from '@plimsoll/model'
import { describe, expect, it } from 'vitest'
import { laboratory, machine, type Laboratory } from './laboratory.ts'

async function readyCluster(nodes = 3): Promise<Laboratory> {
  const lab = await laboratory()
  for (let n = 0; n < nodes; n++) lab.machines.on(machine(n))
  await lab.clock.runFor(seconds(90))
  return lab
}

const key = (name: string): { namespace: string; name: string } => ({ namespace: 'default', name })
const fails = (code = 1): object => ({ 'plimsoll.dev/run-duration': '1s', 'plimsoll.dev/exit-code': String(code) })
const stays = { 'plimsoll.dev/run-duration': '1h' }

function job(name: string, spec: object, annotations: object = {}, pod: object = {}): Json {
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name },
    spec: {
      template: {
        metadata: { annotations },
        spec: { restartPolicy: 'Never', containers: [{ name: 'main', image: 'work:1' }], ...pod },
      },
      ...spec,
    },
  } as unknown as Json
}

const read = (lab: Laboratory, name: string): Promise<Job> => lab.kube.get(Jobs, key(name))
const conditions = (j: Job): string[] =>
  (j.status?.conditions ?? []).map((c) => `${c.type} ${c.status} ${c.reason}: ${c.message}`)
const indexOf = (pod: Pod): string => pod.metadata.annotations!['batch.kubernetes.io/job-completion-index']!
const tracked = (pods: readonly Pod[]): number =>
  pods.filter((pod) => pod.metadata.finalizers?.includes('batch.kubernetes.io/job-tracking') === true).length

async function run(lab: Laboratory, seconds_: number, ...objects: readonly Json[]): Promise<void> {
  await lab.apply(...objects)
  await lab.clock.runFor(seconds(seconds_))
}

describe('a job', () => {
  it('has the status of a finished one when it is done', async () => {
    const lab = await readyCluster()
    await run(lab, 60, job('work', { completions: 2, parallelism: 2 }))
    const { status } = await read(lab, 'work')
    expect(status).toMatchObject({ succeeded: 2, ready: 0, terminating: 0, uncountedTerminatedPods: {} })
    expect(status!.active).toBeUndefined()
    expect(conditions(await read(lab, 'work'))).toEqual([
      'SuccessCriteriaMet True CompletionsReached: Reached expected number of succeeded pods',
      'Complete True CompletionsReached: Reached expected number of succeeded pods',
    ])
    expect((await lab.events('Job/work')).map((e) => e.reason)).toEqual([
      'SuccessfulCreate',
      'SuccessfulCreate',
      'Completed',
    ])
    await lab.cluster.stop()
  })

  it('that fails tells its target first and ends when the last pod is gone', async () => {
    const lab = await readyCluster()
    const slow = { ...stays, 'plimsoll.dev/exit-duration': '20s' }
    await run(lab, 30, job('late', { activeDeadlineSeconds: 20, parallelism: 2, completions: 2 }, slow))
    expect(conditions(await read(lab, 'late'))).toEqual([
      'FailureTarget True DeadlineExceeded: Job was active longer than specified deadline',
    ])
    expect((await read(lab, 'late')).status).toMatchObject({ terminating: 2 })
    await lab.clock.runFor(seconds(30))
    expect(conditions(await read(lab, 'late'))).toEqual([
      'FailureTarget True DeadlineExceeded: Job was active longer than specified deadline',
      'Failed True DeadlineExceeded: Job was active longer than specified deadline',
    ])
    expect((await read(lab, 'late')).status).toMatchObject({ failed: 2, terminating: 0 })
    expect((await lab.events('Job/late')).at(-1)).toMatchObject({ type: 'Warning', reason: 'DeadlineExceeded' })
    await lab.cluster.stop()
  })

  it('that is suspended has no pods, and starts again when it is resumed', async () => {
    const lab = await readyCluster()
    await run(lab, 10, job('work', { suspend: true }, stays))
    expect(await lab.pods()).toEqual([])
    expect((await read(lab, 'work')).status!.startTime).toBeUndefined()
    expect(conditions(await read(lab, 'work'))).toEqual(['Suspended True JobSuspended: Job suspended'])
    const suspend = async (value: boolean): Promise<void> => {
      await lab.kube.patch(Jobs, key('work'), { type: 'merge', body: { spec: { suspend: value } } })
      await lab.clock.runFor(seconds(20))
    }
    await suspend(false)
    expect((await read(lab, 'work')).status).toMatchObject({ active: 1 })
    expect(conditions(await read(lab, 'work'))).toEqual(['Suspended False JobResumed: Job resumed'])
    await suspend(true)
    expect(await lab.pods()).toEqual([])
    // What was suspended did not fail.
    expect((await read(lab, 'work')).status!.failed).toBeUndefined()
    expect((await lab.events('Job/work')).map((e) => `${e.reason} ${e.count}`)).toEqual([
      'SuccessfulCreate 1',
      'Resumed 1',
      'SuccessfulDelete 1',
      'Suspended 2',
    ])
    await lab.cluster.stop()
  })

  it('of indexes with a limit each fails the bad index and finishes the others', async () => {
    const lab = await readyCluster()
    const spec = {
      completions: 3,
      parallelism: 3,
      completionMode: 'Indexed',
      backoffLimitPerIndex: 1,
      maxFailedIndexes: 3,
    }
    await lab.apply(job('parts', spec, fails()))
    await lab.clock.runFor(seconds(180))
    const { status } = await read(lab, 'parts')
    expect(status).toMatchObject({ failed: 6, failedIndexes: '0-2' })
    expect(conditions(await read(lab, 'parts')).at(-1)).toBe('Failed True FailedIndexes: Job has failed indexes')
    const pods = await lab.pods()
    expect(
      pods.map((p) => `${indexOf(p)}/${p.metadata.annotations!['batch.kubernetes.io/job-index-failure-count']}`).sort(),
    ).toEqual(['0/0', '0/1', '1/0', '1/1', '2/0', '2/1'])
    expect(tracked(pods)).toBe(0)
    await lab.cluster.stop()
  })

  it.each([
    {
      action: 'FailJob',
      rule: { onExitCodes: { operator: 'In', values: [42] } },
      end: /^Failed True PodFailurePolicy: Container main for pod default\/work-\w+ failed with exit code 42 matching FailJob rule at index 0$/,
      failed: 1,
    },
    {
      action: 'FailJob',
      rule: { onExitCodes: { operator: 'NotIn', values: [42] } },
      end: /^Failed True BackoffLimitExceeded/,
      failed: 2,
    },
    {
      action: 'Count',
      rule: { onExitCodes: { operator: 'In', values: [42] } },
      end: /BackoffLimitExceeded/,
      failed: 2,
    },
    { action: 'Ignore', rule: { onExitCodes: { operator: 'In', values: [42] } }, end: /^runs$/, failed: undefined },
  ])(
    'whose pods exit with 42 under $action $rule.onExitCodes.operator ends with $end',
    async ({ action, rule, end, failed }) => {
      const lab = await readyCluster()
      const podFailurePolicy = { rules: [{ action, ...rule }] }
      await run(lab, 120, job('work', { backoffLimit: 1, podFailurePolicy }, fails(42)))
      expect(conditions(await read(lab, 'work')).at(-1) ?? 'runs').toMatch(end)
      expect((await read(lab, 'work')).status!.failed).toBe(failed)
      await lab.cluster.stop()
    },
  )

  it('succeeds early when its policy says so, and gives up the rest', async () => {
    const lab = await readyCluster()
    const spec = { completions: 3, parallelism: 1, completionMode: 'Indexed' }
    await run(lab, 40, job('lead', { ...spec, successPolicy: { rules: [{ succeededIndexes: '0' }] } }))
    expect(conditions(await read(lab, 'lead'))).toEqual([
      'SuccessCriteriaMet True SuccessPolicy: Matched rules at index 0',
      'Complete True SuccessPolicy: Matched rules at index 0',
    ])
    expect((await read(lab, 'lead')).status).toMatchObject({ completedIndexes: '0', succeeded: 1 })
    await lab.cluster.stop()
  })

  it.each([
    { policy: 'TerminatingOrFailed', pods: 2 },
    { policy: 'Failed', pods: 1 },
  ])(
    'replaces a pod that is going at once under TerminatingOrFailed only: $policy, $pods pods',
    async ({ policy, pods }) => {
      const lab = await readyCluster()
      const slow = { ...stays, 'plimsoll.dev/exit-duration': '25s' }
      await run(lab, 20, job('work', { podReplacementPolicy: policy, backoffLimit: 3 }, slow))
      const [pod] = await lab.pods()
      await lab.kube.remove(Pods, pod!.metadata)
      await lab.clock.runFor(seconds(15))
      expect(await lab.pods()).toHaveLength(pods)
      await lab.cluster.stop()
    },
  )

  it('that another controller manages is left alone', async () => {
    const lab = await readyCluster()
    await run(lab, 30, job('theirs', { managedBy: 'example.com/queue' }))
    expect(await lab.pods()).toEqual([])
    expect((await read(lab, 'theirs')).status ?? {}).toEqual({})
    await lab.cluster.stop()
  })

  it('that is removed in the background takes its running pods along', async () => {
    const lab = await readyCluster()
    await run(lab, 20, job('work', {}, stays))
    expect(tracked(await lab.pods())).toBe(1)
    await lab.kube.remove(Jobs, key('work'), { propagationPolicy: 'Background' })
    await lab.clock.runFor(seconds(60))
    expect(await lab.pods()).toEqual([])
    await lab.cluster.stop()
  })

  it('counts containers that restart in place', async () => {
    const lab = await readyCluster()
    await run(lab, 120, job('work', { backoffLimit: 2 }, fails(), { restartPolicy: 'OnFailure' }))
    expect(conditions(await read(lab, 'work')).at(-1)).toMatch(/^Failed True BackoffLimitExceeded/)
    expect((await read(lab, 'work')).status).toMatchObject({ failed: 1 })
    await lab.cluster.stop()
  })

  it('runs hundreds of parts and counts each once', async () => {
    const lab = await readyCluster()
    await lab.apply(job('many', { completions: 700, parallelism: 40, completionMode: 'Indexed' }))
    await lab.clock.runFor(seconds(600))
    const { status } = await read(lab, 'many')
    expect(status).toMatchObject({ succeeded: 700, completedIndexes: '0-699' })
    const pods = await lab.pods()
    expect(pods).toHaveLength(700)
    expect(tracked(pods)).toBe(0)
    await lab.cluster.stop()
  })
})
