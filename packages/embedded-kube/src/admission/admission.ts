// What the server itself adds to objects, and what it refuses for the cluster's sake, between defaulting and validation.
import type { Random } from '@plimsoll/ports'
import { forbidden, type FieldError } from '../errors.ts'
import { fieldsOf, listOf, withMeta, type StoredObject } from '../object.ts'
import type { ResourceInfo } from '../resource-info.ts'
import type { Store } from '../store/store.ts'
import { claimLimitProblem, podLimitProblem } from './limit-ranges.ts'
import { PodAdmission } from './pod-admission.ts'
import { chargeQuotas, type Charged } from './resource-quotas.ts'
import { ServiceAddresses } from './service-addresses.ts'
import { claimGrowthProblem, withDefaultClass } from './storage-class.ts'
import { withTemplateGeneration } from './template-generation.ts'

export interface AdmissionOptions {
  /** Whether pods get the projected volume with their service account's token. */
  readonly tokenVolumes: boolean
  /** First two bytes of the /16 that cluster IPs come from. */
  readonly serviceNetwork: string
}

export class Admission {
  readonly #store: Store
  readonly #pods: PodAdmission
  readonly #addresses: ServiceAddresses

  constructor(store: Store, random: Random, options: AdmissionOptions) {
    this.#store = store
    this.#pods = new PodAdmission(store, random.split('token-volumes'), options)
    this.#addresses = new ServiceAddresses(
      store.collection('', 'services'),
      random.split('service-addresses'),
      options.serviceNetwork,
    )
  }

  /** A new pod as it will be stored, defaults included. @throws {KubeError} forbidden */
  pod(pod: StoredObject): { readonly pod: StoredObject; readonly errors: readonly FieldError[] } {
    return this.#pods.prepare(pod)
  }

  /** Any other object, created (`old` undefined) or written over. @throws {KubeError} */
  admit(info: ResourceInfo, object: StoredObject, old: StoredObject | undefined): StoredObject {
    if (info.storage.group === 'apps' && info.plural === 'daemonsets') return withTemplateGeneration(object, old)
    if (info.group !== '') return object
    if (info.plural === 'services') return this.#addresses.allocate(object, old)
    if (old !== undefined) return object
    if (info.plural === 'nodes') return withNotReadyTaint(object)
    if (info.plural === 'persistentvolumes') return protectedBy(object, 'kubernetes.io/pv-protection')
    if (info.plural !== 'persistentvolumeclaims') return object
    const classes = this.#store.collection('storage.k8s.io', 'storageclasses')
    return withDefaultClass(protectedBy(object, 'kubernetes.io/pvc-protection'), classes)
  }

  /**
   * The last word, once the object is found valid and is to be stored at once: LimitRanges, then ResourceQuotas, which are
   * charged for it. @throws {KubeError} forbidden
   */
  settle(info: ResourceInfo, charged: Charged): void {
    const problem = this.#limitProblem(info, charged) ?? this.#clusterProblem(info, charged)
    if (problem !== undefined) throw forbidden(info, charged.object.metadata.name, problem)
    chargeQuotas(this.#store, info, charged)
  }

  /** What the other objects of the cluster have against it. */
  #clusterProblem(info: ResourceInfo, { object, old, subresource }: Charged): string | undefined {
    if (subresource !== undefined) return undefined
    if (info.group === '' && info.plural === 'persistentvolumeclaims' && old !== undefined) {
      return claimGrowthProblem(object, old, this.#store.collection('storage.k8s.io', 'storageclasses'))
    }
    if (info.group !== 'scheduling.k8s.io' || object['globalDefault'] !== true) return undefined
    const [other] = this.#store.collection('scheduling.k8s.io', 'priorityclasses').list({
      namespace: undefined,
      matches: (one) => one['globalDefault'] === true && one.metadata.name !== object.metadata.name,
      name: undefined,
      nodeName: undefined,
    })
    return other === undefined
      ? undefined
      : `PriorityClass ${other.metadata.name} is already marked as default. Only one default can exist`
  }

  #limitProblem(info: ResourceInfo, { object, old, subresource }: Charged): string | undefined {
    if (info.group !== '' || old?.metadata.deletionTimestamp !== undefined) return undefined
    const ranges = this.#store.collection('', 'limitranges')
    const { namespace = '' } = object.metadata
    if (info.plural === 'pods' && (old === undefined || subresource === 'resize')) {
      return podLimitProblem(fieldsOf(object.spec), ranges, namespace)
    }
    if (info.plural !== 'persistentvolumeclaims' || subresource !== undefined) return undefined
    return claimLimitProblem(object, ranges)
  }

  /** Hears of every object that a client wrote. */
  stored(object: StoredObject): void {
    this.#pods.noteTemplate(object)
  }
}

/** TaintNodesByCondition: every new node keeps pods away until it is known to be ready. */
function withNotReadyTaint(node: StoredObject): StoredObject {
  const taints = listOf(node.spec?.['taints'])
  const key = 'node.kubernetes.io/not-ready'
  if (taints.some((taint) => taint['key'] === key && taint['effect'] === 'NoSchedule')) return node
  return { ...node, spec: { ...node.spec, taints: [...taints, { key, effect: 'NoSchedule' }] } }
}

/** StorageObjectInUseProtection: what is in use outlives its deletion, until a controller sees that it no longer is. */
function protectedBy(object: StoredObject, finalizer: string): StoredObject {
  const { finalizers = [] } = object.metadata
  return finalizers.includes(finalizer) ? object : withMeta(object, { finalizers: [...finalizers, finalizer] })
}
