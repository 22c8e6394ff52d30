export {
  DeviceProvisioning,
  slicesThatCount,
  type HostAllocation,
  type ProvisioningDevices,
} from './dynamic-resources/device-provisioning.ts'
export { DeviceState } from './dynamic-resources/device-state.ts'
export { copyClaimNames, copyClaims, copySlices, type NodeCopy } from './dynamic-resources/node-copy.ts'
export { deviceUtilization, type DeviceUtilization } from './dynamic-resources/utilization.ts'
export { hostPorts, portsCollide, type HostPort } from './host-ports.ts'
export { countedReasons, failedSchedulingMessage, type PreemptionOutcome } from './message.ts'
export { compileRequiredNodeAffinity } from './node-affinity.ts'
export type { NodeState } from './node-entry.ts'
export { estimate, type Estimate, type EstimateLimits } from './packing/estimate.ts'
export { instantiate, type NodeTemplate } from './packing/node-template.ts'
export { PodPlacer, type Placement, type Placements, type PlaceOptions } from './packing/place.ts'
export { wouldFitElsewhere, type Removal, type RemovalOptions } from './packing/removal.ts'
export { unbound } from './packing/unbound.ts'
export { podClassKey, requestsOf as podRequests } from './pod-class.ts'
export { findVictims, podPriority, type PreemptionOptions, type PreemptionPlan } from './preemption.ts'
export type {
  PlannedClaim,
  ProvisioningInput,
  ProvisioningNode,
  ProvisioningPool,
  ProvisioningResult,
  ReservedCapacity,
  Unplaced,
} from './provisioning/input.ts'
export { nodeClaimParts, type NodeClaimParts } from './provisioning/node-claim.ts'
export type { Obstacle, TypeObstacles } from './provisioning/obstacle.ts'
export { provision } from './provisioning/provision.ts'
export { provisionWithout } from './provisioning/what-if.ts'
export { nodeAllocatable, type Allocatable, type Resources } from './resources.ts'
export { ClusterSnapshot, type Survey } from './snapshot.ts'
export { toleratesTaint, untoleratedTaint } from './toleration.ts'
export type { Unfit } from './unfit.ts'
export { storageClassOf, waitsForConsumer } from './volumes/claims.ts'
export type { VolumeLister } from './volumes/volume-lister.ts'
export type { VolumePlan } from './volumes/volume-plan.ts'
