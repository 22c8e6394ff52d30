import { describe, expect, it } from 'vitest'
import { clusterBoot } from './cluster-boot.ts'

describe('the benchmarks', () => {
  it('boot a small cluster to the same answer twice', async () => {
    const first = await clusterBoot.run('small')
    const second = await clusterBoot.run('small')
    expect(first.answer).toContain('[true,600,')
    expect(second.answer).toBe(first.answer)
  })
})
