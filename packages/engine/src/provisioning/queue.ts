// The order in which pods are tried: those that ask for most come first, and those that fit nowhere come again as long
// as others find a place in between.
//
// Mirrors kubernetes-sigs/karpenter:pkg/controllers/provisioning/scheduling/queue.go.
import type { Pod } from '@plimsoll/model'

/** Indexes of the pods: CPU descending, memory descending, then the older, then by uid. */
export function queueOrder(pods: readonly Pod[], milliCpu: Float64Array, memory: Float64Array): number[] {
  // Pods with equal requests are many: numbers are compared once per request, the texts among equals only.
  const buckets = new Map<number, Map<number, number[]>>()
  for (let i = 0; i < pods.length; i++) {
    let byMemory = buckets.get(milliCpu[i]!)
    if (byMemory === undefined) buckets.set(milliCpu[i]!, (byMemory = new Map()))
    const bucket = byMemory.get(memory[i]!)
    if (bucket === undefined) byMemory.set(memory[i]!, [i])
    else bucket.push(i)
  }
  const created = pods.map((pod) => pod.metadata.creationTimestamp ?? '')
  const uids = pods.map((pod) => pod.metadata.uid ?? '')
  const order: number[] = []
  for (const [, byMemory] of [...buckets].sort(([a], [b]) => b - a)) {
    for (const [, bucket] of [...byMemory].sort(([a], [b]) => b - a)) {
      for (const i of sortByAge(bucket, created, uids)) order.push(i)
    }
  }
  return order
}

function sortByAge(bucket: number[], created: readonly string[], uids: readonly string[]): number[] {
  return bucket.sort((a, b) => {
    const older = created[a]!
    const newer = created[b]!
    if (older !== newer) return older < newer ? -1 : 1
    return uids[a]! < uids[b]! ? -1 : uids[a] === uids[b] ? 0 : 1
  })
}

/** First in, first out, until a whole round brings nothing. */
export class Queue {
  readonly #items: number[]
  #head = 0
  /** By pod: how long the queue was when the pod was put back. */
  readonly #lengthAtPush: Int32Array

  constructor(order: readonly number[]) {
    this.#items = [...order]
    this.#lengthAtPush = new Int32Array(order.length)
  }

  get length(): number {
    return this.#items.length - this.#head
  }

  /** The next pod, or -1: the queue is empty, or its head has been tried since anything changed. */
  pop(): number {
    if (this.length === 0) return -1
    const next = this.#items[this.#head]!
    if (this.#lengthAtPush[next] === this.length) return -1
    this.#head++
    return next
  }

  push(pod: number): void {
    this.#items.push(pod)
    this.#lengthAtPush[pod] = this.length
  }

  rest(): readonly number[] {
    return this.#items.slice(this.#head)
  }
}
