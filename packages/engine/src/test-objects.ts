// Nodes and pods for tests.

import type { Node, Pod, PodSpec, PodStatus, Taint } from '@plimsoll/model'

export function testNode(
  name: string,
  o: {
    readonly cpu?: string
    readonly memory?: string
    readonly pods?: string
    readonly labels?: { readonly [key: string]: string }
    readonly taints?: readonly Taint[]
    readonly unschedulable?: boolean
    readonly extended?: { readonly [resource: string]: string }
  } = {},
): Node {
  return {
    metadata: {
      name,
      uid: name,
      resourceVersion: '1',
      creationTimestamp: '2026-01-01T00:00:00Z',
      labels: { 'kubernetes.io/hostname': name, ...o.labels },
    },
    spec: { taints: o.taints, unschedulable: o.unschedulable },
    status: {
      allocatable: { cpu: o.cpu ?? '4', memory: o.memory ?? '16Gi', pods: o.pods ?? '110', ...o.extended },
    },
  }
}

export function testPod(
  name: string,
  o: {
    readonly namespace?: string
    readonly labels?: { readonly [key: string]: string }
    readonly requests?: { readonly [resource: string]: string }
    readonly spec?: Partial<PodSpec>
    readonly status?: PodStatus
    readonly deletionTimestamp?: string
    readonly priority?: number
  } = {},
): Pod {
  return {
    metadata: {
      name,
      namespace: o.namespace ?? 'default',
      uid: `${o.namespace ?? 'default'}-${name}`,
      resourceVersion: '1',
      creationTimestamp: '2026-01-01T00:00:00Z',
      labels: o.labels,
      deletionTimestamp: o.deletionTimestamp,
    },
    spec: {
      containers: [{ name: 'main', image: 'registry.k8s.io/pause', resources: { requests: o.requests ?? {} } }],
      priority: o.priority,
      ...o.spec,
    },
    status: o.status,
  }
}
