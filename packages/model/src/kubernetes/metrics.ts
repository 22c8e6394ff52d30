// What metrics.k8s.io answers (kubernetes/metrics:pkg/apis/metrics/v1beta1/types.go).
import type { KubeObject, ResourceType } from './object.ts'
import type { NamespacedMeta } from './types.generated.ts'

export interface ContainerMetrics {
  readonly name: string
  /** Quantities by resource. */
  readonly usage: { readonly [resource: string]: string }
}

export interface PodMetrics extends KubeObject {
  readonly metadata: NamespacedMeta
  /** The end of the window over which usage was measured. */
  readonly timestamp: string
  /** A Go duration. */
  readonly window: string
  readonly containers: readonly ContainerMetrics[]
}

export const PodMetricsType: ResourceType<PodMetrics> = {
  group: 'metrics.k8s.io',
  version: 'v1beta1',
  plural: 'pods',
  kind: 'PodMetrics',
  namespaced: true,
}
