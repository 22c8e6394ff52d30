import { describe, expect, it } from 'vitest'
import { failedSchedulingMessage } from './message.ts'

describe('the message of a pod that fits nowhere', () => {
  it('counts reasons, sorted as text', () => {
    const reasons = new Map([
      ['node(s) had untolerated taint(s)', 2],
      ['Insufficient cpu', 10],
      ['Insufficient memory', 10],
    ])
    expect(failedSchedulingMessage(12, reasons)).toBe(
      '0/12 nodes are available: 10 Insufficient cpu, 10 Insufficient memory, 2 node(s) had untolerated taint(s).',
    )
  })
  it('says what became of preemption', () => {
    const reasons = new Map([['Insufficient cpu', 3]])
    expect(
      failedSchedulingMessage(3, reasons, {
        kind: 'noCandidate',
        reasons: new Map([['No preemption victims found for incoming pod', 3]]),
      }),
    ).toBe(
      '0/3 nodes are available: 3 Insufficient cpu. no new claims to deallocate, preemption: 0/3 nodes are available: 3 No preemption victims found for incoming pod.',
    )
    expect(
      failedSchedulingMessage(3, reasons, {
        kind: 'notEligible',
        reason: 'not eligible due to preemptionPolicy=Never.',
      }),
    ).toBe(
      '0/3 nodes are available: 3 Insufficient cpu. no new claims to deallocate, preemption: not eligible due to preemptionPolicy=Never.',
    )
  })
  it('says once what concerns the pod as a whole', () => {
    expect(failedSchedulingMessage(2, 'persistentvolumeclaim "data" not found')).toBe(
      '0/2 nodes are available: persistentvolumeclaim "data" not found.',
    )
  })
})
