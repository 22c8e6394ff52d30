import { minutes, seconds } from '@plimsoll/model'
import { describe, expect, it } from 'vitest'
import { isReady, Laboratory } from './laboratory.ts'

async function run(seed: string): Promise<{ readonly lab: Laboratory; readonly lines: readonly string[] }> {
  const lab = new Laboratory({ seed, nodegroups: [{ name: 'ng1', minSize: 3, maxSize: 6, desiredSize: 3 }] })
  await lab.start()
  await lab.run(minutes(5))
  expect((await lab.nodes()).filter(isReady)).toHaveLength(3)
  const { lines } = lab.autoscale()
  await lab.run(minutes(1))
  await lab.deployment('web', 1)
  await lab.run(seconds(20))
  await lab.scale('web', 18)
  await lab.run(minutes(3))
  expect(await lab.desired('ng1')).toBe(6)
  expect((await lab.nodes()).filter(isReady)).toHaveLength(6)
  expect((await lab.pods()).filter((pod) => pod.status?.phase === 'Running')).toHaveLength(18)
  await lab.scale('web', 1)
  await lab.run(minutes(15))
  expect(await lab.nodes()).toHaveLength(3)
  expect(await lab.desired('ng1')).toBe(3)
  return { lab, lines }
}

describe('the workshop', () => {
  it('grows from 3 nodes to 6 for 18 pods and goes back after the delay; equal seeds give equal logs', async () => {
    const { lab, lines } = await run('a')
    const group = lab.groupNames['ng1']!
    const said = (text: string): boolean => lines.some((line) => line.endsWith(`] ${text}`))
    expect(said(`Best option to resize: ${group}`)).toBe(true)
    expect(said(`Estimated 3 nodes needed in ${group}`)).toBe(true)
    expect(said(`Final scale-up plan: [{${group} 3->6 (max: 6)}]`)).toBe(true)
    expect(said(`Scale-up: setting group ${group} size to 6`)).toBe(true)
    expect(said(`Setting asg ${group} size to 6`)).toBe(true)
    expect(said('Scale-down: waiting 5s before trying to delete nodes')).toBe(true)
    const triggered = await lab.events('TriggeredScaleUp')
    expect(triggered).toHaveLength(9)
    expect(triggered[0]!.message).toBe(`pod triggered scale-up: [{${group} 3->6 (max: 6)}]`)
    expect(await lab.events('ScaleDownEmpty')).toHaveLength(6)
    expect((await run('a')).lines).toEqual(lines)
  })
})
