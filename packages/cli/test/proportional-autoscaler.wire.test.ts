// Cluster Proportional Autoscaler as a process of its own over HTTPS: it scales, answers on its port, keeps log files,
// and is cut off with SIGKILL and started again.
import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ApiServer, bootstrap, createPki, kubeconfig, startKubeServer, type KubeServer } from '@plimsoll/embedded-kube'
import { ConfigMaps, Deployments, Nodes } from '@plimsoll/model'
import { SeededRandom, SystemClock, type KubeApi } from '@plimsoll/ports'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'

const bin = fileURLToPath(new URL('../bin/plimsoll.mjs', import.meta.url))
const key = { namespace: 'default', name: 'web' }
const folder = mkdtempSync(join(tmpdir(), 'plimsoll-cpa-'))
let server: KubeServer
let kube: KubeApi
let port: number
let child: ChildProcess | undefined
let said = ''

beforeAll(async () => {
  const api = new ApiServer({ clock: new SystemClock(), random: new SeededRandom('cpa') })
  bootstrap(api)
  kube = api.client({ name: 'admin', groups: ['system:masters'] }, 'test')
  const pki = await createPki()
  server = await startKubeServer(api, { port: 0, pki })
  const credential = { kind: 'certificate' as const, ...pki.admin }
  const text = kubeconfig({ name: 'myeks', server: server.url, ca: pki.ca.certificate, credential })
  writeFileSync(join(folder, 'kubeconfig'), text)
  await kube.create(ConfigMaps, {
    metadata: { ...key, name: 'cpa' },
    data: { linear: '{"nodesPerReplica":1,"preventSinglePointFailure":true}' },
  })
  const labels = { app: 'web' }
  await kube.create(Deployments, {
    metadata: key,
    spec: {
      replicas: 1,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [{ name: 'web', image: 'nginx' }] } },
    },
  })
  await nodes(3)
  port = await freePort()
})
afterEach(async () => {
  await stop('SIGKILL')
})
afterAll(async () => {
  await server.close()
  rmSync(folder, { recursive: true, force: true })
})

async function nodes(count: number): Promise<void> {
  const conditions = [{ type: 'Ready', status: 'True' }]
  for (let i = (await kube.list(Nodes)).items.length; i < count; i++)
    await kube.create(Nodes, { metadata: { name: `n${i}` }, status: { allocatable: { cpu: '2' }, conditions } })
}

async function replicas(): Promise<number | undefined> {
  return (await kube.get(Deployments, key)).spec.replicas
}

function start(...flags: string[]): ChildProcess {
  const args = ['--configmap=cpa', '--namespace=default', '--target=deployment/web', '--poll-period-seconds=1']
  const address = `--health-address=127.0.0.1:${port}`
  said = ''
  child = spawn(process.execPath, [bin, 'cluster-proportional-autoscaler', ...args, address, ...flags], {
    env: { ...process.env, KUBECONFIG: join(folder, 'kubeconfig') },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  for (const stream of [child.stdout!, child.stderr!]) stream.on('data', (text) => (said += String(text)))
  return child
}

function exited(process: ChildProcess): Promise<number | null> {
  return process.exitCode === null && process.signalCode === null
    ? new Promise((resolve) => process.once('exit', (code) => resolve(code)))
    : Promise.resolve(process.exitCode)
}

async function stop(signal: NodeJS.Signals): Promise<number | null> {
  const ending = child
  child = undefined
  if (ending === undefined) return null
  ending.kill(signal)
  return exited(ending)
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const { port: found } = probe.address() as AddressInfo
      probe.close(() => resolve(found))
    })
  })
}

const patience = { timeout: 15_000, interval: 50 }

describe('plimsoll cluster-proportional-autoscaler', () => {
  it('takes what kubectl would use, scales, answers on its port, and ends with 0 (CPA-6, CPA-80)', async () => {
    start('--logtostderr')
    await vi.waitFor(async () => expect(await replicas()).toBe(3), patience)
    const get = (path: string): Promise<Response> => fetch(`http://127.0.0.1:${port}${path}`)
    await vi.waitFor(async () => expect((await get('/last-poll')).status).toBe(200), patience)
    expect((await get('/healthz')).status).toBe(200)
    expect(await (await get('/metrics')).text()).toContain(
      'cluster_proportional_autoscaler_expected_replicas{mode="linear"} 3',
    )
    expect((await get('/other')).status).toBe(404)
    expect(await stop('SIGTERM')).toBe(0)
    expect(said).toMatch(/^I\d{4} .* autoscaler\.go:49\] Scaling Namespace: default, Target: deployment\/web$/m)
  })

  it('goes on after SIGKILL with what is there', async () => {
    start('--logtostderr')
    await vi.waitFor(() => expect(said).toContain('rebuilding params'), patience)
    await stop('SIGKILL')
    await nodes(5)
    start('--logtostderr')
    await vi.waitFor(async () => expect(await replicas()).toBe(5), patience)
  })

  it('writes files as glog does without --logtostderr (CPA-81)', async () => {
    const logs = mkdtempSync(join(folder, 'logs-'))
    start(`--log-dir=${logs}`, '--configmap=none')
    await vi.waitFor(() => expect(said).toContain('Error syncing configMap'), patience)
    await stop('SIGTERM')
    // What is no error stands in the files alone.
    expect(said).not.toContain('Scaling Namespace')
    const names = readdirSync(logs)
    const link = names.find((name) => name === 'cluster-proportional-autoscaler.INFO')!
    expect(readlinkSync(join(logs, link))).toMatch(/^cluster-proportional-autoscaler\..*\.log\.INFO\.\d{8}-\d{6}\.\d+$/)
    const info = readFileSync(join(logs, link), 'utf8')
    expect(info).toContain('autoscaler.go:49] Scaling Namespace: default')
    expect(info).toContain('Error syncing configMap')
    const errors = readFileSync(join(logs, 'cluster-proportional-autoscaler.ERROR'), 'utf8')
    expect(errors).not.toContain('Scaling Namespace')
    expect(errors).toContain('Error syncing configMap')
  })

  it('ends with 2 when its port is taken (CPA-82)', async () => {
    const taken = createServer().listen(port, '127.0.0.1')
    try {
      expect(await exited(start('--logtostderr'))).toBe(2)
      expect(said).toMatch(/health\.go:66\] listen tcp 127\.0\.0\.1:\d+: bind: address already in use$/m)
    } finally {
      taken.close()
    }
  })

  it('ends with 1 when there is no cluster to be found, in one line (CPA-6)', async () => {
    expect(await exited(start('--logtostderr', '--kubeconfig=/nowhere/kubeconfig'))).toBe(1)
    expect(said.trim().split('\n').at(-1)).toMatch(
      /^E.* autoscaler\.go:52\] kubeconfig \/nowhere\/kubeconfig: no such file$/,
    )
  })
})
