// Sees what happens in a cluster while a chapter runs, also what is over before somebody asks.
import { Events, Nodes, Pods, type Event, type Node } from '@plimsoll/model'
import type { AwsApi, KubeReader, Subscription, WatchEvent } from '@plimsoll/ports'
import { isReady } from '../ticker.ts'

export interface GroupSizes {
  readonly min: number
  readonly max: number
  readonly desired: number
}

export class Observer {
  /** Keys of all taints that any node has carried. */
  readonly taintsSeen: Set<string> = new Set()
  /** `reason: message` of all events. */
  readonly eventsSeen: Set<string> = new Set()
  readonly #kube: KubeReader
  readonly #aws: AwsApi
  readonly #cluster: string
  #watches: readonly Subscription[] = []

  private constructor(kube: KubeReader, aws: AwsApi, cluster: string) {
    this.#kube = kube
    this.#aws = aws
    this.#cluster = cluster
  }

  static async start(kube: KubeReader, aws: AwsApi, cluster: string): Promise<Observer> {
    const observer = new Observer(kube, aws, cluster)
    const onNode = (event: WatchEvent<Node>): void => {
      if (event.type === 'BOOKMARK') return
      for (const taint of event.object.spec?.taints ?? []) observer.taintsSeen.add(taint.key)
    }
    const onEvent = (event: WatchEvent<Event>): void => {
      if (event.type === 'ADDED') observer.eventsSeen.add(`${event.object.reason ?? ''}: ${event.object.message ?? ''}`)
    }
    observer.#watches = await Promise.all([
      kube.watch(Nodes, {}, { event: onNode, end: () => {} }),
      kube.watch(Events, {}, { event: onEvent, end: () => {} }),
    ])
    return observer
  }

  stop(): void {
    for (const watch of this.#watches) watch.stop()
  }

  async nodes(): Promise<{ readonly count: number; readonly ready: number }> {
    const { items } = await this.#kube.list(Nodes)
    return { count: items.length, ready: items.filter(isReady).length }
  }

  /** Pods by label, those that are being deleted left out. */
  async pods(
    namespace: string,
    labelSelector: string,
  ): Promise<{ readonly count: number; readonly running: number; readonly unschedulable: number }> {
    const { items } = await this.#kube.list(Pods, { namespace, labelSelector })
    const pods = items.filter((pod) => pod.metadata.deletionTimestamp === undefined)
    return {
      count: pods.length,
      running: pods.filter((pod) => pod.status?.phase === 'Running').length,
      unschedulable: pods.filter((pod) =>
        pod.status?.conditions?.some((c) => c.type === 'PodScheduled' && c.reason === 'Unschedulable'),
      ).length,
    }
  }

  /** The Auto Scaling Group of the cluster's node group. */
  async group(): Promise<GroupSizes> {
    const { AutoScalingGroups = [] } = await this.#aws.call('autoscaling', 'DescribeAutoScalingGroups', {
      Filters: [{ Name: 'tag:eks:cluster-name', Values: [this.#cluster] }],
    })
    const group = AutoScalingGroups[0]
    return { min: group?.MinSize ?? 0, max: group?.MaxSize ?? 0, desired: group?.DesiredCapacity ?? 0 }
  }
}
