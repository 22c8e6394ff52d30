// Clients that we did not write: kubectl 1.32, 1.34 and 1.35, Helm 3 and 4.
import { execFile, spawn } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Pods } from '@plimsoll/model'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { helm, kubectl, type HelmMajor, type KubectlVersion } from '../../../tools/clients/clients.ts'
import { serve, type TestServer } from './serve.ts'

let world: TestServer

beforeAll(async () => {
  world = await serve()
})
afterAll(() => world.close())

/** A real client's environment: nothing of the user's own. */
function environment(): NodeJS.ProcessEnv {
  return { HOME: world.home, KUBECONFIG: join(world.home, 'config'), PATH: '/usr/bin:/bin', TZ: 'UTC' }
}

interface Ran {
  readonly code: number
  /** Standard output, then standard error. */
  readonly text: string
}

function run(binary: string, args: readonly string[]): Promise<Ran> {
  return new Promise((resolve) => {
    execFile(binary, args, { env: environment(), cwd: world.home, timeout: 20_000 }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code ?? -1), text: `${stdout}${stderr}` })
    })
  })
}

function write(name: string, text: string): string {
  writeFileSync(join(world.home, name), text)
  return name
}

const nginx = (replicas: number): string => `
apiVersion: apps/v1
kind: Deployment
metadata:
  name: nginx-to-scaleout
spec:
  replicas: ${replicas}
  selector:
    matchLabels: {app: nginx}
  template:
    metadata:
      labels: {app: nginx, service: nginx}
    spec:
      containers:
      - image: nginx
        name: nginx-to-scaleout
        resources:
          requests: {cpu: 500m, memory: 512Mi}
          limits: {cpu: 500m, memory: 512Mi}
`

const node = (name: string): string => `
apiVersion: v1
kind: Node
metadata: {name: ${name}}
status:
  capacity: {cpu: "2", memory: 4Gi, pods: "17"}
  allocatable: {cpu: 1930m, memory: 3388360Ki, pods: "17"}
  conditions: [{type: Ready, status: "True"}]
  addresses: [{type: InternalIP, address: 192.168.1.45}]
  nodeInfo: {kubeletVersion: v1.35.0, osImage: Amazon Linux 2023}
`

describe.concurrent.each<KubectlVersion>(['1.32', '1.34', '1.35'])('kubectl %s', (version) => {
  const namespace = `k${version.replace('.', '-')}`
  const k = (...args: readonly string[]): Promise<Ran> =>
    run(kubectl(version), ['--cache-dir', join(world.home, `cache-${version}`), '-n', namespace, ...args])
  /** Output with runs of blanks made one, as a person compares. */
  const shown = async (...args: readonly string[]): Promise<string[]> =>
    (await k(...args)).text
      .trim()
      .split('\n')
      .map((line) => line.trim().replace(/ {2,}/g, '  '))

  it('walks through a deployment, a node and what may go wrong', async () => {
    const expectText = async (args: readonly string[], text: string | RegExp, code = 0): Promise<void> => {
      const ran = await k(...args)
      // A pattern that is met stands for the text, so that a difference shows both.
      const met = text instanceof RegExp && text.test(ran.text) ? text : ran.text.replace(/\n$/, '')
      expect({ args, code: ran.code, text: met }).toEqual({ args, code, text })
    }
    // A typed client: the body is protobuf.
    await expectText(['create', 'namespace', namespace], `namespace/${namespace} created`)

    const one = write(`one-${version}.yaml`, nginx(1))
    const three = write(`three-${version}.yaml`, nginx(3))
    await expectText(['apply', '-f', one], 'deployment.apps/nginx-to-scaleout created')
    await expectText(['apply', '-f', one], 'deployment.apps/nginx-to-scaleout unchanged')
    await expectText(['apply', '-f', three], 'deployment.apps/nginx-to-scaleout configured')
    expect(await k('diff', '-f', three)).toEqual({ code: 0, text: '' })
    await expectText(
      ['scale', '--replicas=15', 'deployment/nginx-to-scaleout'],
      'deployment.apps/nginx-to-scaleout scaled',
    )
    await expectText(
      ['annotate', 'deployment.apps/nginx-to-scaleout', 'cluster-autoscaler.kubernetes.io/safe-to-evict=false'],
      'deployment.apps/nginx-to-scaleout annotated',
    )
    await expectText(
      [
        'patch',
        'deploy',
        'nginx-to-scaleout',
        '--type=json',
        '-p',
        '[{"op":"add","path":"/spec/paused","value":true}]',
      ],
      'deployment.apps/nginx-to-scaleout patched',
    )
    expect((await shown('get', 'deployment/nginx-to-scaleout', '-o', 'wide'))[1]).toMatch(
      /^nginx-to-scaleout {2}0\/15 {2}0 {2}0 {2}\d+s {2}nginx-to-scaleout {2}nginx {2}app=nginx$/,
    )
    await expectText(['describe', 'deployment', 'nginx-to-scaleout'], /Replicas: +15 desired[^]*Limits:\n +cpu: +500m/)
    await expectText(['explain', 'deployment.spec.strategy.type'], /FIELD: type <string>/)
    await expectText(['auth', 'can-i', 'create', 'pods'], 'yes')

    const name = `node-${version}`
    await expectText(['create', '-f', write(`${name}.yaml`, node(name))], `node/${name} created`)
    await expectText(['run', 'p', '--image=nginx', `--overrides={"spec":{"nodeName":"${name}"}}`], 'pod/p created')
    await expectText(['describe', 'node', name], /Non-terminated Pods: +\(1 in total\)/)
    await expectText(
      ['drain', name, '--force', '--grace-period=0', '--timeout=10s'],
      new RegExp(`pod/p evicted\nnode/${name} drained`),
    )
    await expectText(['get', 'node', name], new RegExp(`${name} +Ready,SchedulingDisabled +<none> +\\d+s +v1.35.0`))
    await expectText(['exec', 'p', '--', 'ls'], /pods "p" not found/, 1)

    const wrong = write(
      `wrong-${version}.yaml`,
      nginx(1).replace('replicas: 1', 'replica: 1').replace('to-scaleout', 'x'),
    )
    await expectText(
      ['create', '-f', wrong],
      `Error from server (BadRequest): error when creating "${wrong}": Deployment in version "v1" cannot be handled as a Deployment: strict decoding error: unknown field "spec.replica"`,
      1,
    )
    await expectText(['get', 'pods'], `No resources found in ${namespace} namespace.`)
    await expectText(
      ['wait', '--for=jsonpath={.spec.replicas}=15', 'deploy/nginx-to-scaleout', '--timeout=5s'],
      'deployment.apps/nginx-to-scaleout condition met',
    )
    await expectText(['delete', '-f', three, '--timeout=10s'], /^deployment.apps "nginx-to-scaleout" deleted/)
    await expectText(['get', 'all'], `No resources found in ${namespace} namespace.`)
  })

  it('sees what happens while it watches', async () => {
    const home = `w${version.replace('.', '-')}`
    await k('create', 'namespace', home)
    let output = ''
    const lines = (): string[] => output.split('\n').slice(0, -1)
    const args = ['--cache-dir', join(world.home, `cache-${version}`), '-n', home, 'get', 'pods', '-w', '-l', 'run']
    const watching = spawn(kubectl(version), args, { env: environment() })
    watching.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()))
    const began = world.requests.length
    const isListed = (): boolean =>
      world.requests.slice(began).some(({ url }) => url.startsWith(`/api/v1/namespaces/${home}/pods?labelSelector=run`))
    await expect.poll(isListed, { timeout: 5000 }).toBe(true)
    const kube = world.api.client({ name: 'test', groups: [] }, 'test')
    const labels = { run: 'p' }
    const spec = { containers: [{ name: 'c', image: 'i' }] }
    const pod = await kube.create(Pods, { metadata: { name: 'p', namespace: home, labels }, spec })
    await kube.replace(Pods, { ...pod, status: { phase: 'Running' } }, { subresource: 'status' })
    await kube.remove(Pods, { namespace: home, name: 'p' }, { gracePeriodSeconds: 0 })
    await expect.poll(() => lines().length, { timeout: 5000 }).toBe(4)
    watching.kill()
    expect(lines().map((line) => line.split(/\s+/).slice(0, 3).join(' '))).toEqual([
      'NAME READY STATUS',
      'p 0/1 Pending',
      'p 0/1 Running',
      'p 0/1 Running',
    ])
  })
})

describe.concurrent.each<HelmMajor>(['3', '4'])('Helm %s', (major) => {
  it('installs, upgrades, rolls back and uninstalls', async () => {
    const chart = join(world.home, `chart-${major}`)
    mkdirSync(join(chart, 'templates'), { recursive: true })
    writeFileSync(join(chart, 'Chart.yaml'), 'apiVersion: v2\nname: demo\nversion: 0.1.0\nkubeVersion: ">=1.25.0"\n')
    writeFileSync(
      join(chart, 'templates', 'all.yaml'),
      `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: "{{ .Release.Name }}-cm"}\ndata: {a: "{{ .Values.a }}"}\n---${nginx(0).replace('name: nginx-to-scaleout', 'name: "{{ .Release.Name }}-web"')}`,
    )
    const release = `r${major}`
    const h = async (...args: readonly string[]): Promise<string> => {
      const ran = await run(helm(major), args)
      expect(ran).toMatchObject({ code: 0 })
      return ran.text
    }
    const data = (): unknown => {
      const info = world.api.resource({ group: '', version: 'v1', plural: 'configmaps' })
      const context = { user: { name: 'test', groups: [] }, userAgent: 'test', warnings: [] }
      return world.api.get(context, info, { namespace: 'default', name: `${release}-cm` })['data']
    }
    // Nobody runs deployments here, so there is nothing to wait for.
    await h('install', release, chart, '--set', 'a=x')
    expect(data()).toEqual({ a: 'x' })
    await h('upgrade', release, chart, '--set', 'a=y')
    expect(data()).toEqual({ a: 'y' })
    await h('rollback', release, '1')
    expect(data()).toEqual({ a: 'x' })
    expect(await h('history', release)).toMatch(/3 .*deployed/)
    await h('uninstall', release)
    expect(data).toThrow(/not found/)
  })
})

it('no client was refused for its media types, and none fell back to the old OpenAPI', () => {
  expect(world.requests.filter(({ status }) => status === 415 || status === 406)).toEqual([])
  expect(world.requests.filter(({ url }) => url.startsWith('/openapi/v2'))).toEqual([])
})
