import { ApiServer, bootstrap } from '@plimsoll/embedded-kube'
import { Events, ms, Nodes, type Event, type Node } from '@plimsoll/model'
import { SeededRandom, VirtualClock, type KubeApi } from '@plimsoll/ports'
import { beforeEach, describe, expect, it } from 'vitest'
import { startTicker } from './ticker.ts'

let kube: KubeApi
let said: string[]
beforeEach(async () => {
  const server = new ApiServer({ clock: new VirtualClock({ start: ms(1.7e12) }), random: new SeededRandom(1) })
  bootstrap(server)
  kube = server.client({ name: 'admin', groups: ['system:masters'] }, 'test')
  said = []
  await addNode('old')
  await addEvent('TriggeredScaleUp', 'before anybody looked', 'Pod', 'p0')
  await startTicker(kube, (line) => said.push(line))
})

async function addNode(name: string): Promise<Node> {
  return kube.create(Nodes, { metadata: { name, labels: { 'node.kubernetes.io/instance-type': 't3.medium' } } })
}

async function setReady(node: Node, status: 'True' | 'Unknown'): Promise<Node> {
  const conditions = [{ type: 'Ready', status }]
  return kube.replace(Nodes, { ...node, status: { ...node.status, conditions } }, { subresource: 'status' })
}

async function addEvent(reason: string, message: string, kind: string, name: string): Promise<Event> {
  return kube.create(Events, {
    metadata: { namespace: 'default', name: `${name}.${reason.toLowerCase()}` },
    involvedObject: { kind, name, namespace: 'default' },
    reason,
    message,
    type: 'Normal',
  })
}

describe('the ticker', () => {
  it('tells of nodes that come, change and go, and of nothing older', async () => {
    const joined = await addNode('new')
    const ready = await setReady(joined, 'True')
    await setReady(ready, 'Unknown')
    await kube.remove(Nodes, { name: 'new' })
    expect(said).toEqual([
      '+ node new joined',
      '  node new (t3.medium) is Ready (1 ready)',
      '! node new is NotReady',
      '- node new is gone (1 left)',
    ])
  })

  it('tells the same news about many pods once, and passes over what is no news', async () => {
    for (const pod of ['p1', 'p2', 'p3'])
      await addEvent('TriggeredScaleUp', 'pod triggered scale-up: g 3->6', 'Pod', pod)
    await addEvent('Scheduled', 'assigned', 'Pod', 'p4')
    await addEvent('ScaledUpGroup', 'Scale-up: setting group g size to 6', 'ConfigMap', 's1')
    await addEvent('ScaledUpGroup', 'Scale-up: group g size set to 6', 'ConfigMap', 's2')
    expect(said).toEqual([
      '  pods: TriggeredScaleUp: pod triggered scale-up: g 3->6',
      '  ConfigMap s2: ScaledUpGroup: Scale-up: group g size set to 6',
    ])
  })
})
