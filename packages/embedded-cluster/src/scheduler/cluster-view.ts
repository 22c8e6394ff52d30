// The scheduler's picture of the cluster: nodes, the pods on them, and the pods that it has just given a node and that the
// API server does not show there yet (kubernetes/kubernetes:pkg/scheduler/backend/cache/cache.go).

import { ClusterSnapshot, podRequests, type DeviceState, type VolumeLister } from '@plimsoll/engine'
import { keyText, type Namespace, type Node, type Pod } from '@plimsoll/model'
import type { ClusterChange } from './cluster-change.ts'

interface Placed {
  readonly pod: Pod
  readonly nodeName: string
  /** Not yet seen bound. */
  readonly assumed: boolean
}

export class ClusterView {
  readonly snapshot: ClusterSnapshot
  readonly #placed = new Map<string, Placed>()
  /** Also of nodes that are not there: a pod may be seen before its node, and outlives it. */
  readonly #byNode = new Map<string, Map<string, Pod>>()
  readonly #happened: (change: ClusterChange) => void
  readonly #displaced: (pod: Pod) => void
  /** Grows with every change of the picture. */
  version = 0

  constructor(options: {
    readonly volumes: VolumeLister
    readonly devices: DeviceState
    readonly happened: (change: ClusterChange) => void
    /** Told of a pod with resource claims that no longer counts on its node. */
    readonly displaced: (pod: Pod) => void
  }) {
    this.snapshot = new ClusterSnapshot({ volumes: options.volumes, devices: options.devices })
    this.#happened = options.happened
    this.#displaced = options.displaced
  }

  nodeAdded(node: Node): void {
    const { name } = node.metadata
    this.version++
    this.snapshot.addNode(node, [...(this.#byNode.get(name)?.values() ?? [])])
    this.#happened('nodeAdded')
  }

  nodeUpdated(node: Node, old: Node): void {
    const changes = nodeChanges(node, old)
    this.snapshot.replaceNode(node)
    if (changes.length > 0) this.version++
    for (const change of changes) this.#happened(change)
  }

  nodeDeleted(node: Node): void {
    this.version++
    this.snapshot.removeNode(node.metadata.name)
    this.#happened('nodeDeleted')
  }

  namespaceChanged(namespace: Namespace): void {
    this.version++
    this.snapshot.setNamespace(namespace.metadata.name, namespace.metadata.labels ?? {})
    this.#happened('namespaces')
  }

  /** A pod as the API server shows it on its node, for the first time or again. */
  podSeen(pod: Pod, nodeName: string): void {
    const key = keyText(pod.metadata)
    const known = this.#placed.get(key)
    if (known === undefined || known.nodeName !== nodeName) {
      this.#place(key, pod, nodeName, { assumed: false })
      this.#happened('podPlaced')
      return
    }
    this.#placed.set(key, { pod, nodeName, assumed: false })
    this.#byNode.get(nodeName)!.set(key, pod)
    if (this.snapshot.node(nodeName) !== undefined) this.snapshot.replacePod(pod, nodeName)
    const relabelled = differ(pod.metadata.labels, known.pod.metadata.labels)
    const smaller = asksForLess(pod, known.pod)
    const leaving = pod.metadata.deletionTimestamp !== known.pod.metadata.deletionTimestamp
    if (relabelled || smaller || leaving || pod.spec !== known.pod.spec) this.version++
    if (smaller) this.#happened('podGone')
    // A pod that is being deleted is no longer spread against.
    if (relabelled || leaving) this.#happened('podLabels')
  }

  /** A pod finished or was deleted. */
  podGone(key: string): void {
    if (this.#displace(key)) this.#happened('podGone')
  }

  /** Counts the pod on the node from now on, before the API server shows it there. */
  assume(pod: Pod, nodeName: string): void {
    this.#place(keyText(pod.metadata), pod, nodeName, { assumed: true })
    this.#happened('podPlaced')
  }

  /** Takes back an assumption that did not come true. */
  forget(key: string): void {
    if (this.isAssumed(key) && this.#displace(key)) this.#happened('podGone')
  }

  isAssumed(key: string): boolean {
    return this.#placed.get(key)?.assumed === true
  }

  #place(key: string, pod: Pod, nodeName: string, o: { readonly assumed: boolean }): void {
    this.#displace(key)
    this.version++
    this.#placed.set(key, { pod, nodeName, assumed: o.assumed })
    let there = this.#byNode.get(nodeName)
    if (there === undefined) this.#byNode.set(nodeName, (there = new Map()))
    there.set(key, pod)
    if (this.snapshot.node(nodeName) !== undefined) this.snapshot.addPod(pod, nodeName)
  }

  #displace(key: string): boolean {
    const placed = this.#placed.get(key)
    if (placed === undefined) return false
    const { nodeName, pod } = placed
    this.version++
    this.#placed.delete(key)
    const there = this.#byNode.get(nodeName)!
    there.delete(key)
    if (there.size === 0) this.#byNode.delete(nodeName)
    if (this.snapshot.node(nodeName) !== undefined) {
      this.snapshot.removePod(pod.metadata.namespace, pod.metadata.name, nodeName)
    }
    if (pod.spec.resourceClaims !== undefined) this.#displaced(pod)
    return true
  }
}

function nodeChanges(node: Node, old: Node): ClusterChange[] {
  const changes: ClusterChange[] = []
  if (differ(node.metadata.labels, old.metadata.labels)) changes.push('nodeLabels')
  if (differ(node.spec.taints, old.spec.taints) || node.spec.unschedulable !== old.spec.unschedulable) {
    changes.push('nodeTaints')
  }
  if (differ(node.status?.allocatable, old.status?.allocatable)) changes.push('nodeAllocatable')
  return changes
}

function differ(a: unknown, b: unknown): boolean {
  return a !== b && JSON.stringify(a) !== JSON.stringify(b)
}

function asksForLess(pod: Pod, old: Pod): boolean {
  if (pod.spec === old.spec && pod.status?.containerStatuses === old.status?.containerStatuses) return false
  const now = podRequests(pod)
  const before = podRequests(old)
  return now.milliCpu < before.milliCpu || now.memory < before.memory
}
