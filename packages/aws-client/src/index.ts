export { createAwsApi, type AwsClient, type AwsClientOptions } from './aws-client.ts'
export { awsErrorCode } from './failures.ts'
export type { AwsCredentials } from './services.ts'
