import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { GoRandom } from './go-random.ts'
import { diversePods, drawDiverse, fakeInstanceTypes, preferencePods } from './karpenter-workloads.ts'

describe('Go’s generator', () => {
  it.each([
    { seed: 42, first: [801072305, 141734987, 1297281668, 448434750, 94099423, 822901345], folded: 944723537 },
    { seed: 1, first: [1298498081, 2019727887, 1427131847], folded: 766118036 },
    { seed: -5, first: [], folded: 745472144 },
    // A seed of nothing is replaced by a number of its own.
    { seed: 0, first: [], folded: 151113614 },
    { seed: 2 ** 31 - 1, first: [], folded: 151113614 },
    { seed: 89_482_311, first: [], folded: 151113614 },
  ])('draws from seed $seed what Go draws', ({ seed, first, folded }) => {
    const random = new GoRandom(seed)
    const drawn = Array.from({ length: 100_000 }, () => random.int31())
    expect(drawn.slice(0, first.length)).toEqual(first)
    expect(drawn.reduce((fold, value) => (fold * 31 + value) % 1_000_000_007, 0)).toBe(folded)
  })

  it('bounds its draws as Go does', () => {
    const random = new GoRandom(42)
    expect(Array.from({ length: 10 }, () => random.intn(7))).toEqual([5, 2, 4, 1, 5, 0, 6, 4, 4, 3])
  })
})

describe('diverse pods', () => {
  it.each([
    [1, 500, 512, 'fb939afa37cfd502'],
    [50, 39_300, 63_888, '7d586e996b9e1e60'],
    [100, 70_650, 137_892, 'def1689e9f20eae0'],
    [500, 324_400, 676_592, 'a314b122bb6de101'],
    [1000, 663_350, 1_341_084, '057df96716d0374f'],
    [1500, 1_015_400, 2_071_108, '083d5200a5e2b41c'],
    [2000, 1_319_500, 2_769_052, 'c08d2f8f7c6c2479'],
    [5000, 3_309_000, 6_708_012, 'a1d78d8215f02783'],
    [10_000, 6_628_950, 13_375_332, '5d0bcde1215ea813'],
    [20_000, 13_399_850, 26_928_028, '485f2e571bed29b0'],
  ])('%d of them are upstream’s', (count, milliCpu, mebibytes, sha) => {
    const draws = drawDiverse(count)
    const text = draws.map((d) => `${d.kind},${d.label},${d.selector},${d.milliCpu},${d.mebibytes}\n`).join('')
    expect([
      draws.reduce((sum, draw) => sum + draw.milliCpu, 0),
      draws.reduce((sum, draw) => sum + draw.mebibytes, 0),
      createHash('sha256').update(text).digest('hex').slice(0, 16),
    ]).toEqual([milliCpu, mebibytes, sha])
  })

  it('say in their specs what was drawn', () => {
    const pods = diversePods(50, 'default')
    const [generic, zone, host, near, apart] = [0, 10, 20, 30, 40].map((i) => pods[i]!)
    expect(generic?.metadata.labels).toEqual({ 'my-label': 'f' })
    expect(generic?.spec.containers[0]?.resources?.requests).toEqual({ cpu: '500m', memory: '512Mi' })
    expect(zone?.metadata.labels).toEqual({ 'my-label': 'a' })
    expect(zone?.spec.topologySpreadConstraints).toEqual([
      {
        maxSkew: 1,
        topologyKey: 'topology.kubernetes.io/zone',
        whenUnsatisfiable: 'DoNotSchedule',
        labelSelector: { matchLabels: { 'my-label': 'c' } },
      },
    ])
    expect(host?.spec.topologySpreadConstraints?.[0]?.topologyKey).toBe('kubernetes.io/hostname')
    const labels = near?.metadata.labels
    expect(Object.keys(labels ?? {})).toEqual(['my-affininity'])
    expect(near?.spec.affinity?.podAffinity?.requiredDuringSchedulingIgnoredDuringExecution).toEqual([
      { labelSelector: { matchLabels: labels }, topologyKey: 'topology.kubernetes.io/zone' },
    ])
    expect(apart?.spec.affinity?.podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution).toEqual([
      { labelSelector: { matchLabels: { app: 'nginx' } }, topologyKey: 'kubernetes.io/hostname' },
    ])
    expect(apart?.spec.containers[0]?.resources?.requests).toEqual({ cpu: '100m', memory: '256Mi' })
    expect(new Set(pods.map((pod) => pod.metadata.uid)).size).toBe(50)
  })
})

describe('preference pods', () => {
  it('ask for the same little', () => {
    const requests = preferencePods(3, 'default').map((pod) => pod.spec.containers[0]?.resources?.requests)
    expect(requests).toEqual(Array.from({ length: 3 }, () => ({ cpu: '100m', memory: '4096Mi' })))
  })
})

describe('instance types', () => {
  it('grow, and from 5 CPU on are large', () => {
    const types = fakeInstanceTypes(400)
    const shown = [0, 3, 4, 399].map((i) => {
      const { name, capacity, offerings, requirements } = types[i]!
      const { cpu, memory, pods } = capacity
      return [name, cpu, memory, pods, offerings.length, offerings[0]!.price, requirements.get('size').values[0]]
    })
    expect(shown).toEqual([
      ['fake-it-0', '1', '2Gi', '10', 5, expect.closeTo(0.3147, 3), 'small'],
      ['fake-it-3', '4', '8Gi', '40', 5, expect.closeTo(1.259, 3), 'small'],
      ['fake-it-4', '5', '10Gi', '50', 5, expect.closeTo(1.5737, 3), 'large'],
      ['fake-it-399', '400', '800Gi', '4000', 5, expect.closeTo(125.899, 2), 'large'],
    ])
    expect(types[0]!.requirements.text()).toContain('special DoesNotExist')
    expect(types[4]!.requirements.text()).toContain('special In [optional]')
  })
})
