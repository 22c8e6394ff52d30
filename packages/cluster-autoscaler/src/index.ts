export {
  clusterAutoscalerFlags,
  type Flag,
  type FlagEffect,
  type FlagTable,
  type FlagType,
} from './options/flag-table.ts'
export type { Problem } from './options/flag-values.ts'
export { parseClusterAutoscalerFlags, type ClusterAutoscalerOptions, type ExpanderName } from './options/options.ts'
export { ClusterAutoscaler, clusterAutoscalerVersion, type ClusterAutoscalerPorts } from './cluster-autoscaler.ts'
