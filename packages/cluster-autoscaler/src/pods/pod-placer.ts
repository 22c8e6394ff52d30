import type { ClusterSnapshot, NodeState } from '@plimsoll/engine'
import { podClassKey } from '@plimsoll/engine'
import { controllerOf, type Pod } from '@plimsoll/model'

export interface Placement {
  readonly pod: Pod
  readonly node: string
}

/**
 * Puts pods on nodes of a snapshot, each on the node where it was put last time where that still fits.
 * kubernetes-sigs/cluster-autoscaler:pkg/simulator/scheduling/hinting_simulator.go (rules CA-56, CA-57).
 */
export class PodPlacer {
  #hints = new Map<string, string>()
  #olderHints = new Map<string, string>()
  #lastMatch: string | undefined

  /**
   * Placed pods stay in the snapshot. With `breakOnFailure` the first pod that fits nowhere ends it.
   * Nodes that are unschedulable are passed over, even for pods that tolerate it.
   */
  place(
    snapshot: ClusterSnapshot,
    pods: readonly Pod[],
    o: { readonly accept?: (state: NodeState) => boolean; readonly breakOnFailure?: boolean } = {},
  ): { readonly placed: readonly Placement[]; readonly rest: readonly Pod[] } {
    const accept = (state: NodeState): boolean =>
      state.node.spec.unschedulable !== true && (o.accept === undefined || o.accept(state))
    const placed: Placement[] = []
    const waiting: Pod[] = []
    for (const pod of pods) {
      const hint = this.#hintOf(pod)
      const state = hint === undefined ? undefined : snapshot.node(hint)
      if (state !== undefined && accept(state) && snapshot.fits(pod, state.name))
        placed.push(this.#put(snapshot, pod, state.name))
      else waiting.push(pod)
    }
    const rest: Pod[] = []
    const hopeless = new Set<string>()
    for (const [i, pod] of waiting.entries()) {
      const owner = controllerOf(pod)?.uid
      const kind = owner === undefined ? undefined : `${owner}\0${podClassKey(pod)}`
      const node =
        kind !== undefined && hopeless.has(kind)
          ? undefined
          : snapshot.firstFit(pod, { startAfter: this.#lastMatch, accept })
      if (node !== undefined) {
        this.#lastMatch = node
        placed.push(this.#put(snapshot, pod, node))
        continue
      }
      if (kind !== undefined) hopeless.add(kind)
      rest.push(pod)
      if (o.breakOnFailure === true) {
        rest.push(...waiting.slice(i + 1))
        break
      }
    }
    return { placed, rest }
  }

  /** Hints unused since the last call are forgotten. */
  forgetOldHints(): void {
    this.#olderHints = this.#hints
    this.#hints = new Map()
  }

  #put(snapshot: ClusterSnapshot, pod: Pod, node: string): Placement {
    snapshot.addPod(pod, node)
    this.#hints.set(keyOf(pod), node)
    return { pod, node }
  }

  #hintOf(pod: Pod): string | undefined {
    const key = keyOf(pod)
    return this.#hints.get(key) ?? this.#olderHints.get(key)
  }
}

function keyOf(pod: Pod): string {
  return pod.metadata.uid || `${pod.metadata.namespace}/${pod.metadata.name}`
}
