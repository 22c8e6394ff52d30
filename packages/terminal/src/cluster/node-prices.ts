import { usdPerHour, type UsdPerHour } from '@plimsoll/model'
import type { NodeRecord } from './cluster-model.ts'

/** What is bought, for whoever knows the price lists. */
export type PricedMachine =
  | {
      readonly kind: 'instance'
      readonly instanceType: string
      readonly purchase: 'onDemand' | 'spot'
      readonly region: string | undefined
      readonly zone: string | undefined
      readonly autoMode: boolean
    }
  | { readonly kind: 'fargate'; readonly vcpu: number; readonly gigabytes: number; readonly region: string | undefined }

export interface NodePrice {
  readonly usdPerHour: UsdPerHour
  /** Derived from another price, not published. */
  readonly estimated: boolean
}

/** Price lists. */
export interface NodePrices {
  /** undefined when it is not known. Asked at every redraw: answers at once. */
  pricePerHour(machine: PricedMachine): NodePrice | undefined
}

export const hoursPerMonth: number = (365 * 24) / 12

/**
 * The label `eks-node-viewer/instance-price` comes first; else what the machine is says it. A machine of which nothing
 * tells whether it is on demand or spot has no price.
 */
export function priceOfNode({ facts, usage }: NodeRecord, prices: NodePrices): NodePrice | undefined {
  const { labels, instanceType, purchase, autoMode, providerId } = facts
  const label = labels['eks-node-viewer/instance-price']
  if (label !== undefined && label.trim() !== '' && Number.isFinite(Number(label)))
    return { usdPerHour: usdPerHour(Number(label)), estimated: false }
  const zone = labels['topology.kubernetes.io/zone'] ?? zoneOfProviderId(providerId)
  const region = labels['topology.kubernetes.io/region'] ?? zone?.replace(/[a-z]$/, '')
  switch (purchase) {
    case 'fargate':
      return usage.fargate === undefined
        ? undefined
        : prices.pricePerHour({ kind: 'fargate', ...usage.fargate, region })
    case 'onDemand':
    case 'spot':
    // A capacity reservation costs what on demand costs.
    case 'reserved':
      if (instanceType === undefined) return undefined
      return prices.pricePerHour({
        kind: 'instance',
        instanceType,
        purchase: purchase === 'spot' ? 'spot' : 'onDemand',
        region,
        zone,
        autoMode,
      })
    case undefined:
      return undefined
  }
}

function zoneOfProviderId(providerId: string | undefined): string | undefined {
  return /^aws:\/\/\/([a-z0-9-]+[a-z])\//.exec(providerId ?? '')?.[1]
}
