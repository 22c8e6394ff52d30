import type { Pod } from '@plimsoll/model'
import { describe, expect, it } from 'vitest'
import { classifyPods } from './pod-classes.ts'

const unschedulable = [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable' }]
const gated = [{ type: 'PodScheduled', status: 'False', reason: 'SchedulingGated' }]

interface Shape {
  readonly phase?: string
  readonly nodeName?: string
  readonly deletionTimestamp?: string
  readonly nominatedNodeName?: string
  readonly schedulerName?: string
  readonly conditions?: readonly object[]
}

function pod({ nodeName, schedulerName = 'default-scheduler', deletionTimestamp, ...status }: Shape): Pod {
  return {
    metadata: { name: 'p', namespace: 'default', ...(deletionTimestamp === undefined ? {} : { deletionTimestamp }) },
    spec: { containers: [], schedulerName, ...(nodeName === undefined ? {} : { nodeName }) },
    status: { phase: 'Pending', ...status },
  } as unknown as Pod
}

describe('pods (CA-48 to CA-50)', () => {
  it.each([
    { shape: { phase: 'Succeeded', nodeName: 'n' }, is: undefined },
    { shape: { phase: 'Failed' }, is: undefined },
    { shape: { phase: 'Running', nodeName: 'n' }, is: 'scheduled' },
    { shape: { nodeName: 'n', schedulerName: 'other' }, allowed: ['mine'], is: 'scheduled' },
    { shape: { conditions: unschedulable }, is: 'unschedulable' },
    { shape: { conditions: unschedulable, schedulerName: 'other' }, allowed: ['mine'], is: undefined },
    { shape: { conditions: unschedulable, schedulerName: '' }, allowed: ['default-scheduler'], is: 'unschedulable' },
    { shape: { conditions: unschedulable, deletionTimestamp: 'now' }, is: undefined },
    { shape: { conditions: unschedulable, nominatedNodeName: 'n' }, is: 'nominated' },
    { shape: { conditions: gated }, is: undefined },
    { shape: {}, is: undefined },
    { shape: {}, bypassed: ['default-scheduler'], is: 'unprocessed' },
    { shape: { conditions: gated }, bypassed: ['default-scheduler'], is: undefined },
  ])('$shape is $is', ({ shape, is, ...o }) => {
    const classified = classifyPods([pod(shape)], {
      allowedSchedulerNames: 'allowed' in o ? o.allowed : [],
      bypassedSchedulerNames: 'bypassed' in o ? o.bypassed : [],
    })
    const found = Object.entries(classified).find(([, list]) => list.length > 0)
    expect(found?.[0]).toBe(is)
  })
})
