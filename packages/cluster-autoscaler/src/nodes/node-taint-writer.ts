import { ms, Nodes, type Node, type NodeSpec } from '@plimsoll/model'
import { ignoreNotFound, isKubeFailure, type Clock, type KubeApi, type Log } from '@plimsoll/ports'
import { deletionCandidateTaint, taintOf, toBeDeletedTaint } from './taints.ts'

const retryEvery = ms(750)
const retryFor = ms(5000)

const effects: Readonly<Record<string, string>> = {
  [toBeDeletedTaint]: 'NoSchedule',
  [deletionCandidateTaint]: 'PreferNoSchedule',
}

/**
 * Writes our taints by whole-object updates, tried again on conflict from a fresh reading every 750 ms for 5 s.
 * kubernetes-sigs/cluster-autoscaler:pkg/utils/taints/taints.go, AddTaints and CleanTaints.
 */
export class NodeTaintWriter {
  readonly #kube: KubeApi
  readonly #clock: Clock
  readonly #log: Log

  constructor(o: { readonly kube: KubeApi; readonly clock: Clock; readonly log: Log }) {
    this.#kube = o.kube
    this.#clock = o.clock
    this.#log = o.log.named('taints.go')
  }

  /** The node as it is now; the same when the taint was there already. @throws KubeError */
  async add(node: Node, key: string, o: { readonly cordon?: boolean } = {}): Promise<Node> {
    const value = String(Math.floor(this.#clock.now() / 1000))
    const written = await this.#update(node, (fresh) => {
      const tainted = taintOf(fresh, key) !== undefined
      if (tainted) this.#log.info(2, `${key} already present on node ${fresh.metadata.name}`)
      const cordoned = o.cordon !== true || fresh.spec.unschedulable === true
      if (tainted && cordoned) return undefined
      const taints = fresh.spec.taints ?? []
      return {
        ...fresh.spec,
        taints: tainted ? taints : [...taints, { key, value, effect: effects[key]! }],
        ...(o.cordon === true ? { unschedulable: true } : {}),
      }
    })
    if (written !== undefined) this.#log.info(1, `Successfully added ${key} on node ${node.metadata.name}`)
    return written ?? node
  }

  /** Whether the node had the taint. @throws KubeError */
  async remove(node: Node, key: string, o: { readonly uncordon?: boolean } = {}): Promise<boolean> {
    const written = await this.#update(node, (fresh) => {
      if (taintOf(fresh, key) === undefined) return undefined
      const { unschedulable, taints, ...spec } = fresh.spec
      const left = (taints ?? []).filter((taint) => taint.key !== key)
      return {
        ...spec,
        ...(left.length > 0 ? { taints: left } : {}),
        ...(o.uncordon === true || unschedulable === undefined ? {} : { unschedulable }),
      }
    })
    if (written !== undefined) this.#log.info(1, `Successfully released ${key} on node ${node.metadata.name}`)
    return written !== undefined
  }

  /** As `remove`, from a fresh reading; a node that is gone is fine. @throws KubeError */
  async release(name: string, key: string, o: { readonly uncordon?: boolean } = {}): Promise<void> {
    try {
      await this.remove(await this.#kube.get(Nodes, { name }), key, o)
    } catch (error) {
      ignoreNotFound(error)
    }
  }

  async #update(node: Node, change: (fresh: Node) => NodeSpec | undefined): Promise<Node | undefined> {
    const deadline = this.#clock.now() + retryFor
    let fresh = node
    for (;;) {
      const spec = change(fresh)
      if (spec === undefined) return undefined
      try {
        return await this.#kube.replace(Nodes, { ...fresh, spec })
      } catch (error) {
        if (!isKubeFailure(error, 'conflict') || this.#clock.now() >= deadline) {
          this.#log.warning(`Error while updating taints on node ${node.metadata.name}`, { err: error })
          throw error
        }
      }
      fresh = await this.#kube.get(Nodes, { name: node.metadata.name })
      if (this.#clock.now() + retryEvery < deadline) await this.#clock.sleep(retryEvery)
    }
  }
}
