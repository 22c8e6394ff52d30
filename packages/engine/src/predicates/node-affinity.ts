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
        if (labels[key] === value) continue
        return `the pod selects ${key}=${value}, the node has ${labels[key] === undefined ? 'no such label' : `${key}=${labels[key]}`}`
      }
      return 'no term of the required node affinity matches the node'
    },
  }
}
