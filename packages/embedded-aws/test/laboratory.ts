import { ms, seconds } from '@plimsoll/model'
import { SeededRandom, VirtualClock, type AwsApi } from '@plimsoll/ports'
import { EmbeddedAws, seedEksWorld, type EksWorld, type EmbeddedAwsOptions, type NodegroupSpec } from '../src/index.ts'

export interface Laboratory {
  readonly clock: VirtualClock
  readonly aws: EmbeddedAws
  readonly api: AwsApi
  readonly world: EksWorld
  /** The Auto Scaling group of `ng1`. */
  readonly group: string
  run(durationSeconds: number): Promise<void>
}

/** The workshop's cluster in virtual time, its node group as wanted. */
export function laboratory(
  nodegroup: Partial<NodegroupSpec> = {},
  options: Partial<EmbeddedAwsOptions> = {},
): Laboratory {
  const clock = new VirtualClock({ start: ms(Date.parse('2026-11-23T09:00:00Z')) })
  const aws = new EmbeddedAws({ clock, random: new SeededRandom('laboratory'), region: 'ap-northeast-2', ...options })
  const world = seedEksWorld(aws, { nodegroups: [{ name: 'ng1', ...nodegroup }] })
  return {
    clock,
    aws,
    api: aws.api(),
    world,
    group: world.groupNames['ng1']!,
    run: (durationSeconds) => clock.runFor(seconds(durationSeconds)),
  }
}

export async function groupOf(lab: Laboratory): Promise<{
  readonly desired: number
  readonly min: number
  readonly max: number
  /** Lifecycle states by instance id, in order of joining. */
  readonly members: readonly { readonly id: string; readonly zone: string; readonly lifecycle: string }[]
}> {
  const { AutoScalingGroups } = await lab.api.call('autoscaling', 'DescribeAutoScalingGroups', {
    AutoScalingGroupNames: [lab.group],
  })
  const group = AutoScalingGroups![0]!
  return {
    desired: group.DesiredCapacity!,
    min: group.MinSize!,
    max: group.MaxSize!,
    members: group.Instances!.map((instance) => ({
      id: instance.InstanceId!,
      zone: instance.AvailabilityZone!.slice(-1),
      lifecycle: instance.LifecycleState!,
    })),
  }
}

/** How many members serve in each zone: `{ a: 1, b: 1, c: 1 }`. */
export async function membersByZone(lab: Laboratory): Promise<{ [zone: string]: number }> {
  const count: { [zone: string]: number } = { a: 0, b: 0, c: 0 }
  for (const member of (await groupOf(lab)).members) if (member.lifecycle === 'InService') count[member.zone]!++
  return count
}

/** Newest first: status, description and cause. */
export async function activitiesOf(lab: Laboratory): Promise<{ status: string; description: string; cause: string }[]> {
  const { Activities } = await lab.api.call('autoscaling', 'DescribeScalingActivities', {
    AutoScalingGroupName: lab.group,
  })
  return Activities!.map((a) => ({ status: a.StatusCode!, description: a.Description!, cause: a.Cause! }))
}
