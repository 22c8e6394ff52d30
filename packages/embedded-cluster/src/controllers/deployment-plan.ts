// What a Deployment wants of its ReplicaSets. Pure
// (kubernetes/kubernetes:pkg/controller/deployment: rolling.go, recreate.go, sync.go; util/deployment_util.go).
import type { Deployment, PodTemplateSpec, ReplicaSet } from '@plimsoll/model'

export const revisionAnnotation = 'deployment.kubernetes.io/revision'
export const desiredAnnotation = 'deployment.kubernetes.io/desired-replicas'
export const maxAnnotation = 'deployment.kubernetes.io/max-replicas'
export const hashLabel = 'pod-template-hash'

export function replicasOf(object: { readonly spec: { readonly replicas?: number | undefined } }): number {
  return object.spec.replicas ?? 1
}

export function revisionOf(object: ReplicaSet | Deployment): number {
  return Number(object.metadata.annotations?.[revisionAnnotation] ?? 0) || 0
}

/** Absolute numbers for maxSurge and maxUnavailable: surge rounds up, unavailable down, and not both may be 0. Recreate has neither. */
export function fenceposts(deployment: Deployment): { readonly surge: number; readonly unavailable: number } {
  if (deployment.spec.strategy?.type === 'Recreate') return { surge: 0, unavailable: 0 }
  const rolling = deployment.spec.strategy?.rollingUpdate
  const replicas = replicasOf(deployment)
  const surge = scaled(rolling?.maxSurge ?? '25%', replicas, Math.ceil)
  let unavailable = scaled(rolling?.maxUnavailable ?? '25%', replicas, Math.floor)
  if (surge === 0 && unavailable === 0) unavailable = 1
  return { surge, unavailable: Math.min(unavailable, replicas) }
}

/** An IntOrString as a number of `total`. */
export function scaled(value: number | string, total: number, round: (n: number) => number): number {
  if (typeof value === 'number') return value
  const percent = /^(\d+)%$/.exec(value)
  if (percent !== null) return round((Number(percent[1]) * total) / 100)
  return Number(value) || 0
}

const texts = new WeakMap<PodTemplateSpec, string>()

/** The template's content as text, without the hash label: equal texts, equal templates. */
export function templateText(template: PodTemplateSpec): string {
  let text = texts.get(template)
  if (text === undefined) {
    text = canonical({
      ...template,
      metadata: {
        ...template.metadata,
        creationTimestamp: undefined,
        labels: without(template.metadata?.labels, hashLabel),
      },
    })
    texts.set(template, text)
  }
  return text
}

function without(labels: { readonly [key: string]: string } | undefined, key: string): object | undefined {
  if (labels === undefined) return undefined
  const { [key]: _, ...others } = labels
  return others
}

/** JSON with sorted keys and without what says nothing. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null'
  const parts: string[] = []
  for (const key of Object.keys(value).sort()) {
    const field = (value as Record<string, unknown>)[key]
    if (field === undefined || field === null || (Array.isArray(field) && field.length === 0)) continue
    parts.push(`${JSON.stringify(key)}:${canonical(field)}`)
  }
  return `{${parts.join(',')}}`
}

const safeLetters = 'bcdfghjklmnpqrstvwxz2456789'

/** Like upstream's hash label: FNV-1a of the template, its digits in letters that spell no words. */
export function templateHash(template: PodTemplateSpec, collisions: number | undefined): string {
  let h = 0x811c9dc5
  const text = templateText(template) + (collisions === undefined || collisions === 0 ? '' : `/${collisions}`)
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193)
  return safeDigits(h >>> 0)
}

/** A number in letters that spell no words (kubernetes/apimachinery:pkg/util/rand, SafeEncodeString). */
export function safeDigits(n: number): string {
  return String(n).replace(/\d/g, (digit) => safeLetters[digit.charCodeAt(0) % safeLetters.length]!)
}

/** The set whose template is the deployment's; the oldest of several. */
export function findNewSet(deployment: Deployment, sets: readonly ReplicaSet[]): ReplicaSet | undefined {
  const wanted = templateText(deployment.spec.template)
  return byAge(sets).find((set) => set.spec.template !== undefined && templateText(set.spec.template) === wanted)
}

export function byAge(sets: readonly ReplicaSet[]): ReplicaSet[] {
  return sets.toSorted((a, b) => {
    const [left, right] = [a.metadata.creationTimestamp, b.metadata.creationTimestamp]
    return left < right ? -1 : left > right ? 1 : a.metadata.name < b.metadata.name ? -1 : 1
  })
}

export interface Resize {
  readonly set: ReplicaSet
  readonly replicas: number
}

const sum = (sets: readonly ReplicaSet[], of: (set: ReplicaSet) => number): number =>
  sets.reduce((total, set) => total + of(set), 0)
const available = (set: ReplicaSet): number => set.status?.availableReplicas ?? 0

/** How large the new set should be now. */
export function newSetReplicas(
  deployment: Deployment,
  all: readonly ReplicaSet[],
  newSet: ReplicaSet | undefined,
): number {
  const wanted = replicasOf(deployment)
  const current = newSet === undefined ? 0 : replicasOf(newSet)
  if (deployment.spec.strategy?.type === 'Recreate') return wanted
  const total = sum(all, replicasOf)
  const most = wanted + fenceposts(deployment).surge
  if (total >= most) return current
  return current + Math.min(most - total, wanted - current)
}

/** One step of a rolling update; empty when nothing can be done now. Only the first kind of step that applies is taken. */
export function rollingStep(
  deployment: Deployment,
  all: readonly ReplicaSet[],
  newSet: ReplicaSet,
  olds: readonly ReplicaSet[],
): readonly Resize[] {
  const wanted = replicasOf(deployment)
  const current = replicasOf(newSet)
  if (current > wanted) return [{ set: newSet, replicas: wanted }]
  if (current < wanted) {
    const replicas = newSetReplicas(deployment, all, newSet)
    if (replicas !== current) return [{ set: newSet, replicas }]
  }
  return shrinkOld(deployment, all, newSet, olds)
}

/** What is not available goes first, then as many of the others as may be missing; one set may take both steps. */
function shrinkOld(
  deployment: Deployment,
  all: readonly ReplicaSet[],
  newSet: ReplicaSet,
  olds: readonly ReplicaSet[],
): readonly Resize[] {
  if (sum(olds, replicasOf) === 0) return []
  const least = replicasOf(deployment) - fenceposts(deployment).unavailable
  const newUnavailable = replicasOf(newSet) - available(newSet)
  const maxScaledDown = sum(all, replicasOf) - least - newUnavailable
  if (maxScaledDown <= 0) return []
  const steps: Resize[] = []
  const sizes = new Map(byAge(olds).map((set) => [set, replicasOf(set)]))
  const shrink = (set: ReplicaSet, by: number): void => {
    const replicas = sizes.get(set)! - by
    sizes.set(set, replicas)
    steps.push({ set, replicas })
  }
  let cleaned = 0
  for (const [set, size] of sizes) {
    const unhealthy = Math.min(maxScaledDown - cleaned, size - available(set))
    if (size === 0 || unhealthy <= 0) continue
    cleaned += unhealthy
    shrink(set, unhealthy)
  }
  let spare = sum(all, available) - least
  for (const [set, size] of sizes) {
    const down = Math.min(size, spare)
    if (down <= 0) continue
    spare -= down
    shrink(set, down)
  }
  return steps
}

/** The deployment was resized while sets still carry an older wish. */
export function isScaling(deployment: Deployment, all: readonly ReplicaSet[]): boolean {
  return all.some((set) => {
    const desired = set.metadata.annotations?.[desiredAnnotation]
    return replicasOf(set) > 0 && desired !== undefined && Number(desired) !== replicasOf(deployment)
  })
}

/** A resize in the middle of a rollout is shared among the sets in proportion to their sizes. */
export function proportionalResize(
  deployment: Deployment,
  newSet: ReplicaSet | undefined,
  olds: readonly ReplicaSet[],
): readonly Resize[] {
  const all = newSet === undefined ? olds : [...olds, newSet]
  const active = all.filter((set) => replicasOf(set) > 0)
  const only = active.length === 1 ? active[0] : active.length === 0 ? (newSet ?? byAge(all).at(-1)) : undefined
  if (only !== undefined) return [{ set: only, replicas: replicasOf(deployment) }]
  if (newSet !== undefined && isSaturated(deployment, newSet)) {
    return olds.filter((set) => replicasOf(set) > 0).map((set) => ({ set, replicas: 0 }))
  }
  if (deployment.spec.strategy?.type === 'Recreate') return []
  const allowed = replicasOf(deployment) > 0 ? replicasOf(deployment) + fenceposts(deployment).surge : 0
  const toAdd = allowed - sum(active, replicasOf)
  // Growing: the newest of the largest first; shrinking: the oldest of the largest.
  const order = byAge(active)
  if (toAdd > 0) order.reverse()
  order.sort((a, b) => replicasOf(b) - replicasOf(a))
  let added = 0
  const sizes = order.map((set) => {
    const share = toAdd === 0 ? 0 : proportion(set, deployment, allowed, toAdd - added)
    added += share
    return { set, replicas: replicasOf(set) + share }
  })
  return sizes.map(({ set, replicas }, i) => ({
    set,
    replicas: Math.max(0, i === 0 ? replicas + toAdd - added : replicas),
  }))
}

function proportion(set: ReplicaSet, deployment: Deployment, allowed: number, left: number): number {
  if (replicasOf(set) === 0 || left === 0 || replicasOf(deployment) === 0) {
    return replicasOf(deployment) === 0 ? -replicasOf(set) : 0
  }
  const before = Number(set.metadata.annotations?.[maxAnnotation]) || deployment.status?.replicas || 0
  if (before === 0) return 0
  const fraction = Math.round((replicasOf(set) * allowed) / before) - replicasOf(set)
  return left > 0 ? Math.min(fraction, left) : Math.max(fraction, left)
}

function isSaturated(deployment: Deployment, set: ReplicaSet): boolean {
  const wanted = replicasOf(deployment)
  return (
    replicasOf(set) === wanted &&
    Number(set.metadata.annotations?.[desiredAnnotation]) === wanted &&
    available(set) === wanted
  )
}
