import { ms, type Ms } from '@plimsoll/model'
import { humanDuration } from './human-duration.ts'
import type { NodeRow } from './cluster-view.ts'

export const ageLabel = 'eks-node-viewer/node-age'
const usageLabel = /^eks-node-viewer\/node-(.+)-usage$/

/** The resource whose usage a label computes; undefined for other labels. */
export function resourceOfLabel(label: string): string | undefined {
  return usageLabel.exec(label)?.[1]
}

/** The node's label, else what the label computes, else undefined. */
export function labelText(row: NodeRow, label: string, resources: readonly string[], now: Ms): string | undefined {
  const own = row.facts.labels[label]
  if (own !== undefined) return own
  if (label === ageLabel) return humanDuration(ms(now - row.facts.createdAt))
  const resource = resourceOfLabel(label)
  if (resource === undefined) return undefined
  const index = resources.indexOf(resource)
  const allocatable = row.facts.allocatable[index]
  if (allocatable === undefined || allocatable === 0) return 'N/A'
  return `${((row.usage.requested[index]! / allocatable) * 100).toFixed(0)}%`
}
