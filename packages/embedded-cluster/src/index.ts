export { EmbeddedCluster, type ComponentUser, type EmbeddedClusterOptions, type Usage } from './embedded-cluster.ts'
export type { PodLogOptions, PodLogs, PodLogSink } from './pod-logs.ts'
export type { TimingMode } from './timing.ts'
export { Scheduler, type SchedulerOptions } from './scheduler/scheduler.ts'
