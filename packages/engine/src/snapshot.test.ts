import type { Node, Pod, PodSpec } from '@plimsoll/model'
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

  it('sees a namespace get another label', () => {
    const snapshot = new ClusterSnapshot()
    const podAntiAffinity = {
      requiredDuringSchedulingIgnoredDuringExecution: [
        { topologyKey: 'kubernetes.io/hostname', labelSelector: {}, namespaceSelector: { matchLabels: { team: 'a' } } },
      ],
    }
    snapshot.addNode(testNode('n'), [testPod('guard', { namespace: 'a', spec: { affinity: { podAntiAffinity } } })])
    const pod = testPod('p', { namespace: 'b' })
    expect(snapshot.check(pod, 'n')).toBeUndefined()
    snapshot.setNamespace('b', { team: 'a' })
    expect(snapshot.check(pod, 'n')?.reason).toBe("node(s) didn't satisfy existing pods anti-affinity rules")
    snapshot.setNamespace('b', undefined)
    expect(snapshot.check(pod, 'n')).toBeUndefined()
  })

  it('forgets the counts of what is long gone, and nothing else', () => {
    const snapshot = new ClusterSnapshot()
    for (const name of ['a', 'b']) snapshot.addNode(testNode(name, { pods: '100000' }))
    const topologySpreadConstraints = (app: string): PodSpec['topologySpreadConstraints'] => [
      {
        topologyKey: 'kubernetes.io/hostname',
        maxSkew: 1,
        whenUnsatisfiable: 'DoNotSchedule',
        labelSelector: { matchLabels: { app } },
      },
    ]
    const member = (name: string, app: string): Pod =>
      testPod(name, { labels: { app }, spec: { topologySpreadConstraints: topologySpreadConstraints(app) } })
    snapshot.addPod(member('stays', 'old'), 'a')
    for (let i = 0; i < 12_000; i++) {
      const pod = member(`p${i}`, `app-${i}`)
      expect(snapshot.fits(pod, 'a')).toBe(true)
      snapshot.addPod(pod, 'a')
      snapshot.removePod('default', `p${i}`, 'a')
    }
    const next = member('next', 'old')
    expect([snapshot.fits(next, 'a'), snapshot.fits(next, 'b')]).toEqual([false, true])
    snapshot.addPod(next, 'b')
    expect(snapshot.fits(member('third', 'old'), 'a')).toBe(true)
  })

  it('tells everything that keeps a pod off a node, with the numbers', () => {
    const snapshot = new ClusterSnapshot()
    const taints = [{ key: 'dedicated', value: 'gpu', effect: 'NoSchedule' }]
    snapshot.addNode(testNode('n', { cpu: '2', pods: '1', taints, unschedulable: true, labels: { disk: 'hdd' } }))
    snapshot.addPod(testPod('there', { requests: { cpu: '1500m' } }), 'n')
    const pod = testPod('p', {
      requests: { cpu: '1', 'example.com/gpu': '1' },
      spec: { nodeSelector: { disk: 'ssd' } },
    })
    expect(snapshot.explain(pod, 'n').map(({ plugin, detail }) => `${plugin}: ${detail}`)).toEqual([
      'NodeUnschedulable: the node is cordoned and the pod does not tolerate node.kubernetes.io/unschedulable:NoSchedule',
      'TaintToleration: nothing tolerates dedicated=gpu:NoSchedule',
      'NodeAffinity: the pod selects disk=ssd, the node has disk=hdd',
      'NodeResourcesFit: 1 of 1 pods are there',
      'NodeResourcesFit: wants 1000m, 500m of 2000m are free',
      'NodeResourcesFit: wants 1, 0 of 0 are free',
    ])
  })
})
