import { ms, type Ms } from '@plimsoll/model'

/** Why a node is not removed; the words are the metric's and upstream's. */
export type UnremovableReason =
  | 'NoReason'
  | 'ScaleDownDisabledAnnotation'
  | 'ScaleDownUnreadyDisabled'
  | 'NotAutoscaled'
  | 'NotUnneededLongEnough'
  | 'NotUnreadyLongEnough'
  | 'NodeGroupMinSizeReached'
  | 'NodeGroupMaxDeletionCountReached'
  | 'AtomicScaleDownFailed'
  | 'MinimalResourceLimitExceeded'
  | 'CurrentlyBeingDeleted'
  | 'NotUnderutilized'
  | 'NotUnneededOtherReason'
  | 'RecentlyUnremovable'
  | 'NoPlaceToMovePods'
  | 'BlockedByPod'
  | 'UnexpectedError'
  | 'NoNodeInfo'
  | 'BlockedByOnCompletionPod'

/**
 * Nodes that cannot go: the reasons of this loop, and for how long those found out by simulation are not looked at.
 * kubernetes-sigs/cluster-autoscaler:pkg/core/scaledown/unremovable/nodes.go (rule CA-114).
 */
export class UnremovableNodes {
  readonly #until = new Map<string, Ms>()
  readonly #reasons = new Map<string, UnremovableReason>()

  beginLoop(now: Ms): void {
    this.#reasons.clear()
    for (const [name, until] of this.#until) if (until <= now) this.#until.delete(name)
  }

  add(node: string, reason: UnremovableReason): void {
    this.#reasons.set(node, reason)
  }

  addFor(node: string, reason: UnremovableReason, until: Ms): void {
    this.#reasons.set(node, reason)
    this.#until.set(node, ms(until))
  }

  isRecent(node: string): boolean {
    return this.#until.has(node)
  }

  reasons(): ReadonlyMap<string, UnremovableReason> {
    return this.#reasons
  }
}
