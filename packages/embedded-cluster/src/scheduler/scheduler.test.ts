import { ApiServer, bootstrap } from '@plimsoll/embedded-kube'
import { Events, minutes, ms, Nodes, Pods, seconds, type Draft, type Ms, type Pod, type PodSpec } from '@plimsoll/model'
import { SeededRandom, VirtualClock, type KubeApi } from '@plimsoll/ports'
import { describe, expect, it } from 'vitest'
import { Scheduler } from './scheduler.ts'

interface World {
  readonly clock: VirtualClock
  readonly kube: KubeApi
  readonly stop: AbortController
  run(duration: Ms): Promise<void>
  /** pod name → node name, or `-`. */
  placements(prefix?: string): Promise<Record<string, string>>
  events(reason: string): Promise<string[]>
}

async function world(): Promise<World> {
  const clock = new VirtualClock({ start: ms(Date.parse('2026-01-02T03:04:05Z')) })
  const random = new SeededRandom('test')
  const server = new ApiServer({ clock, random })
  bootstrap(server)
  const kube = server.client({ name: 'kubernetes-admin', groups: ['system:masters'] }, 'test/1')
  const stop = new AbortController()
  const scheduler = new Scheduler({
    kube: server.client({ name: 'system:kube-scheduler', groups: [] }, 'kube-scheduler'),
    clock,
    random: random.split('scheduler'),
  })
  const started = scheduler.start(stop.signal)
  await clock.runFor(ms(0))
  await started
  return {
    clock,
    kube,
    stop,
    run: (duration) => clock.runFor(duration),
    placements: async (prefix = '') => {
      const { items } = await kube.list(Pods)
      return Object.fromEntries(
        items
          .filter((pod) => pod.metadata.name.startsWith(prefix))
          .map((pod) => [pod.metadata.name, pod.spec.nodeName ?? '-']),
      )
    },
    events: async (reason) => {
      const { items } = await kube.list(Events)
      return items.filter((event) => event.reason === reason).map((event) => event.message ?? '')
    },
  }
}

async function addNode(
  kube: KubeApi,
  name: string,
  o: { readonly cpu?: string; readonly pods?: string; readonly labels?: { readonly [key: string]: string } } = {},
): Promise<void> {
  const allocatable = { cpu: o.cpu ?? '1930m', memory: '3388360Ki', pods: o.pods ?? '17' }
  await kube.create(Nodes, {
    metadata: { name, labels: { 'kubernetes.io/hostname': name, ...o.labels } },
    spec: { taints: [] },
    status: { allocatable, capacity: allocatable },
  })
  // The API server taints every new node as not ready; the node controller takes that away.
  await kube.patch(Nodes, { name }, { type: 'merge', body: { spec: { taints: null } } })
}

function pod(
  name: string,
  o: {
    readonly cpu?: string
    readonly labels?: { readonly [key: string]: string }
    readonly namespace?: string
    readonly spec?: Partial<PodSpec>
  } = {},
): Draft<Pod> {
  return {
    metadata: { name, namespace: o.namespace ?? 'default', labels: o.labels ?? { app: 'nginx' } },
    spec: {
      containers: [
        { name: 'main', image: 'nginx', resources: { requests: { cpu: o.cpu ?? '500m', memory: '512Mi' } } },
      ],
      ...o.spec,
    },
  }
}

const tally = (placements: Record<string, string>): Record<string, number> => {
  const counts: Record<string, number> = {}
  for (const node of Object.values(placements).sort()) counts[node] = (counts[node] ?? 0) + 1
  return counts
}

describe('the scheduler', () => {
  it('leaves pods pending that fit nowhere, says why, and places them when a node comes', async () => {
    const { kube, run, placements, events } = await world()
    for (const name of ['n1', 'n2', 'n3']) {
      await addNode(kube, name)
      await kube.create(Pods, pod(`system-${name}`, { cpu: '900m', spec: { nodeName: name } }))
    }
    for (let i = 1; i <= 15; i++) await kube.create(Pods, pod(`nginx-${i}`))
    await run(seconds(1))
    expect(tally(await placements('nginx'))).toEqual({ '-': 9, n1: 2, n2: 2, n3: 2 })
    const message =
      '0/3 nodes are available: 3 Insufficient cpu. no new claims to deallocate, preemption: 0/3 nodes are available: 3 No preemption victims found for incoming pod.'
    expect(await events('FailedScheduling')).toEqual(Array.from({ length: 9 }, () => message))
    const pending = (await kube.list(Pods)).items.find((p) => p.spec.nodeName === undefined)!
    expect(pending.status!.conditions).toEqual([
      expect.objectContaining({ type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message }),
    ])
    await run(seconds(60))
    await addNode(kube, 'n4')
    await run(seconds(10))
    expect(tally(await placements('nginx'))).toEqual({ '-': 6, n1: 2, n2: 2, n3: 2, n4: 3 })
    await addNode(kube, 'n5')
    await addNode(kube, 'n6')
    await run(seconds(10))
    expect(tally(await placements('nginx'))).toEqual({ n1: 2, n2: 2, n3: 2, n4: 3, n5: 3, n6: 3 })
    expect((await events('Scheduled')).sort()[0]).toMatch(/^Successfully assigned default\/nginx-1 to n[1-6]$/)
  })
})
void minutes
