// `plimsoll walkthrough ca`: a cluster of its own, the chapter's commands in a real shell, and a line for each thing
// that had to be seen.
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { childEnvironment } from '../environment.ts'
import { CliError } from '../failure.ts'
import { instancePaths, makeFolders } from '../instance.ts'
import { startLiveCluster, type LiveCluster } from '../live-cluster.ts'
import { installedCommand, provideShims } from '../shims.ts'
import { answer } from './aws-answer.ts'
import { clusterAutoscalerChapter } from './cluster-autoscaler.ts'
import { Observer } from './observer.ts'
import { Screen } from './screen.ts'
import { Session } from './session.ts'
import type { Chapter, Expectation, Outcome, Step } from './step.ts'

/** Real time that a command may take which is not meant to wait. */
const commandMsMax = 60_000
/** Real time that a `-w` or `-f` command runs at least, so that it has shown something. */
const followMsMin = 1_500

/** Resolves to the exit code: 0 when everything expected was seen. */
export async function runWalkthrough(o: {
  readonly speed: number
  readonly seed: string
  readonly write?: (text: string) => void
}): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'plimsoll-walkthrough-'))
  const screen = new Screen(o.write ?? ((text) => process.stdout.write(text)), process.stdout.isTTY)
  const paths = instancePaths(folder, 'myeks')
  makeFolders(paths)
  let cluster: LiveCluster | undefined
  let session: Session | undefined
  let observer: Observer | undefined
  const interrupted = new AbortController()
  const onSignal = (): void => interrupted.abort(new CliError('interrupted'))
  process.once('SIGINT', onSignal)
  process.once('SIGTERM', onSignal)
  try {
    const chapter = clusterAutoscalerChapter
    cluster = await startLiveCluster({
      name: 'myeks',
      speed: o.speed,
      seed: o.seed,
      port: 0,
      awsPort: 0,
      workshop: true,
      paths,
    })
    const path = process.env['PATH'] ?? ''
    await provideShims(paths.bin, path, (note) => screen.note(note))
    if (installedCommand('kubectl', path, paths.bin) === undefined && !existsSync(join(paths.bin, 'kubectl')))
      throw new CliError('the walkthrough needs kubectl, and none is installed')
    const hasAws = installedCommand('aws', path, paths.bin) !== undefined

    const work = join(folder, 'work')
    mkdirSync(work)
    for (const [name, source] of Object.entries(chapter.files)) copyFileSync(inClone(source), join(work, name))
    const environment = {
      ...cluster.running.environment,
      // The user's own settings must not change what is shown.
      AWS_CONFIG_FILE: join(work, '.aws-config'),
      AWS_SHARED_CREDENTIALS_FILE: join(work, '.aws-credentials'),
    }
    session = new Session({ folder: work, env: childEnvironment(process.env, environment, paths.bin) })
    observer = await Observer.start(cluster.kube, cluster.aws, 'myeks')

    screen.heading(
      `${chapter.title}: ${chapter.steps.length} steps on a cluster of its own, ${o.speed} s of its time in one second`,
    )
    const outcomes = await runChapter(chapter, {
      cluster,
      session,
      observer,
      screen,
      hasAws,
      signal: interrupted.signal,
    })
    return screen.summary(outcomes) ? 0 : 1
  } finally {
    process.removeListener('SIGINT', onSignal)
    process.removeListener('SIGTERM', onSignal)
    observer?.stop()
    await session?.close()
    await cluster?.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

interface Stage {
  readonly cluster: LiveCluster
  readonly session: Session
  readonly observer: Observer
  readonly screen: Screen
  readonly hasAws: boolean
  readonly signal: AbortSignal
}

async function runChapter(chapter: Chapter, stage: Stage): Promise<Outcome[]> {
  const outcomes: Outcome[] = []
  for (const [index, step] of chapter.steps.entries()) {
    stage.signal.throwIfAborted()
    stage.screen.step(index + 1, step.title, step.command)
    const before = await stateLine(stage.observer)
    for (const outcome of await runStep(step, stage)) {
      stage.screen.outcome(outcome)
      outcomes.push(outcome)
    }
    const after = await stateLine(stage.observer)
    if (after !== before) stage.screen.change(before, after)
  }
  return outcomes
}

async function runStep(step: Step, stage: Stage): Promise<Outcome[]> {
  switch (step.runs ?? 'once') {
    case 'once':
      return runOnce(step, stage)
    case 'follow':
      return follow(step, stage)
    case 'repeat':
      return repeat(step, stage)
  }
}

async function runOnce(step: Step, stage: Stage): Promise<Outcome[]> {
  const output =
    step.aws !== undefined && !stage.hasAws ? await withoutAws(step, stage) : await execute(step.command, stage)
  stage.screen.output(output, step.shows)
  const outcomes: Outcome[] = []
  for (const expectation of step.expects) outcomes.push(await judge(step, expectation, () => output, stage))
  return outcomes
}

/** The command runs until everything was seen, or was not in time. */
async function follow(step: Step, stage: Stage): Promise<Outcome[]> {
  const command = stage.session.start(step.command, () => {})
  const begun = Date.now()
  const outcomes: Outcome[] = []
  for (const expectation of step.expects) outcomes.push(await judge(step, expectation, command.output, stage))
  // Started, connected and printed: only then is it worth stopping.
  while (command.output() === '' && Date.now() - begun < commandMsMax)
    await sleep(100, undefined, { signal: stage.signal })
  await sleep(Math.max(0, begun + followMsMin - Date.now()), undefined, { signal: stage.signal })
  await command.stop()
  stage.screen.output(command.output(), step.shows)
  return outcomes
}

async function repeat(step: Step, stage: Stage): Promise<Outcome[]> {
  const inner = step.command.replace(/^watch (-\S+ )*/, '')
  stage.screen.output(await execute(inner, stage), step.shows)
  const outcomes: Outcome[] = []
  for (const expectation of step.expects) outcomes.push(await judge(step, expectation, () => '', stage))
  stage.screen.output(await execute(inner, stage), step.shows)
  return outcomes
}

async function execute(text: string, stage: Stage): Promise<string> {
  const command = stage.session.start(text, () => {})
  const timer = new AbortController()
  const late = sleep(commandMsMax, true, { signal: AbortSignal.any([timer.signal, stage.signal]) }).catch(() => true)
  const ended = await Promise.race([command.ended.then(() => false), late])
  timer.abort()
  if (ended) {
    await command.stop()
    stage.signal.throwIfAborted()
    return `${command.output()}(stopped after ${commandMsMax / 1000} s)\n`
  }
  return command.output()
}

async function withoutAws(step: Step, stage: Stage): Promise<string> {
  stage.screen.note('no AWS CLI is installed: the same question is put to the embedded AWS directly')
  try {
    return await answer(step.aws!, stage.cluster.aws, stage.cluster.running.environment, stage.session)
  } catch (error) {
    return `${String(error)}\n`
  }
}

async function judge(step: Step, expectation: Expectation, output: () => string, stage: Stage): Promise<Outcome> {
  const named = { step: step.title, says: expectation.says }
  if (expectation.kind === 'printed') {
    // A followed command may print it later.
    const limit = Date.now() + (step.runs === 'follow' ? 20_000 : 0)
    while (!expectation.pattern.test(output())) {
      if (Date.now() >= limit) return { ...named, met: false, found: 'it did not print that' }
      await sleep(200, undefined, { signal: stage.signal })
    }
    return { ...named, met: true }
  }
  const { clock } = stage.cluster
  const begun = clock.now()
  for (;;) {
    const standing = await expectation.look(stage.observer)
    if (standing.met) {
      stage.screen.waited()
      return { ...named, met: true }
    }
    const passed = clock.now() - begun
    if (passed > expectation.within) {
      stage.screen.waited()
      return { ...named, met: false, found: `${standing.now} after ${Math.round(passed / 1000)} s of cluster time` }
    }
    stage.screen.waiting(`${standing.now} (${clockText(passed)} of at most ${clockText(expectation.within)})`)
    await sleep(200, undefined, { signal: stage.signal })
  }
}

async function stateLine(observer: Observer): Promise<string> {
  const [nodes, group] = [await observer.nodes(), await observer.group()]
  return `${nodes.ready} of ${nodes.count} nodes Ready; group min ${group.min}, max ${group.max}, desired ${group.desired}`
}

function clockText(ms: number): string {
  const s = Math.round(ms / 1000)
  return `${Math.floor(s / 60)}:${String(s % 60).padStart(2, '0')}`
}

function inClone(path: string): string {
  return fileURLToPath(new URL(`../../../../${path}`, import.meta.url))
}
