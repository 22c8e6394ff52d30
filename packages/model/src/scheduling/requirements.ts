// A set of requirements, one per label key; immutable, iterated in the order of the keys.
//
// Mirrors kubernetes-sigs/karpenter:pkg/scheduling/requirements.go. Where upstream iterates a map, this goes by key.
import type { NodeSelectorRequirement, Pod } from '../kubernetes/index.ts'
import {
  hasIntersection,
  intersection,
  operatorOf,
  requirement,
  requirementEntries,
  requirementText,
  sameRequirement,
  type Requirement,
  type RequirementEntry,
  type RequirementOperator,
} from './requirement.ts'
import { coreLabels, type LabelRegistry } from './well-known-labels.ts'

export class Requirements implements Iterable<Requirement> {
  static readonly none: Requirements = new Requirements(new Map())

  /** In the order of the keys. */
  readonly #byKey: ReadonlyMap<string, Requirement>

  private constructor(byKey: ReadonlyMap<string, Requirement>) {
    this.#byKey = byKey
  }

  /** Requirements on the same key are intersected. */
  static of(...requirements: readonly Requirement[]): Requirements {
    return Requirements.none.and(requirements)
  }

  static fromLabels(
    labels: { readonly [key: string]: string } | undefined,
    registry: LabelRegistry = coreLabels,
  ): Requirements {
    if (labels === undefined) return Requirements.none
    return Requirements.none.and(
      Object.entries(labels).map(([key, value]) => requirement(key, 'In', [value], undefined, registry)),
    )
  }

  /** From a node selector term's expressions, or a NodePool's requirements with their minValues. */
  static fromNodeSelectorRequirements(
    entries: readonly (NodeSelectorRequirement | RequirementEntry)[] | undefined,
    registry: LabelRegistry = coreLabels,
  ): Requirements {
    if (entries === undefined) return Requirements.none
    return Requirements.none.and(
      entries.map((entry) =>
        requirement(
          entry.key,
          entry.operator as RequirementOperator,
          entry.values ?? [],
          'minValues' in entry ? entry.minValues : undefined,
          registry,
        ),
      ),
    )
  }

  get size(): number {
    return this.#byKey.size
  }

  has(key: string): boolean {
    return this.#byKey.has(key)
  }

  /** The requirement on the key; without one, anything goes (`Exists`). */
  get(key: string): Requirement {
    return this.#byKey.get(key) ?? requirement(key, 'Exists')
  }

  /** The requirement on the key, if there is one. */
  find(key: string): Requirement | undefined {
    return this.#byKey.get(key)
  }

  /** Sorted. */
  keys(): readonly string[] {
    return [...this.#byKey.keys()]
  }

  [Symbol.iterator](): IterableIterator<Requirement> {
    return this.#byKey.values()
  }

  /** These and those; on a key of both, what both allow. */
  and(others: Iterable<Requirement>): Requirements {
    let byKey: Map<string, Requirement> | undefined
    let sorted = true
    for (const other of others) {
      const existing = (byKey ?? this.#byKey).get(other.key)
      const next = existing === undefined ? other : intersection(other, existing)
      if (existing !== undefined && sameRequirement(existing, next)) continue
      byKey ??= new Map(this.#byKey)
      if (existing === undefined) sorted = false
      byKey.set(other.key, next)
    }
    if (byKey === undefined) return this
    return new Requirements(sorted ? byKey : new Map([...byKey].sort(([a], [b]) => (a < b ? -1 : 1))))
  }

  /** With this one in place of any on its key, not intersected. */
  with(one: Requirement): Requirements {
    return this.without(one.key).and([one])
  }

  without(...keys: readonly string[]): Requirements {
    if (!keys.some((key) => this.#byKey.has(key))) return this
    return new Requirements(new Map([...this.#byKey].filter(([key]) => !keys.includes(key))))
  }

  get hasMinValues(): boolean {
    for (const one of this) if (one.minValues !== undefined) return true
    return false
  }

  equals(other: Requirements): boolean {
    if (this === other) return true
    if (this.size !== other.size) return false
    for (const one of this) {
      const theirs = other.#byKey.get(one.key)
      if (theirs === undefined || !sameRequirement(one, theirs)) return false
    }
    return true
  }

  /** As upstream prints a set: sorted texts, without the labels nobody may set (the hostname). */
  text(registry: LabelRegistry = coreLabels): string {
    const texts: string[] = []
    for (const one of this) if (!registry.restricted.has(one.key)) texts.push(requirementText(one))
    return texts.sort().join(', ')
  }

  /** As a NodeClaim's `requirements`. */
  entries(): RequirementEntry[] {
    return [...this].flatMap(requirementEntries)
  }
}

/** Why a set cannot meet another. */
export type Incompatibility =
  /** The key is asked for, but nothing is known about it; `hint` is a known key that may have been meant. */
  | { readonly kind: 'unknownKey'; readonly key: string; readonly hint: string | undefined }
  /** No value of the key suits both. */
  | { readonly kind: 'disjoint'; readonly key: string; readonly incoming: Requirement; readonly existing: Requirement }

const noKeys: ReadonlySet<string> = new Set()

/**
 * Whether something described by `existing` can meet what `incoming` asks: undefined, or every reason why not. A key that
 * is asked for must be known, unless it is in `allowUndefined` (the well-known labels for nodes yet to be made, nothing
 * for nodes that exist) or absence is what is asked for.
 */
export function compatible(
  existing: Requirements,
  incoming: Requirements,
  allowUndefined: ReadonlySet<string> = noKeys,
): readonly Incompatibility[] | undefined {
  let problems: Incompatibility[] | undefined
  for (const one of incoming) {
    if (allowUndefined.has(one.key) || existing.has(one.key) || asksForAbsence(one)) continue
    ;(problems ??= []).push({ kind: 'unknownKey', key: one.key, hint: hintFor(one.key, existing, allowUndefined) })
  }
  const disjoint = intersects(existing, incoming)
  if (problems === undefined) return disjoint
  return disjoint === undefined ? problems : [...problems, ...disjoint]
}

/** `compatible` for keys that both name; keys of one alone are fine. Two that may both be met by absence always suit. */
export function intersects(existing: Requirements, incoming: Requirements): readonly Incompatibility[] | undefined {
  let problems: Incompatibility[] | undefined
  for (const one of incoming) {
    const known = existing.find(one.key)
    if (known === undefined || meet(known, one)) continue
    ;(problems ??= []).push({ kind: 'disjoint', key: one.key, incoming: one, existing: known })
  }
  return problems
}

function meet(existing: Requirement, incoming: Requirement): boolean {
  return hasIntersection(existing, incoming) || (asksForAbsence(incoming) && asksForAbsence(existing))
}

/** Met by a node without the label. */
function asksForAbsence(one: Requirement): boolean {
  const operator = operatorOf(one)
  return operator === 'NotIn' || operator === 'DoesNotExist'
}

/** A key that has `key` in it, or ends in what follows its slash; well-known ones are asked first. */
function hintFor(key: string, existing: Requirements, allowUndefined: ReadonlySet<string>): string | undefined {
  const slash = key.indexOf('/')
  const name = slash < 0 ? key : key.slice(slash + 1)
  const alike = (known: string): boolean => known.includes(key) || known.endsWith(name)
  return [...allowUndefined].toSorted().find(alike) ?? existing.keys().find(alike)
}

/** Upstream's words for what `compatible` found: of an unknown key, if there is one, and else of every disjoint one. */
export function incompatibilityText(problems: readonly Incompatibility[]): string {
  const unknown = problems.find((problem) => problem.kind === 'unknownKey')
  return unknown === undefined ? problems.map(oneText).join('; ') : oneText(unknown)
}

function oneText(problem: Incompatibility): string {
  if (problem.kind === 'disjoint') {
    return `key ${problem.key}, ${requirementText(problem.incoming)} not in ${requirementText(problem.existing)}`
  }
  const hint = problem.hint === undefined ? '' : ` (typo of ${JSON.stringify(problem.hint)}?)`
  return `label ${JSON.stringify(problem.key)} does not have known values${hint}`
}

/** Which of a pod's wishes count: `all` takes the heaviest preferred node affinity term for a requirement. */
export type PodRequirementPolicy = 'all' | 'strict'

/**
 * What the pod asks of a node's labels: its node selector, its heaviest preferred term (the first of equals; `all` only)
 * and the first of its required terms. The other terms are tried by dropping this one (Karpenter's relaxation).
 */
export function podRequirements(
  pod: Pod,
  policy: PodRequirementPolicy = 'all',
  registry: LabelRegistry = coreLabels,
): Requirements {
  const selector = Requirements.fromLabels(pod.spec.nodeSelector, registry)
  const affinity = pod.spec.affinity?.nodeAffinity
  if (affinity === undefined) return selector
  let result = selector
  const preferred = affinity.preferredDuringSchedulingIgnoredDuringExecution ?? []
  if (policy === 'all' && preferred.length > 0) {
    const heaviest = preferred.reduce((best, term) => (term.weight > best.weight ? term : best))
    result = result.and(Requirements.fromNodeSelectorRequirements(heaviest.preference.matchExpressions, registry))
  }
  const required = affinity.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms[0]
  return result.and(Requirements.fromNodeSelectorRequirements(required?.matchExpressions, registry))
}
