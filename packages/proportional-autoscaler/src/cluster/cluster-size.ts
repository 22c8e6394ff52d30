import { parseQuantity, type Node } from '@plimsoll/model'
import { matchesTaint, type TaintPattern } from './taint-pattern.ts'

/** What the parameters are applied to. Cores are whole: rounded up once, on the sum. */
export interface ClusterSize {
  readonly totalNodes: number
  readonly schedulableNodes: number
  readonly totalCores: number
  readonly schedulableCores: number
}

const nanosPerCore = 1_000_000_000n

/**
 * Counts nodes and their allocatable cores as they come, change and go, so that asking costs nothing
 * (kubernetes-sigs/cluster-proportional-autoscaler:pkg/autoscaler/k8sclient/k8sclient.go, GetClusterStatus, which adds
 * up all nodes each time). A node is schedulable when it is Ready and not cordoned; taints do not matter (CPA-23) unless
 * they are to be ignored.
 */
export class NodeCounter {
  readonly #ignored: readonly TaintPattern[]
  /** By name. What a node last counted for, for the end of a node tells of a later state. */
  readonly #counted = new Map<string, Share>()
  #schedulableNodes = 0
  #totalNanos = 0n
  #schedulableNanos = 0n

  constructor(ignored: readonly TaintPattern[] = []) {
    this.#ignored = ignored
  }

  get size(): ClusterSize {
    return {
      totalNodes: this.#counted.size,
      schedulableNodes: this.#schedulableNodes,
      totalCores: wholeCores(this.#totalNanos),
      schedulableCores: wholeCores(this.#schedulableNanos),
    }
  }

  /** A node that is new or has changed. Answers whether the size may be another one now. */
  put(node: Node): boolean {
    const { name } = node.metadata
    if (this.#ignored.length > 0 && isIgnored(node, this.#ignored)) return this.remove(name)
    const nanos = parseQuantity(node.status?.allocatable?.['cpu'] ?? 0)?.nano ?? 0n
    const schedulable = isSchedulable(node)
    const known = this.#counted.get(name)
    if (known !== undefined && known.nanos === nanos && known.schedulable === schedulable) return false
    if (known !== undefined) this.remove(name)
    this.#counted.set(name, { nanos, schedulable })
    this.#totalNanos += nanos
    if (schedulable) {
      this.#schedulableNodes++
      this.#schedulableNanos += nanos
    }
    return true
  }

  /** Answers whether it was counted. */
  remove(name: string): boolean {
    const known = this.#counted.get(name)
    if (known === undefined) return false
    this.#counted.delete(name)
    this.#totalNanos -= known.nanos
    if (known.schedulable) {
      this.#schedulableNodes--
      this.#schedulableNanos -= known.nanos
    }
    return true
  }
}

interface Share {
  readonly nanos: bigint
  readonly schedulable: boolean
}

/**
 * What counting looks at, and no more: 10,000 nodes with all their images and labels are 100 MB (upstream:
 * getTrimmedNodeClients).
 */
export function trimmedNode(node: Node): Node {
  const { name, uid, resourceVersion, creationTimestamp } = node.metadata
  const ready = node.status?.conditions?.filter(({ type }) => type === 'Ready') ?? []
  const cpu = node.status?.allocatable?.['cpu']
  const { unschedulable, taints } = node.spec
  return {
    metadata: { name, uid, resourceVersion, creationTimestamp },
    spec: {
      ...(unschedulable === undefined ? {} : { unschedulable }),
      ...(taints === undefined ? {} : { taints }),
    },
    status: { conditions: ready, ...(cpu === undefined ? {} : { allocatable: { cpu } }) },
  }
}

function isSchedulable(node: Node): boolean {
  if (node.spec.unschedulable === true) return false
  return node.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') === true
}

function isIgnored(node: Node, patterns: readonly TaintPattern[]): boolean {
  return node.spec.taints?.some((taint) => patterns.some((pattern) => matchesTaint(pattern, taint))) === true
}

function wholeCores(nanos: bigint): number {
  return Number((nanos + nanosPerCore - 1n) / nanosPerCore)
}
