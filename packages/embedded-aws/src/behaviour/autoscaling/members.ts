import type * as AutoScaling from '@aws-sdk/client-auto-scaling'
import { failure, requiredMember } from '../../state/failure.ts'
import { processes, type Process } from '../../state/group.ts'
import { page } from '../../state/page.ts'
import type { Operation } from '../operation.ts'

export const describeAutoScalingInstances: Operation<
  AutoScaling.DescribeAutoScalingInstancesCommandInput,
  AutoScaling.DescribeAutoScalingInstancesCommandOutput
> = (cloud, input) => {
  const ids = input.InstanceIds ?? []
  const details = cloud.groups.all().flatMap((group) =>
    [...group.members.values()]
      .filter((member) => ids.length === 0 || ids.includes(member.id))
      .map((member) => ({
        InstanceId: member.id,
        InstanceType: member.type,
        AutoScalingGroupName: group.name,
        AvailabilityZone: member.zone,
        LifecycleState: member.lifecycle,
        HealthStatus: member.health.toUpperCase(),
        ProtectedFromScaleIn: member.isProtected,
        ...(member.launchTemplate === undefined ? {} : { LaunchTemplate: member.launchTemplate }),
      })),
  )
  const { items, nextToken } = page(details, {
    token: input.NextToken,
    size: input.MaxRecords,
    sizeMax: 50,
    invalidToken: 'InvalidNextToken',
  })
  return { AutoScalingInstances: items, ...(nextToken === undefined ? {} : { NextToken: nextToken }) }
}

export const terminateInstanceInAutoScalingGroup: Operation<
  AutoScaling.TerminateInstanceInAutoScalingGroupCommandInput,
  AutoScaling.TerminateInstanceInAutoScalingGroupCommandOutput
> = (cloud, input) => ({
  Activity: cloud.groups.terminateInstance(
    requiredMember(input.InstanceId, 'instanceId'),
    requiredMember(input.ShouldDecrementDesiredCapacity, 'shouldDecrementDesiredCapacity'),
  ),
})

export const setInstanceProtection: Operation<
  AutoScaling.SetInstanceProtectionCommandInput,
  AutoScaling.SetInstanceProtectionCommandOutput
> = (cloud, input) => {
  const group = cloud.groups.group(requiredMember(input.AutoScalingGroupName, 'autoScalingGroupName'))
  cloud.groups.setProtection(
    group,
    requiredMember(input.InstanceIds, 'instanceIds'),
    requiredMember(input.ProtectedFromScaleIn, 'protectedFromScaleIn'),
  )
  return {}
}

export const setInstanceHealth: Operation<
  AutoScaling.SetInstanceHealthCommandInput,
  AutoScaling.SetInstanceHealthCommandOutput
> = (cloud, input) => {
  const health = requiredMember(input.HealthStatus, 'healthStatus')
  if (health !== 'Healthy' && health !== 'Unhealthy')
    throw failure('ValidationError', `Health status ${health} is not valid: it is Healthy or Unhealthy`)
  cloud.groups.setHealth(requiredMember(input.InstanceId, 'instanceId'), health)
  return {}
}

export const describeScalingActivities: Operation<
  AutoScaling.DescribeScalingActivitiesCommandInput,
  AutoScaling.DescribeScalingActivitiesCommandOutput
> = (cloud, input) => {
  const groups =
    input.AutoScalingGroupName === undefined ? cloud.groups.all() : [cloud.groups.group(input.AutoScalingGroupName)]
  const ids = input.ActivityIds ?? []
  const activities = groups
    .flatMap((group) => [...group.activities.values()].toReversed())
    .filter((activity) => ids.length === 0 || ids.includes(activity.ActivityId!))
    .toSorted((a, b) => b.StartTime!.getTime() - a.StartTime!.getTime())
  const { items, nextToken } = page(activities, {
    token: input.NextToken,
    size: input.MaxRecords,
    sizeMax: 100,
    invalidToken: 'InvalidNextToken',
  })
  return { Activities: items, ...(nextToken === undefined ? {} : { NextToken: nextToken }) }
}

export const suspendProcesses: Operation<
  AutoScaling.SuspendProcessesCommandInput,
  AutoScaling.SuspendProcessesCommandOutput
> = (cloud, input) => {
  const group = cloud.groups.group(requiredMember(input.AutoScalingGroupName, 'autoScalingGroupName'))
  cloud.groups.suspend(group, processesNamed(input.ScalingProcesses))
  return {}
}

export const resumeProcesses: Operation<
  AutoScaling.ResumeProcessesCommandInput,
  AutoScaling.ResumeProcessesCommandOutput
> = (cloud, input) => {
  const group = cloud.groups.group(requiredMember(input.AutoScalingGroupName, 'autoScalingGroupName'))
  cloud.groups.resume(group, processesNamed(input.ScalingProcesses))
  return {}
}

/** All processes when none is named. */
function processesNamed(names: readonly string[] | undefined): readonly Process[] {
  if (names === undefined || names.length === 0) return processes
  return names.map((name) => {
    const process = processes.find((p) => p === name)
    if (process === undefined) throw failure('ValidationError', `Invalid process: ${name}`)
    return process
  })
}

export const describeScalingProcessTypes: Operation<
  AutoScaling.DescribeScalingProcessTypesCommandInput,
  AutoScaling.DescribeScalingProcessTypesCommandOutput
> = () => ({ Processes: processes.map((ProcessName) => ({ ProcessName })) })

export const describeTerminationPolicyTypes: Operation<
  AutoScaling.DescribeTerminationPolicyTypesCommandInput,
  AutoScaling.DescribeTerminationPolicyTypesCommandOutput
> = () => ({
  TerminationPolicyTypes: [
    'AllocationStrategy',
    'ClosestToNextInstanceHour',
    'Default',
    'NewestInstance',
    'OldestInstance',
    'OldestLaunchConfiguration',
    'OldestLaunchTemplate',
  ],
})
