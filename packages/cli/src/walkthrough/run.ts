// `plimsoll walkthrough ca|cpa`: a cluster of its own, the chapter's commands in a real shell, and a line for each thing
// that had to be seen.
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { childEnvironment } from '../environment.ts'
import { CliError } from '../failure.ts'
import { instancePaths, makeFolders } from '../instance.ts'
import { startLiveCluster, type LiveCluster } from '../live-cluster.ts'
import { installedCommand, provideShims } from '../shims.ts'
import { deployed } from '../workshop.ts'
import { clusterAutoscalerChapter } from './cluster-autoscaler.ts'
import { proportionalAutoscalerChapter } from './proportional-autoscaler.ts'
import { findAwsCli } from './aws-cli.ts'
import { runChapter } from './chapter.ts'
import type { Chapter } from './step.ts'
import { Observer } from './observer.ts'
import { Screen } from './screen.ts'
import { Session } from './session.ts'

const chapters = {
  ca: clusterAutoscalerChapter,
  cpa: proportionalAutoscalerChapter,
} as const satisfies { readonly [name: string]: Chapter }

/** Resolves to the exit code: 0 when everything expected was seen. */
export async function runWalkthrough(o: {
  readonly chapter: 'ca' | 'cpa'
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
    const chapter = chapters[o.chapter]
    cluster = await startLiveCluster({
      name: 'myeks',
      speed: o.speed,
      seed: o.seed,
      port: 0,
      awsPort: 0,
      chartsPort: 0,
      workshop: true,
      paths,
    })
    const path = process.env['PATH'] ?? ''
    await provideShims(paths.bin, path, (note) => screen.note(note))
    if (installedCommand('kubectl', path, paths.bin) === undefined && !existsSync(join(paths.bin, 'kubectl')))
      throw new CliError('the walkthrough needs kubectl, and none is installed')
    const awsCli = await findAwsCli(path, paths.bin)

    const work = join(folder, 'work')
    mkdirSync(work)
    for (const [name, source] of Object.entries(chapter.files)) copyFileSync(deployed(source), join(work, name))
    const environment = {
      ...cluster.running.environment,
      // The user's own settings must not change what is shown.
      AWS_CONFIG_FILE: join(work, '.aws-config'),
      AWS_SHARED_CREDENTIALS_FILE: join(work, '.aws-credentials'),
      HELM_CONFIG_HOME: join(work, '.helm', 'config'),
      HELM_CACHE_HOME: join(work, '.helm', 'cache'),
      HELM_DATA_HOME: join(work, '.helm', 'data'),
    }
    session = new Session({
      folder: work,
      env: childEnvironment(
        // With several AWS CLIs installed, the one chosen comes first.
        awsCli === undefined ? process.env : { ...process.env, PATH: `${awsCli.folder}:${path}` },
        environment,
        paths.bin,
      ),
    })
    observer = await Observer.start(cluster.kube, cluster.aws, 'myeks')

    screen.heading(
      `${chapter.title}: ${chapter.steps.length} steps on a cluster of its own, ${o.speed} s of its time in one second`,
    )
    const outcomes = await runChapter(chapter, {
      cluster,
      session,
      observer,
      screen,
      awsCli,
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
