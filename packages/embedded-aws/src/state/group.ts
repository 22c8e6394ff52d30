import type * as AutoScaling from '@aws-sdk/client-auto-scaling'
import type { Ms } from '@plimsoll/model'
import type { Timer } from '@plimsoll/ports'

export type Lifecycle =
  'Pending' | 'InService' | 'Terminating' | 'Terminated' | 'EnteringStandby' | 'Standby' | 'Detaching'

/** An instance as a member of its group. */
export interface Member {
  readonly id: string
  readonly type: string
  readonly zone: string
  readonly lifecycle: Lifecycle
  readonly health: 'Healthy' | 'Unhealthy'
  readonly isProtected: boolean
  readonly launchTemplate: AutoScaling.LaunchTemplateSpecification | undefined
  readonly launchConfiguration: string | undefined
  readonly joinedAt: Ms
  /** Launched to balance zones: another member goes once this one serves. */
  readonly balancing: boolean
}

export type Process =
  | 'Launch'
  | 'Terminate'
  | 'AddToLoadBalancer'
  | 'AlarmNotification'
  | 'AZRebalance'
  | 'HealthCheck'
  | 'InstanceRefresh'
  | 'ReplaceUnhealthy'
  | 'ScheduledActions'

export const processes: readonly Process[] = [
  'AddToLoadBalancer',
  'AlarmNotification',
  'AZRebalance',
  'HealthCheck',
  'InstanceRefresh',
  'Launch',
  'ReplaceUnhealthy',
  'ScheduledActions',
  'Terminate',
]

export interface GroupTag {
  readonly key: string
  readonly value: string
  readonly propagate: boolean
}

/** What is configured of a group: replaced as a whole when it changes. */
export interface GroupSettings {
  readonly minSize: number
  readonly maxSize: number
  readonly desired: number
  /** In the order given; one subnet a zone as a rule. */
  readonly subnetIds: readonly string[]
  readonly launchTemplate: AutoScaling.LaunchTemplateSpecification | undefined
  readonly launchConfiguration: string | undefined
  readonly mixedInstances: AutoScaling.MixedInstancesPolicy | undefined
  readonly cooldownSeconds: number
  readonly healthCheckType: string
  readonly healthCheckGraceSeconds: number
  readonly protectNewInstances: boolean
  readonly capacityRebalance: boolean
  readonly terminationPolicies: readonly string[]
}

/** The present state of one Auto Scaling group; only `Groups` writes to it. */
export interface Group {
  readonly name: string
  readonly arn: string
  readonly createdAt: Ms
  settings: GroupSettings
  tags: readonly GroupTag[]
  /** By instance id, in order of joining. */
  readonly members: Map<string, Member>
  readonly suspended: Map<Process, string>
  /** By id, oldest first. */
  readonly activities: Map<string, AutoScaling.Activity>
  /** Ids of activities under way, by their descriptions. */
  readonly running: Map<string, string>
  /** Sentences for the next activities: why the capacity is to change. */
  causes: readonly string[]
  /** Attempts that failed in a row in every zone. */
  failures: number
  /** Launches wait until then after failures. */
  retryAt: Ms
  /** Balancing zones waits until then; undefined while they are balanced. */
  rebalanceAt: Ms | undefined
  lastScaledAt: Ms | undefined
  deleting: boolean
  wake: { readonly at: Ms; readonly timer: Timer } | undefined
  /** The answer to DescribeAutoScalingGroups; dropped when something changes. */
  described: AutoScaling.AutoScalingGroup | undefined
}

/** Counts towards the desired capacity. */
export function counts(member: Member): boolean {
  return member.lifecycle === 'Pending' || member.lifecycle === 'InService'
}

export function isSuspended(group: Group, process: Process): boolean {
  return group.suspended.has(process)
}

/** In order of joining. */
export function activeMembers(group: Group): Member[] {
  return [...group.members.values()].filter(counts)
}
