// What a cloud can launch: instance types, and where and how each may be had. Plain data; whoever computes with it
// compiles it first.
//
// Mirrors kubernetes-sigs/karpenter:pkg/cloudprovider/types.go (InstanceType, Offering, InstanceTypeOverhead).
import type { CounterSet, Device } from '../kubernetes/index.ts'
import type { UsdPerHour } from '../units.ts'
import type { Requirements } from './requirements.ts'

/** Amounts by resource name, as Kubernetes writes quantities. */
export interface ResourceList {
  readonly [resource: string]: string | number
}

/** What of an instance pods never get. */
export interface InstanceTypeOverhead {
  readonly kubeReserved?: ResourceList | undefined
  readonly systemReserved?: ResourceList | undefined
  readonly evictionThreshold?: ResourceList | undefined
}

/** One way to have an instance type: a zone, a capacity type, perhaps a reservation. */
export interface Offering {
  /** Names at least the zone and the capacity type, one value each. */
  readonly requirements: Requirements
  readonly price: UsdPerHour
  /** False while the cloud has none to give. */
  readonly available: boolean
  /** Of reserved capacity: how many instances are left in the reservation. */
  readonly reservationCapacity?: number | undefined
  /** Replaces the type's capacity, resource by resource. */
  readonly capacityOverride?: ResourceList | undefined
  /** Replaces the type's overhead, resource by resource. */
  readonly overheadOverride?: InstanceTypeOverhead | undefined
  /** Whether a NodeOverlay changed the price. */
  readonly priceOverlayApplied?: boolean | undefined
}

/** A ResourceSlice that a driver is expected to publish once the node runs: it has devices or counters. */
export interface ResourceSliceTemplate {
  readonly driver: string
  readonly pool: string
  /** Without node selection: they are the node's own. */
  readonly devices?: readonly Device[] | undefined
  readonly sharedCounters?: readonly CounterSet[] | undefined
}

/** Devices that will have one value of an attribute, which is known only once they are there. */
export interface AttributeBinding {
  /** Full name. */
  readonly attribute: string
  /** Two at least; fewer mean nothing. */
  readonly devices: readonly { readonly driver: string; readonly pool: string; readonly device: string }[]
}

/** Devices of an instance type (kubernetes-sigs/karpenter:pkg/cloudprovider/dynamicresources.go). */
export interface DynamicResources {
  readonly resourceSliceTemplates?: readonly ResourceSliceTemplate[] | undefined
  readonly attributeBindings?: readonly AttributeBinding[] | undefined
}

export interface InstanceType {
  readonly name: string
  /** What nodes of this type may be labelled with; names every well-known label of the cloud, if only as DoesNotExist. */
  readonly requirements: Requirements
  readonly offerings: readonly Offering[]
  readonly capacity: ResourceList
  readonly overhead?: InstanceTypeOverhead | undefined
  /** Whether a NodeOverlay changed the capacity. */
  readonly capacityOverlayApplied?: boolean | undefined
  readonly dynamicResources?: DynamicResources | undefined
}
