// One pod on one node, from the moment the kubelet sees it to the moment it is gone
// (kubernetes/kubernetes:pkg/kubelet/kubelet.go SyncPod, kuberuntime/kuberuntime_manager.go, pod_workers.go).
import { instant, ms, Pods, type Container, type Ms, type Pod, type Probe } from '@plimsoll/model'
import {
  hex,
  ignoreNotFound,
  isKubeFailure,
  type Clock,
  type ContainerRequest,
  type ContainerResponse,
  type KubeApi,
  type Log,
  type Machine,
  type ProgramTable,
  type Random,
  type Timer,
} from '@plimsoll/ports'
import type { EventRecorder } from '@plimsoll/runtime'
import { faultDuration, faultNumber, type Fault, type FaultName } from '../faults/fault.ts'
import { Lifetime } from '../machinery/lifetime.ts'
import { podReference } from '../machinery/reference.ts'
import { isSidecar } from '../pods.ts'
import type { Timing } from '../timing.ts'
import { ContainerLog } from './container-log.ts'
import { ContainerConfigError, containerEnvironment } from './environment.ts'
import { pulledMessage, pullError, type ImageStore } from './images.ts'
import { podStatus, type ContainerView, type Role, type RunState, type TerminatedState } from './pod-status.ts'
import { probeOnce, unanswered, unready, type ProbeResult } from './probe.ts'
import {
  annotatedDuration,
  exitDurationAnnotation,
  PlainProcess,
  plainRun,
  ProgramProcess,
  readyDelayAnnotation,
  sleepOf,
  type Process,
} from './process.ts'
import { needsRestart, resizedResources, resizeMessage, type ResizeCondition } from './resize.ts'
import type { Refusal, Room } from './room.ts'
import type { Wording } from './wording.ts'
import { missingVolume, unattachedVolumes } from './volumes.ts'

/** CrashLoopBackOff: 10 s doubling to 5 min, forgotten after 10 min without a crash. */
const firstBackoffMs = 10_000
const longestBackoffMs = 300_000
const mountRetry = ms(2000)
const attachPoll = ms(300)
const attachPatience = ms(123_000)
const defaultGraceSeconds = 30
const rejectionDelay = ms(50)
/** Until the network plugin is asked again for an address that it did not have. */
const sandboxRetry = ms(13_000)
/** What a kubelet evicts gets no time to say good-bye. */
const evictionGraceSeconds = 1
/** How long a run lasts that a fault is to end. */
const doomDefault = ms(2000)
const neverPull = 'ErrImageNeverPull'

/** What a pod needs of the kubelet that runs it. */
export interface PodHost {
  readonly machine: Machine
  readonly nodeName: string
  readonly hostIP: string
  readonly kube: KubeApi
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly timing: Timing
  readonly programs: ProgramTable
  readonly events: EventRecorder
  readonly images: ImageStore
  readonly wording: Wording
  /** The machine lost power: nothing may be written any more. */
  readonly over: boolean
  readonly networkReady: boolean
  readonly networkComplaint: string
  whenNetworkReady(): Promise<void>
  /** The API server as the pod's service account. */
  kubeOf(pod: Pod): KubeApi
  /** Takes room for the pod, or says why there is none. */
  admit(pod: Pod): Refusal | undefined
  /** Idempotent. */
  release(pod: Pod): void
  /** Gives the pod what it now asks for, or says why not; asks it again when room is made. */
  resize(life: PodLife, pod: Pod): ReturnType<Room['resize']>
  /** Undefined when the node's network interfaces have none left. */
  takeAddress(pod: Pod): string | undefined
  freeAddress(address: string): void
  /** What the pod suffers now. */
  faultsOf(pod: Pod): readonly Fault[]
}

type ProbeKind = 'Startup' | 'Readiness' | 'Liveness'

/** Most pods are never debugged. */
const noRuns: readonly ContainerRun[] = []

class ContainerRun implements ContainerView {
  /** As it was made, with the resources that it has been given since. */
  spec: Container
  readonly role: Role
  state: RunState
  last: TerminatedState | undefined = undefined
  restarts = 0
  ready = false
  started = false
  id: string | undefined = undefined
  process: Process | undefined = undefined
  log: ContainerLog | undefined = undefined
  previousLog: ContainerLog | undefined = undefined
  backoff: { delay: number; at: number } | undefined = undefined
  /** The ports that the current run answers. */
  readonly ports = new Set<number>()
  /** Ends with the current run: probes, delayed readiness. */
  run: Lifetime | undefined = undefined
  /** Ends with the run, or when probes are begun anew. */
  probes: Lifetime | undefined = undefined
  /** A fault's end of this run. */
  doom: Timer | undefined = undefined
  /** Being stopped, and what its end is to be called then. */
  stopping = false

  constructor(spec: Container, role: Role, state: RunState) {
    this.spec = spec
    this.role = role
    this.state = state
  }
}

export class PodLife {
  readonly #kubelet: PodHost
  readonly #life: Lifetime
  readonly #random: Random
  #pod: Pod
  #containers: ContainerRun[] = []
  /** Ephemeral ones, for debugging. */
  #debugging: readonly ContainerRun[] = noRuns
  readonly #ports = new Map<number, (request: ContainerRequest) => ContainerResponse>()
  #startTime: Ms
  #podIP: string | undefined
  #holdsAddress = false
  #sandbox = false
  #failed: { readonly reason: string; readonly message: string } | undefined
  /** Nothing is started any more: the pod is being deleted, has failed, or its work is done. */
  #ending = false
  #finishing = false
  #removed = false
  #killTimer: { readonly at: number; readonly timer: Timer } | undefined
  #wakeStart: (() => void) | undefined
  #posting: Promise<void> | undefined
  #postAgain = false
  #faults: readonly Fault[]
  #disruption: string | undefined
  #resize: ResizeCondition | undefined

  constructor(kubelet: PodHost, pod: Pod) {
    this.#kubelet = kubelet
    this.#life = new Lifetime(kubelet.clock)
    this.#pod = pod
    this.#faults = kubelet.faultsOf(pod)
    this.#random = kubelet.random.split(`${pod.metadata.namespace}/${pod.metadata.name}`)
    this.#startTime = instant(pod.status?.startTime) ?? kubelet.clock.now()
  }

  get pod(): Pod {
    return this.#pod
  }
  get podIP(): string | undefined {
    return this.#podIP
  }
  /** Running or ready to run: what a metrics agent would see. */
  runningContainers(): readonly Container[] {
    return this.#running().map((c) => c.spec)
  }
  get ready(): boolean {
    return this.#containers.length > 0 && this.#containers.every((c) => c.role === 'init' || c.ready)
  }

  /** The environment of a container. @throws {ContainerConfigError} */
  async surroundings(name: string): Promise<{ readonly [name: string]: string }> {
    const spec = [...this.#containers, ...this.#debugging].find((run) => run.spec.name === name)?.spec
    if (spec === undefined) throw new ContainerConfigError(`container not found ("${name}")`)
    const { kube, nodeName, hostIP, machine } = this.#kubelet
    const facts = { nodeName, hostIP, podIP: this.#podIP ?? '', allocatable: machine.allocatable }
    const { env } = await containerEnvironment(kube, this.#pod, spec, facts)
    return { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', HOME: '/root', ...env }
  }

  get ending(): boolean {
    return this.#ending
  }

  http(port: number, request: ContainerRequest): ContainerResponse | undefined {
    return this.#ports.get(port)?.(request)
  }

  log(container: string, previous: boolean): ContainerLog | undefined {
    const run = [...this.#containers, ...this.#debugging].find((c) => c.spec.name === container)
    return previous ? run?.previousLog : run?.log
  }

  start(): void {
    this.#spawn(this.#begin())
  }

  async #begin(): Promise<void> {
    if (this.#pod.metadata.deletionTimestamp !== undefined) {
      this.#ending = true
      this.#makeContainers()
      await this.#finish()
      return
    }
    const refusal = this.#kubelet.admit(this.#pod)
    if (refusal !== undefined) {
      await this.#reject(refusal.reason, refusal.message)
      return
    }
    this.#makeContainers()
    const deadline = this.#pod.spec.activeDeadlineSeconds
    if (deadline !== undefined) this.#armDeadline(deadline)
    await this.#post()
    await this.#setUp()
  }

  #makeContainers(): void {
    const init = this.#pod.spec.initContainers ?? []
    const waiting = init.length > 0 ? 'PodInitializing' : 'ContainerCreating'
    const make = (spec: Container, role: Role): ContainerRun =>
      this.#remember(new ContainerRun(spec, role, { kind: 'waiting', reason: waiting }))
    this.#containers = [
      ...init.map((spec) => make(spec, isSidecar(spec) ? 'sidecar' : 'init')),
      ...this.#pod.spec.containers.map((spec) => make(spec, 'main')),
    ]
  }

  #running(): ContainerRun[] {
    return [...this.#containers, ...this.#debugging].filter((c) => c.state.kind === 'running')
  }

  /** Ephemeral containers are added to a pod that is there already, and never taken away. */
  #debug(): void {
    if (this.#ending || !this.#sandbox) return
    for (const spec of (this.#pod.spec.ephemeralContainers ?? []).slice(this.#debugging.length)) {
      const run = new ContainerRun(spec as Container, 'debug', { kind: 'waiting', reason: 'ContainerCreating' })
      this.#debugging = [...this.#debugging, run]
      const start = async (): Promise<void> => {
        if (await this.#start(run)) await this.#post()
      }
      this.#spawn(start())
    }
    this.#dirty()
  }

  /** After a restart of the node: what ran is known from the status that was posted. */
  #remember(run: ContainerRun): ContainerRun {
    const status = [
      ...(this.#pod.status?.containerStatuses ?? []),
      ...(this.#pod.status?.initContainerStatuses ?? []),
    ].find((s) => s.name === run.spec.name)
    if (status?.containerID === undefined) return run
    run.restarts = status.restartCount + 1
    run.last = {
      kind: 'terminated',
      exitCode: 255,
      reason: 'Unknown',
      startedAt: instant(status.state?.running?.startedAt),
      finishedAt: this.#now(),
      id: status.containerID,
    }
    return run
  }

  #armDeadline(seconds: number): void {
    const left = this.#startTime + seconds * 1000 - this.#now()
    this.#life.after(ms(Math.max(0, left)), () => {
      const message = 'Pod was active on the node longer than the specified deadline'
      this.#event('Normal', 'DeadlineExceeded', message)
      this.#failed = { reason: 'DeadlineExceeded', message }
      this.#end(this.#grace())
    })
  }

  /** Volumes, sandbox, init containers one after another, then the main ones. */
  async #setUp(): Promise<void> {
    if (!(await this.#mountVolumes())) return
    if (this.#pod.spec.hostNetwork !== true) {
      if (!this.#kubelet.networkReady) {
        this.#event('Warning', 'NetworkNotReady', `network is not ready: ${this.#kubelet.networkComplaint}`)
        await this.#unlessEnding(this.#kubelet.whenNetworkReady())
      }
    }
    if (this.#ending) return
    await this.#life.sleep(this.#kubelet.timing.sandbox(this.#random))
    if (this.#ending) return
    if (!(await this.#takeAddress())) return
    this.#sandbox = true
    for (const run of this.#containers) {
      if (this.#ending) return
      const up = await this.#start(run)
      if (!up || this.#ending) return
      if (run.role === 'main') continue
      // A plain init container's end, and a sidecar's start, let the next one begin: #advance goes on from there.
      await this.#post()
      if (!this.#passed(run)) {
        await new Promise<void>((resolve) => (this.#wakeStart = resolve))
        if (this.#ending) return
      }
    }
    await this.#post()
  }

  async #takeAddress(): Promise<boolean> {
    for (;;) {
      this.#podIP = this.#kubelet.takeAddress(this.#pod)
      if (this.#podIP !== undefined) {
        this.#holdsAddress = true
        return true
      }
      const sandbox = hex(this.#random, 64)
      const problem = `plugin type="aws-cni" name="aws-cni" failed (add): add cmd: failed to assign an IP address to container`
      this.#event(
        'Warning',
        'FailedCreatePodSandBox',
        `Failed to create pod sandbox: rpc error: code = Unknown desc = failed to setup network for sandbox "${sandbox}": ${problem}`,
      )
      await this.#life.sleep(sandboxRetry)
      if (this.#ending) return false
    }
  }

  #passed(run: ContainerRun): boolean {
    return run.role === 'sidecar' ? run.started : run.state.kind === 'terminated' && run.state.exitCode === 0
  }

  /** An init container passed: what waits for it goes on. */
  #advance(run: ContainerRun): void {
    if (!this.#passed(run)) return
    const wake = this.#wakeStart
    this.#wakeStart = undefined
    wake?.()
  }

  async #mountVolumes(): Promise<boolean> {
    if (!(await this.#awaitAttachments())) return false
    for (;;) {
      const complaint = await missingVolume(this.#kubelet.kube, this.#pod)
      if (complaint === undefined) return !this.#ending
      this.#event('Warning', 'FailedMount', complaint)
      await this.#life.sleep(mountRetry)
      if (this.#ending) return false
    }
  }

  /** Volumes are attached by others; the kubelet says how long it waits only every two minutes. */
  async #awaitAttachments(): Promise<boolean> {
    const { clock, kube, nodeName } = this.#kubelet
    let since = clock.now()
    for (;;) {
      const missing = await unattachedVolumes(kube, this.#pod, nodeName)
      if (missing.length === 0) return !this.#ending
      if (clock.now() - since >= attachPatience) {
        since = clock.now()
        const complaint = `Unable to attach or mount volumes: unmounted volumes=[${missing.join(' ')}], unattached volumes=[${missing.join(' ')}], failed to process volumes=[]: context deadline exceeded`
        this.#event('Warning', 'FailedMount', complaint)
      }
      await this.#life.sleep(attachPoll)
      if (this.#ending) return false
    }
  }

  #unlessEnding(promise: Promise<void>): Promise<void> {
    return new Promise((resolve) => {
      this.#wakeStart = resolve
      void promise.then(() => {
        this.#wakeStart = undefined
        resolve()
      })
    })
  }

  /** Pulls, creates and starts one container; false when it cannot be made (yet). */
  async #start(run: ContainerRun): Promise<boolean> {
    if (!(await this.#pull(run)) || this.#ending) return false
    const program = this.#kubelet.programs(run.spec.image ?? '')
    let surroundings
    try {
      surroundings =
        program === undefined
          ? undefined
          : await containerEnvironment(this.#kubelet.kube, this.#pod, run.spec, {
              nodeName: this.#kubelet.nodeName,
              hostIP: this.#kubelet.hostIP,
              podIP: this.#podIP ?? '',
              allocatable: this.#kubelet.machine.allocatable,
            })
    } catch (error) {
      if (!(error instanceof ContainerConfigError)) throw error
      run.state = { kind: 'waiting', reason: 'CreateContainerConfigError', message: error.message }
      this.#event('Warning', 'Failed', `Error: ${error.message}`, run)
      this.#dirty()
      this.#life.after(firstBackoff(), () => {
        if (!this.#ending) this.#spawn(this.#restart(run))
      })
      return false
    }
    await this.#life.sleep(this.#kubelet.timing.containerStart(this.#random))
    if (this.#ending || this.#kubelet.over) return false
    const now = this.#now()
    run.id = `containerd://${hex(this.#random, 64)}`
    run.state = { kind: 'running', startedAt: now }
    run.previousLog = run.log ?? run.previousLog
    run.log = new ContainerLog()
    run.run = new Lifetime(this.#kubelet.clock)
    this.#event('Normal', 'Created', this.#kubelet.wording.created(run.spec.name), run)
    this.#event('Normal', 'Started', this.#kubelet.wording.started(run.spec.name), run)
    const onExit = (code: number): void => this.#exited(run, code, code === 0 ? 'Completed' : 'Error')
    const log = run.log
    if (program !== undefined && surroundings !== undefined) {
      run.process = new ProgramProcess(
        program,
        {
          ...surroundings,
          pod: this.#pod,
          container: run.spec.name,
          image: run.spec.image ?? '',
          clock: this.#kubelet.clock,
          random: this.#random.split(`${run.spec.name}/${run.restarts}`),
          kube: this.#kubelet.kubeOf(this.#pod),
          log: (line) => log.write(this.#now(), line),
          serve: (port, handler) => {
            this.#ports.set(port, handler)
            run.ports.add(port)
            return () => {
              if (this.#ports.get(port) === handler) this.#ports.delete(port)
            }
          },
        },
        onExit,
      )
    } else {
      log.write(now, `${run.spec.image ?? ''} runs as ${run.spec.name} of ${this.#pod.metadata.name}`)
      const initDuration = (): Ms => this.#kubelet.timing.containerStart(this.#random)
      const runs =
        plainRun(this.#pod, run.spec) ?? (run.role === 'init' ? { duration: initDuration(), exitCode: 0 } : undefined)
      run.process = new PlainProcess({
        clock: this.#kubelet.clock,
        // An init container that an annotation lets run long would never let the pod begin.
        runs:
          run.role === 'init' && runs !== undefined
            ? { duration: sleepOf(run.spec.command, run.spec.args) ?? initDuration(), exitCode: 0 }
            : runs,
        takes: () => annotatedDuration(this.#pod, exitDurationAnnotation) ?? this.#kubelet.timing.exit(this.#random),
        onExit,
      })
    }
    if (run.role === 'main' || run.role === 'sidecar') this.#startProbes(run)
    this.#doom(run)
    return true
  }

  /** Brings the image; false when the pod ends first. */
  async #pull(run: ContainerRun): Promise<boolean> {
    const image = run.spec.image ?? ''
    const { images } = this.#kubelet
    const policy = run.spec.imagePullPolicy
    let delay = firstBackoffMs
    for (;;) {
      const failing = this.#fault('image-pull-failure', run) !== undefined
      if (!failing && images.has(image) && policy !== 'Always') {
        this.#event('Normal', 'Pulled', this.#kubelet.wording.present(image), run)
        return true
      }
      if (policy === 'Never') {
        const message = `Container image "${image}" is not present with pull policy of Never`
        this.#event('Warning', neverPull, message, run)
        this.#event('Warning', 'Failed', `Error: ${neverPull}`, run)
        this.#wait(run, neverPull, message)
      } else {
        this.#event('Normal', 'Pulling', `Pulling image "${image}"`, run)
        // The address is there while the image comes.
        if (!images.has(image)) this.#dirty()
        const problem = failing ? pullError(image) : undefined
        if (problem === undefined) {
          const pull = await images.pull(image)
          if (this.#ending) return false
          this.#event('Normal', 'Pulled', pulledMessage(image, pull), run)
          return true
        }
        await this.#life.sleep(this.#kubelet.timing.pullOverhead())
        if (this.#ending) return false
        this.#event('Warning', 'Failed', `Failed to pull image "${image}": ${problem}`, run)
        this.#event('Warning', 'Failed', 'Error: ErrImagePull', run)
        this.#wait(run, 'ErrImagePull', problem)
        const shown = Math.min(delay / 2, firstBackoffMs)
        await this.#life.sleep(ms(shown))
        if (this.#ending) return false
        const backOff = `Back-off pulling image "${image}"`
        this.#event('Normal', 'BackOff', backOff, run)
        this.#event('Warning', 'Failed', 'Error: ImagePullBackOff', run)
        this.#wait(run, 'ImagePullBackOff', `${backOff}: ErrImagePull: ${problem}`)
        await this.#life.sleep(ms(delay - shown))
        if (this.#ending) return false
        delay = Math.min(delay * 2, longestBackoffMs)
        continue
      }
      await this.#life.sleep(ms(firstBackoffMs))
      if (this.#ending) return false
    }
  }

  #wait(run: ContainerRun, reason: string, message: string): void {
    run.state = { kind: 'waiting', reason, message }
    this.#dirty()
  }

  #startProbes(run: ContainerRun): void {
    const { startupProbe, readinessProbe, livenessProbe } = run.spec
    const probed = startupProbe ?? readinessProbe ?? livenessProbe
    run.probes = probed === undefined ? undefined : new Lifetime(this.#kubelet.clock)
    const begin = (): void => {
      run.started = true
      if (readinessProbe !== undefined) this.#probe(run, 'Readiness', readinessProbe)
      else run.ready = this.#fault('not-ready', run) === undefined
      // Nothing that we do not run can be found dead, unless a fault wants it so.
      const mayDie = run.process instanceof ProgramProcess || this.#fault('unresponsive', run) !== undefined
      if (livenessProbe !== undefined && mayDie) this.#probe(run, 'Liveness', livenessProbe)
      this.#advance(run)
    }
    if (startupProbe === undefined || run.started) begin()
    else this.#probe(run, 'Startup', startupProbe, begin)
  }

  /** How a fault makes the container answer; undefined when it answers as it would. */
  #faultyAnswer(run: ContainerRun, kind: ProbeKind, probe: Probe): ProbeResult | undefined {
    if (kind === 'Startup') return undefined
    const ip = this.#podIP ?? ''
    if (this.#fault('unresponsive', run) !== undefined) return unanswered(probe, run.spec, ip)
    if (kind === 'Readiness' && this.#fault('not-ready', run) !== undefined) return unready(probe, run.spec, ip)
    return undefined
  }

  #probe(run: ContainerRun, kind: ProbeKind, probe: Probe, onStarted?: () => void): void {
    const period = ms((probe.periodSeconds ?? 10) * 1000)
    const initial = (probe.initialDelaySeconds ?? 0) * 1000
    const successes = probe.successThreshold ?? 1
    const pass = (): void => {
      if (kind === 'Startup') onStarted?.()
      else if (kind === 'Readiness') run.ready = true
      this.#dirty()
    }
    const lifetime = run.probes!
    if (!(run.process instanceof ProgramProcess) && this.#faultyAnswer(run, kind, probe) === undefined) {
      if (kind === 'Readiness' && run.ready) return
      // It answers as soon as it is up: no need to ask it every few seconds.
      const up = annotatedDuration(this.#pod, readyDelayAnnotation) ?? this.#kubelet.timing.becomeReady(this.#random)
      const late = Math.max(0, up - initial)
      const asked = initial + Math.ceil(late / period) * (initial > 0 ? period : 0) + (initial > 0 ? 0 : late)
      lifetime.after(ms(asked + (successes - 1) * period), pass)
      return
    }
    let inRow = 0
    let last: ProbeResult['kind'] | undefined
    const ask = (): void => {
      const result =
        this.#faultyAnswer(run, kind, probe) ??
        probeOnce(probe, run.spec, this.#podIP ?? '', (port, request) => this.http(port, request))
      inRow = result.kind === last ? inRow + 1 : 1
      last = result.kind
      if (result.kind === 'success') {
        if (inRow === successes && !(kind === 'Readiness' && run.ready)) pass()
        if (kind === 'Startup' && inRow >= successes) return
      } else {
        this.#event('Warning', 'Unhealthy', `${kind} probe failed: ${result.message}`, run)
        if (inRow >= (probe.failureThreshold ?? 3)) {
          if (kind === 'Readiness') {
            if (run.ready) {
              run.ready = false
              this.#dirty()
            }
          } else {
            this.#event(
              'Normal',
              'Killing',
              `Container ${run.spec.name} failed ${kind.toLowerCase()} probe, will be restarted`,
              run,
            )
            this.#stop(run, probe.terminationGracePeriodSeconds ?? this.#graceSeconds())
            return
          }
        }
      }
      lifetime.after(period, ask)
    }
    lifetime.after(ms(Math.max(initial, kind === 'Liveness' ? period : 1)), ask)
  }

  #fault(name: FaultName, run?: ContainerRun): Fault | undefined {
    return this.#faults.find((fault) => {
      const { container } = fault.parameters
      if (fault.name !== name) return false
      if (run === undefined) return true
      const meant = run.role === 'main' || run.role === 'sidecar'
      return container === undefined ? meant : container === run.spec.name
    })
  }

  /** All that the pod suffers from now on. */
  suffer(faults: readonly Fault[]): void {
    const wasStuck = this.#fault('stuck-terminating') !== undefined
    const before = this.#faults
    this.#faults = faults
    const changed = (name: FaultName): boolean =>
      before.some((fault) => fault.name === name) !== faults.some((fault) => fault.name === name)
    const probing = changed('not-ready') || changed('unresponsive')
    for (const run of this.#containers) {
      if (run.state.kind !== 'running') continue
      this.#doom(run)
      if (!probing || run.role === 'init' || !run.started) continue
      run.probes?.end()
      this.#startProbes(run)
    }
    if (probing) this.#dirty()
    if (wasStuck && this.#fault('stuck-terminating') === undefined && this.#ending) {
      this.#killAll()
      this.#endFurther()
    }
  }

  /** Sets, or lifts, the end that a fault has in mind for this run. */
  #doom(run: ContainerRun): void {
    run.doom?.cancel()
    run.doom = undefined
    const oom = this.#fault('oom', run)
    const fault = oom ?? this.#fault('crash-loop', run)
    if (fault === undefined) return
    const code = oom === undefined ? (faultNumber(fault, 'exit') ?? 1) : 137
    const reason = oom !== undefined ? 'OOMKilled' : code === 0 ? 'Completed' : 'Error'
    run.doom = run.run!.after(faultDuration(fault, 'after') ?? doomDefault, () => {
      run.process?.kill()
      this.#exited(run, code, reason)
    })
  }

  /** The kubelet wants the room: the pod fails, and is told why. */
  evict(message: string): void {
    if (this.#ending) return
    this.#event('Warning', 'Evicted', message)
    this.#failed = { reason: 'Evicted', message }
    this.#disruption = message
    this.#end(evictionGraceSeconds)
  }

  /** SIGTERM now, SIGKILL after the grace period. */
  #stop(run: ContainerRun, graceSeconds: number): void {
    if (run.state.kind !== 'running' || run.stopping || this.#stuck) return
    run.stopping = true
    const { process } = run
    const lifetime = this.#life
    const kill = (): void => {
      if (run.process !== process || run.state.kind !== 'running') return
      process?.kill()
      this.#exited(run, 137, 'Error')
    }
    if (graceSeconds <= 0) {
      kill()
      return
    }
    lifetime.after(ms(graceSeconds * 1000), kill)
    const preStop = run.spec.lifecycle?.preStop
    const wait = preStop?.sleep !== undefined ? ms(preStop.sleep.seconds * 1000) : sleepOf(preStop?.exec?.command)
    if (wait === undefined) process?.terminate()
    else lifetime.after(wait, () => process?.terminate())
  }

  /** Nothing ends its containers, not even SIGKILL; once nobody knows the pod any more it does not matter. */
  get #stuck(): boolean {
    return this.#ending && !this.#removed && this.#fault('stuck-terminating') !== undefined
  }

  #exited(run: ContainerRun, exitCode: number, reason: string): void {
    if (run.state.kind !== 'running' || this.#kubelet.over) return
    const terminated: TerminatedState = {
      kind: 'terminated',
      exitCode,
      reason,
      startedAt: run.state.startedAt,
      finishedAt: this.#now(),
      id: run.id,
    }
    run.state = terminated
    run.ready = false
    run.started = false
    run.stopping = false
    run.process = undefined
    run.run?.end()
    run.probes?.end()
    run.log?.close()
    for (const port of run.ports) this.#ports.delete(port)
    run.ports.clear()
    if (run.role === 'init') this.#advance(run)
    if (this.#ending) {
      this.#dirty()
      this.#endFurther()
      return
    }
    this.#dirty()
    if (this.#restarts(run, exitCode)) {
      this.#spawn(this.#backOff(run, terminated))
    } else if (run.role !== 'debug' && (run.role === 'init' ? exitCode !== 0 : this.#workDone())) {
      this.#end(this.#grace())
    }
  }

  #restarts(run: ContainerRun, exitCode: number): boolean {
    if (run.role === 'debug') return false
    if (run.role === 'sidecar') return true
    const rule = run.spec.restartPolicyRules?.find(({ exitCodes }) => {
      const listed = exitCodes?.values?.includes(exitCode) === true
      return exitCodes?.operator === 'In' ? listed : exitCodes?.operator === 'NotIn' && !listed
    })
    if (rule !== undefined) return true
    const policy = run.spec.restartPolicy ?? this.#pod.spec.restartPolicy ?? 'Always'
    if (run.role === 'init') return exitCode !== 0 && policy !== 'Never'
    return policy === 'Always' || (policy === 'OnFailure' && exitCode !== 0)
  }

  #workDone(): boolean {
    return this.#containers.every((c) => c.role !== 'main' || c.state.kind === 'terminated')
  }

  async #backOff(run: ContainerRun, terminated: TerminatedState): Promise<void> {
    const now = this.#now()
    if (run.backoff !== undefined && now - run.backoff.at > 2 * longestBackoffMs) run.backoff = undefined
    const delay = run.backoff?.delay ?? 0
    // The first restart follows at once; the next ones wait twice as long each.
    run.backoff = { delay: Math.min(delay === 0 ? firstBackoffMs : delay * 2, longestBackoffMs), at: now + delay }
    await this.#post()
    if (this.#ending) return
    run.last = terminated
    if (delay > 0) {
      const { name, namespace, uid } = this.#pod.metadata
      const pod = `${name}_${namespace}(${uid})`
      const text = `Back-off restarting failed container ${run.spec.name} in pod ${pod}`
      this.#event('Warning', 'BackOff', text, run)
      const shown = `back-off ${goSeconds(delay)} restarting failed container=${run.spec.name} pod=${pod}`
      run.state = { kind: 'waiting', reason: 'CrashLoopBackOff', message: shown }
      this.#dirty()
      await this.#life.sleep(ms(delay))
    }
    if (!this.#ending) {
      run.restarts++
      await this.#restart(run)
    }
  }

  async #restart(run: ContainerRun): Promise<void> {
    if (await this.#start(run)) {
      await this.#post()
      this.#advance(run)
    }
  }

  /** What the API server says of the pod now. */
  changed(pod: Pod): void {
    const before = this.#pod
    this.#pod = pod
    if (pod.metadata.deletionTimestamp !== undefined) this.#end(this.#grace())
    else if (pod.spec.readinessGates !== undefined && before.status?.conditions !== pod.status?.conditions)
      this.#dirty()
    if (before.metadata.generation === pod.metadata.generation) return
    this.considerResize()
    if ((pod.spec.ephemeralContainers?.length ?? 0) > this.#debugging.length) this.#debug()
  }

  /** The pod may be meant to have other resources than it was given. */
  considerResize(): void {
    if (this.#ending || this.#containers.length === 0) return
    const wanted = new Map(
      [...(this.#pod.spec.initContainers ?? []), ...this.#pod.spec.containers].map((c) => [c.name, c]),
    )
    const changes = this.#containers.flatMap((run) => {
      const spec = wanted.get(run.spec.name)
      const resources = spec === undefined ? [] : resizedResources(run.spec, spec)
      return resources.length === 0 ? [] : [{ run, spec: spec!, resources }]
    })
    if (changes.length === 0) {
      if (this.#resize?.type === 'PodResizePending') this.#resize = undefined
      this.#dirty()
      return
    }
    const refusal = this.#kubelet.resize(this, this.#pod)
    if (refusal !== undefined) {
      const { reason, message } = refusal
      const known = this.#resize
      this.#resize = { type: 'PodResizePending', reason, message }
      if (known?.reason !== reason || known.message !== message)
        this.#event('Warning', `Resize${reason}`, resizeMessage(this.#pod, reason, message))
      this.#dirty()
      return
    }
    this.#event('Normal', 'ResizeStarted', resizeMessage(this.#pod, 'started'))
    this.#resize = { type: 'PodResizeInProgress' }
    for (const { run, spec, resources } of changes) {
      run.spec = spec
      if (run.state.kind !== 'running' || !needsRestart(spec, resources)) continue
      this.#event('Normal', 'Killing', `Container ${spec.name} resize requires restart`, run)
      this.#stop(run, this.#graceSeconds())
    }
    this.#dirty()
    this.#life.after(this.#kubelet.timing.containerStart(this.#random), () => {
      if (this.#resize?.type !== 'PodResizeInProgress') return
      this.#resize = undefined
      this.#event('Normal', 'ResizeCompleted', resizeMessage(this.#pod, 'completed'))
      this.#dirty()
    })
  }

  /** The object is gone, with or without our doing. */
  gone(): void {
    this.#removed = true
    this.#end(Math.min(this.#graceSeconds(), this.#pod.metadata.deletionGracePeriodSeconds ?? 0))
  }

  /** The machine lost power: nothing more happens here. */
  halt(): void {
    this.#ending = true
    this.#life.end()
    this.#ports.clear()
    for (const run of [...this.#containers, ...this.#debugging]) {
      run.run?.end()
      run.probes?.end()
      run.process?.kill()
      run.log?.close()
    }
    this.#freeAddress()
  }

  /** The status of a finished pod still shows the address that it had. */
  #freeAddress(): void {
    if (this.#holdsAddress && this.#podIP !== undefined) this.#kubelet.freeAddress(this.#podIP)
    this.#holdsAddress = false
  }

  #grace(): number {
    return this.#pod.metadata.deletionGracePeriodSeconds ?? this.#graceSeconds()
  }

  #graceSeconds(): number {
    return this.#pod.spec.terminationGracePeriodSeconds ?? defaultGraceSeconds
  }

  /** Stops what runs. A later call can only make it quicker. */
  #end(graceSeconds: number): void {
    const first = !this.#ending
    this.#ending = true
    const at = this.#now() + graceSeconds * 1000
    if (this.#killTimer === undefined || at < this.#killTimer.at) {
      this.#killTimer?.timer.cancel()
      const timer = this.#life.after(ms(Math.max(0, graceSeconds * 1000)), () => this.#killAll())
      this.#killTimer = { at, timer }
    }
    if (!first) return
    this.#wakeStart = undefined
    const running = this.#running()
    for (const run of running) this.#event('Normal', 'Killing', `Stopping container ${run.spec.name}`, run)
    for (const run of [...this.#containers, ...this.#debugging]) {
      if (run.role !== 'sidecar') this.#stop(run, graceSeconds)
    }
    this.#endFurther()
  }

  #killAll(): void {
    if (this.#stuck) {
      const [run] = this.#running()
      if (run === undefined) return
      this.#event(
        'Warning',
        'FailedKillPod',
        `error killing pod: failed to "KillContainer" for "${run.spec.name}" with KillContainerError: "rpc error: code = DeadlineExceeded desc = context deadline exceeded"`,
      )
      return
    }
    for (const run of this.#running()) {
      if (run.state.kind !== 'running') continue
      run.process?.kill()
      this.#exited(run, 137, 'Error')
    }
  }

  /** Sidecars follow the others, the last one first; when all are out the pod is finished. */
  #endFurther(): void {
    const running = this.#running()
    if (running.length === 0) {
      this.#spawn(this.#finish())
      return
    }
    if (running.every((c) => c.role === 'sidecar')) this.#stop(running.at(-1)!, Math.max(1, this.#grace()))
  }

  async #finish(): Promise<void> {
    if (this.#finishing) return
    this.#finishing = true
    this.#killTimer?.timer.cancel()
    this.#killTimer = undefined
    this.#sandbox = false
    this.#kubelet.release(this.#pod)
    this.#freeAddress()
    if (this.#removed || this.#kubelet.over) {
      this.#life.end()
      return
    }
    await this.#post()
    if (this.#pod.metadata.deletionTimestamp === undefined || this.#kubelet.over) return
    this.#life.end()
    await this.#kubelet.kube
      .remove(
        Pods,
        { namespace: this.#pod.metadata.namespace, name: this.#pod.metadata.name },
        { gracePeriodSeconds: 0, preconditions: { uid: this.#pod.metadata.uid } },
      )
      .catch((error: unknown) => {
        // Another pod of this name is not ours to remove.
        if (!isKubeFailure(error, 'conflict')) ignoreNotFound(error)
      })
  }

  async #reject(reason: string, message: string): Promise<void> {
    this.#event('Warning', reason, message)
    this.#failed = { reason, message: `Pod was rejected: ${message}` }
    this.#ending = true
    // Whoever makes such pods again and again must not do so without time passing.
    await this.#life.sleep(rejectionDelay)
    await this.#post()
  }

  /** Work that nobody waits for: what goes wrong in it is said, and costs this pod only. */
  #spawn(work: Promise<void>): void {
    work.catch((error: unknown) => {
      this.#kubelet.log.error('Error syncing pod, skipping', { pod: this.#pod.metadata.name, err: error })
    })
  }

  #now(): Ms {
    return this.#kubelet.clock.now()
  }

  #event(type: 'Normal' | 'Warning', reason: string, message: string, run?: ContainerRun): void {
    if (this.#kubelet.over) return
    const list = listOfRole[run?.role ?? 'main']
    const path = run === undefined ? undefined : `spec.${list}{${run.spec.name}}`
    this.#kubelet.events.event(podReference(this.#pod, path), type, reason, message)
  }

  #dirty(): void {
    void this.#post()
  }

  /** Posts the status as it is now; resolves when this state, or a later one, is posted. */
  #post(): Promise<void> {
    if (this.#posting !== undefined) {
      this.#postAgain = true
      return this.#posting
    }
    this.#posting = this.#postLoop().finally(() => (this.#posting = undefined))
    return this.#posting
  }

  async #postLoop(): Promise<void> {
    do {
      // Never within the delivery of somebody else's change; and what changes together is posted together.
      await Promise.resolve()
      this.#postAgain = false
      if (this.#removed || this.#kubelet.over) return
      const status = podStatus(
        this.#pod,
        {
          containers: this.#containers,
          debugging: this.#debugging,
          startTime: this.#startTime,
          hostIP: this.#kubelet.hostIP,
          podIP: this.#podIP,
          sandbox: this.#sandbox,
          failed: this.#failed,
          disruption: this.#disruption,
          resize: this.#resize,
        },
        this.#now(),
      )
      try {
        this.#take(await this.#kubelet.kube.replace(Pods, { ...this.#pod, status }, { subresource: 'status' }))
      } catch (error) {
        if (isKubeFailure(error, 'notFound')) return
        if (isKubeFailure(error, 'conflict')) {
          const fresh = await this.#fresh()
          if (fresh === undefined) return
          this.#take(fresh)
        } else {
          this.#kubelet.log.warning('Failed to update pod status', { pod: this.#pod.metadata.name, error })
          await this.#life.sleep(ms(1000))
        }
        this.#postAgain = true
      }
    } while (this.#postAgain)
  }

  /** The watch may have been faster than the answer. */
  #take(pod: Pod): void {
    if (Number(pod.metadata.resourceVersion) > Number(this.#pod.metadata.resourceVersion)) this.#pod = pod
  }

  /** The pod as it is now, unless another one has taken its name. */
  async #fresh(): Promise<Pod | undefined> {
    const key = { namespace: this.#pod.metadata.namespace, name: this.#pod.metadata.name }
    try {
      const pod = await this.#kubelet.kube.get(Pods, key)
      return pod.metadata.uid === this.#pod.metadata.uid ? pod : undefined
    } catch (error) {
      ignoreNotFound(error)
      return undefined
    }
  }
}

const listOfRole: Record<Role, string> = {
  init: 'initContainers',
  sidecar: 'initContainers',
  main: 'containers',
  debug: 'ephemeralContainers',
}

function firstBackoff(): Ms {
  return ms(firstBackoffMs)
}

function goSeconds(duration: number): string {
  const seconds = duration / 1000
  return seconds < 60 ? `${seconds}s` : `${Math.floor(seconds / 60)}m${seconds % 60}s`
}
