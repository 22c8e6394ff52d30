import { ApiServer, bootstrap } from '@plimsoll/embedded-kube'
import {
  CSINodes,
  DeviceClasses,
  Events,
  minutes,
  ms,
  Nodes,
  PersistentVolumeClaims,
  PersistentVolumes,
  Pods,
  PriorityClasses,
  ResourceClaims,
  ResourceSlices,
  seconds,
  StorageClasses,
  type Draft,
  type Ms,
  type Pod,
  type PodSpec,
  type PriorityClass,
  type StorageClass,
} from '@plimsoll/model'
import { KubeError, SeededRandom, VirtualClock, type KubeApi } from '@plimsoll/ports'
import { describe, expect, it } from 'vitest'
import { Scheduler } from './scheduler.ts'

interface World {
  readonly clock: VirtualClock
  readonly kube: KubeApi
  /** Starts a scheduler; abort what it returns to stop it. */
  readonly start: () => Promise<AbortController>
  readonly run: (duration: Ms) => Promise<void>
  /** pod name → node name, or `-`. */
  readonly placements: (prefix?: string) => Promise<Record<string, string>>
  readonly events: (reason: string) => Promise<string[]>
  /** How many of the scheduler's next calls fail. */
  readonly faults: { bind: number }
}

async function world(seed = 'test'): Promise<World> {
  const clock = new VirtualClock({ start: ms(Date.parse('2026-01-02T03:04:05Z')) })
  const random = new SeededRandom(seed)
  const server = new ApiServer({ clock, random })
  bootstrap(server)
  const kube = server.client({ name: 'kubernetes-admin', groups: ['system:masters'] }, 'test/1')
  const faults = { bind: 0 }
  const failing = (api: KubeApi): KubeApi =>
    new Proxy(api, {
      get: (target, method: keyof KubeApi) =>
        method === 'bind'
          ? (...call: Parameters<KubeApi['bind']>) =>
              faults.bind-- > 0
                ? Promise.reject(new KubeError('internal', { message: 'injected' }))
                : target.bind(...call)
          : target[method].bind(target),
    })
  const start = async (stop: AbortController): Promise<AbortController> => {
    const scheduler = new Scheduler({
      kube: failing(server.client({ name: 'system:kube-scheduler', groups: ['system:masters'] }, 'kube-scheduler')),
      clock,
      random: random.split('scheduler'),
    })
    const started = scheduler.start(stop.signal)
    await clock.runFor(ms(0))
    await started
    return stop
  }
  return {
    clock,
    kube,
    faults,
    start: () => start(new AbortController()),
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

async function addPriorityClass(kube: KubeApi, name: string, value: number, preemptionPolicy?: string): Promise<void> {
  const draft: Draft<PriorityClass> = { metadata: { name }, value, preemptionPolicy }
  await kube.create(PriorityClasses, draft)
}

/** When events of the reason are written or counted up, from now on. */
async function timesOf(kube: KubeApi, clock: VirtualClock, reason: string): Promise<number[]> {
  const times: number[] = []
  await kube.watch(
    Events,
    {},
    {
      event: (event) => void (event.type !== 'BOOKMARK' && event.object.reason === reason && times.push(clock.now())),
      end: () => {},
    },
  )
  return times
}

describe('the scheduler', () => {
  it('leaves pods pending that fit nowhere, says why, and places them when a node comes', async () => {
    const { kube, start, run, placements, events } = await world()
    await start()
    for (const name of ['n1', 'n2', 'n3']) {
      await addNode(kube, name)
      await kube.create(Pods, pod(`system-${name}`, { cpu: '1200m', spec: { nodeName: name } }))
    }
    for (let i = 1; i <= 15; i++) await kube.create(Pods, pod(`nginx-${i}`))
    await run(seconds(1))
    expect(tally(await placements('nginx'))).toEqual({ '-': 12, n1: 1, n2: 1, n3: 1 })
    const message =
      '0/3 nodes are available: 3 Insufficient cpu. no new claims to deallocate, preemption: 0/3 nodes are available: 3 No preemption victims found for incoming pod.'
    expect(await events('FailedScheduling')).toEqual(Array.from({ length: 12 }, () => message))
    const pending = (await kube.list(Pods)).items.find((p) => p.spec.nodeName === undefined)!
    expect(pending.status!.conditions).toEqual([
      expect.objectContaining({ type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message }),
    ])
    await run(seconds(60))
    await addNode(kube, 'n4')
    await run(seconds(10))
    expect(tally(await placements('nginx'))).toEqual({ '-': 9, n1: 1, n2: 1, n3: 1, n4: 3 })
    for (const name of ['n5', 'n6', 'n7']) await addNode(kube, name)
    await run(seconds(10))
    expect(tally(await placements('nginx'))).toEqual({ n1: 1, n2: 1, n3: 1, n4: 3, n5: 3, n6: 3, n7: 3 })
    expect((await events('Scheduled')).sort()[0]).toMatch(/^Successfully assigned default\/nginx-1 to n[1-7]$/)
  })

  it('tries a pod again at longer and longer intervals while things happen that could help', async () => {
    const { kube, start, run, clock } = await world()
    await start()
    await addNode(kube, 'n1')
    const at = clock.now()
    const failures = await timesOf(kube, clock, 'FailedScheduling')
    await kube.create(Pods, pod('big', { cpu: '2' }))
    // A node that changes all the time, and never enough.
    for (let i = 0; i < 240; i++) {
      await run(ms(250))
      const status = { allocatable: { cpu: `${1000 + i}m`, memory: '3Gi', pods: '17' } }
      await kube.patch(Nodes, { name: 'n1' }, { type: 'merge', body: { status } }, { subresource: 'status' })
    }
    expect(failures.map((time) => time - at)).toEqual([0, 1000, 3000, 7000, 15_000, 25_000, 35_000, 45_000, 55_000])
    failures.length = 0
    await run(minutes(12))
    expect(failures.map((time) => time - at)).toEqual([65_000, 365_000, 665_000])
  })

  it('removes pods of lower priority for one that fits nowhere, and gives it their place', async () => {
    const { kube, start, run, placements, events } = await world()
    await start()
    await addPriorityClass(kube, 'low', -5)
    await addPriorityClass(kube, 'high', 1000)
    for (const name of ['n1', 'n2']) await addNode(kube, name)
    const low = { priorityClassName: 'low', terminationGracePeriodSeconds: 30 }
    for (let i = 1; i <= 6; i++) await kube.create(Pods, pod(`low-${i}`, { cpu: '600m', spec: low }))
    await run(seconds(5))
    expect(tally(await placements('low'))).toEqual({ n1: 3, n2: 3 })
    const made = await kube.create(Pods, pod('high', { cpu: '1', spec: { priorityClassName: 'high' } }))
    await run(seconds(1))
    // No kubelet ends the victims here: they linger until somebody does.
    const victims = (await kube.list(Pods)).items.filter((p) => p.metadata.deletionTimestamp !== undefined)
    const node = victims[0]!.spec.nodeName!
    expect(victims.map((victim) => victim.spec.nodeName)).toEqual([node, node])
    for (const victim of victims) {
      expect(victim.status!.conditions).toContainEqual(
        expect.objectContaining({
          type: 'DisruptionTarget',
          status: 'True',
          reason: 'PreemptionByScheduler',
          message: 'default-scheduler: preempting to accommodate a higher priority pod',
        }),
      )
    }
    const told = `Preempted by pod ${made.metadata.uid} on node ${node}`
    expect(await events('Preempted')).toEqual([told, told])
    expect((await kube.get(Pods, made.metadata)).status!.nominatedNodeName).toBe(node)
    // Whoever comes meanwhile does not get the room.
    await kube.create(Pods, pod('late', { cpu: '600m', spec: low }))
    for (const victim of victims) await kube.remove(Pods, victim.metadata, { gracePeriodSeconds: 0 })
    await run(seconds(5))
    expect(await placements()).toMatchObject({ high: node, late: '-' })
  })

  it('does not preempt for a pod that may not', async () => {
    const { kube, start, run, events } = await world()
    await start()
    await addPriorityClass(kube, 'shy', 10, 'Never')
    await addNode(kube, 'n1')
    await kube.create(Pods, pod('low', { cpu: '1800m' }))
    await run(seconds(1))
    await kube.create(Pods, pod('shy', { spec: { priorityClassName: 'shy' } }))
    await run(seconds(1))
    expect(await events('FailedScheduling')).toEqual([
      '0/1 nodes are available: 1 Insufficient cpu. no new claims to deallocate, preemption: not eligible due to preemptionPolicy=Never.',
    ])
  })

  it('spreads over zones and keeps apart what asks for it', async () => {
    const { kube, start, run, placements, events } = await world()
    await start()
    for (const zone of ['a', 'b', 'c']) {
      for (const n of [1, 2]) await addNode(kube, `${zone}${n}`, { labels: { 'topology.kubernetes.io/zone': zone } })
    }
    const labels = { app: 'spread' }
    const topologySpreadConstraints = [
      {
        topologyKey: 'topology.kubernetes.io/zone',
        maxSkew: 1,
        whenUnsatisfiable: 'DoNotSchedule',
        labelSelector: { matchLabels: labels },
      },
    ]
    for (let i = 0; i < 9; i++) {
      await kube.create(Pods, pod(`spread-${i}`, { cpu: '100m', labels, spec: { topologySpreadConstraints } }))
    }
    const affinity = {
      podAntiAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: [
          { topologyKey: 'kubernetes.io/hostname', labelSelector: { matchLabels: { app: 'alone' } } },
        ],
      },
    }
    for (let i = 0; i < 7; i++) {
      await kube.create(Pods, pod(`alone-${i}`, { cpu: '100m', labels: { app: 'alone' }, spec: { affinity } }))
    }
    await run(seconds(1))
    const zones = Object.entries(await placements('spread')).map(([name, node]) => [name, node[0]!])
    expect(tally(Object.fromEntries(zones) as Record<string, string>)).toEqual({ a: 3, b: 3, c: 3 })
    const apart = Object.values(await placements('alone')).sort()
    expect(apart).toEqual(['-', 'a1', 'a2', 'b1', 'b2', 'c1', 'c2'])
    expect(await events('FailedScheduling')).toEqual([
      "0/6 nodes are available: 6 node(s) didn't match pod anti-affinity rules. no new claims to deallocate, preemption: 0/6 nodes are available: 6 No preemption victims found for incoming pod.",
    ])
  })

  it('leaves gated pods and pods of other schedulers alone', async () => {
    const { kube, start, run, placements } = await world()
    await start()
    await addNode(kube, 'n1')
    await kube.create(Pods, pod('other', { spec: { schedulerName: 'mine' } }))
    await kube.create(Pods, pod('gated', { spec: { schedulingGates: [{ name: 'example.com/wait' }] } }))
    await run(minutes(6))
    expect(await placements()).toEqual({ other: '-', gated: '-' })
    const gated = await kube.get(Pods, { namespace: 'default', name: 'gated' })
    expect(gated.status!.conditions).toContainEqual(
      expect.objectContaining({ type: 'PodScheduled', status: 'False', reason: 'SchedulingGated' }),
    )
    await kube.patch(Pods, gated.metadata, { type: 'merge', body: { spec: { schedulingGates: null } } })
    await run(seconds(1))
    expect(await placements()).toEqual({ other: '-', gated: 'n1' })
  })

  it('waits for a taint to go, and says so meanwhile', async () => {
    const { kube, start, run, placements, events } = await world()
    await start()
    await kube.create(Pods, pod('p'))
    await run(seconds(30))
    expect(await events('FailedScheduling')).toEqual(['no nodes available to schedule pods'])
    await kube.create(Nodes, {
      metadata: { name: 'n1', labels: { 'kubernetes.io/hostname': 'n1' } },
      spec: { taints: [{ key: 'node.kubernetes.io/not-ready', effect: 'NoSchedule' }] },
      status: { allocatable: { cpu: '2', memory: '4Gi', pods: '10' } },
    })
    await run(seconds(30))
    expect((await events('FailedScheduling'))[1]).toBe(
      '0/1 nodes are available: 1 node(s) had untolerated taint(s). no new claims to deallocate, preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling.',
    )
    await kube.patch(Nodes, { name: 'n1' }, { type: 'merge', body: { spec: { taints: null } } })
    await run(ms(0))
    expect(await placements()).toEqual({ p: 'n1' })
  })

  it('goes on where another left off', async () => {
    const { kube, start, run, placements } = await world()
    const first = await start()
    await addNode(kube, 'n1')
    for (let i = 0; i < 5; i++) await kube.create(Pods, pod(`p-${i}`))
    await run(seconds(1))
    expect(tally(await placements())).toEqual({ '-': 2, n1: 3 })
    first.abort()
    await addNode(kube, 'n2')
    await run(minutes(10))
    expect(tally(await placements())).toEqual({ '-': 2, n1: 3 })
    await start()
    await run(seconds(1))
    expect(tally(await placements())).toEqual({ n1: 3, n2: 2 })
  })

  it('places a pod when another leaves', async () => {
    const { kube, start, run, placements } = await world()
    await start()
    await addNode(kube, 'n1', { pods: '1' })
    await kube.create(Pods, pod('first'))
    await run(ms(0))
    await kube.create(Pods, pod('second'))
    await run(seconds(30))
    expect(await placements()).toEqual({ first: 'n1', second: '-' })
    await kube.remove(Pods, { namespace: 'default', name: 'first' }, { gracePeriodSeconds: 0 })
    await run(ms(0))
    expect(await placements()).toEqual({ second: 'n1' })
  })

  it('gives a volume that waits for its pod the node, and binds when the volume is there', async () => {
    const { kube, start, run, placements } = await world()
    await start()
    await addNode(kube, 'n1', { labels: { 'topology.kubernetes.io/zone': 'a' } })
    await addNode(kube, 'n2', { labels: { 'topology.kubernetes.io/zone': 'b' } })
    const storageClass: Draft<StorageClass> = {
      metadata: { name: 'ebs' },
      provisioner: 'ebs.csi.aws.com',
      volumeBindingMode: 'WaitForFirstConsumer',
    }
    await kube.create(StorageClasses, storageClass)
    const claim = await kube.create(PersistentVolumeClaims, {
      metadata: { name: 'data', namespace: 'default' },
      spec: { accessModes: ['ReadWriteOnce'], storageClassName: 'ebs', resources: { requests: { storage: '4Gi' } } },
    })
    const volumes = [{ name: 'data', persistentVolumeClaim: { claimName: 'data' } }]
    await kube.create(Pods, pod('db', { spec: { volumes } }))
    await run(seconds(5))
    expect(await placements()).toEqual({ db: '-' })
    const told = await kube.get(PersistentVolumeClaims, claim.metadata)
    const node = told.metadata.annotations!['volume.kubernetes.io/selected-node']!
    const key = { namespace: 'default', name: 'db' }
    expect((await kube.get(Pods, key)).status?.nominatedNodeName).toBe(node)
    expect(['n1', 'n2']).toContain(node)
    const zone = node === 'n1' ? 'a' : 'b'
    const inZone = { key: 'topology.kubernetes.io/zone', operator: 'In', values: [zone] }
    await kube.create(PersistentVolumes, {
      metadata: { name: 'pv' },
      spec: {
        capacity: { storage: '4Gi' },
        accessModes: ['ReadWriteOnce'],
        csi: { driver: 'ebs.csi.aws.com', volumeHandle: 'vol-1' },
        nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions: [inZone] }] } },
      },
    })
    const annotations = { 'pv.kubernetes.io/bind-completed': 'yes' }
    const body = { metadata: { annotations }, spec: { volumeName: 'pv' } }
    await kube.patch(PersistentVolumeClaims, claim.metadata, { type: 'merge', body })
    await run(ms(0))
    expect(await placements()).toEqual({ db: node })
    expect((await kube.get(Pods, key)).status?.nominatedNodeName).toBeUndefined()
    // Whoever shares the volume must go where it is.
    await kube.patch(Nodes, { name: node }, { type: 'merge', body: { spec: { unschedulable: true } } })
    await kube.create(Pods, pod('second', { spec: { volumes } }))
    await run(seconds(1))
    const second = await kube.get(Pods, { namespace: 'default', name: 'second' })
    expect(second.status!.conditions![0]!.message).toMatch(
      /^0\/2 nodes are available: 1 node\(s\) didn't match PersistentVolume's node affinity, 1 node\(s\) were unschedulable\./,
    )
  })

  it('reserves devices again when the binding failed', async () => {
    const { kube, start, run, placements, events, faults } = await world()
    await start()
    await addNode(kube, 'n1')
    await kube.create(DeviceClasses, {
      metadata: { name: 'gpu' },
      spec: { selectors: [{ cel: { expression: 'device.driver == "gpu.example.com"' } }] },
    })
    await kube.create(ResourceSlices, {
      metadata: { name: 'n1-gpus' },
      spec: {
        driver: 'gpu.example.com',
        nodeName: 'n1',
        pool: { name: 'n1', generation: 1, resourceSliceCount: 1 },
        devices: [{ name: 'gpu-0' }],
      },
    })
    const key = { namespace: 'default', name: 'gpu' }
    await kube.create(ResourceClaims, {
      metadata: key,
      spec: { devices: { requests: [{ name: 'gpu', exactly: { deviceClassName: 'gpu' } }] } },
    })
    faults.bind = 1
    await kube.create(Pods, pod('p', { spec: { resourceClaims: [{ name: 'gpu', resourceClaimName: 'gpu' }] } }))
    await run(ms(500))
    expect(await events('FailedScheduling')).toEqual(['binding rejected: injected'])
    const released = await kube.get(ResourceClaims, key)
    expect(released.status?.reservedFor).toBeUndefined()
    expect(released.status?.allocation?.devices?.results).toMatchObject([{ device: 'gpu-0', pool: 'n1' }])
    await run(seconds(5))
    expect(await placements()).toEqual({ p: 'n1' })
    expect((await kube.get(ResourceClaims, key)).status?.reservedFor).toMatchObject([{ resource: 'pods', name: 'p' }])
  })

  it('puts no more volumes on a node than its driver takes', async () => {
    const { kube, start, run, placements } = await world()
    await start()
    await addNode(kube, 'n1')
    const driver = 'ebs.csi.aws.com'
    const takes = (count: number) => ({ drivers: [{ name: driver, nodeID: 'i-1', allocatable: { count } }] })
    await kube.create(CSINodes, { metadata: { name: 'n1' }, spec: takes(1) })
    for (const name of ['one', 'two']) {
      await kube.create(PersistentVolumes, {
        metadata: { name },
        spec: { capacity: { storage: '4Gi' }, accessModes: ['ReadWriteOnce'], csi: { driver, volumeHandle: name } },
      })
      await kube.create(PersistentVolumeClaims, {
        metadata: { name, namespace: 'default', annotations: { 'pv.kubernetes.io/bind-completed': 'yes' } },
        spec: { accessModes: ['ReadWriteOnce'], volumeName: name, resources: { requests: { storage: '4Gi' } } },
      })
      const volumes = [{ name: 'data', persistentVolumeClaim: { claimName: name } }]
      await kube.create(Pods, pod(name, { spec: { volumes } }))
      await run(seconds(1))
    }
    expect(await placements()).toEqual({ one: 'n1', two: '-' })
    const two = await kube.get(Pods, { namespace: 'default', name: 'two' })
    expect(two.status!.conditions![0]!.message).toMatch(
      /^0\/1 nodes are available: 1 node\(s\) exceed max volume count\./,
    )
    await kube.patch(CSINodes, { name: 'n1' }, { type: 'merge', body: { spec: takes(2) } })
    await run(seconds(30))
    expect(await placements()).toEqual({ one: 'n1', two: 'n1' })
  })

  it('counts a pod whose binding is refused as not placed, and tries again', async () => {
    const { kube, start, run, placements, events, faults } = await world()
    faults.bind = 1
    await start()
    await addNode(kube, 'n1')
    await kube.create(Pods, pod('p'))
    await run(ms(0))
    expect(await placements()).toEqual({ p: '-' })
    await run(seconds(1))
    expect(await placements()).toEqual({ p: 'n1' })
    expect(await events('FailedScheduling')).toEqual(['binding rejected: injected'])
  })

  it('is the same run for the same seed', async () => {
    const once = async (): Promise<unknown> => {
      const { kube, start, run, placements } = await world('seed')
      await start()
      for (let i = 0; i < 12; i++) await addNode(kube, `n${i}`)
      for (let i = 0; i < 20; i++) await kube.create(Pods, pod(`p-${i}`))
      await run(seconds(1))
      return [await placements(), (await kube.list(Events)).items]
    }
    expect(await once()).toEqual(await once())
  })
})
