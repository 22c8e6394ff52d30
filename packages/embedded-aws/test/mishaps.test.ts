import type * as Ec2 from '@aws-sdk/client-ec2'
import { minutes, seconds } from '@plimsoll/model'
import { describe, expect, it } from 'vitest'
import { groupOf, laboratory, type Laboratory } from './laboratory.ts'

interface Watched extends Laboratory {
  readonly id: string
  readonly providerId: string
  readonly machines: ReturnType<Laboratory['aws']['machines']>
  /** What a watcher is told about the instance. */
  readonly told: string[]
}

async function watched(): Promise<Watched> {
  const lab = laboratory()
  const machines = lab.aws.machines()
  const { members } = await groupOf(lab)
  const { id, zone } = members[0]!
  const providerId = `aws:///ap-northeast-2${zone}/${id}`
  const told: string[] = []
  const began = lab.clock.now()
  const tell = (about: string, what: string): void => {
    if (about === providerId) told.push(`${(lab.clock.now() - began) / 1000} ${what}`)
  }
  machines.watch({
    started: () => {},
    halted: (about, how) => tell(about, how),
    vanished: (about) => tell(about, 'vanished'),
    noticed: (about, notice) => tell(about, notice),
  })
  return { ...lab, id, providerId, machines, told }
}

const stateOf = async (lab: Watched): Promise<{ state: string; reason: string | undefined }> => {
  const { Reservations } = await lab.api.call('ec2', 'DescribeInstances', { InstanceIds: [lab.id] })
  const { State, StateReason } = Reservations![0]!.Instances![0]!
  return { state: State!.Name!, reason: StateReason?.Code }
}

describe('what befalls an instance', () => {
  it('vanishes: at once, and its group makes another', async () => {
    const lab = await watched()
    lab.machines.befall!(lab.providerId, { kind: 'terminate' })
    expect(lab.told).toEqual(['0 terminated', '0 vanished'])
    expect(lab.machines.state(lab.providerId)).toBe('missing')
    expect(await stateOf(lab)).toEqual({ state: 'terminated', reason: 'Server.InternalError' })
    await lab.run(300)
    const { members } = await groupOf(lab)
    expect(members).toHaveLength(3)
    expect(members.map((member) => member.id)).not.toContain(lab.id)
  })

  it('stops', async () => {
    const lab = await watched()
    lab.machines.befall!(lab.providerId, { kind: 'stop' })
    expect(lab.told).toEqual(['0 stopped'])
  })

  it('spot capacity is taken back when its notice has passed, after a recommendation if so wished', async () => {
    const lab = await watched()
    lab.machines.befall!(lab.providerId, { kind: 'spotInterruption', notice: minutes(2), rebalance: minutes(5) })
    await lab.run(600)
    expect(lab.told.slice(0, 3)).toEqual(['0 rebalance', '300 spotInterruption', '420 terminated'])
    expect((await stateOf(lab)).reason).toBe('Server.SpotInstanceTermination')
  })

  it('is retired: an event that can be read, then a stop', async () => {
    const lab = await watched()
    lab.machines.befall!(lab.providerId, { kind: 'retirement', after: minutes(10) })
    const filters = { Filters: [{ Name: 'event.code', Values: ['instance-retirement'] }] }
    const call = { requestId: lab.aws.requestId(), accessKey: '' }
    const { InstanceStatuses } = (await lab.aws.invoke(
      'ec2',
      'DescribeInstanceStatus',
      filters,
      call,
    )) as Ec2.DescribeInstanceStatusResult
    expect(InstanceStatuses!.map((status) => status.InstanceId)).toEqual([lab.id])
    expect(InstanceStatuses![0]!.Events![0]).toMatchObject({
      Code: 'instance-retirement',
      NotBefore: new Date(lab.clock.now() + minutes(10)),
    })
    await lab.run(601)
    expect(lab.told).toEqual(['0 retirement', '600 stopped'])
  })

  it('nothing more, once it is gone', async () => {
    const lab = await watched()
    lab.machines.befall!(lab.providerId, { kind: 'spotInterruption', notice: minutes(2) })
    lab.machines.befall!(lab.providerId, { kind: 'terminate' })
    lab.machines.befall!(lab.providerId, { kind: 'stop' })
    lab.machines.befall!('aws:///ap-northeast-2a/i-00000000000000000', { kind: 'terminate' })
    await lab.clock.runFor(seconds(300))
    expect(lab.told).toEqual(['0 spotInterruption', '0 terminated', '0 vanished'])
  })
})

describe('a machine', () => {
  it('tells its tags, and how many pods can have addresses', async () => {
    const lab = laboratory()
    await lab.api.call('autoscaling', 'CreateOrUpdateTags', {
      Tags: [
        {
          ResourceId: lab.group,
          ResourceType: 'auto-scaling-group',
          Key: 'plimsoll.dev/fault',
          Value: 'never-registers',
          PropagateAtLaunch: true,
        },
      ],
    })
    const faults: (string | undefined)[] = []
    lab.aws.machines().watch({
      started: (machine) => {
        expect(machine.podAddressesMax).toBe(15)
        faults.push(machine.tags!['plimsoll.dev/fault'])
      },
      halted: () => {},
    })
    const { members } = await groupOf(lab)
    await lab.api.call('ec2', 'TerminateInstances', { InstanceIds: [members[0]!.id] })
    await lab.run(300)
    expect(faults).toEqual([undefined, undefined, undefined, 'never-registers'])
  })
})
