/** Why a pod does not fit a node, said by one filter of kube-scheduler. */
export interface Unfit {
  /** The filter plugin: `NodeResourcesFit`. */
  readonly plugin: string
  /** As kube-scheduler words it: `Insufficient cpu`. */
  readonly reason: string
  /** Whether removing other pods from the node could help: preemption is tried only then. */
  readonly resolvable: boolean
}

/** An `Unfit` with the numbers and names behind it, in plain words: `wants 500m, 320m of 1930m are free`. */
export interface ExplainedUnfit extends Unfit {
  readonly detail: string
}
