import { seconds } from '@plimsoll/model'
import type { AwsError } from '@plimsoll/ports'
import { describe, expect, it } from 'vitest'
import { activitiesOf, groupOf, laboratory, membersByZone, type Laboratory } from './laboratory.ts'

function update(
  lab: Laboratory,
  change: { MinSize?: number; MaxSize?: number; DesiredCapacity?: number },
): Promise<unknown> {
  return lab.api.call('autoscaling', 'UpdateAutoScalingGroup', { AutoScalingGroupName: lab.group, ...change })
}

function setDesired(lab: Laboratory, DesiredCapacity: number): Promise<unknown> {
  return lab.api.call('autoscaling', 'SetDesiredCapacity', { AutoScalingGroupName: lab.group, DesiredCapacity })
}

function terminate(lab: Laboratory, InstanceId: string, ShouldDecrementDesiredCapacity: boolean): Promise<unknown> {
  return lab.api.call('autoscaling', 'TerminateInstanceInAutoScalingGroup', {
    InstanceId,
    ShouldDecrementDesiredCapacity,
  })
}

const startedAt = '2026-11-23T09:00:00Z'

describe('growing', () => {
  it('goes from 3 to 6 in balanced zones, through Pending, with the documented activities', async () => {
    const lab = laboratory({ maxSize: 6 })
    await setDesired(lab, 6)
    expect((await groupOf(lab)).members).toHaveLength(3)
    await lab.run(8)
    expect((await groupOf(lab)).members.map((m) => m.lifecycle)).toEqual([
      'InService',
      'InService',
      'InService',
      'Pending',
      'Pending',
      'Pending',
    ])
    await lab.run(40)
    expect(await membersByZone(lab)).toEqual({ a: 2, b: 2, c: 2 })
    const [newest] = await activitiesOf(lab)
    expect(newest!.status).toBe('Successful')
    expect(newest!.description).toMatch(/^Launching a new EC2 instance: i-0[0-9a-f]{16}$/)
    expect(newest!.cause).toMatch(
      new RegExp(
        `^At ${startedAt} a user request explicitly set group desired capacity changing the desired capacity from 3 to 6\\.  At 2026-11-23T09:00:0\\dZ an instance was started in response to a difference between desired and actual capacity, increasing the capacity from 3 to 6\\.$`,
      ),
    )
  })

  it('gives the instances the tags of the group and the template', async () => {
    const lab = laboratory()
    const { Reservations } = await lab.api.call('ec2', 'DescribeInstances', {
      Filters: [{ Name: 'tag:aws:autoscaling:groupName', Values: [lab.group] }],
    })
    expect(Reservations).toHaveLength(3)
    expect(Object.fromEntries(Reservations![0]!.Instances![0]!.Tags!.map((tag) => [tag.Key, tag.Value]))).toMatchObject(
      {
        Name: 'myeks-ng1-Node',
        'eks:cluster-name': 'myeks',
        'eks:nodegroup-name': 'ng1',
        'k8s.io/cluster-autoscaler/enabled': 'true',
        'k8s.io/cluster-autoscaler/myeks': 'owned',
        'aws:ec2launchtemplate:version': '1',
      },
    )
  })

  it('tries the other zones when one is dry', async () => {
    const lab = laboratory({ maxSize: 6 })
    lab.aws.faults.setCapacity({ zone: 'ap-northeast-2a' }, 0)
    await setDesired(lab, 6)
    await lab.run(60)
    expect((await groupOf(lab)).members.filter((m) => m.lifecycle === 'InService')).toHaveLength(6)
    const failed = (await activitiesOf(lab)).filter((a) => a.status === 'Failed')
    expect(failed[0]!.description).toMatch(
      /^Launching a new EC2 instance\.  Status Reason: We currently do not have sufficient t3\.medium capacity in the Availability Zone you requested \(ap-northeast-2a\)\..* choosing ap-northeast-2b, ap-northeast-2c, ap-northeast-2d\. Launching EC2 instance failed\.$/,
    )
  })

  it('keeps the desired capacity and retries with growing pauses when all zones are dry, until there is room', async () => {
    const lab = laboratory({ maxSize: 4 })
    lab.aws.faults.setCapacity({ instanceType: 't3.medium' }, 0)
    await setDesired(lab, 4)
    await lab.run(20)
    const failedAfter = async (): Promise<number> =>
      (await activitiesOf(lab)).filter((a) => a.status === 'Failed').length
    expect(await failedAfter()).toBe(3)
    await lab.run(30)
    expect(await failedAfter()).toBe(6)
    await lab.run(30)
    expect(await failedAfter()).toBe(6)
    expect(await groupOf(lab)).toMatchObject({ desired: 4, members: { length: 3 } })
    lab.aws.faults.setCapacity({ instanceType: 't3.medium' }, undefined)
    await lab.run(120)
    expect((await groupOf(lab)).members).toHaveLength(4)
  })
})

describe('bounds', () => {
  it.each([
    {
      when: 'desired above max',
      change: { DesiredCapacity: 7, MaxSize: 6 },
      says: 'Desired capacity:7 must be between the specified min size:3 and max size:6',
    },
    {
      when: 'desired below min',
      change: { DesiredCapacity: 2 },
      says: 'Desired capacity:2 must be between the specified min size:3 and max size:3',
    },
    {
      when: 'max below min',
      change: { MaxSize: 1, MinSize: 2 },
      says: 'Max bound, 1, must be greater than or equal to min bound, 2',
    },
  ])('update refuses $when', async ({ change, says }) => {
    const lab = laboratory()
    await expect(update(lab, change)).rejects.toMatchObject({ code: 'ValidationError', message: says, httpStatus: 400 })
    expect(await groupOf(lab)).toMatchObject({ min: 3, max: 3, desired: 3 })
  })

  it.each([
    { desired: 5, says: 'New SetDesiredCapacity value 5 is above max value 3 for the AutoScalingGroup.' },
    { desired: 1, says: 'New SetDesiredCapacity value 1 is below min value 3 for the AutoScalingGroup.' },
  ])('SetDesiredCapacity refuses $desired', async ({ desired, says }) => {
    await expect(setDesired(laboratory(), desired)).rejects.toThrow(says)
  })

  it.each([
    { when: 'a higher minimum raises it', change: { MinSize: 5, MaxSize: 6 }, desired: 5 },
    { when: 'a lower maximum lowers it', change: { MinSize: 1, MaxSize: 2 }, desired: 2 },
    { when: 'it stays between them', change: { MinSize: 0, MaxSize: 9 }, desired: 3 },
  ])('desired follows the bounds: $when', async ({ change, desired }) => {
    const lab = laboratory()
    await update(lab, change)
    expect((await groupOf(lab)).desired).toBe(desired)
    await lab.run(300)
    expect((await groupOf(lab)).members).toHaveLength(desired)
  })

  it('an unknown group is not found', async () => {
    await expect(
      laboratory().api.call('autoscaling', 'SetDesiredCapacity', { AutoScalingGroupName: 'x', DesiredCapacity: 1 }),
    ).rejects.toMatchObject({ code: 'ValidationError', message: 'AutoScalingGroup name not found - null' })
  })
})

describe('shrinking', () => {
  it('takes from the fullest zones, oldest first there, and skips the protected', async () => {
    const lab = laboratory({ maxSize: 6, desiredSize: 3 })
    await setDesired(lab, 5)
    await lab.run(60)
    const before = await groupOf(lab)
    const crowded = ['a', 'b', 'c'].filter((zone) => before.members.filter((m) => m.zone === zone).length === 2)
    const spared = before.members.find((m) => m.zone === crowded[0])!
    await lab.aws.invoke(
      'autoscaling',
      'SetInstanceProtection',
      { AutoScalingGroupName: lab.group, InstanceIds: [spared.id], ProtectedFromScaleIn: true },
      { requestId: 'r', accessKey: '' },
    )
    await setDesired(lab, 3)
    await lab.run(300)
    expect(await membersByZone(lab)).toEqual({ a: 1, b: 1, c: 1 })
    const left = (await groupOf(lab)).members.map((m) => m.id)
    expect(left).toContain(spared.id)
    const oldest = before.members.find((m) => m.zone === crowded[1])!
    expect(left).not.toContain(oldest.id)
    expect((await activitiesOf(lab))[0]!.cause).toMatch(
      /shrinking the capacity from 5 to 3\.  At \S+Z instance i-\w+ was selected for termination\.$/,
    )
  })

  it('terminates one named member and lowers the desired capacity', async () => {
    const lab = laboratory({ minSize: 1 })
    const [first] = (await groupOf(lab)).members
    await terminate(lab, first!.id, true)
    expect((await groupOf(lab)).members[0]).toMatchObject({ id: first!.id, lifecycle: 'Terminating' })
    expect((await groupOf(lab)).desired).toBe(2)
    expect((await activitiesOf(lab))[0]).toMatchObject({
      status: 'InProgress',
      cause: `At ${startedAt} instance ${first!.id} was taken out of service in response to a user request, shrinking the capacity from 3 to 2.`,
    })
    await lab.run(200)
    expect((await groupOf(lab)).members.map((m) => m.id)).not.toContain(first!.id)
    expect((await activitiesOf(lab))[0]!.status).toBe('Successful')
  })

  it('replaces the named member when the desired capacity stays', async () => {
    const lab = laboratory()
    const [first] = (await groupOf(lab)).members
    await terminate(lab, first!.id, false)
    await lab.run(300)
    const after = await groupOf(lab)
    expect(after.desired).toBe(3)
    expect(after.members).toHaveLength(3)
    expect(after.members.map((m) => m.id)).not.toContain(first!.id)
  })

  it('refuses to go below the minimum, and instances of no group', async () => {
    const lab = laboratory()
    const [first] = (await groupOf(lab)).members
    await expect(terminate(lab, first!.id, true)).rejects.toThrow(
      "Currently, desiredSize equals minSize (3). Terminating instance without replacement will violate group's min size constraint. Either set shouldDecrementDesiredCapacity flag to false or lower group's min size.",
    )
    await expect(terminate(lab, 'i-00000000000000000', true)).rejects.toThrow(
      'Instance Id not found - No managed instance found for instance ID i-00000000000000000',
    )
  })
})

describe('healing', () => {
  it('replaces a member that was terminated behind its back', async () => {
    const lab = laboratory()
    const [first] = (await groupOf(lab)).members
    await lab.api.call('ec2', 'TerminateInstances', { InstanceIds: [first!.id] })
    await lab.run(2)
    expect((await groupOf(lab)).members[0]).toMatchObject({ id: first!.id, lifecycle: 'InService' })
    await lab.run(300)
    expect(await membersByZone(lab)).toEqual({ a: 1, b: 1, c: 1 })
    const causes = (await activitiesOf(lab)).map((a) => a.cause)
    expect(causes[0]).toMatch(/an instance was launched in response to an unhealthy instance needing to be replaced\.$/)
    expect(causes[1]).toMatch(
      /an instance was taken out of service in response to an EC2 health check indicating it has been terminated or stopped\.$/,
    )
  })

  it('balances the zones after one was emptied, launching before it terminates', async () => {
    const lab = laboratory({ minSize: 1, maxSize: 6 })
    await setDesired(lab, 6)
    await lab.run(60)
    const inZone = (await groupOf(lab)).members.filter((m) => m.zone === 'c')
    for (const member of inZone) await terminate(lab, member.id, true)
    await lab.run(90)
    expect(await membersByZone(lab)).toEqual({ a: 2, b: 2, c: 0 })
    let most = 0
    for (let second = 0; second < 900; second += 5) {
      await lab.run(5)
      most = Math.max(most, (await groupOf(lab)).members.length)
    }
    expect(most).toBe(5)
    const zones = await membersByZone(lab)
    expect(zones['c']).toBe(1)
    expect((await groupOf(lab)).desired).toBe(4)
    expect((await activitiesOf(lab))[0]!.cause).toContain(
      'instances were launched to balance instances in zones ap-northeast-2c',
    )
  })

  it('does neither while the processes are suspended', async () => {
    const lab = laboratory({ minSize: 1, suspendedProcesses: ['AZRebalance', 'ReplaceUnhealthy'] })
    const { members } = await groupOf(lab)
    await lab.api.call('ec2', 'TerminateInstances', { InstanceIds: [members[0]!.id] })
    await lab.run(1200)
    expect((await groupOf(lab)).members.map((m) => m.id)).toEqual(members.map((m) => m.id))
  })
})

describe('deleting', () => {
  it('needs force while there are instances', async () => {
    const lab = laboratory()
    const remove = (ForceDelete: boolean): Promise<unknown> =>
      lab.api.call('autoscaling', 'DeleteAutoScalingGroup', { AutoScalingGroupName: lab.group, ForceDelete })
    await expect(remove(false)).rejects.toMatchObject({ code: 'ResourceInUse' } satisfies Partial<AwsError>)
    await remove(true)
    await lab.run(300)
    const { AutoScalingGroups } = await lab.api.call('autoscaling', 'DescribeAutoScalingGroups', {})
    expect(AutoScalingGroups).toEqual([])
  })
})

describe('time', () => {
  it('stands still: an idle cloud fires no timer in a day', async () => {
    const lab = laboratory({ maxSize: 6 })
    await setDesired(lab, 6)
    await lab.run(3600)
    const { fired } = lab.clock
    await lab.clock.runFor(seconds(86_400))
    expect(lab.clock.fired).toBe(fired)
  })

  it('is the same for the same seed', async () => {
    const story = async (): Promise<string> => {
      const lab = laboratory({ maxSize: 6 })
      await setDesired(lab, 6)
      await lab.run(600)
      return JSON.stringify([await activitiesOf(lab), await groupOf(lab)])
    }
    expect(await story()).toBe(await story())
  })

  it.each([
    { timing: 'instant' as const, within: 0 },
    { timing: 'fast' as const, within: 5 },
  ])('$timing goes through the same states', async ({ timing, within }) => {
    const lab = laboratory({ maxSize: 6 }, { timing })
    const seen: string[] = []
    lab.aws.cloud.instances.onChange((record, before) => seen.push(`${before ?? 'none'}→${record.state}`))
    await setDesired(lab, 4)
    await lab.run(within)
    expect(seen).toEqual(['none→pending', 'pending→running'])
  })
})
