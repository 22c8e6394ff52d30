import { PodPlacer } from '@plimsoll/engine'
import { Nodes, seconds, type Ms } from '@plimsoll/model'
import type { Clock, KubeApi, Log, Metrics, NodeGroups, Random } from '@plimsoll/ports'
import { EventRecorder, LeaderElection } from '@plimsoll/runtime'
import { autoscalerError, messageOf } from './autoscaler-error.ts'
import { AutoscalerMetrics } from './autoscaler-metrics.ts'
import { HealthCheck } from './loop/health-check.ts'
import { AutoscalerLoop } from './loop/loop.ts'
import { LoopTrigger, UnschedulablePodSignal } from './loop/loop-trigger.ts'
import { NodeTaintWriter } from './nodes/node-taint-writer.ts'
import { NodeTemplates } from './nodes/node-templates.ts'
import { TaintKinds } from './nodes/taints.ts'
import type { ClusterAutoscalerOptions } from './options/options.ts'
import { ScaleDownActuator } from './scale-down/actuator.ts'
import { DeletionTracker } from './scale-down/deletion-tracker.ts'
import { Evictor } from './scale-down/evictor.ts'
import { ScaleDownPlanner } from './scale-down/planner.ts'
import { Expander } from './scale-up/expanders.ts'
import { ScaleUp } from './scale-up/scale-up.ts'
import { EventClusterRecorder } from './state/cluster-recorder.ts'
import { ClusterState } from './state/cluster-state.ts'
import { WorldView } from './state/world-view.ts'
import { StatusConfigMap } from './status/status-config-map.ts'
import { StatusReport } from './status/status-report.ts'

/** The upstream release whose behaviour this is. */
export const clusterAutoscalerVersion = '1.36.1'

/** One event of a kind on an object in this time. */
const eventRefill = seconds(300)

export interface ClusterAutoscalerPorts {
  readonly kube: KubeApi
  readonly groups: NodeGroups
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly metrics: Metrics
  readonly options: ClusterAutoscalerOptions
  /** The host's name: who holds the lease. */
  readonly identity: string
}

/**
 * Cluster Autoscaler: grows node groups for pods that fit nowhere, and removes nodes that nobody needs.
 * Its state is in Kubernetes and in the cloud: it may be killed at any time and started again.
 */
export class ClusterAutoscaler {
  readonly #ports: ClusterAutoscalerPorts
  readonly #log: Log
  readonly #health: HealthCheck
  readonly #metrics: AutoscalerMetrics
  readonly #events: EventRecorder
  readonly #view: WorldView
  readonly #loop: AutoscalerLoop
  readonly #actuator: ScaleDownActuator
  readonly #trigger: LoopTrigger
  readonly #podSignal = new UnschedulablePodSignal()
  readonly #statusMap: StatusConfigMap
  #started: Promise<void> | undefined

  constructor(ports: ClusterAutoscalerPorts) {
    const { kube, groups, clock, options } = ports
    const random = ports.random.split('cluster-autoscaler')
    const log = ports.log
    this.#ports = ports
    this.#log = log
    this.#health = new HealthCheck(clock, options)
    const metrics = new AutoscalerMetrics(ports.metrics)
    this.#metrics = metrics
    this.#events = new EventRecorder({
      kube,
      clock,
      component: 'cluster-autoscaler',
      log: log.named('event_sink_logging_wrapper.go'),
      ...(options.recordDuplicatedEvents ? {} : { spamFilter: this.#spamFilter() }),
    })
    const recorder = new EventClusterRecorder(this.#events)
    const taints = new TaintKinds(options)
    const view = new WorldView({ kube, clock, log, random })
    this.#view = view
    const state = new ClusterState({ groups, options, log, recorder, metrics })
    const templates = new NodeTemplates({ groups, options, taints, clock, random, log })
    const writer = new NodeTaintWriter({ kube, clock, log })
    const tracker = new DeletionTracker()
    const { namespace, expander: chain } = options
    const expander = new Expander({ chain, random, log, kube, namespace, recorder })
    const scaleUp = new ScaleUp({ groups, options, clock, log, metrics, recorder, state, templates, expander })
    const planner = new ScaleDownPlanner({ groups, options, clock, log, metrics, tracker, placer: new PodPlacer() })
    const evictor = new Evictor({ kube, clock, log, options, view, recorder, metrics })
    this.#actuator = new ScaleDownActuator({
      groups,
      options,
      clock,
      log,
      metrics,
      recorder,
      state,
      tracker,
      view,
      writer,
      evictor,
    })
    this.#statusMap = new StatusConfigMap(kube, namespace, options.statusConfigMapName)
    this.#loop = new AutoscalerLoop({
      kube,
      groups,
      options,
      clock,
      log,
      metrics,
      recorder,
      taints,
      view,
      state,
      templates,
      placer: new PodPlacer(),
      writer,
      scaleUp,
      planner,
      actuator: this.#actuator,
      tracker,
      report: new StatusReport(),
      statusMap: this.#statusMap,
    })
    this.#trigger = new LoopTrigger({ clock, log, scanInterval: options.scanInterval, signal: this.#podSignal })
  }

  /**
   * Runs until the signal is aborted, then cleans up and resolves. Waits for the lease first when leader election is on.
   * @throws AutoscalerError when the API server cannot be read at the start, or the lease was lost (`lost master`)
   */
  async run(signal: AbortSignal): Promise<void> {
    const { options, kube, clock, identity } = this.#ports
    for (const line of options.flagLines) this.#log.named('flags.go').info(1, line)
    this.#log.named('main.go').info(1, `Cluster Autoscaler ${clusterAutoscalerVersion}`)
    if (!options.leaderElect) {
      await this.#lead(signal)
      return this.#cleanUp()
    }
    try {
      await kube.list(Nodes, { limit: 1 })
    } catch (error) {
      throw autoscalerError(error, 'apiCallError')
    }
    const election = new LeaderElection({
      kube,
      clock,
      identity,
      log: this.#log.named('leaderelection.go'),
      namespace: options.namespace,
      name: options.leaderElectResourceName,
      leaseDuration: options.leaderElectLeaseDuration,
      renewDeadline: options.leaderElectRenewDeadline,
      retryPeriod: options.leaderElectRetryPeriod,
      releaseOnCancel: true,
      random: this.#ports.random.split('leader-election'),
      events: this.#events,
    })
    const outcome = await election.run(signal, async (leading) => {
      await this.#lead(leading)
      // Whoever took the lease writes the status by now.
      if (signal.aborted) await this.#cleanUp()
    })
    if (outcome === 'lost') throw autoscalerError(new Error('lost master'))
  }

  /** One loop, without waiting for the next; the first call waits until everything has been read. @throws AutoscalerError */
  async runOnce(signal: AbortSignal = new AbortController().signal): Promise<void> {
    await this.#start(signal)
    await this.#loop.run(signal)
  }

  /** Resolves when no removal of a node is under way and all events are written. */
  async settled(): Promise<void> {
    await this.#actuator.settled()
    await this.#events.flush()
  }

  /** What GET /health-check answers. */
  health(): { readonly status: number; readonly body: string } {
    return this.#health.answer()
  }

  #start(signal: AbortSignal): Promise<void> {
    this.#started ??= (async () => {
      await this.#loop.announce()
      await this.#view.start(signal)
      this.#podSignal.watch(this.#view.pods, this.#ports.clock)
    })()
    return this.#started
  }

  async #lead(signal: AbortSignal): Promise<void> {
    const { clock, options } = this.#ports
    try {
      await this.#start(signal)
      this.#health.arm()
      while (!signal.aborted) {
        const waiting = clock.now()
        if (options.frequentLoopsEnabled) await this.#trigger.wait(this.#loop.next, this.#loop, signal)
        else await clock.sleep(options.scanInterval, signal)
        this.#metrics.functionDuration.observe((clock.now() - waiting) / 1000, { function: 'loopWait' })
        signal.throwIfAborted()
        await this.#runAccounted(signal)
      }
    } catch (error) {
      if (!signal.aborted) throw error
    }
  }

  async #runAccounted(signal: AbortSignal): Promise<void> {
    const { clock } = this.#ports
    const start = clock.now()
    this.#activity('main', start)
    this.#health.active(start)
    try {
      await this.#loop.run(signal)
      this.#succeeded(start)
    } catch (error) {
      if (signal.aborted) throw error
      const failure = autoscalerError(error)
      if (failure.type === 'transientError') this.#succeeded(start)
      else this.#metrics.errorsTotal.add(1, { type: failure.type })
      this.#log.named('run.go').error(`Autoscaler loop failed: ${failure.message}`)
    }
    this.#metrics.functionDuration.observe((clock.now() - start) / 1000, { function: 'main' })
  }

  #succeeded(at: Ms): void {
    this.#health.succeeded(this.#ports.clock.now())
    this.#activity('mainSuccessful', at)
  }

  #activity(activity: string, at: Ms): void {
    this.#metrics.lastActivity.set(Math.floor(at / 1000), { activity })
  }

  async #cleanUp(): Promise<void> {
    this.#log.named('main.go').info(1, 'Received signal, cleaning up')
    if (!this.#ports.options.writeStatusConfigMap) return
    try {
      await this.#statusMap.remove()
    } catch (error) {
      this.#log.named('status.go').error(`Failed to delete status configmap: ${messageOf(error)}`)
    }
    await this.#events.flush()
  }

  /** On the status ConfigMap every message has a bucket of its own; elsewhere every reason has. */
  #spamFilter(): {
    burst: number
    refill: Ms
    key: (event: { subject: string; reason: string; message: string }) => string
  } {
    const name = this.#ports.options.statusConfigMapName
    return {
      burst: 1,
      refill: eventRefill,
      key: ({ subject, reason, message }) =>
        subject.startsWith(`ConfigMap\0`) && subject.includes(`\0${name}\0`) ? message : `${subject}\0${reason}`,
    }
  }
}
