import {
  bytes,
  milliCpu,
  parseQuantity,
  type Bytes,
  type Container,
  type MilliCpu,
  type Node,
  type Pod,
} from '@plimsoll/model'

/** Amounts as kube-scheduler counts them (kubernetes/kubernetes:pkg/scheduler/framework/types.go, Resource). */
export interface Resources {
  readonly milliCpu: MilliCpu
  readonly memory: Bytes
  readonly ephemeralStorage: Bytes
  /** Everything else that is counted, in whole units: extended resources, huge pages, attachable volumes. */
  readonly scalar: ReadonlyMap<string, number>
}

export interface Allocatable extends Resources {
  /** How many pods the node takes. */
  readonly pods: number
}

type QuantityList = { readonly [resource: string]: string | number } | undefined

export const none: ReadonlyMap<string, number> = new Map()

/** What the scheduler assumes of a container that asks for nothing, when it scores nodes (util/pod_resources.go). */
const nonZeroMilliCpu = 100
const nonZeroMemory = 200 * 1024 * 1024

const amounts = new Map<string | number, number>()

/** A quantity as a number; finer than a nano is rounded. Remembered, for the same few texts come back for every pod. */
function amount(text: string | number): number {
  let value = amounts.get(text)
  if (value === undefined) {
    const quantity = parseQuantity(text)
    value = quantity === undefined ? 0 : toNumber(quantity.nano)
    if (amounts.size > 20_000) amounts.clear()
    amounts.set(text, value)
  }
  return value
}

function toNumber(nano: bigint): number {
  const whole = nano / 1_000_000_000n
  return Number(whole) + Number(nano - whole * 1_000_000_000n) / 1e9
}

/** Sums of fractions carry rounding errors far below a nano: they do not round up. */
function ceil(value: number): number {
  // Adding zero turns -0 into 0.
  return Math.ceil(value - 1e-7) + 0
}

type Sum = Map<string, number>

function add(sum: Sum, list: QuantityList): void {
  for (const name in list) sum.set(name, (sum.get(name) ?? 0) + amount(list[name]!))
}

function addSum(sum: Sum, other: Sum): void {
  for (const [name, value] of other) sum.set(name, (sum.get(name) ?? 0) + value)
}

function raise(sum: Sum, other: Sum): void {
  for (const [name, value] of other) if (value > (sum.get(name) ?? 0)) sum.set(name, value)
}

/** Whether the resource is counted as a scalar (kubernetes/kubernetes:pkg/scheduler/util/utils.go, IsScalarResourceName). */
function isScalar(name: string): boolean {
  return name.includes('/') || name.startsWith('hugepages-') || name.startsWith('attachable-volumes-')
}

function toResources(sum: Sum): Resources {
  let scalar: Map<string, number> | undefined
  for (const [name, value] of sum) if (isScalar(name)) (scalar ??= new Map()).set(name, ceil(value))
  return {
    milliCpu: milliCpu(ceil((sum.get('cpu') ?? 0) * 1000)),
    memory: bytes(ceil(sum.get('memory') ?? 0)),
    ephemeralStorage: bytes(ceil(sum.get('ephemeral-storage') ?? 0)),
    // By name, so that reasons come in a fixed order.
    scalar: scalar === undefined ? none : new Map([...scalar].sort(([a], [b]) => (a < b ? -1 : 1))),
  }
}

/**
 * What the pod takes of a node: the sum of its containers and sidecars, or what its init containers need at their widest,
 * with pod-level resources in their place where set, plus overhead. A container that was resized counts with the larger of
 * what it asks for and what it holds (kubernetes/component-helpers:resource/helpers.go, PodRequests).
 */
export function podRequests(pod: Pod): Resources {
  return toResources(sumOfPod(pod, (container) => container))
}

/** As `podRequests`, with kube-scheduler's assumption for containers that ask for no CPU or memory; for scores only. */
export function podNonZeroRequests(pod: Pod): { readonly milliCpu: MilliCpu; readonly memory: Bytes } {
  const sum = sumOfPod(pod, (requests) => ({
    cpu: `${nonZeroMilliCpu}m`,
    memory: nonZeroMemory,
    ...requests,
  }))
  const resources = toResources(sum)
  return { milliCpu: resources.milliCpu, memory: resources.memory }
}

function sumOfPod(pod: Pod, adjust: (requests: NonNullable<QuantityList>) => NonNullable<QuantityList>): Sum {
  const held = heldByStatus(pod)
  const requestsOf = (container: Container): Sum => {
    const sum: Sum = new Map()
    add(sum, adjust(container.resources?.requests ?? {}))
    const status = held?.get(container.name)
    if (status !== undefined) raise(sum, status)
    return sum
  }
  const total: Sum = new Map()
  for (const container of pod.spec.containers) addSum(total, requestsOf(container))
  const sidecars: Sum = new Map()
  const widest: Sum = new Map()
  for (const container of pod.spec.initContainers ?? []) {
    const requests = requestsOf(container)
    if (container.restartPolicy === 'Always') {
      addSum(total, requests)
      addSum(sidecars, requests)
      raise(widest, sidecars)
    } else {
      addSum(requests, sidecars)
      raise(widest, requests)
    }
  }
  raise(total, widest)
  const podLevel = pod.spec.resources?.requests
  for (const name in podLevel) {
    if (name === 'cpu' || name === 'memory' || name.startsWith('hugepages-')) total.set(name, amount(podLevel[name]!))
  }
  add(total, pod.spec.overhead)
  return total
}

/** Whether the pod's status has a say in what it takes. */
export function holdsByStatus(pod: Pod): boolean {
  return heldByStatus(pod) !== undefined
}

/** What containers hold by their status, where it may differ from the spec: after a resize in place. */
function heldByStatus(pod: Pod): Map<string, Sum> | undefined {
  let held: Map<string, Sum> | undefined
  const { containerStatuses = [], initContainerStatuses = [] } = pod.status ?? {}
  for (const status of initContainerStatuses.length === 0
    ? containerStatuses
    : [...containerStatuses, ...initContainerStatuses]) {
    if (status.allocatedResources === undefined && status.resources?.requests === undefined) continue
    const sum: Sum = new Map()
    add(sum, status.allocatedResources)
    const actual: Sum = new Map()
    add(actual, status.resources?.requests)
    raise(sum, actual)
    ;(held ??= new Map()).set(status.name, sum)
  }
  return held
}

/** What the node offers to pods; the capacity does not count. */
export function nodeAllocatable(node: Node): Allocatable {
  const sum: Sum = new Map()
  add(sum, node.status?.allocatable)
  return { ...toResources(sum), pods: Math.floor(sum.get('pods') ?? 0) }
}

export function sameAllocatable(a: Allocatable, b: Allocatable): boolean {
  if (a.milliCpu !== b.milliCpu || a.memory !== b.memory || a.ephemeralStorage !== b.ephemeralStorage) return false
  if (a.pods !== b.pods || a.scalar.size !== b.scalar.size) return false
  for (const [name, amount] of a.scalar) if (b.scalar.get(name) !== amount) return false
  return true
}
