// A cloud that goes on from a journal tells what it told before.
import { ms, seconds } from '@plimsoll/model'
import { JournalError, SeededRandom, VirtualClock } from '@plimsoll/ports'
import { MemoryJournal } from '@plimsoll/ports/suites'
import { describe, expect, it } from 'vitest'
import { EmbeddedAws } from '../src/embedded-aws.ts'
import { startAwsServer } from '../src/http/server.ts'
import { seedEksWorld } from '../src/world/eks-world.ts'

let lives = 0

function life(journal: MemoryJournal, start: number): { readonly aws: EmbeddedAws; readonly clock: VirtualClock } {
  const clock = new VirtualClock({ start: ms(start) })
  const random = new SeededRandom(`life ${++lives}`)
  return { clock, aws: new EmbeddedAws({ clock, random, region: 'ap-northeast-2', journal }) }
}

/** For operations that the port does not name. */
const call = { requestId: '', accessKey: '' }
const began = Date.parse('2026-01-02T03:04:05Z')

/** Everything that the APIs tell of. */
async function told(aws: EmbeddedAws): Promise<object> {
  const api = aws.api()
  return {
    instances: await api.call('ec2', 'DescribeInstances', {}),
    templates: await aws.invoke('ec2', 'DescribeLaunchTemplates', {}, call),
    versions: await api.call('ec2', 'DescribeLaunchTemplateVersions', { LaunchTemplateName: 'mine' }),
    subnets: await api.call('ec2', 'DescribeSubnets', {}),
    groups: await api.call('autoscaling', 'DescribeAutoScalingGroups', {}),
    activities: await api.call('autoscaling', 'DescribeScalingActivities', {}),
    cluster: await api.call('eks', 'DescribeCluster', { name: 'myeks' }),
    nodegroup: await api.call('eks', 'DescribeNodegroup', { clusterName: 'myeks', nodegroupName: 'ng1' }),
    role: await api.call('iam', 'GetRole', { RoleName: 'myeks-cluster-role' }),
    image: await api.call('ssm', 'GetParameter', {
      Name: '/aws/service/eks/optimized-ami/1.35/amazon-linux-2023/x86_64/standard/recommended/image_id',
    }),
  }
}

describe('a cloud over a journal', () => {
  it('is the same after a restart, and what was on its way goes on', async () => {
    const journal = new MemoryJournal()
    const first = life(journal, began)
    expect(first.aws.isResumed).toBe(false)
    const world = seedEksWorld(first.aws)
    const group = world.groupNames['ng1']!
    const api = first.aws.api()
    await api.call('ec2', 'CreateLaunchTemplate', {
      LaunchTemplateName: 'mine',
      LaunchTemplateData: { InstanceType: 'm7g.large' },
    })
    await api.call('autoscaling', 'UpdateAutoScalingGroup', { AutoScalingGroupName: group, MaxSize: 6 })
    await first.clock.runFor(seconds(120))
    await api.call('autoscaling', 'SetDesiredCapacity', { AutoScalingGroupName: group, DesiredCapacity: 4 })
    await first.clock.runFor(seconds(5))
    const before = (await told(first.aws)) as { groups: { AutoScalingGroups: { Instances: unknown[] }[] } }
    expect(before.groups.AutoScalingGroups[0]!.Instances).toHaveLength(4)
    void first.aws.durable()
    journal.write()

    const again = life(journal.afterCrash(), first.clock.now())
    expect(again.aws.isResumed).toBe(true)
    expect(await told(again.aws)).toEqual(before)
    await again.clock.runFor(seconds(300))
    const { AutoScalingGroups } = await again.aws.api().call('autoscaling', 'DescribeAutoScalingGroups', {})
    expect(AutoScalingGroups![0]!.Instances!.map((instance) => instance.LifecycleState)).toEqual(
      Array.from({ length: 4 }, () => 'InService'),
    )
    // Addresses that are taken are not given out again.
    await again.aws.api().call('autoscaling', 'SetDesiredCapacity', { AutoScalingGroupName: group, DesiredCapacity: 6 })
    await again.clock.runFor(seconds(300))
    const { Reservations } = await again.aws.api().call('ec2', 'DescribeInstances', {})
    const instances = Reservations!.flatMap((reservation) => reservation.Instances!)
    expect(new Set(instances.map((instance) => instance.PrivateIpAddress)).size).toBe(6)
    expect(new Set(instances.map((instance) => instance.InstanceId)).size).toBe(6)
  })

  it('forgets what was deleted, and writes only what has changed', async () => {
    const journal = new MemoryJournal()
    const { aws } = life(journal, began)
    seedEksWorld(aws)
    const api = aws.api()
    const { LaunchTemplate } = await api.call('ec2', 'CreateLaunchTemplate', {
      LaunchTemplateName: 'mine',
      LaunchTemplateData: { InstanceType: 'm7g.large' },
    })
    const key = `aws/launch-template/${LaunchTemplate!.LaunchTemplateId}`
    void aws.durable()
    journal.write()
    expect(journal.kept.has(key)).toBe(true)
    expect(aws.durable()).toBeUndefined()
    await api.call('ec2', 'DescribeInstances', {})
    expect(aws.durable()).toBeUndefined()
    await aws.invoke('ec2', 'DeleteLaunchTemplate', { LaunchTemplateName: 'mine' }, call)
    void aws.durable()
    journal.write()
    expect(journal.kept.has(key)).toBe(false)
  })

  it('answers over the wire when the disk has taken it, and with an error while it refuses', async () => {
    const journal = new MemoryJournal()
    const { aws } = life(journal, began)
    seedEksWorld(aws)
    void aws.durable()
    journal.write()
    const server = await startAwsServer(aws)
    const template = (name: string): Promise<Response> =>
      fetch(server.url, {
        method: 'POST',
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
        body: `Action=CreateLaunchTemplate&Version=2016-11-15&LaunchTemplateName=${name}&LaunchTemplateData.InstanceType=m5.large`,
      })
    const turns = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 80))
    let status = 0
    const first = template('one').then((answer) => (status = answer.status))
    await turns()
    expect(status).toBe(0)
    journal.write()
    await first
    expect(status).toBe(200)
    const refused = template('two')
    await turns()
    journal.refuse(new JournalError('unwritable', 'cluster.db cannot be written'))
    const answer = await refused
    expect(answer.status).toBe(500)
    expect(await answer.text()).toContain('<Code>InternalError</Code>')
    await server.close()
  })
})
