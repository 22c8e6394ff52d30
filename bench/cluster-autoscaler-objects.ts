// Nodes and pods as upstream's benchmarks build them (kubernetes-sigs/cluster-autoscaler:pkg/utils/test/test_utils.go,
// BuildTestNode and BuildTestPod).
import type { Node, Pod, PodSpec } from '@plimsoll/model'

const creationTimestamp = '2026-01-01T00:00:00Z'

export function benchNode(
  name: string,
  o: { readonly milliCpu: number; readonly memory: number; readonly labels?: { readonly [key: string]: string } },
): Node {
  const offered = { cpu: `${o.milliCpu}m`, memory: String(o.memory), pods: '100' }
  return {
    metadata: {
      name,
      uid: name,
      resourceVersion: '1',
      creationTimestamp,
      labels: { 'kubernetes.io/hostname': name, ...o.labels },
    },
    spec: { providerID: name },
    status: {
      capacity: offered,
      allocatable: offered,
      conditions: [{ type: 'Ready', status: 'True', lastTransitionTime: creationTimestamp }],
    },
  }
}

export function benchPod(
  name: string,
  o: {
    readonly milliCpu: number
    readonly memory: number
    readonly labels?: { readonly [key: string]: string }
    readonly annotations?: { readonly [key: string]: string }
    readonly spec?: Partial<PodSpec>
    readonly status?: Pod['status']
  },
): Pod {
  return {
    metadata: {
      name,
      namespace: 'default',
      uid: name,
      resourceVersion: '1',
      creationTimestamp,
      labels: o.labels,
      annotations: o.annotations,
    },
    spec: {
      containers: [
        { name: 'main', image: 'pause', resources: { requests: { cpu: `${o.milliCpu}m`, memory: String(o.memory) } } },
      ],
      ...o.spec,
    },
    status: o.status,
  }
}

/** Milliseconds that the work takes. */
export function timed<T>(work: () => T): { readonly elapsed: number; readonly result: T } {
  const begun = performance.now()
  const result = work()
  return { elapsed: performance.now() - begun, result }
}

export function medianOf(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >>> 1]!
}
