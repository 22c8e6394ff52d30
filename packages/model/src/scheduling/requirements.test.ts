import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { NodeSelectorTerm, Pod, PreferredSchedulingTerm } from '../kubernetes/index.ts'
import { requirement, requirementText, type RequirementOperator } from './requirement.ts'
import { compatible, incompatibilityText, intersects, podRequirements, Requirements } from './requirements.ts'
import { coreLabels } from './well-known-labels.ts'

const zone = 'topology.kubernetes.io/zone'
const wellKnown = coreLabels.wellKnown

/** `zone In a b` for one key each. */
function set(...texts: string[]): Requirements {
  return Requirements.of(
    ...texts.map((text) => {
      const [key, operator, ...values] = text.split(' ')
      return requirement(key!, operator as RequirementOperator, values)
    }),
  )
}

describe('a set of requirements', () => {
  it('intersects those on one key, under its name in use', () => {
    const made = set(`${zone} In a b`, 'failure-domain.beta.kubernetes.io/zone NotIn b c', 'cpu Gt 3')
    expect(made.text()).toBe(`cpu Exists >=4, ${zone} In [a]`)
  })
  it('prints sorted, without the hostname', () => {
    expect(set('b Exists', 'kubernetes.io/hostname In h', 'a DoesNotExist', 'a-b In x').text()).toBe(
      'a DoesNotExist, a-b In [x], b Exists',
    )
  })
  it('allows anything for a key it does not name', () => {
    expect(requirementText(Requirements.none.get('other'))).toBe('other Exists')
    expect(Requirements.none.find('other')).toBeUndefined()
  })
  it('is made of labels, and of a NodePool’s entries with their minValues', () => {
    expect(Requirements.fromLabels({ b: '2', a: '1' }).text()).toBe('a In [1], b In [2]')
    expect(Requirements.fromLabels(undefined)).toBe(Requirements.none)
    const made = Requirements.fromNodeSelectorRequirements([
      { key: 'family', operator: 'Exists', minValues: 2 },
      { key: 'family', operator: 'In', values: ['m5', 'c5', 'r5'] },
    ])
    expect(made.text()).toBe('family In [c5 m5 r5] minValues 2')
    expect(made.hasMinValues).toBe(true)
    expect(made.entries()).toEqual([{ key: 'family', operator: 'In', values: ['c5', 'm5', 'r5'], minValues: 2 }])
  })
  it('stays as it was when something is added, and is the same object when nothing changes', () => {
    const one = set('a In 1 2')
    expect(one.and(set('a In 1 2 3', 'a Exists'))).toBe(one)
    expect(one.and(set('a In 1')).text()).toBe('a In [1]')
    expect(one.text()).toBe('a In [1 2]')
    expect(one.with(requirement('a', 'In', ['3'])).text()).toBe('a In [3]')
    expect(one.without('a').size).toBe(0)
    expect(one.without('b')).toBe(one)
  })
  it('does not depend on the order in which it was made', () => {
    const anyOne = fc
      .tuple(fc.constantFrom('a', 'b', 'c'), fc.constantFrom('In', 'NotIn', 'Exists'), fc.subarray(['1', '2', '3']))
      .map(([key, operator, values]) => requirement(key, operator, values))
    fc.assert(
      fc.property(fc.array(anyOne), (several) => {
        const made = Requirements.of(...several)
        expect(Requirements.of(...several.toReversed()).equals(made)).toBe(true)
        expect(made.keys()).toEqual([...new Set(several.map((one) => one.key))].sort())
        expect(made.and(made)).toBe(made)
      }),
    )
  })
  it.each([
    [['a In 1'], ['a In 1'], true],
    [['a In 1'], ['a In 1 2'], false],
    [['a In 1'], ['b In 1'], false],
    [['a In 1'], ['a In 1', 'b In 1'], false],
    [['a Gt 1'], ['a Gte 2'], true],
    [['a Gt 1'], ['a Exists'], false],
    [['a In 1'], ['a NotIn 1'], false],
  ])('%j equals %j: %s', (a, b, equal) => {
    expect(set(...a).equals(set(...b))).toBe(equal)
  })
})

describe('compatible', () => {
  it.each([
    // A label that nothing is known about suits only who asks for its absence.
    { existing: [], incoming: ['custom In a'], problem: 'label "custom" does not have known values' },
    { existing: [], incoming: ['custom Exists'], problem: 'label "custom" does not have known values' },
    { existing: [], incoming: ['custom Gt 1'], problem: 'label "custom" does not have known values' },
    { existing: [], incoming: ['custom NotIn a'], problem: undefined },
    { existing: [], incoming: ['custom DoesNotExist'], problem: undefined },
    // NotIn of nothing is Exists.
    { existing: [], incoming: ['custom NotIn'], problem: 'label "custom" does not have known values' },
    { existing: ['custom In a'], incoming: [], problem: undefined },
    { existing: ['custom In a b'], incoming: ['custom In b c'], problem: undefined },
    { existing: ['custom In a'], incoming: ['custom In b'], problem: 'key custom, custom In [b] not in custom In [a]' },
    { existing: ['custom In a'], incoming: ['custom Exists'], problem: undefined },
    {
      existing: ['custom In a'],
      incoming: ['custom DoesNotExist'],
      problem: 'key custom, custom DoesNotExist not in custom In [a]',
    },
    {
      existing: ['custom In a'],
      incoming: ['custom NotIn a'],
      problem: 'key custom, custom NotIn [a] not in custom In [a]',
    },
    { existing: ['custom Exists'], incoming: ['custom In a'], problem: undefined },
    {
      existing: ['custom Exists'],
      incoming: ['custom DoesNotExist'],
      problem: 'key custom, custom DoesNotExist not in custom Exists',
    },
    // Both can be met by a node without the label.
    { existing: ['custom DoesNotExist'], incoming: ['custom DoesNotExist'], problem: undefined },
    { existing: ['custom DoesNotExist'], incoming: ['custom NotIn a'], problem: undefined },
    { existing: ['custom NotIn a'], incoming: ['custom DoesNotExist'], problem: undefined },
    { existing: ['custom NotIn a'], incoming: ['custom NotIn b'], problem: undefined },
    {
      existing: ['custom DoesNotExist'],
      incoming: ['custom Exists'],
      problem: 'key custom, custom Exists not in custom DoesNotExist',
    },
    {
      existing: ['custom DoesNotExist'],
      incoming: ['custom In a'],
      problem: 'key custom, custom In [a] not in custom DoesNotExist',
    },
    { existing: ['n In 1 5 9'], incoming: ['n Gt 8'], problem: undefined },
    { existing: ['n In 1 5'], incoming: ['n Gt 8'], problem: 'key n, n Exists >=9 not in n In [1 5]' },
    { existing: ['n Lt 9'], incoming: ['n Gt 8'], problem: 'key n, n Exists >=9 not in n Exists <=8' },
    { existing: ['n In many'], incoming: ['n Gt 8'], problem: 'key n, n Exists >=9 not in n In [many]' },
    // Of several, in the order of the keys; an unknown key hides the rest, as upstream stops there.
    {
      existing: ['a In 1', 'b In 1'],
      incoming: ['b In 2', 'a In 2'],
      problem: 'key a, a In [2] not in a In [1]; key b, b In [2] not in b In [1]',
    },
    {
      existing: ['a In 1'],
      incoming: ['a In 2', 'z In 2', 'y In 2'],
      problem: 'label "y" does not have known values',
    },
    // Hints.
    {
      existing: ['example.com/team In a'],
      incoming: ['team In a'],
      problem: 'label "team" does not have known values (typo of "example.com/team"?)',
    },
    {
      existing: ['example.com/team In a'],
      incoming: ['example.org/team In a'],
      problem: 'label "example.org/team" does not have known values (typo of "example.com/team"?)',
    },
    {
      existing: ['example.com/team In a'],
      incoming: ['tame In a'],
      problem: 'label "tame" does not have known values',
    },
  ])('$existing to $incoming: $problem', ({ existing, incoming, problem }) => {
    const problems = compatible(set(...existing), set(...incoming))
    expect(problems && incompatibilityText(problems)).toBe(problem)
  })

  it.each([
    { incoming: `${zone} In a`, problem: undefined },
    { incoming: 'failure-domain.beta.kubernetes.io/zone In a', problem: undefined },
    { incoming: 'karpenter.sh/capacity-type Exists', problem: undefined },
    { incoming: 'custom In a', problem: 'label "custom" does not have known values' },
    { incoming: 'zone In a', problem: `label "zone" does not have known values (typo of "${zone}"?)` },
    {
      incoming: 'topology.k8s.io/region In a',
      problem: 'label "topology.k8s.io/region" does not have known values (typo of "topology.kubernetes.io/region"?)',
    },
  ])('where well-known labels may be unknown, $incoming: $problem', ({ incoming, problem }) => {
    const problems = compatible(Requirements.none, set(incoming), wellKnown)
    expect(problems && incompatibilityText(problems)).toBe(problem)
  })

  it('tells every reason, unknown keys first', () => {
    const problems = compatible(set('a In 1'), set('a In 2', 'y In 2', 'z In 2')) ?? []
    expect(problems.map((problem) => `${problem.kind} ${problem.key}`)).toEqual([
      'unknownKey y',
      'unknownKey z',
      'disjoint a',
    ])
  })

  it('passes over unknown keys when only what both name is asked', () => {
    expect(intersects(set('a In 1'), set('b In 1'))).toBeUndefined()
    expect(intersects(set('a In 1'), set('a In 2'))).toHaveLength(1)
  })
})

describe('what a pod asks of labels', () => {
  const term = (...expressions: [string, string, ...string[]][]): NodeSelectorTerm => ({
    matchExpressions: expressions.map(([key, operator, ...values]) => ({ key, operator, values })),
  })
  const preferred = (weight: number, ...expressions: [string, string, ...string[]][]): PreferredSchedulingTerm => ({
    weight,
    preference: term(...expressions),
  })
  const pod = (
    nodeSelector: { readonly [key: string]: string } | undefined,
    required: readonly NodeSelectorTerm[] | undefined,
    ...wishes: PreferredSchedulingTerm[]
  ): Pod => ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'p', namespace: 'default' } as Pod['metadata'],
    spec: {
      containers: [],
      nodeSelector,
      affinity: {
        nodeAffinity: {
          requiredDuringSchedulingIgnoredDuringExecution:
            required === undefined ? undefined : { nodeSelectorTerms: required },
          preferredDuringSchedulingIgnoredDuringExecution: wishes,
        },
      },
    },
  })

  it.each([
    ['nothing', pod(undefined, undefined), '', ''],
    ['a selector', pod({ 'beta.kubernetes.io/os': 'linux' }, undefined), 'kubernetes.io/os In [linux]', undefined],
    [
      'the first required term',
      pod(undefined, [term(['a', 'In', '1']), term(['b', 'In', '1'])]),
      'a In [1]',
      undefined,
    ],
    ['no required term', pod(undefined, []), '', undefined],
    ['an empty required term', pod(undefined, [{}]), '', undefined],
    [
      'the heaviest wish',
      pod(undefined, undefined, preferred(1, ['a', 'In', '1']), preferred(9, ['b', 'In', '1'])),
      'b In [1]',
      '',
    ],
    [
      'of equal wishes the first',
      pod(undefined, undefined, preferred(5, ['a', 'In', '1']), preferred(5, ['b', 'In', '1'])),
      'a In [1]',
      '',
    ],
    [
      'all of them',
      pod({ a: '1' }, [term(['a', 'NotIn', '2'], ['b', 'Gt', '3'])], preferred(1, ['b', 'Lt', '9'], ['c', 'Exists'])),
      'a In [1], b Exists >=4 <=8, c Exists',
      'a In [1], b Exists >=4',
    ],
  ])('%s', (_, made, all, strict) => {
    expect(podRequirements(made).text()).toBe(all)
    expect(podRequirements(made, 'strict').text()).toBe(strict ?? all)
  })
})
