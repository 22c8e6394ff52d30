import { instant, labelSelectorMatches, own, type Pod, type PodDisruptionBudget } from '@plimsoll/model'
import type { PreemptionOutcome } from './message.ts'
import type { ClusterSnapshot } from './snapshot.ts'

export interface PreemptionPlan {
  readonly kind: 'preempt'
  readonly nodeName: string
  /** Most important first. */
  readonly victims: readonly Pod[]
  /** How many of them a disruption budget would have kept. */
  readonly violations: number
}

export interface PreemptionOptions {
  readonly budgets?: readonly PodDisruptionBudget[] | undefined
  /** Where among the candidates the search begins; kube-scheduler draws it by chance. */
  readonly offset?: number | undefined
}

interface Candidate {
  readonly nodeName: string
  readonly victims: readonly Pod[]
  readonly violations: number
}

/** kube-scheduler's defaults: look at a tenth of the nodes, at least a hundred. */
const candidateShare = 0.1
const candidatesMin = 100

export function podPriority(pod: Pod): number {
  return pod.spec.priority ?? 0
}

/**
 * Which pods of lower priority to remove, and from which node, so that the pod fits; or why none can be found.
 * The snapshot is used for what-ifs and left as it was (kubernetes/kubernetes:pkg/scheduler/framework/preemption/preemption.go,
 * Evaluator.Preempt, and plugins/defaultpreemption/default_preemption.go, SelectVictimsOnNode).
 */
export function findVictims(
  snapshot: ClusterSnapshot,
  pod: Pod,
  options: PreemptionOptions = {},
): PreemptionPlan | PreemptionOutcome {
  const refused = notEligible(snapshot, pod)
  if (refused !== undefined) return { kind: 'notEligible', reason: refused }
  const nodes = snapshot.nodes()
  const reasons = new Map<string, number>()
  const count = (reason: string): void => void reasons.set(reason, (reasons.get(reason) ?? 0) + 1)
  const promising: string[] = []
  for (const { name } of nodes) {
    const unfits = snapshot.checkAll(pod, name)
    if (unfits.every((unfit) => unfit.resolvable)) promising.push(name)
    else count('Preemption is not helpful for scheduling')
  }
  const wanted = Math.max(Math.floor(promising.length * candidateShare), candidatesMin)
  const kept: Candidate[] = []
  const violating: Candidate[] = []
  for (let i = 0; i < promising.length; i++) {
    const nodeName = promising[(i + (options.offset ?? 0)) % promising.length]!
    const found = victimsOn(snapshot, pod, nodeName, options.budgets ?? [])
    if (Array.isArray(found)) for (const reason of found) count(reason)
    else (found.violations === 0 ? kept : violating).push(found as Candidate)
    if (kept.length > 0 && kept.length + violating.length >= wanted) break
  }
  const best = bestCandidate([...kept, ...violating])
  return best === undefined ? { kind: 'noCandidate', reasons } : { kind: 'preempt', ...best }
}

function notEligible(snapshot: ClusterSnapshot, pod: Pod): string | undefined {
  if (pod.spec.preemptionPolicy === 'Never') return 'not eligible due to preemptionPolicy=Never.'
  const nominated = snapshot.node(pod.status?.nominatedNodeName ?? '')
  if (nominated === undefined) return undefined
  // A node that no removal can open is given up; else those that already go are waited for.
  if (snapshot.checkAll(pod, nominated.name).some((unfit) => !unfit.resolvable)) return undefined
  const leaving = nominated.pods.some(
    (other) =>
      other.metadata.deletionTimestamp !== undefined &&
      podPriority(other) < podPriority(pod) &&
      other.status?.conditions?.some(
        (c) => c.type === 'DisruptionTarget' && c.status === 'True' && c.reason === 'PreemptionByScheduler',
      ) === true,
  )
  return leaving ? 'not eligible due to a terminating pod on the nominated node.' : undefined
}

/** The fewest, least important pods to remove from one node; or the reasons why that would not help. */
function victimsOn(
  snapshot: ClusterSnapshot,
  pod: Pod,
  nodeName: string,
  budgets: readonly PodDisruptionBudget[],
): Candidate | string[] {
  const priority = podPriority(pod)
  const lower = snapshot.node(nodeName)!.pods.filter((other) => podPriority(other) < priority)
  if (lower.length === 0) return ['No preemption victims found for incoming pod']
  snapshot.fork()
  try {
    for (const { metadata } of lower) snapshot.removePod(metadata.namespace, metadata.name, nodeName)
    const unfits = snapshot.checkAll(pod, nodeName)
    if (unfits.length > 0) return unfits.map((unfit) => unfit.reason)
    lower.sort(byImportance)
    const { violating, others } = splitByBudget(lower, budgets)
    const victims: Pod[] = []
    let violations = 0
    for (const [group, violates] of [
      [violating, 1],
      [others, 0],
    ] as const) {
      for (const victim of group) {
        snapshot.addPod(victim, nodeName)
        if (snapshot.fits(pod, nodeName)) continue
        snapshot.removePod(victim.metadata.namespace, victim.metadata.name, nodeName)
        victims.push(victim)
        violations += violates
      }
    }
    return { nodeName, victims: victims.sort(byImportance), violations }
  } finally {
    snapshot.revert()
  }
}

/** Higher priority first, then those that have run longer, then by name. */
function byImportance(a: Pod, b: Pod): number {
  return podPriority(b) - podPriority(a) || startOf(a) - startOf(b) || (nameOf(a) < nameOf(b) ? -1 : 1)
}

function nameOf(pod: Pod): string {
  return `${pod.metadata.namespace}/${pod.metadata.name}`
}

/** A pod that has not started yet counts as starting now: later than all that have. */
function startOf(pod: Pod): number {
  return instant(pod.status?.startTime) ?? Number.MAX_SAFE_INTEGER
}

/** Pods whose removal a budget no longer allows, counting the ones before them as gone. */
function splitByBudget(
  pods: readonly Pod[],
  budgets: readonly PodDisruptionBudget[],
): { readonly violating: readonly Pod[]; readonly others: readonly Pod[] } {
  const allowed = budgets.map((budget) => budget.status?.disruptionsAllowed ?? 0)
  const violating: Pod[] = []
  const others: Pod[] = []
  for (const pod of pods) {
    let violates = false
    budgets.forEach((budget, b) => {
      const { selector } = budget.spec
      if (budget.metadata.namespace !== pod.metadata.namespace || pod.metadata.labels === undefined) return
      // An empty selector guards nothing here, as upstream.
      if (selector === undefined || isEmpty(selector) || !labelSelectorMatches(selector, pod.metadata.labels)) return
      // A pod that the budget already counts as gone is not counted twice.
      if (own(budget.status?.disruptedPods, pod.metadata.name) !== undefined) return
      allowed[b]!--
      if (allowed[b]! < 0) violates = true
    })
    ;(violates ? violating : others).push(pod)
  }
  return { violating, others }
}

function isEmpty(selector: NonNullable<PodDisruptionBudget['spec']['selector']>): boolean {
  return Object.keys(selector.matchLabels ?? {}).length === 0 && (selector.matchExpressions ?? []).length === 0
}

/** Fewest budget violations, least important first victim, smallest sum of priorities, fewest victims, latest start. */
function bestCandidate(candidates: readonly Candidate[]): Candidate | undefined {
  const measures: ((candidate: Candidate) => number)[] = [
    (c) => c.violations,
    (c) => podPriority(c.victims[0]!),
    (c) => c.victims.reduce((sum, victim) => sum + podPriority(victim) + 2 ** 31, 0),
    (c) => c.victims.length,
    (c) => -earliestStart(c.victims),
  ]
  let best = candidates
  // One candidate without victims needs none: nothing has to be removed.
  const free = candidates.find((candidate) => candidate.victims.length === 0)
  if (free !== undefined) return free
  for (const measure of measures) {
    if (best.length <= 1) break
    const least = Math.min(...best.map(measure))
    best = best.filter((candidate) => measure(candidate) === least)
  }
  return best[0]
}

/** Of the victims with the highest priority. */
function earliestStart(victims: readonly Pod[]): number {
  const highest = podPriority(victims[0]!)
  return Math.min(...victims.filter((victim) => podPriority(victim) === highest).map(startOf))
}
