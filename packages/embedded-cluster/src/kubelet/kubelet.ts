// One kubelet: brings its node up, keeps its status, and runs the pods that are bound to it.
import { toleratesTaint } from '@plimsoll/engine'
import { CSINodes, Leases, microTimestamp, ms, Nodes, type Ms, type Node, type Pod, type Taint } from '@plimsoll/model'
import {
  hex,
  isKubeFailure,
  uuid,
  type Clock,
  type KubeApi,
  type Log,
  type Machine,
  type ProgramTable,
  type Random,
} from '@plimsoll/ports'
import { EventRecorder, type EventCorrelator } from '@plimsoll/runtime'
import { faultDuration, faultNumber, type Fault, type FaultName } from '../faults/fault.ts'
import { Lifetime } from '../machinery/lifetime.ts'
import { nodeReference } from '../machinery/reference.ts'
import { isPodFinished, isPodReady } from '../pods.ts'
import type { Timing } from '../timing.ts'
import type { AddressPool } from './addresses.ts'
import { ImageStore } from './images.ts'
import {
  conditionMessage,
  evictionMessage,
  evictionOrder,
  isCritical,
  starved,
  type Candidate,
  type MemoryUse,
} from './eviction.ts'
import {
  cloudLabels,
  conditionEvents,
  isDevice,
  kubeletLabels,
  newNode,
  nodeStatus,
  pressureWords,
  storageDriver,
  type NodeHealth,
  type Pressure,
} from './node-object.ts'
import { pausableKube } from './pausable-kube.ts'
import { PodLife, type PodHost } from './pod-life.ts'
import { failed, Room, type Refusal } from './room.ts'
import { wordingOf, type Wording } from './wording.ts'

export interface KubeletOptions {
  readonly machine: Machine
  /** As system:node:<name>. */
  readonly kube: KubeApi
  /** As a pod's service account. */
  readonly kubeOf: (pod: Pod) => KubeApi
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly timing: Timing
  readonly programs: ProgramTable
  readonly addresses: AddressPool
  /** The pods that the API server binds to this node, when the kubelet comes up. */
  readonly boundPods: () => readonly Pod[]
  /** Shared by all kubelets: each would remember 4,096 events of its own. */
  readonly correlator: EventCorrelator
  /** As the API server last showed it. */
  readonly node: () => Node | undefined
  /** Whether the cluster runs a network plugin of its own that must be up first. */
  readonly hasNetworkPlugin: () => boolean
  readonly isNetworkPlugin: (pod: Pod) => boolean
  /** What the machine suffers from its start on. */
  readonly machineFaults: readonly Fault[]
  readonly faultsOfNode: () => readonly Fault[]
  readonly faultsOfPod: (pod: Pod) => readonly Fault[]
  readonly memoryUse: (pod: Pod) => MemoryUse
  /** The kubelet hangs: it will not be heard of. */
  readonly onHung: () => void
}

export const leaseNamespace = 'kube-node-lease'
const leaseSeconds = 40
export const heartbeatMs = 10_000
/** The status is posted every five minutes though nothing changed. */
const renewalsPerStatus = 30
const firstRetryMs = 100
const lastRetryMs = 7000
/** New images are told with the next look at the node's status. */
const imageReportDelay = ms(10_000)
/** How often the eviction manager looks whether it must take another pod. */
const evictionPeriod = ms(10_000)
const slowBootDefault = ms(300_000)
const restartDefault = ms(5000)
/** After a restart the kubelet says NotReady until it has looked at the container runtime. */
const runtimeCheck = ms(1000)
const plegComplaint = 'PLEG is not healthy: pleg was last seen active 3m12.6s ago; threshold is 3m0s'
const runtimeComplaint = 'container runtime status check may not have completed yet'
const memoryPressureTaint: Taint = { key: 'node.kubernetes.io/memory-pressure', effect: 'NoSchedule' }
const pressures: readonly Pressure[] = ['memory', 'disk', 'pid']
const networkComplaint =
  'container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady message:Network plugin returns error: cni plugin not initialized'

export class Kubelet implements PodHost {
  readonly machine: Machine
  readonly nodeName: string
  readonly hostIP: string
  readonly kube: KubeApi
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly timing: Timing
  readonly events: EventRecorder
  readonly images: ImageStore
  readonly wording: Wording
  readonly networkComplaint: string = networkComplaint
  readonly #o: KubeletOptions
  readonly #life: Lifetime
  readonly #pods = new Map<string, PodLife>()
  readonly #room: Room
  readonly #machineId: string
  readonly #bootId: string
  #registeredAt: Ms | undefined
  #networkReady = false
  /** What a plugin that is not there would have taken, or its own start at least. */
  #networkDelayPassed = false
  readonly #networkWaiters: (() => void)[] = []
  /** Pods that are to have more than there is room for now. */
  readonly #deferred = new Set<PodLife>()
  #addressesTaken = 0
  #imageReport = false
  #renewals = 0
  #devices: 'unknown' | 'known' | 'lost'
  #faults: readonly Fault[] = []
  /** While the kubelet hangs: what its calls wait for, and since when. */
  #hung: { readonly since: Ms; readonly over: Promise<void>; readonly end: () => void } | undefined
  #checkedRuntime = true
  /** With the number of pods that may still be evicted, and whether the shortage lasts. */
  readonly #pressures = new Map<Pressure, { left: number; lasts: boolean }>()
  #posting: Promise<void> | undefined
  #postAgain = false

  constructor(options: KubeletOptions) {
    this.#o = options
    this.machine = options.machine
    this.nodeName = options.machine.nodeName
    this.hostIP = options.machine.addresses.find((address) => address.type === 'InternalIP')?.address ?? ''
    this.kube = pausableKube(options.kube, () => this.#hung?.over)
    this.clock = options.clock
    this.random = options.random
    this.log = options.log
    this.timing = options.timing
    this.#life = new Lifetime(options.clock)
    this.#room = new Room(options.machine.allocatable)
    this.wording = wordingOf(options.machine.kubeletVersion)
    this.images = new ImageStore(this.#life, options.timing, () => this.#reportImagesLater())
    this.#devices = Object.keys(options.machine.capacity).some(isDevice) ? 'unknown' : 'known'
    this.#machineId = hex(options.random.split('machine'), 32)
    this.#bootId = uuid(options.random.split(`boot/${options.clock.now()}`))
    this.events = new EventRecorder({
      kube: this.kube,
      clock: options.clock,
      component: 'kubelet',
      host: this.nodeName,
      correlator: options.correlator,
    })
    options.addresses.reserve(this.hostIP)
  }

  get programs(): ProgramTable {
    return this.#o.programs
  }

  get over(): boolean {
    return this.#life.over
  }

  get networkReady(): boolean {
    return this.#networkReady && !this.#suffers('network-not-ready')
  }

  /** Whether it reports to the API server. */
  get alive(): boolean {
    return this.#registeredAt !== undefined && this.#hung === undefined
  }

  whenNetworkReady(): Promise<void> {
    if (this.networkReady) return Promise.resolve()
    return new Promise((resolve) => this.#networkWaiters.push(resolve))
  }

  kubeOf(pod: Pod): KubeApi {
    return this.#o.kubeOf(pod)
  }

  get registeredAt(): Ms | undefined {
    return this.#registeredAt
  }

  /** When the lease was renewed last: every ten seconds from registration on, without a timer for each. */
  lastHeartbeat(now: Ms): Ms | undefined {
    if (this.#registeredAt === undefined) return undefined
    const age = (this.#hung?.since ?? now) - this.#registeredAt
    return ms(this.#registeredAt + Math.floor(age / heartbeatMs) * heartbeatMs)
  }

  start(): void {
    this.#boot().catch((error: unknown) => {
      this.log.error('The kubelet failed', { node: this.nodeName, err: error })
    })
  }

  /** Power is lost: everything stops where it is and nothing more is written. */
  halt(): void {
    this.#life.end()
    for (const pod of this.#pods.values()) pod.halt()
    this.#pods.clear()
  }

  async #boot(): Promise<void> {
    const { machineFaults } = this.#o
    const slow = machineFaults.find((fault) => fault.name === 'slow-boot')
    if (slow !== undefined) await this.#life.sleep(faultDuration(slow, 'by') ?? slowBootDefault)
    if (machineFaults.some((fault) => fault.name === 'never-registers')) return
    await this.#life.sleep(this.timing.boot(this.random, this.machine.imageFamily))
    this.#event('Starting', 'Starting kubelet.')
    this.#event('InvalidDiskCapacity', 'invalid capacity 0 on image filesystem', 'Warning')
    const networkDelay = this.timing.network(this.random)
    await this.#life.sleep(this.timing.registration(this.random))
    await this.#register()
    this.#tellFirstStatus()
    if (this.over) return
    this.#registeredAt = this.clock.now()
    const faults = this.#o.faultsOfNode()
    if (faults.length > 0) this.suffer(faults)
    for (const pod of this.#o.boundPods()) this.podSeen(pod)
    if (machineFaults.some((fault) => fault.name === 'network-never-ready')) return
    await this.#life.sleep(networkDelay)
    this.#networkDelayPassed = true
    this.#considerNetwork()
  }

  #tellFirstStatus(): void {
    for (const pressure of pressures) this.#statusEvent(pressureWords[pressure].well.event)
    this.#event('NodeAllocatableEnforced', 'Updated Node Allocatable limit across pods')
  }

  async #register(): Promise<void> {
    let retry = firstRetryMs
    for (;;) {
      try {
        await this.#registerOnce()
        return
      } catch (error) {
        this.log.warning('Unable to register node with API server', { node: this.nodeName, err: error })
        await this.#life.sleep(ms(retry))
        retry = Math.min(retry * 2, lastRetryMs)
      }
    }
  }

  async #registerOnce(): Promise<void> {
    const now = this.clock.now()
    let node: Node
    try {
      node = await this.kube.create(Nodes, newNode(this.machine, this.#health(), now))
    } catch (error) {
      if (!isKubeFailure(error, 'alreadyExists')) throw error
      node = await this.#reregister()
    }
    const owner = {
      ownerReferences: [{ apiVersion: 'v1', kind: 'Node', name: node.metadata.name, uid: node.metadata.uid }],
    }
    await this.kube
      .create(Leases, {
        apiVersion: 'coordination.k8s.io/v1',
        kind: 'Lease',
        metadata: { name: this.nodeName, namespace: leaseNamespace, ...owner },
        spec: {
          holderIdentity: this.nodeName,
          leaseDurationSeconds: leaseSeconds,
          renewTime: microTimestamp(now),
        },
      })
      .catch(unlessThere)
    await this.kube
      .create(CSINodes, {
        apiVersion: 'storage.k8s.io/v1',
        kind: 'CSINode',
        metadata: { name: this.nodeName, ...owner },
        spec: { drivers: [storageDriver(this.machine)] },
      })
      .catch(unlessThere)
  }

  /** The node is known, from before a reboot: its own labels and status are brought up to date. */
  async #reregister(): Promise<Node> {
    const known = await this.kube.get(Nodes, { name: this.nodeName })
    if (known.spec.providerID !== this.machine.providerId) {
      // The address, and with it the name, of an instance that has just gone: its node goes soon as well.
      throw new Error(`node "${this.nodeName}" still belongs to ${known.spec.providerID}`)
    }
    await this.kube.patch(
      Nodes,
      { name: this.nodeName },
      { type: 'strategic', body: { metadata: { labels: kubeletLabels(this.machine) } } },
    )
    if (known.status?.nodeInfo?.bootID !== this.#bootId) {
      const message = `Node ${this.nodeName} has been rebooted, boot id: ${this.#bootId}`
      this.events.event(nodeReference(this.nodeName, this.nodeName), 'Warning', 'Rebooted', message)
    }
    return this.#postStatus(known)
  }

  #suffers(name: FaultName): boolean {
    return this.#faults.some((fault) => fault.name === name)
  }

  #health(): NodeHealth {
    const complaints: string[] = []
    if (!this.#checkedRuntime) complaints.push(runtimeComplaint)
    if (this.#suffers('not-ready')) complaints.push(plegComplaint)
    if (!this.networkReady) complaints.push(networkComplaint)
    return {
      complaint: complaints.length > 1 ? `[${complaints.join(', ')}]` : complaints[0],
      images: this.images.report(),
      devices: this.#suffers('devices-missing') && this.#devices === 'known' ? 'lost' : this.#devices,
      pressures: new Set(this.#pressures.keys()),
      bootId: this.#bootId,
      machineId: this.#machineId,
    }
  }

  async #postStatus(known?: Node): Promise<Node> {
    const before = known ?? (await this.kube.get(Nodes, { name: this.nodeName }))
    const status = nodeStatus(this.machine, this.#health(), before, this.clock.now())
    const node = await this.kube.patch(
      Nodes,
      { name: this.nodeName },
      // As JSON: what is absent stays as it is.
      { type: 'strategic', body: { status: status as never } },
      { subresource: 'status' },
    )
    if (this.#registeredAt !== undefined) {
      for (const reason of conditionEvents(before, status)) this.#statusEvent(reason)
    }
    return node
  }

  #statusEvent(reason: string): void {
    this.#event(reason, `Node ${this.nodeName} status is now: ${reason}`)
  }

  /** Renews the lease for people who look at it; the node lifecycle controller asks the kubelet itself. */
  async renewLease(): Promise<void> {
    if (!this.alive || this.over) return
    if (++this.#renewals % renewalsPerStatus === 0) void this.#refresh()
    await this.kube
      .patch(
        Leases,
        { namespace: leaseNamespace, name: this.nodeName },
        { type: 'merge', body: { spec: { renewTime: microTimestamp(this.clock.now()) } } },
      )
      .catch((error: unknown) => this.log.info(3, 'Failed to renew lease', { node: this.nodeName, err: error }))
  }

  #considerNetwork(): void {
    if (this.#networkReady || !this.#networkDelayPassed || this.over) return
    if (this.#o.hasNetworkPlugin()) {
      const up = [...this.#pods.values()].some((life) => this.#o.isNetworkPlugin(life.pod) && isPodReady(life.pod))
      if (!up) return
    }
    this.#networkReady = true
    const ready = async (): Promise<void> => {
      // Whoever deleted the Node object wants no node: the kubelet runs on, unseen, as upstream's does.
      await this.#refresh()
      if (this.#devices === 'unknown') this.#tellDevicesLater()
      this.#wakeNetwork()
    }
    void ready()
  }

  #wakeNetwork(): void {
    if (this.networkReady) for (const wake of this.#networkWaiters.splice(0)) wake()
  }

  #tellDevicesLater(): void {
    if (this.#o.machineFaults.some((fault) => fault.name === 'devices-missing')) return
    this.#life.after(this.timing.devicePlugin(this.random.split('devices')), () => {
      this.#devices = 'known'
      void this.#refresh()
    })
  }

  #reportImagesLater(): void {
    if (this.#imageReport) return
    this.#imageReport = true
    this.#life.after(imageReportDelay, () => {
      this.#imageReport = false
      void this.#refresh()
    })
  }

  /** Posts the node's status as it is now; resolves when this state, or a later one, is posted or could not be. */
  #refresh(): Promise<void> {
    if (this.#posting !== undefined) {
      this.#postAgain = true
      return this.#posting
    }
    const post = async (): Promise<void> => {
      do {
        this.#postAgain = false
        try {
          await this.#postStatus()
        } catch (error) {
          this.log.info(3, 'Error updating node status', { node: this.nodeName, err: error })
        }
      } while (this.#postAgain && !this.over)
    }
    this.#posting = post().finally(() => (this.#posting = undefined))
    return this.#posting
  }

  /** All that the node suffers from now on. */
  suffer(faults: readonly Fault[]): void {
    if (this.#registeredAt === undefined || this.over) return
    this.#faults = faults
    for (const pressure of pressures) {
      const fault = faults.find(({ name }) => name === `${pressure}-pressure`)
      this.#press(pressure, fault)
    }
    const hangs = this.#suffers('lease-loss')
    if (hangs && this.#hung === undefined) this.#hang()
    else if (!hangs && this.#hung !== undefined) this.#resume()
    this.#wakeNetwork()
    void this.#refresh()
  }

  /** Nothing is heard or said; what runs in containers runs on. */
  #hang(): void {
    let end = (): void => {}
    const over = new Promise<void>((resolve) => (end = resolve))
    this.#hung = { since: this.clock.now(), over, end }
    this.#o.onHung()
  }

  /** What happened in between is learnt from the API server. */
  #resume(): void {
    const hung = this.#hung
    this.#hung = undefined
    hung?.end()
    const bound = this.#o.boundPods()
    const uids = new Set(bound.map((pod) => pod.metadata.uid))
    for (const life of this.#pods.values()) if (!uids.has(life.pod.metadata.uid)) this.podGone(life.pod)
    for (const pod of bound) this.podSeen(pod)
  }

  /** The process of the kubelet ends and begins anew; containers run on. */
  async restart(fault: Fault): Promise<void> {
    if (!this.alive) return
    this.#hang()
    await this.#life.sleep(faultDuration(fault, 'takes') ?? restartDefault)
    if (this.#suffers('lease-loss')) return
    this.#checkedRuntime = false
    this.#resume()
    this.#event('Starting', 'Starting kubelet.')
    this.#event('InvalidDiskCapacity', 'invalid capacity 0 on image filesystem', 'Warning')
    await this.#register()
    this.#tellFirstStatus()
    await this.#life.sleep(runtimeCheck)
    this.#checkedRuntime = true
    await this.#refresh()
  }

  #press(pressure: Pressure, fault: Fault | undefined): void {
    const known = this.#pressures.get(pressure)
    if (fault === undefined) {
      if (known === undefined || !known.lasts) return
      // The condition outlasts the shortage, so that it does not flicker.
      known.lasts = false
      this.#life.after(this.timing.pressureTransition(), () => {
        if (this.#pressures.get(pressure) !== known) return
        this.#pressures.delete(pressure)
        void this.#refresh()
      })
      return
    }
    if (known?.lasts === true) return
    this.#pressures.set(pressure, { left: faultNumber(fault, 'evict') ?? Infinity, lasts: true })
    this.#life.after(ms(1), () => this.#evictOne(pressure))
  }

  #evictOne(pressure: Pressure): void {
    const state = this.#pressures.get(pressure)
    if (state === undefined || !state.lasts || state.left <= 0) return
    if (this.alive) {
      const candidates: Candidate[] = []
      for (const life of this.#pods.values()) {
        if (!life.ending) candidates.push({ pod: life.pod, used: this.#o.memoryUse(life.pod) })
      }
      const [first] = evictionOrder(candidates)
      if (first !== undefined) {
        this.#event('EvictionThresholdMet', `Attempting to reclaim ${starved[pressure]}`, 'Warning')
        state.left--
        this.life(first.pod)?.evict(evictionMessage(pressure, first, this.machine.capacity))
      }
    }
    this.#life.after(evictionPeriod, () => this.#evictOne(pressure))
  }

  podSeen(pod: Pod): void {
    if (!this.alive || this.over) return
    const known = this.#pods.get(pod.metadata.uid)
    if (known !== undefined) {
      known.changed(pod)
      if (!this.#networkReady && this.#o.isNetworkPlugin(pod)) this.#considerNetwork()
      return
    }
    if (isPodFinished(pod)) return
    const life = new PodLife(this, pod)
    this.#pods.set(pod.metadata.uid, life)
    life.start()
  }

  podGone(pod: Pod): void {
    if (this.#hung !== undefined) return
    this.#pods.get(pod.metadata.uid)?.gone()
    const life = this.#pods.get(pod.metadata.uid)
    if (life !== undefined) this.#deferred.delete(life)
    this.#pods.delete(pod.metadata.uid)
    this.release(pod)
  }

  life(pod: Pod): PodLife | undefined {
    return this.#pods.get(pod.metadata.uid)
  }

  lives(): Iterable<PodLife> {
    return this.#pods.values()
  }

  /** Takes room for the pod, or says why there is none (pkg/kubelet/lifecycle/predicate.go). */
  admit(pod: Pod): Refusal | undefined {
    return this.#refusedForPressure(pod) ?? this.#refusedForTaints(pod) ?? this.#refusedByRoom(pod)
  }

  /** Of taints only those that would evict the pod at once matter to a kubelet. */
  #refusedForTaints(pod: Pod): Refusal | undefined {
    const taints = this.#o.node()?.spec.taints ?? []
    const tolerations = pod.spec.tolerations ?? []
    return taints.every((taint) => taint.effect !== 'NoExecute' || toleratesTaint(tolerations, taint))
      ? undefined
      : failed('TaintToleration')
  }

  #refusedByRoom(pod: Pod): Refusal | undefined {
    return this.#room.take(pod, () => this.#asScheduled())
  }

  #asScheduled(): Node {
    const { metadata, spec } = this.#o.node() ?? newNode(this.machine, this.#health(), this.clock.now())
    // The cloud controller's labels may be on their way.
    const labels = { ...cloudLabels(this.machine), ...metadata.labels }
    return { metadata: { ...metadata, labels }, spec } as Node
  }

  /** Short of memory only, a node still takes what asked for some (eviction_manager.go, Admit). */
  #refusedForPressure(pod: Pod): Refusal | undefined {
    const found = [...this.#pressures.keys()]
    if (found.length === 0 || isCritical(pod)) return undefined
    const tolerant = toleratesTaint(pod.spec.tolerations ?? [], memoryPressureTaint)
    if (found.length === 1 && found[0] === 'memory' && (pod.status?.qosClass !== 'BestEffort' || tolerant))
      return undefined
    return { reason: 'Evicted', message: conditionMessage(found) }
  }

  faultsOf(pod: Pod): readonly Fault[] {
    return this.#o.faultsOfPod(pod)
  }

  release(pod: Pod): void {
    this.#room.release(pod)
    for (const life of this.#deferred) life.considerResize()
  }

  resize(life: PodLife, pod: Pod): ReturnType<Room['resize']> {
    const refusal = this.#room.resize(pod, () => this.#asScheduled())
    if (refusal?.reason === 'Deferred') this.#deferred.add(life)
    else this.#deferred.delete(life)
    return refusal
  }

  takeAddress(pod: Pod): string | undefined {
    if (pod.spec.hostNetwork === true) return this.hostIP
    // Without aws-node nobody counts the addresses of network interfaces.
    const limit = this.#o.hasNetworkPlugin() ? (this.machine.podAddressesMax ?? Infinity) : Infinity
    if (this.#addressesTaken >= limit) return undefined
    this.#addressesTaken++
    return this.#o.addresses.take(this.hostIP)
  }

  freeAddress(address: string): void {
    if (address === this.hostIP) return
    this.#addressesTaken--
    this.#o.addresses.free(address)
  }

  #event(reason: string, message: string, type: 'Normal' | 'Warning' = 'Normal'): void {
    if (!this.over) this.events.event(nodeReference(this.nodeName, this.nodeName), type, reason, message)
  }
}

function unlessThere(error: unknown): void {
  if (!isKubeFailure(error, 'alreadyExists')) throw error
}
