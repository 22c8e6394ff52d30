import {
  ConfigMaps,
  Deployments,
  ms,
  Nodes,
  Pods,
  seconds,
  type ContainerStatus,
  type Node,
  type Pod,
} from '@plimsoll/model'
import type { Machine } from '@plimsoll/ports'
import { describe, expect, it } from 'vitest'
import { faultAnnotation, faultBoard, listFaults } from '../src/index.ts'
import { deployment, laboratory, machine, type Laboratory } from './laboratory.ts'

async function withNodes(count = 2, o: Parameters<typeof laboratory>[0] = {}): Promise<Laboratory> {
  const lab = await laboratory(o)
  for (let n = 0; n < count; n++) lab.machines.on(machine(n))
  await lab.clock.runFor(seconds(90))
  return lab
}

async function mark(
  lab: Laboratory,
  type: typeof Nodes | typeof Pods,
  key: object,
  text: string | null,
): Promise<void> {
  const body = { metadata: { annotations: { [faultAnnotation]: text } } }
  await lab.kube.patch(type as typeof Nodes, key as { name: string }, { type: 'merge', body })
}

const name = machine(0).nodeName
const markNode = (lab: Laboratory, text: string | null): Promise<void> => mark(lab, Nodes, { name }, text)
const node = (lab: Laboratory): Promise<Node> => lab.kube.get(Nodes, { name })

function condition(of: Node, type: string): string | undefined {
  return of.status!.conditions!.find((c) => c.type === type)?.status
}

function taints(of: Node): string[] {
  return (of.spec.taints ?? []).map((taint) => `${taint.key.split('/')[1]}:${taint.effect}`).sort()
}

async function nodeReasons(lab: Laboratory): Promise<string[]> {
  return (await lab.events(`Node/${name}`)).map((event) => event.reason!)
}

describe('a node that is not ready by order', () => {
  it('is tainted at once, loses its pods after their tolerations, and recovers by itself when its time is over', async () => {
    const lab = await withNodes()
    await lab.apply(deployment('web', 2))
    await lab.clock.runFor(seconds(30))
    await markNode(lab, 'not-ready for=6m')
    await lab.clock.runFor(seconds(20))
    const sick = await node(lab)
    expect(sick.status!.conditions!.at(-1)).toMatchObject({
      status: 'False',
      reason: 'KubeletNotReady',
      message: 'PLEG is not healthy: pleg was last seen active 3m12.6s ago; threshold is 3m0s',
    })
    expect(taints(sick)).toEqual(['not-ready:NoExecute', 'not-ready:NoSchedule'])
    await lab.clock.runFor(seconds(320))
    expect((await lab.pods()).filter((pod) => pod.spec.nodeName === name)).toEqual([])
    await lab.clock.runFor(seconds(30))
    const well = await node(lab)
    expect(condition(well, 'Ready')).toBe('True')
    expect(taints(well)).toEqual([])
    expect(well.metadata.annotations![faultAnnotation]).toBeUndefined()
    expect((await nodeReasons(lab)).slice(-2)).toEqual(['NodeNotReady', 'NodeReady'])
    await lab.cluster.stop()
  })

  it('changes with the clock while it flaps', async () => {
    const lab = await withNodes(1)
    await markNode(lab, 'flapping every=30s')
    const seen: (string | undefined)[] = []
    for (let n = 0; n < 5; n++) {
      await lab.clock.runFor(seconds(n === 0 ? 15 : 30))
      seen.push(condition(await node(lab), 'Ready'))
    }
    expect(seen).toEqual(['False', 'True', 'False', 'True', 'False'])
    await markNode(lab, null)
    await lab.clock.runFor(seconds(1))
    expect(condition(await node(lab), 'Ready')).toBe('True')
    await lab.cluster.stop()
  })

  it('gives new pods no network while its plugin is down', async () => {
    const lab = await withNodes(1)
    await markNode(lab, 'network-not-ready')
    await lab.apply({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'late' },
      spec: { nodeName: name, containers: [{ name: 'main', image: 'nginx' }] },
    })
    await lab.clock.runFor(seconds(30))
    expect((await lab.pods())[0]!.status!.phase).toBe('Pending')
    expect((await lab.events('Pod/late')).map((event) => event.reason)).toContain('NetworkNotReady')
    await markNode(lab, null)
    await lab.clock.runFor(seconds(20))
    expect((await lab.pods())[0]!.status!.phase).toBe('Running')
    await lab.cluster.stop()
  })
})

describe('a kubelet that hangs', () => {
  it('is Unknown after the grace while its containers run on, and catches up when it is back', async () => {
    const lab = await withNodes()
    await lab.apply(deployment('web', 2))
    await lab.clock.runFor(seconds(30))
    const [stays] = (await lab.pods()).filter((pod) => pod.spec.nodeName === name)
    await markNode(lab, 'lease-loss')
    await lab.clock.runFor(seconds(39))
    expect(condition(await node(lab), 'Ready')).toBe('True')
    await lab.clock.runFor(seconds(20))
    const lost = await node(lab)
    expect(lost.status!.conditions!.map((c) => c.status)).toEqual(['Unknown', 'Unknown', 'Unknown', 'Unknown'])
    await lab.kube.remove(Pods, { namespace: 'default', name: stays!.metadata.name })
    await lab.clock.runFor(seconds(100))
    // Nobody confirms the end of its containers.
    const terminating = await lab.kube.get(Pods, { namespace: 'default', name: stays!.metadata.name })
    expect(terminating.metadata.deletionTimestamp).toBeDefined()
    expect(terminating.status!.containerStatuses![0]!.state!.running).toBeDefined()
    await markNode(lab, null)
    await lab.clock.runFor(seconds(40))
    expect(condition(await node(lab), 'Ready')).toBe('True')
    expect(taints(await node(lab))).toEqual([])
    expect((await lab.pods()).map((pod) => pod.metadata.name)).not.toContain(stays!.metadata.name)
    expect((await nodeReasons(lab)).slice(-4)).toEqual([
      'NodeHasSufficientMemory',
      'NodeHasNoDiskPressure',
      'NodeHasSufficientPID',
      'NodeReady',
    ])
    await lab.cluster.stop()
  })

  it('registers a node anew that somebody deleted, once it is restarted', async () => {
    const lab = await withNodes()
    const before = await node(lab)
    await markNode(lab, 'kubelet-restart takes=3s')
    await lab.clock.runFor(ms(3500))
    expect(condition(await node(lab), 'Ready')).toBe('False')
    await lab.clock.runFor(seconds(10))
    expect(condition(await node(lab), 'Ready')).toBe('True')
    expect((await node(lab)).metadata.annotations![faultAnnotation]).toBeUndefined()
    const reasons = await nodeReasons(lab)
    expect(reasons).not.toContain('Rebooted')
    expect(reasons.filter((reason) => reason === 'NodeNotReady')).toHaveLength(1)
    await markNode(lab, 'kubelet-restart')
    await lab.kube.remove(Nodes, { name })
    await lab.clock.runFor(seconds(20))
    expect((await node(lab)).metadata.uid).not.toBe(before.metadata.uid)
    await lab.cluster.stop()
  })

  it('says so when the whole machine rebooted, and counts the restarts', async () => {
    const lab = await withNodes(1)
    await lab.apply(deployment('web', 1))
    await lab.clock.runFor(seconds(30))
    await markNode(lab, 'reboot')
    await lab.clock.runFor(seconds(120))
    expect(await nodeReasons(lab)).toContain('Rebooted')
    const [pod] = await lab.pods()
    expect(pod!.status!.containerStatuses![0]).toMatchObject({
      restartCount: 1,
      lastState: { terminated: { exitCode: 255, reason: 'Unknown' } },
    })
    await lab.cluster.stop()
  })
})

describe('a node that runs short', () => {
  it('evicts a pod every ten seconds, the least important first, and admits none without requests', async () => {
    const lab = await withNodes(1)
    const besteffort = { container: { resources: {} } }
    await lab.apply(deployment('burst', 2, besteffort), deployment('web', 2))
    await lab.clock.runFor(seconds(30))
    await markNode(lab, 'memory-pressure evict=2')
    const evicted: { pod: Pod; at: number }[] = []
    const began = lab.clock.now()
    await lab.kube.watch(
      Pods,
      {},
      {
        event: (event) => {
          if (event.type !== 'MODIFIED' || event.object.status?.reason !== 'Evicted') return
          if (event.object.status.startTime === undefined) return
          if (event.object.status.message?.startsWith('The node was low') !== true) return
          if (evicted.some(({ pod }) => pod.metadata.uid === event.object.metadata.uid)) return
          evicted.push({ pod: event.object, at: lab.clock.now() - began })
        },
        end: () => {},
      },
    )
    await lab.clock.runFor(seconds(60))
    expect(evicted.map(({ pod }) => pod.metadata.labels!['app'])).toEqual(['burst', 'burst'])
    expect(evicted[1]!.at - evicted[0]!.at).toBeGreaterThanOrEqual(9000)
    expect(evicted[0]!.pod.status).toMatchObject({ phase: 'Failed', reason: 'Evicted' })
    expect(evicted[0]!.pod.status!.message).toMatch(
      /^The node was low on resource: memory\. Threshold quantity: 100Mi, available: 92160Ki\. Container main was using \d+Ki, request is 0, has larger consumption of memory\. $/,
    )
    expect(evicted[0]!.pod.status!.conditions!.at(-1)).toMatchObject({
      type: 'DisruptionTarget',
      reason: 'TerminationByKubelet',
    })
    const short = await node(lab)
    expect(condition(short, 'MemoryPressure')).toBe('True')
    expect(condition(short, 'Ready')).toBe('True')
    expect(taints(short)).toEqual(['memory-pressure:NoSchedule'])
    await markNode(lab, null)
    await lab.clock.runFor(seconds(299))
    expect(condition(await node(lab), 'MemoryPressure')).toBe('True')
    await lab.clock.runFor(seconds(2))
    expect(condition(await node(lab), 'MemoryPressure')).toBe('False')
    const reasons = await nodeReasons(lab)
    for (const reason of ['NodeHasInsufficientMemory', 'EvictionThresholdMet']) expect(reasons).toContain(reason)
    expect(reasons.at(-1)).toBe('NodeHasSufficientMemory')
    await lab.cluster.stop()
  })

  it.each([
    ['disk-pressure', 'DiskPressure', 'NodeHasDiskPressure'],
    ['pid-pressure', 'PIDPressure', 'NodeHasInsufficientPID'],
  ])('%s shows as %s', async (fault, type, event) => {
    const lab = await withNodes(1)
    await markNode(lab, fault)
    await lab.clock.runFor(seconds(5))
    expect(condition(await node(lab), type)).toBe('True')
    expect(await nodeReasons(lab)).toContain(event)
    await lab.cluster.stop()
  })
})

describe('devices whose plugin is gone', () => {
  it('count zero until it is back', async () => {
    const lab = await laboratory()
    const amounts = { ...machine(0).capacity, 'nvidia.com/gpu': '4' }
    lab.machines.on(machine(0, { capacity: amounts, allocatable: amounts }))
    await lab.clock.runFor(seconds(200))
    const gpus = async (): Promise<unknown> => (await node(lab)).status!.allocatable!['nvidia.com/gpu']
    expect(await gpus()).toBe('4')
    await markNode(lab, 'devices-missing')
    await lab.clock.runFor(seconds(1))
    expect(await gpus()).toBe('0')
    await markNode(lab, null)
    await lab.clock.runFor(seconds(1))
    expect(await gpus()).toBe('4')
    await lab.cluster.stop()
  })
})

describe('faults of machines that are to start', () => {
  async function started(text: string, changes: Partial<Machine> = {}, wait = 90): Promise<Laboratory> {
    const lab = await laboratory()
    await lab.kube.create(ConfigMaps, {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: faultBoard,
      data: { one: text },
    } as never)
    await lab.clock.runFor(seconds(1))
    lab.machines.on(machine(0, changes))
    lab.machines.on(machine(1, { labels: { ...machine(1).labels, 'eks.amazonaws.com/nodegroup': 'ng2' } }))
    await lab.clock.runFor(seconds(wait))
    return lab
  }

  it('a slow boot delays its node', async () => {
    const lab = await started('slow-boot by=3m group=ng1')
    expect((await lab.nodes()).map((n) => n.metadata.name)).toEqual([machine(1).nodeName])
    await lab.clock.runFor(seconds(180))
    expect(await lab.nodes()).toHaveLength(2)
    await lab.cluster.stop()
  })

  it('some never register', async () => {
    const lab = await started('never-registers group=ng1', {}, 1800)
    expect(await lab.nodes()).toHaveLength(1)
    await lab.cluster.stop()
  })

  it('some stay without a network', async () => {
    const lab = await started('network-never-ready type=t3.medium zone=ap-northeast-2a', {}, 1800)
    expect(condition(await node(lab), 'Ready')).toBe('False')
    expect(condition((await lab.nodes())[1]!, 'Ready')).toBe('True')
    await lab.cluster.stop()
  })

  it('an instance carries them as a tag', async () => {
    const lab = await laboratory()
    lab.machines.on(machine(0, { tags: { [faultAnnotation]: 'never-registers' } }))
    await lab.clock.runFor(seconds(600))
    expect(await lab.nodes()).toEqual([])
    await lab.cluster.stop()
  })
})

describe('faults of pods', () => {
  const annotated = (text: string): object => ({ labels: { app: 'web' }, annotations: { [faultAnnotation]: text } })
  async function running(text: string, container: object = {}, wait = 60): Promise<Laboratory> {
    const lab = await withNodes(1)
    await lab.apply(deployment('web', 1, { template: annotated(text), container }))
    await lab.clock.runFor(seconds(wait))
    return lab
  }
  const first = async (lab: Laboratory): Promise<Pod> => (await lab.pods())[0]!
  const main = async (lab: Laboratory): Promise<ContainerStatus> => (await first(lab)).status!.containerStatuses![0]!
  const clear = async (lab: Laboratory): Promise<void> => mark(lab, Pods, (await first(lab)).metadata, null)

  it('a crash loop backs off as kubelets do, and ends when it is lifted', async () => {
    const lab = await running('crash-loop exit=3', {}, 120)
    const crashed = await main(lab)
    expect(crashed.state!.waiting).toMatchObject({ reason: 'CrashLoopBackOff' })
    expect(crashed.state!.waiting!.message).toMatch(/^back-off \d+m?\d*s restarting failed container=main pod=web-/)
    expect(crashed.lastState!.terminated).toMatchObject({ exitCode: 3, reason: 'Error' })
    expect(crashed.restartCount).toBeGreaterThanOrEqual(4)
    await clear(lab)
    await lab.clock.runFor(seconds(200))
    expect((await main(lab)).state!.running).toBeDefined()
    await lab.cluster.stop()
  })

  it('a container that runs already is killed for its memory', async () => {
    const lab = await running('')
    await mark(lab, Pods, (await first(lab)).metadata, 'oom after=5s for=6s')
    await lab.clock.runFor(seconds(60))
    const status = await main(lab)
    expect(status.restartCount).toBe(1)
    expect(status.lastState!.terminated).toMatchObject({ exitCode: 137, reason: 'OOMKilled' })
    expect(status.state!.running).toBeDefined()
    expect((await first(lab)).metadata.annotations![faultAnnotation]).toBeUndefined()
    await lab.cluster.stop()
  })

  it('an image that cannot be pulled is tried again and again', async () => {
    const lab = await running('image-pull-failure', {}, 40)
    const reasons = (await lab.events('Pod/web')).map((event) => `${event.reason}: ${event.message}`)
    expect(reasons).toContain('Failed: Error: ErrImagePull')
    expect(reasons).toContain('Failed: Error: ImagePullBackOff')
    expect(reasons).toContain('BackOff: Back-off pulling image "nginx:1.27"')
    expect(reasons).toContain(
      'Failed: Failed to pull image "nginx:1.27": rpc error: code = NotFound desc = failed to pull and unpack image "docker.io/library/nginx:1.27": failed to resolve reference "docker.io/library/nginx:1.27": docker.io/library/nginx:1.27: not found',
    )
    expect((await main(lab)).state!.waiting!.reason).toMatch(/^(ErrImagePull|ImagePullBackOff)$/)
    await clear(lab)
    await lab.clock.runFor(seconds(60))
    expect((await first(lab)).status!.phase).toBe('Running')
    await lab.cluster.stop()
  })

  it('one that is not ready is unready, and only that', async () => {
    const probe = { readinessProbe: { httpGet: { path: '/', port: 80 } } }
    const lab = await running('', probe)
    await mark(lab, Pods, (await first(lab)).metadata, 'not-ready')
    await lab.clock.runFor(seconds(40))
    expect(await main(lab)).toMatchObject({ ready: false, restartCount: 0 })
    const unhealthy = (await lab.events('Pod/web')).filter((event) => event.reason === 'Unhealthy')
    expect(unhealthy[0]!.message).toBe('Readiness probe failed: HTTP probe failed with statuscode: 503')
    await clear(lab)
    await lab.clock.runFor(seconds(20))
    expect((await main(lab)).ready).toBe(true)
    await lab.cluster.stop()
  })

  it('one that does not answer is restarted by its liveness probe', async () => {
    const probe = { livenessProbe: { httpGet: { path: '/live', port: 80 }, periodSeconds: 5 } }
    const lab = await running('unresponsive for=1m', probe, 120)
    const status = await main(lab)
    expect(status.restartCount).toBeGreaterThanOrEqual(1)
    expect(status.state!.running).toBeDefined()
    const messages = (await lab.events('Pod/web')).map((event) => event.message)
    expect(messages).toContain('Container main failed liveness probe, will be restarted')
    await lab.cluster.stop()
  })

  it('one that is stuck outlives its deletion until it is let go', async () => {
    const lab = await running('stuck-terminating')
    const { name: stuck } = (await first(lab)).metadata
    await lab.kube.remove(Deployments, { namespace: 'default', name: 'web' }, { propagationPolicy: 'Background' })
    await lab.clock.runFor(seconds(600))
    expect((await lab.pods()).map((pod) => pod.metadata.name)).toEqual([stuck])
    expect((await lab.events('Pod/web')).map((event) => event.reason)).toContain('FailedKillPod')
    await clear(lab)
    await lab.clock.runFor(seconds(5))
    expect(await lab.pods()).toEqual([])
    await lab.cluster.stop()
  })
})

describe('words that name no fault', () => {
  it.each([
    ['melts', 'there is no fault "melts" of nodes; there are not-ready, flapping,'],
    ['oom', 'there is no fault "oom" of nodes'],
    ['not-ready for=soon', 'not-ready: for=soon: a duration above zero, as 30s or 2m is expected'],
    ['not-ready when=now', 'not-ready: there is no parameter "when"; there are for'],
    ['reboot for=1m', 'reboot: there is no parameter "for"; it takes none'],
  ])('"%s" is told on the node', async (text, problem) => {
    const lab = await withNodes(1)
    await markNode(lab, text)
    await lab.clock.runFor(seconds(5))
    const [event] = (await lab.events(`Node/${name}`)).filter(({ reason }) => reason === 'InvalidFault')
    expect(event!.message).toContain(`${faultAnnotation}: ${problem}`)
    expect(condition(await node(lab), 'Ready')).toBe('True')
    await lab.cluster.stop()
  })

  it('what is suffered is listed, wherever it stands', async () => {
    const lab = await withNodes(1)
    await markNode(lab, 'not-ready, disk-pressure evict=0')
    await lab.kube.create(ConfigMaps, {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: faultBoard,
      data: { a: 'slow-boot' },
    } as never)
    expect(await listFaults(lab.kube)).toEqual([
      { on: `node/${name}`, text: 'not-ready' },
      { on: `node/${name}`, text: 'disk-pressure evict=0' },
      { on: 'cloud', text: 'slow-boot' },
    ])
    await lab.cluster.stop()
  })
})
