// How many replicas a metric asks for (kubernetes/kubernetes:pkg/controller/podautoscaler/replica_calculator.go and
// metrics/utilization.go). Pure; amounts are thousandths of their unit.
import { instant, milliValue, own, type Ms, type Pod } from '@plimsoll/model'
import { isSidecar, podCondition } from '../../pods.ts'

/** A CPU sample does not count while its pod starts: for so long after the pod's start, readiness is looked at closely. */
const cpuInitializationMs = 5 * 60_000
/** A pod that is not ready and was last seen changing so soon after its start has never been ready. */
const initialReadinessDelayMs = 30_000

/** What one pod used. */
export interface Sample {
  readonly milli: number
  /** The end of the window over which it was measured. */
  readonly at: Ms
  readonly windowMs: number
}
/** By the name of the pod. */
export type Samples = ReadonlyMap<string, Sample>

export interface Tolerances {
  readonly scaleDown: number
  readonly scaleUp: number
}

export type ReplicaCount =
  | {
      readonly replicas: number
      /** Of the pods that count, on average. */
      readonly averageMilli: number
      /** Percent of what the pods request; absent for a target that is an amount. */
      readonly utilization?: number
    }
  | { readonly problem: string }

export interface ResourceQuestion {
  readonly current: number
  readonly pods: readonly Pod[]
  readonly samples: Samples
  readonly resource: string
  /** Of one container, or of all. */
  readonly container: string | undefined
  readonly tolerances: Tolerances
  readonly now: Ms
}

interface Grouped {
  readonly ready: number
  readonly unready: readonly string[]
  /** Running, and nobody measured them. */
  readonly missing: readonly string[]
  /** Of the pods that count. */
  readonly counted: Map<string, number>
}

/** Towards `target` percent of the pods' requests (GetResourceReplicas). */
export function replicasForUtilization(q: ResourceQuestion, target: number): ReplicaCount {
  if (q.pods.length === 0) return { problem: 'no pods returned by selector while calculating replica count' }
  const grouped = groupPods(q)
  const { counted } = grouped
  if (counted.size === 0) return { problem: 'did not receive metrics for targeted pods (pods might be unready)' }
  const requests = requestsOf(q)
  if ('problem' in requests) return requests
  const first = utilizationOf(counted, requests.byPod, target)
  if (first === undefined) return { problem: 'no metrics returned matched known pods' }
  const { averageMilli, utilization } = first
  const replicas = settle(q, grouped, first.ratio, {
    // A pod that nobody measured is taken to use all that it asked for, or the target where that is more.
    missingUse: (name) => Math.trunc(((requests.byPod.get(name) ?? 0) * Math.max(100, target)) / 100),
    ratio: (amounts) => utilizationOf(amounts, requests.byPod, target)?.ratio ?? 0,
  })
  return { replicas, averageMilli, utilization }
}

/** Towards `targetMilli` in each pod (calcPlainMetricReplicas). */
export function replicasForAmount(q: ResourceQuestion, targetMilli: number): ReplicaCount {
  if (q.pods.length === 0) return { problem: 'no pods returned by selector while calculating replica count' }
  const grouped = groupPods(q)
  if (grouped.counted.size === 0) {
    return { problem: 'did not receive metrics for targeted pods (pods might be unready)' }
  }
  const average = (amounts: ReadonlyMap<string, number>): number => Math.trunc(sum(amounts) / amounts.size)
  const averageMilli = average(grouped.counted)
  const replicas = settle(q, grouped, averageMilli / targetMilli, {
    missingUse: () => targetMilli,
    ratio: (amounts) => average(amounts) / targetMilli,
  })
  return { replicas, averageMilli }
}

function settle(
  { current, tolerances }: ResourceQuestion,
  { ready, unready, missing, counted }: Grouped,
  ratio: number,
  o: { missingUse: (pod: string) => number; ratio: (amounts: ReadonlyMap<string, number>) => number },
): number {
  const withUnready = unready.length > 0 && ratio > 1
  if (!withUnready && missing.length === 0) {
    return isWithin(tolerances, ratio) ? current : Math.ceil(ratio * ready)
  }
  const amounts = new Map(counted)
  // Doubts speak against the change: who was not measured counts as busy when there is little to do, else as idle.
  if (ratio < 1) for (const name of missing) amounts.set(name, o.missingUse(name))
  else if (ratio > 1) for (const name of missing) amounts.set(name, 0)
  if (withUnready) for (const name of unready) amounts.set(name, 0)
  const next = o.ratio(amounts)
  if (isWithin(tolerances, next) || (ratio < 1 && next > 1) || (ratio > 1 && next < 1)) return current
  const replicas = Math.ceil(next * amounts.size)
  if ((next < 1 && replicas > current) || (next > 1 && replicas < current)) return current
  return replicas
}

function isWithin(tolerances: Tolerances, ratio: number): boolean {
  return 1 - tolerances.scaleDown <= ratio && ratio <= 1 + tolerances.scaleUp
}

function utilizationOf(
  amounts: ReadonlyMap<string, number>,
  requests: ReadonlyMap<string, number>,
  target: number,
): { readonly ratio: number; readonly utilization: number; readonly averageMilli: number } | undefined {
  let used = 0
  let requested = 0
  let entries = 0
  for (const [name, milli] of amounts) {
    const request = requests.get(name)
    if (request === undefined) continue
    used += milli
    requested += request
    entries++
  }
  if (requested === 0) return undefined
  const utilization = Math.trunc((used * 100) / requested)
  return { ratio: utilization / target, utilization, averageMilli: Math.trunc(used / entries) }
}

function sum(amounts: ReadonlyMap<string, number>): number {
  let total = 0
  for (const amount of amounts.values()) total += amount
  return total
}

function groupPods({ pods, samples, resource, now }: ResourceQuestion): Grouped {
  const unready: string[] = []
  const missing: string[] = []
  const counted = new Map<string, number>()
  let ready = 0
  const known = new Map([...samples].map(([name, { milli }]) => [name, milli]))
  for (const pod of pods) {
    const { name } = pod.metadata
    if (pod.metadata.deletionTimestamp !== undefined || pod.status?.phase === 'Failed') {
      known.delete(name)
      continue
    }
    const sample = samples.get(name)
    if (pod.status?.phase === 'Pending') unready.push(name)
    else if (sample === undefined) missing.push(name)
    else if (resource === 'cpu' && isStarting(pod, sample, now)) unready.push(name)
    else ready++
  }
  for (const name of unready) known.delete(name)
  // Samples of pods that the cache does not show count too, as upstream has it.
  for (const [name, milli] of known) counted.set(name, milli)
  return { ready, unready, missing, counted }
}

/** Whether what the pod uses still says more about its start than about its load. */
function isStarting(pod: Pod, sample: Sample, now: Ms): boolean {
  const condition = podCondition(pod, 'Ready')
  const started = instant(pod.status?.startTime)
  if (condition === undefined || started === undefined) return true
  const changed = instant(condition.lastTransitionTime) ?? 0
  if (started + cpuInitializationMs > now) {
    return condition.status === 'False' || sample.at < changed + sample.windowMs
  }
  return condition.status === 'False' && started + initialReadinessDelayMs > changed
}

function requestsOf({
  pods,
  resource,
  container,
}: ResourceQuestion): { readonly byPod: ReadonlyMap<string, number> } | { readonly problem: string } {
  const byPod = new Map<string, number>()
  for (const pod of pods) {
    const { name } = pod.metadata
    const ofPod = pod.spec.resources?.requests
    if (container === undefined && ofPod !== undefined) {
      const request = own(ofPod, resource)
      if (request === undefined) return { problem: `missing pod-level request for ${resource} in Pod ${name}` }
      byPod.set(name, milliValue(request))
      continue
    }
    let total = 0
    let found = container === undefined
    for (const one of [...pod.spec.containers, ...(pod.spec.initContainers ?? []).filter(isSidecar)]) {
      if (container !== undefined && one.name !== container) continue
      found = true
      const request = own(one.resources?.requests, resource)
      if (request === undefined) {
        return { problem: `missing request for ${resource} in container ${one.name} of Pod ${name}` }
      }
      total += milliValue(request)
    }
    if (!found) return { problem: `container ${container} not found in Pod ${name}` }
    byPod.set(name, total)
  }
  return { byPod }
}
