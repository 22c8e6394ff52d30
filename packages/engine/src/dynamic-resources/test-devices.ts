// Slices, claims and classes for tests.

import type {
  Device,
  DeviceClaim,
  DeviceClass,
  ExactDeviceRequest,
  Pod,
  ResourceSlice,
  ResourceSliceSpec,
  ResourceV1ResourceClaim,
} from '@plimsoll/model'
import { testPod } from '../test-objects.ts'

export const testDriver = 'gpu.example.com'

function meta(name: string): { name: string; uid: string; resourceVersion: string; creationTimestamp: string } {
  return { name, uid: name, resourceVersion: '1', creationTimestamp: '2026-01-01T00:00:00Z' }
}

export function testClass(name: string, ...expressions: readonly string[]): DeviceClass {
  return { metadata: meta(name), spec: { selectors: expressions.map((expression) => ({ cel: { expression } })) } }
}

/** A slice of the only slice's pool unless told otherwise; devices may be given by name. */
export function testSlice(
  name: string,
  o: Partial<Omit<ResourceSliceSpec, 'devices' | 'pool'>> & {
    readonly devices?: readonly (string | Device)[]
    readonly pool?: string
    readonly generation?: number
    readonly count?: number
  },
): ResourceSlice {
  const { devices = [], pool = name, generation = 1, count = 1, driver = testDriver, ...spec } = o
  return {
    metadata: meta(name),
    spec: {
      ...spec,
      driver,
      pool: { name: pool, generation, resourceSliceCount: count },
      devices: devices.map((device) => (typeof device === 'string' ? { name: device } : device)),
    },
  }
}

export function exactly(o: Partial<ExactDeviceRequest> = {}): ExactDeviceRequest {
  return { deviceClassName: 'gpu', allocationMode: 'ExactCount', count: 1, ...o }
}

export function testClaim(
  name: string,
  devices: DeviceClaim = { requests: [{ name: 'one', exactly: exactly() }] },
  o: { readonly owner?: Pod; readonly namespace?: string } = {},
): ResourceV1ResourceClaim {
  const { owner } = o
  return {
    metadata: {
      ...meta(name),
      namespace: o.namespace ?? 'default',
      ...(owner === undefined
        ? {}
        : {
            ownerReferences: [
              { apiVersion: 'v1', kind: 'Pod', name: owner.metadata.name, uid: owner.metadata.uid, controller: true },
            ],
          }),
    },
    spec: { devices },
  }
}

/** A pod that uses the claims by name. */
export function claimingPod(name: string, ...claims: readonly string[]): Pod {
  return testPod(name, {
    spec: { resourceClaims: claims.map((claim, i) => ({ name: `claim-${i}`, resourceClaimName: claim })) },
  })
}

export function cel(expression: string): { readonly cel: { readonly expression: string } } {
  return { cel: { expression } }
}
