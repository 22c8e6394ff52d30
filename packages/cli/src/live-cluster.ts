// The embedded world on real ports: the house of `simulator`, served to clients that we did not write.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setClusterEndpoint, startAwsServer } from '@plimsoll/embedded-aws'
import { createPki, kubeconfig, startKubeServer, type Pki } from '@plimsoll/embedded-kube'
import { Deployments, minutes, ms, Nodes } from '@plimsoll/model'
import {
  ScaledClock,
  SeededRandom,
  silentLog,
  SystemClock,
  type AwsApi,
  type Clock,
  type KubeApi,
} from '@plimsoll/ports'
import { House, type KubeManifest } from '@plimsoll/simulator'
import { readCharts, shippedCharts } from './charts/chart.ts'
import { startChartServer } from './charts/chart-server.ts'
import { DataFolder } from './durable/data-folder.ts'
import { clusterEnvironment } from './environment.ts'
import { HistoryClock } from './history-clock.ts'
import { writePrivately, type InstancePaths, type RunningCluster } from './instance.ts'
import { choosePort } from './ports.ts'
import { ShiftedClock } from './shifted-clock.ts'
import { isReady } from './ticker.ts'
import { clusterAutoscalerManifests, workshopBase } from './workshop.ts'

export interface LiveClusterOptions {
  readonly name: string
  readonly speed: number
  readonly seed: string
  /** Absent: the usual port, or a free one when that is taken. 0: any free one. */
  readonly port?: number
  readonly awsPort?: number
  readonly chartsPort?: number
  /** Whether roles and bindings decide who may do what; AlwaysAllow when absent. */
  readonly authorizationMode?: 'AlwaysAllow' | 'RBAC'
  /** Nothing installed, at most three nodes. */
  readonly workshop: boolean
  readonly paths: InstancePaths
  /** Where the cluster is kept, and goes on from. */
  readonly dataDir?: string
}

export interface LiveCluster {
  readonly running: RunningCluster
  readonly clock: Clock
  readonly kube: KubeApi
  readonly aws: AwsApi
  /** What runs where, in a few lines. */
  summary(): Promise<string>
  stop(): Promise<void>
}

const region = 'ap-northeast-2'
const kubernetesVersion = '1.35'
/** How old a cluster is when it is first seen: its nodes have long joined, and its pods run. */
const history = minutes(15)
/** What one that is started again needs until its machines have booted and its pods run. */
const bootTime = minutes(3)

/** @throws {CliError} when a port is taken */
export async function startLiveCluster(o: LiveClusterOptions): Promise<LiveCluster> {
  const kubePort = await choosePort({ asked: o.port, usual: 6443, option: '--port' })
  const awsPort = await choosePort({ asked: o.awsPort, usual: 6444, option: '--aws-port', besides: [kubePort] })
  const chartsPort = await choosePort({
    asked: o.chartsPort,
    usual: 6445,
    option: '--charts-port',
    besides: [kubePort, awsPort],
  })
  const folder = o.dataDir === undefined ? undefined : DataFolder.open(o.dataDir, o.name)
  const starts = folder?.starts ?? 0
  const pki = await keptPki(folder?.pki ?? o.paths.pki)

  const base = workshopBase()
  const system = new SystemClock()
  const present = ms(Math.max(system.now(), starts > 0 ? folder!.lastSeen + bootTime : 0))
  const clock = new HistoryClock({ present, history: starts > 0 ? bootTime : history })
  folder?.follow(clock)
  const house = new House({
    clock,
    random: new SeededRandom(starts === 0 ? o.seed : `${o.seed}/start ${starts}`),
    log: silentLog,
    authorizationMode: o.authorizationMode,
    certificateAuthority: pki.ca.certificate,
    heartbeats: 'written',
    cluster: { name: o.name, region, version: kubernetesVersion },
    nodeGroup: { name: 'ng1', instanceType: 't3.medium', min: 3, max: o.workshop ? 3 : 6, desired: 3 },
    manifests: base.filter((manifest) => !movesToNodes(manifest)),
    journal: folder?.journal,
  })
  // As such clusters come about: first the nodes join, then people install things, which so spread over them.
  await house.start()
  if (!house.isResumed) {
    await clock.pass(minutes(5))
    for (const manifest of base.filter(movesToNodes)) house.install(manifest)
    if (!o.workshop) for (const manifest of clusterAutoscalerManifests(o.name)) house.install(manifest)
  }
  await clock.live(() => new ScaledClock(new ShiftedClock(system, ms(Math.max(0, present - system.now()))), o.speed))

  const kube = house.client()
  const kubelet = (await kube.list(Nodes)).items[0]?.status?.nodeInfo?.kubeletVersion
  const kubeServer = await startKubeServer(house.kube, {
    port: kubePort,
    pki,
    ...(kubelet === undefined ? {} : { gitVersion: kubelet }),
  })
  const kubeUrl = kubeServer.url
  const awsServer = await startAwsServer(house.aws, { port: awsPort })
  const chartServer = await startChartServer(readCharts(shippedCharts()), { port: chartsPort })

  setClusterEndpoint(house.aws, o.name, { url: kubeUrl, caPem: pki.ca.certificate })
  await folder?.started()

  const aws = house.aws.api()
  writePrivately(
    o.paths.kubeconfig,
    kubeconfig({
      name: o.name,
      server: kubeUrl,
      ca: pki.ca.certificate,
      credential: { kind: 'certificate', ...pki.admin },
    }),
  )
  const running: RunningCluster = {
    kubeUrl,
    awsUrl: awsServer.url,
    environment: clusterEnvironment({
      name: o.name,
      region,
      accountId: house.aws.accountId,
      kubeconfig: o.paths.kubeconfig,
      kubeCache: o.paths.kubeCache,
      awsUrl: awsServer.url,
      chartsUrl: chartServer.url,
      images: { ...(await image(aws, 'arm64')), ...(await image(aws, 'amd64')) },
    }),
  }
  return {
    running,
    clock,
    kube,
    aws,
    summary: async () => {
      const nodes = (await kube.list(Nodes)).items
      const types = new Set(nodes.map((node) => node.metadata.labels?.['node.kubernetes.io/instance-type'] ?? '?'))
      const rows: readonly (readonly [string, string])[] = [
        [
          'Cluster',
          `${o.name}, Kubernetes ${kubernetesVersion}, ${region}${o.speed === 1 ? '' : `, time ×${o.speed}`}`,
        ],
        ['Kubernetes API', kubeUrl],
        ['AWS endpoint', awsServer.url],
        ['Helm charts', chartServer.url],
        ['kubeconfig', o.paths.kubeconfig],
        ['Nodes', `${nodes.filter(isReady).length} of ${nodes.length} Ready, ${[...types].join(', ')}`],
        ['Node group', await groupSize(aws)],
        ['Autoscaler', (await hasAutoscaler(kube)) ? 'Cluster Autoscaler, in kube-system' : 'none installed'],
        ...(o.dataDir === undefined ? [] : [['Kept in', o.dataDir] as const]),
      ]
      return rows.map(([name, value]) => `${name.padEnd(15)} ${value}`).join('\n')
    },
    stop: async () => {
      await kubeServer.close()
      await awsServer.close()
      await chartServer.close()
      await house.stop()
      clock.close()
      folder?.journal.close()
    },
  }
}

function movesToNodes(manifest: KubeManifest): boolean {
  return manifest.kind === 'Deployment' || manifest.kind === 'StatefulSet'
}

async function groupSize(aws: AwsApi): Promise<string> {
  const { AutoScalingGroups } = await aws.call('autoscaling', 'DescribeAutoScalingGroups', {})
  const group = AutoScalingGroups?.find(({ AutoScalingGroupName: name }) => name?.startsWith('eks-ng1-') === true)
  return group === undefined ? 'ng1 is gone' : `ng1: min ${group.MinSize}, max ${group.MaxSize}`
}

async function hasAutoscaler(kube: KubeApi): Promise<boolean> {
  const { items } = await kube.list(Deployments, { namespace: 'kube-system' })
  return items.some(({ metadata }) => metadata.name === 'cluster-autoscaler')
}

/** The newest EKS image, as Karpenter's chapter wants it. */
async function image(aws: AwsApi, architecture: 'arm64' | 'amd64'): Promise<{ arm64?: string; amd64?: string }> {
  const folder = architecture === 'arm64' ? 'arm64' : 'x86_64'
  const name = `/aws/service/eks/optimized-ami/${kubernetesVersion}/amazon-linux-2023/${folder}/standard/recommended/image_id`
  try {
    const { Parameter } = await aws.call('ssm', 'GetParameter', { Name: name })
    return Parameter?.Value === undefined ? {} : { [architecture]: Parameter.Value }
  } catch {
    return {}
  }
}

const pkiParts = ['ca', 'server', 'admin'] as const

/** The keys of an earlier run under this name, so that its kubeconfigs stay good, or new ones. */
async function keptPki(folder: string): Promise<Pki> {
  const file = (part: string, kind: 'crt' | 'key'): string => join(folder, `${part}.${kind}`)
  if (pkiParts.every((part) => existsSync(file(part, 'crt')) && existsSync(file(part, 'key')))) {
    const read = (part: string): Pki['ca'] => ({
      certificate: readFileSync(file(part, 'crt'), 'utf8'),
      key: readFileSync(file(part, 'key'), 'utf8'),
    })
    return { ca: read('ca'), server: read('server'), admin: read('admin') }
  }
  const pki = await createPki()
  for (const part of pkiParts) {
    writePrivately(file(part, 'crt'), pki[part].certificate)
    writePrivately(file(part, 'key'), pki[part].key)
  }
  return pki
}
