import { maxPods, type InstanceType } from '../catalogue/instance-type.ts'

/** The root file system of a default EKS node: what is left of the volume after xfs took its share. */
const rootVolumeGiB = 20
const rootOverheadKi = 77_844

/** A kubelet's capacity and what pods may have of it (awslabs/amazon-eks-ami:nodeadm/internal/kubelet/config.go). */
export interface Resources {
  readonly capacity: { readonly [resource: string]: string }
  readonly allocatable: { readonly [resource: string]: string }
}

/**
 * What the kubelet of an EKS node finds and grants. Memory: the kernel and firmware keep about 90 MiB and 4.35 % of what
 * the type promises (a t3.medium's 4096 MiB show as about 3828); of the rest, 255 MiB and 11 MiB per pod are reserved
 * for the kubelet, 100 MiB for eviction.
 */
export function resourcesOf(type: InstanceType, volumeGiB: number = rootVolumeGiB): Resources {
  const pods = maxPods(type)
  const capacityKi = Math.round(type.memoryMiB * 1024 * (1 - 0.0435) - 90 * 1024)
  const allocatableKi = capacityKi - (255 + 11 * pods + 100) * 1024
  const diskKi = volumeGiB * 1024 * 1024 - rootOverheadKi
  // The kubelet keeps the threshold of 10 % as a 32-bit float.
  const diskBytes = diskKi * 1024 - Math.trunc(diskKi * 1024 * Math.fround(0.1)) - 1024 ** 3
  const extended = extendedResources(type)
  const common = { 'hugepages-1Gi': '0', 'hugepages-2Mi': '0', pods: String(pods), ...extended }
  return {
    capacity: {
      cpu: String(type.vcpu),
      'ephemeral-storage': `${diskKi}Ki`,
      memory: `${capacityKi}Ki`,
      ...common,
    },
    allocatable: {
      cpu: `${type.vcpu * 1000 - reservedMilliCpu(type.vcpu)}m`,
      'ephemeral-storage': String(diskBytes),
      memory: `${allocatableKi}Ki`,
      ...common,
    },
  }
}

/** 6 % of the first core, 1 % of the second, 0.5 % of the next two, 0.25 % of all others. */
function reservedMilliCpu(cores: number): number {
  const share = (core: number): number => (core === 0 ? 60 : core === 1 ? 10 : core < 4 ? 5 : 2.5)
  let reserved = 0
  for (let core = 0; core < cores; core++) reserved += share(core)
  return Math.trunc(reserved)
}

function extendedResources(type: InstanceType): { readonly [resource: string]: string } {
  if (type.gpu?.manufacturer === 'nvidia') return { 'nvidia.com/gpu': String(type.gpu.count) }
  if (type.gpu?.manufacturer === 'amd') return { 'amd.com/gpu': String(type.gpu.count) }
  if ((type.accelerator?.neuronCores ?? 0) > 0) return { 'aws.amazon.com/neuron': String(type.accelerator!.count) }
  return {}
}

/** Versions as the image of that Kubernetes minor carries them. */
export function kubeletVersion(kubernetesVersion: string): string {
  const minor = Number(kubernetesVersion.split('.')[1])
  const patch: { readonly [minor: number]: number } = { 31: 13, 32: 9, 33: 5, 34: 2, 35: 0 }
  return `v1.${minor}.${patch[minor] ?? 0}-eks-ecaa3a6`
}
