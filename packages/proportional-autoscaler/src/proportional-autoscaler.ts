// The loop around the pure parts (kubernetes-sigs/cluster-proportional-autoscaler:pkg/autoscaler/autoscaler_server.go).
import { ConfigMaps, ms, Nodes, seconds, type ConfigMap, type Ms, type Node } from '@plimsoll/model'
import { KubeError, type Clock, type KubeApi, type Log, type Metrics, type Random } from '@plimsoll/ports'
import { EventRecorder, Informer, LeaderElection } from '@plimsoll/runtime'
import { NodeCounter, trimmedNode, type ClusterSize } from './cluster/cluster-size.ts'
import { PollHealth } from './health.ts'
import type { ProportionalAutoscalerOptions } from './options/options.ts'
import { readControl, replicasFor, type Control } from './parameters/control.ts'
import { ReplicasWriter, type Rescaling } from './scaling/replicas-writer.ts'
import { AutoscalerMetrics } from './autoscaler-metrics.ts'

/** The upstream release whose behaviour this is. */
export const proportionalAutoscalerVersion = '1.10.3'

export interface ProportionalAutoscalerPorts {
  readonly kube: KubeApi
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly metrics: Metrics
  readonly options: ProportionalAutoscalerOptions
  /** The host's name: who holds the lease. */
  readonly identity: string
}

type PollEnd =
  | { readonly kind: 'done' }
  /** By the last parameters that could be read; those that are there cannot. */
  | { readonly kind: 'lastGood'; readonly error: string }
  | { readonly kind: 'failed'; readonly error: string }

/** Polls that changes of nodes cause are at least this far apart: a flapping node must not turn into a storm of calls. */
const wakePause = seconds(1)
const flushPatience = seconds(2)

/**
 * Sets the replicas of its targets to what the parameters say for the size of the cluster, at every poll. It keeps no
 * state but the parameters last read: it may be killed at any time and started again.
 */
export class ProportionalAutoscaler {
  readonly #p: ProportionalAutoscalerPorts
  readonly #log: Log
  readonly #health = new PollHealth()
  readonly #metrics: AutoscalerMetrics
  readonly #events: EventRecorder | undefined
  readonly #counter: NodeCounter
  readonly #writer: ReplicasWriter
  #control: Control | undefined
  /** The version of the parameters that could not be read and that an event has told of. */
  #refusedVersion = ''
  /** What the last poll asked for; undefined when it did not get that far. */
  #replicas: number | undefined
  #wake: (() => void) | undefined

  constructor(ports: ProportionalAutoscalerPorts) {
    const { kube, clock, log, options } = ports
    this.#p = ports
    this.#log = log
    this.#metrics = new AutoscalerMetrics(ports.metrics)
    this.#counter = new NodeCounter(options.ignoredTaints)
    this.#writer = new ReplicasWriter({ kube, namespace: options.namespace, targets: options.targets, log })
    if (options.emitEvents)
      this.#events = new EventRecorder({ kube, clock, component: 'cluster-proportional-autoscaler', log })
  }

  /** What GET /last-poll answers. */
  lastPoll(): { readonly status: number; readonly body: string } {
    return this.#health.lastPoll()
  }

  /**
   * Reads all nodes, however long that takes: nothing times it out, and nothing is served before (CPA-7).
   * @throws the signal's reason when aborted before
   */
  async start(signal: AbortSignal): Promise<void> {
    const { kube, clock, random, log, options } = this.#p
    const nodes = new Informer<Node>(kube, Nodes, {
      clock,
      log: log.named('reflector.go'),
      random: random.split('nodes'),
      selection: options.nodeLabels === '' ? {} : { labelSelector: options.nodeLabels },
      transform: trimmedNode,
    })
    const put = (node: Node): void => {
      if (this.#counter.put(node)) this.#wake?.()
    }
    nodes.subscribe({
      added: put,
      updated: put,
      deleted: ({ metadata: { name } }) => {
        if (this.#counter.remove(name)) this.#wake?.()
      },
    })
    await nodes.start(signal)
  }

  /**
   * Polls until the signal is aborted (0), too many polls have failed in a row or the lease was lost (1). To be started
   * before. Resolves to the exit code.
   */
  async run(signal: AbortSignal): Promise<number> {
    const { kube, clock, random, options, identity } = this.#p
    if (!options.leaderElect) return this.#lead(signal)
    let code = 0
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
      random: random.split('leader-election'),
      ...(this.#events === undefined ? {} : { events: this.#events }),
    })
    const outcome = await election.run(signal, async (leading) => {
      code = await this.#lead(leading)
    })
    if (outcome === 'lost') this.#log.named('autoscaler.go').error('leader election lost')
    return outcome === 'lost' ? 1 : code
  }

  /** At once, and then at every tick; ticks that fall into a poll are one (CPA-9: as Go's ticker drops them). */
  async #lead(signal: AbortSignal): Promise<number> {
    const { clock, options } = this.#p
    const begun = clock.now()
    let ticks = 0
    while (!signal.aborted) {
      if (!(await this.#tryPoll(signal))) return 1
      const passed = Math.floor((clock.now() - begun) / options.pollPeriod)
      if (passed > ticks) ticks = passed
      else if (await this.#pause(ms(begun + (ticks + 1) * options.pollPeriod), signal)) ticks++
    }
    await this.#flushEvents()
    return 0
  }

  /** Waits until `tick`, or, where nodes are watched, until they call for another number. Answers whether it was the tick. */
  async #pause(tick: Ms, signal: AbortSignal): Promise<boolean> {
    const { clock, options } = this.#p
    const rested = ms(clock.now() + wakePause)
    const woken = new AbortController()
    const stop = AbortSignal.any([signal, woken.signal])
    if (options.watchNodes)
      this.#wake = () => {
        if (this.#callsForChange()) woken.abort()
      }
    this.#wake?.()
    await clock.sleep(ms(Math.max(0, tick - clock.now())), stop).catch(() => {})
    this.#wake = undefined
    if (woken.signal.aborted)
      await clock.sleep(ms(Math.max(0, Math.min(rested, tick) - clock.now())), signal).catch(() => {})
    return clock.now() >= tick
  }

  #callsForChange(): boolean {
    if (this.#control === undefined || this.#replicas === undefined) return false
    return replicasFor(this.#control.parameters, this.#counter.size) !== this.#replicas
  }

  /** False when the process is to end. */
  async #tryPoll(signal: AbortSignal): Promise<boolean> {
    const { clock, options } = this.#p
    const start = clock.now()
    let ended: PollEnd
    try {
      ended = await this.#poll()
    } catch (error) {
      if (signal.aborted) return true
      throw error
    }
    this.#metrics.polled(ended.kind !== 'failed', start, clock.now())
    if (ended.kind !== 'failed') {
      this.#health.succeeded(ended.kind === 'lastGood' ? ended.error : undefined)
      return true
    }
    const failures = this.#health.failed(ended.error)
    if (options.maxSyncFailures <= 0 || failures !== options.maxSyncFailures) return true
    this.#log
      .named('autoscaler_server.go:111')
      .error(`Maximum number of api server polling attempts (${failures}) have been reached. Exiting application.`)
    await this.#flushEvents()
    return false
  }

  /** What was told last should be read, but an end does not wait for a server that is away. */
  async #flushEvents(): Promise<void> {
    if (this.#events === undefined) return
    await Promise.race([this.#events.flush(), this.#p.clock.sleep(flushPatience)])
  }

  async #poll(): Promise<PollEnd> {
    const { size } = this.#counter
    this.#replicas = undefined
    const log = this.#log
    this.#metrics.counted(size)
    log
      .named('autoscaler_server.go:123')
      .info(4, `Total nodes ${pad(size.totalNodes, 5)}, schedulable nodes: ${pad(size.schedulableNodes, 5)}`)
    log
      .named('autoscaler_server.go:124')
      .info(4, `Total cores ${pad(size.totalCores, 5)}, schedulable cores: ${pad(size.schedulableCores, 5)}`)

    const fetched = await outcome(this.#fetchConfigMap())
    if ('error' in fetched) {
      log.named('autoscaler_server.go:129').error(`Error syncing configMap with apiserver: ${fetched.error}`)
      return { kind: 'failed', error: fetched.error }
    }
    const problem = this.#ensureControl(fetched.value)
    if (problem !== undefined) {
      log.named('autoscaler_server.go:138').error(`Error ensuring controller: ${problem}`)
      if (this.#control === undefined) return { kind: 'failed', error: problem }
    }
    const { parameters } = this.#control!
    const replicas = replicasFor(parameters, size)
    this.#replicas = replicas
    log.named('autoscaler_server.go:149').info(4, `Expected replica count: ${pad(replicas, 3)}`)
    this.#metrics.expected(replicas, parameters.mode)

    const written = await outcome(this.#writer.write(replicas, size, (rescaling) => this.#told(rescaling, size)))
    if ('error' in written) {
      log.named('autoscaler_server.go:154').error(`Update failure: ${written.error}`)
      this.#events?.event(this.#configMapReference(fetched.value), 'Warning', 'FailedRescale', written.error)
      return { kind: 'failed', error: written.error }
    }
    return problem === undefined ? { kind: 'done' } : { kind: 'lastGood', error: problem }
  }

  /** The ConfigMap, created from the default parameters where they were given and it could not be fetched (CPA-31). */
  async #fetchConfigMap(): Promise<ConfigMap> {
    const { kube, options } = this.#p
    const key = { namespace: options.namespace, name: options.configMap }
    try {
      return await kube.get(ConfigMaps, key)
    } catch (error) {
      if (options.defaultParams === undefined || !(error instanceof KubeError)) throw error
      this.#log
        .named('autoscaler_server.go:169')
        .info(0, `ConfigMap not found: ${error.message}, will create one with default params`)
      const created = await kube.create(ConfigMaps, { metadata: key, data: options.defaultParams })
      this.#log
        .named('k8sclient.go:173')
        .info(0, `Created ConfigMap ${options.configMap} in namespace ${options.namespace}`)
      return created
    }
  }

  /** Reads the parameters anew where the ConfigMap has changed. Answers what is wrong with them. */
  #ensureControl(configMap: ConfigMap): string | undefined {
    const { options } = this.#p
    if (this.#control?.version === configMap.metadata.resourceVersion) return undefined
    const read = readControl(configMap, this.#control, { log: this.#log, acceptsYaml: options.yamlParams })
    this.#metrics.read('control' in read)
    if ('control' in read) {
      this.#control = read.control
      return undefined
    }
    // Upstream's controller is gone with the first parameters that it cannot read (CPA-34).
    if (!options.keepLastGoodParams) this.#control = undefined
    if (this.#refusedVersion !== configMap.metadata.resourceVersion) {
      this.#refusedVersion = configMap.metadata.resourceVersion
      this.#events?.event(this.#configMapReference(configMap), 'Warning', 'InvalidParameters', read.problem)
    }
    return read.problem
  }

  #told({ target, reference, from, to }: Rescaling, size: ClusterSize): void {
    this.#metrics.rescaled(target, from, to)
    const mode = this.#control?.parameters.mode ?? ''
    this.#events?.event(
      reference,
      'Normal',
      'SuccessfulRescale',
      `New size: ${to} (was ${from}); reason: ${mode} for ${size.schedulableNodes} of ${size.totalNodes} nodes schedulable, ${size.schedulableCores} of ${size.totalCores} cores`,
    )
  }

  #configMapReference({
    metadata: { namespace, name, uid, resourceVersion },
  }: ConfigMap): Parameters<EventRecorder['event']>[0] {
    return { apiVersion: 'v1', kind: 'ConfigMap', namespace: namespace ?? '', name, uid, resourceVersion }
  }
}

/** What a call to the API server came to; failures of ours are thrown on. */
async function outcome<T>(call: Promise<T>): Promise<{ readonly value: T } | { readonly error: string }> {
  try {
    return { value: await call }
  } catch (error) {
    if (!(error instanceof KubeError)) throw error
    return { error: error.message }
  }
}

/** As %5d prints a number. */
function pad(value: number, width: number): string {
  return String(value).padStart(width)
}
