import type * as Ec2 from '@aws-sdk/client-ec2'
import type { AwsError } from '@plimsoll/ports'
import { failure } from './failure.ts'
import type { Ids } from './ids.ts'
import { mergeTags, type Tag } from './tags.ts'
import { zonesOf } from './zones.ts'

/** AWS keeps the first four addresses and the last one of every subnet. */
const addressesReserved = 5

/** VPCs, subnets with their free addresses, security groups. Records are replaced, never written to. */
export class Network {
  readonly vpcs: Map<string, Ec2.Vpc> = new Map()
  readonly subnets: Map<string, Ec2.Subnet> = new Map()
  readonly securityGroups: Map<string, Ec2.SecurityGroup> = new Map()
  readonly region: string
  readonly accountId: string
  readonly #ids: Ids
  readonly #used = new Map<string, Set<number>>()

  constructor(o: { readonly region: string; readonly accountId: string; readonly ids: Ids }) {
    this.region = o.region
    this.accountId = o.accountId
    this.#ids = o.ids
  }

  createVpc(o: { readonly cidr: string; readonly tags?: readonly Tag[]; readonly isDefault?: boolean }): Ec2.Vpc {
    parseCidr(o.cidr)
    const vpc: Ec2.Vpc = {
      VpcId: this.#ids.resource('vpc'),
      CidrBlock: o.cidr,
      State: 'available',
      OwnerId: this.accountId,
      InstanceTenancy: 'default',
      DhcpOptionsId: this.#ids.resource('dopt'),
      IsDefault: o.isDefault ?? false,
      CidrBlockAssociationSet: [
        {
          AssociationId: this.#ids.resource('vpc-cidr-assoc'),
          CidrBlock: o.cidr,
          CidrBlockState: { State: 'associated' },
        },
      ],
      Tags: mergeTags(o.tags ?? []),
    }
    this.vpcs.set(vpc.VpcId!, vpc)
    this.createSecurityGroup({ vpcId: vpc.VpcId!, name: 'default', description: 'default VPC security group' })
    return vpc
  }

  createSubnet(o: {
    readonly vpcId: string
    readonly cidr: string
    readonly zone: string
    readonly isPublic?: boolean
    readonly tags?: readonly Tag[]
  }): Ec2.Subnet {
    const zone = zonesOf(this.region).find((z) => z.name === o.zone)
    if (zone === undefined)
      throw failure('InvalidParameterValue', `Value (${o.zone}) for parameter availabilityZone is invalid.`)
    if (!this.vpcs.has(o.vpcId)) throw failure('InvalidVpcID.NotFound', `The vpc ID '${o.vpcId}' does not exist`)
    const id = this.#ids.resource('subnet')
    const subnet: Ec2.Subnet = {
      SubnetId: id,
      SubnetArn: `arn:aws:ec2:${this.region}:${this.accountId}:subnet/${id}`,
      VpcId: o.vpcId,
      CidrBlock: o.cidr,
      AvailabilityZone: zone.name,
      AvailabilityZoneId: zone.id,
      AvailableIpAddressCount: parseCidr(o.cidr).size - addressesReserved,
      State: 'available',
      OwnerId: this.accountId,
      DefaultForAz: false,
      MapPublicIpOnLaunch: o.isPublic ?? false,
      MapCustomerOwnedIpOnLaunch: false,
      AssignIpv6AddressOnCreation: false,
      Ipv6CidrBlockAssociationSet: [],
      EnableDns64: false,
      Ipv6Native: false,
      PrivateDnsNameOptionsOnLaunch: {
        HostnameType: 'ip-name',
        EnableResourceNameDnsARecord: false,
        EnableResourceNameDnsAAAARecord: false,
      },
      Tags: mergeTags(o.tags ?? []),
    }
    this.subnets.set(id, subnet)
    return subnet
  }

  createSecurityGroup(o: {
    readonly vpcId: string
    readonly name: string
    readonly description: string
    readonly tags?: readonly Tag[]
  }): Ec2.SecurityGroup {
    const id = this.#ids.resource('sg')
    const itself = { IpProtocol: '-1', UserIdGroupPairs: [{ GroupId: id, UserId: this.accountId }] }
    const anywhere = { IpProtocol: '-1', IpRanges: [{ CidrIp: '0.0.0.0/0' }] }
    const group: Ec2.SecurityGroup = {
      GroupId: id,
      GroupName: o.name,
      Description: o.description,
      VpcId: o.vpcId,
      OwnerId: this.accountId,
      SecurityGroupArn: `arn:aws:ec2:${this.region}:${this.accountId}:security-group/${id}`,
      IpPermissions: [{ ...itself, IpRanges: [], Ipv6Ranges: [], PrefixListIds: [] }],
      IpPermissionsEgress: [{ ...anywhere, Ipv6Ranges: [], PrefixListIds: [], UserIdGroupPairs: [] }],
      Tags: mergeTags(o.tags ?? []),
    }
    this.securityGroups.set(id, group)
    return group
  }

  /** @throws InvalidSubnetID.NotFound */
  subnet(id: string): Ec2.Subnet {
    const subnet = this.subnets.get(id)
    if (subnet === undefined) throw failure('InvalidSubnetID.NotFound', `The subnet ID '${id}' does not exist`)
    return subnet
  }

  /** Takes a free address, at a random place as AWS does. @throws InsufficientFreeAddressesInSubnet */
  allocate(subnetId: string): string {
    const subnet = this.subnet(subnetId)
    const used = this.#usedIn(subnetId)
    const { base, size } = parseCidr(subnet.CidrBlock!)
    const usable = size - addressesReserved
    if (used.size >= usable) throw noAddressLeft(subnetId)
    let offset = this.#ids.below(usable)
    while (used.has(offset)) offset = (offset + 1) % usable
    used.add(offset)
    this.#setFree(subnet, usable - used.size)
    return formatAddress(base + 4 + offset)
  }

  /** Notes an address that an instance from before a restart has; the subnet's count has it already. */
  take(subnetId: string, address: string): void {
    const { base } = parseCidr(this.subnet(subnetId).CidrBlock!)
    this.#usedIn(subnetId).add(parseAddress(address) - base - 4)
  }

  release(subnetId: string, address: string): void {
    const subnet = this.subnets.get(subnetId)
    if (subnet === undefined) return
    const { base, size } = parseCidr(subnet.CidrBlock!)
    const used = this.#usedIn(subnetId)
    used.delete(parseAddress(address) - base - 4)
    this.#setFree(subnet, size - addressesReserved - used.size)
  }

  /** An address of AWS's own, for instances in public subnets. */
  publicAddress(): string {
    return `${[3, 13, 15, 43, 52, 54][this.#ids.below(6)]}.${this.#ids.below(256)}.${this.#ids.below(256)}.${1 + this.#ids.below(254)}`
  }

  #usedIn(subnetId: string): Set<number> {
    let used = this.#used.get(subnetId)
    if (used === undefined) this.#used.set(subnetId, (used = new Set()))
    return used
  }

  #setFree(subnet: Ec2.Subnet, free: number): void {
    // Tags may have changed meanwhile: the stored record is the one to build on.
    this.subnets.set(subnet.SubnetId!, { ...this.subnets.get(subnet.SubnetId!)!, AvailableIpAddressCount: free })
  }
}

export function noAddressLeft(subnetId: string): AwsError {
  return failure(
    'InsufficientFreeAddressesInSubnet',
    `There are not enough free addresses in subnet '${subnetId}' to satisfy the requested number of instances.`,
  )
}

function parseCidr(cidr: string): { readonly base: number; readonly size: number } {
  const match = /^(\d+\.\d+\.\d+\.\d+)\/(\d+)$/.exec(cidr)
  const bits = Number(match?.[2])
  if (match === null || bits < 8 || bits > 28)
    throw failure(
      'InvalidParameterValue',
      `Value (${cidr}) for parameter cidrBlock is invalid. This is not a valid CIDR block.`,
    )
  return { base: parseAddress(match[1]!), size: 2 ** (32 - bits) }
}

function parseAddress(address: string): number {
  return address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0)
}

function formatAddress(address: number): string {
  return [address >>> 24, (address >>> 16) & 255, (address >>> 8) & 255, address & 255].join('.')
}
