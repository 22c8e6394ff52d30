import type { Deployment, PodTemplateSpec, ReplicaSet } from '@plimsoll/model'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fenceposts, proportionalResize, rollingStep, scaled, templateHash, templateText } from './deployment-plan.ts'

function deployment(replicas: number, maxSurge: number | string, maxUnavailable: number | string): Deployment {
  const rollingUpdate = { maxSurge, maxUnavailable }
  return { spec: { replicas, strategy: { type: 'RollingUpdate', rollingUpdate } } } as unknown as Deployment
}

function set(name: string, replicas: number, available: number, maxBefore?: number): ReplicaSet {
  const annotations = maxBefore === undefined ? {} : { 'deployment.kubernetes.io/max-replicas': String(maxBefore) }
  return {
    metadata: { name, creationTimestamp: `2024-01-01T00:00:0${name.length}Z`, annotations },
    spec: { replicas },
    status: { replicas, availableReplicas: available },
  } as unknown as ReplicaSet
}

describe('fenceposts', () => {
  it.each([
    { replicas: 4, surge: '25%', unavailable: '25%', expected: { surge: 1, unavailable: 1 } },
    { replicas: 5, surge: '25%', unavailable: '25%', expected: { surge: 2, unavailable: 1 } },
    { replicas: 1, surge: '25%', unavailable: '25%', expected: { surge: 1, unavailable: 0 } },
    { replicas: 3, surge: 0, unavailable: 0, expected: { surge: 0, unavailable: 1 } },
    { replicas: 3, surge: 2, unavailable: 9, expected: { surge: 2, unavailable: 3 } },
    { replicas: 0, surge: '25%', unavailable: '25%', expected: { surge: 0, unavailable: 0 } },
  ])('$replicas with surge $surge and unavailable $unavailable', ({ replicas, surge, unavailable, expected }) => {
    expect(fenceposts(deployment(replicas, surge, unavailable))).toEqual(expected)
  })
})

describe('a rolling update', () => {
  const bound = fc.oneof(
    fc.integer({ min: 0, max: 12 }),
    fc.integer({ min: 0, max: 100 }).map((n) => `${n}%`),
  )

  it('never has too many pods nor too few available ones, and ends with the new ones only', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 40 }),
        bound,
        bound,
        fc.infiniteStream(fc.boolean()),
        (replicas, surge, unavailable, luck) => {
          const wanted = deployment(replicas, surge, unavailable)
          const posts = fenceposts(wanted)
          let [old, fresh, ready] = [replicas, 0, 0]
          for (let round = 0; round < 1000; round++) {
            const sets = [set('o', old, old), set('new', fresh, ready)]
            for (const resize of rollingStep(wanted, sets, sets[1]!, [sets[0]!])) {
              if (resize.set === sets[0]) old = resize.replicas
              else fresh = resize.replicas
            }
            expect(old + fresh).toBeLessThanOrEqual(replicas + posts.surge)
            expect(old + ready).toBeGreaterThanOrEqual(replicas - posts.unavailable)
            if (old === 0 && fresh === replicas && ready === replicas) return
            if (ready < fresh && luck.next().value === true) ready++
          }
          expect.fail('the rollout did not end')
        },
      ),
      { numRuns: 200 },
    )
  })
})

describe('a resize in the middle of a rollout', () => {
  it('keeps the total within bounds and shares it by size', () => {
    const olds = [set('a', 6, 6, 10), set('bb', 3, 3, 10)]
    const newSet = set('new', 1, 1, 10)
    const sizes = proportionalResize(deployment(20, 0, 1), newSet, olds)
    expect(sizes.reduce((sum, { replicas }) => sum + replicas, 0)).toBe(20)
    expect(sizes.map(({ set: s, replicas }) => `${s.metadata.name} ${replicas}`)).toEqual(['a 12', 'bb 6', 'new 2'])
  })
})

describe('a template', () => {
  const template: PodTemplateSpec = {
    metadata: { labels: { app: 'web' } },
    spec: { containers: [{ name: 'main', image: 'nginx' }] },
  }

  it('is the same whatever the order of its fields and with a hash label', () => {
    const same: PodTemplateSpec = {
      spec: { containers: [{ image: 'nginx', name: 'main' }] },
      metadata: { labels: { 'pod-template-hash': 'abc', app: 'web' }, creationTimestamp: undefined },
    }
    expect(templateText(same)).toBe(templateText(template))
    expect(templateHash(same, undefined)).toBe(templateHash(template, 0))
  })

  it('hashes otherwise after a collision, in letters that spell nothing', () => {
    expect(templateHash(template, 1)).not.toBe(templateHash(template, 0))
    expect(templateHash(template, 0)).toMatch(/^[bcdfghjklmnpqrstvwxz2456789]{1,10}$/)
  })
})

it.each([
  { value: 3, total: 10, up: 3, down: 3 },
  { value: '25%', total: 10, up: 3, down: 2 },
  { value: '0%', total: 10, up: 0, down: 0 },
])('$value of $total', ({ value, total, up, down }) => {
  expect([scaled(value, total, Math.ceil), scaled(value, total, Math.floor)]).toEqual([up, down])
})
