import { execFile } from 'node:child_process'
import { dirname, join } from 'node:path'
import { isExecutable } from '../shims.ts'

export interface AwsCli {
  readonly folder: string
  readonly major: number
}

/** The first AWS CLI of version 2 on the search path, else the first of any version; undefined when there is none. */
export async function findAwsCli(path: string, bin: string): Promise<AwsCli | undefined> {
  let first: AwsCli | undefined
  for (const folder of new Set(path.split(':'))) {
    const file = join(folder, 'aws')
    if (folder === '' || folder === bin || !isExecutable(file)) continue
    const major = await majorVersion(file)
    if (major === 2) return { folder: dirname(file), major }
    if (major !== undefined) first ??= { folder: dirname(file), major }
  }
  return first
}

/** Version 1 has no YAML output. */
export function forVersion(command: string, cli: AwsCli | undefined): string {
  return cli?.major === 1 ? command.replaceAll('--output yaml', '--output json') : command
}

function majorVersion(file: string): Promise<number | undefined> {
  return new Promise((resolve) => {
    execFile(file, ['--version'], { timeout: 20_000 }, (_error, stdout, stderr) => {
      const digits = /aws-cli\/(\d+)\./.exec(`${stdout}${stderr}`)?.[1]
      resolve(digits === undefined ? undefined : Number(digits))
    })
  })
}
