import type { Ms } from '@plimsoll/model'

/** Which nodes are being removed right now (kubernetes-sigs/cluster-autoscaler:pkg/core/scaledown/deletiontracker). */
export class DeletionTracker {
  readonly #empty = new Map<string, string>()
  readonly #drained = new Map<string, string>()
  #failures: { readonly group: string; readonly at: Ms }[] = []

  start(node: string, group: string, drain: boolean): void {
    ;(drain ? this.#drained : this.#empty).set(node, group)
  }

  end(node: string): void {
    this.#empty.delete(node)
    this.#drained.delete(node)
  }

  failed(group: string, at: Ms): void {
    this.#failures.push({ group, at })
  }

  /** Failures since the last call. */
  takeFailures(): readonly { readonly group: string; readonly at: Ms }[] {
    const failures = this.#failures
    this.#failures = []
    return failures
  }

  has(node: string): boolean {
    return this.#empty.has(node) || this.#drained.has(node)
  }

  nodes(): readonly string[] {
    return [...this.#empty.keys(), ...this.#drained.keys()]
  }

  get emptyCount(): number {
    return this.#empty.size
  }

  get drainedCount(): number {
    return this.#drained.size
  }

  drained(): readonly string[] {
    return [...this.#drained.keys()]
  }

  countOf(group: string): number {
    return [...this.#empty.values(), ...this.#drained.values()].filter((each) => each === group).length
  }
}
