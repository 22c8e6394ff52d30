import type * as Ec2 from '@aws-sdk/client-ec2'
import type { Ms } from '@plimsoll/model'
import type { Ids } from './ids.ts'
import type { LaunchRequest } from './launch-request.ts'
import type { Network } from './network.ts'
import { mergeTags } from './tags.ts'
import { privateDnsName, publicDnsName } from './zones.ts'

/** A launched instance as DescribeInstances tells it while `pending`. */
export function describeInstance(
  request: LaunchRequest,
  o: {
    readonly id: string
    readonly address: string
    readonly network: Network
    readonly ids: Ids
    readonly now: Ms
  },
): Ec2.Instance {
  const { type, image } = request
  const { id, address, network, ids } = o
  const subnet = network.subnet(request.subnetId)
  const now = new Date(o.now)
  const groups = request.securityGroupIds.map((groupId) => ({
    GroupId: groupId,
    GroupName: network.securityGroups.get(groupId)?.GroupName,
  }))
  const isPublic = request.publicAddress ?? subnet.MapPublicIpOnLaunch === true
  const publicAddress = isPublic ? network.publicAddress() : undefined
  const dns = privateDnsName(address, network.region)
  const attached = { AttachTime: now, DeleteOnTermination: true, Status: 'attached' as const }
  const association =
    publicAddress === undefined
      ? {}
      : {
          Association: {
            IpOwnerId: 'amazon',
            PublicDnsName: publicDnsName(publicAddress, network.region),
            PublicIp: publicAddress,
          },
        }
  const macAddress = `02:${ids.hex(10).replace(/(..)(?=.)/g, '$1:')}`
  const cores = type.architecture === 'arm64' || type.vcpu === 1 ? type.vcpu : type.vcpu / 2
  return {
    InstanceId: id,
    AmiLaunchIndex: 0,
    ImageId: image.ImageId,
    InstanceType: type.name as Ec2._InstanceType,
    State: { Code: 0, Name: 'pending' },
    StateTransitionReason: '',
    LaunchTime: now,
    UsageOperationUpdateTime: now,
    UsageOperation: 'RunInstances',
    PrivateIpAddress: address,
    PrivateDnsName: dns,
    PublicDnsName: publicAddress === undefined ? '' : publicDnsName(publicAddress, network.region),
    ...(publicAddress === undefined ? {} : { PublicIpAddress: publicAddress }),
    ...(request.keyName === undefined ? {} : { KeyName: request.keyName }),
    SubnetId: request.subnetId,
    VpcId: subnet.VpcId,
    Placement: {
      AvailabilityZone: subnet.AvailabilityZone,
      AvailabilityZoneId: subnet.AvailabilityZoneId,
      GroupName: '',
      Tenancy: 'default',
    },
    SecurityGroups: groups,
    Architecture: image.Architecture,
    Hypervisor: 'xen',
    VirtualizationType: 'hvm',
    EnaSupport: true,
    EbsOptimized: type.ebsMbps > 0,
    RootDeviceName: image.RootDeviceName,
    RootDeviceType: 'ebs',
    BlockDeviceMappings: [{ DeviceName: image.RootDeviceName, Ebs: { ...attached, VolumeId: ids.resource('vol') } }],
    NetworkInterfaces: [
      {
        ...association,
        Attachment: {
          ...attached,
          AttachmentId: ids.resource('eni-attach'),
          DeviceIndex: 0,
          NetworkCardIndex: 0,
        },
        Description: '',
        Groups: groups,
        InterfaceType: 'interface',
        Ipv6Addresses: [],
        MacAddress: macAddress,
        NetworkInterfaceId: ids.resource('eni'),
        OwnerId: network.accountId,
        PrivateDnsName: dns,
        PrivateIpAddress: address,
        PrivateIpAddresses: [{ ...association, Primary: true, PrivateDnsName: dns, PrivateIpAddress: address }],
        SourceDestCheck: true,
        Status: 'in-use',
        SubnetId: request.subnetId,
        VpcId: subnet.VpcId,
      },
    ],
    ...(request.iamInstanceProfile === undefined ? {} : { IamInstanceProfile: request.iamInstanceProfile }),
    ...(request.lifecycle === 'spot'
      ? { InstanceLifecycle: 'spot' as const, SpotInstanceRequestId: `sir-${ids.hex(8)}` }
      : {}),
    Monitoring: { State: request.monitoring === true ? 'enabled' : 'disabled' },
    MetadataOptions: request.metadataOptions ?? {
      State: 'applied',
      HttpTokens: 'required',
      HttpPutResponseHopLimit: 2,
      HttpEndpoint: 'enabled',
      HttpProtocolIpv6: 'disabled',
      InstanceMetadataTags: 'disabled',
    },
    CpuOptions: { CoreCount: cores, ThreadsPerCore: type.vcpu / cores },
    CapacityReservationSpecification: { CapacityReservationPreference: 'open' },
    EnclaveOptions: { Enabled: false },
    HibernationOptions: { Configured: false },
    PrivateDnsNameOptions: {
      HostnameType: 'ip-name',
      EnableResourceNameDnsARecord: false,
      EnableResourceNameDnsAAAARecord: false,
    },
    MaintenanceOptions: { AutoRecovery: 'default' },
    CurrentInstanceBootMode: image.Architecture === 'arm64' ? 'uefi' : 'legacy-bios',
    PlatformDetails: 'Linux/UNIX',
    SourceDestCheck: true,
    ProductCodes: [],
    ClientToken: request.clientToken ?? '',
    Tags: mergeTags(request.tags),
  }
}
