// Slices and claims for a copy of a node, as Cluster Autoscaler makes them for nodes that a group would add
// (kubernetes/autoscaler:cluster-autoscaler/simulator/dynamicresources/utils/sanitize.go).

import {
  controllerOf,
  type AllocationResult,
  type Node,
  type Pod,
  type ResourceSlice,
  type ResourceV1ResourceClaim,
} from '@plimsoll/model'

type Claim = ResourceV1ResourceClaim

/** What comes with a node: the slices that name it, and claims of the pods on it. */
export interface NodeDeviceObjects {
  readonly slices?: readonly ResourceSlice[] | undefined
  readonly claims?: readonly ResourceV1ResourceClaim[] | undefined
}

/** A node and its copy. `suffix` tells copies apart: pool names are unique within a driver. */
export interface NodeCopy {
  readonly from: Node
  readonly to: Node
  readonly suffix: string
}

/** The node's own slices, for the copy. */
export function copySlices(slices: readonly ResourceSlice[], { to, suffix }: NodeCopy): readonly ResourceSlice[] {
  return slices.map((slice) => ({
    ...slice,
    metadata: {
      ...slice.metadata,
      name: `${slice.metadata.name}-${suffix}`,
      uid: `${slice.metadata.uid}-${suffix}`,
    },
    spec: {
      ...slice.spec,
      nodeName: to.metadata.name,
      pool: { ...slice.spec.pool, name: `${slice.spec.pool.name}-${suffix}` },
    },
  }))
}

/** The pod with its own claims renamed; claims that it merely uses keep their names. */
export function copyClaimNames(pod: Pod, suffix: string): Pod {
  const statuses = pod.status?.resourceClaimStatuses
  if (statuses === undefined) return pod
  const resourceClaimStatuses = statuses.map((status) =>
    status.resourceClaimName === undefined
      ? status
      : { ...status, resourceClaimName: `${status.resourceClaimName}-${suffix}` },
  )
  return { ...pod, status: { ...pod.status, resourceClaimStatuses } }
}

/**
 * The claims of a pod for its copy on the copied node: its own are copied, with the devices that they have of the node's own
 * pools; others stay as they are. `pools` are the names of the node's own pools. `problem` when a claim has devices from
 * elsewhere, which cannot be had twice.
 */
export function copyClaims(
  claims: readonly Claim[],
  pods: { readonly from: Pod; readonly to: Pod },
  copy: NodeCopy,
  pools: ReadonlySet<string>,
): readonly Claim[] | { readonly problem: string } {
  const copies: Claim[] = []
  for (const claim of claims) {
    if (controllerOf(claim)?.uid !== pods.from.metadata.uid) {
      copies.push(claim)
      continue
    }
    const problem = foreignness(claim, copy, pools)
    if (problem !== undefined) return { problem }
    copies.push(copyOf(claim, pods.to, copy))
  }
  return copies
}

/**
 * Slices and claims of a node for its copy. Where a pod's claim has devices from elsewhere, the copy's is yet to be
 * allocated. `pods` are pairs of a pod and its copy.
 */
export function copyDeviceObjects(
  { slices = [], claims = [] }: NodeDeviceObjects,
  pods: readonly { readonly from: Pod; readonly to: Pod }[],
  copy: NodeCopy,
): NodeDeviceObjects {
  const pools = new Set(slices.map(({ spec }) => spec.pool.name))
  const copies = pods.flatMap((pair) => {
    const own = claims.filter((claim) => controllerOf(claim)?.uid === pair.from.metadata.uid)
    return own.flatMap((claim) => {
      const copied = copyClaims([claim], pair, copy, pools)
      return 'problem' in copied ? [copyOf({ ...claim, status: undefined }, pair.to, copy)] : copied
    })
  })
  return { slices: copySlices(slices, copy), claims: copies }
}

function foreignness({ metadata, status }: Claim, { from }: NodeCopy, pools: ReadonlySet<string>): string | undefined {
  const { allocation } = status ?? {}
  const regular = (allocation?.devices?.results ?? []).filter(({ adminAccess }) => adminAccess !== true)
  if (allocation === undefined || regular.length === 0) return undefined
  const whose = `claim ${metadata.namespace}/${metadata.name}`
  const nodeName = from.metadata.name
  const foreign = regular.find(({ pool }) => !pools.has(pool))
  if (foreign !== undefined) {
    const where = `from a pool that isn't node-local on ${nodeName}`
    return `${whose} has an allocation ${foreign.request}, ${where} - can't be sanitized`
  }
  if (onlyNode(allocation) === nodeName) return undefined
  return `${whose} is allocated, but not node-local on ${nodeName} - can't be sanitized`
}

function onlyNode({ nodeSelector }: AllocationResult): string | undefined {
  const [term, ...others] = nodeSelector?.nodeSelectorTerms ?? []
  if (term === undefined || others.length > 0 || (term.matchExpressions ?? []).length > 0) return undefined
  const [field, ...moreFields] = term.matchFields ?? []
  if (field?.key !== 'metadata.name' || field.operator !== 'In' || moreFields.length > 0) return undefined
  return field.values?.length === 1 ? field.values[0] : undefined
}

function copyOf(claim: Claim, pod: Pod, { to, suffix }: NodeCopy): Claim {
  const { name, uid } = pod.metadata
  const metadata = {
    ...claim.metadata,
    name: `${claim.metadata.name}-${suffix}`,
    uid: `${claim.metadata.uid}-${suffix}`,
    ownerReferences: [{ apiVersion: 'v1', kind: 'Pod', name, uid, controller: true, blockOwnerDeletion: true }],
  }
  const { allocation } = claim.status ?? {}
  if (allocation === undefined) return { ...claim, metadata, status: { ...claim.status, reservedFor: [] } }
  const results = (allocation.devices?.results ?? []).map((result) =>
    result.adminAccess === true ? result : { ...result, pool: `${result.pool}-${suffix}` },
  )
  const matchFields = [{ key: 'metadata.name', operator: 'In', values: [to.metadata.name] }]
  return {
    ...claim,
    metadata,
    status: {
      ...claim.status,
      allocation: {
        ...allocation,
        devices: { ...allocation.devices, results },
        nodeSelector: { nodeSelectorTerms: [{ matchFields }] },
      },
      reservedFor: [{ resource: 'pods', name, uid }],
    },
  }
}
