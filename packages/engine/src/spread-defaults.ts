import type { TopologySpreadConstraint } from '@plimsoll/model'
import type { PodClass, SpreadConstraint } from './pod-class.ts'

/** kube-scheduler's own (podtopologyspread/plugin.go, systemDefaultConstraints); they only score. */
const systemDefaults: readonly TopologySpreadConstraint[] = [
  { topologyKey: 'kubernetes.io/hostname', maxSkew: 3, whenUnsatisfiable: 'ScheduleAnyway' },
  { topologyKey: 'topology.kubernetes.io/zone', maxSkew: 5, whenUnsatisfiable: 'ScheduleAnyway' },
]

/** They differ between replicas of a StatefulSet, whose selector does not name them. */
const individual = new Set([
  'statefulset.kubernetes.io/pod-name',
  'apps.kubernetes.io/pod-index',
  'controller-revision-hash',
])

const none: readonly SpreadConstraint[] = []

/**
 * The cluster's constraints for pods that have none of their own (podtopologyspread/common.go, buildDefaultConstraints);
 * undefined defaults are kube-scheduler's own. Upstream selects by the selectors of the owner and of services; here the
 * labels of the pod stand for them, which select the same replicas, and pods without such an owner have no defaults.
 */
export function defaultSpread(
  pod: PodClass,
  defaults: readonly TopologySpreadConstraint[] = systemDefaults,
  whenUnsatisfiable: 'DoNotSchedule' | 'ScheduleAnyway',
): readonly SpreadConstraint[] {
  if (!pod.replicated) return none
  const wanted = defaults.filter((constraint) => constraint.whenUnsatisfiable === whenUnsatisfiable)
  if (wanted.length === 0) return none
  const labels = Object.entries(pod.labels ?? {}).filter(([key]) => !individual.has(key))
  if (labels.length === 0) return none
  const requirements = labels.map(([key, value]) => ({ key, operator: 'In' as const, values: [value] }))
  const selector = {
    key: JSON.stringify([pod.namespace, requirements]),
    namespaces: new Set([pod.namespace]),
    namespaceSelector: undefined,
    labels: requirements,
  }
  return wanted.map((constraint) => ({
    topologyKey: constraint.topologyKey,
    maxSkew: constraint.maxSkew,
    minDomains: constraint.minDomains ?? 1,
    selector,
    selfMatch: 1,
    honorsAffinity: constraint.nodeAffinityPolicy !== 'Ignore',
    honorsTaints: constraint.nodeTaintsPolicy === 'Honor',
  }))
}
