import type { ResourceSlice, ResourceV1ResourceClaim } from '@plimsoll/model'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { testNode } from '../test-objects.ts'
import { DeviceState } from './device-state.ts'
import { isValid, naivelyPossible, reachable, type Choice, type NaiveWorld } from './naive-allocator.ts'
import { anyClaim, anySlices, meaning } from './random-devices.ts'
import { claimingPod, testClaim, testClass } from './test-devices.ts'

const node = testNode('n1')

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
