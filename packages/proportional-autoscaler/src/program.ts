// The whole program between a command line and an exit code: what main.go is to upstream's image. Who runs it (a
// simulated kubelet, or the command line) gives it the outside.
import type { Clock, ContainerRequest, ContainerResponse, KubeApi, Log, Random } from '@plimsoll/ports'
import { createLog, MetricsRegistry } from '@plimsoll/runtime'
import {
  parseProportionalAutoscalerFlags,
  type LogOptions,
  type ProportionalAutoscalerOptions,
} from './options/options.ts'
import { ProportionalAutoscaler, proportionalAutoscalerVersion } from './proportional-autoscaler.ts'
import { severityOfLine } from './log-line.ts'

const exitDone = 0
const exitFailure = 1
/** What pflag exits with on a command line that it does not understand, and what glog.Fatal exits with. */
const exitUsage = 2

export interface ProgramSurroundings {
  /** What follows the program's name. */
  readonly args: readonly string[]
  readonly environment: { readonly [name: string]: string | undefined }
  readonly clock: Clock
  readonly random: Random
  /** The host's or pod's name: who holds the lease. */
  readonly identity: string
  /** Aborted when the program is to end. */
  readonly signal: AbortSignal
  /** Lines without their newline. */
  readonly out: (line: string) => void
  readonly error: (line: string) => void
  /** Where lines go that glog would write into files; absent where there are none. */
  readonly logFile?: (options: LogOptions) => (line: string) => void
  /** @throws Error in one line when there is no access to a cluster */
  readonly connect: (options: ProportionalAutoscalerOptions, log: Log) => Promise<KubeApi>
  /** Answers HTTP until what it returns is called. @throws Error when the address cannot be listened on */
  readonly serve: (address: string, handler: (request: ContainerRequest) => ContainerResponse) => Promise<() => void>
}

/** Runs until told to end. Resolves to the exit code. */
export async function runProportionalAutoscaler(o: ProgramSurroundings): Promise<number> {
  const line = parseProportionalAutoscalerFlags(o.args, o.environment)
  switch (line.kind) {
    case 'version':
      o.out(proportionalAutoscalerVersion)
      return exitDone
    case 'usage':
      // pflag says what is wrong before the usage, and its caller says it again on standard output.
      if (!line.isHelp) o.error(line.error)
      o.error(line.usage.trimEnd())
      o.out(line.error)
      return exitUsage
    case 'refused': {
      const log = logOf(o, line.log)
      for (const { source, message } of line.refusals) log.named(source).error(message)
      return exitFailure
    }
    case 'options':
      return runWith(o, line.options, logOf(o, line.log), line.targetProblem)
  }
}

async function runWith(
  o: ProgramSurroundings,
  options: ProportionalAutoscalerOptions,
  log: Log,
  targetProblem: string | undefined,
): Promise<number> {
  const { clock, random, identity, signal } = o
  log.named('autoscaler.go:49').info(0, `Scaling Namespace: ${options.namespace}, Target: ${options.targetText}`)
  if (targetProblem !== undefined) {
    log.named('autoscaler.go:52').error(targetProblem)
    return exitFailure
  }
  const metrics = new MetricsRegistry()
  let autoscaler: ProportionalAutoscaler
  try {
    const kube = await o.connect(options, log)
    autoscaler = new ProportionalAutoscaler({ kube, clock, random, log, metrics, options, identity })
  } catch (error) {
    log.named('autoscaler.go:52').error(messageOf(error))
    return exitFailure
  }
  // However this ends, nothing of it goes on.
  const over = new AbortController()
  const running = AbortSignal.any([signal, over.signal])
  try {
    await autoscaler.start(running)
    return await serveAndRun(o, options, log, { autoscaler, metrics, running })
  } catch (error) {
    if (signal.aborted) return exitDone
    throw error
  } finally {
    over.abort()
  }
}

async function serveAndRun(
  o: ProgramSurroundings,
  options: ProportionalAutoscalerOptions,
  log: Log,
  {
    autoscaler,
    metrics,
    running,
  }: { autoscaler: ProportionalAutoscaler; metrics: MetricsRegistry; running: AbortSignal },
): Promise<number> {
  let close: () => void
  try {
    close = await o.serve(options.healthAddress, ({ path }) => answer(path, autoscaler, metrics))
  } catch (error) {
    log.named('health.go:66').error(messageOf(error))
    return exitUsage
  }
  try {
    return await autoscaler.run(running)
  } finally {
    close()
  }
}

function answer(path: string, autoscaler: ProportionalAutoscaler, metrics: MetricsRegistry): ContainerResponse {
  const contentType = 'text/plain; charset=utf-8'
  switch (path.replace(/\?.*/, '')) {
    case '/healthz':
      return { status: 200, contentType, body: '' }
    case '/last-poll':
      return { ...autoscaler.lastPoll(), contentType }
    case '/metrics':
      return { status: 200, contentType: 'text/plain; version=0.0.4; charset=utf-8', body: metrics.expose() }
    default:
      return { status: 404, contentType, body: '404 page not found\n' }
  }
}

/** As glog: to standard error, or into files and from some severity on to standard error as well. */
function logOf(o: ProgramSurroundings, options: LogOptions): Log {
  const file = options.toStderr ? undefined : o.logFile?.(options)
  const { alsoToStderr, toStderr, stderrThreshold } = options
  return createLog({
    clock: o.clock,
    verbosity: options.verbosity,
    vmodule: options.vmodule,
    source: 'autoscaler.go',
    write: (line) => {
      file?.(line)
      if (toStderr || alsoToStderr || severityOfLine(line) >= stderrThreshold) o.error(line)
    },
  })
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
