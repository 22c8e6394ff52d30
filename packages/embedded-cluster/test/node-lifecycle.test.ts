import { Leases, microTimestamp, ms, Nodes, seconds, type Node } from '@plimsoll/model'
import type { Machine } from '@plimsoll/ports'
import { describe, expect, it } from 'vitest'
import { laboratory, machine, type Laboratory } from './laboratory.ts'

const inZone = (n: number, zone: string): Machine =>
  machine(n, { labels: { ...machine(n).labels, 'topology.kubernetes.io/zone': `ap-northeast-2${zone}` } })

/** The seconds, from now on, at which nodes get their NoExecute taints, by node. */
async function watchTaints(lab: Laboratory): Promise<Map<string, number>> {
  const seen = new Map<string, number>()
  const began = lab.clock.now()
  await lab.kube.watch(
    Nodes,
    {},
    {
      event: (event) => {
        if (event.type === 'BOOKMARK') return
        const { name } = event.object.metadata
        const tainted = event.object.spec.taints?.some((taint) => taint.effect === 'NoExecute') === true
        if (tainted && !seen.has(name)) seen.set(name, (lab.clock.now() - began) / 1000)
      },
      end: () => {},
    },
  )
  return seen
}

async function cluster(zones: { readonly [zone: string]: number }): Promise<{ lab: Laboratory; machines: Machine[] }> {
  const lab = await laboratory({ options: { timing: 'fast' } })
  const machines: Machine[] = []
  for (const [zone, size] of Object.entries(zones)) {
    for (let i = 0; i < size; i++) machines.push(inZone(machines.length, zone))
  }
  for (const each of machines) lab.machines.on(each)
  await lab.clock.runFor(seconds(60))
  return { lab, machines }
}

describe('nodes that stop to report', () => {
  it('get their NoExecute taints one after the other in a zone that is well otherwise, ten seconds apart', async () => {
    const { lab, machines } = await cluster({ a: 6, b: 1 })
    const seen = await watchTaints(lab)
    for (const each of machines.slice(0, 3)) lab.machines.off(each, 'stopped')
    await lab.clock.runFor(seconds(120))
    const times = [...seen.values()].sort((a, b) => a - b)
    expect(times).toHaveLength(3)
    expect(times[1]! - times[0]!).toBeGreaterThanOrEqual(10)
    expect(times[2]! - times[1]!).toBeGreaterThanOrEqual(10)
    expect(times[2]! - times[0]!).toBeLessThanOrEqual(30)
    await lab.cluster.stop()
  })

  it('keep their pods while most of a small zone is unwell, and lose them once it is not', async () => {
    const { lab, machines } = await cluster({ a: 5, b: 2 })
    const seen = await watchTaints(lab)
    for (const each of machines.slice(0, 4)) lab.machines.off(each, 'stopped')
    await lab.clock.runFor(seconds(300))
    expect(seen.size).toBe(0)
    for (const each of machines.slice(0, 2)) lab.machines.on(each)
    await lab.clock.runFor(seconds(60))
    expect([...seen.keys()].sort()).toEqual([machines[2]!.nodeName, machines[3]!.nodeName].sort())
    await lab.cluster.stop()
  })

  it('of zones that are lost as a whole are treated while another zone is well', async () => {
    const { lab, machines } = await cluster({ a: 2, b: 2 })
    const seen = await watchTaints(lab)
    for (const each of machines.slice(0, 2)) lab.machines.off(each, 'stopped')
    await lab.clock.runFor(seconds(120))
    expect(seen.size).toBe(2)
    await lab.cluster.stop()
  })
})

describe('a node that nobody here has a kubelet for', () => {
  const ready = async (lab: Laboratory): Promise<Node> => lab.kube.get(Nodes, { name: 'stranger' })
  const stranger = { apiVersion: 'v1', kind: 'Node', metadata: { name: 'stranger' }, spec: {} } as never

  it('that never says anything is Unknown after a minute', async () => {
    const { lab } = await cluster({ a: 1 })
    await lab.kube.create(Nodes, stranger)
    await lab.clock.runFor(seconds(55))
    expect((await ready(lab)).status?.conditions ?? []).toEqual([])
    await lab.clock.runFor(seconds(12))
    const { conditions } = (await ready(lab)).status!
    expect(conditions!.map(({ type, status, reason }) => [type, status, reason])).toEqual(
      ['Ready', 'MemoryPressure', 'DiskPressure', 'PIDPressure'].map((type) => [
        type,
        'Unknown',
        'NodeStatusNeverUpdated',
      ]),
    )
    expect(conditions![0]!.message).toBe('Kubelet never posted node status.')
    await lab.cluster.stop()
  })

  it('that renews its lease stays well, and is lost when it renews it no more', async () => {
    const { lab } = await cluster({ a: 1 })
    await lab.kube.create(Nodes, stranger)
    await lab.clock.runFor(seconds(1))
    const at = new Date(lab.clock.now()).toISOString()
    const condition = { type: 'Ready', status: 'True', lastHeartbeatTime: at, lastTransitionTime: at }
    const node = await ready(lab)
    await lab.kube.replace(Nodes, { ...node, status: { conditions: [condition] } }, { subresource: 'status' })
    const lease = { namespace: 'kube-node-lease', name: 'stranger' }
    const renewTime = (): string => microTimestamp(lab.clock.now())
    await lab.kube.create(Leases, {
      metadata: lease,
      spec: { holderIdentity: 'stranger', leaseDurationSeconds: 40, renewTime: renewTime() },
    } as never)
    for (let beats = 0; beats < 30; beats++) {
      await lab.clock.runFor(ms(10_000))
      await lab.kube.patch(Leases, lease, { type: 'merge', body: { spec: { renewTime: renewTime() } } })
    }
    expect((await ready(lab)).status!.conditions![0]!.status).toBe('True')
    await lab.clock.runFor(seconds(60))
    expect((await ready(lab)).status!.conditions![0]).toMatchObject({ status: 'Unknown', reason: 'NodeStatusUnknown' })
    await lab.cluster.stop()
  })
})
