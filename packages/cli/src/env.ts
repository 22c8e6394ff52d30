import { shellExports } from './environment.ts'
import { findRunning, instancePaths } from './instance.ts'
import { provideShims } from './shims.ts'

/** Prints what a shell has to `eval`, after putting the commands that the user lacks into the cluster's own folder. */
export async function printEnvironment(o: { readonly root: string; readonly name: string | undefined }): Promise<void> {
  const { name, running } = findRunning(o.root, o.name)
  const { bin } = instancePaths(o.root, name)
  await provideShims(bin, process.env['PATH'] ?? '', (note) => process.stderr.write(`plimsoll: ${note}\n`))
  process.stdout.write(shellExports(running.environment, bin))
}
