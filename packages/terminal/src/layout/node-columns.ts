// The columns of a node: what each says, and how they share a line. Texts and order are eks-node-viewer's.
import { ms, type Ms } from '@plimsoll/model'
import { share, type NodeRow } from '../cluster/cluster-view.ts'
import { labelText } from '../cluster/computed-labels.ts'
import { humanDuration } from '../cluster/human-duration.ts'
import type { NodeFacts } from '../cluster/node-facts.ts'
import { bar, type Style } from './bar.ts'
import { cellsOf, cutToCells, printable } from './cells.ts'
import { cutLine, padLine, type Line, type Span } from './line.ts'

export interface ColumnOptions {
  readonly resources: readonly { readonly name: string; readonly index: number }[]
  /** All that are summed, for computed labels. */
  readonly summed: readonly string[]
  readonly extraLabels: readonly string[]
  readonly style: Style
  /** The line's width; Infinity where nothing needs to be cut. */
  readonly width: number
  readonly now: Ms
}

export function instanceText({ facts, usage, price }: NodeRow): string {
  const { fargate } = usage
  const type =
    facts.purchase === 'fargate'
      ? fargate === undefined
        ? 'Fargate'
        : `${fargate.vcpu}vCPU-${fargate.gigabytes}GB`
      : (facts.instanceType ?? '')
  return price === undefined ? type : `${type}/$${price.usdPerHour.toFixed(4)}`
}

const purchaseTexts = { onDemand: 'On-Demand', spot: 'Spot', reserved: 'Reserved', fargate: 'Fargate' } as const

export function purchaseText({ purchase, autoMode }: Pick<NodeFacts, 'purchase' | 'autoMode'>): string {
  return `${purchase === undefined ? '-' : purchaseTexts[purchase]}${autoMode ? '/Auto' : ''}`
}

export function statusText({ cordoned, deleting }: Pick<NodeFacts, 'cordoned' | 'deleting'>): string {
  if (cordoned) return deleting ? 'Cordoned/Deleting' : 'Cordoned'
  return deleting ? 'Deleting' : '-'
}

export function readinessText({ notReadySince }: Pick<NodeFacts, 'notReadySince'>, now: Ms): string {
  return notReadySince === undefined ? 'Ready' : `NotReady/${humanDuration(ms(now - notReadySince))}`
}

export function podsText({ facts, usage }: NodeRow, form: 'long' | 'short'): string {
  const counts = facts.podsMax === undefined ? String(usage.pods) : `${usage.pods}/${facts.podsMax}`
  return form === 'short' ? `(${counts})` : `(${counts} pods)`
}

/** Whether the line changes while nothing happens. */
export function showsAge({ facts }: NodeRow, extraLabels: readonly string[]): boolean {
  return facts.notReadySince !== undefined || extraLabels.includes('eks-node-viewer/node-age')
}

const percentCells = 5
/** With its percentage, as upstream has it. */
const barMax = 40

/** What a page of nodes has room for. */
interface Fit {
  /** Of a bar, with its percentage. */
  readonly barCells: number
  readonly nameCellsMax: number
  /** Without the domain, which is usually the same for all. */
  readonly shortNames: boolean
  readonly pods: 'long' | 'short'
  readonly price: boolean
}

const roomy: Fit = { barCells: barMax, nameCellsMax: Infinity, shortNames: false, pods: 'long', price: true }

/** What is given up, one after the other, until a line fits; afterwards columns are cut at the right. */
const squeezes: readonly Partial<Fit>[] = [
  { barCells: 25 },
  { shortNames: true },
  { barCells: 17 },
  { pods: 'short' },
  { barCells: 11 },
  { price: false },
  { nameCellsMax: 17 },
]

/** One block of lines per node, all of one table. */
export function nodeBlocks(rows: readonly NodeRow[], o: ColumnOptions): Line[][] {
  const resourceCells = Math.max(...o.resources.map(({ name }) => cellsOf(name)))
  const tableOf = (fit: Fit): Table => {
    const names = nodeNames(rows, fit)
    const lines = rows.map((row, position) => ({
      name: names[position]!,
      after: [
        podsText(row, fit.pods),
        instanceText(fit.price ? row : { ...row, price: undefined }),
        purchaseText(row.facts),
        statusText(row.facts),
        readinessText(row.facts, o.now),
        ...o.extraLabels.map((label) => labelText(row, label, o.summed, o.now) ?? '-'),
      ].map(printable),
    }))
    const widest = (of: (line: (typeof lines)[number]) => string): number =>
      Math.max(0, ...lines.map((line) => cellsOf(of(line))))
    const after = (lines[0]?.after ?? []).map((_, column) => widest((line) => line.after[column]!))
    const name = widest((line) => line.name)
    let cells = name + 1 + resourceCells + 1 + fit.barCells
    // A column that no row fills is left out.
    for (const each of after) if (each > 0) cells += 1 + each
    return { lines, cells, nameCells: name, afterCells: after }
  }

  let fit = roomy
  let table = tableOf(fit)
  for (const squeeze of squeezes) {
    if (table.cells <= o.width) break
    fit = { ...fit, ...squeeze }
    table = tableOf(fit)
  }
  // What the last squeeze took too much goes to the bars.
  const barCells = Math.min(barMax, fit.barCells + Math.max(0, o.width - table.cells))

  return rows.map((row, position) => {
    const { name, after } = table.lines[position]!
    return o.resources.map((resource, line) => {
      const used = share(row.usage.requested[resource.index]!, row.facts.allocatable[resource.index])
      const spans: Span[] = [
        ...padLine([{ text: line === 0 ? name : '' }], table.nameCells + 1),
        ...padLine([{ text: resource.name }], resourceCells + 1),
        ...bar(used, barCells - percentCells, o.style),
        { text: ` ${(used * 100).toFixed(0).padStart(3)}%` },
      ]
      if (line === 0)
        for (const [column, cells] of table.afterCells.entries())
          if (cells > 0) spans.push({ text: ' ' }, ...padLine([{ text: after[column]! }], cells))
      return cutLine(trimmed(spans), o.width)
    })
  })
}

interface Table {
  readonly lines: readonly { readonly name: string; readonly after: readonly string[] }[]
  /** Of the widest line. */
  readonly cells: number
  readonly nameCells: number
  readonly afterCells: readonly number[]
}

function nodeNames(rows: readonly NodeRow[], fit: Fit): string[] {
  const full = rows.map((row) => printable(row.facts.name))
  const short = full.map((name) => /^[^.]+/.exec(name)?.[0] ?? name)
  const names = fit.shortNames && new Set(short).size === new Set(full).size ? short : full
  return names.map((name) => cutToCells(name, fit.nameCellsMax))
}

/** Without the padding at its end, which needs no room. */
function trimmed(line: Line): Line {
  const last = line.at(-1)
  if (last === undefined || last.text.trimEnd() !== '') return line
  return trimmed(line.slice(0, -1))
}
