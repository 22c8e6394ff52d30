import type { Endpoint, EndpointSlice } from '@plimsoll/model'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { planSlices } from './endpoint-plan.ts'

const ports = [{ name: '', port: 80, protocol: 'TCP' }]
const endpoint = (n: number, ready = true): Endpoint => ({
  addresses: [`10.0.0.${n}`],
  conditions: { ready },
  targetRef: { kind: 'Pod', uid: String(n) },
})
const sliceOf = (name: string, numbers: readonly number[]): EndpointSlice =>
  ({ metadata: { name }, addressType: 'IPv4', ports, endpoints: numbers.map((n) => endpoint(n)) }) as never

/** What the slices hold once the plan was carried out. */
function after(slices: readonly EndpointSlice[], wanted: readonly Endpoint[], max: number): (readonly Endpoint[])[] {
  const plan = planSlices(slices, [{ ports, endpoints: wanted }], max)
  const changed = new Map(plan.update.map(({ slice, content }) => [slice, content.endpoints]))
  const kept = slices.filter((slice) => !plan.remove.includes(slice))
  return [...kept.map((slice) => changed.get(slice) ?? slice.endpoints), ...plan.create.map((c) => c.endpoints)]
}

describe('planSlices', () => {
  it('holds each endpoint once, in slices that are neither over-full nor empty', () => {
    const numbers = fc.uniqueArray(fc.nat(30), { maxLength: 20 })
    fc.assert(
      fc.property(numbers, numbers, fc.nat(3), (before, now, offset) => {
        const slices: EndpointSlice[] = []
        for (let i = 0; i < before.length; i += 1 + ((i + offset) % 4)) {
          slices.push(sliceOf(`s${i}`, before.slice(i, i + 1 + ((i + offset) % 4))))
        }
        const result = after(
          slices,
          now.map((n) => endpoint(n, n % 2 === 0)),
          4,
        )
        const held = result.flat().map((e) => `${e.addresses[0]} ${e.conditions!.ready}`)
        expect(held.sort()).toEqual(now.map((n) => `10.0.0.${n} ${n % 2 === 0}`).sort())
        const sizes = result.map((endpoints) => endpoints.length)
        expect(Math.max(...sizes)).toBeLessThanOrEqual(4)
        // What leads nowhere is one empty slice.
        expect(now.length === 0 ? sizes : sizes.filter((size) => size === 0)).toEqual(now.length === 0 ? [0] : [])
      }),
    )
  })

  it('writes one slice when one endpoint goes and another comes', () => {
    const slices = [sliceOf('a', [1, 2, 3]), sliceOf('b', [4, 5, 6]), sliceOf('c', [7, 8, 9])]
    const wanted = [1, 2, 3, 4, 6, 7, 8, 9, 10].map((n) => endpoint(n))
    const plan = planSlices(slices, [{ ports, endpoints: wanted }], 3)
    expect(plan).toMatchObject({ create: [], remove: [] })
    expect(plan.update.map(({ slice }) => slice.metadata.name)).toEqual(['b'])
  })
})
