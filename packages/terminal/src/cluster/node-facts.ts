// What a row needs to know of its node, read once when the Node (or the NodeClaim that will become one) changes.
import { instant, ms, type Ms, type Node, type Quantity, type Taint } from '@plimsoll/model'
import { parseAmount } from './amount.ts'
import type { NodeClaim } from './node-claims.ts'

export type Labels = { readonly [key: string]: string }
export type Purchase = 'onDemand' | 'spot' | 'reserved' | 'fargate'

export interface NodeFacts {
  /** As shown: the Node's name, or the instance id while only the NodeClaim is there. */
  readonly name: string
  /** The Node's own name, under which its pods are found; undefined while it has not registered. */
  readonly nodeName: string | undefined
  readonly providerId: string | undefined
  readonly labels: Labels
  readonly createdAt: Ms
  readonly instanceType: string | undefined
  readonly purchase: Purchase | undefined
  /** EKS Auto Mode runs it, for a fee. */
  readonly autoMode: boolean
  readonly cordoned: boolean
  readonly deleting: boolean
  readonly notReadySince: Ms | undefined
  /** By the position of the resource among those asked for; undefined where the node has none of it. */
  readonly allocatable: readonly (number | undefined)[]
  readonly podsMax: number | undefined
}

/** Both spellings: `disruption` was Karpenter's before v1, `disrupted` since (kubernetes-sigs/karpenter:pkg/apis/v1/taints.go). */
const disruptionTaints = ['karpenter.sh/disruption', 'karpenter.sh/disrupted']

export function nodeFacts(node: Node, claim: NodeClaim | undefined, resources: readonly string[]): NodeFacts {
  const labels = node.metadata.labels ?? {}
  const createdAt = instant(node.metadata.creationTimestamp) ?? ms(0)
  return {
    ...factsOfLabels(labels),
    name: node.metadata.name,
    nodeName: node.metadata.name,
    providerId: node.spec?.providerID,
    createdAt,
    cordoned: node.spec?.unschedulable === true || isDisrupted(node.spec?.taints),
    deleting: node.metadata.deletionTimestamp !== undefined,
    notReadySince: notReadySince(node, createdAt, claim),
    ...factsOfCapacity(node.status?.allocatable, resources),
  }
}

/** A machine that is bought and has not registered. */
export function claimFacts(claim: NodeClaim, providerId: string, resources: readonly string[]): NodeFacts {
  const createdAt = instant(claim.metadata.creationTimestamp) ?? ms(0)
  return {
    ...factsOfLabels(claim.metadata.labels ?? {}),
    name: instanceIdOf(providerId),
    nodeName: undefined,
    providerId,
    createdAt,
    cordoned: isDisrupted(claim.spec?.taints),
    deleting: claim.metadata.deletionTimestamp !== undefined,
    notReadySince: createdAt,
    ...factsOfCapacity(claim.status?.allocatable, resources),
  }
}

/** `aws:///us-east-1a/i-0123` is instance i-0123. */
export function instanceIdOf(providerId: string): string {
  return providerId.slice(providerId.lastIndexOf('/') + 1)
}

function factsOfLabels(labels: Labels): Pick<NodeFacts, 'labels' | 'instanceType' | 'purchase' | 'autoMode'> {
  return {
    labels,
    instanceType: labels['node.kubernetes.io/instance-type'],
    purchase: purchaseOf(labels),
    autoMode: labels['eks.amazonaws.com/compute-type'] === 'auto',
  }
}

function purchaseOf(labels: Labels): Purchase | undefined {
  const karpenter = labels['karpenter.sh/capacity-type']
  const eks = labels['eks.amazonaws.com/capacityType']
  if (karpenter === 'on-demand' || eks === 'ON_DEMAND') return 'onDemand'
  if (karpenter === 'spot' || eks === 'SPOT') return 'spot'
  if (karpenter === 'reserved' || eks === 'CAPACITY_BLOCK') return 'reserved'
  return labels['eks.amazonaws.com/compute-type'] === 'fargate' ? 'fargate' : undefined
}

function isDisrupted(taints: readonly Taint[] | undefined): boolean {
  return taints?.some((taint) => disruptionTaints.includes(taint.key) && taint.effect === 'NoSchedule') ?? false
}

/**
 * Since the Ready condition turned. A node of a NodeClaim that has never been ready counts from the claim, so that it
 * shows how long the launch takes.
 */
function notReadySince(node: Node, createdAt: Ms, claim: NodeClaim | undefined): Ms | undefined {
  const ready = node.status?.conditions?.find((condition) => condition.type === 'Ready')
  if (ready?.status === 'True') return undefined
  if (claim !== undefined && !wasInitialized(claim)) return instant(claim.metadata.creationTimestamp) ?? createdAt
  return instant(ready?.lastTransitionTime) ?? createdAt
}

function wasInitialized(claim: NodeClaim): boolean {
  return claim.status?.conditions?.some((each) => each.type === 'Initialized' && each.status === 'True') ?? false
}

function factsOfCapacity(
  allocatable: { readonly [resource: string]: Quantity } | undefined,
  resources: readonly string[],
): Pick<NodeFacts, 'allocatable' | 'podsMax'> {
  const amount = (resource: string): number | undefined => {
    const text = allocatable?.[resource]
    return text === undefined ? undefined : parseAmount(resource, text)
  }
  return { allocatable: resources.map(amount), podsMax: amount('pods') }
}
