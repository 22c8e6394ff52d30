// Which groups are alike enough to share an increase, and how it is shared.
// Mirrors kubernetes-sigs/cluster-autoscaler:pkg/processors/nodegroupset (1.36; rules CA-96, CA-99).
import { podRequests, type NodeTemplate } from '@plimsoll/engine'
import { milliValue, own } from '@plimsoll/model'
import type { NodeGroup } from '@plimsoll/ports'
import type { ClusterAutoscalerOptions } from '../options/options.ts'

const ignoredLabels = [
  'kubernetes.io/hostname',
  'failure-domain.beta.kubernetes.io/zone',
  'failure-domain.beta.kubernetes.io/region',
  'topology.kubernetes.io/zone',
  'topology.kubernetes.io/region',
  'beta.kubernetes.io/fluentd-ds-ready',
  'kops.k8s.io/instancegroup',
  'cluster-autoscaler.kubernetes.io/template-node',
]
const ignoredOnAws = [
  'alpha.eksctl.io/instance-id',
  'alpha.eksctl.io/nodegroup-name',
  'eks.amazonaws.com/nodegroup',
  'k8s.amazonaws.com/eniConfig',
  'lifecycle',
  'topology.ebs.csi.aws.com/zone',
  'topology.k8s.aws/zone-id',
]

type Ratios = Pick<
  ClusterAutoscalerOptions,
  | 'balancingIgnoreLabels'
  | 'balancingLabels'
  | 'memoryDifferenceRatio'
  | 'maxFreeDifferenceRatio'
  | 'maxAllocatableDifferenceRatio'
>

export function areSimilar(a: NodeTemplate, b: NodeTemplate, options: Ratios): boolean {
  const labelsA = a.node.metadata.labels ?? {}
  const labelsB = b.node.metadata.labels ?? {}
  if (options.balancingLabels.length > 0) {
    return options.balancingLabels.every(
      (key) => own(labelsA, key) !== undefined && own(labelsA, key) === own(labelsB, key),
    )
  }
  const capacityA = a.node.status?.capacity ?? {}
  const capacityB = b.node.status?.capacity ?? {}
  const names = Object.keys(capacityA)
  if (names.length !== Object.keys(capacityB).length) return false
  for (const name of names) {
    if (own(capacityB, name) === undefined) return false
    const [left, right] = [milliValue(capacityA[name]), milliValue(capacityB[name])]
    if (name === 'memory' ? !isNear(left, right, options.memoryDifferenceRatio) : left !== right) return false
  }
  const allocatableA = amountsOf(a.node.status?.allocatable)
  const allocatableB = amountsOf(b.node.status?.allocatable)
  if (!allNear(allocatableA, allocatableB, options.maxAllocatableDifferenceRatio)) return false
  if (!allNear(freeOf(a, allocatableA), freeOf(b, allocatableB), options.maxFreeDifferenceRatio)) return false
  const ignored = new Set([...ignoredLabels, ...ignoredOnAws, ...options.balancingIgnoreLabels])
  const keys = new Set([...Object.keys(labelsA), ...Object.keys(labelsB)].filter((key) => !ignored.has(key)))
  return [...keys].every((key) => own(labelsA, key) === own(labelsB, key))
}

function amountsOf(list: { readonly [name: string]: string | number } | undefined): Map<string, number> {
  return new Map(Object.entries(list ?? {}).map(([name, amount]) => [name, milliValue(amount)]))
}

function freeOf(template: NodeTemplate, allocatable: ReadonlyMap<string, number>): Map<string, number> {
  const free = new Map(allocatable)
  const take = (name: string, amount: number): void => {
    if (free.has(name)) free.set(name, free.get(name)! - amount)
  }
  for (const pod of template.pods) {
    const requests = podRequests(pod)
    take('cpu', requests.milliCpu)
    take('memory', requests.memory * 1000)
    take('ephemeral-storage', requests.ephemeralStorage * 1000)
    for (const [name, amount] of requests.scalar) take(name, amount * 1000)
  }
  return free
}

function allNear(a: ReadonlyMap<string, number>, b: ReadonlyMap<string, number>, ratio: number): boolean {
  return a.size === b.size && [...a].every(([name, amount]) => b.has(name) && isNear(amount, b.get(name)!, ratio))
}

function isNear(a: number, b: number, ratio: number): boolean {
  return Math.abs(a - b) <= ratio * Math.max(a, b)
}

export interface GroupIncrease {
  readonly group: NodeGroup
  readonly newSize: number
}

/** Node by node to the smallest group that is not full; equal ones in the order given. */
export function shareIncrease(groups: readonly NodeGroup[], count: number): GroupIncrease[] {
  const open = groups.filter((group) => group.targetSize < group.maxSize)
  const sizes = new Map(open.map((group) => [group, group.targetSize]))
  for (let left = count; left > 0; left--) {
    let smallest: NodeGroup | undefined
    for (const group of open) {
      const size = sizes.get(group)!
      if (size < group.maxSize && (smallest === undefined || size < sizes.get(smallest)!)) smallest = group
    }
    if (smallest === undefined) break
    sizes.set(smallest, sizes.get(smallest)! + 1)
  }
  return open
    .map((group) => ({ group, newSize: sizes.get(group)! }))
    .filter(({ group, newSize }) => newSize > group.targetSize)
}
