// The cluster as the viewer knows it: takes in single changes of nodes, pods and NodeClaims in any order, and answers
// at any time with one record per machine. A NodeClaim makes the record before its node registers; the Node takes it over.
import type { Ms, Node, Pod } from '@plimsoll/model'
import { instant } from '@plimsoll/model'
import type { NodeClaim } from './node-claims.ts'
import { claimFacts, nodeFacts, type NodeFacts } from './node-facts.ts'
import { PodUsage, type PodSums } from './pod-usage.ts'

export interface NodeRecord {
  readonly facts: NodeFacts
  readonly usage: PodSums
}

export class ClusterModel {
  /** All whose sums are kept: columns and computed labels. */
  readonly resources: readonly string[]
  readonly pods: PodUsage
  readonly #nodes = new Map<string, Node>()
  readonly #claims = new Map<string, NodeClaim>()
  /** By Node name; read again when the Node or its claim changes. */
  readonly #facts = new Map<
    string,
    { readonly node: Node; readonly claim: NodeClaim | undefined; readonly facts: NodeFacts }
  >()
  #version = 0
  #latest = ''

  constructor(resources: readonly string[]) {
    this.resources = [...new Set(resources)]
    this.pods = new PodUsage(this.resources)
  }

  /** Grows with every change. */
  get version(): number {
    return this.#version
  }

  /** The latest time that an object carried: the cluster's clock shows at least this. */
  get latestSeen(): Ms | undefined {
    return instant(this.#latest === '' ? undefined : this.#latest)
  }

  putPod(pod: Pod): void {
    this.#see(pod.metadata.creationTimestamp, pod.status?.startTime)
    this.pods.put(pod)
    this.#version++
  }

  removePod(pod: Pod): void {
    this.pods.remove(pod)
    this.#version++
  }

  putNode(node: Node): void {
    this.#see(node.metadata.creationTimestamp)
    for (const { lastHeartbeatTime, lastTransitionTime } of node.status?.conditions ?? [])
      this.#see(lastHeartbeatTime, lastTransitionTime)
    const { deletionTimestamp, finalizers } = node.metadata
    const gone = deletionTimestamp !== undefined && (finalizers ?? []).length === 0
    if (gone) this.removeNode(node)
    else this.#nodes.set(node.metadata.name, node)
    this.#version++
  }

  removeNode(node: Node): void {
    this.#nodes.delete(node.metadata.name)
    this.#facts.delete(node.metadata.name)
    this.#version++
  }

  putClaim(claim: NodeClaim): void {
    this.#see(claim.metadata.creationTimestamp)
    this.#claims.set(claim.metadata.name, claim)
    this.#version++
  }

  removeClaim(claim: NodeClaim): void {
    this.#claims.delete(claim.metadata.name)
    this.#version++
  }

  /** In no particular order. */
  records(): NodeRecord[] {
    const waiting = new Map<string, NodeClaim>()
    for (const claim of this.#claims.values()) {
      const { providerID } = claim.status ?? {}
      if (providerID !== undefined && providerID !== '') waiting.set(providerID, claim)
    }
    const records: NodeRecord[] = []
    for (const node of this.#nodes.values()) {
      const providerId = node.spec?.providerID
      const claim = providerId === undefined ? undefined : waiting.get(providerId)
      if (providerId !== undefined) waiting.delete(providerId)
      records.push({ facts: this.#factsOf(node, claim), usage: this.pods.of(node.metadata.name) })
    }
    const nothing = new PodUsage(this.resources).of('')
    for (const [providerId, claim] of waiting)
      records.push({ facts: claimFacts(claim, providerId, this.resources), usage: nothing })
    return records
  }

  #factsOf(node: Node, claim: NodeClaim | undefined): NodeFacts {
    const known = this.#facts.get(node.metadata.name)
    if (known !== undefined && known.node === node && known.claim === claim) return known.facts
    const facts = nodeFacts(node, claim, this.resources)
    this.#facts.set(node.metadata.name, { node, claim, facts })
    return facts
  }

  #see(...times: readonly (string | null | undefined)[]): void {
    // RFC 3339 in UTC with whole seconds: the later text is the later time.
    for (const time of times) if (typeof time === 'string' && time > this.#latest) this.#latest = time
  }
}
