import { describe, expect, it } from 'vitest'
import { devices } from './cluster-autoscaler-devices.ts'
import { boot } from './cluster-boot.ts'
import { karpenterProvisioning } from './karpenter-provisioning.ts'
import { proportionalAutoscaler } from './proportional-autoscaler.ts'

describe('the benchmarks', () => {
  it('boot a small cluster to the same answer twice', async () => {
    const first = await boot(20)
    const second = await boot(20)
    expect(first.answer).toContain('[true,600,')
    expect(second.answer).toBe(first.answer)
  })

  const packing = karpenterProvisioning.filter(({ name }) => / 50 | 500 |preference/.test(name))
  it.each(packing.map((bench) => [bench.name, bench] as const))(
    'place all pods of a small %s, the same way twice',
    async (_, bench) => {
      const first = await bench.run('small')
      expect(first.figures.unplaced).toBe(0)
      expect(first.figures.nodes).toBeGreaterThan(0)
      expect((await bench.run('small')).answer).toBe(first.answer)
    },
  )

  it('allocate the same devices twice', async () => {
    const first = await devices.run('small')
    // Two of the five rounds keep what they did; a node takes a hundred pods.
    expect(first.answer).toBe('856 claims allocated; 10 nodes')
    expect((await devices.run('small')).answer).toBe(first.answer)
  })

  it('scale once for each change of the result', async () => {
    expect((await proportionalAutoscaler.at(-1)!.run('small')).answer).toBe('100 nodes, 20 writes')
  })
})
