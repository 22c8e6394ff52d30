import { parseQuantity, type Container, type Pod, type PodSpec } from '@plimsoll/model'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { nodeAllocatable, podNonZeroRequests, podRequests } from './resources.ts'
import { testNode, testPod } from './test-objects.ts'

const container = (name: string, requests: Record<string, string>, restartPolicy?: string): Container => ({
  name,
  image: 'x',
  resources: { requests },
  restartPolicy,
})

const plain = (pod: Pod): unknown => {
  const { milliCpu, memory, ephemeralStorage, scalar } = podRequests(pod)
  return [milliCpu, memory, ephemeralStorage, Object.fromEntries(scalar)]
}

describe('what a pod requests', () => {
  it.each<{ when: string; spec: PodSpec; cpu: number; memory: number }>([
    { when: 'nothing', spec: { containers: [container('a', {})] }, cpu: 0, memory: 0 },
    {
      when: 'containers add up',
      spec: {
        containers: [container('a', { cpu: '250m', memory: '64Mi' }), container('b', { cpu: '1', memory: '1G' })],
      },
      cpu: 1250,
      memory: 64 * 2 ** 20 + 1e9,
    },
    {
      when: 'an init container is wider than all',
      spec: {
        containers: [container('a', { cpu: '1', memory: '1Gi' })],
        initContainers: [container('i', { cpu: '2', memory: '1Mi' }), container('j', { cpu: '500m' })],
      },
      cpu: 2000,
      memory: 2 ** 30,
    },
    {
      when: 'a sidecar runs beside what comes after it',
      spec: {
        containers: [container('a', { cpu: '1' })],
        initContainers: [
          container('early', { cpu: '1500m' }),
          container('sidecar', { cpu: '1' }, 'Always'),
          container('late', { cpu: '1200m' }),
        ],
      },
      // early alone 1500, sidecar and late 2200, sidecar and containers 2000
      cpu: 2200,
      memory: 0,
    },
    {
      when: 'sidecars count with the containers',
      spec: {
        containers: [container('a', { cpu: '1' })],
        initContainers: [container('s', { cpu: '300m' }, 'Always'), container('t', { cpu: '300m' }, 'Always')],
      },
      cpu: 1600,
      memory: 0,
    },
    {
      when: 'the pod itself says, for what it says, and overhead comes on top',
      spec: {
        containers: [container('a', { cpu: '1', memory: '1Gi' })],
        resources: { requests: { cpu: '3' } },
        overhead: { cpu: '100m', memory: '1Mi' },
      },
      cpu: 3100,
      memory: 2 ** 30 + 2 ** 20,
    },
    {
      when: 'fractions add up before they are rounded up',
      spec: {
        containers: [
          container('a', { memory: '0.5' }),
          container('b', { memory: '500m' }),
          container('c', { memory: '1m' }),
        ],
      },
      cpu: 0,
      memory: 2,
    },
  ])('$when', ({ spec, cpu, memory }) => {
    expect(plain(testPod('p', { spec }))).toEqual([cpu, memory, 0, {}])
  })

  it('counts every resource that nodes count, by name', () => {
    const requests = {
      'nvidia.com/gpu': '1',
      'hugepages-2Mi': '4Mi',
      'ephemeral-storage': '1Ki',
      'example.com/a': '2',
      // Not counted on nodes.
      storage: '1Gi',
    }
    const pod = testPod('p', { requests })
    expect(plain(pod)).toEqual([0, 0, 1024, { 'example.com/a': 2, 'hugepages-2Mi': 4_194_304, 'nvidia.com/gpu': 1 }])
    expect([...podRequests(pod).scalar.keys()]).toEqual(['example.com/a', 'hugepages-2Mi', 'nvidia.com/gpu'])
  })

  it('counts a container that is being shrunk with what it still holds', () => {
    const status = {
      containerStatuses: [
        {
          name: 'main',
          image: 'x',
          imageID: 'x',
          ready: true,
          restartCount: 0,
          allocatedResources: { cpu: '2' },
          resources: { requests: { cpu: '2500m', memory: '1Gi' } },
        },
      ],
    }
    expect(plain(testPod('p', { requests: { cpu: '1', memory: '2Gi' }, status }))).toEqual([2500, 2 ** 31, 0, {}])
  })

  it('assumes something of containers that ask for nothing, when nodes are scored', () => {
    const spec = { containers: [container('a', {}), container('b', { cpu: '1' })] }
    expect(podNonZeroRequests(testPod('p', { spec }))).toEqual({ milliCpu: 1100, memory: 2 * 200 * 2 ** 20 })
  })

  it.each([
    { when: 'it asks for both', requests: { cpu: '3', memory: '1Gi' }, milliCpu: 3000, memory: 2 ** 30 },
    // Of CPU, one container asks for some: nothing is assumed for the other.
    { when: 'it asks for memory', requests: { memory: '1Gi' }, milliCpu: 1000, memory: 2 ** 30 },
    { when: 'nobody asks for memory', requests: { cpu: '3' }, milliCpu: 3000, memory: 2 * 200 * 2 ** 20 },
    { when: 'it asks for huge pages', requests: { 'hugepages-2Mi': '4Mi' }, milliCpu: 1000, memory: 2 * 200 * 2 ** 20 },
    // Not a resource that a pod may ask for: as though it asked for nothing.
    { when: 'it asks for devices', requests: { 'a/b': '1' }, milliCpu: 1100, memory: 2 * 200 * 2 ** 20 },
  ])('assumes less when the pod itself asks: $when', ({ requests, milliCpu, memory }) => {
    const spec = { containers: [container('a', {}), container('b', { cpu: '1' })], resources: { requests } }
    expect(podNonZeroRequests(testPod('p', { spec }))).toEqual({ milliCpu, memory })
  })

  it('takes huge pages from the pod itself in place of what containers ask', () => {
    const spec = {
      containers: [container('a', { 'hugepages-2Mi': '4Mi', 'example.com/a': '1' })],
      resources: { requests: { 'hugepages-2Mi': '8Mi', 'hugepages-1Gi': '1Gi', 'example.com/a': '7' } },
    }
    expect([...podRequests(testPod('p', { spec })).scalar]).toEqual([
      ['example.com/a', 1],
      ['hugepages-1Gi', 2 ** 30],
      ['hugepages-2Mi', 2 ** 23],
    ])
  })
})

describe('sums', () => {
  const anyText = fc
    .tuple(fc.nat(999_999), fc.constantFrom('n', 'u', 'm', '', 'k', 'Ki', 'Mi'), fc.constantFrom('', '.5', '.001'))
    .map(([amount, suffix, fraction]) => `${amount}${fraction}${suffix}`)
  /** The least whole number of steps of 1/`per` that is no less. */
  const ceilOf = (texts: readonly string[], per: bigint): number => {
    const total = texts.reduce((sum, text) => sum + parseQuantity(text)!.nano, 0n)
    return Number((total * per + 999_999_999n) / 1_000_000_000n)
  }

  it('are exact, and rounded up once', () => {
    fc.assert(
      fc.property(fc.array(anyText, { minLength: 1, maxLength: 20 }), (texts) => {
        const containers = texts.map((text, i) =>
          container(`c${i}`, { cpu: text, memory: text, 'example.com/a': text }),
        )
        const { milliCpu, memory, scalar } = podRequests(testPod('p', { spec: { containers } }))
        expect([milliCpu, memory, scalar.get('example.com/a')]).toEqual([
          ceilOf(texts, 1000n),
          ceilOf(texts, 1n),
          ceilOf(texts, 1n),
        ])
      }),
    )
  })

  it('are exact where doubles drift: 1,000 tenths of a thousandth', () => {
    const containers = Array.from({ length: 1000 }, (_, i) => container(`c${i}`, { cpu: '100u', memory: '0.1' }))
    const { milliCpu, memory } = podRequests(testPod('p', { spec: { containers } }))
    expect([milliCpu, memory]).toEqual([100, 100])
  })

  it('keep the smallest excess: 2^50 bytes and a nano', () => {
    const containers = [container('a', { memory: '1Pi' }), container('b', { memory: '1n' })]
    expect(podRequests(testPod('p', { spec: { containers } })).memory).toBe(2 ** 50 + 1)
  })
})

describe('what a node offers', () => {
  it('is its allocatable', () => {
    const node = testNode('n', { cpu: '1930m', memory: '3388360Ki', pods: '17', extended: { 'nvidia.com/gpu': '4' } })
    const { scalar, ...rest } = nodeAllocatable(node)
    expect(rest).toEqual({ milliCpu: 1930, memory: 3388360 * 1024, ephemeralStorage: 0, pods: 17 })
    expect([...scalar]).toEqual([['nvidia.com/gpu', 4]])
  })
  it('is nothing when the node says nothing', () => {
    const { metadata, spec } = testNode('n')
    expect(nodeAllocatable({ metadata, spec })).toMatchObject({ milliCpu: 0, pods: 0 })
  })
})
