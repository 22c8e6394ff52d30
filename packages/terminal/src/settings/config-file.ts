import { flags, parseBoolean, type FlagValues } from './flags.ts'

/**
 * The text of ~/.eks-node-viewer: `key=value` lines, where the key is the name of a flag and the value may hold further
 * `=`. Comments begin with `#`. Lines that say nothing to us are passed over, as upstream does.
 */
export function parseConfigFile(text: string): Partial<FlagValues> {
  const values: Record<string, string | boolean> = {}
  for (const line of text.split(/\r?\n/)) {
    const equals = line.indexOf('=')
    if (line.trimStart().startsWith('#') || equals < 0) continue
    const key = line.slice(0, equals).trim()
    const value = line.slice(equals + 1).trim()
    const flag = flags.find((each) => each.name === key && each.inFile === true)
    if (flag === undefined) continue
    const read = flag.kind === 'boolean' ? parseBoolean(value) : value
    if (read !== undefined) values[key] = read
  }
  return values as Partial<FlagValues>
}
