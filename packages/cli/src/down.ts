import { setTimeout as sleep } from 'node:timers/promises'
import { CliError } from './failure.ts'
import { instancePaths, isAlive, livingInstances, readRun, releaseInstance } from './instance.ts'

/** Asks the cluster's process to stop and waits until it has. */
export async function down(o: { readonly root: string; readonly name: string | undefined }): Promise<void> {
  const living = livingInstances(o.root).filter((record) => o.name === undefined || record.name === o.name)
  if (living.length > 1)
    throw new CliError(`several clusters are running (${living.map((r) => r.name).join(', ')}); choose one with --name`)
  const [record] = living
  if (record === undefined) {
    if (o.name !== undefined && readRun(instancePaths(o.root, o.name)) !== undefined)
      releaseInstance(instancePaths(o.root, o.name))
    throw new CliError(`no cluster ${o.name === undefined ? '' : `${o.name} `}is running`)
  }
  process.kill(record.pid, 'SIGTERM')
  for (let tries = 0; tries < 100; tries++) {
    if (!isAlive(record)) {
      process.stdout.write(`cluster ${record.name} stopped\n`)
      return
    }
    await sleep(100)
  }
  throw new CliError(`cluster ${record.name} (process ${record.pid}) has not stopped within 10 s`)
}
