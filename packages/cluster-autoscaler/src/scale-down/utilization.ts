import { podRequests, type NodeState } from '@plimsoll/engine'
import type { Ms } from '@plimsoll/model'
import { isDaemonSetPod, isLongTerminating, isMirrorPod } from '../pods/pod-kinds.ts'

/** How much of a node its pods ask for, as shares of what is allocatable. */
export interface Utilization {
  readonly cpu: number
  readonly memory: number
  readonly gpu: number
  /** The share that decides, and of what. */
  readonly resource: string
  readonly utilization: number
}

const gpuResources = ['nvidia.com/gpu', 'amd.com/gpu', 'gpu.intel.com/xe', 'habana.ai/gaudi', 'microsoft.com/directx']

/**
 * The larger share of CPU and memory, or the share of GPUs on a node that has some (rules CA-112, CA-113).
 * kubernetes-sigs/cluster-autoscaler:pkg/simulator/utilization/info.go, Calculate.
 */
export function utilizationOf(
  state: NodeState,
  o: {
    readonly gpuLabel: string
    readonly ignoreDaemonSets: boolean
    readonly ignoreMirrorPods: boolean
    readonly now: Ms
  },
): Utilization {
  const gpu = gpuResources.find((name) => (state.allocatable.scalar.get(name) ?? 0) > 0)
  const labelled = state.node.metadata.labels?.[o.gpuLabel] !== undefined
  if (gpu !== undefined || labelled) {
    const total = gpu === undefined ? 0 : (state.allocatable.scalar.get(gpu) ?? 0)
    let used = 0
    if (gpu !== undefined) {
      for (const pod of state.pods) if (!isLongTerminating(pod, o.now)) used += podRequests(pod).scalar.get(gpu) ?? 0
    }
    const share = total > 0 ? used / total : 0
    return { cpu: 0, memory: 0, gpu: share, resource: gpu ?? 'nvidia.com/gpu', utilization: share }
  }
  // What the snapshot has summed up, but for the pods that do not count.
  let { milliCpu, memory } = state.requested as { milliCpu: number; memory: number }
  let ignoredMilliCpu = 0
  let ignoredMemory = 0
  for (const pod of state.pods) {
    const gone = isLongTerminating(pod, o.now)
    const ignored = (o.ignoreDaemonSets && isDaemonSetPod(pod)) || (o.ignoreMirrorPods && isMirrorPod(pod))
    if (!gone && !ignored) continue
    const requests = podRequests(pod)
    milliCpu -= requests.milliCpu
    memory -= requests.memory
    if (gone) continue
    ignoredMilliCpu += requests.milliCpu
    ignoredMemory += requests.memory
  }
  const cpuShare = share(milliCpu, state.allocatable.milliCpu - ignoredMilliCpu)
  const memoryShare = share(memory, state.allocatable.memory - ignoredMemory)
  const utilization = Math.max(cpuShare, memoryShare)
  return {
    cpu: cpuShare,
    memory: memoryShare,
    gpu: 0,
    resource: cpuShare > memoryShare ? 'cpu' : 'memory',
    utilization,
  }
}

function share(used: number, total: number): number {
  return total > 0 ? used / total : 0
}

/** As Go prints the record with %v. */
export function utilizationText(u: Utilization): string {
  return `{${goFloat(u.cpu)} ${goFloat(u.memory)} ${goFloat(u.gpu)} 0 ${u.resource} ${goFloat(u.utilization)}}`
}

function goFloat(value: number): string {
  if (value !== 0 && (Math.abs(value) < 1e-4 || Math.abs(value) >= 1e21)) {
    return value.toExponential().replace(/e([+-])(\d)$/, 'e$10$2')
  }
  return String(value)
}
