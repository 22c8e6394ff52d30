// What runs in a container: one of our programs, or something that only takes time.
import { ms, parseGoDuration, type Container, type Ms, type Pod } from '@plimsoll/model'
import { sleepWith, type Clock, type ContainerContext, type ContainerProgram, type Timer } from '@plimsoll/ports'
import { Lifetime } from '../machinery/lifetime.ts'
import { gatedKube } from './gated-kube.ts'

export interface Process {
  /** SIGTERM. */
  terminate(): void
  /** SIGKILL, or the machine lost power: no exit is reported afterwards. */
  kill(): void
}

type OnExit = (exitCode: number) => void

/** Runs until it is stopped or, when `runs` is given, that long; leaves `takes` after SIGTERM. */
export class PlainProcess implements Process {
  readonly #lifetime: Lifetime
  readonly #takes: () => Ms
  readonly #onExit: OnExit
  #end: Timer | undefined
  #terminating = false

  constructor(o: {
    readonly clock: Clock
    readonly runs: { readonly duration: Ms; readonly exitCode: number } | undefined
    readonly takes: () => Ms
    readonly onExit: OnExit
  }) {
    this.#lifetime = new Lifetime(o.clock)
    this.#takes = o.takes
    this.#onExit = o.onExit
    const { runs } = o
    if (runs !== undefined) this.#end = this.#lifetime.after(runs.duration, () => this.#exit(runs.exitCode))
  }

  terminate(): void {
    if (this.#terminating) return
    this.#terminating = true
    this.#end?.cancel()
    this.#end = this.#lifetime.after(this.#takes(), () => this.#exit(0))
  }

  kill(): void {
    this.#lifetime.end()
  }

  #exit(code: number): void {
    this.#lifetime.end()
    this.#onExit(code)
  }
}

/** A ContainerProgram between its start and its exit. */
export class ProgramProcess implements Process {
  readonly #terminate = new AbortController()
  readonly #kill = new AbortController()
  readonly #lifetime: Lifetime

  constructor(program: ContainerProgram, context: Omit<ContainerContext, 'terminate' | 'kill'>, onExit: OnExit) {
    this.#lifetime = new Lifetime(context.clock)
    const kill = this.#kill.signal
    const running: ContainerContext = {
      ...context,
      clock: mortalClock(this.#lifetime),
      kube: gatedKube(context.kube, kill),
      terminate: this.#terminate.signal,
      kill,
      log: (line) => {
        if (!kill.aborted) context.log(line)
      },
    }
    void this.#run(program, running, onExit)
  }

  terminate(): void {
    this.#terminate.abort(new Error('the container is to stop'))
  }

  kill(): void {
    this.#lifetime.end()
    this.#kill.abort(new Error('the container was killed'))
    this.terminate()
  }

  async #run(program: ContainerProgram, context: ContainerContext, onExit: OnExit): Promise<void> {
    let code: number
    try {
      code = await program.run(context)
    } catch (error) {
      // A program that only passes on why it was stopped has stopped.
      code = error === context.terminate.reason ? 0 : 2
      if (code !== 0) context.log(`panic: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`)
    }
    if (context.kill.aborted) return
    this.kill()
    onExit(code)
  }
}

/** A clock whose timers die with the program that set them. */
function mortalClock(lifetime: Lifetime): Clock {
  const clock: Clock = {
    now: () => lifetime.clock.now(),
    after: (delay, callback) => lifetime.after(delay, callback),
    sleep: (delay, signal) => sleepWith(clock, delay, signal),
  }
  return clock
}

/** How long a container of no known program runs: by annotation, by what its command says, or for ever. */
export function plainRun(
  pod: Pod,
  container: Container,
): { readonly duration: Ms; readonly exitCode: number } | undefined {
  const exited = exitOf(container.command, container.args)
  const exitCode = Number(pod.metadata.annotations?.[exitCodeAnnotation] ?? exited ?? 0)
  const duration =
    annotatedDuration(pod, runDurationAnnotation) ??
    (exited === undefined ? sleepOf(container.command, container.args) : ms(0))
  if (duration !== undefined) return { duration, exitCode }
  const job = pod.metadata.ownerReferences?.some((owner) => owner.kind === 'Job' && owner.controller === true)
  return job === true ? { duration: jobDuration, exitCode } : undefined
}

/** Without an annotation the work of a Job's pod takes so long. */
const jobDuration = ms(5000)

/** How long containers of plain images run before they exit by themselves: a Go duration. */
const runDurationAnnotation = 'plimsoll.dev/run-duration'
/** The code with which they then exit; 0 when absent. */
const exitCodeAnnotation = 'plimsoll.dev/exit-code'
/** From SIGTERM to the exit. */
export const exitDurationAnnotation = 'plimsoll.dev/exit-duration'
/** From the start of a container with a readiness probe until the probe can succeed. */
export const readyDelayAnnotation = 'plimsoll.dev/ready-delay'

const units: Record<string, number> = { '': 1000, s: 1000, m: 60_000, h: 3_600_000 }

export function annotatedDuration(pod: Pod, annotation: string): Ms | undefined {
  const text = pod.metadata.annotations?.[annotation]
  return text === undefined ? undefined : parseGoDuration(text)
}

/** The code of `true`, `false` and, in a shell, `exit 3`, which are over at once; undefined for anything else. */
export function exitOf(command: readonly string[] | undefined, args?: readonly string[]): number | undefined {
  const line = [...(command ?? []), ...(args ?? [])].join(' ')
  const match = /^(?:(?:\/bin\/)?(?:ba|a)?sh -e?c )?(?:(?:\/bin\/)?(true|false)|exit (\d+))$/.exec(line.trim())
  if (match === null) return undefined
  return match[1] === undefined ? Number(match[2]) : match[1] === 'true' ? 0 : 1
}

/** `sleep 30`, also through a shell; undefined for anything else, and for `sleep infinity`. */
export function sleepOf(command: readonly string[] | undefined, args?: readonly string[]): Ms | undefined {
  const line = [...(command ?? []), ...(args ?? [])].join(' ')
  const match = /^(?:(?:\/bin\/)?(?:ba|a)?sh -e?c )?(?:\/bin\/)?sleep (\d+(?:\.\d+)?)([smh]?)$/.exec(line.trim())
  return match === null ? undefined : ms(Number(match[1]) * units[match[2]!]!)
}
