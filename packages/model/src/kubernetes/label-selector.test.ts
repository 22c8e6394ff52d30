import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  labelRequirementMatches,
  labelSelectorMatches,
  labelSelectorText,
  parseLabelSelector,
  type LabelOperator,
  type Labels,
} from './label-selector.ts'

describe('a label requirement', () => {
  it.each<{ operator: LabelOperator; values: string[]; value: string | undefined; matches: boolean }>([
    { operator: 'In', values: ['a', 'b'], value: 'b', matches: true },
    { operator: 'In', values: ['a', 'b'], value: 'c', matches: false },
    { operator: 'In', values: ['a'], value: undefined, matches: false },
    { operator: 'In', values: [''], value: '', matches: true },
    { operator: 'NotIn', values: ['a'], value: 'a', matches: false },
    { operator: 'NotIn', values: ['a'], value: 'b', matches: true },
    { operator: 'NotIn', values: ['a'], value: undefined, matches: true },
    { operator: 'Exists', values: [], value: '', matches: true },
    { operator: 'Exists', values: [], value: undefined, matches: false },
    { operator: 'DoesNotExist', values: [], value: undefined, matches: true },
    { operator: 'DoesNotExist', values: [], value: '', matches: false },
    { operator: 'Gt', values: ['2'], value: '3', matches: true },
    { operator: 'Gt', values: ['2'], value: '2', matches: false },
    { operator: 'Gt', values: ['2'], value: '10', matches: true },
    { operator: 'Gt', values: ['2'], value: 'x', matches: false },
    { operator: 'Gt', values: ['2'], value: undefined, matches: false },
    { operator: 'Lt', values: ['2'], value: '-1', matches: true },
    { operator: 'Lt', values: ['2'], value: '1.5', matches: false },
  ])('$operator $values of $value: $matches', ({ operator, values, value, matches }) => {
    const labels: Labels = value === undefined ? {} : { key: value }
    expect(labelRequirementMatches({ key: 'key', operator, values }, labels)).toBe(matches)
  })
})

describe('a key that every object has', () => {
  it.each(['constructor', 'toString', '__proto__'])('%s is no label unless it was given', (key) => {
    expect(labelRequirementMatches({ key, operator: 'Exists', values: [] }, { app: 'web' })).toBe(false)
    expect(labelRequirementMatches({ key, operator: 'DoesNotExist', values: [] }, { app: 'web' })).toBe(true)
    const given = Object.fromEntries([[key, 'x']])
    expect(labelRequirementMatches({ key, operator: 'In', values: ['x'] }, given)).toBe(true)
  })
})

describe('a selector', () => {
  const labels = { app: 'web', tier: 'front' }
  it.each([
    { selector: undefined, matches: false },
    { selector: null, matches: false },
    { selector: {}, matches: true },
    { selector: { matchLabels: { app: 'web' } }, matches: true },
    { selector: { matchLabels: { app: 'web', tier: 'back' } }, matches: false },
    {
      selector: { matchLabels: { app: 'web' }, matchExpressions: [{ key: 'tier', operator: 'Exists' }] },
      matches: true,
    },
    {
      selector: { matchLabels: { app: 'web' }, matchExpressions: [{ key: 'tier', operator: 'DoesNotExist' }] },
      matches: false,
    },
  ])('$selector: $matches', ({ selector, matches }) => {
    expect(labelSelectorMatches(selector, labels)).toBe(matches)
  })
  it('matches absent labels where nothing is asked of them', () => {
    expect(labelSelectorMatches({}, undefined)).toBe(true)
    expect(
      labelSelectorMatches({ matchExpressions: [{ key: 'a', operator: 'NotIn', values: ['b'] }] }, undefined),
    ).toBe(true)
  })
})

describe('the text of a selector', () => {
  it.each([
    { text: '', parsed: [] },
    { text: 'a=b', parsed: [{ key: 'a', operator: 'In', values: ['b'] }] },
    { text: 'a==b', parsed: [{ key: 'a', operator: 'In', values: ['b'] }] },
    { text: 'a=', parsed: [{ key: 'a', operator: 'In', values: [''] }] },
    { text: 'a!=b', parsed: [{ key: 'a', operator: 'NotIn', values: ['b'] }] },
    { text: 'a', parsed: [{ key: 'a', operator: 'Exists', values: [] }] },
    { text: '!a', parsed: [{ key: 'a', operator: 'DoesNotExist', values: [] }] },
    { text: 'a in (b,c)', parsed: [{ key: 'a', operator: 'In', values: ['b', 'c'] }] },
    { text: 'a notin (b)', parsed: [{ key: 'a', operator: 'NotIn', values: ['b'] }] },
    { text: 'a>1', parsed: [{ key: 'a', operator: 'Gt', values: ['1'] }] },
    { text: 'a<1', parsed: [{ key: 'a', operator: 'Lt', values: ['1'] }] },
    {
      text: 'app.kubernetes.io/name=x, tier in (a, b) ,!gone',
      parsed: [
        { key: 'app.kubernetes.io/name', operator: 'In', values: ['x'] },
        { key: 'tier', operator: 'In', values: ['a', 'b'] },
        { key: 'gone', operator: 'DoesNotExist', values: [] },
      ],
    },
  ])('$text', ({ text, parsed }) => {
    expect(parseLabelSelector(text)).toEqual(parsed)
  })

  it.each([
    { text: 'a=b=c', error: "found '=', expected: ',' or 'end of string'" },
    { text: 'a in b', error: "unable to parse requirement: found 'b' expected: '('" },
    { text: 'in (a)', error: "unable to parse requirement: found '(', expected: in, notin, =, ==, !=, gt, lt" },
    { text: '=b', error: "found '=', expected: !, identifier, or 'end of string'" },
    { text: 'a b', error: "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt" },
    { text: '!', error: "unable to parse requirement: found '', expected: identifier" },
    { text: 'a in (', error: "unable to parse requirement: found '', expected: ',', ')' or identifier" },
    {
      text: '-a',
      error:
        "unable to parse requirement: <nil>: Invalid value: \"-a\": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')",
    },
    {
      text: 'a=-b',
      error:
        "unable to parse requirement: values[0][a]: Invalid value: \"-b\": a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')",
    },
    {
      text: 'a>x',
      error:
        "unable to parse requirement: values[0]: Invalid value: \"x\": for 'Gt', 'Lt' operators, the value must be an integer",
    },
    { text: 'a,,b', error: "found ',', expected: identifier after ','" },
    { text: 'a in (b c)', error: "unable to parse requirement: found 'c', expected: ',' or ')'" },
    { text: '!a=b', error: "found '=', expected: ',' or 'end of string'" },
    { text: 'a!b', error: "unable to parse requirement: found '!', expected: in, notin, =, ==, !=, gt, lt" },
    {
      text: 'a/b/c',
      error:
        "unable to parse requirement: <nil>: Invalid value: \"a/b/c\": a valid label key must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]') with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')",
    },
    { text: '/a', error: 'unable to parse requirement: <nil>: Invalid value: "/a": prefix part must be non-empty' },
  ])('refuses $text in the words of an API server', ({ text, error }) => {
    expect(parseLabelSelector(text)).toEqual({ error })
  })

  it('is written in a fixed order, and means the same when it is read', () => {
    expect(
      labelSelectorText({
        matchLabels: { b: '1', a: '2' },
        matchExpressions: [
          { key: 'd', operator: 'In', values: ['y', 'x'] },
          { key: 'c', operator: 'Exists' },
        ],
      }),
    ).toBe('a=2,b=1,c,d in (x,y)')
    const key = fc.constantFrom('a', 'b', 'example.com/c')
    const values = fc.uniqueArray(fc.constantFrom('x', 'y', 'z'), { minLength: 1 })
    const expression = fc.oneof(
      fc.record({ key, operator: fc.constantFrom('In', 'NotIn'), values }),
      fc.record({ key, operator: fc.constantFrom('Exists', 'DoesNotExist') }),
    )
    const anyLabels = fc.dictionary(key, fc.constantFrom('x', 'y', 'z'))
    fc.assert(
      fc.property(fc.array(expression, { maxLength: 3 }), anyLabels, (matchExpressions, labels) => {
        const selector = { matchExpressions }
        const parsed = parseLabelSelector(labelSelectorText(selector))
        const read = 'error' in parsed ? undefined : parsed.every((r) => labelRequirementMatches(r, labels))
        expect(read).toBe(labelSelectorMatches(selector, labels))
      }),
    )
  })
})
