// The cloud's side of nodes: makes new ones complete, and removes those whose instance is gone
// (kubernetes/cloud-provider:controllers/node, controllers/nodelifecycle).
import { Nodes, type Node, type Taint } from '@plimsoll/model'
import { ignoreNotFound, type KubeApi, type Machines } from '@plimsoll/ports'
import type { EventRecorder, Reconciler } from '@plimsoll/runtime'
import { onChange } from '../caches.ts'
import type { Kubelets } from '../kubelet/kubelets.ts'
import { cloudLabels, uninitializedTaint } from '../kubelet/node-object.ts'
import { DueTimer } from '../machinery/due-timer.ts'
import { Lifetime } from '../machinery/lifetime.ts'
import { nodeReference } from '../machinery/reference.ts'
import { changeNode, isNodeReady, retainted, sameTaint } from '../nodes.ts'
import type { Timing } from '../timing.ts'
import { recorderFor, syncing, type Controller, type ControllerContext } from './controller.ts'

const periodMs = 5000
const shutdownTaint: Taint = { key: 'node.cloudprovider.kubernetes.io/shutdown', effect: 'NoSchedule' }

export class CloudNodeController implements Controller {
  readonly #context: ControllerContext
  readonly #kube: KubeApi
  readonly #kubelets: Kubelets
  readonly #machines: Machines
  readonly #timing: Timing
  readonly #synced: EventRecorder
  readonly #lifecycle: EventRecorder
  readonly #life: Lifetime
  readonly #initialising = new Set<string>()
  readonly #ending: Reconciler<string>
  readonly #timer: DueTimer

  constructor(
    context: ControllerContext,
    o: { readonly kube: KubeApi; readonly kubelets: Kubelets; readonly machines: Machines; readonly timing: Timing },
  ) {
    this.#context = context
    this.#kube = o.kube
    this.#kubelets = o.kubelets
    this.#machines = o.machines
    this.#timing = o.timing
    this.#synced = recorderFor(context, o.kube, 'cloud-node-controller')
    this.#lifecycle = recorderFor(context, o.kube, 'cloud-node-lifecycle-controller')
    this.#life = new Lifetime(context.clock)
    this.#ending = syncing(context, 'cloud-node-lifecycle', () => this.#look())
    this.#timer = new DueTimer(context.clock, periodMs, () => this.#ending.add('nodes'))
    onChange(context.caches.nodes, (now) => {
      if (now === undefined) return
      this.#initialiseLater(now)
      this.#consider(now)
    })
    o.kubelets.onSilent((name) => {
      const node = context.caches.nodes.get({ name })
      if (node !== undefined) this.#consider(node)
    })
  }

  async run(signal: AbortSignal): Promise<void> {
    // An instance may be shutting down for longer than its node takes to be given up.
    const machines = this.#machines.watch({
      started: () => {},
      halted: () => {},
      vanished: () => this.#timer.due(this.#context.clock.now()),
    })
    signal.addEventListener(
      'abort',
      () => {
        machines.stop()
        this.#timer.stop()
        this.#life.end()
      },
      { once: true },
    )
    await this.#ending.run(signal)
  }

  #initialiseLater(node: Node): void {
    const { name, uid } = node.metadata
    const pending = node.spec.taints?.some((taint) => sameTaint(taint, uninitializedTaint)) === true
    if (!pending || this.#initialising.has(uid) || this.#kubelets.machine(name) === undefined) return
    this.#initialising.add(uid)
    const random = this.#context.random.split(`cloud/${node.spec.providerID ?? name}`)
    const begin = async (): Promise<void> => {
      await Promise.resolve()
      await this.#life.sleep(this.#timing.cloudInitialisation(random))
      await this.#initialise(name, uid)
    }
    begin()
      .catch((error: unknown) => {
        this.#context.log.error('Failed to initialise node', { node: name, err: error })
      })
      .finally(() => this.#initialising.delete(uid))
  }

  async #initialise(name: string, uid: string): Promise<void> {
    const machine = this.#kubelets.machine(name)
    if (machine === undefined) return
    const labels = cloudLabels(machine)
    const node = await changeNode(this.#kube, name, (current) => {
      const without = retainted(current, [], (taint) => sameTaint(taint, uninitializedTaint)) ?? current
      return { ...without, metadata: { ...without.metadata, labels: { ...without.metadata.labels, ...labels } } }
    })
    if (node !== undefined) {
      this.#synced.event(nodeReference(name, uid), 'Normal', 'Synced', 'Node synced successfully')
    }
  }

  /** Only nodes that are not ready are looked at, and only their instances' ends call for anything. */
  #consider(node: Node): void {
    if (this.#fate(node) !== 'none') this.#timer.due(this.#context.clock.now())
  }

  #fate(node: Node): 'none' | 'delete' | 'taint' | 'untaint' {
    const tainted = node.spec.taints?.some((taint) => sameTaint(taint, shutdownTaint)) === true
    if (isNodeReady(node)) return tainted ? 'untaint' : 'none'
    const providerId = node.spec.providerID
    if (providerId === undefined || providerId === '' || node.metadata.deletionTimestamp !== undefined) return 'none'
    // Others may bring nodes of other clouds.
    if (!providerId.startsWith('aws://')) return 'none'
    switch (this.#machines.state(providerId)) {
      case 'missing':
        return 'delete'
      case 'stopped':
        return tainted ? 'none' : 'taint'
      case 'pending':
      case 'running':
        return 'none'
    }
  }

  async #look(): Promise<void> {
    for (const node of this.#context.caches.nodes.items()) {
      const { name, uid } = node.metadata
      switch (this.#fate(node)) {
        case 'delete':
          this.#lifecycle.event(
            nodeReference(name, uid),
            'Normal',
            'DeletingNode',
            `Deleting node ${name} because it does not exist in the cloud provider`,
          )
          await this.#kube.remove(Nodes, { name }, { preconditions: { uid } }).catch(ignoreNotFound)
          break
        case 'taint':
          await changeNode(this.#kube, name, (current) => retainted(current, [shutdownTaint], () => false))
          break
        case 'untaint':
          await changeNode(this.#kube, name, (current) =>
            retainted(current, [], (taint) => sameTaint(taint, shutdownTaint)),
          )
          break
        case 'none':
          break
      }
    }
  }
}
