// Whom a kubelet evicts when its node runs short, and what it says
// (kubernetes/kubernetes:pkg/kubelet/eviction/helpers.go, rankMemoryPressure and evictionMessage). Pure.
import { wholeValue, type Pod } from '@plimsoll/model'
import { pressureWords, type Pressure } from './node-object.ts'

/** Pods of this priority and above are never evicted by a kubelet. */
const criticalPriority = 2_000_000_000

/** Bytes of memory that a container uses, by its name. */
export type MemoryUse = ReadonlyMap<string, number>

export interface Candidate {
  readonly pod: Pod
  readonly used: MemoryUse
}

export function isCritical(pod: Pod): boolean {
  return (pod.spec.priority ?? 0) >= criticalPriority
}

/** The first to go first: those above their requests, then the least important, then the greediest; names break ties. */
export function evictionOrder(candidates: readonly Candidate[]): readonly Candidate[] {
  const excess = ({ pod, used }: Candidate): number => {
    let sum = 0
    for (const container of pod.spec.containers) sum += (used.get(container.name) ?? 0) - requested(container)
    return sum
  }
  return candidates
    .filter(({ pod }) => !isCritical(pod))
    .map((candidate) => ({ candidate, over: excess(candidate) }))
    .toSorted(
      (a, b) =>
        Number(b.over > 0) - Number(a.over > 0) ||
        (a.candidate.pod.spec.priority ?? 0) - (b.candidate.pod.spec.priority ?? 0) ||
        b.over - a.over ||
        (nameOf(a.candidate.pod) < nameOf(b.candidate.pod) ? -1 : 1),
    )
    .map(({ candidate }) => candidate)
}

/** The resource that a pressure is named by in events. */
export const starved: Record<Pressure, string> = { memory: 'memory', disk: 'ephemeral-storage', pid: 'pids' }

export function evictionMessage(
  pressure: Pressure,
  { pod, used }: Candidate,
  capacity: { readonly [resource: string]: string },
): string {
  const resource = starved[pressure]
  let message = `The node was low on resource: ${resource}. Threshold quantity: ${thresholds(pressure, capacity)}. `
  if (pressure !== 'memory') return message
  for (const container of pod.spec.containers) {
    const bytes = used.get(container.name) ?? 0
    if (bytes <= requested(container)) continue
    const request = container.resources?.requests?.['memory'] ?? '0'
    message += `Container ${container.name} was using ${Math.round(bytes / 1024)}Ki, request is ${request}, has larger consumption of ${resource}. `
  }
  return message
}

export function conditionMessage(pressures: readonly Pressure[]): string {
  return `The node had condition: [${pressures.map((pressure) => pressureWords[pressure].condition).join(' ')}]. `
}

/** Nine tenths of what must be left is left. */
function thresholds(pressure: Pressure, capacity: { readonly [resource: string]: string }): string {
  switch (pressure) {
    case 'memory':
      return '100Mi, available: 92160Ki'
    case 'disk': {
      const tenth = Math.trunc(wholeValue(capacity['ephemeral-storage'] ?? '0') / 10)
      return `${tenth}, available: ${Math.trunc((tenth * 0.9) / 1024)}Ki`
    }
    case 'pid':
      return '3276, available: 2948'
  }
}

function requested(container: Pod['spec']['containers'][number]): number {
  return wholeValue(container.resources?.requests?.['memory'])
}

function nameOf(pod: Pod): string {
  return `${pod.metadata.namespace}/${pod.metadata.name}`
}
