import { ClusterSnapshot } from '@plimsoll/engine'
import { ms, type Node, type Pod } from '@plimsoll/model'
import { silentLog, VirtualClock } from '@plimsoll/ports'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { groupPods } from '../pods/pod-groups.ts'
import { estimate, strictest } from './estimator.ts'

const clock = new VirtualClock({ start: ms(0) })

function node(name: string, milliCpu: number, pods = 110): Node {
  const allocatable = { cpu: `${milliCpu}m`, memory: '8Gi', pods: String(pods) }
  return {
    metadata: {
      name,
      uid: name,
      resourceVersion: '1',
      creationTimestamp: '',
      labels: { 'kubernetes.io/hostname': name },
    },
    spec: {},
    status: { capacity: allocatable, allocatable },
  }
}

function pod(name: string, milliCpu: number, owner: string, extra: object = {}): Pod {
  return {
    metadata: {
      name,
      namespace: 'default',
      uid: name,
      resourceVersion: '1',
      creationTimestamp: '',
      labels: { app: owner },
      ownerReferences: [{ apiVersion: 'apps/v1', kind: 'ReplicaSet', name: owner, uid: owner, controller: true }],
    },
    spec: {
      containers: [{ name: 'c', resources: { requests: { cpu: `${milliCpu}m`, memory: '64Mi' } } }],
      ...extra,
    },
  }
}

function pods(count: number, milliCpu: number, owner: string, extra: object = {}): Pod[] {
  return Array.from({ length: count }, (_, i) => pod(`${owner}-${i}`, milliCpu, owner, extra))
}

function nodesFor(
  list: readonly Pod[],
  o: { nodes?: readonly number[]; perNode?: number } = {},
): { nodeCount: number; placed: number } {
  const snapshot = new ClusterSnapshot()
  snapshot.addNode(node('present', 0))
  const { nodeCount, pods: placed } = estimate(
    groupPods(list),
    { node: node('t', 1000, o.perNode), pods: [] },
    {
      snapshot,
      limits: { nodes: o.nodes ?? [0], duration: ms(0) },
      clock,
      log: silentLog,
    },
  )
  expect(snapshot.nodeCount).toBe(1)
  return { nodeCount, placed: placed.length }
}

const spread = (topologyKey: string): object => ({
  topologySpreadConstraints: [
    { maxSkew: 1, topologyKey, whenUnsatisfiable: 'DoNotSchedule', labelSelector: { matchLabels: { app: 'a' } } },
  ],
})
const apart = {
  affinity: {
    podAntiAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: [
        { topologyKey: 'kubernetes.io/hostname', labelSelector: { matchLabels: { app: 'a' } } },
      ],
    },
  },
}

describe('estimate (CA-85 to CA-89)', () => {
  it.each([
    { when: 'three fit on one', list: pods(7, 300, 'a'), want: { nodeCount: 3, placed: 7 } },
    { when: 'the node takes two pods', list: pods(5, 10, 'a'), perNode: 2, want: { nodeCount: 3, placed: 5 } },
    { when: 'too big for any', list: pods(3, 1001, 'a'), want: { nodeCount: 0, placed: 0 } },
    {
      when: 'small ones fill what big ones leave',
      list: [...pods(4, 300, 'b'), ...pods(2, 700, 'a')],
      want: { nodeCount: 3, placed: 6 },
    },
    { when: 'at most two nodes', list: pods(7, 300, 'a'), nodes: [5, 2, 0], want: { nodeCount: 2, placed: 6 } },
    { when: 'no node at all', list: pods(7, 300, 'a'), nodes: [5, -1], want: { nodeCount: 0, placed: 0 } },
    { when: 'one on each host', list: pods(4, 10, 'a', apart), want: { nodeCount: 4, placed: 4 } },
    {
      when: 'spread over hosts',
      list: pods(4, 100, 'a', spread('kubernetes.io/hostname')),
      want: { nodeCount: 4, placed: 4 },
    },
  ])('$when', ({ list, want, ...o }) => {
    // A present node that takes nothing keeps the hosts' skew at one: each pod has a host of its own.
    expect(nodesFor(list, o)).toEqual(want)
  })

  it('needs no more nodes than one for each pod, and never fewer than the sum', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 1000 }), { maxLength: 12 }), (sizes) => {
        const list = sizes.map((size, i) => pod(`p-${i}`, size, `owner-${i}`))
        const { nodeCount, placed } = nodesFor(list)
        expect(placed).toBe(sizes.length)
        expect(nodeCount).toBeLessThanOrEqual(sizes.length)
        expect(nodeCount).toBeGreaterThanOrEqual(fewest(sizes, 1000))
        // First fit by decreasing size is never worse than 11/9 of the best and two thirds of a bin.
        expect(nodeCount).toBeLessThanOrEqual(Math.floor((11 / 9) * fewest(sizes, 1000) + 6 / 9))
      }),
      { numRuns: 150 },
    )
  })

  it.each([
    { limits: [0, 0], want: 0 },
    { limits: [5, 0, 3], want: 3 },
    { limits: [5, -1], want: -1 },
  ])('of $limits, $want counts', ({ limits, want }) => {
    expect(strictest(limits)).toBe(want)
  })
})

/** The fewest bins, by trying everything. */
function fewest(sizes: readonly number[], room: number): number {
  const sorted = sizes.toSorted((a, b) => b - a)
  let best = sorted.length
  const bins: number[] = []
  const place = (i: number): void => {
    if (bins.length >= best) return
    if (i === sorted.length) {
      best = bins.length
      return
    }
    const tried = new Set<number>()
    for (let b = 0; b < bins.length; b++) {
      const used = bins[b]!
      if (used + sorted[i]! > room || tried.has(used)) continue
      tried.add(used)
      bins[b] = used + sorted[i]!
      place(i + 1)
      bins[b] = used
    }
    bins.push(sorted[i]!)
    place(i + 1)
    bins.pop()
  }
  place(0)
  return best
}
