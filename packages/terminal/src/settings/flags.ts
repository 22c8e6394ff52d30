// The flags of `plimsoll view`: one table from which parser, usage and the documentation derive. The first ten are
// awslabs/eks-node-viewer's (cmd/eks-node-viewer/flag.go), parsed as Go's flag package parses.

/** What one run was told, by the names of the flags. */
export interface FlagValues {
  readonly resources: string
  readonly 'node-selector': string
  readonly 'node-sort': string
  readonly 'extra-labels': string
  readonly 'disable-pricing': boolean
  readonly style: string
  readonly context: string
  readonly kubeconfig: string
  readonly attribution: boolean
  readonly version: boolean
  readonly once: boolean
  readonly output: string
  readonly name: string
}

interface FlagFacts {
  /** A second name. */
  readonly short?: string
  readonly help: string
  /** Also read from ~/.eks-node-viewer. */
  readonly inFile?: true
}
type TextFlag = FlagFacts & { readonly kind: 'text'; readonly default: string }
type BooleanFlag = FlagFacts & { readonly kind: 'boolean'; readonly default: false }
export type Flag = (TextFlag | BooleanFlag) & { readonly name: keyof FlagValues }

const table: { readonly [N in keyof FlagValues]: FlagValues[N] extends boolean ? BooleanFlag : TextFlag } = {
  resources: {
    kind: 'text',
    default: 'cpu',
    help: 'Resources whose requests are shown, separated by commas: any that nodes can allocate, as in cpu,memory,pods',
    inFile: true,
  },
  'node-selector': {
    kind: 'text',
    default: '',
    help: 'Label selector for nodes and NodeClaims; pod totals then count the pods on these nodes only',
    inFile: true,
  },
  'node-sort': {
    kind: 'text',
    default: 'creation=dsc',
    help: 'Order of nodes: creation or a label, node or computed, with =asc or =dsc after it; creation=dsc shows the oldest first',
    inFile: true,
  },
  'extra-labels': {
    kind: 'text',
    default: '',
    help: 'Labels shown as further columns, separated by commas: of the node, or computed (eks-node-viewer/node-age, eks-node-viewer/node-cpu-usage)',
    inFile: true,
  },
  'disable-pricing': { kind: 'boolean', default: false, help: 'Show no prices', inFile: true },
  style: {
    kind: 'text',
    default: '#04B575,#FFFF00,#FF0000',
    help: 'Three colours for good, ok and bad, separated by commas',
    inFile: true,
  },
  context: {
    kind: 'text',
    default: '',
    help: 'Context of the kubeconfig; the current one when empty',
    inFile: true,
  },
  kubeconfig: {
    kind: 'text',
    default: '',
    help: 'Path of a kubeconfig, or several with colons between; when empty $KUBECONFIG, else the one embedded cluster that runs, else ~/.kube/config',
    inFile: true,
  },
  attribution: {
    kind: 'boolean',
    default: false,
    help: 'Print the licences of the open source inside, and exit',
  },
  version: { short: 'v', kind: 'boolean', default: false, help: 'Print the version, and exit' },
  once: {
    kind: 'boolean',
    default: false,
    help: 'Print the screen once as text, and exit; so it does when the output is not a terminal',
  },
  output: {
    short: 'o',
    kind: 'text',
    default: 'table',
    help: 'Form of what is printed once: table, json or csv; the last two print once by themselves',
  },
  name: {
    kind: 'text',
    default: '',
    help: 'Which embedded cluster, when several run',
  },
}

export const flags: readonly Flag[] = Object.entries(table).map(([name, flag]) => ({
  ...(flag as TextFlag | BooleanFlag),
  name: name as keyof FlagValues,
}))

export type ParsedFlags =
  | { readonly kind: 'values'; readonly given: Partial<FlagValues> }
  | { readonly kind: 'help' }
  /** In Go's words. */
  | { readonly kind: 'problem'; readonly message: string }

/** One dash or two, the value behind `=` or as the next word, booleans alone or with `=`. */
export function parseFlags(words: readonly string[]): ParsedFlags {
  const given: Record<string, string | boolean> = {}
  for (let at = 0; at < words.length; at++) {
    const word = words[at]!
    if (word === '--' && at === words.length - 1) break
    const match = /^--?([^-=].*?)(?:=(.*))?$/s.exec(word)
    if (match === null)
      return {
        kind: 'problem',
        // Go's parser would stop here and pass over the rest in silence.
        message: /^--?./.test(word) ? `bad flag syntax: ${word}` : `unexpected argument: ${word}`,
      }
    const [, name = '', value] = match
    const flag = flagNamed(name)
    if (flag === undefined) {
      if (name === 'h' || name === 'help') return { kind: 'help' }
      return { kind: 'problem', message: `flag provided but not defined: -${name}` }
    }
    switch (flag.kind) {
      case 'boolean': {
        const set = value === undefined ? true : parseBoolean(value)
        if (set === undefined)
          return {
            kind: 'problem',
            message: `invalid boolean value ${JSON.stringify(value)} for -${name}: parse error`,
          }
        given[flag.name] = set
        break
      }
      case 'text': {
        const text = value ?? words[++at]
        if (text === undefined) return { kind: 'problem', message: `flag needs an argument: -${name}` }
        given[flag.name] = text
        break
      }
    }
  }
  return { kind: 'values', given: given as Partial<FlagValues> }
}

function flagNamed(name: string): Flag | undefined {
  return flags.find((flag) => flag.name === name || flag.short === name)
}

/** As Go's strconv.ParseBool; undefined for other texts. */
export function parseBoolean(text: string): boolean | undefined {
  if (/^(1|t|T|true|TRUE|True)$/.test(text)) return true
  return /^(0|f|F|false|FALSE|False)$/.test(text) ? false : undefined
}

/** A flag comes before the environment, that before the file, that before the default. */
export function settle(
  given: Partial<FlagValues>,
  environment: Partial<FlagValues>,
  file: Partial<FlagValues>,
): FlagValues {
  const defaults = Object.fromEntries(flags.map((flag) => [flag.name, flag.default])) as unknown as FlagValues
  return { ...defaults, ...file, ...environment, ...given }
}

/** As Go's PrintDefaults prints. */
export function usage(command: string): string {
  const blocks = flags.map((flag) => {
    const names = [flag.name, ...(flag.short === undefined ? [] : [flag.short])].map((name) => `-${name}`).join(', ')
    const shown = flag.kind === 'text' && flag.default !== '' ? ` (default ${JSON.stringify(flag.default)})` : ''
    return `  ${names}${flag.kind === 'text' ? ' string' : ''}\n    \t${flag.help}${shown}\n`
  })
  return `Usage of ${command}:\n${blocks.join('')}`
}

/** For docs/view.md. */
export function flagTable(): string {
  const rows = flags.map((flag) => {
    const names = [`--${flag.name}`, ...(flag.short === undefined ? [] : [`-${flag.short}`])].map((n) => `\`${n}\``)
    const shown = flag.kind === 'boolean' ? '' : flag.default === '' ? 'empty' : `\`${flag.default}\``
    return `| ${names.join(', ')} | ${shown} | ${flag.inFile === true ? 'yes' : ''} | ${flag.help} |`
  })
  return ['| flag | default | in the file | meaning |', '| --- | --- | --- | --- |', ...rows].join('\n')
}
