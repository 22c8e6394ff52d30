// Cluster Autoscaler as a process of its own, over HTTPS and the AWS SDK, cut off with SIGKILL at the two worst moments
// and started again: nothing is leaked, nothing is done twice.
import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { startAwsServer, type AwsServer } from '@plimsoll/embedded-aws'
import { createPki, kubeconfig, startKubeServer, type KubeServer } from '@plimsoll/embedded-kube'
import { Deployments, Nodes, Pods, seconds, type Deployment, type Draft, type Node, type Pod } from '@plimsoll/model'
import { SeededRandom, silentLog, SystemClock, type KubeApi } from '@plimsoll/ports'
import { House } from '@plimsoll/simulator'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { workshopBase } from '../src/workshop.ts'

const bin = fileURLToPath(new URL('../bin/plimsoll.mjs', import.meta.url))
const clock = new SystemClock()
const web = { namespace: 'default', name: 'web' }
const replicasHigh = 15
/** One on each new node among them: those have to be evicted. */
const replicasLow = 6

const deployment: Draft<Deployment> = {
  metadata: web,
  spec: {
    replicas: 1,
    selector: { matchLabels: { app: 'web' } },
    template: {
      metadata: { labels: { app: 'web' } },
      spec: {
        containers: [{ name: 'web', image: 'nginx', resources: { requests: { cpu: '500m', memory: '512Mi' } } }],
      },
    },
  },
}

describe('Cluster Autoscaler, killed', () => {
  const folder = mkdtempSync(join(tmpdir(), 'plimsoll-killed-'))
  const house = new House({
    clock,
    random: new SeededRandom('killed'),
    log: silentLog,
    timing: 'fast',
    cluster: { name: 'myeks', region: 'ap-northeast-2', version: '1.35' },
    nodeGroup: { name: 'ng1', instanceType: 't3.medium', min: 3, max: 6, desired: 3 },
    manifests: workshopBase(),
  })
  const kube: KubeApi = house.client()
  let kubeServer: KubeServer
  let awsServer: AwsServer
  let autoscaler: ChildProcess | undefined
  let said = ''

  beforeAll(async () => {
    const pki = await createPki()
    kubeServer = await startKubeServer(house.kube, { port: 0, pki })
    awsServer = await startAwsServer(house.aws, { port: 0 })
    writeFileSync(
      join(folder, 'kubeconfig'),
      kubeconfig({
        name: 'myeks',
        server: kubeServer.url,
        ca: pki.ca.certificate,
        credential: { kind: 'certificate', ...pki.admin },
      }),
    )
    await house.start()
    await until('three nodes are ready', async () => (await readyNodes()) === 3)
    await kube.create(Deployments, deployment)
    await until('one pod runs', async () => (await running()) === 1)
  }, 60_000)

  afterAll(async () => {
    autoscaler?.kill('SIGKILL')
    await kubeServer.close()
    await awsServer.close()
    await house.stop()
    rmSync(folder, { recursive: true, force: true })
  })

  it('in mid scale-up: six instances, never a seventh, and every pod runs', async () => {
    start()
    await scale(replicasHigh)
    // The cloud has been asked; the answer may not even have arrived.
    await until('the group is asked to grow', async () => (await desired()) === 6, 5)
    await kill()
    start()
    let most = 0
    await until('all pods run', async () => {
      most = Math.max(most, instances(), await desired())
      return (await running()) === replicasHigh
    })
    expect(most).toBe(6)
    expect(instances()).toBe(6)
  }, 90_000)

  it('in mid drain: three instances, every pod runs, and no mark is left', async () => {
    await keepOnePodOnEveryNode()
    await scale(replicasLow)
    await until(
      'a node is marked and its pods are being evicted',
      async () => {
        const marked = new Set((await nodes()).filter(isMarked).map((node) => node.metadata.name))
        return (await pods()).some((pod) => isEvicted(pod) && marked.has(pod.spec.nodeName ?? ''))
      },
      5,
    )
    await kill()
    start()
    let fewest = Infinity
    await until('the group is at its minimum', async () => {
      fewest = Math.min(fewest, instances(), await desired())
      return (await desired()) === 3 && instances() === 3
    })
    await until('all pods run', async () => (await running()) === replicasLow)
    expect(fewest).toBe(3)
    const alive = new Set(
      house.aws.cloud.instances
        .all()
        .filter((i) => i.state === 'running')
        .map((i) => i.id),
    )
    const left = (await nodes()).filter((node) => alive.has(node.spec.providerID?.split('/').at(-1) ?? ''))
    expect(left).toHaveLength(3)
    expect(left.filter(isMarked)).toEqual([])
    expect(left.filter((node) => node.spec.unschedulable === true)).toEqual([])
  }, 120_000)

  function start(): void {
    const flags = [
      `--kubeconfig=${join(folder, 'kubeconfig')}`,
      '--cloud-provider=aws',
      '--node-group-auto-discovery=asg:tag=k8s.io/cluster-autoscaler/enabled,k8s.io/cluster-autoscaler/myeks',
      '--address=127.0.0.1:0',
      '--scan-interval=1s',
      '--skip-nodes-with-local-storage=false',
      '--skip-nodes-with-system-pods=false',
      '--scale-down-delay-after-add=2s',
      '--scale-down-unneeded-time=3s',
      '--unremovable-node-recheck-timeout=2s',
      '--node-delete-delay-after-taint=1s',
      '--v=2',
    ]
    autoscaler = spawn(process.execPath, [bin, 'cluster-autoscaler', ...flags], {
      env: {
        PATH: process.env['PATH'],
        HOME: folder,
        AWS_ENDPOINT_URL: awsServer.url,
        AWS_REGION: 'ap-northeast-2',
        AWS_ACCESS_KEY_ID: 'test',
        AWS_SECRET_ACCESS_KEY: 'test',
      },
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    autoscaler.stderr!.on('data', (chunk: Buffer) => (said = (said + chunk.toString()).slice(-20_000)))
  }

  async function kill(): Promise<void> {
    const dying = autoscaler!
    const gone = new Promise((resolve) => dying.on('exit', resolve))
    dying.kill('SIGKILL')
    await gone
  }

  async function until(what: string, condition: () => Promise<boolean>, everyMs = 50): Promise<void> {
    const end = clock.now() + seconds(80)
    while (!(await condition())) {
      if (clock.now() > end) throw new Error(`waited in vain until ${what}; the autoscaler said last:\n${said}`)
      await clock.sleep(seconds(everyMs / 1000))
    }
  }

  async function scale(replicas: number): Promise<void> {
    const current = await kube.readScale(Deployments, web)
    await kube.writeScale(Deployments, web, { ...current, spec: { replicas } })
  }

  async function keepOnePodOnEveryNode(): Promise<void> {
    const kept = new Set<string | undefined>()
    for (const { metadata, spec } of await pods()) {
      if (kept.has(spec.nodeName)) continue
      kept.add(spec.nodeName)
      const annotations = { 'controller.kubernetes.io/pod-deletion-cost': '1000' }
      await kube.patch(Pods, metadata, { type: 'merge', body: { metadata: { annotations } } })
    }
  }

  async function nodes(): Promise<readonly Node[]> {
    return (await kube.list(Nodes)).items
  }
  async function readyNodes(): Promise<number> {
    const ready = (await nodes()).filter((node) =>
      node.status?.conditions?.some((c) => c.type === 'Ready' && c.status === 'True'),
    )
    return ready.length
  }
  async function pods(): Promise<readonly Pod[]> {
    return (await kube.list(Pods, { namespace: 'default' })).items
  }
  async function running(): Promise<number> {
    const live = (await pods()).filter((pod) => pod.metadata.deletionTimestamp === undefined)
    return live.filter((pod) => pod.status?.phase === 'Running').length === live.length ? live.length : -1
  }
  async function desired(): Promise<number> {
    const answer = await house.aws
      .api()
      .call('autoscaling', 'DescribeAutoScalingGroups', { AutoScalingGroupNames: [house.groupName] })
    return answer.AutoScalingGroups?.[0]?.DesiredCapacity ?? -1
  }
  /** Those that cost money. */
  function instances(): number {
    return house.aws.cloud.instances.all().filter((i) => i.state === 'pending' || i.state === 'running').length
  }
})

function isMarked(node: Node): boolean {
  return node.spec.taints?.some(({ key }) => key === 'ToBeDeletedByClusterAutoscaler') === true
}

function isEvicted(pod: Pod): boolean {
  return (
    pod.metadata.deletionTimestamp !== undefined &&
    pod.status?.conditions?.some((c) => c.type === 'DisruptionTarget') === true
  )
}
