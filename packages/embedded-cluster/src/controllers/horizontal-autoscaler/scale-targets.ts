import type { CrossVersionObjectReference, CustomResourceDefinition, KubeObject, ResourceType } from '@plimsoll/model'
import type { KubeReader } from '@plimsoll/ports'

const definitions: ResourceType<CustomResourceDefinition> = {
  group: 'apiextensions.k8s.io',
  version: 'v1',
  plural: 'customresourcedefinitions',
  kind: 'CustomResourceDefinition',
  namespaced: false,
}

const builtIn: readonly ResourceType<KubeObject>[] = [
  { group: 'apps', version: 'v1', plural: 'deployments', kind: 'Deployment', namespaced: true },
  { group: 'apps', version: 'v1', plural: 'replicasets', kind: 'ReplicaSet', namespaced: true },
  { group: 'apps', version: 'v1', plural: 'statefulsets', kind: 'StatefulSet', namespaced: true },
  { group: 'apps', version: 'v1', plural: 'daemonsets', kind: 'DaemonSet', namespaced: true },
  { group: '', version: 'v1', plural: 'replicationcontrollers', kind: 'ReplicationController', namespaced: true },
]

/** There is no such kind; the message is that of client-go's RESTMapper. */
class NoSuchKindError extends Error {
  override readonly name = 'NoSuchKindError'
}

/** Which resource a reference to something that can be scaled means: a workload, or a custom resource. */
export class ScaleTargets {
  readonly #kube: Pick<KubeReader, 'list'>

  constructor(kube: Pick<KubeReader, 'list'>) {
    this.#kube = kube
  }

  /** @throws {NoSuchKindError | KubeError} */
  async typeOf({ apiVersion = '', kind }: CrossVersionObjectReference): Promise<ResourceType<KubeObject>> {
    const parts = apiVersion.split('/')
    if (parts.length > 2) throw new NoSuchKindError(`unexpected GroupVersion string: ${apiVersion}`)
    const group = parts.length === 2 ? parts[0]! : ''
    const known = builtIn.find((type) => type.group === group && type.kind === kind)
    if (known !== undefined) return known
    const { items } = await this.#kube.list(definitions)
    const definition = items.find(({ spec }) => spec.group === group && spec.names.kind === kind)
    const version = definition?.spec.versions.find((one) => one.served && one.subresources?.scale !== undefined)
    if (definition === undefined) {
      throw new NoSuchKindError(`no matches for kind ${JSON.stringify(kind)} in group ${JSON.stringify(group)}`)
    }
    return {
      group,
      version: version?.name ?? definition.spec.versions.find((one) => one.served)?.name ?? '',
      plural: definition.spec.names.plural,
      kind,
      namespaced: true,
    }
  }
}
