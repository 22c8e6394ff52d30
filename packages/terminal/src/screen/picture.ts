// One picture of the screen: from what is known of the cluster and what the keys chose to lines. Pure.
import type { Ms } from '@plimsoll/model'
import { filterRows } from '../cluster/node-filter.ts'
import { share, totalsOf, type NodeRow, type PodTotals } from '../cluster/cluster-view.ts'
import { groupRows, type NodeGroup } from '../cluster/node-groups.ts'
import { sortRows, sortText } from '../cluster/node-sort.ts'
import { printable } from '../layout/cells.ts'
import { counted, headerLines, priceNotes, priceText, type HeaderOptions } from '../layout/header.ts'
import { cutLine, grey, plainLine, type Line, type Span } from '../layout/line.ts'
import { levelColour, type Style } from '../layout/bar.ts'
import { nodeBlocks, showsAge } from '../layout/node-columns.ts'
import { paginate } from '../layout/pages.ts'
import type { Rgb } from '../layout/colour.ts'
import type { ViewState } from './view-state.ts'

/** What is known of the cluster at one moment. */
export interface Snapshot {
  readonly rows: readonly NodeRow[]
  /** Pods of the whole cluster; undefined: only those on the rows count. */
  readonly pods: PodTotals | undefined
  readonly now: Ms
  /** Something is wrong that the user should know while looking at this, in one line. */
  readonly trouble: string | undefined
  /** A few words each. */
  readonly notes: readonly string[]
}

export interface PictureOptions {
  /** Shown. */
  readonly resources: readonly string[]
  /** All that are summed, for orders and computed labels. */
  readonly summed: readonly string[]
  readonly extraLabels: readonly string[]
  readonly style: Style
  readonly prices: boolean
  /** Whether the terminal shows colours: without them, dots of pages differ in shape. */
  readonly coloured: boolean
}

export interface Picture {
  readonly lines: readonly Line[]
  readonly pages: number
  /** Changes as time goes by, with nothing else happening. */
  readonly showsAge: boolean
}

const activeDot: Rgb = [0x97, 0x97, 0x97]
const otherDot: Rgb = [0x3c, 0x3c, 0x3c]
const warning: Rgb = [0xff, 0xaf, 0x00]

/** Never wider than `width`, and no higher than `height`, however small the terminal is. */
export function picture(
  snapshot: Snapshot,
  state: ViewState,
  o: PictureOptions & { readonly width: number; readonly height: number },
): Picture {
  const { now } = snapshot
  const rows = filterRows(snapshot.rows, state.filter)
  const filtered = state.filter.trim() !== ''
  const totals = totalsOf(rows, o.summed.length, filtered ? undefined : snapshot.pods)
  const resources = o.resources.map((name) => ({ name, index: o.summed.indexOf(name) }))
  const top = [
    ...headerLines(totals, {
      resources,
      style: o.style,
      prices: o.prices,
      width: o.width,
      notes: [
        ...(o.prices ? priceNotes(totals) : []),
        ...(filtered ? [`${rows.length} of ${counted(snapshot.rows.length, 'node')} match`] : []),
        ...snapshot.notes,
      ],
    }),
    ...(snapshot.trouble === undefined ? [] : [cutLine(plainLine(snapshot.trouble, warning), o.width)]),
    plainLine(''),
  ]
  const help = cutLine(helpLine(state, o.width), o.width)
  const finish = (body: readonly Line[], pages: number, page: number, ages: boolean): Picture => {
    const lines = [...top, ...body.slice(0, Math.max(0, o.height - top.length - 2)), dots(pages, page, o), help]
    return { lines: lines.slice(0, o.height), pages, showsAge: ages || snapshot.trouble !== undefined }
  }
  if (state.keysShown) return finish(keyLines(o.width), 1, 0, false)
  if (rows.length === 0) {
    const text = filtered ? `No node matches ${state.filter.trim()}` : 'Waiting for update or no nodes found...'
    return finish([cutLine(plainLine(printable(text)), o.width)], 1, 0, false)
  }

  const sorted = sortRows(rows, state.sorts[0]!, { resources: o.summed, now })
  const items = itemsOf(sorted, state, resources.length)
  const pages = paginate(items, Math.max(1, o.height - top.length - 2))
  const page = Math.min(state.page, pages.length - 1)
  const shown = pages[page]!
  const blocks = nodeBlocks(
    shown.map((item) => item.row),
    { resources, summed: o.summed, extraLabels: o.extraLabels, style: o.style, width: o.width, now },
  )
  const body = shown.flatMap((item, position) => {
    const continued = position === 0 && item.heading === undefined
    const heading = continued ? item.group : item.heading
    return [
      ...(heading === undefined ? [] : [groupLine(heading, { ...o, resources, continued })]),
      ...blocks[position]!,
    ]
  })
  return finish(
    body,
    pages.length,
    page,
    shown.some((item) => showsAge(item.row, o.extraLabels)),
  )
}

interface Item {
  readonly row: NodeRow
  /** The group that begins here. */
  readonly heading: NodeGroup | undefined
  /** Whose row it is. */
  readonly group: NodeGroup | undefined
  readonly height: number
  readonly heightOnTop: number
}

function itemsOf(rows: readonly NodeRow[], { grouping }: ViewState, linesPerNode: number): Item[] {
  if (grouping === 'none')
    return rows.map((row) => ({
      row,
      heading: undefined,
      group: undefined,
      height: linesPerNode,
      heightOnTop: linesPerNode,
    }))
  return groupRows(rows, grouping).flatMap((group) =>
    group.rows.map((row, position) => ({
      row,
      heading: position === 0 ? group : undefined,
      group,
      height: linesPerNode + (position === 0 ? 1 : 0),
      heightOnTop: linesPerNode + 1,
    })),
  )
}

/** `general  12 nodes  42.1% cpu  37.0% memory  48 pods  $1.203/hour | $878.190/month` */
function groupLine(
  group: NodeGroup,
  o: Pick<HeaderOptions, 'resources' | 'style' | 'prices' | 'width'> &
    Pick<PictureOptions, 'summed'> & { readonly continued: boolean },
): Line {
  const totals = totalsOf(group.rows, o.summed.length)
  const spans: Span[] = [
    {
      text: `── ${printable(group.name ?? 'none')}${o.continued ? ', continued' : ''}  ${counted(totals.nodes, 'node')}`,
    },
  ]
  for (const { name, index } of o.resources) {
    const percent = 100 * share(totals.requested[index]!, totals.allocatable[index])
    spans.push({ text: '  ' }, { text: `${percent.toFixed(1)}%`, colour: levelColour(percent, o.style) })
    spans.push({ text: ` ${name}` })
  }
  spans.push({ text: `  ${counted(totals.pods.pods, 'pod')}` })
  if (o.prices) spans.push({ text: `  ${priceText(totals.usdPerHour)}` })
  return cutLine(spans, o.width)
}

function dots(pages: number, page: number, o: { readonly coloured: boolean; readonly width: number }): Line {
  if (pages > Math.min(40, o.width)) return plainLine(`page ${page + 1} of ${pages}`, activeDot)
  return Array.from({ length: pages }, (_, position) => ({
    text: position === page || o.coloured ? '•' : '·',
    colour: position === page ? activeDot : otherDot,
  }))
}

function helpLine(state: ViewState, width: number): Line {
  if (state.filtering)
    return [{ text: `/${printable(state.filter)}█` }, { text: '  enter: keep • esc: show all', colour: grey }]
  const filter = state.filter === '' ? '/: filter' : `/: ${printable(state.filter)}`
  const long = `←/→ page • q: quit • s: sort by ${sortText(state.sorts[0]!)} • g: group by ${state.grouping} • ${filter} • ?: keys`
  const short = `←/→ page • q: quit • s: sort • g: group • ${filter} • ?: keys`
  return plainLine(long.length <= width ? long : short, grey)
}

const keyTexts: readonly (readonly [keys: string, meaning: string])[] = [
  ['← h PgUp', 'previous page'],
  ['→ l PgDn', 'next page'],
  ['s', 'sort by creation, name, cpu usage, price'],
  ['g', 'group by node group, NodePool, zone, with the sums of each'],
  ['/', 'filter: part of a name, or label=value, as in zone=us-east-1a'],
  ['q esc ctrl+c', 'quit'],
  ['any key', 'back to the nodes'],
]

function keyLines(width: number): Line[] {
  return keyTexts.map(([keys, meaning]) => cutLine([{ text: keys.padEnd(14) }, { text: meaning, colour: grey }], width))
}
