import { minutes, ms, seconds, timestamp, type Ms, type Node } from '@plimsoll/model'
import { NodeGroupError, silentLog, type GroupInstance } from '@plimsoll/ports'
import { MetricsRegistry } from '@plimsoll/runtime'
import { describe, expect, it } from 'vitest'
import { AutoscalerMetrics } from '../src/autoscaler-metrics.ts'
import { parseClusterAutoscalerFlags } from '../src/options/options.ts'
import { ClusterState } from '../src/state/cluster-state.ts'
import { InMemoryNodeGroups } from './in-memory-node-groups.ts'

const start = ms(Date.parse('2024-03-10T09:00:00Z'))
const at = (duration: Ms): Ms => ms(start + duration)

interface NodeShape {
  readonly ready?: boolean
  readonly createdAt?: Ms
  readonly taints?: Node['spec']['taints']
  readonly conditions?: readonly { readonly type: string; readonly status: string }[]
}

function node(id: string, shape: NodeShape = {}): Node {
  const conditions = [{ type: 'Ready', status: shape.ready === false ? 'False' : 'True' }, ...(shape.conditions ?? [])]
  return {
    metadata: { name: id, uid: id, resourceVersion: '1', creationTimestamp: timestamp(shape.createdAt ?? start) },
    spec: { providerID: `mem://${id}`, ...(shape.taints === undefined ? {} : { taints: shape.taints }) },
    status: { conditions },
  }
}

const running = (...ids: string[]): GroupInstance[] =>
  ids.map((id) => ({ providerId: `mem://${id}`, state: 'running' }))

function world(o: { target?: number; instances?: GroupInstance[]; flags?: string[] } = {}): {
  groups: InMemoryNodeGroups
  state: ClusterState
  events: string[]
} {
  const instances = o.instances ?? running('a', 'b')
  const groups = new InMemoryNodeGroups().add('g', {
    minSize: 0,
    maxSize: 10,
    target: o.target ?? instances.length,
    instances,
  })
  const parsed = parseClusterAutoscalerFlags(o.flags ?? [])
  if ('problems' in parsed) throw new Error('flags')
  const events: string[] = []
  const recorder = {
    on: () => {},
    cluster: (type: string, reason: string, message: string) => void events.push(`${type} ${reason} ${message}`),
  }
  const metrics = new AutoscalerMetrics(new MetricsRegistry())
  return {
    groups,
    events,
    state: new ClusterState({ groups, options: parsed.options, log: silentLog, recorder, metrics }),
  }
}

describe('readiness of nodes (CA-31, CA-60, CA-61)', () => {
  it.each([
    { when: 'ready', shape: {}, kind: 'ready' },
    { when: 'not ready and young', shape: { ready: false, createdAt: at(minutes(10)) }, kind: 'notStarted' },
    { when: 'not ready and old', shape: { ready: false }, kind: 'unready' },
    { when: 'under disk pressure', shape: { conditions: [{ type: 'DiskPressure', status: 'True' }] }, kind: 'unready' },
    {
      when: 'under memory pressure',
      shape: { conditions: [{ type: 'MemoryPressure', status: 'True' }] },
      kind: 'ready',
    },
    {
      when: 'without network',
      shape: { conditions: [{ type: 'NetworkUnavailable', status: 'True' }] },
      kind: 'unready',
    },
    {
      when: 'tainted as not ready',
      shape: { taints: [{ key: 'node.kubernetes.io/not-ready', effect: 'NoSchedule' }] },
      kind: 'unready',
    },
    { when: 'suspended', shape: { conditions: [{ type: 'Suspended', status: 'True' }] }, kind: 'suspended' },
  ] as const)('$when: $kind', async ({ shape, kind }) => {
    const { state } = world({ instances: running('a') })
    await state.update([node('a', shape as NodeShape)], at(minutes(20)))
    expect(state.countsOf('g')[kind]).toEqual(['a'])
    expect(state.counts().registered).toEqual(['a'])
  })

  it('a node without instance is deleted; an instance without node is unregistered, later for long', async () => {
    const { state } = world({ instances: running('a', 'b') })
    await state.update([node('a'), node('gone')], start)
    expect(state.counts().deleted).toEqual(['gone'])
    expect(state.countsOf('g').unregistered).toEqual(['mem://b'])
    await state.update([node('a')], at(minutes(15)))
    expect(state.countsOf('g').unregistered).toEqual(['mem://b'])
    await state.update([node('a')], at(ms(minutes(15) + 1)))
    expect(state.countsOf('g').longUnregistered).toEqual(['mem://b'])
    expect(state.countsOf('g').unregistered).toEqual([])
  })
})

describe('requests and back-off (CA-62 to CA-73)', () => {
  it('counts what is coming until it is ready, with or without a request', async () => {
    const { state, groups } = world()
    groups.records.get('g')!.target = 4
    const nodes = [node('a'), node('b')]
    await state.update(nodes, start)
    expect(state.upcoming().get('g')).toEqual({ count: 2, registered: [] })
    expect(state.isScalingUp('g')).toBe(false)
    state.registerScaleUp('g', 2, start)
    expect(state.isScalingUp('g')).toBe(true)
    groups.records.get('g')!.instances = running('a', 'b', 'c', 'd')
    const young = at(seconds(30))
    await state.update(
      [...nodes, node('c', { createdAt: young }), node('d', { ready: false, createdAt: young })],
      young,
    )
    expect(state.upcoming().get('g')).toEqual({ count: 1, registered: ['d'] })
    await state.update([...nodes, node('c'), node('d')], at(minutes(1)))
    expect(state.upcoming().size).toBe(0)
    expect(state.scaleUpRequest('g')).toBeUndefined()
  })

  it('gives a request up that took too long, lowers the target, and pauses the group', async () => {
    const { state, groups, events } = world()
    groups.records.get('g')!.target = 4
    await state.update([node('a'), node('b')], start)
    state.registerScaleUp('g', 2, start)
    await state.update([node('a'), node('b')], at(minutes(15)))
    expect(events).toEqual([])
    await state.update([node('a'), node('b')], at(ms(minutes(15) + 3000)))
    expect(events).toEqual(['Warning ScaleUpTimedOut Nodes added to group g failed to register within 15m3s'])
    expect(groups.records.get('g')!.target).toBe(2)
    expect(state.backoffOf('g', at(minutes(16)))?.errorCode).toBe('timeout')
    expect(state.backoffOf('g', at(minutes(21)))).toBeUndefined()
  })

  it('says so when the target cannot be lowered', async () => {
    const { state, groups, events } = world()
    groups.records.get('g')!.target = 3
    await state.update([node('a'), node('b')], start)
    state.registerScaleUp('g', 1, start)
    groups.failure = new NodeGroupError({ kind: 'refused' }, 'no')
    await state.update([node('a'), node('b')], at(minutes(16)))
    expect(events.at(-1)).toBe(
      'Warning FailedToRevertScaleUp Failed to decrease target size for group g after scale-up timeout: no',
    )
  })

  it('takes creation errors off the request, once, and pauses the group', async () => {
    const { state, groups, events } = world()
    const record = groups.records.get('g')!
    record.target = 4
    await state.update([node('a'), node('b')], start)
    state.registerScaleUp('g', 2, start)
    const error = { kind: 'outOfResources' as const, code: 'dry', message: 'none left' }
    record.instances = [...record.instances, { providerId: 'mem://c', state: 'creating', error }]
    await state.update([node('a'), node('b')], at(minutes(1)))
    await state.update([node('a'), node('b')], at(minutes(2)))
    expect(events).toEqual([
      'Warning ScaleUpFailed Failed adding 1 nodes to group g due to OutOfResource.dry; source errors: none left',
    ])
    expect(state.scaleUpRequest('g')?.increase).toBe(1)
    expect(
      state
        .failedInstances()
        .get('g')
        ?.map((each) => each.spec.providerID),
    ).toEqual(['mem://c'])
    expect(state.upcoming().size).toBe(0)
  })

  it('doubles the pause from failure to failure, and forgets after three hours', () => {
    const { state } = world()
    const failure = { errorClass: 'Other', errorCode: 'x', errorMessage: '' }
    const paused = (from: Ms): number => {
      let length = 0
      while (state.backoffOf('g', ms(from + minutes(length))) !== undefined) length++
      return length
    }
    let now = start
    const lengths: number[] = []
    for (let i = 0; i < 5; i++) {
      state.registerFailedScaleUp('g', 'x', failure, now)
      lengths.push(paused(now))
      now = ms(now + minutes(lengths.at(-1)! + 1))
    }
    expect(lengths).toEqual([5, 10, 20, 30, 30])
  })
})

describe('health (CA-65, CA-66)', () => {
  it.each([
    { unready: 3, all: 3, healthy: true },
    { unready: 4, all: 4, healthy: false },
    { unready: 4, all: 9, healthy: true },
    { unready: 5, all: 11, healthy: false },
  ])('$unready of $all nodes unready: $healthy', async ({ unready, all, healthy }) => {
    const ids = Array.from({ length: all }, (_, i) => `n${i}`)
    const { state } = world({ instances: running(...ids) })
    await state.update(
      ids.map((id, i) => node(id, { ready: i >= unready })),
      at(minutes(30)),
    )
    expect(state.isClusterHealthy()).toBe(healthy)
  })

  it('an incorrect size is known since when it is as it is', async () => {
    const { state, groups } = world()
    groups.records.get('g')!.target = 5
    await state.update([node('a'), node('b')], start)
    await state.update([node('a'), node('b')], at(minutes(1)))
    expect(state.incorrectSizes().get('g')).toEqual({ current: 2, expected: 5, since: start })
    groups.records.get('g')!.target = 4
    await state.update([node('a'), node('b')], at(minutes(2)))
    expect(state.incorrectSizes().get('g')?.since).toBe(at(minutes(2)))
  })
})
