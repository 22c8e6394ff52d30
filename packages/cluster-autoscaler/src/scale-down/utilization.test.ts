import { ClusterSnapshot } from '@plimsoll/engine'
import { minutes, ms, timestamp, type Ms, type Node, type Pod } from '@plimsoll/model'
import { describe, expect, it } from 'vitest'
import { utilizationOf, utilizationText, type Utilization } from './utilization.ts'

const now = ms(Date.parse('2024-03-10T09:00:00Z'))

function node(resources: { readonly [name: string]: string }, labels: { readonly [key: string]: string } = {}): Node {
  return {
    metadata: { name: 'n', uid: 'n', resourceVersion: '1', creationTimestamp: '', labels },
    spec: {},
    status: { allocatable: { cpu: '2', memory: '4Gi', pods: '10', ...resources } },
  }
}

interface Shape {
  readonly owner?: string
  readonly mirror?: boolean
  readonly deletedSince?: Ms
}

let count = 0
function pod(requests: { readonly [name: string]: string }, shape: Shape = {}): Pod {
  const name = `p${count++}`
  return {
    metadata: {
      name,
      namespace: 'default',
      uid: name,
      ownerReferences:
        shape.owner === undefined
          ? []
          : [{ apiVersion: 'apps/v1', kind: shape.owner, name: 'o', uid: 'o', controller: true }],
      annotations: shape.mirror === true ? { 'kubernetes.io/config.mirror': 'x' } : {},
      ...(shape.deletedSince === undefined ? {} : { deletionTimestamp: timestamp(ms(now - shape.deletedSince)) }),
    },
    spec: { containers: [{ name: 'c', resources: { requests } }] },
  } as unknown as Pod
}

function of(
  n: Node,
  pods: readonly Pod[],
  o: { readonly daemonSets?: boolean; readonly mirrors?: boolean } = {},
): Utilization {
  const snapshot = new ClusterSnapshot()
  snapshot.addNode(n, pods)
  const { daemonSets = false, mirrors = false } = o
  return utilizationOf(snapshot.node('n')!, {
    gpuLabel: 'gpu',
    ignoreDaemonSets: daemonSets,
    ignoreMirrorPods: mirrors,
    now,
  })
}

describe('utilisation (CA-112, CA-113)', () => {
  it.each([
    { when: 'nothing runs', pods: [], is: 0 },
    { when: 'CPU is the larger share', pods: [pod({ cpu: '500m', memory: '512Mi' })], is: 0.25 },
    { when: 'memory is the larger share', pods: [pod({ cpu: '100m', memory: '3Gi' })], is: 0.75 },
    { when: 'a DaemonSet counts', pods: [pod({ cpu: '1' }, { owner: 'DaemonSet' })], is: 0.5 },
    {
      when: 'an ignored DaemonSet makes the node smaller',
      pods: [pod({ cpu: '1' }, { owner: 'DaemonSet' }), pod({ cpu: '500m' })],
      o: { daemonSets: true },
      is: 0.5,
    },
    {
      when: 'an ignored mirror pod does too',
      pods: [pod({ cpu: '1' }, { mirror: true }), pod({ cpu: '250m' })],
      o: { mirrors: true },
      is: 0.25,
    },
    { when: 'a pod is long terminating', pods: [pod({ cpu: '1' }, { deletedSince: minutes(5) })], is: 0 },
    { when: 'a pod began to terminate', pods: [pod({ cpu: '1' }, { deletedSince: ms(1000) })], is: 0.5 },
  ])('$when: $is', ({ pods, is, ...o }) => {
    expect(of(node({}), pods, 'o' in o ? o.o : {}).utilization).toBe(is)
  })

  it('only GPUs count on a node with GPUs', () => {
    const pods = [pod({ cpu: '2', 'nvidia.com/gpu': '1' })]
    expect(of(node({ 'nvidia.com/gpu': '4' }), pods)).toMatchObject({ utilization: 0.25, resource: 'nvidia.com/gpu' })
    expect(of(node({}, { gpu: 'l4' }), pods).utilization).toBe(0)
  })

  it('is printed as Go prints it', () => {
    expect(utilizationText({ cpu: 0.1, memory: 0.05, gpu: 0, resource: 'cpu', utilization: 0.1 })).toBe(
      '{0.1 0.05 0 0 cpu 0.1}',
    )
  })
})
