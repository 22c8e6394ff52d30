export {
  assembleClusterAutoscaler,
  clusterAutoscalerProgram,
  type ClusterAutoscalerParts,
} from './cluster-autoscaler-program.ts'
export { House, type HouseOptions, type KubeManifest } from './house.ts'
