// One line for each thing that a person who watches the cluster would want to have seen.
import { Events, Nodes, type Event, type Node } from '@plimsoll/model'
import type { KubeReader, Subscription, WatchEvent } from '@plimsoll/ports'

/** Reasons of events that are worth a line, beside nodes that come and go. */
const tellingReasons = new Set([
  'TriggeredScaleUp',
  'NotTriggerScaleUp',
  'ScaledUpGroup',
  'FailedToScaleUpGroup',
  'ScaleUpTimedOut',
  'ScaleDown',
  'ScaleDownEmpty',
  'ScaleDownFailed',
  'ClusterUnhealthy',
])

/** Says what happens from now on; what is already there is passed over. */
export async function startTicker(kube: KubeReader, say: (line: string) => void): Promise<Subscription> {
  const ready = new Map<string, boolean>()
  // The same news about many pods (each of them triggered the one scale-up) is told once.
  const told = new Set<string>()
  const nodes = await kube.list(Nodes)
  for (const node of nodes.items) ready.set(node.metadata.name, isReady(node))
  const events = await kube.list(Events)

  const watchers = await Promise.all([
    kube.watch(Nodes, { resourceVersion: nodes.resourceVersion }, { event: onNode, end: () => {} }),
    kube.watch(Events, { resourceVersion: events.resourceVersion }, { event: onEvent, end: () => {} }),
  ])
  return { stop: () => watchers.forEach((watcher) => watcher.stop()) }

  function onNode(event: WatchEvent<Node>): void {
    if (event.type === 'BOOKMARK') return
    const { name } = event.object.metadata
    if (event.type === 'DELETED') {
      ready.delete(name)
      say(`- node ${name} is gone (${ready.size} left)`)
      return
    }
    const was = ready.get(name)
    const is = isReady(event.object)
    ready.set(name, is)
    if (was === undefined) say(`+ node ${name} joined`)
    // Its type and zone are told by the cloud controller, some time after it joined.
    if (is && was !== true)
      say(`  node ${name}${described(event.object)} is Ready (${[...ready.values()].filter(Boolean).length} ready)`)
    if (!is && was === true) say(`! node ${name} is NotReady`)
  }

  function onEvent(event: WatchEvent<Event>): void {
    if (event.type !== 'ADDED') return
    const { reason = '', message = '', involvedObject } = event.object
    // What is about to be done is said again when it is done.
    if (!tellingReasons.has(reason) || message.startsWith('Scale-up: setting group')) return
    const subject = involvedObject.kind === 'Pod' ? 'pods' : `${involvedObject.kind} ${involvedObject.name}`
    const line = `  ${subject}: ${reason}: ${message}`
    if (involvedObject.kind === 'Pod') {
      if (told.has(line)) return
      told.add(line)
    }
    say(line)
  }
}

export function isReady(node: Node): boolean {
  return node.status?.conditions?.some((c) => c.type === 'Ready' && c.status === 'True') === true
}

function described(node: Node): string {
  const labels = node.metadata.labels ?? {}
  const facts = [labels['node.kubernetes.io/instance-type'], labels['topology.kubernetes.io/zone']]
  const known = facts.filter((fact) => fact !== undefined)
  return known.length === 0 ? '' : ` (${known.join(', ')})`
}
