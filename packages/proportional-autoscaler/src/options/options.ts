import type { Ms } from '@plimsoll/model'
import { flagUsages, parseVmodule, readFlags } from '@plimsoll/runtime'
import { parseTaintPatterns, type TaintPattern } from '../cluster/taint-pattern.ts'
import { goJsonObjectEntries } from '../go-json/decode.ts'
import { isTargetFormatValid, parseTargets, targetFormatError, type ScaleTarget } from '../scaling/target.ts'
import { proportionalAutoscalerFlags, severityOf } from './flag-table.ts'

/** Where log lines go, as glog has it. */
export interface LogOptions {
  readonly verbosity: number
  /** `pattern=N,…`; empty for none. */
  readonly vmodule: string
  /** To standard error instead of files. */
  readonly toStderr: boolean
  /** To standard error as well as files. */
  readonly alsoToStderr: boolean
  /** From this severity on to standard error as well: 0 info, 1 warning, 2 error, 3 fatal. */
  readonly stderrThreshold: number
  /** Where files go; empty for where temporary files go. */
  readonly folder: string
}

/** What the flags say. See `proportionalAutoscalerFlags`. */
export interface ProportionalAutoscalerOptions {
  /** Lower-case, as the log prints it. */
  readonly targetText: string
  readonly targets: readonly ScaleTarget[]
  readonly configMap: string
  readonly namespace: string
  readonly pollPeriod: Ms
  /** Entries of a ConfigMap; undefined when none is to be created. */
  readonly defaultParams: { readonly [key: string]: string } | undefined
  /** Label selector; empty for all nodes. */
  readonly nodeLabels: string
  /** 0 or less for never. */
  readonly maxSyncFailures: number

  readonly watchNodes: boolean
  readonly keepLastGoodParams: boolean
  readonly yamlParams: boolean
  readonly ignoredTaints: readonly TaintPattern[]
  readonly emitEvents: boolean
  readonly leaderElect: boolean
  readonly leaderElectLeaseDuration: Ms
  readonly leaderElectRenewDeadline: Ms
  readonly leaderElectRetryPeriod: Ms
  readonly leaderElectResourceName: string
  readonly healthAddress: string
  /** Empty for the service account of the pod, or what kubectl would use. */
  readonly kubeconfig: string
  readonly context: string
}

/** One thing that is wrong, and the line of upstream's source that says so. */
export interface Refusal {
  readonly source: string
  readonly message: string
}

export type CommandLine =
  | { readonly kind: 'version' }
  /** The command line cannot be read, or asks for help: `error` goes out before the usage and after it, and the exit code is 2. */
  | { readonly kind: 'usage'; readonly error: string; readonly usage: string; readonly isHelp: boolean }
  /** It can be read and not be run: `refusals` are logged in this order, and the exit code is 1. */
  | { readonly kind: 'refused'; readonly log: LogOptions; readonly refusals: readonly Refusal[] }
  | {
      readonly kind: 'options'
      readonly log: LogOptions
      readonly options: ProportionalAutoscalerOptions
      /** What is said of the targets once the loop would begin, where they cannot be used; the exit code is 1. */
      readonly targetProblem?: string
    }

/** Reads upstream's command line as its main does; `environment` gives MY_POD_NAMESPACE. */
export function parseProportionalAutoscalerFlags(
  args: readonly string[],
  environment: { readonly [name: string]: string | undefined },
): CommandLine {
  const { values, problems } = readFlags(args, proportionalAutoscalerFlags)
  const text = (name: string): string => values.get(name) as string
  const number = (name: string): number => values.get(name) as number
  const truth = (name: string): boolean => values.get(name) as boolean
  const duration = (name: string): Ms => values.get(name) as Ms
  const list = (name: string): readonly string[] => values.get(name) as readonly string[]

  const vmodule = list('vmodule').join(',')
  const first = problems[0] ?? vmoduleProblem(vmodule)
  if (first !== undefined) {
    const isHelp = first.path === '--help' || first.path === '-h'
    return {
      kind: 'usage',
      error: isHelp ? 'pflag: help requested' : first.message,
      usage: `Usage of cluster-proportional-autoscaler:\n${flagUsages(proportionalAutoscalerFlags)}`,
      isHelp,
    }
  }
  if (truth('version')) return { kind: 'version' }

  const log: LogOptions = {
    verbosity: number('v'),
    vmodule,
    toStderr: truth('logtostderr'),
    alsoToStderr: truth('alsologtostderr'),
    stderrThreshold: severityOf(text('stderrthreshold'))!,
    folder: text('log-dir'),
  }
  const targetText = text('target').toLowerCase()
  const namespace = text('namespace') === '' ? (environment['MY_POD_NAMESPACE'] ?? '') : text('namespace')
  const configMap = text('configmap')
  const refusals: Refusal[] = []
  const refuse = (line: number, message: string): void => void refusals.push({ source: `options.go:${line}`, message })
  if (targetText === '') refuse(80, '--target parameter cannot be empty')
  else if (!isTargetFormatValid(targetText)) refuse(90, targetFormatError)
  if (configMap === '') refuse(60, '--configmap parameter cannot be empty')
  if (namespace === '') refuse(64, '--namespace parameter not set and failed to fallback')
  if (number('poll-period-seconds') < 1) refuse(68, '--poll-period-seconds cannot be less than 1')
  const lease = {
    leaderElectLeaseDuration: duration('leader-elect-lease-duration'),
    leaderElectRenewDeadline: duration('leader-elect-renew-deadline'),
    leaderElectRetryPeriod: duration('leader-elect-retry-period'),
  }
  const leaseProblem = truth('leader-elect') ? leaseRefusal(lease) : undefined
  if (leaseProblem !== undefined) refusals.push({ source: 'options.go', message: leaseProblem })
  const address = text('health-address')
  if (!/^(\[[^\]]*\]|[^:]*):\d{1,5}$/.test(address) || Number(address.slice(address.lastIndexOf(':') + 1)) > 65_535)
    refusals.push({
      source: 'options.go',
      message: `--health-address: found ${JSON.stringify(address)}; accepted: host:port, as in :8080`,
    })
  if (refusals.length > 0) {
    refusals.push({ source: 'autoscaler.go:45', message: 'failed to validate all input parameters' })
    return { kind: 'refused', log, refusals }
  }

  const targets = parseTargets(targetText)
  const taints = parseTaintPatterns(list('ignore-taints'))
  const params = text('default-params') === '' ? undefined : goJsonObjectEntries(text('default-params'))
  const options: ProportionalAutoscalerOptions = {
    targetText,
    targets: 'targets' in targets ? targets.targets : [],
    configMap,
    namespace,
    pollPeriod: (number('poll-period-seconds') * 1000) as Ms,
    defaultParams: params !== undefined && 'entries' in params ? Object.fromEntries(params.entries) : undefined,
    nodeLabels: text('nodelabels'),
    maxSyncFailures: number('max-sync-failures'),
    watchNodes: truth('watch-nodes'),
    keepLastGoodParams: truth('keep-last-good-params'),
    yamlParams: truth('yaml-params'),
    ignoredTaints: 'patterns' in taints ? taints.patterns : [],
    emitEvents: truth('emit-events'),
    leaderElect: truth('leader-elect'),
    ...lease,
    leaderElectResourceName: text('leader-elect-resource-name') || configMap,
    healthAddress: address,
    kubeconfig: text('kubeconfig'),
    context: text('context'),
  }
  return {
    kind: 'options',
    log,
    options,
    ...('problem' in targets ? { targetProblem: targets.problem } : {}),
  }
}

function vmoduleProblem(text: string): { readonly path: string; readonly message: string } | undefined {
  try {
    parseVmodule(text, 0)
    return undefined
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    const why = 'syntax error: expect comma-separated list of filename=N'
    return { path: '--vmodule', message: `invalid argument ${JSON.stringify(text)} for "--vmodule" flag: ${why}` }
  }
}

/** What LeaderElection asks of its durations. */
function leaseRefusal(o: {
  readonly leaderElectLeaseDuration: Ms
  readonly leaderElectRenewDeadline: Ms
  readonly leaderElectRetryPeriod: Ms
}): string | undefined {
  const { leaderElectLeaseDuration: lease, leaderElectRenewDeadline: renew, leaderElectRetryPeriod: retry } = o
  if (lease >= 1000 && lease > renew && renew > retry * 1.2 && retry > 0) return undefined
  return '--leader-elect-lease-duration must be at least 1s and greater than --leader-elect-renew-deadline, which must be greater than 1.2 times --leader-elect-retry-period, which must be greater than 0'
}
