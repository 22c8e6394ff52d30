// What a pod gives up, one thing at a time, when it fits nowhere: Karpenter first takes every wish for a demand.
//
// Mirrors kubernetes-sigs/karpenter:pkg/controllers/provisioning/scheduling/preferences.go.
import type { Affinity, Pod, PodSpec, Toleration } from '@plimsoll/model'

/** The pod with its next wish dropped; undefined when it has none left. Pods of a class give up the same things. */
export function relax(pod: Pod, toleratePreferNoSchedule: boolean): Pod | undefined {
  return (
    withoutRequiredTerm(pod) ??
    withoutPreferred(pod, 'podAffinity') ??
    withoutPreferred(pod, 'podAntiAffinity') ??
    withoutPreferred(pod, 'nodeAffinity') ??
    withoutSoftSpread(pod) ??
    (toleratePreferNoSchedule ? toleratingPreferNoSchedule(pod) : undefined)
  )
}

function withSpec(pod: Pod, change: Partial<PodSpec>): Pod {
  return { ...pod, spec: { ...pod.spec, ...change } }
}

/** Required terms are alternatives: the first goes, the last stays. */
export function withoutRequiredTerm(pod: Pod): Pod | undefined {
  const { affinity } = pod.spec
  const required = affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution
  if (affinity === undefined || required === undefined || required.nodeSelectorTerms.length <= 1) return undefined
  const nodeAffinity = {
    ...affinity.nodeAffinity,
    requiredDuringSchedulingIgnoredDuringExecution: {
      ...required,
      nodeSelectorTerms: required.nodeSelectorTerms.slice(1),
    },
  }
  return withSpec(pod, { affinity: { ...affinity, nodeAffinity } })
}

/** The heaviest wish goes, so that lighter ones are tried. */
function withoutPreferred(pod: Pod, kind: 'podAffinity' | 'podAntiAffinity' | 'nodeAffinity'): Pod | undefined {
  const { affinity } = pod.spec
  const one = affinity?.[kind]
  const preferred: readonly { readonly weight: number }[] | undefined =
    one?.preferredDuringSchedulingIgnoredDuringExecution
  if (affinity === undefined || one === undefined || preferred === undefined || preferred.length === 0) return undefined
  const lighter = preferred.toSorted((a, b) => b.weight - a.weight).slice(1)
  const changed = { ...one, preferredDuringSchedulingIgnoredDuringExecution: lighter }
  return withSpec(pod, { affinity: { ...affinity, [kind]: changed } as Affinity })
}

function withoutSoftSpread(pod: Pod): Pod | undefined {
  const constraints = pod.spec.topologySpreadConstraints ?? []
  const i = constraints.findIndex((one) => one.whenUnsatisfiable === 'ScheduleAnyway')
  if (i < 0) return undefined
  // The last takes its place.
  const left = [...constraints]
  left[i] = left.at(-1)!
  left.pop()
  return withSpec(pod, { topologySpreadConstraints: left })
}

/** Tolerates every taint of the effect PreferNoSchedule; undefined when it does already. */
export function toleratingPreferNoSchedule(pod: Pod): Pod | undefined {
  const tolerations = pod.spec.tolerations ?? []
  if (tolerations.some(isThatToleration)) return undefined
  return withSpec(pod, { tolerations: [...tolerations, { operator: 'Exists', effect: 'PreferNoSchedule' }] })
}

function isThatToleration(one: Toleration): boolean {
  return (
    one.operator === 'Exists' && one.effect === 'PreferNoSchedule' && (one.key ?? '') === '' && (one.value ?? '') === ''
  )
}
