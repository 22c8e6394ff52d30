// `plimsoll up --data-dir`, killed and started again, as a real kubectl sees it.
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { kubectl } from '../../../tools/clients/clients.ts'

const bin = fileURLToPath(new URL('../bin/plimsoll.mjs', import.meta.url))

let state = ''
let child: ChildProcess | undefined
beforeAll(() => {
  state = mkdtempSync(join(tmpdir(), 'plimsoll-data-'))
})
afterEach(() => kill())
afterAll(() => rmSync(state, { recursive: true, force: true }))

async function kill(): Promise<void> {
  if (child?.exitCode !== null || child.signalCode !== null) return
  const gone = new Promise((resolve) => child!.once('exit', resolve))
  child.kill('SIGKILL')
  await gone
}

/** Everything it said until it was ready, or had ended. */
async function up(name: string): Promise<string> {
  const args = [
    'up',
    '--workshop',
    '--name',
    name,
    '--port',
    '0',
    '--aws-port',
    '0',
    '--charts-port',
    '0',
    '--data-dir',
    join(state, 'kept'),
  ]
  const started = spawn(process.execPath, [bin, ...args], {
    env: { ...process.env, HOME: state, XDG_STATE_HOME: state },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) child = started
  let said = ''
  await new Promise<void>((resolve) => {
    started.once('exit', () => resolve())
    for (const stream of [started.stdout, started.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        said += text
        if (said.includes('Ctrl-C stops')) resolve()
      })
    }
  })
  return said
}

function kube(...args: string[]): string {
  const env = { PATH: process.env['PATH'], HOME: state, KUBECONFIG: join(state, 'plimsoll', 'kept', 'kubeconfig') }
  const run = spawnSync(kubectl('1.35'), args, { env, encoding: 'utf8' })
  return run.stdout + run.stderr
}

describe('plimsoll up --data-dir', () => {
  it('goes on after SIGKILL with everything that was acknowledged, its nodes Ready', async () => {
    expect(await up('kept')).toMatch(/Ctrl-C stops the cluster; `plimsoll up --data-dir \S+` goes on with it\./)
    kube('create', 'configmap', 'kept', '--from-literal=a=b')
    kube('create', 'configmap', 'dropped')
    kube('create', 'deployment', 'web', '--image=nginx', '--replicas=2')
    const token = kube('create', 'token', 'default').trim()
    const facts = (): string[] => [
      kube('get', 'configmap', 'kept', '-o', 'jsonpath={.metadata.uid} {.metadata.resourceVersion}'),
      kube('get', 'nodes', '-o', 'jsonpath={.items[*].metadata.name} {.items[*].spec.providerID}'),
      kube('get', 'service', 'kubernetes', '-o', 'jsonpath={.metadata.uid} {.spec.clusterIP}'),
    ]
    const before = facts()
    kube('delete', 'configmap', 'dropped')
    await kill()

    expect(await up('kept')).toMatch(/Nodes +3 of 3 Ready/)
    expect(facts()).toEqual(before)
    expect(kube('get', 'configmap', 'dropped')).toMatch(/NotFound/)
    expect(kube('rollout', 'status', 'deployment/web', '--timeout=20s')).toMatch(/successfully rolled out/)
    // Without the kubeconfig, whose certificate would win.
    const server = kube('config', 'view', '-o', 'jsonpath={.clusters[0].cluster.server}')
    const bare = ['--kubeconfig', '/dev/null', '--server', server, '--insecure-skip-tls-verify']
    expect(kube('auth', 'whoami', '--token', token, ...bare)).toMatch(/system:serviceaccount:default:default/)
    expect(kube('create', 'configmap', 'new')).toBe('configmap/new created\n')

    expect(await up('another')).toMatch(/^plimsoll: \S+cluster\.db is in use by another process: stop the cluster/)
    await kill()
    expect(await up('another')).toMatch(/^plimsoll: \S+ holds the cluster kept; start it with --name kept/)
  }, 60_000)
})
