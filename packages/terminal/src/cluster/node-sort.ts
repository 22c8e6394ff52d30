import type { Ms } from '@plimsoll/model'
import { share, type NodeRow } from './cluster-view.ts'
import { ageLabel, labelText } from './computed-labels.ts'
import { naturalOrder } from './natural-order.ts'
import { instanceIdOf } from './node-facts.ts'

export type NodeSort =
  | { readonly kind: 'creation'; readonly descending: boolean }
  | { readonly kind: 'name' }
  | { readonly kind: 'cpu' }
  | { readonly kind: 'price' }
  | { readonly kind: 'label'; readonly label: string; readonly descending: boolean }

/** `creation`, `creation=asc`, `topology.kubernetes.io/zone=dsc`: ascending unless it says otherwise. */
export function parseNodeSort(text: string): NodeSort {
  const match = /^(.*?)(?:=(asc|dsc))?$/.exec(text)!
  const label = match[1]!.trim()
  const descending = match[2] === 'dsc'
  return label === 'creation' ? { kind: 'creation', descending } : { kind: 'label', label, descending }
}

export function sortText(sort: NodeSort): string {
  switch (sort.kind) {
    case 'label':
      return sort.label
    case 'cpu':
      return 'cpu usage'
    case 'creation':
    case 'name':
    case 'price':
      return sort.kind
  }
}

/** A new list. As upstream, creation ascending means the newest first: it sorts by age. */
export function sortRows(
  rows: readonly NodeRow[],
  sort: NodeSort,
  o: { readonly resources: readonly string[]; readonly now: Ms },
): NodeRow[] {
  const byName = (a: NodeRow, b: NodeRow): number => naturalOrder(a.facts.name, b.facts.name)
  const byAge = (a: NodeRow, b: NodeRow): number => b.facts.createdAt - a.facts.createdAt
  switch (sort.kind) {
    case 'creation': {
      const sign = sort.descending ? -1 : 1
      return rows.toSorted((a, b) => sign * byAge(a, b) || byName(a, b))
    }
    case 'name':
      return rows.toSorted(byName)
    case 'cpu': {
      const cpu = o.resources.indexOf('cpu')
      const used = (row: NodeRow): number => share(row.usage.requested[cpu]!, row.facts.allocatable[cpu])
      return rows.toSorted((a, b) => used(b) - used(a) || byName(a, b))
    }
    case 'price':
      return rows.toSorted((a, b) => (b.price?.usdPerHour ?? -1) - (a.price?.usdPerHour ?? -1) || byName(a, b))
    case 'label': {
      const sign = sort.descending ? -1 : 1
      const byId = (a: NodeRow, b: NodeRow): number => naturalOrder(idOf(a), idOf(b))
      // Ages are compared as times: as texts, 5m would come after 2h.
      if (sort.label === ageLabel) return rows.toSorted((a, b) => sign * byAge(a, b) || byId(a, b))
      const keyed = rows.map((row) => ({ row, text: labelText(row, sort.label, o.resources, o.now) ?? '' }))
      keyed.sort((a, b) => sign * naturalOrder(a.text, b.text) || byId(a.row, b.row))
      return keyed.map(({ row }) => row)
    }
  }
}

function idOf({ facts }: NodeRow): string {
  return facts.providerId === undefined ? facts.name : instanceIdOf(facts.providerId)
}
