// One kubelet: brings its node up, keeps its status, and runs the pods that are bound to it.
import { CSINodes, Leases, microTimestamp, ms, Nodes, type Ms, type Node, type Pod } from '@plimsoll/model'
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
import { Lifetime } from '../machinery/lifetime.ts'
import { nodeReference } from '../machinery/reference.ts'
import { isPodFinished, isPodReady } from '../pods.ts'
import type { Timing } from '../timing.ts'
import type { AddressPool } from './addresses.ts'
import { ImageStore } from './images.ts'
import { cloudLabels, isDevice, kubeletLabels, newNode, nodeStatus, type NodeHealth } from './node-object.ts'
import { PodLife, type PodHost } from './pod-life.ts'
import { Room, type Refusal } from './room.ts'

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
  /** As the API server last showed it. */
  /** Shared by all kubelets: each would remember 4,096 events of its own. */
  readonly correlator: EventCorrelator
  readonly node: () => Node | undefined
  /** Whether the cluster runs a network plugin of its own that must be up first. */
  readonly hasNetworkPlugin: () => boolean
  readonly isNetworkPlugin: (pod: Pod) => boolean
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
  #imageReport = false
  #renewals = 0
  #devices: boolean

  constructor(options: KubeletOptions) {
    this.#o = options
    this.machine = options.machine
    this.nodeName = options.machine.nodeName
    this.hostIP = options.machine.addresses.find((address) => address.type === 'InternalIP')?.address ?? ''
    this.kube = options.kube
    this.clock = options.clock
    this.random = options.random
    this.log = options.log
    this.timing = options.timing
    this.#life = new Lifetime(options.clock)
    this.#room = new Room(options.machine.allocatable)
    this.images = new ImageStore(this.#life, options.timing, () => this.#reportImagesLater())
    this.#devices = !Object.keys(options.machine.capacity).some(isDevice)
    this.#machineId = hex(options.random.split('machine'), 32)
    this.#bootId = uuid(options.random.split(`boot/${options.clock.now()}`))
    this.events = new EventRecorder({
      kube: options.kube,
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
    return this.#networkReady
  }

  whenNetworkReady(): Promise<void> {
    if (this.#networkReady) return Promise.resolve()
    return new Promise((resolve) => this.#networkWaiters.push(resolve))
  }

  kubeOf(pod: Pod): KubeApi {
    return this.#o.kubeOf(pod)
  }

  /** When the lease was renewed last: every ten seconds from registration on, without a timer for each. */
  lastHeartbeat(now: Ms): Ms | undefined {
    if (this.#registeredAt === undefined) return undefined
    return ms(this.#registeredAt + Math.floor((now - this.#registeredAt) / heartbeatMs) * heartbeatMs)
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
    await this.#life.sleep(this.timing.boot(this.random, this.machine.imageFamily))
    this.#event('Starting', 'Starting kubelet.')
    this.#event('InvalidDiskCapacity', 'invalid capacity 0 on image filesystem', 'Warning')
    const networkDelay = this.timing.network(this.random)
    await this.#life.sleep(this.timing.registration(this.random))
    await this.#register()
    for (const [reason, what] of [
      ['NodeHasSufficientMemory', 'NodeHasSufficientMemory'],
      ['NodeHasNoDiskPressure', 'NodeHasNoDiskPressure'],
      ['NodeHasSufficientPID', 'NodeHasSufficientPID'],
    ] as const) {
      this.#event(reason, `Node ${this.nodeName} status is now: ${what}`)
    }
    this.#event('NodeAllocatableEnforced', 'Updated Node Allocatable limit across pods')
    if (this.over) return
    this.#registeredAt = this.clock.now()
    for (const pod of this.#o.boundPods()) this.podSeen(pod)
    await this.#life.sleep(networkDelay)
    this.#networkDelayPassed = true
    this.#considerNetwork()
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
        spec: { drivers: [] },
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
    this.events.event(
      nodeReference(this.nodeName, this.nodeName),
      'Warning',
      'Rebooted',
      `Node ${this.nodeName} has been rebooted, boot id: ${this.#bootId}`,
    )
    return this.#postStatus(known)
  }

  #health(): NodeHealth {
    return {
      complaint: this.#networkReady ? undefined : networkComplaint,
      images: this.images.report(),
      devices: this.#devices,
      bootId: this.#bootId,
      machineId: this.#machineId,
    }
  }

  async #postStatus(known?: Node): Promise<Node> {
    const before = known ?? (await this.kube.get(Nodes, { name: this.nodeName }))
    const status = nodeStatus(this.machine, this.#health(), before, this.clock.now())
    return this.kube.patch(
      Nodes,
      { name: this.nodeName },
      // As JSON: what is absent stays as it is.
      { type: 'strategic', body: { status: status as never } },
      { subresource: 'status' },
    )
  }

  /** Renews the lease for people who look at it; the node lifecycle controller asks the kubelet itself. */
  async renewLease(): Promise<void> {
    if (this.#registeredAt === undefined || this.over) return
    if (++this.#renewals % renewalsPerStatus === 0) this.#refresh()
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
      await this.#postStatus()
      this.#event('NodeReady', `Node ${this.nodeName} status is now: NodeReady`)
      if (!this.#devices) this.#tellDevicesLater()
      for (const wake of this.#networkWaiters.splice(0)) wake()
    }
    ready().catch((error: unknown) => {
      // Whoever deleted the Node object wants no node: the kubelet runs on, unseen, as upstream's does.
      this.log.warning('Error updating node status', { node: this.nodeName, err: error })
      for (const wake of this.#networkWaiters.splice(0)) wake()
    })
  }

  #tellDevicesLater(): void {
    this.#life.after(this.timing.devicePlugin(this.random.split('devices')), () => {
      this.#devices = true
      this.#refresh()
    })
  }

  #reportImagesLater(): void {
    if (this.#imageReport) return
    this.#imageReport = true
    this.#life.after(imageReportDelay, () => {
      this.#imageReport = false
      this.#refresh()
    })
  }

  #refresh(): void {
    this.#postStatus().catch((error: unknown) => {
      this.log.info(3, 'Error updating node status', { node: this.nodeName, err: error })
    })
  }

  podSeen(pod: Pod): void {
    if (this.#registeredAt === undefined || this.over) return
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
    this.#pods.get(pod.metadata.uid)?.gone()
    this.#pods.delete(pod.metadata.uid)
    this.#room.release(pod)
  }

  life(pod: Pod): PodLife | undefined {
    return this.#pods.get(pod.metadata.uid)
  }

  lives(): Iterable<PodLife> {
    return this.#pods.values()
  }

  /** Takes room for the pod, or says why there is none (pkg/kubelet/lifecycle/predicate.go). */
  admit(pod: Pod): Refusal | undefined {
    return this.#room.take(pod, () => {
      const { metadata, spec } = this.#o.node() ?? newNode(this.machine, this.#health(), this.clock.now())
      // The cloud controller's labels may be on their way.
      const labels = { ...cloudLabels(this.machine), ...metadata.labels }
      return { metadata: { ...metadata, labels }, spec } as Node
    })
  }

  release(pod: Pod): void {
    this.#room.release(pod)
  }

  takeAddress(pod: Pod): string {
    return pod.spec.hostNetwork === true ? this.hostIP : this.#o.addresses.take(this.hostIP)
  }

  freeAddress(address: string): void {
    if (address !== this.hostIP) this.#o.addresses.free(address)
  }

  #event(reason: string, message: string, type: 'Normal' | 'Warning' = 'Normal'): void {
    if (!this.over) this.events.event(nodeReference(this.nodeName, this.nodeName), type, reason, message)
  }
}

function unlessThere(error: unknown): void {
  if (!isKubeFailure(error, 'alreadyExists')) throw error
}
