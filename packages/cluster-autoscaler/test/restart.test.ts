import { minutes, seconds } from '@plimsoll/model'
import { describe, expect, it } from 'vitest'
import { deletionCandidateTaint, toBeDeletedTaint } from '../src/nodes/taints.ts'
import { isReady, Laboratory } from './laboratory.ts'
import { Mortality } from './mortality.ts'

const flags = ['--leader-elect=false', '--scale-down-unneeded-time=30s', '--scale-down-delay-after-add=20s', '--v=0']

/** Grows from one node to three, and back; the first process dies somewhere on the way. */
async function live(dieAt: number, when: 'before' | 'after', podsLeft: number): Promise<{ readonly died: boolean }> {
  const lab = new Laboratory({ nodegroups: [{ name: 'ng1', minSize: 1, maxSize: 6, desiredSize: 1 }] })
  await lab.start()
  await lab.run(minutes(3))
  const mortality = new Mortality(dieAt, when)
  lab.autoscale(flags, { kube: (api) => mortality.kube(api), aws: (api) => mortality.aws(api) })
  let succeeded = false
  const runFor = async (duration: number): Promise<void> => {
    for (let left = duration; left > 0; left -= 10) {
      await lab.run(seconds(10))
      if (!mortality.dead || succeeded) continue
      succeeded = true
      lab.autoscale(flags)
    }
  }
  await runFor(20)
  mortality.armed = true
  await lab.deployment('web', 9)
  await runFor(150)
  expect(await lab.desired('ng1')).toBe(3)
  expect((await lab.nodes()).filter(isReady)).toHaveLength(3)
  expect((await lab.pods()).filter((pod) => pod.status?.phase === 'Running')).toHaveLength(9)
  await lab.scale('web', podsLeft)
  await runFor(podsLeft === 1 ? 240 : 480)
  expect(await lab.desired('ng1')).toBe(1)
  expect(await lab.launches('ng1')).toBe(3)
  const nodes = await lab.nodes()
  expect(nodes.filter(isReady)).toHaveLength(1)
  const left = nodes.flatMap((node) => node.spec.taints ?? []).map((taint) => taint.key)
  expect(left).not.toContain(toBeDeletedTaint)
  expect(left).not.toContain(deletionCandidateTaint)
  expect(nodes[0]!.spec.unschedulable).toBeUndefined()
  expect((await lab.pods()).filter((pod) => pod.status?.phase === 'Running')).toHaveLength(podsLeft)
  return { died: mortality.dead }
}

describe('killed at any call and started again', () => {
  it.each([
    { when: 'before', podsLeft: 1 },
    { when: 'after', podsLeft: 1 },
    { when: 'before', podsLeft: 3 },
    { when: 'after', podsLeft: 3 },
  ] as const)('dying $when the call was carried out, with $podsLeft pods left, it comes to the same end', async (o) => {
    let deaths = 0
    while ((await live(deaths + 1, o.when, o.podsLeft)).died) deaths++
    expect(deaths).toBeGreaterThan(10)
  })
})
