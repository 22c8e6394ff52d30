// The commands by which people roll out and roll back, from a real kubectl at a cluster in real time.
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ApiServer, bootstrap, createPki, kubeconfig, startKubeServer, type KubeServer } from '@plimsoll/embedded-kube'
import { SeededRandom, silentLog, SystemClock } from '@plimsoll/ports'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { kubectl } from '../../../tools/clients/clients.ts'
import { EmbeddedCluster } from '../src/index.ts'
import { FakeMachines, machine } from './laboratory.ts'

let server: KubeServer
let cluster: EmbeddedCluster
/** Holds the kubeconfig and what kubectl reads. */
const home = mkdtempSync(join(tmpdir(), 'plimsoll-rollout-'))

beforeAll(async () => {
  const clock = new SystemClock()
  const api = new ApiServer({ clock, random: new SeededRandom('serve') })
  bootstrap(api)
  const pki = await createPki()
  server = await startKubeServer(api, { pki })
  const { certificate, key } = pki.admin
  const credential = { kind: 'certificate', certificate, key } as const
  const config = kubeconfig({ name: 'plimsoll', server: server.url, ca: pki.ca.certificate, credential })
  writeFileSync(join(home, 'config'), config, { mode: 0o600 })
  const machines = new FakeMachines()
  cluster = new EmbeddedCluster({
    kube: (user, agent) => api.client(user, agent),
    clock,
    random: new SeededRandom('rollout'),
    log: silentLog,
    machines,
    programs: () => undefined,
    timing: 'instant',
  })
  api.podLogs = cluster.podLogs
  await cluster.start()
  for (let n = 0; n < 2; n++) machines.on(machine(n))
  writeFileSync(join(home, 'workloads.yaml'), workloads)
  await run('apply', '-f', 'workloads.yaml')
  await run('wait', '--for=condition=Ready', 'nodes', '--all', '--timeout=10s')
  // Before the first pod is counted every rollout looks complete.
  for (const kind of ['daemonset/agent', 'statefulset/db', 'deployment/web']) await status(kind)
}, 30_000)

afterAll(async () => {
  await cluster.stop()
  await server.close()
  rmSync(home, { recursive: true, force: true })
})

/** What kubectl prints, on both its outputs. */
function run(...args: readonly string[]): Promise<string> {
  const env = { HOME: home, KUBECONFIG: join(home, 'config'), PATH: '/usr/bin:/bin', TZ: 'UTC' }
  return new Promise((resolve) => {
    execFile(kubectl('1.35'), args, { env, cwd: home, timeout: 15_000 }, (_, stdout, stderr) => {
      resolve(`${stdout}${stderr}`.trim())
    })
  })
}

const status = (what: string): Promise<string> => run('rollout', 'status', what, '--timeout=10s')
const image = (what: string): Promise<string> =>
  run('get', what, '-o', 'jsonpath={.spec.template.spec.containers[0].image}')
const pods = (app: string, path: string): Promise<string> =>
  run('get', 'pods', '-l', `app=${app}`, '-o', `jsonpath={range .items[*]}${path}{"\\n"}{end}`)

const template = (app: string): string => `
  selector: {matchLabels: {app: ${app}}}
  template:
    metadata: {labels: {app: ${app}}}
    spec:
      terminationGracePeriodSeconds: 0
      containers: [{name: main, image: 'app:1'}]
`
const workloads = `
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: agent, annotations: {kubernetes.io/change-cause: the first}}
spec:${template('agent')}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db, annotations: {kubernetes.io/change-cause: the first}}
spec:
  replicas: 2
  serviceName: db${template('db')}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2${template('web')}
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: nightly}
spec:
  schedule: 0 3 * * *
  jobTemplate:
    spec:
      template:
        metadata: {annotations: {plimsoll.dev/run-duration: 10ms}}
        spec:
          restartPolicy: Never
          containers: [{name: main, image: 'work:1'}]
`

describe.each([
  {
    what: 'daemonset/agent',
    app: 'agent',
    group: 'daemonset.apps/agent',
    done: 'daemon set "agent" successfully rolled out',
  },
  {
    what: 'statefulset/db',
    app: 'db',
    group: 'statefulset.apps/db',
    done: /^(partitioned|statefulset) roll(ing|out)? ?.* complete/m,
  },
])('kubectl at a $what', ({ what, app, group, done }) => {
  it('updates, tells the history, rolls back to a revision and restarts', async () => {
    expect(await run('set', 'image', what, 'main=app:2')).toBe(`${group} image updated`)
    await run('annotate', what, 'kubernetes.io/change-cause=the second', '--overwrite')
    expect(await status(what)).toMatch(done)
    expect(await pods(app, '{.spec.containers[0].image}')).toBe('app:2\napp:2')
    expect(await run('rollout', 'history', what)).toMatch(/^1 .*the first\n2 .*/m)
    expect(await run('rollout', 'history', what, '--revision=1')).toContain('Image:\tapp:1')
    expect(await run('rollout', 'undo', what, '--to-revision=2')).toContain('skipped rollback')
    expect(await run('rollout', 'undo', what, '--to-revision=1')).toBe(`${group} rolled back`)
    expect(await status(what)).toMatch(done)
    expect(await image(what)).toBe('app:1')
    expect(
      (await run('rollout', 'history', what))
        .split('\n')
        .slice(2)
        .map((line) => line[0]),
    ).toEqual(['2', '3'])
    const before = await pods(app, '{.metadata.uid}')
    expect(await run('rollout', 'restart', what)).toBe(`${group} restarted`)
    expect(await status(what)).toMatch(done)
    const after = (await pods(app, '{.metadata.uid}')).split('\n')
    expect(after.filter((uid) => before.includes(uid))).toEqual([])
  })
})

describe('kubectl at a deployment', () => {
  it('changes it in all ways, and holds it while it is paused', async () => {
    expect(await run('rollout', 'pause', 'deployment/web')).toBe('deployment.apps/web paused')
    expect(await run('rollout', 'pause', 'deployment/web')).toContain('is already paused')
    expect(await run('set', 'image', 'deployment/web', 'main=app:2')).toBe('deployment.apps/web image updated')
    expect(await run('set', 'env', 'deployment/web', 'MODE=fast')).toBe('deployment.apps/web env updated')
    const limits = await run('set', 'resources', 'deployment/web', '--requests=cpu=20m,memory=16Mi')
    expect(limits).toBe('deployment.apps/web resource requirements updated')
    expect(await pods('web', '{.spec.containers[0].image}')).toBe('app:1\napp:1')
    expect(await run('rollout', 'undo', 'deployment/web', '--to-revision=1')).toContain(
      'you cannot rollback a paused deployment',
    )
    expect(await run('rollout', 'resume', 'deployment/web')).toBe('deployment.apps/web resumed')
    expect(await status('deployment/web')).toContain('deployment "web" successfully rolled out')
    const changed =
      '{.spec.containers[0].image} {.spec.containers[0].env[0].value} {.spec.containers[0].resources.requests.cpu}'
    expect(await pods('web', changed)).toBe('app:2 fast 20m\napp:2 fast 20m')
    expect(await run('rollout', 'history', 'deployment/web')).toMatch(/^1 .*\n2 .*$/m)
  })

  it('exposes and autoscales it', async () => {
    expect(await run('expose', 'deployment/web', '--port=80', '--target-port=8080')).toBe('service/web exposed')
    const endpoints = await run('get', 'endpointslices', '-l', 'kubernetes.io/service-name=web')
    expect(endpoints).toMatch(/^web-\w+ +IPv4 +8080 +\d+\.\d+\.\d+\.\d+,\d+\.\d+\.\d+\.\d+/m)
    const autoscaled = await run('autoscale', 'deployment/web', '--min=2', '--max=5', '--cpu=80%')
    expect(autoscaled).toBe('horizontalpodautoscaler.autoscaling/web autoscaled')
    expect(await run('get', 'hpa', 'web')).toMatch(/Deployment\/web .* 2 +5 /)
  })
})

describe('kubectl at a cron job', () => {
  it('runs it now', async () => {
    expect(await run('create', 'job', 'now', '--from=cronjob/nightly')).toBe('job.batch/now created')
    expect(await run('wait', '--for=condition=complete', 'job/now', '--timeout=10s')).toBe(
      'job.batch/now condition met',
    )
    expect(await run('get', 'job', 'now')).toMatch(/now +Complete +1\/1/)
    expect(await run('describe', 'job', 'now')).toMatch(
      /Pods Statuses: +0 Active \(0 Ready\) \/ 1 Succeeded \/ 0 Failed/,
    )
    expect(await run('describe', 'cronjob', 'nightly')).toContain(
      'Saw a job that the controller did not create or forgot: now',
    )
  })
})
