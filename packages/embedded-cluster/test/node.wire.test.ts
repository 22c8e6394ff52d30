// Nodes, their pods and logs as a real kubectl meets them, on a clock that runs fast.
import { execFile, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createPki, kubeconfig, startKubeServer } from '@plimsoll/embedded-kube'
import { ScaledClock, SystemClock } from '@plimsoll/ports'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { kubectl } from '../../../tools/clients/clients.ts'
import { liveLaboratory, machine, type LiveLaboratory } from './laboratory.ts'

const speed = 30
const first = machine(0).nodeName
const second = machine(1).nodeName

let lab: LiveLaboratory
let home: string
let close: () => Promise<void>

interface Run {
  readonly code: number
  readonly out: string
  readonly err: string
}

const environment = (): NodeJS.ProcessEnv => ({
  HOME: home,
  KUBECONFIG: join(home, 'config'),
  PATH: '/usr/bin:/bin',
})

/** One line of a shell, split at spaces. */
function run(line: string, input?: string): Promise<Run> {
  return new Promise((resolve) => {
    const child = execFile(kubectl('1.35'), line.split(' '), { env: environment() }, (error, out, err) =>
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, out, err }),
    )
    child.stdin?.end(input ?? '')
  })
}

/** A command that goes on: `begun` when it has said something. */
function follow(line: string): { readonly begun: Promise<void>; readonly ended: Promise<string> } {
  const child = spawn(kubectl('1.35'), line.split(' '), { env: environment(), stdio: ['ignore', 'pipe', 'ignore'] })
  let out = ''
  const begun = new Promise<void>((resolve) => {
    child.stdout.on('data', (chunk: Buffer) => {
      out += String(chunk)
      resolve()
    })
  })
  return { begun, ended: new Promise((resolve) => child.once('close', () => resolve(out))) }
}

async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    if (await holds()) return
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new Error(`never: ${what}`)
}

const apply = async (...objects: object[]): Promise<void> => {
  const list = { apiVersion: 'v1', kind: 'List', items: objects }
  expect(await run('apply -f -', JSON.stringify(list))).toMatchObject({ code: 0, err: '' })
}

function workload(name: string, replicas: number, pod: object = {}, container: object = {}): object {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace: 'default' },
    spec: {
      replicas,
      selector: { matchLabels: { app: name } },
      template: {
        metadata: { labels: { app: name } },
        spec: { containers: [{ name: 'main', image: 'nginx', ...container }], ...pod },
      },
    },
  }
}

const available = (name: string): Promise<Run> => run(`wait --for=condition=Available deployment/${name} --timeout=10s`)
const podsOn = async (node: string, selector: string): Promise<string[]> => {
  const { out } = await run(`get pods -l ${selector} --field-selector spec.nodeName=${node} -o name`)
  return out.split('\n').filter((line) => line !== '')
}

beforeAll(async () => {
  lab = await liveLaboratory({ clock: new ScaledClock(new SystemClock(), speed), options: { timing: 'fast' } })
  const pki = await createPki()
  const server = await startKubeServer(lab.server, { pki })
  home = mkdtempSync(join(tmpdir(), 'plimsoll-node-'))
  const { certificate, key } = pki.admin
  const credential = { kind: 'certificate', certificate, key } as const
  const text = kubeconfig({ name: 'node', server: server.url, ca: pki.ca.certificate, credential })
  writeFileSync(join(home, 'config'), text, { mode: 0o600 })
  for (const n of [0, 1]) lab.machines.on(machine(n))
  close = async () => {
    await lab.cluster.stop()
    await server.close()
    lab.server.close()
    rmSync(home, { recursive: true, force: true })
  }
  await run('wait --for=condition=Ready node --all --timeout=10s')
}, 30_000)
afterAll(() => close())

describe('kubectl drain', () => {
  it('names what it will not take, and takes it when told to', async () => {
    await apply(
      workload('scratch', 1, { nodeName: second, volumes: [{ name: 'tmp', emptyDir: {} }] }),
      {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name: 'bare' },
        spec: { nodeName: second, containers: [{ name: 'main', image: 'nginx' }] },
      },
      {
        apiVersion: 'apps/v1',
        kind: 'DaemonSet',
        metadata: { name: 'agent' },
        spec: {
          selector: { matchLabels: { app: 'agent' } },
          template: {
            metadata: { labels: { app: 'agent' } },
            spec: { containers: [{ name: 'main', image: 'agent' }] },
          },
        },
      },
    )
    await until('the agent runs', async () => (await podsOn(second, 'app=agent')).length === 1)
    const refused = await run(`drain ${second}`)
    expect(refused.code).toBe(1)
    expect(refused.err).toMatch(
      /cannot delete DaemonSet-managed Pods \(use --ignore-daemonsets to ignore\): default\/agent-/,
    )
    expect(refused.err).toMatch(
      /cannot delete Pods with local storage \(use --delete-emptydir-data to override\): default\/scratch-/,
    )
    expect(refused.err).toMatch(
      /cannot delete (cannot delete )?Pods that declare no controller \(use --force to override\): default\/bare/,
    )
    expect((await run(`get node ${second} --no-headers`)).out).toMatch(/ Ready,SchedulingDisabled /)
    await run('delete deployment scratch --wait=false')
    const drained = await run(
      `drain ${second} --ignore-daemonsets --delete-emptydir-data --force --grace-period=1 --timeout=10s`,
    )
    expect(drained).toMatchObject({ code: 0 })
    expect(drained.out).toContain(`node/${second} drained`)
    expect(drained.err).toMatch(
      /Warning: deleting Pods that declare no controller: default\/bare; ignoring DaemonSet-managed Pods: default\/agent-|Warning: ignoring DaemonSet-managed Pods: default\/agent-\S+; deleting Pods that declare no controller: default\/bare/,
    )
    expect(await podsOn(second, 'app=agent')).toHaveLength(1)
    expect((await run(`uncordon ${second}`)).out).toBe(`node/${second} uncordoned\n`)
    expect((await run(`get node ${second} --no-headers`)).out).toMatch(/ Ready /)
  }, 30_000)

  it('waits for a disruption budget and goes on when it allows', async () => {
    await apply(workload('web', 2, { nodeSelector: { 'kubernetes.io/hostname': first } }), {
      apiVersion: 'policy/v1',
      kind: 'PodDisruptionBudget',
      metadata: { name: 'web' },
      spec: { minAvailable: 2, selector: { matchLabels: { app: 'web' } } },
    })
    expect(await available('web')).toMatchObject({ code: 0 })
    const draining = run(`drain ${first} --ignore-daemonsets --timeout=20s`)
    await until('the node is cordoned', async () => (await run(`get node ${first}`)).out.includes('Disabled'))
    // A rollout makes new ones where there is room; then the old ones may go.
    await apply(workload('web', 2))
    const drained = await draining
    expect(drained).toMatchObject({ code: 0 })
    expect(drained.err).toMatch(
      /error when evicting pods\/"web-\S+" -n "default" \(will retry after 5s\): Cannot evict pod as it would violate the pod's disruption budget\./,
    )
    expect(await podsOn(first, 'app=web')).toEqual([])
    await run(`uncordon ${first}`)
  }, 40_000)

  it('deletes what it is told not to evict, budget or not', async () => {
    const forced = await run(`drain ${second} --ignore-daemonsets --disable-eviction --timeout=10s`)
    expect(forced).toMatchObject({ code: 0 })
    expect(await podsOn(second, 'app=web')).toEqual([])
    await run(`uncordon ${second}`)
    await run('delete pdb/web deployment/web --wait=false')
  }, 20_000)
})

describe('kubectl taint', () => {
  it('NoExecute takes pods away when they tolerate it no longer', async () => {
    const tolerations = [{ key: 'ill', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 30 }]
    await apply(workload('brief', 1, { nodeSelector: { 'kubernetes.io/hostname': first }, tolerations }))
    expect(await available('brief')).toMatchObject({ code: 0 })
    const [before] = await podsOn(first, 'app=brief')
    expect((await run(`taint node ${first} ill=yes:NoExecute`)).out).toBe(`node/${first} tainted\n`)
    expect(await podsOn(first, 'app=brief')).toContain(before)
    await until('it is gone', async () => !(await podsOn(first, 'app=brief')).includes(before!))
    const events = await run('get events --field-selector reason=TaintManagerEviction -o jsonpath={.items[*].message}')
    expect(events.out).toContain(`Marking for deletion Pod default/${before!.slice(4)}`)
    await run(`taint node ${first} ill-`)
    await run('delete deployment brief --wait=false')
  }, 20_000)
})

describe('kubectl logs', () => {
  it('reads every container in every way', async () => {
    await apply({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'many' },
      spec: {
        initContainers: [{ name: 'prep', image: 'busybox', command: ['sleep', '1'] }],
        containers: [
          { name: 'a', image: 'nginx' },
          { name: 'b', image: 'redis' },
        ],
      },
    })
    expect(await run('wait --for=condition=Ready pod/many --timeout=10s')).toMatchObject({ code: 0 })
    expect(await run('logs many')).toEqual({
      code: 0,
      out: 'nginx runs as a of many\n',
      err: 'Defaulted container "a" out of: a, b, prep (init)\n',
    })
    // kubectl asks for all at once.
    expect((await run('logs many --all-containers --prefix')).out.trim().split('\n').sort()).toEqual([
      '[pod/many/a] nginx runs as a of many',
      '[pod/many/b] redis runs as b of many',
      '[pod/many/prep] busybox runs as prep of many',
    ])
    expect((await run('logs many -c b --timestamps')).out).toMatch(/^\d{4}-\S+Z redis runs as b of many\n$/)
    expect((await run('logs many -c a --tail=0')).out).toBe('')
    expect((await run('logs many -c a --limit-bytes=5')).out).toBe('nginx')
    expect((await run('logs many -c a --since-time=2100-01-01T00:00:00Z')).out).toBe('')
    expect((await run('logs many -c a --previous')).err).toBe(
      'Error from server (BadRequest): previous terminated container "a" in pod "many" not found\n',
    )
    expect((await run('logs many -c nope')).err).toBe('error: container nope is not valid for pod many\n')
    const followed = follow('logs many -c a -f')
    await followed.begun
    await run('delete pod many --grace-period=1')
    expect(await followed.ended).toBe('nginx runs as a of many\n')
  }, 20_000)
})

describe('the port of a kubelet, through the API server', () => {
  it.each([
    ['healthz', /^ok$/],
    ['pods', /^\{"kind":"PodList","apiVersion":"v1","metadata":\{\},"items":\[/],
    ['configz', /"kubeletconfig":\{.*"serializeImagePulls":false/],
    ['stats/summary', new RegExp(`"nodeName": "${first}"`)],
    [
      'metrics/resource',
      /^container_cpu_usage_seconds_total\{container="main",namespace="default",pod="agent-\w+"\} [\d.]+ \d+$/m,
    ],
    [
      'metrics/cadvisor',
      /^container_memory_working_set_bytes\{container="main",image="docker\.io\/library\/agent:latest"/m,
    ],
  ])('%s', async (path, says) => {
    expect((await run(`get --raw /api/v1/nodes/${first}/proxy/${path}`)).out).toMatch(says)
  })

  it('serves logs, and refuses what cannot be done', async () => {
    const [agent] = await podsOn(first, 'app=agent')
    const logs = `/api/v1/nodes/${first}/proxy/containerLogs/default/${agent!.slice(4)}/main`
    expect((await run(`get --raw ${logs}`)).out).toBe(`agent runs as main of ${agent!.slice(4)}\n`)
    expect((await run(`get --raw /api/v1/nodes/${first}:10255/proxy/pods`)).err).toMatch(
      /^Error from server \(ServiceUnavailable\): error trying to reach service: dial tcp 192\.168\.\d+\.\d+:10255: connect: connection refused\n$/,
    )
    expect((await run('get --raw /api/v1/nodes/nope/proxy/pods')).err).toBe(
      'Error from server (NotFound): nodes "nope" not found\n',
    )
  })
})

describe('kubectl exec', () => {
  it('runs the few commands that a simulated container knows, and tells how they ended', async () => {
    const [agent] = await podsOn(first, 'app=agent')
    const name = agent!.slice(4)
    expect(await run(`exec ${agent} -- hostname`)).toEqual({ code: 0, out: `${name}\n`, err: '' })
    expect((await run(`exec -i ${agent} -- sh`, 'echo $HOSTNAME; nope\nexit 3\n')).out).toBe(`${name}\n`)
    expect(await run(`exec -i ${agent} -- sh`, 'nope\nexit 3\n')).toEqual({
      code: 3,
      out: '',
      err: 'sh: nope: not found\ncommand terminated with exit code 3\n',
    })
    const missing = await run(`exec ${agent} -- nope`)
    expect(missing.code).toBe(1)
    expect(missing.err).toContain('exec: "nope": executable file not found in $PATH')
    expect((await run(`exec ${agent} -c nope -- ls`)).err).toBe(
      `Error from server (BadRequest): container nope is not valid for pod ${name}\n`,
    )
    expect((await run(`port-forward ${agent} 1:1`)).err).toContain('portforward is not supported')
  })
})

describe('kubectl annotate', () => {
  it('makes a node suffer', async () => {
    expect((await run(`annotate node ${first} plimsoll.dev/fault=not-ready`)).code).toBe(0)
    expect(await run(`wait --for=condition=Ready=False node/${first} --timeout=10s`)).toMatchObject({ code: 0 })
    expect((await run(`annotate node ${first} plimsoll.dev/fault-`)).code).toBe(0)
    expect(await run(`wait --for=condition=Ready node/${first} --timeout=10s`)).toMatchObject({ code: 0 })
  }, 20_000)
})

describe('kubectl delete node', () => {
  it('leaves its pods to the garbage collector', async () => {
    await apply(workload('last', 1, { nodeSelector: { 'kubernetes.io/hostname': first } }))
    expect(await available('last')).toMatchObject({ code: 0 })
    const [before] = await podsOn(first, 'app=last')
    expect((await run(`delete node ${first}`)).out).toBe(`node "${first}" deleted\n`)
    await until('its pod is gone', async () => !(await podsOn(first, 'app=last')).includes(before!))
  }, 20_000)
})
