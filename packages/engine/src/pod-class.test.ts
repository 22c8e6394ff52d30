import type { Pod } from '@plimsoll/model'
import { describe, expect, it } from 'vitest'
import { podClassKey } from './pod-class.ts'
import { testPod } from './test-objects.ts'

const base = (): Pod => testPod('a', { labels: { app: 'x', tier: 'y' }, requests: { cpu: '500m', memory: '1Gi' } })
const withSpec = (spec: Partial<Pod['spec']>): Pod => ({ ...base(), spec: { ...base().spec, ...spec } })

describe('the class of a pod', () => {
  it.each<{ when: string; pod: Pod; same: boolean }>([
    { when: 'another name', pod: { ...base(), metadata: { ...base().metadata, name: 'b', uid: 'b' } }, same: true },
    {
      when: 'labels in another order',
      pod: { ...base(), metadata: { ...base().metadata, labels: { tier: 'y', app: 'x' } } },
      same: true,
    },
    {
      when: 'the same amounts in other words',
      pod: testPod('a', { labels: { app: 'x', tier: 'y' }, requests: { memory: '1024Mi', cpu: '0.5' } }),
      same: true,
    },
    {
      when: 'another image',
      pod: withSpec({ containers: [{ ...base().spec.containers[0]!, image: 'other' }] }),
      same: true,
    },
    { when: 'an empty affinity', pod: withSpec({ affinity: {} }), same: true },
    {
      when: 'another namespace',
      pod: { ...base(), metadata: { ...base().metadata, namespace: 'other' } },
      same: false,
    },
    { when: 'another label', pod: { ...base(), metadata: { ...base().metadata, labels: { app: 'x' } } }, same: false },
    {
      when: 'another request',
      pod: testPod('a', { labels: { app: 'x', tier: 'y' }, requests: { cpu: '501m', memory: '1Gi' } }),
      same: false,
    },
    { when: 'another priority', pod: withSpec({ priority: 1 }), same: false },
    { when: 'a toleration', pod: withSpec({ tolerations: [{ operator: 'Exists' }] }), same: false },
    { when: 'a node selector', pod: withSpec({ nodeSelector: { a: 'b' } }), same: false },
    {
      when: 'a claim',
      pod: withSpec({ volumes: [{ name: 'v', persistentVolumeClaim: { claimName: 'c' } }] }),
      same: false,
    },
  ])('$when: same $same', ({ pod, same }) => {
    expect(podClassKey(pod) === podClassKey(base())).toBe(same)
  })
})
