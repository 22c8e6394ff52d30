import type { Ms } from '@plimsoll/model'
import type { AwsOutput } from '@plimsoll/ports'

export type DescribedGroup = NonNullable<
  AwsOutput<'autoscaling', 'DescribeAutoScalingGroups'>['AutoScalingGroups']
>[number]

/** What is kept of an Auto Scaling Group between refreshes. */
export interface Asg {
  readonly name: string
  /** Named by --nodes: never forgotten, its bounds are the flag's. */
  readonly explicit: boolean
  minSize: number
  maxSize: number
  /** Desired capacity as last read, corrected by our own successful writes since. */
  size: number
  zones: readonly string[]
  launchConfiguration: string | undefined
  launchTemplate: DescribedGroup['LaunchTemplate']
  mixedInstancesPolicy: DescribedGroup['MixedInstancesPolicy']
  tags: readonly { readonly key: string; readonly value: string }[]
  members: readonly AsgMember[]
  /** When this process last changed the size; undefined: never. */
  resizedAt: Ms | undefined
}

export interface AsgMember {
  /** `aws:///<zone>/<instance id>`. */
  readonly providerId: string
  readonly instanceId: string
  readonly lifecycleState: string
  /** Not there yet: stands for one unit of desired capacity without an instance. */
  readonly placeholder: boolean
  /** Why a placeholder will not become an instance. */
  readonly unfulfillable: boolean
}

const placeholderPrefix = 'i-placeholder'

/** kubernetes/autoscaler:cluster-autoscaler/cloudprovider/aws/auto_scaling_groups.go, buildAsgFromAWS. */
export function asgOf(group: DescribedGroup, bounds?: { readonly minSize: number; readonly maxSize: number }): Asg {
  return {
    name: group.AutoScalingGroupName ?? '',
    explicit: bounds !== undefined,
    minSize: bounds?.minSize ?? group.MinSize ?? 0,
    maxSize: bounds?.maxSize ?? group.MaxSize ?? 0,
    size: group.DesiredCapacity ?? 0,
    zones: group.AvailabilityZones ?? [],
    launchConfiguration: group.LaunchConfigurationName,
    launchTemplate: group.LaunchTemplate,
    mixedInstancesPolicy: group.MixedInstancesPolicy,
    tags: (group.Tags ?? []).map((tag) => ({ key: tag.Key ?? '', value: tag.Value ?? '' })),
    members: (group.Instances ?? []).map((instance) => ({
      providerId: `aws:///${instance.AvailabilityZone}/${instance.InstanceId}`,
      instanceId: instance.InstanceId ?? '',
      lifecycleState: instance.LifecycleState ?? '',
      placeholder: false,
      unfulfillable: false,
    })),
    resizedAt: undefined,
  }
}

/** The group's missing instances, numbered from the count of real ones (rule CA-206). */
export function placeholders(asg: Asg, unfulfillable: boolean): AsgMember[] {
  const list: AsgMember[] = []
  for (let n = asg.members.length; n < asg.size; n++) {
    const instanceId = `${placeholderPrefix}-${asg.name}-${n}`
    const providerId = `aws:///${asg.zones[0] ?? ''}/${instanceId}`
    list.push({ providerId, instanceId, lifecycleState: '', placeholder: true, unfulfillable })
  }
  return list
}

/** The instance id of a provider id `aws:///<zone>/<id>`, or undefined. */
export function instanceIdOf(providerId: string | undefined): string | undefined {
  return /^aws:\/\/\/[^/]*\/(i-.+)$/.exec(providerId ?? '')?.[1]
}
