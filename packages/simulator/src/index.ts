export {
  assembleClusterAutoscaler,
  clusterAutoscalerProgram,
  type ClusterAutoscalerParts,
} from './cluster-autoscaler-program.ts'
export { House, type HouseOptions, type KubeManifest } from './house.ts'
export { runScenario, type ScenarioOptions, type ScenarioResult } from './scenario.ts'
export { Trace } from './trace.ts'
