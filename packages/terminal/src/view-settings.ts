// What one run of the viewer shows, read from the texts of flags and file.
import { parseLabelSelector } from '@plimsoll/model'
import { resourceOfLabel } from './cluster/computed-labels.ts'
import { parseNodeSort, type NodeSort } from './cluster/node-sort.ts'
import type { Style } from './layout/bar.ts'
import { parseColour } from './layout/colour.ts'
import type { FlagValues } from './settings/flags.ts'

export interface ViewSettings {
  readonly resources: readonly string[]
  /** The resources, and those that orders and computed labels need. */
  readonly summed: readonly string[]
  readonly nodeSelector: string
  readonly nodeSort: NodeSort
  readonly extraLabels: readonly string[]
  readonly style: Style
  readonly prices: boolean
}

/** All problems at once, each a line. */
export function readSettings(
  values: FlagValues,
): { readonly settings: ViewSettings } | { readonly problems: readonly string[] } {
  const problems: string[] = []
  const resources = listed(values.resources)
  if (resources.length === 0) problems.push('-resources: name at least one, as in cpu,memory')
  const extraLabels = listed(values['extra-labels'])
  const nodeSort = parseNodeSort(values['node-sort'])
  if (nodeSort.kind === 'label' && nodeSort.label === '')
    problems.push('-node-sort: give creation or a label, as in creation=dsc')
  const selector = parseLabelSelector(values['node-selector'])
  if ('error' in selector) problems.push(`-node-selector: ${selector.error}`)
  const style = parseStyle(values.style)
  if (typeof style === 'string') problems.push(style)
  if (problems.length > 0 || typeof style === 'string') return { problems }
  const computed = [...extraLabels, nodeSort.kind === 'label' ? nodeSort.label : ''].map(resourceOfLabel)
  const summed = new Set([...resources, 'cpu', ...computed.filter((resource) => resource !== undefined)])
  return {
    settings: {
      resources,
      summed: [...summed],
      nodeSelector: values['node-selector'],
      nodeSort,
      extraLabels,
      style,
      prices: !values['disable-pricing'],
    },
  }
}

function listed(text: string): string[] {
  return [...new Set(text.split(',').map((each) => each.trim()))].filter((each) => each !== '')
}

/** The style, or what is wrong with the text. */
function parseStyle(text: string): Style | string {
  const parts = text.split(',')
  const colours = parts.map(parseColour)
  const [good, ok, bad] = colours
  if (parts.length !== 3)
    return `-style: three colours are expected, good,ok,bad as in #04B575,#FFFF00,#FF0000; there are ${parts.length}`
  if (good === undefined || ok === undefined || bad === undefined)
    return `-style: ${JSON.stringify(parts[colours.indexOf(undefined)])} is no colour; one looks like #04B575`
  return { good, ok, bad }
}
