export { assert, assertNever, AssertionError } from './assert.ts'
export { formatGoDuration, parseGoDuration } from './go-duration.ts'
export * from './kubernetes/index.ts'
export { own, setOwn } from './own.ts'
export type {
  AttributeBinding,
  DynamicResources,
  InstanceType,
  InstanceTypeOverhead,
  Offering,
  ResourceList,
  ResourceSliceTemplate,
} from './scheduling/instance-type.ts'
export {
  any,
  has,
  hasIntersection,
  intersection,
  lengthOf,
  maxInt64,
  operatorOf,
  requirement,
  requirementEntries,
  requirementText,
  sameRequirement,
  withMinValues,
  type DrawBelow,
  type Requirement,
  type RequirementEntry,
  type RequirementOperator,
} from './scheduling/requirement.ts'
export {
  compatible,
  incompatibilityText,
  intersects,
  podRequirements,
  Requirements,
  type Incompatibility,
  type PodRequirementPolicy,
} from './scheduling/requirements.ts'
export {
  coreLabels,
  extendLabelRegistry,
  isRestrictedLabel,
  labelKeys,
  normalizeLabelKey,
  restrictedLabelProblem,
  type LabelExtension,
  type LabelRegistry,
} from './scheduling/well-known-labels.ts'
export {
  bytes,
  hours,
  milliCpu,
  minutes,
  ms,
  seconds,
  usdPerHour,
  type Bytes,
  type MilliCpu,
  type Ms,
  type Quantified,
  type UsdPerHour,
} from './units.ts'
