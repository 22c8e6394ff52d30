import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ms, type Node, type KubeObject } from '@plimsoll/model'
import { SystemClock, type AwsApi, type KubeReader, type WatchSink } from '@plimsoll/ports'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { runChapter, type Stage } from './chapter.ts'
import { clusterAutoscalerChapter } from './cluster-autoscaler.ts'
import { Observer } from './observer.ts'
import { Screen } from './screen.ts'
import { Session } from './session.ts'
import type { Expectation, Outcome, Step } from './step.ts'

let folder: string
let printed: string
let stage: Stage
let nodes: number
let stop: AbortController

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'plimsoll-chapter-'))
  printed = ''
  nodes = 3
  stop = new AbortController()
  const kube = {
    list: async () => ({ items: Array.from({ length: nodes }, (_, i) => node(`n${i}`)), resourceVersion: '1' }),
    watch: async (_type: unknown, _options: unknown, sink: WatchSink<KubeObject>) => {
      sink.event({ type: 'ADDED', object: node('n0', 'once-seen') })
      return { stop: () => {} }
    },
  } as unknown as KubeReader
  const aws = {
    region: 'r',
    call: async () => ({
      AutoScalingGroups: [{ AutoScalingGroupName: 'eks-ng1', MinSize: 3, MaxSize: 3, DesiredCapacity: nodes }],
    }),
  } as unknown as AwsApi
  stage = {
    cluster: {
      aws,
      clock: new SystemClock(),
      running: { kubeUrl: '', awsUrl: '', environment: { CLUSTER_NAME: 'myeks' } },
    },
    session: new Session({ folder, env: { PATH: process.env['PATH'], CLUSTER_NAME: 'myeks' } }),
    observer: await Observer.start(kube, aws, 'myeks'),
    screen: new Screen((text) => (printed += text), false),
    awsCli: { folder: '/usr/bin', major: 2 },
    signal: stop.signal,
  }
})
afterEach(async () => {
  await stage.session.close()
  rmSync(folder, { recursive: true, force: true })
})

function run(...steps: readonly Omit<Step, 'title'>[]): Promise<Outcome[]> {
  return runChapter({ title: 't', files: {}, steps: steps.map((step, i) => ({ ...step, title: `s${i + 1}` })) }, stage)
}

const prints = (pattern: RegExp): Expectation => ({ kind: 'printed', says: String(pattern), pattern })

describe('a chapter', () => {
  it('shows each command, its output and whether it printed what it should', async () => {
    const outcomes = await run({
      command: 'echo $CLUSTER_NAME; echo oops >&2',
      expects: [prints(/^myeks$/m), prints(/no/)],
    })
    expect(outcomes.map((o) => o.met)).toEqual([true, false])
    expect(printed).toContain('1. s1\n$ echo $CLUSTER_NAME; echo oops >&2\nmyeks\noops\npass  /^myeks$/m\nFAIL  /no/')
  })

  it('carries exports on to the next command, whatever stands in them', async () => {
    const [outcome] = await run(
      { command: `export ASG_NAME="$(echo "it's one")"`, expects: [] },
      { command: 'echo "<$ASG_NAME>"', expects: [prints(/<it's one>/)] },
    )
    expect(outcome).toEqual({ step: 's2', says: "/<it's one>/", met: true })
  })

  it('waits in cluster time for what must happen, and says what it found instead', async () => {
    const happens = (wanted: number): Expectation => ({
      kind: 'happens',
      says: `${wanted} nodes`,
      within: ms(600),
      look: async (observer) => {
        const { ready } = await observer.nodes()
        return { met: ready === wanted, now: `${ready} nodes` }
      },
    })
    setTimeout(() => (nodes = 6), 300)
    const outcomes = await run({ command: 'true', expects: [happens(6), happens(7)] })
    expect(outcomes[0]).toMatchObject({ met: true })
    expect(outcomes[1]).toMatchObject({ met: false, found: '6 nodes after 1 s of cluster time' })
    expect(printed).toContain(
      '# changed: 3 of 3 nodes Ready; group min 3, max 3, desired 3 → 6 of 6 nodes Ready; group min 3, max 3, desired 6',
    )
  })

  it('stops a command without an end, with all that it started', async () => {
    const pidFile = join(folder, 'pid')
    const outcomes = await run({
      command: `sh -c 'echo $$ > ${pidFile}; echo begun; while :; do sleep 0.1; done' | cat`,
      runs: 'follow',
      expects: [prints(/begun/)],
    })
    expect(outcomes[0]).toMatchObject({ met: true })
    const pid = Number(readFileSync(pidFile, 'utf8'))
    await expect.poll(() => isRunning(pid), { timeout: 10_000 }).toBe(false)
  })

  it('ends a command that does not listen', async () => {
    const begun = Date.now()
    await run({ command: `trap '' TERM; echo begun; while :; do sleep 0.1; done`, runs: 'follow', expects: [] })
    expect(Date.now() - begun).toBeLessThan(15_000)
  })

  it('runs what `watch` would repeat, without watch', async () => {
    writeFileSync(join(folder, 'count'), '')
    await run({ command: 'watch -d echo x >> count', runs: 'repeat', expects: [] })
    expect(readFileSync(join(folder, 'count'), 'utf8')).toBe('x\nx\n')
  })

  it('asks the embedded AWS itself where there is no CLI, and keeps the answer', async () => {
    stage = { ...stage, awsCli: undefined }
    const step = clusterAutoscalerChapter.steps.find((s) => s.command.startsWith('export ASG_NAME'))!
    await run(
      { ...step, aws: { ...step.aws!, query: 'AutoScalingGroups[0].AutoScalingGroupName' }, expects: [] },
      { command: 'echo "<$ASG_NAME>"', expects: [prints(/<eks-ng1>/)] },
    )
    expect(printed).toContain('# no AWS CLI is installed')
    expect(printed).toContain('pass  /<eks-ng1>/')
  })

  it('remembers taints that are gone again', () => {
    expect([...stage.observer.taintsSeen]).toEqual(['once-seen'])
  })

  it('ends at once when it is interrupted', async () => {
    stop.abort(new Error('interrupted'))
    await expect(run({ command: 'true', expects: [] })).rejects.toThrow('interrupted')
  })

  it('shortens long output and drops colours', async () => {
    await run({
      command: `printf '\\033[1mbold\\033[0m\\n'; i=0; while [ $i -lt 100 ]; do echo line $i; i=$((i+1)); done`,
      expects: [],
    })
    expect(printed).toContain('\nbold\nline 0\n')
    expect(printed).toContain('… 77 lines …')
    expect(printed).toContain('\nline 99\n')
  })
})

describe('the summary', () => {
  it('fails when anything failed', () => {
    const good = { step: 's', says: 'a', met: true }
    expect(stage.screen.summary([good])).toBe(true)
    expect(stage.screen.summary([good, { step: 's', says: 'b', met: false, found: 'c' }])).toBe(false)
    expect(printed).toContain('FAIL  b: c  (s)\n1 passed, 1 failed\n')
  })
})

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

function node(name: string, taint?: string): Node {
  return {
    metadata: { name },
    spec: taint === undefined ? {} : { taints: [{ key: taint, effect: 'NoSchedule' }] },
    status: { conditions: [{ type: 'Ready', status: 'True' }] },
  } as unknown as Node
}
