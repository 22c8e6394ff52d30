// What is printed once, for people and for scripts.
import { timestamp, type Ms } from '@plimsoll/model'
import { unitOf, type AmountUnit } from '../cluster/amount.ts'
import { totalsOf, type NodeRow, type PodTotals, type Totals } from '../cluster/cluster-view.ts'
import { labelText } from '../cluster/computed-labels.ts'
import { instanceIdOf } from '../cluster/node-facts.ts'
import { hoursPerMonth } from '../cluster/node-prices.ts'
import { sortRows } from '../cluster/node-sort.ts'
import type { ColourDepth } from '../layout/colour.ts'
import { headerLines, priceNotes } from '../layout/header.ts'
import { lineText, plainLine } from '../layout/line.ts'
import { instanceText, nodeBlocks } from '../layout/node-columns.ts'
import type { ViewSettings } from '../view-settings.ts'

export const outputForms = ['table', 'json', 'csv'] as const
export type OutputForm = (typeof outputForms)[number]

export interface ReportInput {
  readonly rows: readonly NodeRow[]
  /** Pods of the whole cluster; undefined: only those on the rows count. */
  readonly pods: PodTotals | undefined
  readonly now: Ms
  readonly settings: ViewSettings
}

/** The screen as text. @param width Infinity: nothing is cut */
export function tableReport(input: ReportInput, o: { readonly width: number; readonly colours: ColourDepth }): string {
  const { settings, now } = input
  const { rows, totals } = prepared(input)
  const resources = settings.resources.map((name) => ({ name, index: settings.summed.indexOf(name) }))
  const common = { resources, style: settings.style, width: o.width }
  const lines = [
    ...headerLines(totals, { ...common, prices: settings.prices, notes: settings.prices ? priceNotes(totals) : [] }),
    plainLine(''),
    ...(rows.length === 0
      ? [plainLine('no nodes found')]
      : nodeBlocks(rows, { ...common, summed: settings.summed, extraLabels: settings.extraLabels, now }).flat()),
  ]
  return lines.map((line) => `${lineText(line, o.colours)}\n`).join('')
}

export function jsonReport(input: ReportInput): string {
  const { settings, now } = input
  const { rows, totals } = prepared(input)
  const amounts = (requested: readonly number[], allocatable: readonly (number | undefined)[]): object =>
    Object.fromEntries(
      settings.resources.map((name) => {
        const index = settings.summed.indexOf(name)
        const suffix = jsonSuffix[unitOf(name)]
        return [
          name,
          {
            [`requested${suffix}`]: requested[index]!,
            [`allocatable${suffix}`]: allocatable[index] ?? 0,
            requestedPercent: percent(requested[index]!, allocatable[index]),
          },
        ]
      }),
    )
  const nodes = rows.map((row) => {
    const { facts, usage, price } = row
    const label = (key: string): string | null => facts.labels[key] ?? null
    return {
      name: facts.name,
      registered: facts.nodeName !== undefined,
      providerId: facts.providerId ?? null,
      instanceId: facts.providerId === undefined ? null : instanceIdOf(facts.providerId),
      instanceType:
        facts.purchase === 'fargate' ? instanceText({ ...row, price: undefined }) : (facts.instanceType ?? null),
      capacityType: facts.purchase ?? null,
      autoMode: facts.autoMode,
      region: label('topology.kubernetes.io/region'),
      zone: label('topology.kubernetes.io/zone'),
      nodeGroup: label('eks.amazonaws.com/nodegroup'),
      nodePool: label('karpenter.sh/nodepool'),
      createdAt: timestamp(facts.createdAt),
      cordoned: facts.cordoned,
      deleting: facts.deleting,
      ready: facts.notReadySince === undefined,
      notReadySeconds: facts.notReadySince === undefined ? null : Math.floor((now - facts.notReadySince) / 1000),
      pods: usage.pods,
      podsMax: facts.podsMax ?? null,
      resources: amounts(usage.requested, facts.allocatable),
      priceUsdPerHour: price?.usdPerHour ?? null,
      priceEstimated: price?.estimated ?? null,
      extraLabels: Object.fromEntries(
        settings.extraLabels.map((key) => [key, labelText(row, key, settings.summed, now) ?? null]),
      ),
    }
  })
  const report = {
    takenAt: timestamp(now),
    totals: {
      nodes: totals.nodes,
      pods: totals.pods.pods,
      podsPending: totals.pods.pending,
      podsRunning: totals.pods.running,
      podsBound: totals.pods.bound,
      resources: amounts(totals.requested, totals.allocatable),
      priceUsdPerHour: settings.prices ? rounded(totals.usdPerHour) : null,
      priceUsdPerMonth: settings.prices ? rounded(totals.usdPerHour * hoursPerMonth) : null,
      priceEstimated: settings.prices ? totals.priceEstimated : null,
      nodesWithoutPrice: settings.prices ? totals.nodesWithoutPrice : null,
    },
    nodes,
  }
  return `${JSON.stringify(report, null, 2)}\n`
}

/** One line per node, and one with the names before them. */
export function csvReport(input: ReportInput): string {
  const { settings, now } = input
  const { rows } = prepared(input)
  const columns: readonly (readonly [name: string, value: (row: NodeRow) => string | number | boolean | undefined])[] =
    [
      ['name', ({ facts }) => facts.name],
      ['provider_id', ({ facts }) => facts.providerId],
      ['instance_type', (row) => instanceText({ ...row, price: undefined })],
      ['capacity_type', ({ facts }) => facts.purchase],
      ['zone', ({ facts }) => facts.labels['topology.kubernetes.io/zone']],
      ['created_at', ({ facts }) => timestamp(facts.createdAt)],
      ['cordoned', ({ facts }) => facts.cordoned],
      ['deleting', ({ facts }) => facts.deleting],
      ['ready', ({ facts }) => facts.notReadySince === undefined],
      ['pods', ({ usage }) => usage.pods],
      ['pods_max', ({ facts }) => facts.podsMax],
      ...settings.resources.flatMap((name): (readonly [string, (row: NodeRow) => number])[] => {
        const index = settings.summed.indexOf(name)
        const suffix = unitOf(name)
        return [
          [`${name}_requested_${suffix}`, ({ usage }) => usage.requested[index]!],
          [`${name}_allocatable_${suffix}`, ({ facts }) => facts.allocatable[index] ?? 0],
        ]
      }),
      ['price_usd_per_hour', ({ price }) => price?.usdPerHour],
      ['price_estimated', ({ price }) => price?.estimated],
      ...settings.extraLabels.map((key) => [key, (row: NodeRow) => labelText(row, key, settings.summed, now)] as const),
    ]
  const lines = [columns.map(([name]) => name), ...rows.map((row) => columns.map(([, value]) => value(row) ?? ''))]
  return lines.map((fields) => `${fields.map((field) => csvField(String(field))).join(',')}\n`).join('')
}

const jsonSuffix: Record<AmountUnit, string> = { millicores: 'Millicores', bytes: 'Bytes', count: 'Count' }

function prepared({ rows, pods, now, settings }: ReportInput): {
  readonly rows: readonly NodeRow[]
  readonly totals: Totals
} {
  return {
    rows: sortRows(rows, settings.nodeSort, { resources: settings.summed, now }),
    totals: totalsOf(rows, settings.summed.length, pods),
  }
}

/** With one decimal; not clamped, for a script may want to know of more than all. */
function percent(requested: number, allocatable: number | undefined): number {
  return allocatable === undefined || allocatable === 0 ? 0 : Math.round((1000 * requested) / allocatable) / 10
}

/** Sums of prices, without the dust of binary fractions. */
function rounded(usd: number): number {
  return Math.round(usd * 1e6) / 1e6
}

function csvField(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
