// Labels, names and attributes that every JavaScript object seems to have are there only where somebody gave them.
import type { Device, Pod, PodDisruptionBudget, PodSpec, ResourceSlice } from '@plimsoll/model'
import { describe, expect, it } from 'vitest'
import { consumedCapacity } from './dynamic-resources/capacity.ts'
import { PoolDevice } from './dynamic-resources/pool-device.ts'
import { findVictims } from './preemption.ts'
import type { ProvisioningNode } from './provisioning/input.ts'
import { provision } from './provisioning/provision.ts'
import { testPool, testRegistry } from './provisioning/test-pools.ts'
import { ClusterSnapshot } from './snapshot.ts'
import { testNode, testPod } from './test-objects.ts'

const ofWeb = { matchLabels: { app: 'web' } }

function spread(topologyKey: string, more: object = {}): Partial<PodSpec> {
  return {
    topologySpreadConstraints: [
      { maxSkew: 1, topologyKey, whenUnsatisfiable: 'DoNotSchedule', labelSelector: ofWeb, ...more },
    ],
  }
}

function near(topologyKey: string): Partial<PodSpec> {
  const term = { topologyKey, labelSelector: ofWeb }
  return { affinity: { podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term] } } }
}

function details(snapshot: ClusterSnapshot, spec: Partial<PodSpec>): string[] {
  return snapshot.explain(testPod('p', { spec }), 'a').map(({ detail }) => detail ?? '')
}

describe('names that every object has', () => {
  it('are no labels of nodes, come they before or after the question', () => {
    const snapshot = new ClusterSnapshot()
    snapshot.addNode(testNode('a'), [testPod('w', { labels: { app: 'web' } })])
    const pod = testPod('p', { spec: near('constructor') })
    expect(snapshot.check(pod, 'a')?.plugin).toBe('InterPodAffinity')
    snapshot.addNode(testNode('b'), [testPod('x', { labels: { app: 'web' } })])
    expect(snapshot.check(pod, 'b')?.plugin).toBe('InterPodAffinity')
    snapshot.replaceNode(testNode('a', { labels: { more: 'yes' } }))
    expect(snapshot.check(pod, 'a')?.plugin).toBe('InterPodAffinity')
  })

  it('are labels where they are given', () => {
    const snapshot = new ClusterSnapshot()
    snapshot.addNode(testNode('a', { labels: { constructor: 'x' } }), [testPod('w', { labels: { app: 'web' } })])
    expect(snapshot.check(testPod('p', { spec: near('constructor') }), 'a')).toBeUndefined()
  })

  it('make no node one that a spread constraint counts', () => {
    const snapshot = new ClusterSnapshot()
    snapshot.addNode(testNode('a', { labels: { zone: 'x' } }), [testPod('w', { labels: { app: 'web' } })])
    snapshot.addNode(testNode('b', { labels: { zone: 'y', toString: 'z' } }))
    snapshot.addNode(testNode('c', { labels: { zone: 'x', toString: 'z' } }))
    const constraints = [...spread('zone').topologySpreadConstraints!, ...spread('toString').topologySpreadConstraints!]
    const pod = testPod('p', { labels: { app: 'web' }, spec: { topologySpreadConstraints: constraints } })
    // Node a has no such label: its pod counts in no zone.
    expect(snapshot.check(pod, 'c')).toBeUndefined()
  })

  it('are said to be missing', () => {
    const snapshot = new ClusterSnapshot()
    snapshot.addNode(testNode('a'))
    expect(details(snapshot, { nodeSelector: { constructor: 'x' } })).toEqual([
      'the pod selects constructor=x, the node has no such label',
    ])
    expect(details(snapshot, near('toString'))).toEqual(['no pod that it wants to be with in toString=(no such label)'])
  })

  it('add nothing to a selector by matchLabelKeys', () => {
    const snapshot = new ClusterSnapshot()
    snapshot.addNode(testNode('a'), [testPod('w', { labels: { app: 'web' } })])
    snapshot.addNode(testNode('b'))
    const spec = spread('kubernetes.io/hostname', { matchLabelKeys: ['constructor'] })
    expect(snapshot.check(testPod('p', { labels: { app: 'web' }, spec }), 'a')?.plugin).toBe('PodTopologySpread')
  })

  it('do not make a pod one that a budget counts as gone', () => {
    const snapshot = new ClusterSnapshot()
    const victim = { requests: { cpu: '4' }, priority: 0 }
    snapshot.addNode(testNode('a'), [testPod('constructor', { ...victim, labels: { app: 'web' } })])
    snapshot.addNode(testNode('b'), [testPod('x', victim)])
    const budget: PodDisruptionBudget = {
      metadata: { ...testPod('b').metadata, namespace: 'default' },
      spec: { selector: ofWeb },
      status: { disruptionsAllowed: 0, currentHealthy: 1, desiredHealthy: 1, expectedPods: 1, disruptedPods: {} },
    }
    const found = findVictims(snapshot, testPod('p', { requests: { cpu: '4' }, priority: 9 }), { budgets: [budget] })
    expect(JSON.stringify(found)).toContain('"b"')
  })

  it('are no attributes and amounts of devices', () => {
    const device: Device = { name: 'd', attributes: {}, capacity: { toString: { value: '4' } } }
    const slice: ResourceSlice = {
      metadata: testPod('s').metadata,
      spec: { driver: 'driver', pool: { name: 'pool', generation: 1, resourceSliceCount: 1 }, devices: [device] },
    }
    const published = new PoolDevice(slice, device)
    expect(published.attribute('constructor')).toBeUndefined()
    expect(published.attribute('driver/constructor')).toBeUndefined()
    expect([...consumedCapacity(device, {})!]).toEqual([['toString', 4_000_000_000n]])
  })

  it('open no domain to a pod for which nodes are bought', () => {
    const web = (name: string): Pod => testPod(name, { labels: { app: 'web' }, spec: spread('constructor') })
    const present = (name: string, labels: { readonly [key: string]: string }): ProvisioningNode => ({
      node: testNode(name, { labels }),
      pods: [web(`old-${name}`)],
      initialized: true,
    })
    const { placed, unplaced } = provision({
      pods: [web('p'), web('q')],
      pools: [testPool('default')],
      registry: testRegistry,
      nodes: [present('a', {}), present('b', { constructor: 'real' })],
    })
    // One domain there is, so that no skew comes about.
    expect([...placed].map(([node, pods]) => [node, pods.length])).toEqual([['b', 2]])
    expect(unplaced).toEqual([])
  })
})
