// Which fresh node each group would bring up: learnt from a real node where there is one, else as the cloud says.
// Mirrors kubernetes-sigs/cluster-autoscaler:pkg/processors/nodeinfosprovider/mixed_nodeinfos_processor.go and
// pkg/simulator/node_info_utils.go (1.36; rules CA-100 to CA-104).
import { ClusterSnapshot, type NodeTemplate } from '@plimsoll/engine'
import {
  controllerOf,
  minutes,
  ms,
  type DaemonSet,
  type Ms,
  type Node,
  type Pod,
  type Toleration,
} from '@plimsoll/model'
import type { Clock, Log, NodeGroups, Random } from '@plimsoll/ports'
import { messageOf } from '../autoscaler-error.ts'
import type { ClusterAutoscalerOptions } from '../options/options.ts'
import { isDaemonSetPod, isMirrorPod } from '../pods/pod-kinds.ts'
import { readinessOf } from './readiness.ts'
import { taintOf, toBeDeletedTaint, type TaintKinds } from './taints.ts'

const settledFor = minutes(1)
const templateLabel = 'cluster-autoscaler.kubernetes.io/template-node'

/** Old names that providers' templates carry as well. */
const deprecatedLabels: Readonly<Record<string, string>> = {
  'node.kubernetes.io/instance-type': 'beta.kubernetes.io/instance-type',
  'topology.kubernetes.io/zone': 'failure-domain.beta.kubernetes.io/zone',
  'topology.kubernetes.io/region': 'failure-domain.beta.kubernetes.io/region',
  'kubernetes.io/os': 'beta.kubernetes.io/os',
  'kubernetes.io/arch': 'beta.kubernetes.io/arch',
}

/** What the DaemonSet controller adds to its pods. */
const daemonTolerations: readonly Toleration[] = [
  ['not-ready', 'NoExecute'],
  ['unreachable', 'NoExecute'],
  ['disk-pressure', 'NoSchedule'],
  ['memory-pressure', 'NoSchedule'],
  ['pid-pressure', 'NoSchedule'],
  ['unschedulable', 'NoSchedule'],
  ['network-unavailable', 'NoSchedule'],
].map(([key, effect]) => ({ key: `node.kubernetes.io/${key}`, operator: 'Exists', effect: effect! }))

export interface PlacedNode {
  readonly node: Node
  readonly pods: readonly Pod[]
}

export class NodeTemplates {
  readonly #groups: NodeGroups
  readonly #options: ClusterAutoscalerOptions
  readonly #taints: TaintKinds
  readonly #clock: Clock
  readonly #random: Random
  readonly #log: Log
  readonly #learnt = new Map<string, { readonly template: NodeTemplate; readonly at: Ms }>()
  #current = new Map<string, NodeTemplate>()

  constructor(o: {
    readonly groups: NodeGroups
    readonly options: ClusterAutoscalerOptions
    readonly taints: TaintKinds
    readonly clock: Clock
    readonly random: Random
    readonly log: Log
  }) {
    this.#groups = o.groups
    this.#options = o.options
    this.#taints = o.taints
    this.#clock = o.clock
    this.#random = o.random.split('node-templates')
    this.#log = o.log.named('mixed_nodeinfos_processor.go')
  }

  of(group: string): NodeTemplate | undefined {
    return this.#current.get(group)
  }

  /** Works out every group's template anew; a group whose template cannot be had is left without one. */
  async update(nodes: readonly PlacedNode[], daemonSets: readonly DaemonSet[]): Promise<void> {
    const current = new Map<string, NodeTemplate>()
    const now = this.#clock.now()
    const bad = new Map<string, PlacedNode>()
    for (const placed of nodes) {
      const group = this.#groups.groupOf(placed.node)
      if (group === undefined || current.has(group.id)) continue
      if (!isGood(placed.node, now)) {
        if (!bad.has(group.id)) bad.set(group.id, placed)
        continue
      }
      const template = this.#fromNode(placed, group.id, daemonSets)
      current.set(group.id, template)
      this.#learnt.set(group.id, { template, at: now })
    }
    for (const group of this.#groups.groups()) {
      if (current.has(group.id)) continue
      const learnt = this.#learnt.get(group.id)
      if (learnt !== undefined && learnt.at + this.#options.nodeInfoCacheExpireTime > now) {
        current.set(group.id, learnt.template)
        continue
      }
      const template = await this.#fromProvider(group.id, daemonSets)
      const substitute = bad.get(group.id)
      if (template !== undefined) current.set(group.id, template)
      else if (substitute !== undefined) {
        const name = substitute.node.metadata.name
        this.#log.warning(`Built template for ${group.id} based on unready/unschedulable node ${name}`)
        current.set(group.id, this.#fromNode(substitute, group.id, daemonSets))
      }
    }
    const existing = new Set(this.#groups.groups().map((group) => group.id))
    for (const group of this.#learnt.keys()) if (!existing.has(group)) this.#learnt.delete(group)
    this.#current = current
  }

  #fromNode(placed: PlacedNode, group: string, daemonSets: readonly DaemonSet[]): NodeTemplate {
    const node = this.#sanitised(placed.node, group)
    const kept = placed.pods.filter(
      (pod) => (isMirrorPod(pod) || isDaemonSetPod(pod)) && pod.metadata.deletionTimestamp === undefined,
    )
    const running = new Set(kept.map(daemonSetOf))
    const missing = daemonSets.filter((set) => {
      if (running.has(set.metadata.uid)) return false
      const { priorityClassName, preemptionPolicy } = set.spec!.template.spec!
      const preempts = priorityClassName === 'system-node-critical' && preemptionPolicy !== 'Never'
      return this.#options.forceDaemonSets || preempts
    })
    return { node, pods: [...kept.map((pod) => sanitisedPod(pod, node)), ...daemonPods(missing, node)] }
  }

  async #fromProvider(group: string, daemonSets: readonly DaemonSet[]): Promise<NodeTemplate | undefined> {
    let node: Node
    try {
      node = this.#sanitised(await this.#groups.template(group), group)
    } catch (error) {
      this.#log.error(`Unable to build proper template node for ${group}: ${messageOf(error)}`)
      return undefined
    }
    const labels: Record<string, string> = { ...node.metadata.labels }
    for (const [key, old] of Object.entries(deprecatedLabels)) {
      const value = labels[key]
      if (value !== undefined) labels[old] ??= value
    }
    node = { ...node, metadata: { ...node.metadata, labels } }
    return { node, pods: daemonPods(daemonSets, node) }
  }

  #sanitised(node: Node, group: string): Node {
    const name = `template-node-for-${group}-${this.#random.below(Number.MAX_SAFE_INTEGER)}`
    const { unschedulable, ...spec } = node.spec
    const keep = unschedulable === true && !this.#options.scaleFromUnschedulable
    return {
      ...node,
      metadata: {
        ...node.metadata,
        name,
        uid: name,
        labels: { ...node.metadata.labels, 'kubernetes.io/hostname': name, [templateLabel]: 'true' },
      },
      spec: {
        ...spec,
        taints: this.#taints.lasting(spec.taints ?? []),
        ...(keep ? { unschedulable: true } : {}),
      },
    }
  }
}

function isGood(node: Node, now: Ms): boolean {
  const readiness = readinessOf(node)
  const settled = ms((readiness.since ?? 0) + settledFor) < now
  return readiness.ready && settled && node.spec.unschedulable !== true && taintOf(node, toBeDeletedTaint) === undefined
}

function daemonSetOf(pod: Pod): string | undefined {
  const owner = controllerOf(pod)
  return owner?.kind === 'DaemonSet' ? owner.uid : undefined
}

function sanitisedPod(pod: Pod, node: Node): Pod {
  const name = `${pod.metadata.name}-template`
  return { ...pod, metadata: { ...pod.metadata, name, uid: name }, spec: { ...pod.spec, nodeName: node.metadata.name } }
}

/** The pods that these DaemonSets would put on the node: room does not matter, only whether they belong there. */
function daemonPods(daemonSets: readonly DaemonSet[], node: Node): Pod[] {
  if (daemonSets.length === 0) return []
  const alone = new ClusterSnapshot()
  alone.addNode(node)
  const pods: Pod[] = []
  for (const set of daemonSets) {
    const template = set.spec!.template
    const { namespace, name, uid } = set.metadata
    const podSpec = template.spec!
    const pod: Pod = {
      metadata: {
        name: `${name}-pod`,
        namespace,
        uid: `${uid}-pod`,
        resourceVersion: '',
        creationTimestamp: set.metadata.creationTimestamp,
        labels: template.metadata?.labels,
        annotations: template.metadata?.annotations,
        ownerReferences: [{ apiVersion: 'apps/v1', kind: 'DaemonSet', name, uid, controller: true }],
      },
      spec: { ...podSpec, tolerations: [...(podSpec.tolerations ?? []), ...daemonTolerations] },
    }
    const unfit = alone.check(pod, node.metadata.name)
    if (unfit !== undefined && unfit.plugin !== 'NodeResourcesFit' && unfit.plugin !== 'NodePorts') continue
    pods.push({ ...pod, spec: { ...pod.spec, nodeName: node.metadata.name } })
  }
  return pods
}
