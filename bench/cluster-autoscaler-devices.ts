// Devices in a snapshot that forks: every pod allocates its claim's device, and lets go of it when the fork is taken back
// (kubernetes-sigs/cluster-autoscaler:pkg/simulator/clustersnapshot/predicate, BenchmarkScheduleRevert), and 4,000 pods with a claim
// each onto nodes of eight devices (pkg/core/bench, RunOnceScaleUpDRA: 500 nodes; here the packing alone).
import { ClusterSnapshot, DeviceState, estimate } from '@plimsoll/engine'
import type { DeviceClass, Pod, ResourceSlice, ResourceV1ResourceClaim } from '@plimsoll/model'
import type { BenchCase, BenchResult, BenchSize } from './case.ts'
import { benchNode, benchPod, medianOf, timed } from './cluster-autoscaler-objects.ts'

const driver = 'gpu.nvidia.com'
const iterations = 5

function meta(name: string): ResourceSlice['metadata'] {
  return { name, uid: name, resourceVersion: '1', creationTimestamp: '2026-01-01T00:00:00Z' }
}

const deviceClass: DeviceClass = { metadata: meta('default-class'), spec: {} }

function sliceOf(nodeName: string, devices: number): ResourceSlice {
  return {
    metadata: meta(`slice-${nodeName}`),
    spec: {
      driver,
      nodeName,
      pool: { name: nodeName, generation: 1, resourceSliceCount: 1 },
      devices: Array.from({ length: devices }, (_, i) => ({ name: `gpu-${i}` })),
    },
  }
}

function claimNamed(name: string): ResourceV1ResourceClaim {
  const exactly = {
    deviceClassName: 'default-class',
    allocationMode: 'ExactCount',
    count: 1,
    selectors: [{ cel: { expression: `device.driver == "${driver}"` } }],
  }
  return {
    metadata: { ...meta(name), namespace: 'default' },
    spec: { devices: { requests: [{ name: 'req', exactly }] } },
  }
}

function podWith(name: string, claim: string, milliCpu = 1): Pod {
  return benchPod(name, {
    milliCpu,
    memory: milliCpu,
    spec: { resourceClaims: [{ name: 'claim', resourceClaimName: claim }] },
  })
}

function emptyState(): DeviceState {
  const devices = new DeviceState()
  devices.setClass(deviceClass)
  return devices
}

/** How the forks of one node's round open and end: `f` opens, `c` keeps, `r` takes back. */
const rounds = ['fr', 'fc', 'ffcr', 'f', 'fffffrrrrr']

/** Upstream's configurations once, but for those without pods: for each node in turn the forks open, the node comes, its pods, the forks end. */
function scheduleAndRevert(sizes: readonly number[]): { readonly elapsed: number; readonly answer: string } {
  let elapsed = 0
  let allocated = 0
  for (const nodes of sizes) {
    for (const sharing of [0, 1, 32]) {
      for (const owning of [0, 1, 50, 100]) {
        if (sharing + owning === 0) continue
        for (const round of rounds) {
          const devices = emptyState()
          const snapshot = new ClusterSnapshot({ devices })
          const work = Array.from({ length: nodes }, (_, n) => prepare(devices, n, sharing, owning))
          elapsed += timed(() => {
            for (const { node, slice, pods } of work) {
              for (const step of round) if (step === 'f') snapshot.fork()
              devices.setSlice(slice)
              snapshot.addNode(node)
              for (const pod of pods)
                if (snapshot.fits(pod, node.metadata.name)) snapshot.addPod(pod, node.metadata.name)
              for (const step of round) {
                if (step === 'c') snapshot.commit()
                if (step === 'r') snapshot.revert()
              }
            }
          }).elapsed
          allocated += devices.claims().filter(({ status }) => status?.allocation !== undefined).length
        }
      }
    }
  }
  return { elapsed, answer: `${allocated} claims allocated` }
}

interface NodeWork {
  readonly node: ReturnType<typeof benchNode>
  readonly slice: ResourceSlice
  readonly pods: readonly Pod[]
}

/** Pods that share a claim, where there are any, and pods with a claim each. */
function prepare(devices: DeviceState, n: number, sharing: number, owning: number): NodeWork {
  const node = benchNode(`node-${n}`, { milliCpu: 10_000, memory: 10_000 })
  const pods: Pod[] = []
  if (sharing > 0) devices.setClaim(claimNamed(`shared-${n}`))
  for (let i = 0; i < sharing; i++) pods.push(podWith(`sharing-${n}-${i}`, `shared-${n}`))
  for (let i = 0; i < owning; i++) {
    devices.setClaim(claimNamed(`owned-${n}-${i}`))
    pods.push(podWith(`owning-${n}-${i}`, `owned-${n}-${i}`))
  }
  return { node, slice: sliceOf(`node-${n}`, 100), pods }
}

/** Upstream's scale-up without the loop around it: groups of one, for the pods have no controller. */
function scaleUp(podCount: number): { readonly elapsed: number; readonly answer: string } {
  const times: number[] = []
  let answer = ''
  for (let i = 0; i < iterations; i++) {
    const devices = emptyState()
    const snapshot = new ClusterSnapshot({ devices })
    const pods = Array.from({ length: podCount }, (_, p) => {
      devices.setClaim(claimNamed(`claim-${p}`))
      return podWith(`pod-${p}`, `claim-${p}`, 625)
    })
    const template = {
      node: benchNode('template', { milliCpu: 10_000, memory: 10_000 }),
      pods: [],
      devices: { slices: [sliceOf('template', 8)] },
    }
    const groups = pods.map((pod) => ({ pods: [pod] }))
    const { elapsed, result } = timed(() => estimate(snapshot, groups, template, { nodes: [] }))
    times.push(elapsed)
    answer = `${result.nodeCount} nodes`
  }
  return { elapsed: medianOf(times), answer }
}

async function run(size: BenchSize): Promise<BenchResult> {
  const full = size === 'full'
  // Upstream's sizes.
  const reverts = scheduleAndRevert(full ? [10, 100] : [1])
  const packed = scaleUp(full ? 4000 : 80)
  return {
    figures: {
      'schedule and revert, 110 configurations': reverts.elapsed,
      '4,000 pods onto nodes of 8': packed.elapsed,
    },
    answer: `${reverts.answer}; ${packed.answer}`,
  }
}

export const devices: BenchCase = { name: 'devices: claims allocated and taken back', run }
