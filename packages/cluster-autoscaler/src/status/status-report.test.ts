import { ms, type Ms } from '@plimsoll/model'
import type { NodeGroups } from '@plimsoll/ports'
import { describe, expect, it } from 'vitest'
import type { ClusterState, NodeCounts } from '../state/cluster-state.ts'
import { StatusReport } from './status-report.ts'
import { statusYaml } from './status-text.ts'

const at = (text: string): Ms => ms(Date.parse(text))

function names(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `n${i}`)
}

function counts(o: { ready: number; total: number; deleted?: number }): NodeCounts {
  return {
    registered: names(o.total),
    ready: names(o.ready),
    unready: [],
    resourceUnready: [],
    notStarted: [],
    suspended: [],
    deleted: names(o.deleted ?? 0),
    unregistered: [],
    longUnregistered: [],
  }
}

const groups = {
  groups: () => [{ id: 'my-asg', minSize: 1, maxSize: 10, targetSize: 5 }],
} as unknown as NodeGroups

function state(probe: Ms, backoff: boolean): ClusterState {
  return {
    lastUpdate: probe,
    isClusterHealthy: () => true,
    isGroupHealthy: () => true,
    isScalingUp: () => false,
    backoffOf: () =>
      backoff
        ? {
            errorClass: 'OutOfResource',
            errorCode: 'placeholder-cannot-be-fulfilled',
            errorMessage: 'AWS cannot provision any more instances for this node group',
          }
        : undefined,
    counts: () => counts({ ready: 5, total: 6, deleted: 1 }),
    countsOf: () => counts({ ready: 5, total: 5 }),
  } as unknown as ClusterState
}

const golden = `autoscalerStatus: Running
clusterWide:
  health:
    lastProbeTime: "2026-08-21T10:00:00Z"
    lastTransitionTime: "2026-08-21T09:00:00Z"
    nodeCounts:
      longUnregistered: 0
      registered:
        beingDeleted: 1
        notStarted: 0
        ready: 5
        suspended: 0
        total: 6
        unready:
          resourceUnready: 0
          total: 0
      unregistered: 0
    status: Healthy
  scaleDown:
    candidates: 1
    lastProbeTime: "2026-08-21T09:59:58Z"
    lastTransitionTime: "2026-08-21T09:59:58Z"
    status: CandidatesPresent
  scaleUp:
    lastProbeTime: "2026-08-21T10:00:00Z"
    lastTransitionTime: "2026-08-21T09:00:00Z"
    status: NoActivity
nodeGroups:
- health:
    cloudProviderTarget: 5
    lastProbeTime: "2026-08-21T10:00:00Z"
    lastTransitionTime: "2026-08-21T09:00:00Z"
    maxSize: 10
    minSize: 1
    nodeCounts:
      longUnregistered: 0
      registered:
        notStarted: 0
        ready: 5
        suspended: 0
        total: 5
        unready:
          resourceUnready: 0
          total: 0
      unregistered: 0
    status: Healthy
  name: my-asg
  scaleDown:
    candidates: 1
    lastProbeTime: "2026-08-21T09:59:58Z"
    lastTransitionTime: "2026-08-21T09:59:58Z"
    status: CandidatesPresent
  scaleUp:
    backoffInfo:
      errorCode: placeholder-cannot-be-fulfilled
      errorMessage: AWS cannot provision any more instances for this node group
    lastProbeTime: "2026-08-21T10:00:00Z"
    lastTransitionTime: "2026-08-21T10:00:00Z"
    status: Backoff
time: 2026-08-21 10:00:00.123 +0000 UTC
`

describe('the status ConfigMap (CA-160 to CA-165)', () => {
  it('keeps since when a condition has been as it is', () => {
    const report = new StatusReport()
    const before = at('2026-08-21T09:00:00Z')
    report.running({ state: state(before, false), groups, candidates: new Map(), scaleDownProbe: before, now: before })
    const now = at('2026-08-21T10:00:00Z')
    const text = report.running({
      state: state(now, true),
      groups,
      candidates: new Map([['my-asg', 1]]),
      scaleDownProbe: at('2026-08-21T09:59:58Z'),
      now: at('2026-08-21T10:00:00.123Z'),
    })
    expect(text).toBe(golden)
  })

  it('says that it is initializing, with nothing probed yet', () => {
    const text = new StatusReport().initializing('Cluster has no nodes.', at('2026-08-21T10:00:00Z'))
    expect(text.startsWith('autoscalerStatus: Initializing\nclusterWide:\n  health:\n    lastProbeTime: null\n')).toBe(
      true,
    )
    expect(text.endsWith('message: Cluster has no nodes.\ntime: 2026-08-21 10:00:00 +0000 UTC\n')).toBe(true)
  })

  it.each([
    { value: 'plain text', yaml: 'a: plain text\n' },
    { value: '2026-08-21T10:00:00Z', yaml: 'a: "2026-08-21T10:00:00Z"\n' },
    { value: 'true', yaml: 'a: "true"\n' },
    { value: '12', yaml: 'a: "12"\n' },
    { value: '', yaml: 'a: ""\n' },
    { value: 'a: b', yaml: "a: 'a: b'\n" },
    { value: "it's: so", yaml: "a: 'it''s: so'\n" },
    { value: '[x]', yaml: "a: '[x]'\n" },
    { value: 'two\nlines', yaml: 'a: "two\\nlines"\n' },
    { value: 'a: {b}', yaml: "a: 'a: {b}'\n" },
  ])('writes $value as $yaml', ({ value, yaml }) => {
    expect(statusYaml({ a: value })).toBe(yaml)
  })
})
