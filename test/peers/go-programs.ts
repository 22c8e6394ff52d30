import { execFile, spawnSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const source = fileURLToPath(new URL('go', import.meta.url))
const cache = fileURLToPath(new URL('../../node_modules/.cache/plimsoll-clients', import.meta.url))

/** The first build fetches and compiles client-go. */
export const goBuildMs = 900_000

/** What go says when it cannot fetch a module: no fault of ours, nor of the programs. */
const unreachable = /dial tcp|proxyconnect|no such host|i\/o timeout|module lookup disabled|TLS handshake|: EOF$/m

/**
 * The folder with the Go programs of these packages, built; undefined, and a line that says why, where there is no Go or its
 * modules cannot be fetched. Rejects when the programs do not compile. `name`: test files build side by side.
 */
export async function goPrograms(name: string, packages: readonly string[]): Promise<string | undefined> {
  if (spawnSync('go', ['version']).status !== 0) {
    process.stdout.write('go is not installed: the tests of its programs are skipped\n')
    return undefined
  }
  const folder = join(cache, name)
  mkdirSync(folder, { recursive: true })
  try {
    await promisify(execFile)('go', ['build', '-o', `${folder}/`, ...packages], { cwd: source })
  } catch (error) {
    const { stderr } = error as { readonly stderr: string }
    if (!unreachable.test(stderr)) throw error
    process.stdout.write(
      `Go modules cannot be fetched: the tests of Go programs are skipped\n${stderr.slice(0, 500)}\n`,
    )
    return undefined
  }
  return folder
}
