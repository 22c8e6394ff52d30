import { describe, expect, it } from 'vitest'
import type { StoredObject } from '../object.ts'
import { withTemplateGeneration } from './template-generation.ts'

const annotation = 'deprecated.daemonset.template.generation'
const set = (image: string, generation?: string): StoredObject =>
  ({
    metadata: { name: 'agent', ...(generation === undefined ? {} : { annotations: { [annotation]: generation } }) },
    spec: { template: { spec: { containers: [{ name: 'main', image }] } } },
  }) as unknown as StoredObject

describe('the count of templates', () => {
  it.each([
    { when: 'a new set', next: set('a'), old: undefined, counts: '1' },
    { when: 'a set that was kept elsewhere', next: set('a', '7'), old: undefined, counts: '7' },
    { when: 'nonsense', next: set('a', 'x'), old: undefined, counts: '1' },
    { when: 'the same template', next: set('a', '3'), old: set('a', '3'), counts: '3' },
    { when: 'the annotation taken off', next: set('a'), old: set('a', '3'), counts: '3' },
    { when: 'the annotation forged', next: set('a', '9'), old: set('a', '3'), counts: '3' },
    { when: 'another template', next: set('b', '3'), old: set('a', '3'), counts: '4' },
  ])('for $when is $counts', ({ next, old, counts }) => {
    expect(withTemplateGeneration(next, old).metadata.annotations).toEqual({ [annotation]: counts })
  })
})
