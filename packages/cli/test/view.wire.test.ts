// `plimsoll view` as a process of its own: printed once, and live on a pseudo-terminal, against a live embedded cluster.
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'

const bin = fileURLToPath(new URL('../bin/plimsoll.mjs', import.meta.url))

/** util-linux's `script` runs a command on a pseudo-terminal; other systems' has other flags. */
const script = 'script'
const hasScript = /util-linux/.test(spawnSync(script, ['--version'], { encoding: 'utf8' }).stdout ?? '')

let home: string
let cluster: ChildProcess
beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), 'plimsoll-view-'))
  cluster = spawn(process.execPath, [bin, 'up', '--workshop', '--port', '0', '--aws-port', '0', '--name', 'viewed'], {
    env: env(),
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  await new Promise<void>((resolve, reject) => {
    let output = ''
    cluster.stdout!.setEncoding('utf8').on('data', (text: string) => {
      output += text
      if (output.includes('Ctrl-C stops')) resolve()
    })
    cluster.once('exit', () => reject(new Error(`plimsoll up ended: ${output}`)))
  })
}, 60_000)
afterAll(async () => {
  cluster.removeAllListeners('exit')
  const ended = new Promise((resolve) => cluster.once('exit', resolve))
  cluster.kill('SIGTERM')
  await ended
  rmSync(home, { recursive: true, force: true })
})

/** A home of its own, so that nobody's kubeconfig, file or colours play a part. */
function env(more: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
  const base = { ...process.env }
  for (const name of ['KUBECONFIG', 'KUBERNETES_SERVICE_HOST', 'NO_COLOR', 'FORCE_COLOR', 'COLORTERM'])
    delete base[name]
  return { ...base, HOME: home, XDG_STATE_HOME: home, TERM: 'xterm-256color', ...more }
}

function view(...args: string[]): { readonly code: number | null; readonly out: string; readonly err: string } {
  const run = spawnSync(process.execPath, [bin, 'view', ...args], { env: env(), encoding: 'utf8' })
  return { code: run.status, out: run.stdout, err: run.stderr }
}

describe('plimsoll view, once', () => {
  it('finds the running cluster by itself and prints it', () => {
    const { code, out, err } = view('--resources', 'cpu,memory')
    expect({ code, err }).toEqual({ code: 0, err: '' })
    expect(out).toMatch(/^3 nodes \( +\d+m\/5790m\) +\d+\.\d% cpu +█+░+ \$0\.154\/hour \| \$112\.058\/month\n/)
    expect(out).toMatch(/\n\d+ pods \(0 pending \d+ running \d+ bound\) • estimated prices\n\n/)
    const node =
      /^ip-192-168-\S+ cpu +█+░+ +\d+% \(\d\/17 pods\) t3\.medium\/\$0\.0512 On-Demand - Ready\n +memory █+░+ +\d+%$/gm
    expect(out.match(node)).toHaveLength(3)
    expect(out).not.toMatch(/•\n|page/)
    expect(out).not.toContain('\u001b')
  })

  it('as JSON and CSV', () => {
    const report = JSON.parse(view('-o', 'json', '--name=viewed').out) as { totals: object; nodes: object[] }
    expect(report.totals).toMatchObject({ nodes: 3, nodesWithoutPrice: 0 })
    expect(report.nodes[0]).toMatchObject({ instanceType: 't3.medium', capacityType: 'onDemand', nodeGroup: 'ng1' })
    expect(view('--output', 'csv').out.split('\n')).toHaveLength(5)
  })

  it('reads ~/.eks-node-viewer, and flags come before it', () => {
    writeFileSync(join(home, '.eks-node-viewer'), 'resources=memory\ndisable-pricing=true\n')
    expect(view().out).toMatch(/^3 nodes \( +\S+\/9\.6Gi\) +\S+ memory [█░]+\n/)
    expect(view('--resources=cpu').out).toMatch(/^3 nodes \( +\d+m\/5790m\) +\S+ cpu [█░]+\n/)
    rmSync(join(home, '.eks-node-viewer'))
  })

  it.each([
    { args: ['-foo'], code: 2, err: /^flag provided but not defined: -foo\nUsage of plimsoll view:\n/ },
    { args: ['--style', '#fff'], code: 2, err: /^plimsoll: -style: three colours are expected.*; there are 1\n$/ },
    { args: ['-o', 'yaml'], code: 2, err: /^plimsoll: -output: "yaml" is none of table, json, csv\n$/ },
    { args: ['--kubeconfig', '/nowhere'], code: 1, err: /^plimsoll: kubeconfig \/nowhere: no such file\n$/ },
    {
      args: ['--name', 'other'],
      code: 1,
      err: /^plimsoll: no cluster other is running; start one with `plimsoll up`\n$/,
    },
  ])('$args ends with $code', ({ args, code, err }) => {
    const run = view(...args)
    expect(run.err).toMatch(err)
    expect(run.code).toBe(code)
  })

  it('says in one line which server does not answer', () => {
    const config = join(home, 'gone')
    const one = { server: 'https://127.0.0.1:1', 'insecure-skip-tls-verify': true }
    const kubeconfig = {
      clusters: [{ name: 'c', cluster: one }],
      users: [{ name: 'u', user: {} }],
      contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
      'current-context': 'x',
    }
    writeFileSync(config, JSON.stringify(kubeconfig))
    const { code, err } = view('--kubeconfig', config)
    expect(err).toMatch(/^plimsoll: kubeconfig \S+\/gone: .*127\.0\.0\.1:1.*refused.*\n$/i)
    expect(code).toBe(1)
  })

  it('version, help and attribution need no cluster', () => {
    expect(view('-v').out).toMatch(/^version: \d+\.\d+\.\d+\ncommit: .*\nbuilt at: .*\nbuilt by: .*\n$/)
    expect(view('--help').out).toMatch(/^Usage of plimsoll view:\n/)
    expect(view('--attribution').out).toContain('ink ')
  })
})

describe.skipIf(!hasScript)("plimsoll view on a terminal (needs util-linux's script)", () => {
  const children: ChildProcess[] = []
  // `script` passes a hangup on to what runs on its terminal.
  afterEach(() => children.splice(0).forEach((child) => child.exitCode ?? child.kill('SIGHUP')))

  /** Runs on a terminal of 110 by 20, and tells afterwards how the terminal was left. */
  function onTerminal(...args: string[]) {
    const words = [process.execPath, bin, 'view', ...args].map((word) => `'${word}'`).join(' ')
    const shell = `stty cols 110 rows 20; sh -c 'echo PID=$$; exec "$@"' sh ${words}; echo CODE=$?; stty -a`
    const child = spawn(script, ['-qec', shell, '/dev/null'], { env: env(), stdio: ['pipe', 'pipe', 'inherit'] })
    children.push(child)
    let output = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text))
    const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
    // Escape is shown by its picture.
    const shown = (): string => output.replaceAll('\u001b', '␛')
    const until = async (pattern: RegExp): Promise<void> => {
      await expect.poll(shown, { timeout: 15_000, interval: 20 }).toMatch(pattern)
    }
    return { child, ended, until, output: shown, pid: () => Number(/PID=(\d+)/.exec(output)![1]) }
  }
  const restored = /␛\[\?7h␛\[\?25h␛\[\?1049l[^]*CODE=0\r\n[^]* icanon[^]* echo /

  it('shows nodes in colour, answers keys, and leaves the terminal as it was', async () => {
    const { child, ended, until, output } = onTerminal('--resources', 'cpu,memory')
    await until(/␛\[\?1049h[^]*ip-192-168-\S+[^]*←\/→ page • q: quit/)
    await until(/␛\[38;5;196m█/)
    child.stdin.write('g')
    await until(/── ng1 {2}3 nodes/)
    child.stdin.write('q')
    await ended
    expect(output()).toMatch(restored)
  }, 30_000)

  it('leaves it so when it is told to end', async () => {
    const { ended, until, output, pid } = onTerminal()
    await until(/q: quit/)
    process.kill(pid(), 'SIGTERM')
    await ended
    expect(output()).toMatch(restored)
  }, 30_000)
})
