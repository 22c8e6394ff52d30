// What EKS says of a managed node group (kubernetes/autoscaler:cluster-autoscaler/cloudprovider/aws/
// managed_nodegroup_cache.go and aws_wrapper.go, getManagedNodegroupInfo).
import { minutes, ms, own, type Ms, type Taint } from '@plimsoll/model'
import type { Clock, Log } from '@plimsoll/ports'
import type { Asg } from './auto-scaling-groups.ts'
import { messageOf, type AwsCalls } from './calls.ts'

export interface ManagedNodeGroup {
  readonly labels: { readonly [key: string]: string }
  readonly taints: readonly Taint[]
  readonly tags: { readonly [key: string]: string }
}

const kept = minutes(6)
const nothing: ManagedNodeGroup = { labels: {}, taints: [], tags: {} }
const effects: Readonly<Record<string, string>> = {
  NO_SCHEDULE: 'NoSchedule',
  NO_EXECUTE: 'NoExecute',
  PREFER_NO_SCHEDULE: 'PreferNoSchedule',
}

export class ManagedNodeGroups {
  readonly #calls: AwsCalls
  readonly #clock: Clock
  readonly #log: Log
  readonly #known = new Map<string, { readonly group: ManagedNodeGroup; readonly until: Ms }>()

  constructor(o: { readonly calls: AwsCalls; readonly clock: Clock; readonly log: Log }) {
    this.#calls = o.calls
    this.#clock = o.clock
    this.#log = o.log
  }

  /** Undefined for a group that EKS does not manage; nothing in it when EKS could not be asked. */
  async of(asg: Asg): Promise<ManagedNodeGroup | undefined> {
    const tag = (key: string): string | undefined => asg.tags.find((each) => each.key === key)?.value
    const cluster = tag('eks:cluster-name')
    const name = tag('eks:nodegroup-name')
    if (cluster === undefined || name === undefined) return undefined
    const key = `${cluster}/${name}`
    const known = this.#known.get(key)
    if (known !== undefined && known.until > this.#clock.now()) return known.group
    let group = nothing
    try {
      group = await this.#describe(cluster, name)
    } catch (error) {
      this.#log
        .named('managed_nodegroup_cache.go')
        .error(
          `Failed to query the managed nodegroup ${name} for the cluster ${cluster} while looking for labels/taints/tags: ${messageOf(error)}`,
        )
    }
    this.#known.set(key, { group, until: ms(this.#clock.now() + kept) })
    return group
  }

  async #describe(cluster: string, name: string): Promise<ManagedNodeGroup> {
    const answer = await this.#calls.call('eks', 'DescribeNodegroup', { clusterName: cluster, nodegroupName: name })
    const group = answer.nodegroup
    if (group === undefined) return nothing
    const labels: Record<string, string> = {}
    const set = (key: string, value: string | number | undefined): void => {
      if (value !== undefined) labels[key] = String(value)
    }
    set('diskSize', group.diskSize)
    set('amiType', group.amiType)
    set('eks.amazonaws.com/capacityType', group.capacityType)
    set('k8sVersion', group.version)
    set('eks.amazonaws.com/nodegroup', group.nodegroupName)
    const taints = (group.taints ?? []).flatMap((taint): Taint[] => {
      const effect = own(effects, taint.effect ?? '')
      if (effect === undefined || taint.key === undefined) return []
      return [{ key: taint.key, value: taint.value ?? '', effect }]
    })
    return { labels: { ...labels, ...group.labels }, taints, tags: { ...group.tags } }
  }
}
