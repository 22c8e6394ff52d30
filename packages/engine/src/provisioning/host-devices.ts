// Hosts of a provisioning pass as the search for devices sees them
// (kubernetes-sigs/karpenter:pkg/controllers/provisioning/scheduling/dra.go).
import {
  labelKeys,
  requirement,
  type InstanceType,
  type Node,
  type Requirements,
  type ResourceV1ResourceClaim,
} from '@plimsoll/model'
import { AttributeBindings } from '../dynamic-resources/attribute-bindings.ts'
import type { HostInstanceType } from '../dynamic-resources/device-host.ts'
import type { DeviceProvisioning, HostAllocation } from '../dynamic-resources/device-provisioning.ts'
import type { PodClass } from '../pod-class.ts'
import { hasBit } from './bits.ts'
import type { RequirementSets } from './requirement-sets.ts'

export type Allotted = Extract<HostAllocation, { readonly kind: 'allocated' }>

/** A node that is there. */
interface PresentNode {
  readonly entry: {
    readonly node: Node
    readonly initialized: boolean
    readonly pool?: string | undefined
    readonly registered?: boolean | undefined
  }
  readonly hostname: string
  readonly set: number
}

/** A claim for a node of one of the types whose rows it has. */
interface OpenClaim {
  readonly hostname: string
  readonly set: number
  readonly rows: Uint32Array
  readonly pool: { readonly universe: { readonly rows: readonly { readonly type: InstanceType }[] } }
}

type PodClaims = readonly ResourceV1ResourceClaim[] | { readonly problem: string }

export class HostDevices {
  readonly #devices: DeviceProvisioning
  readonly #sets: RequirementSets
  readonly #typesByPool: ReadonlyMap<string, readonly InstanceType[]>
  readonly #claims = new Map<PodClass, PodClaims>()
  readonly #types = new Map<InstanceType, HostInstanceType>()

  constructor(
    devices: DeviceProvisioning,
    sets: RequirementSets,
    pools: readonly { readonly name: string; readonly instanceTypes: readonly InstanceType[] }[],
  ) {
    this.#devices = devices
    this.#sets = sets
    this.#typesByPool = new Map(pools.map((pool) => [pool.name, pool.instanceTypes]))
  }

  /** Why the pod's claims cannot be looked for at all. */
  problemOf(podClass: PodClass): string | undefined {
    const claims = this.#claimsOf(podClass)
    return 'problem' in claims ? claims.problem : undefined
  }

  onNode(node: PresentNode, podClass: PodClass): HostAllocation {
    const { entry, hostname, set } = node
    const { metadata, spec } = entry.node
    const typeName = metadata.labels?.[labelKeys.instanceType] ?? ''
    const type = this.#typesByPool.get(entry.pool ?? '')?.find(({ name }) => name === typeName)
    // Devices of an initialized node are published; before, its type's templates tell.
    const own = type === undefined || entry.initialized ? bare(typeName) : this.#hostType(type)
    return this.#allocate(podClass, {
      id: spec.providerID ?? metadata.name,
      nodeName: entry.registered === false ? undefined : metadata.name,
      requirements: this.#withHostname(set, hostname),
      instanceTypes: [own],
    })
  }

  onClaim(claim: OpenClaim, podClass: PodClass): HostAllocation {
    const { hostname, set, rows, pool } = claim
    const types = new Set<InstanceType>()
    pool.universe.rows.forEach(({ type }, r) => {
      if (hasBit(rows, r)) types.add(type)
    })
    return this.#allocate(podClass, {
      id: hostname,
      requirements: this.#withHostname(set, hostname),
      instanceTypes: [...types].map((type) => this.#hostType(type)),
    })
  }

  /** Keeps the rows of types that can serve the pod's claims; false when none is left. */
  keep(allotted: Allotted, claim: OpenClaim, rows: Uint32Array): boolean {
    const names = new Set(allotted.instanceTypes)
    claim.pool.universe.rows.forEach(({ type }, r) => {
      if (!names.has(type.name)) rows[r >>> 5]! &= ~(1 << (r & 31))
    })
    return rows.some((word) => word !== 0)
  }

  /** Gives the devices away; types that the claim has lost since let go of theirs. */
  commit(allotted: Allotted, claim: OpenClaim | undefined): void {
    allotted.commit()
    if (claim === undefined) return
    const left = new Set<string>()
    claim.pool.universe.rows.forEach(({ type }, r) => {
      if (hasBit(claim.rows, r)) left.add(type.name)
    })
    const lost = allotted.instanceTypes.filter((name) => !left.has(name))
    if (lost.length > 0) this.#devices.releaseTypes(claim.hostname, lost)
  }

  /** See DeviceProvisioning.driversOf. */
  driversOf(claim: OpenClaim): readonly string[] {
    return this.#devices.driversOf(claim.hostname)
  }

  #allocate(podClass: PodClass, host: Parameters<DeviceProvisioning['allocate']>[0]): HostAllocation {
    const claims = this.#claimsOf(podClass)
    return 'problem' in claims ? { kind: 'refused', reason: claims.problem } : this.#devices.allocate(host, claims)
  }

  #claimsOf(podClass: PodClass): PodClaims {
    let found = this.#claims.get(podClass)
    if (found === undefined) this.#claims.set(podClass, (found = this.#devices.claimsOf(podClass.sample)))
    return found
  }

  #hostType(type: InstanceType): HostInstanceType {
    let found = this.#types.get(type)
    if (found === undefined) {
      const { resourceSliceTemplates = [], attributeBindings = [] } = type.dynamicResources ?? {}
      found = { name: type.name, templates: resourceSliceTemplates, bindings: new AttributeBindings(attributeBindings) }
      this.#types.set(type, found)
    }
    return found
  }

  #withHostname(set: number, hostname: string): Requirements {
    return this.#sets.get(set).and([requirement(labelKeys.hostname, 'In', [hostname])])
  }
}

function bare(name: string): HostInstanceType {
  return { name, templates: [], bindings: AttributeBindings.none }
}
