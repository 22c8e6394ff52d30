import type * as Ec2 from '@aws-sdk/client-ec2'
import { assert, hours, ms, type Ms } from '@plimsoll/model'
import type { Clock, MachineNotice, Timer } from '@plimsoll/ports'
import type { InstanceType } from '../catalogue/instance-type.ts'
import { failure } from './failure.ts'
import type { Faults } from './faults.ts'
import type { Ids } from './ids.ts'
import { describeInstance } from './instance-description.ts'
import type { LaunchRequest } from './launch-request.ts'
import { noAddressLeft, type Network } from './network.ts'
import type { Timing } from './timing.ts'
import { zonesOf } from './zones.ts'

export type InstanceState = 'pending' | 'running' | 'shutting-down' | 'terminated' | 'stopping' | 'stopped'

export const stateCodes: { readonly [state in InstanceState]: number } = {
  pending: 0,
  running: 16,
  'shutting-down': 32,
  terminated: 48,
  stopping: 64,
  stopped: 80,
}

/** Terminated instances stay visible for about an hour. */
const terminatedVisibleFor = hours(1)

export interface InstanceRecord {
  readonly id: string
  readonly type: InstanceType
  readonly reservationId: string
  /** Who launched it: an account id, or a service's own. */
  readonly requesterId: string | undefined
  /** As DescribeInstances tells it; replaced on every change, never written to. */
  readonly described: Ec2.Instance
  readonly state: InstanceState
  readonly userData: string | undefined
  /** When the present state began. */
  readonly since: Ms
  /** When the status checks pass, counted from `running`. */
  readonly checkedAfter: Ms
  /** What was announced of its end. */
  readonly notice?: InstanceNotice
}

export interface InstanceNotice {
  readonly kind: MachineNotice
  /** When it ends; for a rebalance recommendation nobody knows. */
  readonly endsAt: Ms | undefined
}

export type InstanceListener = (record: InstanceRecord, before: InstanceState | undefined) => void

/** EC2's instances and what becomes of them on the clock. */
export class Instances {
  readonly #clock: Clock
  readonly #ids: Ids
  readonly #network: Network
  readonly #timing: Timing
  readonly #faults: Faults
  readonly #records = new Map<string, InstanceRecord>()
  readonly #timers = new Map<string, Timer>()
  readonly #listeners: InstanceListener[] = []
  readonly #noticeListeners: ((record: InstanceRecord, notice: InstanceNotice) => void)[] = []
  /** Announced ends. */
  readonly #announced = new Map<string, Timer>()
  /** Terminated ones in the order in which they leave. */
  readonly #leaving: { readonly id: string; readonly at: Ms }[] = []

  constructor(o: {
    readonly clock: Clock
    readonly ids: Ids
    readonly network: Network
    readonly timing: Timing
    readonly faults: Faults
  }) {
    this.#clock = o.clock
    this.#ids = o.ids
    this.#network = o.network
    this.#timing = o.timing
    this.#faults = o.faults
  }

  /** Called after every change of state, in order, each listener once. It must not throw. */
  onChange(listener: InstanceListener): () => void {
    this.#listeners.push(listener)
    return () => {
      const index = this.#listeners.indexOf(listener)
      if (index >= 0) this.#listeners.splice(index, 1)
    }
  }

  /** Called when an instance's end is announced. It must not throw. */
  onNotice(listener: (record: InstanceRecord, notice: InstanceNotice) => void): () => void {
    this.#noticeListeners.push(listener)
    return () => {
      const index = this.#noticeListeners.indexOf(listener)
      if (index >= 0) this.#noticeListeners.splice(index, 1)
    }
  }

  /** In order of launch; without those that were terminated more than an hour ago. */
  all(): readonly InstanceRecord[] {
    this.#forgetTerminated()
    return [...this.#records.values()]
  }

  get(id: string): InstanceRecord | undefined {
    this.#forgetTerminated()
    return this.#records.get(id)
  }

  /** @throws InvalidInstanceID.NotFound naming all that are unknown; InvalidInstanceID.Malformed */
  getAll(ids: readonly string[]): InstanceRecord[] {
    const malformed = ids.find((id) => !/^i-[0-9a-f]+$/.test(id))
    if (malformed !== undefined) throw failure('InvalidInstanceID.Malformed', `Invalid id: "${malformed}"`)
    const missing = ids.filter((id) => this.get(id) === undefined)
    if (missing.length === 1)
      throw failure('InvalidInstanceID.NotFound', `The instance ID '${missing[0]}' does not exist`)
    if (missing.length > 1)
      throw failure('InvalidInstanceID.NotFound', `The instance IDs '${missing.join(', ')}' do not exist`)
    return ids.map((id) => this.#records.get(id)!)
  }

  /** Takes up where an earlier process was: what it had begun takes its time again. */
  restore(records: readonly InstanceRecord[]): void {
    for (const record of records) {
      const { id, state, described } = record
      this.#records.set(id, record)
      if (described.SubnetId !== undefined && described.PrivateIpAddress !== undefined)
        this.#network.take(described.SubnetId, described.PrivateIpAddress)
      if (state === 'pending') this.#bootLater(id, record.type)
      else if (state === 'stopping')
        this.#later(id, this.#timing.draw('stop'), () => this.#move(id, 'stopped', userInitiated))
      else if (state === 'shutting-down')
        this.#later(id, this.#timing.draw('termination'), () => this.#move(id, 'terminated', userInitiated))
      else if (state === 'terminated') this.#leaving.push({ id, at: ms(record.since + terminatedVisibleFor) })
    }
    this.#leaving.sort((a, b) => a.at - b.at)
  }

  reservationId(): string {
    return this.#ids.resource('r')
  }

  /** Why the launch would fail now, in AWS's words; undefined when it would not. */
  launchFailure(request: Pick<LaunchRequest, 'type' | 'image' | 'subnetId' | 'lifecycle'>): Error | undefined {
    const { type, image, lifecycle } = request
    const subnet = this.#network.subnet(request.subnetId)
    const zone = subnet.AvailabilityZone!
    const architecture = type.architecture === 'arm64' ? 'arm64' : 'x86_64'
    if (image.Architecture !== architecture)
      return failure(
        'InvalidParameterValue',
        `The architecture '${architecture}' of the specified instance type does not match the architecture '${image.Architecture}' of the specified AMI. Specify an instance type and an AMI that have matching architectures, and try again. You can use 'describe-instance-types' or 'describe-images' to discover the architecture of the instance type or AMI.`,
      )
    if (subnet.AvailableIpAddressCount === 0) return noAddressLeft(request.subnetId)
    const { vcpusMax } = this.#faults
    if (lifecycle === 'on-demand' && vcpusMax < Infinity && this.#vcpusInUse() + type.vcpu > vcpusMax)
      return failure(
        'VcpuLimitExceeded',
        `You have requested more vCPU capacity than your current vCPU limit of ${vcpusMax} allows for the instance bucket that the specified instance type belongs to. Please visit http://aws.amazon.com/contact-us/ec2-request to request an adjustment to this limit.`,
      )
    if (!this.#faults.hasCapacity(type.name, zone, lifecycle)) return this.#insufficient(type, zone, lifecycle)
    return undefined
  }

  /** @throws {AwsError} capacity, quota, addresses, architecture */
  launch(request: LaunchRequest): InstanceRecord {
    const refused = this.launchFailure(request)
    if (refused !== undefined) throw refused
    const subnet = this.#network.subnet(request.subnetId)
    const address = request.privateAddress ?? this.#network.allocate(request.subnetId)
    this.#faults.takeCapacity(request.type.name, subnet.AvailabilityZone!, request.lifecycle)
    const id = this.#ids.resource('i')
    const record: InstanceRecord = {
      id,
      type: request.type,
      reservationId: request.reservationId ?? this.reservationId(),
      requesterId: request.requesterId,
      described: describeInstance(request, {
        id,
        address,
        network: this.#network,
        ids: this.#ids,
        now: this.#clock.now(),
      }),
      state: 'pending',
      userData: request.userData,
      since: this.#clock.now(),
      checkedAfter: this.#timing.draw('statusChecks'),
    }
    this.#records.set(id, record)
    this.#announce(record, undefined)
    this.#bootLater(id, request.type)
    return this.#records.get(id)!
  }

  /** Ends `pending` at once: for a world that is already there. */
  runNow(id: string): void {
    this.#timers.get(id)?.cancel()
    this.#timers.delete(id)
    if (this.#records.get(id)?.state === 'pending') this.#move(id, 'running')
  }

  /** Begins termination; what is terminated or on its way stays so. Returns the record before and after. */
  terminate(id: string, reason: { readonly code: string; readonly message: string } = userInitiated): Transition {
    const before = this.#records.get(id)
    assert(before !== undefined, 'only known instances are terminated')
    if (before.state === 'terminated' || before.state === 'shutting-down') return { before, after: before }
    const stopped = before.state === 'stopped'
    this.#move(id, 'shutting-down', reason)
    if (stopped) this.#move(id, 'terminated', reason)
    else this.#later(id, this.#timing.draw('termination'), () => this.#move(id, 'terminated', reason))
    return { before, after: this.#records.get(id)! }
  }

  /** Gone at once, without notice: its hardware failed. */
  vanish(id: string): void {
    this.terminate(id, hardwareFailure)
    this.#timers.get(id)?.cancel()
    this.#timers.delete(id)
    if (this.#records.get(id)?.state === 'shutting-down') this.#move(id, 'terminated', hardwareFailure)
  }

  /** Spot capacity is taken back `notice` from now, or `rebalance` later with a recommendation at once. */
  interrupt(id: string, notice: Ms, rebalance?: Ms): void {
    const warn = (): void =>
      this.#announceEnd(id, 'spotInterruption', notice, () => this.terminate(id, spotTermination))
    if (rebalance === undefined) return warn()
    this.#tellNotice(id, { kind: 'rebalance', endsAt: undefined })
    this.#whenAnnounced(id, rebalance, warn)
  }

  /** Its hardware is retired `after` a while: an event that DescribeInstanceStatus shows, then a stop. */
  retire(id: string, after: Ms): void {
    this.#announceEnd(id, 'retirement', after, () => {
      if (this.#records.get(id)?.state === 'running') this.stop(id, retired)
    })
  }

  #announceEnd(id: string, kind: MachineNotice, after: Ms, end: () => void): void {
    this.#tellNotice(id, { kind, endsAt: ms(this.#clock.now() + after) })
    this.#whenAnnounced(id, after, end)
  }

  #tellNotice(id: string, notice: InstanceNotice): void {
    const record = this.#records.get(id)
    if (record === undefined || !isAlive(record)) return
    const noticed = { ...record, notice }
    this.#records.set(id, noticed)
    for (const listener of this.#noticeListeners.slice()) listener(noticed, notice)
  }

  #whenAnnounced(id: string, after: Ms, then: () => void): void {
    this.#announced.get(id)?.cancel()
    this.#announced.set(
      id,
      this.#clock.after(after, () => {
        this.#announced.delete(id)
        if (isAlive(this.#records.get(id))) then()
      }),
    )
  }

  stop(id: string, reason: typeof userInitiated | typeof retired = userInitiated): Transition {
    const before = this.#records.get(id)!
    if (before.state === 'stopped' || before.state === 'stopping') return { before, after: before }
    if (before.state !== 'running') throw incorrectState(before, 'stopped')
    this.#move(id, 'stopping', reason)
    this.#later(id, this.#timing.draw('stop'), () => this.#move(id, 'stopped', reason))
    return { before, after: this.#records.get(id)! }
  }

  start(id: string): Transition {
    const before = this.#records.get(id)!
    if (before.state === 'running' || before.state === 'pending') return { before, after: before }
    if (before.state !== 'stopped') throw incorrectState(before, 'started')
    this.#move(id, 'pending')
    this.#bootLater(id, before.type)
    return { before, after: this.#records.get(id)! }
  }

  setTags(id: string, tags: readonly { Key: string; Value: string }[]): void {
    this.#update(id, { Tags: [...tags] })
  }

  #bootLater(id: string, type: InstanceType): void {
    const times = type.hypervisor === 'metal' ? 10 : type.gpu !== undefined ? 2 : 1
    this.#later(id, this.#timing.draw('launch', times), () => this.#move(id, 'running'))
  }

  #later(id: string, delay: Ms, callback: () => void): void {
    this.#timers.get(id)?.cancel()
    this.#timers.set(
      id,
      this.#clock.after(delay, () => {
        this.#timers.delete(id)
        callback()
      }),
    )
  }

  #move(id: string, state: InstanceState, reason?: { readonly code: string; readonly message: string }): void {
    const before = this.#records.get(id)!
    const now = this.#clock.now()
    const gone = state === 'terminated'
    const address = before.described.PrivateIpAddress
    if (gone && address !== undefined) this.#network.release(before.described.SubnetId!, address)
    const after: InstanceRecord = {
      ...before,
      state,
      since: now,
      described: {
        ...(gone ? withoutNetwork(before.described) : before.described),
        State: { Code: stateCodes[state], Name: state },
        ...(state === 'pending' ? { LaunchTime: new Date(now) } : {}),
        ...(reason === undefined
          ? { StateTransitionReason: '', StateReason: undefined }
          : {
              StateTransitionReason: `${reason.code === userInitiated.code ? 'User initiated' : reason.code} (${gmt(now)})`,
              StateReason: { Code: reason.code, Message: reason.message },
            }),
      },
    }
    this.#records.set(id, after)
    if (gone) this.#leaving.push({ id, at: ms(now + terminatedVisibleFor) })
    this.#announce(after, before.state)
  }

  #update(id: string, change: Partial<Ec2.Instance>): void {
    const record = this.#records.get(id)!
    this.#records.set(id, { ...record, described: { ...record.described, ...change } })
  }

  #announce(record: InstanceRecord, before: InstanceState | undefined): void {
    for (const listener of this.#listeners.slice()) listener(record, before)
  }

  #forgetTerminated(): void {
    const now = this.#clock.now()
    while (this.#leaving.length > 0 && this.#leaving[0]!.at <= now) this.#records.delete(this.#leaving.shift()!.id)
  }

  #vcpusInUse(): number {
    let vcpus = 0
    for (const record of this.#records.values())
      if (record.state !== 'terminated' && record.described.InstanceLifecycle === undefined) vcpus += record.type.vcpu
    return vcpus
  }

  #insufficient(type: InstanceType, zone: string, lifecycle: 'on-demand' | 'spot'): Error {
    if (lifecycle === 'spot')
      return failure(
        'InsufficientInstanceCapacity',
        'There is no Spot capacity available that matches your request.',
        500,
      )
    const others = zonesOf(this.#network.region)
      .map((z) => z.name)
      .filter((name) => name !== zone && this.#faults.hasCapacity(type.name, name, lifecycle))
    const advice =
      others.length === 0
        ? ''
        : ` You can currently get ${type.name} capacity by not specifying an Availability Zone in your request or choosing ${others.join(', ')}.`
    return failure(
      'InsufficientInstanceCapacity',
      `We currently do not have sufficient ${type.name} capacity in the Availability Zone you requested (${zone}). Our system will be working on provisioning additional capacity.${advice}`,
      500,
    )
  }
}

export interface Transition {
  readonly before: InstanceRecord
  readonly after: InstanceRecord
}

const userInitiated = {
  code: 'Client.UserInitiatedShutdown',
  message: 'Client.UserInitiatedShutdown: User initiated shutdown',
} as const

const hardwareFailure = {
  code: 'Server.InternalError',
  message: 'Server.InternalError: Internal error',
} as const

const spotTermination = {
  code: 'Server.SpotInstanceTermination',
  message: 'Server.SpotInstanceTermination: Spot instance termination',
} as const

const retired = {
  code: 'Server.ScheduledStop',
  message: 'Server.ScheduledStop: Stopped due to scheduled retirement',
} as const

/** What DescribeInstances no longer tells of a terminated instance. */
function withoutNetwork(instance: Ec2.Instance): Ec2.Instance {
  const {
    PrivateIpAddress: _address,
    PublicIpAddress: _public,
    SubnetId: _subnet,
    VpcId: _vpc,
    IamInstanceProfile: _profile,
    ...rest
  } = instance
  return {
    ...rest,
    PrivateDnsName: '',
    PublicDnsName: '',
    NetworkInterfaces: [],
    SecurityGroups: [],
    BlockDeviceMappings: [],
  }
}

function incorrectState(record: InstanceRecord, wanted: string): Error {
  return failure(
    'IncorrectInstanceState',
    `The instance '${record.id}' is not in a state from which it can be ${wanted}.`,
  )
}

/** `2026-11-23 22:03:26 GMT` */
function gmt(at: Ms): string {
  return `${new Date(at).toISOString().slice(0, 19).replace('T', ' ')} GMT`
}

export function isAlive(record: InstanceRecord | undefined): boolean {
  return record !== undefined && (record.state === 'pending' || record.state === 'running')
}
