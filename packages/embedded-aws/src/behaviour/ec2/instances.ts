import type * as Ec2 from '@aws-sdk/client-ec2'
import { instanceTypes, type InstanceType } from '../../catalogue/instance-type.ts'
import type { Cloud } from '../../state/cloud.ts'
import { failure, required } from '../../state/failure.ts'
import { filtered, type Accessors } from '../../state/filter.ts'
import { stateCodes, type InstanceRecord, type Transition } from '../../state/instances.ts'
import { page, type Page } from '../../state/page.ts'
import { mergeTags, withTags } from '../../state/tags.ts'
import type { Operation } from '../operation.ts'
import { dryRun } from './dry-run.ts'

const groupIds = (r: InstanceRecord): readonly (string | undefined)[] =>
  (r.described.SecurityGroups ?? []).map((group) => group.GroupId)
const groupNames = (r: InstanceRecord): readonly (string | undefined)[] =>
  (r.described.SecurityGroups ?? []).map((group) => group.GroupName)

const accessors: Accessors<InstanceRecord & { readonly Tags?: readonly Ec2.Tag[] | undefined }> = {
  architecture: (r) => [r.described.Architecture],
  'availability-zone': (r) => [r.described.Placement?.AvailabilityZone],
  'availability-zone-id': (r) => [r.described.Placement?.AvailabilityZoneId],
  'client-token': (r) => [r.described.ClientToken],
  'dns-name': (r) => [r.described.PublicDnsName],
  'iam-instance-profile.arn': (r) => [r.described.IamInstanceProfile?.Arn],
  'image-id': (r) => [r.described.ImageId],
  'instance-id': (r) => [r.id],
  'instance-lifecycle': (r) => [r.described.InstanceLifecycle],
  'instance-state-code': (r) => [String(stateCodes[r.state])],
  'instance-state-name': (r) => [r.state],
  'instance-type': (r) => [r.type.name],
  'instance.group-id': groupIds,
  'instance.group-name': groupNames,
  'network-interface.group-id': groupIds,
  'ip-address': (r) => [r.described.PublicIpAddress],
  'key-name': (r) => [r.described.KeyName],
  'launch-time': (r) => [r.described.LaunchTime?.toISOString()],
  'network-interface.addresses.private-ip-address': (r) => [r.described.PrivateIpAddress],
  'network-interface.private-dns-name': (r) => [r.described.PrivateDnsName],
  'network-interface.subnet-id': (r) => [r.described.SubnetId],
  'owner-id': (r) => [r.described.NetworkInterfaces?.[0]?.OwnerId],
  'private-dns-name': (r) => [r.described.PrivateDnsName],
  'private-ip-address': (r) => [r.described.PrivateIpAddress],
  'requester-id': (r) => [r.requesterId],
  'reservation-id': (r) => [r.reservationId],
  'root-device-name': (r) => [r.described.RootDeviceName],
  'root-device-type': (r) => [r.described.RootDeviceType],
  'spot-instance-request-id': (r) => [r.described.SpotInstanceRequestId],
  'subnet-id': (r) => [r.described.SubnetId],
  tenancy: (r) => [r.described.Placement?.Tenancy],
  'virtualization-type': (r) => [r.described.VirtualizationType],
  'vpc-id': (r) => [r.described.VpcId],
}

/** The instances asked for, filtered; ids and pages exclude each other. */
function select(
  cloud: Cloud,
  input: {
    readonly InstanceIds?: readonly string[] | undefined
    readonly Filters?: readonly Ec2.Filter[] | undefined
    readonly MaxResults?: number | undefined
    readonly NextToken?: string | undefined
  },
  extra: Accessors<InstanceRecord> = {},
): Page<InstanceRecord> {
  const ids = input.InstanceIds ?? []
  if (ids.length > 0 && input.MaxResults !== undefined)
    throw failure(
      'InvalidParameterCombination',
      'The parameter instancesSet cannot be used with the parameter maxResults',
    )
  const records = ids.length > 0 ? cloud.instances.getAll(ids) : cloud.instances.all()
  const tagged = records.map((record) => ({ ...record, Tags: record.described.Tags }))
  return page(filtered(tagged, input.Filters, { ...accessors, ...extra }), {
    token: input.NextToken,
    size: input.MaxResults,
    sizeMax: 1000,
    invalidToken: 'InvalidParameterValue',
  })
}

export const describeInstances: Operation<Ec2.DescribeInstancesCommandInput, Ec2.DescribeInstancesCommandOutput> = (
  cloud,
  input,
) => {
  dryRun(input)
  const { items, nextToken } = select(cloud, input)
  const reservations = Map.groupBy(items, (record) => record.reservationId)
  return {
    Reservations: [...reservations.values()].map((records) => reservation(cloud, records)),
    ...(nextToken === undefined ? {} : { NextToken: nextToken }),
  }
}

function reservation(cloud: Cloud, records: readonly InstanceRecord[]): Ec2.Reservation {
  const first = records[0]!
  return {
    ReservationId: first.reservationId,
    OwnerId: cloud.accountId,
    ...(first.requesterId === undefined ? {} : { RequesterId: first.requesterId }),
    Groups: [],
    Instances: records.map((record) => record.described),
  }
}

export const runInstances: Operation<Ec2.RunInstancesCommandInput, Ec2.RunInstancesCommandOutput> = (cloud, input) => {
  const ref = input.LaunchTemplate
  const data: Ec2.ResponseLaunchTemplateData =
    ref === undefined ? {} : cloud.launchTemplates.version(ref).LaunchTemplateData!
  const image = cloud.images.image(required(input.ImageId ?? data.ImageId, 'ImageId'))
  const type = typeNamed(input.InstanceType ?? data.InstanceType ?? 'm1.small')
  const interface_ = input.NetworkInterfaces?.[0] ?? data.NetworkInterfaces?.[0]
  const subnet = cloud.network.subnet(input.SubnetId ?? interface_?.SubnetId ?? defaultSubnet(cloud, input))
  const securityGroupIds = input.SecurityGroupIds ??
    interface_?.Groups ??
    data.SecurityGroupIds ?? [defaultSecurityGroup(cloud, subnet.VpcId!)]
  checkSecurityGroups(cloud, securityGroupIds, subnet.VpcId!)
  const market = input.InstanceMarketOptions ?? data.InstanceMarketOptions
  const lifecycle = market?.MarketType === 'spot' ? 'spot' : 'on-demand'
  const profile = instanceProfile(cloud, input.IamInstanceProfile ?? data.IamInstanceProfile)
  dryRun(input)
  const specs = [...(data.TagSpecifications ?? []), ...(input.TagSpecifications ?? [])]
  const tags = mergeTags(
    ...specs.filter((spec) => spec.ResourceType === 'instance').map((spec) => withTags([], spec.Tags ?? [])),
    ref === undefined ? [] : templateTags(cloud, ref),
  )
  const request = {
    type,
    image,
    subnetId: subnet.SubnetId!,
    securityGroupIds,
    lifecycle,
    tags,
    reservationId: cloud.instances.reservationId(),
    keyName: input.KeyName ?? data.KeyName,
    userData: input.UserData ?? data.UserData,
    clientToken: input.ClientToken,
    iamInstanceProfile: profile,
    publicAddress: interface_?.AssociatePublicIpAddress,
    monitoring: input.Monitoring?.Enabled ?? data.Monitoring?.Enabled,
  } as const
  const min = required(input.MinCount, 'MinCount')
  const max = required(input.MaxCount, 'MaxCount')
  if (min < 1 || max < min)
    throw failure(
      'InvalidParameterValue',
      `Value (${min}) for parameter minCount is invalid. It must be between 1 and maxCount.`,
    )
  const launched: InstanceRecord[] = []
  for (let n = 0; n < max; n++) {
    const refused = cloud.instances.launchFailure(request)
    if (refused !== undefined && launched.length >= min) break
    if (refused !== undefined) {
      for (const record of launched) cloud.instances.terminate(record.id)
      throw refused
    }
    launched.push(cloud.instances.launch(request))
  }
  return reservation(cloud, launched)
}

function typeNamed(name: string): InstanceType {
  const type = instanceTypes().get(name)
  if (type === undefined) throw failure('InvalidParameterValue', `Invalid value '${name}' for InstanceType.`)
  return type
}

function templateTags(cloud: Cloud, ref: Ec2.LaunchTemplateSpecification): Ec2.Tag[] {
  const version = cloud.launchTemplates.version(ref)
  return [
    { Key: 'aws:ec2launchtemplate:id', Value: version.LaunchTemplateId },
    { Key: 'aws:ec2launchtemplate:version', Value: String(version.VersionNumber) },
  ]
}

function defaultSubnet(cloud: Cloud, input: Ec2.RunInstancesCommandInput): string {
  const zone = input.Placement?.AvailabilityZone
  const subnets = [...cloud.network.subnets.values()].filter(
    (subnet) =>
      cloud.network.vpcs.get(subnet.VpcId!)?.IsDefault === true &&
      (zone ?? subnet.AvailabilityZone) === subnet.AvailabilityZone,
  )
  if (subnets[0] === undefined)
    throw failure(
      'VPCIdNotSpecified',
      'No default VPC for this user. GroupName is only supported for EC2-Classic and default VPC.',
    )
  return subnets[0].SubnetId!
}

function defaultSecurityGroup(cloud: Cloud, vpcId: string): string {
  const groups = [...cloud.network.securityGroups.values()]
  return groups.find((group) => group.VpcId === vpcId && group.GroupName === 'default')!.GroupId!
}

function checkSecurityGroups(cloud: Cloud, ids: readonly string[], vpcId: string): void {
  for (const id of ids) {
    const group = cloud.network.securityGroups.get(id)
    if (group === undefined) throw failure('InvalidGroup.NotFound', `The security group '${id}' does not exist`)
    if (group.VpcId !== vpcId)
      throw failure('InvalidParameter', `Security group ${id} and subnet belong to different networks.`)
  }
}

function instanceProfile(
  cloud: Cloud,
  wanted: { readonly Arn?: string | undefined; readonly Name?: string | undefined } | undefined,
): Ec2.IamInstanceProfile | undefined {
  if (wanted === undefined) return undefined
  const name = wanted.Name ?? wanted.Arn?.slice(wanted.Arn.lastIndexOf('/') + 1) ?? ''
  const profile = cloud.identities.profiles.get(name)
  if (profile === undefined)
    throw failure(
      'InvalidParameterValue',
      `Value (${name}) for parameter iamInstanceProfile.name is invalid. Invalid IAM Instance Profile name`,
    )
  return { Arn: profile.Arn, Id: profile.InstanceProfileId }
}

export const terminateInstances: Operation<Ec2.TerminateInstancesCommandInput, Ec2.TerminateInstancesCommandOutput> = (
  cloud,
  input,
) => ({
  TerminatingInstances: transitions(cloud, input, (id) => cloud.instances.terminate(id)),
})

export const stopInstances: Operation<Ec2.StopInstancesCommandInput, Ec2.StopInstancesCommandOutput> = (
  cloud,
  input,
) => ({ StoppingInstances: transitions(cloud, input, (id) => cloud.instances.stop(id)) })

export const startInstances: Operation<Ec2.StartInstancesCommandInput, Ec2.StartInstancesCommandOutput> = (
  cloud,
  input,
) => ({ StartingInstances: transitions(cloud, input, (id) => cloud.instances.start(id)) })

export const rebootInstances: Operation<Ec2.RebootInstancesCommandInput, Ec2.RebootInstancesCommandOutput> = (
  cloud,
  input,
) => {
  const records = cloud.instances.getAll(required(input.InstanceIds, 'InstanceId'))
  dryRun(input)
  for (const record of records)
    if (record.state !== 'running')
      throw failure('IncorrectState', `Instance ${record.id} is not in a state from which it can be rebooted.`)
  return {}
}

function transitions(
  cloud: Cloud,
  input: { readonly InstanceIds: readonly string[] | undefined; readonly DryRun?: boolean | undefined },
  change: (id: string) => Transition,
): Ec2.InstanceStateChange[] {
  const records = cloud.instances.getAll(required(input.InstanceIds, 'InstanceId'))
  dryRun(input)
  return records.map(({ id }) => {
    const { before, after } = change(id)
    return {
      InstanceId: id,
      PreviousState: { Code: stateCodes[before.state], Name: before.state },
      CurrentState: { Code: stateCodes[after.state], Name: after.state },
    }
  })
}

export const describeInstanceStatus: Operation<
  Ec2.DescribeInstanceStatusCommandInput,
  Ec2.DescribeInstanceStatusCommandOutput
> = (cloud, input) => {
  dryRun(input)
  const status = (r: InstanceRecord): 'ok' | 'initializing' | 'not-applicable' =>
    r.state !== 'running' ? 'not-applicable' : cloud.clock.now() - r.since >= r.checkedAfter ? 'ok' : 'initializing'
  const reachability = (r: InstanceRecord): string => (status(r) === 'ok' ? 'passed' : 'initializing')
  const { items, nextToken } = select(cloud, input, {
    'instance-status.status': (r) => [status(r)],
    'instance-status.reachability': (r) => [reachability(r)],
    'system-status.status': (r) => [status(r)],
    'system-status.reachability': (r) => [reachability(r)],
    'event.code': (r) => eventsOf(r).map((event) => event.Code!),
  })
  const shown = items.filter((r) => input.IncludeAllInstances === true || r.state === 'running')
  return {
    InstanceStatuses: shown.map((r) => {
      const summary = {
        Status: status(r),
        Details: status(r) === 'not-applicable' ? [] : [{ Name: 'reachability', Status: reachability(r) }],
      } as Ec2.InstanceStatusSummary
      return {
        InstanceId: r.id,
        AvailabilityZone: r.described.Placement?.AvailabilityZone,
        AvailabilityZoneId: r.described.Placement?.AvailabilityZoneId,
        InstanceState: r.described.State,
        InstanceStatus: summary,
        SystemStatus: summary,
        Events: eventsOf(r),
      }
    }),
    ...(nextToken === undefined ? {} : { NextToken: nextToken }),
  }
}

function eventsOf({ notice }: InstanceRecord): Ec2.InstanceStatusEvent[] {
  if (notice?.kind !== 'retirement' || notice.endsAt === undefined) return []
  return [
    {
      InstanceEventId: `instance-event-${notice.endsAt.toString(16).padStart(17, '0')}`,
      Code: 'instance-retirement',
      Description: 'The instance is running on degraded hardware',
      NotBefore: new Date(notice.endsAt),
    },
  ]
}
