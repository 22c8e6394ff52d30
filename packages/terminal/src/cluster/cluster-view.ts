// One look at the model: rows with their prices, and what they come to together. Pure, and linear in the nodes.
import { usdPerHour, type UsdPerHour } from '@plimsoll/model'
import type { ClusterModel, NodeRecord } from './cluster-model.ts'
import { priceOfNode, type NodePrice, type NodePrices } from './node-prices.ts'

export interface NodeRow extends NodeRecord {
  /** undefined when not known, or when prices are not shown. */
  readonly price: NodePrice | undefined
}

export interface PodTotals {
  readonly pods: number
  readonly pending: number
  readonly running: number
  readonly bound: number
}

export interface Totals {
  readonly nodes: number
  readonly pods: PodTotals
  /** By the position of the resource. */
  readonly requested: readonly number[]
  readonly allocatable: readonly number[]
  readonly usdPerHour: UsdPerHour
  readonly priceEstimated: boolean
  readonly nodesWithoutPrice: number
}

/** @param prices undefined: they are not shown */
export function nodeRows(model: ClusterModel, prices: NodePrices | undefined): NodeRow[] {
  return model.records().map((record) => ({
    ...record,
    price: prices === undefined ? undefined : priceOfNode(record, prices),
  }))
}

/** @param pods of the whole cluster; left out, the pods on the rows are counted */
export function totalsOf(rows: readonly NodeRow[], resources: number, pods?: PodTotals): Totals {
  const requested = Array.from({ length: resources }, () => 0)
  const allocatable = Array.from({ length: resources }, () => 0)
  let [count, pending, running, price, nodesWithoutPrice] = [0, 0, 0, 0, 0]
  let priceEstimated = false
  for (const { facts, usage, price: own } of rows) {
    for (let i = 0; i < resources; i++) {
      requested[i]! += usage.requested[i]!
      allocatable[i]! += facts.allocatable[i] ?? 0
    }
    count += usage.pods
    pending += usage.pending
    running += usage.running
    if (own === undefined) nodesWithoutPrice++
    else {
      price += own.usdPerHour
      priceEstimated ||= own.estimated
    }
  }
  return {
    nodes: rows.length,
    pods: pods ?? { pods: count, pending, running, bound: count },
    requested,
    allocatable,
    usdPerHour: usdPerHour(price),
    priceEstimated,
    nodesWithoutPrice,
  }
}

/** 0 where there is nothing to give; between 0 and 1. */
export function share(requested: number, allocatable: number | undefined): number {
  if (allocatable === undefined || allocatable <= 0) return 0
  return Math.min(1, Math.max(0, requested / allocatable))
}
