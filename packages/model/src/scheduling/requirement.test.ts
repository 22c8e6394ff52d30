import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  any,
  has,
  hasIntersection,
  intersection,
  lengthOf,
  maxInt64,
  operatorOf,
  requirement,
  requirementEntries,
  requirementText,
  sameRequirement,
  withMinValues,
  type Requirement,
  type RequirementOperator,
} from './requirement.ts'
import { coreLabels, extendLabelRegistry } from './well-known-labels.ts'

const greatest = String(maxInt64)
const r = (operator: RequirementOperator, ...values: string[]): Requirement => requirement('k', operator, values)
const least = (operator: RequirementOperator, values: string[], minValues: number): Requirement =>
  requirement('k', operator, values, minValues)

describe('a requirement', () => {
  it.each([
    [r('In', 'b', 'a', 'b'), 'k In [a b]', 'In', 2n],
    [r('In'), 'k DoesNotExist', 'DoesNotExist', 0n],
    [r('NotIn', 'b', 'a'), 'k NotIn [a b]', 'NotIn', maxInt64 - 2n],
    [r('NotIn'), 'k Exists', 'Exists', maxInt64],
    [r('Exists'), 'k Exists', 'Exists', maxInt64],
    [r('DoesNotExist'), 'k DoesNotExist', 'DoesNotExist', 0n],
    [r('Gt', '5'), 'k Exists >=6', 'Exists', maxInt64],
    [r('Lt', '5'), 'k Exists <=4', 'Exists', maxInt64],
    [r('Gte', '5'), 'k Exists >=5', 'Exists', maxInt64],
    [r('Lte', '5'), 'k Exists <=5', 'Exists', maxInt64],
    [r('Lt', '0'), 'k Exists <=-1', 'Exists', maxInt64],
    [r('Gt', '-1'), 'k Exists >=0', 'Exists', maxInt64],
    // The edges of int64, where doubles would not tell one from the next.
    [r('Gt', greatest), 'k DoesNotExist', 'DoesNotExist', 0n],
    [least('Gt', [greatest], 3), 'k DoesNotExist', 'DoesNotExist', 0n],
    [r('Gt', '9223372036854775806'), `k Exists >=${greatest}`, 'Exists', maxInt64],
    [r('Gte', greatest), `k Exists >=${greatest}`, 'Exists', maxInt64],
    [r('Lt', greatest), 'k Exists <=9223372036854775806', 'Exists', maxInt64],
    [r('Lt', '-9223372036854775808'), 'k DoesNotExist', 'DoesNotExist', 0n],
    [r('Gte', '99999999999999999999'), `k Exists >=${greatest}`, 'Exists', maxInt64],
    // What is no integer is 0, as Go's Atoi leaves it when its error is dropped.
    [r('Gte', 'many'), 'k Exists >=0', 'Exists', maxInt64],
    [r('Gte', '1.5'), 'k Exists >=0', 'Exists', maxInt64],
    [r('Gte', '+7'), 'k Exists >=7', 'Exists', maxInt64],
    // Five values are shown.
    [r('In', 'a', 'b', 'c', 'd', 'e'), 'k In [a b c d e]', 'In', 5n],
    [r('In', 'g', 'f', 'e', 'd', 'c', 'b', 'a'), 'k In [a b c d e and 2 others]', 'In', 7n],
    [r('NotIn', 'f', 'e', 'd', 'c', 'b', 'a'), 'k NotIn [a b c d e and 1 others]', 'NotIn', maxInt64 - 6n],
    [least('In', ['a', 'b'], 2), 'k In [a b] minValues 2', 'In', 2n],
    [least('Exists', [], 2), 'k Exists minValues 2', 'Exists', maxInt64],
    [least('Gte', ['3'], 2), 'k Exists >=3 minValues 2', 'Exists', maxInt64],
  ])('%# is %s', (made, text, operator, length) => {
    expect([requirementText(made), operatorOf(made), lengthOf(made)]).toEqual([text, operator, length])
  })

  it.each([
    ['failure-domain.beta.kubernetes.io/zone', 'topology.kubernetes.io/zone'],
    ['failure-domain.beta.kubernetes.io/region', 'topology.kubernetes.io/region'],
    ['beta.kubernetes.io/arch', 'kubernetes.io/arch'],
    ['beta.kubernetes.io/os', 'kubernetes.io/os'],
    ['beta.kubernetes.io/instance-type', 'node.kubernetes.io/instance-type'],
    ['example.com/zone', 'example.com/zone'],
  ])('on %s is on %s', (written, used) => {
    for (const operator of ['In', 'Exists', 'Gt'] as const) expect(requirement(written, operator, ['1']).key).toBe(used)
  })

  it("goes by a cloud's own aliases of keys and values", () => {
    const registry = extendLabelRegistry(coreLabels, {
      aliases: [['topology.csi.example.com/zone', 'topology.kubernetes.io/zone']],
      valueAliases: [['topology.kubernetes.io/zone', new Map([['', '0']])]],
    })
    const made = requirement('topology.csi.example.com/zone', 'NotIn', ['', '1'], undefined, registry)
    expect(requirementText(made)).toBe('topology.kubernetes.io/zone NotIn [0 1]')
  })
})

describe('has', () => {
  it.each([
    [r('In', 'a'), 'a', true],
    [r('In', 'a'), 'b', false],
    [r('NotIn', 'a'), 'a', false],
    [r('NotIn', 'a'), 'b', true],
    [r('Exists'), '', true],
    [r('DoesNotExist'), '', false],
    [r('Gt', '5'), '5', false],
    [r('Gt', '5'), '6', true],
    [r('Gt', '5'), '06', true],
    [r('Gt', '5'), '+6', true],
    [r('Lt', '5'), '4', true],
    [r('Lt', '5'), '5', false],
    [r('Gte', '5'), '5', true],
    [r('Lte', '5'), '5', true],
    [r('Lt', '5'), '-7', true],
    // Under a bound, what is no int64 is out.
    [r('Gt', '5'), '6.5', false],
    [r('Gt', '5'), '1e3', false],
    [r('Gt', '5'), '', false],
    [r('Lt', '5'), 'a', false],
    [r('Gt', '5'), '9223372036854775808', false],
    [r('Gte', greatest), greatest, true],
    [r('Gte', greatest), '9223372036854775806', false],
  ])('%# %o, %s: %s', (made, value, expected) => {
    expect(has(made, value)).toBe(expected)
  })
})

describe('intersection', () => {
  it.each([
    [r('In', 'a', 'b'), r('In', 'b', 'c'), 'k In [b]'],
    [r('In', 'a'), r('In', 'b'), 'k DoesNotExist'],
    [r('In', 'a', 'b'), r('NotIn', 'b', 'c'), 'k In [a]'],
    [r('In', 'a'), r('NotIn', 'a'), 'k DoesNotExist'],
    [r('In', 'a'), r('Exists'), 'k In [a]'],
    [r('In', 'a'), r('DoesNotExist'), 'k DoesNotExist'],
    [r('NotIn', 'a'), r('NotIn', 'b'), 'k NotIn [a b]'],
    [r('NotIn', 'a'), r('Exists'), 'k NotIn [a]'],
    [r('NotIn', 'a'), r('DoesNotExist'), 'k DoesNotExist'],
    [r('Exists'), r('Exists'), 'k Exists'],
    [r('Exists'), r('DoesNotExist'), 'k DoesNotExist'],
    // Values of a concrete set that are out of bounds go, and then the bounds.
    [r('In', '1', '5', '9', 'x'), r('Gt', '4'), 'k In [5 9]'],
    [r('In', '1', '5', '9', 'x'), r('Lte', '5'), 'k In [1 5]'],
    [r('In', 'x'), r('Gt', '4'), 'k DoesNotExist'],
    // So do values left out that the bounds leave out as well.
    [r('NotIn', '1', '5', 'x'), r('Gt', '4'), 'k NotIn [5] >=5'],
    [r('NotIn', '1', 'x'), r('Gt', '4'), 'k Exists >=5'],
    [r('Gt', '3'), r('Gt', '7'), 'k Exists >=8'],
    [r('Lt', '3'), r('Lte', '7'), 'k Exists <=2'],
    [r('Gte', '3'), r('Lte', '7'), 'k Exists >=3 <=7'],
    [r('Gte', '3'), r('Lte', '3'), 'k Exists >=3 <=3'],
    [r('Gt', '3'), r('Lt', '4'), 'k DoesNotExist'],
    [r('Gte', greatest), r('Lt', greatest), 'k DoesNotExist'],
    [least('In', ['a', 'b'], 1), least('Exists', [], 2), 'k In [a b] minValues 2'],
    [least('Gt', ['5'], 3), r('Lt', '2'), 'k DoesNotExist minValues 3'],
    [least('In', ['a'], 3), r('In', 'b'), 'k DoesNotExist minValues 3'],
  ])('%# %o and %o: %s', (a, b, text) => {
    expect(requirementText(intersection(a, b))).toBe(text)
    expect(requirementText(intersection(b, a))).toBe(text)
  })

  it('is not exact for values between bounds: all of them left out still counts as something', () => {
    const none = intersection(intersection(r('Gte', '5'), r('Lte', '5')), r('NotIn', '5'))
    expect(requirementText(none)).toBe('k NotIn [5] >=5 <=5')
    expect(has(none, '5')).toBe(false)
    expect(hasIntersection(none, r('Exists'))).toBe(true)
  })
})

describe('the lattice', () => {
  const anyValue = fc.constantFrom('', 'a', 'b', 'x', '-1', '0', '1', '2', '3', '4', '5', '03', greatest)
  const anyBound = fc.constantFrom('0', '1', '2', '3', '4', '5', greatest)
  const anyMinValues = fc.option(fc.integer({ min: 1, max: 5 }), { nil: undefined })
  const anyMade = fc
    .tuple(
      fc.constantFrom('In', 'NotIn', 'Exists', 'DoesNotExist', 'Gt', 'Lt', 'Gte', 'Lte'),
      fc.array(anyValue, { maxLength: 4 }),
      anyBound,
      anyMinValues,
    )
    .map(([operator, values, bound, minValues]) =>
      requirement('k', operator, /^[GL]/.test(operator) ? [bound] : values, minValues),
    )
  /** Also what only intersections give: two bounds, values left out beside bounds. */
  const anyRequirement = fc
    .array(anyMade, { minLength: 1, maxLength: 3 })
    .map((several) => several.reduce((a, b) => intersection(a, b)))

  it.each<{ law: string; holds: (a: Requirement, b: Requirement, c: Requirement, value: string) => boolean }>([
    { law: 'commutes', holds: (a, b) => sameRequirement(intersection(a, b), intersection(b, a)) },
    {
      law: 'associates',
      holds: (a, b, c) => sameRequirement(intersection(intersection(a, b), c), intersection(a, intersection(b, c))),
    },
    { law: 'is idempotent', holds: (a) => sameRequirement(intersection(a, a), a) },
    {
      law: 'allows what both allow, no more and no less',
      holds: (a, b, _, value) => has(intersection(a, b), value) === (has(a, value) && has(b, value)),
    },
    { law: 'has Exists for its top', holds: (a) => sameRequirement(intersection(a, r('Exists')), a) },
    {
      law: 'has DoesNotExist for its bottom',
      holds: (a) => sameRequirement(intersection(a, r('DoesNotExist')), withMinValues(r('DoesNotExist'), a.minValues)),
    },
    {
      law: 'absorbs what is a part of it',
      holds: (a, b) => sameRequirement(intersection(intersection(a, b), a), intersection(a, b)),
    },
    {
      law: 'leaves something when hasIntersection says so',
      holds: (a, b) => hasIntersection(a, b) === lengthOf(intersection(a, b)) > 0n,
    },
    {
      law: 'takes the greater minValues',
      holds: (a, b) => intersection(a, b).minValues === greaterOf(a.minValues, b.minValues),
    },
    {
      law: 'keeps values sorted, each once, and bounds on complements alone',
      holds: (a, b) => {
        const both = intersection(a, b)
        const sorted = [...new Set(both.values)].sort()
        return (
          JSON.stringify(sorted) === JSON.stringify(both.values) &&
          (both.complement || (both.gte === undefined && both.lte === undefined))
        )
      },
    },
    {
      law: 'comes back from its entries, but for values left out beside a bound',
      holds: (a) => {
        const back = requirementEntries(a)
          .map((entry) => requirement(entry.key, entry.operator, entry.values, entry.minValues))
          .reduce((x, y) => intersection(x, y))
        const bounded = a.gte !== undefined || a.lte !== undefined
        return sameRequirement(back, bounded ? { ...a, values: [] } : a)
      },
    },
  ])('$law', ({ holds }) => {
    const law = fc.property(anyRequirement, anyRequirement, anyRequirement, anyValue, (a, b, c, value) => {
      expect(holds(a, b, c, value)).toBe(true)
    })
    fc.assert(law, { numRuns: 1000 })
  })
  it('splits every value between In and NotIn of the same list', () =>
    fc.assert(
      fc.property(fc.array(anyValue), anyValue, (values, value) => {
        expect(has(r('In', ...values), value)).toBe(!has(r('NotIn', ...values), value))
        expect(hasIntersection(r('In', ...values), r('NotIn', ...values))).toBe(false)
      }),
    ))
  it('splits every integer between Gt and Lte, Lt and Gte', () =>
    fc.assert(
      fc.property(anyBound, fc.bigInt({ min: -(1n << 63n), max: maxInt64 }), (bound, value) => {
        expect(has(r('Gt', bound), String(value))).toBe(!has(r('Lte', bound), String(value)))
        expect(has(r('Lt', bound), String(value))).toBe(!has(r('Gte', bound), String(value)))
        expect(has(r('Gt', bound), String(value))).toBe(value > BigInt(bound))
      }),
    ))
  it('draws a value that is allowed, when one is', () =>
    fc.assert(
      fc.property(anyRequirement, fc.array(fc.nat(65_535), { minLength: 4, maxLength: 4 }), (a, draws) => {
        let turn = 0
        const drawn = any(a, { below: (below) => draws[turn++]! % below })
        expect(drawn === '' ? has(a, '') || hasNothingToDraw(a) : has(a, drawn)).toBe(true)
      }),
    ))
})

function greaterOf(a: number | undefined, b: number | undefined): number | undefined {
  if (a === undefined || b === undefined) return a ?? b
  return Math.max(a, b)
}

/** Neither a listed value nor an integer from 0 or the lower bound on. */
function hasNothingToDraw(a: Requirement): boolean {
  if (!a.complement) return a.values.length === 0
  const least = a.gte ?? (a.lte !== undefined && a.lte < 0n ? a.lte : 0n)
  for (let value = least; value <= (a.lte ?? maxInt64); value++) if (has(a, String(value))) return false
  return true
}

describe('any', () => {
  const draw = { below: (below: number) => below - 1 }
  it.each([
    [r('In', 'b', 'a'), 'a'],
    [r('DoesNotExist'), ''],
    [r('Lte', '0'), '0'],
    [r('Lt', '0'), '-1'],
    [intersection(r('Gte', '7'), r('Lte', '7')), '7'],
    [intersection(intersection(r('Gte', '7'), r('Lte', '9')), r('NotIn', '7', '8')), '9'],
    [intersection(intersection(r('Gte', '7'), r('Lte', '7')), r('NotIn', '7')), ''],
    [r('Gte', greatest), greatest],
  ])('%# %o: %s', (made, value) => {
    expect(any(made, draw)).toBe(value)
  })

  it('spreads over the whole range', () => {
    let turn = 1
    const seen = new Set<string>()
    const range = intersection(r('Gte', '10'), r('Lte', '19'))
    for (let i = 0; i < 100; i++)
      seen.add(any(range, { below: (below) => (turn = (turn * 48_271) % 2_147_483_647) % below }))
    expect([...seen].sort()).toEqual(['10', '11', '12', '13', '14', '15', '16', '17', '18', '19'])
  })
})

describe('entries', () => {
  it.each([
    [r('In', 'b', 'a'), [{ key: 'k', operator: 'In', values: ['a', 'b'] }]],
    [r('NotIn', 'a'), [{ key: 'k', operator: 'NotIn', values: ['a'] }]],
    [least('Exists', [], 4), [{ key: 'k', operator: 'Exists', minValues: 4 }]],
    [r('DoesNotExist'), [{ key: 'k', operator: 'DoesNotExist' }]],
    [r('Gt', '4'), [{ key: 'k', operator: 'Gte', values: ['5'] }]],
    [r('Lt', '4'), [{ key: 'k', operator: 'Lte', values: ['3'] }]],
    [
      intersection(least('Gte', ['4'], 2), r('Lte', '8')),
      [
        { key: 'k', operator: 'Gte', values: ['4'], minValues: 2 },
        { key: 'k', operator: 'Lte', values: ['8'], minValues: 2 },
      ],
    ],
    [intersection(r('Gte', '4'), r('NotIn', '5')), [{ key: 'k', operator: 'Gte', values: ['4'] }]],
  ])('%# of %o', (made, entries) => {
    expect(requirementEntries(made)).toEqual(entries)
  })
})
