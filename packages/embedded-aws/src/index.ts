export { EmbeddedAws, type EmbeddedAwsOptions } from './embedded-aws.ts'
export { instanceTypes, maxPods, type InstanceType } from './catalogue/instance-type.ts'
export { onDemandPrice, spotPrice, type Price } from './catalogue/pricing.ts'
export type { CapacityPool, FaultRule, Faults } from './state/faults.ts'
export type { TimingMode } from './state/timing.ts'
export {
  createManagedNodegroup,
  seedEksWorld,
  setClusterEndpoint,
  type ClusterEndpoint,
  type EksWorld,
  type EksWorldOptions,
  type NodegroupSpec,
} from './world/eks-world.ts'
export { startAwsServer, type AwsServer, type AwsServerOptions } from './http/server.ts'
export type { ProxyCertificate } from './http/forward-proxy.ts'
