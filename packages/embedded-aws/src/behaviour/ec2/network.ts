import type * as Ec2 from '@aws-sdk/client-ec2'
import { failure, required } from '../../state/failure.ts'
import { filtered, type Accessors, type Filter, type Tagged } from '../../state/filter.ts'
import { page, type Page } from '../../state/page.ts'
import { regionNames, zonesOf } from '../../state/zones.ts'
import type { Operation } from '../operation.ts'
import { dryRun } from './dry-run.ts'

/** What all the Describe calls over a map of resources have in common. */
export function described<T extends Tagged>(
  resources: ReadonlyMap<string, T>,
  input: {
    readonly Filters?: readonly Filter[] | undefined
    readonly MaxResults?: number | undefined
    readonly NextToken?: string | undefined
    readonly DryRun?: boolean | undefined
  },
  o: {
    readonly ids: readonly string[] | undefined
    readonly missing: (id: string) => Error
    readonly accessors: Accessors<T>
    readonly sizeMax?: number
  },
): Page<T> {
  dryRun(input)
  const ids = o.ids ?? []
  for (const id of ids) if (!resources.has(id)) throw o.missing(id)
  const items = ids.length > 0 ? ids.map((id) => resources.get(id)!) : [...resources.values()]
  return page(filtered(items, input.Filters, o.accessors), {
    token: input.NextToken,
    size: input.MaxResults,
    sizeMax: o.sizeMax ?? 1000,
    invalidToken: 'InvalidParameterValue',
  })
}

const token = (nextToken: string | undefined): { NextToken?: string } =>
  nextToken === undefined ? {} : { NextToken: nextToken }

export const describeVpcs: Operation<Ec2.DescribeVpcsCommandInput, Ec2.DescribeVpcsCommandOutput> = (cloud, input) => {
  const { items, nextToken } = described(cloud.network.vpcs, input, {
    ids: input.VpcIds,
    missing: (id) => failure('InvalidVpcID.NotFound', `The vpc ID '${id}' does not exist`),
    accessors: {
      cidr: (v) => [v.CidrBlock],
      'cidr-block-association.cidr-block': (v) => [v.CidrBlock],
      'dhcp-options-id': (v) => [v.DhcpOptionsId],
      'is-default': (v) => [String(v.IsDefault)],
      isDefault: (v) => [String(v.IsDefault)],
      'owner-id': (v) => [v.OwnerId],
      state: (v) => [v.State],
      'vpc-id': (v) => [v.VpcId],
    },
  })
  return { Vpcs: items, ...token(nextToken) }
}

export const describeSubnets: Operation<Ec2.DescribeSubnetsCommandInput, Ec2.DescribeSubnetsCommandOutput> = (
  cloud,
  input,
) => {
  const { items, nextToken } = described(cloud.network.subnets, input, {
    ids: input.SubnetIds,
    missing: (id) => failure('InvalidSubnetID.NotFound', `The subnet ID '${id}' does not exist`),
    accessors: {
      'availability-zone': (s) => [s.AvailabilityZone],
      availabilityZone: (s) => [s.AvailabilityZone],
      'availability-zone-id': (s) => [s.AvailabilityZoneId],
      'available-ip-address-count': (s) => [String(s.AvailableIpAddressCount)],
      'cidr-block': (s) => [s.CidrBlock],
      cidr: (s) => [s.CidrBlock],
      'default-for-az': (s) => [String(s.DefaultForAz)],
      'map-public-ip-on-launch': (s) => [String(s.MapPublicIpOnLaunch)],
      'owner-id': (s) => [s.OwnerId],
      state: (s) => [s.State],
      'subnet-arn': (s) => [s.SubnetArn],
      'subnet-id': (s) => [s.SubnetId],
      'vpc-id': (s) => [s.VpcId],
    },
  })
  return { Subnets: items, ...token(nextToken) }
}

export const describeSecurityGroups: Operation<
  Ec2.DescribeSecurityGroupsCommandInput,
  Ec2.DescribeSecurityGroupsCommandOutput
> = (cloud, input) => {
  const names = input.GroupNames ?? []
  const { items, nextToken } = described(cloud.network.securityGroups, input, {
    ids: input.GroupIds,
    missing: (id) => failure('InvalidGroup.NotFound', `The security group '${id}' does not exist`),
    accessors: {
      description: (g) => [g.Description],
      'group-id': (g) => [g.GroupId],
      'group-name': (g) => [g.GroupName],
      'owner-id': (g) => [g.OwnerId],
      'vpc-id': (g) => [g.VpcId],
    },
  })
  return {
    SecurityGroups: items.filter((group) => names.length === 0 || names.includes(group.GroupName!)),
    ...token(nextToken),
  }
}

export const describeAvailabilityZones: Operation<
  Ec2.DescribeAvailabilityZonesCommandInput,
  Ec2.DescribeAvailabilityZonesCommandOutput
> = (cloud, input) => {
  dryRun(input)
  const zones = zonesOf(cloud.region).map((zone) => ({
    State: 'available' as const,
    OptInStatus: 'opt-in-not-required' as const,
    Messages: [],
    RegionName: cloud.region,
    ZoneName: zone.name,
    ZoneId: zone.id,
    GroupName: `${cloud.region}-zg-1`,
    NetworkBorderGroup: cloud.region,
    ZoneType: 'availability-zone',
  }))
  const names = input.ZoneNames ?? []
  const ids = input.ZoneIds ?? []
  const unknown = names.find((name) => !zones.some((zone) => zone.ZoneName === name))
  if (unknown !== undefined) throw failure('InvalidParameterValue', `Invalid availability zone: [${unknown}]`)
  const matching = filtered(zones, input.Filters, {
    'group-name': (z) => [z.GroupName],
    'opt-in-status': (z) => [z.OptInStatus],
    'region-name': (z) => [z.RegionName],
    state: (z) => [z.State],
    'zone-id': (z) => [z.ZoneId],
    'zone-name': (z) => [z.ZoneName],
    'zone-type': (z) => [z.ZoneType],
  })
  return {
    AvailabilityZones: matching
      .filter((zone) => names.length === 0 || names.includes(zone.ZoneName))
      .filter((zone) => ids.length === 0 || ids.includes(zone.ZoneId)),
  }
}

export const describeRegions: Operation<Ec2.DescribeRegionsCommandInput, Ec2.DescribeRegionsCommandOutput> = (
  _cloud,
  input,
) => {
  dryRun(input)
  const names = input.RegionNames ?? []
  const regions = regionNames.map((name) => ({
    RegionName: name,
    Endpoint: `ec2.${name}.amazonaws.com`,
    OptInStatus: 'opt-in-not-required',
  }))
  const matching = filtered(regions, input.Filters, {
    endpoint: (r) => [r.Endpoint],
    'opt-in-status': (r) => [r.OptInStatus],
    'region-name': (r) => [r.RegionName],
  })
  return {
    Regions: matching.filter((region) => names.length === 0 || names.includes(region.RegionName)),
  }
}

export const describeImages: Operation<Ec2.DescribeImagesCommandInput, Ec2.DescribeImagesCommandOutput> = (
  cloud,
  input,
) => {
  const owners = input.Owners ?? []
  const { items, nextToken } = described(cloud.images.images, input, {
    ids: input.ImageIds,
    missing: (id) => failure('InvalidAMIID.NotFound', `The image id '[${id}]' does not exist`),
    accessors: {
      architecture: (i) => [i.Architecture],
      'creation-date': (i) => [i.CreationDate],
      description: (i) => [i.Description],
      'image-id': (i) => [i.ImageId],
      'image-type': (i) => [i.ImageType],
      'is-public': (i) => [String(i.Public)],
      name: (i) => [i.Name],
      'owner-alias': (i) => [i.ImageOwnerAlias],
      'owner-id': (i) => [i.OwnerId],
      'root-device-type': (i) => [i.RootDeviceType],
      state: (i) => [i.State],
      'virtualization-type': (i) => [i.VirtualizationType],
    },
  })
  const owned = (image: Ec2.Image): boolean =>
    owners.some(
      (owner) =>
        owner === image.OwnerId ||
        owner === image.ImageOwnerAlias ||
        (owner === 'self' && image.OwnerId === cloud.accountId),
    )
  return { Images: items.filter((image) => owners.length === 0 || owned(image)), ...token(nextToken) }
}

export const createVpc: Operation<Ec2.CreateVpcCommandInput, Ec2.CreateVpcCommandOutput> = (cloud, input) => {
  dryRun(input)
  return { Vpc: cloud.network.createVpc({ cidr: required(input.CidrBlock, 'CidrBlock'), tags: tagsFor(input, 'vpc') }) }
}

export const createSubnet: Operation<Ec2.CreateSubnetCommandInput, Ec2.CreateSubnetCommandOutput> = (cloud, input) => {
  dryRun(input)
  return {
    Subnet: cloud.network.createSubnet({
      vpcId: required(input.VpcId, 'VpcId'),
      cidr: required(input.CidrBlock, 'CidrBlock'),
      zone: input.AvailabilityZone ?? zonesOf(cloud.region)[0]!.name,
      tags: tagsFor(input, 'subnet'),
    }),
  }
}

export const createSecurityGroup: Operation<
  Ec2.CreateSecurityGroupCommandInput,
  Ec2.CreateSecurityGroupCommandOutput
> = (cloud, input) => {
  dryRun(input)
  const group = cloud.network.createSecurityGroup({
    vpcId: required(input.VpcId, 'VpcId'),
    name: required(input.GroupName, 'GroupName'),
    description: required(input.Description, 'GroupDescription'),
    tags: tagsFor(input, 'security-group'),
  })
  return { GroupId: group.GroupId, SecurityGroupArn: group.SecurityGroupArn, Tags: group.Tags }
}

/** The tags that a create call gives to the resource itself. */
export function tagsFor(
  input: { readonly TagSpecifications?: readonly Ec2.TagSpecification[] | undefined },
  type: Ec2.ResourceType,
): readonly Ec2.Tag[] {
  return (input.TagSpecifications ?? []).filter((spec) => spec.ResourceType === type).flatMap((spec) => spec.Tags ?? [])
}
