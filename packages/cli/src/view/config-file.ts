import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseConfigFile, type FlagValues } from '@plimsoll/terminal'
import { CliError } from '../failure.ts'

/** What ~/.eks-node-viewer says; nothing when it is not there. @throws {CliError} when it is and cannot be read */
export function readConfigFile(home: string): Partial<FlagValues> {
  let text: string
  try {
    text = readFileSync(join(home, '.eks-node-viewer'), 'utf8')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT') return {}
    throw new CliError(`~/.eks-node-viewer cannot be read (${code})`)
  }
  return parseConfigFile(text)
}
