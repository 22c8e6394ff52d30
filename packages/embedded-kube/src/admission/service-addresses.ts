import type { Random } from '@plimsoll/ports'
import { internal, invalid, invalidValue } from '../errors.ts'
import { fieldsOf, listOf, mapSame, textOf, type StoredObject } from '../object.ts'
import type { Collection } from '../store/collection.ts'

const serviceType = { group: '', plural: 'services', kind: 'Service' }
const nodePortFirst = 30_000
const nodePortCount = 2_768

/** Gives services their cluster IPs and node ports (kubernetes/kubernetes:pkg/registry/core/service/storage/alloc.go). */
export class ServiceAddresses {
  readonly #services: Collection
  readonly #random: Random
  /** The first two bytes of the service network, a /16. */
  readonly #network: string

  constructor(services: Collection, random: Random, network: string) {
    this.#services = services
    this.#random = random
    this.#network = network
  }

  /** The service with what it lacks. @throws {KubeError} invalid when an address that it asks for is taken */
  allocate(service: StoredObject, old: StoredObject | undefined): StoredObject {
    const spec = fieldsOf(service.spec)
    if (spec['type'] === 'ExternalName') return service
    const taken = this.#taken(service)
    let clusterIP = (spec['clusterIP'] ?? old?.spec?.['clusterIP'] ?? '') as string
    if (clusterIP === '') clusterIP = this.#freeAddress(taken.addresses)
    else if (clusterIP !== 'None' && clusterIP !== old?.spec?.['clusterIP'] && taken.addresses.has(clusterIP)) {
      throw invalid(serviceType, service.metadata.name, [
        invalidValue(
          'spec.clusterIPs',
          [clusterIP],
          `failed to allocate IP ${clusterIP}: provided IP is already allocated`,
        ),
      ])
    }
    const next: StoredObject = { ...service, spec: { ...spec, clusterIP, clusterIPs: [clusterIP] } }
    const wantsPorts = spec['type'] === 'NodePort' || spec['type'] === 'LoadBalancer'
    return wantsPorts ? this.#withNodePorts(next, taken.ports) : next
  }

  #withNodePorts(service: StoredObject, taken: Set<number>): StoredObject {
    const ports = mapSame(listOf(service.spec?.['ports']), (port) => {
      const asked = Number(port['nodePort'] ?? 0)
      if (asked === 0) return { ...port, nodePort: this.#freePort(taken) }
      if (asked < nodePortFirst || asked >= nodePortFirst + nodePortCount) {
        throw invalid(serviceType, service.metadata.name, [
          invalidValue(
            'spec.ports[0].nodePort',
            asked,
            'provided port is not in the valid range. The range of valid ports is 30000-32767',
          ),
        ])
      }
      if (taken.has(asked)) {
        throw invalid(serviceType, service.metadata.name, [
          invalidValue('spec.ports[0].nodePort', asked, 'provided port is already allocated'),
        ])
      }
      return port
    })
    return { ...service, spec: { ...service.spec, ports } }
  }

  /** What other services hold. */
  #taken(except: StoredObject): { readonly addresses: Set<string>; readonly ports: Set<number> } {
    const addresses = new Set<string>()
    const ports = new Set<number>()
    for (const other of this.#services.list({
      namespace: undefined,
      matches: undefined,
      name: undefined,
      nodeName: undefined,
    })) {
      if (other.metadata.uid === except.metadata.uid) continue
      addresses.add(textOf(other.spec?.['clusterIP']))
      for (const port of listOf(other.spec?.['ports']))
        if (port['nodePort'] !== undefined) ports.add(Number(port['nodePort']))
    }
    return { addresses, ports }
  }

  #freeAddress(taken: ReadonlySet<string>): string {
    for (let attempt = 0; attempt < 10_000; attempt++) {
      const address = `${this.#network}.${this.#random.below(256)}.${1 + this.#random.below(254)}`
      // The first addresses belong to the API server and the cluster's DNS.
      if (!taken.has(address) && !address.startsWith(`${this.#network}.0.`)) return address
    }
    throw internal('failed to allocate a serviceIP: range is full')
  }

  #freePort(taken: Set<number>): number {
    for (let attempt = 0; attempt < 10_000; attempt++) {
      const port = nodePortFirst + this.#random.below(nodePortCount)
      if (taken.has(port)) continue
      taken.add(port)
      return port
    }
    throw internal('failed to allocate a nodePort: range is full')
  }
}
