export {
  AwsError,
  awsFailureOf,
  type AwsApi,
  type AwsFailureKind,
  type AwsInput,
  type AwsOperation,
  type AwsOperations,
  type AwsOutput,
  type AwsService,
} from './aws-api.ts'
export { sleepWith, type Clock, type Timer } from './clock/clock.ts'
export { ScaledClock } from './clock/scaled-clock.ts'
export { SystemClock } from './clock/system-clock.ts'
export { VirtualClock } from './clock/virtual-clock.ts'
export type {
  ContainerContext,
  ContainerProgram,
  ContainerRequest,
  ContainerResponse,
  ProgramTable,
} from './container-program.ts'
export { JournalError, type Journal, type JournalEntry, type JournalFailure } from './journal.ts'
export type { ExecInput, ExecOptions, ExecStreams } from './container-exec.ts'
export {
  ignoreNotFound,
  isKubeFailure,
  KubeError,
  type KubeApi,
  type KubeFailureKind,
  type KubeList,
  type KubeReader,
  type ListOptions,
  type Patch,
  type RemoveOptions,
  type Selection,
  type Subscription,
  type WatchEvent,
  type WatchOptions,
  type WatchSink,
  type WriteOptions,
} from './kube-api.ts'
export { silentLog, type Log, type LogFacts, type LogRecord, type LogSeverity, type LogSink } from './log.ts'
export type { Machine, MachineNotice, Machines, MachineSink, Mishap } from './machines.ts'
export type { Counter, Gauge, Histogram, MetricDefinition, MetricLabels, Metrics } from './metrics.ts'
export {
  NodeGroupError,
  type GroupInstance,
  type NodeGroup,
  type NodeGroupFailure,
  type NodeGroupOptions,
  type NodeGroups,
} from './node-groups.ts'
export { hex, logNormal, SeededRandom, uuid, type Random } from './random.ts'
