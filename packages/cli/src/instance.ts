// What one running cluster leaves on disk: a folder of its own under the user's state folder, readable by nobody else,
// with run.json (who runs and where), the PKI, the kubeconfig and the command shims.
import { chmodSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { isAbsolute, join } from 'node:path'
import { CliError } from './failure.ts'

export interface RunRecord {
  readonly name: string
  readonly pid: number
  /** When the process began, where the system tells (Linux): a reused pid is told apart by it. */
  readonly processStart?: string
  /** Absent while the cluster is still starting. */
  readonly running?: RunningCluster
}

export interface RunningCluster {
  readonly kubeUrl: string
  readonly awsUrl: string
  /** What `plimsoll env` exports. */
  readonly environment: { readonly [variable: string]: string }
}

export interface InstancePaths {
  readonly folder: string
  readonly run: string
  readonly pki: string
  readonly kubeconfig: string
  readonly kubeCache: string
  readonly bin: string
}

/** `${XDG_STATE_HOME:-~/.local/state}/plimsoll`. A relative XDG_STATE_HOME is ignored, as its specification asks. */
export function stateRoot(env: NodeJS.ProcessEnv): string {
  const home = env['XDG_STATE_HOME']
  return join(home !== undefined && isAbsolute(home) ? home : join(homedir(), '.local', 'state'), 'plimsoll')
}

export function instancePaths(root: string, name: string): InstancePaths {
  const folder = join(root, name)
  return {
    folder,
    run: join(folder, 'run.json'),
    pki: join(folder, 'pki'),
    kubeconfig: join(folder, 'kubeconfig'),
    kubeCache: join(folder, 'kube-cache'),
    bin: join(folder, 'bin'),
  }
}

/** Makes the folders, or closes them to others if they are there. */
export function makeFolders(paths: InstancePaths): void {
  for (const folder of [paths.folder, paths.pki, paths.bin]) {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    chmodSync(folder, 0o700)
  }
}

/** Replaces the file in one step, so that nobody reads half of it. */
export function writePrivately(file: string, text: string, mode = 0o600): void {
  const draft = `${file}.${process.pid}.new`
  writeFileSync(draft, text, { mode })
  chmodSync(draft, mode)
  renameSync(draft, file)
}

/**
 * Takes the name for this process. @throws {CliError} when a living process has it. What a dead one left is cleaned
 * away, but for the PKI, so that kubeconfigs written for it stay good.
 */
export function claimInstance(paths: InstancePaths, name: string): void {
  try {
    makeFolders(paths)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    throw new CliError(
      `cannot keep the cluster's files in ${paths.folder} (${code}); XDG_STATE_HOME chooses another place`,
    )
  }
  const record: RunRecord = { name, pid: process.pid, ...processStartOf(process.pid) }
  for (let attempt = 0; attempt < 2; attempt++) {
    try {
      writeFileSync(paths.run, JSON.stringify(record), { mode: 0o600, flag: 'wx' })
      return
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    }
    const holder = readRun(paths)
    if (holder !== undefined && isAlive(holder))
      throw new CliError(
        `cluster ${name} is already running (process ${holder.pid}); stop it with \`plimsoll down --name ${name}\`, or start another with --name`,
      )
    releaseInstance(paths)
  }
  throw new CliError(`another process is starting cluster ${name} just now`)
}

/** Tells others where the cluster is: from here on `plimsoll env` works. */
export function announceInstance(paths: InstancePaths, name: string, running: RunningCluster): void {
  const record: RunRecord = { name, pid: process.pid, ...processStartOf(process.pid), running }
  writePrivately(paths.run, JSON.stringify(record, null, 2) + '\n')
}

export function releaseInstance(paths: InstancePaths): void {
  rmSync(paths.run, { force: true })
  rmSync(paths.kubeconfig, { force: true })
  rmSync(paths.kubeCache, { recursive: true, force: true })
  rmSync(paths.bin, { recursive: true, force: true })
  mkdirSync(paths.bin, { recursive: true, mode: 0o700 })
}

/** undefined when there is none, or it cannot be read as one. */
export function readRun(paths: InstancePaths): RunRecord | undefined {
  try {
    const record = JSON.parse(readFileSync(paths.run, 'utf8')) as Partial<RunRecord>
    return Number.isInteger(record.pid) && typeof record.name === 'string' ? (record as RunRecord) : undefined
  } catch {
    return undefined
  }
}

/** The clusters whose processes live, by name. */
export function livingInstances(root: string): RunRecord[] {
  let names: string[]
  try {
    names = readdirSync(root).toSorted()
  } catch {
    return []
  }
  return names
    .map((name) => readRun(instancePaths(root, name)))
    .filter((record): record is RunRecord => record !== undefined && isAlive(record))
}

/**
 * The running cluster that the user means: the named one, or the only one. @throws {CliError} when there is none, or it
 * is not ready, or several run and none is named.
 */
export function findRunning(root: string, name: string | undefined): RunRecord & { readonly running: RunningCluster } {
  const living = livingInstances(root)
  const found = name === undefined ? living : living.filter((record) => record.name === name)
  if (found.length === 0)
    throw new CliError(`no cluster ${name === undefined ? '' : `${name} `}is running; start one with \`plimsoll up\``)
  if (found.length > 1)
    throw new CliError(`several clusters are running (${found.map((r) => r.name).join(', ')}); choose one with --name`)
  const { running } = found[0]!
  if (running === undefined) throw new CliError(`cluster ${found[0]!.name} is still starting`)
  return { ...found[0]!, running }
}

export function isAlive(record: Pick<RunRecord, 'pid' | 'processStart'>): boolean {
  try {
    process.kill(record.pid, 0)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false
  }
  return record.processStart === undefined || record.processStart === processStartOf(record.pid).processStart
}

/**
 * Field 22 of /proc/<pid>/stat; the command in field 2 may hold spaces and brackets, so count from its last bracket. A
 * process that has ended and that its parent has not asked about yet (state Z) has none.
 */
function processStartOf(pid: number): { processStart?: string } {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return fields[0] === 'Z' || fields[19] === undefined ? {} : { processStart: fields[19] }
  } catch {
    return {}
  }
}
