import type { Node, Pod } from '@plimsoll/model'
import { describe, expect, it } from 'vitest'
import { ClusterSnapshot } from './snapshot.ts'
import { testNode, testPod } from './test-objects.ts'

describe('a snapshot', () => {
  it('says no more when a node is full', () => {
    const snapshot = new ClusterSnapshot()
    snapshot.addNode(testNode('n1', { cpu: '1930m', memory: '3Gi', pods: '17' }))
    for (let i = 0; i < 3; i++) snapshot.addPod(testPod(`p${i}`, { requests: { cpu: '500m' } }), 'n1')
    expect(snapshot.check(testPod('p', { requests: { cpu: '430m' } }), 'n1')).toBeUndefined()
    expect(snapshot.checkAll(testPod('p', { requests: { cpu: '431m', memory: '4Gi' } }), 'n1')).toEqual([
      { plugin: 'NodeResourcesFit', reason: 'Insufficient cpu', resolvable: true },
      { plugin: 'NodeResourcesFit', reason: 'Insufficient memory', resolvable: false },
    ])
  })

  it('goes round the nodes', () => {
    const snapshot = new ClusterSnapshot()
    for (const name of ['a', 'b', 'c']) snapshot.addNode(testNode(name))
    const pod = testPod('p')
    const order: (string | undefined)[] = []
    let last: string | undefined
    for (let i = 0; i < 4; i++) order.push((last = snapshot.firstFit(pod, { startAfter: last })))
    expect(order).toEqual(['a', 'b', 'c', 'a'])
    expect(snapshot.firstFit(pod, { startAfter: 'b', accept: ({ name }) => name < 'c' })).toBe('a')
    snapshot.removeNode('a')
    expect(snapshot.nodes().map(({ name }) => name)).toEqual(['b', 'c'])
    expect(snapshot.firstFit(pod, { startAfter: 'c' })).toBe('b')
  })

  it('keeps the place of a node that is removed and comes back by a revert', () => {
    const snapshot = new ClusterSnapshot()
    const nodes: Node[] = ['a', 'b', 'c'].map((name) => testNode(name))
    const pods: Pod[] = ['x', 'y', 'z'].map((name) => testPod(name, { requests: { cpu: '1' } }))
    for (const node of nodes) snapshot.addNode(node, node.metadata.name === 'b' ? pods : [])
    snapshot.fork()
    snapshot.removePod('default', 'y', 'b')
    snapshot.fork()
    snapshot.removeNode('b')
    snapshot.addNode(testNode('d'))
    snapshot.commit()
    expect(snapshot.nodes().map(({ name }) => name)).toEqual(['a', 'c', 'd'])
    snapshot.revert()
    expect(snapshot.nodes().map(({ name }) => name)).toEqual(['a', 'b', 'c'])
    expect(snapshot.node('b')!.pods).toEqual(pods)
    expect(snapshot.node('b')!.requested.milliCpu).toBe(3000)
  })
})
