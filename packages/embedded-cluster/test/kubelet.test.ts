import { Deployments, Nodes, Pods, seconds, type Json, type Pod } from '@plimsoll/model'
import { describe, expect, it } from 'vitest'
import { deployment, laboratory, machine, type Laboratory } from './laboratory.ts'

const { nodeName } = machine(0)

async function ready(changes: Parameters<typeof machine>[1] = {}): Promise<Laboratory> {
  const lab = await laboratory()
  lab.machines.on(machine(0, changes))
  await lab.clock.runFor(seconds(90))
  return lab
}

function pod(name: string, container: object = {}, spec: object = {}, metadata: object = {}): Json {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, ...metadata },
    spec: { nodeName, containers: [{ name: 'main', image: 'nginx', ...container }], ...spec },
  } as unknown as Json
}

const get = (lab: Laboratory, name: string): Promise<Pod> => lab.kube.get(Pods, { namespace: 'default', name })
const reasons = async (lab: Laboratory, name: string): Promise<string[]> =>
  (await lab.events(`Pod/${name}`)).map((event) => event.reason!)

describe('a node without addresses left', () => {
  it('keeps pods waiting until one is free', async () => {
    const lab = await ready({ podAddressesMax: 2 })
    await lab.apply({
      apiVersion: 'apps/v1',
      kind: 'DaemonSet',
      metadata: { name: 'aws-node', namespace: 'kube-system' },
      spec: {
        selector: { matchLabels: { app: 'aws-node' } },
        template: {
          metadata: { labels: { app: 'aws-node' } },
          spec: { hostNetwork: true, containers: [{ name: 'main', image: 'cni' }] },
        },
      },
    } as unknown as Json)
    await lab.apply(pod('a'), pod('b'), pod('c'), pod('host', {}, { hostNetwork: true }))
    await lab.clock.runFor(seconds(30))
    const phases = async (): Promise<unknown> =>
      Object.fromEntries(
        (await lab.pods())
          .filter((p) => p.metadata.namespace === 'default')
          .map((p) => [p.metadata.name, p.status!.phase]),
      )
    expect(await phases()).toEqual({ a: 'Running', b: 'Running', c: 'Pending', host: 'Running' })
    const [failed] = (await lab.events('Pod/c')).filter((event) => event.reason === 'FailedCreatePodSandBox')
    expect(failed!.message).toMatch(
      /^Failed to create pod sandbox: rpc error: code = Unknown desc = failed to setup network for sandbox "[0-9a-f]{64}": plugin type="aws-cni" name="aws-cni" failed \(add\): add cmd: failed to assign an IP address to container$/,
    )
    await lab.kube.remove(Pods, { namespace: 'default', name: 'a' })
    await lab.clock.runFor(seconds(60))
    expect(await phases()).toEqual({ b: 'Running', c: 'Running', host: 'Running' })
    await lab.cluster.stop()
  })
})

describe('images', () => {
  it('share the line of their node: two come later than one, and none is forgotten', async () => {
    const times = async (images: readonly string[]): Promise<number[]> => {
      const lab = await ready()
      const began = lab.clock.now()
      await lab.apply(...images.map((image, n) => pod(`p${n}`, { image })))
      await lab.clock.runFor(seconds(60))
      const all = await Promise.all(images.map((_, n) => get(lab, `p${n}`)))
      await lab.cluster.stop()
      return all.map((p) => Date.parse(p.status!.containerStatuses![0]!.state!.running!.startedAt!) - began)
    }
    const [alone] = await times(['registry.k8s.io/big:1'])
    const [first, second] = await times(['registry.k8s.io/big:1', 'registry.k8s.io/large:2'])
    expect(first!).toBeGreaterThan(alone!)
    expect(Math.max(first!, second!)).toBeLessThan(20_000)
  })

  it('that are never pulled must be there', async () => {
    const lab = await ready()
    await lab.apply(pod('never', { imagePullPolicy: 'Never' }))
    await lab.clock.runFor(seconds(15))
    expect((await get(lab, 'never')).status!.containerStatuses![0]!.state!.waiting).toEqual({
      reason: 'ErrImageNeverPull',
      message: 'Container image "nginx" is not present with pull policy of Never',
    })
    await lab.apply(pod('other', { imagePullPolicy: 'IfNotPresent' }))
    await lab.clock.runFor(seconds(30))
    expect((await get(lab, 'never')).status!.phase).toBe('Running')
    await lab.cluster.stop()
  })

  it('are called by their whole names once they are there, in statuses and on the node', async () => {
    const lab = await ready()
    await lab.apply(
      pod('short', { image: 'redis' }),
      pod('owned', { image: 'grafana/grafana:11' }),
      pod('full', { image: 'public.ecr.aws/x/y@sha256:00' }),
    )
    await lab.clock.runFor(seconds(60))
    const image = async (name: string): Promise<string> => (await get(lab, name)).status!.containerStatuses![0]!.image
    expect(await image('short')).toBe('docker.io/library/redis:latest')
    expect(await image('owned')).toBe('docker.io/grafana/grafana:11')
    expect(await image('full')).toBe('public.ecr.aws/x/y@sha256:00')
    const [node] = await lab.nodes()
    expect(node!.status!.images!.flatMap((each) => each.names)).toContain('docker.io/library/redis:latest')
    await lab.cluster.stop()
  })
})

describe('what a container was given', () => {
  it('is told when it was made', async () => {
    const lab = await ready()
    await lab.apply(
      pod('told', {
        resources: { requests: { cpu: '100m' }, limits: { memory: '64Mi' } },
        securityContext: { runAsUser: 1000, runAsGroup: 2000 },
      }),
    )
    await lab.clock.runFor(seconds(30))
    expect((await get(lab, 'told')).status!.containerStatuses![0]).toMatchObject({
      allocatedResources: { cpu: '100m', memory: '64Mi' },
      resources: { requests: { cpu: '100m', memory: '64Mi' }, limits: { memory: '64Mi' } },
      user: { linux: { uid: 1000, gid: 2000, supplementalGroups: [2000] } },
    })
    const { conditions } = (await get(lab, 'told')).status!
    expect(
      conditions!.map(({ type, observedGeneration, lastProbeTime }) => [type, observedGeneration, lastProbeTime]),
    ).toEqual(
      ['PodReadyToStartContainers', 'Initialized', 'Ready', 'ContainersReady', 'PodScheduled'].map((type) => [
        type,
        1,
        null,
      ]),
    )
    await lab.cluster.stop()
  })
})

describe('a pod that is to have other resources while it runs', () => {
  async function resize(lab: Laboratory, name: string, resources: object): Promise<void> {
    const body = { spec: { containers: [{ name: 'main', resources }] } } as unknown as Json
    const options = { subresource: 'resize' as never }
    await lab.kube.patch(Pods, { namespace: 'default', name }, { type: 'strategic', body }, options)
  }
  const conditions = async (lab: Laboratory, name: string): Promise<unknown[]> =>
    (await get(lab, name)).status!.conditions!.filter(({ type }) => type.startsWith('PodResize'))

  it('gets them without a restart, or with one where its policy says so', async () => {
    const lab = await ready()
    const resources = { requests: { cpu: '100m', memory: '64Mi' } }
    const restarting = [{ resourceName: 'cpu', restartPolicy: 'RestartContainer' }]
    await lab.apply(pod('calm', { resources }), pod('restless', { resources, resizePolicy: restarting }))
    await lab.clock.runFor(seconds(30))
    for (const name of ['calm', 'restless']) await resize(lab, name, { requests: { cpu: '200m', memory: '64Mi' } })
    await lab.clock.runFor(seconds(30))
    for (const [name, restarts] of [
      ['calm', 0],
      ['restless', 1],
    ] as const) {
      const status = (await get(lab, name)).status!.containerStatuses![0]!
      expect(status).toMatchObject({
        restartCount: restarts,
        allocatedResources: { cpu: '200m', memory: '64Mi' },
        resources: { requests: { cpu: '200m', memory: '64Mi' } },
      })
      expect(await conditions(lab, name)).toEqual([])
    }
    expect((await reasons(lab, 'calm')).slice(-2)).toEqual(['ResizeStarted', 'ResizeCompleted'])
    await lab.cluster.stop()
  })

  it('waits for room, and is told when it never can', async () => {
    const lab = await ready()
    const resources = { requests: { cpu: '900m' } }
    await lab.apply(pod('grows', { resources }), pod('leaves', { resources }))
    await lab.clock.runFor(seconds(30))
    await resize(lab, 'grows', { requests: { cpu: '1500m' } })
    await lab.clock.runFor(seconds(5))
    expect(await conditions(lab, 'grows')).toMatchObject([
      {
        type: 'PodResizePending',
        status: 'True',
        reason: 'Deferred',
        message: "Node didn't have enough resource: cpu, requested: 1500, used: 900, capacity: 1930",
      },
    ])
    await lab.kube.remove(Pods, { namespace: 'default', name: 'leaves' })
    await lab.clock.runFor(seconds(45))
    expect((await get(lab, 'grows')).status!.containerStatuses![0]!.allocatedResources).toEqual({ cpu: '1500m' })
    await resize(lab, 'grows', { requests: { cpu: '4' } })
    await lab.clock.runFor(seconds(5))
    expect(await conditions(lab, 'grows')).toMatchObject([
      { reason: 'Infeasible', message: "Node didn't have enough capacity: cpu, requested: 4000, capacity: 1930" },
    ])
    expect((await reasons(lab, 'grows')).filter((reason) => reason.startsWith('Resize'))).toEqual([
      'ResizeDeferred',
      'ResizeStarted',
      'ResizeCompleted',
      'ResizeInfeasible',
    ])
    await lab.cluster.stop()
  })
})

describe('a container with rules of its own', () => {
  it('is restarted for the exit codes that they name, whatever the pod says', async () => {
    const lab = await ready()
    const rules = [{ action: 'Restart', exitCodes: { operator: 'In', values: [42] } }]
    const annotations = { 'plimsoll.dev/run-duration': '3s', 'plimsoll.dev/exit-code': '42' }
    await lab.apply(
      pod('ruled', { restartPolicy: 'Never', restartPolicyRules: rules }, { restartPolicy: 'Never' }, { annotations }),
    )
    await lab.clock.runFor(seconds(30))
    expect((await get(lab, 'ruled')).status!.containerStatuses![0]!.restartCount).toBeGreaterThanOrEqual(1)
    await lab.cluster.stop()
  })
})

describe('a node that takes no more', () => {
  it('refuses pods that do not tolerate what would take them away at once', async () => {
    const lab = await ready()
    const taint = { key: 'gone', value: 'soon', effect: 'NoExecute' }
    const [node] = await lab.nodes()
    await lab.kube.replace(Nodes, { ...node!, spec: { ...node!.spec, taints: [taint] } })
    await lab.clock.runFor(seconds(1))
    await lab.apply(pod('late'))
    await lab.clock.runFor(seconds(5))
    expect((await get(lab, 'late')).status).toMatchObject({
      phase: 'Failed',
      reason: 'TaintToleration',
      message: "Pod was rejected: Predicate TaintToleration failed: node(s) had taints that the pod didn't tolerate",
    })
    await lab.cluster.stop()
  })
})

describe('the acceptance of section 7', () => {
  it('a preStop of 20 s holds the end back, and readiness is lost at once', async () => {
    const lab = await ready()
    await lab.apply(
      deployment('web', 1, {
        container: { lifecycle: { preStop: { exec: { command: ['sleep', '20'] } } } },
        pod: { terminationGracePeriodSeconds: 60 },
        template: { annotations: { 'plimsoll.dev/exit-duration': '1s' } },
      }),
    )
    await lab.clock.runFor(seconds(30))
    const [running] = await lab.pods('app=web')
    await lab.kube.remove(Deployments, { namespace: 'default', name: 'web' }, { propagationPolicy: 'Background' })
    let goneAt = 0
    const began = lab.clock.now()
    await lab.kube.watch(
      Pods,
      {},
      {
        event: (event) => {
          if (event.type === 'DELETED') goneAt = lab.clock.now() - began
        },
        end: () => {},
      },
    )
    await lab.clock.runFor(seconds(50))
    expect(goneAt).toBeGreaterThanOrEqual(21_000)
    expect(goneAt).toBeLessThan(23_000)
    expect(await reasons(lab, running!.metadata.name)).toContain('Killing')
    await lab.cluster.stop()
  })

  it('a readiness delay of 10 s is kept', async () => {
    const lab = await ready()
    await lab.apply(
      pod(
        'slow',
        { readinessProbe: { httpGet: { port: 80 }, periodSeconds: 1 } },
        {},
        { annotations: { 'plimsoll.dev/ready-delay': '10s' } },
      ),
    )
    await lab.clock.runFor(seconds(30))
    const { status } = await get(lab, 'slow')
    const started = Date.parse(status!.containerStatuses![0]!.state!.running!.startedAt!)
    const readyAt = Date.parse(status!.conditions!.find(({ type }) => type === 'Ready')!.lastTransitionTime!)
    expect(readyAt - started).toBeGreaterThanOrEqual(9_000)
    expect(readyAt - started).toBeLessThanOrEqual(12_000)
    await lab.cluster.stop()
  })
})

describe('an ephemeral container', () => {
  it('runs beside the others, is logged and ends, and changes nothing for its pod', async () => {
    const lab = await ready()
    await lab.apply(pod('plain'))
    await lab.clock.runFor(seconds(30))
    const ephemeralContainers = [{ name: 'look', image: 'busybox', command: ['sleep', '20'] }]
    await lab.kube.patch(
      Pods,
      { namespace: 'default', name: 'plain' },
      { type: 'strategic', body: { spec: { ephemeralContainers } } },
      { subresource: 'ephemeralcontainers' as never },
    )
    await lab.clock.runFor(seconds(15))
    expect((await get(lab, 'plain')).status!.ephemeralContainerStatuses).toMatchObject([
      { name: 'look', ready: false, restartCount: 0, state: { running: {} } },
    ])
    await lab.clock.runFor(seconds(20))
    const { phase, conditions, ephemeralContainerStatuses } = (await get(lab, 'plain')).status!
    expect(ephemeralContainerStatuses![0]!.state!.terminated).toMatchObject({ exitCode: 0, reason: 'Completed' })
    expect(phase).toBe('Running')
    expect(conditions!.find(({ type }) => type === 'Ready')!.status).toBe('True')
    await lab.kube.remove(Pods, { namespace: 'default', name: 'plain' })
    await lab.clock.runFor(seconds(40))
    expect(await lab.pods()).toEqual([])
    await lab.cluster.stop()
  })
})

describe('a readiness gate', () => {
  it('holds a pod back until somebody else says that it may', async () => {
    const lab = await ready()
    await lab.apply(pod('gated', {}, { readinessGates: [{ conditionType: 'example.com/in-service' }] }))
    await lab.clock.runFor(seconds(30))
    const readyOf = async (): Promise<object | undefined> =>
      (await get(lab, 'gated')).status!.conditions!.find(({ type }) => type === 'Ready')
    expect(await readyOf()).toMatchObject({
      status: 'False',
      reason: 'ReadinessGatesNotReady',
      message: 'corresponding condition of pod readiness gate "example.com/in-service" does not exist.',
    })
    const say = async (status: string): Promise<void> => {
      const conditions = [{ type: 'example.com/in-service', status }]
      const body = { status: { conditions } }
      await lab.kube.patch(
        Pods,
        { namespace: 'default', name: 'gated' },
        { type: 'strategic', body },
        { subresource: 'status' },
      )
      await lab.clock.runFor(seconds(2))
    }
    await say('False')
    expect(await readyOf()).toMatchObject({
      message: 'the status of pod readiness gate "example.com/in-service" is not "True", but False',
    })
    await say('True')
    expect(await readyOf()).toMatchObject({ status: 'True' })
    await lab.cluster.stop()
  })
})
