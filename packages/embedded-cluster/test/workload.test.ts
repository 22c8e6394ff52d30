import {
  ConfigMaps,
  DaemonSets,
  Deployments,
  type Endpoints,
  EndpointSlices,
  EndpointsResource,
  Jobs,
  Nodes,
  PersistentVolumeClaims,
  PersistentVolumes,
  PodDisruptionBudgets,
  Pods,
  ReplicaSets,
  seconds,
  StatefulSets,
  type Json,
  type Pod,
} from '@plimsoll/model'
import { KubeError, type ContainerContext, type ContainerProgram } from '@plimsoll/ports'
import { describe, expect, it } from 'vitest'
import { deployment, laboratory, machine, type Laboratory } from './laboratory.ts'

type LaboratoryOptions = Parameters<typeof laboratory>[0]

async function readyCluster(o: LaboratoryOptions = {}, nodes = 3): Promise<Laboratory> {
  const lab = await laboratory(o)
  for (let n = 0; n < nodes; n++) lab.machines.on(machine(n))
  await lab.clock.runFor(seconds(90))
  return lab
}

const key = (name: string): { namespace: string; name: string } => ({ namespace: 'default', name })
const scale = (lab: Laboratory, name: string, replicas: number): Promise<unknown> =>
  lab.kube.patch(Deployments, key(name), { type: 'merge', body: { spec: { replicas } } })

function summary(pods: readonly Pod[]): string[] {
  return pods.map((pod) => `${pod.metadata.name} ${pod.status?.phase}`)
}

function podObject(name: string, spec: object, metadata: object = {}): Json {
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name, ...metadata }, spec } as unknown as Json
}

function budget(name: string, app: string, spec: object): Json {
  return {
    apiVersion: 'policy/v1',
    kind: 'PodDisruptionBudget',
    metadata: { name },
    spec: { selector: { matchLabels: { app } }, ...spec },
  } as unknown as Json
}

describe('a deployment', () => {
  it('goes from 0 to 5, rolls out a change within its limits, and down to 2', async () => {
    const lab = await readyCluster()
    await lab.apply(deployment('web', 0))
    await lab.clock.runFor(seconds(1))
    await scale(lab, 'web', 5)
    await lab.clock.runFor(seconds(30))
    expect((await lab.kube.get(Deployments, key('web'))).status).toMatchObject({
      observedGeneration: 2,
      replicas: 5,
      updatedReplicas: 5,
      readyReplicas: 5,
      availableReplicas: 5,
    })
    let most = 0
    let leastReady = 5
    await lab.kube.watch(
      Deployments,
      {},
      {
        event: (event) => {
          if (event.type !== 'MODIFIED') return
          most = Math.max(most, event.object.status?.replicas ?? 0)
          leastReady = Math.min(leastReady, event.object.status?.availableReplicas ?? 0)
        },
        end: () => {},
      },
    )
    const image = [{ op: 'replace', path: '/spec/template/spec/containers/0/image', value: 'nginx:1.28' }]
    await lab.kube.patch(Deployments, key('web'), { type: 'json', body: image })
    await lab.clock.runFor(seconds(60))
    // 25 % of 5: two more, one fewer.
    expect(most).toBeLessThanOrEqual(7)
    expect(most).toBeGreaterThan(5)
    expect(leastReady).toBe(4)
    const sets = (await lab.kube.list(ReplicaSets)).items
    expect(
      sets
        .map((set) => `${set.spec.replicas} ${set.metadata.annotations?.['deployment.kubernetes.io/revision']}`)
        .sort(),
    ).toEqual(['0 1', '5 2'])
    await scale(lab, 'web', 2)
    await lab.clock.runFor(seconds(60))
    const pods = await lab.pods()
    expect(pods).toHaveLength(2)
    expect(pods.every((pod) => pod.status?.phase === 'Running')).toBe(true)
    const messages = (await lab.events('Deployment/web')).map((event) => event.message!)
    expect(messages[0]).toMatch(/^Scaled up replica set web-[a-z0-9]+ from 0 to 5$/)
    expect(messages.at(-1)).toMatch(/Scaled down replica set web-[a-z0-9]+ from 5 to 2$/)
    const conditions = (await lab.kube.get(Deployments, key('web'))).status!.conditions!
    expect(conditions.map((c) => `${c.type} ${c.status} ${c.reason}`).sort()).toEqual([
      'Available True MinimumReplicasAvailable',
      'Progressing True NewReplicaSetAvailable',
    ])
    await lab.cluster.stop()
  })

  it('rolled back takes its old set again under a new revision', async () => {
    const lab = await readyCluster()
    await lab.apply(deployment('web', 2))
    await lab.clock.runFor(seconds(30))
    const original = (await lab.kube.get(Deployments, key('web'))).spec.template
    const image = (value: string): Json[] => [{ op: 'replace', path: '/spec/template/spec/containers/0/image', value }]
    await lab.kube.patch(Deployments, key('web'), { type: 'json', body: image('nginx:2') })
    await lab.clock.runFor(seconds(30))
    await lab.kube.patch(Deployments, key('web'), {
      type: 'json',
      body: [{ op: 'replace', path: '/spec/template', value: original as never }],
    })
    await lab.clock.runFor(seconds(30))
    const sets = (await lab.kube.list(ReplicaSets)).items
    expect(sets).toHaveLength(2)
    const current = sets.find((set) => set.spec.replicas === 2)!
    expect(current.spec.template!.spec!.containers[0]!.image).toBe('nginx:1.27')
    expect(current.metadata.annotations!['deployment.kubernetes.io/revision']).toBe('3')
    await lab.cluster.stop()
  })

  it('of type Recreate starts nothing new before the old is gone', async () => {
    const lab = await readyCluster()
    await lab.apply(deployment('web', 3, { spec: { strategy: { type: 'Recreate' } } }))
    await lab.clock.runFor(seconds(30))
    let mixed = false
    await lab.kube.watch(
      Pods,
      {},
      {
        event: () => {
          void lab.pods().then((pods) => {
            if (new Set(pods.map((pod) => pod.metadata.labels!['pod-template-hash'])).size > 1) mixed = true
          })
        },
        end: () => {},
      },
    )
    const image = [{ op: 'replace', path: '/spec/template/spec/containers/0/image', value: 'nginx:2' }]
    await lab.kube.patch(Deployments, key('web'), { type: 'json', body: image })
    await lab.clock.runFor(seconds(60))
    const pods = await lab.pods()
    expect(pods.map((pod) => pod.spec.containers[0]!.image)).toEqual(['nginx:2', 'nginx:2', 'nginx:2'])
    expect(mixed).toBe(false)
    await lab.cluster.stop()
  })

  it('that is paused rolls nothing out until it is resumed', async () => {
    const lab = await readyCluster()
    await lab.apply(deployment('web', 2))
    await lab.clock.runFor(seconds(30))
    const progress = async (): Promise<string> => {
      const condition = (await lab.kube.get(Deployments, key('web'))).status!.conditions!.find(
        (c) => c.type === 'Progressing',
      )!
      return `${condition.status} ${condition.reason}`
    }
    const images = async (): Promise<unknown> => (await lab.pods()).map((pod) => pod.spec.containers[0]!.image)
    await lab.kube.patch(Deployments, key('web'), { type: 'merge', body: { spec: { paused: true } } })
    const image = [{ op: 'replace', path: '/spec/template/spec/containers/0/image', value: 'nginx:2' }]
    await lab.kube.patch(Deployments, key('web'), { type: 'json', body: image })
    await lab.clock.runFor(seconds(900))
    expect(await images()).toEqual(['nginx:1.27', 'nginx:1.27'])
    expect(await progress()).toBe('Unknown DeploymentPaused')
    await lab.kube.patch(Deployments, key('web'), { type: 'merge', body: { spec: { paused: false } } })
    await lab.clock.runFor(seconds(60))
    expect(await images()).toEqual(['nginx:2', 'nginx:2'])
    expect(await progress()).toBe('True NewReplicaSetAvailable')
    await lab.cluster.stop()
  })

  it('says when it makes no progress', async () => {
    const lab = await readyCluster({}, 1)
    await lab.apply(deployment('huge', 1, { container: { resources: { requests: { cpu: '64' } } } }))
    await lab.clock.runFor(seconds(605))
    const { conditions } = (await lab.kube.get(Deployments, key('huge'))).status!
    expect(conditions!.find((c) => c.type === 'Progressing')).toMatchObject({
      status: 'False',
      reason: 'ProgressDeadlineExceeded',
    })
    await lab.cluster.stop()
  })

  it.each([
    { policy: 'Background' as const, left: 0 },
    { policy: 'Foreground' as const, left: 0 },
    { policy: 'Orphan' as const, left: 2 },
  ])('removed with $policy leaves $left pods', async ({ policy, left }) => {
    const lab = await readyCluster()
    await lab.apply(deployment('web', 2))
    await lab.clock.runFor(seconds(30))
    await lab.kube.remove(Deployments, key('web'), { propagationPolicy: policy })
    await lab.clock.runFor(seconds(60))
    expect((await lab.kube.list(Deployments)).items).toEqual([])
    expect((await lab.kube.list(ReplicaSets)).items).toHaveLength(left === 0 ? 0 : 1)
    expect(await lab.pods()).toHaveLength(left)
    await lab.cluster.stop()
  })

  it('lets a relabelled pod go and replaces it, and takes it back', async () => {
    const lab = await readyCluster()
    await lab.apply(deployment('web', 2))
    await lab.clock.runFor(seconds(30))
    const [pod] = await lab.pods()
    await lab.kube.patch(Pods, pod!.metadata, { type: 'merge', body: { metadata: { labels: { app: 'quarantine' } } } })
    await lab.clock.runFor(seconds(30))
    expect(await lab.pods('app=web')).toHaveLength(2)
    const stray = await lab.kube.get(Pods, pod!.metadata)
    expect(stray.metadata.ownerReferences ?? []).toEqual([])
    await lab.kube.patch(Pods, pod!.metadata, { type: 'merge', body: { metadata: { labels: { app: 'web' } } } })
    await lab.clock.runFor(seconds(60))
    expect(await lab.pods()).toHaveLength(2)
    await lab.cluster.stop()
  })
})

describe('a pod', () => {
  it('shows its steps: ContainerCreating, Running, ready after its probe', async () => {
    const lab = await readyCluster({}, 1)
    const seen: string[] = []
    await lab.kube.watch(
      Pods,
      {},
      {
        event: (event) => {
          if (event.type === 'BOOKMARK') return
          const { status } = event.object
          const container = status?.containerStatuses?.[0]
          const state = container?.state?.waiting?.reason ?? (container?.state?.running !== undefined ? 'running' : '-')
          const text = `${status?.phase} ${state} ${container?.ready ?? '-'}`
          if (seen.at(-1) !== text) seen.push(text)
        },
        end: () => {},
      },
    )
    await lab.apply(
      podObject('probed', {
        containers: [
          { name: 'main', image: 'app:1', readinessProbe: { httpGet: { port: 80 }, initialDelaySeconds: 10 } },
        ],
      }),
    )
    await lab.clock.runFor(seconds(12))
    expect((await lab.pods())[0]!.status?.containerStatuses?.[0]?.ready).toBe(false)
    await lab.clock.runFor(seconds(30))
    expect(seen).toEqual([
      'Pending - -',
      'Pending ContainerCreating false',
      'Running running false',
      'Running running true',
    ])
    const pod = (await lab.pods())[0]!
    expect(pod.status!.conditions!.map((condition) => condition.type)).toEqual([
      'PodReadyToStartContainers',
      'Initialized',
      'Ready',
      'ContainersReady',
      'PodScheduled',
    ])
    expect((await lab.events('Pod/probed')).map((event) => event.reason)).toEqual([
      'Scheduled',
      'Pulling',
      'Pulled',
      'Created',
      'Started',
    ])
    await lab.cluster.stop()
  })

  it('runs init containers one after another, and sidecars beside', async () => {
    const lab = await readyCluster({}, 1)
    await lab.apply(
      podObject('staged', {
        initContainers: [
          { name: 'first', image: 'tool', command: ['sleep', '5'] },
          { name: 'proxy', image: 'proxy', restartPolicy: 'Always' },
          { name: 'second', image: 'tool', command: ['sh', '-c', 'sleep 5'] },
        ],
        containers: [{ name: 'main', image: 'app:1' }],
      }),
    )
    await lab.clock.runFor(seconds(8))
    expect((await lab.pods())[0]!.status).toMatchObject({
      phase: 'Pending',
      containerStatuses: [{ state: { waiting: { reason: 'PodInitializing' } } }],
    })
    await lab.clock.runFor(seconds(40))
    const { status } = (await lab.pods())[0]!
    expect(status?.phase).toBe('Running')
    expect(status?.initContainerStatuses?.map((s) => [s.name, Object.keys(s.state!)[0], s.ready])).toEqual([
      ['first', 'terminated', true],
      ['proxy', 'running', true],
      ['second', 'terminated', true],
    ])
    const started = (await lab.events('Pod/staged')).filter((e) => e.reason === 'Started').map((e) => e.message)
    expect(started).toEqual(['first', 'proxy', 'second', 'main'].map((name) => `Started container ${name}`))
    await lab.cluster.stop()
  })

  it('that crashes is restarted at once, then after 10, 20, 40 seconds', async () => {
    const lab = await readyCluster({}, 1)
    const starts: number[] = []
    await lab.kube.watch(
      Pods,
      {},
      {
        event: (event) => {
          if (event.type === 'BOOKMARK') return
          const at = event.object.status?.containerStatuses?.[0]?.state?.running?.startedAt
          if (at !== undefined && starts.at(-1) !== Date.parse(at)) starts.push(Date.parse(at))
        },
        end: () => {},
      },
    )
    const annotations = { 'plimsoll.dev/run-duration': '2s', 'plimsoll.dev/exit-code': '3' }
    await lab.apply(podObject('crash', { containers: [{ name: 'main', image: 'app:1' }] }, { annotations }))
    await lab.clock.runFor(seconds(110))
    const gaps = starts.slice(1).map((at, i) => Math.round((at - starts[i]! - 2000) / 5000) * 5)
    expect(gaps).toEqual([0, 10, 20, 40])
    const [status] = (await lab.pods())[0]!.status!.containerStatuses!
    expect(status).toMatchObject({
      restartCount: 4,
      state: { waiting: { reason: 'CrashLoopBackOff' } },
      lastState: { terminated: { exitCode: 3, reason: 'Error' } },
    })
    const backOff = (await lab.events('Pod/crash')).filter((event) => event.reason === 'BackOff')
    expect(backOff).toHaveLength(1)
    expect(backOff[0]!.count).toBeGreaterThanOrEqual(3)
    expect(backOff[0]!.message).toMatch(/^Back-off restarting failed container main in pod crash_default\(/)
    await lab.cluster.stop()
  })

  it('takes its time to stop: preStop first, then what it needs, at most the grace period', async () => {
    const lab = await readyCluster({}, 1)
    const slow = { 'plimsoll.dev/exit-duration': '3s' }
    const stuck = { 'plimsoll.dev/exit-duration': '10m' }
    const container = { name: 'main', image: 'app:1', lifecycle: { preStop: { sleep: { seconds: 20 } } } }
    await lab.apply(
      podObject('slow', { containers: [container] }, { annotations: slow }),
      podObject('stuck', { containers: [{ name: 'main', image: 'app:1' }] }, { annotations: stuck }),
    )
    await lab.clock.runFor(seconds(30))
    const ends = new Map<string, { after: number; code: number; phase: string }>()
    const began = lab.clock.now()
    await lab.kube.watch(
      Pods,
      {},
      {
        event: (event) => {
          if (event.type !== 'DELETED') return
          const { status, metadata } = event.object
          const code = status?.containerStatuses?.[0]?.state?.terminated?.exitCode ?? -1
          ends.set(metadata.name, { after: (lab.clock.now() - began) / 1000, code, phase: status?.phase ?? '' })
        },
        end: () => {},
      },
    )
    await lab.kube.remove(Pods, key('slow'))
    await lab.kube.remove(Pods, key('stuck'))
    await lab.clock.runFor(seconds(60))
    expect(ends.get('slow')).toEqual({ after: 23, code: 0, phase: 'Succeeded' })
    expect(ends.get('stuck')).toEqual({ after: 30, code: 137, phase: 'Failed' })
    await lab.cluster.stop()
  })

  it('is refused by a kubelet that has no room for it', async () => {
    const lab = await readyCluster({}, 1)
    const container = { name: 'main', image: 'app:1', resources: { requests: { cpu: '4' } } }
    await lab.apply(podObject('forced', { nodeName: machine(0).nodeName, containers: [container] }))
    await lab.clock.runFor(seconds(5))
    expect((await lab.pods())[0]!.status).toMatchObject({
      phase: 'Failed',
      reason: 'OutOfcpu',
      message: "Pod was rejected: Node didn't have enough resource: cpu, requested: 4000, used: 0, capacity: 1930",
    })
    await lab.cluster.stop()
  })

  it.each([
    { when: 'a label that the node lacks', spec: { nodeSelector: { disk: 'ssd' } }, reason: 'NodeAffinity' },
    { when: 'a port that is taken', spec: {}, ports: [{ containerPort: 80, hostPort: 80 }], reason: 'NodePorts' },
  ])('is refused by a kubelet when it asks for $when', async ({ spec, ports, reason }) => {
    const lab = await readyCluster({}, 1)
    const { nodeName } = machine(0)
    const containers = [{ name: 'main', image: 'app:1', ports: [{ containerPort: 80, hostPort: 80 }] }]
    await lab.apply(podObject('first', { nodeName, containers }))
    await lab.clock.runFor(seconds(5))
    await lab.apply(podObject('forced', { ...spec, nodeName, containers: [{ name: 'main', image: 'app:1', ports }] }))
    await lab.clock.runFor(seconds(5))
    const pods = await lab.pods()
    expect(pods.find(({ metadata }) => metadata.name === 'first')!.status?.phase).toBe('Running')
    expect(pods.find(({ metadata }) => metadata.name === 'forced')!.status).toMatchObject({
      phase: 'Failed',
      reason,
      message: expect.stringMatching(`^Pod was rejected: Predicate ${reason} failed: node\\(s\\) didn't `) as string,
    })
    await lab.cluster.stop()
  })

  it('waits for the ConfigMap that it mounts', async () => {
    const lab = await readyCluster({}, 1)
    await lab.apply(
      podObject('mounting', {
        volumes: [{ name: 'config', configMap: { name: 'settings' } }],
        containers: [{ name: 'main', image: 'app:1' }],
      }),
    )
    await lab.clock.runFor(seconds(10))
    expect(summary(await lab.pods())).toEqual(['mounting Pending'])
    const failed = (await lab.events('Pod/mounting')).find((event) => event.reason === 'FailedMount')
    expect(failed!.message).toBe('MountVolume.SetUp failed for volume "config" : configmap "settings" not found')
    await lab.kube.create(ConfigMaps, { metadata: key('settings'), data: {} })
    await lab.clock.runFor(seconds(10))
    expect(summary(await lab.pods())).toEqual(['mounting Running'])
    await lab.cluster.stop()
  })
})

describe('a container program', () => {
  function recording(run: (context: ContainerContext) => Promise<number>): {
    programs: (image: string) => ContainerProgram | undefined
    contexts: ContainerContext[]
  } {
    const contexts: ContainerContext[] = []
    const program: ContainerProgram = {
      run: (context) => {
        contexts.push(context)
        return run(context)
      },
    }
    return { programs: (image) => (image.startsWith('ours') ? program : undefined), contexts }
  }

  const spec = (container: object = {}): object => ({
    serviceAccountName: 'default',
    containers: [{ name: 'main', image: 'ours:1', ...container }],
  })

  async function logOf(lab: Laboratory, name: string, options: object = {}): Promise<string> {
    let text = ''
    const reading = lab.cluster.podLogs.read(key(name), options, { chunk: (part) => (text += part), end: () => {} })
    if (reading instanceof KubeError) return reading.message
    reading.stop()
    return text
  }

  it('gets its command, arguments and environment as written in the pod', async () => {
    const { programs, contexts } = recording((context) => context.clock.sleep(seconds(1e6)).then(() => 0))
    const lab = await readyCluster({ programs }, 1)
    await lab.kube.create(ConfigMaps, { metadata: key('settings'), data: { colour: 'green' } })
    await lab.apply(
      podObject(
        'ours',
        spec({
          command: ['./run'],
          args: ['--name=$(POD)', '--keep=$$(POD)', '--unknown=$(NOPE)'],
          env: [
            { name: 'POD', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
            { name: 'NODE', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } },
            { name: 'COLOUR', valueFrom: { configMapKeyRef: { name: 'settings', key: 'colour' } } },
            { name: 'BOTH', value: '$(POD)-$(COLOUR)' },
            { name: 'CPUS', valueFrom: { resourceFieldRef: { resource: 'limits.cpu' } } },
          ],
          resources: { limits: { cpu: '1500m' } },
        }),
      ),
    )
    await lab.clock.runFor(seconds(10))
    const [context] = contexts
    expect(context!.command).toEqual(['./run'])
    expect(context!.args).toEqual(['--name=ours', '--keep=$(POD)', '--unknown=$(NOPE)'])
    expect(context!.env).toMatchObject({
      POD: 'ours',
      NODE: machine(0).nodeName,
      COLOUR: 'green',
      BOTH: 'ours-green',
      CPUS: '2',
      HOSTNAME: 'ours',
    })
    await lab.cluster.stop()
  })

  it('that lacks a key of a ConfigMap is not started until it is there', async () => {
    const { programs, contexts } = recording(() => new Promise(() => {}))
    const lab = await readyCluster({ programs }, 1)
    const env = [{ name: 'COLOUR', valueFrom: { configMapKeyRef: { name: 'settings', key: 'colour' } } }]
    await lab.apply(podObject('ours', spec({ env })))
    await lab.clock.runFor(seconds(10))
    expect((await lab.pods())[0]!.status!.containerStatuses![0]!.state).toEqual({
      waiting: { reason: 'CreateContainerConfigError', message: 'configmap "settings" not found' },
    })
    await lab.kube.create(ConfigMaps, { metadata: key('settings'), data: { colour: 'green' } })
    await lab.clock.runFor(seconds(30))
    expect(contexts).toHaveLength(1)
    await lab.cluster.stop()
  })

  it('writes a log that can be read, followed and read again after a restart', async () => {
    let runs = 0
    const { programs } = recording(async (context) => {
      const run = ++runs
      context.log(`run ${run} begins`)
      await context.clock.sleep(seconds(5))
      context.log(`run ${run} ends`)
      return run === 1 ? 1 : context.clock.sleep(seconds(1e6)).then(() => 0)
    })
    const lab = await readyCluster({ programs }, 1)
    await lab.apply(podObject('ours', spec()))
    expect(await logOf(lab, 'ours')).toMatch(/^container "main" in pod "ours" is/)
    await lab.clock.runFor(seconds(6))
    let followed = ''
    let ended = false
    lab.cluster.podLogs.read(
      key('ours'),
      { follow: true },
      {
        chunk: (text) => (followed += text),
        end: () => (ended = true),
      },
    )
    await lab.clock.runFor(seconds(30))
    expect(followed).toBe('run 1 begins\nrun 1 ends\n')
    expect(ended).toBe(true)
    expect(await logOf(lab, 'ours')).toBe('run 2 begins\nrun 2 ends\n')
    expect(await logOf(lab, 'ours', { previous: true })).toBe('run 1 begins\nrun 1 ends\n')
    expect(await logOf(lab, 'ours', { tailLines: 1, timestamps: true })).toMatch(/^2024-03-10T09:.*Z run 2 ends\n$/)
    expect(await logOf(lab, 'ours', { limitBytes: 5 })).toBe('run 2')
    expect((await lab.pods())[0]!.status!.containerStatuses![0]).toMatchObject({ restartCount: 1 })
    await lab.cluster.stop()
  })

  it('is asked by its probes, and restarted when it does not answer', async () => {
    let healthy = true
    const { programs, contexts } = recording(async (context) => {
      context.serve(8085, ({ path }) => ({
        status: path === '/health-check' && healthy ? 200 : 500,
        contentType: 'text/plain',
        body: '',
      }))
      await context.clock.sleep(seconds(1e6), context.terminate).catch(() => {})
      return 0
    })
    const lab = await readyCluster({ programs }, 1)
    const httpGet = { path: '/health-check', port: 'web' }
    await lab.apply(
      podObject(
        'ours',
        spec({
          ports: [{ name: 'web', containerPort: 8085 }],
          livenessProbe: { httpGet, periodSeconds: 10, failureThreshold: 3 },
          readinessProbe: { httpGet, periodSeconds: 5, failureThreshold: 1 },
        }),
      ),
    )
    await lab.clock.runFor(seconds(20))
    const pod = (await lab.pods())[0]!
    expect(pod.status!.containerStatuses![0]!.ready).toBe(true)
    expect(lab.cluster.http(pod.status!.podIP!, 8085, { method: 'GET', path: '/health-check' })?.status).toBe(200)
    expect(lab.cluster.http(pod, 9999, { method: 'GET', path: '/' })).toBeUndefined()
    healthy = false
    await lab.clock.runFor(seconds(11))
    expect((await lab.pods())[0]!.status!.containerStatuses![0]!.ready).toBe(false)
    await lab.clock.runFor(seconds(25))
    expect(contexts).toHaveLength(2)
    const messages = (await lab.events('Pod/ours')).map((event) => `${event.reason} ${event.message}`)
    expect(messages).toContain('Unhealthy Liveness probe failed: HTTP probe failed with statuscode: 500')
    expect(messages).toContain('Killing Container main failed liveness probe, will be restarted')
    await lab.cluster.stop()
  })

  it('acts as its service account and hears SIGTERM', async () => {
    let stopped = 0
    const { programs, contexts } = recording(async (context) => {
      await context.clock.sleep(seconds(1e6), context.terminate).catch(() => {})
      await context.clock.sleep(seconds(4))
      stopped = context.clock.now()
      return 0
    })
    const lab = await readyCluster({ programs }, 1)
    await lab.apply(podObject('ours', spec()))
    await lab.clock.runFor(seconds(10))
    expect((await contexts[0]!.kube.get(Pods, key('ours'))).metadata.name).toBe('ours')
    const asked = lab.clock.now()
    await lab.kube.remove(Pods, key('ours'))
    await lab.clock.runFor(seconds(60))
    expect(stopped - asked).toBe(4000)
    expect(await lab.pods()).toEqual([])
    await lab.cluster.stop()
  })

  it('on a machine that loses power writes nothing any more', async () => {
    let ticks = 0
    const { programs, contexts } = recording(async (context) => {
      context.serve(80, () => ({ status: 200, contentType: 'text/plain', body: '' }))
      for (;;) {
        await context.clock.sleep(seconds(1))
        ticks++
      }
    })
    const lab = await readyCluster({ programs }, 1)
    await lab.apply(podObject('ours', spec()))
    await lab.clock.runFor(seconds(10))
    expect(ticks).toBeGreaterThan(3)
    const address = (await lab.pods())[0]!.status!.podIP!
    expect(lab.cluster.http(address, 80, { method: 'GET', path: '/' })?.status).toBe(200)
    lab.machines.off(machine(0))
    expect(lab.cluster.http(address, 80, { method: 'GET', path: '/' })).toBeUndefined()
    const then = ticks
    await lab.clock.runFor(seconds(30))
    expect(ticks).toBe(then)
    expect(contexts[0]!.kill.aborted).toBe(true)
    await expect(contexts[0]!.kube.list(Pods)).rejects.toMatchObject({ failure: 'unavailable' })
    await lab.cluster.stop()
  })
})

describe('a disruption budget', () => {
  it('blocks evictions until the replacement is ready', async () => {
    const lab = await readyCluster()
    await lab.apply(deployment('web', 3), budget('web', 'web', { maxUnavailable: 1 }))
    await lab.clock.runFor(seconds(30))
    const status = async (): Promise<object> => (await lab.kube.get(PodDisruptionBudgets, key('web'))).status!
    expect(await status()).toMatchObject({
      expectedPods: 3,
      desiredHealthy: 2,
      currentHealthy: 3,
      disruptionsAllowed: 1,
      observedGeneration: 1,
      conditions: [{ type: 'DisruptionAllowed', status: 'True', reason: 'SufficientPods' }],
    })
    const [first, second] = await lab.pods()
    await lab.kube.evict(first!.metadata)
    await expect(lab.kube.evict(second!.metadata)).rejects.toMatchObject({ failure: 'tooManyRequests' })
    await lab.clock.runFor(seconds(40))
    expect(await status()).toMatchObject({ currentHealthy: 3, disruptionsAllowed: 1 })
    await lab.kube.evict(second!.metadata)
    await lab.clock.runFor(seconds(40))
    expect((await lab.pods()).map((pod) => pod.metadata.name)).not.toContain(second!.metadata.name)
    await lab.cluster.stop()
  })

  it.each([
    { spec: { minAvailable: 2 }, expectedPods: 4, desiredHealthy: 2, disruptionsAllowed: 2 },
    { spec: { minAvailable: '50%' }, expectedPods: 4, desiredHealthy: 2, disruptionsAllowed: 2 },
    { spec: { maxUnavailable: '30%' }, expectedPods: 4, desiredHealthy: 2, disruptionsAllowed: 2 },
    { spec: { maxUnavailable: 0 }, expectedPods: 4, desiredHealthy: 4, disruptionsAllowed: 0 },
  ])('$spec of 4', async ({ spec, ...expected }) => {
    const lab = await readyCluster()
    await lab.apply(deployment('web', 4), budget('web', 'web', spec))
    await lab.clock.runFor(seconds(30))
    expect((await lab.kube.get(PodDisruptionBudgets, key('web'))).status).toMatchObject(expected)
    await lab.cluster.stop()
  })
})

describe('a disruption budget of a pod that has the name of what every object inherits', () => {
  it('counts it like others', async () => {
    const lab = await readyCluster()
    const spec = { containers: [{ name: 'c', image: 'nginx' }] }
    const pod = podObject('constructor', spec, { labels: { app: 'web' } })
    await lab.apply(pod, budget('web', 'web', { minAvailable: 0 }))
    await lab.clock.runFor(seconds(30))
    const status = async (): Promise<object> => (await lab.kube.get(PodDisruptionBudgets, key('web'))).status!
    expect(await status()).toMatchObject({ currentHealthy: 1, disruptionsAllowed: 1 })
    await lab.cluster.stop()
  })
})

describe('a disruption budget of pods that are not ready', () => {
  it('allows no disruption', async () => {
    const lab = await readyCluster()
    const container = { readinessProbe: { httpGet: { port: 80 } } }
    const template = { annotations: { 'plimsoll.dev/ready-delay': '10m' } }
    await lab.apply(deployment('web', 4, { container, template }), budget('web', 'web', { minAvailable: 1 }))
    await lab.clock.runFor(seconds(60))
    expect((await lab.kube.get(PodDisruptionBudgets, key('web'))).status).toMatchObject({
      expectedPods: 4,
      currentHealthy: 0,
      disruptionsAllowed: 0,
      conditions: [{ type: 'DisruptionAllowed', status: 'False', reason: 'InsufficientPods' }],
    })
    await lab.cluster.stop()
  })
})

describe('a daemon set', () => {
  it('has one pod on each node that it fits, and replaces them one by one', async () => {
    const lab = await readyCluster()
    await lab.apply({
      apiVersion: 'apps/v1',
      kind: 'DaemonSet',
      metadata: { name: 'agent' },
      spec: {
        selector: { matchLabels: { app: 'agent' } },
        template: {
          metadata: { labels: { app: 'agent' } },
          spec: {
            nodeSelector: { 'eks.amazonaws.com/nodegroup': 'ng1' },
            containers: [{ name: 'main', image: 'agent:1' }],
          },
        },
      },
    } as unknown as Json)
    await lab.clock.runFor(seconds(30))
    const nodesOf = async (): Promise<string[]> =>
      (await lab.pods('app=agent')).map((pod) => pod.spec.nodeName ?? '').sort()
    expect(await nodesOf()).toEqual([0, 1, 2].map((n) => machine(n).nodeName).sort())
    lab.machines.on(machine(3))
    lab.machines.on(machine(4, { labels: {} }))
    await lab.clock.runFor(seconds(90))
    expect(await nodesOf()).toEqual([0, 1, 2, 3].map((n) => machine(n).nodeName).sort())
    const image = [{ op: 'replace', path: '/spec/template/spec/containers/0/image', value: 'agent:2' }]
    await lab.kube.patch(DaemonSets, key('agent'), { type: 'json', body: image })
    await lab.clock.runFor(seconds(120))
    const pods = await lab.pods('app=agent')
    expect(pods.map((pod) => pod.spec.containers[0]!.image)).toEqual(['agent:2', 'agent:2', 'agent:2', 'agent:2'])
    expect((await lab.kube.get(DaemonSets, key('agent'))).status).toMatchObject({
      desiredNumberScheduled: 4,
      currentNumberScheduled: 4,
      updatedNumberScheduled: 4,
      numberReady: 4,
      numberAvailable: 4,
      numberMisscheduled: 0,
    })
    await lab.cluster.stop()
  })
})

describe('a stateful set', () => {
  it('comes in order with its claims, and goes in reverse', async () => {
    const lab = await readyCluster()
    await lab.apply({
      apiVersion: 'apps/v1',
      kind: 'StatefulSet',
      metadata: { name: 'db' },
      spec: {
        serviceName: 'db',
        replicas: 3,
        selector: { matchLabels: { app: 'db' } },
        template: {
          metadata: { labels: { app: 'db' } },
          spec: { containers: [{ name: 'main', image: 'db:1' }] },
        },
      },
    } as unknown as Json)
    await lab.clock.runFor(seconds(60))
    const pods = await lab.pods('app=db')
    expect(summary(pods)).toEqual(['db-0 Running', 'db-1 Running', 'db-2 Running'])
    const readyAt = pods.map((pod) => pod.status!.conditions!.find((c) => c.type === 'Ready')!.lastTransitionTime!)
    const madeAt = pods.map((pod) => pod.metadata.creationTimestamp)
    expect(madeAt[1]! >= readyAt[0]! && madeAt[2]! >= readyAt[1]!).toBe(true)
    await lab.kube.patch(StatefulSets, key('db'), { type: 'merge', body: { spec: { replicas: 1 } } })
    await lab.clock.runFor(seconds(60))
    expect(summary(await lab.pods('app=db'))).toEqual(['db-0 Running'])
    expect((await lab.kube.get(StatefulSets, key('db'))).status).toMatchObject({ replicas: 1, readyReplicas: 1 })
    await lab.cluster.stop()
  })

  it('gets the volumes that it wants, in the zone of its node', async () => {
    const lab = await readyCluster()
    await lab.apply({
      apiVersion: 'apps/v1',
      kind: 'StatefulSet',
      metadata: { name: 'db' },
      spec: {
        serviceName: 'db',
        replicas: 1,
        selector: { matchLabels: { app: 'db' } },
        template: { metadata: { labels: { app: 'db' } }, spec: { containers: [{ name: 'main', image: 'db:1' }] } },
        volumeClaimTemplates: [
          {
            metadata: { name: 'data' },
            spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
          },
        ],
      },
    } as unknown as Json)
    await lab.clock.runFor(seconds(60))
    await lab.kube.get(PersistentVolumeClaims, key('data-db-0'))
    expect((await lab.pods('app=db'))[0]!.spec.volumes![0]).toEqual({
      name: 'data',
      persistentVolumeClaim: { claimName: 'data-db-0' },
    })
    const claim = await lab.kube.get(PersistentVolumeClaims, key('data-db-0'))
    expect(claim.status).toMatchObject({ phase: 'Bound', capacity: { storage: '1Gi' } })
    const volume = await lab.kube.get(PersistentVolumes, { name: claim.spec!.volumeName! })
    const [pod] = await lab.pods('app=db')
    expect(pod!.status?.phase).toBe('Running')
    const node = await lab.kube.get(Nodes, { name: pod!.spec.nodeName! })
    const zone = node.metadata.labels!['topology.kubernetes.io/zone']
    const [term] = volume.spec!.nodeAffinity!.required!.nodeSelectorTerms
    expect(term!.matchExpressions![0]!.values).toEqual([zone])
    await lab.kube.remove(StatefulSets, key('db'))
    await lab.kube.remove(PersistentVolumeClaims, key('data-db-0'))
    await lab.clock.runFor(seconds(60))
    expect((await lab.kube.list(PersistentVolumes)).items).toEqual([])
    await lab.cluster.stop()
  })
})

describe('a job', () => {
  const job = (name: string, spec: object, annotations: object = {}): Json =>
    ({
      apiVersion: 'batch/v1',
      kind: 'Job',
      metadata: { name },
      spec: {
        template: {
          metadata: { annotations },
          spec: { restartPolicy: 'Never', containers: [{ name: 'main', image: 'work:1' }] },
        },
        ...spec,
      },
    }) as unknown as Json

  it('runs its completions a few at a time, and goes when its time is over', async () => {
    const lab = await readyCluster()
    let most = 0
    await lab.kube.watch(
      Jobs,
      {},
      {
        event: (event) => {
          if (event.type !== 'BOOKMARK') most = Math.max(most, event.object.status?.active ?? 0)
        },
        end: () => {},
      },
    )
    await lab.apply(job('work', { completions: 5, parallelism: 2, ttlSecondsAfterFinished: 100 }))
    await lab.clock.runFor(seconds(60))
    const { status } = await lab.kube.get(Jobs, key('work'))
    expect(status).toMatchObject({ succeeded: 5 })
    expect(status!.active).toBeUndefined()
    expect(most).toBe(2)
    expect(status!.conditions!.map((condition) => condition.type)).toEqual(['SuccessCriteriaMet', 'Complete'])
    const pods = await lab.pods()
    expect(pods.map((pod) => pod.status?.phase)).toEqual(Array(5).fill('Succeeded'))
    expect(pods.flatMap((pod) => pod.metadata.finalizers ?? [])).toEqual([])
    await lab.clock.runFor(seconds(120))
    await expect(lab.kube.get(Jobs, key('work'))).rejects.toMatchObject({ failure: 'notFound' })
    expect(await lab.pods()).toEqual([])
    await lab.cluster.stop()
  })

  it('fails after its backoff limit, each try later than the one before', async () => {
    const lab = await readyCluster()
    await lab.apply(
      job('broken', { backoffLimit: 2 }, { 'plimsoll.dev/run-duration': '1s', 'plimsoll.dev/exit-code': '1' }),
    )
    await lab.clock.runFor(seconds(120))
    const { status } = await lab.kube.get(Jobs, key('broken'))
    expect(status).toMatchObject({ failed: 3 })
    expect(status!.conditions!.at(-1)).toMatchObject({ type: 'Failed', reason: 'BackoffLimitExceeded' })
    const started = (await lab.pods()).map((pod) => Date.parse(pod.status!.startTime!)).sort((a, b) => a - b)
    expect(started[1]! - started[0]!).toBeGreaterThan(10_000)
    expect(started[2]! - started[1]!).toBeGreaterThan(20_000)
    await lab.cluster.stop()
  })

  it('of indexes gives each pod its own', async () => {
    const lab = await readyCluster()
    await lab.apply(job('parts', { completions: 3, parallelism: 3, completionMode: 'Indexed' }))
    await lab.clock.runFor(seconds(60))
    expect((await lab.kube.get(Jobs, key('parts'))).status).toMatchObject({ succeeded: 3, completedIndexes: '0-2' })
    expect(
      (await lab.pods())
        .map((pod) => pod.metadata.annotations!['batch.kubernetes.io/job-completion-index'] ?? '')
        .sort(),
    ).toEqual(['0', '1', '2'])
    await lab.cluster.stop()
  })

  it('comes by the clock', async () => {
    const lab = await readyCluster()
    await lab.apply({
      apiVersion: 'batch/v1',
      kind: 'CronJob',
      metadata: { name: 'nightly' },
      spec: {
        schedule: '*/10 * * * *',
        successfulJobsHistoryLimit: 2,
        jobTemplate: {
          spec: { template: { spec: { restartPolicy: 'Never', containers: [{ name: 'main', image: 'work:1' }] } } },
        },
      },
    } as unknown as Json)
    await lab.clock.runFor(seconds(3600))
    const jobs = (await lab.kube.list(Jobs)).items
    expect(jobs).toHaveLength(2)
    expect(jobs.map((j) => j.metadata.annotations!['batch.kubernetes.io/cronjob-scheduled-timestamp'])).toEqual([
      '2024-03-10T09:50:00Z',
      '2024-03-10T10:00:00Z',
    ])
    await lab.cluster.stop()
  })
})

describe('a service', () => {
  it('leads to the ready pods behind it', async () => {
    const lab = await readyCluster()
    await lab.apply(deployment('web', 3, { container: { ports: [{ name: 'http', containerPort: 8080 }] } }), {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'web' },
      spec: { selector: { app: 'web' }, ports: [{ name: 'http', port: 80, targetPort: 'http' }] },
    } as unknown as Json)
    await lab.clock.runFor(seconds(30))
    const slices = async (): Promise<unknown> =>
      (await lab.kube.list(EndpointSlices, { labelSelector: 'kubernetes.io/service-name=web' })).items
    const ips = (await lab.pods()).map((pod) => pod.status!.podIP!).sort()
    expect(await slices()).toMatchObject([{ ports: [{ name: 'http', port: 8080, protocol: 'TCP' }] }])
    const [slice] = (await slices()) as { endpoints: { addresses: string[]; conditions: object; zone: string }[] }[]
    expect(slice!.endpoints.map((endpoint) => endpoint.addresses[0] ?? '').sort()).toEqual(ips)
    expect(slice!.endpoints[0]).toMatchObject({ conditions: { ready: true, serving: true, terminating: false } })
    const old: Endpoints = await lab.kube.get(EndpointsResource, key('web'))
    expect(old.subsets![0]!.addresses!.map((address) => address.ip).sort()).toEqual(ips)
    await scale(lab, 'web', 0)
    await lab.clock.runFor(seconds(60))
    expect(((await slices()) as { endpoints: unknown[] }[])[0]!.endpoints ?? []).toEqual([])
    await lab.cluster.stop()
  })
})
