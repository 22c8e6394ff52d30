// Which pods can have the devices that they claim, found by trying every way to give them. For tests.
// (kubernetes.io: dynamic-resource-allocation.)

import type { Device, DeviceRequest, Node, Pod, ResourceSlice, ResourceV1ResourceClaim } from '@plimsoll/model'
import { selectsNode } from './naive-selector.ts'

/** Models that a class admits, which its CEL selector says too; undefined admits all. */
export type Models = { readonly [deviceClass: string]: readonly string[] | undefined }

export interface NaiveDevices {
  readonly models: Models
  readonly slices: readonly ResourceSlice[]
  /** As they stand, with what is allocated. */
  readonly claims: readonly ResourceV1ResourceClaim[]
}

function distinct<T>(items: readonly T[]): readonly T[] {
  return [...new Set(items)]
}

function claimNamesOf(pod: Pod): readonly string[] {
  return distinct((pod.spec.resourceClaims ?? []).map(({ resourceClaimName }) => resourceClaimName ?? ''))
}

function find(devices: NaiveDevices, pod: Pod, name: string): ResourceV1ResourceClaim | undefined {
  return devices.claims.find(({ metadata }) => metadata.namespace === pod.metadata.namespace && metadata.name === name)
}

/** What is wrong with the pod's claims, whatever the node. */
export function deviceComplaint(devices: NaiveDevices, pod: Pod): string | undefined {
  for (const name of claimNamesOf(pod)) {
    const claim = find(devices, pod, name)
    if (claim === undefined) return `could not find ResourceClaim "${pod.metadata.namespace}/${name}"`
    if (claim.metadata.deletionTimestamp !== undefined) return `resourceclaim "${name}" is being deleted`
  }
  return undefined
}

function takenBy(claim: ResourceV1ResourceClaim): readonly string[] {
  return (claim.status?.allocation?.devices?.results ?? []).map(({ pool, device }) => `${pool}/${device}`)
}

function devicesOn(devices: NaiveDevices, node: Node): readonly (readonly [id: string, device: Device])[] {
  return devices.slices
    .filter(({ spec }) => spec.nodeName === node.metadata.name)
    .flatMap(({ spec }) => (spec.devices ?? []).map((device) => [`${spec.pool.name}/${device.name}`, device] as const))
}

function suits({ models }: NaiveDevices, { exactly }: DeviceRequest, device: Device): boolean {
  const admitted = models[exactly!.deviceClassName]
  return admitted === undefined || admitted.includes(device.attributes?.['model']?.string ?? '')
}

/** Why the node cannot give the pod its devices. */
export function deviceRefusal(devices: NaiveDevices, pod: Pod, node: Node): string | undefined {
  const complaint = deviceComplaint(devices, pod)
  if (complaint !== undefined) return complaint
  const claims = claimNamesOf(pod).map((name) => find(devices, pod, name)!)
  const open = claims.filter((claim) => claim.status?.allocation === undefined)
  const wanted = open.flatMap((claim) =>
    (claim.spec.devices?.requests ?? []).flatMap((request) =>
      Array.from({ length: request.exactly!.count ?? 1 }, () => request),
    ),
  )
  const taken = devices.claims.flatMap(takenBy)
  const free = devicesOn(devices, node).filter(([id]) => !taken.includes(id))
  const canGive = (left: readonly DeviceRequest[], from: typeof free): boolean =>
    left.length === 0 ||
    from.some(
      (one) =>
        suits(devices, left[0]!, one[1]) &&
        canGive(
          left.slice(1),
          from.filter((other) => other !== one),
        ),
    )
  if (wanted.length > free.length || !canGive(wanted, free)) return 'cannot allocate all claims'
  const isElsewhere = claims.some((claim) => {
    const selector = claim.status?.allocation?.nodeSelector
    return selector !== undefined && !selectsNode(selector, node)
  })
  return isElsewhere ? 'resourceclaim not available on the node' : undefined
}

/** What is wrong with how devices are given out: given twice, to whom they do not suit, or not as many as asked for. */
export function misallocation(devices: NaiveDevices): string | undefined {
  const all = devices.claims.flatMap(takenBy)
  if (distinct(all).length !== all.length) return `a device is given twice: ${all.join(', ')}`
  for (const { metadata, spec, status } of devices.claims) {
    if (status?.allocation === undefined) continue
    if ((status.reservedFor ?? []).length === 0) return `${metadata.name} has devices that nobody uses`
    for (const request of spec.devices?.requests ?? []) {
      const results = (status.allocation.devices?.results ?? []).filter((result) => result.request === request.name)
      if (results.length !== (request.exactly!.count ?? 1)) return `${metadata.name} has ${results.length} devices`
      for (const { pool, device } of results) {
        const slice = devices.slices.find(({ spec }) => spec.pool.name === pool)
        const given = slice?.spec.devices?.find(({ name }) => name === device)
        if (given === undefined || !suits(devices, request, given)) return `${metadata.name} has ${pool}/${device}`
      }
    }
  }
  return undefined
}

/** Who has reserved what, and where: what remains of the claims when it does not matter which devices they got. */
export function holdings(devices: NaiveDevices): string {
  return devices.claims
    .map(({ metadata, status }) => {
      const pools = distinct((status?.allocation?.devices?.results ?? []).map(({ pool }) => pool))
      const users = (status?.reservedFor ?? []).map(({ name }) => name).toSorted()
      return `${metadata.name} on ${pools.join()} for ${users.join()}`
    })
    .toSorted()
    .join('; ')
}

/** The claims once the pod came to the node: allocated there, if they can be, and reserved for it. */
export function holdingsWith(devices: NaiveDevices, pod: Pod, node: Node): string {
  if (deviceRefusal(devices, pod, node) !== undefined) return holdings(devices)
  const names = claimNamesOf(pod)
  const slice = devices.slices.find(({ spec }) => spec.nodeName === node.metadata.name)
  return holdings({
    ...devices,
    claims: devices.claims.map((claim) => {
      if (!names.includes(claim.metadata.name) || claim.metadata.namespace !== pod.metadata.namespace) return claim
      const { name, uid } = pod.metadata
      const result = { driver: '', request: '', device: '', pool: slice?.spec.pool.name ?? '' }
      const allocation = claim.status?.allocation ?? { devices: { results: [result] } }
      const reservedFor = [...(claim.status?.reservedFor ?? []), { resource: 'pods', name, uid }]
      return { ...claim, status: { allocation, reservedFor } }
    }),
  })
}

/** The claims once the pods are gone: those that nobody else uses lose their devices. */
export function holdingsWithout(devices: NaiveDevices, pods: readonly Pod[]): string {
  const uids = pods.map(({ metadata }) => metadata.uid)
  return holdings({
    ...devices,
    claims: devices.claims.map((claim) => {
      const rest = (claim.status?.reservedFor ?? []).filter(({ uid }) => !uids.includes(uid))
      return { ...claim, status: rest.length === 0 ? {} : { ...claim.status, reservedFor: rest } }
    }),
  })
}
