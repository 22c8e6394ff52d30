import { describe, expect, it } from 'vitest'
import { clusterBoot } from './cluster-boot.ts'
import { karpenterProvisioning } from './karpenter-provisioning.ts'

describe('the benchmarks', () => {
  it('boot a small cluster to the same answer twice', async () => {
    const first = await clusterBoot.run('small')
    const second = await clusterBoot.run('small')
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
})
