// EKS drains the spot nodes of its managed node groups when their end is announced: cordon, then evictions until the
// instance goes (docs.aws.amazon.com/eks: managed node groups, Spot capacity).
import { controllerOf, ms, type Node, type Pod } from '@plimsoll/model'
import { isKubeFailure, type KubeApi, type Machines } from '@plimsoll/ports'
import { Lifetime } from '../machinery/lifetime.ts'
import { changeNode } from '../nodes.ts'
import { isPodActive } from '../pods.ts'
import type { Controller, ControllerContext } from './controller.ts'

const evictionRetry = ms(5000)

export class SpotDrainController implements Controller {
  readonly #context: ControllerContext
  readonly #kube: KubeApi
  readonly #machines: Machines
  readonly #life: Lifetime

  /** `kube`: as EKS's node manager. */
  constructor(context: ControllerContext, o: { readonly kube: KubeApi; readonly machines: Machines }) {
    this.#context = context
    this.#kube = o.kube
    this.#machines = o.machines
    this.#life = new Lifetime(context.clock)
  }

  async run(signal: AbortSignal): Promise<void> {
    const watch = this.#machines.watch({
      started: () => {},
      halted: () => {},
      noticed: (providerId, notice) => {
        if (notice === 'spotInterruption') this.#begin(providerId)
      },
    })
    await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
    watch.stop()
    this.#life.end()
  }

  #begin(providerId: string): void {
    const node = this.#context.caches.nodes.items().find((each) => each.spec.providerID === providerId)
    if (node?.metadata.labels?.['eks.amazonaws.com/capacityType'] !== 'SPOT') return
    this.#drain(node).catch((error: unknown) =>
      this.#context.log.error('Failed to drain a spot node', { node: node.metadata.name, err: error }),
    )
  }

  async #drain(node: Node): Promise<void> {
    const { name } = node.metadata
    const { caches } = this.#context
    await changeNode(this.#kube, name, (current) =>
      current.spec.unschedulable === true ? undefined : { ...current, spec: { ...current.spec, unschedulable: true } },
    )
    // Until the instance is gone: whoever waits for its budget may come to its turn.
    while (!this.#life.over && this.#machines.state(node.spec.providerID ?? '') === 'running') {
      const leaving = caches.pods.byIndex('node', name).filter((pod) => isPodActive(pod) && !isDaemon(pod))
      if (leaving.length === 0) return
      for (const pod of leaving) await this.#evict(pod)
      await this.#life.sleep(evictionRetry)
    }
  }

  async #evict(pod: Pod): Promise<void> {
    try {
      await this.#kube.evict(pod.metadata, { preconditions: { uid: pod.metadata.uid } })
    } catch (error) {
      if (!isKubeFailure(error, 'notFound', 'conflict', 'tooManyRequests')) throw error
    }
  }
}

function isDaemon(pod: Pod): boolean {
  return controllerOf(pod)?.kind === 'DaemonSet'
}
