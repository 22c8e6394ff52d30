// What every namespace must have comes back when it is taken away: the account that pods run as, and the certificate by
// which they know the API server (kubernetes/kubernetes:pkg/controller/serviceaccount/serviceaccounts_controller.go,
// pkg/controller/certificates/rootcacertpublisher).
import { ConfigMaps, ServiceAccounts, type ConfigMap, type Namespace, type ServiceAccount } from '@plimsoll/model'
import { isKubeFailure, type KubeApi } from '@plimsoll/ports'
import type { Informer } from '@plimsoll/runtime'
import { onChange } from '../caches.ts'
import { WorkloadController, type ControllerContext } from './controller.ts'
import { isNamespaceTerminating } from './pod-control.ts'

const accountName = 'default'
const certificateName = 'kube-root-ca.crt'

export class NamespaceFurnitureController extends WorkloadController {
  readonly #publisher: KubeApi
  readonly #namespaces: Informer<Namespace>
  readonly #accounts: Informer<ServiceAccount>
  readonly #certificates: Informer<ConfigMap>
  /** As the first map that was seen has it: all are equal. */
  #certificate: ConfigMap | undefined

  constructor(context: ControllerContext) {
    super(context, { loop: 'namespace-furniture', account: 'service-account-controller' })
    this.#publisher = context.kube('root-ca-cert-publisher')
    const { namespaces, defaultAccounts, rootCertificates } = context.caches
    this.#namespaces = namespaces
    this.#accounts = defaultAccounts
    this.#certificates = rootCertificates
    onChange(namespaces, (now) => {
      if (now !== undefined) this.loop.add(now.metadata.name)
    })
    onChange(defaultAccounts, (now, was) => {
      if (now === undefined) this.loop.add(was!.metadata.namespace)
    })
    onChange(rootCertificates, (now, was) => {
      if (now !== undefined) this.#certificate ??= now
      if (was !== undefined) this.loop.add(was.metadata.namespace)
    })
  }

  protected override async sync(namespace: string): Promise<void> {
    const found = this.#namespaces.get({ name: namespace })
    if (found === undefined || found.status?.phase === 'Terminating') return
    if (found.metadata.deletionTimestamp !== undefined) return
    try {
      if (this.#accounts.get({ namespace, name: accountName }) === undefined)
        await this.kube.create(ServiceAccounts, { metadata: { name: accountName, namespace } })
      await this.#publish(namespace)
    } catch (error) {
      if (!isNamespaceTerminating(error) && !isKubeFailure(error, 'notFound', 'alreadyExists')) throw error
    }
  }

  async #publish(namespace: string): Promise<void> {
    if (this.#certificate === undefined) return
    const { data, metadata } = this.#certificate
    const known = this.#certificates.get({ namespace, name: certificateName })
    if (known === undefined) {
      const { annotations } = metadata
      await this.#publisher.create(ConfigMaps, {
        metadata: { name: certificateName, namespace, ...(annotations === undefined ? {} : { annotations }) },
        ...(data === undefined ? {} : { data }),
      })
    } else if (JSON.stringify(known.data) !== JSON.stringify(data)) {
      await this.#publisher.replace(ConfigMaps, { ...known, data })
    }
  }
}
