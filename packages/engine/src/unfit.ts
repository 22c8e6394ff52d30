/** Why a pod does not fit a node, said by one filter of kube-scheduler. */
export interface Unfit {
  /** The filter plugin: `NodeResourcesFit`. */
  readonly plugin: string
  /** As kube-scheduler words it: `Insufficient cpu`. */
  readonly reason: string
  /** Whether removing other pods from the node could help: preemption is tried only then. */
  readonly resolvable: boolean
}
