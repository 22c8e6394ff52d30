// Slices, classes and claims, drawn from a seed. For tests.

import type { DeviceClass, DeviceRequest, ResourceSlice, ResourceV1ResourceClaim } from '@plimsoll/model'
import type { Models } from './naive-devices.ts'
import { stored, type Has } from './random-cluster.ts'
import type { Draws } from './random.ts'

const driver = 'gpu.example.com'

export const models: Models = { gpu: undefined, 'gpu-a': ['a'], 'gpu-not-a': ['b', 'c'] }

function deviceClass(name: string, ...expressions: readonly string[]): DeviceClass {
  return { metadata: stored(name), spec: { selectors: expressions.map((expression) => ({ cel: { expression } })) } }
}

/** They admit the `models`. */
export const deviceClasses: readonly DeviceClass[] = [
  deviceClass('gpu', `device.driver == "${driver}"`),
  deviceClass('gpu-a', `device.attributes["${driver}"].model == "a"`),
  deviceClass('gpu-not-a', `device.attributes["${driver}"].model != "a"`),
]

export interface DrawnDevices {
  readonly slices: readonly ResourceSlice[]
  readonly claims: readonly ResourceV1ResourceClaim[]
}

export function drawDevices(draws: Draws, has: Has, nodeNames: readonly string[]): DrawnDevices {
  if (!has.devices) return { slices: [], claims: [] }
  return {
    slices: nodeNames.flatMap((name) => (draws.oneIn(6) ? [] : [slice(draws, name)])),
    claims: ['r0', 'r1', 'r2', 'r3'].map((name) => claim(draws, name)),
  }
}

function slice(draws: Draws, nodeName: string): ResourceSlice {
  const devices = draws.list(1, 3, () => ({ attributes: { model: { string: draws.of('a', 'b', 'c') } } }))
  return {
    metadata: stored(`slice-${nodeName}`),
    spec: {
      driver,
      nodeName,
      pool: { name: `pool-${nodeName}`, generation: 1, resourceSliceCount: 1 },
      devices: devices.map((device, i) => ({ name: `d${i}`, ...device })),
    },
  }
}

function claim(draws: Draws, name: string): ResourceV1ResourceClaim {
  const requests = draws.list(1, 2, () => ({
    exactly: {
      deviceClassName: draws.of('gpu', 'gpu-a', 'gpu-not-a'),
      allocationMode: 'ExactCount',
      count: draws.of(1, 1, 2),
    },
  }))
  const deletionTimestamp = draws.oneIn(12) ? '2026-01-01T00:00:01Z' : undefined
  return {
    metadata: { ...stored(name), namespace: 'default', deletionTimestamp },
    spec: { devices: { requests: requests.map((request, i): DeviceRequest => ({ name: `q${i}`, ...request })) } },
  }
}
