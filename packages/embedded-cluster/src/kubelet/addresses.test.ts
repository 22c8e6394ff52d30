import fc from 'fast-check'
import { expect, it } from 'vitest'
import { AddressPool } from './addresses.ts'

it('no address is held twice, and none is a node’s', () => {
  fc.assert(
    fc.property(fc.array(fc.option(fc.nat(500)), { maxLength: 800 }), (steps) => {
      const pool = new AddressPool()
      const nodes = ['192.168.1.10', '192.168.1.70', '192.168.2.10']
      for (const node of nodes) pool.reserve(node)
      const held: string[] = []
      const givenTwice: string[] = []
      for (const step of steps) {
        if (step === null && held.length > 0) {
          pool.free(held.shift()!)
        } else {
          const address = pool.take(nodes[(step ?? 0) % nodes.length]!)
          if (held.includes(address) || nodes.includes(address)) givenTwice.push(address)
          held.push(address)
        }
      }
      expect(givenTwice).toEqual([])
    }),
    { numRuns: 50 },
  )
})
