import { own, usdPerHour, type UsdPerHour } from '@plimsoll/model'
import type { InstanceType } from './instance-type.ts'

/**
 * What an hour costs in a region compared with us-east-1. These are estimates: the catalogue holds published prices of
 * us-east-1 only, and every factor is the ratio that general purpose types (m5, t3) had between the two regions. Real
 * ratios vary by family by some percent.
 */
const factorOfRegion: { readonly [region: string]: number } = {
  'us-east-1': 1,
  'us-east-2': 1,
  'us-west-1': 1.17,
  'us-west-2': 1,
  'ca-central-1': 1.11,
  'sa-east-1': 1.59,
  'eu-central-1': 1.2,
  'eu-north-1': 1.06,
  'eu-west-1': 1.11,
  'eu-west-2': 1.16,
  'eu-west-3': 1.17,
  'ap-northeast-1': 1.29,
  'ap-northeast-2': 1.23,
  'ap-northeast-3': 1.29,
  'ap-south-1': 1.05,
  'ap-southeast-1': 1.25,
  'ap-southeast-2': 1.25,
}

const factorElsewhere = 1.25

export interface Price {
  readonly usdPerHour: UsdPerHour
  /** True everywhere but in us-east-1: derived by a factor, not published. */
  readonly estimated: boolean
}

/** On-demand Linux price; undefined when the type has no published price. */
export function onDemandPrice(type: InstanceType, region: string): Price | undefined {
  if (type.usdPerHour === 0) return undefined
  if (region === 'us-east-1') return { usdPerHour: usdPerHour(type.usdPerHour), estimated: false }
  const factor = own(factorOfRegion, region) ?? factorElsewhere
  return { usdPerHour: usdPerHour(Math.round(type.usdPerHour * factor * 1e6) / 1e6), estimated: true }
}

/** Spot costs about a third of the list price; always an estimate. */
export function spotPrice(type: InstanceType, region: string): Price | undefined {
  const list = onDemandPrice(type, region)
  if (list === undefined) return undefined
  return { usdPerHour: usdPerHour(Math.round(list.usdPerHour * 0.35 * 1e6) / 1e6), estimated: true }
}
