export { AwsNodeGroups, type AwsNodeGroupsOptions } from './aws-node-groups.ts'
export {
  parseNodeGroupAutoDiscovery,
  parseNodeGroupSpecs,
  type Discovery,
  type DiscoveryProblem,
  type ExplicitGroup,
} from './discovery.ts'
