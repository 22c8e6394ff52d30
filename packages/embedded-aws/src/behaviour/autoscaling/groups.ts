import type * as AutoScaling from '@aws-sdk/client-auto-scaling'
import type { Cloud } from '../../state/cloud.ts'
import { failure, requiredMember } from '../../state/failure.ts'
import { filtered } from '../../state/filter.ts'
import type { Group, GroupSettings, GroupTag } from '../../state/group.ts'
import { page } from '../../state/page.ts'
import type { Operation } from '../operation.ts'

export const describeAutoScalingGroups: Operation<
  AutoScaling.DescribeAutoScalingGroupsCommandInput,
  AutoScaling.DescribeAutoScalingGroupsCommandOutput
> = (cloud, input) => {
  const names = input.AutoScalingGroupNames ?? []
  const groups = cloud.groups.all().filter((group) => names.length === 0 || names.includes(group.name))
  const tagged = groups.map((group) => ({
    group,
    Tags: group.tags.map((tag) => ({ Key: tag.key, Value: tag.value })),
  }))
  const { items, nextToken } = page(filtered(tagged, input.Filters, {}), {
    token: input.NextToken,
    size: input.MaxRecords ?? 50,
    sizeMax: 100,
    invalidToken: 'InvalidNextToken',
  })
  return {
    AutoScalingGroups: items.map(({ group }) => describeGroup(cloud, group)),
    ...(nextToken === undefined ? {} : { NextToken: nextToken }),
  }
}

/** The group as AWS tells it; built once per change. */
function describeGroup(cloud: Cloud, group: Group): AutoScaling.AutoScalingGroup {
  return (group.described ??= buildGroup(cloud, group))
}

function buildGroup(cloud: Cloud, group: Group): AutoScaling.AutoScalingGroup {
  const s = group.settings
  return {
    AutoScalingGroupName: group.name,
    AutoScalingGroupARN: group.arn,
    ...(s.launchConfiguration === undefined ? {} : { LaunchConfigurationName: s.launchConfiguration }),
    ...(s.launchTemplate === undefined ? {} : { LaunchTemplate: s.launchTemplate }),
    ...(s.mixedInstances === undefined ? {} : { MixedInstancesPolicy: s.mixedInstances }),
    MinSize: s.minSize,
    MaxSize: s.maxSize,
    DesiredCapacity: s.desired,
    DefaultCooldown: s.cooldownSeconds,
    AvailabilityZones: cloud.groups.zones(group),
    LoadBalancerNames: [],
    TargetGroupARNs: [],
    HealthCheckType: s.healthCheckType,
    HealthCheckGracePeriod: s.healthCheckGraceSeconds,
    Instances: [...group.members.values()].map((member) => describeMember(member)),
    CreatedTime: new Date(group.createdAt),
    SuspendedProcesses: [...group.suspended].map(([ProcessName, SuspensionReason]) => ({
      ProcessName,
      SuspensionReason,
    })),
    VPCZoneIdentifier: s.subnetIds.join(','),
    EnabledMetrics: [],
    ...(group.deleting ? { Status: 'Delete in progress' } : {}),
    Tags: group.tags.map((tag) => describeTag(group.name, tag)),
    TerminationPolicies: [...s.terminationPolicies],
    NewInstancesProtectedFromScaleIn: s.protectNewInstances,
    ServiceLinkedRoleARN: `arn:aws:iam::${cloud.accountId}:role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling`,
    CapacityRebalance: s.capacityRebalance,
    TrafficSources: [],
  }
}

function describeMember(member: Group['members'] extends Map<string, infer M> ? M : never): AutoScaling.Instance {
  return {
    InstanceId: member.id,
    InstanceType: member.type,
    AvailabilityZone: member.zone,
    LifecycleState: member.lifecycle,
    HealthStatus: member.health,
    ...(member.launchTemplate === undefined ? {} : { LaunchTemplate: member.launchTemplate }),
    ...(member.launchConfiguration === undefined ? {} : { LaunchConfigurationName: member.launchConfiguration }),
    ProtectedFromScaleIn: member.isProtected,
  }
}

export function describeTag(group: string, tag: GroupTag): AutoScaling.TagDescription {
  return {
    ResourceId: group,
    ResourceType: 'auto-scaling-group',
    Key: tag.key,
    Value: tag.value,
    PropagateAtLaunch: tag.propagate,
  }
}

export const createAutoScalingGroup: Operation<
  AutoScaling.CreateAutoScalingGroupCommandInput,
  AutoScaling.CreateAutoScalingGroupCommandOutput
> = (cloud, input) => {
  const name = requiredMember(input.AutoScalingGroupName, 'autoScalingGroupName')
  const minSize = requiredMember(input.MinSize, 'minSize')
  const sources = [input.LaunchTemplate, input.LaunchConfigurationName, input.MixedInstancesPolicy, input.InstanceId]
  if (sources.filter((source) => source !== undefined).length !== 1 || input.InstanceId !== undefined)
    throw failure(
      'ValidationError',
      'Valid requests must contain either LaunchTemplate, LaunchConfigurationName, InstanceId or MixedInstancesPolicy parameter.',
    )
  cloud.groups.create(
    name,
    {
      minSize,
      maxSize: requiredMember(input.MaxSize, 'maxSize'),
      desired: input.DesiredCapacity ?? minSize,
      subnetIds: subnetsOf(cloud, input.VPCZoneIdentifier, input.AvailabilityZones),
      launchTemplate: input.LaunchTemplate,
      launchConfiguration: input.LaunchConfigurationName,
      mixedInstances: input.MixedInstancesPolicy,
      cooldownSeconds: input.DefaultCooldown ?? 300,
      healthCheckType: input.HealthCheckType ?? 'EC2',
      healthCheckGraceSeconds: input.HealthCheckGracePeriod ?? 0,
      protectNewInstances: input.NewInstancesProtectedFromScaleIn ?? false,
      capacityRebalance: input.CapacityRebalance ?? false,
      terminationPolicies: input.TerminationPolicies ?? ['Default'],
    },
    mergedTags([], input.Tags ?? []),
  )
  return {}
}

export const updateAutoScalingGroup: Operation<
  AutoScaling.UpdateAutoScalingGroupCommandInput,
  AutoScaling.UpdateAutoScalingGroupCommandOutput
> = (cloud, input) => {
  const group = cloud.groups.group(requiredMember(input.AutoScalingGroupName, 'autoScalingGroupName'))
  const launch =
    (input.LaunchTemplate ?? input.LaunchConfigurationName ?? input.MixedInstancesPolicy)
      ? {
          launchTemplate: input.LaunchTemplate,
          launchConfiguration: input.LaunchConfigurationName,
          mixedInstances: input.MixedInstancesPolicy,
        }
      : {}
  const change: Partial<GroupSettings> = given({
    minSize: input.MinSize,
    maxSize: input.MaxSize,
    desired: input.DesiredCapacity,
    subnetIds:
      input.VPCZoneIdentifier === undefined && input.AvailabilityZones === undefined
        ? undefined
        : subnetsOf(cloud, input.VPCZoneIdentifier, input.AvailabilityZones),
    cooldownSeconds: input.DefaultCooldown,
    healthCheckType: input.HealthCheckType,
    healthCheckGraceSeconds: input.HealthCheckGracePeriod,
    protectNewInstances: input.NewInstancesProtectedFromScaleIn,
    capacityRebalance: input.CapacityRebalance,
    terminationPolicies: input.TerminationPolicies,
  })
  cloud.groups.update(group, { ...change, ...launch })
  return {}
}

export const setDesiredCapacity: Operation<
  AutoScaling.SetDesiredCapacityCommandInput,
  AutoScaling.SetDesiredCapacityCommandOutput
> = (cloud, input) => {
  const group = cloud.groups.group(requiredMember(input.AutoScalingGroupName, 'autoScalingGroupName'))
  cloud.groups.setDesired(group, requiredMember(input.DesiredCapacity, 'desiredCapacity'), input.HonorCooldown ?? false)
  return {}
}

export const deleteAutoScalingGroup: Operation<
  AutoScaling.DeleteAutoScalingGroupCommandInput,
  AutoScaling.DeleteAutoScalingGroupCommandOutput
> = (cloud, input) => {
  const group = cloud.groups.group(requiredMember(input.AutoScalingGroupName, 'autoScalingGroupName'))
  cloud.groups.delete(group, input.ForceDelete ?? false)
  return {}
}

/** The subnets named, or one subnet for each zone named. */
function subnetsOf(
  cloud: Cloud,
  identifier: string | undefined,
  zones: readonly string[] | undefined,
): readonly string[] {
  if (identifier !== undefined && identifier !== '') {
    const ids = identifier.split(',').map((id) => id.trim())
    for (const id of ids)
      if (!cloud.network.subnets.has(id)) throw failure('ValidationError', `The subnet ID '${id}' does not exist`)
    return ids
  }
  return (zones ?? []).map((zone) => {
    const subnet = [...cloud.network.subnets.values()].find((s) => s.AvailabilityZone === zone)
    if (subnet === undefined) throw failure('ValidationError', `No default subnet for availability zone: '${zone}'.`)
    return subnet.SubnetId!
  })
}

/** Old tags with new ones laid over them. Absent PropagateAtLaunch means no. */
export function mergedTags(old: readonly GroupTag[], added: readonly AutoScaling.Tag[]): GroupTag[] {
  const byKey = new Map(old.map((tag) => [tag.key, tag]))
  for (const tag of added) {
    const key = requiredMember(tag.Key, 'tags.1.member.key')
    if (key.startsWith('aws:'))
      throw failure('ValidationError', 'Tag keys starting with aws: are reserved for internal use')
    byKey.set(key, { key, value: tag.Value ?? '', propagate: tag.PropagateAtLaunch ?? false })
  }
  return [...byKey.values()].toSorted((a, b) => (a.key < b.key ? -1 : 1))
}

function given<T extends object>(change: { [K in keyof T]: T[K] | undefined }): Partial<T> {
  return Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined)) as Partial<T>
}
