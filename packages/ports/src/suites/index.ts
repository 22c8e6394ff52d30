// What every implementation of a port must hold to: each is a function that describes vitest tests over a factory.
export { awsApiSuite, type AwsApiUnderTest } from './aws-api-suite.ts'
export { clockSuite, type ClockUnderTest } from './clock-suite.ts'
export { kubeApiSuite, type KubeApiUnderTest } from './kube-api-suite.ts'
export { logSuite, type LogUnderTest } from './log-suite.ts'
export { metricsSuite } from './metrics-suite.ts'
export { nodeGroupsSuite, type NodeGroupsUnderTest } from './node-groups-suite.ts'
export { randomSuite } from './random-suite.ts'
