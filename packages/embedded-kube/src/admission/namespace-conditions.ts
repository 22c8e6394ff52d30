// What a terminating namespace tells of its contents, word for word
// (kubernetes/kubernetes:pkg/controller/namespace/deletion/status_condition_utils.go).
import { timestamp, type Ms, type NamespaceCondition } from '@plimsoll/model'

/** What is left of one resource in the namespace. */
export interface Remains {
  /** `<plural>.<group>`, with the dot also when the group is empty. */
  readonly resource: string
  /** Of each object. */
  readonly finalizers: readonly (readonly string[])[]
}

type Facts = Pick<NamespaceCondition, 'type' | 'status' | 'reason' | 'message'>

const well: readonly Facts[] = [
  ['NamespaceDeletionDiscoveryFailure', 'ResourcesDiscovered', 'All resources successfully discovered'],
  ['NamespaceDeletionGroupVersionParsingFailure', 'ParsedGroupVersions', 'All legacy kube types successfully parsed'],
  [
    'NamespaceDeletionContentFailure',
    'ContentDeleted',
    'All content successfully deleted, may be waiting on finalization',
  ],
  ['NamespaceContentRemaining', 'ContentRemoved', 'All content successfully removed'],
  ['NamespaceFinalizersRemaining', 'ContentHasNoFinalizers', 'All content-preserving finalizers finished'],
].map(([type = '', reason, message]) => ({ type, status: 'False', reason, message }))

/** The conditions as of `now`, or undefined when they say so already. */
export function terminationConditions(
  before: unknown,
  remains: readonly Remains[],
  now: Ms,
): readonly NamespaceCondition[] | undefined {
  const known = (before ?? []) as readonly NamespaceCondition[]
  const news = well.map((facts) => remaining(facts, remains) ?? facts)
  let changed = false
  const conditions = news.map((facts) => {
    const old = known.find((condition) => condition.type === facts.type)
    if (old?.status === facts.status && old.reason === facts.reason && old.message === facts.message) return old
    changed = true
    const lastTransitionTime = old?.status === facts.status ? old.lastTransitionTime : timestamp(now)
    return { ...facts, lastTransitionTime }
  })
  const others = known.filter((condition) => !news.some((facts) => facts.type === condition.type))
  return changed ? [...others, ...conditions] : undefined
}

function remaining(facts: Facts, remains: readonly Remains[]): Facts | undefined {
  if (facts.type === 'NamespaceContentRemaining' && remains.length > 0) {
    const counts = remains.map(({ resource, finalizers }) => `${resource} has ${finalizers.length} resource instances`)
    const message = `Some resources are remaining: ${counts.sort().join(', ')}`
    return { ...facts, status: 'True', reason: 'SomeResourcesRemain', message }
  }
  if (facts.type !== 'NamespaceFinalizersRemaining') return undefined
  const byFinalizer = new Map<string, number>()
  for (const finalizer of remains.flatMap((remain) => remain.finalizers.flat())) {
    byFinalizer.set(finalizer, (byFinalizer.get(finalizer) ?? 0) + 1)
  }
  if (byFinalizer.size === 0) return undefined
  const counts = [...byFinalizer].map(([finalizer, count]) => `${finalizer} in ${count} resource instances`)
  const message = `Some content in the namespace has finalizers remaining: ${counts.sort().join(', ')}`
  return { ...facts, status: 'True', reason: 'SomeFinalizersRemain', message }
}
