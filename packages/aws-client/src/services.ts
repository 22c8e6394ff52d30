import type { AwsService } from '@plimsoll/ports'

export interface SdkConfig {
  readonly region?: string
  readonly endpoint?: string
  readonly credentials?: AwsCredentials
  readonly customUserAgent?: string
}

export interface AwsCredentials {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken?: string
}

/** As much of an SDK client as is used here. */
export interface SdkClient {
  send(command: unknown, options?: { readonly abortSignal?: AbortSignal }): Promise<{ readonly $metadata: unknown }>
  destroy(): void
  readonly config: { region(): Promise<string> }
}

/** A service's client, and its commands by name: `DescribeInstancesCommand`. */
export interface Service {
  readonly client: SdkClient
  readonly commands: { readonly [name: string]: new (input: unknown) => unknown }
}

type Make = (config: SdkConfig) => Promise<Service>

/** The SDK's packages are large: each is loaded when its service is called first. */
export const services: Record<AwsService, Make> = {
  autoscaling: async (config) => {
    const sdk = await import('@aws-sdk/client-auto-scaling')
    return service(new sdk.AutoScalingClient(config), sdk)
  },
  ec2: async (config) => {
    const sdk = await import('@aws-sdk/client-ec2')
    return service(new sdk.EC2Client(config), sdk)
  },
  eks: async (config) => {
    const sdk = await import('@aws-sdk/client-eks')
    return service(new sdk.EKSClient(config), sdk)
  },
  iam: async (config) => {
    const sdk = await import('@aws-sdk/client-iam')
    return service(new sdk.IAMClient(config), sdk)
  },
  ssm: async (config) => {
    const sdk = await import('@aws-sdk/client-ssm')
    return service(new sdk.SSMClient(config), sdk)
  },
  sts: async (config) => {
    const sdk = await import('@aws-sdk/client-sts')
    return service(new sdk.STSClient(config), sdk)
  },
}

// The SDK types each client by its own commands; that the command belongs to the client is the port's to say.
function service(client: unknown, commands: unknown): Service {
  return { client: client as SdkClient, commands: commands as Service['commands'] }
}
