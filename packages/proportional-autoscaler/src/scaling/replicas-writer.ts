import { apiVersionOf, type ObjectReference } from '@plimsoll/model'
import type { KubeApi, Log } from '@plimsoll/ports'
import type { ClusterSize } from '../cluster/cluster-size.ts'
import type { ScaleTarget } from './target.ts'

/** What was written, for whoever tells of it. */
export interface Rescaling {
  readonly target: ScaleTarget
  readonly reference: ObjectReference
  readonly from: number
  readonly to: number
}

/**
 * Writes the number into the scale subresource of each target where it differs, in order, with the version that was
 * read; the first error ends it (CPA-73). Mirrors k8sclient.go, UpdateReplicas. *Ours*: a Forbidden is reported as it
 * is; upstream tries extensions/v1beta1 then, which no cluster since 1.16 has, and reports that instead (CPA-75).
 */
export class ReplicasWriter {
  readonly #kube: Pick<KubeApi, 'readScale' | 'writeScale'>
  readonly #namespace: string
  readonly #targets: readonly ScaleTarget[]
  readonly #log: Log

  constructor(o: {
    readonly kube: Pick<KubeApi, 'readScale' | 'writeScale'>
    readonly namespace: string
    readonly targets: readonly ScaleTarget[]
    readonly log: Log
  }) {
    this.#kube = o.kube
    this.#namespace = o.namespace
    this.#targets = o.targets
    this.#log = o.log
  }

  /** @throws {KubeError} of the first target that fails; `told` has heard of those before it. */
  async write(replicas: number, size: ClusterSize, told: (rescaling: Rescaling) => void): Promise<void> {
    for (const target of this.#targets) {
      const rescaling = await this.#writeOne(target, replicas, size)
      if (rescaling !== undefined) told(rescaling)
    }
  }

  async #writeOne(target: ScaleTarget, to: number, size: ClusterSize): Promise<Rescaling | undefined> {
    const { kind, name, resource } = target
    const key = { namespace: this.#namespace, name }
    const scale = await this.#kube.readScale(resource, key)
    const from = scale.spec?.replicas ?? 0
    if (from === to) return undefined
    this.#log
      .named('k8sclient.go:312')
      .info(
        0,
        `Cluster status: SchedulableNodes[${size.schedulableNodes}], TotalNodes[${size.totalNodes}], SchedulableCores[${size.schedulableCores}], TotalCores[${size.totalCores}]`,
      )
    this.#log
      .named('k8sclient.go:318')
      .info(0, `Replicas are not as expected : updating ${kind}/${name} from ${from} to ${to}`)
    await this.#kube.writeScale(resource, key, { ...scale, spec: { ...scale.spec, replicas: to } })
    const uid = scale.metadata?.uid
    const reference: ObjectReference = {
      apiVersion: apiVersionOf(resource),
      kind: resource.kind,
      namespace: this.#namespace,
      name,
      ...(uid === undefined ? {} : { uid }),
    }
    return { target, reference, from, to }
  }
}
