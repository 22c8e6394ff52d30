import { describe, expect, it } from 'vitest'
import { proportionalAutoscalerFlags } from './flag-table.ts'
import { parseProportionalAutoscalerFlags, type CommandLine, type ProportionalAutoscalerOptions } from './options.ts'

const required = ['--target=deployment/web', '--configmap=cpa', '--namespace=default']

function parse(...args: string[]): CommandLine {
  return parseProportionalAutoscalerFlags([...required, ...args], {})
}

function options(...args: string[]): ProportionalAutoscalerOptions {
  const line = parse(...args)
  if (line.kind !== 'options') throw new Error(JSON.stringify(line))
  return line.options
}

function error(...args: string[]): string {
  const line = parse(...args)
  return line.kind === 'usage' ? line.error : line.kind
}

describe('flags', () => {
  it("knows every flag of upstream's (CPA-1)", () => {
    const upstream =
      'target configmap namespace poll-period-seconds default-params nodelabels max-sync-failures version logtostderr alsologtostderr stderrthreshold v vmodule log-backtrace-at log-dir log-link logbuflevel'
    const names = new Set(proportionalAutoscalerFlags.map(({ name }) => name))
    expect(upstream.split(' ').filter((name) => !names.has(name))).toEqual([])
  })

  it('has nothing of ours on', () => {
    expect(options()).toMatchObject({
      watchNodes: false,
      keepLastGoodParams: false,
      yamlParams: false,
      ignoredTaints: [],
      emitEvents: false,
      leaderElect: false,
      pollPeriod: 10_000,
      maxSyncFailures: 0,
      defaultParams: undefined,
    })
  })

  it('takes underscores for dashes, values apart, and short verbosity (CPA-1)', () => {
    const line = parse('--poll_period_seconds', '7', '-v=3', '--log_dir=/logs', '--stderrthreshold=warning')
    expect(line).toMatchObject({ kind: 'options', options: { pollPeriod: 7000 } })
    expect(line).toMatchObject({ log: { verbosity: 3, folder: '/logs', stderrThreshold: 1, toStderr: false } })
  })

  it('falls back to the namespace of the pod (CPA-4)', () => {
    const args = ['--target=deployment/web', '--configmap=cpa']
    const line = parseProportionalAutoscalerFlags(args, { MY_POD_NAMESPACE: 'kube-system' })
    expect(line).toMatchObject({ options: { namespace: 'kube-system' } })
  })

  it.each([
    ['--nothing', 'unknown flag: --nothing'],
    [
      '--poll-period-seconds=ten',
      'invalid argument "ten" for "--poll-period-seconds" flag: strconv.ParseInt: parsing "ten": invalid syntax',
    ],
    ['--v=x', 'invalid argument "x" for "-v, --v" flag: strconv.Atoi: parsing "x": invalid syntax'],
    [
      '--version=maybe',
      'invalid argument "maybe" for "--version" flag: strconv.ParseBool: parsing "maybe": invalid syntax',
    ],
    ['--default-params={', 'invalid argument "{" for "--default-params" flag: unexpected end of JSON input'],
    [
      '--default-params=[]',
      'invalid argument "[]" for "--default-params" flag: json: cannot unmarshal array into Go value of type map[string]interface {}',
    ],
    ['--configmap', 'flag needs an argument: --configmap'],
    ['--log_dir', 'flag needs an argument: --log_dir'],
    [
      '--poll-period-seconds=99999999999999999999',
      'invalid argument "99999999999999999999" for "--poll-period-seconds" flag: strconv.ParseInt: parsing "99999999999999999999": value out of range',
    ],
    ['--log-backtrace-at=x', 'invalid argument "x" for "--log-backtrace-at" flag: syntax error: expect file.go:234'],
    ['-v', "flag needs an argument: 'v' in -v"],
    ['--logtostderr=maybe', 'invalid argument "maybe" for "--logtostderr" flag: parse error'],
    ['--logbuflevel=x', 'invalid argument "x" for "--logbuflevel" flag: parse error'],
    [
      '--vmodule=x',
      'invalid argument "x" for "--vmodule" flag: syntax error: expect comma-separated list of filename=N',
    ],
    [
      '--ignore-taints=a:Never',
      'invalid argument "a:Never" for "--ignore-taints" flag: found "a:Never"; accepted: key, key:Effect, key=value:Effect or :Effect, where Effect is NoSchedule, PreferNoSchedule, NoExecute',
    ],
    ['-h', 'pflag: help requested'],
  ])('%s: %s (CPA-2)', (arg, message) => {
    expect(error(arg)).toBe(message)
  })

  it.each([
    [['--target='], ['--target parameter cannot be empty']],
    [
      ['--target=pod/x'],
      [
        "Target format error. Please use 'deployment/*,replicationcontroller/*,replicaset/*' (not case sensitive, comma delimiter supported).",
      ],
    ],
    [['--poll-period-seconds=0'], ['--poll-period-seconds cannot be less than 1']],
    [
      ['--target=', '--configmap=', '--namespace=', '--poll-period-seconds=-3'],
      [
        '--target parameter cannot be empty',
        '--configmap parameter cannot be empty',
        '--namespace parameter not set and failed to fallback',
        '--poll-period-seconds cannot be less than 1',
      ],
    ],
    [['--health-address=8080'], ['--health-address: found "8080"; accepted: host:port, as in :8080']],
    [
      ['--leader-elect', '--leader-elect-renew-deadline=20s'],
      [expect.stringContaining('--leader-elect-lease-duration must be')],
    ],
  ])('%s: refused, with all that is wrong (CPA-4)', (args, messages) => {
    const line = parse(...args)
    expect(line.kind === 'refused' && line.refusals.map(({ message }) => message)).toEqual([
      ...messages,
      'failed to validate all input parameters',
    ])
  })

  it.each([
    ['{"linear":{"nodesPerReplica":1,"min":2}}', { linear: '{"min":2,"nodesPerReplica":1}' }],
    ['{"linear":"{}"}', { linear: '"{}"' }],
    ['{}', {}],
    ['null', {}],
  ])('--default-params %s are the entries %j (CPA-31)', (text, entries) => {
    expect(options(`--default-params=${text}`).defaultParams).toEqual(entries)
  })
})
