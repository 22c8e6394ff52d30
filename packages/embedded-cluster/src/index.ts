export {
  EmbeddedCluster,
  type ComponentUser,
  type EmbeddedClusterOptions,
  type Proxies,
  type Usage,
} from './embedded-cluster.ts'
export type { PodLogOptions, PodLogs, PodLogSink } from './pod-logs.ts'
export type { TimingMode } from './timing.ts'
export { Scheduler, type SchedulerOptions } from './scheduler/scheduler.ts'
export {
  faultKinds,
  faultsOf,
  faultText,
  parseFaults,
  problemOf,
  type Fault,
  type FaultName,
  type FaultScope,
} from './faults/fault.ts'
export {
  faultAnnotation,
  faultBoard,
  listFaults,
  placeFault,
  withdrawFaults,
  type FaultTarget,
  type PlacedFault,
} from './faults/fault-board.ts'
export { FaultOrderError, orderFault, type FaultOrder } from './faults/fault-orders.ts'
