import { describe, expect, it } from 'vitest'
import { node, noon, onDemand, pod, type NodeParts } from '../../test/objects.ts'
import { testPrices } from '../../test/prices.ts'
import { ClusterModel } from './cluster-model.ts'
import { nodeRows } from './cluster-view.ts'
import { filterRows } from './node-filter.ts'
import { groupRows } from './node-groups.ts'
import { parseNodeSort, sortRows, type NodeSort } from './node-sort.ts'

const summed = ['cpu']
function rowsOf(...nodes: readonly NodeParts[]) {
  const model = new ClusterModel(summed)
  for (const parts of nodes) model.putNode(node(parts))
  model.putPod(pod({ name: 'a', node: 'n2', requests: { cpu: '2' } }))
  model.putPod(pod({ name: 'b', node: 'n10', requests: { cpu: '1' } }))
  return nodeRows(model, testPrices)
}
const three = rowsOf(
  { name: 'n10', ageSeconds: 300, labels: onDemand('m6a.xlarge', { zone: 'b', 'eks.amazonaws.com/nodegroup': 'web' }) },
  { name: 'n2', ageSeconds: 7200, labels: onDemand('c6g.large', { zone: 'a', 'eks.amazonaws.com/nodegroup': 'db' }) },
  { name: 'n1', ageSeconds: 7200, labels: { zone: 'b' } },
)
const namesOf = (rows: readonly { readonly facts: { readonly name: string } }[]): string[] =>
  rows.map(({ facts }) => facts.name)

describe('sortRows', () => {
  it.each<{ sort: NodeSort; names: string[] }>([
    // As upstream: ascending by age, so that the newest is first.
    { sort: parseNodeSort('creation'), names: ['n10', 'n1', 'n2'] },
    { sort: parseNodeSort('creation=asc'), names: ['n10', 'n1', 'n2'] },
    { sort: parseNodeSort('creation=dsc'), names: ['n1', 'n2', 'n10'] },
    { sort: parseNodeSort('zone'), names: ['n2', 'n1', 'n10'] },
    { sort: parseNodeSort('zone=dsc'), names: ['n1', 'n10', 'n2'] },
    { sort: parseNodeSort('missing=dsc'), names: ['n1', 'n2', 'n10'] },
    { sort: parseNodeSort('eks-node-viewer/node-cpu-usage=dsc'), names: ['n2', 'n10', 'n1'] },
    // By text, 5m would come after 120m.
    { sort: parseNodeSort('eks-node-viewer/node-age'), names: ['n10', 'n1', 'n2'] },
    { sort: { kind: 'name' }, names: ['n1', 'n2', 'n10'] },
    { sort: { kind: 'cpu' }, names: ['n2', 'n10', 'n1'] },
    { sort: { kind: 'price' }, names: ['n10', 'n2', 'n1'] },
  ])('$sort', ({ sort, names }) => {
    expect(namesOf(sortRows(three, sort, { resources: summed, now: noon }))).toEqual(names)
  })
})

describe('parseNodeSort', () => {
  it.each([
    ['creation=dsc', { kind: 'creation', descending: true }],
    ['topology.kubernetes.io/zone', { kind: 'label', label: 'topology.kubernetes.io/zone', descending: false }],
    ['a=asc', { kind: 'label', label: 'a', descending: false }],
    ['a=b', { kind: 'label', label: 'a=b', descending: false }],
  ])('%s', (text, sort) => {
    expect(parseNodeSort(text)).toEqual(sort)
  })
})

describe('filterRows', () => {
  it.each([
    ['', ['n10', 'n2', 'n1']],
    ['  ', ['n10', 'n2', 'n1']],
    ['N1', ['n10', 'n1']],
    ['zone=b', ['n10', 'n1']],
    ['nodegroup=w', ['n10']],
    ['eks.amazonaws.com/nodegroup=', ['n10', 'n2']],
    ['group=web', []],
  ])('%s', (filter, names) => {
    expect(namesOf(filterRows(three, filter))).toEqual(names)
  })
})

describe('groupRows', () => {
  it('goes by name, with those without a group last', () => {
    expect(groupRows(three, 'node group').map((group) => [group.name, namesOf(group.rows)])).toEqual([
      ['db', ['n2']],
      ['web', ['n10']],
      [undefined, ['n1']],
    ])
  })
})
