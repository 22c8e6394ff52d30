// The kubelets of all machines that have power, and what may be asked of them as a whole.
import { controllerOf, ms, type Container, type Ms, type ObjectKey, type Pod } from '@plimsoll/model'
import {
  KubeError,
  type Clock,
  type ContainerRequest,
  type ContainerResponse,
  type ExecInput,
  type ExecOptions,
  type ExecStreams,
  type KubeApi,
  type Log,
  type Machine,
  type Machines,
  type ProgramTable,
  type Random,
  type Subscription,
  type Timer,
} from '@plimsoll/ports'
import { onChange, type Caches } from '../caches.ts'
import { isPodReady } from '../pods.ts'
import type { FaultDesk, FaultVictims } from '../faults/fault-desk.ts'
import { faultDuration, type Fault, type FaultName } from '../faults/fault.ts'
import type { PodLogOptions, PodLogs, PodLogSink } from '../pod-logs.ts'
import type { Timing } from '../timing.ts'
import { EventCorrelator } from '@plimsoll/runtime'
import { AddressPool } from './addresses.ts'
import { execute } from './container-shell.ts'
import type { MemoryUse } from './eviction.ts'
import { heartbeatMs, Kubelet } from './kubelet.ts'
import { KubeletApi, type UsageReader } from './kubelet-api.ts'
import type { PodLife } from './pod-life.ts'

export interface KubeletsOptions {
  readonly kubeOfNode: (nodeName: string) => KubeApi
  readonly kubeOfServiceAccount: (namespace: string, name: string) => KubeApi
  readonly caches: Caches
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly timing: Timing
  readonly machines: Machines
  readonly programs: ProgramTable
  readonly heartbeats: 'lazy' | 'written'
  readonly faults: FaultDesk
  readonly memoryUse: (pod: Pod) => MemoryUse
  readonly usage: () => UsageReader
  /** What the cloud suffers from now on. */
  readonly onCloudFaults?: ((faults: readonly Fault[]) => void) | undefined
}

export class Kubelets implements PodLogs, FaultVictims {
  readonly #o: KubeletsOptions
  readonly #byNode = new Map<string, Kubelet>()
  readonly #nodeOfMachine = new Map<string, string>()
  /** Of nodes whose machine lost power: when their lease was renewed last. */
  readonly #silentSince = new Map<string, Ms>()
  readonly #correlator = new EventCorrelator(undefined, 65_536)
  readonly #addresses = new AddressPool()
  readonly #lifeByIP = new Map<string, PodLife>()
  #api: KubeletApi | undefined
  readonly #onSilent: ((nodeName: string) => void)[] = []
  #subscription: Subscription | undefined
  #heartbeat: Timer | undefined

  constructor(options: KubeletsOptions) {
    this.#o = options
    options.faults.serve(this)
    onChange(options.caches.pods, (now, was) => this.#podChanged(now, was))
  }

  start(): void {
    this.#subscription = this.#o.machines.watch({
      started: (machine) => this.#started(machine),
      halted: (providerId) => this.#halted(providerId),
    })
    if (this.#o.heartbeats === 'written') this.#armHeartbeat()
  }

  stop(): void {
    this.#subscription?.stop()
    this.#heartbeat?.cancel()
    for (const kubelet of this.#byNode.values()) kubelet.halt()
    this.#byNode.clear()
  }

  /** Called when a node's machine has lost power. */
  onSilent(handler: (nodeName: string) => void): void {
    this.#onSilent.push(handler)
  }

  /** Whether this is a node of ours: one that has, or had, a kubelet here. */
  knows(nodeName: string): boolean {
    return this.#byNode.has(nodeName) || this.#silentSince.has(nodeName)
  }

  machine(nodeName: string): Machine | undefined {
    return this.#byNode.get(nodeName)?.machine
  }

  /** When the node's lease was renewed last; undefined for nodes without a kubelet here. */
  lastHeartbeat(nodeName: string): Ms | undefined {
    return this.#byNode.get(nodeName)?.lastHeartbeat(this.#o.clock.now()) ?? this.#silentSince.get(nodeName)
  }

  isAlive(nodeName: string): boolean {
    return this.#byNode.get(nodeName)?.alive === true
  }

  #started(machine: Machine): void {
    const { caches, clock, random, log, timing, programs } = this.#o
    this.#nodeOfMachine.set(machine.providerId, machine.nodeName)
    const kubelet = new Kubelet({
      machine,
      kube: this.#o.kubeOfNode(machine.nodeName),
      kubeOf: (pod) => this.#o.kubeOfServiceAccount(pod.metadata.namespace, pod.spec.serviceAccountName ?? 'default'),
      clock,
      random: random.split(machine.providerId),
      log,
      timing,
      programs,
      addresses: this.#addresses,
      correlator: this.#correlator,
      node: () => caches.nodes.get({ name: machine.nodeName }),
      boundPods: () => caches.pods.byIndex('node', machine.nodeName),
      hasNetworkPlugin: () => caches.daemonSets.get(networkPlugin) !== undefined,
      isNetworkPlugin: (pod) =>
        pod.metadata.namespace === networkPlugin.namespace && controllerOf(pod)?.name === networkPlugin.name,
      machineFaults: this.#o.faults.ofMachine(machine),
      faultsOfNode: () => this.#o.faults.ofNode(machine.nodeName),
      faultsOfPod: (pod) => this.#o.faults.ofPod(pod),
      memoryUse: this.#o.memoryUse,
      onHung: () => this.#silent(machine.nodeName),
    })
    this.#byNode.set(machine.nodeName, kubelet)
    kubelet.start()
  }

  #halted(providerId: string): void {
    const nodeName = this.#nodeOfMachine.get(providerId)
    const kubelet = nodeName === undefined ? undefined : this.#byNode.get(nodeName)
    this.#nodeOfMachine.delete(providerId)
    if (nodeName === undefined || kubelet === undefined || kubelet.machine.providerId !== providerId) return
    const heartbeat = kubelet.lastHeartbeat(this.#o.clock.now())
    kubelet.halt()
    this.#byNode.delete(nodeName)
    if (heartbeat === undefined) return
    this.#silentSince.set(nodeName, heartbeat)
    this.#silent(nodeName)
  }

  #silent(nodeName: string): void {
    for (const handler of this.#onSilent) handler(nodeName)
  }

  node(name: string, faults: readonly Fault[]): void {
    this.#byNode.get(name)?.suffer(faults)
  }

  pod(pod: Pod, faults: readonly Fault[]): void {
    this.#byNode
      .get(pod.spec.nodeName ?? '')
      ?.life(pod)
      ?.suffer(faults)
  }

  cloud(faults: readonly Fault[]): void {
    this.#o.onCloudFaults?.(faults)
  }

  nodeOnce(name: string, fault: Fault): void {
    const { machines, caches, log } = this.#o
    const kubelet = this.#byNode.get(name)
    const providerId = kubelet?.machine.providerId ?? caches.nodes.get({ name })?.spec.providerID ?? ''
    const orders: { readonly [name in FaultName]?: () => void } = {
      'kubelet-restart': () => {
        kubelet?.restart(fault).catch((error: unknown) => log.error('The kubelet failed', { node: name, err: error }))
      },
      reboot: () => {
        // The machine keeps its power: the cloud sees nothing of it.
        if (kubelet === undefined) return
        this.#halted(providerId)
        this.#started(kubelet.machine)
      },
      terminate: () => machines.befall?.(providerId, { kind: 'terminate' }),
      stop: () => machines.befall?.(providerId, { kind: 'stop' }),
      'spot-interruption': () => {
        const rebalance = faultDuration(fault, 'rebalance')
        const notice = faultDuration(fault, 'notice') ?? spotNotice
        const warned = rebalance === undefined ? {} : { rebalance }
        machines.befall?.(providerId, { kind: 'spotInterruption', notice, ...warned })
      },
      retirement: () =>
        machines.befall?.(providerId, { kind: 'retirement', after: faultDuration(fault, 'in') ?? retirementNotice }),
    }
    orders[fault.name]?.()
  }

  /** The Node object is gone: its past is of no use to anyone. */
  forget(nodeName: string): void {
    this.#silentSince.delete(nodeName)
  }

  #armHeartbeat(): void {
    this.#heartbeat = this.#o.clock.after(ms(heartbeatMs), () => {
      for (const kubelet of this.#byNode.values()) void kubelet.renewLease()
      this.#armHeartbeat()
    })
  }

  #podChanged(now: Pod | undefined, was: Pod | undefined): void {
    const pod = now ?? was!
    const nodeName = pod.spec.nodeName
    if (nodeName === undefined || nodeName === '') return
    const ip = pod.status?.podIP
    const kubelet = this.#byNode.get(nodeName)
    if (now === undefined) {
      if (ip !== undefined && this.#lifeByIP.get(ip)?.pod.metadata.uid === pod.metadata.uid) this.#lifeByIP.delete(ip)
      kubelet?.podGone(pod)
      return
    }
    kubelet?.podSeen(now)
    if (ip !== undefined && pod.spec.hostNetwork !== true && was?.status?.podIP !== ip) {
      const life = kubelet?.life(now)
      if (life !== undefined) this.#lifeByIP.set(ip, life)
    }
  }

  #lifeOf(key: ObjectKey): { readonly pod: Pod; readonly life: PodLife | undefined } | undefined {
    const pod = this.#o.caches.pods.get(key)
    if (pod === undefined) return undefined
    return { pod, life: this.#byNode.get(pod.spec.nodeName ?? '')?.life(pod) }
  }

  http(pod: string | Pod, port: number, request: ContainerRequest): ContainerResponse | undefined {
    if (typeof pod !== 'string') return this.#lifeOf(pod.metadata)?.life?.http(port, request)
    const known = this.#lifeByIP.get(pod)
    if (known !== undefined) return known.http(port, request)
    // The address of a node: whichever of its host network pods listens.
    for (const kubelet of this.#byNode.values()) {
      if (kubelet.hostIP !== pod) continue
      for (const life of kubelet.lives()) {
        const response = life.pod.spec.hostNetwork === true ? life.http(port, request) : undefined
        if (response !== undefined) return response
      }
    }
    return undefined
  }

  /** Runs a command in a container that runs; without one, what it says is passed on as it comes. */
  exec(key: ObjectKey & { readonly namespace: string }, options: ExecOptions, streams: ExecStreams): ExecInput {
    const { caches, clock } = this.#o
    const pod = caches.pods.get(key)
    const kubelet = this.#byNode.get(pod?.spec.nodeName ?? '')
    const life = pod === undefined ? undefined : kubelet?.life(pod)
    if (kubelet === undefined || life === undefined) {
      streams.fail(`container not found ("${options.container}")`)
      return { type: () => {}, end: () => {} }
    }
    if (options.command.length === 0) {
      const sink = { chunk: (text: string) => streams.stdout(text), end: () => streams.exit(0) }
      const reading = life.log(options.container, false)?.read(clock, { follow: true, tailLines: 0 }, sink)
      return { type: () => {}, end: () => reading?.stop() }
    }
    let input: ExecInput | undefined
    let typed = ''
    let ended = false
    life.surroundings(options.container).then(
      (env) => {
        input = execute(options, { pod: life.pod, env, clock }, streams)
        if (typed !== '') input.type(typed)
        if (ended) input.end()
      },
      (error: unknown) => streams.fail(error instanceof Error ? error.message : String(error)),
    )
    return {
      type: (text) => {
        if (input === undefined) typed += text
        else input.type(text)
      },
      end: () => {
        ended = true
        input?.end()
      },
    }
  }

  /** A request to the kubelet's own port; undefined while nobody listens there. */
  kubelet(nodeName: string, request: ContainerRequest): ContainerResponse | undefined {
    const kubelet = this.#byNode.get(nodeName)
    const registeredAt = kubelet?.registeredAt
    if (kubelet === undefined || registeredAt === undefined || !kubelet.alive) return undefined
    this.#api ??= new KubeletApi({ clock: this.#o.clock, usage: this.#o.usage() })
    const pods = [...kubelet.lives()].map((life) => life.pod)
    return this.#api.answer({ machine: kubelet.machine, pods, registeredAt }, request)
  }

  /** A request through a Service's port, to the first of its ready pods by name. */
  service(
    key: ObjectKey & { readonly namespace: string },
    port: string,
    request: ContainerRequest,
  ): ContainerResponse | undefined {
    const { caches } = this.#o
    const { spec } = caches.services.get(key) ?? {}
    const selector = Object.entries(spec?.selector ?? {})
    const open =
      port === '' ? spec?.ports?.[0] : spec?.ports?.find((each) => each.name === port || String(each.port) === port)
    if (open === undefined || selector.length === 0) return undefined
    const pods = caches.pods
      .byIndex('namespace', key.namespace)
      .filter((pod) => isPodReady(pod) && selector.every(([label, value]) => pod.metadata.labels?.[label] === value))
      .toSorted((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1))
    for (const pod of pods) {
      const ports = pod.spec.containers.flatMap((container) => container.ports ?? [])
      const target = open.targetPort ?? open.port
      const number = typeof target === 'number' ? target : ports.find((each) => each.name === target)?.containerPort
      const response = number === undefined ? undefined : this.http(pod, number, request)
      if (response !== undefined) return response
    }
    return undefined
  }

  read(key: ObjectKey, options: PodLogOptions, sink: PodLogSink): Subscription | KubeError {
    const found = this.#lifeOf(key)
    if (found === undefined) return statusError('notFound', 404, 'NotFound', `pods "${key.name}" not found`)
    const { pod, life } = found
    const container = options.container ?? pod.spec.containers[0]?.name ?? ''
    const log = life?.log(container, options.previous === true)
    if (log !== undefined) return log.read(this.#o.clock, options, sink)
    return unreadable(pod, container, options.previous === true)
  }

  /** The containers of the pod that run. */
  runningContainers(pod: ObjectKey): readonly Container[] {
    return this.#lifeOf(pod)?.life?.runningContainers() ?? []
  }

  /** The pods that the node's kubelet knows; undefined unless it is up. */
  podsOn(name: string): readonly Pod[] | undefined {
    const kubelet = this.#byNode.get(name)
    return kubelet === undefined || !this.isAlive(name) ? undefined : [...kubelet.lives()].map(({ pod }) => pod)
  }
}

const spotNotice = ms(120_000)
const retirementNotice = ms(600_000)

/** The VPC network plugin: where its DaemonSet exists, a node is ready no earlier than its pod there. */
const networkPlugin = { namespace: 'kube-system', name: 'aws-node' }

/** Why there is no log (kubernetes/kubernetes:pkg/kubelet/kubelet_pods.go, validateContainerLogStatus). */
function unreadable(pod: Pod, container: string, previous: boolean): KubeError {
  const status = [...(pod.status?.containerStatuses ?? []), ...(pod.status?.initContainerStatuses ?? [])].find(
    (s) => s.name === container,
  )
  const name = pod.metadata.name
  if (previous) {
    return badRequest(`previous terminated container "${container}" in pod "${name}" not found`)
  }
  const reason = status?.state?.waiting?.reason
  if (reason === 'ImagePullBackOff' || reason === 'ErrImagePull') {
    return badRequest(`container "${container}" in pod "${name}" is waiting to start: trying and failing to pull image`)
  }
  if (reason !== undefined)
    return badRequest(`container "${container}" in pod "${name}" is waiting to start: ${reason}`)
  return badRequest(`container "${container}" in pod "${name}" is not available`)
}

function badRequest(message: string): KubeError {
  return statusError('badRequest', 400, 'BadRequest', message)
}

function statusError(kind: 'badRequest' | 'notFound', code: number, reason: string, message: string): KubeError {
  return new KubeError(kind, {
    apiVersion: 'v1',
    kind: 'Status',
    metadata: {},
    status: 'Failure',
    message,
    reason,
    code,
  })
}
