// Whole screens, as text, in test/screens. Rewrite them with `-u`, and look at what changed.
import { describe, expect, it } from 'vitest'
import { lineCells, lineText } from '../src/layout/line.ts'
import { csvReport, jsonReport, tableReport } from '../src/output/report.ts'
import { picture, type Snapshot } from '../src/screen/picture.ts'
import { initialState, type ViewState } from '../src/screen/view-state.ts'
import type { FlagValues } from '../src/settings/flags.ts'
import { fortyNodes, noNodes, settingsOf, snapshotOf, threeNodes } from './scenes.ts'

interface Screen {
  readonly name: string
  readonly scene: Parameters<typeof snapshotOf>[0]
  readonly width: number
  readonly height?: number
  readonly flags?: Partial<FlagValues>
  readonly state?: Partial<ViewState>
  readonly more?: Partial<Snapshot>
}

function drawn({ scene, width, height = 24, flags = {}, state = {}, more = {} }: Screen) {
  const settings = settingsOf({ resources: 'cpu,memory', ...flags })
  const options = { ...settings, coloured: false, width, height }
  return picture(snapshotOf(scene, settings, more), { ...initialState(settings.nodeSort), ...state }, options)
}

const screens: readonly Screen[] = [
  { name: '0-nodes-80', scene: noNodes, width: 80 },
  { name: '0-nodes-140', scene: noNodes, width: 140 },
  { name: '3-nodes-80', scene: threeNodes, width: 80 },
  { name: '3-nodes-140', scene: threeNodes, width: 140 },
  { name: '3-nodes-140-one-resource', scene: threeNodes, width: 140, flags: { resources: 'cpu' } },
  {
    name: '3-nodes-160-labels',
    scene: threeNodes,
    width: 160,
    flags: { 'extra-labels': 'topology.kubernetes.io/zone,eks-node-viewer/node-age,eks-node-viewer/node-pods-usage' },
  },
  { name: '3-nodes-140-no-prices', scene: threeNodes, width: 140, flags: { 'disable-pricing': true } },
  { name: '40-nodes-80', scene: fortyNodes, width: 80 },
  { name: '40-nodes-140', scene: fortyNodes, width: 140 },
  { name: '40-nodes-140-page-2', scene: fortyNodes, width: 140, state: { page: 1 } },
  { name: '40-nodes-140-beyond-the-last-page', scene: fortyNodes, width: 140, state: { page: 99 } },
  {
    name: '40-nodes-140-grouped',
    scene: fortyNodes,
    width: 140,
    height: 40,
    flags: { resources: 'cpu' },
    state: { grouping: 'node group', page: 0 },
  },
  { name: '40-nodes-140-by-zone-page-2', scene: fortyNodes, width: 140, state: { grouping: 'zone', page: 1 } },
  { name: '40-nodes-80-by-zone', scene: fortyNodes, width: 80, state: { grouping: 'zone' } },
  { name: '40-nodes-140-filtering', scene: fortyNodes, width: 140, state: { filter: 'zone=2a', filtering: true } },
  { name: '40-nodes-80-nothing-matches', scene: fortyNodes, width: 80, state: { filter: 'gpu' } },
  { name: '40-nodes-80-by-cpu', scene: fortyNodes, width: 80, state: { sorts: [{ kind: 'cpu' }] } },
  { name: '3-nodes-80-keys', scene: threeNodes, width: 80, state: { keysShown: true } },
  {
    name: '3-nodes-140-no-answer',
    scene: threeNodes,
    width: 140,
    more: { trouble: 'No answer from https://127.0.0.1:6443 for 12s, this is the last picture (ECONNREFUSED)' },
  },
]

describe('the screen', () => {
  it.each(screens)('$name', async (screen) => {
    const { lines } = drawn(screen)
    for (const line of lines) expect(lineCells(line)).toBeLessThanOrEqual(screen.width)
    expect(lines.length).toBeLessThanOrEqual(screen.height ?? 24)
    const text = lines.map((line) => `${lineText(line, 'none')}\n`).join('')
    await expect(text).toMatchFileSnapshot(`screens/${screen.name}.txt`)
  })

  it('never is larger than the terminal, however small that is', () => {
    for (const scene of [noNodes, threeNodes, fortyNodes])
      for (const [width, height] of [
        [1, 1],
        [10, 3],
        [20, 7],
        [60, 8],
        [300, 100],
      ] as const)
        for (const state of [
          {},
          { keysShown: true },
          { grouping: 'zone' },
          { filtering: true, filter: 'x'.repeat(90) },
        ] as const) {
          const { lines } = drawn({ name: '', scene, width, height, state })
          expect(lines.length).toBeLessThanOrEqual(height)
          for (const line of lines) expect(lineCells(line)).toBeLessThanOrEqual(width)
        }
  })

  it('shows every node on exactly one page', () => {
    const { pages } = drawn({ name: '', scene: fortyNodes, width: 140 })
    expect(pages).toBe(5)
    const text = Array.from({ length: pages }, (_, page) =>
      drawn({ name: '', scene: fortyNodes, width: 140, state: { page } })
        .lines.map((line) => lineText(line, 'none'))
        .join('\n'),
    ).join('\n')
    expect(text.match(/^ip-\S+/gm)).toHaveLength(40)
    expect(new Set(text.match(/^ip-\S+/gm)).size).toBe(40)
  })

  it('changes by itself while it shows an age', () => {
    expect(drawn({ name: '', scene: threeNodes, width: 140 }).showsAge).toBe(true)
    expect(drawn({ name: '', scene: noNodes, width: 140 }).showsAge).toBe(false)
    // The node that is not ready is on the third page.
    expect(drawn({ name: '', scene: fortyNodes, width: 140 }).showsAge).toBe(false)
  })
})

describe('printed once', () => {
  const settings = settingsOf({ resources: 'cpu,memory', 'extra-labels': 'topology.kubernetes.io/zone' })
  const input = { ...snapshotOf(threeNodes, settings), settings }

  it('as a table', async () => {
    await expect(tableReport(input, { width: Infinity, colours: 'none' })).toMatchFileSnapshot('screens/once-table.txt')
    expect(tableReport(input, { width: Infinity, colours: 'true' })).toContain('\u001b[38;2;')
  })

  it('as JSON', async () => {
    const text = jsonReport(input)
    await expect(text).toMatchFileSnapshot('screens/once.json')
    expect(JSON.parse(text)).toMatchObject({ totals: { nodes: 3, nodesWithoutPrice: 1 } })
  })

  it('as CSV', async () => {
    await expect(csvReport(input)).toMatchFileSnapshot('screens/once.csv')
  })

  it('in the order that was asked for', () => {
    const sorted = settingsOf({ 'node-sort': 'topology.kubernetes.io/zone=dsc' })
    const lines = csvReport({ ...snapshotOf(threeNodes, sorted), settings: sorted })
      .trimEnd()
      .split('\n')
    expect(lines.map((line) => line.split(',')[0])).toEqual([
      'name',
      'i-0a1b2c3d4e5f67890',
      'ip-10-0-2-77.ec2.internal',
      'ip-10-0-1-12.ec2.internal',
    ])
  })

  it('without prices, their fields are empty', () => {
    const none = settingsOf({ 'disable-pricing': true })
    const report = jsonReport({ ...snapshotOf(threeNodes, none), settings: none })
    expect(JSON.parse(report)).toMatchObject({ totals: { priceUsdPerHour: null, nodesWithoutPrice: null } })
  })

  it('with no nodes there is still a table', () => {
    expect(tableReport({ ...snapshotOf(noNodes, settings), settings }, { width: 80, colours: 'none' })).toMatch(
      /^0 nodes .*\n.*\n1 pod \(1 pending 0 running 0 bound\)\n\nno nodes found\n$/,
    )
  })
})
