import type { Pod } from '@plimsoll/model'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { PodWords } from './pod-words.ts'
import { testPod } from './test-objects.ts'

const numbering = (entriesMax = 1000): PodWords<number> => {
  let made = 0
  return new PodWords(() => made++, entriesMax)
}

describe('the words of a pod', () => {
  const anyValue = fc.jsonValue({ maxDepth: 3, noUnicodeString: true } as object)
  const withAffinity = (affinity: unknown): Pod => testPod('p', { spec: { affinity } as Partial<Pod['spec']> })

  it('are the same for data that is the same, and differ for other data', () => {
    fc.assert(
      fc.property(anyValue, anyValue, (a, b) => {
        const words = numbering()
        const first = words.get(withAffinity(a))
        expect(words.get(withAffinity(structuredClone(a)))).toBe(first)
        expect(words.get(withAffinity(b)) === first).toBe(JSON.stringify(a) === JSON.stringify(b))
      }),
    )
  })

  it('tell numbers from the numbers of texts', () => {
    const words = numbering()
    const asking = (cpu: number): Pod => testPod('p', { requests: { cpu: cpu as unknown as string } })
    const half = words.get(asking(0.5))
    for (let cpu = 1; cpu < 100; cpu++) expect(words.get(asking(cpu))).not.toBe(half)
  })

  it.each<{ when: string; pod: Pod; same: boolean }>([
    { when: 'another name and uid', pod: testPod('q'), same: true },
    { when: 'bound', pod: testPod('p', { spec: { nodeName: 'n' } }), same: true },
    { when: 'another namespace', pod: testPod('p', { namespace: 'other' }), same: false },
    { when: 'a label', pod: testPod('p', { labels: { a: 'b' } }), same: false },
    { when: 'a request', pod: testPod('p', { requests: { cpu: '1' } }), same: false },
    { when: 'going', pod: testPod('p', { deletionTimestamp: '2026-01-01T00:00:00Z' }), same: false },
    { when: 'a priority', pod: testPod('p', { priority: 0 }), same: false },
    {
      when: 'a host port',
      pod: testPod('p', {
        spec: { containers: [{ name: 'main', image: 'x', ports: [{ containerPort: 80, hostPort: 80 }] }] },
      }),
      same: false,
    },
    {
      when: 'a container port',
      pod: testPod('p', { spec: { containers: [{ name: 'main', image: 'x', ports: [{ containerPort: 80 }] }] } }),
      same: false,
    },
  ])('$when: same $same', ({ pod, same }) => {
    const words = numbering()
    expect(words.get(pod) === words.get(testPod('p'))).toBe(same)
  })

  it('forget everything when they are too many, and go on', () => {
    const words = numbering(3)
    const values = Array.from({ length: 20 }, (_, i) => words.get(testPod('p', { namespace: `n${i % 5}` })))
    expect(new Set(values).size).toBeGreaterThan(5)
    const last = words.get(testPod('p', { namespace: 'last' }))
    expect([last, words.get(testPod('p', { namespace: 'last' }))]).toEqual([last, last])
  })
})
