import { ConfigMaps, type ConfigMap, type Ms } from '@plimsoll/model'
import { ignoreNotFound, isKubeFailure, type KubeApi } from '@plimsoll/ports'
import { goTime } from '../state/cluster-state.ts'

const lastUpdated = 'cluster-autoscaler.kubernetes.io/last-updated'

/** Writes the status ConfigMap (kubernetes-sigs/cluster-autoscaler:pkg/clusterstate/utils/status.go). */
export class StatusConfigMap {
  readonly #kube: KubeApi
  readonly #key: { readonly namespace: string; readonly name: string }

  constructor(kube: KubeApi, namespace: string, name: string) {
    this.#kube = kube
    this.#key = { namespace, name }
  }

  /** @throws KubeError */
  async write(status: string, now: Ms): Promise<ConfigMap> {
    const annotations = { [lastUpdated]: goTime(now) }
    try {
      const map = await this.#kube.get(ConfigMaps, this.#key)
      const metadata = { ...map.metadata, annotations: { ...map.metadata.annotations, ...annotations } }
      return await this.#kube.replace(ConfigMaps, { ...map, metadata, data: { ...map.data, status } })
    } catch (error) {
      if (!isKubeFailure(error, 'notFound')) throw error
    }
    return this.#kube.create(ConfigMaps, {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { ...this.#key, annotations },
      data: { status },
    })
  }

  /** @throws KubeError */
  async remove(): Promise<void> {
    await this.#kube.remove(ConfigMaps, this.#key).catch(ignoreNotFound)
  }
}
