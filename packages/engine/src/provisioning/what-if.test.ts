import type { Pod } from '@plimsoll/model'
import { describe, expect, it } from 'vitest'
import { testNode, testPod } from '../test-objects.ts'
import type { ProvisioningInput, ProvisioningNode } from './input.ts'
import { testPool, testRegistry } from './test-pools.ts'
import { provisionWithout } from './what-if.ts'

function running(name: string, nodeName: string, owner = 'ReplicaSet', more: Partial<Pod['metadata']> = {}): Pod {
  const pod = testPod(name, { requests: { cpu: '1' }, spec: { nodeName }, status: { phase: 'Running' } })
  const ownerReferences = [{ apiVersion: 'apps/v1', kind: owner, name: 'o', uid: 'o', controller: true }]
  return { ...pod, metadata: { ...pod.metadata, ownerReferences, ...more } }
}

function node(name: string, cpu: string, pods: readonly Pod[]): ProvisioningNode {
  return { node: testNode(name, { cpu }), pods, initialized: true, pool: 'default', capacity: { cpu } }
}

function without(input: Partial<ProvisioningInput>, ...gone: string[]): unknown {
  const pools = [testPool('default', { limits: { cpu: '8' } })]
  const result = provisionWithout({ pods: [], pools, registry: testRegistry, ...input }, new Set(gone))
  const names = (pods: readonly Pod[]): string[] => pods.map((pod) => pod.metadata.name)
  return [
    Object.fromEntries([...result.placed].map(([name, pods]) => [name, names(pods)])),
    result.claims.map((claim) => names(claim.pods)),
    result.unplaced.map((one) => one.pod.metadata.name),
  ]
}

describe('without a node', () => {
  const nodes = [
    node('n1', '4', [running('a', 'n1'), running('b', 'n1'), running('d', 'n1', 'DaemonSet')]),
    node('n2', '2', [running('c', 'n2')]),
  ]

  it('its pods go to the room that others have, and to new nodes', () => {
    expect(without({ nodes }, 'n1')).toEqual([{ n2: ['a'] }, [['b']], []])
  })

  it('the limits of its pool do not count it, but the others', () => {
    const more = [...nodes, node('n3', '4', [])]
    expect(
      without({ nodes: more.map((one) => ({ ...one, settling: one.node.metadata.name !== 'n1' })) }, 'n1'),
    ).toEqual([{}, [], ['a', 'b']])
    expect(without({ nodes: nodes.map((one) => ({ ...one, settling: true })) }, 'n1')).toEqual([{}, [['a', 'b']], []])
  })

  it('what is over, ending, or tied to the node stays behind', () => {
    const deletionTimestamp = '2026-01-01T00:00:00Z'
    const pods = [
      running('set', 'n', 'StatefulSet', { deletionTimestamp }),
      running('ending', 'n', 'ReplicaSet', { deletionTimestamp }),
      { ...running('over', 'n'), status: { phase: 'Succeeded' } },
      running('static', 'n', 'Node'),
    ]
    expect(without({ nodes: [node('n', '4', pods)] }, 'n')).toEqual([{}, [['set']], []])
  })
})
