// What the server itself adds to objects, and what it refuses for the cluster's sake, between defaulting and validation.
import type { Random } from '@plimsoll/ports'
import type { FieldError } from '../errors.ts'
import { listOf, type StoredObject } from '../object.ts'
import type { ResourceInfo } from '../resource-info.ts'
import type { Store } from '../store/store.ts'
import { PodAdmission } from './pod-admission.ts'
import { ServiceAddresses } from './service-addresses.ts'

export interface AdmissionOptions {
  /** Whether pods get the projected volume with their service account's token. */
  readonly tokenVolumes: boolean
  /** First two bytes of the /16 that cluster IPs come from. */
  readonly serviceNetwork: string
}

export class Admission {
  readonly #pods: PodAdmission
  readonly #addresses: ServiceAddresses

  constructor(store: Store, random: Random, options: AdmissionOptions) {
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
    if (info.group !== '') return object
    if (info.plural === 'services') return this.#addresses.allocate(object, old)
    if (info.plural === 'nodes' && old === undefined) return withNotReadyTaint(object)
    return object
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
