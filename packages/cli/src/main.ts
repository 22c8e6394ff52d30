// The command line: which commands there are and what they take. What they do is loaded when one is chosen, so that
// `plimsoll env` costs no more than it needs.
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander'
import { parseClusterName, parseFolder, parsePort, parseSeed, parseSpeed } from './arguments.ts'
import { CliError } from './failure.ts'
import { stateRoot } from './instance.ts'

const version = '0.1.0'

/** Runs one command line; sets the exit code and returns when the command has ended. */
export async function main(argv: readonly string[]): Promise<void> {
  process.stdout.on('error', endOnBrokenPipe)
  try {
    await program().parseAsync(argv, { from: 'user' })
  } catch (error) {
    process.exitCode = report(error)
  }
}

function report(error: unknown): number {
  // Commander has already written its own.
  if (error instanceof CommanderError) return error.exitCode
  if (error instanceof CliError) process.stderr.write(`plimsoll: ${error.message}\n`)
  else process.stderr.write(`plimsoll: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`)
  return 1
}

/** `plimsoll env | head -1` closes our output early; that is no failure. */
function endOnBrokenPipe(error: NodeJS.ErrnoException): void {
  if (error.code === 'EPIPE') process.exit(0)
  throw error
}

export function program(): Command {
  const plimsoll = new Command('plimsoll')
    .description('Cluster autoscalers, with a Kubernetes cluster and a cloud of their own to run on')
    .version(version, '-V, --version')
    .enablePositionalOptions()
    .exitOverride()
    .showHelpAfterError('(plimsoll --help lists what there is)')

  const nameOption = (): Option =>
    new Option('--name <name>', 'the cluster (default: the one that runs)').argParser(parseClusterName)

  plimsoll
    .command('up', { isDefault: true })
    .description('start an embedded cluster with Cluster Autoscaler and stay in the foreground (Ctrl-C stops it)')
    .option('--workshop', 'start as the workshop does: nothing installed, at most three nodes')
    .option('--speed <factor>', 'seconds of cluster time in one second', parseSpeed, 1)
    .option('--port <port>', 'port of the Kubernetes API (default: 6443 or a free one)', parsePort)
    .option('--aws-port <port>', 'port of the AWS endpoint (default: 6444 or a free one)', parsePort)
    .option('--charts-port <port>', 'port of the Helm charts (default: 6445 or a free one)', parsePort)
    .option('--name <name>', 'name of the cluster', parseClusterName, 'myeks')
    .option('--data-dir <folder>', 'keep the cluster and its cloud there, and go on with what is there', parseFolder)
    .addOption(
      new Option('--authorization-mode <mode>', 'who may do what: everybody everything, or what roles and bindings say')
        .choices(['AlwaysAllow', 'RBAC'])
        .default('AlwaysAllow'),
    )
    .option('--seed <seed>', 'decides ids, addresses and chances', parseSeed, '1')
    .allowExcessArguments()
    .action(async (options: UpOptions, command: Command) => {
      // `up` is what runs when no command is named, so a mistyped command arrives here.
      if (command.args.length > 0)
        command.error(
          `error: there is no command ${JSON.stringify(command.args[0])}; there are ${plimsoll.commands.map((each) => each.name()).join(', ')}`,
        )
      const { up } = await import('./up.ts')
      await up({ ...options, root: stateRoot(process.env) })
    })

  plimsoll
    .command('env')
    .description('print the variables for a shell: eval "$(plimsoll env)"')
    .addOption(nameOption())
    .action(async (options: { name?: string }) => {
      const { printEnvironment } = await import('./env.ts')
      await printEnvironment({ root: stateRoot(process.env), name: options.name })
    })

  plimsoll
    .command('down')
    .description('stop a running cluster')
    .addOption(nameOption())
    .action(async (options: { name?: string }) => {
      const { down } = await import('./down.ts')
      await down({ root: stateRoot(process.env), name: options.name })
    })

  plimsoll
    .command('walkthrough')
    .description('run a chapter of the workshop step by step on a cluster of its own: ca, cpa')
    .argument('<chapter>', 'ca (Cluster Autoscaler) or cpa (Cluster Proportional Autoscaler)', parseChapter)
    .option('--speed <factor>', 'seconds of cluster time in one second', parseSpeed, 10)
    .option('--seed <seed>', 'decides ids, addresses and chances', parseSeed, '1')
    .action(async (chapter: 'ca' | 'cpa', options: { speed: number; seed: string }) => {
      const { runWalkthrough } = await import('./walkthrough/run.ts')
      process.exitCode = await runWalkthrough({ ...options, chapter })
    })

  const fault = plimsoll
    .command('fault')
    .description('make something go wrong in a running cluster: nodes, pods, machines, the cloud')
    .argument('[fault]', 'what goes wrong, or: list, clear')
    .argument('[words...]', 'where (node/NAME, pod/NAME, an instance id), and parameters as name=value')
    .option('-n, --namespace <namespace>', 'of the pod', 'default')
    .addOption(nameOption())
    // Ours, because it tells of every fault, and their table is loaded only when somebody asks.
    .helpOption(false)
    .option('-h, --help', 'display help for command')
  fault.action(async (verb: string | undefined, words: readonly string[], options: FaultOptions) => {
    if (options.help !== true && verb === undefined) fault.error("error: missing required argument 'fault'")
    const { faultHelp, runFault } = await import('./fault.ts')
    if (options.help === true) process.stdout.write(fault.helpInformation() + faultHelp())
    else await runFault({ ...options, root: stateRoot(process.env), name: options.name, verb: verb!, words })
  })

  plimsoll
    .command('cluster-autoscaler')
    .description("run Cluster Autoscaler against any cluster and AWS account, with upstream's flags")
    .argument('[flags...]', "upstream's flags; see docs/reference")
    .allowUnknownOption()
    .helpOption(false)
    .passThroughOptions()
    .action(async (flags: readonly string[]) => {
      const { runClusterAutoscaler } = await import('./cluster-autoscaler.ts')
      process.exitCode = await runClusterAutoscaler(flags)
    })

  plimsoll
    .command('cluster-proportional-autoscaler')
    .description("run Cluster Proportional Autoscaler against any cluster, with upstream's flags")
    .argument('[flags...]', "upstream's flags; --help lists them")
    .allowUnknownOption()
    .helpOption(false)
    .passThroughOptions()
    .action(async (flags: readonly string[]) => {
      const { runClusterProportionalAutoscaler } = await import('./cluster-proportional-autoscaler.ts')
      process.exitCode = await runClusterProportionalAutoscaler(flags)
    })

  plimsoll
    .command('view')
    .description("show nodes, pods and prices of any cluster on the terminal, with eks-node-viewer's screen and flags")
    .argument('[flags...]', 'see plimsoll view --help')
    .allowUnknownOption()
    .helpOption(false)
    .passThroughOptions()
    .action(async (flags: readonly string[]) => {
      const { runView } = await import('./view.ts')
      process.exitCode = await runView(flags, { root: stateRoot(process.env), version })
    })

  return plimsoll
}

export interface UpOptions {
  readonly workshop?: boolean
  readonly speed: number
  readonly port?: number
  readonly awsPort?: number
  readonly chartsPort?: number
  readonly name: string
  readonly seed: string
  readonly dataDir?: string
  readonly authorizationMode: 'AlwaysAllow' | 'RBAC'
}

interface FaultOptions {
  readonly help?: boolean
  readonly name?: string
  readonly namespace: string
}

function parseChapter(text: string): 'ca' | 'cpa' {
  if (text !== 'ca' && text !== 'cpa') throw new InvalidArgumentError('ca or cpa is expected; others come later.')
  return text
}
