import type { PodClass } from '../pod-class.ts'
import { hasClaims } from '../dynamic-resources/device-state.ts'
import type { Check, World } from './predicate.ts'

/** plugins/dynamicresources/dynamicresources.go, Filter */
export function dynamicResources(pod: PodClass, { columns, devices }: World): Check | undefined {
  // A pod with device claims has a class of its own (pod-words.ts): the sample is the pod.
  const { sample } = pod
  if (devices === undefined || !hasClaims(sample)) return undefined
  return {
    plugin: 'DynamicResources',
    scope: 'cluster',
    fits: (slot) => devices.nodeUnfit(sample, columns.entries[slot]!.node) === undefined,
    reasons: (slot) => [devices.nodeUnfit(sample, columns.entries[slot]!.node)!],
  }
}
