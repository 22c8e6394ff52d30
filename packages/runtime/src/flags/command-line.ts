// Command lines as spf13/pflag reads them: --flag=value, --flag value, bare booleans, underscores for dashes, `--` ends.
import { parseGoDuration } from '@plimsoll/model'
import type { Flag, FlagTable } from './flag.ts'

export interface Problem {
  /** The flag, with its dashes; empty for the command line as a whole. */
  readonly path: string
  readonly message: string
}

export type FlagValue = string | number | boolean | readonly string[]

/** Values by flag name: the defaults, overlaid with what was set. Durations in milliseconds. */
export interface FlagValues {
  readonly values: ReadonlyMap<string, FlagValue>
  readonly set: ReadonlySet<string>
}

/**
 * Reads a command line. What is no flag is passed over, as upstream's main does.
 * All problems at once, each in pflag's words (spf13/pflag:flag.go, parseLongArg and Set).
 */
export function readFlags(
  args: readonly string[],
  table: FlagTable,
): FlagValues & { readonly problems: readonly Problem[] } {
  const flags = new Map(table.map((flag) => [flag.name, flag]))
  const values = new Map<string, FlagValue>(table.map((flag) => [flag.name, defaultValue(flag)]))
  const set = new Set<string>()
  const problems: Problem[] = []
  for (let i = 0; i < args.length; i++) {
    const arg = args[i]!
    if (arg === '--') break
    if (!arg.startsWith('-') || arg === '-') continue
    const long = arg.startsWith('--')
    const body = arg.slice(long ? 2 : 1)
    const cut = body.indexOf('=')
    const name = (cut < 0 ? body : body.slice(0, cut)).replaceAll('_', '-')
    if (name === '' || name.startsWith('-')) {
      problems.push({ path: arg, message: `bad flag syntax: ${arg}` })
      continue
    }
    // Of klog's flags the one-letter `v` may be written with one dash, its value glued on.
    const flag = long ? flags.get(name) : name.startsWith('v') ? flags.get('v') : undefined
    if (flag === undefined) {
      const message = long ? `unknown flag: --${name}` : `unknown shorthand flag: '${body[0]}' in ${arg}`
      problems.push({ path: long ? `--${name}` : arg, message })
      continue
    }
    let text: string
    if (!long && body.length > 1) text = body.slice(1).replace(/^=/, '')
    else if (cut >= 0) text = body.slice(cut + 1)
    else if (flag.type === 'bool') text = 'true'
    else if (i + 1 < args.length) text = args[++i]!
    else {
      const spelt = long ? arg : `'${body[0]}' in ${arg}`
      problems.push({ path: `--${flag.name}`, message: `flag needs an argument: ${spelt}` })
      continue
    }
    const target = flag.aliasOf ?? flag.name
    const value = parseValue(flag, text)
    if (typeof value === 'object' && 'error' in value) {
      const spelt = flag.name.length === 1 ? `-${flag.name}, --${flag.name}` : `--${flag.name}`
      const message = `invalid argument ${JSON.stringify(text)} for "${spelt}" flag: ${value.error}`
      problems.push({ path: `--${flag.name}`, message })
      continue
    }
    const earlier = values.get(target)
    const repeated = set.has(target) && Array.isArray(earlier) && Array.isArray(value)
    values.set(target, repeated ? [...(earlier as string[]), ...value] : value)
    set.add(target)
  }
  return { values, set, problems }
}

export function defaultValue(flag: Flag): FlagValue {
  if (flag.type === 'list' || (flag.type === 'csv' && flag.default === '')) return []
  return parseValue(flag, flag.default) as FlagValue
}

function parseValue(flag: Flag, text: string): FlagValue | { readonly error: string } {
  const refused = flag.check?.(text)
  if (refused !== undefined) return { error: refused }
  switch (flag.type) {
    case 'string':
      return text
    case 'list':
      return [text]
    case 'csv':
      return text === '' ? [] : text.split(',')
    case 'bool':
      if (/^(1|t|T|TRUE|true|True)$/.test(text)) return true
      if (/^(0|f|F|FALSE|false|False)$/.test(text)) return false
      return { error: `strconv.ParseBool: parsing ${JSON.stringify(text)}: invalid syntax` }
    case 'int':
      return integerProblem(text, 'ParseInt') ?? Number(text)
    case 'float':
      if (/^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(text)) return Number(text)
      return { error: `strconv.ParseFloat: parsing ${JSON.stringify(text)}: invalid syntax` }
    case 'duration': {
      const duration = parseGoDuration(text)
      return duration ?? { error: goDurationError(text) }
    }
  }
}

/** What Go's strconv says of text that is no integer of 64 bits, by the name of its function; undefined when it is one. */
export function integerProblem(text: string, name: 'ParseInt' | 'Atoi'): { readonly error: string } | undefined {
  const isInteger = /^[+-]?\d+$/.test(text)
  if (isInteger && BigInt.asIntN(64, BigInt(text.replace(/^\+/, ''))) === BigInt(text.replace(/^\+/, '')))
    return undefined
  const why = isInteger ? 'value out of range' : 'invalid syntax'
  return { error: `strconv.${name}: parsing ${JSON.stringify(text)}: ${why}` }
}

/** As time.ParseDuration words it. */
function goDurationError(text: string): string {
  const quoted = JSON.stringify(text)
  if (/^[+-]?(\d+\.?\d*|\.\d+)$/.test(text)) return `time: missing unit in duration ${quoted}`
  const unit = /^[+-]?(?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))*(?:\d+\.?\d*|\.\d+)([^\d.]+)/.exec(text)?.[1]
  if (unit !== undefined) return `time: unknown unit ${JSON.stringify(unit)} in duration ${quoted}`
  return `time: invalid duration ${quoted}`
}

/** What a program prints about its flags, as pflag does (spf13/pflag:flag.go, FlagUsages). */
export function flagUsages(table: FlagTable): string {
  const lines = table.map((flag) => {
    const spelt = flag.name.length === 1 ? `  -${flag.name}, --${flag.name}` : `      --${flag.name}`
    const value = flag.valueName ?? (flag.type === 'bool' ? '' : flag.type)
    const zero = ['', '0', 'false', '0s'].includes(flag.default)
    const given = flag.type === 'string' && flag.valueName === undefined ? JSON.stringify(flag.default) : flag.default
    return {
      left: value === '' ? spelt : `${spelt} ${value}`,
      right: zero ? flag.help : `${flag.help} (default ${given})`,
    }
  })
  const width = Math.max(...lines.map(({ left }) => left.length))
  return lines.map(({ left, right }) => `${left.padEnd(width)}   ${right}\n`).join('')
}
