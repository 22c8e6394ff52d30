// Random slices and claims for tests.

import type { Device, DeviceClaim, ResourceSlice } from '@plimsoll/model'
import fc from 'fast-check'
import type { NaiveWorld } from './naive-allocator.ts'
import { cel, testDriver, testSlice } from './test-devices.ts'

export const meaning: NaiveWorld['meaning'] = {
  [`device.attributes["${testDriver}"].numa == 1`]: ({ attributes }) => attributes!['numa']!.int === 1,
  [`has(device.attributes["${testDriver}"].model)`]: ({ attributes }) => attributes!['model'] !== undefined,
  'device.allowMultipleAllocations': (device) => device.allowMultipleAllocations === true,
}

const rarely = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.option(arbitrary, { nil: undefined, freq: 2 })

const anyDevice: fc.Arbitrary<Omit<Device, 'name'>> = fc
  .record({
    numa: fc.constantFrom(0, 1),
    model: fc.constantFrom('a', 'b', undefined),
    memory: fc.constantFrom('1Gi', '2Gi', undefined),
    shared: fc.boolean(),
    draws: rarely(fc.constantFrom(1, 2)),
    tainted: fc.constantFrom(false, false, false, true),
  })
  .map(({ numa, model, memory, shared, draws, tainted }) => ({
    attributes: { numa: { int: numa }, ...(model === undefined ? {} : { model: { string: model } }) },
    ...(memory === undefined ? {} : { capacity: { memory: { value: memory, requestPolicy: { default: '512Mi' } } } }),
    ...(shared ? { allowMultipleAllocations: true } : {}),
    ...(draws === undefined
      ? {}
      : { consumesCounters: [{ counterSet: 'set', counters: { slots: { value: String(draws) } } }] }),
    ...(tainted ? { taints: [{ key: 'sick', effect: 'NoSchedule' }] } : {}),
  }))

/** One or two pools: a slice of devices and one of counters each. */
export const anySlices: fc.Arbitrary<readonly ResourceSlice[]> = fc
  .array(
    fc.record({
      devices: fc.array(anyDevice, { minLength: 1, maxLength: 3 }),
      where: fc.constantFrom({ nodeName: 'n1' }, { allNodes: true }, { nodeName: 'n2' }),
      count: fc.constantFrom(2, 2, 2, 3),
    }),
    { minLength: 1, maxLength: 2 },
  )
  .map((pools) =>
    pools.flatMap(({ devices, where, count }, p) => [
      testSlice(`counters-${p}`, {
        ...where,
        pool: `pool-${p}`,
        count,
        sharedCounters: [{ name: 'set', counters: { slots: { value: '3' } } }],
      }),
      testSlice(`devices-${p}`, {
        ...where,
        pool: `pool-${p}`,
        count,
        devices: devices.map((device, d) => ({ ...device, name: `d${d}` })),
      }),
    ]),
  )

const anyAlternative = fc
  .record({
    count: fc.constantFrom(1, 1, 2),
    all: fc.constantFrom(false, false, false, true),
    selector: rarely(fc.constantFrom(...Object.keys(meaning))),
    memory: rarely(fc.constantFrom('256Mi', '1Gi')),
    tolerates: fc.boolean(),
  })
  .map(({ count, all, selector, memory, tolerates }) => ({
    deviceClassName: 'any',
    ...(all ? { allocationMode: 'All' } : { allocationMode: 'ExactCount', count }),
    ...(selector === undefined ? {} : { selectors: [cel(selector)] }),
    ...(memory === undefined ? {} : { capacity: { requests: { memory } } }),
    ...(tolerates ? { tolerations: [{ key: 'sick', operator: 'Exists' }] } : {}),
  }))

const anyRequest = fc.oneof(
  fc
    .record({ one: anyAlternative, admin: fc.constantFrom(false, false, true) })
    .map(({ one, admin }) => ({ exactly: { ...one, ...(admin ? { adminAccess: true } : {}) } })),
  fc.array(anyAlternative, { minLength: 1, maxLength: 2 }).map((alternatives) => ({
    firstAvailable: alternatives.map((alternative, i) => ({ ...alternative, name: `s${i}` })),
  })),
)

export const anyClaim: fc.Arbitrary<DeviceClaim> = fc
  .record({
    requests: fc.array(anyRequest, { minLength: 1, maxLength: 2 }),
    match: fc.boolean(),
    distinct: fc.boolean(),
    requestsOf: fc.constantFrom([], ['r0'], ['r1/s0', 'r0']),
  })
  .map(({ requests, match, distinct, requestsOf }) => {
    const named = requests.map((request, i) => ({ ...request, name: `r${i}` }))
    // Where a request is for all devices a broken constraint is an error, not a refusal.
    const anyAll = JSON.stringify(requests).includes('"All"')
    const constraints = [
      ...(match && !anyAll ? [{ matchAttribute: `${testDriver}/numa`, requests: requestsOf }] : []),
      ...(distinct && !anyAll ? [{ distinctAttribute: `${testDriver}/model`, requests: requestsOf }] : []),
    ]
    return { requests: named, constraints }
  })
