// Bounds of the whole cluster: cores, memory, GPUs (kubernetes-sigs/cluster-autoscaler:pkg/resourcequotas; CA-97, CA-98).
import { milliValue, wholeValue, type Node } from '@plimsoll/model'
import type { ClusterAutoscalerOptions } from '../options/options.ts'

const gpuResource = 'nvidia.com/gpu'

export interface Headroom {
  /** How many of the nodes asked for are within the bounds. */
  readonly nodes: number
  /** The resources that bind. */
  readonly exceeded: readonly string[]
}

/** What a node counts for: whole cores, bytes, GPUs by type. */
function contents(node: Node, gpuLabel: string): ReadonlyMap<string, number> {
  const capacity = node.status?.capacity ?? {}
  const amounts = new Map([
    ['cpu', Math.ceil(milliValue(capacity['cpu']) / 1000)],
    ['memory', wholeValue(capacity['memory'])],
  ])
  const gpuType = node.metadata.labels?.[gpuLabel]
  const gpus = wholeValue(capacity[gpuResource])
  if (gpuType !== undefined && gpus > 0) amounts.set(gpuType, gpus)
  return amounts
}

export class ResourceLimits {
  readonly #gpuLabel: string
  readonly #bounds: ReadonlyMap<string, { readonly min: number; readonly max: number }>
  readonly #usage = new Map<string, number>()

  constructor(options: ClusterAutoscalerOptions, gpuLabel: string, nodes: Iterable<Node>) {
    this.#gpuLabel = gpuLabel
    this.#bounds = new Map([
      ['cpu', options.coresTotal],
      ['memory', options.memoryTotal],
      ...options.gpuTotal.map((gpu) => [gpu.type, gpu] as const),
    ])
    for (const node of nodes) {
      if (node.metadata.labels?.['type'] === 'virtual-kubelet') continue
      this.#count(node, 1)
    }
  }

  /** How many of `count` nodes like this may be added. */
  roomFor(node: Node, count: number): Headroom {
    return this.#headroom(node, count, (name, used) => (this.#bounds.get(name)?.max ?? Infinity) - used)
  }

  /** Whether the node may go. */
  maySpare(node: Node): Headroom {
    return this.#headroom(node, 1, (name, used) => used - (this.#bounds.get(name)?.min ?? 0))
  }

  added(node: Node, count: number): void {
    this.#count(node, count)
  }

  removed(node: Node): void {
    this.#count(node, -1)
  }

  #headroom(node: Node, count: number, left: (name: string, used: number) => number): Headroom {
    let nodes = count
    const exceeded: string[] = []
    for (const [name, amount] of contents(node, this.#gpuLabel)) {
      if (amount <= 0) continue
      const fitting = Math.floor(Math.max(0, left(name, this.#usage.get(name) ?? 0)) / amount)
      if (fitting < count) exceeded.push(name)
      nodes = Math.min(nodes, fitting)
    }
    return { nodes, exceeded: exceeded.toSorted() }
  }

  #count(node: Node, count: number): void {
    for (const [name, amount] of contents(node, this.#gpuLabel)) {
      this.#usage.set(name, (this.#usage.get(name) ?? 0) + amount * count)
    }
  }
}
