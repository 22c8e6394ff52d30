import type { Node, Pod, PodSpec } from '@plimsoll/model'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { podClassKey } from '../pod-class.ts'
import { ClusterSnapshot } from '../snapshot.ts'
import { testNode, testPod } from '../test-objects.ts'
import { PodPlacer, type Placements } from './place.ts'
import { wouldFitElsewhere } from './removal.ts'

const zone = 'topology.kubernetes.io/zone'
const hostname = 'kubernetes.io/hostname'

function wish(kind: string): Partial<PodSpec> {
  const labelSelector = { matchLabels: { app: 'a' } }
  const term = (topologyKey: string): object => ({
    requiredDuringSchedulingIgnoredDuringExecution: [{ topologyKey, labelSelector }],
  })
  switch (kind) {
    case 'spread':
      return {
        topologySpreadConstraints: [
          { topologyKey: zone, maxSkew: 1, whenUnsatisfiable: 'DoNotSchedule', labelSelector },
        ],
      }
    case 'apart':
      return { affinity: { podAntiAffinity: term(hostname) } }
    case 'together':
      return { affinity: { podAffinity: term(zone) } }
    default:
      return {}
  }
}

const anyPod = fc.record({
  kind: fc.constantFrom('plain', 'spread', 'apart', 'together'),
  cpu: fc.constantFrom('300m', '700m', '1500m'),
  app: fc.constantFrom('a', 'b'),
  owner: fc.constantFrom(undefined, 'x', 'y'),
})

function podOf(
  name: string,
  { kind, cpu, app, owner }: { kind: string; cpu: string; app: string; owner?: string | undefined },
): Pod {
  const pod = testPod(name, { labels: { app }, requests: { cpu }, spec: wish(kind) })
  if (owner === undefined) return pod
  const ownerReferences = [{ apiVersion: 'apps/v1', kind: 'ReplicaSet', name: owner, uid: owner, controller: true }]
  return { ...pod, metadata: { ...pod.metadata, ownerReferences } }
}

function world(nodes: number): ClusterSnapshot {
  const snapshot = new ClusterSnapshot()
  for (let n = 0; n < nodes; n++) {
    snapshot.addNode(testNode(`n${n}`, { cpu: '2', labels: { [zone]: `zone-${n % 2}` }, unschedulable: n === 3 }))
  }
  return snapshot
}

const schedulable = ({ node }: { node: { spec: { unschedulable?: boolean | undefined } } }): boolean =>
  node.spec.unschedulable !== true

/** Remembers only what upstream does: hints, where the round stopped, and a controller's pods that fitted nowhere. */
class NaivePlacer {
  readonly #hints = new Map<string, string>()
  #last = ''

  place(snapshot: ClusterSnapshot, pods: readonly Pod[]): Placements {
    const placed: { pod: Pod; node: string }[] = []
    const put = (pod: Pod, node: string): void => {
      snapshot.addPod(pod, node)
      this.#hints.set(pod.metadata.uid, node)
      placed.push({ pod, node })
    }
    const takes = (pod: Pod, name: string): boolean =>
      schedulable(snapshot.node(name)!) && snapshot.check(pod, name) === undefined
    const waiting = pods.filter((pod) => {
      const hint = this.#hints.get(pod.metadata.uid) ?? ''
      if (snapshot.node(hint) === undefined || !takes(pod, hint)) return true
      put(pod, hint)
      return false
    })
    const hopeless = new Set<string>()
    const rest: Pod[] = []
    const names = snapshot.nodes().map(({ name }) => name)
    for (const pod of waiting) {
      const owner = pod.metadata.ownerReferences?.[0]?.uid
      const like = `${owner} ${podClassKey(pod)}`
      const order = names.map((_, i) => names[(names.indexOf(this.#last) + 1 + i) % names.length]!)
      const found = hopeless.has(like) ? undefined : order.find((name) => takes(pod, name))
      if (found !== undefined) {
        this.#last = found
        put(pod, found)
        continue
      }
      if (owner !== undefined) hopeless.add(like)
      rest.push(pod)
    }
    return { placed, rest }
  }
}

const told = ({ placed, rest }: Placements): string[] => [
  ...placed.map(({ pod, node }) => `${pod.metadata.name} ${node}`),
  ...rest.map((pod) => pod.metadata.name),
]

describe('PodPlacer (CA-56, CA-57)', () => {
  it('places as upstream does, whatever it remembers', () => {
    let leftOver = 0
    fc.assert(
      fc.property(
        fc.array(anyPod, { minLength: 1, maxLength: 25 }),
        fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 3 }),
        (shapes, sizes) => {
          const pods = shapes.map((shape, i) => podOf(`p${i}`, shape))
          const placer = new PodPlacer()
          const naive = new NaivePlacer()
          // The second time there are hints, some of them for nodes that are gone or full.
          for (const nodes of sizes) {
            const found = placer.place(world(nodes), pods, { accept: schedulable })
            leftOver += found.rest.length
            expect(told(found)).toEqual(told(naive.place(world(nodes), pods)))
            pods.reverse()
          }
        },
      ),
      { numRuns: 500 },
    )
    expect(leftOver).toBeGreaterThan(500)
  })

  it('forgets hints that went unused for a while', () => {
    const pod = testPod('p')
    const placer = new PodPlacer()
    placer.place(world(2), [pod], { accept: ({ name }) => name === 'n1' })
    placer.forgetOldHints()
    expect(placer.place(world(2), [pod]).placed[0]!.node).toBe('n1')
    placer.forgetOldHints()
    placer.forgetOldHints()
    // Round robin: the last match was n1.
    expect(placer.place(world(2), [pod]).placed[0]!.node).toBe('n0')
  })

  it('stops at the first pod without a place when told so', () => {
    const large = testPod('large', { requests: { cpu: '3' } })
    const pods = [testPod('a'), large, testPod('b')]
    const { placed, rest } = new PodPlacer().place(world(1), pods, { breakOnFailure: true })
    expect([placed.length, rest.map(({ metadata }) => metadata.name)]).toEqual([1, ['large', 'b']])
  })
})

describe('wouldFitElsewhere (CA-116, CA-117)', () => {
  const bound = (name: string, node: string, cpu: string, spec: Partial<PodSpec> = {}): Pod =>
    testPod(name, { labels: { app: 'a' }, requests: { cpu }, spec: { ...spec, nodeName: node } })
  const state = (snapshot: ClusterSnapshot): string =>
    JSON.stringify(snapshot.nodes().map(({ name, node, pods }) => [name, node.spec, pods]))

  function filled(...uses: readonly string[][]): ClusterSnapshot {
    const snapshot = world(uses.length)
    for (const [n, cpus] of uses.entries()) {
      for (const [i, cpu] of cpus.entries()) snapshot.addPod(bound(`p${n}-${i}`, `n${n}`, cpu), `n${n}`)
    }
    return snapshot
  }

  it('says where the pods would go, and changes nothing', () => {
    const snapshot = filled(['500m', '500m'], ['1'], ['1'])
    const before = state(snapshot)
    const removal = wouldFitElsewhere(snapshot, ['n0'])
    expect(removal.possible).toBe(true)
    expect(removal.placed.map(({ pod, node }) => `${pod.metadata.name} ${node}`)).toEqual(['p0-0 n1', 'p0-1 n2'])
    expect(state(snapshot)).toBe(before)
  })

  it('says which pod has no place and why', () => {
    const snapshot = filled(['500m', '1500m', '100m'], ['1'], ['1'])
    const before = state(snapshot)
    const all = wouldFitElsewhere(snapshot, ['n0'], { reasons: true })
    expect([all.possible, all.placed.length, all.homeless.map(({ metadata }) => metadata.name)]).toEqual([
      false,
      2,
      ['p0-1'],
    ])
    expect([...all.reasons!]).toEqual([['Insufficient cpu', 2]])
    const first = wouldFitElsewhere(snapshot, ['n0'], { breakOnFailure: true })
    expect(first.homeless.map(({ metadata }) => metadata.name)).toEqual(['p0-1', 'p0-2'])
    expect(state(snapshot)).toBe(before)
  })

  it('does not rely on another node that is to go', () => {
    const snapshot = filled(['1'], [], ['500m'])
    expect(wouldFitElsewhere(snapshot, ['n0', 'n1']).placed.map(({ node }) => node)).toEqual(['n2'])
    expect(wouldFitElsewhere(snapshot, ['n0', 'n1', 'n2']).possible).toBe(false)
  })

  it('keeps what happened when every pod has a place, and only then', () => {
    const snapshot = filled(['1'], ['1500m'], ['500m'])
    expect(wouldFitElsewhere(snapshot, ['n0'], { keep: true }).possible).toBe(true)
    expect(snapshot.nodes().map(({ name, pods }) => [name, pods.length])).toEqual([
      ['n1', 1],
      ['n2', 2],
    ])
    expect(wouldFitElsewhere(snapshot, ['n1'], { keep: true }).possible).toBe(false)
    expect(snapshot.nodeCount).toBe(2)
  })

  it('moves only the pods that it is told to', () => {
    const snapshot = filled(['1', '1'], ['1'])
    const o = { podsToMove: (): Pod[] => [snapshot.node('n0')!.pods[0]!], keep: true }
    expect(wouldFitElsewhere(snapshot, ['n0'], o).possible).toBe(true)
    expect(snapshot.node('n1')!.pods.map(({ metadata }) => metadata.name)).toEqual(['p1-0', 'p0-0'])
  })

  it('counts the domain of a node whose ghost stays', () => {
    const spread = wish('spread')
    const taint = { key: 'gone', effect: 'NoSchedule' }
    const ghost = (node: Node): Node => ({ ...node, spec: { ...node.spec, taints: [taint] } })
    const snapshot = world(2)
    snapshot.addPod(bound('x', 'n0', '100m', spread), 'n0')
    snapshot.addPod(bound('y', 'n1', '100m', spread), 'n1')
    // With both zones counted, n0's has two pods more than n1's, which is empty.
    expect(wouldFitElsewhere(snapshot, ['n1'], { ghost }).possible).toBe(false)
    expect(wouldFitElsewhere(snapshot, ['n1']).possible).toBe(true)
  })
})
