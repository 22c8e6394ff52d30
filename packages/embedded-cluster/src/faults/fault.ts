// What may go wrong on command: the words for it, what each takes, and what is seen of it. The command line, its help,
// annotations, tags and scenarios all read this one table.
import { own, parseGoDuration, setOwn, type Ms } from '@plimsoll/model'

/** Where a fault is put: on a node, on a pod, on machines that do not run yet, or on the cloud as a whole. */
export type FaultScope = 'node' | 'pod' | 'machine' | 'cloud'

type ParameterKind = 'duration' | 'count' | 'fraction' | 'lifecycle' | 'text'

export interface FaultKind {
  readonly scopes: readonly FaultScope[]
  readonly parameters: { readonly [name: string]: { readonly kind: ParameterKind; readonly help: string } }
  /** One line: what happens. */
  readonly help: string
  /** Is carried out once and is then no longer there. */
  readonly once?: true
}

const lasts = { for: { kind: 'duration', help: 'ends by itself after so long' } } as const
const which = { container: { kind: 'text', help: 'this container only' } } as const
const place = {
  group: { kind: 'text', help: 'only machines of this node group' },
  type: { kind: 'text', help: 'only machines of this instance type' },
  zone: { kind: 'text', help: 'only machines in this zone' },
} as const

export type FaultName =
  | 'not-ready'
  | 'flapping'
  | 'network-not-ready'
  | 'lease-loss'
  | 'memory-pressure'
  | 'disk-pressure'
  | 'pid-pressure'
  | 'devices-missing'
  | 'kubelet-restart'
  | 'reboot'
  | 'terminate'
  | 'stop'
  | 'spot-interruption'
  | 'retirement'
  | 'slow-boot'
  | 'never-registers'
  | 'network-never-ready'
  | 'insufficient-capacity'
  | 'vcpu-limit'
  | 'throttling'
  | 'crash-loop'
  | 'oom'
  | 'image-pull-failure'
  | 'unresponsive'
  | 'stuck-terminating'

export const faultKinds: { readonly [name in FaultName]: FaultKind } = {
  'not-ready': {
    scopes: ['node', 'pod'],
    parameters: lasts,
    help: "node: the kubelet says NotReady (PLEG is not healthy); pod: its containers' readiness fails",
  },
  flapping: {
    scopes: ['node'],
    parameters: { every: { kind: 'duration', help: 'NotReady so long, then Ready so long; 1m' }, ...lasts },
    help: 'the node is NotReady and Ready in turn',
  },
  'network-not-ready': {
    scopes: ['node'],
    parameters: lasts,
    help: "the node's network plugin is down: NotReady, and new pods get no network",
  },
  'lease-loss': {
    scopes: ['node'],
    parameters: lasts,
    help: 'the kubelet hangs: it renews no lease and reports nothing, while its containers run on',
  },
  'memory-pressure': {
    scopes: ['node'],
    parameters: { evict: { kind: 'count', help: 'evicts so many pods at most; all that may be evicted' }, ...lasts },
    help: 'memory runs short: MemoryPressure, and a pod is evicted every 10 s',
  },
  'disk-pressure': {
    scopes: ['node'],
    parameters: { evict: { kind: 'count', help: 'evicts so many pods at most; all that may be evicted' }, ...lasts },
    help: 'the disk runs full: DiskPressure, and a pod is evicted every 10 s',
  },
  'pid-pressure': {
    scopes: ['node'],
    parameters: { evict: { kind: 'count', help: 'evicts so many pods at most; all that may be evicted' }, ...lasts },
    help: 'process ids run short: PIDPressure, and a pod is evicted every 10 s',
  },
  'devices-missing': {
    scopes: ['node', 'machine'],
    parameters: { ...place, ...lasts },
    help: 'the device plugin is gone: GPUs and other extended resources count 0',
  },
  'kubelet-restart': {
    scopes: ['node'],
    parameters: { takes: { kind: 'duration', help: 'how long it is away; 5s' } },
    help: 'the kubelet is restarted; containers run on, and a node that somebody deleted registers again',
    once: true,
  },
  reboot: {
    scopes: ['node'],
    parameters: {},
    help: 'the operating system restarts: containers end, the kubelet boots anew',
    once: true,
  },
  terminate: {
    scopes: ['node'],
    parameters: {},
    help: 'the instance vanishes without notice',
    once: true,
  },
  stop: { scopes: ['node'], parameters: {}, help: 'the instance is stopped', once: true },
  'spot-interruption': {
    scopes: ['node'],
    parameters: {
      notice: { kind: 'duration', help: 'from the notice to the end; 2m' },
      rebalance: { kind: 'duration', help: 'a rebalance recommendation so long before the notice; none' },
    },
    help: 'the cloud takes a spot instance back, two minutes after its notice',
    once: true,
  },
  retirement: {
    scopes: ['node'],
    parameters: { in: { kind: 'duration', help: 'from the announcement to the end; 10m' } },
    help: 'the instance is announced as retired by a scheduled event and ends when its time has come',
    once: true,
  },
  'slow-boot': {
    scopes: ['machine'],
    parameters: { by: { kind: 'duration', help: 'so much later than usual; 5m' }, ...place, ...lasts },
    help: 'machines that start from now on take longer to become nodes',
  },
  'never-registers': {
    scopes: ['machine'],
    parameters: { ...place, ...lasts },
    help: 'machines that start from now on run, but never become nodes',
  },
  'network-never-ready': {
    scopes: ['machine'],
    parameters: { ...place, ...lasts },
    help: 'machines that start from now on become nodes that stay NotReady: their network plugin never comes up',
  },
  'insufficient-capacity': {
    scopes: ['cloud'],
    parameters: {
      type: { kind: 'text', help: 'of this instance type' },
      zone: { kind: 'text', help: 'in this zone' },
      lifecycle: { kind: 'lifecycle', help: 'on-demand or spot' },
      left: { kind: 'count', help: 'so many instances can still be had; 0' },
      ...lasts,
    },
    help: 'the cloud has no such instances left: launches fail with InsufficientInstanceCapacity',
  },
  'vcpu-limit': {
    scopes: ['cloud'],
    parameters: { max: { kind: 'count', help: 'vCPUs of all on-demand instances together; 0' }, ...lasts },
    help: "the account's quota: launches beyond it fail with VcpuLimitExceeded",
  },
  throttling: {
    scopes: ['cloud'],
    parameters: {
      service: { kind: 'text', help: 'ec2, autoscaling, eks, …; all' },
      operation: { kind: 'text', help: 'DescribeInstances, …; all' },
      rate: { kind: 'fraction', help: 'the share of calls that is refused, 0 to 1; 1' },
      ...lasts,
    },
    help: "the cloud's API refuses calls with a throttling error",
  },
  'crash-loop': {
    scopes: ['pod'],
    parameters: {
      after: { kind: 'duration', help: 'each run lasts so long; 2s' },
      exit: { kind: 'count', help: 'and ends with this code; 1' },
      ...which,
      ...lasts,
    },
    help: 'the container exits again and again: CrashLoopBackOff',
  },
  oom: {
    scopes: ['pod'],
    parameters: { after: { kind: 'duration', help: 'each run lasts so long; 2s' }, ...which, ...lasts },
    help: 'the kernel kills the container for its memory: OOMKilled, exit code 137',
  },
  'image-pull-failure': {
    scopes: ['pod'],
    parameters: { ...which, ...lasts },
    help: 'the image cannot be pulled when the container is next started: ErrImagePull, ImagePullBackOff',
  },
  unresponsive: {
    scopes: ['pod'],
    parameters: { ...which, ...lasts },
    help: 'readiness and liveness probes time out: not ready, then restarted',
  },
  'stuck-terminating': {
    scopes: ['pod'],
    parameters: lasts,
    help: 'a deleted pod does not go: its containers survive even SIGKILL',
  },
}

/** One fault with its parameters, checked. */
export interface Fault {
  readonly name: FaultName
  readonly parameters: { readonly [name: string]: string }
}

export function kindOf(name: FaultName): FaultKind {
  return faultKinds[name]
}

export function faultsOf(scope: FaultScope): readonly FaultName[] {
  return (Object.keys(faultKinds) as FaultName[]).filter((name) => kindOf(name).scopes.includes(scope))
}

/**
 * Reads `not-ready for=5m, memory-pressure evict=2`: faults apart by commas or semicolons, parameters by spaces.
 * @returns the faults, or what is wrong with the text: what was found and what is accepted
 */
export function parseFaults(
  text: string,
  scope: FaultScope,
): { readonly faults: readonly Fault[] } | { readonly problem: string } {
  const faults: Fault[] = []
  for (const part of text.split(/[,;]/)) {
    const [name, ...words] = part.trim().split(/\s+/)
    if (name === undefined || name === '') continue
    const parameters: Record<string, string> = {}
    for (const word of words) {
      const equals = word.indexOf('=')
      if (equals < 1) return { problem: `${name}: "${word}" is no parameter; name=value is expected` }
      setOwn(parameters, word.slice(0, equals), word.slice(equals + 1))
    }
    const problem = problemOf(name, parameters, scope)
    if (problem !== undefined) return { problem }
    faults.push({ name: name as FaultName, parameters })
  }
  return { faults }
}

export function faultText(fault: Fault): string {
  return [fault.name, ...Object.entries(fault.parameters).map(([name, value]) => `${name}=${value}`)].join(' ')
}

/** Why there is no such fault with such parameters there; undefined when there is. */
export function problemOf(
  name: string,
  parameters: { readonly [name: string]: string },
  scope: FaultScope,
): string | undefined {
  const where = scopeNames[scope]
  if (!Object.hasOwn(faultKinds, name) || !kindOf(name as FaultName).scopes.includes(scope))
    return `there is no fault "${name}" ${where}; there are ${faultsOf(scope).join(', ')}`
  const known = kindOf(name as FaultName).parameters
  for (const [parameter, value] of Object.entries(parameters)) {
    const kind = own(known, parameter)?.kind
    if (kind === undefined) {
      const names = Object.keys(known)
      return `${name}: there is no parameter "${parameter}"; ${names.length === 0 ? 'it takes none' : `there are ${names.join(', ')}`}`
    }
    const expected = fitting[kind](value) ? undefined : expectations[kind]
    if (expected !== undefined) return `${name}: ${parameter}=${value}: ${expected} is expected`
  }
  return undefined
}

const scopeNames: Record<FaultScope, string> = {
  node: 'of nodes',
  pod: 'of pods',
  machine: 'of machines that are to start',
  cloud: 'of the cloud',
}

const expectations: Record<ParameterKind, string> = {
  duration: 'a duration above zero, as 30s or 2m',
  count: 'a whole number',
  fraction: 'a number from 0 to 1',
  lifecycle: 'on-demand or spot',
  text: 'a name',
}

const fitting: Record<ParameterKind, (value: string) => boolean> = {
  duration: (value) => (parseGoDuration(value) ?? 0) > 0,
  count: (value) => /^\d{1,9}$/.test(value),
  fraction: (value) => /^(0(\.\d+)?|1(\.0+)?)$/.test(value),
  lifecycle: (value) => value === 'on-demand' || value === 'spot',
  text: (value) => value !== '',
}

export function faultDuration(fault: Fault, parameter: string): Ms | undefined {
  const text = fault.parameters[parameter]
  return text === undefined ? undefined : parseGoDuration(text)
}

export function faultNumber(fault: Fault, parameter: string): number | undefined {
  const text = fault.parameters[parameter]
  return text === undefined ? undefined : Number(text)
}
