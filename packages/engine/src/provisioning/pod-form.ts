// A pod class in one of the forms it takes as it gives up its wishes, and what is known about that form so far.
import { has, labelKeys, podRequirements, type Pod, type Requirement, type Requirements } from '@plimsoll/model'
import { classOf, type PodClass } from '../pod-class.ts'
import { HostSet } from './bits.ts'
import type { RequestVector } from './dimensions.ts'
import type { RequirementSets } from './requirement-sets.ts'
import type { PodTopology } from './topology.ts'
import type { TopologyGroup } from './topology-group.ts'

/** One of the ways in which the pod's volumes can be had. */
export interface Alternative {
  readonly set: number
  readonly hostname: Requirement | undefined
}

const noAlternatives: readonly Alternative[] = []

export class PodForm {
  readonly pod: Pod
  readonly podClass: PodClass
  readonly vector: RequestVector
  /** Everything asked of the node's labels but the hostname; wishes included, as the policy has it. */
  readonly set: number
  readonly hostname: Requirement | undefined
  /** What is demanded of labels, wishes aside: decides whose counts spreading compares. */
  readonly strict: Requirements
  readonly alternatives: readonly Alternative[]
  /** The groups that bind it. */
  readonly groups: readonly TopologyGroup[]
  /** Hosts that will never do, for reasons other than room. */
  readonly rejected: HostSet = new HostSet()
  /** By pool, once asked: whether its taints are tolerated. */
  readonly tolerates: boolean[] = []
  /** What it is with the next wish dropped; undefined: nothing left to drop. */
  readonly relaxed: PodForm | undefined
  /** Known once all groups are. */
  topology: PodTopology | undefined = undefined
  /** The plan's version when the form was last found to fit nowhere, and what kept it. */
  failedAt = -1
  failedKind: 'unschedulable' | 'reserved' = 'unschedulable'
  /** The same for pods that settling nodes do not take. */
  failedApartAt = -1
  failedApartKind: 'unschedulable' | 'reserved' = 'unschedulable'

  constructor(o: {
    readonly pod: Pod
    readonly vector: RequestVector
    readonly policy: 'all' | 'strict'
    readonly sets: RequirementSets
    readonly alternatives: readonly Requirements[]
    readonly groups: readonly TopologyGroup[]
    readonly relaxed: PodForm | undefined
  }) {
    const { pod, sets } = o
    this.pod = pod
    this.podClass = classOf(pod)
    this.vector = o.vector
    const asked = podRequirements(pod, o.policy, sets.registry)
    const prefers = (pod.spec.affinity?.nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution?.length ?? 0) > 0
    this.strict = prefers ? podRequirements(pod, 'strict', sets.registry) : asked
    this.set = sets.number(asked)
    this.hostname = asked.find(labelKeys.hostname)
    this.alternatives =
      o.alternatives.length === 0
        ? noAlternatives
        : o.alternatives.map((one) => ({ set: sets.number(one), hostname: one.find(labelKeys.hostname) }))
    this.groups = o.groups
    this.relaxed = o.relaxed
  }

  /** Whether the pod itself may be on a host of that name. */
  suitsHost(hostname: string): boolean {
    return this.hostname === undefined || has(this.hostname, hostname)
  }
}
