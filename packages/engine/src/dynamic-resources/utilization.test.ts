import type { Device, ResourceV1ResourceClaim } from '@plimsoll/model'
import { describe, expect, it } from 'vitest'
import { DeviceState } from './device-state.ts'
import { testClaim, testDriver, testSlice } from './test-devices.ts'
import { deviceUtilization } from './utilization.ts'

function holding(name: string, pool: string, devices: readonly string[], admin = false): ResourceV1ResourceClaim {
  const results = devices.map((device) => ({
    request: 'r',
    driver: testDriver,
    pool,
    device,
    ...(admin ? { adminAccess: true } : {}),
  }))
  return { ...testClaim(name), status: { allocation: { devices: { results } } } }
}

function utilization(
  slices: readonly Parameters<typeof testSlice>[1][],
  claims: readonly ResourceV1ResourceClaim[],
): ReturnType<typeof deviceUtilization> {
  const state = new DeviceState()
  slices.forEach((slice, i) => state.setSlice(testSlice(`s${i}`, { nodeName: 'n1', ...slice })))
  for (const claim of claims) state.setClaim(claim)
  return deviceUtilization('n1', state)
}

const ten = Array.from({ length: 10 }, (_, i) => `d${i}`)
const resource = `${testDriver}/p`

/** A piece of hardware with two halves. */
function half(name: string, set: string, memory: string, cycles: string): Device {
  const counters = { memory: { value: memory }, cycles: { value: cycles } }
  return { name, consumesCounters: [{ counterSet: set, counters }] }
}
const counterSet = (name: string): NonNullable<Parameters<typeof testSlice>[1]['sharedCounters']>[number] => ({
  name,
  counters: { memory: { value: '40Gi' }, cycles: { value: '100' } },
})

describe('utilization of devices', () => {
  it.each<{
    what: string
    slices: readonly Parameters<typeof testSlice>[1][]
    claims: readonly ResourceV1ResourceClaim[]
    gives: ReturnType<typeof deviceUtilization>
  }>([
    { what: 'a node without devices has none', slices: [], claims: [], gives: undefined },
    {
      what: 'is the share of devices that are taken',
      slices: [{ pool: 'p', devices: ten }],
      claims: [holding('a', 'p', ['d0', 'd1']), holding('b', 'p', ['d2', 'd3', 'd4', 'd5'])],
      gives: { resource, share: 0.6 },
    },
    {
      what: 'is that of the pool used most',
      slices: [
        { pool: 'o', devices: ten },
        { pool: 'p', devices: ten },
      ],
      claims: [holding('a', 'o', ['d0']), holding('b', 'p', ['d0', 'd1'])],
      gives: { resource, share: 0.2 },
    },
    {
      what: 'looks at the newest generation',
      slices: [
        { pool: 'p', devices: ten, generation: 1, count: 3 },
        { pool: 'p', devices: ['d0', 'd1'], generation: 2 },
      ],
      claims: [holding('a', 'p', ['d0'])],
      gives: { resource, share: 0.5 },
    },
    {
      what: 'cannot be told of a pool in the making',
      slices: [{ pool: 'p', devices: ten, generation: 7, count: 3 }],
      claims: [],
      gives: { problem: 'pool "p" error: newest generation: 7, slice count: 3 - found only 1 slices' },
    },
    {
      what: "does not count an administrator's looks",
      slices: [{ pool: 'p', devices: ten }],
      claims: [holding('a', 'p', ['d0'], true)],
      gives: { resource, share: 0 },
    },
    {
      what: 'of partitions is that of the scarcest counter, over all pieces of hardware',
      slices: [
        { pool: 'p', count: 2, sharedCounters: [counterSet('one'), counterSet('two')] },
        {
          pool: 'p',
          count: 2,
          devices: [half('a', 'one', '20Gi', '60'), half('b', 'one', '20Gi', '40'), half('c', 'two', '40Gi', '100')],
        },
      ],
      claims: [holding('x', 'p', ['a'])],
      gives: { resource, share: 0.3 },
    },
  ])('$what', ({ slices, claims, gives }) => {
    expect(utilization(slices, claims)).toEqual(gives)
  })
})
