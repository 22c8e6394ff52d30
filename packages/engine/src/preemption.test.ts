import type { Pod, PodDisruptionBudget } from '@plimsoll/model'
import { describe, expect, it } from 'vitest'
import { findVictims } from './preemption.ts'
import { ClusterSnapshot } from './snapshot.ts'
import { testNode, testPod } from './test-objects.ts'

interface Setting {
  readonly when: string
  /** node → pods as `name/milliCpu/priority`, with `/started` in minutes. */
  readonly nodes: { readonly [name: string]: readonly string[] }
  /** Names of pods that a budget guards, and how many it lets go. */
  readonly budget?: { readonly pods: readonly string[]; readonly allowed: number }
  readonly expected: string
}

function podOf(text: string, guarded: readonly string[]): Pod {
  const [name, cpu, priority, started] = text.split('/')
  return testPod(name!, {
    requests: { cpu: `${cpu}m` },
    priority: Number(priority),
    labels: guarded.includes(name!) ? { guard: 'yes' } : { guard: 'no' },
    status: { startTime: `2026-01-01T00:${(started ?? '0').padStart(2, '0')}:00Z` },
  })
}

function budgetOf(allowed: number): PodDisruptionBudget {
  return {
    metadata: {
      name: 'b',
      namespace: 'default',
      uid: 'b',
      resourceVersion: '1',
      creationTimestamp: '2026-01-01T00:00:00Z',
    },
    spec: { selector: { matchLabels: { guard: 'yes' } } },
    status: { disruptionsAllowed: allowed, currentHealthy: 1, desiredHealthy: 1, expectedPods: 1 },
  }
}

function textOf(found: ReturnType<typeof findVictims>): string {
  switch (found.kind) {
    case 'preempt': {
      const names = found.victims.map(({ metadata }) => metadata.name).join(',')
      return `${found.nodeName}: ${names}${found.violations > 0 ? `, violations ${found.violations}` : ''}`
    }
    case 'noCandidate': {
      const counted = [...found.reasons].map(([reason, count]) => `${reason}=${count}`)
      return `none: ${counted.sort().join(' ')}`
    }
    case 'notEligible':
      return found.reason
  }
}

describe('preemption', () => {
  // The preemptor asks for 1000m at priority 100; every node has 2000m.
  it.each<Setting>([
    {
      when: 'the least that is enough',
      nodes: { a: ['x/900/0', 'y/400/0', 'z/500/50'] },
      expected: 'a: x',
    },
    { when: 'the more important stay', nodes: { a: ['low/1000/0', 'mid/1000/50'] }, expected: 'a: low' },
    { when: 'who has run longest stays', nodes: { a: ['old/1000/0/1', 'new/1000/0/9'] }, expected: 'a: new' },
    {
      when: 'no pod of equal priority',
      nodes: { a: ['x/1500/100'] },
      expected: 'none: No preemption victims found for incoming pod=1',
    },
    {
      when: 'the node with the least important victim',
      nodes: { a: ['x/2000/50'], b: ['y/2000/10'] },
      expected: 'b: y',
    },
    { when: 'fewer victims', nodes: { a: ['x/1000/0', 'y/1000/0', 'k/100/200'], b: ['z/2000/0'] }, expected: 'b: z' },
    { when: 'the victim that started last', nodes: { a: ['x/2000/0/1'], b: ['y/2000/0/5'] }, expected: 'b: y' },
    { when: 'the first of equals', nodes: { a: ['x/2000/0'], b: ['y/2000/0'] }, expected: 'a: x' },
    {
      when: 'a node where no budget is broken, though its victim matters more',
      nodes: { a: ['x/2000/0'], b: ['y/2000/50'] },
      budget: { pods: ['x'], allowed: 0 },
      expected: 'b: y',
    },
    {
      when: 'on one node, those whom no budget guards',
      nodes: { a: ['x/1000/0', 'y/1000/50'] },
      budget: { pods: ['x'], allowed: 0 },
      expected: 'a: y',
    },
    {
      when: 'a budget is broken when nothing else helps',
      nodes: { a: ['x/2000/0'] },
      budget: { pods: ['x'], allowed: 0 },
      expected: 'a: x, violations 1',
    },
    {
      when: 'what the budget allows does not break it',
      nodes: { a: ['x/2000/0'] },
      budget: { pods: ['x'], allowed: 1 },
      expected: 'a: x',
    },
    {
      when: 'no node has anybody to remove, or enough of them',
      nodes: { a: ['x/1900/200', 'y/100/0'], b: ['z/2000/200'] },
      expected: 'none: Insufficient cpu=1 No preemption victims found for incoming pod=1',
    },
  ])('$when', ({ nodes, budget, expected }) => {
    const snapshot = new ClusterSnapshot()
    for (const [name, pods] of Object.entries(nodes)) {
      snapshot.addNode(
        testNode(name, { cpu: '2' }),
        pods.map((pod) => podOf(pod, budget?.pods ?? [])),
      )
    }
    const before = snapshot.nodes().map(({ pods }) => [...pods])
    const preemptor = testPod('preemptor', { requests: { cpu: '1' }, priority: 100 })
    const found = findVictims(snapshot, preemptor, { budgets: budget === undefined ? [] : [budgetOf(budget.allowed)] })
    expect(snapshot.nodes().map(({ pods }) => [...pods])).toEqual(before)
    expect(textOf(found)).toBe(expected)
  })

  it('does not look at nodes that no removal opens', () => {
    const snapshot = new ClusterSnapshot()
    snapshot.addNode(testNode('small', { cpu: '1' }), [testPod('x', { requests: { cpu: '1' }, priority: 0 })])
    snapshot.addNode(testNode('tainted', { taints: [{ key: 'k', effect: 'NoSchedule' }] }))
    const pod = testPod('p', { requests: { cpu: '2' }, priority: 100 })
    expect(findVictims(snapshot, pod)).toEqual({
      kind: 'noCandidate',
      reasons: new Map([['Preemption is not helpful for scheduling', 2]]),
    })
  })

  it('removes pods that anti-affinity keeps it from, and no others', () => {
    const snapshot = new ClusterSnapshot()
    const pods = [
      testPod('same', { labels: { app: 'a' }, priority: 0 }),
      testPod('other', { labels: { app: 'b' }, priority: 0 }),
    ]
    snapshot.addNode(testNode('n'), pods)
    const podAntiAffinity = {
      requiredDuringSchedulingIgnoredDuringExecution: [
        { topologyKey: 'kubernetes.io/hostname', labelSelector: { matchLabels: { app: 'a' } } },
      ],
    }
    const pod = testPod('p', { priority: 1, spec: { affinity: { podAntiAffinity } } })
    expect(findVictims(snapshot, pod)).toEqual({ kind: 'preempt', nodeName: 'n', victims: [pods[0]], violations: 0 })
  })

  it('waits for victims that are already leaving its node', () => {
    const snapshot = new ClusterSnapshot()
    const leaving = testPod('leaving', {
      requests: { cpu: '2' },
      priority: 0,
      deletionTimestamp: '2026-01-01T00:00:00Z',
      status: { conditions: [{ type: 'DisruptionTarget', status: 'True', reason: 'PreemptionByScheduler' }] },
    })
    snapshot.addNode(testNode('n', { cpu: '2' }), [leaving])
    const pod = testPod('p', { requests: { cpu: '2' }, priority: 1, status: { nominatedNodeName: 'n' } })
    expect(findVictims(snapshot, pod)).toEqual({
      kind: 'notEligible',
      reason: 'not eligible due to a terminating pod on the nominated node.',
    })
  })
})
