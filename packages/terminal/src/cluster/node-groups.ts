import type { NodeRow } from './cluster-view.ts'
import { naturalOrder } from './natural-order.ts'

export const groupings = ['none', 'node group', 'NodePool', 'zone'] as const
export type Grouping = (typeof groupings)[number]

const labelOf: Record<Exclude<Grouping, 'none'>, string> = {
  'node group': 'eks.amazonaws.com/nodegroup',
  NodePool: 'karpenter.sh/nodepool',
  zone: 'topology.kubernetes.io/zone',
}

export interface NodeGroup {
  /** undefined: the nodes that belong to none. */
  readonly name: string | undefined
  readonly rows: readonly NodeRow[]
}

/** By name, those without a group last; the rows keep their order. */
export function groupRows(rows: readonly NodeRow[], grouping: Exclude<Grouping, 'none'>): NodeGroup[] {
  const groups = new Map<string | undefined, NodeRow[]>()
  for (const row of rows) {
    const name = row.facts.labels[labelOf[grouping]]
    const group = groups.get(name)
    if (group === undefined) groups.set(name, [row])
    else group.push(row)
  }
  return [...groups]
    .map(([name, members]) => ({ name, rows: members }))
    .toSorted((a, b) => {
      if (a.name === undefined || b.name === undefined) return a.name === b.name ? 0 : a.name === undefined ? 1 : -1
      return naturalOrder(a.name, b.name)
    })
}
