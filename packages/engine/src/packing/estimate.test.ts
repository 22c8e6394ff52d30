import type { Node, Pod } from '@plimsoll/model'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ClusterSnapshot } from '../snapshot.ts'
import { estimate, strictest, type Estimate } from './estimate.ts'

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

/** Pods of one owner are a group, in the order in which the first of each comes. */
function grouped(list: readonly Pod[]): { readonly pods: readonly Pod[] }[] {
  const groups = Map.groupBy(list, (each) => each.metadata.ownerReferences![0]!.uid)
  return [...groups.values()].map((members) => ({ pods: members }))
}

function nodesFor(
  list: readonly Pod[],
  o: { nodes?: readonly number[]; perNode?: number } = {},
): { nodeCount: number; placed: number } {
  const snapshot = new ClusterSnapshot()
  snapshot.addNode(node('present', 0))
  const template = { node: node('t', 1000, o.perNode), pods: [] }
  const { nodeCount, pods: placed } = estimate(snapshot, grouped(list), template, { nodes: o.nodes ?? [0] })
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

/** Tells what was put where, also after it was taken back. */
class Recorded extends ClusterSnapshot {
  readonly placements: string[] = []

  override addPod(each: Pod, name: string): void {
    super.addPod(each, name)
    this.placements.push(`${each.metadata.name} ${name}`)
  }
}

/** As upstream goes about it: every node is asked again for every pod, and nothing is remembered. */
function asUpstream(
  snapshot: ClusterSnapshot,
  groups: readonly { readonly pods: readonly Pod[] }[],
  template: Node,
  nodesMax: number,
): number {
  const created: string[] = []
  const used = new Set<string>()
  let at = 0
  let full = false
  const put = (each: Pod, name: string): void => {
    snapshot.addPod(each, name)
    if (created.includes(name)) used.add(name)
  }
  for (const { pods: members } of groups) {
    const waiting = [...members]
    while (waiting.length > 0) {
      const order = created.map((_, i) => (at + 1 + i) % created.length)
      const found = order.find((n) => snapshot.checkAll(waiting[0]!, created[n]!).length === 0)
      if (found === undefined) break
      at = found
      put(waiting.shift()!, created[found]!)
    }
    for (const each of full ? [] : waiting) {
      const last = created.at(-1)
      if (last !== undefined) {
        const unfit = snapshot.check(each, last)
        const spreads = each.spec.topologySpreadConstraints?.some((c) => c.topologyKey === 'kubernetes.io/hostname')
        const others = snapshot.nodes().map(({ name }) => name)
        const other =
          unfit === undefined
            ? last
            : unfit.plugin === 'PodTopologySpread' && spreads
              ? others.find((name) => name !== last && snapshot.check(each, name) === undefined)
              : undefined
        if (other !== undefined) {
          put(each, other)
          continue
        }
        if (!used.has(last)) break
      }
      if (created.length >= nodesMax) {
        full = true
        break
      }
      const name = `t-e-${created.length}`
      snapshot.addNode({
        ...template,
        metadata: {
          ...template.metadata,
          name,
          labels: { ...template.metadata.labels, 'kubernetes.io/hostname': name },
        },
      })
      created.push(name)
      if (snapshot.check(each, name) !== undefined) break
      put(each, name)
    }
  }
  return used.size
}

const anyGroup = fc.record({
  count: fc.integer({ min: 1, max: 9 }),
  milliCpu: fc.constantFrom(20, 60, 200, 450),
  kind: fc.constantFrom('plain', 'plain', 'hosts', 'zones', 'apart', 'together', 'port'),
  app: fc.constantFrom('a', 'b'),
})

describe('what estimate remembers', () => {
  it('changes nothing', () => {
    fc.assert(
      fc.property(
        fc.array(anyGroup, { minLength: 1, maxLength: 6 }),
        fc.array(fc.constantFrom('a', 'b'), { maxLength: 3 }),
        fc.integer({ min: 1, max: 9 }),
        (shapes, present, nodesMax) => {
          const groups = shapes
            .map(({ count, milliCpu, kind, app }, g) => {
              const extra: Record<string, object> = {
                plain: {},
                hosts: spread('kubernetes.io/hostname'),
                zones: spread('zone'),
                apart,
                together: {
                  affinity: { podAffinity: apart.affinity.podAntiAffinity },
                },
                port: { containers: [{ name: 'c', ports: [{ hostPort: 80, containerPort: 80 }] }] },
              }
              return {
                milliCpu: kind === 'port' ? 0 : milliCpu,
                pods: Array.from({ length: count }, (_, i) => ({
                  ...pod(`g${g}-${i}`, milliCpu, `owner-${g}`, extra[kind]),
                  metadata: { ...pod(`g${g}-${i}`, 0, `owner-${g}`).metadata, labels: { app } },
                })),
              }
            })
            .sort((a, b) => b.milliCpu - a.milliCpu)
          const world = (): Recorded => {
            const snapshot = new Recorded()
            present.forEach((app, i) => {
              const there = node(`present-${i}`, 500)
              snapshot.addNode({
                ...there,
                metadata: { ...there.metadata, labels: { ...there.metadata.labels, zone: i % 2 === 0 ? 'x' : 'y' } },
              })
              snapshot.addPod(
                {
                  ...pod(`there-${i}`, 100, 'there'),
                  metadata: { ...pod(`there-${i}`, 0, 'there').metadata, labels: { app } },
                },
                `present-${i}`,
              )
            })
            return snapshot
          }
          const fresh = node('t', 1000, 9)
          const template = {
            ...fresh,
            metadata: { ...fresh.metadata, labels: { ...fresh.metadata.labels, zone: 'x' } },
          }
          const snapshot = world()
          const before = JSON.stringify(snapshot.nodes().map(({ name, pods: there }) => [name, there]))
          const found: Estimate = estimate(snapshot, groups, { node: template, pods: [] }, { nodes: [nodesMax] })
          const naive = world()
          expect(found.nodeCount).toBe(asUpstream(naive, groups, template, nodesMax))
          expect(snapshot.placements).toEqual(naive.placements)
          expect(JSON.stringify(snapshot.nodes().map(({ name, pods: there }) => [name, there]))).toBe(before)
        },
      ),
      { numRuns: 1000 },
    )
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
