// What one provisioning pass is asked and what it answers; plain data.
import type { InstanceType, LabelRegistry, Labels, Node, Pod, Requirements, ResourceList, Taint } from '@plimsoll/model'

import type { DeviceProvisioning } from '../dynamic-resources/device-provisioning.ts'
import type { TypeObstacles } from './obstacle.ts'

/** A NodePool as the packer sees it. */
export interface ProvisioningPool {
  readonly name: string
  /** Heavier pools are asked first; of equal weight, the name that is later in the alphabet. */
  readonly weight?: number | undefined
  /** `spec.template.spec.requirements`, with their minValues. */
  readonly requirements: Requirements
  /** `spec.template.metadata.labels`. */
  readonly labels?: Labels | undefined
  readonly taints?: readonly Taint[] | undefined
  readonly limits?: ResourceList | undefined
  /** The label by which nodes name their node class: `karpenter.k8s.aws/ec2nodeclass`. */
  readonly nodeClass?: { readonly label: string; readonly name: string } | undefined
  readonly instanceTypes: readonly InstanceType[]
}

/** A node that is there, or that is coming. `ClusterSnapshot.nodes()` gives the first two fields. */
export interface ProvisioningNode {
  readonly node: Node
  /** Bound to it, of whatever phase; those being placed in this pass are left out of every count. */
  readonly pods: readonly Pod[]
  /** Asked before nodes that are not. */
  readonly initialized: boolean
  /** The pool whose limits it counts against. */
  readonly pool?: string | undefined
  /** As the pods will meet them: without those that go once the node is up. Default: the node's own. */
  readonly taints?: readonly Taint[] | undefined
  /** Default: the node's own, less nothing. For a node yet to register: what its NodeClaim promises. */
  readonly allocatable?: ResourceList | undefined
  /** Counted against the pool's limits. Default: the node's own capacity. */
  readonly capacity?: ResourceList | undefined
  /** False: nothing is put there, but its pods count in topologies (a node on its way out). Default true. */
  readonly open?: boolean | undefined
  /** False: its labels open no topology domains yet (a NodeClaim without a Node). Default true. */
  readonly registered?: boolean | undefined
  /** True: only pods that wait, or that leave a node on its way out, may come (consolidateAfter has not passed). */
  readonly settling?: boolean | undefined
}

export interface ReservedCapacity {
  /** The label by which offerings name their reservation: `karpenter.k8s.aws/capacity-reservation-id`. */
  readonly label: string
  /** Strict: a pod waits rather than take a node that is not reserved while a reserved one would do. */
  readonly mode: 'Strict' | 'Fallback'
}

export interface ProvisioningInput {
  readonly pods: readonly Pod[]
  readonly pools: readonly ProvisioningPool[]
  readonly nodes?: readonly ProvisioningNode[] | undefined
  /** One pod of each DaemonSet, as it would be made now. */
  readonly daemons?: readonly Pod[] | undefined
  /** Labels of namespaces, for terms that choose them so. */
  readonly namespaces?: ReadonlyMap<string, Labels> | undefined
  /** What the pod's volumes ask of a node: any one of these. Asked once for pods with the same claims. */
  readonly volumeAlternatives?: ((pod: Pod) => readonly Requirements[]) | undefined
  /** Whether the node can attach the pod's volumes too, besides those of the pods placed there in this pass. */
  readonly attaches?: ((pod: Pod, node: ProvisioningNode, placed: readonly Pod[]) => boolean) | undefined
  readonly minValues?: 'Strict' | 'BestEffort' | undefined
  readonly preferences?: 'Respect' | 'Ignore' | undefined
  /** Unset: reservations are not looked at (the feature gate is off). */
  readonly reserved?: ReservedCapacity | undefined
  /** Nodes whose pods may go to settling nodes. */
  readonly leaving?: ReadonlySet<string> | undefined
  readonly registry?: LabelRegistry | undefined
  /** Unset: pods with resource claims are left out (`--ignore-dra-requests`). Made for this pass; the pass uses it up. */
  readonly devices?: DeviceProvisioning | undefined
  /** Asked before each try of a pod; once true, what is placed stays and the rest is left. */
  readonly expired?: (() => boolean) | undefined
  /** How many instance types a claim may name; the cheapest stay. Default 600. */
  readonly instanceTypesMax?: number | undefined
}

/** A node to be made. */
export interface PlannedClaim {
  readonly pool: ProvisioningPool
  /** In the order in which they were placed. */
  readonly pods: readonly Pod[]
  /** All that will do, cheapest first. */
  readonly instanceTypes: readonly InstanceType[]
  /** Of the node; without hostname, reservations taken included. */
  readonly requirements: Requirements
  /** Pods and daemons, by resource, in the unit of the engine: milli-CPU, bytes, pieces. */
  readonly requests: ReadonlyMap<string, number>
  /** True when BestEffort lowered a minValues. */
  readonly minValuesRelaxed: boolean
  /** The reservations it holds, sorted. */
  readonly reservations: readonly string[]
  /** Of the devices that its pods were given, sorted: the annotation karpenter.sh/requested-dra-drivers. */
  readonly deviceDrivers: readonly string[]
}

export interface Unplaced {
  readonly pod: Pod
  /** `reserved`: waits for reserved capacity, not for help. `dynamicResources`: asks for what is not handled. `expired`: not tried. */
  readonly kind: 'unschedulable' | 'reserved' | 'dynamicResources' | 'minValues' | 'expired'
  /** Why, in upstream's words; worked out when asked. */
  readonly message: () => string
  /** Every instance type with what refuses it; worked out when asked. */
  readonly obstacles: () => readonly TypeObstacles[]
}

export interface ProvisioningResult {
  readonly claims: readonly PlannedClaim[]
  /** Node name → pods put there, in the order of placing; only nodes that got some. */
  readonly placed: ReadonlyMap<string, readonly Pod[]>
  /** In the order of the queue's end. */
  readonly unplaced: readonly Unplaced[]
  /** Pools left out, for no instance type suits their own requirements; with the reason when minValues is it. */
  readonly emptyPools: readonly { readonly pool: ProvisioningPool; readonly minValuesProblem: string | undefined }[]
}
