import { seconds } from '@plimsoll/model'
import { describe, expect, it } from 'vitest'
import { laboratory, machine } from './laboratory.ts'

describe('a node', () => {
  it('is seen NotReady first', async () => {
    const lab = await laboratory()
    lab.machines.on(machine(0))
    await lab.clock.runFor(seconds(60))
    const [node] = await lab.nodes()
    console.log(JSON.stringify(node, null, 1))
    for (const e of await lab.events()) console.log(e.lastTimestamp, e.source?.component, e.involvedObject.kind, e.reason, e.message)
    expect(node!.status!.conditions!.at(-1)).toMatchObject({ type: 'Ready', status: 'True' })
    await lab.cluster.stop()
  })
})
