import type { NodeTemplate } from '@plimsoll/engine'
import type { NodeGroup } from '@plimsoll/ports'
import { describe, expect, it } from 'vitest'
import { parseClusterAutoscalerFlags } from '../options/options.ts'
import { areSimilar, shareIncrease } from './similar-groups.ts'

interface Shape {
  readonly labels?: { readonly [key: string]: string }
  readonly capacity?: { readonly [name: string]: string }
  readonly allocatable?: { readonly [name: string]: string }
}

function template(shape: Shape = {}): NodeTemplate {
  const capacity = { cpu: '4', memory: '16000Mi', pods: '58', ...shape.capacity }
  const allocatable = { ...capacity, ...shape.allocatable }
  const labels = { 'node.kubernetes.io/instance-type': 'm5.xlarge', ...shape.labels }
  return {
    node: {
      metadata: { name: 't', uid: '', resourceVersion: '', creationTimestamp: '', labels },
      spec: {},
      status: { capacity, allocatable },
    },
    pods: [],
  }
}

describe('similar groups (CA-96)', () => {
  it.each([
    { when: 'the same', other: {}, similar: true },
    { when: 'another zone', other: { labels: { 'topology.kubernetes.io/zone': 'b' } }, similar: true },
    { when: 'another group of EKS', other: { labels: { 'eks.amazonaws.com/nodegroup': 'b' } }, similar: true },
    { when: 'another type', other: { labels: { 'node.kubernetes.io/instance-type': 'm6.xlarge' } }, similar: false },
    { when: 'a label more', other: { labels: { team: 'red' } }, similar: false },
    {
      when: 'an ignored label more',
      other: { labels: { team: 'red' } },
      flags: ['--balancing-ignore-label=team'],
      similar: true,
    },
    { when: 'slightly more memory', other: { capacity: { memory: '16200Mi' } }, similar: true },
    { when: 'more memory', other: { capacity: { memory: '16300Mi' } }, similar: false },
    { when: 'more CPU', other: { capacity: { cpu: '5' } }, similar: false },
    { when: 'another resource', other: { capacity: { 'nvidia.com/gpu': '1' } }, similar: false },
    { when: 'slightly less allocatable', other: { allocatable: { cpu: '3850m' } }, similar: true },
    { when: 'less allocatable', other: { allocatable: { cpu: '3700m' } }, similar: false },
    {
      when: 'only one label counts',
      other: { labels: { x: 'y' }, capacity: { cpu: '64' } },
      flags: ['--balancing-label=node.kubernetes.io/instance-type'],
      similar: true,
    },
    { when: 'the label that counts is missing', other: {}, flags: ['--balancing-label=team'], similar: false },
    {
      when: 'the label that counts is missing and every object has its name',
      other: {},
      flags: ['--balancing-label=constructor'],
      similar: false,
    },
  ] as const)('$when: $similar', ({ other, similar, ...o }) => {
    const parsed = parseClusterAutoscalerFlags('flags' in o ? o.flags : [])
    if ('problems' in parsed) throw new Error('flags')
    expect(areSimilar(template(), template(other), parsed.options)).toBe(similar)
  })
})

describe('sharing an increase (CA-99)', () => {
  it.each([
    {
      sizes: [
        [1, 5],
        [1, 5],
      ],
      count: 4,
      want: [3, 3],
    },
    {
      sizes: [
        [1, 5],
        [4, 5],
      ],
      count: 3,
      want: [4],
    },
    {
      sizes: [
        [1, 5],
        [4, 5],
      ],
      count: 5,
      want: [5, 5],
    },
    {
      sizes: [
        [1, 2],
        [1, 10],
      ],
      count: 4,
      want: [2, 4],
    },
    {
      sizes: [
        [5, 5],
        [1, 3],
      ],
      count: 9,
      want: [3],
    },
    { sizes: [[0, 0]], count: 3, want: [] },
  ])('$count over $sizes', ({ sizes, count, want }) => {
    const groups = sizes.map(([targetSize, maxSize], i): NodeGroup => ({
      id: `g${i}`,
      minSize: 0,
      maxSize: maxSize!,
      targetSize: targetSize!,
    }))
    expect(shareIncrease(groups, count).map(({ newSize }) => newSize)).toEqual(want)
  })
})
