export { Backoff, retry, retryOnConflict, type BackoffOptions, type RetryOptions } from './backoff.ts'
export { EventCorrelator, type EventFacts, type SpamFilter } from './event-correlator.ts'
export { EventRecorder, type EventRecorderOptions } from './event-recorder.ts'
export {
  defaultValue,
  flagUsages,
  integerProblem,
  readFlags,
  type FlagValue,
  type FlagValues,
  type Problem,
} from './flags/command-line.ts'
export type { Flag, FlagEffect, FlagTable, FlagType } from './flags/flag.ts'
export { Informer, type InformerHandler, type InformerOptions } from './informer.ts'
export { LeaderElection, type LeaderElectionOptions } from './leader-election.ts'
export { jsonText } from './log/json-format.ts'
export { klogText } from './log/klog-format.ts'
export { createLog, type LogFormat, type LogOptions } from './log/log.ts'
export { parseVmodule, type VerbosityOf } from './log/vmodule.ts'
export { goFloat, MetricsRegistry } from './metrics-registry.ts'
export { ObjectIndex, type IndexFunction } from './object-index.ts'
export { Reconciler, type Reconcile, type ReconcileResult } from './reconciler.ts'
export { WorkQueue } from './work-queue.ts'
