// `plimsoll view`: the cluster on a terminal, with eks-node-viewer's screen and flags. Wiring only: streams, signals,
// files and price lists are here, the viewer itself is the terminal package.
import { homedir } from 'node:os'
import { createKubeClient } from '@plimsoll/kube-client'
import { KubeError, SystemClock } from '@plimsoll/ports'
import {
  leaveScreen,
  outputForms,
  parseFlags,
  readSettings,
  settle,
  usage,
  viewLive,
  viewOnce,
  type FlagValues,
  type OutputForm,
} from '@plimsoll/terminal'
import { CliError } from './failure.ts'
import { chooseAccess } from './view/access.ts'
import { cataloguePrices } from './view/catalogue-prices.ts'
import { readConfigFile } from './view/config-file.ts'
import { colourDepth, processTerminal } from './view/process-terminal.ts'

/** What Go's flag package exits with on a command line that it does not understand. */
const exitUsage = 2

export interface ViewContext {
  /** Where embedded clusters keep their files. */
  readonly root: string
  readonly version: string
}

/** Runs until the user quits, or prints once. Resolves to the exit code. @throws {CliError} */
export async function runView(words: readonly string[], context: ViewContext): Promise<number> {
  const parsed = parseFlags(words)
  if (parsed.kind === 'help') {
    process.stdout.write(usage('plimsoll view'))
    return 0
  }
  if (parsed.kind === 'problem') {
    process.stderr.write(`${parsed.message}\n${usage('plimsoll view')}`)
    return exitUsage
  }
  const { given } = parsed
  if (given.version === true) {
    process.stdout.write(`version: ${context.version}\ncommit: none\nbuilt at: unknown\nbuilt by: source\n`)
    return 0
  }
  if (given.attribution === true) {
    const { attribution } = await import('./view/attribution.ts')
    process.stdout.write(attribution())
    return 0
  }
  const kubeconfig = process.env['KUBECONFIG'] ?? ''
  const values = settle(given, kubeconfig === '' ? {} : { kubeconfig }, readConfigFile(homedir()))
  const read = readSettings(values)
  const { output: form } = values
  const problems = 'problems' in read ? [...read.problems] : []
  if (!isOutputForm(form)) problems.push(`-output: ${JSON.stringify(form)} is none of ${outputForms.join(', ')}`)
  if ('problems' in read || !isOutputForm(form)) {
    for (const problem of problems) process.stderr.write(`plimsoll: ${problem}\n`)
    return exitUsage
  }
  await look(values, form, read.settings, given.kubeconfig !== undefined, context)
  return 0
}

async function look(
  values: FlagValues,
  form: OutputForm,
  settings: Parameters<typeof viewOnce>[0]['settings'],
  kubeconfigGiven: boolean,
  context: ViewContext,
): Promise<void> {
  const { stdout, stdin } = process
  const clock = new SystemClock()
  const { access, where } = chooseAccess(values, {
    kubeconfigGiven,
    root: context.root,
    home: homedir(),
    inPod: process.env['KUBERNETES_SERVICE_HOST'] !== undefined,
  })
  const kube = await createKubeClient({
    access,
    userAgent: `plimsoll-view/${context.version}`,
    // Reading 150,000 pods takes 300 pages: at the usual five a second that would be a minute.
    qps: -1,
    clock,
  }).catch((error: unknown) => {
    throw new CliError(error instanceof Error ? error.message : String(error))
  })
  const viewer = { kube, clock, prices: cataloguePrices(), settings }
  try {
    if (values.once || form !== 'table' || !stdout.isTTY || !stdin.isTTY) {
      const width = stdout.isTTY ? stdout.columns : Infinity
      const colours = colourDepth(process.env, stdout.isTTY)
      await print(await viewOnce({ ...viewer, form, width, colours }))
    } else {
      await watch({ ...viewer, server: kube.server })
    }
  } catch (error) {
    if (!(error instanceof KubeError)) throw error
    throw new CliError(`${where}: ${error.message}`)
  } finally {
    await kube.close()
  }
}

async function watch(viewer: Omit<Parameters<typeof viewLive>[0], 'terminal' | 'signal'>): Promise<void> {
  // React measures and keeps every rendering when it believes that somebody develops with it.
  process.env['NODE_ENV'] ??= 'production'
  const stop = new AbortController()
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
  const onSignal = (): void => stop.abort()
  for (const signal of signals) process.on(signal, onSignal)
  // When all else fails: whoever ends the process from within leaves a usable terminal behind.
  const onExit = (): void => void process.stdout.write(leaveScreen)
  process.once('exit', onExit)
  try {
    await viewLive({ ...viewer, terminal: processTerminal(process), signal: stop.signal })
  } finally {
    process.off('exit', onExit)
    for (const signal of signals) process.off(signal, onSignal)
  }
}

function isOutputForm(text: string): text is OutputForm {
  return (outputForms as readonly string[]).includes(text)
}

/** Resolves when the reader has it all, so that the end of the process cuts nothing off. */
function print(text: string): Promise<void> {
  return new Promise((resolve) => process.stdout.write(text, () => resolve()))
}
