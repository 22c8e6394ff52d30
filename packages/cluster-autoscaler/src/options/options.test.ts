import { formatGoDuration, type Ms } from '@plimsoll/model'
import { defaultValue } from '@plimsoll/runtime'
import { describe, expect, it } from 'vitest'
import { clusterAutoscalerFlags } from './flag-table.ts'
import { parseClusterAutoscalerFlags, type ClusterAutoscalerOptions } from './options.ts'

function options(...args: string[]): ClusterAutoscalerOptions {
  const parsed = parseClusterAutoscalerFlags(args)
  if ('problems' in parsed) throw new Error(JSON.stringify(parsed.problems))
  return parsed.options
}

function problems(...args: string[]): string[] {
  const parsed = parseClusterAutoscalerFlags(args)
  return 'problems' in parsed ? parsed.problems.map((problem) => problem.message) : []
}

describe('flags (CA-1 to CA-7)', () => {
  it('are each of their own, and their defaults can be read', () => {
    const names = clusterAutoscalerFlags.map((flag) => flag.name)
    expect(new Set(names).size).toBe(names.length)
    const durations = clusterAutoscalerFlags.filter((flag) => flag.type === 'duration')
    expect(durations.map((flag) => formatGoDuration(defaultValue(flag) as Ms))).toEqual(
      durations.map((flag) => flag.default),
    )
    expect(clusterAutoscalerFlags.filter((flag) => Number.isNaN(defaultValue(flag)))).toEqual([])
  })

  it("defaults are upstream's", () => {
    expect(options()).toMatchObject({
      scanInterval: 10_000,
      frequentLoopsEnabled: true,
      expander: ['least-waste'],
      maxNodesTotal: 0,
      coresTotal: { min: 0, max: 320_000 },
      memoryTotal: { min: 0, max: 6_400_000 * 1024 ** 3 },
      maxNodesPerScaleUp: 1000,
      scaleDownDelayAfterAdd: 600_000,
      scaleDownDelayAfterDelete: 0,
      scaleDownDelayAfterFailure: 180_000,
      scaleDownUnneededTime: 600_000,
      scaleDownUnreadyTime: 1_200_000,
      scaleDownUtilizationThreshold: 0.5,
      maxScaleDownParallelism: 10,
      maxDrainParallelism: 1,
      maxBulkSoftTaintCount: 10,
      cordonNodeBeforeTerminating: true,
      nodeDeleteDelayAfterTaint: 5000,
      maxNodeProvisionTime: 900_000,
      expendablePodsPriorityCutoff: -10,
      blockingSystemPodDisruptionTimeout: 3_600_000,
      leaderElect: true,
      verbosity: 0,
    })
  })

  it.each([
    { args: ['--v=4'], want: { verbosity: 4 } },
    { args: ['-v=4'], want: { verbosity: 4 } },
    { args: ['-v', '4'], want: { verbosity: 4 } },
    { args: ['-v4'], want: { verbosity: 4 } },
    { args: ['--scan-interval', '30s'], want: { scanInterval: 30_000 } },
    { args: ['--balance-similar-node-groups'], want: { balanceSimilarNodeGroups: true } },
    { args: ['--skip-nodes-with-local-storage=false'], want: { skipNodesWithLocalStorage: false } },
    { args: ['--scale_down_enabled=f'], want: { scaleDownEnabled: false } },
    { args: ['--nodes=1:2:a,b', '--nodes=0:1:c'], want: { nodes: ['1:2:a,b', '0:1:c'] } },
    { args: ['--expander=priority,least-waste'], want: { expander: ['priority', 'least-waste'] } },
    { args: ['--expander=priority', '--expander=random'], want: { expander: ['priority', 'random'] } },
    { args: ['./cluster-autoscaler', '--v=1', '--', '--nonsense'], want: { verbosity: 1 } },
    {
      args: ['--blocking-system-pod-disruption-timeout=5m'],
      want: { blockingSystemPodDisruptionTimeout: 300_000 },
    },
    { args: ['--ignore-taint=x', '--startup-taint=y'], want: { startupTaints: ['y', 'x'] } },
    { args: ['--gpu-total=nvidia-l4:0:8'], want: { gpuTotal: [{ type: 'nvidia-l4', min: 0, max: 8 }] } },
    { args: ['--logtostderr=true', '--stderrthreshold=info', '--scale-down-candidates-pool-ratio=0.2'], want: {} },
    { args: ['--salvo-scale-up=false'], want: {} },
  ])('$args is read', ({ args, want }) => {
    expect(options(...args)).toMatchObject(want)
  })

  it.each([
    { args: ['--max-empty-bulk-delete=3'], want: ['unknown flag: --max-empty-bulk-delete'] },
    { args: ['-x'], want: ["unknown shorthand flag: 'x' in -x"] },
    { args: ['--scan-interval'], want: ['flag needs an argument: --scan-interval'] },
    {
      args: ['--scan-interval=10'],
      want: ['invalid argument "10" for "--scan-interval" flag: time: missing unit in duration "10"'],
    },
    {
      args: ['--scan-interval=10y'],
      want: ['invalid argument "10y" for "--scan-interval" flag: time: unknown unit "y" in duration "10y"'],
    },
    {
      args: ['--max-nodes-total=many'],
      want: ['invalid argument "many" for "--max-nodes-total" flag: strconv.ParseInt: parsing "many": invalid syntax'],
    },
    {
      args: ['--scale-down-enabled=maybe'],
      want: [
        'invalid argument "maybe" for "--scale-down-enabled" flag: strconv.ParseBool: parsing "maybe": invalid syntax',
      ],
    },
    {
      args: ['--salvo-scale-up', '--bogus'],
      want: [
        'unknown flag: --bogus',
        '--salvo-scale-up: "true" is not served yet; only its default "false" is accepted',
      ],
    },
    { args: ['--cloud-provider=gce'], want: ['--cloud-provider: "gce" is not served; accepted: aws'] },
    {
      args: ['--expander=random,least-waste'],
      want: ['Expander least-waste came after random, which leaves no options to choose from'],
    },
    {
      args: ['--expander=price'],
      want: [
        'Expander price not supported: AWS gives no price model; accepted: least-nodes, least-waste, most-pods, priority, random',
      ],
    },
    {
      args: ['--cores-total=5:2'],
      want: [
        '--cores-total: "5:2": max size must be greater or equal to min size; accepted: <min>:<max>, 0 <= min <= max',
      ],
    },
    { args: ['--predicate-parallelism=0'], want: ['Invalid value for --predicate-parallelism flag: 0'] },
    {
      args: ['--allowed-scheduler-names=a', '--bypassed-scheduler-names=a,b'],
      want: ['--bypassed-scheduler-names: b missing from --allowed-scheduler-names'],
    },
    {
      args: ['--vmodule=loop'],
      want: ['invalid argument "loop" for "--vmodule" flag: syntax error: expect comma-separated list of filename=N'],
    },
    { args: ['--logging-format=xml'], want: ['--logging-format: "xml" is not served; accepted: text, json'] },
    { args: ['--logtostderr=false'], want: ['--logtostderr: "false" is not served; accepted: true'] },
    { args: ['--stderrthreshold=ERROR'], want: ['--stderrthreshold: "ERROR" is not served; accepted: INFO, info, 0'] },
    {
      args: ['--skip-headers'],
      want: ['--skip-headers: "true" is not served yet; only its default "false" is accepted'],
    },
  ])('$args is refused', ({ args, want }) => {
    expect(problems(...args)).toEqual(want)
  })

  it('every flag that is not served yet is refused with its name, its value and what is accepted', () => {
    const other: Record<string, string> = {
      bool: '',
      int: '7',
      float: '7',
      duration: '7s',
      string: 'x',
      list: 'x',
      csv: 'x',
    }
    for (const flag of clusterAutoscalerFlags.filter((each) => each.effect === 'not-yet')) {
      const value = flag.type === 'bool' ? String(flag.default === 'false') : other[flag.type]!
      const [message] = problems(`--${flag.name}=${value}`)
      expect(message).toContain(`--${flag.name}: ${JSON.stringify(value)} is not served yet`)
      expect(problems(`--${flag.name}=${flag.default}`)).toEqual([])
    }
  })
})
