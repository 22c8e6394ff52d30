import type * as AutoScaling from '@aws-sdk/client-auto-scaling'
import { assert, ms, seconds, type Ms } from '@plimsoll/model'
import { AwsError, type Clock, type Random } from '@plimsoll/ports'
import { finishActivity, instant, recordActivity } from './activities.ts'
import { failure } from './failure.ts'
import {
  activeMembers,
  counts,
  isSuspended,
  type Group,
  type GroupSettings,
  type GroupTag,
  type Member,
  type Process,
} from './group.ts'
import type { Ids } from './ids.ts'
import type { Images } from './images.ts'
import { isAlive, type InstanceRecord, type Instances, type InstanceState } from './instances.ts'
import { resolveLaunchSpec, type LaunchSpec } from './launch-spec.ts'
import type { LaunchTemplates } from './launch-templates.ts'
import type { Network } from './network.ts'
import { imbalance, onDemandShare, victim, zonesToLaunchIn, type VictimFacts } from './scaling.ts'
import { mergeTags, type Tag } from './tags.ts'
import type { Timing } from './timing.ts'

const retryFirst = seconds(30)
const retryMax = seconds(900)

interface Ports {
  readonly clock: Clock
  readonly random: Random
  readonly ids: Ids
  readonly timing: Timing
  readonly network: Network
  readonly images: Images
  readonly instances: Instances
  readonly launchTemplates: LaunchTemplates
  readonly region: string
  readonly accountId: string
}

/**
 * Auto Scaling groups. A group acts when it was changed, when a member's instance changes, and when a retry is due:
 * while nothing happens there is no timer.
 */
export class Groups {
  readonly launchConfigurations: Map<string, AutoScaling.LaunchConfiguration> = new Map()
  readonly #o: Ports
  readonly #groups = new Map<string, Group>()
  readonly #groupOfInstance = new Map<string, Group>()

  constructor(o: Ports) {
    this.#o = o
    o.instances.onChange((record, before) => this.#instanceChanged(record, before))
  }

  /** By name. */
  all(): readonly Group[] {
    return [...this.#groups.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1))
  }

  /** Takes up groups of an earlier process: each looks at once whether something is to be done. */
  restore(groups: readonly Group[]): void {
    for (const group of groups) {
      this.#groups.set(group.name, group)
      for (const id of group.members.keys()) this.#groupOfInstance.set(id, group)
      this.#wake(group, this.#o.timing.draw('groupReaction'))
    }
  }

  find(name: string): Group | undefined {
    return this.#groups.get(name)
  }

  /** @throws ValidationError `AutoScalingGroup name not found - null` */
  group(name: string): Group {
    const group = this.#groups.get(name)
    if (group === undefined) throw failure('ValidationError', 'AutoScalingGroup name not found - null')
    return group
  }

  groupOfInstance(instanceId: string): Group | undefined {
    return this.#groupOfInstance.get(instanceId)
  }

  /** @throws AlreadyExists; ValidationError when the bounds do not hold or nothing can be launched from it */
  create(name: string, settings: GroupSettings, tags: readonly GroupTag[]): Group {
    if (this.#groups.has(name))
      throw failure(
        'AlreadyExists',
        'AutoScalingGroup by this name already exists - A group with the name ' + name + ' already exists',
      )
    checkBounds(settings)
    if (settings.subnetIds.length === 0)
      throw failure('ValidationError', 'At least one Availability Zone or VPC Subnet is required.')
    const { region, accountId, ids, clock } = this.#o
    const now = clock.now()
    const group: Group = {
      name,
      arn: `arn:aws:autoscaling:${region}:${accountId}:autoScalingGroup:${ids.uuid()}:autoScalingGroupName/${name}`,
      createdAt: now,
      settings,
      tags,
      members: new Map(),
      suspended: new Map(),
      activities: new Map(),
      running: new Map(),
      causes: [],
      failures: 0,
      retryAt: now,
      rebalanceAt: undefined,
      lastScaledAt: undefined,
      deleting: false,
      wake: undefined,
      described: undefined,
    }
    this.#spec(settings) // refuses a group that could never launch
    this.#groups.set(name, group)
    this.#because(
      group,
      `a user request created an AutoScalingGroup changing the desired capacity from 0 to ${settings.desired}`,
    )
    this.#react(group)
    return group
  }

  /** Launches what is missing and has it running at once: for a world that is already there. */
  fillNow(group: Group): void {
    group.wake?.timer.cancel()
    group.wake = undefined
    this.#reconcile(group, { started: true })
  }

  /** A change of settings by a user. @throws ValidationError when the bounds do not hold */
  update(group: Group, change: Partial<GroupSettings>): void {
    const before = group.settings
    const next = { ...before, ...change }
    if (next.maxSize < next.minSize) checkBounds(next)
    const desired = change.desired ?? Math.min(next.maxSize, Math.max(next.minSize, before.desired))
    const settings = { ...next, desired }
    checkBounds(settings)
    // Refuses what could never launch.
    if ('launchTemplate' in change) this.#spec(settings)
    group.settings = settings
    group.described = undefined
    const constrained = before.minSize !== settings.minSize || before.maxSize !== settings.maxSize
    if (desired !== before.desired)
      this.#because(
        group,
        constrained
          ? `a user request update of AutoScalingGroup constraints to min: ${settings.minSize}, max: ${settings.maxSize}, desired: ${desired} changing the desired capacity from ${before.desired} to ${desired}`
          : `a user request explicitly set group desired capacity changing the desired capacity from ${before.desired} to ${desired}`,
      )
    this.#react(group)
  }

  /** @throws ValidationError outside the bounds; ScalingActivityInProgress during a cooldown that is to be honoured */
  setDesired(group: Group, desired: number, honorCooldown: boolean): void {
    const { minSize, maxSize, cooldownSeconds } = group.settings
    if (desired > maxSize)
      throw failure(
        'ValidationError',
        `New SetDesiredCapacity value ${desired} is above max value ${maxSize} for the AutoScalingGroup.`,
      )
    if (desired < minSize)
      throw failure(
        'ValidationError',
        `New SetDesiredCapacity value ${desired} is below min value ${minSize} for the AutoScalingGroup.`,
      )
    const now = this.#o.clock.now()
    if (honorCooldown && group.lastScaledAt !== undefined && now < group.lastScaledAt + cooldownSeconds * 1000)
      throw failure(
        'ScalingActivityInProgress',
        `AutoScalingGroup ${group.name} is in cooldown after a scaling activity.`,
      )
    if (desired === group.settings.desired) return
    this.update(group, { desired })
  }

  setTags(group: Group, tags: readonly GroupTag[]): void {
    group.tags = tags
    group.described = undefined
  }

  suspend(group: Group, processes: readonly Process[]): void {
    const reason = `User suspended at ${instant(this.#o.clock.now())}`
    for (const process of processes) if (!group.suspended.has(process)) group.suspended.set(process, reason)
    group.described = undefined
  }

  resume(group: Group, processes: readonly Process[]): void {
    for (const process of processes) group.suspended.delete(process)
    group.described = undefined
    this.#react(group)
  }

  setProtection(group: Group, instanceIds: readonly string[], isProtected: boolean): void {
    for (const id of instanceIds) this.#member(group, id, { isProtected })
    this.#react(group)
  }

  setHealth(instanceId: string, health: Member['health']): void {
    const group = this.#groupOrThrow(instanceId)
    this.#member(group, instanceId, { health })
    this.#react(group)
  }

  /** @throws ValidationError when the instance is in no group, or the group would fall below its minimum */
  terminateInstance(instanceId: string, decrement: boolean): AutoScaling.Activity {
    const group = this.#groupOrThrow(instanceId)
    const member = group.members.get(instanceId)!
    const { desired, minSize } = group.settings
    const running = group.running.get(`Terminating EC2 instance: ${instanceId}`)
    if (!counts(member) && running !== undefined) return group.activities.get(running)!
    if (decrement && desired <= minSize)
      throw failure(
        'ValidationError',
        `Currently, desiredSize equals minSize (${minSize}). Terminating instance without replacement will violate group's min size constraint. Either set shouldDecrementDesiredCapacity flag to false or lower group's min size.`,
      )
    if (decrement) group.settings = { ...group.settings, desired: desired - 1 }
    const shrinking = decrement ? `, shrinking the capacity from ${desired} to ${desired - 1}` : ''
    const activity = this.#terminate(
      group,
      member,
      `At ${instant(this.#o.clock.now())} instance ${instanceId} was taken out of service in response to a user request${shrinking}.`,
    )
    this.#react(group)
    return activity
  }

  /** @throws ResourceInUse while it has instances, unless forced */
  delete(group: Group, force: boolean): void {
    if (!force && group.members.size > 0)
      throw failure(
        'ResourceInUse',
        'You cannot delete an AutoScalingGroup while there are instances or pending Spot instance request(s) still in the group.',
      )
    group.deleting = true
    group.settings = { ...group.settings, minSize: 0, maxSize: 0, desired: 0 }
    group.described = undefined
    for (const member of activeMembers(group))
      this.#terminate(
        group,
        member,
        `At ${instant(this.#o.clock.now())} an instance was taken out of service in response to a user request to delete the AutoScalingGroup.`,
      )
    this.#forgetIfDeleted(group)
  }

  // Reconciling

  #reconcile(group: Group, o: { readonly started: boolean } = { started: false }): void {
    if (group.deleting) return
    const now = this.#o.clock.now()
    const replaced = this.#replaceUnhealthy(group)
    const { desired } = group.settings
    const active = activeMembers(group)
    if (active.length <= desired)
      for (const { id, balancing } of active) if (balancing) this.#member(group, id, { balancing: false })
    if (active.length < desired) {
      if (!isSuspended(group, 'Launch') && now >= group.retryAt)
        this.#launchMissing(group, active.length, replaced, o.started)
    } else if (active.length > desired) {
      const balancing = active.some((member) => member.balancing && member.lifecycle === 'Pending')
      if (!isSuspended(group, 'Terminate') && !balancing) this.#shrink(group, active.length)
    } else {
      group.causes = []
    }
    this.#balance(group)
    this.#scheduleNext(group)
  }

  #launchMissing(group: Group, active: number, replaced: number, started: boolean): void {
    const { desired } = group.settings
    const now = this.#o.clock.now()
    const missing = desired - active
    const difference = `At ${instant(now)} an instance was started in response to a difference between desired and actual capacity, increasing the capacity from ${active} to ${desired}.`
    const cause = [...group.causes, difference].join('  ')
    const replacement = `At ${instant(now)} an instance was launched in response to an unhealthy instance needing to be replaced.`
    group.causes = []
    for (let n = 0; n < missing; n++)
      if (!this.#launch(group, { cause: n < replaced ? replacement : cause, started, balancing: false })) return
  }

  /** One instance, in the first zone that has room. False when all zones refused: a retry is then due. */
  #launch(
    group: Group,
    o: { readonly cause: string; readonly started: boolean; readonly balancing: boolean; readonly zone?: string },
  ): boolean {
    const zones = o.zone === undefined ? zonesToLaunchIn(group, this.zones(group), this.#o.random) : [o.zone]
    for (const zone of zones) if (this.#launchIn(group, zone, o)) return true
    group.failures++
    const backOff = Math.min(retryMax, retryFirst * 2 ** (group.failures - 1))
    group.retryAt = ms(this.#o.clock.now() + Math.max(1000, this.#o.timing.scaled(ms(backOff))))
    return false
  }

  #launchIn(
    group: Group,
    zone: string,
    o: { readonly cause: string; readonly started: boolean; readonly balancing: boolean },
  ): boolean {
    const { instances, clock } = this.#o
    const now = clock.now()
    const subnetId = this.#subnetIn(group, zone)
    const details = JSON.stringify({ 'Subnet ID': subnetId, 'Availability Zone': zone })
    const refuse = (error: unknown): false => {
      if (!(error instanceof AwsError)) throw error
      const reason = `${error.message} Launching EC2 instance failed.`
      this.#record(group, {
        Description: `Launching a new EC2 instance.  Status Reason: ${reason}`,
        Cause: o.cause,
        Details: details,
        StatusCode: 'Failed',
        StatusMessage: reason,
        Progress: 100,
        EndTime: new Date(now),
      })
      return false
    }
    let lastError: unknown
    try {
      const spec = this.#spec(group.settings)
      const lifecycle = this.#lifecycleToLaunch(group, spec)
      for (const type of spec.types) {
        const request = { type, image: spec.image, subnetId, lifecycle }
        lastError = instances.launchFailure(request)
        if (lastError !== undefined) continue
        const launched = instances.launch({
          ...request,
          ...spec,
          requesterId: '940372691376',
          tags: mergeTags(spec.tags, propagated(group.tags), systemTags(group, spec)),
        })
        this.#join(group, launched, spec, o)
        // A world that is already there: its instances run at once, but only after they joined may anyone hear it.
        if (o.started) instances.runNow(launched.id)
        return true
      }
    } catch (error) {
      lastError = error
    }
    return refuse(lastError)
  }

  #join(
    group: Group,
    record: InstanceRecord,
    spec: LaunchSpec,
    o: { readonly cause: string; readonly balancing: boolean },
  ): void {
    const now = this.#o.clock.now()
    const zone = record.described.Placement!.AvailabilityZone!
    this.#record(group, {
      Description: `Launching a new EC2 instance: ${record.id}`,
      Cause: o.cause,
      Details: JSON.stringify({ 'Subnet ID': record.described.SubnetId, 'Availability Zone': zone }),
      StatusCode: 'PreInService',
      Progress: 30,
    })
    group.members.set(record.id, {
      id: record.id,
      type: record.type.name,
      zone,
      lifecycle: 'Pending',
      health: 'Healthy',
      isProtected: group.settings.protectNewInstances,
      launchTemplate: spec.launchTemplate,
      launchConfiguration: group.settings.launchConfiguration,
      joinedAt: now,
      balancing: o.balancing,
    })
    group.described = undefined
    this.#groupOfInstance.set(record.id, group)
  }

  #shrink(group: Group, active: number): void {
    const { desired } = group.settings
    const now = instant(this.#o.clock.now())
    const balanced = [...group.members.values()].filter((member) => member.balancing)
    const why =
      balanced.length > 0
        ? `At ${now} instances were launched to balance instances in zones ${[...new Set(balanced.map((m) => m.zone))].join(' ')} with other zones resulting in more than desired number of instances in the group.`
        : group.causes.join('  ')
    group.causes = []
    for (const member of balanced) this.#member(group, member.id, { balancing: false })
    for (let size = active; size > desired; size--) {
      const leaving = victim(group, this.zones(group), this.#victimFacts(group), this.#o.random)
      if (leaving === undefined) {
        this.#record(group, {
          Description:
            'Terminating EC2 instance.  Status Reason: Could not scale to desired capacity because all remaining instances are protected from scale-in.',
          Cause: `${why === '' ? '' : `${why}  `}At ${now} an instance was taken out of service in response to a difference between desired and actual capacity, shrinking the capacity from ${active} to ${desired}.`,
          StatusCode: 'Cancelled',
          StatusMessage:
            'Could not scale to desired capacity because all remaining instances are protected from scale-in.',
          Progress: 100,
          EndTime: new Date(this.#o.clock.now()),
        })
        return
      }
      const cause = [
        ...(why === '' ? [] : [why]),
        `At ${now} an instance was taken out of service in response to a difference between desired and actual capacity, shrinking the capacity from ${active} to ${desired}.`,
        `At ${now} instance ${leaving.id} was selected for termination.`,
      ].join('  ')
      this.#terminate(group, leaving, cause)
    }
  }

  /** How many members were taken out of service because their instances are not well. */
  #replaceUnhealthy(group: Group): number {
    let replaced = 0
    for (const member of activeMembers(group)) {
      const alive = isAlive(this.#o.instances.get(member.id))
      if (!alive && !isSuspended(group, 'HealthCheck')) this.#member(group, member.id, { health: 'Unhealthy' })
      const current = group.members.get(member.id)!
      if (current.health === 'Healthy' || isSuspended(group, 'ReplaceUnhealthy')) continue
      const check = alive ? 'a user health-check' : 'an EC2 health check indicating it has been terminated or stopped'
      this.#terminate(
        group,
        current,
        `At ${instant(this.#o.clock.now())} an instance was taken out of service in response to ${check}.`,
      )
      replaced++
    }
    return replaced
  }

  #balance(group: Group): void {
    const zones = this.zones(group)
    const members = [...group.members.values()]
    const settled = members.every((member) => member.lifecycle === 'InService')
    const off = isSuspended(group, 'AZRebalance') || isSuspended(group, 'Launch') || isSuspended(group, 'Terminate')
    if (off || !settled || members.length !== group.settings.desired || zones.length < 2) {
      group.rebalanceAt = undefined
      return
    }
    const { difference, emptiest } = imbalance(group, zones)
    const now = this.#o.clock.now()
    if (difference < 2) {
      group.rebalanceAt = undefined
    } else if (group.rebalanceAt === undefined) {
      group.rebalanceAt = ms(Math.max(now + this.#o.timing.draw('rebalance'), group.retryAt))
    } else if (now >= group.rebalanceAt) {
      const others = zones.filter((zone) => zone !== emptiest).join(' ')
      const cause = `At ${instant(now)} an instance was launched to aid in balancing the group's zones: ${emptiest} had ${difference} instances fewer than others of ${others}.`
      const launched = this.#launch(group, { cause, started: false, balancing: true, zone: emptiest })
      group.rebalanceAt = launched ? undefined : group.retryAt
    }
  }

  #scheduleNext(group: Group): void {
    const now = this.#o.clock.now()
    const active = activeMembers(group).length
    if (active < group.settings.desired && !isSuspended(group, 'Launch') && group.retryAt > now)
      this.#wake(group, ms(group.retryAt - now))
    if (group.rebalanceAt !== undefined) this.#wake(group, ms(Math.max(0, group.rebalanceAt - now)))
  }

  /** The group sees a change after a moment. */
  #react(group: Group): void {
    group.retryAt = this.#o.clock.now()
    this.#wake(group, this.#o.timing.draw('groupReaction'))
  }

  #wake(group: Group, delay: Ms): void {
    const { clock } = this.#o
    const at = ms(clock.now() + delay)
    if (group.wake !== undefined && group.wake.at <= at) return
    group.wake?.timer.cancel()
    const timer = clock.after(delay, () => {
      group.wake = undefined
      this.#reconcile(group)
    })
    group.wake = { at, timer }
  }

  // Members and their instances

  #instanceChanged(record: InstanceRecord, before: InstanceState | undefined): void {
    const group = this.#groupOfInstance.get(record.id)
    const member = group?.members.get(record.id)
    if (group === undefined || member === undefined || before === undefined) return
    if (record.state === 'running' && member.lifecycle === 'Pending') {
      this.#member(group, record.id, { lifecycle: 'InService' })
      finishActivity(group, this.#o.clock.now(), `Launching a new EC2 instance: ${record.id}`)
      group.failures = 0
      group.lastScaledAt = this.#o.clock.now()
      this.#balance(group)
      this.#scheduleNext(group)
      if (member.balancing) this.#wake(group, this.#o.timing.draw('groupReaction'))
    } else if (record.state === 'terminated' && member.lifecycle === 'Terminating') {
      this.#leave(group, member.id)
    } else if (counts(member) && !isAlive(record)) {
      this.#wake(group, this.#o.timing.draw('healthCheck'))
    }
  }

  #terminate(group: Group, member: Member, cause: string): AutoScaling.Activity {
    const { instances } = this.#o
    this.#member(group, member.id, { lifecycle: 'Terminating', balancing: false })
    const activity = this.#record(group, {
      Description: `Terminating EC2 instance: ${member.id}`,
      Cause: cause,
      Details: JSON.stringify({
        'Subnet ID': instances.get(member.id)?.described.SubnetId,
        'Availability Zone': member.zone,
      }),
      StatusCode: 'InProgress',
      Progress: 0,
    })
    const state = instances.get(member.id)?.state
    if (state === undefined || state === 'terminated') this.#leave(group, member.id)
    else instances.terminate(member.id)
    return activity
  }

  #leave(group: Group, instanceId: string): void {
    group.members.delete(instanceId)
    this.#groupOfInstance.delete(instanceId)
    group.lastScaledAt = this.#o.clock.now()
    group.described = undefined
    finishActivity(group, this.#o.clock.now(), `Terminating EC2 instance: ${instanceId}`)
    if (group.deleting) this.#forgetIfDeleted(group)
    else {
      this.#balance(group)
      this.#scheduleNext(group)
    }
  }

  #forgetIfDeleted(group: Group): void {
    if (group.members.size > 0) return
    group.wake?.timer.cancel()
    this.#groups.delete(group.name)
  }

  #member(group: Group, id: string, change: Partial<Member>): void {
    const member = group.members.get(id)
    if (member === undefined)
      throw failure('ValidationError', `The instance ${id} is not part of Auto Scaling group ${group.name}.`)
    group.members.set(id, { ...member, ...change })
    group.described = undefined
  }

  #groupOrThrow(instanceId: string): Group {
    const group = this.#groupOfInstance.get(instanceId)
    if (group === undefined)
      throw failure(
        'ValidationError',
        `Instance Id not found - No managed instance found for instance ID ${instanceId}`,
      )
    return group
  }

  // Activities

  #because(group: Group, what: string): void {
    group.causes = [...group.causes, `At ${instant(this.#o.clock.now())} ${what}.`]
  }

  #record(group: Group, activity: Partial<AutoScaling.Activity>): AutoScaling.Activity {
    return recordActivity(group, activity, { now: this.#o.clock.now(), id: this.#o.ids.uuid() })
  }

  // What to launch

  #spec(settings: GroupSettings): LaunchSpec {
    const { images, launchTemplates, region, accountId } = this.#o
    return resolveLaunchSpec(settings, {
      images,
      launchTemplates,
      launchConfigurations: this.launchConfigurations,
      region,
      accountId,
    })
  }

  /** The zones of the group's subnets, by name. */
  zones(group: Group): string[] {
    const zones = group.settings.subnetIds.map((id) => this.#o.network.subnet(id).AvailabilityZone!)
    return [...new Set(zones)].toSorted()
  }

  /** The subnet with the most free addresses in a zone. */
  #subnetIn(group: Group, zone: string): string {
    const subnets = group.settings.subnetIds
      .map((id) => this.#o.network.subnet(id))
      .filter((subnet) => subnet.AvailabilityZone === zone)
      .toSorted((a, b) => b.AvailableIpAddressCount! - a.AvailableIpAddressCount!)
    assert(subnets[0] !== undefined, 'a zone of the group has a subnet')
    return subnets[0].SubnetId!
  }

  #lifecycleToLaunch(group: Group, spec: LaunchSpec): 'on-demand' | 'spot' {
    if (spec.isSpot) return 'spot'
    const onDemand = [...group.members.values()].filter((m) => counts(m) && !this.#isSpot(m)).length
    return onDemand < onDemandShare(group) ? 'on-demand' : 'spot'
  }

  #isSpot(member: Member): boolean {
    return this.#o.instances.get(member.id)?.described.InstanceLifecycle === 'spot'
  }

  #victimFacts(group: Group): VictimFacts {
    const { clock, instances } = this.#o
    const active = activeMembers(group)
    const spot = active.filter((member) => this.#isSpot(member)).length
    return {
      isSpot: (member) => this.#isSpot(member),
      templateVersion: (member) => Number(member.launchTemplate?.Version ?? 0),
      untilBillingHour: (member) => {
        const launched = instances.get(member.id)?.described.LaunchTime?.getTime() ?? 0
        return 3_600_000 - ((clock.now() - launched) % 3_600_000)
      },
      spotExcess:
        group.settings.mixedInstances === undefined ? 0 : spot - (group.settings.desired - onDemandShare(group)),
    }
  }
}

function propagated(tags: readonly GroupTag[]): Tag[] {
  return tags.filter((tag) => tag.propagate).map((tag) => ({ Key: tag.key, Value: tag.value }))
}

function checkBounds(settings: GroupSettings): void {
  const { minSize, maxSize, desired } = settings
  if (maxSize < minSize)
    throw failure('ValidationError', `Max bound, ${maxSize}, must be greater than or equal to min bound, ${minSize}`)
  if (desired < minSize || desired > maxSize)
    throw failure(
      'ValidationError',
      `Desired capacity:${desired} must be between the specified min size:${minSize} and max size:${maxSize}`,
    )
}

function systemTags(group: Group, spec: LaunchSpec): Tag[] {
  return [
    { Key: 'aws:autoscaling:groupName', Value: group.name },
    ...(spec.launchTemplate === undefined
      ? []
      : [
          { Key: 'aws:ec2launchtemplate:id', Value: spec.launchTemplate.LaunchTemplateId },
          { Key: 'aws:ec2launchtemplate:version', Value: spec.launchTemplate.Version },
        ]),
  ]
}
