export { clusterAutoscalerFlags } from './options/flag-table.ts'
export { parseClusterAutoscalerFlags, type ClusterAutoscalerOptions, type ExpanderName } from './options/options.ts'
export { ClusterAutoscaler, clusterAutoscalerVersion, type ClusterAutoscalerPorts } from './cluster-autoscaler.ts'
