import { own } from '@plimsoll/model'
import type { PodClass } from '../pod-class.ts'
import type { Check, Reason, World } from './predicate.ts'

const unmatched: readonly Reason[] = [
  { reason: "node(s) didn't match Pod's node affinity/selector", resolvable: false },
]

/** plugins/nodeaffinity/node_affinity.go, Filter */
export function nodeAffinity(pod: PodClass, { columns }: World): Check | undefined {
  const admits = pod.requiredAffinity
  if (admits === undefined) return undefined
  return {
    plugin: 'NodeAffinity',
    scope: 'node',
    fits: (slot) => admits(columns.entries[slot]!.node),
    reasons: () => unmatched,
    detail: (slot) => {
      const labels = columns.entries[slot]!.labels ?? {}
      for (const [key, value] of Object.entries(pod.sample.spec.nodeSelector ?? {})) {
        const its = own(labels, key)
        if (its === value) continue
        return `the pod selects ${key}=${value}, the node has ${its === undefined ? 'no such label' : `${key}=${its}`}`
      }
      return 'no term of the required node affinity matches the node'
    },
  }
}
