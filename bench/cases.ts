import { apiServer } from './api-server.ts'
import type { BenchCase } from './case.ts'
import { devices } from './cluster-autoscaler-devices.ts'
import { binpackingEstimate } from './cluster-autoscaler-estimate.ts'
import { filterOutSchedulable, untilPassingNode } from './cluster-autoscaler-filter.ts'
import { runOnceScaleDown, runOnceScaleUp } from './cluster-autoscaler-loop.ts'
import { removalWhatIf } from './cluster-autoscaler-removal.ts'
import { clusterBoots } from './cluster-boot.ts'
import { karpenterProvisioning } from './karpenter-provisioning.ts'
import { proportionalAutoscaler } from './proportional-autoscaler.ts'
import { scaleUpLatency } from './scale-up-latency.ts'
import { snapshotMemory, snapshotOperations } from './snapshot-operations.ts'
import { startUp } from './start-up.ts'

export const cases: readonly BenchCase[] = [
  startUp,
  scaleUpLatency,
  ...clusterBoots,
  ...apiServer,
  binpackingEstimate,
  filterOutSchedulable,
  untilPassingNode,
  removalWhatIf,
  devices,
  runOnceScaleUp,
  runOnceScaleDown,
  snapshotOperations,
  snapshotMemory,
  ...karpenterProvisioning,
  ...proportionalAutoscaler,
]
