import type { Pod } from '@plimsoll/model'
import { canonical, compilePod } from './compiled-pod.ts'

const keys = new WeakMap<Pod, string>()

/**
 * Pods with equal keys are the same to scheduling: equal namespace, labels, requests, constraints, ports, volumes and
 * priority. Names, owners, images and environment do not count.
 */
export function podClassKey(pod: Pod): string {
  let key = keys.get(pod)
  if (key === undefined) {
    const compiled = compilePod(pod)
    const { requests } = compiled
    const { spec } = pod
    key = canonical([
      compiled.populationKey,
      [requests.milliCpu, requests.memory, requests.ephemeralStorage, ...compiled.scalars],
      [compiled.nonZero.milliCpu, compiled.nonZero.memory],
      spec.nodeName ?? '',
      spec.nodeSelector ?? {},
      spec.affinity ?? {},
      spec.tolerations ?? [],
      spec.topologySpreadConstraints ?? [],
      compiled.ports,
      compiled.claims,
      [spec.priority ?? 0, spec.preemptionPolicy ?? '', spec.schedulerName ?? ''],
    ])
    keys.set(pod, key)
  }
  return key
}
