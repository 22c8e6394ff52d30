import { ms, seconds, timestamp, type Ms, type Pod } from '@plimsoll/model'
import { describe, expect, it } from 'vitest'
import { replicasForAmount, replicasForUtilization, type ResourceQuestion, type Sample } from './replica-count.ts'

const now = ms(Date.parse('2026-01-02T12:00:00Z'))
const ago = (s: number): string => timestamp(ms(now - seconds(s)))

interface PodSketch {
  /** Thousandths of a CPU; undefined when nobody measured it. */
  readonly used?: number
  readonly phase?: string
  readonly ready?: boolean
  /** Seconds since the start, and since readiness last changed. */
  readonly started?: number
  readonly changed?: number
  readonly request?: string
}

function question(current: number, sketches: readonly PodSketch[], tolerance = 0.1): ResourceQuestion {
  const pods = sketches.map(
    ({ phase = 'Running', ready = true, started = 3600, changed = 3500, request = '100m' }, i) =>
      ({
        metadata: { name: `p${i}`, namespace: 'default' },
        spec: { containers: [{ name: 'c', resources: { requests: { cpu: request } } }] },
        status: {
          phase,
          startTime: ago(started),
          conditions: [{ type: 'Ready', status: ready ? 'True' : 'False', lastTransitionTime: ago(changed) }],
        },
      }) as unknown as Pod,
  )
  const samples = new Map<string, Sample>()
  sketches.forEach(({ used }, i) => {
    if (used !== undefined) samples.set(`p${i}`, { milli: used, at: now as Ms, windowMs: 15_000 })
  })
  const tolerances = { scaleDown: tolerance, scaleUp: tolerance }
  return { current, pods, samples, resource: 'cpu', container: undefined, tolerances, now }
}

const used = (...amounts: readonly number[]): PodSketch[] => amounts.map((amount) => ({ used: amount }))

describe('a target of 50 % of the request', () => {
  it.each([
    { when: 'all use half', pods: used(50, 50), replicas: 2 },
    { when: 'the difference is within a tenth', pods: used(54, 54), replicas: 2 },
    { when: 'they use twice as much', pods: used(100, 100, 100), replicas: 6 },
    { when: 'they use a fifth', pods: used(10, 10, 10, 10, 10), replicas: 1 },
    {
      when: 'one is not measured and there is much to do: it counts as idle',
      pods: [...used(100, 100), {}],
      replicas: 4,
    },
    {
      when: 'one is not measured and there is little to do: it counts as busy',
      pods: [...used(10, 10), {}],
      replicas: 3,
    },
    {
      when: 'the busy one is joined by two that start: they count as idle',
      pods: [...used(100), { used: 100, started: 60, ready: false }, { phase: 'Pending' }],
      replicas: 3,
    },
    {
      when: 'starting pods do not count when there is little to do',
      pods: [...used(10), { used: 100, started: 60, ready: false }],
      replicas: 1,
    },
    {
      when: 'a pod has just become ready',
      pods: [...used(50), { used: 900, started: 60, changed: 5 }],
      replicas: 2,
    },
    {
      when: 'an old pod is not ready for a while: its use counts',
      pods: [...used(100), { used: 100, ready: false, started: 3600, changed: 60 }],
      replicas: 4,
    },
    { when: 'a failed pod is left out', pods: [...used(100), { used: 1000, phase: 'Failed' }], replicas: 2 },
  ])('$when: $replicas', ({ pods, replicas }) => {
    expect(replicasForUtilization(question(pods.length, pods), 50)).toMatchObject({ replicas })
  })

  it.each([
    { when: 'there are no pods', pods: [], said: 'no pods returned by selector while calculating replica count' },
    {
      when: 'none is measured',
      pods: [{}],
      said: 'did not receive metrics for targeted pods (pods might be unready)',
    },
  ])('says so when $when', ({ pods, said }) => {
    expect(replicasForUtilization(question(1, pods), 50)).toEqual({ problem: said })
  })

  it('says which container requests nothing', () => {
    expect(replicasForUtilization({ ...question(1, used(5)), resource: 'memory' }, 50)).toEqual({
      problem: 'missing request for memory in container c of Pod p0',
    })
    expect(replicasForUtilization({ ...question(1, used(5)), container: 'd' }, 50)).toEqual({
      problem: 'container d not found in Pod p0',
    })
  })
})

describe('a target of 200m', () => {
  it.each([
    { when: 'they use as much', pods: used(200, 210), replicas: 2, average: 205 },
    { when: 'they use more', pods: used(300, 500), replicas: 4, average: 400 },
    { when: 'one is not measured: it counts as on target', pods: [...used(100), {}], replicas: 2, average: 100 },
  ])('$when: $replicas', ({ pods, replicas, average }) => {
    expect(replicasForAmount(question(pods.length, pods), 200)).toEqual({ replicas, averageMilli: average })
  })

  it('follows a narrower tolerance', () => {
    expect(replicasForAmount(question(2, used(200, 210), 0.01), 200)).toMatchObject({ replicas: 3 })
  })
})
