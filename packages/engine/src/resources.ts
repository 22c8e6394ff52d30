import {
  bytes,
  milliCpu,
  parseQuantity,
  type Bytes,
  type Container,
  type ContainerStatus,
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
const assumedRequests = { cpu: '100m', memory: String(200 * 1024 * 1024) }

/**
 * By resource, in nanos, the finest step there is: sums are exact, and rounded up once, at the end, as upstream rounds
 * a Quantity. Bigint costs little here, for pods are asked once per class and nodes once per change of what they offer.
 */
type Sum = Map<string, bigint>

function nanos(text: string | number): bigint {
  return parseQuantity(text)?.nano ?? 0n
}

function add(sum: Sum, list: QuantityList): void {
  for (const name in list) addOne(sum, name, nanos(list[name]!))
}

function addSum(sum: Sum, other: Sum): void {
  for (const [name, value] of other) addOne(sum, name, value)
}

function addOne(sum: Sum, name: string, value: bigint): void {
  const before = sum.get(name)
  sum.set(name, before === undefined ? value : before + value)
}

function raise(sum: Sum, other: Sum): void {
  for (const [name, value] of other) {
    const before = sum.get(name)
    if (before === undefined || value > before) sum.set(name, value)
  }
}

const whole = 1_000_000_000n
const milli = 1_000_000n

/** How many steps, a started one counting in full; away from zero, as Quantity rounds. */
function steps(value: bigint | undefined, step: bigint): number {
  if (value === undefined || value === 0n) return 0
  const rest = value % step
  const floor = value / step
  return Number(rest === 0n ? floor : value > 0n ? floor + 1n : floor - 1n)
}

/** Whether the resource is counted as a scalar (kubernetes/kubernetes:pkg/scheduler/util/utils.go, IsScalarResourceName). */
function isScalar(name: string): boolean {
  return name.includes('/') || name.startsWith('hugepages-') || name.startsWith('attachable-volumes-')
}

function toResources(sum: Sum): Resources {
  let scalar: Map<string, number> | undefined
  for (const [name, value] of sum) if (isScalar(name)) (scalar ??= new Map()).set(name, steps(value, whole))
  return {
    milliCpu: milliCpu(steps(sum.get('cpu'), milli)),
    memory: bytes(steps(sum.get('memory'), whole)),
    ephemeralStorage: bytes(steps(sum.get('ephemeral-storage'), whole)),
    // By name, so that reasons come in a fixed order.
    scalar: scalar === undefined ? none : new Map([...scalar].sort(([a], [b]) => (a < b ? -1 : 1))),
  }
}

/**
 * What the pod takes of a node: the sum of its containers and sidecars, or what its init containers need at their widest,
 * with pod-level resources in their place where set, plus overhead. A container or sidecar that was resized counts with the
 * larger of what it asks for and what it holds, or, when the node can never grant the resize, with what it holds
 * (kubernetes/component-helpers:resource/helpers.go, PodRequests).
 */
export function podRequests(pod: Pod): Resources {
  return toResources(sumOfPod(pod, undefined))
}

/**
 * As `podRequests`, with kube-scheduler's assumption for containers that ask for no CPU or memory; for scores only. Where
 * the pod itself asks for something, only what nobody asks for is assumed (kubernetes/kubernetes:pkg/scheduler/framework/types.go).
 */
export function podNonZeroRequests(pod: Pod): { readonly milliCpu: MilliCpu; readonly memory: Bytes } {
  const assumed: Sum = new Map()
  add(assumed, assumedRequests)
  if (podLevelNames(pod).length > 0) for (const name of sumOfPod(pod, undefined).keys()) assumed.delete(name)
  const { milliCpu, memory } = toResources(sumOfPod(pod, assumed))
  return { milliCpu, memory }
}

/** The resources that the pod itself may ask for, and does. */
function podLevelNames(pod: Pod): string[] {
  const names = Object.keys(pod.spec.resources?.requests ?? {})
  return names.filter((name) => name === 'cpu' || name === 'memory' || name.startsWith('hugepages-'))
}

function sumOfPod(pod: Pod, assumed: Sum | undefined): Sum {
  const held = heldByStatus(pod)
  const requestsOf = (container: Container): Sum => {
    const sum: Sum = new Map()
    const status = held?.sums.get(container.name)
    if (status === undefined || !held!.isInfeasible) add(sum, container.resources?.requests)
    if (status !== undefined) raise(sum, status)
    if (assumed !== undefined) for (const [name, value] of assumed) if (!sum.has(name)) sum.set(name, value)
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
  if (podLevel !== undefined) for (const name of podLevelNames(pod)) total.set(name, nanos(podLevel[name]!))
  add(total, pod.spec.overhead)
  return total
}

/** Whether the pod's status has a say in what it takes. */
export function holdsByStatus(pod: Pod): boolean {
  return heldByStatus(pod) !== undefined
}

interface Held {
  /** By the container's name. */
  readonly sums: ReadonlyMap<string, Sum>
  /** Whether the node has said that it can never grant the resize that is asked for. */
  readonly isInfeasible: boolean
}

/** What containers and sidecars hold by their status, where it may differ from the spec: after a resize in place. */
function heldByStatus(pod: Pod): Held | undefined {
  const { containerStatuses = [], initContainerStatuses = [] } = pod.status ?? {}
  let sums: Map<string, Sum> | undefined
  const collect = (status: ContainerStatus): void => {
    if (status.resources === undefined) return
    const sum: Sum = new Map()
    add(sum, status.allocatedResources)
    const actual: Sum = new Map()
    add(actual, status.resources.requests)
    raise(sum, actual)
    ;(sums ??= new Map()).set(status.name, sum)
  }
  for (const status of containerStatuses) collect(status)
  for (const status of initContainerStatuses) {
    const container = pod.spec.initContainers?.find(({ name }) => name === status.name)
    if (container?.restartPolicy === 'Always') collect(status)
  }
  if (sums === undefined) return undefined
  const pending = pod.status?.conditions?.find(({ type }) => type === 'PodResizePending')
  return { sums, isInfeasible: pending?.reason === 'Infeasible' }
}

/** What the node offers to pods; the capacity does not count. */
export function nodeAllocatable(node: Node): Allocatable {
  const sum: Sum = new Map()
  add(sum, node.status?.allocatable)
  return { ...toResources(sum), pods: steps(sum.get('pods'), whole) }
}

export function sameAllocatable(a: Allocatable, b: Allocatable): boolean {
  if (a.milliCpu !== b.milliCpu || a.memory !== b.memory || a.ephemeralStorage !== b.ephemeralStorage) return false
  if (a.pods !== b.pods || a.scalar.size !== b.scalar.size) return false
  for (const [name, amount] of a.scalar) if (b.scalar.get(name) !== amount) return false
  return true
}
