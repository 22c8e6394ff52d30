import type { Device, DeviceClaim, ResourceSlice, ResourceV1ResourceClaim } from '@plimsoll/model'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { testNode } from '../test-objects.ts'
import { DeviceState } from './device-state.ts'
import { isValid, naivelyPossible, reachable, type Choice, type NaiveWorld } from './naive-allocator.ts'
import { cel, claimingPod, testClaim, testClass, testDriver, testSlice } from './test-devices.ts'

const node = testNode('n1')

const meaning: NaiveWorld['meaning'] = {
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
const anySlices: fc.Arbitrary<readonly ResourceSlice[]> = fc
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

const anyClaim: fc.Arbitrary<DeviceClaim> = fc
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

const anyCase = fc.record({
  slices: anySlices,
  /** The first so many are placed before the question is asked. */
  before: fc.nat({ max: 2 }),
  claims: fc.array(anyClaim, { minLength: 1, maxLength: 4 }),
})

function setUp(slices: readonly ResourceSlice[], claims: readonly ResourceV1ResourceClaim[]): DeviceState {
  const state = new DeviceState()
  state.setClass(testClass('any'))
  for (const slice of slices) state.setSlice(slice)
  for (const claim of claims) state.setClaim(claim)
  return state
}

/** Everything that can be observed. */
function portrait(state: DeviceState): unknown {
  const claims = state.claims()
  const ids = state.slices().flatMap(({ spec }) => {
    return (spec.devices ?? []).map((device) => `${spec.driver}/${spec.pool.name}/${device.name}`)
  })
  return [claims, state.slices(), ids.map((id) => [id, state.isTaken(id), state.consumed(id)])]
}

describe('the allocator', () => {
  it('finds devices exactly when some way to give them is right, and gives them rightly', () => {
    const seen = { found: 0, refused: 0, failed: 0 }
    fc.assert(
      fc.property(anyCase, ({ slices, before, claims: specs }) => {
        const claims = specs.map((spec, i) => testClaim(`c${i}`, spec))
        const state = setUp(slices, claims)
        for (let i = 0; i < Math.min(before, claims.length - 1); i++) state.place(claimingPod(`p${i}`, `c${i}`), node)
        const wanted = claims.slice(before).slice(0, 2)
        const world: NaiveWorld = { node, slices, claims: state.claims(), meaning }
        const reason = state.place(claimingPod('asks', ...wanted.map((claim) => claim.metadata.name)), node)?.reason
        // All devices of a pool that lacks a slice cannot be had, and that is an error.
        if (reason?.includes('is currently being updated') === true) {
          seen.failed++
          return
        }
        expect([undefined, 'cannot allocate all claims']).toContain(reason)
        expect(reason === undefined).toBe(naivelyPossible(wanted, world))
        seen[reason === undefined ? 'found' : 'refused']++
        if (reason !== undefined) return
        const choices = wanted.flatMap((claim, i) => choicesOf(state, claim, i, world))
        expect(isValid(choices, wanted, world)).toBe(true)
      }),
      { numRuns: 1500, seed: 20260101 },
    )
    // Each of the three must have happened often, or the property says little.
    for (const times of Object.values(seen)) expect(times).toBeGreaterThan(50)
  })

  it('takes everything back', () => {
    fc.assert(
      fc.property(anyCase, ({ slices, claims: specs }) => {
        const claims = specs.map((spec, i) => testClaim(`c${i}`, spec))
        const pods = claims.map((_, i) => claimingPod(`p${i}`, `c${i}`))
        const state = setUp(slices, claims)
        state.place(pods[0]!, node)
        const first = portrait(state)
        state.fork()
        for (const pod of pods) state.place(pod, node)
        const second = portrait(state)
        state.fork()
        for (const pod of pods) state.release(pod)
        for (const slice of slices) state.removeSlice(slice.metadata.name)
        state.removeClass('any')
        state.removeClaim('default', 'c0')
        state.revert()
        expect(portrait(state)).toEqual(second)
        for (const pod of pods) expect(state.place(pod, node)).toEqual(setUpLike(state).place(pod, node))
        state.revert()
        expect(portrait(state)).toEqual(first)
      }),
      { numRuns: 200, seed: 20260102 },
    )
  })
})

/** A state told all that another knows. */
function setUpLike(state: DeviceState): DeviceState {
  return setUp(state.slices(), state.claims())
}

function choicesOf(
  state: DeviceState,
  { metadata }: ResourceV1ResourceClaim,
  claim: number,
  world: NaiveWorld,
): Choice[] {
  const results = state.claim(metadata.namespace, metadata.name)!.status!.allocation!.devices!.results!
  return results.map((result) => {
    const device = reachable(world).find(
      ({ slice, device }) => slice.spec.pool.name === result.pool && device.name === result.device,
    )!
    return { claim, request: result.request, device }
  })
}
