import type { Taint, Toleration } from '@plimsoll/model'
import { describe, expect, it } from 'vitest'
import { testNode } from './test-objects.ts'
import { toleratesTaint, toleratesUnschedulable, untoleratedTaint } from './toleration.ts'

const taint = (value?: string, effect = 'NoSchedule', key = 'k'): Taint =>
  value === undefined ? { key, effect } : { key, value, effect }

describe('a toleration', () => {
  it.each<[Toleration, Taint, boolean]>([
    [{ key: 'k', operator: 'Equal', value: 'v', effect: 'NoSchedule' }, taint('v'), true],
    [{ key: 'k', value: 'v' }, taint('v'), true],
    [{ key: 'k', operator: '', value: 'v', effect: '' }, taint('v', 'NoExecute'), true],
    [{ key: 'k', value: 'v' }, taint('w'), false],
    [{ key: 'k', value: '' }, taint(), true],
    [{ key: 'k' }, taint('v'), false],
    [{ key: 'k', operator: 'Exists' }, taint('v'), true],
    [{ key: 'l', operator: 'Exists' }, taint('v'), false],
    [{ operator: 'Exists' }, taint('v', 'NoExecute'), true],
    [{ operator: 'Exists', effect: 'NoExecute' }, taint('v'), false],
    [{ key: 'k', operator: 'NotIn', value: 'v' }, taint('w'), false],
    // Comparisons are off unless asked for.
    [{ key: 'k', operator: 'Gt', value: '5' }, taint('6'), false],
    [{ key: 'k', operator: 'Lt', value: '5' }, taint('4'), false],
  ])('%# %o covers %o: %s', (toleration, on, covered) => {
    expect(toleratesTaint([toleration], on)).toBe(covered)
  })

  it.each([
    // The taint is compared with the toleration, strictly.
    ['Gt', '5', '6', true],
    ['Gt', '5', '5', false],
    ['Gt', '5', '4', false],
    ['Lt', '5', '4', true],
    ['Lt', '5', '5', false],
    ['Lt', '-5', '-6', true],
    ['Gt', '-5', '0', true],
    ['Gt', '9', '10', true],
    // Where doubles see no difference.
    ['Gt', '9223372036854775806', '9223372036854775807', true],
    ['Lt', '-9223372036854775807', '-9223372036854775808', true],
    // Out of int64, or not as a person writes it: no match on either side.
    ['Lt', '9223372036854775808', '1', false],
    ['Gt', '1', '9223372036854775808', false],
    ['Gt', '-9223372036854775809', '1', false],
    ['Gt', '05', '6', false],
    ['Gt', '5', '06', false],
    ['Gt', '+5', '6', false],
    ['Gt', '5', '+6', false],
    ['Gt', '-0', '6', false],
    ['Lt', '5', '-0', false],
    ['Lt', '5', '-', false],
    ['Gt', '5.0', '6', false],
    ['Gt', '5', '6.5', false],
    ['Gt', '5', '', false],
    ['Gt', '', '6', false],
    ['Gt', '5', undefined, false],
    ['Gt', undefined, '6', false],
    ['Gt', '0x5', '6', false],
    ['Gt', '5', ' 6', false],
  ])('with comparisons, %s %s covers %s: %s', (operator, value, found, covered) => {
    const toleration: Toleration = { key: 'k', operator, value }
    expect(toleratesTaint([toleration], taint(found), { comparisons: true })).toBe(covered)
    expect(toleratesTaint([toleration], taint(found))).toBe(false)
    // Key and effect are asked as ever.
    expect(toleratesTaint([{ ...toleration, key: 'l' }], taint(found), { comparisons: true })).toBe(false)
    expect(toleratesTaint([{ ...toleration, effect: 'NoExecute' }], taint(found), { comparisons: true })).toBe(false)
  })
})

describe('the first taint that keeps a pod off', () => {
  const node = testNode('n', {
    taints: [taint('1', 'PreferNoSchedule', 'a'), taint('2', 'NoSchedule', 'b'), taint('3', 'NoExecute', 'c')],
  })
  it.each<[readonly Toleration[] | undefined, boolean, string | undefined]>([
    [undefined, false, 'b'],
    [[{ key: 'b', operator: 'Exists' }], false, 'c'],
    [
      [
        { key: 'b', operator: 'Exists' },
        { key: 'c', value: '3' },
      ],
      false,
      undefined,
    ],
    [[{ operator: 'Gt', key: 'b', value: '1' }], false, 'b'],
    [[{ operator: 'Gt', key: 'b', value: '1' }], true, 'c'],
  ])('%# %o, comparisons %s: %s', (tolerations, comparisons, key) => {
    expect(untoleratedTaint(node, tolerations, { comparisons })?.key).toBe(key)
  })

  it('is that of a cordoned node, for whom it is not tolerated', () => {
    expect(toleratesUnschedulable(undefined)).toBe(false)
    expect(toleratesUnschedulable([{ key: 'node.kubernetes.io/unschedulable', operator: 'Exists' }])).toBe(true)
    expect(toleratesUnschedulable([{ operator: 'Exists', effect: 'NoExecute' }])).toBe(false)
  })
})
