// NodeGroups over Auto Scaling Groups: a cache of the groups, read again once a minute, and the few writes that
// Cluster Autoscaler makes. Mirrors kubernetes/autoscaler:cluster-autoscaler/cloudprovider/aws (1.36).
import { minutes, ms, timestamp, type Ms, type Node } from '@plimsoll/model'
import {
  NodeGroupError,
  type AwsApi,
  type AwsInput,
  type Clock,
  type GroupInstance,
  type Log,
  type Metrics,
  type NodeGroup,
  type NodeGroupOptions,
  type NodeGroups,
  type Random,
} from '@plimsoll/ports'
import {
  asgOf,
  instanceIdOf,
  placeholders,
  type Asg,
  type AsgMember,
  type DescribedGroup,
} from './auto-scaling-groups.ts'
import { AwsCalls, messageOf } from './calls.ts'
import type { Discovery } from './discovery.ts'
import { optionsOfTags } from './group-options.ts'
import { InstanceTypes } from './instance-types.ts'
import { ManagedNodeGroups } from './managed-node-groups.ts'
import { LaunchTypes } from './launch-types.ts'
import { templateNode } from './template-node.ts'

export interface AwsNodeGroupsOptions {
  readonly aws: AwsApi
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly metrics: Metrics
  readonly discovery: Discovery
  /** Never ask AWS which instance types there are. */
  readonly staticInstanceList?: boolean
}

const refreshInterval = minutes(1)
const namesPerCall = 100
const accelerator = 'k8s.amazonaws.com/accelerator'
const terminatingStates = new Set(['Terminating', 'Terminating:Wait', 'Terminating:Proceed', 'Terminated'])

export class AwsNodeGroups implements NodeGroups {
  readonly name = 'aws'
  readonly #clock: Clock
  readonly #log: Log
  readonly #discovery: Discovery
  readonly #calls: AwsCalls
  readonly #random: Random
  readonly #region: string
  readonly #launchTypes: LaunchTypes
  readonly #managed: ManagedNodeGroups
  readonly #types: InstanceTypes
  /** Failures of launches before this process began say nothing about its own requests. */
  readonly #startedAt: Ms
  #asgs = new Map<string, Asg>()
  #members = new Map<string, { readonly asg: Asg; readonly member: AsgMember }>()
  #refreshedAt: Ms | undefined
  #turn: Promise<void> = Promise.resolve()
  /** Sorted by name; built anew after each change. */
  #groups: readonly NodeGroup[] = []

  constructor(o: AwsNodeGroupsOptions) {
    this.#clock = o.clock
    this.#log = o.log
    this.#discovery = o.discovery
    this.#random = o.random.split('aws-node-groups')
    this.#region = o.aws.region
    this.#startedAt = o.clock.now()
    this.#calls = new AwsCalls(o)
    this.#types = new InstanceTypes({ calls: this.#calls, log: o.log, staticOnly: o.staticInstanceList ?? false })
    this.#launchTypes = new LaunchTypes({ calls: this.#calls, clock: o.clock, random: this.#random })
    this.#managed = new ManagedNodeGroups({ calls: this.#calls, clock: o.clock, log: o.log })
  }

  async refresh(): Promise<void> {
    if (this.#refreshedAt !== undefined && this.#refreshedAt + refreshInterval > this.#clock.now()) return
    try {
      await this.#alone(() => this.#regenerate())
    } catch (error) {
      this.#log.named('aws_manager.go').error(`Failed to regenerate ASG cache: ${messageOf(error)}`)
      throw error
    }
    this.#refreshedAt = this.#clock.now()
    const next = timestamp(ms(this.#refreshedAt + refreshInterval))
    this.#log.named('aws_manager.go').info(2, `Refreshed ASG list, next refresh after ${next}`)
  }

  groups(): readonly NodeGroup[] {
    return this.#groups
  }

  groupOf(node: Node): NodeGroup | undefined {
    const found = this.#memberOf(node)
    return found === undefined ? undefined : this.#groups.find((group) => group.id === found.asg.name)
  }

  hasInstance(node: Node): boolean | undefined {
    if (node.metadata.name.startsWith('fargate')) return undefined
    if (node.metadata.annotations?.['k8s.io/cluster-autoscaler-enabled'] === 'false') return false
    return this.#memberOf(node) === undefined ? undefined : true
  }

  instances(group: string): readonly GroupInstance[] {
    return this.#asg(group).members.map((member) => {
      if (!member.placeholder) {
        return {
          providerId: member.providerId,
          state: terminatingStates.has(member.lifecycleState) ? 'deleting' : 'running',
        }
      }
      if (!member.unfulfillable) return { providerId: member.providerId, state: 'creating' }
      return {
        providerId: member.providerId,
        state: 'creating',
        error: {
          kind: 'outOfResources',
          code: 'placeholder-cannot-be-fulfilled',
          message: 'AWS cannot provision any more instances for this node group',
        },
      }
    })
  }

  async template(group: string): Promise<Node> {
    const asg = this.#asg(group)
    const launch = await this.#launchTypes.of(asg)
    const type = await this.#types.get(launch.instanceType)
    if (type === undefined) {
      const message = `ASG "${group}" uses the unknown EC2 instance type "${launch.instanceType}"`
      throw new NodeGroupError({ kind: 'other' }, message)
    }
    const managed = await this.#managed.of(asg)
    return templateNode({
      asg,
      type,
      minimum: launch.minimum,
      managed,
      region: this.#region,
      suffix: String(this.#random.below(Number.MAX_SAFE_INTEGER)),
      now: this.#clock.now(),
    })
  }

  options(group: string): NodeGroupOptions {
    return optionsOfTags(this.#asg(group), this.#log)
  }

  async increaseSize(group: string, delta: number): Promise<void> {
    const asg = this.#asg(group)
    if (delta <= 0) throw refused('size increase must be positive')
    if (asg.size + delta > asg.maxSize) {
      throw refused(`size increase too large - desired:${asg.size + delta} max:${asg.maxSize}`)
    }
    await this.#alone(() => this.#setSize(asg, asg.size + delta))
  }

  async decreaseTargetSize(group: string, delta: number): Promise<void> {
    const asg = this.#asg(group)
    if (delta >= 0) throw refused('size decrease must be negative')
    // Placeholders are no instances: giving them up is what this is for (upstream counts them and so always refuses).
    const existing = asg.members.filter((member) => !member.placeholder).length
    if (asg.size + delta < existing) {
      throw refused(`attempt to delete existing nodes targetSize:${asg.size} delta:${delta} existingNodes: ${existing}`)
    }
    await this.#alone(() => this.#setSize(asg, asg.size + delta))
    this.#settle(asg)
  }

  async deleteNodes(group: string, nodes: readonly Node[]): Promise<void> {
    await this.#alone(() => this.#deleteNodes(group, nodes))
  }

  async #deleteNodes(group: string, nodes: readonly Node[]): Promise<void> {
    const asg = this.#asg(group)
    if (asg.size <= asg.minSize) throw refused('min size reached, nodes will not be deleted')
    const members: AsgMember[] = []
    for (const node of nodes) {
      const found = this.#memberOf(node)
      if (found === undefined) throw refused(`node ${node.metadata.name} doesn't belong to a known asg`)
      if (found.asg !== asg) throw refused(`${node.metadata.name} belongs to a different asg than ${group}`)
      members.push(found.member)
    }
    this.#log
      .named('aws_manager.go')
      .info(2, 'DeleteInstances was called: scheduling an ASG list refresh for next main loop evaluation')
    // Whatever comes of it, the next loop looks again.
    this.#refreshedAt = undefined
    const missing = members.filter((member) => member.placeholder)
    if (missing.length > 0) await this.#giveUp(asg, missing.length)
    for (const member of members) if (!member.placeholder) await this.#terminate(asg, member)
  }

  gpuLabel(): string {
    return accelerator
  }

  /** Lowers the desired capacity by instances that never came, never below those that exist by now. */
  async #giveUp(asg: Asg, count: number): Promise<void> {
    const log = this.#log.named('auto_scaling_groups.go')
    const described = await this.#calls.call(
      'autoscaling',
      'DescribeAutoScalingGroups',
      { AutoScalingGroupNames: [asg.name], MaxRecords: namesPerCall },
      'DescribeAutoScalingGroupsPages',
    )
    const group = described.AutoScalingGroups?.[0]
    if (group === undefined)
      throw new NodeGroupError({ kind: 'notFound', group: asg.name }, `unable to find ASG ${asg.name}`)
    const desired = group.DesiredCapacity ?? 0
    const real = group.Instances?.length ?? 0
    asg.members = asgOf(group).members
    asg.size = desired
    const size = Math.max(real, desired - count, asg.minSize)
    log.info(
      4,
      `Detected a placeholder node, no need to call AWS API to terminate ${count} placeholder instances of ${asg.name}`,
    )
    if (size < desired) await this.#setSize(asg, size)
    this.#settle(asg)
  }

  async #terminate(asg: Asg, member: AsgMember): Promise<void> {
    const log = this.#log.named('auto_scaling_groups.go')
    if (terminatingStates.has(member.lifecycleState)) {
      log.info(
        2,
        `instance ${member.instanceId} is already terminating in state ${member.lifecycleState}, will skip instead`,
      )
      return
    }
    const answer = await this.#calls.call('autoscaling', 'TerminateInstanceInAutoScalingGroup', {
      InstanceId: member.instanceId,
      ShouldDecrementDesiredCapacity: true,
    })
    log.info(4, `Terminated instance ${member.instanceId} in autoscaling group: ${answer.Activity?.Description ?? ''}`)
    asg.size--
    // A second request for the same instance finds it terminating.
    asg.members = asg.members.map((each) => (each === member ? { ...member, lifecycleState: 'Terminating' } : each))
    this.#index()
  }

  async #setSize(asg: Asg, size: number): Promise<void> {
    this.#log.named('auto_scaling_groups.go').info(0, `Setting asg ${asg.name} size to ${size}`)
    const start = this.#clock.now()
    try {
      await this.#calls.call('autoscaling', 'SetDesiredCapacity', {
        AutoScalingGroupName: asg.name,
        DesiredCapacity: size,
        HonorCooldown: false,
      })
    } catch (error) {
      // An answer that was lost leaves open what the size is now: look again.
      if (error instanceof NodeGroupError && error.failure.kind === 'unavailable') this.#refreshedAt = undefined
      throw error
    }
    asg.resizedAt = start
    asg.size = size
    this.#index()
  }

  /** Placeholders follow a size that was lowered. */
  #settle(asg: Asg): void {
    const unfulfillable = asg.members.some((member) => member.unfulfillable)
    asg.members = asg.members.filter((member) => !member.placeholder)
    asg.members = [...asg.members, ...placeholders(asg, unfulfillable)]
    this.#index()
  }

  async #regenerate(): Promise<void> {
    const log = this.#log.named('auto_scaling_groups.go')
    const described = await this.#describe()
    const asgs = new Map<string, Asg>()
    for (const group of described.toSorted((a, b) => (a.AutoScalingGroupName! < b.AutoScalingGroupName! ? -1 : 1))) {
      const name = group.AutoScalingGroupName ?? ''
      const bounds = this.#discovery.explicit.find((explicit) => explicit.name === name)
      const asg = asgOf(group, bounds)
      const known = this.#asgs.get(name)
      if (known === undefined) log.info(1, `Registering ASG ${name}`)
      else asg.resizedAt = known.resizedAt
      if (asg.size > asg.members.length) {
        log.info(
          4,
          `Instance group ${name} has only ${asg.members.length} instances created while requested count is ${asg.size}. Creating placeholder instances.`,
        )
        const unfulfillable = !(await this.#isAvailable(asg))
        if (unfulfillable) log.warning(`Instance group ${name} cannot provision any more nodes!`)
        asg.members = [...asg.members, ...placeholders(asg, unfulfillable)]
      }
      log.info(4, `Updated ASG cache for ${name}. min/max/current is ${asg.minSize}/${asg.maxSize}/${asg.size}`)
      asgs.set(name, asg)
    }
    for (const [name, asg] of this.#asgs) {
      if (asgs.has(name)) continue
      if (asg.explicit) asgs.set(name, asg)
      else log.info(1, `Unregistered ASG ${name}`)
    }
    // A group that changed its name's place in the order keeps its identity: requests under way hold on to it.
    for (const [name, asg] of asgs) {
      const known = this.#asgs.get(name)
      if (known !== undefined) asgs.set(name, Object.assign(known, asg))
    }
    this.#asgs = new Map([...asgs].toSorted(([a], [b]) => (a < b ? -1 : 1)))
    this.#index()
  }

  async #describe(): Promise<DescribedGroup[]> {
    const found = new Map<string, DescribedGroup>()
    const names = this.#discovery.explicit.map((group) => group.name)
    this.#log
      .named('auto_scaling_groups.go')
      .info(4, `Regenerating instance to ASG map for ASG names: [${names.join(' ')}]`)
    for (let i = 0; i < names.length; i += namesPerCall) {
      await this.#pages({ AutoScalingGroupNames: names.slice(i, i + namesPerCall) }, found)
    }
    if (this.#discovery.tags.size > 0) {
      const filters = [...this.#discovery.tags].map(([key, value]) =>
        value === undefined ? { Name: 'tag-key', Values: [key] } : { Name: `tag:${key}`, Values: [value] },
      )
      const tags = [...this.#discovery.tags].map(([key, value]) => `${key}:${value ?? ''}`)
      this.#log
        .named('auto_scaling_groups.go')
        .info(4, `Regenerating instance to ASG map for ASG tags: map[${tags.join(' ')}]`)
      await this.#pages({ Filters: filters }, found)
    }
    return [...found.values()]
  }

  async #pages(
    selection: AwsInput<'autoscaling', 'DescribeAutoScalingGroups'>,
    found: Map<string, DescribedGroup>,
  ): Promise<void> {
    let token: string | undefined
    do {
      const page = await this.#calls.call(
        'autoscaling',
        'DescribeAutoScalingGroups',
        { ...selection, MaxRecords: namesPerCall, ...(token === undefined ? {} : { NextToken: token }) },
        'DescribeAutoScalingGroupsPages',
      )
      for (const group of page.AutoScalingGroups ?? []) found.set(group.AutoScalingGroupName ?? '', group)
      token = page.NextToken
    } while (token !== undefined && token !== '')
  }

  /**
   * False when a launch failed since this process last resized the group.
   * Upstream: auto_scaling_groups.go, isNodeGroupAvailable.
   */
  async #isAvailable(asg: Asg): Promise<boolean> {
    let activities
    try {
      activities = (
        await this.#calls.call('autoscaling', 'DescribeScalingActivities', { AutoScalingGroupName: asg.name })
      ).Activities
    } catch (error) {
      this.#log
        .named('auto_scaling_groups.go')
        .warning(`Failed to describe scaling activities for ${asg.name}: ${messageOf(error)}`)
      return true
    }
    const since = asg.resizedAt ?? this.#startedAt
    for (const activity of activities ?? []) {
      if ((activity.StartTime?.getTime() ?? 0) < since) return true
      if (activity.StatusCode === 'Failed') {
        this.#log
          .named('auto_scaling_groups.go')
          .warning(`ASG ${asg.name} scaling failed with ${activity.StatusMessage ?? activity.Description ?? ''}`)
        return false
      }
    }
    return true
  }

  /** One reading or writing of the cache at a time, in the order of asking. */
  #alone(work: () => Promise<void>): Promise<void> {
    const turn = this.#turn.then(work)
    this.#turn = turn.catch(() => {})
    return turn
  }

  #index(): void {
    this.#members = new Map()
    for (const asg of this.#asgs.values()) {
      for (const member of asg.members) this.#members.set(member.instanceId, { asg, member })
    }
    this.#groups = [...this.#asgs.values()].map((asg) => ({
      id: asg.name,
      minSize: asg.minSize,
      maxSize: asg.maxSize,
      targetSize: asg.size,
    }))
  }

  #memberOf(node: Node): { readonly asg: Asg; readonly member: AsgMember } | undefined {
    const id = instanceIdOf(node.spec.providerID)
    return id === undefined ? undefined : this.#members.get(id)
  }

  #asg(group: string): Asg {
    const asg = this.#asgs.get(group)
    if (asg === undefined) throw new NodeGroupError({ kind: 'notFound', group }, `node group ${group} is not known`)
    return asg
  }
}

function refused(message: string): NodeGroupError {
  return new NodeGroupError({ kind: 'refused' }, message)
}
