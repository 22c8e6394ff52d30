import { describe, expect, it } from 'vitest'
import { binpackingEstimate } from './cluster-autoscaler-estimate.ts'
import { filterOutSchedulable, untilPassingNode } from './cluster-autoscaler-filter.ts'
import { runOnceScaleDown, runOnceScaleUp } from './cluster-autoscaler-loop.ts'
import { removalWhatIf } from './cluster-autoscaler-removal.ts'
import { snapshotMemory, snapshotOperations } from './snapshot-operations.ts'

describe("upstream's benchmarks of Cluster Autoscaler, small", () => {
  it.each([
    {
      bench: binpackingEstimate,
      answer: '26 nodes, 510 pods; 25 nodes, 500 pods; 11 nodes, 100 pods; 25 nodes, 25 pods; 10 nodes, 200 pods',
    },
    { bench: filterOutSchedulable, answer: '50 of 50, 50 of 50, 50 of 50, 3000 of 3000, 600 of 600, 600 of 600' },
    { bench: untilPassingNode, answer: 'large' },
    { bench: runOnceScaleUp, answer: 'target 10' },
    { bench: runOnceScaleDown, answer: '12 of 20 marked' },
    { bench: snapshotOperations, answer: '1 30 10 300 100 3000' },
    { bench: snapshotMemory, answer: '1500 1500' },
  ])('$bench.name', async ({ bench, answer }) => {
    expect((await bench.run('small')).answer).toBe(answer)
  })

  it('removal what-ifs', async () => {
    const first = await removalWhatIf.run('small')
    expect(first.answer).toMatch(/^3 of 3 one by one, 90 pods of 3 nodes at once;/)
    expect((await removalWhatIf.run('small')).answer).toBe(first.answer)
  })
})
