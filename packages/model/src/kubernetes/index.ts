// Generated types and the resource table go out whole; the rest by name.
export * from './types.generated.ts'
export * from './resources.ts'
export {
  labelRequirementMatches,
  labelRequirements,
  labelSelectorMatches,
  labelSelectorText,
  parseLabelSelector,
  type LabelOperator,
  type LabelRequirement,
  type Labels,
} from './label-selector.ts'
export {
  apiVersionOf,
  controllerOf,
  keyOf,
  keyText,
  type Draft,
  type KubeObject,
  type ObjectKey,
  type ResourceType,
} from './object.ts'
export {
  compareQuantities,
  formatQuantity,
  milliValue,
  parseQuantity,
  sumQuantities,
  wholeValue,
  type ExactQuantity,
  type QuantityFormat,
} from './quantity.ts'
export { PodMetricsType, type ContainerMetrics, type PodMetrics } from './metrics.ts'
export { addExact, exactAmounts, podAmounts, type ExactAmounts } from './pod-amounts.ts'
export {
  amountsText,
  countsTowards,
  isInScopes,
  quotaUsage,
  sumAmounts,
  unsaidForQuota,
  type QuotaType,
} from './resource-quota.ts'
export { instant, microTimestamp, timestamp } from './time.ts'
