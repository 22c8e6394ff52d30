import type { Node, Pod, PodSpec } from '@plimsoll/model'
import { describe, expect, it } from 'vitest'
import { ClusterSnapshot } from './snapshot.ts'
import { testNode, testPod } from './test-objects.ts'

const zone = 'topology.kubernetes.io/zone'
const owner = [{ apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'rs', uid: 'rs', controller: true }]
const owned = (pod: Pod): Pod => ({ ...pod, metadata: { ...pod.metadata, ownerReferences: owner } })

/** Score by node. */
function scored(nodes: readonly (readonly [Node, ...Pod[]])[], pod: Pod): Record<string, number> {
  const snapshot = new ClusterSnapshot()
  for (const [node, ...pods] of nodes) snapshot.addNode(node, pods)
  const names = nodes.map(([node]) => node.metadata.name)
  const scores = snapshot.scores(pod, snapshot.nodes())
  return Object.fromEntries(names.map((name, i) => [name, scores[i]!]))
}

describe('scores', () => {
  it('weighs what stays free and how evenly', () => {
    const node = testNode('n', { cpu: '4', memory: '8Gi' })
    // Free afterwards: half of the CPU, three quarters of the memory: (50 + 75) / 2; evenness 1 - |0.5 - 0.25| / 2.
    expect(scored([[node]], testPod('p', { requests: { cpu: '2', memory: '2Gi' } }))).toEqual({ n: 62 + 87 + 300 })
    // Best effort: counted as 100m and 200 MiB, and evenness does not matter: (97 + 97) / 2.
    expect(scored([[node]], testPod('p'))).toEqual({ n: 97 + 300 })
  })

  it('avoids taints that only ask', () => {
    const taints = [{ key: 'a', effect: 'PreferNoSchedule' }]
    const scores = scored([[testNode('asks', { taints })], [testNode('plain')]], testPod('p'))
    expect(scores['plain']! - scores['asks']!).toBe(300)
    const tolerant = testPod('p', { spec: { tolerations: [{ operator: 'Exists' }] } })
    const same = scored([[testNode('asks', { taints })], [testNode('plain')]], tolerant)
    expect(same['plain']).toBe(same['asks'])
  })

  it('prefers the nodes that the pod prefers', () => {
    const preferred = (key: string, weight: number): object => ({
      weight,
      preference: { matchExpressions: [{ key, operator: 'Exists' }] },
    })
    const spec = {
      affinity: {
        nodeAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [preferred('ssd', 30), preferred('big', 60)] },
      },
    } as Partial<PodSpec>
    const nodes = [
      [testNode('none')],
      [testNode('ssd', { labels: { ssd: '' } })],
      [testNode('big', { labels: { big: '' } })],
    ] as const
    const scores = scored(nodes, testPod('p', { spec }))
    expect([scores['ssd']! - scores['none']!, scores['big']! - scores['none']!]).toEqual([100, 200])
  })

  it('spreads replicas over nodes and zones', () => {
    const labels = { app: 'web' }
    const replica = (name: string): Pod => owned(testPod(name, { labels }))
    const at = (name: string, inZone: string): Node => testNode(name, { labels: { [zone]: inZone } })
    const scores = scored(
      [[at('a1', 'a'), replica('r1'), replica('r2')], [at('a2', 'a')], [at('b1', 'b')]],
      replica('r3'),
    )
    expect(scores['b1']!).toBeGreaterThan(scores['a2']!)
    expect(scores['a2']!).toBeGreaterThan(scores['a1']!)
  })

  it('brings together what wishes to be together, and parts what does not', () => {
    const term = (app: string, weight: number): object => ({
      weight,
      podAffinityTerm: { topologyKey: 'kubernetes.io/hostname', labelSelector: { matchLabels: { app } } },
    })
    const wishing = {
      affinity: {
        podAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [term('cache', 10)] },
        podAntiAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [term('noisy', 10)] },
      },
    } as Partial<PodSpec>
    const nodes = [
      [testNode('cache'), testPod('c', { labels: { app: 'cache' } })],
      [testNode('quiet'), testPod('q', { labels: { app: 'quiet' } })],
      [testNode('noisy'), testPod('n', { labels: { app: 'noisy' } })],
    ] as const
    const scores = scored(nodes, testPod('p', { spec: wishing }))
    expect([scores['cache']! - scores['quiet']!, scores['quiet']! - scores['noisy']!]).toEqual([100, 100])
    // The other way round: a pod that is there wishes for the one that comes.
    const there = testPod('w', { labels: { app: 'web' }, spec: wishing })
    const towards = scored(
      [
        [testNode('with'), there],
        [testNode('without'), testPod('x')],
      ],
      testPod('c', { labels: { app: 'cache' } }),
    )
    expect(towards['with']! - towards['without']!).toBe(200)
  })
})
