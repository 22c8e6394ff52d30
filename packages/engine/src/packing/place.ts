import { controllerOf, type Pod } from '@plimsoll/model'
import type { NodeState } from '../node-entry.ts'
import { podClassKey, type PodClass, classOf } from '../pod-class.ts'
import type { ClusterSnapshot } from '../snapshot.ts'

export interface Placement {
  readonly pod: Pod
  readonly node: string
}

export interface PlaceOptions {
  /** Which nodes may be taken; all when absent. */
  readonly accept?: ((state: NodeState) => boolean) | undefined
  /** The first pod that fits nowhere ends it. */
  readonly breakOnFailure?: boolean | undefined
}

export interface Placements {
  readonly placed: readonly Placement[]
  /** Those that fit nowhere, in their order, and those that were not tried. */
  readonly rest: readonly Pod[]
}

/**
 * Puts pods on nodes of a snapshot, each on the node where it was put last time where that still fits, the others round
 * and round from where the last one was put.
 * kubernetes-sigs/cluster-autoscaler:pkg/simulator/scheduling/hinting_simulator.go (rules CA-56, CA-57).
 */
export class PodPlacer {
  #hints = new Map<string, string>()
  #olderHints = new Map<string, string>()
  #lastMatch: string | undefined

  /** Placed pods stay in the snapshot. */
  place(snapshot: ClusterSnapshot, pods: readonly Pod[], o: PlaceOptions = {}): Placements {
    const { accept } = o
    const placed: Placement[] = []
    const waiting: Pod[] = []
    for (const pod of pods) {
      const hint = this.#hintOf(pod)
      const state = hint === undefined ? undefined : snapshot.node(hint)
      const takes = state !== undefined && accept?.(state) !== false && snapshot.fits(pod, state.name)
      if (takes) placed.push(this.#put(snapshot, pod, state.name))
      else waiting.push(pod)
    }
    const rest: Pod[] = []
    const hopeless = new Hopeless(snapshot)
    for (let i = 0; i < waiting.length; i++) {
      const pod = waiting[i]!
      if (!hopeless.has(pod, placed.length)) {
        const node = snapshot.firstFit(pod, { startAfter: this.#lastMatch, accept })
        if (node !== undefined) {
          this.#lastMatch = node
          placed.push(this.#put(snapshot, pod, node))
          continue
        }
        hopeless.add(pod, placed.length)
      }
      rest.push(pod)
      if (o.breakOnFailure === true) {
        for (let j = i + 1; j < waiting.length; j++) rest.push(waiting[j]!)
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

/** The pods that need not be tried because one like them just fitted nowhere. */
class Hopeless {
  /** How many pods had been placed when the class was last refused everywhere; Infinity when that no longer matters. */
  readonly #classes = new Map<PodClass, number>()
  /**
   * Upstream takes it that a controller's pods go on fitting nowhere, whatever is placed meanwhile
   * (pkg/simulator/scheduling/similar_pods.go).
   */
  readonly #controllers = new Map<string, Set<string>>()
  readonly #snapshot: ClusterSnapshot

  constructor(snapshot: ClusterSnapshot) {
    this.#snapshot = snapshot
  }

  has(pod: Pod, placed: number): boolean {
    if (pod.spec.nodeName !== undefined || this.#classes.size === 0) return false
    const since = this.#classes.get(classOf(pod))
    if (since !== undefined && since >= placed) return true
    const owner = controllerOf(pod)?.uid
    return owner !== undefined && this.#controllers.get(owner)?.has(podClassKey(pod)) === true
  }

  add(pod: Pod, placed: number): void {
    if (pod.spec.nodeName !== undefined) return
    const podClass = classOf(pod)
    const lasts = this.#snapshot.refusalsLast(pod)
    this.#classes.set(podClass, lasts ? Infinity : placed)
    const owner = lasts ? undefined : controllerOf(pod)?.uid
    if (owner === undefined) return
    let keys = this.#controllers.get(owner)
    if (keys === undefined) this.#controllers.set(owner, (keys = new Set()))
    keys.add(podClassKey(pod))
  }
}
