// Every command-line flag of upstream's Cluster Proportional Autoscaler as data, and those that only we have
// (kubernetes-sigs/cluster-proportional-autoscaler:cmd/cluster-proportional-autoscaler/options/options.go, AddFlags;
// golang/glog). The parser, the help text and the reference page derive from this one table.
import { integerProblem, type Flag, type FlagTable } from '@plimsoll/runtime'
import { goJsonObjectEntries } from '../go-json/decode.ts'
import { parseTaintPatterns } from '../cluster/taint-pattern.ts'

const optionsGo =
  'kubernetes-sigs/cluster-proportional-autoscaler:cmd/cluster-proportional-autoscaler/options/options.go'
const glogGo = 'golang/glog:glog_flags.go'

type Row = Omit<Flag, 'source' | 'effect'>

function rows(source: string, effect: Flag['effect'], list: readonly Row[]): Flag[] {
  return list.map((row) => ({ ...row, source, effect }))
}

const upstream = rows(optionsGo, 'effective', [
  {
    name: 'target',
    type: 'string',
    default: '',
    help: "What to scale: 'deployment/*,replicationcontroller/*,replicaset/*,statefulset/*', or '<plural>.<version>.<group>/*' for anything else with a scale subresource (not case sensitive, several with commas).",
  },
  { name: 'configmap', type: 'string', default: '', help: 'The ConfigMap with the scaling parameters.' },
  {
    name: 'namespace',
    type: 'string',
    default: '',
    help: 'Namespace of the ConfigMap and of all targets; MY_POD_NAMESPACE when not given.',
  },
  { name: 'poll-period-seconds', type: 'int', default: '10', help: 'Seconds between two looks at the cluster.' },
  {
    name: 'default-params',
    type: 'string',
    default: '',
    valueName: 'configMapData',
    help: 'JSON object with the parameters of a ConfigMap that is created when it cannot be fetched.',
    check: (text) => {
      const read = goJsonObjectEntries(text)
      return 'error' in read ? read.error : undefined
    },
  },
  {
    name: 'nodelabels',
    type: 'string',
    default: '',
    help: 'Label selector: only nodes that match are counted. Example: --nodelabels=label1=value1,label2=value2.',
  },
  {
    name: 'max-sync-failures',
    type: 'int',
    default: '0',
    help: 'Exit after so many failed looks in a row; 0 for never.',
  },
  { name: 'version', type: 'bool', default: 'false', help: 'Print the version and exit.' },
])

// glog's flags are Go's own, which word their refusals otherwise than pflag's.
const goBool = (text: string): string | undefined =>
  /^(1|t|T|TRUE|true|True|0|f|F|FALSE|false|False)$/.test(text) ? undefined : 'parse error'
const goInt = (text: string): string | undefined =>
  integerProblem(text, 'ParseInt') === undefined ? undefined : 'parse error'
const goLevel = (text: string): string | undefined => integerProblem(text, 'Atoi')?.error
const traceLocations = (text: string): string | undefined =>
  text.split(',').every((part) => part === '' || /^[^:]+:[1-9]\d*$/.test(part))
    ? undefined
    : 'syntax error: expect file.go:234'

const glog: Flag[] = [
  ...rows(glogGo, 'effective', [
    {
      name: 'logtostderr',
      type: 'bool',
      default: 'false',
      check: goBool,
      help: 'log to standard error instead of files',
    },
    {
      name: 'alsologtostderr',
      type: 'bool',
      default: 'false',
      check: goBool,
      help: 'log to standard error as well as files',
    },
    {
      name: 'stderrthreshold',
      type: 'string',
      default: '2',
      valueName: 'severity',
      help: 'lines at or above this severity go to standard error as well',
      check: (text) =>
        severityOf(text) === undefined ? `strconv.Atoi: parsing ${JSON.stringify(text)}: invalid syntax` : undefined,
    },
    { name: 'v', type: 'int', default: '0', valueName: 'Level', check: goLevel, help: 'how chatty the log is' },
    {
      name: 'vmodule',
      type: 'csv',
      default: '',
      valueName: 'moduleSpec',
      help: 'pattern=N with commas between: how chatty single files are',
    },
    {
      name: 'log-dir',
      type: 'string',
      default: '',
      help: 'directory for log files; the one for temporary files when empty',
    },
  ]),
  ...rows(glogGo, 'accepted-no-effect', [
    { name: 'log-link', type: 'string', default: '', help: 'directory for links to the log files' },
    {
      name: 'logbuflevel',
      type: 'int',
      default: '0',
      check: goInt,
      help: 'lines up to this severity may wait; ours never do',
    },
    {
      name: 'log-backtrace-at',
      type: 'string',
      default: '',
      valueName: 'traceLocations',
      check: traceLocations,
      help: 'stack trace at file:N',
    },
  ]),
]

/** None of these is on by default: what upstream does stays as it is. */
const ours = rows('Plimsoll', 'effective', [
  {
    name: 'watch-nodes',
    type: 'bool',
    default: 'false',
    help: 'Scale as soon as the nodes call for another number of replicas, not only at the next poll.',
  },
  {
    name: 'keep-last-good-params',
    type: 'bool',
    default: 'false',
    help: 'Go on with the last parameters that could be read while the ConfigMap holds ones that cannot.',
  },
  {
    name: 'yaml-params',
    type: 'bool',
    default: 'false',
    help: 'Accept parameters in YAML where they are not JSON.',
  },
  {
    name: 'ignore-taints',
    type: 'csv',
    default: '',
    valueName: 'taints',
    help: 'Nodes with one of these taints are not counted: key, key:Effect, key=value:Effect or :Effect, with commas between. Example: --ignore-taints=node-role.kubernetes.io/control-plane:NoSchedule.',
    check: (text) => {
      const read = parseTaintPatterns(text.split(','))
      return 'problem' in read ? read.problem : undefined
    },
  },
  {
    name: 'emit-events',
    type: 'bool',
    default: 'false',
    help: 'Write a Kubernetes event for each change and each failure.',
  },
  {
    name: 'leader-elect',
    type: 'bool',
    default: 'false',
    help: 'Of several replicas only the one that holds the Lease scales.',
  },
  {
    name: 'leader-elect-lease-duration',
    type: 'duration',
    default: '15s',
    help: 'How long others wait for the leader.',
  },
  {
    name: 'leader-elect-renew-deadline',
    type: 'duration',
    default: '10s',
    help: 'How long the leader tries to renew.',
  },
  { name: 'leader-elect-retry-period', type: 'duration', default: '2s', help: 'Between two tries.' },
  {
    name: 'leader-elect-resource-name',
    type: 'string',
    default: '',
    help: 'Name of the Lease, in --namespace; that of the ConfigMap when empty.',
  },
  {
    name: 'health-address',
    type: 'string',
    default: ':8080',
    help: 'Where /healthz, /last-poll and /metrics are served.',
  },
  {
    name: 'kubeconfig',
    type: 'string',
    default: '',
    help: 'Path of a kubeconfig file; when empty the service account of the pod, or outside of one what kubectl would use.',
  },
  { name: 'context', type: 'string', default: '', help: 'The context of the kubeconfig; its current one when empty.' },
])

/** All flags, by name. */
export const proportionalAutoscalerFlags: FlagTable = [...upstream, ...glog, ...ours].toSorted((a, b) =>
  a.name < b.name ? -1 : 1,
)

const severities: readonly (readonly string[])[] = [
  ['0', 'INFO'],
  ['1', 'WARNING'],
  ['2', 'ERROR'],
  ['3', 'FATAL'],
]

/** 0 to 3, as glog counts severities; undefined for what is none. */
export function severityOf(text: string): number | undefined {
  const found = severities.findIndex((names) => names.includes(text.toUpperCase()))
  return found < 0 ? undefined : found
}
