// Topology groups by identity, and by a label that pods must have to be chosen: most selectors ask for one value of some
// label, so that a pod is not held against the groups of all others.
import type { Labels } from '@plimsoll/model'
import type { PodSelector } from '../pod-class.ts'
import type { TopologyGroup } from './topology-group.ts'

export class GroupTable {
  readonly #byIdentity = new Map<string, TopologyGroup>()
  readonly #byLabel = new Map<string, TopologyGroup[]>()
  /** Of selectors that name no label with one value. */
  readonly #loose: TopologyGroup[] = []

  get size(): number {
    return this.#byIdentity.size
  }

  get(identity: string): TopologyGroup | undefined {
    return this.#byIdentity.get(identity)
  }

  set(identity: string, group: TopologyGroup): void {
    this.#byIdentity.set(identity, group)
    let list: TopologyGroup[] = this.#loose
    const label = labelOf(group.selector)
    if (label !== undefined) {
      list = this.#byLabel.get(label) ?? []
      this.#byLabel.set(label, list)
    }
    list.push(group)
  }

  values(): Iterable<TopologyGroup> {
    return this.#byIdentity.values()
  }

  /** All groups that may choose pods with these labels, in the order in which they were made. */
  near(labels: Labels | undefined): TopologyGroup[] {
    const found = [...this.#loose]
    for (const key in labels) found.push(...(this.#byLabel.get(pairOf(key, labels[key]!)) ?? []))
    return found.sort((a, b) => a.number - b.number)
  }
}

function labelOf({ labels }: PodSelector): string | undefined {
  const single = labels.find(({ operator, values }) => operator === 'In' && values.length === 1)
  return single === undefined ? undefined : pairOf(single.key, single.values[0]!)
}

function pairOf(key: string, value: string): string {
  return `${key}\n${value}`
}
