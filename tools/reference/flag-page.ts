// The reference pages of the autoscalers' flags, out of the tables that parse them.
import { clusterAutoscalerFlags } from '@plimsoll/cluster-autoscaler'
import { proportionalAutoscalerFlags } from '@plimsoll/proportional-autoscaler'
import type { Flag, FlagEffect, FlagTable } from '@plimsoll/runtime'

export interface FlagPage {
  /** From the root of the project. */
  readonly file: string
  readonly text: string
}

const effects: { readonly [effect in FlagEffect]: string } = {
  effective: '',
  'accepted-no-effect': 'accepted, without effect',
  'not-yet': 'only its default is accepted yet',
}

export const flagPages: readonly FlagPage[] = [
  {
    file: 'docs/reference/cluster-autoscaler-flags.md',
    text: page('cluster-autoscaler', 'Cluster Autoscaler 1.36.1', clusterAutoscalerFlags),
  },
  {
    file: 'docs/reference/cluster-proportional-autoscaler-flags.md',
    text: page(
      'cluster-proportional-autoscaler',
      'Cluster Proportional Autoscaler v1.10.3',
      proportionalAutoscalerFlags,
    ),
  },
]

function page(command: string, upstream: string, table: FlagTable): string {
  const theirs = table.filter(({ source }) => source !== 'Plimsoll')
  const ours = table.filter(({ source }) => source === 'Plimsoll')
  return [
    `# Flags of \`plimsoll ${command}\``,
    '',
    `Those of ${upstream}, by name. An underscore stands for a dash. Made from the table that reads them, by`,
    '`node tools/reference/generate.ts`.',
    '',
    ...rows(theirs),
    '',
    '## Ours alone',
    '',
    ...rows(ours),
    '',
  ].join('\n')
}

function rows(flags: readonly Flag[]): string[] {
  return ['| flag | default | meaning |', '| --- | --- | --- |', ...flags.map(row)]
}

function row({ name, default: value, help, effect, accepted, aliasOf }: Flag): string {
  const notes = [
    effects[effect],
    accepted === undefined ? '' : `accepted: ${accepted.join(', ')}`,
    aliasOf === undefined ? '' : `the same as --${aliasOf}`,
  ].filter((note) => note !== '')
  const meaning = [cell(help), ...notes.map((note) => `*${note}*`)].join('; ')
  return `| \`--${name}\` | ${value === '' ? '' : `\`${value}\``} | ${meaning} |`
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('*', '\\*').replaceAll('<', '\\<')
}
