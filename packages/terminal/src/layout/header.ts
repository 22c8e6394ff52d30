// The lines about the whole cluster.
import { amountText } from '../cluster/amount.ts'
import { share, type Totals } from '../cluster/cluster-view.ts'
import { hoursPerMonth } from '../cluster/node-prices.ts'
import { bar, levelColour, type Style } from './bar.ts'
import { cellsOf } from './cells.ts'
import { cutLine, lineCells, plainLine, type Line } from './line.ts'

const barMax = 40
const barMin = 6
const percentCells = 6

const whole = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 })
const money = new Intl.NumberFormat('en-US', { minimumFractionDigits: 3, maximumFractionDigits: 3 })

export interface HeaderOptions {
  /** Shown, in this order, with their position among those that are summed. */
  readonly resources: readonly { readonly name: string; readonly index: number }[]
  readonly style: Style
  readonly prices: boolean
  readonly width: number
  /** What else there is to know, each a few words. */
  readonly notes: readonly string[]
}

export function priceText(usdPerHour: number): string {
  return `$${money.format(usdPerHour)}/hour | $${money.format(usdPerHour * hoursPerMonth)}/month`
}

export function counted(count: number, noun: string): string {
  return `${whole.format(count)} ${noun}${count === 1 ? '' : 's'}`
}

export function headerLines(totals: Totals, o: HeaderOptions): Line[] {
  const { pods, pending, running, bound } = totals.pods
  const counts = `${counted(pods, 'pod')} (${whole.format(pending)} pending ${whole.format(running)} running ${whole.format(bound)} bound)`
  const notes = o.notes.join(' • ')
  const together = notes === '' ? [counts] : [`${counts} • ${notes}`]
  const last = cellsOf(together[0]!) > o.width ? [counts, notes] : together
  const padded = resourceLines(totals, o, { usedCells: 10 })
  const lines = padded.every((line) => lineCells(line) <= o.width) ? padded : resourceLines(totals, o, { usedCells: 0 })
  return [...lines, ...last.map((text) => plainLine(text))].map((line) => cutLine(line, o.width))
}

/** @param usedCells how wide the first amount is made, so that it stays where it is while it grows */
function resourceLines(totals: Totals, o: HeaderOptions, { usedCells }: { readonly usedCells: number }): Line[] {
  const lines = o.resources.map(({ name, index }, position) => {
    const used = amountText(name, totals.requested[index]!)
    const all = amountText(name, totals.allocatable[index]!)
    return {
      name,
      first: position === 0 ? counted(totals.nodes, 'node') : '',
      amounts: position === 0 ? `(${used.padStart(usedCells)}/${all})` : `${used}/${all}`,
      percent: 100 * share(totals.requested[index]!, totals.allocatable[index]),
      price: position === 0 && o.prices ? ` ${priceText(totals.usdPerHour)}` : '',
    }
  })
  const widest = (column: 'first' | 'amounts' | 'name' | 'price'): number =>
    Math.max(...lines.map((line) => cellsOf(line[column])))
  const [first, amounts, name, price] = [widest('first'), widest('amounts'), widest('name'), widest('price')]
  const beside = first + 1 + amounts + 1 + percentCells + 1 + name + 1 + price
  const cells = Math.min(barMax, Math.max(barMin, o.width - beside))
  return lines.map((line) => [
    { text: `${line.first.padEnd(first)} ${line.amounts.padStart(amounts)} ` },
    { text: `${line.percent.toFixed(1)}%`.padStart(percentCells), colour: levelColour(line.percent, o.style) },
    { text: ` ${line.name.padEnd(name)} ` },
    ...bar(line.percent / 100, cells, o.style),
    { text: line.price },
  ])
}

/** What is odd about the prices; nothing where all are known and published. */
export function priceNotes(totals: Totals): string[] {
  return [
    ...(totals.priceEstimated ? ['estimated prices'] : []),
    ...(totals.nodesWithoutPrice > 0 ? [`${counted(totals.nodesWithoutPrice, 'node')} without price`] : []),
  ]
}
