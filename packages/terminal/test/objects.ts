// Nodes, pods and NodeClaims for tests, as an API server would hand them out.
import { ms, type Ms, type Node, type Pod } from '@plimsoll/model'
import type { NodeClaim } from '../src/cluster/node-claims.ts'

export const noon: Ms = ms(Date.parse('2026-03-01T12:00:00Z'))

export function ago(seconds: number): string {
  return `${new Date(noon - seconds * 1000).toISOString().slice(0, 19)}Z`
}

function meta(name: string, ageSeconds: number, more: object): Node['metadata'] {
  return { name, uid: `uid-${name}`, resourceVersion: '1', creationTimestamp: ago(ageSeconds), ...more }
}

export interface NodeParts {
  readonly name: string
  readonly ageSeconds?: number
  readonly labels?: { readonly [key: string]: string }
  readonly providerId?: string | undefined
  readonly allocatable?: { readonly [resource: string]: string }
  readonly unschedulable?: boolean
  readonly taint?: string
  readonly deletionTimestamp?: string
  readonly finalizers?: readonly string[]
  /** status and, in seconds, how long ago it turned; absent: ready since its beginning */
  readonly ready?: readonly [status: string, ageSeconds: number] | 'no condition'
}

export function node(parts: NodeParts): Node {
  const age = parts.ageSeconds ?? 3600
  const { ready = ['True', age] } = parts
  return {
    metadata: meta(parts.name, age, {
      labels: parts.labels ?? {},
      ...(parts.deletionTimestamp === undefined ? {} : { deletionTimestamp: parts.deletionTimestamp }),
      ...(parts.finalizers === undefined ? {} : { finalizers: parts.finalizers }),
    }),
    spec: {
      providerID: 'providerId' in parts ? parts.providerId : `aws:///us-east-1a/i-${parts.name}`,
      ...(parts.unschedulable === undefined ? {} : { unschedulable: parts.unschedulable }),
      ...(parts.taint === undefined ? {} : { taints: [{ key: parts.taint, effect: 'NoSchedule' }] }),
    },
    status: {
      allocatable: parts.allocatable ?? { cpu: '3920m', memory: '14Gi', pods: '58' },
      conditions:
        ready === 'no condition' ? [] : [{ type: 'Ready', status: ready[0], lastTransitionTime: ago(ready[1]) }],
    },
  }
}

export function onDemand(
  instanceType: string,
  more: { readonly [key: string]: string } = {},
): NodeParts['labels'] & object {
  return {
    'node.kubernetes.io/instance-type': instanceType,
    'eks.amazonaws.com/capacityType': 'ON_DEMAND',
    'topology.kubernetes.io/region': 'us-east-1',
    ...more,
  }
}

export interface PodParts {
  readonly name: string
  readonly namespace?: string
  readonly node?: string
  readonly requests?: { readonly [resource: string]: string }
  readonly phase?: string
  readonly deletionTimestamp?: string
  readonly annotations?: { readonly [key: string]: string }
}

export function pod(parts: PodParts): Pod {
  return {
    metadata: {
      ...meta(parts.name, 60, { annotations: parts.annotations }),
      namespace: parts.namespace ?? 'default',
      ...(parts.deletionTimestamp === undefined ? {} : { deletionTimestamp: parts.deletionTimestamp }),
    },
    spec: {
      ...(parts.node === undefined ? {} : { nodeName: parts.node }),
      containers: [{ name: 'main', resources: { requests: parts.requests ?? {} } }],
    },
    status: { phase: parts.phase ?? (parts.node === undefined ? 'Pending' : 'Running') },
  }
}

export function claim(parts: {
  readonly name: string
  readonly ageSeconds?: number
  readonly providerId?: string
  readonly labels?: { readonly [key: string]: string }
  readonly initialized?: boolean
  readonly deletionTimestamp?: string
}): NodeClaim {
  return {
    metadata: meta(parts.name, parts.ageSeconds ?? 45, {
      labels: parts.labels ?? {},
      ...(parts.deletionTimestamp === undefined ? {} : { deletionTimestamp: parts.deletionTimestamp }),
    }),
    status: {
      providerID: parts.providerId,
      allocatable: { cpu: '3920m', memory: '14Gi', pods: '58' },
      conditions: [{ type: 'Initialized', status: parts.initialized === true ? 'True' : 'Unknown' }],
    },
  }
}
