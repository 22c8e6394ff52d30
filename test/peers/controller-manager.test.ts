// A real kube-controller-manager at our API server, and our controllers beside it: what both make of one story is the same,
// event for event and field for field. Runs where KUBE_CONTROLLER_MANAGER names the binary (release 1.35:
// `go build k8s.io/kubernetes/cmd/kube-controller-manager`); it takes three minutes of real time.
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ApiServer, bootstrap, createPki, kubeconfig, startKubeServer } from '@plimsoll/embedded-kube'
import { ms } from '@plimsoll/model'
import { SeededRandom, silentLog, SystemClock, type KubeApi } from '@plimsoll/ports'
import { describe, expect, it } from 'vitest'
import { Caches } from '../../packages/embedded-cluster/src/caches.ts'
import type { Controller, ControllerContext } from '../../packages/embedded-cluster/src/controllers/controller.ts'
import { CronJobController } from '../../packages/embedded-cluster/src/controllers/cronjob.ts'
import { DaemonSetController } from '../../packages/embedded-cluster/src/controllers/daemonset.ts'
import { DeploymentController } from '../../packages/embedded-cluster/src/controllers/deployment.ts'
import { EndpointMirrorController } from '../../packages/embedded-cluster/src/controllers/endpoint-mirror.ts'
import { EndpointSliceController } from '../../packages/embedded-cluster/src/controllers/endpoint-slice.ts'
import { OwnerGarbageCollector } from '../../packages/embedded-cluster/src/controllers/garbage-collector.ts'
import { JobController } from '../../packages/embedded-cluster/src/controllers/job.ts'
import {
  replicaSetController,
  replicationController,
} from '../../packages/embedded-cluster/src/controllers/replicaset.ts'
import { StatefulSetController } from '../../packages/embedded-cluster/src/controllers/statefulset.ts'
import { TtlAfterFinishedController } from '../../packages/embedded-cluster/src/controllers/ttl-after-finished.ts'
import { play, seen } from './controller-manager/scenario.ts'
import { actNodes } from './controller-manager/stage.ts'

const binary = process.env['KUBE_CONTROLLER_MANAGER']
const names = ['deployment', 'replicaset', 'replicationcontroller', 'statefulset', 'daemonset', 'job', 'cronjob']
const others = ['endpoints', 'endpointslice', 'endpointslice-mirroring', 'garbage-collector', 'ttl-after-finished']
const controllers = [...names, ...others].map((name) => `${name}-controller`).join(',')

interface Stage {
  readonly clock: SystemClock
  readonly server: ApiServer
  readonly kube: KubeApi
  readonly end: AbortController
}

async function stage(): Promise<Stage> {
  const clock = new SystemClock()
  const server = new ApiServer({ clock, random: new SeededRandom('stage') })
  bootstrap(server)
  const kube = server.client({ name: 'admin', groups: ['system:masters'] }, 'test')
  const end = new AbortController()
  await actNodes(kube, clock, end.signal)
  return { clock, server, kube, end }
}

/** The story begins at the same second of a minute for both, for cron jobs look at the clock. */
async function told({ clock, kube }: Stage): Promise<Record<string, readonly string[]>> {
  await clock.sleep(ms(10_000))
  await clock.sleep(ms(60_000 - ((clock.now() + 45_000) % 60_000)))
  await play(kube, (seconds) => clock.sleep(ms(seconds * 1000)))
  return seen(kube)
}

async function ours(): Promise<Record<string, readonly string[]>> {
  const at = await stage()
  const { clock, server, kube, end } = at
  const random = new SeededRandom('ours')
  const caches = new Caches({ kube, clock, random: random.split('caches'), log: silentLog })
  const account = (name: string): KubeApi =>
    server.client({ name: `system:serviceaccount:kube-system:${name}`, groups: ['system:masters'] }, name)
  const context: ControllerContext = { caches, clock, random, log: silentLog, reader: kube, kube: account }
  const all: readonly Controller[] = [
    new DeploymentController(context),
    replicaSetController(context),
    replicationController(context),
    new StatefulSetController(context),
    new DaemonSetController(context),
    new JobController(context),
    new CronJobController(context),
    new EndpointSliceController(context),
    new EndpointMirrorController(context),
    new OwnerGarbageCollector(context),
    new TtlAfterFinishedController(context),
  ]
  await caches.start(end.signal)
  const running = all.map((controller) => controller.run(end.signal).catch(() => {}))
  const result = await told(at)
  end.abort(new Error('the story is over'))
  await Promise.all(running)
  return result
}

async function theirs(path: string): Promise<Record<string, readonly string[]>> {
  const at = await stage()
  const pki = await createPki()
  const http = await startKubeServer(at.server, { pki })
  const home = mkdtempSync(join(tmpdir(), 'plimsoll-kcm-'))
  const { certificate, key } = pki.admin
  const credential = { kind: 'certificate', certificate, key } as const
  const config = kubeconfig({ name: 'plimsoll', server: http.url, ca: pki.ca.certificate, credential })
  writeFileSync(join(home, 'config'), config, { mode: 0o600 })
  const limits = ['--kube-api-qps=200', '--kube-api-burst=400']
  const flags = [`--kubeconfig=${join(home, 'config')}`, '--leader-elect=false', '--secure-port=0', ...limits]
  const manager = spawn(path, [...flags, `--controllers=${controllers}`], { stdio: 'ignore' })
  const result = await told(at)
  manager.kill()
  at.end.abort(new Error('the story is over'))
  await http.close()
  rmSync(home, { recursive: true, force: true })
  return result
}

describe.skipIf(binary === undefined)('a real kube-controller-manager', () => {
  it('makes of the same story what ours make of it', { timeout: 300_000 }, async () => {
    const [real, own] = await Promise.all([theirs(binary!), ours()])
    expect(real['events']!.length).toBeGreaterThan(50)
    expect(own).toEqual(real)
  })
})
