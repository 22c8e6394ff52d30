import type * as Ec2 from '@aws-sdk/client-ec2'
import { instanceTypeInfo, instanceTypes } from '../../catalogue/instance-type.ts'
import { spotPrice } from '../../catalogue/pricing.ts'
import { failure, required } from '../../state/failure.ts'
import { filtered, type Accessors } from '../../state/filter.ts'
import { typesMatching } from '../../state/instance-requirements.ts'
import { page } from '../../state/page.ts'
import { zonesOf } from '../../state/zones.ts'
import type { Operation } from '../operation.ts'
import { dryRun } from './dry-run.ts'

/** The types on offer: those with a price. */
function offered(): Ec2.InstanceTypeInfo[] {
  return [...instanceTypes().values()].filter((type) => type.usdPerHour > 0).map(instanceTypeInfo)
}

const accessors: Accessors<Ec2.InstanceTypeInfo> = {
  'auto-recovery-supported': (t) => [String(t.AutoRecoverySupported)],
  'bare-metal': (t) => [String(t.BareMetal)],
  'burstable-performance-supported': (t) => [String(t.BurstablePerformanceSupported)],
  'current-generation': (t) => [String(t.CurrentGeneration)],
  'ebs-info.ebs-optimized-support': (t) => [t.EbsInfo?.EbsOptimizedSupport],
  'ebs-info.nvme-support': (t) => [t.EbsInfo?.NvmeSupport],
  'free-tier-eligible': (t) => [String(t.FreeTierEligible)],
  hypervisor: (t) => [t.Hypervisor],
  'instance-storage-supported': (t) => [String(t.InstanceStorageSupported)],
  'instance-type': (t) => [t.InstanceType],
  'memory-info.size-in-mib': (t) => [String(t.MemoryInfo?.SizeInMiB)],
  'network-info.efa-supported': (t) => [String(t.NetworkInfo?.EfaSupported)],
  'network-info.ena-support': (t) => [t.NetworkInfo?.EnaSupport],
  'network-info.encryption-in-transit-supported': (t) => [String(t.NetworkInfo?.EncryptionInTransitSupported)],
  'network-info.maximum-network-interfaces': (t) => [String(t.NetworkInfo?.MaximumNetworkInterfaces)],
  'nitro-enclaves-support': (t) => [t.NitroEnclavesSupport],
  'processor-info.supported-architecture': (t) => t.ProcessorInfo?.SupportedArchitectures ?? [],
  'supported-root-device-type': (t) => t.SupportedRootDeviceTypes ?? [],
  'supported-usage-class': (t) => t.SupportedUsageClasses ?? [],
  'supported-virtualization-type': (t) => t.SupportedVirtualizationTypes ?? [],
  'vcpu-info.default-cores': (t) => [String(t.VCpuInfo?.DefaultCores)],
  'vcpu-info.default-vcpus': (t) => [String(t.VCpuInfo?.DefaultVCpus)],
}

export const describeInstanceTypes: Operation<
  Ec2.DescribeInstanceTypesCommandInput,
  Ec2.DescribeInstanceTypesCommandOutput
> = (_cloud, input) => {
  dryRun(input)
  const names = input.InstanceTypes ?? []
  if (names.length > 0 && input.MaxResults !== undefined)
    throw failure(
      'InvalidParameterCombination',
      'The parameter InstanceTypes cannot be used with the parameter MaxResults',
    )
  const unknown = names.filter((name) => !instanceTypes().has(name))
  if (unknown.length > 0)
    throw failure('InvalidInstanceType', `The following supplied instance types do not exist: [${unknown.join(', ')}]`)
  const types = offered().filter((type) => names.length === 0 || names.includes(type.InstanceType!))
  const { items, nextToken } = page(filtered(types, input.Filters, accessors), {
    token: input.NextToken,
    size: input.MaxResults,
    sizeMax: 100,
    invalidToken: 'InvalidParameterValue',
  })
  return { InstanceTypes: items, ...(nextToken === undefined ? {} : { NextToken: nextToken }) }
}

export const describeInstanceTypeOfferings: Operation<
  Ec2.DescribeInstanceTypeOfferingsCommandInput,
  Ec2.DescribeInstanceTypeOfferingsCommandOutput
> = (cloud, input) => {
  dryRun(input)
  const LocationType = input.LocationType ?? 'region'
  const zones = zonesOf(cloud.region)
  const locations =
    LocationType === 'availability-zone'
      ? zones.map((zone) => zone.name)
      : LocationType === 'availability-zone-id'
        ? zones.map((zone) => zone.id)
        : [cloud.region]
  const offerings = offered().flatMap((type) =>
    locations.map((Location) => ({ InstanceType: type.InstanceType, Location, LocationType })),
  )
  const { items, nextToken } = page(
    filtered(offerings, input.Filters, {
      location: (o) => [o.Location],
      'instance-type': (o) => [o.InstanceType],
    }),
    { token: input.NextToken, size: input.MaxResults, sizeMax: 1000, invalidToken: 'InvalidParameterValue' },
  )
  return {
    InstanceTypeOfferings: items,
    ...(nextToken === undefined ? {} : { NextToken: nextToken }),
  }
}

export const getInstanceTypesFromInstanceRequirements: Operation<
  Ec2.GetInstanceTypesFromInstanceRequirementsCommandInput,
  Ec2.GetInstanceTypesFromInstanceRequirementsCommandOutput
> = (_cloud, input) => {
  dryRun(input)
  const architectures = required(input.ArchitectureTypes, 'ArchitectureTypes').map((architecture) =>
    architecture === 'arm64' ? 'arm64' : 'amd64',
  )
  const types = typesMatching(required(input.InstanceRequirements, 'InstanceRequirements'), architectures)
  const { items, nextToken } = page(types, {
    token: input.NextToken,
    size: input.MaxResults,
    sizeMax: 1000,
    invalidToken: 'InvalidParameterValue',
  })
  return {
    InstanceTypes: items.map((type) => ({ InstanceType: type.name })),
    ...(nextToken === undefined ? {} : { NextToken: nextToken }),
  }
}

/** One record for each type and zone, in force since midnight: spot prices do not move yet. */
export const describeSpotPriceHistory: Operation<
  Ec2.DescribeSpotPriceHistoryCommandInput,
  Ec2.DescribeSpotPriceHistoryCommandOutput
> = (cloud, input) => {
  dryRun(input)
  const dayMs = 86_400_000
  const Timestamp = new Date(Math.floor(cloud.clock.now() / dayMs) * dayMs)
  const names = input.InstanceTypes ?? []
  const zones = zonesOf(cloud.region).filter((zone) => (input.AvailabilityZone ?? zone.name) === zone.name)
  const wanted = input.ProductDescriptions ?? []
  const linux = wanted.length === 0 || wanted.some((p) => p === 'Linux/UNIX' || p === 'Linux/UNIX (Amazon VPC)')
  const records = [...instanceTypes().values()]
    .filter(
      (type) => linux && type.usdPerHour > 0 && (names.length === 0 || names.includes(type.name as Ec2._InstanceType)),
    )
    .flatMap((type) =>
      zones.map((zone) => ({
        InstanceType: type.name as Ec2._InstanceType,
        AvailabilityZone: zone.name,
        ProductDescription: 'Linux/UNIX' as const,
        SpotPrice: spotPrice(type, cloud.region)!.usdPerHour.toFixed(6),
        Timestamp,
      })),
    )
  const { items, nextToken } = page(
    filtered(records, input.Filters, {
      'availability-zone': (r) => [r.AvailabilityZone],
      'instance-type': (r) => [r.InstanceType],
      'product-description': (r) => [r.ProductDescription],
      'spot-price': (r) => [r.SpotPrice],
      timestamp: (r) => [r.Timestamp.toISOString()],
    }),
    { token: input.NextToken, size: input.MaxResults, sizeMax: 1000, invalidToken: 'InvalidParameterValue' },
  )
  return { SpotPriceHistory: items, NextToken: nextToken ?? '' }
}
