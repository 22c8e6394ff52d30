import { Events, ms, Nodes, Pods, seconds, type Event, type Pod } from '@plimsoll/model'
import type { KubeError, LogRecord } from '@plimsoll/ports'
import { describe, expect, it } from 'vitest'
import { createLog, EventRecorder, type EventRecorderOptions } from '../src/index.ts'
import { failure, makeLaboratory, start, type Laboratory } from './laboratory.ts'

interface Recording extends Laboratory {
  readonly recorder: EventRecorder
  readonly pod: Pod
  readonly failures: (KubeError | undefined)[]
  readonly records: LogRecord[]
  readonly events: () => Promise<readonly Event[]>
}

async function recording(options: Partial<EventRecorderOptions> = {}): Promise<Recording> {
  const laboratory = makeLaboratory()
  const { kube, clock } = laboratory
  const spec = { containers: [{ name: 'c', image: 'i' }] }
  const pod = await kube.create(Pods, { metadata: { namespace: 'default', name: 'web-0' }, spec })
  const failures: (KubeError | undefined)[] = []
  const tried = <R>(request: () => Promise<R>): Promise<R> => {
    const next = failures.shift()
    return next === undefined ? request() : Promise.reject(next)
  }
  const records: LogRecord[] = []
  const log = createLog({ clock, verbosity: 4, write: () => {}, sink: { write: (record) => records.push(record) } })
  const recorder = new EventRecorder({
    kube: {
      create: (type, object) => tried(() => kube.create(type, object)),
      patch: (type, key, patch) => tried(() => kube.patch(type, key, patch)),
    },
    clock,
    log,
    component: 'cluster-autoscaler',
    ...options,
  })
  return {
    ...laboratory,
    recorder,
    pod: { ...pod, apiVersion: 'v1', kind: 'Pod' },
    failures,
    records,
    events: async () => (await kube.list(Events)).items,
  }
}

const isoAt = (second: number): string => `${new Date(start + second * 1000).toISOString().slice(0, 19)}Z`

describe('EventRecorder', () => {
  it('writes v1 Events as client-go does', async () => {
    const { recorder, pod, events } = await recording({ host: 'host-1' })
    recorder.event(pod, 'Normal', 'TriggeredScaleUp', 'pod triggered scale-up', { 'example.com/a': 'b' })
    await recorder.flush()
    const [event] = await events()
    expect(event).toMatchObject({
      metadata: { namespace: 'default', annotations: { 'example.com/a': 'b' } },
      involvedObject: {
        apiVersion: 'v1',
        kind: 'Pod',
        namespace: 'default',
        name: 'web-0',
        uid: pod.metadata.uid,
        resourceVersion: pod.metadata.resourceVersion,
      },
      type: 'Normal',
      reason: 'TriggeredScaleUp',
      message: 'pod triggered scale-up',
      source: { component: 'cluster-autoscaler', host: 'host-1' },
      reportingComponent: 'cluster-autoscaler',
      reportingInstance: 'host-1',
      count: 1,
      firstTimestamp: isoAt(0),
      lastTimestamp: isoAt(0),
    })
    const nanoseconds = BigInt(`0x${event!.metadata.name.replace('web-0.', '')}`)
    expect(nanoseconds / 1_000_000n).toBe(BigInt(start))
  })

  it('puts events of cluster-scoped objects into the default namespace', async () => {
    const { recorder, kube, events } = await recording()
    const node = await kube.create(Nodes, { metadata: { name: 'n1' } })
    recorder.event({ ...node, kind: 'Node' }, 'Warning', 'ScaleDownFailed', 'no')
    await recorder.flush()
    expect((await events()).map(({ metadata }) => metadata.namespace)).toEqual(['default'])
  })

  it('counts what is repeated', async () => {
    const { recorder, pod, events, clock } = await recording()
    for (let i = 0; i < 3; i++) {
      recorder.event(pod, 'Normal', 'ScaleDown', 'deleting pod')
      await clock.runFor(seconds(60))
    }
    recorder.event(pod, 'Normal', 'ScaleDown', 'another message')
    await recorder.flush()
    const seen = (await events()).map(({ message, count, firstTimestamp, lastTimestamp }) => [
      message,
      count,
      firstTimestamp,
      lastTimestamp,
    ])
    expect(seen).toEqual([
      ['deleting pod', 3, isoAt(0), isoAt(120)],
      ['another message', 1, isoAt(180), isoAt(180)],
    ])
  })

  it('combines more than ten alike within ten minutes', async () => {
    const { recorder, pod, events, clock } = await recording()
    for (let i = 1; i <= 12; i++) recorder.event(pod, 'Warning', 'Failed', `try ${i}`)
    await recorder.flush()
    const seen = (await events()).map(({ message, count }) => `${message} x${count}`)
    expect(seen).toHaveLength(10)
    expect(seen.slice(0, 9)).toEqual(Array.from({ length: 9 }, (_, i) => `try ${i + 1} x1`))
    expect(seen[9]).toBe('(combined from similar events): try 12 x3')
    // After ten quiet minutes they stand alone again.
    await clock.runFor(seconds(601))
    recorder.event(pod, 'Warning', 'Failed', 'try 13')
    await recorder.flush()
    expect((await events()).map(({ message }) => message)).toContain('try 13')
  })

  it('lets an object cause 25 events at once, and one more per five minutes', async () => {
    const { recorder, pod, events, clock } = await recording()
    const total = async (): Promise<number> => (await events()).reduce((sum, { count }) => sum + count!, 0)
    for (let i = 0; i < 40; i++) recorder.event(pod, 'Normal', `Reason${i}`, 'm')
    await recorder.flush()
    expect(await total()).toBe(25)
    await clock.runFor(seconds(299))
    recorder.event(pod, 'Normal', 'Late', 'm')
    await recorder.flush()
    expect(await total()).toBe(25)
    await clock.runFor(seconds(1))
    recorder.event(pod, 'Normal', 'Late', 'm')
    recorder.event(pod, 'Normal', 'Later', 'm')
    await recorder.flush()
    expect(await total()).toBe(26)
  })

  it('takes another spam filter: one per reason and object', async () => {
    const { recorder, pod, events } = await recording({
      spamFilter: { burst: 1, refill: seconds(300), key: ({ subject, reason }) => `${subject} ${reason}` },
    })
    for (const reason of ['A', 'B', 'A', 'A']) recorder.event(pod, 'Normal', reason, 'm')
    await recorder.flush()
    expect((await events()).map(({ reason, count }) => [reason, count])).toEqual([
      ['A', 1],
      ['B', 1],
    ])
  })

  it('starts anew when the event to count up has expired', async () => {
    const { recorder, pod, events, kube } = await recording()
    recorder.event(pod, 'Normal', 'ScaleDown', 'm')
    await recorder.flush()
    await kube.remove(Events, (await events())[0]!.metadata)
    recorder.event(pod, 'Normal', 'ScaleDown', 'm')
    recorder.event(pod, 'Normal', 'ScaleDown', 'm')
    await recorder.flush()
    expect((await events()).map(({ count }) => count)).toEqual([2])
  })

  it('tries again while the server is away, and keeps the order', async () => {
    const { recorder, pod, events, clock, failures } = await recording()
    failures.push(failure('unavailable'), failure('unavailable'))
    recorder.event(pod, 'Normal', 'First', 'm')
    recorder.event(pod, 'Normal', 'Second', 'm')
    await clock.runFor(seconds(19))
    expect(await events()).toEqual([])
    await clock.runFor(seconds(1))
    expect((await events()).map(({ reason, firstTimestamp }) => [reason, firstTimestamp])).toEqual([
      ['First', isoAt(0)],
      ['Second', isoAt(0)],
    ])
  })

  it('gives up an event after twelve tries, or when it is refused', async () => {
    const { recorder, pod, events, clock, failures, records } = await recording()
    failures.push(...Array.from({ length: 12 }, () => failure('unavailable')), failure('forbidden'))
    for (const reason of ['Lost', 'Refused', 'Written']) recorder.event(pod, 'Normal', reason, 'm')
    await clock.runFor(seconds(200))
    expect((await events()).map(({ reason }) => reason)).toEqual(['Written'])
    expect(records.map(({ message }) => message)).toContain('Server rejected event (will not retry!)')
    expect(records.map(({ message }) => message)).toContain('Unable to write event (retry limit exceeded!)')
  })

  it('gives several events of one instant names of their own, whoever records them', async () => {
    const { recorder, pod, events, kube, clock } = await recording()
    const other = new EventRecorder({ kube, clock, component: 'default-scheduler' })
    for (let i = 0; i < 5; i++) {
      recorder.event(pod, 'Normal', `A${i}`, 'm')
      other.event(pod, 'Normal', `B${i}`, 'm')
    }
    await Promise.all([recorder.flush(), other.flush()])
    expect(await events()).toHaveLength(10)
  })

  it('logs each event at verbosity 4', async () => {
    const { recorder, records, pod } = await recording()
    recorder.event({ kind: 'Pod', namespace: 'a', name: 'b', uid: 'u', apiVersion: 'v1' }, 'Normal', 'R', 'M')
    await recorder.flush()
    expect(records[0]).toMatchObject({
      verbosity: 4,
      message:
        `Event(v1.ObjectReference{Kind:"Pod", Namespace:"a", Name:"b", UID:"u", APIVersion:"v1", ` +
        `ResourceVersion:"", FieldPath:""}): type: 'Normal' reason: 'R' M`,
    })
    expect(() => recorder.event({ ...pod, kind: undefined }, 'Normal', 'R', 'M')).toThrow('says its kind')
  })

  it('keeps the memory of its own objects small', async () => {
    const { recorder, pod, failures, records } = await recording()
    failures.push(...Array.from({ length: 3 }, () => failure('unavailable')))
    for (let i = 0; i < 10_001; i++) recorder.event(pod, 'Normal', 'R', `m${i}`)
    expect(records.filter(({ message }) => message.startsWith('Unable to record event'))).toHaveLength(1)
    expect(ms(0)).toBe(0)
  })
})
