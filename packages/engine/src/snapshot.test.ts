import type { Node, PersistentVolume, PersistentVolumeClaim, Pod, PodSpec, StorageClass } from '@plimsoll/model'
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

  it('asks a refusing pod only for what its volumes allow', () => {
    const zone = 'topology.kubernetes.io/zone'
    const claim = (volumeName: string | undefined, storageClassName: string): PersistentVolumeClaim => ({
      metadata: { name: 'c', namespace: 'default', uid: 'c', resourceVersion: '1', creationTimestamp: '' },
      spec: { storageClassName, volumeName },
    })
    const meta = { name: 'v', uid: 'v', resourceVersion: '1', creationTimestamp: '' }
    const inA = { nodeSelectorTerms: [{ matchExpressions: [{ key: zone, operator: 'In', values: ['a'] }] }] }
    const claims: Record<string, PersistentVolumeClaim> = {
      bound: claim('local', 'x'),
      labelled: claim('labelled', 'x'),
      lost: claim('lost', 'x'),
      waiting: claim(undefined, 'waits'),
      restricted: claim(undefined, 'only-a'),
      static: claim(undefined, 'static'),
      immediate: claim(undefined, 'immediate'),
    }
    const volumes: Record<string, PersistentVolume> = {
      local: { metadata: meta, spec: { nodeAffinity: { required: inA } } },
      labelled: { metadata: { ...meta, labels: { [zone]: 'a__c' } }, spec: {} },
    }
    const storageClass = (provisioner: string, more: Partial<StorageClass> = {}): StorageClass => ({
      metadata: meta,
      provisioner,
      volumeBindingMode: 'WaitForFirstConsumer',
      ...more,
    })
    const classes: Record<string, StorageClass> = {
      waits: storageClass('ebs.csi.aws.com'),
      'only-a': storageClass('ebs.csi.aws.com', {
        allowedTopologies: [{ matchLabelExpressions: [{ key: zone, values: ['a'] }] }],
      }),
      static: storageClass('kubernetes.io/no-provisioner'),
      immediate: storageClass('ebs.csi.aws.com', { volumeBindingMode: 'Immediate' }),
    }
    const snapshot = new ClusterSnapshot({
      volumes: {
        claim: (_, name) => claims[name],
        volume: (name) => volumes[name],
        storageClass: (name) => classes[name],
      },
    })
    snapshot.addNode(testNode('a', { labels: { [zone]: 'a' } }))
    snapshot.addNode(testNode('b', { labels: { [zone]: 'b' } }))
    const answers = (claimName: string): (string | undefined)[] => {
      const pod = testPod('p', { spec: { volumes: [{ name: 'v', persistentVolumeClaim: { claimName } }] } })
      return ['a', 'b'].map((node) => snapshot.check(pod, node)?.reason)
    }
    const nowhere = (reason: string): string[] => [reason, reason]
    expect(answers('bound')).toEqual([undefined, "node(s) didn't match PersistentVolume's node affinity"])
    expect(answers('labelled')).toEqual([undefined, 'node(s) had no available volume zone'])
    expect(answers('waiting')).toEqual([undefined, undefined])
    expect(answers('restricted')).toEqual([undefined, "node(s) didn't find available persistent volumes to bind"])
    expect(answers('static')).toEqual(nowhere("node(s) didn't find available persistent volumes to bind"))
    expect(answers('lost')).toEqual(
      nowhere('node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)'),
    )
    expect(answers('immediate')).toEqual(nowhere('pod has unbound immediate PersistentVolumeClaims'))
    expect(answers('missing')).toEqual(nowhere('persistentvolumeclaim "missing" not found'))
  })

  it("holds replicas to the cluster's own spread constraints, and only those without their own", () => {
    const key = 'kubernetes.io/hostname'
    const spreadDefaults = [{ topologyKey: key, maxSkew: 1, whenUnsatisfiable: 'DoNotSchedule' }]
    const snapshot = new ClusterSnapshot({ spreadDefaults })
    for (const name of ['a', 'b']) snapshot.addNode(testNode(name))
    const replica = (name: string, spec: Partial<PodSpec> = {}): Pod => {
      const pod = testPod(name, { labels: { app: 'web' }, spec })
      const owner = { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'web', uid: 'web', controller: true }
      return { ...pod, metadata: { ...pod.metadata, ownerReferences: [owner] } }
    }
    snapshot.addPod(replica('one'), 'a')
    expect(snapshot.explain(replica('two'), 'a')).toEqual([
      {
        plugin: 'PodTopologySpread',
        reason: "node(s) didn't match pod topology spread constraints",
        resolvable: true,
        detail: 'kubernetes.io/hostname=a: 1 there, 1 more, at least 0 everywhere; a skew of 2 where 1 is the most',
      },
    ])
    const own = { topologyKey: key, maxSkew: 2, whenUnsatisfiable: 'DoNotSchedule', labelSelector: {} }
    expect(snapshot.fits(replica('three', { topologySpreadConstraints: [own] }), 'a')).toBe(true)
    expect(snapshot.fits(testPod('lone', { labels: { app: 'web' } }), 'a')).toBe(true)
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
