import type * as Ec2 from '@aws-sdk/client-ec2'
import { instanceTypes, type InstanceType } from '../catalogue/instance-type.ts'

/** Attribute-based selection: the types that meet the requirements, by name. */
export function typesMatching(
  requirements: Ec2.InstanceRequirementsRequest,
  architectures: readonly ('amd64' | 'arm64')[],
): InstanceType[] {
  return [...instanceTypes().values()].filter(
    (type) => architectures.includes(type.architecture) && type.usdPerHour > 0 && matches(type, requirements),
  )
}

function matches(type: InstanceType, r: Ec2.InstanceRequirementsRequest): boolean {
  const gpus = type.gpu?.count ?? 0
  const accelerators = gpus + (type.accelerator?.count ?? 0)
  const burstable = /^t\d/.test(type.name)
  return (
    within(type.vcpu, r.VCpuCount) &&
    within(type.memoryMiB, r.MemoryMiB) &&
    within(type.memoryMiB / 1024 / type.vcpu, r.MemoryGiBPerVCpu) &&
    within(type.localNvmeGB, r.TotalLocalStorageGB) &&
    within(type.enis, r.NetworkInterfaceCount) &&
    within(type.ebsMbps, r.BaselineEbsBandwidthMbps) &&
    within(typeof type.networkMbps === 'number' ? type.networkMbps / 1000 : 0, r.NetworkBandwidthGbps) &&
    (r.AcceleratorCount === undefined ? accelerators === 0 : within(accelerators, r.AcceleratorCount)) &&
    allowed(burstable, r.BurstablePerformance ?? 'excluded') &&
    allowed(type.hypervisor === 'metal', r.BareMetal ?? 'excluded') &&
    allowed(type.localNvmeGB > 0, r.LocalStorage ?? 'included') &&
    (r.CpuManufacturers === undefined ||
      r.CpuManufacturers.some((m) => (m === 'amazon-web-services' ? 'aws' : m) === type.cpuManufacturer)) &&
    (r.AllowedInstanceTypes === undefined || r.AllowedInstanceTypes.some((pattern) => like(type.name, pattern))) &&
    !(r.ExcludedInstanceTypes ?? []).some((pattern) => like(type.name, pattern))
  )
}

function within(value: number, range: { Min?: number | undefined; Max?: number | undefined } | undefined): boolean {
  return value >= (range?.Min ?? 0) && value <= (range?.Max ?? Infinity)
}

function allowed(has: boolean, rule: string): boolean {
  return rule === 'included' || has === (rule === 'required')
}

function like(name: string, pattern: string): boolean {
  const source = pattern.split('*').map((part) => part.replace(/[.\\]/g, '\\$&'))
  return new RegExp(`^${source.join('.*')}$`).test(name)
}
