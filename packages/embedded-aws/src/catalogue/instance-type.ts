import type * as Ec2 from '@aws-sdk/client-ec2'
import table from './instance-types.generated.json' with { type: 'json' }

export interface Accelerator {
  readonly count: number
  readonly name: string
  readonly manufacturer: string
  readonly memoryMiB: number
  readonly neuronCores: number
}

/** What is known of an EC2 instance type; 0 and '' where nothing is. */
export interface InstanceType {
  readonly name: string
  readonly vcpu: number
  readonly memoryMiB: number
  readonly architecture: 'amd64' | 'arm64'
  /** On demand, Linux, shared tenancy, us-east-1; 0 when unknown. Other regions: `pricing.ts`. */
  readonly usdPerHour: number
  readonly enis: number
  readonly ipv4PerEni: number
  readonly hypervisor: 'nitro' | 'xen' | 'metal'
  readonly cpuManufacturer: string
  readonly clockMhz: number
  /** A number, or AWS's own vague word (`Moderate`, `High`). */
  readonly networkMbps: number | string
  readonly ebsMbps: number
  readonly branchEnis: number
  readonly localNvmeGB: number
  readonly encryptionInTransit: boolean
  readonly efaInterfaces: number
  /** ENIs per network card; empty means one card. */
  readonly networkCards: readonly number[]
  readonly gpu: Accelerator | undefined
  readonly accelerator: Accelerator | undefined
}

type Row = readonly unknown[]

let byName: ReadonlyMap<string, InstanceType> | undefined

/** All types that can run a node (their network limits are known), by name. Read from the table on first use. */
export function instanceTypes(): ReadonlyMap<string, InstanceType> {
  byName ??= new Map(
    (table.types as unknown as readonly Row[])
      .map(parseRow)
      .filter((type) => type.enis > 0)
      .map((type) => [type.name, type]),
  )
  return byName
}

function parseRow(row: Row): InstanceType {
  const number = (index: number): number => (row[index] as number | undefined) ?? 0
  const text = (index: number): string => (row[index] as string | undefined) ?? ''
  return {
    name: text(0),
    vcpu: number(1),
    memoryMiB: number(2),
    architecture: row[3] as InstanceType['architecture'],
    usdPerHour: number(4),
    enis: number(5),
    ipv4PerEni: number(6),
    hypervisor: row[7] as InstanceType['hypervisor'],
    cpuManufacturer: text(8),
    clockMhz: number(9),
    networkMbps: (row[10] as number | string | undefined) ?? 0,
    ebsMbps: number(11),
    branchEnis: number(12),
    localNvmeGB: number(13),
    encryptionInTransit: number(14) === 1,
    efaInterfaces: number(15),
    networkCards: (row[16] as readonly number[] | undefined) ?? [],
    gpu: parseAccelerator(row[17]),
    accelerator: parseAccelerator(row[18]),
  }
}

function parseAccelerator(cell: unknown): Accelerator | undefined {
  const [count, name, manufacturer, memoryMiB, neuronCores] = (cell ?? []) as readonly [
    number?,
    string?,
    string?,
    number?,
    number?,
  ]
  if (count === undefined) return undefined
  return {
    count,
    name: name ?? '',
    manufacturer: manufacturer ?? '',
    memoryMiB: memoryMiB ?? 0,
    neuronCores: neuronCores ?? 0,
  }
}

/** How many pods a node of this type takes (without prefix delegation): two need no address of their own. */
export function maxPods(type: InstanceType): number {
  return podAddressesMax(type) + 2
}

/** How many pods the VPC CNI can give addresses to: each network interface keeps one for itself. */
export function podAddressesMax(type: InstanceType): number {
  return type.enis * (type.ipv4PerEni - 1)
}

const vendors: { readonly [manufacturer: string]: string } = {
  amd: 'AMD',
  aws: 'AWS',
  intel: 'Intel',
  nvidia: 'NVIDIA',
  qualcomm: 'Qualcomm',
  habana: 'Habana',
  xilinx: 'Xilinx',
}

const described = new Map<string, Ec2.InstanceTypeInfo>()

/** The type as DescribeInstanceTypes tells it. Shared between callers. */
export function instanceTypeInfo(type: InstanceType): Ec2.InstanceTypeInfo {
  let info = described.get(type.name)
  if (info === undefined) described.set(type.name, (info = buildInfo(type)))
  return info
}

/** Whether EC2 lists the type as current: the families of its previous generation page, plus `a1`. */
const previousGeneration = /^(a1|c1|c3|c4|cc2|cr1|d2|g2|g3s?|h1|hs1|i2|i3|m1|m2|m3|m4|p2|p3|r3|r4|t1|t2|x1e?)\./

function buildInfo(type: InstanceType): Ec2.InstanceTypeInfo {
  const metal = type.hypervisor === 'metal'
  const arch = type.architecture === 'arm64' ? 'arm64' : 'x86_64'
  const burstable = /^t\d/.test(type.name)
  const singleThreaded = type.architecture === 'arm64' || type.vcpu === 1
  const threads = singleThreaded ? 1 : 2
  const cards = type.networkCards.length > 0 ? type.networkCards : [type.enis]
  const performance =
    typeof type.networkMbps === 'string' ? type.networkMbps : `${formatGigabit(type.networkMbps)} Gigabit`
  return {
    InstanceType: type.name as Ec2._InstanceType,
    CurrentGeneration: !previousGeneration.test(type.name),
    FreeTierEligible: type.name === 't2.micro' || type.name === 't3.micro',
    SupportedUsageClasses: ['on-demand', 'spot'],
    SupportedRootDeviceTypes: ['ebs'],
    SupportedVirtualizationTypes: ['hvm'],
    BareMetal: metal,
    ...(metal ? {} : { Hypervisor: type.hypervisor as 'nitro' | 'xen' }),
    ProcessorInfo: {
      SupportedArchitectures: [arch],
      ...(type.clockMhz > 0 ? { SustainedClockSpeedInGhz: type.clockMhz / 1000 } : {}),
      ...(type.cpuManufacturer === '' ? {} : { Manufacturer: vendors[type.cpuManufacturer] ?? type.cpuManufacturer }),
    },
    VCpuInfo: { DefaultVCpus: type.vcpu, DefaultCores: type.vcpu / threads, DefaultThreadsPerCore: threads },
    MemoryInfo: { SizeInMiB: type.memoryMiB },
    InstanceStorageSupported: type.localNvmeGB > 0,
    ...(type.localNvmeGB > 0
      ? {
          InstanceStorageInfo: {
            TotalSizeInGB: type.localNvmeGB,
            NvmeSupport: 'required',
            EncryptionSupport: 'required',
          },
        }
      : {}),
    EbsInfo: {
      EbsOptimizedSupport: type.ebsMbps > 0 ? 'default' : 'unsupported',
      EncryptionSupport: 'supported',
      NvmeSupport: type.hypervisor === 'xen' ? 'unsupported' : 'required',
      ...(type.ebsMbps > 0
        ? { EbsOptimizedInfo: { BaselineBandwidthInMbps: type.ebsMbps, MaximumBandwidthInMbps: type.ebsMbps } }
        : {}),
    },
    NetworkInfo: {
      NetworkPerformance: performance,
      MaximumNetworkInterfaces: type.enis,
      MaximumNetworkCards: cards.length,
      DefaultNetworkCardIndex: 0,
      NetworkCards: cards.map((enis, index) => ({
        NetworkCardIndex: index,
        NetworkPerformance: performance,
        MaximumNetworkInterfaces: enis,
      })),
      Ipv4AddressesPerInterface: type.ipv4PerEni,
      Ipv6AddressesPerInterface: type.ipv4PerEni,
      Ipv6Supported: type.hypervisor !== 'xen',
      EnaSupport: type.hypervisor === 'xen' ? 'supported' : 'required',
      EfaSupported: type.efaInterfaces > 0,
      ...(type.efaInterfaces > 0 ? { EfaInfo: { MaximumEfaInterfaces: type.efaInterfaces } } : {}),
      EncryptionInTransitSupported: type.encryptionInTransit,
    },
    ...(type.gpu === undefined ? {} : { GpuInfo: gpuInfo(type.gpu) }),
    ...acceleratorInfo(type.accelerator),
    PlacementGroupInfo: {
      SupportedStrategies: burstable ? ['partition', 'spread'] : ['cluster', 'partition', 'spread'],
    },
    HibernationSupported: false,
    BurstablePerformanceSupported: burstable,
    DedicatedHostsSupported: !burstable,
    AutoRecoverySupported: !metal,
    SupportedBootModes: arch === 'arm64' ? ['uefi'] : ['legacy-bios', 'uefi'],
    NitroEnclavesSupport: type.hypervisor === 'nitro' && type.vcpu >= 4 && !burstable ? 'supported' : 'unsupported',
  }
}

function gpuInfo(gpu: Accelerator): Ec2.GpuInfo {
  return {
    Gpus: [
      {
        Name: gpu.name.toUpperCase(),
        Manufacturer: vendors[gpu.manufacturer] ?? gpu.manufacturer,
        Count: gpu.count,
        MemoryInfo: { SizeInMiB: gpu.memoryMiB },
      },
    ],
    TotalGpuMemoryInMiB: gpu.memoryMiB * gpu.count,
  }
}

function acceleratorInfo(device: Accelerator | undefined): Partial<Ec2.InstanceTypeInfo> {
  if (device === undefined) return {}
  const manufacturer = vendors[device.manufacturer] ?? device.manufacturer
  if (device.neuronCores === 0)
    return {
      InferenceAcceleratorInfo: {
        Accelerators: [{ Count: device.count, Name: device.name, Manufacturer: manufacturer }],
      },
    }
  return {
    NeuronInfo: {
      NeuronDevices: [
        { Count: device.count, Name: device.name, CoreInfo: { Count: device.neuronCores / device.count, Version: 2 } },
      ],
    },
  }
}

function formatGigabit(mbps: number): string {
  const gigabit = mbps / 1000
  return Number.isInteger(gigabit) ? String(gigabit) : `Up to ${gigabit.toFixed(gigabit < 1 ? 3 : 1)}`
}
