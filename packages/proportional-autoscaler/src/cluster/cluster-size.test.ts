import fc from 'fast-check'
import type { Node, Taint } from '@plimsoll/model'
import { describe, expect, it } from 'vitest'
import { NodeCounter, trimmedNode, type ClusterSize } from './cluster-size.ts'

interface Facts {
  readonly name: string
  readonly cpu: string | undefined
  readonly ready: 'True' | 'False' | 'Unknown' | undefined
  readonly cordoned: boolean
  readonly taint?: Taint | undefined
}

function node({ name, cpu, ready, cordoned, taint }: Facts): Node {
  return {
    metadata: {
      name,
      uid: name,
      resourceVersion: '1',
      creationTimestamp: '2024-03-10T09:00:00Z',
      labels: { a: 'b' },
    },
    spec: { ...(cordoned ? { unschedulable: true } : {}), ...(taint === undefined ? {} : { taints: [taint] }) },
    status: {
      ...(cpu === undefined ? {} : { allocatable: { cpu, memory: '1Gi' } }),
      conditions: [
        { type: 'MemoryPressure', status: 'False' },
        ...(ready === undefined ? [] : [{ type: 'Ready', status: ready }]),
      ],
    },
  }
}

function ready(name: string, cpu: string | undefined, o: Partial<Facts> = {}): Node {
  return node({ name, cpu, ready: 'True', cordoned: false, ...o })
}

function counted(nodes: readonly Node[]): ClusterSize {
  const counter = new NodeCounter()
  for (const each of nodes) counter.put(each)
  return counter.size
}

describe('the size of a cluster', () => {
  it.each<[string, Node[], [number, number, number, number]]>([
    ['nothing', [], [0, 0, 0, 0]],
    [
      'CPA-22: cores are rounded up on the sum',
      [ready('a', '1930m'), ready('b', '1930m'), ready('c', '1930m')],
      [3, 3, 6, 6],
    ],
    ['CPA-22: by less than a core', [ready('a', '100m')], [1, 1, 1, 1]],
    ['CPA-22: by a billionth', [ready('a', '2'), ready('b', '1n')], [2, 2, 3, 3]],
    ['CPA-24: no allocatable CPU', [ready('a', undefined), ready('b', '2')], [2, 2, 2, 2]],
    ['CPA-21: cordoned', [ready('a', '2'), ready('b', '2', { cordoned: true })], [2, 1, 4, 2]],
    [
      'CPA-21: not Ready',
      [ready('a', '2'), ready('b', '3', { ready: 'False' }), ready('c', '4', { ready: 'Unknown' })],
      [3, 1, 9, 2],
    ],
    ['CPA-21: no condition', [ready('a', '2', { ready: undefined })], [1, 0, 2, 0]],
    ['CPA-23: tainted', [ready('a', '2', { taint: { key: 'x', effect: 'NoSchedule' } })], [1, 1, 2, 2]],
    [
      "upstream's own: 1, 2, 3 cordoned, 3 not Ready",
      [ready('a', '1'), ready('b', '2'), ready('c', '3', { cordoned: true }), ready('d', '3', { ready: 'False' })],
      [4, 2, 9, 3],
    ],
    [
      'a hundred thousand cores and more',
      Array.from({ length: 1000 }, (_, i) => ready(`n${i}`, '191450m')),
      [1000, 1000, 191_450, 191_450],
    ],
  ])('%s', (_, nodes, [totalNodes, schedulableNodes, totalCores, schedulableCores]) => {
    const size = { totalNodes, schedulableNodes, totalCores, schedulableCores }
    expect(counted(nodes)).toEqual(size)
    expect(counted(nodes.map(trimmedNode))).toEqual(size)
  })

  it('is that of the nodes that are there, after whatever came before', () => {
    const facts = fc.record<Facts>({
      name: fc.constantFrom('a', 'b', 'c', 'd'),
      cpu: fc.constantFrom(undefined, '1930m', '2', '3500001u'),
      ready: fc.constantFrom('True', 'False', undefined),
      cordoned: fc.boolean(),
      taint: fc.constantFrom(undefined, { key: 'x', effect: 'NoSchedule' }),
    })
    const step = fc.oneof(
      facts.map((put) => ({ put })),
      fc.constantFrom('a', 'b', 'c', 'd').map((remove) => ({ remove })),
    )
    const ignored = fc.constantFrom([], [{ key: 'x', value: undefined, effect: undefined }])
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), ignored, (steps, patterns) => {
        const counter = new NodeCounter(patterns)
        const there = new Map<string, Node>()
        for (const each of steps) {
          const before = counter.size
          if ('put' in each) there.set(each.put.name, node(each.put))
          else there.delete(each.remove)
          const changed = 'put' in each ? counter.put(node(each.put)) : counter.remove(each.remove)
          // What it calls unchanged is unchanged.
          expect(changed ? before : counter.size).toEqual(before)
        }
        const left = [...there.values()].filter(({ spec }) => patterns.length === 0 || spec.taints === undefined)
        expect(counter.size).toEqual(counted(left))
      }),
    )
  })
})
