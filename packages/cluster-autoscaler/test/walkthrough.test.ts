import { minutes, seconds } from '@plimsoll/model'
import { describe, expect, it } from 'vitest'
import { isReady, Laboratory } from './laboratory.ts'

describe('the workshop', () => {
  it('grows from 3 nodes to 6 for 18 pods, and goes back after the delay', async () => {
    const lab = new Laboratory({ nodegroups: [{ name: 'ng1', minSize: 3, maxSize: 6, desiredSize: 3 }] })
    await lab.start()
    await lab.run(minutes(5))
    expect((await lab.nodes()).filter(isReady)).toHaveLength(3)
    const autoscaler = lab.autoscale()
    await lab.run(minutes(1))
    await lab.deployment('web', 1)
    await lab.run(seconds(20))
    await lab.scale('web', 18)
    await lab.run(minutes(3))
    expect(await lab.desired('ng1')).toBe(6)
    expect((await lab.nodes()).filter(isReady)).toHaveLength(6)
    expect((await lab.pods()).filter((pod) => pod.status?.phase === 'Running')).toHaveLength(18)
    await lab.scale('web', 1)
    autoscaler.lines.length = 0
    await lab.run(minutes(15))
    console.log(autoscaler.lines.filter((line) => !/Skipping|Calculating|No unsch/.test(line)).slice(-150).join('\n'))
    expect(await lab.nodes()).toHaveLength(3)
    expect(await lab.desired('ng1')).toBe(3)
  })
})
