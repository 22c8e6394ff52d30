import type { Ms, Node } from '@plimsoll/model'

/** A set of like instances that grows and shrinks by count: an Auto Scaling Group. */
export interface NodeGroup {
  /** The group's name, unique. */
  readonly id: string
  readonly minSize: number
  readonly maxSize: number
  /** What was last asked of the cloud, whether or not it is there yet. */
  readonly targetSize: number
}

export interface GroupInstance {
  /** As in Node.spec.providerID. */
  readonly providerId: string
  readonly state: 'running' | 'creating' | 'deleting'
  /** Set when the instance could not be created. */
  readonly error?: {
    readonly kind: 'outOfResources' | 'quota' | 'other'
    readonly code: string
    readonly message: string
  }
}

/** Options that a group may set for itself; absent ones are the autoscaler's own. */
export interface NodeGroupOptions {
  readonly scaleDownUtilizationThreshold?: number
  readonly scaleDownGpuUtilizationThreshold?: number
  readonly scaleDownUnneededTime?: Ms
  readonly scaleDownUnreadyTime?: Ms
  readonly maxNodeProvisionTime?: Ms
  readonly maxNodeStartupTime?: Ms
  readonly zeroOrMaxNodeScaling?: boolean
  readonly ignoreDaemonSetsUtilization?: boolean
}

export type NodeGroupFailure =
  | { readonly kind: 'throttled' }
  | { readonly kind: 'notFound'; readonly group: string }
  /** Would leave the group's bounds, or the cloud refuses the size. */
  | { readonly kind: 'refused' }
  | { readonly kind: 'unavailable' }
  | { readonly kind: 'other' }

export class NodeGroupError extends Error {
  override readonly name = 'NodeGroupError'
  readonly failure: NodeGroupFailure

  constructor(failure: NodeGroupFailure, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.failure = failure
  }
}

/**
 * What Cluster Autoscaler asks of a cloud (kubernetes/autoscaler:cluster-autoscaler/cloudprovider/cloud_provider.go).
 * Reads answer from what the last `refresh` saw, corrected by the caller's own successful writes since.
 * @throws {NodeGroupError} from every async method
 */
export interface NodeGroups {
  readonly name: string
  /** Reads the cloud again where the last reading is old; called at the start of every loop. */
  refresh(): Promise<void>
  /** In a fixed order. */
  groups(): readonly NodeGroup[]
  /** The managed group that the node's instance belongs to; undefined when it is not managed. */
  groupOf(node: Node): NodeGroup | undefined
  /** Whether the cloud still has the node's instance: false once it is gone, undefined when it cannot be told. */
  hasInstance(node: Node): boolean | undefined
  instances(group: string): readonly GroupInstance[]
  /** A fresh node of the group as it would register, without pods; for groups that have no node to learn from. */
  template(group: string): Promise<Node>
  options(group: string): NodeGroupOptions
  /** `delta` > 0. `refused` when the maximum would be exceeded. */
  increaseSize(group: string, delta: number): Promise<void>
  /** Terminates these instances and lowers the target by as many. `refused` at the minimum. */
  deleteNodes(group: string, nodes: readonly Node[]): Promise<void>
  /** `delta` < 0: gives up instances that were asked for and never came; never terminates one. */
  decreaseTargetSize(group: string, delta: number): Promise<void>
  /** The label key that marks nodes with GPUs, and all values it may have. */
  gpuLabel(): string
}
