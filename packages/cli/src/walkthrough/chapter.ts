// One chapter in a real shell, step by step, against what must be seen.
import { setTimeout as sleep } from 'node:timers/promises'
import type { LiveCluster } from '../live-cluster.ts'
import { answer } from './aws-answer.ts'
import { forVersion, type AwsCli } from './aws-cli.ts'
import type { Observer } from './observer.ts'
import type { Screen } from './screen.ts'
import type { Session } from './session.ts'
import type { Chapter, Expectation, Outcome, Step } from './step.ts'

/** Real time that a command may take which is not meant to wait. */
const commandMsMax = 60_000
/** Real time that a `-w` or `-f` command runs at least, so that it has shown something. */
const followMsMin = 1_500

export interface Stage {
  readonly cluster: Pick<LiveCluster, 'aws' | 'clock' | 'running'>
  readonly session: Session
  readonly observer: Observer
  readonly screen: Screen
  readonly awsCli: AwsCli | undefined
  readonly signal: AbortSignal
}

/** Runs the steps in order; a failed expectation does not end the chapter. @throws what `signal` was aborted with */
export async function runChapter(chapter: Chapter, stage: Stage): Promise<Outcome[]> {
  const outcomes: Outcome[] = []
  for (const [index, written] of chapter.steps.entries()) {
    stage.signal.throwIfAborted()
    const step = { ...written, command: forVersion(written.command, stage.awsCli) }
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
    step.aws !== undefined && stage.awsCli === undefined
      ? await withoutAws(step, stage)
      : await execute(step.command, stage)
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
