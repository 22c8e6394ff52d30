import { onDemandPrice, instanceTypes } from '../src/index.ts'
import { describe, expect, it } from 'vitest'
import { laboratory, type Laboratory } from './laboratory.ts'

type Answer = { readonly [member: string]: unknown }

function ec2(lab: Laboratory, operation: string, input: object = {}): Promise<Answer> {
  return lab.aws.invoke('ec2', operation, input, { requestId: 'r', accessKey: '' }) as Promise<Answer>
}

interface Run {
  readonly InstanceType?: string
  readonly SubnetId?: string
  readonly ClientToken?: string
  readonly MinCount?: number
  readonly MaxCount?: number
  readonly DryRun?: boolean
  readonly TagSpecifications?: unknown
}

async function run(lab: Laboratory, input: Run = {}): Promise<{ InstanceId: string; State: { Name: string } }[]> {
  const image = lab.aws.cloud.images.eks({ version: '1.35', architecture: 'x86_64' })
  const answer = await ec2(lab, 'RunInstances', {
    ImageId: image.ImageId,
    InstanceType: 'm5.large',
    SubnetId: lab.world.subnetIds[0],
    MinCount: 1,
    MaxCount: 1,
    ...input,
  })
  return answer['Instances'] as { InstanceId: string; State: { Name: string } }[]
}

async function stateOf(lab: Laboratory, id: string): Promise<string | undefined> {
  const { Reservations } = await lab.api.call('ec2', 'DescribeInstances', {
    Filters: [{ Name: 'instance-id', Values: [id] }],
  })
  return Reservations![0]?.Instances![0]!.State!.Name
}

describe('an instance', () => {
  it('lives through its states and is forgotten an hour after its end', async () => {
    const lab = laboratory()
    const [instance] = await run(lab)
    const id = instance!.InstanceId
    const seen: (string | undefined)[] = [instance!.State.Name]
    await lab.run(120)
    seen.push(await stateOf(lab, id))
    await lab.api.call('ec2', 'TerminateInstances', { InstanceIds: [id] })
    seen.push(await stateOf(lab, id))
    await lab.run(300)
    seen.push(await stateOf(lab, id))
    await lab.run(3200)
    seen.push(await stateOf(lab, id))
    await lab.run(400)
    seen.push(await stateOf(lab, id))
    expect(seen).toEqual(['pending', 'running', 'shutting-down', 'terminated', 'terminated', undefined])
  })

  it('takes an address of its subnet and gives it back', async () => {
    const lab = laboratory()
    const free = async (): Promise<number | undefined> => {
      const { Subnets } = await lab.api.call('ec2', 'DescribeSubnets', { SubnetIds: [lab.world.subnetIds[0]!] })
      return Subnets![0]!.AvailableIpAddressCount
    }
    expect(await free()).toBe(250)
    const launched = await run(lab, { MinCount: 5, MaxCount: 5 })
    expect(await free()).toBe(245)
    await lab.api.call('ec2', 'TerminateInstances', { InstanceIds: launched.map((i) => i.InstanceId) })
    await lab.run(300)
    expect(await free()).toBe(250)
  })

  it('is terminated twice without complaint; one unknown id fails the whole call', async () => {
    const lab = laboratory()
    const [instance] = await run(lab)
    const id = instance!.InstanceId
    await lab.api.call('ec2', 'TerminateInstances', { InstanceIds: [id] })
    await lab.run(300)
    const { TerminatingInstances } = await lab.api.call('ec2', 'TerminateInstances', { InstanceIds: [id] })
    expect(TerminatingInstances![0]).toMatchObject({
      PreviousState: { Code: 48, Name: 'terminated' },
      CurrentState: { Code: 48, Name: 'terminated' },
    })
    await expect(
      lab.api.call('ec2', 'TerminateInstances', { InstanceIds: [id, 'i-00000000000000001', 'i-00000000000000002'] }),
    ).rejects.toMatchObject({
      code: 'InvalidInstanceID.NotFound',
      message: "The instance IDs 'i-00000000000000001, i-00000000000000002' do not exist",
    })
  })

  it('is launched once for one client token', async () => {
    const lab = laboratory()
    const first = await run(lab, { ClientToken: 'token' })
    expect(await run(lab, { ClientToken: 'token' })).toEqual(first)
    await expect(run(lab, { ClientToken: 'token', InstanceType: 'm5.xlarge' })).rejects.toMatchObject({
      code: 'IdempotentParameterMismatch',
    })
  })
})

describe('refusals of RunInstances', () => {
  it.each([
    { when: 'an unknown type', input: { InstanceType: 'z9.huge' }, code: 'InvalidParameterValue', status: 400 },
    {
      when: 'a type of another architecture',
      input: { InstanceType: 'm7g.large' },
      code: 'InvalidParameterValue',
      status: 400,
    },
    { when: 'an unknown subnet', input: { SubnetId: 'subnet-1' }, code: 'InvalidSubnetID.NotFound', status: 400 },
    { when: 'a dry run', input: { DryRun: true }, code: 'DryRunOperation', status: 412 },
    {
      when: 'a reserved tag',
      input: { TagSpecifications: [{ ResourceType: 'instance', Tags: [{ Key: 'aws:x', Value: '' }] }] },
      code: 'InvalidParameterValue',
      status: 400,
    },
  ])('$when: $code', async ({ input, code, status }) => {
    await expect(run(laboratory(), input)).rejects.toMatchObject({ code, httpStatus: status })
  })

  it('no capacity is a 500, which clients try again; the minimum decides', async () => {
    const lab = laboratory()
    lab.aws.faults.setCapacity({ instanceType: 'm5.large', zone: 'ap-northeast-2a' }, 2)
    expect(await run(lab, { MinCount: 1, MaxCount: 5 })).toHaveLength(2)
    await expect(run(lab)).rejects.toMatchObject({
      failure: 'capacity',
      code: 'InsufficientInstanceCapacity',
      httpStatus: 500,
    })
  })

  it('a subnet without addresses gives all or nothing', async () => {
    const lab = laboratory()
    const before = await lab.api.call('ec2', 'DescribeInstances', {})
    await expect(run(lab, { MinCount: 251, MaxCount: 251 })).rejects.toMatchObject({
      code: 'InsufficientFreeAddressesInSubnet',
    })
    await lab.run(300)
    const after = await lab.api.call('ec2', 'DescribeInstances', {
      Filters: [{ Name: 'instance-state-name', Values: ['running'] }],
    })
    expect(after).toEqual(before)
    expect(await run(lab, { MinCount: 1, MaxCount: 300 })).toHaveLength(250)
  })

  it('the quota of vCPUs', async () => {
    const lab = laboratory()
    lab.aws.faults.setVcpuLimit(8)
    await run(lab)
    await expect(run(lab)).rejects.toMatchObject({ failure: 'capacity', code: 'VcpuLimitExceeded' })
  })
})

describe('filters', () => {
  it.each([
    { filter: { Name: 'tag:Name', Values: ['myeks-*-Node'] }, found: 3 },
    { filter: { Name: 'tag:Name', Values: ['myeks-ng?-Node'] }, found: 3 },
    { filter: { Name: 'tag:Name', Values: ['MYEKS-ng1-Node'] }, found: 0 },
    { filter: { Name: 'tag-key', Values: ['eks:nodegroup-name'] }, found: 3 },
    { filter: { Name: 'instance-state-name', Values: ['pending', 'running'] }, found: 3 },
    { filter: { Name: 'availability-zone', Values: ['ap-northeast-2b'] }, found: 1 },
    { filter: { Name: 'instance-type', Values: [] }, found: 0 },
  ])('$filter.Name $filter.Values: $found', async ({ filter, found }) => {
    const { Reservations } = await laboratory().api.call('ec2', 'DescribeInstances', { Filters: [filter] })
    expect(Reservations!.flatMap((r) => r.Instances!)).toHaveLength(found)
  })

  it('an unknown name is refused', async () => {
    await expect(
      laboratory().api.call('ec2', 'DescribeInstances', { Filters: [{ Name: 'colour', Values: ['red'] }] }),
    ).rejects.toMatchObject({ code: 'InvalidParameterValue', message: "The filter 'colour' is invalid" })
  })
})

describe('launch templates', () => {
  it('keep their versions; $Latest and $Default are looked up when used', async () => {
    const lab = laboratory()
    const LaunchTemplateName = 'web'
    await lab.api.call('ec2', 'CreateLaunchTemplate', {
      LaunchTemplateName,
      LaunchTemplateData: { InstanceType: 'm5.large' },
    })
    await ec2(lab, 'CreateLaunchTemplateVersion', {
      LaunchTemplateName,
      SourceVersion: '1',
      LaunchTemplateData: { InstanceType: 'm5.xlarge' },
    })
    const typeOf = async (version: string): Promise<string | undefined> => {
      const { LaunchTemplateVersions } = await lab.api.call('ec2', 'DescribeLaunchTemplateVersions', {
        LaunchTemplateName,
        Versions: [version],
      })
      return LaunchTemplateVersions![0]!.LaunchTemplateData!.InstanceType
    }
    expect([await typeOf('$Default'), await typeOf('$Latest'), await typeOf('1')]).toEqual([
      'm5.large',
      'm5.xlarge',
      'm5.large',
    ])
    await ec2(lab, 'ModifyLaunchTemplate', { LaunchTemplateName, DefaultVersion: '2' })
    expect(await typeOf('$Default')).toBe('m5.xlarge')
    await expect(typeOf('7')).rejects.toMatchObject({ code: 'InvalidLaunchTemplateId.VersionNotFound' })
    await expect(
      lab.api.call('ec2', 'CreateLaunchTemplate', { LaunchTemplateName, LaunchTemplateData: {} }),
    ).rejects.toMatchObject({ code: 'InvalidLaunchTemplateName.AlreadyExistsException' })
  })
})

describe('faults', () => {
  it('an error as often as it is asked for, then no more', async () => {
    const lab = laboratory()
    lab.aws.faults.add({
      service: 'sts',
      error: { code: 'InternalError', message: 'an internal error', httpStatus: 500 },
      count: 2,
    })
    const call = (): Promise<unknown> => lab.api.call('sts', 'GetCallerIdentity', {})
    await expect(call()).rejects.toMatchObject({ failure: 'unavailable' })
    await expect(call()).rejects.toMatchObject({ failure: 'unavailable' })
    await expect(call()).resolves.toBeDefined()
  })

  it('throttling lets a burst through and refills on the clock', async () => {
    const lab = laboratory()
    lab.aws.faults.throttle('ec2', 'DescribeInstances', { size: 2, refillPerSecond: 1 })
    const call = (): Promise<unknown> => lab.api.call('ec2', 'DescribeInstances', {})
    await call()
    await call()
    await expect(call()).rejects.toMatchObject({
      failure: 'throttled',
      code: 'RequestLimitExceeded',
      httpStatus: 503,
      message:
        'Request limit exceeded. Account 123456789012 has been throttled on ec2:DescribeInstances because it exceeded its request rate limit.',
    })
    await lab.run(1)
    await call()
  })

  it('latency is spent on the clock', async () => {
    const lab = laboratory()
    lab.aws.faults.add({ service: 'sts', latency: 5000 as never })
    let answered = false
    void lab.api.call('sts', 'GetCallerIdentity', {}).then(() => (answered = true))
    await lab.run(4)
    expect(answered).toBe(false)
    await lab.run(2)
    expect(answered).toBe(true)
  })

  it('a connection that drops afterwards leaves the deed done', async () => {
    const lab = laboratory({ maxSize: 4 })
    lab.aws.faults.add({ operation: 'SetDesiredCapacity', drop: 'after', count: 1 })
    await expect(
      lab.api.call('autoscaling', 'SetDesiredCapacity', { AutoScalingGroupName: lab.group, DesiredCapacity: 4 }),
    ).rejects.toMatchObject({ failure: 'unavailable', httpStatus: 0 })
    const { AutoScalingGroups } = await lab.api.call('autoscaling', 'DescribeAutoScalingGroups', {})
    expect(AutoScalingGroups![0]!.DesiredCapacity).toBe(4)
  })
})

describe('what is not served', () => {
  it.each([
    { service: 'ec2', operation: 'CreateFleet', code: 'UnsupportedOperation' },
    { service: 'autoscaling', operation: 'PutWarmPool', code: 'UnsupportedOperation' },
    { service: 'eks', operation: 'CreateCluster', code: 'UnknownOperationException' },
  ])('$service $operation is refused by name, never as a 5xx', async ({ service, operation, code }) => {
    const lab = laboratory()
    await expect(lab.aws.invoke(service, operation, {}, { requestId: 'r', accessKey: '' })).rejects.toMatchObject({
      code,
      message: `The operation ${service}:${operation} is not supported by the embedded AWS.`,
    })
  })
})

describe('prices', () => {
  it.each([
    { region: 'us-east-1', usd: 0.0416, estimated: false },
    { region: 'ap-northeast-2', usd: 0.051168, estimated: true },
  ])('a t3.medium in $region: $usd', ({ region, usd, estimated }) => {
    expect(onDemandPrice(instanceTypes().get('t3.medium')!, region)).toEqual({ usdPerHour: usd, estimated })
  })
})
